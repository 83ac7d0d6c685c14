/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_bounds.h - between what the true figures of `stat` lie, whatever of the below it was that got lost.
 *
 * Owns:     the bounds of what is made of the profile.
 * Must not: know where losses are counted, or how bounds are shown.
 *
 * What may be missing, and what that leaves open:
 *
 *   tasks that could not be marked    they and all they started may have run on any CPU that ran nothing of the
 *                                     workload: R is what was seen, or more. Where no mark is needed (all tasks, a
 *                                     cgroup) the profile has them; their CPU times and waits alone are missing.
 *   doubt_ns                          for so long R may have been one more or one less
 *   estimated_ns, settled_ns          so much may stand beside the entry of the profile that it belongs to
 *   runs of probes, impossible R      nothing is certain from then on
 *
 * Not among it: a switch without an event in the 5 ms before a command's end, of others of its tree, when nobody looks at
 * that CPU any more; a stint whose both switches fired none; and of an interval, what is found in it of the one before.
 *
 * A loss lasts: what was not seen in one interval goes on in the next. So the counts are those since the start,
 * for an interval, too; what a later interval finds out of one that has been printed is in the total's alone.
 */
#ifndef CPT_STAT_BOUNDS_H
#define CPT_STAT_BOUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "../analysis/bounds_facts.h"
#include "stat_sample.h"

/* What was lost up to now, since the probes were attached. */
struct stat_lost {
	bool marked;	     /* who is of the workload is told by marks alone */
	bool command;	     /* its start and end are seen by the same probes */
	uint64_t tasks;	     /* that could not be marked */
	uint64_t recursion;  /* runs of probes that the kernel skipped */
	uint64_t impossible; /* changes of R to what cannot be */
	uint64_t
		longer_ns; /* the window may lack so much at its end if tasks are missing; UINT64_MAX: any time */
	uint32_t cpus; /* that were there */
};

struct stat_bounds {
	bool open;  /* some pair is more than its figure twice */
	bool more;  /* CPUs busy at once may have been more than the most that was seen */
	bool waits; /* waits, and what each process used, are at least what they say */
	struct cpt_ns_bounds window_ns, cpu_time_ns;
	struct cpt_real_bounds average, tlp;
	struct cpt_ns_bounds profile_ns[CPT_STAT_MAX_CPUS + 1]; /* s->profile_cnt entries */
};

/* s: settled. */
void stat_bounds__find(struct stat_bounds *out, const struct stat_sample *s,
		       const struct stat_lost *lost);

#endif /* CPT_STAT_BOUNDS_H */
