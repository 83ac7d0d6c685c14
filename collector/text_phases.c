// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_phases.c - see text_phases.h.
 *
 *   phase  spans     time  CPUs  things  parallel  concurrent   serial    idle
 *   load       2   0.51 s  1.00    1.00     0.0 %       0.0 %  100.0 %   0.0 %
 *   load: serial: one thing, computing
 */
#include "text_phases.h"

#include <inttypes.h>
#include <string.h>

#include "draw.h"
#include "escape.h"
#include "format.h"

#define NAME_COLUMNS 24

void phases__sentence(struct strbuf *b, const struct cpt_phase *f)
{
	strbuf__adds(b, f->span_ns ? class_name(f->verdict) : "of no length");
	if (f->span_ns && f->most != CPT_SPLIT_UNKNOWN)
		strbuf__addf(b, ": %s", split_text(f->most));
}

static void add_share(struct draw_table *t, const struct cpt_phase *f, enum cpt_class cls)
{
	char p[FMT_SZ];

	draw_table__cell(t, f->span_ns ? fmt_percent(p, f->class_ns[cls], f->span_ns) : "");
}

/* Which columns say something. */
struct columns {
	bool spans, unknown;
};

static struct columns columns_of(const struct cpt_phases *p)
{
	struct columns c = {0};

	for (uint32_t i = 0; i < p->cnt; i++) {
		c.spans |= p->tab[i].spans > 1;
		c.unknown |= p->tab[i].class_ns[CPT_CLASS_UNKNOWN] != 0;
	}
	return c;
}

static void add_name(struct strbuf *b, const struct cpt_phase *f, bool utf8)
{
	escape_add_cut(b, f->name, strnlen(f->name, CPT_MARK_LEN), utf8, NAME_COLUMNS);
}

static void add_heads(struct draw_table *t, const struct columns *c)
{
	draw_table__cell(t, "phase");
	if (c->spans)
		draw_table__cell(t, "spans");
	draw_table__cell(t, "time");
	draw_table__cell(t, "CPUs");
	draw_table__cell(t, "things");
	for (int cls = 0; cls < CPT_CLASS_UNKNOWN + c->unknown; cls++)
		draw_table__cell(t, class_name((enum cpt_class)cls));
	t->cols = 4u + c->spans + CPT_CLASS_UNKNOWN + c->unknown;
	for (unsigned int i = 1; i < t->cols; i++)
		t->right[i] = true;
}

static void add_phase(struct draw_table *t, const struct cpt_phase *f, const struct columns *c)
{
	struct strbuf name = {0};
	char n[FMT_SZ];

	add_name(&name, f, t->style->utf8);
	if (name.failed)
		t->cells.failed = true;
	draw_table__cell(t, strbuf__str(&name));
	strbuf__free(&name);
	if (c->spans)
		draw_table__cell(t, fmt_count(n, f->spans));
	draw_table__duration(t, f->span_ns);
	draw_table__cell(t, f->span_ns ? fmt_average(n, f->parallel_average) : "");
	draw_table__cell(t, f->span_ns ? fmt_average(n, f->concurrent_average) : "");
	for (int cls = 0; cls < CPT_CLASS_UNKNOWN + c->unknown; cls++)
		add_share(t, f, (enum cpt_class)cls);
}

static void add_sentence(struct strbuf *b, const struct cpt_phase *f, bool utf8)
{
	strbuf__adds(b, "   ");
	add_name(b, f, utf8);
	strbuf__adds(b, ": ");
	phases__sentence(b, f);
	strbuf__addc(b, '\n');
}

/* One that is of no length was left before anything could happen: the start, most often. */
static bool worth_a_row(const struct cpt_phases *p, uint32_t i)
{
	return p->tab[i].span_ns || i != p->first;
}

void add_phases(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct cpt_phases *p = &r->phases;
	const struct columns c = columns_of(p);
	struct draw_table t = {.style = &opts->style, .indent = 3};
	uint32_t end = 0, shown = 0, worth = 0;
	char n[FMT_SZ];

	if (!p->cnt)
		return;
	draw_title(b, &opts->style, "Phases",
		   "  (CPUs busy and things in progress on average; --phase NAME: one alone)");
	add_heads(&t, &c);
	for (uint32_t i = 0; i < p->cnt; i++) {
		if (!worth_a_row(p, i))
			continue;
		if (++worth > opts->top)
			continue;
		add_phase(&t, &p->tab[i], &c);
		end = i + 1;
		shown++;
	}
	draw_table__add(&t, b, 0);
	if (worth > shown)
		strbuf__addf(b, "   and %s more\n", fmt_count(n, worth - shown));
	for (uint32_t i = 0; i < end; i++)
		if (worth_a_row(p, i))
			add_sentence(b, &p->tab[i], opts->style.utf8);
}
