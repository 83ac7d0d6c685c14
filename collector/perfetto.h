/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * perfetto.h - a trace as Perfetto shows it: `export -f perfetto`.
 *
 * Owns:     what becomes a track, a slice, a flow, a counter.
 * Must not: know the wire (perfetto_out.h does), or compute figures: slices are the analysis' intervals.
 *
 *      Process app 1001
 *        main 1001         |running|~~join~~~~~~~~~~~~~~~~~|runnable|running|
 *        worker 1002           |running|~lock queue_lock~|rn|running|        slices: a thread's states
 *        worker 1003       |running----------| wakes --------^               a flow: who ended the wait
 *          event loop          |iteration|      |iteration|                  from a wait to the next
 *      CPUs
 *        CPU 0             |main 1001|worker 1002|      |worker 1002|
 *        CPU 1             |worker 1003                        |
 *      critical path       |worker 1003      |worker 1002          |main 1001|
 *      phases              |(start)|load           |work              |           where marks were set
 *      CPUs busy           ___/-----\__/--                                   counters R and C
 *      in progress
 *
 * The sums of a thread's slices by state (category) are those of the report, to the ns; so is the integral of
 * "CPUs busy" the CPU time where no events were lost. Two passes: the first for names and the path's end.
 *
 * Memory: O(threads), whatever the length; see perfetto_out.h and path_log.h.
 */
#ifndef CPT_PERFETTO_H
#define CPT_PERFETTO_H

#include <stdio.h>

#include "analyse.h"

extern const bool perfetto_is_built; /* false: without libprotobuf-c; perfetto__write fails */

/* Writes the trace that a has opened, seen through opts' filter. path and to are for messages. The report
 * of it is left in a. 0, or -errno after having said why. */
int perfetto__write(struct analysed *a, const char *path, const struct cpt_analysis_opts *opts,
		    FILE *f, const char *to);

#endif /* CPT_PERFETTO_H */
