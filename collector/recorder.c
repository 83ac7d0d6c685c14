// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "recorder.h"

#include <errno.h>
#include <linux/capability.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "../analysis/merge.h"
#include "../analysis/trace_writer.h"
#include "exit_status.h"
#include "machine.h"
#include "mark_watch.h"
#include "rights.h"
#include "tenants.h"
#include "stack_book.h"
#include "symbols.h"
#include "word_names.h"
#include "words_tee.h"

#define DRAIN_MS     50
#define DRAIN_MIN_MS 10	  /* where so much comes that memory for what is held back matters */
#define DRAIN_CNT    8192 /* records a drain should bring then */
#define DRAIN_RECS   256  /* that stay in the nearest cache while each part has its look at them */
#define HOLD_BACK_NS                                                                               \
	100000000	      /* two drains: a chain that broke unseen is mended at the next look */
#define AFFINITY_NS 100000000 /* how often the masks of tasks that do not switch are read */
#define GRACE_NS    20000000  /* the command is gone by wait(2), but not by our account */

/* The rings hold 0.2 s of the highest rate there is. On a machine with more to run than CPUs, a
 * recorder of ordinary weight comes too late for them. It takes no more CPU time for being early. */
#define RECORDER_NICE -20

struct recorder {
	const struct recorder_opts *opts;
	struct recorder_result *res;
	struct bpf_session *session;
	struct spawn_child child;
	pid_t root_pid;	 /* the command's, or the one process that is attached to; 0: several */
	pid_t quota_pid; /* whose quotas are looked at, 0: nobody's */
	struct trace_writer *writer;
	struct words_tee tee;
	struct cpt_merge *merge;
	struct places *places;
	struct mark_watch *marks;
	struct loop_watch *loops;	       /* NULL: not wanted */
	struct stack_book *book;	       /* NULL: neither stacks nor samples */
	uint64_t *attempts;		       /* per CPU, told to the merge */
	uint64_t drained_ns, drained_cnt;      /* when the last drain began, records it brought */
	uint64_t checked_ns;		       /* when chains were looked at */
	uint64_t complete_ns;		       /* the merge has all that was before */
	uint64_t written_ns;		       /* the writer has */
	int pause_ms;			       /* to the next drain */
	uint64_t begun_ns;		       /* when the workload was let go, or was all found */
	uint64_t steal_ns, irq_ns, own_cpu_ns; /* when recording started */
	struct machine_quota quota;	       /* likewise */
	struct tenants *tenants;	       /* NULL: CPUs without ours are not watched */
	uint64_t affinity_ns;		       /* when masks are to be read again */
	uint64_t reaped_ns;
	uint64_t
		rights; /* to be kept once no probes are to be loaded any more, 0: it has been done */
	struct rights_user behind; /* who is behind sudo */
	bool raised;
	int nice; /* before it was raised to RECORDER_NICE */
};

/* ---- what the trace says about itself ------------------------------------------------------------ */

