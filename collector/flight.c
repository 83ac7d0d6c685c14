// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* flight.c - see flight.h. */
#include "flight.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../analysis/carry.h"
#include "../analysis/trace_format.h"
#include "../analysis/trace_writer.h"
#include "format.h"
#include "output_file.h"
#include "say.h"

#define PART_FLAGS (OUTPUT_KEEP_OLD | OUTPUT_SEEKABLE)

struct part {
	struct output_file file;
	uint32_t number; /* from 1 in order of time; 0: nothing is in it */
	uint64_t start_ns, bytes;
	struct cpt_trace_close base; /* counters when it began */
};

/* Of a dump under way, shared with the child that makes it. */
struct dump_state {
	uint32_t copied; /* parts, from the first of the dump on */
	dev_t dev;	 /* the dump, once it is in its place */
	ino_t ino;
};

struct dump {
	uint32_t number;
	dev_t dev;
	ino_t ino;
};

struct flight {
	const char *path;
	struct flight_opts opts;
	struct flight_calls calls;
	struct cpt_trace_meta meta; /* of the beginning; owned */
	struct part parts[CPT_FLIGHT_PARTS];
	uint32_t made; /* files of parts */
	uint32_t cur;
	int err;		     /* of the first write of a part that failed: nothing more is */
	struct trace_writer *writer; /* NULL: with err, too */
	struct carry *carry;
	struct cpt_event *side; /* come before the events of their time: to be followed in order */
	size_t side_cnt, side_at, side_cap;
	struct trigger *trigger;    /* NULL: there is none */
	struct cpt_trace_meta live; /* what it was given */
	uint64_t part_bytes, grown, switches;
	uint64_t want_ns; /* a dump of what was until then; 0 none */
	pid_t child;	  /* makes a dump; 0 none */
	uint32_t dumping; /* number of its first part */
	struct dump_state *state;
	uint32_t dump_cnt;  /* made, or tried */
	struct dump *dumps; /* that stay, opts.dumps of them at most */
	uint32_t kept_dumps;
	uint64_t bytes; /* of FILE */
};

static volatile sig_atomic_t signalled;

static void on_signal(int sig)
{
	signalled = 1;
}

void flight__signal(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t open;

	sigaction(SIGUSR2, &action, NULL);
	sigemptyset(&open);
	sigaddset(&open, SIGUSR2);
	sigprocmask(SIG_UNBLOCK, &open, NULL);
}

/* ---- files of parts ------------------------------------------------------------------------------- */

static char *name_of(const struct flight *f, const char *what, uint32_t n)
{
	char *name;

	return asprintf(&name, "%s%s.%" PRIu32, f->path, what, n) < 0 ? NULL : name;
}

/* In the directory that the parts are in, wherever its name leads by now. */
static int create_beside(const struct flight *f, struct output_file *out, const char *name,
			 unsigned int quiet)
{
	return output_file__create_in(out, f->parts[0].file.dir_fd, name, PART_FLAGS | quiet);
}

static int make_part(struct flight *f, struct part *p, uint32_t n)
{
	char *name = name_of(f, ".ring", n);
	int err;

	if (!name)
		return fail(-ENOMEM, "out of memory");
	err = output_file__create(&p->file, name, PART_FLAGS);
	free(name);
	return err;
}

