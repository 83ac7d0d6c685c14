// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_output.c - see stat_output.h. */
#include "stat_output.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "say.h"
#include "term.h"
#include "write_all.h"

#define LINES_PER_HEAD 20

int stat_output__open(struct stat_output *out, const struct stat_opts *o, bool command)
{
	struct output_file probe;
	int err;

	*out = (struct stat_output){
		.o = o,
		.file = OUTPUT_FILE_NONE,
		.metrics_dir = -1,
		.fd = command ? STDERR_FILENO : STDOUT_FILENO,
	};
	/* Better now than after a day. */
	if (o->openmetrics && strcmp(o->openmetrics, "-") != 0) {
		err = output_file__create(&probe, o->openmetrics, OUTPUT_PUBLIC);
		if (err < 0)
			return err;
		out->rights |= output_file__rights(&probe);
		out->metrics_dir = probe.dir_fd < 0 ? -1 : fcntl(probe.dir_fd, F_DUPFD_CLOEXEC, 0);
		err = probe.dir_fd >= 0 && out->metrics_dir < 0 ? -errno : 0;
		output_file__discard(&probe);
		if (err < 0)
			return fail(err, "cannot write %s: %s", o->openmetrics, strerror(-err));
	}
	if (!o->output)
		return 0;
	err = output_file__create(&out->file, o->output, 0);
	out->rights |= output_file__rights(&out->file);
	out->fd = out->file.fd;
	return err;
}

int stat_output__start(struct stat_output *out)
{
	return out->o->output ? output_file__publish(&out->file, 0) : 0;
}

static int fail_once(const struct stat_output *out, int err, const char *what)
{
	return err == out->said ? err : fail(err, "cannot write %s: %s", what, strerror(-err));
}

static int write_text(const struct stat_output *out, int fd, const char *what)
{
	int err =
		out->text.failed ? -ENOMEM : write_all(fd, strbuf__str(&out->text), out->text.len);

	return err ? fail_once(out, err, what) : 0;
}

static void add_text(struct stat_output *out, const struct stat_facts *f)
{
	struct text_style style = term_style(out->fd, out->o->width);

	if (f->total) {
		if (out->o->interval_ms)
			strbuf__addc(&out->text, '\n');
		stat_text__add(&out->text, f, &style);
		return;
	}
	if (out->lines++ % LINES_PER_HEAD == 0)
		stat_text__add_head(&out->text, &style);
	stat_text__add_line(&out->text, f, &style);
}

int stat_output__print(struct stat_output *out, const struct stat_facts *f)
{
	strbuf__clear(&out->text);
	if (out->o->json)
		stat_json__add(&out->text, f);
	else
		add_text(out, f);
	return write_text(out, out->fd, out->o->output ? out->o->output : "the report");
}

int stat_output__metrics(struct stat_output *out, const struct stat_facts *f, bool last)
{
	const char *path = out->o->openmetrics;
	struct output_file file;
	int err;

	if (!path || (!last && !strcmp(path, "-")))
		return 0;
	strbuf__clear(&out->text);
	stat_openmetrics__add(&out->text, f);
	if (!strcmp(path, "-"))
		return write_text(out, STDOUT_FILENO, "the metrics");
	err = out->text.failed ? -ENOMEM
			       : output_file__create_in(&file, out->metrics_dir, path,
							OUTPUT_PUBLIC | OUTPUT_QUIET);
	if (!err)
		err = output_file__finish(&file, strbuf__str(&out->text), out->text.len);
	return err ? fail_once(out, err, path) : 0;
}

int stat_output__end(struct stat_output *out)
{
	if (!output_file__is_gone(&out->file))
		return 0;
	/* Also where the same reason was given for another file: this one is lost. */
	say_error("%s was removed meanwhile: what was counted is lost", out->o->output);
	return -ENOENT;
}

void stat_output__close(struct stat_output *out)
{
	output_file__discard(&out->file);
	if (out->metrics_dir >= 0)
		close(out->metrics_dir);
	out->metrics_dir = -1;
	strbuf__free(&out->text);
}
