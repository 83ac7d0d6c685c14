// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_reader_late.c - see trace_reader_priv.h. */
#include "trace_reader_priv.h"
#include "varint.h"

/* A late end looks at this many switches of its instant, so that no file can make it look for long. */
#define SAME_TIME_MAX 64

/* How often late facts are decoded, on average. A section is decoded again for each window that some of its
 * facts lie in: those of long waits, so that it is a few times where as many tasks wait at once as a window
 * holds. A file in which each section spans all of time would take its square. */
#define LATE_READS_MAX 16
/* Entries of the LATE section at pos, whose header is s, into the window. 0 or -errno. */
static int load_late_section(struct trace_reader *r, struct late_part *part, uint64_t pos,
			     const struct section *s)
{
	struct cursor c;
	uint64_t prev_ns = 0;
	int ret = reader__payload(r, &r->aside, pos, s);

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
			reader__note(r, "damaged at byte %" PRIu64 ": late facts", pos);
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
		ret = reader__section(r, pos, &s);
		if (ret > 0 && s.type == SECTION_LATE)
			ret = load_late_section(r, part, pos, &s) ?: 1;
		if (ret <= 0)
			return ret;
		pos = next_pos(pos, &s);
	}
	return 0;
}

int reader_late__load(struct trace_reader *r, uint64_t from_ns)
{
	struct late_index *idx = &r->late_index;
	int ret = 0;

	late_window__begin(&r->late, from_ns);
	r->end_idx = r->wake_idx = 0;
	for (uint32_t i = 0; i < idx->cnt && !ret; i++) {
		if (!late_part__meets(&idx->parts[i], from_ns, r->late.until_ns))
			continue;
		if (r->late_read / LATE_READS_MAX > idx->bytes) {
			reader__note(
				r, "its late facts are in no order that a recorder leaves them in");
			break;
		}
		ret = load_late_part(r, &idx->parts[i]);
	}
	late_window__end(&r->late);
	if (r->late.excess)
		reader__note(r, "more late facts at one instant than there can be");
	return ret;
}

static void apply_end(struct trace_reader *r, const struct cpt_late *late)
{
	const size_t from = reader__find_time(r, 0, late->ts_ns);

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
void reader_late__apply(struct trace_reader *r, size_t lim)
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

const struct cpt_late *reader_late__wake(struct trace_reader *r)
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

size_t reader_late__place(const struct trace_reader *r, const struct cpt_late *wake, size_t lim)
{
	size_t i = reader__find_time(r, r->event_pos, wake->ts_ns);

	while (i < lim && r->events[i].ts_ns == wake->ts_ns && precedes(&r->events[i], wake))
		i++;
	return i < lim ? i : lim;
}

void reader_late__take(struct trace_reader *r, const struct cpt_event **ev, size_t *cnt)
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
