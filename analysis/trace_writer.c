// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * trace_writer.c - see trace_writer.h.
 *
 *   header | META | LATE? BLOCK | LATE? BLOCK | … | CLOSE
 *
 * The file is only ever appended to, except for the header at the end. Late facts go to disk right
 * before the block that made them known: so a trace that is cut off between any two sections tells
 * of each wait whose end lies before the cut how it ended, without another pass.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stacks.h"
#include "trace_block.h"
#include "trace_format.h"
#include "trace_loops.h"
#include "trace_marks.h"
#include "trace_side.h"
#include "trace_writer.h"
#include "words_codec.h"

#define BLOCK_AGE_NS 250000000u
#define LATE_FULL    (64u << 10)
#define SIDE_FULL    16384u

/* Events of one kind of section that stands beside the blocks. */
struct side_buf {
	uint16_t type;		/* SECTION_* */
	struct cpt_event *side; /* SIDE_FULL of them, NULL until the first */
	uint32_t cnt;
	uint64_t last_ns;
	char (*names)[CPT_MARK_LEN]; /* of marks */
};

struct trace_writer {
	int fd;
	int err;
	uint64_t pos;
	uint64_t switch_cnt;
	uint64_t last_ns;
	struct block_encoder *block;
	uint8_t *late;
	size_t late_sz;
	uint32_t late_cnt;
	uint64_t late_prev_ns, late_min_ns, late_max_ns;
	uint64_t late_since_ns; /* the first tick that found some of them; UINT64_MAX none has */
	uint32_t cpu_cnt;
	struct side_buf samples, loops, marks;
};

/* ---- bytes ----------------------------------------------------------------------------------- */

static int write_at(struct trace_writer *w, const void *data, size_t sz, uint64_t pos)
{
	const char *p = data;

	while (sz && !w->err) {
		const ssize_t done = pwrite(w->fd, p, sz, (off_t)pos);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0) {
			/* A write that takes nothing means that there is no room. */
			w->err = done < 0 ? -errno : -ENOSPC;
			break;
		}
		p += done;
		pos += (uint64_t)done;
		sz -= (size_t)done;
	}
	return w->err;
}

static int append(struct trace_writer *w, const void *data, size_t sz)
{
	if (!write_at(w, data, sz, w->pos))
		w->pos += sz;
	return w->err;
}

static int write_section(struct trace_writer *w, struct section *s, const void *payload, size_t sz)
{
	uint8_t head[SECTION_HEADER_SZ];
	const uint64_t start = w->pos;

	s->sz = (uint32_t)sz;
	s->crc = trace_crc(payload, sz);
	section__encode(head, s);
	if (!append(w, head, sizeof(head)))
		append(w, payload, sz);
	if (w->err)
		w->pos = start;
	return w->err;
}

static int write_header(struct trace_writer *w, uint32_t flags, uint64_t closed_sz)
{
	const struct trace_header h = {.major = CPT_TRACE_MAJOR,
				       .minor = CPT_TRACE_MINOR,
				       .flags = flags,
				       .closed_sz = closed_sz};
	uint8_t head[TRACE_HEADER_SZ];

	trace_header__encode(head, &h);
	return write_at(w, head, sizeof(head), 0);
}

/* Takes payload over. */
static int write_owned(struct trace_writer *w, uint16_t type, uint8_t *payload, size_t sz)
{
	struct section s = {.type = type};

	if (!payload)
		return w->err = -errno;
	write_section(w, &s, payload, sz);
	free(payload);
	return w->err;
}

/* ---- late facts and blocks ---------------------------------------------------------------------- */

static int flush_late(struct trace_writer *w)
{
	struct section s = {.type = SECTION_LATE,
			    .cnt = w->late_cnt,
			    .first_ns = w->late_min_ns,
			    .last_ns = w->late_max_ns};

	if (!w->late_cnt || w->err)
		return w->err;
	write_section(w, &s, w->late, w->late_sz);
	w->late_cnt = 0;
	w->late_sz = 0;
	w->late_prev_ns = 0;
	w->late_since_ns = UINT64_MAX;
	return w->err;
}

static int flush_side(struct trace_writer *w, struct side_buf *b)
{
	struct section s = {.type = b->type, .cnt = b->cnt};
	uint8_t *payload;
	size_t sz;

	if (!b->cnt || w->err)
		return w->err;
	s.first_ns = b->side[0].ts_ns;
	s.last_ns = b->side[b->cnt - 1].ts_ns;
	if (b->type == SECTION_MARKS)
		payload = mark_side__encode(b->side, b->cnt, &sz);
	else if (b->type == SECTION_LOOPS)
		payload = loop_side__encode(b->side, b->cnt, &sz);
	else
		payload = side__encode(b->side, b->cnt, &sz);
	if (!payload)
		return w->err = -errno;
	write_section(w, &s, payload, sz);
	free(payload);
	b->cnt = 0;
	return w->err;
}

