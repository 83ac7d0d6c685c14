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
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "late_index.h"
#include "latencies.h"
#include "stacks.h"
#include "trace_block.h"
#include "trace_format.h"
#include "trace_late.h"
#include "trace_loops.h"
#include "trace_side.h"
#include "trace_reader.h"
#include "varint.h"
#include "words_codec.h"

/* A late end looks at this many switches of its instant, so that no file can make it look for long. */
#define SAME_TIME_MAX 64

/* How often late facts are decoded, on average. A section is decoded again for each window that some of its
 * facts lie in: those of long waits, so that it is a few times where as many tasks wait at once as a window
 * holds. A file in which each section spans all of time would take its square. */
#define LATE_READS_MAX 16

struct bytes {
	uint8_t *at;
	size_t cap;
};

/* A block that is decoded beside the one that is looked at. */
struct ahead {
	struct cpt_beside beside;
	bool started;
	uint64_t pos; /* of its section */
	struct section s;
	int fd;
	struct block_decoder *decoder; /* NULL: none is decoded ahead */
	struct bytes payload;
	struct cpt_event *events;
	int ret; /* 1: it is sound */
};

/* The side events of one type of section, see above. */
struct side {
	uint16_t type; /* SECTION_* */
	bool any;
	uint64_t last_ns; /* of the walk: of the section before */
	uint64_t pos;	  /* next section to look at */
	struct cpt_event *events;
	uint32_t cnt, at;
};

struct trace_reader {
	int fd;
	uint64_t file_sz;
	uint64_t data_pos; /* first section behind META */
	uint64_t end_pos;  /* end of the sound sections */
	uint64_t pos;	   /* next section */
	uint64_t first_ns, last_ns;
	struct cpt_trace_meta meta;
	struct cpt_trace_close close;
	bool has_close, has_blocks;
	struct cpt_words *words; /* NULL: none that is sound */
	uint32_t task_max;
	struct block_decoder *decoder;
	struct bytes payload; /* the current block's: its events point into it */
	struct ahead ahead;
	struct bytes aside; /* any other section's */
	struct late_window late;
	struct late_index late_index;
	uint64_t late_read;	  /* bytes of late facts that were decoded since rewinding */
	struct cpt_event *events; /* the current block */
	size_t event_cnt, event_pos;
	size_t end_idx, wake_idx; /* next of late.at to look at for an end, a wake-up */
	uint64_t block_last_ns;	  /* the next block must not begin before it */
	struct cpt_event late_event;
	struct side samples, loops;
	struct cpt_latencies *latencies; /* NULL: none */
	uint16_t minor;			 /* of its format */
	const struct cpt_event *held;	 /* of the blocks, read and not returned yet */
	size_t held_cnt;
	struct cpt_stacks *stacks;
	char incomplete[CPT_TRACE_ERR_LEN];
};

/* The first reason stays. */
__attribute__((format(printf, 2, 3))) static void note(struct trace_reader *r, const char *fmt, ...)
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
static int read_at(int fd, void *data, size_t sz, uint64_t pos)
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
static int read_section(struct trace_reader *r, uint64_t pos, struct section *s)
{
	uint8_t head[SECTION_HEADER_SZ];
	const uint64_t left = r->file_sz - pos;
	int ret;

	if (!left)
		return 0;
	ret = left < sizeof(head) ? 0 : read_at(r->fd, head, sizeof(head), pos);
	if (ret < 0)
		return ret;
	if (!ret) {
		note(r, "cut off at byte %" PRIu64, pos);
		return 0;
	}
	if (section__decode(s, head)) {
		note(r, "damaged at byte %" PRIu64 ": no section header there", pos);
		return 0;
	}
	if (s->sz > left - sizeof(head)) {
		note(r, "cut off at byte %" PRIu64, pos);
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
	ret = read_at(fd, b->at, s->sz, pos + SECTION_HEADER_SZ);
	if (ret < 0)
		return ret;
	return ret && trace_crc(b->at, s->sz) == s->crc;
}

/* Likewise, and says what is wrong. */
static int read_payload(struct trace_reader *r, struct bytes *b, uint64_t pos,
			const struct section *s)
{
	int ret = fetch_payload(r->fd, b, pos, s);

	if (!ret)
		note(r, "damaged at byte %" PRIu64 ": check sum of a section is wrong", pos);
	return ret;
}

static uint64_t next_pos(uint64_t pos, const struct section *s)
{
	return pos + SECTION_HEADER_SZ + s->sz;
}

static void end_ahead(struct trace_reader *r);

static const char *side_name(const struct side *side)
{
	return side->type == SECTION_LOOPS ? "event loops" : "samples";
}

/* ---- opening --------------------------------------------------------------------------------- */

/* Says why in err and returns -code. */
__attribute__((format(printf, 3, 4))) static int refuse(char *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, CPT_TRACE_ERR_LEN, fmt, args);
	va_end(args);
	return -code;
}

