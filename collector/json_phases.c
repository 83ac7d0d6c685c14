// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_phases.c - see json_phases.h. */
#include "json_phases.h"

#include <string.h>

#include "text_phases.h"

static json_t *name(const struct cpt_phase *f)
{
	return json_value__text(f->name, strnlen(f->name, CPT_MARK_LEN));
}

static json_t *ledger(const struct cpt_phase *f)
{
	struct json_obj o = json_obj__new();

	for (int cls = 0; cls < CPT_CLASS_CNT; cls++)
		json_obj__put_ns(&o, class_name((enum cpt_class)cls), f->class_ns[cls]);
	for (int cls = 0; cls < CPT_CLASS_UNKNOWN; cls++) {
		struct json_obj splits = json_obj__new();
		char key[32];

		for (int s = 0; s < CPT_SPLIT_UNKNOWN; s++)
			if ((int)split_class((enum cpt_split)s) == cls)
				json_obj__put_ns(&splits, split_name((enum cpt_split)s),
						 f->split_ns[s]);
		strcpy(key, class_name((enum cpt_class)cls));
		strcat(key, "_split");
		json_obj__put(&o, key, json_obj__done(&splits));
	}
	return json_obj__done(&o);
}

static json_t *phase(const struct cpt_report *r, const struct cpt_phase *f)
{
	struct json_obj o = json_obj__new();
	struct strbuf text = {0};

	json_obj__put(&o, "name", name(f));
	json_obj__put_ns(&o, "spans", f->spans);
	json_obj__put_ns(&o, "first_ns", f->first_ns - r->window_start_ns);
	json_obj__put_ns(&o, "span_ns", f->span_ns);
	json_obj__put_ns(&o, "cpu_time_ns", f->running);
	json_obj__put_ns(&o, "runnable_ns", f->runnable);
	json_obj__put_ns(&o, "in_progress_ns", f->in_progress);
	json_obj__put_ns(&o, "in_flight_ns", f->in_flight);
	json_obj__put_real(&o, "parallelism", f->parallel_average);
	json_obj__put_real(&o, "concurrency", f->concurrent_average);
	json_obj__put(&o, "class", json_string(f->span_ns ? class_name(f->verdict) : "idle"));
	phases__sentence(&text, f);
	json_obj__put(&o, "summary", text.failed ? NULL : json_string(strbuf__str(&text)));
	strbuf__free(&text);
	json_obj__put(&o, "ledger_ns", ledger(f));
	return json_obj__done(&o);
}

static json_t *mark(const struct cpt_report *r, const struct cpt_mark *m)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "name", name(&r->phases.tab[m->phase]));
	json_obj__put_ns(&o, "at_ns", m->at_ns - r->window_start_ns);
	json_obj__put(&o, "id", m->task ? json_integer(m->task) : json_null());
	json_obj__put_ns(&o, "tid", m->tid);
	return json_obj__done(&o);
}

void json_phases__put(struct json_obj *o, const struct cpt_report *r)
{
	const struct cpt_phases *p = &r->phases;
	json_t *phases, *marks;

	if (!p->cnt)
		return;
	phases = json_array();
	marks = json_array();
	for (uint32_t i = 0; phases && i < p->cnt; i++)
		phases = json_array__append(phases, phase(r, &p->tab[i]));
	for (uint32_t i = 0; marks && i < p->marks_cnt; i++)
		marks = json_array__append(marks, mark(r, &p->marks[i]));
	json_obj__put(o, "phases", phases);
	json_obj__put(o, "marks", marks);
}
