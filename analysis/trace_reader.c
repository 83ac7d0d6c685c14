// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * trace_reader.c - see trace_reader.h.
 *
 * Opening walks over the headers of all sections once: it finds where the sound part of the file
 * ends, its span, and the closing section. Then blocks are decoded one by one, and the late facts of
 * their time are worked in:
 *
 *   block   S S W S | S W S S W | S S      returned in slices that end where a late wake-up belongs
 *   late            w           w          each returned alone
 *
 * SAMPLES and LOOPS sections have orders of time of their own: a position for each kind goes through them,
 * one section in memory, and what is returned of the blocks is cut where one of their events belongs.
 *
 * Whatever stops reading early leaves one reason in r->incomplete.
 */
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "latencies.h"
#include "services.h"
#include "stacks.h"
#include "trace_reader_priv.h"

/* The first reason stays. */
__attribute__((format(printf, 2, 3))) void reader__note(struct trace_reader *r, const char *fmt,
							...)
{
	va_list args;

	if (r->incomplete[0])
		return;
	va_start(args, fmt);
	vsnprintf(r->incomplete, sizeof(r->incomplete), fmt, args);
	va_end(args);
}

/* ---- bytes ----------------------------------------------------------------------------------- */

/* 1 all of sz bytes, 0 the file ends before, -errno. */
int reader__read(int fd, void *data, size_t sz, uint64_t pos)
{
	char *p = data;

	while (sz) {
		const ssize_t got = pread(fd, p, sz, (off_t)pos);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (!got)
			return 0;
		p += got;
		pos += (uint64_t)got;
		sz -= (size_t)got;
	}
	return 1;
}

/* Header of the section at pos. 1; 0 none that is sound and whole (says why unless pos is the end);
 * -errno. */
int reader__section(struct trace_reader *r, uint64_t pos, struct section *s)
{
	uint8_t head[SECTION_HEADER_SZ];
	const uint64_t left = r->file_sz - pos;
	int ret;

	if (!left)
		return 0;
	ret = left < sizeof(head) ? 0 : reader__read(r->fd, head, sizeof(head), pos);
	if (ret < 0)
		return ret;
	if (!ret) {
		reader__note(r, "cut off at byte %" PRIu64, pos);
		return 0;
	}
	if (section__decode(s, head)) {
		reader__note(r, "damaged at byte %" PRIu64 ": no section header there", pos);
		return 0;
	}
	if (s->sz > left - sizeof(head)) {
		reader__note(r, "cut off at byte %" PRIu64, pos);
		return 0;
	}
	return 1;
}

/* Payload of the section at pos into b. 1, 0 its check sum is wrong, -errno. */
static int fetch_payload(int fd, struct bytes *b, uint64_t pos, const struct section *s)
{
	uint8_t *bigger;
	int ret;

	if (!b->at || s->sz > b->cap) {
		bigger = realloc(b->at, s->sz + 1u);
		if (!bigger)
			return -ENOMEM;
		b->at = bigger;
		b->cap = s->sz;
	}
	ret = reader__read(fd, b->at, s->sz, pos + SECTION_HEADER_SZ);
	if (ret < 0)
		return ret;
	return ret && trace_crc(b->at, s->sz) == s->crc;
}

/* Likewise, and says what is wrong. */
int reader__payload(struct trace_reader *r, struct bytes *b, uint64_t pos, const struct section *s)
{
	int ret = fetch_payload(r->fd, b, pos, s);

	if (!ret)
		reader__note(r, "damaged at byte %" PRIu64 ": check sum of a section is wrong",
			     pos);
	return ret;
}

static void end_ahead(struct trace_reader *r);

/* ---- opening --------------------------------------------------------------------------------- */