static int flush_block(struct trace_writer *w)
{
	struct section s = {.type = SECTION_BLOCK,
			    .cnt = block_encoder__cnt(w->block),
			    .first_ns = block_encoder__first_ns(w->block),
			    .last_ns = block_encoder__last_ns(w->block)};
	const uint8_t *payload;
	size_t sz;

	if (flush_late(w) || flush_side(w, &w->samples) || flush_side(w, &w->loops) ||
	    flush_side(w, &w->marks) || !s.cnt)
		return w->err;
	payload = block_encoder__encode(w->block, &sz);
	if (!payload)
		return w->err = -errno;
	return write_section(w, &s, payload, sz);
}

/* ---- public ------------------------------------------------------------------------------------ */

struct trace_writer *trace_writer__new(int fd, const struct cpt_trace_meta *meta)
{
	struct trace_writer *w;
	uint8_t *payload;
	size_t sz;
	int err;

	payload = trace_meta__encode(meta, &sz);
	if (!payload)
		return NULL;
	w = calloc(1, sizeof(*w));
	if (!w)
		goto no_memory;
	w->fd = fd;
	w->cpu_cnt = meta->cpu_cnt;
	w->samples.type = SECTION_SAMPLES;
	w->loops.type = SECTION_LOOPS;
	w->marks.type = SECTION_MARKS;
	w->late_since_ns = UINT64_MAX;
	w->block = block_encoder__new(meta->cpu_cnt);
	w->late = malloc(LATE_FULL + LATE_ENTRY_MAX);
	if (!w->block || !w->late)
		goto no_memory;
	w->pos = TRACE_HEADER_SZ;
	write_header(w, TRACE_INCOMPLETE, 0);
	if (write_owned(w, SECTION_META, payload, sz)) {
		err = -w->err;
		trace_writer__free(w);
		errno = err;
		return NULL;
	}
	return w;
no_memory:
	free(payload);
	trace_writer__free(w);
	errno = ENOMEM;
	return NULL;
}

void trace_writer__free(struct trace_writer *w)
{
	if (!w)
		return;
	block_encoder__free(w->block);
	free(w->late);
	free(w->samples.side);
	free(w->loops.side);
	free(w->marks.side);
	free(w->marks.names);
	free(w);
}

int trace_writer__events(struct trace_writer *w, const struct cpt_event *ev, size_t cnt)
{
	for (size_t i = 0; i < cnt && !w->err; i++) {
		if (ev[i].ts_ns < w->last_ns)
			return w->err = -EINVAL;
		if (block_encoder__full(w->block) && flush_block(w))
			break;
		w->err = block_encoder__add(w->block, &ev[i]);
		w->last_ns = ev[i].ts_ns;
		w->switch_cnt += ev[i].type == CPT_EV_SWITCH && !(ev[i].flags & CPT_SW_FOUND);
	}
	return w->err;
}

int trace_writer__late(struct trace_writer *w, const struct cpt_late *late)
{
	uint8_t *end;

	if (w->err || (late->kind == CPT_LATE_END && block_encoder__end(w->block, late)))
		return w->err;
	if (!w->late_cnt || late->ts_ns < w->late_min_ns)
		w->late_min_ns = late->ts_ns;
	if (!w->late_cnt || late->ts_ns > w->late_max_ns)
		w->late_max_ns = late->ts_ns;
	end = late__encode(w->late + w->late_sz, late, &w->late_prev_ns);
	w->late_sz = (size_t)(end - w->late);
	w->late_cnt++;
	return w->late_sz >= LATE_FULL ? flush_late(w) : 0;
}

static bool side_valid(const struct trace_writer *w, const struct side_buf *b,
		       const struct cpt_event *ev)
{
	if (b->type == SECTION_MARKS)
		return mark_side__valid(ev, b->last_ns, CPT_TASK_MAX);
	return b->type == SECTION_LOOPS ? loop_side__valid(ev, b->last_ns, CPT_TASK_MAX)
					: side__valid(ev, b->last_ns, w->cpu_cnt, CPT_TASK_MAX);
}

static struct side_buf *side_of(struct trace_writer *w, uint8_t type)
{
	if (type == CPT_EV_MARK)
		return &w->marks;
	return is_loop_event(type) ? &w->loops : &w->samples;
}

static int side_room(struct side_buf *b)
{
	if (!b->side)
		b->side = malloc(SIDE_FULL * sizeof(*b->side));
	if (b->type == SECTION_MARKS && !b->names)
		b->names = malloc(SIDE_FULL * sizeof(*b->names));
	return b->side && (b->type != SECTION_MARKS || b->names) ? 0 : -ENOMEM;
}

int trace_writer__side(struct trace_writer *w, const struct cpt_event *ev, size_t cnt)
{
	for (size_t i = 0; i < cnt && !w->err; i++) {
		struct side_buf *b = side_of(w, ev[i].type);

		if (side_room(b))
			return w->err = -ENOMEM;
		if (!side_valid(w, b, &ev[i]))
			return w->err = -EINVAL;
		if (b->cnt == SIDE_FULL && flush_side(w, b))
			break;
		b->side[b->cnt] = ev[i];
		if (b->names)
			b->side[b->cnt].mark = strcpy(b->names[b->cnt], ev[i].mark);
		b->cnt++;
		b->last_ns = ev[i].ts_ns;
	}
	return w->err;
}

