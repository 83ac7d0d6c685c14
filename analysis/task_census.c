// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* task_census.c - see task_census.h. */
#include "task_census.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_block.h"
#include "trace_limits.h"
#include "trace_model.h"

static size_t words(const struct task_census *tc)
{
	return tc->task_max / 64 + 1;
}

int task_census__init(struct task_census *tc, uint32_t task_max, uint64_t file_sz)
{
	const uint64_t more = file_sz / CPT_TASK_BYTES;

	tc->task_max = task_max;
	tc->cnt = 0;
	tc->limit = CPT_TASKS_FREE + (uint32_t)(more < CPT_TASK_MAX ? more : CPT_TASK_MAX);
	tc->seen = calloc(words(tc), sizeof(*tc->seen));
	return tc->seen ? 0 : -ENOMEM;
}

void task_census__fini(struct task_census *tc)
{
	free(tc->seen);
	tc->seen = NULL;
}

void task_census__restart(struct task_census *tc)
{
	memset(tc->seen, 0, words(tc) * sizeof(*tc->seen));
	tc->cnt = 0;
}

bool task_census__admit(struct task_census *tc, const struct block_decoder *d)
{
	uint32_t cnt;
	const struct model_task *tasks = block_decoder__tasks(d, &cnt);

	for (uint32_t i = 0; i < cnt; i++) {
		const uint32_t number = tasks[i].number;
		const uint64_t bit = UINT64_C(1) << number % 64;

		tc->cnt += !(tc->seen[number / 64] & bit);
		tc->seen[number / 64] |= bit;
	}
	return tc->cnt <= tc->limit;
}