static int refuse_errno(char *err, int ret)
{
	return refuse(err, -ret, "cannot read the trace: %s", strerror(-ret));
}

static int open_header(struct trace_reader *r, struct trace_header *h, char *err)
{
	uint8_t head[TRACE_HEADER_SZ] = {0};
	const uint64_t have = r->file_sz < sizeof(head) ? r->file_sz : sizeof(head);
	int ret;

	if (!r->file_sz)
		return refuse(err, ENODATA, "the trace is empty: nothing was recorded into it");
	ret = read_at(r->fd, head, have, 0);
	if (ret < 0)
		return refuse_errno(err, ret);
	if (have < sizeof(head) &&
	    !memcmp(head, trace_magic, have < TRACE_MAGIC_SZ ? have : TRACE_MAGIC_SZ))
		return refuse(err, EBADMSG, "the trace is cut off within its header: record again");
	ret = trace_header__decode(h, head);
	if (ret == -ENOTSUP)
		return refuse(
			err, ENOTSUP,
			"the trace has format %u.%u, this program reads %u: use the version of "
			"cpartrace that wrote it",
			h->major, h->minor, CPT_TRACE_MAJOR);
	if (ret == -EINVAL)
		return refuse(err, EINVAL, "not a trace: it does not begin as cpartrace's do");
	if (ret)
		return refuse(err, EBADMSG, "the trace's header is damaged: record again");
	return 0;
}

static int open_meta(struct trace_reader *r, char *err)
{
	struct section s = {0};
	int ret = read_section(r, TRACE_HEADER_SZ, &s);

	if (ret > 0 && s.type == SECTION_META)
		ret = read_payload(r, &r->aside, TRACE_HEADER_SZ, &s);
	else if (ret > 0)
		ret = 0;
	if (ret > 0) {
		ret = trace_meta__decode(&r->meta, r->aside.at, s.sz);
		ret = !ret ? 1 : ret == -ENOMEM ? ret : 0;
	}
	if (ret < 0)
		return refuse_errno(err, ret);
	if (!ret)
		return refuse(err, EBADMSG,
			      "the trace's description of its recording is %s: record again",
			      r->file_sz < next_pos(TRACE_HEADER_SZ, &s) ? "cut off" : "damaged");
	r->data_pos = next_pos(TRACE_HEADER_SZ, &s);
	return 0;
}

/* Stacks that cannot be read are left out: numbers without names are still numbers. 1 or -errno. */
static int walk_stacks(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret = read_payload(r, &r->aside, pos, s);

	if (ret <= 0)
		return ret ? ret : 1;
	if (!r->stacks)
		r->stacks = stacks__new();
	if (!r->stacks)
		return -ENOMEM;
	ret = stacks__decode(r->stacks, r->aside.at, s->sz);
	if (ret == -ENOMEM)
		return ret;
	if (ret)
		note(r, "damaged at byte %" PRIu64 ": stacks", pos);
	return 1;
}

static int walk_side(struct trace_reader *r, struct side *side, uint64_t pos,
		     const struct section *s)
{
	if (!s->cnt || s->cnt > CPT_SIDE_EVENTS_MAX || s->first_ns < side->last_ns) {
		note(r, "damaged at byte %" PRIu64 ": %s", pos, side_name(side));
		return 0;
	}
	side->any = true;
	side->last_ns = s->last_ns;
	return 1;
}

