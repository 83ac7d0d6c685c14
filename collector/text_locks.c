// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_locks.c - see text_locks.h. */
#include "text_locks.h"

#include "text_stacks.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "analysis/words.h"
#include "cli.h"
#include "draw.h"
#include "escape.h"
#include "format.h"

/* A lock that was waited for less than this share of the window limits nothing. */
#define WORTH_A_PART 0.001
/* Likewise beside the one that was waited for most. */
#define WORTH_A_ROW 0.01
/* What the holder did for less than this share of the waits is left out. */
#define WORTH_A_WORD 0.05
/* From here there is room for all columns. */
#define WIDE_COLUMNS   100
#define NAME_COLUMNS   20
#define HOLDER_COLUMNS 33

static const char *kind_words(const struct cpt_lock *l)
{
	switch (l->kind) {
	case CPT_WORD_ROBUST:
		return "robust mutex";
	case CPT_WORD_PI:
		return "PI mutex";
	case CPT_WORD_CONDVAR:
		return "condition variable";
	case CPT_WORD_FILE_LOCK:
		return "file lock";
	case CPT_WORD_KERNEL:
		return "kernel lock";
	default:
		return word_kind_name(l->kind);
	}
}

static void add_text(struct strbuf *b, const char *s, bool utf8)
{
	escape_add(b, s, strlen(s), utf8);
}

void add_raw_lock_name(struct strbuf *b, const struct cpt_lock *l)
{
	if (l->python_gil) {
		strbuf__adds(b, "CPython's GIL");
	} else if (l->python_gil_switch) {
		strbuf__adds(b, "GIL, let go");
	} else if (*l->symbol) {
		if (*l->module) {
			strbuf__adds(b, l->module);
			strbuf__addc(b, ':');
		}
		strbuf__adds(b, l->symbol);
	} else if (l->kind == CPT_WORD_KERNEL) {
		strbuf__adds(b, l->rest ? "kernel locks" : "kernel (mmap_lock and others)");
	} else if (l->rest) {
		strbuf__adds(b, "locks not told apart");
	} else if (l->kind == CPT_WORD_FILE_LOCK && *l->module) {
		strbuf__addf(b, "file lock on %s", l->module);
	} else if (l->kind == CPT_WORD_FILE_LOCK) {
		strbuf__addf(b, "file lock on fd %" PRIu64, l->addr);
	} else {
		strbuf__addf(b, "%s 0x%" PRIx64, kind_words(l), l->addr);
		if (*l->module)
			strbuf__addf(b, " (%s)", l->module);
	}
}

const struct cpt_lock *lock_most_waited(const struct cpt_report *r, enum cpt_reason reason)
{
	const struct cpt_lock *top = NULL;

	for (uint32_t i = 0; i < r->locks_cnt; i++) {
		const struct cpt_lock *l = &r->locks[i];

		if (!l->rest && (reason == CPT_REASON_CNT || l->reason == reason) &&
		    (!top || l->blocked_ns > top->blocked_ns))
			top = l;
	}
	return top;
}

void add_lock_name(struct strbuf *b, const struct cpt_lock *l, bool utf8)
{
	struct strbuf raw = {0};

	add_raw_lock_name(&raw, l);
	add_text(b, strbuf__str(&raw), utf8);
	if (raw.failed)
		b->failed = true;
	strbuf__free(&raw);
}

/* ---- what the holder did -------------------------------------------------------------------------- */

struct did {
	const char *what;
	uint64_t ns;
};

/* "ran 97.1 %, blocked (sleep) 2.5 %" */
static void add_holder(struct strbuf *b, const struct cpt_lock *l, unsigned int width)
{
	struct did did[3 + CPT_REASON_CNT];
	size_t cnt = 0, said = 0, i;
	char p[FMT_SZ], part[64];

	did[cnt++] = (struct did){"ran", l->holder_running_ns};
	did[cnt++] = (struct did){"had no CPU", l->holder_runnable_ns};
	for (int k = 0; k < CPT_REASON_CNT; k++)
		did[cnt++] = (struct did){reason_name((enum cpt_reason)k), l->holder_blocked_ns[k]};
	did[cnt++] = (struct did){"not known", l->holder_unknown_ns};
	for (; said < 2; said++) {
		size_t best = 0;

		for (i = 1; i < cnt; i++)
			if (did[i].ns > did[best].ns)
				best = i;
		if (!did[best].ns ||
		    (said && (double)did[best].ns < WORTH_A_WORD * (double)l->blocked_ns))
			return;
		snprintf(part, sizeof(part), "%s%s%s %s",
			 best > 1 && best + 1 < cnt ? "blocked (" : "", did[best].what,
			 best > 1 && best + 1 < cnt ? ")" : "",
			 fmt_percent(p, did[best].ns, l->blocked_ns));
		/* The name of the lock says more than what its holder did besides. */
		if (said && width < WIDE_COLUMNS && b->len + strlen(part) > HOLDER_COLUMNS)
			return;
		strbuf__adds(b, said ? ", " : "");
		strbuf__adds(b, part);
		did[best].ns = 0;
	}
}

