// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flight_trigger.c - see flight_trigger.h. */
#include "flight_trigger.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../analysis/analysis.h"
#include "cli.h"
#include "format.h"

#define SPAN_NS	    UINT64_C(1000000000)
#define SPAN_MIN_NS UINT64_C(50000000)
#define SPAN_MAX_NS (UINT64_C(3600) * 1000000000)
/* A span is looked at so many times while it lasts. */
#define STEPS_PER_SPAN 20

static const char *const figure_names[FIGURE_CNT] = {
	[FIGURE_PARALLELISM] = "parallelism",
	[FIGURE_CONCURRENCY] = "concurrency",
	[FIGURE_RUNNABLE] = "runnable",
	[FIGURE_WAITING] = "waiting",
	[FIGURE_IN_FLIGHT] = "in_flight",
	[FIGURE_PARALLEL] = "parallel",
	[FIGURE_CONCURRENT] = "concurrent",
	[FIGURE_SERIAL] = "serial",
	[FIGURE_IDLE] = "idle",
	[FIGURE_UNKNOWN] = "unknown",
};

/* ---- grammar --------------------------------------------------------------------------------------- */

static int parse_figure(struct trigger_condition *c, const char *text, size_t len,
			struct strbuf *why)
{
	for (int i = 0; i < FIGURE_CNT; i++)
		if (strlen(figure_names[i]) == len && !memcmp(figure_names[i], text, len)) {
			c->figure = (enum trigger_figure)i;
			return 0;
		}
	strbuf__addf(why, "'%.*s' is no figure; there are", (int)len, text);
	for (int i = 0; i < FIGURE_CNT; i++)
		strbuf__addf(why, "%s %s", i ? "," : "", figure_names[i]);
	return -EINVAL;
}

/* Digits, and a point among them; a % may follow, which says nothing more. */
static bool parse_value(struct trigger_condition *c, const char *text, size_t len)
{
	char copy[32], *end;

	if (len && text[len - 1] == '%' && c->figure >= FIGURE_PARALLEL)
		len--;
	if (!len || len >= sizeof(copy) || strspn(text, "0123456789.") < len)
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	c->value = strtod(copy, &end);
	return !*end;
}

static bool parse_span(struct trigger_condition *c, const char *text, size_t len)
{
	char copy[32];

	if (!len || len >= sizeof(copy))
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	return !cli_parse_duration(copy, &c->span_ns) && c->span_ns >= SPAN_MIN_NS &&
	       c->span_ns <= SPAN_MAX_NS;
}

static int parse_condition(struct trigger_condition *c, const char *text, size_t len,
			   struct strbuf *why)
{
	const char *colon = memchr(text, ':', len);
	const size_t compared = colon ? (size_t)(colon - text) : len;
	size_t op = strcspn(text, "<>");

	if (op >= compared) {
		strbuf__addf(why, "'%.*s' has no < or >, as in parallelism<1.5:5s", (int)len, text);
		return -EINVAL;
	}
	if (parse_figure(c, text, op, why))
		return -EINVAL;
	c->above = text[op] == '>';
	if (!parse_value(c, text + op + 1, compared - op - 1)) {
		strbuf__addf(why, "'%.*s' is no number, as in parallelism<1.5:5s",
			     (int)(compared - op - 1), text + op + 1);
		return -EINVAL;
	}
	c->span_ns = SPAN_NS;
	if (colon && !parse_span(c, colon + 1, len - compared - 1)) {
		strbuf__addf(why, "'%.*s' is no time from 50ms to 1h", (int)(len - compared - 1),
			     colon + 1);
		return -EINVAL;
	}
	return 0;
}

int trigger__parse(struct trigger_opts *opts, const char *text, struct strbuf *why)
{
	for (;;) {
		const size_t len = strcspn(text, ",");

		if (opts->cnt == CPT_CONDITIONS_MAX) {
			strbuf__addf(why, "there are more than %d conditions", CPT_CONDITIONS_MAX);
			return -EINVAL;
		}
		if (parse_condition(&opts->at[opts->cnt], text, len, why))
			return -EINVAL;
		opts->cnt++;
		if (!text[len])
			return 0;
		text += len + 1;
	}
}

/* ---- figures --------------------------------------------------------------------------------------- */

/* A condition's last steps. */
struct watched {
	uint64_t *sums;	     /* of each step, ns times the figure (of shares, ns) */
	uint32_t cnt, steps; /* that are there; that make a span */
	uint32_t at;	     /* the oldest */
	uint64_t sum;
	uint32_t failing; /* steps in a row at whose end it did not hold */
	bool spent;	  /* it was met, and has not failed for a span since */
	bool met;
	double value; /* when it was */
};

struct trigger {
	const struct trigger_opts *opts;
	struct watched watched[CPT_CONDITIONS_MAX];
	uint64_t step_ns;
	struct cpt_analysis *analysis;
};

struct trigger *trigger__new(const struct trigger_opts *opts)
{
	struct trigger *t = calloc(1, sizeof(*t));

	if (!t)
		return NULL;
	t->opts = opts;
	t->step_ns = SPAN_MAX_NS;
	for (uint32_t i = 0; i < opts->cnt; i++)
		if (opts->at[i].span_ns / STEPS_PER_SPAN < t->step_ns)
			t->step_ns = opts->at[i].span_ns / STEPS_PER_SPAN;
	for (uint32_t i = 0; i < opts->cnt; i++) {
		struct watched *w = &t->watched[i];

		w->steps = (uint32_t)((opts->at[i].span_ns + t->step_ns - 1) / t->step_ns);
		w->sums = calloc(w->steps, sizeof(*w->sums));
		if (!w->sums) {
			trigger__free(t);
			errno = ENOMEM;
			return NULL;
		}
	}
	return t;
}