static int walk_late(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	const struct late_part part = {.pos = pos,
				       .end_pos = next_pos(pos, s),
				       .first_ns = s->first_ns,
				       .last_ns = s->last_ns};
	int err;

	if (s->first_ns > s->last_ns) {
		note(r, "damaged at byte %" PRIu64 ": late facts", pos);
		return 1;
	}
	err = late_index__add(&r->late_index, &part, s->sz);
	return err ? err : 1;
}

/* Before this one, latencies were of one direction without saying of which. */
#define MINOR_WAYS_APART 3

/* Latencies that cannot be read are left out. 1 or -errno. */
static int walk_latencies(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret = read_payload(r, &r->aside, pos, s);

	if (ret <= 0)
		return ret ? ret : 1;
	if (!r->latencies)
		r->latencies = latencies__new(r->minor >= MINOR_WAYS_APART);
	if (!r->latencies)
		return -ENOMEM;
	ret = latencies__decode(r->latencies, s->type == SECTION_LATENCIES_OUT, r->aside.at, s->sz);
	if (ret == -ENOMEM)
		return ret;
	if (ret)
		note(r, "damaged at byte %" PRIu64 ": latencies", pos);
	return 1;
}

/* A section that is damaged is as good as none: the reader's user makes the words out anew. 1 or
 * -errno. */
static int open_words(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret;

	if (r->words)
		return 1;
	ret = read_payload(r, &r->aside, pos, s);
	if (ret <= 0)
		return ret < 0 ? ret : 1;
	r->words = words__new(r->meta.machine);
	if (!r->words)
		return -ENOMEM;
	ret = words__decode(r->words, r->aside.at, s->sz, r->task_max);
	if (!ret)
		return 1;
	words__free(r->words);
	r->words = NULL;
	if (ret == -ENOMEM)
		return ret;
	note(r, "damaged at byte %" PRIu64 ": words", pos);
	return 1;
}

/* Takes one section into account. 1 go on, 0 stop before it, -errno. */
static int walk_section(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret;

	if (s->type == SECTION_BLOCK) {
		if (r->has_blocks && s->first_ns < r->last_ns) {
			note(r, "damaged at byte %" PRIu64 ": time goes back", pos);
			return 0;
		}
		if (!r->has_blocks)
			r->first_ns = s->first_ns;
		r->last_ns = s->last_ns;
		r->has_blocks = true;
	} else if (s->type == SECTION_LATE) {
		return walk_late(r, pos, s);
	} else if (s->type == SECTION_STACKS) {
		return walk_stacks(r, pos, s);
	} else if (s->type == SECTION_SAMPLES) {
		return walk_side(r, &r->samples, pos, s);
	} else if (s->type == SECTION_LOOPS) {
		return walk_side(r, &r->loops, pos, s);
	} else if (s->type == SECTION_LATENCIES || s->type == SECTION_LATENCIES_OUT) {
		return walk_latencies(r, pos, s);
	} else if (s->type == SECTION_CLOSE) {
		ret = read_payload(r, &r->aside, pos, s);
		if (ret <= 0)
			return ret;
		if (trace_close__decode(&r->close, r->aside.at, s->sz)) {
			note(r, "damaged at byte %" PRIu64 ": closing section", pos);
			return 0;
		}
		r->has_close = true;
	} else if (s->type == SECTION_WORDS) {
		return open_words(r, pos, s);
	} else if (s->flags & SECTION_CRITICAL) {
		note(r, "needs a newer version of cpartrace from byte %" PRIu64 " on", pos);
		return 0;
	}
	return 1;
}

static int walk(struct trace_reader *r)
{
	struct section s;
	int ret = 1;

	r->end_pos = r->data_pos;
	while (!r->has_close) {
		ret = read_section(r, r->end_pos, &s);
		if (ret > 0)
			ret = walk_section(r, r->end_pos, &s);
		if (ret <= 0)
			break;
		r->end_pos = next_pos(r->end_pos, &s);
	}
	if (!r->has_blocks)
		r->first_ns = r->last_ns = r->meta.start_mono_ns;
	return ret < 0 ? ret : 0;
}

