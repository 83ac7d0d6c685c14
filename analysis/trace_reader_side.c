// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_reader_side.c - see trace_reader_priv.h. */
#include "trace_reader_priv.h"
#include "trace_loops.h"
#include "trace_marks.h"
#include "trace_side.h"

const char *reader_side__name(const struct side *side)
{
	if (side->type == SECTION_MARKS)
		return "marks";
	return side->type == SECTION_LOOPS ? "event loops" : "samples";
}

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
	if (side->type == SECTION_MARKS)
		return mark_side__decode(side->events, s->cnt, r->aside.at, s->sz, s->first_ns,
					 s->last_ns, r->task_max, &side->names);
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
	ret = reader__payload(r, &r->aside, pos, s);
	if (ret > 0) {
		ret = decode_side(r, side, s);
		ret = !ret ? 1 : ret == -EBADMSG ? 0 : ret;
		if (!ret)
			reader__note(r, "damaged at byte %" PRIu64 ": %s", pos,
				     reader_side__name(side));
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
		ret = reader__section(r, side->pos, &s);
		if (ret > 0 && s.type == side->type)
			ret = load_side(r, side, side->pos, &s);
		side->pos = ret > 0 ? next_pos(side->pos, &s) : r->end_pos;
	}
	*ev = side->at < side->cnt ? &side->events[side->at] : NULL;
	return ret < 0 ? ret : 0;
}

void reader_side__take(struct side *side, uint64_t until_ns, const struct cpt_event **ev,
		       size_t *cnt)
{
	*ev = &side->events[side->at];
	*cnt = 0;
	while (side->at < side->cnt && side->events[side->at].ts_ns <= until_ns) {
		side->at++;
		(*cnt)++;
	}
}

int reader_side__first(struct trace_reader *r, struct side **first, uint64_t *until_ns)
{
	const struct cpt_event *ev[SIDE_CNT];
	uint64_t at_ns[SIDE_CNT];
	int lead = 0, ret;

	for (int i = 0; i < SIDE_CNT; i++) {
		ret = peek_side(r, &r->sides[i], &ev[i]);
		if (ret)
			return ret;
		at_ns[i] = ev[i] ? ev[i]->ts_ns : UINT64_MAX;
		if (at_ns[i] < at_ns[lead])
			lead = i;
	}
	*first = NULL;
	*until_ns = at_ns[lead];
	if (!ev[lead] || (r->held_cnt && at_ns[lead] > r->held[0].ts_ns))
		return 0;
	*first = &r->sides[lead];
	*until_ns = r->held_cnt ? r->held[0].ts_ns : UINT64_MAX;
	/* At one instant the kinds keep their order. */
	for (int i = 0; i < SIDE_CNT; i++) {
		const uint64_t before_ns = i < lead && at_ns[i] ? at_ns[i] - 1 : at_ns[i];

		if (i != lead && before_ns < *until_ns)
			*until_ns = before_ns;
	}
	return 0;
}
