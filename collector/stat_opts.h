/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_opts.h - the command line of `stat`.
 *
 * Owns:     its table of options and what they mean together. Parsed without BPF or root.
 */
#ifndef CPT_STAT_OPTS_H
#define CPT_STAT_OPTS_H

#include "targets.h"

struct stat_opts {
	struct targets targets; /* a cgroup: of version 2 */
	const char *user;
	bool wait_all;
	uint64_t duration_ns; /* 0: until it ends */
	uint32_t interval_ms; /* 0: only the total */
	bool json;
	const char *openmetrics; /* "-": stdout */
	const char *output;
	uint32_t top;
	uint32_t width;
	bool quiet, verbose;
};

extern const struct cli_option stat_options[];

/* Defaults. */
void stat_opts__init(struct stat_opts *o);

/* What is wrong with the options together, given whether a command follows them; NULL: nothing. */
const char *stat_opts__mistake(const struct stat_opts *o, bool command);

#endif /* CPT_STAT_OPTS_H */
