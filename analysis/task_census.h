/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * task_census.h - how many tasks a trace names, against what a file of its size can hold.
 *
 * Owns:     the bound on different task numbers in the blocks of one reading, from its start to its end.
 * Must not: judge the numbers themselves (trace_block.h).
 *
 * A block that deflates well names tens of thousands of tasks in a handful of bytes, and whoever reads it keeps
 * 1.2 kB for each. Of what was recorded the barest tasks left 24 bytes each (20,000 threads that are born and
 * end) and 16 (10,000 that were found asleep, and stayed so); a reader asks for half of that, and for none of the
 * first CPT_TASKS_FREE.
 */
#ifndef CPT_TASK_CENSUS_H
#define CPT_TASK_CENSUS_H

#include <stdbool.h>
#include <stdint.h>

struct block_decoder;

struct task_census {
	uint64_t *seen; /* bits by number */
	uint32_t task_max, cnt, limit;
};

/* For numbers up to task_max in a file of file_sz bytes. 0 or -ENOMEM. */
int task_census__init(struct task_census *tc, uint32_t task_max, uint64_t file_sz);
void task_census__fini(struct task_census *tc);

/* Begins anew, as the reading does. */
void task_census__restart(struct task_census *tc);

/* Counts the tasks of the block that was decoded last. False: there are more than there can be. */
bool task_census__admit(struct task_census *tc, const struct block_decoder *d);

#endif /* CPT_TASK_CENSUS_H */
