// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * trace_meta.c - META and CLOSE payloads: fields of tag, size and bytes, see FORMAT.md.
 *
 * A field that a reader does not know is passed over, one that is missing keeps its default: so
 * either section can grow without a new major version.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "trace_format.h"
#include "varint.h"

#define FIELD_HEADER_SZ 6
#define STRING_MAX	4095
#define ARGV_MAX	(256u << 10)
#define CPU_ENTRY_SZ	17

/* X(TAG, member, size): numbers, of the member's own size. Tags are on disk. */
#define META_NUMBERS(X)                                                                            \
	X(6, root_tid)                                                                             \
	X(7, flags)                                                                                \
	X(8, start_mono_ns)                                                                        \
	X(9, start_real_ns)                                                                        \
	X(10, start_boot_ns)                                                                       \
	X(12, cpu_cnt)                                                                             \
	X(17, sample_hz)                                                                           \
	X(18, stack_flags)                                                                         \
	X(30, delay_ns)                                                                            \
	X(34, recorded_from_ns)                                                                    \
	X(35, part)

#define META_STRINGS(X)                                                                            \
	X(1, cpartrace_version)                                                                    \
	X(2, hostname)                                                                             \
	X(3, kernel)                                                                               \
	X(4, machine)                                                                              \
	X(31, target)

#define META_ARGV  5
#define META_QUOTA 11 /* IEEE 754 double */
#define META_CPUS  13 /* u16 size of an entry, then entries */

#define CLOSE_NUMBERS(X)                                                                           \
	X(1, end_mono_ns)                                                                          \
	X(2, exit_kind)                                                                            \
	X(3, exit_value)                                                                           \
	X(4, lost_ring)                                                                            \
	X(6, lost_recursion)                                                                       \
	X(7, mends)                                                                                \
	X(8, mends_failed)                                                                         \
	X(9, tracer_cpu_ns)                                                                        \
	X(10, steal_ns)                                                                            \
	X(11, throttled_ns)                                                                        \
	X(16, irq_ns)                                                                              \
	X(17, quota_periods)                                                                       \
	X(18, quota_throttled)                                                                     \
	X(19, tenants_rest_ns)                                                                     \
	X(33, alive_exec_ns)                                                                       \
	X(32, failure)

#define CLOSE_LOST	  5  /* u64 each, in the order of CPT_LOSSES */
#define CLOSE_STACKS_LOST 26 /* likewise, of CPT_STACK_LOSSES */
#define CLOSE_LOOPS_LOST  27 /* likewise, of CPT_LOOP_LOSSES */
#define CLOSE_MARKS_LOST  34 /* likewise, of marks */
#define CLOSE_LOOPS_STATE 28 /* since 1.2: u8, CPT_LOOPS_* */
#define CLOSE_LOST	  5  /* u64 each, in the order of CPT_LOSSES */
#define CLOSE_TENANTS	  20 /* entries of TENANT_SZ: u32 pid, u64 ns, name */
#define TENANT_SZ	  (12 + CPT_COMM_LEN)

/* ---- encoding --------------------------------------------------------------------------------- */

struct fields {
	uint8_t *at;
	size_t cnt, cap;
	bool failed;
};

/* Room for a field of sz bytes behind its header; NULL without memory. */
static uint8_t *new_field(struct fields *f, uint16_t tag, size_t sz)
{
	const size_t need = f->cnt + FIELD_HEADER_SZ + sz;
	uint8_t *p;

	if (f->failed)
		return NULL;
	if (need > f->cap) {
		p = realloc(f->at, need * 2);
		if (!p) {
			f->failed = true;
			return NULL;
		}
		f->at = p;
		f->cap = need * 2;
	}
	p = f->at + f->cnt;
	put_le(p, tag, 2);
	put_le(p + 2, sz, 4);
	f->cnt = need;
	return p + FIELD_HEADER_SZ;
}

static void put_number(struct fields *f, uint16_t tag, uint64_t v, unsigned sz)
{
	uint8_t *p = new_field(f, tag, sz);

	if (p)
		put_le(p, v, sz);
}

static void put_string(struct fields *f, uint16_t tag, const char *s)
{
	const size_t sz = s ? strnlen(s, STRING_MAX) : 0;
	uint8_t *p = new_field(f, tag, sz);

	if (p && sz)
		memcpy(p, s, sz);
}

