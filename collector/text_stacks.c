// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_stacks.c - see text_stacks.h. */
#include "text_stacks.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "escape.h"
#include "format.h"
#include "frame_text.h"
#include "text_loop_rates.h"

/* Below that the estimate is the noise of the samples. */
#define SPIN_WORTH_SAYING 0.01
#define SITE_WORTH_SAYING 0.1 /* of a lock */
#define SITES_MAX	  5   /* wait sites, whatever --top says: each takes several lines */
#define WAKERS_MAX	  2
#define CHAIN_MAX	  6 /* frames shown of a stack */

/* ---- busy-waiting ------------------------------------------------------------------------------ */

uint32_t spin__yielders(const struct cpt_report *r, double *per_sec)
{
	uint64_t yields = 0, running_ns = 0;
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];

		if (t->yields < CPT_YIELD_STORM_MIN ||
		    (double)t->yields * 1e9 < (double)t->running_ns * CPT_YIELD_STORM_PER_SEC)
			continue;
		cnt++;
		yields += t->yields;
		running_ns += t->running_ns;
	}
	*per_sec = running_ns ? (double)yields * 1e9 / (double)running_ns : 0;
	return cnt;
}

void text_stacks__spin(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	const struct cpt_sites *s = r->sites;
	const char *plus_minus = style->utf8 ? "±" : "+-";
	char x[FMT_SZ], y[FMT_SZ];
	double per_sec;
	uint32_t cnt;

	if (s && s->samples) {
		if (s->spin_share < SPIN_WORTH_SAYING)
			return;
		strbuf__addf(
			b, "   effective %s %s %s: %.0f %s %.0f %% of the CPU time waits busily\n",
			fmt_average(x, s->effective), plus_minus,
			fmt_average(y, s->effective_error), 100 * s->spin_share, plus_minus,
			100 * s->spin_error);
		return;
	}
	if (spins_for_rings(r))
		strbuf__addf(b, "   effective %s at most: kernel threads spin for io_uring\n",
			     fmt_average(x, report__effective(r)));
	cnt = spin__yielders(r, &per_sec);
	if (!cnt)
		return;
	strbuf__addf(b,
		     "   %" PRIu32
		     " thread%s busy in sched_yield, %s times a second: not all is work\n",
		     cnt, cnt == 1 ? "" : "s", fmt_count(x, (uint64_t)(per_sec + 0.5)));
}

/* ---- hot code ---------------------------------------------------------------------------------- */

static void add_share_cells(struct draw_table *t, double latency, double all_latency,
			    uint64_t samples, uint64_t all_samples, uint64_t spins)
{
	char p[FMT_SZ];

	/* fmt_percent takes whole numbers: a millionth of a sample is fine enough. */
	draw_table__cell(t,
			 fmt_percent(p, (uint64_t)(latency * 1e6), (uint64_t)(all_latency * 1e6)));
	draw_table__cell(t, fmt_percent(p, samples, all_samples));
	draw_table__cell(t, fmt_count(p, samples));
	draw_table__cell(t, spins ? fmt_percent(p, spins, samples) : "");
}

static void add_hot_head(struct draw_table *t, const char *what)
{
	draw_table__cell(t, what);
	draw_table__cell(t, "wall");
	draw_table__cell(t, "CPU");
	draw_table__cell(t, "samples");
	draw_table__cell(t, "spins");
}

static struct draw_table hot_table(const struct text_style *style)
{
	return (struct draw_table){
		.style = style, .cols = 5, .right = {false, true, true, true, true}, .indent = 3};
}

