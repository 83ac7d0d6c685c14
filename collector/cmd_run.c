// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cmd_run.c - `cpartrace run`: records a command and prints what `report` prints of its trace.
 *
 * The report is always made from the trace, by the code that `report` uses: nothing is known here that
 * cannot be found out again later.
 */
#include "cmds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "analyse.h"
#include "exit_status.h"
#include "recording.h"
#include "run_opts.h"
#include "run_outputs.h"
#include "run_repeats.h"
#include "say.h"
#include "spawn.h"
#include "term.h"

struct run {
	const struct run_opts *o;
	char *const *argv;
	const char *path; /* as asked for */
	struct run_outputs out;
	struct repeats repeats;
	int dir_fd;	  /* that the first of a series was written to; -1 none yet */
	struct view view; /* --in-progress, and its note */
};

/* ---- one run ------------------------------------------------------------------------------- */

static int analyse(struct run *run, struct analysed *a, int fd, const char *path)
{
	struct cpt_analysis_opts opts = {0};
	int err = analysed__open_fd(a, fd, path);

	view__apply(&run->view, &opts);
	return err ? err : analysed__run(a, path, &opts);
}

/* Analyses the trace in fd and writes the reports. 0, or -errno after having said why. */
static int report(struct run *run, int fd, const char *path, json_t *more)
{
	struct analysed a;
	int err = analyse(run, &a, fd, path);

	if (!err)
		err = run_outputs__write(&run->out, a.report,
					 run->view.note.len ? strbuf__str(&run->view.note) : NULL,
					 more);
	analysed__free(&a);
	return err;
}

static int run_once(struct run *run)
{
	struct recording rec;
	int status = recording__make(&rec, &run->o->rec, -1, run->path, run->argv,
				     run_outputs__rights(&run->out));

	if (status)
		return status;
	if (report(run, rec.trace.fd, run->path, NULL) < 0)
		rec.failed = true;
	status = recording__status(&rec, &run->o->rec);
	recording__end(&rec);
	return status;
}

/* ---- -r ------------------------------------------------------------------------------------ */

/* Ctrl-C and the like, that end the command: what came to us, too, is meant for the whole series. */
static bool ended_by_user(const struct cpt_trace_close *close)
{
	return close->exit_kind == CPT_EXIT_SIGNAL && spawn__has_seen((int)close->exit_value);
}

/* Where the series goes. 0, or -errno after having said why. */
static int keep_dir(struct run *run, int dir_fd, const char *path)
{
	run->dir_fd = fcntl(dir_fd, F_DUPFD_CLOEXEC, 0);
	return run->dir_fd < 0
		       ? fail(-errno, "cannot keep the directory of %s: %s", path, strerror(errno))
		       : 0;
}

/* Records run `number` and takes note of its figures. Returns whether to go on. */
static bool repeat_one(struct run *run, uint32_t number, const char *path, int *status)
{
	struct analysed a = {.fd = -1};
	struct recording rec;
	int err;

	err = recording__make(&rec, &run->o->rec, run->dir_fd, path, run->argv,
			      number < run->o->repeat ? RIGHTS_ALL
						      : run_outputs__rights(&run->out));
	if (err) {
		*status = err;
		return false;
	}
	/* What was run may have put another one in its place. */
	err = run->dir_fd < 0 ? keep_dir(run, rec.trace.dir_fd, path) : 0;
	if (!err)
		err = analyse(run, &a, rec.trace.fd, path);
	if (!err)
		err = repeats__add(&run->repeats, a.report, number);
	if (err < 0)
		rec.failed = true;
	analysed__free(&a);
	/* The first failure is what is returned; the runs after it are still made. */
	if (!*status)
		*status = recording__status(&rec, &run->o->rec);
	recording__end(&rec);
	return !spawn__interrupted() && !ended_by_user(&rec.res.close);
}

static char *numbered(const char *path, uint32_t number)
{
	char *name;

	return asprintf(&name, "%s.%" PRIu32, path, number) < 0 ? NULL : name;
}

