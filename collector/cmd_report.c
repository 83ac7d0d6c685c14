// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_report.c - `cpartrace report`: what `run` printed, again, from the trace. */
#include "cmds.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
#include "exit_status.h"
#include "json_report.h"
#include "say.h"
#include "term.h"
#include "text_explain.h"
#include "text_report.h"
#include "text_stacks.h"
#include "text_timeline.h"
#include "view.h"
#include "words.h"

struct report_opts {
	struct view view;
	bool json;
	bool explain;
	bool hot;
	bool timeline;
	int sort;
	int by;
	uint32_t top;
	uint32_t width;
};

static const struct cli_option options[] = {
	VIEW_OPTION_INPUT(struct report_opts, view),
	{"json", 'j', NULL,
	 "the whole report as JSON (--sort, --by, --top and --width do not matter)", cli_set_flag,
	 offsetof(struct report_opts, json), 0, 0, NULL},
	{"explain", 0, NULL, "say below the report how each figure came about", cli_set_flag,
	 offsetof(struct report_opts, explain), 0, 0, NULL},
	{"hot", 0, NULL,
	 "instead, what code ran: share of the wall time (a sample counts 1/R, so that serial code "
	 "stands out) beside the share of the CPU time; of traces with --sample or --stacks",
	 cli_set_flag, offsetof(struct report_opts, hot), 0, 0, NULL},
	{"timeline", 0, NULL, "instead, what each CPU and thread did over time", cli_set_flag,
	 offsetof(struct report_opts, timeline), 0, 0, NULL},
	{"sort", 's', "KEY",
	 "sort threads by running (default), runnable, waiting, parked, life, parallel, alone, "
	 "bottle, "
	 "switches, migrations, tid or name",
	 cli_set_word, offsetof(struct report_opts, sort), 0, 0, cpt_sort_words},
	{"by", 0, "WHAT",
	 "rows of the table: thread, process or name (default: auto, by thread with "
	 "pools of one name as one row)",
	 cli_set_word, offsetof(struct report_opts, by), 0, 0, cpt_rows_by_words},
	VIEW_OPTION_FILTERS(struct report_opts, view),
	VIEW_OPTION_PHASE(struct report_opts, view),
	VIEW_OPTION_IN_PROGRESS(struct report_opts, view),
	{"top", 0, "N", "rows of tables (default: 10)", cli_set_number,
	 offsetof(struct report_opts, top), 1, 1000000, NULL},
	{"width", 'w', "N", "columns of the text (default: COLUMNS, the terminal's, 80)",
	 cli_set_number, offsetof(struct report_opts, width), CPT_WIDTH_MIN, CPT_WIDTH_MAX, NULL},
	CLI_OPTIONS_END,
};

static int print_json(const struct cpt_report *r)
{
	json_t *json = json_report__build(r);
	int err = json ? json_report__write(json, r, command__put, NULL) : -ENOMEM;

	json_decref(json);
	if (err == -ENOMEM)
		fail(err, "cannot write the report: out of memory");
	return err ? err : command__print("");
}

static struct text_report_opts text_opts(const struct report_opts *o)
{
	return (struct text_report_opts){
		.style = term_style(STDOUT_FILENO, o->width),
		.by = (enum cpt_rows_by)o->by,
		.sort = o->sort,
		.top = o->top,
		.note = o->view.note.len ? strbuf__str(&o->view.note) : NULL,
	};
}

static int print_timeline(struct analysed *a, const char *path,
			  const struct cpt_analysis_opts *opts, const struct report_opts *o)
{
	const struct text_report_opts text = text_opts(o);
	struct strbuf out = {0};
	struct lanes lanes;
	int err = lanes__make(&lanes, a, path, opts, text_timeline__cols(&text.style), o->top);

	if (!err) {
		text_timeline__add(&out, &lanes, &text);
		err = out.failed ? fail(-ENOMEM, "cannot write the timeline: out of memory")
				 : command__print(strbuf__str(&out));
	}
	strbuf__free(&out);
	lanes__free(&lanes);
	return err;
}

static int print_text(const struct cpt_report *r, const struct report_opts *o)
{
	const struct text_report_opts text = text_opts(o);
	struct strbuf out = {0};
	int err;

	if (o->hot)
		text_stacks__hot(&out, r, &text);
	else
		text_report__add(&out, r, &text);
	if (o->explain)
		text_explain__add(&out, r, &text);
	err = out.failed ? fail(-ENOMEM, "cannot write the report: out of memory")
			 : command__print(strbuf__str(&out));
	strbuf__free(&out);
	return err;
}

static int report(const struct command *self, void *ctx)
{
	struct report_opts *o = ctx;
	const char *path = view__path(&o->view);
	struct cpt_analysis_opts opts = {0};
	struct analysed a;
	int err, status;

	(void)self;
	view__apply(&o->view, &opts);
	err = analysed__open(&a, path);
	if (!err && o->timeline && !o->json)
		err = print_timeline(&a, path, &opts, o);
	else if (!err)
		err = analysed__run(&a, path, &opts);
	if (!err && o->json)
		err = print_json(a.report);
	else if (!err && !o->timeline)
		err = print_text(a.report, o);
	status = analysed__status(&a, err);
	analysed__free(&a);
	return status;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct report_opts o = {.top = CPT_TOP_DEFAULT};

	return view__command(self, &o, &o.view, argc, argv, report);
}

const struct command cmd_report = {
	.name = "report",
	.args = "[-i FILE] [OPTIONS]",
	.summary = "Prints the report of a recorded trace.",
	.details =
		"A filter makes the threads it selects the workload: the ledger and all figures "
		"are "
		"computed for them alone.\n"
		"Exit status: 0 reported, 1 failed, 2 wrong usage, 3 a trace this version does not "
		"know, 4 reported but events were lost or the trace is not whole.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
