// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tasks.c - see tasks.h.
 */
#include "tasks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tasks__init(struct tasks *ts, const struct cpt_filter *filter)
{
	memset(ts, 0, sizeof(*ts));
	ts->filter = *filter;
	ts->any_map.any = true;
	return 0;
}

void tasks__fini(struct tasks *ts)
{
	for (uint32_t id = 1; id < ts->end; id++) {
		struct task *t = tasks__find(ts, id);

		if (!t)
			continue;
		free(t->command);
		free(t->stopped_in);
		free(t->cpu_bits);
		free(t->lock);
		free(t->ceiling);
	}
	while (ts->slabs) {
		struct task_slab *next = ts->slabs->next;

		free(ts->slabs);
		ts->slabs = next;
	}
	free(ts->at);
	free(ts->masks);
	free(ts->thread_map.ids);
	free(ts->any_map.ids);
	memset(ts, 0, sizeof(*ts));
}

static int grow(struct tasks *ts, uint32_t id)
{
	uint32_t cap = ts->cap ? ts->cap : 256;
	struct task **at;

	while (cap <= id)
		cap *= 2;
	at = realloc(ts->at, cap * sizeof(*at));
	if (!at)
		return -ENOMEM;
	memset(at + ts->cap, 0, (cap - ts->cap) * sizeof(*at));
	ts->at = at;
	ts->cap = cap;
	return 0;
}

/* Room for one more, all zero. NULL without memory. */
static struct task *carve(struct tasks *ts)
{
	struct task *t;

	if (!ts->slabs || ts->slabs->used == TASK_SLAB) {
		struct task_slab *slab = aligned_alloc(TASK_LINE, sizeof(*slab));

		if (!slab)
			return NULL;
		slab->next = ts->slabs;
		slab->used = 0;
		ts->slabs = slab;
	}
	t = &ts->slabs->tasks[ts->slabs->used++];
	memset(t, 0, sizeof(*t));
	return t;
}

struct task *tasks__make(struct tasks *ts, uint32_t id)
{
	struct task *t;

	if (!id || id > CPT_TASK_MAX) {
		errno = EINVAL;
		return NULL;
	}
	t = id >= ts->cap && grow(ts, id) ? NULL : carve(ts);
	if (!t) {
		errno = ENOMEM;
		return NULL;
	}
	ts->at[id] = t;
	t->row.id = id;
	t->path.id = id;
	t->row.command = "";
	t->row.identity_lost = true;
	t->proc = id;
	t->mask = TASK_NONE;
	t->group = TASK_NONE;
	t->noted_cpu = TASK_NONE;
	t->chosen = task_chosen(ts, t);
	t->member = t->chosen && task_is_here(ts, t);
	if (id >= ts->end)
		ts->end = id + 1;
	return t;
}

static void set_name(struct task *t, const char *comm)
{
	strncpy(t->row.name, comm ? comm : "", CPT_COMM_LEN - 1);
	t->row.name[CPT_COMM_LEN - 1] = '\0';
}

static int find_mask(struct tasks *ts, const struct cpt_mask *mask, uint32_t *idx)
{
	uint64_t bits[CPT_MASK_WORDS] = {0};
	uint32_t cnt = mask->word_cnt < CPT_MASK_WORDS ? mask->word_cnt : CPT_MASK_WORDS;

	memcpy(bits, mask->bits, cnt * sizeof(*bits));
	/* Backwards: a new mask is mostly the one met last. */
	for (uint32_t i = ts->mask_cnt; i-- > 0;) {
		if (!memcmp(ts->masks[i].bits, bits, sizeof(bits))) {
			*idx = i;
			return 0;
		}
	}
	if (ts->mask_cnt == TASK_MASKS_MAX) {
		*idx = TASK_NONE;
		return 0;
	}
	if (ts->mask_cnt == ts->mask_cap) {
		uint32_t cap = ts->mask_cap ? 2 * ts->mask_cap : 8;
		struct mask *masks = realloc(ts->masks, cap * sizeof(*masks));

		if (!masks)
			return -ENOMEM;
		ts->masks = masks;
		ts->mask_cap = cap;
	}
	memcpy(ts->masks[ts->mask_cnt].bits, bits, sizeof(bits));
	ts->masks[ts->mask_cnt].live = 0;
	*idx = ts->mask_cnt++;
	return 0;
}