struct flight *flight__open(const char *path, const struct flight_opts *opts,
			    const struct trigger_opts *trigger)
{
	struct flight *f = calloc(1, sizeof(*f));
	int err = 0;

	if (!f) {
		fail(-ENOMEM, "out of memory");
		errno = ENOMEM;
		return NULL;
	}
	f->path = path;
	f->opts = *opts;
	if (!f->opts.bytes)
		f->opts.bytes = CPT_FLIGHT_BYTES;
	if (!f->opts.dumps)
		f->opts.dumps = CPT_FLIGHT_DUMPS;
	f->part_bytes = f->opts.bytes / CPT_FLIGHT_PARTS;
	f->dumps = calloc(f->opts.dumps, sizeof(*f->dumps));
	f->state = mmap(NULL, sizeof(*f->state), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
			-1, 0);
	if (f->state == MAP_FAILED)
		f->state = NULL;
	if (trigger->cnt)
		f->trigger = trigger__new(trigger);
	if (!f->dumps || !f->state || (trigger->cnt && !f->trigger))
		err = fail(-ENOMEM, "out of memory");
	for (; !err && f->made < CPT_FLIGHT_PARTS; f->made += !err)
		err = make_part(f, &f->parts[f->made], f->made);
	if (!err)
		return f;
	flight__free(f);
	errno = -err;
	return NULL;
}

/* The last first: they are filled in order, so that whoever ends us meanwhile leaves one that says something, and
 * not those alone that nothing was ever written to. */
static void remove_parts(struct flight *f)
{
	for (; f->made; f->made--) {
		struct output_file *file = &f->parts[f->made - 1].file;

		if (!file->temp)
			output_file__remove(file);
		output_file__discard(file);
	}
}

void flight__drop(struct flight *f)
{
	if (f)
		remove_parts(f);
}

void flight__free(struct flight *f)
{
	if (!f)
		return;
	if (!f->writer && !f->parts[0].number)
		remove_parts(f);
	for (uint32_t i = 0; i < f->made; i++)
		output_file__leave(&f->parts[i].file);
	trace_writer__free(f->writer);
	free(f->side);
	carry__free(f->carry);
	trigger__free(f->trigger);
	trace_meta__clear(&f->meta);
	if (f->state)
		munmap(f->state, sizeof(*f->state));
	free(f->dumps);
	free(f);
}

uint64_t flight__rights(const struct flight *f)
{
	return output_file__rights(&f->parts[0].file);
}

/* ---- parts ------------------------------------------------------------------------------------------ */

static int writer_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	return trace_writer__events(ctx, ev, cnt);
}

static int writer_side(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	return trace_writer__side(ctx, ev, cnt);
}

/* What a part that begins at start_ns says about itself. Its strings are f->meta's. */
static struct cpt_trace_meta meta_at(const struct flight *f, uint32_t number, uint64_t start_ns)
{
	struct cpt_trace_meta meta = f->meta;
	const uint64_t later_ns = start_ns - meta.start_mono_ns;

	meta.part = number;
	if (number == 1)
		return meta;
	meta.flags |= CPT_TRACE_ATTACHED | CPT_TRACE_FLIGHT;
	meta.recorded_from_ns = meta.start_mono_ns;
	meta.start_mono_ns += later_ns;
	meta.start_real_ns += later_ns;
	meta.start_boot_ns += later_ns;
	meta.delay_ns = 0;
	return meta;
}

/* The live figures are begun anew with each part: what they take is bounded as that is. */
static int begin_live(struct flight *f, const struct cpt_trace_meta *meta)
{
	f->live = *meta;
	return trigger__begin(f->trigger, &f->live, f->carry);
}

static int begin_part(struct flight *f, uint32_t idx, uint32_t number, uint64_t start_ns)
{
	const struct cpt_trace_meta meta = meta_at(f, number, start_ns);
	struct part *p = &f->parts[idx];
	struct cpt_merge_sink to = {.events = writer_events, .side = writer_side};
	int err;

	p->number = number;
	p->start_ns = start_ns;
	p->bytes = 0;
	f->calls.counters(f->calls.ctx, &p->base);
	f->cur = idx;
	if (ftruncate(p->file.fd, 0) < 0)
		return -errno;
	f->writer = trace_writer__new(p->file.fd, &meta);
	if (!f->writer)
		return -errno;
	to.ctx = f->writer;
	f->grown = 0;
	if (number == 1)
		return f->trigger ? begin_live(f, &meta) : 0;
	err = carry__say(f->carry, &to);
	if (!err)
		err = trace_writer__carried(f->writer);
	if (!err && f->trigger)
		err = begin_live(f, &meta);
	return err;
}