/* What the header's promise and the walk's finding come to together. */
static void judge(struct trace_reader *r, const struct trace_header *h)
{
	if ((h->flags & TRACE_INCOMPLETE) && r->incomplete[0])
		return;
	if (r->has_close && r->close.failure)
		note(r, "the recorder could not go on: %s", strerror((int)r->close.failure));
	else if (h->flags & TRACE_INCOMPLETE)
		note(r, "recording was not ended properly");
	else if (r->file_sz < h->closed_sz)
		note(r, "cut off at byte %" PRIu64, r->end_pos);
	else if (!r->has_close)
		note(r, "damaged at byte %" PRIu64 ": no closing section", r->end_pos);
	else if (r->end_pos != r->file_sz || h->closed_sz != r->file_sz)
		note(r, "something follows its closing section at byte %" PRIu64, r->end_pos);
}

static int open_trace(struct trace_reader *r, char *err)
{
	struct trace_header h = {0};
	const off_t sz = lseek(r->fd, 0, SEEK_END);
	int ret;

	if (sz < 0)
		return refuse_errno(err, -errno);
	r->file_sz = (uint64_t)sz;
	ret = open_header(r, &h, err);
	r->minor = h.minor;
	if (!ret)
		ret = open_meta(r, err);
	if (ret)
		return ret;
	r->task_max = CPT_TASK_MAX;
	if (r->file_sz < CPT_TASK_MAX - CPT_TASK_FREE)
		r->task_max = CPT_TASK_FREE + (uint32_t)r->file_sz;
	ret = walk(r);
	if (ret)
		return refuse_errno(err, ret);
	judge(r, &h);
	r->decoder = block_decoder__new(r->meta.cpu_cnt, r->task_max);
	if (!r->decoder)
		return refuse_errno(err, -ENOMEM);
	return trace_reader__rewind(r);
}

struct trace_reader *trace_reader__open(int fd, char *err)
{
	struct trace_reader *r = calloc(1, sizeof(*r));
	int ret;

	err[0] = '\0';
	if (!r) {
		errno = -refuse_errno(err, -ENOMEM);
		return NULL;
	}
	r->fd = fd;
	r->samples.type = SECTION_SAMPLES;
	r->loops.type = SECTION_LOOPS;
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
	late_window__clear(&r->late);
	late_index__clear(&r->late_index);
	free(r->payload.at);
	free(r->aside.at);
	free(r->samples.events);
	free(r->loops.events);
	latencies__free(r->latencies);
	stacks__free(r->stacks);
	free(r);
}

/* ---- late facts ------------------------------------------------------------------------------- */

/* Entries of the LATE section at pos, whose header is s, into the window. 0 or -errno. */
static int load_late_section(struct trace_reader *r, struct late_part *part, uint64_t pos,
			     const struct section *s)
{
	struct cursor c;
	uint64_t prev_ns = 0;
	int ret = read_payload(r, &r->aside, pos, s);

	if (ret <= 0)
		return ret;
	r->late_read += s->sz;
	c = (struct cursor){.at = r->aside.at, .end = r->aside.at + s->sz};
	while (c.at < c.end) {
		struct cpt_late late;

		/* The header decides when its section is read: nothing may lie outside of its span. */
		if (!late__decode(&c, &late, &prev_ns, r->meta.cpu_cnt, r->task_max) ||
		    late.ts_ns < s->first_ns || late.ts_ns > s->last_ns ||
		    late.ts_ns < part->first_ns || late.ts_ns > part->last_ns) {
			note(r, "damaged at byte %" PRIu64 ": late facts", pos);
			return 0;
		}
		late_part__note(part, late.ts_ns);
		ret = late_window__add(&r->late, &late);
		if (ret)
			return ret;
	}
	return 0;
}

