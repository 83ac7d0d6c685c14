/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sites.h - where tasks wait and compute: time by thread name and stack; what busy-waiting amounts to.
 *
 * Owns:     the facts that stacks and samples add to a report. Only for traces that have them.
 * Must not: know how a stack was taken (stacks.h: what it is called).
 *
 * A sample stands for one period of its CPU's clock. Its latency is 1/R at its instant: where one task
 * runs alone it counts whole, where k run it counts 1/k, so that the sum over all is the wall time in
 * which any ran, and serial code stands out (perf calls it latency).
 *
 * lost: of a wait, the time weighted by the share of allowed CPUs that ran none of the workload,
 * the integral of (N_allowed - R) / N_allowed.
 */
#ifndef CPT_SITES_H
#define CPT_SITES_H

#include "stacks.h"
#include "states.h"

#include "../probes/cpt_abi.h"

/* Different (name, reason, stacks) that are told apart; more count as one site without stacks. */
#define CPT_SITES_MAX 131072u

struct cpt_site {
	uint32_t name;	       /* index into cpt_sites.names */
	uint32_t user, kernel; /* stacks, 0 none */
	uint8_t reason;	       /* enum cpt_reason; CPT_REASON_CNT: it ran */
	uint64_t waits, wait_ns;
	double lost_ns;
	uint64_t samples, spins; /* spins: of samples, those that found it busy-waiting */
	double latency;		 /* sum of 1/R over its samples */
};

/* How the waits of a site ended: by a waker on these stacks. */
struct cpt_site_wake {
	uint32_t site; /* index into cpt_sites.at */
	uint32_t user, kernel;
	uint64_t waits, wait_ns;
};

/* Samples by what ran: the function whose code it was. */
struct cpt_hot_symbol {
	const char *symbol; /* "" not known: then all such code of the module is one row */
	const char *module;
	bool kernel;
	uint64_t samples, spins;
	double latency;
};

struct cpt_sites {
	bool stacks;	    /* were taken */
	uint32_t sample_hz; /* 0: no samples were taken */
	const struct cpt_stacks
		*table; /* the reader's, borrowed; NULL: the trace names no stacks */
	char (*names)[CPT_COMM_LEN];
	uint32_t name_cnt;
	struct cpt_site *at; /* as first met */
	uint32_t cnt;
	struct cpt_site_wake *wakes; /* by site, then by wait_ns, descending */
	uint32_t wake_cnt;
	struct cpt_hot_symbol *symbols; /* by latency, descending */
	uint32_t symbol_cnt;
	uint64_t samples, spins;
	double latency;
	uint64_t stray; /* samples of tasks that did not run by our account */

	/* Busy-waiting, estimated from samples (sample_hz != 0 and samples != 0). */
	double spin_share, spin_error;	   /* of the CPU time; error: half of a 95 % interval */
	double effective, effective_error; /* (CPU time - spinning) / window */
};

/* A sched_yield a task went off its CPU in is busy-waiting in slow motion where there are many: yields a
 * second of its running time from which a task counts as spinning, and in all. */
#define CPT_YIELD_STORM_PER_SEC 500
#define CPT_YIELD_STORM_MIN	200

/* The frame a sample was in: of the kernel stack, else of the user stack. NULL: not known. */
const struct cpt_frame *sites__leaf(const struct cpt_sites *s, const struct cpt_site *site);

/* Is code of this function busy-waiting, whatever its instructions? Known runtimes: libpthread's
 * spin lock, libgomp, LLVM's and Intel's OpenMP. */
bool spin__is_symbol(const char *symbol, const char *module);

/* ---- the pass: private to analysis/ ------------------------------------------------------------ */

struct sites;

struct sites *sites__new(const struct cpt_stacks *table); /* NULL without memory */
void sites__free(struct sites *s);			  /* accepts NULL */

/* All return 0 or -ENOMEM. name: index below CPT_OVERLAP_MAX. */
int sites__waited(struct sites *s, uint32_t name, enum cpt_reason reason, uint32_t user,
		  uint32_t kernel, uint64_t wait_ns, double lost_ns, uint32_t *site);
int sites__woken(struct sites *s, uint32_t site, uint32_t user, uint32_t kernel, uint64_t wait_ns);
int sites__sampled(struct sites *s, uint32_t name, uint32_t user, uint32_t kernel, uint8_t flags,
		   uint32_t running, bool spins); /* spins: known without its stacks */
void sites__stray(struct sites *s);

/* The facts; names are copied. NULL without memory. */
struct cpt_sites *sites__report(struct sites *s, char (*names)[CPT_COMM_LEN], uint32_t name_cnt,
				uint64_t cpu_time_ns, uint64_t window_ns);
void cpt_sites__free(struct cpt_sites *s); /* accepts NULL */

#endif /* CPT_SITES_H */