/* Sums over all of the recording are not of a part. */
static void forget_sums(struct cpt_trace_close *close)
{
	close->steal_ns = close->irq_ns = close->throttled_ns = UINT64_MAX;
	close->quota_periods = close->quota_throttled = UINT64_MAX;
	close->tenants_rest_ns = close->alive_exec_ns = UINT64_MAX;
	close->tenant_cnt = 0;
}

/* It is a trace of its own, and whole, should nothing else be left. */
static int end_part(struct flight *f, uint64_t at_ns)
{
	struct cpt_trace_close close = {.end_mono_ns = at_ns};
	int err;

	forget_sums(&close);
	err = trace_writer__close(f->writer, &close);
	if (err)
		return err;
	f->parts[f->cur].bytes = trace_writer__bytes(f->writer);
	f->switches += trace_writer__switches(f->writer);
	trace_writer__free(f->writer);
	f->writer = NULL;
	return 0;
}

int flight__place(struct flight *f)
{
	int err = 0;

	for (uint32_t i = 0; i < f->made && !err; i++)
		err = output_file__publish(&f->parts[i].file, PART_FLAGS);
	return err;
}

int flight__begin(struct flight *f, const struct cpt_trace_meta *meta,
		  const struct flight_calls *calls)
{
	uint8_t *bytes;
	size_t sz;
	int err = 0;

	/* A copy of all that it points to. */
	bytes = trace_meta__encode(meta, &sz);
	if (!bytes)
		return -errno;
	err = trace_meta__decode(&f->meta, bytes, sz);
	free(bytes);
	if (err)
		return err;
	f->calls = *calls;
	f->carry = carry__new(meta->cpu_cnt, meta->argv != NULL);
	if (!f->carry)
		return -errno;
	return begin_part(f, 0, 1, meta->start_mono_ns);
}

static int follow(struct flight *f, const struct cpt_event *ev, size_t cnt, bool side)
{
	int err = side ? carry__side(f->carry, ev, cnt) : carry__feed(f->carry, ev, cnt);

	return err || !f->trigger ? err : trigger__events(f->trigger, ev, cnt);
}

/* What stands beside the events, as far as its time has come. */
static int follow_side(struct flight *f, uint64_t until_ns)
{
	int err = 0;

	while (!err && f->side_at < f->side_cnt && f->side[f->side_at].ts_ns <= until_ns)
		err = follow(f, &f->side[f->side_at++], 1, true);
	return err;
}

static int follow_in_order(struct flight *f, const struct cpt_event *ev, size_t cnt)
{
	int err = 0;

	if (f->side_at == f->side_cnt)
		return follow(f, ev, cnt, false);
	for (size_t i = 0; i < cnt && !err; i++) {
		err = follow_side(f, ev[i].ts_ns);
		if (!err)
			err = follow(f, &ev[i], 1, false);
	}
	return err;
}

static int keep_side(struct flight *f, const struct cpt_event *ev, size_t cnt)
{
	size_t cap = f->side_cap ? f->side_cap : 256;
	struct cpt_event *side;

	if (f->side_at == f->side_cnt)
		f->side_at = f->side_cnt = 0;
	while (cap < f->side_cnt + cnt)
		cap *= 2;
	if (cap != f->side_cap) {
		side = realloc(f->side, cap * sizeof(*side));
		if (!side)
			return -ENOMEM;
		f->side = side;
		f->side_cap = cap;
	}
	memcpy(f->side + f->side_cnt, ev, cnt * sizeof(*ev));
	f->side_cnt += cnt;
	return 0;
}

static int sink_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct flight *f = ctx;
	int err = f->err ? f->err : follow_in_order(f, ev, cnt);

	return err ? err : trace_writer__events(f->writer, ev, cnt);
}

