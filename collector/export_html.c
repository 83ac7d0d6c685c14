// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* export_html.c - see export_html.h. */
#include "export_html.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "escape.h"
#include "html_series.h"
#include "json_report.h"
#include "page.h"
#include "say.h"
#include "words.h"

/* Threads in the page's table; of more the busiest. */
#define PAGE_THREADS_MAX 4000
/* Of the series' block, in base64; the rest of a page is small against it. */
#define PAGE_SERIES_SZ 3600000
/* Numbers that the overlap matrices of parts of the run may have together, zeros of pairs that never ran together
 * apart: with many names they are of longer parts than a bin. */
#define PAGE_OVERLAPS_MAX 262144

/* ---- which threads, how wide a bin ----------------------------------------------------------------- */

/* Time in which it had something in progress: what makes a thread worth a lane. */
static uint64_t in_progress(const struct cpt_thread *t)
{
	uint64_t sum = t->running_ns + t->runnable_ns;

	for (int i = 0; i < CPT_REASON_CNT; i++)
		if (!reason_is_parked((enum cpt_reason)i))
			sum += t->reason_ns[i];
	return sum;
}

static int busier(const void *a, const void *b)
{
	const struct cpt_thread *s = *(const struct cpt_thread *const *)a,
				*t = *(const struct cpt_thread *const *)b;
	const uint64_t x = in_progress(s), y = in_progress(t);

	if (x != y)
		return x < y ? 1 : -1;
	if (s->life_ns != t->life_ns)
		return s->life_ns < t->life_ns ? 1 : -1;
	return s->id < t->id ? -1 : s->id > t->id;
}

/* All threads, busiest first; the caller's. NULL without memory. */
static const struct cpt_thread **by_work(const struct cpt_report *r)
{
	const struct cpt_thread **tab = calloc(r->threads_cnt + 1, sizeof(*tab));

	for (uint32_t i = 0; tab && i < r->threads_cnt; i++)
		tab[i] = &r->threads_tab[i];
	if (tab)
		qsort(tab, r->threads_cnt, sizeof(*tab), busier);
	return tab;
}

/* At most CPT_GRID_BINS_MAX bins, and borders that can be written down: two digits and zeros. */
static uint64_t bin_width(uint64_t window_ns)
{
	uint64_t least = (window_ns + CPT_GRID_BINS_MAX - 1) / CPT_GRID_BINS_MAX, unit = 1;

	if (!least)
		return 1;
	while (least / unit >= 100)
		unit *= 10;
	return (least + unit - 1) / unit * unit;
}

/* Which epoll instances get a row of their own: those that had most in flight. Returns how many. */
static uint32_t choose_ways(const struct cpt_report *r, struct cpt_grid_way *ways)
{
	uint64_t below = UINT64_MAX; /* what the last one had */
	uint32_t cnt = 0, from = 0;

	while (cnt < CPT_GRID_FLIGHTS_MAX) {
		const struct cpt_epoll_instance *best = NULL;

		for (uint32_t i = 0; i < r->instances_cnt; i++) {
			const struct cpt_epoll_instance *in = &r->instances[i];

			if (in->ops.in_flight_ns &&
			    (!best || in->ops.in_flight_ns > best->ops.in_flight_ns) &&
			    (in->ops.in_flight_ns < below ||
			     (in->ops.in_flight_ns == below && i >= from)))
				best = in;
		}
		if (!best)
			break;
		ways[cnt++] = (struct cpt_grid_way){best->id, best->outbound};
		below = best->ops.in_flight_ns;
		from = (uint32_t)(best - r->instances) + 1;
	}
	return cnt;
}

/* Bins that have one overlap matrix: a power of two. */
static uint32_t choose_tile(const struct cpt_report *r, uint64_t bin_ns)
{
	const uint64_t bins = (r->window_ns + bin_ns - 1) / bin_ns;
	uint32_t pairs = 0, tile = 1;

	for (uint32_t g = 0; g < r->overlap.cnt; g++)
		for (uint32_t h = 0; h <= g; h++)
			pairs += r->overlap.ns[(size_t)g * r->overlap.cnt + h] > 0;
	while (tile < CPT_GRID_BINS_MAX && (bins + tile - 1) / tile * pairs > PAGE_OVERLAPS_MAX)
		tile *= 2;
	return tile;
}

