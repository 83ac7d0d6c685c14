// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stack_book.c - see stack_book.h. */
#include "stack_book.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stack_names.h"

/* Not more often than so is a process's table read again for stacks that are new. */
#define REREAD_NS  250000000u
#define SPACES_MAX 65536u

/* What a number stands for. */
enum { KIND_USER, KIND_KERNEL, KIND_USER_IP, KIND_KERNEL_IP };

struct entry {
	uint64_t id;	/* of the probes' map, or an address */
	uint32_t space; /* 0 the kernel */
	uint8_t kind;
};

struct space {
	uint64_t key; /* cpt_rec_stacks.space */
	uint32_t tgid;
	bool fresh; /* has stacks that came after its mappings were read */
	uint64_t read_ns;
	struct maps maps;
};

struct stack_book {
	struct entry *entries; /* [0] is number 1 */
	uint32_t entry_cnt, entry_cap;
	uint32_t *map; /* open addressing: numbers, 0 free */
	uint32_t map_sz;
	struct space *spaces; /* [0]: the kernel */
	uint32_t space_cnt, space_cap;
	uint32_t *space_map;
	uint32_t space_map_sz;
	uint32_t last_space;
	struct maps_names *names;
	uint8_t *copy;
	size_t copy_cap;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

struct stack_book *stack_book__new(void)
{
	struct stack_book *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->space_cap = 64;
	b->space_map_sz = 256;
	b->map_sz = 1024;
	b->spaces = calloc(b->space_cap, sizeof(*b->spaces));
	b->space_map = calloc(b->space_map_sz, sizeof(*b->space_map));
	b->map = calloc(b->map_sz, sizeof(*b->map));
	b->names = maps_names__new();
	b->space_cnt = 1;
	if (b->spaces && b->space_map && b->map && b->names)
		return b;
	stack_book__free(b);
	errno = ENOMEM;
	return NULL;
}

void stack_book__free(struct stack_book *b)
{
	if (!b)
		return;
	for (uint32_t i = 1; b->spaces && i < b->space_cnt; i++)
		maps__fini(&b->spaces[i].maps);
	free(b->spaces);
	free(b->space_map);
	free(b->entries);
	free(b->map);
	free(b->copy);
	maps_names__free(b->names);
	free(b);
}

/* ---- spaces ------------------------------------------------------------------------------------ */

static uint64_t hash_space(const struct space *s)
{
	return mix(s->key, s->tgid);
}

static bool grow_spaces(struct stack_book *b)
{
	uint32_t cap = b->space_cap * 2, sz = 4 * cap, *map;
	struct space *bigger;

	if (b->space_cnt < b->space_cap)
		return true;
	bigger = realloc(b->spaces, cap * sizeof(*bigger));
	if (!bigger)
		return false;
	b->spaces = bigger;
	map = calloc(sz, sizeof(*map));
	if (!map)
		return false;
	for (uint32_t i = 1; i < b->space_cnt; i++) {
		uint32_t pos = (uint32_t)hash_space(&bigger[i]) & (sz - 1);

		while (map[pos])
			pos = (pos + 1) & (sz - 1);
		map[pos] = i;
	}
	free(b->space_map);
	b->space_map = map;
	b->space_map_sz = sz;
	b->space_cap = cap;
	return true;
}

/* Index of the address space; 0 when there is no room for it. */
static uint32_t find_space(struct stack_book *b, uint32_t tgid, uint64_t key)
{
	const struct space new = {.key = key, .tgid = tgid};
	uint32_t pos, idx;

	if (b->last_space && b->spaces[b->last_space].key == key &&
	    b->spaces[b->last_space].tgid == tgid)
		return b->last_space;
	if (!grow_spaces(b) || !key)
		return 0;
	pos = (uint32_t)hash_space(&new) & (b->space_map_sz - 1);
	for (; (idx = b->space_map[pos]); pos = (pos + 1) & (b->space_map_sz - 1))
		if (b->spaces[idx].key == key && b->spaces[idx].tgid == tgid)
			return b->last_space = idx;
	if (b->space_cnt == SPACES_MAX)
		return 0;
	b->spaces[b->space_cnt] = new;
	b->space_map[pos] = b->space_cnt;
	return b->last_space = b->space_cnt++;
}

/* Where a process's arguments begin: field 48 of its stat. 0: it is gone. */
static uint64_t args_start(uint32_t tgid)
{
	char path[64], text[2048], *p;
	ssize_t len;
	int fd;

	snprintf(path, sizeof(path), "/proc/%" PRIu32 "/stat", tgid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	len = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[len > 0 ? len : 0] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p && field < 48; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* Only if the process still is what it was when the stack was taken, before and after. */
static void read_space(struct stack_book *b, struct space *s)
{
	const uint64_t mask = (1ULL << CPT_SPACE_ARGS_BITS) - 1, want = s->key & mask;
	struct maps maps = {0};

	if ((args_start(s->tgid) & mask) != want || maps__read(&maps, b->names, (pid_t)s->tgid))
		return;
	if ((args_start(s->tgid) & mask) != want || !maps.cnt) {
		maps__fini(&maps);
		return;
	}
	maps__fini(&s->maps);
	s->maps = maps;
}

void stack_book__tick(struct stack_book *b, uint64_t now_ns)
{
	for (uint32_t i = 1; i < b->space_cnt; i++) {
		struct space *s = &b->spaces[i];

		if (!s->fresh || (s->read_ns && now_ns - s->read_ns < REREAD_NS))
			continue;
		read_space(b, s);
		s->read_ns = now_ns;
		s->fresh = false;
	}
}

/* ---- numbers ----------------------------------------------------------------------------------- */

static uint64_t hash_entry(const struct entry *e)
{
	return mix(mix(e->id, e->space), e->kind);
}

static bool grow_entries(struct stack_book *b)
{
	uint32_t cap = b->entry_cap ? b->entry_cap * 2 : 512, sz = 2 * cap, *map;
	struct entry *bigger;

	if (b->entry_cnt < b->entry_cap)
		return true;
	bigger = realloc(b->entries, cap * sizeof(*bigger));
	if (!bigger)
		return false;
	b->entries = bigger;
	map = calloc(sz, sizeof(*map));
	if (!map)
		return false;
	for (uint32_t i = 0; i < b->entry_cnt; i++) {
		uint32_t pos = (uint32_t)hash_entry(&bigger[i]) & (sz - 1);

		while (map[pos])
			pos = (pos + 1) & (sz - 1);
		map[pos] = i + 1;
	}
	free(b->map);
	b->map = map;
	b->map_sz = sz;
	b->entry_cap = cap;
	return true;
}

/* The number of a stack; 0 when there is no room. */
static int32_t number_of(struct stack_book *b, uint8_t kind, uint32_t space, uint64_t id)
{
	const struct entry e = {.id = id, .space = space, .kind = kind};
	uint32_t pos, n;

	if (!grow_entries(b))
		return 0;
	pos = (uint32_t)hash_entry(&e) & (b->map_sz - 1);
	for (; (n = b->map[pos]); pos = (pos + 1) & (b->map_sz - 1))
		if (b->entries[n - 1].id == id && b->entries[n - 1].space == space &&
		    b->entries[n - 1].kind == kind)
			return (int32_t)n;
	if (b->entry_cnt == CPT_STACKS_MAX)
		return 0;
	b->entries[b->entry_cnt] = e;
	b->spaces[space].fresh = true;
	b->map[pos] = ++b->entry_cnt;
	return (int32_t)b->entry_cnt;
}

static int32_t user_number(struct stack_book *b, int32_t id, uint32_t tgid, uint64_t key)
{
	uint32_t space;

	if (id < 0)
		return 0;
	space = find_space(b, tgid, key);
	return space ? number_of(b, KIND_USER, space, (uint32_t)id) : 0;
}

static int32_t kernel_number(struct stack_book *b, int32_t id)
{
	return id < 0 ? 0 : number_of(b, KIND_KERNEL, 0, (uint32_t)id);
}

static void number_stacks(struct stack_book *b, struct cpt_rec_stacks *rec)
{
	rec->user = user_number(b, rec->user, rec->tgid, rec->space);
	rec->kernel = kernel_number(b, rec->kernel);
	rec->wake_user = user_number(b, rec->wake_user, rec->wake_tgid, rec->wake_space);
	rec->wake_kernel = kernel_number(b, rec->wake_kernel);
}

/* Where there is no stack the address alone is one, of one frame. */
static void number_sample(struct stack_book *b, struct cpt_rec_sample *rec)
{
	const bool user = rec->flags & CPT_SAMPLE_USER;
	uint32_t space;

	rec->user = user_number(b, rec->user, rec->tgid, rec->space);
	rec->kernel = kernel_number(b, rec->kernel);
	if (user && !rec->user) {
		space = find_space(b, rec->tgid, rec->space);
		rec->user = space ? number_of(b, KIND_USER_IP, space, rec->ip) : 0;
	} else if (!user && !rec->kernel) {
		rec->kernel = number_of(b, KIND_KERNEL_IP, 0, rec->ip);
	}
}

const void *stack_book__take(struct stack_book *b, const void *recs, size_t cnt)
{
	uint8_t *copy;

	if (cnt * CPT_REC_SZ > b->copy_cap) {
		copy = realloc(b->copy, cnt * CPT_REC_SZ);
		if (!copy)
			return NULL;
		b->copy = copy;
		b->copy_cap = cnt * CPT_REC_SZ;
	}
	memcpy(b->copy, recs, cnt * CPT_REC_SZ);
	for (size_t i = 0; i < cnt; i++) {
		void *rec = b->copy + i * CPT_REC_SZ;

		if (*(uint8_t *)rec == CPT_REC_STACKS)
			number_stacks(b, rec);
		else if (*(uint8_t *)rec == CPT_REC_SAMPLE)
			number_sample(b, rec);
	}
	return b->copy;
}

/* ---- names ------------------------------------------------------------------------------------- */

static size_t read_entry(struct bpf_session *s, const struct entry *e, uint64_t *ips, size_t max)
{
	switch (e->kind) {
	case KIND_USER:
		return bpf_session__user_stack(s, (uint32_t)e->id, ips, max);
	case KIND_KERNEL:
		return bpf_session__kernel_stack(s, (uint32_t)e->id, ips, max);
	default:
		ips[0] = e->id;
		return 1;
	}
}

struct cpt_stacks *stack_book__name(struct stack_book *b, struct bpf_session *s)
{
	struct stack_names *names = stack_names__new();
	struct cpt_stacks *ss = stacks__new();
	uint64_t ips[CPT_USER_FRAMES];

	if (!names || !ss)
		goto no_memory;
	for (uint32_t i = 0; i < b->entry_cnt; i++) {
		const struct entry *e = &b->entries[i];
		struct space *space = &b->spaces[e->space];
		const size_t cnt = read_entry(s, e, ips, CPT_USER_FRAMES);
		const bool kernel = !e->space;

		if (!stack_names__add(names, ss, kernel ? NULL : &space->maps, (pid_t)space->tgid,
				      ips, cnt))
			goto no_memory;
	}
	stack_names__free(names);
	return ss;
no_memory:
	stack_names__free(names);
	stacks__free(ss);
	errno = ENOMEM;
	return NULL;
}
