// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_loops.c - see text_loops.h. */
#include "text_loops.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "draw.h"
#include "escape.h"
#include "format.h"
#include "frame_text.h"
#include "loop_names.h"
#include "share.h"
#include "text_flights.h"
#include "text_loop_rates.h"

/* A thread that waits for events now and then is not driven by them. */
#define TURNS_MIN 10
/* Its life as a loop, against the window: below it is start-up. */
#define WORTH_A_ROW 0.01
/* Stalls of less than that, against the window, are noise beside what the loop did. */
#define WORTH_A_STALL 0.001
/* Blocked for a twentieth of the window, a loop has kept all it serves waiting for as long. */
#define BLOCKED_SHARE 0.05
/* One that ran a fifth longer than the average of its pool is what the others wait for. */
#define UNEVEN 1.2
#define STALLS 3
/* Loops, and instances, of which more is said than their row. */
#define MORE_OF 2
/* Of a stack: from the call to the handler it is in. */
#define FRAMES	  6
#define POOLS	  3
#define OFFLOADS  3
#define ALIVE_LVL 8

static bool worth_a_row(const struct cpt_report *r, const struct cpt_loop *l)
{
	return l->iterations >= TURNS_MIN &&
	       share(l->life_ns + l->not_back_ns, r->window_ns) >= WORTH_A_ROW;
}

/* ---- the table --------------------------------------------------------------------------------------- */

/* Most time away from its wait first. */
static int cmp_rows(const void *pa, const void *pb)
{
	const struct cpt_loop *a = *(const struct cpt_loop *const *)pa,
			      *b = *(const struct cpt_loop *const *)pb;
	const uint64_t na = loop_dispatching_ns(a), nb = loop_dispatching_ns(b);

	if (na != nb)
		return na > nb ? -1 : 1;
	return a < b ? -1 : a > b;
}

