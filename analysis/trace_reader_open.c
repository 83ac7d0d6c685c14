// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_reader_open.c - see trace_reader_priv.h. */
#include <stdarg.h>
#include <stdio.h>

#include "latencies.h"
#include "services.h"
#include "stacks.h"
#include "trace_reader_priv.h"
#include "trace_side.h"
#include "words_codec.h"

/* Says why in err and returns -code. */
__attribute__((format(printf, 3, 4))) static int refuse(char *err, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, CPT_TRACE_ERR_LEN, fmt, args);
	va_end(args);
	return -code;
}

int reader_open__refuse(char *err, int ret)
{
	return refuse(err, -ret, "cannot read the trace: %s", strerror(-ret));
}

int reader_open__header(struct trace_reader *r, struct trace_header *h, char *err)
{
	uint8_t head[TRACE_HEADER_SZ] = {0};
	const uint64_t have = r->file_sz < sizeof(head) ? r->file_sz : sizeof(head);
	int ret;

	if (!r->file_sz)
		return refuse(err, ENODATA, "the trace is empty: nothing was recorded into it");
	ret = reader__read(r->fd, head, have, 0);
	if (ret < 0)
		return reader_open__refuse(err, ret);
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

int reader_open__meta(struct trace_reader *r, char *err)
{
	struct section s = {0};
	int ret = reader__section(r, TRACE_HEADER_SZ, &s);

	if (ret > 0 && s.type == SECTION_META)
		ret = reader__payload(r, &r->aside, TRACE_HEADER_SZ, &s);
	else if (ret > 0)
		ret = 0;
	if (ret > 0) {
		ret = trace_meta__decode(&r->meta, r->aside.at, s.sz);
		ret = !ret ? 1 : ret == -ENOMEM ? ret : 0;
	}
	if (ret < 0)
		return reader_open__refuse(err, ret);
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
	int ret = reader__payload(r, &r->aside, pos, s);

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
		reader__note(r, "damaged at byte %" PRIu64 ": stacks", pos);
	return 1;
}

static int walk_side(struct trace_reader *r, struct side *side, uint64_t pos,
		     const struct section *s)
{
	if (!s->cnt || s->cnt > CPT_SIDE_EVENTS_MAX || s->first_ns < side->last_ns) {
		reader__note(r, "damaged at byte %" PRIu64 ": %s", pos, reader_side__name(side));
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
		reader__note(r, "damaged at byte %" PRIu64 ": late facts", pos);
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
	int ret = reader__payload(r, &r->aside, pos, s);

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
		reader__note(r, "damaged at byte %" PRIu64 ": latencies", pos);
	return 1;
}

/* Likewise. */
static int walk_services(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret = reader__payload(r, &r->aside, pos, s);

	if (ret <= 0)
		return ret ? ret : 1;
	if (!r->services)
		r->services = services__new();
	if (!r->services)
		return -ENOMEM;
	ret = services__decode(r->services, r->aside.at, s->sz);
	if (ret == -ENOMEM)
		return ret;
	if (ret)
		reader__note(r, "damaged at byte %" PRIu64 ": services", pos);
	return 1;
}

/* A section that is damaged is as good as none: the reader's user makes the words out anew. 1 or
 * -errno. */
static int open_words(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret;

	if (r->words)
		return 1;
	ret = reader__payload(r, &r->aside, pos, s);
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
	reader__note(r, "damaged at byte %" PRIu64 ": words", pos);
	return 1;
}

/* Takes one section into account. 1 go on, 0 stop before it, -errno. */
static int walk_section(struct trace_reader *r, uint64_t pos, const struct section *s)
{
	int ret;

	if (s->type == SECTION_BLOCK) {
		if (r->has_blocks && s->first_ns < r->last_ns) {
			reader__note(r, "damaged at byte %" PRIu64 ": time goes back", pos);
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
		return walk_side(r, &r->sides[SIDE_SAMPLES], pos, s);
	} else if (s->type == SECTION_LOOPS) {
		return walk_side(r, &r->sides[SIDE_LOOPS], pos, s);
	} else if (s->type == SECTION_MARKS) {
		return walk_side(r, &r->sides[SIDE_MARKS], pos, s);
	} else if (s->type == SECTION_LATENCIES || s->type == SECTION_LATENCIES_OUT) {
		return walk_latencies(r, pos, s);
	} else if (s->type == SECTION_SERVICES) {
		return walk_services(r, pos, s);
	} else if (s->type == SECTION_CLOSE) {
		ret = reader__payload(r, &r->aside, pos, s);
		if (ret <= 0)
			return ret;
		if (trace_close__decode(&r->close, r->aside.at, s->sz)) {
			reader__note(r, "damaged at byte %" PRIu64 ": closing section", pos);
			return 0;
		}
		r->has_close = true;
	} else if (s->type == SECTION_WORDS) {
		return open_words(r, pos, s);
	} else if (s->flags & SECTION_CRITICAL) {
		reader__note(r, "needs a newer version of cpartrace from byte %" PRIu64 " on", pos);
		return 0;
	}
	return 1;
}

int reader_open__walk(struct trace_reader *r)
{
	struct section s;
	int ret = 1;

	r->end_pos = r->data_pos;
	while (!r->has_close) {
		ret = reader__section(r, r->end_pos, &s);
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

void reader_open__judge(struct trace_reader *r, const struct trace_header *h)
{
	r->cut = !r->has_close;
	if ((h->flags & TRACE_INCOMPLETE) && r->incomplete[0])
		return;
	if (r->has_close && r->close.failure)
		reader__note(r, "the recorder could not go on: %s",
			     strerror((int)r->close.failure));
	else if (h->flags & TRACE_INCOMPLETE)
		reader__note(r, "recording was not ended properly");
	else if (r->file_sz < h->closed_sz)
		reader__note(r, "cut off at byte %" PRIu64, r->end_pos);
	else if (!r->has_close)
		reader__note(r, "damaged at byte %" PRIu64 ": no closing section", r->end_pos);
	else if (r->end_pos != r->file_sz || h->closed_sz != r->file_sz)
		reader__note(r, "something follows its closing section at byte %" PRIu64,
			     r->end_pos);
}
