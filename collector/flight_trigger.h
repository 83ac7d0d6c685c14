/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * flight_trigger.h - when a flight recording dumps by itself.
 *
 * Owns:     the grammar of --trigger, and its figures while the recording goes on.
 * Must not: know what a dump is.
 *
 *   --trigger 'parallelism<1.5:5s,unknown>0'
 *
 *   TRIGGER = CONDITION {"," CONDITION}             any of them
 *   CONDITION = FIGURE ("<" | ">") NUMBER [":" SPAN]    SPAN: 50ms to 1h, 1s where it is not said
 *
 *   parallelism   CPUs busy with the workload (R)     parallel, concurrent, serial, idle, unknown
 *   concurrency   things in progress (C)                  share of the time, in percent
 *   runnable      tasks that want a CPU (Q)
 *   waiting       tasks that wait (W)
 *   in_flight     operations in flight (A)          each is the mean over the last SPAN
 *
 * The figures are those of the one analysis (analysis.h), fed with what is recorded, about 0.15 s behind. A
 * condition is met once SPAN has been seen in which it holds; again only after it did not hold for as long.
 *
 *   concurrency  ▁▁▁▁▁▅▇▇▇▇▇▇▇▇▇▇▇▇▂▁▁▁▁▁▁▁▁▁▇▇▇▇
 *   >8:1s              └─1s─┴ met      └─1s─┘ └─ may be met again
 */
#ifndef CPT_FLIGHT_TRIGGER_H
#define CPT_FLIGHT_TRIGGER_H

#include <stdbool.h>
#include <stdint.h>

#include "../analysis/carry.h"
#include "../analysis/trace.h"
#include "strbuf.h"

#define CPT_CONDITIONS_MAX 8

enum trigger_figure {
	FIGURE_PARALLELISM,
	FIGURE_CONCURRENCY,
	FIGURE_RUNNABLE,
	FIGURE_WAITING,
	FIGURE_IN_FLIGHT,
	FIGURE_PARALLEL, /* shares of time, in the order of the classes */
	FIGURE_CONCURRENT,
	FIGURE_SERIAL,
	FIGURE_IDLE,
	FIGURE_UNKNOWN,
	FIGURE_CNT
};

struct trigger_condition {
	enum trigger_figure figure;
	bool above; /* >, else < */
	double value;
	uint64_t span_ns;
};

struct trigger_opts {
	struct trigger_condition at[CPT_CONDITIONS_MAX];
	uint32_t cnt; /* 0: there is no trigger */
};

/* Whole of text. 0, or -EINVAL with the reason appended to why. */
int trigger__parse(struct trigger_opts *opts, const char *text, struct strbuf *why);

struct trigger;

struct trigger *trigger__new(const struct trigger_opts *opts); /* borrowed. NULL with errno */
void trigger__free(struct trigger *t);			       /* accepts NULL */

/* From here on it is fed with what follows meta->start_mono_ns; what was before is the carry's to say. meta is
 * borrowed until the next. 0 or -errno. */
int trigger__begin(struct trigger *t, const struct cpt_trace_meta *meta, struct carry *carry);

/* Events, and such as stand beside them, in one order of time. 0 or -errno. */
int trigger__events(struct trigger *t, const struct cpt_event *ev, size_t cnt);
int trigger__late(struct trigger *t, const struct cpt_late *late);
/* All before at_ns has been fed. */
int trigger__tick(struct trigger *t, uint64_t at_ns);

/* Has a condition been met since it was asked last? Then line says which. */
bool trigger__met(struct trigger *t, char *line, size_t line_sz);

#endif /* CPT_FLIGHT_TRIGGER_H */
