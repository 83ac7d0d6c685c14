/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * run_outputs.h - where `run` puts its reports: stderr or --report-file, and --json.
 *
 * Owns:     those files. They are opened before the command starts, so that a place that cannot be
 *           written to is known before anything ran.
 */
#ifndef CPT_RUN_OUTPUTS_H
#define CPT_RUN_OUTPUTS_H

#include <jansson.h>

#include "analysis/report.h"

#include "output_file.h"
#include "run_opts.h"

struct run_outputs {
	const struct run_opts *o;
	struct output_file json, text;
};

/* 0, or -errno after having said why. */
int run_outputs__open(struct run_outputs *out, const struct run_opts *o);
/* RIGHT() that their directories ask for, to put them in their place. */
uint64_t run_outputs__rights(const struct run_outputs *out);
/* Writes what was asked for; `more` (NULL: none) is added to the JSON as "repeats" and stays the caller's.
 * 0, or -errno after having said why; what could be written is. */
int run_outputs__write(struct run_outputs *out, const struct cpt_report *r, const char *note,
		       json_t *more);
/* To standard error, where the report goes. 0, or -errno after having said why. */
int run_outputs__print(const struct strbuf *text);
void run_outputs__close(struct run_outputs *out); /* what was not written goes away */

#endif /* CPT_RUN_OUTPUTS_H */
