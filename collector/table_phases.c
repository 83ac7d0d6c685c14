// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_phases.c - see table_phases.h. */
#include "table_phases.h"

struct phase_row {
	struct cpt_phase phase;
	const char *name, *verdict;
	uint64_t number;
};

struct mark_row {
	uint64_t at_ns, number;
	uint32_t id, tid;
	bool outside;
	const char *name;
};

#define P(member) offsetof(struct phase_row, member)
#define CLASS_COL(name, str)                                                                       \
	{str "_ns", "time of this class", TABLE_U64,                                               \
	 P(phase.class_ns) + CPT_CLASS_##name * sizeof(uint64_t)},
/* parallel_multi_core_ns ... : the class first, so that columns of one class sort together */
#define PARALLEL_NAME	"parallel_"
#define CONCURRENT_NAME "concurrent_"
#define SERIAL_NAME	"serial_"
#define IDLE_NAME	"idle_"
#define SPLIT_COL(class, name, str, text)                                                          \
	{class##_NAME str "_ns", text, TABLE_U64,                                                  \
	 P(phase.split_ns) + CPT_SPLIT_##class##_##name * sizeof(uint64_t)},

const struct table_col phase_cols[] = {
	{"phase", "number of the phase, in order of first spans", TABLE_U64, P(number)},
	{"name", "what its marks said", TABLE_STRING, P(name)},
	{"spans", "how often it was entered", TABLE_U32, P(phase.spans)},
	{"first_ns", "CLOCK_MONOTONIC: where its first span begins", TABLE_U64, P(phase.first_ns)},
	{"span_ns", "its spans together; the classes sum to it", TABLE_U64, P(phase.span_ns)},
	CPT_CLASSES(CLASS_COL) CPT_SPLITS(SPLIT_COL){
		"running_ns", "CPU time: span_ns times the average number running", TABLE_U64,
		P(phase.running)},
	{"runnable_ns", "likewise of those runnable", TABLE_U64, P(phase.runnable)},
	{"in_progress_ns", "likewise of all in progress", TABLE_U64, P(phase.in_progress)},
	{"verdict", "the class it is of for the most part", TABLE_STRING, P(verdict)},
	{NULL, NULL, TABLE_U64, 0},
};

#define M(member) offsetof(struct mark_row, member)

const struct table_col mark_cols[] = {
	{"at_ns", "CLOCK_MONOTONIC: there the phase begins", TABLE_U64, M(at_ns)},
	{"phase", "number of the phase, as in the table of phases", TABLE_U64, M(number)},
	{"name", "of the phase", TABLE_STRING, M(name)},
	{"id", "number of the thread that set it, 0 outside of the workload", TABLE_U32, M(id)},
	{"tid", "its thread id", TABLE_U32, M(tid)},
	{"outside", "it was set by a task that is not of the workload", TABLE_BOOL, M(outside)},
	{NULL, NULL, TABLE_U64, 0},
};

int write_phases(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->phases.cnt && !err; i++) {
		const struct cpt_phase *f = &r->phases.tab[i];
		const struct phase_row row = {.phase = *f,
					      .name = f->name,
					      .verdict = class_name(f->verdict),
					      .number = i + 1};

		err = table_out__row(out, &row);
	}
	return err;
}

int write_marks(struct table_out *out, const struct cpt_report *r)
{
	int err = 0;

	for (uint32_t i = 0; i < r->phases.marks_cnt && !err; i++) {
		const struct cpt_mark *m = &r->phases.marks[i];
		const struct mark_row row = {.at_ns = m->at_ns,
					     .number = m->phase + 1,
					     .id = m->task,
					     .tid = m->tid,
					     .outside = m->flags & CPT_MARK_OUTSIDE,
					     .name = r->phases.tab[m->phase].name};

		err = table_out__row(out, &row);
	}
	return err;
}