static void add_hot_symbols(struct strbuf *b, const struct cpt_sites *s,
			    const struct text_report_opts *opts)
{
	struct draw_table t = hot_table(&opts->style);

	add_hot_head(&t, "function");
	for (uint32_t i = 0; i < s->symbol_cnt && i < opts->top; i++) {
		const struct cpt_hot_symbol *sym = &s->symbols[i];
		struct strbuf name = {0}, shown = {0};

		if (*sym->symbol)
			strbuf__addf(&name, "%s  %s", sym->symbol, sym->module);
		else
			strbuf__addf(&name, "(no symbol)  %s",
				     *sym->module ? sym->module : "place not known");
		escape_add(&shown, strbuf__str(&name), name.len, opts->style.utf8);
		draw_table__cell(&t, strbuf__str(&shown));
		add_share_cells(&t, sym->latency, s->latency, sym->samples, s->samples, sym->spins);
		if (name.failed || shown.failed)
			b->failed = true;
		strbuf__free(&name);
		strbuf__free(&shown);
	}
	draw_table__add(&t, b, 0);
}

struct hot_name {
	const char *name;
	uint64_t samples, spins;
	double latency;
};

static int compare_hot(const void *a_, const void *b_)
{
	const struct hot_name *a = a_, *b = b_;

	if (a->latency != b->latency)
		return a->latency > b->latency ? -1 : 1;
	return strcmp(a->name, b->name);
}

static void add_hot_names(struct strbuf *b, const struct cpt_sites *s,
			  const struct text_report_opts *opts)
{
	struct draw_table t = hot_table(&opts->style);
	struct hot_name *names = calloc(s->name_cnt + 1u, sizeof(*names));

	if (!names) {
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < s->name_cnt; i++)
		names[i].name = s->names[i];
	for (uint32_t i = 0; i < s->cnt; i++) {
		struct hot_name *n = &names[s->at[i].name];

		n->samples += s->at[i].samples;
		n->spins += s->at[i].spins;
		n->latency += s->at[i].latency;
	}
	qsort(names, s->name_cnt, sizeof(*names), compare_hot);
	add_hot_head(&t, "threads");
	for (uint32_t i = 0; i < s->name_cnt && i < opts->top && names[i].samples; i++) {
		struct strbuf shown = {0};

		escape_add(&shown, names[i].name, strlen(names[i].name), opts->style.utf8);
		draw_table__cell(&t, strbuf__str(&shown));
		add_share_cells(&t, names[i].latency, s->latency, names[i].samples, s->samples,
				names[i].spins);
		strbuf__free(&shown);
	}
	draw_table__add(&t, b, 0);
	free(names);
}

void text_stacks__hot(struct strbuf *b, const struct cpt_report *r,
		      const struct text_report_opts *opts)
{
	const struct cpt_sites *s = r->sites;
	struct strbuf wide = {0};

	if (!s || !s->samples) {
		strbuf__adds(b, s && s->sample_hz
					? " No sample fell on the workload: it ran too shortly.\n"
					: " No samples: record with --sample or --stacks.\n");
		return;
	}
	draw_title(&wide, &opts->style, "Hot code",
		   "  (wall: time in which any of it ran, a sample counts 1/R)");
	add_hot_symbols(&wide, s, opts);
	strbuf__addc(&wide, '\n');
	add_hot_names(&wide, s, opts);
	draw_clipped(b, strbuf__str(&wide), &opts->style);
	if (wide.failed)
		b->failed = true;
	strbuf__free(&wide);
}

/* ---- wait sites -------------------------------------------------------------------------------- */

static int compare_sites(const void *a_, const void *b_)
{
	const struct cpt_site *a = *(const struct cpt_site *const *)a_,
			      *b = *(const struct cpt_site *const *)b_;

	if (a->wait_ns != b->wait_ns)
		return a->wait_ns > b->wait_ns ? -1 : 1;
	return (a > b) - (a < b);
}

static void add_chain(struct strbuf *b, const struct text_style *style, const char *before,
		      const struct cpt_stacks *table, uint32_t user, uint32_t kernel)
{
	struct strbuf chain = {0};

	frame_text__chain(&chain, table, user, kernel, CHAIN_MAX);
	strbuf__adds(b, before);
	b->failed |= chain.failed;
	if (chain.len)
		escape_add(b, strbuf__str(&chain), chain.len, style->utf8);
	else
		strbuf__adds(b, "(no stack)");
	strbuf__addc(b, '\n');
	if (chain.failed)
		b->failed = true;
	strbuf__free(&chain);
}

