// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* stat_run.c - see stat_run.h. */
#include "stat_run.h"

#include <errno.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exit_status.h"
#include "machine.h"
#include "rights.h"
#include "say.h"
#include "spawn.h"
#include "stat_output.h"
#include "stat_session.h"

#define LOOK_MS	      100
#define PROCESSES_MAX 4096
#define LOOK_NS	      1000000000 /* processes: how often it is seen whether any is left */
#define START_TRIES   10
#define START_NS      2000000  /* a start that took longer was interrupted, and is made again */
#define STAT_NICE     (-20)    /* a look that waits for a CPU is late, and an interval too long */
#define GRACE_NS      20000000 /* the command is gone by wait(2), but not by our account */

struct stat_run {
	const struct stat_opts *o;
	struct stat_target target;
	struct spawn_opts spawn;
	struct spawn_child child;
	struct stat_session *session;
	struct stat_procs *procs;
	struct stat_output out;
	int pidfds[CPT_TARGET_PIDS_MAX];
	uint32_t pidfd_cnt;
	int group_fd;
	struct rights_user behind; /* who is behind sudo */
	struct stat_sample start, before, now;
	struct stat_facts facts;
	uint64_t wait_max_ns; /* of all intervals */
	uint64_t window_ns;   /* of the intervals printed */
	uint64_t released_ns, begun_ns, due_ns, looked_ns, reaped_ns;
	uint64_t ended_ns; /* it is not watched any longer */
	int failure;	   /* the first one after the start */
	char line[320];
};

/* ---- samples --------------------------------------------------------------------------------- */

static void on_ended(void *ctx, const struct cpt_stat_rec *rec)
{
	stat_procs__ended(ctx, rec);
}

static void on_living(void *ctx, const struct cpt_stat_rec *rec)
{
	stat_procs__living(ctx, rec);
}

/* It has been said. */
static void note(struct stat_run *r, int err)
{
	if (err >= 0 || r->failure)
		return;
	r->failure = r->out.said = err;
}

static void drain(struct stat_run *r)
{
	int err = stat_session__deaths(r->session, on_ended, r->procs);

	if (err < 0 && !r->failure)
		note(r, fail(err, "cannot read the last words of tasks: %s", strerror(-err)));
}

static void look(struct stat_run *r)
{
	int err;

	/* In this order a task that ends meanwhile is missing once; in the other it would count twice. */
	drain(r);
	stat_procs__begin(r->procs);
	err = stat_session__tasks(r->session, on_living, r->procs);
	stat_procs__end(r->procs);
	if (err < 0 && !r->failure)
		note(r, fail(err, "cannot read what tasks have used: %s", strerror(-err)));
	r->looked_ns = machine__now_ns();
}

static void take_sample(struct stat_run *r)
{
	look(r);
	stat_session__sample(r->session, &r->now);
	if (r->now.wait_max_ns > r->wait_max_ns)
		r->wait_max_ns = r->now.wait_max_ns;
}

/* ---- printing -------------------------------------------------------------------------------- */

static int64_t unix_ns(void)
{
	struct timespec ts = {};

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * INT64_C(1000000000) + ts.tv_nsec;
}

static void add_exit(struct stat_run *r)
{
	struct stat_facts *f = &r->facts;

	f->ended = r->target.argv && r->child.reaped;
	if (!f->ended)
		return;
	f->exit_code = WIFSIGNALED(r->child.status) ? -1 : WEXITSTATUS(r->child.status);
	f->exit_signal = WIFSIGNALED(r->child.status) ? WTERMSIG(r->child.status) : 0;
}

/* How much later than by the account the command may have ended, if tasks of it were not seen. Its process is reaped
 * after its last thread; nothing tells when the last of its tree has gone. */
static uint64_t longer_ns(const struct stat_run *r)
{
	const uint64_t shut_ns = stat_session__shut_ns(r->session);

	if (r->now.lost_recursion)
		return r->ended_ns - r->released_ns; /* nor when it began */
	if (!shut_ns || shut_ns >= r->ended_ns)
		return 0;
	return r->o->wait_all ? UINT64_MAX : r->ended_ns - shut_ns;
}

/* Of the facts, an interval's or the total's. */
static void bound_facts(struct stat_run *r)
{
	struct stat_facts *f = &r->facts;
	const struct stat_lost lost = {
		.marked = stat_target__is_marked(&r->target),
		.command = r->target.argv,
		.tasks = r->now.lost_storage,
		.recursion = r->now.lost_recursion,
		.impossible = r->now.bad_degree,
		.longer_ns = r->ended_ns && f->total ? longer_ns(r) : 0,
		.cpus = f->cpus_online > r->now.cpus_seen ? f->cpus_online : r->now.cpus_seen,
	};

	stat_bounds__find(&f->bounds, &f->sum, &lost);
}