static int open_trace(struct trace_reader *r, char *err)
{
	struct trace_header h = {0};
	const off_t sz = lseek(r->fd, 0, SEEK_END);
	int ret;

	if (sz < 0)
		return reader_open__refuse(err, -errno);
	r->file_sz = (uint64_t)sz;
	ret = reader_open__header(r, &h, err);
	r->minor = h.minor;
	if (!ret)
		ret = reader_open__meta(r, err);
	if (ret)
		return ret;
	r->task_max = CPT_TASK_MAX;
	if (r->file_sz < CPT_TASK_MAX - CPT_TASK_FREE)
		r->task_max = CPT_TASK_FREE + (uint32_t)r->file_sz;
	ret = reader_open__walk(r);
	if (ret)
		return reader_open__refuse(err, ret);
	reader_open__judge(r, &h);
	r->decoder = block_decoder__new(r->meta.cpu_cnt, r->task_max);
	if (!r->decoder || task_census__init(&r->census, r->task_max, r->file_sz))
		return reader_open__refuse(err, -ENOMEM);
	return trace_reader__rewind(r);
}

struct trace_reader *trace_reader__open(int fd, char *err)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	int ret;

	err[0] = '\0';
	if (!r) {
		errno = -reader_open__refuse(err, -ENOMEM);
		return NULL;
	}
	r->fd = fd;
	r->sides[SIDE_MARKS].type = SECTION_MARKS;
	r->sides[SIDE_LOOPS].type = SECTION_LOOPS;
	r->sides[SIDE_SAMPLES].type = SECTION_SAMPLES;
	ret = open_trace(r, err);
	if (ret) {
		trace_reader__free(r);
		errno = -ret;
		return NULL;
	}
	return r;
}

