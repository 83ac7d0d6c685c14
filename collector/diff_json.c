// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_json.c - the comparison as JSON; see diff_out.h. */
#include "diff_out.h"

#include <math.h>

#include "config.h"
#include "json_obj.h"

static json_t *values(const double *v, uint32_t cnt)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < cnt; i++)
		array = json_array__append(array, json_value__real(v[i]));
	return array;
}

static json_t *side_of_row(const struct diff_row *row, int side)
{
	const struct side_stats *s = &row->side[side];
	struct json_obj o = json_obj__new();

	json_obj__put_real(&o, "mean", s->mean);
	json_obj__put_real(&o, "deviation", sqrt(s->variance));
	json_obj__put(&o, "runs", values(row->figure->values[side], s->cnt));
	if (row->figure->undisturbed[side])
		json_obj__put(&o, "undisturbed", values(row->figure->undisturbed[side], s->cnt));
	return json_obj__done(&o);
}

static json_t *name_of_row(const struct diff_row *row)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "group", json_string(diff_group_name(row->figure->group)));
	json_obj__put(&o, "name", json_value__string(row->figure->name));
	if (*row->figure->what)
		json_obj__put(&o, "what", json_string(row->figure->what));
	return json_obj__done(&o);
}

static json_t *figure(const struct diff_result *d, const struct diff_row *row)
{
	struct json_obj o = {.json = name_of_row(row)};
	const bool noise = d->judged && isfinite(row->noise);
	const bool margin = d->judged && isfinite(row->margin);

	o.failed = !o.json;
	json_obj__put(&o, "unit", json_string(diff_unit_name(row->figure->unit)));
	json_obj__put(&o, "a", side_of_row(row, DIFF_A));
	json_obj__put(&o, "b", side_of_row(row, DIFF_B));
	json_obj__put_real(&o, "difference", row->difference);
	json_obj__put_real(&o, "adjusted", row->adjusted);
	json_obj__put(&o, "noise", noise ? json_value__real(row->noise) : json_null());
	json_obj__put(&o, "margin", margin ? json_value__real(row->margin) : json_null());
	json_obj__put(&o, "p", d->judged ? json_value__real(row->p) : json_null());
	json_obj__put(&o, "changed", json_boolean(row->changed));
	return json_obj__done(&o);
}

static json_t *side(const struct diff_view *view, const struct diff_result *d, int which)
{
	const struct diff_side *s = &view->side[which];
	struct json_obj o = json_obj__new();
	json_t *files = json_array();

	for (uint32_t i = 0; i < s->cnt; i++)
		files = json_array__append(files, json_value__string(s->path[i]));
	json_obj__put(&o, "files", files);
	json_obj__put_ns(&o, "runs", s->cnt);
	json_obj__put(&o, "command", json_value__string(s->command));
	json_obj__put(&o, "target", json_value__string(s->target));
	json_obj__put_ns(&o, "cpus_allowed", s->cpus_allowed);
	json_obj__put_real(&o, "disturbed", d->disturbed[which]);
	json_obj__put_real(&o, "unknown", d->unknown[which]);
	return json_obj__done(&o);
}

static json_t *method(const struct diff_result *d)
{
	struct json_obj o = json_obj__new(), families = json_obj__new();

	json_obj__put(&o, "judged", json_boolean(d->judged));
	if (!d->judged)
		json_obj__put(&o, "why_not", json_string(d->why_not));
	json_obj__put(&o, "statistic", json_string(d->allowed_for ? "covariance" : "welch_t"));
	json_obj__put(&o, "correction", json_string("bonferroni"));
	json_obj__put_real(&o, "confidence", 1 - DIFF_ERROR);
	json_obj__put_real(&o, "resolution", d->resolution);
	json_obj__put_real(&o, "resolution_undisturbed", d->resolution_undisturbed);
	json_obj__put_ns(&families, "summary", d->main_cnt);
	json_obj__put_ns(&families, "rest", d->rest_cnt);
	json_obj__put(&o, "figures", json_obj__done(&families));
	return json_obj__done(&o);
}

static json_t *verdict(const struct diff_result *d)
{
	struct json_obj o = json_obj__new();
	struct strbuf text = {0};

	diff_words__summary(&text, d, true);
	json_obj__put(&o, "summary", json_value__string(strbuf__str(&text)));
	strbuf__clear(&text);
	diff_words__cause(&text, d, true);
	json_obj__put(&o, "cause_text",
		      text.len ? json_value__string(strbuf__str(&text)) : json_null());
	json_obj__put(&o, "cause", d->cause ? name_of_row(d->cause) : json_null());
	if (text.failed)
		o.failed = true;
	strbuf__free(&text);
	return json_obj__done(&o);
}

json_t *diff_json__build(const struct diff_result *d, const struct diff_view *view)
{
	json_t *figures = json_array(), *changes = json_array();
	struct json_obj o = json_obj__new();

	if (d->cause && d->cause->changed)
		changes = json_array__append(changes, name_of_row(d->cause));
	for (uint32_t i = 0; i < d->cnt; i++) {
		figures = json_array__append(figures, figure(d, &d->rows[i]));
		if (d->rows[i].changed && &d->rows[i] != d->cause)
			changes = json_array__append(changes, name_of_row(&d->rows[i]));
	}
	json_obj__put_ns(&o, "schema", CPT_DIFF_JSON_SCHEMA);
	json_obj__put(&o, "cpartrace_version", json_string(CPT_VERSION));
	json_obj__put(&o, "a", side(view, d, DIFF_A));
	json_obj__put(&o, "b", side(view, d, DIFF_B));
	json_obj__put(&o, "filters", view->note ? json_value__string(view->note) : json_null());
	json_obj__put(&o, "method", method(d));
	json_obj__put(&o, "verdict", verdict(d));
	json_obj__put(&o, "changes", changes);
	json_obj__put(&o, "figures", figures);
	return json_obj__done(&o);
}