/* Which locks can be told by parts of the run: those most waited for. Returns how many. */
static uint32_t choose_locks(const struct cpt_report *r, uint32_t *ids)
{
	uint32_t cnt = 0;

	for (; cnt < CPT_GRID_LOCKS_MAX && cnt < r->locks_cnt; cnt++)
		ids[cnt] = r->locks[cnt].id;
	return cnt;
}

/* The second pass: a->report with a grid. */
static int add_grid(struct analysed *a, const char *path, struct cpt_analysis_opts *opts)
{
	uint32_t ids[CPT_GRID_THREADS_MAX], locks[CPT_GRID_LOCKS_MAX];
	struct cpt_grid_way ways[CPT_GRID_FLIGHTS_MAX];
	struct cpt_grid_opts grid = {.bin_ns = bin_width(a->report->window_ns),
				     .ids = ids,
				     .ways = ways,
				     .ways_cnt = choose_ways(a->report, ways),
				     .locks = locks,
				     .locks_cnt = choose_locks(a->report, locks)};
	const struct cpt_thread **tab = by_work(a->report);
	int err;

	if (!tab)
		return fail(-ENOMEM, "cannot export %s: out of memory", path);
	while (grid.ids_cnt < CPT_GRID_THREADS_MAX && grid.ids_cnt < a->report->threads_cnt) {
		ids[grid.ids_cnt] = tab[grid.ids_cnt]->id;
		grid.ids_cnt++;
	}
	free(tab);
	grid.tile = choose_tile(a->report, grid.bin_ns);
	err = trace_reader__rewind(a->reader);
	if (err < 0)
		return fail(err, "cannot read %s again: %s", path, strerror(-err));
	report__free(a->report);
	a->report = NULL;
	opts->grid = &grid;
	err = analysed__run(a, path, opts);
	opts->grid = NULL;
	if (err == -E2BIG)
		fail(err, "cannot export %s: it changed while it was read", path);
	return err;
}

/* ---- the data -------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b)
{
	const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

/* Puts the busiest PAGE_THREADS_MAX threads into the report, in their order. */
static int put_threads(json_t *report, const struct cpt_report *r)
{
	const uint32_t cnt = r->threads_cnt < PAGE_THREADS_MAX ? r->threads_cnt : PAGE_THREADS_MAX;
	const struct cpt_thread **tab = by_work(r);
	uint32_t *keep = calloc(PAGE_THREADS_MAX, sizeof(*keep));
	json_t *rows = json_array();

	for (uint32_t i = 0; tab && keep && i < cnt; i++)
		keep[i] = (uint32_t)(tab[i] - r->threads_tab);
	if (tab && keep)
		qsort(keep, cnt, sizeof(*keep), by_id);
	for (uint32_t i = 0; tab && keep && i < cnt; i++)
		rows = json_array__append(rows, json_report__thread(r, &r->threads_tab[keep[i]]));
	if (!tab || !keep) {
		json_decref(rows);
		rows = NULL;
	}
	free(tab);
	free(keep);
	return rows && !json_object_set_new(report, "threads", rows) ? 0 : -ENOMEM;
}

#define WORD(name, str, text) json_obj__put(&o, str, json_string(text));
static json_t *reason_words(void)
{
	struct json_obj o = json_obj__new();

	CPT_WAITING_REASONS(WORD)
	CPT_PARKED_REASONS(WORD)
	return json_obj__done(&o);
}

static json_t *account_words(bool budget)
{
	struct json_obj o = json_obj__new();

	if (budget) {
		CPT_BUDGET_ITEMS(WORD)
	} else {
		CPT_DEMAND_ITEMS(WORD)
	}
	return json_obj__done(&o);
}

