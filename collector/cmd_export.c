// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_export.c - `cpartrace export`: tables of a trace as CSV or JSON lines. */
#include "cmds.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
#include "exit_status.h"
#include "export_html.h"
#include "export_sqlite.h"
#include "export_tables.h"
#include "folded.h"
#include "output_file.h"
#include "report_openmetrics.h"
#include "rights.h"
#include "perfetto.h"
#include "picture.h"
#include "say.h"
#include "sqlite_views.h"
#include "view.h"
#include "words.h"

/* Fine enough to see phases, coarse enough for a spreadsheet: a minute has 6,000 of them. */
#define STEP_DEFAULT_NS UINT64_C(10000000)
#define STEP_MIN_NS	UINT64_C(1000)
#define STEP_MAX_NS	UINT64_C(3600000000000)

enum {
	FORMAT_CSV,
	FORMAT_JSONL,
	FORMAT_FOLDED,
	FORMAT_PERFETTO,
	FORMAT_SVG,
	FORMAT_SQLITE,
	FORMAT_OPENMETRICS,
	FORMAT_HTML,
	FORMAT_NONE
};
static const char *const format_words[] = {"csv",    "jsonl",	    "folded", "perfetto", "svg",
					   "sqlite", "openmetrics", "html",   NULL};

struct export_opts {
	struct view view;
	int format;
	int table;
	int weight;
	int picture;
	uint32_t top;
	uint64_t step_ns;
	const char *output;
};

static int set_step(void *field, const char *value, const struct cli_option *opt,
		    struct strbuf *why)
{
	uint64_t ms;

	/* A bare number is milliseconds here: --step 10. */
	if (!cli_parse_number(value, strlen(value), &ms) && ms && ms <= STEP_MAX_NS / 1000000) {
		*(uint64_t *)field = ms * 1000000;
		return 0;
	}
	return cli_set_duration(field, value, opt, why);
}

static const struct cli_option options[] = {
	VIEW_OPTION_INPUT(struct export_opts, view),
	{"format", 'f', "FORMAT",
	 "csv; jsonl: one JSON object per line; folded: stacks for flame graphs; perfetto: a trace "
	 "for Perfetto's viewer; svg: a picture; sqlite: a database of all tables; openmetrics: "
	 "the "
	 "summary, for monitoring; html: a page to look at, zoom into and pass on, one file",
	 cli_set_word, offsetof(struct export_opts, format), 0, 0, format_words},
	{"table", 0, "NAME", "csv, jsonl: one of the tables below (default: threads)", cli_set_word,
	 offsetof(struct export_opts, table), 0, 0, export_table_words},
	{"picture", 0, "NAME", "svg: timeline (default), bottle (graph) or ledger", cli_set_word,
	 offsetof(struct export_opts, picture), 0, 0, picture_words},
	{"top", 0, "N", "svg: threads with a lane or box of their own (default: 24)",
	 cli_set_number, offsetof(struct export_opts, top), 1, 1000, NULL},
	{"step", 0, "MS",
	 "table ledger, and in sqlite: length of a step in milliseconds, or as 500us, 1s "
	 "(default: 10)",
	 set_step, offsetof(struct export_opts, step_ns), STEP_MIN_NS, STEP_MAX_NS, NULL},
	{"weight", 0, "WHAT",
	 "folded: ns of wait (default: blocked on that stack), lost (of wait, weighted by the "
	 "share of "
	 "allowed CPUs that ran none of the workload meanwhile), cpu (by samples) or latency (by "
	 "samples, each weighted with 1/R)",
	 cli_set_word, offsetof(struct export_opts, weight), 0, 0, folded_weight_words},
	{"output", 'o', "FILE", "write to FILE instead of standard output", cli_set_string,
	 offsetof(struct export_opts, output), 0, 0, NULL},
	VIEW_OPTION_FILTERS(struct export_opts, view),
	VIEW_OPTION_PHASE(struct export_opts, view),
	VIEW_OPTION_IN_PROGRESS(struct export_opts, view),
	CLI_OPTIONS_END,
};

/* Two columns: a name, and what it means. */
static void add_meaning(struct strbuf *out, const char *name, const char *help, unsigned int width)
{
	const unsigned int len = (unsigned int)strlen(name);

	strbuf__addf(out, "  %s", name);
	strbuf__repeat(out, " ", len < 26 ? 28 - len : 2);
	cli_wrap(out, help, len < 26 ? 30 : len + 4, 30, width);
}