/* Fills the facts from the last sample. */
static int fill_facts(struct stat_run *r, bool total)
{
	struct stat_facts *f = &r->facts;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	int err;

	memset(f, 0, sizeof(*f));
	f->target = &r->target;
	f->total = total;
	f->at_unix_ns = unix_ns();
	f->cpus_online = online > 0 ? (uint32_t)online : stat_session__cpu_cnt(r->session);
	f->waits_known = stat_session__waits_known(r->session);
	stat_sample__diff(&f->sum, &r->now, total ? &r->start : &r->before);
	f->sum.wait_max_ns = total ? r->wait_max_ns : r->now.wait_max_ns;
	f->start_ns = total ? 0 : r->window_ns;
	f->until_ns = f->start_ns + stat_sample__settle(&f->sum);
	bound_facts(r);
	err = stat_procs__rows(r->procs, total, r->o->top, &f->rows);
	if (err)
		return fail(err, "cannot print: out of memory");
	/* Tasks whose last words were lost are in no row. */
	f->rows.run_ns += f->sum.lost_run_ns;
	f->rows.wait_ns += f->sum.lost_wait_ns;
	f->rows.others.run_ns += f->sum.lost_run_ns;
	f->rows.others.wait_ns += f->sum.lost_wait_ns;
	f->rows.others.processes += f->sum.lost_deaths && !f->rows.others.processes;
	if (total)
		add_exit(r);
	return 0;
}

static void print(struct stat_run *r, bool total)
{
	int err = fill_facts(r, total);

	if (!err)
		err = stat_output__print(&r->out, &r->facts);
	note(r, err);
	if (total && !err)
		note(r, stat_output__metrics(&r->out, &r->facts, true));
	if (total)
		note(r, stat_output__end(&r->out));
	free(r->facts.rows.rows);
	r->facts.rows.rows = NULL;
}

static void print_interval(struct stat_run *r)
{
	int err = 0;

	print(r, false);
	r->window_ns = r->facts.until_ns;
	r->before = r->now;
	stat_procs__mark(r->procs, false);
	if (!r->o->openmetrics)
		return;
	err = fill_facts(r, true);
	if (!err)
		err = stat_output__metrics(&r->out, &r->facts, false);
	note(r, err);
	free(r->facts.rows.rows);
	r->facts.rows.rows = NULL;
}

/* ---- start ----------------------------------------------------------------------------------- */

static int open_targets(struct stat_run *r)
{
	int err = 0;

	if (r->target.argv) {
		err = spawn__start(&r->child, &r->spawn, r->line, sizeof(r->line));
		if (err)
			say_error("%s", r->line);
	} else if (r->o->targets.pids.cnt) {
		err = targets__open_pids(&r->o->targets.pids, r->pidfds);
		r->pidfd_cnt = err ? 0 : r->o->targets.pids.cnt;
	} else if (r->o->targets.cgroup) {
		r->group_fd = targets__open_cgroup(r->o->targets.cgroup, false);
		err = r->group_fd < 0 ? r->group_fd : 0;
	}
	return err;
}

/* Of several processes some may have ended while the probes were loaded. */
static int mark_pids(struct stat_run *r)
{
	bool gone[CPT_TARGET_PIDS_MAX];
	int err = stat_session__seed_pids(r->session, r->pidfds, r->pidfd_cnt, gone, r->line,
					  sizeof(r->line));

	for (uint32_t i = 0; !err && i < r->pidfd_cnt; i++)
		if (gone[i])
			say_note("process %" PRIu32
				 " ended before it could be counted; the others are counted",
				 r->o->targets.pids.list[i]);
	return err;
}

static int mark_targets(struct stat_run *r)
{
	char *line = r->line;
	size_t sz = sizeof(r->line);

	if (r->target.argv)
		return stat_session__seed(r->session, r->child.pidfd, line, sz);
	if (r->pidfd_cnt)
		return mark_pids(r);
	if (r->group_fd >= 0)
		return stat_session__seed_group(r->session, r->group_fd, line, sz);
	return stat_session__seed_all(r->session, line, sz);
}

static int load(struct stat_run *r)
{
	struct stat_session_opts opts = {
		.mode = r->o->targets.all_cpus ? CPT_STAT_ALL
			: r->o->targets.cgroup ? CPT_STAT_CGROUP
					       : CPT_STAT_TREE,
		.command = r->target.argv,
		.wait_all = r->o->wait_all,
		.verbose = r->o->verbose,
	};

	r->session = stat_session__open(&opts, r->line, sizeof(r->line));
	return r->session ? 0 : -errno;
}

