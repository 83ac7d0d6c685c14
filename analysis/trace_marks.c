// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_marks.c - see trace_marks.h; the bytes are drawn in FORMAT.md. */
#include "trace_marks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_side.h"
#include "varint.h"

/* Flags, time, task, tid, size of the name, the name. */
#define ENTRY_MAX (1 + 4 * CPT_VARINT_MAX + CPT_MARK_LEN)
#define ENTRY_MIN 5

#define FLAGS_KNOWN (CPT_MARK_OUTSIDE | CPT_MARK_UNREADABLE)

bool mark_side__valid(const struct cpt_event *ev, uint64_t last_ns, uint32_t task_max)
{
	size_t len;

	if (ev->type != CPT_EV_MARK || ev->ts_ns < last_ns || ev->ts_ns > CPT_TIME_MAX || ev->cpu ||
	    ev->task > task_max || ev->flags & ~FLAGS_KNOWN || !ev->mark)
		return false;
	if ((ev->task != 0) == ((ev->flags & CPT_MARK_OUTSIDE) != 0))
		return false;
	len = strnlen(ev->mark, CPT_MARK_LEN);
	return len < CPT_MARK_LEN && !len == ((ev->flags & CPT_MARK_UNREADABLE) != 0);
}

static uint8_t *put_entry(uint8_t *p, const struct cpt_event *ev, uint64_t prev_ns)
{
	const size_t len = strlen(ev->mark);

	*p++ = (uint8_t)ev->flags;
	p = put_varint(p, ev->ts_ns - prev_ns);
	p = put_varint(p, ev->task);
	p = put_varint(p, ev->other);
	p = put_varint(p, len);
	memcpy(p, ev->mark, len);
	return p + len;
}

/* *name is where the next name goes. */
static void get_entry(struct cursor *c, struct cpt_event *ev, uint64_t prev_ns, char **name)
{
	const uint8_t *bytes;
	uint32_t len;

	*ev = (struct cpt_event){.type = CPT_EV_MARK, .flags = get_byte(c), .mark = *name};
	ev->ts_ns = prev_ns + get_varint(c);
	ev->task = get_varint32(c);
	ev->other = get_varint32(c);
	len = get_varint32(c);
	bytes = len < CPT_MARK_LEN ? get_bytes(c, len) : NULL;
	if (!bytes || memchr(bytes, 0, len)) {
		c->bad = true;
		return;
	}
	memcpy(*name, bytes, len);
	(*name)[len] = '\0';
	*name += len + 1;
}

uint8_t *mark_side__encode(const struct cpt_event *ev, size_t cnt, size_t *sz)
{
	return side__encode_as(put_entry, ENTRY_MAX, ev, cnt, sz);
}

int mark_side__decode(struct cpt_event *ev, uint32_t cnt, const uint8_t *in, size_t sz,
		      uint64_t first_ns, uint64_t last_ns, uint32_t task_max, char **names)
{
	uint64_t prev_ns = first_ns;
	char *name;
	struct cursor c;
	uint8_t *raw;
	size_t raw_sz;
	int err = side__unpack(in, sz, (uint64_t)cnt * ENTRY_MIN, (uint64_t)cnt * ENTRY_MAX, &raw,
			       &raw_sz);

	if (err)
		return err;
	/* Each entry is longer than its name and a NUL. */
	free(*names);
	*names = name = malloc(raw_sz + 1);
	if (!name) {
		free(raw);
		return -ENOMEM;
	}
	c = (struct cursor){.at = raw, .end = raw + raw_sz};
	for (uint32_t i = 0; i < cnt && !err; i++) {
		get_entry(&c, &ev[i], prev_ns, &name);
		if (c.bad || !mark_side__valid(&ev[i], prev_ns, task_max))
			err = -EBADMSG;
		prev_ns = ev[i].ts_ns;
	}
	if (!err && (!cursor_done(&c) || ev[0].ts_ns != first_ns || prev_ns != last_ns))
		err = -EBADMSG;
	free(raw);
	return err;
}
