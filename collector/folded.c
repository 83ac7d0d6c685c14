// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* folded.c - see folded.h. */
#include "folded.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "escape.h"
#include "frame_text.h"

const char *const folded_weight_words[] = {"wait", "lost", "cpu", "latency", NULL};

/* One site as a line. */
struct line {
	size_t at; /* in the text */
	double weight;
	const char *text;
};

bool folded__available(const struct cpt_report *r, enum folded_weight weight)
{
	if (!r->sites)
		return false;
	if (weight == FOLDED_WAIT || weight == FOLDED_LOST)
		return r->sites->stacks;
	return r->sites->sample_hz != 0;
}

/* Whole ns stay whole: a double holds them up to 104 days. */
static double weight_of(const struct cpt_sites *s, const struct cpt_site *site,
			enum folded_weight weight)
{
	const double period = s->sample_hz ? 1e9 / s->sample_hz : 0;

	switch (weight) {
	case FOLDED_WAIT:
		return (double)site->wait_ns;
	case FOLDED_LOST:
		return site->lost_ns;
	case FOLDED_CPU:
		return (double)site->samples * period;
	case FOLDED_LATENCY:
		return site->latency * period;
	}
	return 0;
}

/* A semicolon would end the frame: it is replaced. The rest is escaped as in other files of data. */
static void add_clean(struct strbuf *b, const char *s)
{
	struct strbuf text = {0};

	escape_add_data(&text, s, strlen(s));
	for (const char *p = strbuf__str(&text); *p; p++)
		strbuf__addc(b, *p == ';' ? ':' : *p);
	if (text.failed)
		b->failed = true;
	strbuf__free(&text);
}

static void add_frame(struct strbuf *b, struct strbuf *name, const struct cpt_frame *f)
{
	strbuf__clear(name);
	frame_text__add(name, f);
	strbuf__addc(b, ';');
	add_clean(b, strbuf__str(name));
	/* As flame graphs tell them apart by colour. */
	if (f->flags & CPT_FRAME_KERNEL)
		strbuf__adds(b, "_[k]");
	else if (f->flags & CPT_FRAME_INLINED)
		strbuf__adds(b, "_[i]");
}

static void add_stack(struct strbuf *b, struct strbuf *name, const struct cpt_stacks *table,
		      uint32_t stack)
{
	for (uint32_t i = stacks__depth(table, stack); i; i--)
		add_frame(b, name, stacks__frame(table, stack, i - 1));
}

static void add_site(struct strbuf *b, struct strbuf *name, const struct cpt_sites *s,
		     const struct cpt_site *site)
{
	size_t start;

	add_clean(b, site->name < s->name_cnt ? s->names[site->name] : CPT_NAME_OTHER);
	start = b->len;
	add_stack(b, name, s->table, site->user);
	add_stack(b, name, s->table, site->kernel);
	if (b->len != start)
		return;
	strbuf__adds(b, ";[no stack]");
	if (site->reason < CPT_REASON_CNT)
		strbuf__addf(b, ";[%s]", reason_name((enum cpt_reason)site->reason));
}

static int compare(const void *a_, const void *b_)
{
	const struct line *a = a_, *b = b_;

	return strcmp(a->text, b->text);
}

/* Sorted lines, equal ones summed up. */
static void add_lines(struct strbuf *out, struct line *lines, uint32_t cnt)
{
	uint32_t to;

	qsort(lines, cnt, sizeof(*lines), compare);
	for (uint32_t i = 0; i < cnt; i = to) {
		double sum = 0;
		uint64_t whole;

		for (to = i; to < cnt && !compare(&lines[i], &lines[to]); to++)
			sum += lines[to].weight;
		whole = (uint64_t)(sum + 0.5);
		if (whole)
			strbuf__addf(out, "%s %" PRIu64 "\n", lines[i].text, whole);
	}
}

void folded__add(struct strbuf *out, const struct cpt_report *r, enum folded_weight weight)
{
	const struct cpt_sites *s = r->sites;
	struct line *lines = calloc(s->cnt + 1u, sizeof(*lines));
	struct strbuf text = {0}, name = {0};
	uint32_t cnt = 0;

	for (uint32_t i = 0; lines && i < s->cnt; i++) {
		const double w = weight_of(s, &s->at[i], weight);

		if (w <= 0)
			continue;
		lines[cnt++] = (struct line){.at = text.len, .weight = w};
		add_site(&text, &name, s, &s->at[i]);
		strbuf__addc(&text, '\0');
	}
	if (!lines || text.failed || name.failed) {
		out->failed = true;
	} else {
		for (uint32_t i = 0; i < cnt; i++)
			lines[i].text = text.s + lines[i].at;
		if (cnt)
			add_lines(out, lines, cnt);
	}
	free(lines);
	strbuf__free(&text);
	strbuf__free(&name);
}