/* By class: {"interleaved": "taking turns on a CPU"}. */
static json_t *split_words(void)
{
	struct json_obj all = json_obj__new();

	for (int cls = 0; cls < CPT_CLASS_UNKNOWN; cls++) {
		struct json_obj o = json_obj__new();

		for (int i = 0; i < CPT_SPLIT_UNKNOWN; i++)
			if (split_class((enum cpt_split)i) == (enum cpt_class)cls)
				json_obj__put(&o, split_name((enum cpt_split)i),
					      json_string(split_text((enum cpt_split)i)));
		json_obj__put(&all, class_name((enum cpt_class)cls), json_obj__done(&o));
	}
	return json_obj__done(&all);
}

static json_t *parked_names(void)
{
	json_t *array = json_array();

	for (int i = CPT_REASON_PARKED_FIRST; i < CPT_REASON_CNT; i++)
		array = json_array__append(array, json_string(reason_name((enum cpt_reason)i)));
	return array;
}

/* By place in the report's list, what the series call them. */
static json_t *lock_ids(const struct cpt_report *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; i < r->locks_cnt; i++)
		array = json_array__append(array, json_integer(r->locks[i].id));
	return array;
}

/* {"report": as of `report --json`, "grid": the list of series, "words": what names mean}; the series
 * themselves go to `series`. NULL without memory. */
static json_t *page_data(const struct cpt_report *r, const struct view *view, struct strbuf *series)
{
	struct json_obj o = json_obj__new(), grid = json_obj__new(), words = json_obj__new();
	json_t *report = json_report__build(r);

	if (report && put_threads(report, r)) {
		json_decref(report);
		report = NULL;
	}
	json_obj__put(&o, "report", report);
	if (html_series__put(&grid, r->grid, PAGE_SERIES_SZ, series))
		grid.failed = true;
	json_obj__put(&grid, "locks", lock_ids(r));
	json_obj__put_ns(&grid, "start_ns", view->time.given ? view->time.from_ns : 0);
	json_obj__put_ns(&grid, "run_ns", r->run_ns);
	json_obj__put_ns(&grid, "tracer_ns", r->close_facts ? r->close_facts->tracer_cpu_ns : 0);
	/* Only where something is in doubt. */
	if (r->bounds.open && r->bounds.by_bins)
		json_obj__put(&grid, "bounded", json_true());
	json_obj__put(&o, "grid", json_obj__done(&grid));
	json_obj__put(&words, "reasons", reason_words());
	json_obj__put(&words, "parked", parked_names());
	json_obj__put(&words, "splits", split_words());
	json_obj__put(&words, "budget", account_words(true));
	json_obj__put(&words, "demand", account_words(false));
	json_obj__put(&o, "words", json_obj__done(&words));
	json_obj__put_ns(&o, "threads_all", r->threads_cnt);
	if (view->note.len)
		json_obj__put(&o, "note", json_value__string(strbuf__str(&view->note)));
	return json_obj__done(&o);
}

/* ---- the file -------------------------------------------------------------------------------------- */

/* len bytes of s as text of an element or of an attribute. */
static void add_text(struct strbuf *out, const char *s, size_t len)
{
	struct strbuf safe = {0};

	escape_add_data(&safe, s, len);
	for (const char *c = strbuf__str(&safe); *c; c++) {
		switch (*c) {
		case '&':
			strbuf__adds(out, "&amp;");
			break;
		case '<':
			strbuf__adds(out, "&lt;");
			break;
		case '>':
			strbuf__adds(out, "&gt;");
			break;
		case '"':
			strbuf__adds(out, "&quot;");
			break;
		default:
			strbuf__addc(out, *c);
		}
	}
	if (safe.failed)
		out->failed = true;
	strbuf__free(&safe);
}

static void add_command(struct strbuf *out, const struct cpt_trace_meta *meta)
{
	if (!meta->argv || !meta->argv[0])
		strbuf__adds(out, "attached");
	for (size_t i = 0; meta->argv && meta->argv[i] && i < 16; i++) {
		if (i)
			strbuf__addc(out, ' ');
		add_text(out, meta->argv[i], strnlen(meta->argv[i], 200));
	}
}