static int sink_late(void *ctx, const struct cpt_late *late)
{
	struct flight *f = ctx;
	int err = f->err ? f->err : carry__late(f->carry, late);

	if (!err && f->trigger)
		err = trigger__late(f->trigger, late);
	return err ? err : trace_writer__late(f->writer, late);
}

int flight__side(void *flight, const struct cpt_event *ev, size_t cnt)
{
	struct flight *f = flight;
	int err = f->err;

	/* Marks have an order of their own, and no figure of a trigger's depends on them. */
	if (!err)
		err = cnt && ev->type == CPT_EV_MARK ? carry__side(f->carry, ev, cnt)
						     : keep_side(f, ev, cnt);
	return err ? err : trace_writer__side(f->writer, ev, cnt);
}

struct cpt_merge_sink flight__sink(struct flight *f)
{
	return (struct cpt_merge_sink){
		.events = sink_events, .late = sink_late, .side = flight__side, .ctx = f};
}

/* ---- when a part is full ---------------------------------------------------------------------------- */

/* What is in the part, or will be once it is written, with what ends it; and as much again as a drain brought
 * at most, for the next one. */
static uint64_t filled(struct flight *f)
{
	const uint64_t now = trace_writer__bytes(f->writer) + trace_writer__open_bytes(f->writer);
	struct part *p = &f->parts[f->cur];

	if (p->bytes && now > p->bytes && now - p->bytes > f->grown)
		f->grown = now - p->bytes;
	p->bytes = now;
	return now + 2 * f->grown + 4096;
}

static bool is_wanted_by_dump(const struct flight *f, uint32_t number)
{
	return f->child && number >= f->dumping &&
	       number - f->dumping >= __atomic_load_n(&f->state->copied, __ATOMIC_ACQUIRE);
}

static void give_up_dump(struct flight *f)
{
	int status;

	kill(f->child, SIGKILL);
	waitpid(f->child, &status, 0);
	f->child = 0;
	say_error("%s.%" PRIu32 " is not written: what it was to hold was written over meanwhile",
		  f->path, f->dump_cnt);
}

int flight__turn(struct flight *f, uint64_t at_ns)
{
	const struct part *p = &f->parts[f->cur];
	const uint32_t next = (f->cur + 1) % CPT_FLIGHT_PARTS, number = p->number + 1;
	uint64_t bytes;
	int err;

	if (f->err)
		return f->err;
	bytes = filled(f);
	if (at_ns <= p->start_ns ||
	    (bytes < f->part_bytes &&
	     !(f->opts.span_ns && at_ns - p->start_ns >= f->opts.span_ns / (CPT_FLIGHT_PARTS - 1))))
		return 0;
	if (f->parts[next].number && is_wanted_by_dump(f, f->parts[next].number)) {
		if (bytes < f->part_bytes)
			return 0;
		give_up_dump(f);
	}
	err = follow_side(f, at_ns - 1);
	if (!err)
		err = end_part(f, at_ns);
	if (!err)
		err = begin_part(f, next, number, at_ns);
	return f->err = err;
}

/* ---- dumps -------------------------------------------------------------------------------------------- */

/* Index of the part with this number; CPT_FLIGHT_PARTS: it is not there. */
static uint32_t find_part(const struct flight *f, uint32_t number)
{
	for (uint32_t i = 0; i < CPT_FLIGHT_PARTS; i++)
		if (number && f->parts[i].number == number)
			return i;
	return CPT_FLIGHT_PARTS;
}

/* The number of the first part of what is kept at end_ns: older ones are not needed for the span asked for. */
static uint32_t first_part(const struct flight *f, uint64_t end_ns)
{
	uint32_t number = f->parts[f->cur].number, idx;

	while ((idx = find_part(f, number - 1)) < CPT_FLIGHT_PARTS) {
		const struct part *later = &f->parts[find_part(f, number)];

		if (f->opts.span_ns && end_ns - later->start_ns >= f->opts.span_ns)
			break;
		number--;
	}
	return number;
}

