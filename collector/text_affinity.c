// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * text_affinity.c - see text_affinity.h.
 *
 *   thread        at       CPUs before  for      CPUs then  for
 *   worker 4002   0.51 s   0-1          0.51 s   0          1.20 s
 */
#include "text_affinity.h"

#include <inttypes.h>

#include "draw.h"
#include "escape.h"
#include "format.h"

/* A mask held for less of the run than this is how its thread began, and no change over time. */
#define WORTH_A_ROW 0.01

void add_cpu_list(struct strbuf *b, const uint64_t *bits)
{
	const char *sep = "";
	uint32_t cpu = 0, from;

	while (cpu < CPT_MASK_WORDS * 64) {
		for (from = cpu; cpu < CPT_MASK_WORDS * 64 && bits[cpu / 64] >> (cpu % 64) & 1;
		     cpu++)
			;
		if (cpu == from) {
			cpu++;
			continue;
		}
		strbuf__addf(b, "%s%" PRIu32, sep, from);
		if (cpu - from > 1)
			strbuf__addf(b, "-%" PRIu32, cpu - 1);
		sep = ",";
	}
}

static void add_mask(struct draw_table *t, const uint64_t *bits)
{
	struct strbuf list = {0};

	add_cpu_list(&list, bits);
	if (list.failed)
		t->cells.failed = true;
	draw_table__cell(t, strbuf__str(&list));
	strbuf__free(&list);
}

static void add_change(struct draw_table *t, const struct cpt_report *r,
		       const struct cpt_affinity_change *c)
{
	const struct cpt_thread *thread = report__thread(r, c->id);
	struct strbuf name = {0};

	if (thread)
		escape_add(&name, thread->name, strnlen(thread->name, CPT_COMM_LEN),
			   t->style->utf8);
	strbuf__addf(&name, " %" PRIu32, thread ? thread->tid : 0);
	if (name.failed)
		t->cells.failed = true;
	draw_table__cell(t, strbuf__str(&name));
	draw_table__duration(t, c->at_ns - r->window_start_ns);
	add_mask(t, c->from);
	draw_table__duration(t, c->from_ns);
	add_mask(t, c->to);
	draw_table__duration(t, c->to_ns);
	strbuf__free(&name);
}

static bool worth_a_row(const struct cpt_report *r, const struct cpt_affinity_change *c)
{
	return (double)c->from_ns >= WORTH_A_ROW * (double)r->window_ns;
}

void add_affinity(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	static const char *const heads[] = {"thread", "at",	   "CPUs before",
					    "for",    "CPUs then", "for"};
	uint32_t worth = 0, shown = 0;
	struct draw_table t = {.style = &opts->style, .cols = 6, .indent = 3};
	char n[FMT_SZ];

	for (uint32_t i = 0; i < r->affinity.cnt; i++)
		worth += worth_a_row(r, &r->affinity.at[i]);
	if (!worth)
		return;
	draw_title(b, &opts->style, "CPU affinity changed",
		   "  (seen at the thread's next switch, or within a tenth of a second)");
	for (unsigned int i = 0; i < t.cols; i++)
		draw_table__cell(&t, heads[i]);
	t.right[1] = t.right[3] = t.right[5] = true;
	for (uint32_t i = 0; i < r->affinity.cnt && shown < opts->top; i++) {
		if (!worth_a_row(r, &r->affinity.at[i]))
			continue;
		add_change(&t, r, &r->affinity.at[i]);
		shown++;
	}
	draw_table__add(&t, b, 0);
	/* Those that were not kept are the shortest: if one that is kept is not worth a row, no one of them is. */
	if (worth == r->affinity.cnt && r->affinity.changes > worth)
		strbuf__addf(b, "   and up to %s more\n",
			     fmt_count(n, r->affinity.changes - shown));
	else if (shown < worth)
		strbuf__addf(b, "   and %s more\n", fmt_count(n, worth - shown));
}