/* The sections of a part. 0 or -errno. */
static int load_late_part(struct trace_reader *r, struct late_part *part)
{
	uint64_t pos = part->pos;
	struct section s;
	int ret = 1;

	late_part__begin(part);
	while (pos < part->end_pos) {
		ret = read_section(r, pos, &s);
		if (ret > 0 && s.type == SECTION_LATE)
			ret = load_late_section(r, part, pos, &s) ?: 1;
		if (ret <= 0)
			return ret;
		pos = next_pos(pos, &s);
	}
	return 0;
}

/* Fills the window with late facts from from_ns on. 0 or -errno. */
static int load_late(struct trace_reader *r, uint64_t from_ns)
{
	struct late_index *idx = &r->late_index;
	int ret = 0;

	late_window__begin(&r->late, from_ns);
	r->end_idx = r->wake_idx = 0;
	for (uint32_t i = 0; i < idx->cnt && !ret; i++) {
		if (!late_part__meets(&idx->parts[i], from_ns, r->late.until_ns))
			continue;
		if (r->late_read / LATE_READS_MAX > idx->bytes) {
			note(r, "its late facts are in no order that a recorder leaves them in");
			break;
		}
		ret = load_late_part(r, &idx->parts[i]);
	}
	late_window__end(&r->late);
	if (r->late.excess)
		note(r, "more late facts at one instant than there can be");
	return ret;
}

/* First event at or after ts_ns, from index lo on. */
static size_t find_time(const struct trace_reader *r, size_t lo, uint64_t ts_ns)
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

static void apply_end(struct trace_reader *r, const struct cpt_late *late)
{
	const size_t from = find_time(r, 0, late->ts_ns);

	for (size_t i = from; i < r->event_cnt && i - from < SAME_TIME_MAX; i++) {
		struct cpt_event *ev = &r->events[i];

		if (ev->ts_ns != late->ts_ns)
			return;
		if (ev->type != CPT_EV_SWITCH || ev->task != late->task ||
		    !(ev->flags & CPT_SW_PREV_BLOCKED))
			continue;
		ev->end = late->end;
		ev->end_waker = late->end == CPT_END_IRQ ? 0 : late->waker;
		return;
	}
}

/* Ends of waits that began in events[..lim). Those of its last instant may belong to the next block,
 * so they are looked at again there. */
static void apply_ends(struct trace_reader *r, size_t lim)
{
	const uint64_t last_ns = r->events[lim - 1].ts_ns;
	size_t i = r->end_idx;

	for (; i < r->late.cnt && r->late.at[i].ts_ns <= last_ns; i++) {
		if (r->late.at[i].kind == CPT_LATE_END)
			apply_end(r, &r->late.at[i]);
		if (r->late.at[i].ts_ns < last_ns)
			r->end_idx = i + 1;
	}
}

/* The next late wake-up, NULL when the window has no more. */
static const struct cpt_late *next_wake(struct trace_reader *r)
{
	while (r->wake_idx < r->late.cnt && r->late.at[r->wake_idx].kind != CPT_LATE_WAKE)
		r->wake_idx++;
	return r->wake_idx < r->late.cnt ? &r->late.at[r->wake_idx] : NULL;
}

/* Whether ev, of the wake-up's instant, stands before it: all but its task's own switch-in and
 * wake-ups of higher tasks do. */
static bool precedes(const struct cpt_event *ev, const struct cpt_late *wake)
{
	if (ev->type == CPT_EV_SWITCH)
		return ev->other != wake->task;
	return ev->type != CPT_EV_WAKE || ev->task < wake->task;
}

/* Where the wake-up belongs among events[event_pos..lim). */
static size_t place_wake(const struct trace_reader *r, const struct cpt_late *wake, size_t lim)
{
	size_t i = find_time(r, r->event_pos, wake->ts_ns);

	while (i < lim && r->events[i].ts_ns == wake->ts_ns && precedes(&r->events[i], wake))
		i++;
	return i < lim ? i : lim;
}

