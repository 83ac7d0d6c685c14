// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* latencies.c - see latencies.h; the bytes are drawn in FORMAT.md. */
#include "latencies.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_limits.h"
#include "varint.h"

#define STEPS_BITS 5 /* 32 buckets to each doubling */
#define STEPS	   (1u << STEPS_BITS)
#define ENTRY_MIN  2

struct latency_row {
	uint32_t instance;
	struct cpt_latency_facts facts;
};

struct latency_rows {
	struct latency_row *rows; /* in order of instance */
	uint32_t cnt, cap;
};

struct cpt_latencies {
	bool apart;
	struct latency_rows of[2]; /* inbound, outbound */
};

uint32_t loop_bucket(uint64_t ns)
{
	uint32_t shift, bucket;

	if (ns < STEPS)
		return (uint32_t)ns;
	shift = 63 - STEPS_BITS - (uint32_t)__builtin_clzll(ns);
	bucket = (shift << STEPS_BITS) + (uint32_t)(ns >> shift);
	return bucket < CPT_LOOP_BUCKETS ? bucket : CPT_LOOP_BUCKETS - 1;
}

uint64_t loop_bucket_from(uint32_t bucket)
{
	if (bucket < STEPS)
		return bucket;
	return (uint64_t)(STEPS + bucket % STEPS) << (bucket / STEPS - 1);
}

struct cpt_latencies *latencies__new(bool apart)
{
	struct cpt_latencies *l = calloc(1, sizeof(*l));

	if (l)
		l->apart = apart;
	return l;
}

void latencies__free(struct cpt_latencies *l)
{
	if (!l)
		return;
	free(l->of[0].rows);
	free(l->of[1].rows);
	free(l);
}

/* Index of the first row that is not below. */
static uint32_t find(const struct latency_rows *l, uint32_t instance)
{
	uint32_t lo = 0, hi = l->cnt;

	while (lo < hi) {
		const uint32_t mid = lo + (hi - lo) / 2;

		if (l->rows[mid].instance < instance)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static int add(struct latency_rows *l, uint32_t instance, const struct cpt_latency_facts *facts)
{
	struct latency_row *rows;

	/* Order is demanded: any other would cost a move of many for each. */
	if (l->cnt && instance <= l->rows[l->cnt - 1].instance)
		return -EBADMSG;
	if (l->cnt == l->cap) {
		rows = realloc(l->rows, (l->cap ? 2 * l->cap : 16) * sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		l->rows = rows;
		l->cap = l->cap ? 2 * l->cap : 16;
	}
	l->rows[l->cnt++] = (struct latency_row){instance, *facts};
	return 0;
}

struct cpt_latency_facts latencies__of(const struct cpt_latencies *l, uint32_t instance,
				       bool outbound)
{
	const struct latency_rows *rows = l ? &l->of[outbound && l->apart] : NULL;
	const uint32_t at = rows ? find(rows, instance) : 0;

	if (!rows || at == rows->cnt || rows->rows[at].instance != instance)
		return (struct cpt_latency_facts){0};
	return rows->rows[at].facts;
}

/* The value below which percent of all lie. */
static uint64_t percentile(const uint64_t *buckets, const struct cpt_latency_facts *facts,
			   uint64_t percent)
{
	const uint64_t want = facts->cnt / 100 * percent + (facts->cnt % 100 * percent + 99) / 100;
	uint64_t seen = 0, middle;

	for (uint32_t i = 0; i < CPT_LOOP_BUCKETS; i++) {
		seen += buckets[i];
		if (seen < want)
			continue;
		middle = (loop_bucket_from(i) + loop_bucket_from(i + 1)) / 2;
		return i + 1 < CPT_LOOP_BUCKETS && middle < facts->max_ns ? middle : facts->max_ns;
	}
	return facts->max_ns;
}

/* ---- bytes ----------------------------------------------------------------------------------- */

uint8_t *latencies__put(uint8_t *p, uint32_t instance, const uint64_t *buckets, uint64_t max_ns)
{
	uint32_t used = 0, prev = 0;

	for (uint32_t i = 0; i < CPT_LOOP_BUCKETS; i++)
		used += buckets[i] != 0;
	p = put_varint(p, instance);
	p = put_varint(p, max_ns);
	p = put_varint(p, used);
	for (uint32_t i = 0; i < CPT_LOOP_BUCKETS; i++) {
		if (!buckets[i])
			continue;
		p = put_varint(p, i - prev);
		p = put_varint(p, buckets[i]);
		prev = i;
	}
	return p;
}

static int get_row(struct latency_rows *l, struct cursor *c, uint64_t *buckets)
{
	const uint32_t instance = get_varint32(c);
	struct cpt_latency_facts facts = {.max_ns = get_varint(c)};
	const uint64_t used = get_varint(c);
	uint64_t at = 0;

	if (c->bad || !instance || instance > CPT_LOOP_NUMBER_MAX || used > CPT_LOOP_BUCKETS ||
	    used * ENTRY_MIN > (uint64_t)(c->end - c->at))
		return -EBADMSG;
	memset(buckets, 0, CPT_LOOP_BUCKETS * sizeof(*buckets));
	for (uint64_t i = 0; i < used; i++) {
		const uint64_t step = get_varint(c);

		if (step >= CPT_LOOP_BUCKETS || at + step >= CPT_LOOP_BUCKETS || (i && !step))
			return -EBADMSG;
		at += step;
		buckets[at] = get_varint(c);
		if (c->bad || buckets[at] > CPT_TIME_MAX / CPT_LOOP_BUCKETS)
			return -EBADMSG;
		facts.cnt += buckets[at];
	}
	if (facts.cnt) {
		facts.p50_ns = percentile(buckets, &facts, 50);
		facts.p99_ns = percentile(buckets, &facts, 99);
	}
	return add(l, instance, &facts);
}

int latencies__decode(struct cpt_latencies *l, bool outbound, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	uint64_t *buckets = malloc(CPT_LOOP_BUCKETS * sizeof(*buckets));
	int err = buckets ? 0 : -ENOMEM;

	while (!err && c.at < c.end)
		err = get_row(&l->of[outbound], &c, buckets);
	free(buckets);
	return err;
}