static void more_help(struct strbuf *out, unsigned int width)
{
	const struct export_table *table;
	const struct table_col *col;

	for (table = export_tables; table->name; table++) {
		strbuf__addf(out, "\nTable %s: %s\n", table->name, table->help);
		for (col = table->cols; col->name; col++)
			add_meaning(out, col->name, col->help, width);
	}
	strbuf__adds(out, "\nViews of a database (sqlite), beside those tables, "
			  "parallelism_profile,\nconcurrency_profile, budget and demand:\n");
	for (const struct sqlite_view *v = sqlite_views; v->name; v++)
		add_meaning(out, v->name, v->help, width);
}

/* Analyses and writes all rows to ctx->out. An error of writing is in ctx->err and has not been said yet,
 * others have. */
static int write_table(struct analysed *a, const char *path, const struct export_opts *o,
		       struct export_ctx *ctx, struct cpt_analysis_opts *opts)
{
	const struct export_table *table = &export_tables[o->table];
	int err;

	ctx->err = table_out__head(&ctx->out);
	if (ctx->err < 0)
		return ctx->err;
	opts->on_interval = table->on_interval;
	opts->on_step = table->on_step;
	opts->step_ns = table->on_step ? o->step_ns : 0;
	opts->ctx = ctx;
	err = analysed__run(a, path, opts);
	if (err == -ENOMEM)
		ctx->err = 0; /* has been said */
	if (err < 0)
		return err;
	if (table->write)
		ctx->err = table->write(&ctx->out, a->report);
	if (!ctx->err && fflush(ctx->out.f) != 0)
		ctx->err = -errno;
	return ctx->err;
}

/* A text that is made in memory, from the report alone. */
static int write_text(struct analysed *a, const char *path, struct export_opts *o, FILE *f)
{
	struct cpt_analysis_opts opts = {0};
	struct strbuf out = {0};
	int err;

	view__apply(&o->view, &opts);
	err = analysed__run(a, path, &opts);
	if (err < 0)
		return err;
	if (o->format == FORMAT_OPENMETRICS)
		report_openmetrics__add(&out, a->report);
	else if (folded__available(a->report, (enum folded_weight)o->weight))
		folded__add(&out, a->report, (enum folded_weight)o->weight);
	else
		return fail(-ENODATA, "%s has no %s: record with --stacks", path,
			    o->weight < FOLDED_CPU ? "stacks" : "samples");
	if (out.failed)
		err = fail(-ENOMEM, "cannot export %s: out of memory", path);
	else if (fwrite(strbuf__str(&out), 1, out.len, f) != out.len || fflush(f))
		err = fail(-errno, "cannot export %s to %s: %s", path,
			   o->output ? o->output : "standard output", strerror(errno));
	strbuf__free(&out);
	return err;
}

static int write_database(struct analysed *a, const char *path, struct export_opts *o)
{
	struct cpt_analysis_opts opts = {0};

	view__apply(&o->view, &opts);
	return export_sqlite__write(a, path, &opts, o->step_ns,
				    o->view.note.len ? strbuf__str(&o->view.note) : NULL,
				    o->output);
}

static int export_to(struct analysed *a, const char *path, struct export_opts *o, FILE *f)
{
	struct export_ctx ctx = {
		.out = {.f = f,
			.jsonl = o->format == FORMAT_JSONL,
			.cols = export_tables[o->table].cols,
			.note = o->view.note.len ? strbuf__str(&o->view.note) : NULL}};
	struct cpt_analysis_opts opts = {0};
	int err;

	if (o->format == FORMAT_FOLDED || o->format == FORMAT_OPENMETRICS)
		return write_text(a, path, o, f);
	if (o->format == FORMAT_HTML)
		return export_html(a, path, &o->view, f, o->output ? o->output : "standard output");
	view__apply(&o->view, &opts);
	if (o->format == FORMAT_SVG)
		return picture__write(a, path, &opts,
				      o->view.note.len ? strbuf__str(&o->view.note) : NULL,
				      (enum picture)o->picture, o->top, f,
				      o->output ? o->output : "standard output");
	if (o->format == FORMAT_PERFETTO)
		return perfetto__write(a, path, &opts, f,
				       o->output ? o->output : "standard output");
	sysno_table(trace_reader__meta(a->reader)->machine, ctx.sys);
	err = write_table(a, path, o, &ctx, &opts);
	if (ctx.err < 0)
		fail(err, "cannot export %s to %s: %s", path,
		     o->output ? o->output : "standard output", strerror(-err));
	table_out__free(&ctx.out);
	return err;
}