void trace_reader__free(struct trace_reader *r)
{
	if (!r)
		return;
	end_ahead(r);
	block_decoder__free(r->ahead.decoder);
	free(r->ahead.payload.at);
	trace_meta__clear(&r->meta);
	words__free(r->words);
	block_decoder__free(r->decoder);
	task_census__fini(&r->census);
	late_window__clear(&r->late);
	late_index__clear(&r->late_index);
	free(r->payload.at);
	free(r->aside.at);
	for (int i = 0; i < SIDE_CNT; i++) {
		free(r->sides[i].events);
		free(r->sides[i].names);
	}
	latencies__free(r->latencies);
	services__free(r->services);
	stacks__free(r->stacks);
	free(r);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* First event at or after ts_ns, from index lo on. */
size_t reader__find_time(const struct trace_reader *r, size_t lo, uint64_t ts_ns)
{
	size_t hi = r->event_cnt;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (r->events[mid].ts_ns < ts_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* Decodes the block at r->pos. 1, 0 damaged, -errno. */
static int decode_here(struct trace_reader *r, const struct section *s)
{
	const char *why = "";
	int ret = reader__payload(r, &r->payload, r->pos, s);

	if (ret <= 0)
		return ret;
	ret = block_decoder__decode(r->decoder, r->payload.at, s->sz, s->cnt, s->first_ns,
				    s->last_ns, &r->events, &why);
	if (ret == -EBADMSG) {
		reader__note(r, "damaged at byte %" PRIu64 ": %s in a block", r->pos, why);
		return 0;
	}
	return ret ? ret : 1;
}

/* The job, see cpt_beside. What is wrong is found again, and said, when it is the block's turn. */
static void decode_ahead(void *arg)
{
	struct ahead *a = arg;
	const char *why;

	a->ret = fetch_payload(a->fd, &a->payload, a->pos, &a->s);
	if (a->ret > 0)
		a->ret = !block_decoder__decode(a->decoder, a->payload.at, a->s.sz, a->s.cnt,
						a->s.first_ns, a->s.last_ns, &a->events, &why);
}

static void start_ahead(struct trace_reader *r, uint64_t pos)
{
	struct ahead *a = &r->ahead;
	uint8_t head[SECTION_HEADER_SZ];

	if (!a->decoder)
		return;
	while (pos + sizeof(head) <= r->end_pos &&
	       reader__read(r->fd, head, sizeof(head), pos) > 0) {
		if (section__decode(&a->s, head) || a->s.sz > r->end_pos - pos - sizeof(head))
			return;
		if (a->s.type != SECTION_BLOCK) {
			pos = next_pos(pos, &a->s);
			continue;
		}
		a->pos = pos;
		a->started = true;
		a->beside.start(a->beside.ctx, decode_ahead, a);
		return;
	}
}

static void end_ahead(struct trace_reader *r)
{
	if (r->ahead.started)
		r->ahead.beside.wait(r->ahead.beside.ctx);
	r->ahead.started = false;
}

static bool same_section(const struct section *a, const struct section *b)
{
	return a->sz == b->sz && a->crc == b->crc && a->cnt == b->cnt &&
	       a->first_ns == b->first_ns && a->last_ns == b->last_ns;
}

/* Takes the block at r->pos if it was decoded ahead: from then on it is the current one. */
static bool take_ahead(struct trace_reader *r, const struct section *s)
{
	struct ahead *a = &r->ahead;
	struct block_decoder *decoder = r->decoder;
	struct bytes payload = r->payload;

	if (!a->started)
		return false;
	end_ahead(r);
	/* The header is read again at its turn: the file may change meanwhile. */
	if (a->ret <= 0 || a->pos != r->pos || !same_section(&a->s, s))
		return false;
	r->decoder = a->decoder;
	r->payload = a->payload;
	r->events = a->events;
	a->decoder = decoder;
	a->payload = payload;
	return true;
}

static int decode_block(struct trace_reader *r, const struct section *s)
{
	int ret = take_ahead(r, s) ? 1 : decode_here(r, s);

	if (ret <= 0)
		return ret;
	if (!task_census__admit(&r->census, r->decoder)) {
		reader__note(
			r, "damaged at byte %" PRIu64 ": more tasks than a file of this size holds",
			r->pos);
		return 0;
	}
	r->event_cnt = s->cnt;
	r->event_pos = 0;
	r->block_last_ns = s->last_ns;
	start_ahead(r, next_pos(r->pos, s));
	return 1;
}

/* The next block. 1, 0 at the end or at a damaged one, -errno. */
static int next_block(struct trace_reader *r)
{
	struct section s;
	int ret;

	while (r->pos < r->end_pos) {
		ret = reader__section(r, r->pos, &s);
		if (ret > 0 && s.type == SECTION_BLOCK && s.first_ns < r->block_last_ns) {
			/* The walk has seen them in order: the file changes while it is read. */
			reader__note(r, "damaged at byte %" PRIu64 ": time goes back", r->pos);
			ret = 0;
		} else if (ret > 0 && s.type == SECTION_BLOCK) {
			ret = decode_block(r, &s);
		} else if (ret > 0) {
			r->pos = next_pos(r->pos, &s);
			continue;
		}
		r->cut |= ret == 0;
		r->pos = ret > 0 ? next_pos(r->pos, &s) : r->end_pos;
		return ret;
	}
	return 0;
}

/* Behind the last block only wake-ups of its last instant are left; later ones have no switch-in in
 * what could be read. */
static int next_tail(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	const struct cpt_late *wake = reader_late__wake(r);

	if (!wake || wake->ts_ns > r->block_last_ns)
		return 0;
	reader_late__take(r, ev, cnt);
	return 1;
}

/* Returns what comes next of the current block, which has events left. 1, or 0 when the window must
 * move on first. */
static int next_slice(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	const struct cpt_late *wake = reader_late__wake(r);
	size_t lim = r->event_cnt, end;

	if (r->events[lim - 1].ts_ns >= r->late.until_ns)
		lim = reader__find_time(r, r->event_pos, r->late.until_ns);
	if (lim > r->event_pos)
		reader_late__apply(r, lim);
	end = wake ? reader_late__place(r, wake, lim) : lim;
	/* The next block may go on with the same instant. */
	if (wake && end == r->event_pos && end < r->event_cnt) {
		reader_late__take(r, ev, cnt);
		return 1;
	}
	if (end == r->event_pos)
		return 0;
	*ev = r->events + r->event_pos;
	*cnt = end - r->event_pos;
	r->event_pos = end;
	return 1;
}

static int next_of_blocks(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	int ret;

	for (;;) {
		if (r->event_pos == r->event_cnt) {
			ret = next_block(r);
			if (ret < 0)
				return ret;
			if (!ret)
				return next_tail(r, ev, cnt);
		}
		if (next_slice(r, ev, cnt))
			return 1;
		ret = reader_late__load(r, r->late.until_ns);
		if (ret)
			return ret;
	}
}

/* Of the held events: those before until_ns, of which there is one. */
static void return_held(struct trace_reader *r, uint64_t until_ns, const struct cpt_event **ev,
			size_t *cnt)
{
	size_t lo = 0, hi = r->held_cnt;

	while (lo < hi) {
		const size_t mid = lo + (hi - lo) / 2;

		if (r->held[mid].ts_ns < until_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	*ev = r->held;
	*cnt = lo;
	r->held += lo;
	r->held_cnt -= lo;
}

static bool any_side(const struct trace_reader *r)
{
	return r->sides[SIDE_MARKS].any || r->sides[SIDE_LOOPS].any || r->sides[SIDE_SAMPLES].any;
}

int trace_reader__next(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	struct side *side = NULL;
	uint64_t until_ns = 0;
	int ret;

	if (!any_side(r))
		return next_of_blocks(r, ev, cnt);
	if (!r->held_cnt) {
		ret = next_of_blocks(r, &r->held, &r->held_cnt);
		if (ret <= 0)
			r->held_cnt = 0;
		if (ret < 0)
			return ret;
	}
	ret = reader_side__first(r, &side, &until_ns);
	if (ret < 0)
		return ret;
	/* Sections of side events stand before the block of their time. Where that one is cut off, they would claim
	 * a time of which nobody knows who ran. */
	if (side && !r->held_cnt && r->cut) {
		if (side->events[side->at].ts_ns > r->block_last_ns)
			return 0;
		until_ns = until_ns < r->block_last_ns ? until_ns : r->block_last_ns;
	}
	if (side)
		reader_side__take(side, until_ns, ev, cnt);
	else if (r->held_cnt)
		return_held(r, until_ns, ev, cnt);
	else
		return 0;
	return 1;
}

int trace_reader__beside(struct trace_reader *r, const struct cpt_beside *beside)
{
	end_ahead(r);
	r->ahead.beside = *beside;
	r->ahead.fd = r->fd;
	if (!r->ahead.decoder)
		r->ahead.decoder = block_decoder__new(r->meta.cpu_cnt, r->task_max);
	return r->ahead.decoder ? 0 : -ENOMEM;
}

int trace_reader__rewind(struct trace_reader *r)
{
	end_ahead(r);
	task_census__restart(&r->census);
	r->pos = r->data_pos;
	r->event_cnt = r->event_pos = 0;
	r->block_last_ns = 0;
	r->end_idx = r->wake_idx = 0;
	r->late_read = 0;
	for (int i = 0; i < SIDE_CNT; i++) {
		r->sides[i].pos = r->data_pos;
		r->sides[i].cnt = r->sides[i].at = 0;
	}
	r->held_cnt = 0;
	return reader_late__load(r, 0);
}

/* ---- facts ------------------------------------------------------------------------------------ */

const struct cpt_trace_meta *trace_reader__meta(const struct trace_reader *r)
{
	return &r->meta;
}

const struct cpt_trace_close *trace_reader__close_facts(const struct trace_reader *r)
{
	return r->has_close ? &r->close : NULL;
}

const struct cpt_stacks *trace_reader__stacks(const struct trace_reader *r)
{
	return r->stacks;
}

const struct cpt_latencies *trace_reader__latencies(const struct trace_reader *r)
{
	return r->latencies;
}

const struct cpt_services *trace_reader__services(const struct trace_reader *r)
{
	return r->services;
}

const char *trace_reader__incomplete(const struct trace_reader *r)
{
	return r->incomplete[0] ? r->incomplete : NULL;
}

struct cpt_words *trace_reader__words(struct trace_reader *r)
{
	return r->words;
}

void trace_reader__span(const struct trace_reader *r, uint64_t *first_ns, uint64_t *last_ns)
{
	*first_ns = r->first_ns;
	*last_ns = r->last_ns;
}

uint64_t trace_reader__file_sz(const struct trace_reader *r)
{
	return r->file_sz;
}

uint64_t trace_reader__late_read(const struct trace_reader *r)
{
	return r->late_read;
}

uint64_t trace_reader__file_pos(const struct trace_reader *r)
{
	return r->pos;
}