/* What is read from here on is the probes' own: only a command of another user may need a right, to be handed a
 * signal, and the directories of the files. */
static int give_up_rights(const struct stat_run *r)
{
	uint64_t kept = r->out.rights;
	int err;

	if (r->target.argv)
		kept |= RIGHT(CAP_KILL);
	if (!rights__bpf_needs_none())
		kept |= RIGHT(CAP_BPF);
	err = rights__keep(kept, &r->behind);
	return err ? fail(err, "cannot give up the rights that are not needed any more: %s",
			  strerror(-err))
		   : 0;
}

/* Up to here nothing runs, and nothing is printed. */
static int prepare(struct stat_run *r)
{
	int err;

	/* What the user has named first: whether that exists does not depend on privileges. */
	err = open_targets(r);
	if (err)
		return err;
	/* Before the probes are attached: it may take its time who the user behind sudo is. */
	err = rights__user(&r->behind);
	if (err)
		return fail(err, "out of memory");
	err = stat_output__open(&r->out, r->o, r->target.argv);
	if (err)
		return err;
	/* After the command's process was made: it does not inherit this. */
	(void)setpriority(PRIO_PROCESS, 0, STAT_NICE);
	err = load(r);
	if (!err)
		err = stat_session__attach(r->session, r->line, sizeof(r->line));
	if (!err)
		err = mark_targets(r);
	if (err)
		return fail(err, "%s", r->line);
	if (spawn__interrupted())
		return fail(-EINTR, "interrupted before the start");
	r->procs = stat_procs__new(PROCESSES_MAX);
	if (!r->procs)
		return fail(-ENOMEM, "out of memory");
	return give_up_rights(r);
}

/* Tasks and the profile are read one after the other; what lies between them is no one's. */
static void start_from_here(struct stat_run *r)
{
	for (int i = 0; i < START_TRIES; i++) {
		uint64_t begun = machine__now_ns();

		take_sample(r);
		stat_procs__mark(r->procs, true);
		if (machine__now_ns() - begun < START_NS)
			break;
	}
}

/* Lets the command go, or opens the account of what runs already. Returns the exit status for when
 * that fails, 0 if it does not. */
static int begin(struct stat_run *r)
{
	int err;

	r->start.profile_cnt = stat_session__cpu_cnt(r->session) + 1;
	if (r->target.argv) {
		r->released_ns = machine__now_ns();
		err = spawn__release(&r->child, &r->spawn, r->line, sizeof(r->line));
		if (err) {
			say_error("%s", r->line);
			return spawn__status_of(err);
		}
	} else {
		err = stat_session__begin(r->session, r->line, sizeof(r->line));
		if (err) {
			say_error("%s", r->line);
			return CPT_STATUS_FAILED;
		}
		/* What was there before does not count. */
		start_from_here(r);
		r->start = r->now;
		r->wait_max_ns = 0;
		/* But who could not be marked is missing from here on. */
		r->start.lost_storage = r->start.lost_recursion = r->start.bad_degree = 0;
	}
	r->before = r->start;
	r->begun_ns = machine__now_ns();
	if (r->o->interval_ms)
		r->due_ns = r->begun_ns + r->o->interval_ms * UINT64_C(1000000);
	note(r, stat_output__start(&r->out));
	return 0;
}

/* ---- watching ---------------------------------------------------------------------------------- */

static bool command_at_end(struct stat_run *r, uint64_t now)
{
	uint32_t root, all;

	if (spawn__reap(&r->child) && !r->reaped_ns)
		r->reaped_ns = now;
	stat_session__live(r->session, &root, &all);
	/* Once the command is gone, nobody is left to hand a signal on to: it is for us. */
	if (r->o->wait_all)
		return r->child.reaped && (!all || spawn__interrupted());
	/* A process is only reaped after its last thread; that switch-out is under way at most. */
	return r->child.reaped && (!root || now > r->reaped_ns + GRACE_NS);
}

static bool at_end(struct stat_run *r)
{
	uint64_t now = machine__now_ns();
	uint32_t root, all;

	if (r->o->duration_ns && now - r->begun_ns >= r->o->duration_ns)
		return true;
	if (r->target.argv)
		return command_at_end(r, now);
	/* Who cannot print any more would watch for nobody. */
	if (spawn__interrupted() || r->failure)
		return true;
	if (!r->pidfd_cnt)
		return false;
	stat_session__live(r->session, &root, &all);
	if (!all)
		return true;
	if (now - r->looked_ns < LOOK_NS)
		return false;
	/* One that ended while it was marked is still counted: is anybody there at all? */
	look(r);
	return !stat_procs__living_cnt(r->procs);
}