static int export_to_file(struct analysed *a, const char *path, struct export_opts *o)
{
	struct output_file out;
	/* What monitoring reads it reads as another user. */
	int err = output_file__create(&out, o->output,
				      o->format == FORMAT_OPENMETRICS ? OUTPUT_PUBLIC : 0);
	FILE *f;
	int fd;

	if (err < 0)
		return err;
	/* One that is whole has its name from its own descriptor: the stream has another one. */
	fd = fcntl(out.fd, F_DUPFD_CLOEXEC, 0);
	f = fd < 0 ? NULL : fdopen(fd, "w");
	if (!f) {
		err = fail(-errno, "cannot write %s: %s", o->output, strerror(errno));
		if (fd >= 0)
			close(fd);
		goto out;
	}
	err = export_to(a, path, o, f);
	if (fclose(f) != 0 && !err)
		err = fail(-errno, "cannot write %s: %s", o->output, strerror(errno));
	if (!err)
		err = output_file__publish(&out, 0);
out:
	output_file__discard(&out);
	return err;
}

/* What o cannot mean. True: it has been said. */
static bool is_wrong(const struct command *self, const struct export_opts *o, int *status)
{
	const bool to_stdout = !o->output || !strcmp(o->output, "-");

	*status = 0;
	if (o->format == FORMAT_NONE)
		*status = command__usage(self, "a format is needed: -f csv, jsonl, folded, "
					       "perfetto, svg, sqlite, openmetrics or html");
	else if ((o->format == FORMAT_PERFETTO || o->format == FORMAT_HTML) && to_stdout &&
		 isatty(STDOUT_FILENO))
		*status = command__usage(self, "this format is not for a terminal: name a file "
					       "with -o");
	else if (o->format == FORMAT_SQLITE && to_stdout)
		*status = command__usage(self, "a database is a file: name one with -o");
	return *status != 0;
}

static int export(const struct command *self, void *ctx)
{
	struct export_opts *o = ctx;
	const char *path = view__path(&o->view);
	struct analysed a;
	struct rights_user behind;
	int err, status;

	if (is_wrong(self, o, &status))
		return status;
	if (o->format == FORMAT_PERFETTO && !perfetto_is_built) {
		fail(-ENOTSUP, "this cpartrace was built without libprotobuf-c, which %s needs",
		     format_words[o->format]);
		return CPT_STATUS_UNSUPPORTED;
	}
	err = analysed__open(&a, path);
	if (err < 0)
		return analysed__status(&a, err);
	if (o->output && output_file__replaces(o->output, a.fd)) {
		status = command__usage(self, "-o %s is the trace that is read: name another file",
					o->output);
		analysed__free(&a);
		return status;
	}
	/* The trace is open, and what is written is that user's: a library makes files of its own accord. */
	err = rights__user(&behind);
	if (!err && behind.group_cnt)
		err = rights__keep(0, &behind);
	rights__user_free(&behind);
	if (err < 0)
		fail(err, "cannot go on as the user behind sudo: %s", strerror(-err));
	else if (o->format == FORMAT_SQLITE)
		err = write_database(&a, path, o);
	else
		err = o->output && strcmp(o->output, "-") != 0 ? export_to_file(&a, path, o)
							       : export_to(&a, path, o, stdout);
	status = analysed__status(&a, err);
	analysed__free(&a);
	return status;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct export_opts o = {
		.step_ns = STEP_DEFAULT_NS, .format = FORMAT_NONE, .top = PICTURE_TOP};

	return view__command(self, &o, &o.view, argc, argv, export);
}

const struct command cmd_export = {
	.name = "export",
	.args = "-f FORMAT [-i FILE] [--table NAME] [-o FILE] [OPTIONS]",
	.summary = "Writes a recorded trace, or one table of it, for other programs.",
	.details =
		"CSV is RFC 4180 with a head line; units are in the names of the columns. Sums "
		"over "
		"intervals and over steps are the figures of the report. Names are the traced "
		"program's choice: in JSON they are as they are, with U+FFFD for bytes that are no "
		"UTF-8; elsewhere control characters, invisible characters and such bytes are "
		"written \\n, \\t, \\r or \\xNN. A spreadsheet takes a name that begins with =, +, "
		"- or @ for a formula: "
		"csv does not change it, so import its columns of names as text.\n"
		"A file comes into its place when it is whole; where writing fails, what was there "
		"stays.\n"
		"A database (sqlite) has all tables with indexes, the facts of the run, and "
		"views for common questions; its table `columns` explains them all.\n"
		"Exit status: as of report.",
	.options = options,
	.more_help = more_help,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