/* ---- the table ------------------------------------------------------------------------------------- */

static void cell(struct draw_table *t, struct strbuf *text)
{
	if (text->failed)
		t->cells.failed = true;
	draw_table__cell(t, strbuf__str(text));
	strbuf__clear(text);
}

static bool is_of_python(const struct cpt_lock *l)
{
	return l->python_gil || l->python_gil_switch;
}

void add_lock_short_name(struct strbuf *b, const struct cpt_lock *l, unsigned int columns,
			 bool utf8)
{
	const size_t from = b->len;
	const char *file;

	add_lock_name(b, l, utf8);
	if (b->failed || display_width(b->s + from, b->len - from) <= columns)
		return;
	file = strrchr(l->module, '/');
	if (*l->symbol && !is_of_python(l)) {
		b->len = from;
		add_text(b, l->symbol, utf8);
	} else if (l->kind == CPT_WORD_FILE_LOCK && file) {
		b->len = from;
		strbuf__adds(b, "file ");
		add_text(b, file + 1, utf8);
	}
}

/* Told apart where several interpreters ran. */
static void add_row_name(struct strbuf *b, const struct cpt_report *r, const struct cpt_lock *l,
			 const struct text_style *style)
{
	const bool wide = style->width >= WIDE_COLUMNS;
	bool others = false;

	for (uint32_t i = 0; is_of_python(l) && i < r->locks_cnt; i++)
		others |= is_of_python(&r->locks[i]) && r->locks[i].pid != l->pid;
	add_lock_short_name(b, l, wide ? UINT_MAX : NAME_COLUMNS, style->utf8);
	if (others)
		strbuf__addf(b, " (%" PRIu32 ")", l->pid);
}

static void lock_cells(struct draw_table *t, const struct cpt_report *r, const struct cpt_lock *l)
{
	struct strbuf text = {0};
	char n[FMT_SZ];

	add_row_name(&text, r, l, t->style);
	cell(t, &text);
	draw_table__duration(t, l->blocked_ns);
	if (t->style->width >= WIDE_COLUMNS)
		draw_table__duration(t, l->wake_delay_ns);
	draw_table__cell(t, fmt_count(n, l->waits));
	draw_table__cell(t, fmt_count(n, l->waiters));
	if (t->style->width >= WIDE_COLUMNS)
		draw_table__duration(t, l->longest_ns);
	add_holder(&text, l, t->style->width);
	cell(t, &text);
	strbuf__free(&text);
}

static void head_cells(struct draw_table *t)
{
	draw_table__cell(t, "lock");
	draw_table__cell(t, "blocked");
	if (t->style->width >= WIDE_COLUMNS)
		draw_table__cell(t, "woken late");
	draw_table__cell(t, "waits");
	draw_table__cell(t, "waiters");
	if (t->style->width >= WIDE_COLUMNS)
		draw_table__cell(t, "longest");
	draw_table__cell(t, "its holder meanwhile");
}

static uint32_t rows_worth(const struct cpt_report *r, unsigned int top)
{
	uint32_t cnt = 0;

	while (cnt < r->locks_cnt && cnt < top && r->locks[cnt].blocked_ns &&
	       (double)r->locks[cnt].blocked_ns >= WORTH_A_ROW * (double)r->locks[0].blocked_ns)
		cnt++;
	return cnt;
}