static void print_summary(struct run *run)
{
	struct strbuf text = {0};

	if (run->o->rec.quiet || run->o->report_file)
		return;
	strbuf__adds(&text, "\n ");
	repeats__summary(&run->repeats, &text, term_style(STDERR_FILENO, 0).utf8);
	if (text.failed)
		say_error("cannot say what the runs amount to: out of memory");
	else
		(void)run_outputs__print(&text);
	strbuf__free(&text);
}

/* The report of the median run, from its trace, with what all runs amount to. */
static int report_median(struct run *run)
{
	uint32_t number = repeats__median(&run->repeats);
	char *path = numbered(run->path, number);
	json_t *more = repeats__json(&run->repeats);
	int fd = -1, err = -ENOMEM;

	if (!path || !more) {
		fail(err, "cannot report: out of memory");
		goto out;
	}
	say_note("report of run %" PRIu32 " of %" PRIu32 ", %s", number, run->repeats.cnt, path);
	/* Not by its way: something else may lie there by now. */
	fd = openat(run->dir_fd, basename(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	err = fd < 0 ? fail(-errno, "cannot open %s: %s", path, strerror(errno))
		     : report(run, fd, path, more);
	print_summary(run);
out:
	if (fd >= 0)
		close(fd);
	json_decref(more);
	free(path);
	return err;
}

static int run_repeatedly(struct run *run)
{
	bool go_on = true;
	uint32_t number;
	int status = 0;

	for (number = 1; number <= run->o->repeat && go_on; number++) {
		char *path = numbered(run->path, number);

		if (!path)
			return fail(CPT_STATUS_TRACER, "cannot repeat: out of memory");
		go_on = repeat_one(run, number, path, &status);
		free(path);
	}
	if (run->repeats.cnt && report_median(run) < 0 && run->o->rec.strict)
		status = CPT_STATUS_TRACER;
	return status;
}

/* ---- the command --------------------------------------------------------------------------- */

static int run_command(const struct run_opts *o, char *const *argv)
{
	struct run run = {.o = o,
			  .argv = argv,
			  .dir_fd = -1,
			  .path = o->rec.output ? o->rec.output : CPT_TRACE_DEFAULT};
	int status = CPT_STATUS_TRACER;

	recording__begin(&o->rec);
	view__init(&run.view);
	run.view.in_progress = o->in_progress;
	if (view__note(&run.view) < 0 || run_outputs__open(&run.out, o) < 0)
		goto out;
	status = o->repeat > 1 ? run_repeatedly(&run) : run_once(&run);
	run_outputs__close(&run.out);
	repeats__free(&run.repeats);
	if (run.dir_fd >= 0)
		close(run.dir_fd);
out:
	view__fini(&run.view);
	return status;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct run_opts o;
	const char *mistake;
	int first, status;

	run_opts__init(&o);
	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	mistake = run_opts__mistake(&o, first < argc);
	if (mistake)
		return command__usage(self, "%s", mistake);
	return run_command(&o, first < argc ? argv + first : NULL);
}

const struct command cmd_run = {
	.name = "run",
	.args = "[OPTIONS] (COMMAND... | -p PIDS | --cgroup PATH | -a)",
	.summary = "Runs a command, or attaches to what runs, traces all it starts, and reports.",
	.details =
		"The report goes to standard error; the command keeps its standard input, output "
		"and "
		"error. Ctrl-C ends the command, and the report is printed. The trace is kept: "
		"cpartrace report prints the report again.\n"
		"With -p, --cgroup or -a nothing is run: what is there is found and traced, until "
		"it "
		"ends, the time given has passed, or Ctrl-C.\n"
		"Exit status: the command's own, 128 + n if signal n ended it; 125 if it was not "
		"started "
		"because of this program, 126 if it cannot be executed, 127 if it was not found. "
		"Without a command: 0, 1 if something failed, 3 if it is not supported here. "
		"Wrong command line: 125.",
	.options = run_options,
	.run = run,
	.usage_status = CPT_STATUS_TRACER,
};
