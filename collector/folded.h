/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * folded.h - stacks in the folded format of Brendan Gregg's flame graphs.
 *
 * Owns:     the lines: frames from the thread's name to the leaf, joined by ';', a space, a whole number.
 * Must not: know files.
 *
 *   worker;start_thread;worker_main;pthread_mutex_lock;do_syscall_64_[k];__schedule_[k] 512345678
 */
#ifndef CPT_FOLDED_H
#define CPT_FOLDED_H

#include "analysis/report.h"

#include "strbuf.h"

/* Indexes are those of folded_weight_words. All in ns. */
enum folded_weight { FOLDED_WAIT, FOLDED_LOST, FOLDED_CPU, FOLDED_LATENCY };
extern const char *const folded_weight_words[];

/* Does the trace have what this weight is made of? */
bool folded__available(const struct cpt_report *r, enum folded_weight weight);

/* All lines, sorted; stacks with equal names are one line. Failure of memory is in out->failed. */
void folded__add(struct strbuf *out, const struct cpt_report *r, enum folded_weight weight);

#endif /* CPT_FOLDED_H */
