// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* recording.c - see recording.h. */
#include "recording.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config.h"
#include "exit_status.h"
#include "format.h"
#include "say.h"
#include "spawn.h"
#include "strbuf.h"

#define TRACE_FLAGS (OUTPUT_KEEP_OLD | OUTPUT_SEEKABLE)

void recording__begin(const struct record_opts *o)
{
	say__level(o->verbose ? 2 : o->quiet ? 0 : 1);
	spawn__signals();
	if (record_opts__is_flight(o))
		flight__signal();
}

/* From here on a trace is found at its name even if we are killed. Before, an older one stands there:
 * a command that cannot be started costs nobody his last trace. */
static void put_in_place(void *ctx)
{
	struct recording *rec = ctx;

	rec->misplaced = output_file__publish(&rec->trace, TRACE_FLAGS);
}

/* Where that failed, once more: what stood in the way may have gone. What was captured is never thrown away. */
static void put_in_place_at_last(struct recording *rec)
{
	int err;

	if (!rec->trace.temp)
		return;
	rec->trace.quiet = true;
	err = output_file__publish(&rec->trace, TRACE_FLAGS);
	if (err && err != rec->misplaced)
		say_error("cannot put %s in its place: %s", rec->trace.path, strerror(-err));
	if (!err) {
		say_note("%s is in its place now", rec->trace.path);
		return;
	}
	rec->failed = rec->left = true;
	if (rec->trace.nameless)
		say_error("what was recorded is lost: it could not be given a name");
	else
		say_error("what was recorded is kept at %s", rec->trace.temp);
}

static void say_figures(const struct recorder_result *res)
{
	char n[FMT_SZ], m[FMT_SZ], d[FMT_SZ], c[FMT_SZ];

	say_verbose("recorded %s context switches of %s tasks", fmt_count(n, res->switches),
		    fmt_count(m, res->tasks));
	say_verbose("trace: %s bytes, %.1f per switch", fmt_count(n, res->trace_bytes),
		    res->switches ? (double)res->trace_bytes / (double)res->switches : 0);
	say_verbose("the tracer itself used %s of CPU time",
		    fmt_duration(d, res->close.tracer_cpu_ns, false));
	say_verbose("switches without an event: %s rebuilt, %s not; records lost: %s",
		    fmt_count(n, res->close.mends), fmt_count(m, res->close.mends_failed),
		    fmt_count(d, res->close.lost_ring));
	say_verbose("mappings read %s times (%s in vain) for %s addresses, in %s",
		    fmt_count(n, res->places.reads), fmt_count(m, res->places.failed),
		    fmt_count(c, res->places.noted), fmt_duration(d, res->places.read_ns, false));
}

/* Where it goes: a trace, or what keeps the end of it. 0 or -errno, and it has been said. */
static int open_output(struct recording *rec, const struct record_opts *o, int dir_fd,
		       const char *path, struct recorder_opts *opts)
{
	int err;

	if (record_opts__is_flight(o)) {
		rec->flight = flight__open(path, &o->flight, &o->trigger);
		if (!rec->flight)
			return -errno;
		opts->flight = rec->flight;
		opts->rights = flight__rights(rec->flight);
		opts->released = NULL;
		return 0;
	}
	err = output_file__create_in(&rec->trace, dir_fd, path, TRACE_FLAGS);
	if (err < 0)
		return err;
	opts->trace_fd = rec->trace.fd;
	opts->rights = output_file__rights(&rec->trace);
	return 0;
}

/* What of the trace is not as it should be, in one line: why, and how what there is can be had. settled: its last data
 * were refused, -errno. */
static void say_failure(const struct recording *rec, const char *path, int settled)
{
	const struct recorder_result *res = &rec->res;
	const int unwritten = rec->lost ? 0 : res->flight_err ? res->flight_err : settled;
	struct strbuf line = {0};

	if (res->trace_err)
		strbuf__addf(&line, "; %s", res->line);
	if (unwritten && unwritten != res->trace_err)
		strbuf__addf(&line, "; cannot write %s: %s", path, strerror(-unwritten));
	if (rec->lost)
		strbuf__addf(&line, "; %s was removed meanwhile: what was recorded is lost", path);
	else if (res->flight_err)
		strbuf__addf(&line,
			     "; what was recorded is kept; once there is room: cpartrace recover "
			     "-o %s %s.ring.?",
			     path, path);
	if (line.failed)
		say_error("%s; out of memory", res->trace_err ? res->line : path);
	else if (line.len)
		say_error("%s", line.s + strlen("; "));
	strbuf__free(&line);
}

int recording__make(struct recording *rec, const struct record_opts *o, int dir_fd,
		    const char *path, char *const *argv, uint64_t rights)
{
	struct recorder_opts opts = {
		.spawn = {.argv = argv, .user = o->user},
		.session = {.ring_sz = o->buffer_sz,
			    .no_occupancy = o->no_budget,
			    .verbose = o->verbose,
			    .stacks = o->stacks,
			    .sample_hz = record_opts__sample_hz(o)},
		.version = CPT_VERSION,
		.wait_all = o->wait_all,
		.loops = (enum loops_mode)o->loops,
		.marks = &o->marks,
		.delay_ns = o->delay_ns,
		.duration_ns = o->duration_ns,
		.released = put_in_place,
		.released_ctx = rec,
	};
	int err;

	memset(rec, 0, sizeof(*rec));
	rec->trace = OUTPUT_FILE_NONE;
	if (!argv) {
		opts.attach = attach__open(&o->targets);
		if (!opts.attach)
			return errno == EOPNOTSUPP ? CPT_STATUS_UNSUPPORTED : CPT_STATUS_FAILED;
		opts.session.mode = attach__mode(opts.attach);
	}
	if (open_output(rec, o, dir_fd, path, &opts) < 0) {
		attach__free(opts.attach);
		return argv ? CPT_STATUS_TRACER : CPT_STATUS_FAILED;
	}
	opts.rights |= rights;
	recorder__run(&opts, &rec->res);
	attach__free(opts.attach);
	if (!rec->res.released) {
		if (rec->res.line[0])
			say_error("%s", rec->res.line);
		flight__drop(rec->flight);
		recording__end(rec);
		return rec->res.status;
	}
	put_in_place_at_last(rec);
	rec->failed |= rec->res.flight_err != 0;
	err = rec->res.trace_err ? 0 : output_file__settle(&rec->trace);
	rec->lost = rec->flight ? rec->res.flight_err && flight__is_gone(rec->flight)
				: output_file__is_gone(&rec->trace);
	say_failure(rec, path, err);
	rec->failed |= err || rec->res.trace_err || rec->lost;
	if (rec->res.loops_line[0])
		say_error("%s; what they had in flight is not recorded", rec->res.loops_line);
	if (rec->res.marks_line[0])
		say_note("%s; what the program marks itself is not recorded", rec->res.marks_line);
	say_figures(&rec->res);
	return 0;
}

void recording__end(struct recording *rec)
{
	flight__free(rec->flight);
	rec->flight = NULL;
	if (rec->left)
		output_file__leave(&rec->trace);
	else
		output_file__discard(&rec->trace);
}

int recording__status(struct recording *rec, const struct record_opts *o)
{
	const int status = recorder__status(&rec->res);

	if (!rec->failed || (!o->strict && rec->res.of_command))
		return status;
	return rec->res.of_command ? CPT_STATUS_TRACER : CPT_STATUS_FAILED;
}