int tasks__affinity(struct tasks *ts, struct task *t, const struct cpt_mask *mask)
{
	if (!mask->word_cnt)
		return 0;
	return find_mask(ts, mask, &t->mask);
}

/* Two processes may use one number, in PID namespaces of their own. */
static uint32_t hash_tid(uint32_t proc, uint32_t tid)
{
	uint64_t key = (uint64_t)proc << 32 | tid;

	return (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 32); /* multiplicative, golden ratio */
}

/* The place of a tid in the map: the task (of that process) with it, or the free slot for it. */
static uint32_t tid_slot(const struct tasks *ts, const struct tid_map *map, uint32_t proc,
			 uint32_t ns_tid)
{
	uint32_t mask = map->sz - 1;
	uint32_t slot = hash_tid(map->any ? 0 : proc, ns_tid) & mask;

	for (; map->ids[slot]; slot = (slot + 1) & mask) {
		const struct task *t = tasks__find(ts, map->ids[slot]);

		if (t->row.ns_tid == ns_tid && (map->any || t->proc == proc))
			break;
	}
	return slot;
}

static int tid_map_grow(struct tasks *ts, struct tid_map *map)
{
	uint32_t *old = map->ids, old_sz = map->sz;

	map->sz = old_sz ? 2 * old_sz : 256;
	map->ids = calloc(map->sz, sizeof(*map->ids));
	if (!map->ids) {
		map->ids = old;
		map->sz = old_sz;
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < old_sz; i++) {
		const struct task *t = old[i] ? tasks__find(ts, old[i]) : NULL;

		if (t)
			map->ids[tid_slot(ts, map, t->proc, t->row.ns_tid)] = old[i];
	}
	free(old);
	return 0;
}

/* Process and ns_tid of a task are set when it is born and never again, so its place in the map stays
 * right. (An exec that takes over the leader's tid keeps the old entry: nobody joins such a thread.)
 */
static int tid_map_add(struct tasks *ts, struct tid_map *map, const struct task *t)
{
	uint32_t slot;

	if (2 * map->used >= map->sz && tid_map_grow(ts, map))
		return -ENOMEM;
	slot = tid_slot(ts, map, t->proc, t->row.ns_tid);
	if (!map->ids[slot])
		map->used++;
	map->ids[slot] = t->row.id;
	return 0;
}

static struct task *tid_map_find(const struct tasks *ts, const struct tid_map *map, uint32_t proc,
				 uint32_t ns_tid)
{
	if (!ns_tid || !map->sz)
		return NULL;
	return tasks__find(ts, map->ids[tid_slot(ts, map, proc, ns_tid)]);
}

/* t, until now alone, is one of its process's threads. */
static void list_mate(const struct tasks *ts, struct task *t)
{
	struct task *leader = tasks__find(ts, t->proc);

	if (!leader || leader == t)
		return;
	t->next_mate = leader->mates;
	leader->mates = t->path.id;
}

/* Of a worker that parent made for an io_uring: the task that is no such worker itself. */
static uint32_t cause_of(const struct tasks *ts, const struct task *parent)
{
	if (parent && parent->row.io_worker && tasks__find(ts, parent->row.cause))
		return parent->row.cause;
	return parent ? parent->row.id : 0;
}

int tasks__born(struct tasks *ts, struct task *t, const struct task *parent,
		const struct cpt_info *info)
{
	bool again = t->known; /* a damaged trace may name a task twice */

	t->known = true;
	t->row.identity_lost = false;
	t->row.tid = info->tid;
	t->row.pid = info->tgid;
	t->row.parent = parent ? parent->row.id : 0;
	t->row.io_worker = info->flags & (CPT_TASK_IO_WORKER | CPT_TASK_KTHREAD);
	t->row.cause = info->flags & CPT_TASK_IO_WORKER ? cause_of(ts, parent) : 0;
	t->carried = info->flags & CPT_TASK_CARRIED;
	if (!again) {
		t->row.ns_tid = info->ns_tid;
		t->proc = t->row.id;
		if ((info->flags & CPT_TASK_THREAD) && parent) {
			t->proc = parent->proc;
			t->space = parent->space;
			list_mate(ts, t);
		}
	}
	set_name(t, info->comm);
	if (parent && parent->command && !t->command) {
		t->command = strdup(parent->command);
		if (!t->command)
			return -ENOMEM;
		t->row.command = t->command;
	}
	if (!again && (tid_map_add(ts, &ts->thread_map, t) || tid_map_add(ts, &ts->any_map, t)))
		return -ENOMEM;
	return tasks__affinity(ts, t, &info->mask);
}

