// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flight_join.c - see flight.h: parts to one trace. */
#include "flight.h"

#include <errno.h>

#include "../analysis/trace_format.h"
#include "../analysis/trace_parts.h"
#include "../analysis/trace_reader.h"

/* The words of what was joined, with their names. Without them a report makes them out of the events. */
static int write_words(struct trace_writer *w, int fd, const struct cpt_trace_meta *meta,
		       const struct flight_calls *calls)
{
	char why[CPT_TRACE_ERR_LEN];
	struct trace_reader *r = trace_reader__open(fd, why);
	struct cpt_words *words = words__new(meta->machine);
	const struct cpt_event *ev;
	int ret = r && words ? 1 : -ENOMEM, err = 0;
	size_t cnt;

	while (ret > 0 && !err && (ret = trace_reader__next(r, &ev, &cnt)) > 0)
		err = words__feed(words, ev, cnt);
	if (!ret && !err) {
		calls->name(calls->ctx, words);
		words__classify(words);
		err = trace_writer__words(w, words);
	} else {
		err = trace_writer__err(w);
	}
	words__free(words);
	trace_reader__free(r);
	return err;
}

static int join(struct trace_writer *w, const struct flight_part *parts, uint32_t cnt,
		void (*copied)(void *ctx, uint32_t n), void *ctx)
{
	bool whole = true;
	int err = 0;

	for (uint32_t i = 0; i < cnt && whole && !err; i++) {
		err = trace_parts__copy(w, parts[i].fd, parts[i].end_pos, i == 0, &whole);
		if (!err && copied)
			copied(ctx, i + 1);
	}
	return err;
}

int flight__join(int fd, const struct flight_part *parts, uint32_t cnt,
		 const struct cpt_trace_close *close, uint32_t highest_task,
		 const struct flight_calls *calls, void (*copied)(void *ctx, uint32_t n),
		 void *copied_ctx)
{
	struct cpt_trace_meta meta;
	struct trace_writer *w;
	uint64_t data_pos;
	int err = trace_parts__meta(parts[0].fd, &meta, &data_pos);

	if (err)
		return err;
	meta.part = 0;
	w = trace_writer__new(fd, &meta);
	err = w ? join(w, parts, cnt, copied, copied_ctx) : -errno;
	if (!err)
		err = trace_parts__make_room(w, highest_task);
	if (!err && calls && calls->name)
		err = write_words(w, fd, &meta, calls);
	if (!err && close)
		err = trace_writer__close(w, close);
	trace_writer__free(w);
	trace_meta__clear(&meta);
	return err;
}
