// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* hostile.c - see hostile.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "../../analysis/trace_block.h"
#include "../../analysis/trace_format.h"
#include "../../analysis/trace_loops.h"
#include "../../analysis/trace_marks.h"
#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_side.h"
#include "../../analysis/trace_writer.h"
#include "../../analysis/varint.h"
#include "../support/random_trace.h"
#include "hostile.h"

#define MUST(cond)                                                                                 \
	do {                                                                                       \
		if (!(cond)) {                                                                     \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, #cond);         \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* ---- samples ----------------------------------------------------------------------------------- */

static struct bytes slurp(int fd)
{
	const off_t sz = lseek(fd, 0, SEEK_END);
	struct bytes b = {.sz = (size_t)sz};

	MUST(sz > 0);
	b.at = malloc(b.sz);
	MUST(b.at && pread(fd, b.at, b.sz, 0) == sz);
	return b;
}

#define SAMPLE_CPUS 3

static void feed(struct trace_builder *tb, struct cpt_merge *m, uint64_t until_ns, size_t *pos,
		 size_t *life_pos)
{
	const struct cpt_rec_head *life;

	for (uint32_t cpu = 0; cpu < SAMPLE_CPUS; cpu++) {
		size_t cnt, to = pos[cpu];
		const struct cpt_rec_switch *recs = tb__ring(tb, cpu, &cnt);

		while (to < cnt && recs[to].ts_ns < until_ns)
			to++;
		MUST(!merge__add_ring(m, cpu, recs + pos[cpu], to - pos[cpu]));
		pos[cpu] = to;
	}
	while ((life = tb__life(tb, *life_pos)) && life->ts_ns < until_ns) {
		MUST(!merge__add_life(m, life, life->sz));
		++*life_pos;
	}
}

/* What a recording would know of the events, named as far as it goes. */
static void write_words(struct trace_writer *w, struct trace_builder *tb)
{
	struct cpt_words *words = words__new(tb__meta(tb)->machine);
	size_t cnt;
	const struct cpt_event *ev = tb__events(tb, &cnt);

	MUST(words && !words__feed(words, ev, cnt));
	if (words__cnt(words) > 1) {
		MUST(!words__set_place(words, 0, "queue_lock", "server", "00ff", 0x4060));
		MUST(!words__set_place(words, 1, "_PyRuntime+0x1b8", "server", "00ff", 0x5060));
		words__set_same(words, 1, 0);
	}
	words__classify(words);
	MUST(!trace_writer__words(w, words));
	words__free(words);
}

/* Names as long as they may be, of one byte, none; by tasks of the workload and others. */
static void add_marks(struct trace_writer *w, struct rng *rng, uint64_t now_ns, uint32_t task_max)
{
	const uint32_t cnt = rng_below(rng, 3);
	char name[CPT_MARK_LEN];

	for (uint32_t i = 0; i < cnt; i++) {
		struct cpt_event ev = {.type = CPT_EV_MARK, .ts_ns = now_ns + i, .mark = name};
		const uint32_t len = rng_below(rng, rng_percent(rng, 50) ? 4 : CPT_MARK_LEN);

		for (uint32_t k = 0; k < len; k++)
			name[k] = (char)(1 + rng_below(rng, 255));
		name[len] = '\0';
		ev.task = rng_below(rng, task_max + 1);
		ev.other = 1000 + ev.task;
		ev.flags = (ev.task ? 0 : CPT_MARK_OUTSIDE) | (len ? 0 : CPT_MARK_UNREADABLE);
		MUST(!trace_writer__side(w, &ev, 1));
	}
}

struct bytes sample_trace(uint64_t seed, uint32_t steps)
{
	struct trace_builder *tb = tb__new(SAMPLE_CPUS);
	const int fd = memfd_create("sample", MFD_CLOEXEC);
	size_t pos[SAMPLE_CPUS] = {0}, life_pos = 0, cnt;
	struct rng rng = {seed}, marks_rng = {~seed};
	struct cpt_merge_sink sink;
	struct trace_writer *w;
	struct cpt_merge *m;
	struct bytes out;
	uint64_t end_ns;

	random_trace(tb, &rng, SAMPLE_CPUS, steps, RANDOM_TIES);
	end_ns = tb__events(tb, &cnt)[cnt - 1].ts_ns;
	w = trace_writer__new(fd, tb__meta(tb));
	MUST(w);
	sink = trace_writer__sink(w);
	m = merge__new(SAMPLE_CPUS, &sink);
	MUST(m);
	/* Hardly anything is held back, and a block is written four times: late facts arise. */
	for (uint64_t now_ns = 0; now_ns <= end_ns; now_ns += end_ns / 40) {
		feed(tb, m, now_ns, pos, &life_pos);
		MUST(!merge__add_attempts(m, 0, 0, now_ns, now_ns));
		MUST(!merge__advance(m, now_ns));
		add_marks(w, &marks_rng, now_ns, 3);
		if (now_ns / (end_ns / 40) % 10 == 9)
			MUST(!trace_writer__tick(w, now_ns + 1000000000));
	}
	MUST(!merge__add_attempts(m, 1, tb__ring(tb, 1, &cnt) ? cnt + 5 : 5, end_ns, end_ns));
	feed(tb, m, UINT64_MAX, pos, &life_pos);
	MUST(!merge__finish(m));
	write_words(w, tb);
	MUST(!trace_writer__close(w, tb__close_facts(tb)));
	out = slurp(fd);
	merge__free(m);
	trace_writer__free(w);
	tb__free(tb);
	close(fd);
	return out;
}

/* Payload of a block with all columns unpacked. */
static size_t store_block(uint8_t *out, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	uint8_t *p = put_varint(out, get_varint(&c));
	uint32_t raw[COL_CNT], packed[COL_CNT];

	MUST(get_varint(&c) == COL_CNT);
	p = put_varint(p, COL_CNT);
	for (int i = 0; i < COL_CNT; i++) {
		raw[i] = get_varint32(&c);
		packed[i] = get_varint32(&c);
		p = put_varint(p, raw[i]);
		p = put_varint(p, 0);
	}
	for (int i = 0; i < COL_CNT; i++) {
		const uint8_t *data = get_bytes(&c, packed[i] ? packed[i] : raw[i]);
		z_stream z = {.next_in = (uint8_t *)data,
			      .avail_in = packed[i],
			      .next_out = p,
			      .avail_out = raw[i]};

		MUST(data);
		if (packed[i]) {
			MUST(inflateInit2(&z, -15) == Z_OK);
			MUST(inflate(&z, Z_FINISH) == Z_STREAM_END);
			inflateEnd(&z);
		} else {
			memcpy(p, data, raw[i]);
		}
		p += raw[i];
	}
	return (size_t)(p - out);
}

struct bytes store_columns(struct bytes trace)
{
	struct bytes out = {.at = malloc(trace.sz * 16), .sz = TRACE_HEADER_SZ};
	struct trace_header h;
	struct section s;

	MUST(out.at && !trace_header__decode(&h, trace.at));
	for (size_t at = TRACE_HEADER_SZ; at < trace.sz; at += SECTION_HEADER_SZ + s.sz) {
		uint8_t *head = out.at + out.sz, *payload = head + SECTION_HEADER_SZ;
		struct section stored;

		MUST(!section__decode(&s, trace.at + at));
		stored = s;
		if (s.type == SECTION_BLOCK)
			stored.sz = (uint32_t)store_block(payload,
							  trace.at + at + SECTION_HEADER_SZ, s.sz);
		else
			memcpy(payload, trace.at + at + SECTION_HEADER_SZ, s.sz);
		stored.crc = trace_crc(payload, stored.sz);
		section__encode(head, &stored);
		out.sz += SECTION_HEADER_SZ + stored.sz;
		MUST(out.sz < trace.sz * 16);
	}
	h.closed_sz = out.sz;
	trace_header__encode(out.at, &h);
	return out;
}

void repair_sums(uint8_t *data, size_t sz)
{
	size_t at = TRACE_HEADER_SZ;

	if (sz < TRACE_HEADER_SZ)
		return;
	put_le(data + 60, trace_crc(data, 60), 4);
	while (sz - at >= SECTION_HEADER_SZ) {
		const uint64_t payload = get_le(data + at + 8, 4);

		if (payload <= sz - at - SECTION_HEADER_SZ)
			put_le(data + at + 12, trace_crc(data + at + SECTION_HEADER_SZ, payload),
			       4);
		put_le(data + at + 36, trace_crc(data + at, 36), 4);
		if (payload > sz - at - SECTION_HEADER_SZ)
			return;
		at += SECTION_HEADER_SZ + payload;
	}
}

/* ---- reading ----------------------------------------------------------------------------------- */

static void mix(uint64_t *hash, uint64_t v)
{
	*hash = (*hash ^ v) * 0x100000001b3u;
}

static void check_mask(const struct cpt_mask *mask, uint64_t *hash)
{
	MUST(mask->word_cnt <= CPT_MASK_WORDS);
	for (uint32_t i = 0; i < mask->word_cnt; i++)
		mix(hash, mask->bits[i]);
}

static void check_info(const struct cpt_event *ev, uint64_t *hash)
{
	const struct cpt_info *info = ev->info;

	MUST(info && ev->task);
	if (ev->type == CPT_EV_NEW || ev->type == CPT_EV_EXEC || ev->type == CPT_EV_RENAME) {
		MUST(info->comm && strlen(info->comm) < CPT_COMM_LEN);
		mix(hash, (uint8_t)info->comm[0]);
	}
	if (ev->type == CPT_EV_EXEC) {
		MUST(info->filename && strlen(info->filename) < CPT_PATH_LEN);
		MUST(info->args_sz <= CPT_ARGS_LEN && info->args);
		for (uint32_t i = 0; i < info->args_sz; i++)
			mix(hash, (uint8_t)info->args[i]);
	}
	if (ev->type == CPT_EV_NEW || ev->type == CPT_EV_AFFINITY)
		check_mask(&info->mask, hash);
}

static void check_event(const struct cpt_trace_meta *meta, const struct cpt_event *ev,
			uint32_t task_max, uint64_t *hash)
{
	MUST(ev->cpu < meta->cpu_cnt && ev->task <= task_max);
	switch (ev->type) {
	case CPT_EV_SWITCH:
		MUST(ev->other <= task_max && ev->end <= CPT_END_IRQ);
		MUST(!(ev->flags & CPT_SW_PREV_BLOCKED) == !ev->wait);
		MUST(ev->end != CPT_END_TASK || ev->end_waker <= task_max);
		if (ev->wait)
			mix(hash, ev->wait->arg0 ^ ev->wait->sysno);
		mix(hash, ev->end_waker);
		break;
	case CPT_EV_WAKE:
		MUST(ev->task && ev->wake_ctx <= CPT_CTX_SOFTIRQ_SEND);
		MUST((ev->flags & CPT_SW_WAKER_FOREIGN) || ev->other <= task_max);
		break;
	case CPT_EV_NEW:
		MUST(ev->other <= task_max);
		check_info(ev, hash);
		break;
	case CPT_EV_EXEC:
	case CPT_EV_RENAME:
	case CPT_EV_EXIT:
	case CPT_EV_AFFINITY:
		check_info(ev, hash);
		break;
	case CPT_EV_OCCUPANCY:
		MUST(ev->occ_since_ns <= ev->ts_ns && ev->occ_kind <= 1 && ev->occ_next <= 2);
		MUST(ev->occ_idle_ns + ev->occ_other_ns <= ev->ts_ns - ev->occ_since_ns);
		break;
	case CPT_EV_LOSS:
		MUST(ev->until_ns >= ev->ts_ns);
		break;
	case CPT_EV_SAMPLE:
	case CPT_EV_STACKS:
		MUST(side__valid(ev, 0, meta->cpu_cnt, task_max));
		mix(hash, ev->user ^ (uint64_t)ev->kernel << 32);
		break;
	case CPT_EV_LOOP_NEW:
	case CPT_EV_LOOP:
	case CPT_EV_LOOP_LOST:
	case CPT_EV_LOOP_END:
		MUST(loop_side__valid(ev, 0, task_max));
		break;
	case CPT_EV_MARK:
		MUST(mark_side__valid(ev, 0, task_max));
		mix(hash, (uint8_t)ev->mark[0]);
		break;
	default:
		MUST(!"a type that does not exist");
	}
	mix(hash, ev->ts_ns);
	mix(hash, (uint64_t)ev->task << 32 | ev->other);
}

static void check_words(const struct cpt_words *words, uint32_t task_max, uint64_t *hash)
{
	for (uint32_t i = 0; i < words__cnt(words); i++) {
		const struct cpt_word *w = words__at(words, i);

		MUST(w->proc <= task_max && w->same <= i && w->kind < CPT_WORD_KIND_CNT);
		MUST(w->reason < CPT_REASON_CNT && strlen(w->symbol) <= CPT_WORD_STR_MAX);
		mix(hash, w->addr ^ w->waits ^ w->wakes ^ (uint8_t)w->symbol[0]);
		mix(hash, strlen(w->module) + strlen(w->build_id));
	}
}

static void read_once(struct trace_reader *r, size_t sz, struct reading *out)
{
	struct cpt_words *words = words__new(trace_reader__meta(r)->machine);
	const uint32_t task_max =
		sz < CPT_TASK_MAX - CPT_TASK_FREE ? CPT_TASK_FREE + (uint32_t)sz : CPT_TASK_MAX;
	uint64_t first_ns, last_ns, prev_ns = 0;
	const struct cpt_event *ev;
	size_t cnt;
	int ret;

	trace_reader__span(r, &first_ns, &last_ns);
	while ((ret = trace_reader__next(r, &ev, &cnt)) > 0) {
		MUST(cnt && words && !words__feed(words, ev, cnt));
		for (size_t i = 0; i < cnt; i++) {
			/* What stands beside the blocks may go on behind them. */
			MUST(ev[i].ts_ns >= prev_ns);
			MUST(ev[i].ts_ns <= (ev[i].type < CPT_EV_STACKS ? last_ns : CPT_TIME_MAX));
			prev_ns = ev[i].ts_ns;
			check_event(trace_reader__meta(r), &ev[i], task_max, &out->hash);
		}
		out->event_cnt += cnt;
	}
	MUST(ret == 0);
	words__classify(words);
	check_words(words, task_max, &out->hash);
	words__free(words);
	if (trace_reader__words(r))
		check_words(trace_reader__words(r), task_max, &out->hash);
}

struct reading read_hostile(const uint8_t *data, size_t sz)
{
	const int fd = memfd_create("hostile", MFD_CLOEXEC);
	struct reading first = {0}, second = {0};
	char err[CPT_TRACE_ERR_LEN];
	struct trace_reader *r;

	MUST(fd >= 0 && write(fd, data, sz) == (ssize_t)sz);
	r = trace_reader__open(fd, err);
	if (!r) {
		first.open_errno = errno;
		MUST(errno && err[0] && strlen(err) < sizeof(err));
		close(fd);
		return first;
	}
	read_once(r, sz, &first);
	MUST(!trace_reader__rewind(r));
	read_once(r, sz, &second);
	MUST(first.event_cnt == second.event_cnt && first.hash == second.hash);
	first.incomplete = trace_reader__incomplete(r) != NULL;
	MUST(first.incomplete || trace_reader__close_facts(r));
	trace_reader__free(r);
	close(fd);
	return first;
}
