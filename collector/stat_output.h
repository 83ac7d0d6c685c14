/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_output.h - where `stat` prints, and how often.
 *
 * Owns:     the choice of standard output, standard error and -o; text or JSON; the file for
 *           monitoring, replaced as a whole each time.
 * Must not: know where facts come from.
 */
#ifndef CPT_STAT_OUTPUT_H
#define CPT_STAT_OUTPUT_H

#include "output_file.h"
#include "stat_opts.h"
#include "stat_report.h"

struct stat_output {
	const struct stat_opts *o;
	struct output_file file; /* -o */
	int fd;			 /* where text or JSON goes */
	int metrics_dir;	 /* of --openmetrics, opened once; -1 none */
	uint64_t rights;	 /* RIGHT() that the directories of the files ask for */
	uint32_t lines;		 /* of intervals, since the last head line */
	int said; /* reason that has been given: what fails for it again is not said; 0 none */
	struct strbuf text;
};

/* A command keeps its standard output: then ours is standard error. 0, or -errno having said why. */
int stat_output__open(struct stat_output *out, const struct stat_opts *o, bool command);

/* The account is open: a file of -o takes its place. 0, or -errno having said why. */
int stat_output__start(struct stat_output *out);

/* One interval, or the total. 0, or -errno having said why. */
int stat_output__print(struct stat_output *out, const struct stat_facts *f);

/* The file for monitoring; f is the total so far. last: there will be no other. 0, or -errno having
 * said why. */
int stat_output__metrics(struct stat_output *out, const struct stat_facts *f, bool last);

/* There will be nothing more: is the file of -o still there? 0, or -errno having said why. */
int stat_output__end(struct stat_output *out);

void stat_output__close(struct stat_output *out);

#endif /* CPT_STAT_OUTPUT_H */