static uint64_t less(uint64_t now, uint64_t before)
{
	return now == UINT64_MAX || before == UINT64_MAX ? UINT64_MAX
	       : now > before				 ? now - before
							 : 0;
}

/* Of what was counted until now, that which is of the time since the part began. */
static void since_part(struct cpt_trace_close *now, const struct cpt_trace_close *base)
{
	now->lost_ring = less(now->lost_ring, base->lost_ring);
	for (int i = 0; i < CPT_LOSS_CNT; i++)
		now->lost[i] = less(now->lost[i], base->lost[i]);
	for (int i = 0; i < CPT_STACK_LOSS_CNT; i++)
		now->stacks_lost[i] = less(now->stacks_lost[i], base->stacks_lost[i]);
	for (int i = 0; i < CPT_LOOP_LOSS_CNT; i++)
		now->loops_lost[i] = less(now->loops_lost[i], base->loops_lost[i]);
	now->lost_recursion = less(now->lost_recursion, base->lost_recursion);
	now->mends = less(now->mends, base->mends);
	now->mends_failed = less(now->mends_failed, base->mends_failed);
	now->tracer_cpu_ns = less(now->tracer_cpu_ns, base->tracer_cpu_ns);
	now->steal_ns = less(now->steal_ns, base->steal_ns);
	now->irq_ns = less(now->irq_ns, base->irq_ns);
	now->throttled_ns = less(now->throttled_ns, base->throttled_ns);
	now->quota_periods = less(now->quota_periods, base->quota_periods);
	now->quota_throttled = less(now->quota_throttled, base->quota_throttled);
	now->alive_exec_ns = now->tenants_rest_ns = UINT64_MAX;
	now->tenant_cnt = 0;
}

static void note_copied(void *ctx, uint32_t n)
{
	struct flight *f = ctx;

	__atomic_store_n(&f->state->copied, n, __ATOMIC_RELEASE);
}

/* From the part with this number on, to fd. close: as of now, if the part is not the first of all. */
static int write_from(struct flight *f, int fd, uint32_t number, const struct cpt_trace_close *now)
{
	struct flight_part list[CPT_FLIGHT_PARTS];
	struct cpt_trace_close close = *now;
	const uint32_t last = f->parts[f->cur].number;
	uint32_t cnt = 0;

	if (number > 1)
		since_part(&close, &f->parts[find_part(f, number)].base);
	for (uint32_t n = number; n <= last; n++) {
		const struct part *p = &f->parts[find_part(f, n)];

		list[cnt++] =
			(struct flight_part){.fd = p->file.fd,
					     .end_pos = p == &f->parts[f->cur] && f->writer
								? trace_writer__bytes(f->writer)
								: UINT64_MAX};
	}
	return flight__join(fd, list, cnt, &close, carry__highest(f->carry), &f->calls, note_copied,
			    f);
}

/* In the child: what is there is what was there when it was made. Never returns. */
static void dump_child(struct flight *f, uint32_t first, const struct cpt_trace_close *close)
{
	char *name = name_of(f, "", f->dump_cnt);
	struct output_file out;
	int err;

	(void)setpriority(PRIO_PROCESS, 0, 0);
	if (!name) {
		say_error("cannot write a dump: out of memory; the recording goes on");
		_exit(1);
	}
	if (create_beside(f, &out, name, 0) < 0)
		_exit(1);
	err = write_from(f, out.fd, first, close);
	if (err)
		say_error("cannot write %s: %s; the recording goes on", name, strerror(-err));
	if (!err && output_file__publish(&out, PART_FLAGS) < 0)
		err = -EIO;
	if (err) {
		output_file__discard(&out);
		_exit(1);
	}
	f->state->dev = out.dev;
	f->state->ino = out.ino;
	_exit(0);
}