static void add_wakers(struct strbuf *b, const struct text_style *style, const struct cpt_sites *s,
		       const struct cpt_site *site)
{
	const uint32_t idx = (uint32_t)(site - s->at);
	uint32_t lo = 0, hi = s->wake_cnt;

	while (lo < hi) {
		const uint32_t mid = lo + (hi - lo) / 2;

		if (s->wakes[mid].site < idx)
			lo = mid + 1;
		else
			hi = mid;
	}
	for (uint32_t i = lo; i < s->wake_cnt && i < lo + WAKERS_MAX && s->wakes[i].site == idx;
	     i++)
		add_chain(b, style, "      woken by  ", s->table, s->wakes[i].user,
			  s->wakes[i].kernel);
}

static void add_site(struct strbuf *b, const struct text_style *style, const struct cpt_sites *s,
		     const struct cpt_site *site)
{
	char d[FMT_SZ], n[FMT_SZ];

	strbuf__adds(b, "   ");
	draw_padded(b, fmt_duration(d, site->wait_ns, style->utf8), 8, true);
	strbuf__addf(b, "  %s  ", reason_name((enum cpt_reason)site->reason));
	escape_add(b, s->names[site->name], strlen(s->names[site->name]), style->utf8);
	strbuf__addf(b, ", %s time%s\n", fmt_count(n, site->waits), site->waits == 1 ? "" : "s");
	add_chain(b, style, "      at        ", s->table, site->user, site->kernel);
	add_wakers(b, style, s, site);
}

void text_stacks__lock(struct strbuf *b, const struct cpt_report *r, const struct cpt_lock *l,
		       const struct text_style *style)
{
	const struct cpt_sites *s = r->sites;
	char p[FMT_SZ];

	for (uint32_t i = 0; s && i < l->site_cnt; i++) {
		const struct cpt_site *site = &s->at[l->sites[i].site];

		if ((!site->user && !site->kernel) ||
		    (double)l->sites[i].ns < SITE_WORTH_SAYING * (double)l->blocked_ns)
			continue;
		strbuf__addf(b, "   %s of it by ", fmt_percent(p, l->sites[i].ns, l->blocked_ns));
		escape_add(b, s->names[site->name], strlen(s->names[site->name]), style->utf8);
		strbuf__addc(b, '\n');
		add_chain(b, style, "      at        ", s->table, site->user, site->kernel);
		add_wakers(b, style, s, site);
	}
}

/* What is missing among them, if anything. */
static void add_lost(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	const uint64_t *lost = r->close_facts ? r->close_facts->stacks_lost : NULL;
	char n[FMT_SZ];
	uint64_t cnt;

	if (!lost)
		return;
	/* Each is one stack; a record has up to four. */
	cnt = lost[CPT_STACK_LOSS_STACKS_RING_FULL] + lost[CPT_STACK_LOSS_COLLISION];
	if (!cnt)
		return;
	strbuf__adds(b, "   ");
	draw_begin(b, style, DRAW_RED);
	strbuf__addf(b, "%s stack%s could not be recorded.", fmt_count(n, cnt),
		     cnt == 1 ? "" : "s");
	draw_end(b, style, DRAW_RED);
	strbuf__addc(b, '\n');
}

void add_wait_sites(struct strbuf *b, const struct cpt_report *r,
		    const struct text_report_opts *opts)
{
	const struct cpt_sites *s = r->sites;
	const struct cpt_site **order;
	uint32_t cnt = 0;

	if (!s || !s->stacks)
		return;
	order = calloc(s->cnt + 1u, sizeof(*order));
	if (!order) {
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < s->cnt; i++)
		if (s->at[i].wait_ns && (s->at[i].user || s->at[i].kernel))
			order[cnt++] = &s->at[i];
	if (cnt) {
		qsort(order, cnt, sizeof(*order), compare_sites);
		draw_title(b, &opts->style, "Where it waited longest", "  (leaf first)");
	}
	for (uint32_t i = 0; i < cnt && i < SITES_MAX; i++)
		add_site(b, &opts->style, s, order[i]);
	add_lost(b, r, &opts->style);
	free(order);
}
