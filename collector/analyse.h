/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * analyse.h - a trace file to a report: the one way `run`, `report` and `export` share.
 *
 * Owns:     opening traces, the loop that feeds the analysis, progress on a terminal.
 * Must not: write reports.
 */
#ifndef CPT_ANALYSE_H
#define CPT_ANALYSE_H

#include "analysis/analysis.h"
#include "analysis/trace_reader.h"

struct analysed {
	int fd; /* -1: not ours to close */
	struct trace_reader *reader;
	struct beside *beside;	     /* decodes ahead */
	struct cpt_words *own_words; /* of a trace that has none */
	bool named;		     /* the trace's own words have the names that are here */
	struct cpt_report *report;   /* borrows from the reader */
};

/* Opens the trace at path. 0, or -errno after having said why: -ENOTSUP another version's, -EINVAL,
 * -EBADMSG, -ENODATA not a trace, -EISDIR and the like. */
int analysed__open(struct analysed *a, const char *path);

/* Likewise for an open one (the caller keeps the fd); path is for messages. */
int analysed__open_fd(struct analysed *a, int fd, const char *path);

/* The pass over all events. 0, or -errno after having said why; what opts' callbacks return stops it
 * and is returned without a word, but for -ENOMEM. */
int analysed__run(struct analysed *a, const char *path, const struct cpt_analysis_opts *opts);

/* The trace's words, once it was run. Borrowed. */
const struct cpt_words *analysed__words(const struct analysed *a);

/* The program's exit status for what was made of the trace: err is the first failure, which has been
 * said, or 0. What could not be opened has failed, a trace of another version, too; what was opened and
 * then was not supported is how this program was built. */
int analysed__status(const struct analysed *a, int err);

void analysed__free(struct analysed *a);

#endif /* CPT_ANALYSE_H */
