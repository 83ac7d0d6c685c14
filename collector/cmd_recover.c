// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* cmd_recover.c - `cpartrace recover`: a trace of the parts that a flight recording left behind. */
#include "cmds.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../analysis/trace_format.h"
#include "../analysis/trace_parts.h"
#include "exit_status.h"
#include "flight.h"
#include "output_file.h"
#include "say.h"
#include "view.h"

#define GIVEN_MAX 64

struct recover_opts {
	const char *output;
};

static const struct cli_option options[] = {
	{"output", 'o', "FILE",
	 "write the trace to FILE (default: " CPT_TRACE_DEFAULT "; an older one moves to FILE.old)",
	 cli_set_string, offsetof(struct recover_opts, output), 0, 0, NULL},
	CLI_OPTIONS_END,
};

struct found {
	const char *path;
	int fd;
	uint32_t number;
	uint64_t begun_ns; /* its recording began */
};

/* Fills in f. 1; 0: nothing was written to it; -errno after having said why. */
static int look_at(struct found *f, const char *path)
{
	struct cpt_trace_meta meta;
	struct stat st = {0};
	uint64_t data_pos;
	int err;

	f->path = path;
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0 || fstat(f->fd, &st) < 0)
		return fail(-errno, "cannot read %s: %s", path, strerror(errno));
	if (S_ISREG(st.st_mode) && !st.st_size)
		return 0;
	err = trace_parts__meta(f->fd, &meta, &data_pos);
	if (err == -EBADMSG)
		return fail(0, "%s: the beginning of it is damaged; it is left out", path);
	if (err)
		return fail(err, "cannot read %s: %s", path, strerror(-err));
	f->number = meta.part;
	f->begun_ns = meta.part == 1 ? meta.start_mono_ns : meta.recorded_from_ns;
	trace_meta__clear(&meta);
	return f->number ? 1 : fail(-EINVAL, "%s is no part of a recording with --flight", path);
}

static int by_number(const void *a, const void *b)
{
	const struct found *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

/* Index of the first of those that follow each other without a gap to the last; -errno. */
static int first_of(struct found *f, int cnt)
{
	int first = cnt - 1;

	qsort(f, (size_t)cnt, sizeof(*f), by_number);
	for (int i = 1; i < cnt; i++)
		if (f[i].begun_ns != f[0].begun_ns || f[i].number == f[i - 1].number)
			return fail(-EINVAL,
				    "%s and %s are not of one recording: name the parts of one",
				    f[i - 1].path, f[i].path);
	while (first && f[first - 1].number + 1 == f[first].number)
		first--;
	if (first)
		say_error("%s and what is older is left out: what followed it is missing",
			  f[first - 1].path);
	return first;
}

static int join_parts(const struct found *f, int cnt, const char *path)
{
	struct flight_part parts[GIVEN_MAX];
	struct output_file out;
	int err;

	for (int i = 0; i < cnt; i++)
		parts[i] = (struct flight_part){.fd = f[i].fd, .end_pos = UINT64_MAX};
	err = output_file__create(&out, path, OUTPUT_KEEP_OLD | OUTPUT_SEEKABLE);
	if (err < 0)
		return err;
	err = flight__join(out.fd, parts, (uint32_t)cnt, NULL, 0, NULL, NULL, NULL);
	if (err)
		fail(err, "cannot write %s: %s", path, strerror(-err));
	else
		err = output_file__publish(&out, OUTPUT_KEEP_OLD | OUTPUT_SEEKABLE);
	output_file__discard(&out);
	return err;
}

static int recover(const char *path, char *const *names, int cnt)
{
	struct found found[GIVEN_MAX];
	int have = 0, opened = 0, first, err = 0;

	for (; opened < cnt && err >= 0; opened++) {
		/* Those that are left out are closed with the others. */
		struct found f = {.fd = -1};

		err = look_at(&f, names[opened]);
		if (err > 0)
			found[have++] = f;
		else if (f.fd >= 0)
			close(f.fd);
	}
	if (err >= 0 && !have)
		err = fail(-ENODATA, "nothing was recorded into what is named");
	if (err >= 0) {
		first = first_of(found, have);
		err = first < 0 ? first : join_parts(found + first, have - first, path);
	}
	for (int i = 0; i < have; i++)
		close(found[i].fd);
	return err < 0 ? CPT_STATUS_FAILED : CPT_STATUS_OK;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct recover_opts o = {.output = CPT_TRACE_DEFAULT};
	int first, status;

	if (!command__parse(self, &o, argc, argv, &first, &status))
		return status;
	if (first == argc)
		return command__usage(self, "no parts named; as in: cpartrace recover -o app.data "
					    "app.data.ring.?");
	if (argc - first > GIVEN_MAX)
		return command__usage(self, "more than %d files named", GIVEN_MAX);
	return recover(o.output, argv + first, argc - first);
}

const struct command cmd_recover = {
	.name = "recover",
	.args = "[-o FILE] PART...",
	.summary = "Makes a trace of what a recording with --flight left behind that was killed.",
	.details =
		"The parts are FILE.ring.0 ... FILE.ring.8; they stay. The trace is one that was "
		"not ended properly: report says so, and returns 4.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