static void head_cells(struct draw_table *t)
{
	static const char *const heads[] = {"loop",   "on",	 "turns",   "on CPU",
					    "no CPU", "blocked", "waiting", "longest"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		draw_table__cell(t, heads[i]);
}

static void loop_cells(struct draw_table *t, const struct cpt_report *r, const struct cpt_loop *l)
{
	const struct cpt_thread *thread = report__thread(r, l->id);
	struct strbuf text = {0};
	char f[FMT_SZ];

	if (thread)
		escape_add(&text, thread->name, strnlen(thread->name, CPT_COMM_LEN),
			   t->style->utf8);
	strbuf__addf(&text, " %" PRIu32, thread ? thread->tid : 0);
	draw_table__cell(t, strbuf__str(&text));
	strbuf__clear(&text);
	strbuf__adds(&text, loop_kind_name((enum cpt_loop_kind)l->kind));
	if (l->fd >= 0)
		strbuf__addf(&text, " %" PRId32, l->fd);
	draw_table__cell(t, strbuf__str(&text));
	strbuf__clear(&text);
	strbuf__addf(&text, "%s%s", fmt_count(f, l->iterations), l->iterations_least ? "+" : "");
	draw_table__cell(t, strbuf__str(&text));
	draw_table__cell(t, fmt_percent(f, l->on_cpu_ns, loop_known_ns(l)));
	draw_table__cell(t, fmt_percent(f, l->runnable_ns, loop_known_ns(l)));
	draw_table__cell(t, fmt_percent(f, l->blocked_ns, loop_known_ns(l)));
	draw_table__cell(t, fmt_percent(f, l->waiting_ns, loop_known_ns(l)));
	draw_table__duration(t, l->dispatch_max_ns);
	if (text.failed)
		t->cells.failed = true;
	strbuf__free(&text);
}

/* The rows in their order; the caller's. NULL without memory. */
static const struct cpt_loop **rows_of(const struct cpt_report *r, uint32_t *cnt)
{
	const struct cpt_loop **rows = calloc(r->loops.cnt ? r->loops.cnt : 1, sizeof(*rows));

	*cnt = 0;
	for (uint32_t i = 0; rows && i < r->loops.cnt; i++)
		if (worth_a_row(r, &r->loops.tab[i]))
			rows[(*cnt)++] = &r->loops.tab[i];
	if (rows)
		qsort(rows, *cnt, sizeof(*rows), cmp_rows);
	return rows;
}

static void add_table(struct strbuf *b, const struct cpt_report *r, const struct cpt_loop **rows,
		      uint32_t cnt, const struct text_report_opts *opts)
{
	struct draw_table t = {.style = &opts->style, .cols = 8, .indent = 3};
	const uint32_t shown = cnt < opts->top ? cnt : opts->top;
	char n[FMT_SZ];

	for (unsigned int i = 2; i < t.cols; i++)
		t.right[i] = true;
	head_cells(&t);
	for (uint32_t i = 0; i < shown; i++)
		loop_cells(&t, r, rows[i]);
	draw_table__add(&t, b, 0);
	if (shown < cnt)
		strbuf__addf(b, "   and %s more\n", fmt_count(n, cnt - shown));
}

/* ---- stalls ------------------------------------------------------------------------------------------ */

/* "clock_nanosleep (sleep)", "read of a file (disk)", "a page fault (page_fault)" */
static void add_call(struct strbuf *b, const struct cpt_report *r, const struct cpt_stall *s)
{
	const char *call = stall_call(r, s), *kind = stall_fd_kind(r, s);

	if (s->rest) {
		strbuf__adds(b, "other calls");
		return;
	}
	strbuf__adds(b, call ? call : "no system call");
	if (kind)
		strbuf__addf(b, " (%s, %s)", kind, reason_name((enum cpt_reason)s->reason));
	else
		strbuf__addf(b, " (%s)", reason_name((enum cpt_reason)s->reason));
}

/* "blocked 60 times in clock_nanosleep (sleep): 1.21 s in all, 20.4 ms at most" */
void add_stall_words(struct strbuf *b, const struct cpt_report *r, const struct cpt_loop *l,
		     const struct cpt_stall *s, bool utf8)
{
	char n[FMT_SZ], d[FMT_SZ], m[FMT_SZ];

	if (s->cnt == 1)
		strbuf__adds(b, "blocked once in ");
	else
		strbuf__addf(b, "blocked %s times in ", fmt_count(n, s->cnt));
	add_call(b, r, s);
	strbuf__addf(b, ": %s", fmt_duration(d, s->total_ns, utf8));
	if (s->cnt > 1)
		strbuf__addf(b, " in all, %s at most", fmt_duration(m, s->longest_ns, utf8));
	/* What was not looked at yet may have held up more. */
	if (s->held_up)
		strbuf__addf(b, ", with %s %" PRIu32 " operation%s in flight behind it",
			     l->flight_known ? "up to" : "at least", s->held_up,
			     s->held_up == 1 ? "" : "s");
}

struct stall_row {
	const struct cpt_loop *loop;
	const struct cpt_stall *stall;
};

/* Delay to others is what makes a stall matter; where it is not known, its length. */
static bool costs_more(const struct cpt_stall *a, const struct cpt_stall *b)
{
	return a->delay_ns != b->delay_ns ? a->delay_ns > b->delay_ns : a->total_ns > b->total_ns;
}

/* The stalls that cost most, of loops worth a row, most first. */
static unsigned int worst_stalls(const struct cpt_report *r, struct stall_row out[STALLS])
{
	unsigned int cnt = 0;

	for (uint32_t i = 0; i < r->loops.cnt; i++) {
		const struct cpt_loop *l = &r->loops.tab[i];

		for (uint32_t k = 0; worth_a_row(r, l) && k < l->stalls_cnt; k++) {
			const struct cpt_stall *s = &l->stalls[k];
			unsigned int at = cnt;

			if (s->rest || share(s->total_ns, r->window_ns) < WORTH_A_STALL)
				continue;
			for (; at && costs_more(s, out[at - 1].stall); at--)
				if (at < STALLS)
					out[at] = out[at - 1];
			if (at < STALLS)
				out[at] = (struct stall_row){l, s};
			cnt += cnt < STALLS;
		}
	}
	return cnt;
}

/* Where the longest was called from, as far as stacks were taken. */
static void add_place(struct strbuf *b, const struct cpt_report *r, const struct cpt_stall *s,
		      bool utf8)
{
	struct strbuf chain = {0};

	if (!r->sites || !r->sites->table || (!s->longest_user && !s->longest_kernel))
		return;
	frame_text__chain(&chain, r->sites->table, s->longest_user, s->longest_kernel, FRAMES);
	/* The call alone has been named. */
	if (strstr(strbuf__str(&chain), " < ")) {
		strbuf__adds(b, " The longest at ");
		escape_add(b, strbuf__str(&chain), chain.len, utf8);
		strbuf__addc(b, '.');
	}
	if (chain.failed)
		b->failed = true;
	strbuf__free(&chain);
}

static void add_stalls(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	struct stall_row worst[STALLS];
	const unsigned int cnt = worst_stalls(r, worst);
	struct strbuf line = {0};
	char d[FMT_SZ];

	for (unsigned int i = 0; i < cnt; i++) {
		add_loop_name(&line, report__thread(r, worst[i].loop->id), style->utf8);
		strbuf__addc(&line, ' ');
		add_stall_words(&line, r, worst[i].loop, worst[i].stall, style->utf8);
		strbuf__addc(&line, '.');
		if (worst[i].loop->flight_known && worst[i].stall->delay_ns)
			strbuf__addf(&line, " They were delayed by %s in all.",
				     fmt_duration(d, worst[i].stall->delay_ns, style->utf8));
		add_place(&line, r, worst[i].stall, style->utf8);
		add_loop_text(b, &line, style);
	}
	strbuf__free(&line);
}

/* Seen from its switches alone, one that is never without events looks like one that has stopped. */
static void add_not_back(struct strbuf *b, const struct cpt_report *r, const struct cpt_loop **rows,
			 uint32_t cnt, const struct text_style *style)
{
	struct strbuf line = {0};
	char d[FMT_SZ];

	for (uint32_t i = 0; i < cnt && i < STALLS; i++) {
		if (share(rows[i]->not_back_ns, r->window_ns) < BLOCKED_SHARE)
			continue;
		add_loop_name(&line, report__thread(r, rows[i]->id), style->utf8);
		strbuf__addf(&line, " did not wait for events in its last %s, not counted here%s.",
			     fmt_duration(d, rows[i]->not_back_ns, style->utf8),
			     rows[i]->iterations_least ? ": it had stopped, or always had some"
						       : "");
		add_loop_text(b, &line, style);
	}
	strbuf__free(&line);
}

/* ---- across loops ------------------------------------------------------------------------------------ */

/* "Loops on a CPU at once, of 2: none 12.0 % of the time, 1 60.0 %, 2 28.0 %." */
static void add_levels(struct strbuf *b, const struct cpt_loops *loops,
		       const struct text_style *style)
{
	const uint32_t last = loops->level_cnt < ALIVE_LVL ? loops->level_cnt : ALIVE_LVL;
	struct strbuf line = {0};
	uint64_t more = 0;
	char p[FMT_SZ];

	if (loops->peak < 2)
		return;
	strbuf__addf(&line, "Loops on a CPU at once, of up to %" PRIu32 ":", loops->peak);
	for (uint32_t k = 0; k < last; k++)
		strbuf__addf(&line, "%s %" PRIu32 " for %s", k ? "," : "", k,
			     fmt_percent(p, loops->level_ns[k], loops->with_loops_ns));
	for (uint32_t k = last; k < loops->level_cnt; k++)
		more += loops->level_ns[k];
	if (more)
		strbuf__addf(&line, ", more for %s", fmt_percent(p, more, loops->with_loops_ns));
	strbuf__adds(&line, " of the time with loops.");
	add_loop_text(b, &line, style);
	strbuf__free(&line);
}

static void add_pools(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	struct strbuf line = {0};
	char a[FMT_SZ], d[FMT_SZ], l[FMT_SZ];

	for (uint32_t i = 0; i < r->loops.pools_cnt && i < POOLS; i++) {
		const struct cpt_loop_pool *p = &r->loops.pools[i];
		const struct cpt_thread *t = report__thread(r, r->loops.tab[p->first].id);

		if (p->doubtful || p->imbalance < UNEVEN ||
		    share(p->busiest_ns, r->window_ns) < WORTH_A_ROW)
			continue;
		strbuf__addf(&line, "Uneven: of the %" PRIu32 " loops named `", p->loops);
		if (t)
			escape_add(&line, t->name, strnlen(t->name, CPT_COMM_LEN), style->utf8);
		strbuf__addf(
			&line,
			"` the busiest ran for %s, %s times the average, the least busy for %s.",
			fmt_duration(d, p->busiest_ns, style->utf8), fmt_average(a, p->imbalance),
			fmt_duration(l, p->least_ns, style->utf8));
		add_loop_text(b, &line, style);
	}
	strbuf__free(&line);
}

static void add_offloads(struct strbuf *b, const struct cpt_report *r,
			 const struct text_style *style)
{
	struct strbuf line = {0};
	char h[FMT_SZ], n[FMT_SZ], d[FMT_SZ];
	unsigned int shown = 0;

	for (uint32_t i = 0; i < r->loops.offloads_cnt && shown < OFFLOADS; i++) {
		const struct cpt_offload *o = &r->loops.offloads[i];
		const struct cpt_thread *w = report__thread(r, o->example);

		if (!o->handed || !o->returned)
			continue;
		shown++;
		add_loop_name(&line, report__thread(r, o->id), style->utf8);
		strbuf__addf(&line, " hands work to %" PRIu32 " thread%s (`", o->workers,
			     o->workers == 1 ? "" : "s");
		if (w)
			escape_add(&line, w->name, strnlen(w->name, CPT_COMM_LEN), style->utf8);
		strbuf__addf(
			&line,
			"`): it woke them %s times, was woken by them %s times, and they ran for "
			"%s.",
			fmt_count(h, o->handed), fmt_count(n, o->returned),
			fmt_duration(d, o->workers_on_cpu_ns, style->utf8));
		add_loop_text(b, &line, style);
	}
	strbuf__free(&line);
}

void add_loops(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	const struct cpt_loop **rows;
	uint32_t cnt;

	rows = rows_of(r, &cnt);
	if (!rows) {
		b->failed = true;
		return;
	}
	if (cnt || spins_for_rings(r))
		draw_title(b, style, "Event loops",
			   cnt ? "  (shares of each one's life; n+: at least n turns)" : "");
	if (cnt) {
		add_table(b, r, rows, cnt, opts);
		for (uint32_t i = 0; i < cnt && i < MORE_OF; i++)
			add_loop_rates(b, r, rows[i], style);
		add_flights(b, r, opts);
		add_stalls(b, r, style);
		add_not_back(b, r, rows, cnt, style);
		add_levels(b, &r->loops, style);
		add_pools(b, r, style);
		add_offloads(b, r, style);
	}
	add_sqpolls(b, r, style);
	free(rows);
}

void loops__sentence(struct strbuf *b, const struct cpt_report *r, bool utf8)
{
	struct stall_row worst[STALLS];

	if (!worst_stalls(r, worst) ||
	    share(worst[0].stall->total_ns, r->window_ns) < BLOCKED_SHARE)
		return;
	strbuf__adds(b, "Blocked event loop: ");
	add_loop_name(b, report__thread(r, worst[0].loop->id), utf8);
	strbuf__addc(b, ' ');
	add_stall_words(b, r, worst[0].loop, worst[0].stall, false);
	strbuf__addc(b, '.');
}