static uint64_t own_cpu_ns(void)
{
	struct rusage u = {};

	getrusage(RUSAGE_SELF, &u);
	return (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000ULL +
	       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000ULL;
}

static void count(void *ctx, struct cpt_trace_close *close);
static void name_words(void *ctx, struct cpt_words *words);

/* To the trace, or to what keeps the end of it. */
static int begin_trace(struct recorder *r, const struct cpt_trace_meta *meta,
		       struct cpt_merge_sink *sink)
{
	const struct flight_calls calls = {.counters = count, .name = name_words, .ctx = r};
	struct flight *flight = r->opts->flight;

	if (flight) {
		*sink = flight__sink(flight);
		return flight__begin(flight, meta, &calls);
	}
	r->writer = trace_writer__new(r->opts->trace_fd, meta);
	if (!r->writer)
		return -errno;
	*sink = words_tee__sink(&r->tee, r->writer, meta->machine);
	return 0;
}

static int open_trace(struct recorder *r)
{
	struct cpt_trace_meta meta = {};
	struct cpt_cpu_info *cpus;
	struct cpt_merge_sink sink;
	struct utsname u = {};
	int err;

	cpus = machine__cpus(&meta.cpu_info_cnt);
	if (!cpus)
		goto no_memory;
	uname(&u);
	meta.cpartrace_version = r->opts->version;
	meta.hostname = u.nodename;
	meta.kernel = u.release;
	meta.machine = u.machine;
	meta.argv = r->opts->spawn.argv;
	meta.root_tid = (uint32_t)r->root_pid;
	meta.target = r->opts->attach ? attach__name(r->opts->attach) : "";
	if (r->opts->attach)
		meta.flags |= CPT_TRACE_ATTACHED;
	else
		meta.delay_ns = r->opts->delay_ns;
	if (r->opts->wait_all)
		meta.flags |= CPT_TRACE_WAIT_ALL;
	if (r->opts->session.no_occupancy)
		meta.flags |= CPT_TRACE_NO_OCCUPANCY;
	meta.sample_hz = r->opts->session.sample_hz;
	if (r->opts->session.stacks)
		meta.stack_flags |= CPT_TRACE_STACKS_TAKEN;
	machine__clocks(&meta.start_mono_ns, &meta.start_real_ns, &meta.start_boot_ns);
	meta.quota_cpus = r->root_pid ? machine__quota_cpus(r->root_pid) : 0;
	meta.cpu_cnt = bpf_session__cpu_cnt(r->session);
	meta.cpus = cpus;
	r->begun_ns = meta.start_mono_ns;
	err = r->opts->flight ? flight__place(r->opts->flight) : 0;
	if (err) {
		free(cpus);
		return err;
	}
	err = begin_trace(r, &meta, &sink);
	free(cpus);
	if (err) {
		snprintf(r->res->line, sizeof(r->res->line), "cannot write the trace: %s",
			 strerror(-err));
		return err;
	}
	r->merge = merge__new(meta.cpu_cnt, &sink);
	r->attempts = calloc(meta.cpu_cnt, sizeof(*r->attempts));
	r->places = places__new();
	if (meta.sample_hz || meta.stack_flags) {
		r->book = stack_book__new();
		if (!r->book)
			goto no_memory;
	}
	if (r->merge && r->attempts && r->places)
		return 0;
no_memory:
	snprintf(r->res->line, sizeof(r->res->line), "out of memory");
	return -ENOMEM;
}

/* ---- draining -------------------------------------------------------------------------------------- */

/* From the first failure on the trace takes no more, but the command is seen to its end. What was taken
 * is written all the same, unless it is the writing that failed. */
static void note_failure(struct recorder *r, int err, const char *what)
{
	const char *refused = err == -EINVAL && r->merge ? merge__refused(r->merge) : "";

	if (!err || r->res->trace_err)
		return;
	r->res->trace_err = err;
	snprintf(r->res->line, sizeof(r->res->line), "%s: %s; the trace ends there%s", what,
		 *refused ? refused : strerror(-err),
		 r->opts->attach ? "" : ", the command goes on");
}

static int on_life(void *ctx, const void *rec, size_t sz)
{
	struct recorder *r = ctx;
	struct cpt_rec_exit ended;

	if (r->opts->attach && sz >= sizeof(ended) &&
	    ((const struct cpt_rec_head *)rec)->type == CPT_REC_EXIT) {
		memcpy(&ended, rec, sizeof(ended));
		attach__since_found(r->opts->attach, &ended);
		rec = &ended;
	}
	if (!r->res->trace_err)
		note_failure(r, places__life(r->places, rec, sz), "cannot record");
	if (!r->res->trace_err)
		note_failure(r, merge__add_life(r->merge, rec, sz), "cannot record");
	return 0;
}

static int add_records(struct recorder *r, uint32_t cpu, const void *recs, size_t cnt)
{
	if (r->book)
		recs = stack_book__take(r->book, recs, cnt);
	return recs ? merge__add_ring(r->merge, cpu, recs, cnt) : -ENOMEM;
}

static void drain_cpu(struct recorder *r, uint32_t cpu)
{
	/* Not the time at which all of it began: while other CPUs' rings were emptied this one can have been full. And
	 * we can have been without a CPU between any two of these. */
	const uint64_t from_ns = machine__now_ns();
	const uint64_t attempts = bpf_session__attempts(r->session, cpu);
	const uint64_t until_ns = machine__now_ns();
	const void *recs;
	size_t cnt;

	while ((cnt = bpf_session__peek(r->session, cpu, &recs))) {
		if (cnt > DRAIN_RECS)
			cnt = DRAIN_RECS;
		if (!r->res->trace_err)
			note_failure(r, add_records(r, cpu, recs, cnt), "cannot record");
		r->drained_cnt += cnt;
		places__records(r->places, recs, cnt);
		bpf_session__consume(r->session, cpu, cnt);
	}
	if (attempts == r->attempts[cpu])
		return;
	r->attempts[cpu] = attempts;
	if (!r->res->trace_err)
		note_failure(r, merge__add_attempts(r->merge, cpu, attempts, from_ns, until_ns),
			     "cannot record");
}

/* Everything the rings hold, to the merge. Returns when it began: all before that is in. */
static uint64_t drain(struct recorder *r)
{
	uint64_t now = machine__now_ns();

	for (uint32_t cpu = 0; cpu < bpf_session__cpu_cnt(r->session); cpu++)
		drain_cpu(r, cpu);
	note_failure(r, bpf_session__life(r->session, on_life, r),
		     "cannot read the lifecycle ring");
	return now;
}

/* What is held back is kept for 100 ms and until the next drain. At rates at which that is megabytes drains
 * are more frequent, of as many records each. */
static void choose_pause(struct recorder *r, uint64_t now)
{
	const uint64_t took_ms = (now - r->drained_ns) / 1000000;

	r->pause_ms = DRAIN_MS;
	if (r->drained_cnt > DRAIN_CNT)
		r->pause_ms = (int)(took_ms * DRAIN_CNT / r->drained_cnt);
	if (r->pause_ms > DRAIN_MS)
		r->pause_ms = DRAIN_MS;
	if (r->pause_ms < DRAIN_MIN_MS)
		r->pause_ms = DRAIN_MIN_MS;
	r->drained_ns = now;
	r->drained_cnt = 0;
}

/* Probes of event loops were all that was still to be loaded. */
static void forget_loading(struct recorder *r)
{
	if (!r->rights || loop_watch__may_attach(r->loops))
		return;
	(void)rights__keep(r->rights, &r->behind);
	r->rights = 0;
}

static void drain_and_write(struct recorder *r)
{
	uint64_t now = machine__now_ns();

	/* A look at an idle CPU wakes it. */
	if (now - r->checked_ns >= (DRAIN_MS - DRAIN_MIN_MS / 2) * UINT64_C(1000000)) {
		bpf_session__check(r->session, now);
		r->checked_ns = now;
	}
	if (r->opts->attach && !r->res->trace_err) {
		note_failure(r, attach__tick(r->opts->attach, r->session, now),
			     "cannot look at the tasks that run");
		note_failure(r, attach__feed(r->opts->attach, r->merge, r->places),
			     "cannot record");
	}
	now = drain(r);
	choose_pause(r, now);
	if (r->res->trace_err)
		return;
	r->complete_ns = now;
	places__tick(r->places, false);
	if (r->book)
		stack_book__tick(r->book, now);
	if (r->opts->flight)
		note_failure(r, flight__turn(r->opts->flight, r->written_ns),
			     "cannot write the trace");
	if (r->res->trace_err)
		return;
	if (r->loops) {
		note_failure(r, loop_watch__tick(r->loops, now, now - HOLD_BACK_NS),
			     "cannot record event loops");
		forget_loading(r);
	}
	note_failure(r, mark_watch__tick(r->marks, now - HOLD_BACK_NS), "cannot record marks");
	merge__complete(r->merge, now);
	note_failure(r, merge__advance(r->merge, now - HOLD_BACK_NS), "cannot write the trace");
	if (r->res->trace_err)
		return;
	r->written_ns = now - HOLD_BACK_NS;
	note_failure(r,
		     r->opts->flight ? flight__tick(r->opts->flight, r->written_ns, now)
				     : trace_writer__tick(r->writer, now),
		     "cannot write the trace");
}

/* When the recording is to stop, UINT64_MAX: when its workload ends. */
static uint64_t due_ns(const struct recorder *r)
{
	if (!r->opts->duration_ns)
		return UINT64_MAX;
	return r->begun_ns + r->opts->duration_ns + (r->opts->attach ? 0 : r->opts->delay_ns);
}

static bool at_end(struct recorder *r)
{
	uint64_t now = machine__now_ns();
	uint32_t root, all;
	bool reaped;

	if (now >= due_ns(r))
		return true;
	if (r->opts->attach)
		return spawn__interrupted() || r->res->trace_err ||
		       attach__over(r->opts->attach, r->session, now);
	reaped = spawn__reap(&r->child);
	if (reaped && !r->reaped_ns)
		r->reaped_ns = now;
	bpf_session__live(r->session, &root, &all);
	/* Once the command is gone, nobody is left to hand a signal on to: it is for us. */
	if (r->opts->wait_all)
		return reaped && (!all || spawn__interrupted());
	/* A process is only reaped after its last thread; that switch-out is under way at most. */
	return reaped && (!root || now > r->reaped_ns + GRACE_NS);
}

/* Masks of tasks that do not switch. Where there are so many tasks that a look takes long, it is
 * taken less often: never more than a hundredth of a CPU goes into it. */
static void read_affinity(struct recorder *r)
{
	uint64_t start = machine__now_ns(), took, pause = AFFINITY_NS;

	if (start < r->affinity_ns)
		return;
	(void)bpf_session__read_affinity(r->session);
	took = machine__now_ns() - start;
	if (100 * took > pause)
		pause = 100 * took;
	r->affinity_ns = start + pause;
}

/* Up to the next drain, or the end of the recording if that comes before. */
static int next_timeout(const struct recorder *r)
{
	const uint64_t now = machine__now_ns(), due = due_ns(r);

	if (r->child.reaped && !r->opts->wait_all)
		return 1;
	if (due <= now)
		return 0;
	/* Up to the next millisecond: rounded down it would be spent in vain turns. */
	if (due - now < (uint64_t)r->pause_ms * 1000000)
		return (int)((due - now + 999999) / 1000000);
	return r->pause_ms;
}

static void watch(struct recorder *r)
{
	int ret;

	while (!at_end(r)) {
		/* A pidfd stays readable: once the end is known it would only keep us from sleeping. */
		ret = bpf_session__wait(r->session, next_timeout(r),
					r->opts->attach	  ? attach__fd(r->opts->attach)
					: r->child.reaped ? -1
							  : r->child.pidfd);
		if (ret < 0) {
			note_failure(r, ret, "cannot wait for the probes");
			return;
		}
		read_affinity(r);
		drain_and_write(r);
		if (spawn__out_of_time())
			note_failure(r, -ETIME, "cpartrace has used up its CPU time (ulimit -t)");
	}
}

/* What the numbers of stacks in the trace stand for, into it. */
static int write_stacks(struct recorder *r)
{
	struct cpt_stacks *stacks;
	int err;

	stack_book__tick(r->book, machine__now_ns());
	stacks = stack_book__name(r->book, r->session);
	if (!stacks)
		return -ENOMEM;
	err = trace_writer__stacks(r->writer, stacks);
	stacks__free(stacks);
	return err;
}

/* What the words are called decides what some of them are (the reason of an interpreter's lock). Names
 * that cannot be had are no failure of the recording. */
static void name_words(void *ctx, struct cpt_words *words)
{
	struct recorder *r = ctx;
	struct symbols *symbols = words ? symbols__new() : NULL;

	if (symbols)
		(void)word_names__set(words, r->places, symbols);
	symbols__free(symbols);
}

/* A counter that only grows, or is not known. */
static uint64_t since(uint64_t before, uint64_t now)
{
	return before == UINT64_MAX || now == UINT64_MAX ? UINT64_MAX : now - before;
}

/* The recording failed before its end: sums over all of the run are not of what the trace holds. */
static void forget_sums(struct cpt_trace_close *close, int err)
{
	close->failure = (uint32_t)-err;
	close->steal_ns = close->irq_ns = close->throttled_ns = UINT64_MAX;
	close->quota_periods = close->quota_throttled = UINT64_MAX;
	close->tenants_rest_ns = UINT64_MAX;
	close->tenant_cnt = 0;
}

static struct machine_quota read_quota(const struct recorder *r)
{
	return r->quota_pid ? machine__quota(r->quota_pid)
			    : (struct machine_quota){UINT64_MAX, UINT64_MAX, UINT64_MAX};
}

/* What is counted all the time, as it stands. */
static void count(void *ctx, struct cpt_trace_close *close)
{
	struct recorder *r = ctx;
	const struct machine_quota quota = read_quota(r);
	struct bpf_session_counters counters;

	bpf_session__counters(r->session, &counters);
	*close = (struct cpt_trace_close){
		.lost_ring = counters.lost_ring,
		.lost_recursion = counters.lost_recursion,
		.mends = counters.mends,
		.mends_failed = counters.mends_failed,
		.tracer_cpu_ns = own_cpu_ns() - r->own_cpu_ns,
		.alive_exec_ns = UINT64_MAX,
		.tenants_rest_ns = UINT64_MAX,
		.steal_ns = since(r->steal_ns, machine__steal_ns()),
		.irq_ns = since(r->irq_ns, machine__irq_ns()),
		.throttled_ns = since(r->quota.throttled_ns, quota.throttled_ns),
		.quota_periods = since(r->quota.periods, quota.periods),
		.quota_throttled = since(r->quota.throttled_periods, quota.throttled_periods),
	};
	memcpy(close->lost, counters.lost, sizeof(close->lost));
	memcpy(close->stacks_lost, counters.stacks_lost, sizeof(close->stacks_lost));
	if (r->loops)
		close->loops_state = loop_watch__state(r->loops, close->loops_lost);
}

static void close_trace(struct recorder *r)
{
	struct cpt_trace_close *close = &r->res->close;
	const bool goes_on = !r->child.reaped;
	uint64_t end = machine__now_ns(), alive_ns = UINT64_MAX;
	uint64_t marks_lost[CPT_MARK_LOSS_CNT] = {0};

	if (r->opts->attach)
		alive_ns = attach__alive_exec_ns(r->opts->attach, r->session);

	if (r->tenants)
		(void)bpf_session__read_tenants(r->session, tenants__last, r->tenants);
	mark_watch__leave(r->marks);
	bpf_session__finish(r->session);
	/* Of what goes on, one probe has left and the other not: what they say from here on is not whole. */
	if (!goes_on)
		end = machine__now_ns();
	drain(r);
	places__tick(r->places, true);
	if (r->opts->flight && !r->res->trace_err)
		note_failure(r, flight__turn(r->opts->flight, r->written_ns),
			     "cannot write the trace");
	if (!r->res->trace_err)
		note_failure(r, mark_watch__finish(r->marks, marks_lost), "cannot record marks");
	if (r->loops && !r->res->trace_err)
		note_failure(r, loop_watch__finish(r->loops, machine__now_ns()),
			     "cannot record event loops");
	if (!r->res->trace_err)
		note_failure(r, merge__finish(r->merge), "cannot write the trace");
	else if (!merge__advance(r->merge,
				 r->complete_ns)) /* of what is held back, where all is there */
		r->written_ns = r->complete_ns;
	if (r->book && r->writer && !trace_writer__err(r->writer))
		note_failure(r, write_stacks(r), "cannot write the stacks");
	if (r->loops && r->writer && !r->res->trace_err)
		note_failure(r, loop_watch__write_rows(r->loops), "cannot write the trace");
	if (r->loops && loop_watch__failure(r->loops))
		snprintf(r->res->loops_line, sizeof(r->res->loops_line), "%s",
			 loop_watch__failure(r->loops));
	count(r, close);
	close->end_mono_ns = r->res->trace_err ? r->written_ns : end;
	close->alive_exec_ns = alive_ns;
	if (r->tenants)
		tenants__finish(r->tenants, getpid(), close);
	memcpy(close->marks_lost, marks_lost, sizeof(close->marks_lost));
	if (r->child.reaped && WIFEXITED(r->child.status)) {
		close->exit_kind = CPT_EXIT_CODE;
		close->exit_value = WEXITSTATUS(r->child.status);
	} else if (r->child.reaped && WIFSIGNALED(r->child.status)) {
		close->exit_kind = CPT_EXIT_SIGNAL;
		close->exit_value = WTERMSIG(r->child.status);
	}
	if (r->res->trace_err)
		forget_sums(close, r->res->trace_err);
	if (r->opts->flight) {
		r->res->flight_err = flight__end(r->opts->flight, close);
		return;
	}
	if (trace_writer__err(r->writer))
		return;
	name_words(r, r->tee.words);
	note_failure(r, words_tee__write(&r->tee), "cannot write the trace");
	note_failure(r, trace_writer__close(r->writer, close), "cannot close the trace");
}

static void take_result(struct recorder *r)
{
	struct bpf_session_counters counters;

	bpf_session__counters(r->session, &counters);
	places__stats(r->places, &r->res->places);
	r->res->located_lost = merge__lost(r->merge);
	r->res->trace_bytes =
		r->opts->flight ? flight__bytes(r->opts->flight) : trace_writer__bytes(r->writer);
	r->res->switches = r->opts->flight ? flight__switches(r->opts->flight)
					   : trace_writer__switches(r->writer);
	r->res->tasks = counters.tasks;
}

static int workload_status(const struct spawn_child *child)
{
	return WIFSIGNALED(child->status) ? CPT_STATUS_SIGNAL + WTERMSIG(child->status)
					  : WEXITSTATUS(child->status);
}

/* Only once the command is forked, for it would inherit it; without the right to, things stay. */
static void come_first(struct recorder *r)
{
	errno = 0;
	r->nice = getpriority(PRIO_PROCESS, 0);
	r->raised = !errno && !setpriority(PRIO_PROCESS, 0, RECORDER_NICE);
}

/* What is counted from here on, and at the end compared with. */
static void take_start(struct recorder *r)
{
	r->steal_ns = machine__steal_ns();
	r->irq_ns = machine__irq_ns();
	r->quota = read_quota(r);
	if (!r->opts->session.no_occupancy) {
		r->tenants = tenants__new();
		if (r->tenants)
			(void)bpf_session__read_tenants(r->session, tenants__first, r->tenants);
	}
	r->own_cpu_ns = own_cpu_ns();
}

static int load(struct recorder *r)
{
	struct bpf_session_opts opts = r->opts->session;

	opts.endless = r->opts->flight != NULL;
	come_first(r);
	r->session = bpf_session__open(&opts, r->res->line, CPT_RECORDER_LINE);
	return r->session ? 0 : -errno;
}

static int watch_loops(struct recorder *r)
{
	if (r->opts->loops == LOOPS_OFF)
		return 0;
	r->loops = loop_watch__new(r->opts->loops, r->opts->attach != NULL, r->session, r->writer,
				   r->res->line, CPT_RECORDER_LINE);
	if (r->loops && r->opts->flight)
		loop_watch__divert(r->loops, flight__side, r->opts->flight);
	return r->loops ? 0 : -errno;
}

/* What programs' marks cannot be had is said, and the recording goes on; but for a file that was asked for. */
static int watch_marks(struct recorder *r)
{
	const struct mark_watch_opts opts = {
		.program = r->opts->spawn.argv ? r->opts->spawn.argv[0] : NULL,
		.as = &r->child.as,
		.pids = r->opts->attach ? attach__pids(r->opts->attach)->list : NULL,
		.pid_cnt = r->opts->attach ? attach__pids(r->opts->attach)->cnt : 0,
		.files = r->opts->marks,
	};

	r->marks = mark_watch__new(&opts, r->session, r->writer, r->res->marks_line,
				   CPT_RECORDER_LINE);
	if (!r->marks) {
		const int err = -errno;

		snprintf(r->res->line, CPT_RECORDER_LINE, "%s", r->res->marks_line);
		return err;
	}
	if (r->opts->flight)
		mark_watch__divert(r->marks, flight__side, r->opts->flight);
	return 0;
}

static int interrupted(struct recorder *r, const char *what)
{
	if (!spawn__interrupted())
		return 0;
	snprintf(r->res->line, CPT_RECORDER_LINE, "interrupted before %s", what);
	return -EINTR;
}

/* Up to the release every failure is ours, and nothing has run yet. */
static int prepare(struct recorder *r)
{
	char *line = r->res->line;
	int ret;

	/* First: loading takes CPU time, and on a busy machine it would wait for each slice of it. */
	ret = spawn__start(&r->child, &r->opts->spawn, line, CPT_RECORDER_LINE);
	if (ret)
		return ret;
	r->root_pid = r->child.pid;
	/* The command inherits our cgroup; its own is gone with it. */
	r->quota_pid = getpid();
	ret = load(r);
	if (!ret)
		ret = open_trace(r);
	if (!ret)
		ret = bpf_session__attach(r->session, line, CPT_RECORDER_LINE);
	if (!ret)
		ret = bpf_session__seed(r->session, r->child.pidfd, line, CPT_RECORDER_LINE);
	if (!ret)
		ret = watch_loops(r);
	if (!ret)
		ret = watch_marks(r);
	if (!ret)
		ret = interrupted(r, "the command was started");
	if (!ret)
		take_start(r);
	return ret;
}

/* A signal cuts it short. */
static void sleep_until(uint64_t ns)
{
	const struct timespec until = {.tv_sec = (time_t)(ns / 1000000000),
				       .tv_nsec = (long)(ns % 1000000000)};

	while (!spawn__interrupted() &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* What was found, as the trace's beginning. */
static int feed(struct recorder *r)
{
	const int err = attach__feed(r->opts->attach, r->merge, r->places);

	if (err)
		snprintf(r->res->line, CPT_RECORDER_LINE, "cannot record what runs: %s",
			 strerror(-err));
	return err;
}

static int prepare_attach(struct recorder *r)
{
	char *line = r->res->line;
	uint64_t begun = machine__now_ns();
	int ret;

	r->root_pid = r->quota_pid = attach__pid(r->opts->attach);
	ret = load(r);
	if (ret)
		return ret;
	sleep_until(begun + r->opts->delay_ns);
	ret = interrupted(r, "the recording began");
	if (!ret)
		ret = bpf_session__attach(r->session, line, CPT_RECORDER_LINE);
	if (!ret)
		ret = attach__find(r->opts->attach, r->session, line, CPT_RECORDER_LINE);
	/* The window opens with the trace: all that runs has been found. */
	if (!ret)
		ret = open_trace(r);
	if (!ret)
		ret = feed(r);
	/* It is recorded since the probes were attached, and what comes now takes longer than rings hold. */
	if (!ret)
		drain(r);
	if (!ret)
		ret = watch_loops(r);
	if (!ret)
		drain(r);
	if (!ret)
		ret = watch_marks(r);
	if (!ret)
		drain(r);
	if (!ret)
		take_start(r);
	return ret;
}

static int status_of_attach(int err)
{
	return err == -EPERM || err == -EACCES || err == -EOPNOTSUPP || err == -ENOTSUP
		       ? CPT_STATUS_UNSUPPORTED
		       : CPT_STATUS_FAILED;
}

/* What loads and attaches probes: until the event loops' are, or are known not to be needed. */
#define RIGHTS_PROBES (RIGHT(CAP_BPF) | RIGHT(CAP_PERFMON))

/*
 * The probes are attached, nothing of the workload has run: from here on the process has, of what it had,
 *
 *   SYS_PTRACE, DAC_READ_SEARCH, CHECKPOINT_RESTORE   to read where addresses of others' processes lie, and
 *                                                     which files are mapped there
 *   KILL                                              to hand signals on to a command of another user
 *   BPF, PERFMON                                      until the probes of event loops are attached
 *   SYSLOG                                            with stacks: to read the addresses of the kernel's symbols
 *
 * and what the directories of its files ask for (output_file__rights). Without SYS_PTRACE the kernel shows
 * a process only those that may do no more than it does itself, its own command among them: then all stay.
 */
static int give_up_rights(struct recorder *r)
{
	const struct recorder_opts *o = r->opts;
	uint64_t kept = RIGHT(CAP_SYS_PTRACE) | RIGHT(CAP_DAC_READ_SEARCH) |
			RIGHT(CAP_CHECKPOINT_RESTORE) | o->rights;
	int err;

	if (o->rights == RIGHTS_ALL || !(rights__effective() & RIGHT(CAP_SYS_PTRACE)))
		return 0;
	if (!o->attach)
		kept |= RIGHT(CAP_KILL);
	if (r->book)
		kept |= RIGHT(CAP_SYSLOG);
	r->rights = kept;
	if (r->loops && loop_watch__may_attach(r->loops))
		kept |= RIGHTS_PROBES;
	if (!rights__bpf_needs_none())
		r->rights = kept |= RIGHT(CAP_BPF);
	err = rights__keep(kept, &r->behind);
	if (err)
		snprintf(r->res->line, CPT_RECORDER_LINE,
			 "cannot give up the rights that are not needed any more: %s",
			 strerror(-err));
	return err;
}

/* Up to where there is something to record. */
static int start(struct recorder *r)
{
	struct recorder_result *res = r->res;
	int ret = rights__user(&r->behind);

	if (ret)
		snprintf(res->line, sizeof(res->line), "out of memory");
	else
		ret = r->opts->attach ? prepare_attach(r) : prepare(r);
	if (!ret)
		ret = give_up_rights(r);
	if (ret) {
		res->status = r->opts->attach ? status_of_attach(ret) : CPT_STATUS_TRACER;
		return ret;
	}
	if (!r->opts->attach) {
		ret = spawn__release(&r->child, &r->opts->spawn, res->line, sizeof(res->line));
		if (ret) {
			res->status = spawn__status_of(ret);
			return ret;
		}
	}
	if (!r->opts->attach)
		r->begun_ns = machine__now_ns();
	res->released = true;
	if (r->opts->released)
		r->opts->released(r->opts->released_ctx);
	return 0;
}

int recorder__status(struct recorder_result *res)
{
	if (res->child.pid) {
		spawn__wait(&res->child);
		res->status = workload_status(&res->child);
		spawn__close(&res->child);
		res->child.pid = 0;
	}
	return res->status;
}

int recorder__run(const struct recorder_opts *opts, struct recorder_result *res)
{
	struct recorder r = {
		.opts = opts,
		.res = res,
		.child = {.pidfd = -1, .gate_fd = -1, .error_fd = -1},
		.pause_ms = DRAIN_MS,
	};
	int ret;

	/* The merge's tables double as they grow. With a mapping of its own each is moved by the kernel
	 * without a copy; on the heap, where the C library would put them from the second time on, they
	 * leave holes as large as they are. */
	(void)mallopt(M_MMAP_THRESHOLD, 256 * 1024);
	memset(res, 0, sizeof(*res));
	res->of_command = !opts->attach;
	ret = start(&r);
	if (ret)
		goto out;
	watch(&r);
	close_trace(&r);
	take_result(&r);
	res->status = CPT_STATUS_OK;
	if (!opts->attach && r.child.reaped) {
		res->status = workload_status(&r.child);
	} else if (!opts->attach) {
		res->child = r.child;
		r.child = (struct spawn_child){.pidfd = -1, .gate_fd = -1, .error_fd = -1};
	}
out:
	if (r.raised)
		(void)setpriority(PRIO_PROCESS, 0, r.nice);
	mark_watch__free(r.marks);
	loop_watch__free(r.loops);
	bpf_session__free(r.session);
	merge__free(r.merge);
	places__free(r.places);
	words_tee__free(&r.tee);
	trace_writer__free(r.writer);
	free(r.attempts);
	tenants__free(r.tenants);
	stack_book__free(r.book);
	rights__user_free(&r.behind);
	spawn__close(&r.child);
	return ret;
}