static int next_timeout(const struct stat_run *r)
{
	uint64_t now = machine__now_ns(), until = now + LOOK_MS * UINT64_C(1000000);

	if (r->due_ns && r->due_ns < until)
		until = r->due_ns;
	if (r->o->duration_ns && r->begun_ns + r->o->duration_ns < until)
		until = r->begun_ns + r->o->duration_ns;
	/* Up to the next millisecond: rounded down it would be spent in vain turns. */
	return until > now ? (int)((until - now + 999999) / 1000000) : 0;
}

static void watch(struct stat_run *r)
{
	bool ending;
	int err;

	while (!at_end(r)) {
		ending = r->child.reaped && !r->o->wait_all;
		err = stat_session__wait(r->session, ending ? 1 : next_timeout(r),
					 r->child.reaped ? -1 : r->child.pidfd);
		if (err < 0) {
			note(r, fail(err, "cannot wait for the probes: %s", strerror(-err)));
			return;
		}
		if (spawn__out_of_time() && !r->failure)
			note(r, fail(-ETIME, "cpartrace has used up its CPU time (ulimit -t)"));
		stat_session__check(r->session);
		drain(r);
		if (!r->due_ns || machine__now_ns() < r->due_ns || at_end(r))
			continue;
		take_sample(r);
		print_interval(r);
		while (r->due_ns <= machine__now_ns())
			r->due_ns += r->o->interval_ms * UINT64_C(1000000);
	}
}

static void finish(struct stat_run *r)
{
	int err;

	r->ended_ns = machine__now_ns();
	err = stat_session__shut(r->session);
	if (err)
		note(r, fail(err, "cannot end the account: %s", strerror(-err)));
	take_sample(r);
	drain(r);
	stat_procs__end(r->procs);
	stat_session__end(r->session);
	if (r->o->interval_ms) {
		struct stat_sample rest;

		stat_sample__diff(&rest, &r->now, &r->before);
		if (stat_sample__window_ns(&rest))
			print_interval(r);
	}
	print(r, true);
}

static int status_of_start(const struct stat_run *r, int err)
{
	if (r->target.argv)
		return CPT_STATUS_TRACER;
	return err == -EPERM || err == -EACCES || err == -EOPNOTSUPP ? CPT_STATUS_UNSUPPORTED
								     : CPT_STATUS_FAILED;
}

static int run_all(struct stat_run *r)
{
	int err = prepare(r), status;

	if (err)
		return status_of_start(r, err);
	status = begin(r);
	if (status)
		return status;
	watch(r);
	finish(r);
	if (!r->target.argv)
		return r->failure ? CPT_STATUS_FAILED : CPT_STATUS_OK;
	if (!r->child.reaped)
		spawn__wait(&r->child);
	return WIFSIGNALED(r->child.status) ? CPT_STATUS_SIGNAL + WTERMSIG(r->child.status)
					    : WEXITSTATUS(r->child.status);
}

int stat_run(const struct stat_opts *o, char *const *argv)
{
	struct stat_run *r = calloc(1, sizeof(*r)); /* samples are large */
	int status;

	if (!r)
		return fail(argv ? CPT_STATUS_TRACER : CPT_STATUS_FAILED, "out of memory");
	r->o = o;
	r->spawn = (struct spawn_opts){.argv = argv, .user = o->user};
	r->target = (struct stat_target){.argv = argv,
					 .pids = o->targets.pids.list,
					 .pid_cnt = o->targets.pids.cnt,
					 .cgroup = o->targets.cgroup};
	r->child = (struct spawn_child){.pidfd = -1, .gate_fd = -1, .error_fd = -1};
	r->group_fd = -1;
	r->out.file = OUTPUT_FILE_NONE;
	r->out.metrics_dir = -1;
	say__level(o->verbose ? 2 : o->quiet ? 0 : 1);
	spawn__signals();
	status = run_all(r);
	stat_session__free(r->session);
	stat_procs__free(r->procs);
	stat_output__close(&r->out);
	rights__user_free(&r->behind);
	spawn__close(&r->child);
	for (uint32_t i = 0; i < r->pidfd_cnt; i++)
		close(r->pidfds[i]);
	if (r->group_fd >= 0)
		close(r->group_fd);
	free(r);
	return status;
}