int tasks__exec(struct task *t, const struct cpt_info *info)
{
	const char *args = info->args_sz ? info->args : info->filename;
	size_t sz = info->args_sz ? info->args_sz : (args ? strlen(args) : 0);
	char *command = malloc(sz + 1);

	if (!command)
		return -ENOMEM;
	if (sz)
		memcpy(command, args, sz);
	while (sz && !command[sz - 1])
		sz--;
	for (size_t i = 0; i < sz; i++)
		if (!command[i])
			command[i] = ' ';
	command[sz] = '\0';
	free(t->command);
	t->command = command;
	t->space++; /* the exec ends all threads but this one: it stands for the process */
	t->row.command = command;
	t->row.tid = info->tid;
	t->row.pid = info->tgid;
	set_name(t, info->comm);
	return 0;
}

void tasks__rename(struct task *t, const struct cpt_info *info)
{
	set_name(t, info->comm);
}

static bool in_list(const uint32_t *list, uint32_t cnt, uint32_t a, uint32_t b)
{
	for (uint32_t i = 0; i < cnt; i++)
		if (list[i] == a || (b && list[i] == b))
			return true;
	return false;
}

static bool name_chosen(const struct cpt_filter *f, const struct task *t)
{
	for (uint32_t i = 0; i < f->comm_cnt; i++)
		if (!strncmp(f->comms[i], t->row.name, CPT_COMM_LEN - 1))
			return true;
	return !f->comm_cnt;
}

static bool tid_chosen(const struct cpt_filter *f, const struct task *t)
{
	return !f->tid_cnt || in_list(f->tids, f->tid_cnt, t->row.tid, t->row.ns_tid);
}

/* What the kernel's workers do for an io_uring is counted with the task that caused them. */
bool task_chosen(const struct tasks *ts, const struct task *t)
{
	const struct task *cause = t->row.cause ? tasks__find(ts, t->row.cause) : NULL;
	const struct cpt_filter *f = &ts->filter;

	if (f->pid_cnt) {
		const struct task *leader = tasks__find(ts, t->proc);

		if (!in_list(f->pids, f->pid_cnt, t->row.pid, leader ? leader->row.ns_tid : 0))
			return false;
	}
	if (!tid_chosen(f, t) && !(cause && tid_chosen(f, cause)))
		return false;
	return name_chosen(f, t) || (cause && name_chosen(f, cause));
}

bool task_is_here(const struct tasks *ts, const struct task *t)
{
	const uint64_t *cpus = ts->filter.cpus;

	return !cpus || (t->cpu < CPT_MAX_CPUS && cpus[t->cpu / 64] >> (t->cpu % 64) & 1);
}

bool tasks__has_thread(const struct tasks *ts, const struct task *t, uint32_t ns_tid)
{
	const struct task *other = tid_map_find(ts, &ts->thread_map, t->proc, ns_tid);

	return other && other != t;
}

/* Is its tid another one outside its PID namespace? */
static bool in_own_namespace(const struct task *t)
{
	return t->row.ns_tid != t->row.tid;
}

struct task *tasks__by_ns_tid(const struct tasks *ts, const struct task *t, uint32_t ns_tid,
			      bool shared)
{
	struct task *other = tid_map_find(ts, &ts->thread_map, t->proc, ns_tid);

	if (other || !shared)
		return other;
	other = tid_map_find(ts, &ts->any_map, 0, ns_tid);
	return other && in_own_namespace(other) == in_own_namespace(t) ? other : NULL;
}