static void add_head(struct strbuf *out, const struct cpt_report *r)
{
	strbuf__adds(out,
		     "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n");
	/* Nothing may be loaded, and of scripts and styles nothing but the two that were built in may run. */
	strbuf__addf(out,
		     "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		     "script-src 'sha256-%s'; style-src 'sha256-%s'; base-uri 'none'; "
		     "form-action 'none'\">\n",
		     CPT_PAGE_JS_SHA256, CPT_PAGE_CSS_SHA256);
	strbuf__adds(out,
		     "<meta name=\"viewport\" content=\"width=device-width, "
		     "initial-scale=1\">\n<meta name=\"color-scheme\" content=\"light dark\">\n"
		     "<meta name=\"referrer\" content=\"no-referrer\">\n<title>");
	add_command(out, r->meta);
	strbuf__adds(out, " \xc2\xb7 cpartrace</title>\n<style>");
	strbuf__add(out, cpt_page_css, (size_t)(cpt_page_css_end - cpt_page_css));
	strbuf__adds(out, "</style>\n</head>\n<body>\n");
}

/* For who reads the page without scripts: the answer. */
static void add_noscript(struct strbuf *out, const struct cpt_report *r)
{
	struct strbuf said = {0};

	words__verdict(&said, r);
	strbuf__adds(out, "<noscript><p>");
	add_text(out, strbuf__str(&said), said.len);
	strbuf__adds(out, "</p><p>The rest of this page is drawn by its own script: allow "
			  "scripts for it to see figures and timeline.</p></noscript>\n");
	if (said.failed)
		out->failed = true;
	strbuf__free(&said);
}

static int add_data(struct strbuf *out, const struct cpt_report *r, const struct view *view)
{
	struct strbuf series = {0};
	json_t *data = page_data(r, view, &series);
	char *dump = data ? json_value__dump(
				    data, JSON_COMPACT | JSON_REAL_PRECISION(CPT_JSON_REAL_DIGITS))
			  : NULL;
	int err = dump ? 0 : -ENOMEM;

	json_decref(data);
	strbuf__adds(out, "<script type=\"application/octet-stream\" id=\"data\">");
	if (!err)
		err = html_block__add(out, dump, strlen(dump));
	strbuf__adds(out, "</script>\n<script type=\"application/octet-stream\" id=\"series\">");
	strbuf__add(out, strbuf__str(&series), series.len);
	strbuf__adds(out, "</script>\n");
	free(dump);
	strbuf__free(&series);
	return err;
}

static int write_page(const struct cpt_report *r, const struct view *view, FILE *f)
{
	struct strbuf out = {0};
	int err;

	add_head(&out, r);
	strbuf__add(&out, cpt_page_html, (size_t)(cpt_page_html_end - cpt_page_html));
	add_noscript(&out, r);
	err = add_data(&out, r, view);
	strbuf__adds(&out, "<script>");
	strbuf__add(&out, cpt_page_js, (size_t)(cpt_page_js_end - cpt_page_js));
	strbuf__adds(&out, "</script>\n</body>\n</html>\n");
	if (out.failed)
		err = -ENOMEM;
	errno = 0;
	if (!err && (fwrite(out.s, 1, out.len, f) != out.len || fflush(f)))
		err = errno ? -errno : -EIO;
	strbuf__free(&out);
	return err;
}

int export_html(struct analysed *a, const char *path, struct view *view, FILE *f, const char *to)
{
	struct cpt_analysis_opts opts = {0};
	int err;

	view__apply(view, &opts);
	err = analysed__run(a, path, &opts);
	if (!err)
		err = add_grid(a, path, &opts);
	if (err < 0)
		return err;
	err = write_page(a->report, view, f);
	if (err == -ENOMEM)
		return fail(err, "cannot export %s: out of memory", path);
	if (err < 0)
		return fail(err, "cannot export %s to %s: %s", path, to, strerror(-err));
	return 0;
}