/* Arguments with their NULs, as many as fit; the last one may be cut. */
static void put_argv(struct fields *f, char *const *argv)
{
	size_t sz = 0, at = 0;
	uint8_t *p;

	if (!argv)
		return;
	for (size_t i = 0; argv[i] && sz < ARGV_MAX; i++)
		sz += strlen(argv[i]) + 1;
	if (sz > ARGV_MAX)
		sz = ARGV_MAX;
	p = new_field(f, META_ARGV, sz);
	for (size_t i = 0; p && at < sz && argv[i]; i++) {
		size_t len = strlen(argv[i]);

		if (len > sz - at - 1)
			len = sz - at - 1;
		memcpy(p + at, argv[i], len);
		p[at + len] = '\0';
		at += len + 1;
	}
}

static void put_cpus(struct fields *f, const struct cpt_cpu_info *cpus, uint32_t cnt)
{
	uint8_t *p = new_field(f, META_CPUS, 2 + (size_t)cnt * CPU_ENTRY_SZ);

	if (!p)
		return;
	put_le(p, CPU_ENTRY_SZ, 2);
	p += 2;
	for (uint32_t i = 0; i < cnt; i++, p += CPU_ENTRY_SZ) {
		put_le(p, cpus[i].cpu, 4);
		p[4] = cpus[i].online;
		put_le(p + 5, (uint32_t)cpus[i].core, 4);
		put_le(p + 9, (uint32_t)cpus[i].package, 4);
		put_le(p + 13, (uint32_t)cpus[i].node, 4);
	}
}

static uint8_t *finish_fields(struct fields *f, size_t *sz)
{
	if (f->failed) {
		free(f->at);
		errno = ENOMEM;
		return NULL;
	}
	*sz = f->cnt;
	return f->at;
}

static bool cpus_valid(const struct cpt_trace_meta *meta)
{
	if (!meta->cpu_cnt || meta->cpu_cnt > CPT_TRACE_MAX_CPUS ||
	    meta->cpu_info_cnt > meta->cpu_cnt)
		return false;
	for (uint32_t i = 0; i < meta->cpu_info_cnt; i++)
		if (meta->cpus[i].cpu >= meta->cpu_cnt)
			return false;
	return true;
}

uint8_t *trace_meta__encode(const struct cpt_trace_meta *meta, size_t *sz)
{
	struct fields f = {0};
	uint64_t quota;

	if (!cpus_valid(meta)) {
		errno = EINVAL;
		return NULL;
	}
#define PUT(tag, member) put_number(&f, tag, meta->member, sizeof(meta->member));
	META_NUMBERS(PUT)
#undef PUT
#define PUT(tag, member) put_string(&f, tag, meta->member);
	META_STRINGS(PUT)
#undef PUT
	memcpy(&quota, &meta->quota_cpus, sizeof(quota));
	put_number(&f, META_QUOTA, quota, sizeof(quota));
	put_argv(&f, meta->argv);
	put_cpus(&f, meta->cpus, meta->cpu_info_cnt);
	return finish_fields(&f, sz);
}

uint8_t *trace_close__encode(const struct cpt_trace_close *close, size_t *sz)
{
	struct fields f = {0};
	uint8_t *p;

#define PUT(tag, member) put_number(&f, tag, close->member, sizeof(close->member));
	CLOSE_NUMBERS(PUT)
#undef PUT
	p = new_field(&f, CLOSE_LOST, 8 * CPT_LOSS_CNT);
	for (size_t i = 0; p && i < CPT_LOSS_CNT; i++)
		put_le(p + 8 * i, close->lost[i], 8);
	p = new_field(&f, CLOSE_STACKS_LOST, 8 * CPT_STACK_LOSS_CNT);
	for (size_t i = 0; p && i < CPT_STACK_LOSS_CNT; i++)
		put_le(p + 8 * i, close->stacks_lost[i], 8);
	p = new_field(&f, CLOSE_LOOPS_LOST, 8 * CPT_LOOP_LOSS_CNT);
	for (size_t i = 0; p && i < CPT_LOOP_LOSS_CNT; i++)
		put_le(p + 8 * i, close->loops_lost[i], 8);
	p = new_field(&f, CLOSE_MARKS_LOST, 8 * CPT_MARK_LOSS_CNT);
	for (size_t i = 0; p && i < CPT_MARK_LOSS_CNT; i++)
		put_le(p + 8 * i, close->marks_lost[i], 8);
	p = new_field(&f, CLOSE_LOOPS_STATE, 1);
	if (p)
		*p = close->loops_state;
	p = new_field(&f, CLOSE_TENANTS, (size_t)close->tenant_cnt * TENANT_SZ);
	for (size_t i = 0; p && i < close->tenant_cnt; i++, p += TENANT_SZ) {
		put_le(p, close->tenants[i].pid, 4);
		put_le(p + 4, close->tenants[i].cpu_ns, 8);
		memcpy(p + 12, close->tenants[i].name, CPT_COMM_LEN);
	}
	return finish_fields(&f, sz);
}

