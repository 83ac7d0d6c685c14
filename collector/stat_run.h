/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_run.h - one run of `stat`, from start to end.
 *
 * Owns:     the order of things: load, open what is watched, attach, mark, begin, look now and then,
 *           shut, print.
 * Must not: lay out anything (stat_report.h), talk to the kernel's accounts (stat_session.h).
 */
#ifndef CPT_STAT_RUN_H
#define CPT_STAT_RUN_H

#include "stat_opts.h"

/* argv: a command, or NULL for what the options name. Returns the exit status; all is said. */
int stat_run(const struct stat_opts *o, char *const *argv);

#endif /* CPT_STAT_RUN_H */