int trace_writer__latencies(struct trace_writer *w, bool outbound, const uint8_t *payload,
			    size_t sz)
{
	struct section s = {.type = outbound ? SECTION_LATENCIES_OUT : SECTION_LATENCIES};

	return sz && !flush_block(w) ? write_section(w, &s, payload, sz) : w->err;
}

int trace_writer__services(struct trace_writer *w, const uint8_t *payload, size_t sz)
{
	struct section s = {.type = SECTION_SERVICES};

	return sz && !flush_block(w) ? write_section(w, &s, payload, sz) : w->err;
}

int trace_writer__stacks(struct trace_writer *w, struct cpt_stacks *stacks)
{
	uint32_t next = 1;
	uint8_t *payload;
	size_t sz = 0;

	if (!w->err)
		flush_block(w);
	while (!w->err && next <= stacks__cnt(stacks)) {
		payload = stacks__encode(stacks, &next, &sz);
		write_owned(w, SECTION_STACKS, payload, sz);
	}
	return w->err;
}

int trace_writer__flush(struct trace_writer *w)
{
	return flush_block(w);
}

int trace_writer__section(struct trace_writer *w, const struct section *s, const uint8_t *payload)
{
	struct section out = *s;

	return flush_block(w) ? w->err : write_section(w, &out, payload, s->sz);
}

int trace_writer__carried(struct trace_writer *w)
{
	struct section s = {.type = SECTION_CARRIED};

	return flush_block(w) ? w->err : write_section(w, &s, NULL, 0);
}

/* A switch with its wake-up takes 8 bytes on disk; what is new in a block, more. */
#define EVENT_BYTES 8u

uint64_t trace_writer__open_bytes(const struct trace_writer *w)
{
	const uint64_t events =
		block_encoder__cnt(w->block) + (uint64_t)w->samples.cnt + w->loops.cnt;

	return events * EVENT_BYTES + w->late_sz + 4 * SECTION_HEADER_SZ;
}

static int sink_side(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	return trace_writer__side(ctx, ev, cnt);
}

static int sink_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	return trace_writer__events(ctx, ev, cnt);
}

static int sink_late(void *ctx, const struct cpt_late *late)
{
	return trace_writer__late(ctx, late);
}

struct cpt_merge_sink trace_writer__sink(struct trace_writer *w)
{
	return (struct cpt_merge_sink){
		.events = sink_events, .late = sink_late, .side = sink_side, .ctx = w};
}

/* The time of the oldest thing that is not written yet; UINT64_MAX: all is. Late facts are older than
 * that, but known only since a tick ago at most. */
static uint64_t oldest_ns(struct trace_writer *w, uint64_t now_ns)
{
	uint64_t oldest = UINT64_MAX;

	if (block_encoder__cnt(w->block))
		oldest = block_encoder__first_ns(w->block);
	if (w->samples.cnt && w->samples.side[0].ts_ns < oldest)
		oldest = w->samples.side[0].ts_ns;
	if (w->loops.cnt && w->loops.side[0].ts_ns < oldest)
		oldest = w->loops.side[0].ts_ns;
	if (w->marks.cnt && w->marks.side[0].ts_ns < oldest)
		oldest = w->marks.side[0].ts_ns;
	if (!w->late_cnt)
		w->late_since_ns = UINT64_MAX;
	else if (w->late_since_ns > now_ns)
		w->late_since_ns = now_ns;
	return w->late_since_ns < oldest ? w->late_since_ns : oldest;
}

int trace_writer__tick(struct trace_writer *w, uint64_t now_ns)
{
	const uint64_t oldest = oldest_ns(w, now_ns);

	if (w->err)
		return w->err;
	return now_ns > oldest && now_ns - oldest > BLOCK_AGE_NS ? flush_block(w) : 0;
}

int trace_writer__words(struct trace_writer *w, const struct cpt_words *ws)
{
	uint8_t *payload;
	size_t sz = 0;

	if (flush_block(w))
		return w->err;
	payload = words__encode(ws, &sz);
	return write_owned(w, SECTION_WORDS, payload, sz);
}

int trace_writer__close(struct trace_writer *w, const struct cpt_trace_close *close)
{
	uint8_t *payload;
	size_t sz = 0;

	if (w->err || flush_block(w))
		return w->err;
	payload = trace_close__encode(close, &sz);
	if (write_owned(w, SECTION_CLOSE, payload, sz) || close->failure)
		return w->err;
	return write_header(w, 0, w->pos);
}

int trace_writer__err(const struct trace_writer *w)
{
	return w->err;
}

uint64_t trace_writer__bytes(const struct trace_writer *w)
{
	return w->pos;
}

uint64_t trace_writer__switches(const struct trace_writer *w)
{
	return w->switch_cnt;
}
