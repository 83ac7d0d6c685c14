// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_diff.c - `cpartrace diff`: what changed between two sides, of one run or several each. */
#include "cmds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
#include "diff_files.h"
#include "diff_out.h"
#include "exit_status.h"
#include "json_report.h"
#include "say.h"
#include "target_text.h"
#include "term.h"
#include "view.h"
#include "words.h"

struct diff_opts {
	struct view view;
	bool json;
	uint32_t top;
	uint32_t width;
};

static const struct cli_option options[] = {
	{"json", 'j', NULL, "the whole comparison as JSON", cli_set_flag,
	 offsetof(struct diff_opts, json), 0, 0, NULL},
	VIEW_OPTION_FILTERS(struct diff_opts, view),
	VIEW_OPTION_PHASE(struct diff_opts, view),
	VIEW_OPTION_IN_PROGRESS(struct diff_opts, view),
	{"top", 0, "N", "rows of the tables of locks, event loops and threads (default: 10)",
	 cli_set_number, offsetof(struct diff_opts, top), 1, 1000000, NULL},
	{"width", 'w', "N", "columns of the text (default: COLUMNS, the terminal's, 80)",
	 cli_set_number, offsetof(struct diff_opts, width), CPT_WIDTH_MIN, CPT_WIDTH_MAX, NULL},
	CLI_OPTIONS_END,
};

struct diff {
	struct diff_opts *o;
	struct diff_files files;
	struct diff_book book;
	struct diff_view view;
	bool incomplete; /* events were lost, or a trace is cut off */
};

/* Taken over; NULL: no memory. */
static char *taken(struct strbuf *text)
{
	if (!text->s && !text->failed)
		return strdup("");
	if (text->failed)
		strbuf__free(text);
	return text->s;
}

static char *joined(char *const *argv)
{
	struct strbuf text = {0};

	for (size_t i = 0; argv && argv[i]; i++) {
		strbuf__adds(&text, i ? " " : "");
		strbuf__adds(&text, argv[i]);
	}
	return taken(&text);
}

static char *target_of(const struct cpt_report *r)
{
	struct strbuf text = {0};

	target_text__add(&text, r);
	return taken(&text);
}

/* One trace to its figures; only these are kept of it. */
static int take_run(struct diff *diff, int side, uint32_t run)
{
	const char *path = diff->files.path[side][run];
	struct diff_side *s = &diff->view.side[side];
	struct cpt_analysis_opts opts = {0};
	struct analysed a;
	int err = analysed__open(&a, path);

	view__apply(&diff->o->view, &opts);
	if (!err)
		err = analysed__run(&a, path, &opts);
	if (!err) {
		diff_book__add(&diff->book, side, run, a.report);
		diff->incomplete |= words__data_incomplete(a.report);
		if (!run) {
			s->command = joined(a.report->meta->argv);
			s->target = target_of(a.report);
			s->cpus_allowed = a.report->cpus_allowed;
		}
		if (diff->book.failed || !s->command || !s->target)
			err = fail(-ENOMEM, "cannot compare: out of memory");
	}
	analysed__free(&a);
	return err;
}

static int take_runs(struct diff *diff)
{
	int err = diff_book__init(&diff->book, diff->files.cnt[0], diff->files.cnt[1]);

	if (err < 0)
		return fail(err, "cannot compare: out of memory");
	for (int side = 0; side < 2; side++) {
		diff->view.side[side].path = diff->files.path[side];
		diff->view.side[side].cnt = diff->files.cnt[side];
		for (uint32_t run = 0; run < diff->files.cnt[side] && !err; run++)
			err = take_run(diff, side, run);
	}
	return err;
}

static int print(struct diff *diff, const struct diff_result *d)
{
	struct strbuf out = {0};
	json_t *json;
	char *text;
	int err;

	if (diff->o->json) {
		json = diff_json__build(d, &diff->view);
		text = json ? json_report__dump(json) : NULL;
		json_decref(json);
		strbuf__adds(&out, text ? text : "");
		strbuf__addc(&out, '\n');
		out.failed |= !text;
		free(text);
	} else {
		diff_text__add(&out, d, &diff->view);
	}
	err = out.failed ? fail(-ENOMEM, "cannot write the comparison: out of memory")
			 : command__print(strbuf__str(&out));
	strbuf__free(&out);
	return err;
}

static int compare(struct diff *diff)
{
	struct diff_result d;
	int err = take_runs(diff);

	if (err < 0)
		return err;
	diff->view.style = term_style(STDOUT_FILENO, diff->o->width);
	diff->view.top = diff->o->top;
	diff->view.note = diff->o->view.note.len ? strbuf__str(&diff->o->view.note) : NULL;
	err = diff_result__make(&d, &diff->book);
	if (err < 0)
		return fail(err, "cannot compare: out of memory");
	err = print(diff, &d);
	diff_result__free(&d);
	return err;
}

static int diff_words(const struct command *self, struct diff_opts *o, int cnt, char *const *words)
{
	struct diff diff = {.o = o};
	int err = diff_files__find(&diff.files, cnt, words);

	if (err == -EINVAL)
		return command__usage(self, "two traces are needed, or two sets of them with -- "
					    "between; options stand before them");
	if (!err)
		err = compare(&diff);
	for (int side = 0; side < 2; side++) {
		free(diff.view.side[side].command);
		free(diff.view.side[side].target);
	}
	diff_book__free(&diff.book);
	diff_files__free(&diff.files);
	if (err < 0)
		return CPT_STATUS_FAILED;
	return diff.incomplete ? CPT_STATUS_INCOMPLETE : CPT_STATUS_OK;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct diff_opts o = {.top = CPT_TOP_DEFAULT};
	int first, status;

	view__init(&o.view);
	if (command__parse(self, &o, argc, argv, &first, &status))
		status = view__note(&o.view) < 0 ? CPT_STATUS_FAILED
						 : diff_words(self, &o, argc - first, argv + first);
	view__fini(&o.view);
	return status;
}

const struct command cmd_diff = {
	.name = "diff",
	.args = "[OPTIONS] A B | [OPTIONS] A... -- B...",
	.summary = "Compares traces: what changed from A to B.",
	.details =
		"Ledger, accounts, locks, event loops and threads are matched by name. With "
		"several runs a side "
		"each difference has a margin: what runs differ by themselves (Welch's interval, "
		"corrected for the number of figures), what other programs took from one side "
		"more, and what lost events leave open. What is smaller is not called a change; "
		"with one run a side nothing is.\n"
		"A name without a file stands for the series NAME.1, NAME.2, ... that `run -r N -o "
		"NAME` wrote, each after the one before; it ends at the first that was not.\n"
		"Exit status: as of report.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