static void add_table(struct strbuf *b, const struct cpt_report *r,
		      const struct text_report_opts *opts)
{
	const bool wide = opts->style.width >= WIDE_COLUMNS;
	const uint32_t shown = rows_worth(r, opts->top);
	struct draw_table t = {.style = &opts->style, .cols = wide ? 7 : 5, .indent = 3};
	uint64_t left = 0;
	char n[FMT_SZ], d[FMT_SZ];

	for (unsigned int i = 1; i + 1 < t.cols; i++)
		t.right[i] = true;
	head_cells(&t);
	for (uint32_t i = 0; i < shown; i++)
		lock_cells(&t, r, &r->locks[i]);
	draw_table__add(&t, b, 0);
	for (uint32_t i = shown; i < r->locks_cnt; i++)
		left += r->locks[i].blocked_ns;
	if (shown < r->locks_cnt)
		strbuf__addf(b, "   and %s more, %s blocked in all\n",
			     fmt_count(n, r->locks_cnt - shown),
			     fmt_duration(d, left, opts->style.utf8));
}

/* The stacks of the lock that cost most. */
static void add_top_site(struct strbuf *b, const struct cpt_report *r,
			 const struct text_style *style)
{
	struct strbuf sites = {0};

	text_stacks__lock(&sites, r, &r->locks[0], style);
	if (sites.len) {
		strbuf__adds(b, "   Where ");
		add_lock_name(b, &r->locks[0], style->utf8);
		strbuf__adds(b, " was waited for, leaf first:\n");
		draw_clipped(b, strbuf__str(&sites), style);
	}
	if (sites.failed)
		b->failed = true;
	strbuf__free(&sites);
}

/* ---- ceilings ---------------------------------------------------------------------------------------- */

static void say_gil(struct strbuf *b, const struct cpt_ceiling *c, const struct cpt_report *r)
{
	char p[FMT_SZ];

	strbuf__addf(b,
		     "CPython's GIL lets one thread of process %" PRIu32
		     " interpret at a time: some thread waited for it in %s of the time.",
		     c->pid, fmt_percent(p, c->waited_ns, r->window_ns));
}

static void say_one_of_n(struct strbuf *b, const struct cpt_ceiling *c, const struct cpt_report *r,
			 bool utf8)
{
	char p[FMT_SZ], q[FMT_SZ], f[FMT_SZ];

	strbuf__addf(b,
		     "Possibly one at a time: of %" PRIu32 " threads of process %" PRIu32
		     " that wait on one %s and wake each other by it (",
		     c->threads, c->pid,
		     c->word_kind == CPT_WORD_SEM ? "semaphore" : "condition variable");
	if (*c->symbol) {
		add_text(b, c->module, utf8);
		strbuf__adds(b, *c->module ? ":" : "");
		add_text(b, c->symbol, utf8);
	} else {
		strbuf__addf(b, "0x%" PRIx64, c->addr);
	}
	strbuf__addf(b,
		     ") more than one ran in only %s of the %s of the time in which two wanted to, "
		     "with %s CPUs free on average. A lock of their runtime would look like that.",
		     fmt_percent(p, c->overlap_ns, c->wanted_ns),
		     fmt_percent(q, c->wanted_ns, r->window_ns), fmt_average(f, c->free_cpus));
}

static void add_ceiling(struct strbuf *b, const struct cpt_report *r, const struct cpt_ceiling *c,
			const struct text_style *style)
{
	struct strbuf line = {0};

	if (c->kind == CPT_CEILING_GIL)
		say_gil(&line, c, r);
	else
		say_one_of_n(&line, c, r, style->utf8);
	strbuf__adds(b, "   ");
	cli_wrap(b, strbuf__str(&line), 3, 3, style->width - 1);
	if (line.failed)
		b->failed = true;
	strbuf__free(&line);
}

void add_locks(struct strbuf *b, const struct cpt_report *r, const struct text_report_opts *opts)
{
	const struct text_style *style = &opts->style;
	uint64_t waited = 0;

	/* What is not told apart says no more than the reasons do. */
	for (uint32_t i = 0; i < r->locks_cnt; i++)
		if (!r->locks[i].rest && r->locks[i].waited_ns > waited)
			waited = r->locks[i].waited_ns;
	if ((!waited || (double)waited < WORTH_A_PART * (double)r->window_ns) && !r->ceilings_cnt)
		return;
	draw_title(b, style, "Locks", "");
	if (waited) {
		add_table(b, r, opts);
		add_top_site(b, r, style);
	}
	for (uint32_t i = 0; i < r->ceilings_cnt && i < opts->top; i++)
		add_ceiling(b, r, &r->ceilings[i], style);
}