/* ---- decoding --------------------------------------------------------------------------------- */

struct field {
	uint16_t tag;
	uint32_t sz;
	const uint8_t *at;
};

/* The next field; false at the end, or when c goes bad. */
static bool next_field(struct cursor *c, struct field *f)
{
	const uint8_t *head;

	if (c->at == c->end)
		return false;
	head = get_bytes(c, FIELD_HEADER_SZ);
	if (!head)
		return false;
	f->tag = (uint16_t)get_le(head, 2);
	f->sz = (uint32_t)get_le(head + 2, 4);
	f->at = get_bytes(c, f->sz);
	return f->at != NULL;
}

/* The number in f if it has the member's size. */
static bool take_number(const struct field *f, void *member, unsigned sz)
{
	const uint64_t v = f->sz == sz ? get_le(f->at, sz) : 0;

	if (f->sz != sz)
		return false;
	if (sz == 1)
		*(uint8_t *)member = (uint8_t)v;
	else if (sz == 4)
		*(uint32_t *)member = (uint32_t)v;
	else
		*(uint64_t *)member = v;
	return true;
}

static int take_string(const struct field *f, const char **member)
{
	char *s;

	if (f->sz > STRING_MAX)
		return -EBADMSG;
	s = malloc(f->sz + 1);
	if (!s)
		return -ENOMEM;
	memcpy(s, f->at, f->sz);
	s[f->sz] = '\0';
	free((char *)*member);
	*member = s;
	return 0;
}

/* One allocation: the pointers, then the strings. */
static int take_argv(const struct field *f, struct cpt_trace_meta *meta)
{
	size_t cnt = 0, at = 0;
	char **argv, *strings;

	if (!f->sz || f->sz > ARGV_MAX || f->at[f->sz - 1])
		return -EBADMSG;
	for (size_t i = 0; i < f->sz; i++)
		cnt += !f->at[i];
	argv = malloc((cnt + 1) * sizeof(*argv) + f->sz);
	if (!argv)
		return -ENOMEM;
	strings = (char *)(argv + cnt + 1);
	memcpy(strings, f->at, f->sz);
	for (size_t i = 0; i < cnt; i++) {
		argv[i] = strings + at;
		at += strlen(argv[i]) + 1;
	}
	argv[cnt] = NULL;
	free((void *)meta->argv);
	meta->argv = argv;
	return 0;
}

static int take_cpus(const struct field *f, struct cpt_trace_meta *meta)
{
	const uint32_t entry_sz = f->sz >= 2 ? (uint32_t)get_le(f->at, 2) : 0;
	struct cpt_cpu_info *cpus;
	const uint8_t *p = f->at + 2;
	uint32_t cnt;

	if (entry_sz < CPU_ENTRY_SZ || (f->sz - 2) % entry_sz)
		return -EBADMSG;
	cnt = (f->sz - 2) / entry_sz;
	if (cnt > CPT_TRACE_MAX_CPUS)
		return -EBADMSG;
	cpus = calloc(cnt + 1, sizeof(*cpus));
	if (!cpus)
		return -ENOMEM;
	for (uint32_t i = 0; i < cnt; i++, p += entry_sz) {
		cpus[i].cpu = (uint32_t)get_le(p, 4);
		cpus[i].online = p[4] != 0;
		cpus[i].core = (int32_t)get_le(p + 5, 4);
		cpus[i].package = (int32_t)get_le(p + 9, 4);
		cpus[i].node = (int32_t)get_le(p + 13, 4);
	}
	free((void *)meta->cpus);
	meta->cpus = cpus;
	meta->cpu_info_cnt = cnt;
	return 0;
}

static int take_meta_field(struct cpt_trace_meta *meta, const struct field *f)
{
	uint64_t quota;

	switch (f->tag) {
#define TAKE(tag, member)                                                                          \
	case tag:                                                                                  \
		return take_number(f, &meta->member, sizeof(meta->member)) ? 0 : -EBADMSG;
		META_NUMBERS(TAKE)
#undef TAKE
#define TAKE(tag, member)                                                                          \
	case tag:                                                                                  \
		return take_string(f, &meta->member);
		META_STRINGS(TAKE)
#undef TAKE
	case META_QUOTA:
		if (!take_number(f, &quota, sizeof(quota)))
			return -EBADMSG;
		memcpy(&meta->quota_cpus, &quota, sizeof(quota));
		return 0;
	case META_ARGV:
		return take_argv(f, meta);
	case META_CPUS:
		return take_cpus(f, meta);
	default:
		return 0;
	}
}