static int start_dump(struct flight *f, uint64_t at_ns)
{
	const uint32_t first = first_part(f, at_ns);
	struct cpt_trace_close close = {0};
	int err = trace_writer__flush(f->writer);

	if (err)
		return err;
	f->want_ns = 0;
	f->calls.counters(f->calls.ctx, &close);
	close.end_mono_ns = at_ns;
	f->dump_cnt++;
	f->dumping = first;
	memset(f->state, 0, sizeof(*f->state));
	f->child = fork();
	if (!f->child)
		dump_child(f, first, &close);
	if (f->child < 0) {
		f->child = 0;
		say_error("cannot write %s.%" PRIu32 ": %s; the recording goes on", f->path,
			  f->dump_cnt, strerror(errno));
	}
	return 0;
}

/* The oldest give way. */
static void keep_dump(struct flight *f)
{
	if (f->kept_dumps == f->opts.dumps) {
		char *name = name_of(f, "", f->dumps[0].number);

		if (name)
			output_file__unlink(&f->parts[0].file, name, f->dumps[0].dev,
					    f->dumps[0].ino);
		free(name);
		memmove(f->dumps, f->dumps + 1, (f->kept_dumps - 1) * sizeof(*f->dumps));
		f->kept_dumps--;
	}
	f->dumps[f->kept_dumps++] = (struct dump){f->dump_cnt, f->state->dev, f->state->ino};
}

static void reap_dump(struct flight *f, int options)
{
	int status;

	if (!f->child || waitpid(f->child, &status, options) != f->child)
		return;
	f->child = 0;
	if (WIFEXITED(status) && !WEXITSTATUS(status)) {
		say_note("wrote %s.%" PRIu32, f->path, f->dump_cnt);
		keep_dump(f);
	} else if (WIFSIGNALED(status)) {
		say_error("%s.%" PRIu32 " is not written: who wrote it was killed; the recording "
			  "goes on",
			  f->path, f->dump_cnt);
	}
}

void flight__want(struct flight *f, uint64_t now_ns)
{
	if (!f->want_ns)
		f->want_ns = now_ns;
}

int flight__tick(struct flight *f, uint64_t at_ns, uint64_t now_ns)
{
	char line[128];
	int err;

	reap_dump(f, WNOHANG);
	if (f->err)
		return f->err;
	if (f->trigger) {
		err = follow_side(f, at_ns - 1);
		if (!err)
			err = trigger__tick(f->trigger, at_ns);
		if (err)
			return err;
		if (trigger__met(f->trigger, line, sizeof(line))) {
			say_note("%s", line);
			flight__want(f, at_ns);
		}
	}
	if (signalled) {
		signalled = 0;
		flight__want(f, now_ns);
	}
	if (f->want_ns && at_ns >= f->want_ns && !f->child) {
		err = start_dump(f, at_ns);
		if (err)
			return err;
	}
	return trace_writer__tick(f->writer, now_ns);
}

bool flight__is_gone(const struct flight *f)
{
	return output_file__is_gone(&f->parts[f->cur].file);
}

int flight__end(struct flight *f, const struct cpt_trace_close *close)
{
	struct output_file out;
	int err;

	reap_dump(f, 0);
	if (f->writer)
		(void)trace_writer__flush(f->writer);
	if (flight__is_gone(f))
		return -ENOENT;
	err = create_beside(f, &out, f->path, OUTPUT_QUIET);
	if (!err) {
		err = write_from(f, out.fd, first_part(f, close->end_mono_ns), close);
		if (!err)
			err = output_file__publish(&out, PART_FLAGS);
		if (!err)
			f->bytes = (uint64_t)lseek(out.fd, 0, SEEK_END);
		output_file__discard(&out);
	}
	if (f->writer)
		f->switches += trace_writer__switches(f->writer);
	if (err)
		return err;
	remove_parts(f);
	return 0;
}

uint64_t flight__bytes(const struct flight *f)
{
	return f->bytes;
}

uint64_t flight__switches(const struct flight *f)
{
	return f->switches;
}
