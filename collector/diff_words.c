// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* diff_words.c - the sentences of diff_out.h. */
#include "diff_out.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "escape.h"
#include "format.h"

/* Below that the runs are alike, as far as one of each can tell. */
#define WORTH_A_WORD 0.01

/* What is said of figures that were not measured but come from those that were. */
static void add_undisturbed(struct strbuf *b, const struct diff_row *row)
{
	if (row && row->undisturbed)
		strbuf__adds(b, ", had other programs taken nothing");
}

static const struct diff_row *row_of(const struct diff_result *d, enum diff_group group,
				     const char *key)
{
	return diff_result__find(d, group, key, "");
}

static bool speaks(const struct diff_result *d, const struct diff_row *row)
{
	return row && (d->judged ? row->changed : row->weight >= WORTH_A_WORD);
}

static void add_average_pair(struct strbuf *b, const struct diff_row *row)
{
	char from[FMT_SZ], to[FMT_SZ];

	strbuf__addf(b, "%s CPUs busy on average instead of %s",
		     fmt_average(to, row->shown[DIFF_B]), fmt_average(from, row->shown[DIFF_A]));
}

static void add_share_pair(struct strbuf *b, const struct diff_row *row)
{
	strbuf__addf(b, "parallel for %.1f %% of the time instead of %.1f %%",
		     100 * row->shown[DIFF_B], 100 * row->shown[DIFF_A]);
}

/* "takes 1.56 s instead of 1.52 s" */
static void add_time_pair(struct strbuf *b, const struct diff_row *row, bool utf8)
{
	char from[FMT_SZ], to[FMT_SZ];

	strbuf__addf(b, "takes %s instead of %s",
		     fmt_duration(to, (uint64_t)row->shown[DIFF_B], utf8),
		     fmt_duration(from, (uint64_t)row->shown[DIFF_A], utf8));
}

void diff_words__summary(struct strbuf *b, const struct diff_result *d, bool utf8)
{
	const struct diff_row *share = row_of(d, CPT_DIFF_LEDGER, "parallel");
	const struct diff_row *average = row_of(d, CPT_DIFF_PARALLELISM, "parallelism");
	const struct diff_row *window = row_of(d, CPT_DIFF_TIME, "window");
	bool less;

	if (d->judged && !d->changed_cnt) {
		strbuf__addf(b, "No change: no difference is larger than what runs differ by%s.",
			     d->unknown[DIFF_A] + d->unknown[DIFF_B] > 0
				     ? " and lost events leave open"
				     : "");
		return;
	}
	if (speaks(d, share) || speaks(d, average)) {
		less = (speaks(d, share) ? share : average)->adjusted < 0;
		strbuf__addf(b, "B is %s parallel: ", less ? "less" : "more");
		if (speaks(d, share))
			add_share_pair(b, share);
		if (speaks(d, share) && speaks(d, average))
			strbuf__adds(b, ", ");
		if (speaks(d, average))
			add_average_pair(b, average);
		if (speaks(d, window)) {
			strbuf__adds(b, "; it ");
			add_time_pair(b, window, utf8);
		}
		add_undisturbed(b, speaks(d, share) ? share : average);
		strbuf__addc(b, '.');
		return;
	}
	strbuf__adds(b, d->judged ? "No change of how parallel it is"
				  : "Hardly a difference in how parallel it is");
	if (speaks(d, window)) {
		strbuf__adds(b, "; B ");
		add_time_pair(b, window, utf8);
		add_undisturbed(b, window);
	}
	strbuf__addc(b, '.');
}

void diff_words__cause(struct strbuf *b, const struct diff_result *d, bool utf8)
{
	const struct diff_row *row = d->cause;
	const struct diff_figure *f = row ? row->figure : NULL;
	char from[FMT_SZ], to[FMT_SZ];

	if (!row)
		return;
	strbuf__adds(b, d->judged ? "What changed most: " : "Where they differ most: ");
	if (f->group == CPT_DIFF_LOCK) {
		strbuf__adds(b, "the lock ");
		escape_add(b, f->name, strlen(f->name), utf8);
		strbuf__addf(b, ", for which threads were blocked for %s instead of %s.",
			     fmt_duration(to, (uint64_t)row->shown[DIFF_B], utf8),
			     fmt_duration(from, (uint64_t)row->shown[DIFF_A], utf8));
	} else if (f->group == CPT_DIFF_DEMAND) {
		strbuf__addf(b, "%s kept %s ready threads from a CPU on average instead of %s.",
			     f->name, fmt_average(to, row->shown[DIFF_B]),
			     fmt_average(from, row->shown[DIFF_A]));
	} else {
		strbuf__addf(b,
			     "%s, which left %.1f %% of the CPU time allowed idle instead of "
			     "%.1f %%.",
			     f->name, 100 * row->shown[DIFF_B], 100 * row->shown[DIFF_A]);
	}
}