/* Strings the trace does not have are empty, so that nobody needs to ask. */
static int default_strings(struct cpt_trace_meta *meta)
{
	const struct field empty = {.at = (const uint8_t *)""};
	int err = 0;

#define FILL(tag, member)                                                                          \
	if (!err && !meta->member)                                                                 \
		err = take_string(&empty, &meta->member);
	META_STRINGS(FILL)
#undef FILL
	return err;
}

int trace_meta__decode(struct cpt_trace_meta *meta, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	struct field f;
	int err = 0;

	memset(meta, 0, sizeof(*meta));
	while (!err && next_field(&c, &f))
		err = take_meta_field(meta, &f);
	if (!err)
		err = default_strings(meta);
	if (!err && (c.bad || !cpus_valid(meta)))
		err = -EBADMSG;
	/* NaN and infinity would poison every sum they enter. */
	if (!(meta->quota_cpus > 0 && meta->quota_cpus < 1e6))
		meta->quota_cpus = 0;
	if (err)
		trace_meta__clear(meta);
	return err;
}

void trace_meta__clear(struct cpt_trace_meta *meta)
{
#define FREE(tag, member) free((char *)meta->member);
	META_STRINGS(FREE)
#undef FREE
	free((void *)meta->argv);
	free((void *)meta->cpus);
	memset(meta, 0, sizeof(*meta));
}

static bool take_tenants(struct cpt_trace_close *close, const struct field *f)
{
	const uint8_t *p = f->at;

	if (f->sz % TENANT_SZ || f->sz / TENANT_SZ > CPT_TENANTS_MAX)
		return false;
	close->tenant_cnt = f->sz / TENANT_SZ;
	for (uint32_t i = 0; i < close->tenant_cnt; i++, p += TENANT_SZ) {
		close->tenants[i].pid = (uint32_t)get_le(p, 4);
		close->tenants[i].cpu_ns = get_le(p + 4, 8);
		memcpy(close->tenants[i].name, p + 12, CPT_COMM_LEN - 1);
		close->tenants[i].name[CPT_COMM_LEN - 1] = '\0';
	}
	return true;
}

static bool take_close_field(struct cpt_trace_close *close, const struct field *f)
{
	switch (f->tag) {
#define TAKE(tag, member)                                                                          \
	case tag:                                                                                  \
		return take_number(f, &close->member, sizeof(close->member));
		CLOSE_NUMBERS(TAKE)
#undef TAKE
	case CLOSE_LOST:
		for (size_t i = 0; i < CPT_LOSS_CNT && 8 * (i + 1) <= f->sz; i++)
			close->lost[i] = get_le(f->at + 8 * i, 8);
		return f->sz % 8 == 0;
	case CLOSE_STACKS_LOST:
		for (size_t i = 0; i < CPT_STACK_LOSS_CNT && 8 * (i + 1) <= f->sz; i++)
			close->stacks_lost[i] = get_le(f->at + 8 * i, 8);
		return f->sz % 8 == 0;
	case CLOSE_LOOPS_LOST:
		for (size_t i = 0; i < CPT_LOOP_LOSS_CNT && 8 * (i + 1) <= f->sz; i++)
			close->loops_lost[i] = get_le(f->at + 8 * i, 8);
		return f->sz % 8 == 0;
	case CLOSE_MARKS_LOST:
		for (size_t i = 0; i < CPT_MARK_LOSS_CNT && 8 * (i + 1) <= f->sz; i++)
			close->marks_lost[i] = get_le(f->at + 8 * i, 8);
		return f->sz % 8 == 0;
	case CLOSE_LOOPS_STATE:
		close->loops_state = f->sz == 1 ? *f->at : 0;
		return f->sz == 1;
	case CLOSE_TENANTS:
		return take_tenants(close, f);
	default:
		return true;
	}
}

int trace_close__decode(struct cpt_trace_close *close, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	struct field f;

	memset(close, 0, sizeof(*close));
	close->steal_ns = UINT64_MAX;
	close->throttled_ns = UINT64_MAX;
	close->irq_ns = UINT64_MAX;
	close->quota_periods = close->quota_throttled = UINT64_MAX;
	close->tenants_rest_ns = UINT64_MAX;
	close->alive_exec_ns = UINT64_MAX;
	while (next_field(&c, &f))
		if (!take_close_field(close, &f))
			return -EBADMSG;
	return c.bad ? -EBADMSG : 0;
}
