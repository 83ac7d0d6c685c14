// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loop_procs.c - see loop_procs.h. */
#include "loop_procs.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INITIAL_PID_NS 0xeffffffcu /* its inode: PROC_PID_INIT_INO, the same on every machine */

bool loop_procs__can_ask(void)
{
	struct stat st;

	return !stat("/proc/self/ns/pid", &st) && st.st_ino == INITIAL_PID_NS;
}

int loop_procs__note(struct loop_procs *p, uint32_t tgid)
{
	const size_t cap = p->cap ? 2 * p->cap : 16;
	uint32_t *list;

	for (size_t i = 0; i < p->cnt; i++)
		if (p->list[i] == tgid)
			return 0;
	if (p->cnt == p->cap) {
		list = realloc(p->list, cap * sizeof(*list));
		if (!list)
			return -ENOMEM;
		p->list = list;
		p->cap = cap;
	}
	p->list[p->cnt++] = tgid;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

size_t loop_procs__part(struct loop_procs *p)
{
	size_t living = 0;

	for (size_t i = 0; i < p->cnt; i++) {
		const uint32_t tgid = p->list[i];

		if (kill((pid_t)tgid, 0) && errno == ESRCH)
			continue;
		p->list[i] = p->list[living];
		p->list[living++] = tgid;
	}
	if (living < p->cnt)
		qsort(p->list + living, p->cnt - living, sizeof(*p->list), compare);
	return living;
}

bool loop_procs__among(const uint32_t *sorted, size_t cnt, uint32_t tgid)
{
	return cnt && bsearch(&tgid, sorted, cnt, sizeof(*sorted), compare);
}

void loop_procs__free(struct loop_procs *p)
{
	free(p->list);
	*p = (struct loop_procs){0};
}
