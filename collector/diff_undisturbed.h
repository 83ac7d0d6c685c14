/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * diff_undisturbed.h - what a run would have been had other programs not taken CPUs from it.
 *
 * Owns:     the estimate of a few figures, from one report alone.
 * Must not: compare runs (diff_result.h).
 *
 * What others take from a run changes its figures in a way that the report knows: threads that were ready and
 * not running because of them (demand: others, tracer), and how much of that lay on the critical path, where
 * alone it made the run longer. Two threads with as much to do; others hold B's CPU for a while:
 *
 *      A    ##################                      # runs   r ready, others hold its CPU
 *      B    #######rrrrrr###########                path: B
 *           |parallel|one |par.|one|
 *
 *      undisturbed:  A  ##################          shorter by the path's r; and what B made up for while A
 *                    B  ##################          had ended, it would have done beside A
 *
 *      f      share of `others` and `tracer` in the demand: of what is ready and does not run
 *      d      = f * the path's runnable time          window' = window - d
 *      h0     = f * (starved + serial.runnable)  (R = 0, Q >= 1)  nothing runs beside it
 *      h1     = f * interleaved                  (R = 1, Q >= 1)
 *      moved  = min(h1, d - h0), not below 0          parallel' = parallel + moved
 *      average' = CPU time / window'           at most the CPUs allowed: else window' is what they take
 *
 * For two CPUs `moved` is exact as far as f and d are: with c_k the time in which k CPUs are busy,
 * c_2' = c_1 + 2 c_2 - window' + c_0' follows from the CPU time being the same. For more it is the least that
 * moves. What was taken from a thread that is not on the path moves nothing and makes nothing shorter. f is
 * one for the whole run; and what the hypervisor stole, and caches that others used, are not known here: so a
 * part of the disturbance stays (DIFF_UNDISTURBED_PART).
 */
#ifndef CPT_DIFF_UNDISTURBED_H
#define CPT_DIFF_UNDISTURBED_H

#include "analysis/report.h"

struct undisturbed {
	double window_ns;
	double parallel; /* share of that window */
	double average;	 /* CPUs busy over it */
};

/* What the report itself says where nothing was taken, or no critical path is known. */
struct undisturbed undisturbed_of(const struct cpt_report *r);

#endif /* CPT_DIFF_UNDISTURBED_H */
