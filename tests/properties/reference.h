/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reference.h - the definitions, evaluated slowly.
 *
 * Owns:     a second opinion: from the true segments of a generated run to every exact figure.
 * Must not: be fast, clever, or use anything of analysis/ but its types.
 *
 * Between two neighbouring change points nothing changes; there, all tasks are looked at one by one
 * and the definitions are applied as they are written.
 */
#ifndef PROPERTIES_REFERENCE_H
#define PROPERTIES_REFERENCE_H

#include "timeline_gen.h"

#define REF_C_MAX (GEN_TASKS_MAX * (GEN_FLIGHT_MAX + 1) + 1)

struct ref_thread {
	uint64_t life, running, runnable, unknown, reason[CPT_REASON_CNT];
	uint64_t parallel, alone, start, end;
	double height, width, cmetric; /* width: the integral, not yet divided */
	uint64_t cpus;		       /* bit set */
	bool alive_at_end;
};

struct ref_result {
	uint64_t from, to;
	uint64_t split[CPT_SPLIT_CNT];
	uint64_t profile[GEN_CPUS_MAX + 1], cores[GEN_CPUS_MAX + 1], concurrent[REF_C_MAX + 1];
	uint64_t allowed[GEN_CPUS_MAX + 1];
	uint64_t cpu_time, runnable, in_progress, in_flight;
	double budget[CPT_BUDGET_CNT], budget_reason[CPT_REASON_CNT];
	uint64_t demand[CPT_DEMAND_CNT];
	uint32_t peak_alive, peak_asleep;
	uint64_t overlap[GEN_NAMES_CNT][GEN_NAMES_CNT];
	struct ref_thread threads[GEN_TASKS_MAX + 1];
};

/* The whole run as seen with these options (filter, --time, --in-progress). */
void ref_evaluate(const struct gen *g, const struct cpt_analysis_opts *opts,
		  struct ref_result *out);

/* The class of an instant from certain counts, `unknown` tasks that may be in any state, and `holes`
 * CPUs of which nothing is known: tried out one by one. */
enum cpt_class ref_class(uint32_t running, uint32_t runnable, uint32_t waiting, uint32_t unknown,
			 uint32_t holes);

#endif /* PROPERTIES_REFERENCE_H */