static void return_wake(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	const struct cpt_late *late = &r->late.at[r->wake_idx++];

	r->late_event = (struct cpt_event){
		.ts_ns = late->ts_ns,
		.type = CPT_EV_WAKE,
		.wake_ctx = late->wake_ctx,
		.flags = late->flags,
		.waker_sysno = late->waker_sysno,
		.cpu = late->cpu,
		.task = late->task,
		.other = late->waker,
	};
	*ev = &r->late_event;
	*cnt = 1;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* Decodes the block at r->pos. 1, 0 damaged, -errno. */
static int decode_here(struct trace_reader *r, const struct section *s)
{
	const char *why = "";
	int ret = read_payload(r, &r->payload, r->pos, s);

	if (ret <= 0)
		return ret;
	ret = block_decoder__decode(r->decoder, r->payload.at, s->sz, s->cnt, s->first_ns,
				    s->last_ns, &r->events, &why);
	if (ret == -EBADMSG) {
		note(r, "damaged at byte %" PRIu64 ": %s in a block", r->pos, why);
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
	while (pos + sizeof(head) <= r->end_pos && read_at(r->fd, head, sizeof(head), pos) > 0) {
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
		ret = read_section(r, r->pos, &s);
		if (ret > 0 && s.type == SECTION_BLOCK && s.first_ns < r->block_last_ns) {
			/* The walk has seen them in order: the file changes while it is read. */
			note(r, "damaged at byte %" PRIu64 ": time goes back", r->pos);
			ret = 0;
		} else if (ret > 0 && s.type == SECTION_BLOCK) {
			ret = decode_block(r, &s);
		} else if (ret > 0) {
			r->pos = next_pos(r->pos, &s);
			continue;
		}
		r->pos = ret > 0 ? next_pos(r->pos, &s) : r->end_pos;
		return ret;
	}
	return 0;
}

/* Behind the last block only wake-ups of its last instant are left; later ones have no switch-in in
 * what could be read. */
static int next_tail(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	const struct cpt_late *wake = next_wake(r);

	if (!wake || wake->ts_ns > r->block_last_ns)
		return 0;
	return_wake(r, ev, cnt);
	return 1;
}

/* Returns what comes next of the current block, which has events left. 1, or 0 when the window must
 * move on first. */
static int next_slice(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	const struct cpt_late *wake = next_wake(r);
	size_t lim = r->event_cnt, end;

	if (r->events[lim - 1].ts_ns >= r->late.until_ns)
		lim = find_time(r, r->event_pos, r->late.until_ns);
	if (lim > r->event_pos)
		apply_ends(r, lim);
	end = wake ? place_wake(r, wake, lim) : lim;
	/* The next block may go on with the same instant. */
	if (wake && end == r->event_pos && end < r->event_cnt) {
		return_wake(r, ev, cnt);
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
		ret = load_late(r, r->late.until_ns);
		if (ret)
			return ret;
	}
}

/* ---- side events ------------------------------------------------------------------------------- */

/* A section of event loops that cannot be read leaves its instances in doubt until events of the next
 * one. */
static int lose_loops(struct side *side, const struct section *s)
{
	side->events[0] = (struct cpt_event){.type = CPT_EV_LOOP_LOST, .ts_ns = s->first_ns};
	side->cnt = 1;
	side->at = 0;
	return 1;
}

static int decode_side(struct trace_reader *r, struct side *side, const struct section *s)
{
	if (!s->cnt || s->cnt > CPT_SIDE_EVENTS_MAX) /* the file changes while it is read */
		return -EBADMSG;
	if (side->type == SECTION_LOOPS)
		return loop_side__decode(side->events, s->cnt, r->aside.at, s->sz, s->first_ns,
					 s->last_ns, r->task_max);
	return side__decode(side->events, s->cnt, r->aside.at, s->sz, s->first_ns, s->last_ns,
			    r->meta.cpu_cnt, r->task_max);
}

/* Decodes the section at pos. 1, 0 damaged: what follows cannot be ordered, -errno. */
static int load_side(struct trace_reader *r, struct side *side, uint64_t pos,
		     const struct section *s)
{
	int ret;

	if (!side->events) {
		side->events = malloc(CPT_SIDE_EVENTS_MAX * sizeof(*side->events));
		if (!side->events)
			return -ENOMEM;
	}
	ret = read_payload(r, &r->aside, pos, s);
	if (ret > 0) {
		ret = decode_side(r, side, s);
		ret = !ret ? 1 : ret == -EBADMSG ? 0 : ret;
		if (!ret)
			note(r, "damaged at byte %" PRIu64 ": %s", pos, side_name(side));
	}
	if (ret < 0)
		return ret;
	if (!ret)
		return side->type == SECTION_LOOPS ? lose_loops(side, s) : 0;
	side->cnt = s->cnt;
	side->at = 0;
	return 1;
}

/* The next side event into *ev, NULL when there is none. 0 or -errno. */
static int peek_side(struct trace_reader *r, struct side *side, const struct cpt_event **ev)
{
	struct section s;
	int ret = 1;

	while (side->any && side->at == side->cnt && side->pos < r->end_pos && ret > 0) {
		ret = read_section(r, side->pos, &s);
		if (ret > 0 && s.type == side->type)
			ret = load_side(r, side, side->pos, &s);
		side->pos = ret > 0 ? next_pos(side->pos, &s) : r->end_pos;
	}
	*ev = side->at < side->cnt ? &side->events[side->at] : NULL;
	return ret < 0 ? ret : 0;
}

/* Of side events: those up to until_ns. */
static void return_side(struct side *side, uint64_t until_ns, const struct cpt_event **ev,
			size_t *cnt)
{
	*ev = &side->events[side->at];
	*cnt = 0;
	while (side->at < side->cnt && side->events[side->at].ts_ns <= until_ns) {
		side->at++;
		(*cnt)++;
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

/* Which of the side events comes first, into *first; the time of what follows it, held or of the other
 * kind, into *until_ns. *first is NULL when a held event comes before all. */
static int first_side(struct trace_reader *r, struct side **first, uint64_t *until_ns)
{
	const struct cpt_event *sample, *loop;
	const uint64_t held_ns = r->held_cnt ? r->held[0].ts_ns : UINT64_MAX;
	int ret = peek_side(r, &r->samples, &sample);
	uint64_t sample_ns, loop_ns;

	if (!ret)
		ret = peek_side(r, &r->loops, &loop);
	if (ret)
		return ret;
	sample_ns = sample ? sample->ts_ns : UINT64_MAX;
	loop_ns = loop ? loop->ts_ns : UINT64_MAX;
	*first = NULL;
	if (loop && loop_ns <= sample_ns)
		*first = &r->loops;
	else if (sample)
		*first = &r->samples;
	*until_ns = loop_ns <= sample_ns ? sample_ns : loop_ns;
	if (*first && r->held_cnt && (loop_ns < sample_ns ? loop_ns : sample_ns) > held_ns)
		*first = NULL;
	if (*first)
		*until_ns = *until_ns < held_ns ? *until_ns : held_ns;
	else
		*until_ns = loop_ns < sample_ns ? loop_ns : sample_ns;
	return 0;
}

int trace_reader__next(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
{
	struct side *side = NULL;
	uint64_t until_ns = 0;
	int ret;

	if (!r->samples.any && !r->loops.any)
		return next_of_blocks(r, ev, cnt);
	if (!r->held_cnt) {
		ret = next_of_blocks(r, &r->held, &r->held_cnt);
		if (ret <= 0)
			r->held_cnt = 0;
		if (ret < 0)
			return ret;
	}
	ret = first_side(r, &side, &until_ns);
	if (ret < 0)
		return ret;
	if (side)
		return_side(side, until_ns, ev, cnt);
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
	r->pos = r->data_pos;
	r->event_cnt = r->event_pos = 0;
	r->block_last_ns = 0;
	r->end_idx = r->wake_idx = 0;
	r->late_read = 0;
	r->samples.pos = r->loops.pos = r->data_pos;
	r->samples.cnt = r->samples.at = 0;
	r->loops.cnt = r->loops.at = 0;
	r->held_cnt = 0;
	return load_late(r, 0);
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