void trigger__free(struct trigger *t)
{
	if (!t)
		return;
	analysis__free(t->analysis);
	for (uint32_t i = 0; i < CPT_CONDITIONS_MAX; i++)
		free(t->watched[i].sums);
	free(t);
}

static uint64_t figure_of(const struct cpt_step *step, enum trigger_figure figure)
{
	uint64_t sum = 0;

	switch (figure) {
	case FIGURE_PARALLELISM:
		return step->running;
	case FIGURE_CONCURRENCY:
		return step->in_progress;
	case FIGURE_RUNNABLE:
		return step->runnable;
	case FIGURE_WAITING:
		return step->waiting;
	case FIGURE_IN_FLIGHT:
		return step->in_flight;
	case FIGURE_PARALLEL:
	case FIGURE_CONCURRENT:
	case FIGURE_SERIAL:
	case FIGURE_IDLE:
	case FIGURE_UNKNOWN:
	case FIGURE_CNT:
		break;
	}
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		if ((int)split_class((enum cpt_split)i) == (int)figure - FIGURE_PARALLEL)
			sum += step->split_ns[i];
	return 100 * sum;
}

static void watch(const struct trigger *t, const struct trigger_condition *c, struct watched *w,
		  uint64_t sum)
{
	bool holds;

	if (w->cnt == w->steps)
		w->sum -= w->sums[w->at];
	else
		w->cnt++;
	w->sums[w->at] = sum;
	w->sum += sum;
	w->at = (w->at + 1) % w->steps;
	if (w->cnt < w->steps)
		return;
	w->value = (double)w->sum / ((double)w->steps * (double)t->step_ns);
	holds = c->above ? w->value > c->value : w->value < c->value;
	w->failing = holds ? 0 : w->failing + 1;
	if (w->failing >= w->steps)
		w->spent = false;
	if (!holds || w->spent)
		return;
	w->spent = w->met = true;
}

static int on_step(void *ctx, const struct cpt_step *step)
{
	struct trigger *t = ctx;

	if (step->span_ns != t->step_ns)
		return 0;
	for (uint32_t i = 0; i < t->opts->cnt; i++)
		watch(t, &t->opts->at[i], &t->watched[i], figure_of(step, t->opts->at[i].figure));
	return 0;
}

int trigger__events(struct trigger *t, const struct cpt_event *ev, size_t cnt)
{
	return analysis__feed(t->analysis, ev, cnt);
}

int trigger__late(struct trigger *t, const struct cpt_late *late)
{
	const struct cpt_event ev = {.ts_ns = late->ts_ns,
				     .type = CPT_EV_WAKE,
				     .wake_ctx = late->wake_ctx,
				     .flags = late->flags,
				     .waker_sysno = late->waker_sysno,
				     .cpu = late->cpu,
				     .task = late->task,
				     .other = late->waker};

	return late->kind == CPT_LATE_WAKE ? trigger__events(t, &ev, 1) : 0;
}

int trigger__tick(struct trigger *t, uint64_t at_ns)
{
	/* Nothing happens, and time goes on. */
	const struct cpt_event ev = {.ts_ns = at_ns, .type = CPT_EV_CNT};

	return trigger__events(t, &ev, 1);
}

/* What is said of the time before comes in two orders, and is fed in one. */
struct before {
	struct trigger *t;
	struct cpt_event *side;
	size_t cnt, at, cap;
};

static int say_side(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct before *b = ctx;
	struct cpt_event *side;

	if (b->cnt + cnt > b->cap) {
		b->cap = 2 * (b->cnt + cnt);
		side = realloc(b->side, b->cap * sizeof(*side));
		if (!side)
			return -ENOMEM;
		b->side = side;
	}
	memcpy(b->side + b->cnt, ev, cnt * sizeof(*ev));
	b->cnt += cnt;
	return 0;
}

static int say_side_until(struct before *b, uint64_t until_ns)
{
	int err = 0;

	while (!err && b->at < b->cnt && b->side[b->at].ts_ns <= until_ns)
		err = trigger__events(b->t, &b->side[b->at++], 1);
	return err;
}

static int say_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct before *b = ctx;
	int err = 0;

	for (size_t i = 0; i < cnt && !err; i++) {
		err = say_side_until(b, ev[i].ts_ns);
		if (!err)
			err = trigger__events(b->t, &ev[i], 1);
	}
	return err;
}

int trigger__begin(struct trigger *t, const struct cpt_trace_meta *meta, struct carry *carry)
{
	const struct cpt_analysis_opts opts = {.on_step = on_step, .step_ns = t->step_ns, .ctx = t};
	struct before before = {.t = t};
	const struct cpt_merge_sink to = {.events = say_events, .side = say_side, .ctx = &before};
	int err;

	analysis__free(t->analysis);
	t->analysis = analysis__new(meta, &opts);
	if (!t->analysis)
		return -errno;
	err = carry__say(carry, &to);
	if (!err)
		err = say_side_until(&before, UINT64_MAX);
	free(before.side);
	return err;
}

bool trigger__met(struct trigger *t, char *line, size_t line_sz)
{
	bool met = false;

	for (uint32_t i = 0; i < t->opts->cnt; i++) {
		const struct trigger_condition *c = &t->opts->at[i];
		struct watched *w = &t->watched[i];

		if (!w->met)
			continue;
		w->met = false;
		if (!met)
			snprintf(line, line_sz, "%s was %.3g, %s %.3g", figure_names[c->figure],
				 w->value, c->above ? "above" : "below", c->value);
		met = true;
	}
	return met;
}
