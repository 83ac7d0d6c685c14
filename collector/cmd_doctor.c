// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_doctor.c - `cpartrace doctor`: whether `run` would work here, and what to do if not. */
#include "cmds.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf_session.h"
#include "draw.h"
#include "exit_status.h"
#include "features.h"
#include "mark_lock.h"
#include "mark_session.h"
#include "term.h"

static const struct cli_option options[] = {CLI_OPTIONS_END};

static void add_feature(struct strbuf *out, const struct text_style *style,
			const struct cpt_feature *f)
{
	static const struct {
		const char *word;
		enum draw_colour colour;
	} states[] = {
		[CPT_FEATURE_OK] = {"ok", DRAW_GREEN},
		[CPT_FEATURE_DEGRADED] = {"less", DRAW_YELLOW},
		[CPT_FEATURE_MISSING] = {"MISSING", DRAW_RED},
	};

	draw_begin(out, style, states[f->state].colour);
	strbuf__addf(out, " %-7s", states[f->state].word);
	draw_end(out, style, states[f->state].colour);
	strbuf__addc(out, ' ');
	draw_padded(out, f->name, 28, false);
	strbuf__addc(out, ' ');
	cli_wrap(out, f->text, 38, 38, style->width);
	if (f->mend[0]) {
		strbuf__adds(out, "         to mend: ");
		cli_wrap(out, f->mend, 18, 18, style->width);
	}
}

/* Marks of phases are no part of what `run` needs; those of `cpartrace mark` come by the probes that it needs anyway. */
static void try_marks(struct bpf_session *session, struct cpt_feature *f)
{
	const struct bpf_session_marks shared = bpf_session__marks(session);
	struct mark_session *marks;
	char err[256] = "";
	int code;

	f->name = "marks of phases";
	f->state = CPT_FEATURE_DEGRADED;
	marks = mark_session__open(&shared, err, sizeof(err));
	code = marks ? mark_session__try(marks, err, sizeof(err)) : -errno;
	mark_session__free(marks);
	if (code) {
		snprintf(f->text, sizeof(f->text), "`cpartrace mark` is taken; %.120s", err);
		if (code == -EPERM || code == -EACCES)
			snprintf(f->mend, sizeof(f->mend), "run it as root (CAP_SYS_ADMIN)");
		else if (code ==
			 -ENOENT) /* of the directory that says how such events are asked for */
			snprintf(f->mend, sizeof(f->mend), "a kernel with CONFIG_UPROBE_EVENTS");
		return;
	}
	code = mark_lock__is_held();
	if (code < 0) {
		snprintf(f->text, sizeof(f->text),
			 "taken, but `cpartrace mark` cannot tell whether anybody records: %.60s",
			 strerror(-code));
		snprintf(f->mend, sizeof(f->mend),
			 "have the program on a file system with locks, and readable");
		return;
	}
	f->state = CPT_FEATURE_OK;
	snprintf(f->text, sizeof(f->text), "taken, of `cpartrace mark` and of programs");
}

/* The list can only name what is known to matter; loading the probes is the proof. marks: filled where they do. */
static bool try_probes(struct cpt_feature *f, struct cpt_feature *marks)
{
	struct bpf_session_opts opts = {0};
	struct bpf_session *session;
	char err[256] = "";

	memset(f, 0, sizeof(*f));
	f->name = "probes load and attach";
	session = bpf_session__open(&opts, err, sizeof(err));
	if (session && bpf_session__attach(session, err, sizeof(err)) == 0) {
		f->state = CPT_FEATURE_OK;
		snprintf(f->text, sizeof(f->text), "yes");
		try_marks(session, marks);
	} else {
		f->state = CPT_FEATURE_MISSING;
		snprintf(f->text, sizeof(f->text), "%.159s", err);
	}
	bpf_session__free(session);
	return f->state == CPT_FEATURE_OK;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct cpt_feature list[CPT_FEATURE_MAX], probes, marks = {0};
	struct text_style style = term_style(STDOUT_FILENO, 0);
	struct strbuf out = {0};
	bool works;
	size_t cnt, i;
	int first, status;

	if (!command__parse(self, NULL, argc, argv, &first, &status))
		return status;
	if (first < argc)
		return command__usage(self, "unexpected '%s'", argv[first]);
	cnt = features__list(list);
	for (i = 0; i < cnt; i++)
		add_feature(&out, &style, &list[i]);
	works = try_probes(&probes, &marks);
	add_feature(&out, &style, &probes);
	if (works)
		add_feature(&out, &style, &marks);
	strbuf__adds(&out,
		     works ? "\n cpartrace run works here.\n"
			   : "\n cpartrace run does not work here; see what is MISSING above.\n");
	status = works ? CPT_STATUS_OK : CPT_STATUS_UNSUPPORTED;
	if (command__print_buf(&out) < 0)
		status = CPT_STATUS_FAILED;
	strbuf__free(&out);
	return status;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.args = "",
	.summary = "Looks whether this machine can record, and says what to mend.",
	.details = "Exit status: 0 if run would work, 3 if it is not supported here, 1 failure.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
