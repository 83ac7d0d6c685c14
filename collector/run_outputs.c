// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* run_outputs.c - see run_outputs.h. */
#include "run_outputs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json_report.h"
#include "say.h"
#include "term.h"
#include "text_report.h"
#include "write_all.h"

static bool json_to_stdout(const struct run_opts *o)
{
	return o->json && !strcmp(o->json, "-");
}

int run_outputs__open(struct run_outputs *out, const struct run_opts *o)
{
	int err = 0;

	*out = (struct run_outputs){.o = o, .json = OUTPUT_FILE_NONE, .text = OUTPUT_FILE_NONE};
	if (o->json && !json_to_stdout(o))
		err = output_file__create(&out->json, o->json, 0);
	if (!err && o->report_file)
		err = output_file__create(&out->text, o->report_file, 0);
	if (err < 0)
		run_outputs__close(out);
	return err;
}

uint64_t run_outputs__rights(const struct run_outputs *out)
{
	return output_file__rights(&out->json) | output_file__rights(&out->text);
}

static int keep_piece(void *ctx, const char *s, size_t sz)
{
	struct strbuf *text = ctx;

	strbuf__add(text, s, sz);
	return text->failed ? -ENOMEM : 0;
}

static int write_json(struct run_outputs *out, const struct cpt_report *r, json_t *more)
{
	json_t *json = json_report__build(r);
	struct strbuf text = {0};
	int err = -ENOMEM;

	if (json && (!more || !json_object_set(json, "repeats", more)))
		err = json_report__write(json, r, keep_piece, &text);
	json_decref(json);
	if (err)
		fail(err, "cannot write the JSON report: out of memory");
	else if (json_to_stdout(out->o))
		err = command__print(strbuf__str(&text));
	else
		err = output_file__finish(&out->json, strbuf__str(&text), text.len);
	strbuf__free(&text);
	return err;
}

/* stderr may be a terminal the user has closed: an error then has nowhere to be said but the status. */
int run_outputs__print(const struct strbuf *text)
{
	const int err = write_all(STDERR_FILENO, strbuf__str(text), text->len);

	return err ? fail(err, "cannot write the report to standard error: %s", strerror(-err)) : 0;
}

static int write_text(struct run_outputs *out, const struct cpt_report *r, const char *note)
{
	int fd = out->o->report_file ? out->text.fd : STDERR_FILENO, err;
	struct text_report_opts opts = {
		.style = term_style(fd, out->o->width),
		.by = CPT_ROWS_AUTO,
		.sort = CPT_SORT_RUNNING,
		.top = out->o->top,
		.note = note,
	};
	struct strbuf text = {0};

	text_report__add(&text, r, &opts);
	if (text.failed)
		err = fail(-ENOMEM, "cannot write the report: out of memory");
	else if (out->o->report_file)
		err = output_file__finish(&out->text, strbuf__str(&text), text.len);
	else
		err = run_outputs__print(&text);
	strbuf__free(&text);
	return err;
}

int run_outputs__write(struct run_outputs *out, const struct cpt_report *r, const char *note,
		       json_t *more)
{
	int text_err = 0, json_err = 0;

	if (out->o->report_file || !out->o->rec.quiet)
		text_err = write_text(out, r, note);
	if (out->o->json)
		json_err = write_json(out, r, more);
	return text_err ? text_err : json_err;
}

void run_outputs__close(struct run_outputs *out)
{
	output_file__discard(&out->json);
	output_file__discard(&out->text);
}
