// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "stat_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_common.h"
#include "features.h"
#include "stat.skel.h"
#include "wake.h"

#define IDLE_CHECKS 4	    /* idle CPUs looked at per round: each look wakes one */
#define STILL_NS    5000000 /* a CPU with a change this fresh has just had its chain checked */
#define SHUT_TRIES  1000
#define SEED_ROUNDS 16
#define LATELY_NS   90000000 /* between two looks at the profile for the sake of mends */
#define DRIFT_NS    90000000 /* between two measurements of how the clocks drift apart */

struct stat_session {
	struct stat_probes *skel;
	struct ring_buffer *deaths;
	struct bpf_link *group_link; /* keeps the cgroup from going away */
	const struct cpt_stat_cell *cells;
	const int64_t *profile;
	size_t cells_sz, profile_sz;
	uint32_t cpu_cnt, stride;
	int wake_fd;	    /* see wake.h, -1 none */
	uint32_t next_idle; /* CPU the next round of idle checks starts at */
	bool attached;
	uint64_t recursion; /* read before the programs go */
	stat_session_task_fn death_fn;
	void *death_ctx;
	/* What mends have found, and what the profile was at two looks before that (profile_cnt each). */
	int64_t *adjust, *before[2], *lately;
	uint64_t moved_ns[2];		  /* spread so far: R one too high, one too low */
	uint64_t before_at_ns;		  /* of before[1] */
	int64_t ahead_ns, ahead_first_ns; /* of CLOCK_MONOTONIC over CLOCK_MONOTONIC_RAW */
	uint64_t ahead_at_ns;
};

/* ---- clocks ------------------------------------------------------------------------------------ */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts = {};

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

/* Tells the probes how the clocks drift apart: time servers slew the one, the other runs freely. */
static void measure_drift(struct stat_session *s)
{
	uint64_t before, raw, after, best = UINT64_MAX, at = 0;
	uint32_t no = s->skel->bss->cpt_stat_drift_no;
	struct cpt_stat_drift *d = &s->skel->bss->cpt_stat_drift[(no + 1) & 1];
	int64_t ahead = 0;

	/* Of a few tries the one that was not interrupted. */
	for (int i = 0; i < 3; i++) {
		before = clock_ns(CLOCK_MONOTONIC);
		raw = clock_ns(CLOCK_MONOTONIC_RAW);
		after = clock_ns(CLOCK_MONOTONIC);
		if (after - before >= best)
			continue;
		best = after - before;
		at = before + best / 2;
		ahead = (int64_t)(at - raw);
	}
	if (s->ahead_at_ns && at - s->ahead_at_ns < DRIFT_NS)
		return;
	if (!s->ahead_at_ns)
		s->ahead_first_ns = s->ahead_ns = ahead;
	d->ref_ns = at;
	d->base_ns = ahead - s->ahead_first_ns;
	d->rate = 0;
	if (s->ahead_at_ns)
		d->rate = (int64_t)((double)(ahead - s->ahead_ns) / (double)(at - s->ahead_at_ns) *
				    4294967296.0);
	s->ahead_ns = ahead;
	s->ahead_at_ns = at;
	__atomic_store_n(&s->skel->bss->cpt_stat_drift_no, no + 1, __ATOMIC_RELEASE);
}

/* ---- loading ------------------------------------------------------------------------------- */

static int set_options(struct stat_session *s, const struct stat_session_opts *opts,
		       const struct cpt_kernel_facts *facts)
{
	struct stat_probes *skel = s->skel;
	int ret;

	skel->rodata->cpt_stat_mode = opts->mode;
	skel->rodata->cpt_names_of = bpf_common__names_of();
	skel->rodata->cpt_stat_cpus = s->cpu_cnt;
	skel->rodata->cpt_stat_stride = s->stride;
	skel->rodata->cpt_stat_has_state = facts->switch_has_state;
	skel->rodata->cpt_stat_has_delay = facts->delay_known;
	skel->rodata->cpt_stat_until_root = opts->command && !opts->wait_all;
	skel->rodata->cpt_stat_until_all =
		opts->mode == CPT_STAT_TREE && (!opts->command || opts->wait_all);
	ret = bpf_map__set_max_entries(skel->maps.cpt_stat_cells, s->cpu_cnt);
	if (!ret)
		ret = bpf_map__set_max_entries(skel->maps.cpt_stat_profile, s->cpu_cnt * s->stride);
	if (!ret && opts->command)
		ret = bpf_program__set_autoload(skel->progs.cpt_stat_exec, true);
	if (!ret && !opts->command)
		ret = bpf_program__set_autoload(skel->progs.cpt_stat_seed, true);
	if (!ret && opts->mode == CPT_STAT_CGROUP)
		ret = bpf_program__set_autoload(skel->progs.cpt_stat_find_group, true);
	/* Run by hand. */
	bpf_program__set_autoattach(skel->progs.cpt_stat_check, false);
	bpf_program__set_autoattach(skel->progs.cpt_stat_control, false);
	bpf_program__set_autoattach(skel->progs.cpt_stat_read, false);
	bpf_program__set_autoattach(skel->progs.cpt_stat_seed, false);
	bpf_program__set_autoattach(skel->progs.cpt_stat_find_group, false);
	return ret;
}

static int load(struct stat_session *s, const struct stat_session_opts *opts, char *err,
		size_t err_sz)
{
	struct cpt_kernel_facts facts;
	int ret;

	ret = features__facts(&facts, err, err_sz);
	if (ret)
		return ret;
	s->skel = stat_probes__open();
	if (!s->skel) {
		ret = features__load_error(-errno);
		return bpf_common__say(err, err_sz, ret, "cannot open the probes: %s",
				       strerror(-ret));
	}
	ret = set_options(s, opts, &facts);
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot prepare the probes: %s",
				       strerror(-ret));
	ret = bpf_common__load(s->skel->skeleton);
	return ret ? features__refused(ret, err, err_sz) : 0;
}

static int map_accounts(struct stat_session *s, char *err, size_t err_sz)
{
	s->cells_sz = bpf_common__pages(s->cpu_cnt * sizeof(struct cpt_stat_cell));
	s->profile_sz = bpf_common__pages((size_t)s->cpu_cnt * s->stride * sizeof(*s->profile));
	s->cells = bpf_common__map(bpf_map__fd(s->skel->maps.cpt_stat_cells), s->cells_sz, false,
				   err, err_sz);
	if (!s->cells)
		return -errno;
	s->profile = bpf_common__map(bpf_map__fd(s->skel->maps.cpt_stat_profile), s->profile_sz,
				     false, err, err_sz);
	return s->profile ? 0 : -errno;
}

static int on_death(void *ctx, void *data, size_t sz)
{
	struct stat_session *s = ctx;

	if (sz >= sizeof(struct cpt_stat_rec))
		s->death_fn(s->death_ctx, data);
	return 0;
}

static int open_session(struct stat_session *s, const struct stat_session_opts *opts, char *err,
			size_t err_sz)
{
	int ret = bpf_common__cpus(CPT_STAT_MAX_CPUS, err, err_sz);

	if (ret < 0)
		return ret;
	s->cpu_cnt = (uint32_t)ret;
	s->stride = (s->cpu_cnt + 1 + 7) & ~7U; /* whole cache lines */
	s->adjust = calloc(s->cpu_cnt + 1, sizeof(*s->adjust));
	s->lately = calloc(s->cpu_cnt + 1, sizeof(*s->lately));
	for (int i = 0; i < 2; i++)
		s->before[i] = calloc(s->cpu_cnt + 1, sizeof(*s->before[i]));
	if (!s->adjust || !s->lately || !s->before[0] || !s->before[1])
		return bpf_common__say(err, err_sz, -ENOMEM, "out of memory");
	ret = load(s, opts, err, err_sz);
	if (ret)
		return ret;
	ret = map_accounts(s, err, err_sz);
	if (ret)
		return ret;
	s->deaths = ring_buffer__new(bpf_map__fd(s->skel->maps.cpt_stat_deaths), on_death, s, NULL);
	if (!s->deaths)
		return bpf_common__say(err, err_sz, -errno,
				       "cannot map the ring of ended tasks: %s", strerror(errno));
	s->wake_fd = wake__new(bpf_map__fd(s->skel->maps.cpt_stat_deaths));
	if (s->wake_fd < 0)
		return bpf_common__say(err, err_sz, s->wake_fd,
				       "cannot wait for the ring of ended tasks: %s",
				       strerror(-s->wake_fd));
	return 0;
}

struct stat_session *stat_session__open(const struct stat_session_opts *opts, char *err,
					size_t err_sz)
{
	struct stat_session *s;
	int ret;

	bpf_common__begin(opts->verbose);
	s = calloc(1, sizeof(*s));
	if (!s) {
		bpf_common__say(err, err_sz, 0, "out of memory");
		return NULL;
	}
	s->wake_fd = -1;
	ret = open_session(s, opts, err, err_sz);
	if (!ret)
		return s;
	stat_session__free(s);
	errno = -ret;
	return NULL;
}

int stat_session__attach(struct stat_session *s, char *err, size_t err_sz)
{
	int ret;

	measure_drift(s);
	ret = stat_probes__attach(s->skel);
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot attach the probes: %s",
				       strerror(-ret));
	s->attached = true;
	return 0;
}

/* ---- who is of the workload ------------------------------------------------------------------ */

static int mark(struct stat_session *s, int pidfd, uint32_t flags)
{
	struct cpt_stat_task task = {.flags = flags};

	return bpf_map_update_elem(bpf_map__fd(s->skel->maps.cpt_stat_tasks), &pidfd, &task,
				   BPF_NOEXIST);
}

int stat_session__seed(struct stat_session *s, int pidfd, char *err, size_t err_sz)
{
	int ret = mark(s, pidfd, CPT_STAT_GATED);

	return ret ? bpf_common__say(err, err_sz, ret, "cannot mark the command: %s",
				     strerror(-ret))
		   : 0;
}

struct task_reader {
	stat_session_task_fn fn;
	void *ctx;
};

static void on_task(void *ctx, const void *rec)
{
	const struct task_reader *to = ctx;

	to->fn(to->ctx, rec);
}

/* Its output goes to fn, if there is one. */
static int iterate(struct bpf_link *link, stat_session_task_fn fn, void *ctx)
{
	struct task_reader to = {fn, ctx};

	return bpf_common__iterate(link, sizeof(struct cpt_stat_rec), fn ? on_task : NULL, &to);
}

static int iterate_prog(struct bpf_program *prog, stat_session_task_fn fn, void *ctx)
{
	struct bpf_link *link = bpf_program__attach_iter(prog, NULL);
	int ret;

	if (!link)
		return -errno;
	ret = iterate(link, fn, ctx);
	bpf_link__destroy(link);
	return ret;
}

int stat_session__seed_all(struct stat_session *s, char *err, size_t err_sz)
{
	uint32_t *seeded = &s->skel->data_live->cpt_stat_seeded;

	/* A task cloned by one that was not marked yet is found by the next round. */
	for (int round = 0; round < SEED_ROUNDS; round++) {
		uint32_t before = *seeded;
		int ret = iterate_prog(s->skel->progs.cpt_stat_seed, NULL, NULL);

		if (ret)
			return bpf_common__say(err, err_sz, ret,
					       "cannot mark the tasks that run: %s",
					       strerror(-ret));
		if (round && *seeded == before)
			break;
	}
	return 0;
}

int stat_session__seed_pids(struct stat_session *s, const int *pidfds, size_t cnt, bool *gone,
			    char *err, size_t err_sz)
{
	size_t gone_cnt = 0;

	for (size_t i = 0; i < cnt; i++) {
		int ret = mark(s, pidfds[i], CPT_STAT_SEED);

		gone[i] = ret == -ENOENT || ret == -ESRCH;
		gone_cnt += gone[i];
		if (ret && !gone[i])
			return bpf_common__say(err, err_sz, ret, "cannot mark the process: %s",
					       strerror(-ret));
	}
	if (gone_cnt == cnt)
		return bpf_common__say(err, err_sz, -ESRCH, "%s ended before %s could be counted",
				       cnt > 1 ? "all processes" : "the process",
				       cnt > 1 ? "they" : "it");
	return stat_session__seed_all(s, err, err_sz);
}

int stat_session__seed_group(struct stat_session *s, int group_fd, char *err, size_t err_sz)
{
	union bpf_iter_link_info info = {
		.cgroup = {.order = BPF_CGROUP_ITER_SELF_ONLY, .cgroup_fd = group_fd},
	};
	LIBBPF_OPTS(bpf_iter_attach_opts, opts, .link_info = &info, .link_info_len = sizeof(info));
	int ret;

	s->group_link = bpf_program__attach_iter(s->skel->progs.cpt_stat_find_group, &opts);
	if (!s->group_link)
		return bpf_common__say(err, err_sz, -errno, "cannot look at the cgroup: %s",
				       strerror(errno));
	ret = iterate(s->group_link, NULL, NULL);
	if (!ret && !s->skel->bss->cpt_stat_group_id)
		ret = -ENOENT;
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot look at the cgroup: %s",
				       strerror(-ret));
	return stat_session__seed_all(s, err, err_sz);
}

/* ---- the account ----------------------------------------------------------------------------- */

/* What the program returns, or -errno. */
static int control(struct stat_session *s, uint64_t what)
{
	uint64_t args[1] = {what};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	int ret = bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_stat_control), &opts);

	return ret ? ret : (int)opts.retval;
}

static void look_at(struct stat_session *s, uint32_t cpu)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);

	/* An offline CPU has nothing to look at. */
	(void)bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_stat_check), &opts);
}

static void look_at_all(struct stat_session *s)
{
	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++)
		look_at(s, cpu);
}

int stat_session__begin(struct stat_session *s, char *err, size_t err_sz)
{
	int ret = control(s, CPT_STAT_OPEN);

	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot open the account: %s",
				       strerror(-ret));
	look_at_all(s);
	return 0;
}

uint32_t stat_session__cpu_cnt(const struct stat_session *s)
{
	return s->cpu_cnt;
}

bool stat_session__waits_known(const struct stat_session *s)
{
	return s->skel->rodata->cpt_stat_has_delay;
}

int stat_session__wait(struct stat_session *s, int timeout_ms, int extra_fd)
{
	int ret = wake__wait(s->wake_fd, timeout_ms, extra_fd);

	return ret < 0 ? ret : 0;
}

static void sum_profile(const struct stat_session *s, int64_t *out)
{
	memset(out, 0, (s->cpu_cnt + 1) * sizeof(*out));
	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++)
		for (uint32_t k = 0; k <= s->cpu_cnt; k++)
			out[k] += s->profile[(size_t)cpu * s->stride + k];
}

/* Spreads what mends have found since the last call. */
static void take_moves(struct stat_session *s)
{
	uint64_t now = clock_ns(CLOCK_MONOTONIC), moved[2] = {0, 0};
	int64_t *oldest = s->before[0];

	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++)
		for (int up = 0; up < 2; up++)
			moved[up] += s->cells[cpu].moved_ns[up];
	sum_profile(s, s->lately);
	for (uint32_t k = 0; k <= s->cpu_cnt; k++)
		s->lately[k] -= oldest[k];
	for (int up = 0; up < 2; up++) {
		stat_sample__spread(s->adjust, s->lately, s->cpu_cnt + 1,
				    moved[up] - s->moved_ns[up], up ? 1 : -1);
		s->moved_ns[up] = moved[up];
	}
	if (now - s->before_at_ns < LATELY_NS)
		return;
	s->before[0] = s->before[1];
	s->before[1] = oldest;
	sum_profile(s, s->before[1]);
	s->before_at_ns = now;
}

void stat_session__check(struct stat_session *s)
{
	uint32_t idle_left = IDLE_CHECKS, start = s->next_idle;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);

	measure_drift(s);

	for (uint32_t i = 0; i < s->cpu_cnt; i++) {
		uint32_t cpu = (start + i) % s->cpu_cnt;
		const struct cpt_stat_cell *cell = &s->cells[cpu];

		if (cell->ready && !cell->owed && now < cell->last_ts_ns + STILL_NS)
			continue;
		if (!cell->ours) {
			if (!idle_left)
				continue;
			idle_left--;
			s->next_idle = cpu + 1;
		}
		look_at(s, cpu);
	}
	take_moves(s);
}

void stat_session__live(const struct stat_session *s, uint32_t *root, uint32_t *all)
{
	int32_t r = __atomic_load_n(&s->skel->data_live->cpt_stat_live_root, __ATOMIC_ACQUIRE);
	int32_t a = __atomic_load_n(&s->skel->data_live->cpt_stat_live_all, __ATOMIC_ACQUIRE);

	*root = r > 0 ? r : 0;
	*all = a > 0 ? a : 0;
}

int stat_session__deaths(struct stat_session *s, stat_session_task_fn fn, void *ctx)
{
	int ret;

	s->death_fn = fn;
	s->death_ctx = ctx;
	ret = ring_buffer__consume(s->deaths);
	return ret < 0 ? ret : 0;
}

int stat_session__tasks(struct stat_session *s, stat_session_task_fn fn, void *ctx)
{
	return iterate_prog(s->skel->progs.cpt_stat_read, fn, ctx);
}

/* What the cell owes goes on until now. */
static uint64_t owed_ns(const struct cpt_stat_cell *cell, uint64_t now)
{
	const uint64_t since = cell->owed_since_ns;
	const uint32_t off = (uint32_t)(cell->owed < 0 ? -cell->owed : cell->owed);

	return now > since ? (now - since) * off : 0;
}

static void add_cell(struct stat_sample *out, const struct cpt_stat_cell *cell, uint32_t turn,
		     uint64_t now)
{
	uint32_t slot = turn & 1;

	out->waits += cell->waits;
	out->wait_ns += cell->wait_ns;
	if (cell->wait_turn[slot] == turn && cell->wait_max_ns[slot] > out->wait_max_ns)
		out->wait_max_ns = cell->wait_max_ns[slot];
	for (uint32_t b = 0; b < CPT_STAT_BUCKETS; b++)
		out->wait_hist[b] += cell->wait_hist[b];
	out->switches += cell->switches;
	out->mends += cell->mends;
	out->mends_failed += cell->mends_failed;
	out->estimated_ns += cell->moved_ns[0] + cell->moved_ns[1];
	out->doubt_ns += cell->doubt_ns + owed_ns(cell, now);
	out->cpus_seen += cell->ready != 0;
	out->given_up += cell->given_up;
	out->bad_degree += cell->bad_degree;
}

void stat_session__sample(struct stat_session *s, struct stat_sample *out)
{
	const struct cpt_stat_counters *c = &s->skel->data_live->cpt_stat_counters;
	uint32_t turn = s->skel->data->cpt_stat_turn_no;
	uint64_t now = clock_ns(CLOCK_MONOTONIC), shut_ns = stat_session__shut_ns(s);

	memset(out, 0, sizeof(*out));
	if (s->attached)
		(void)control(s, CPT_STAT_TICK); /* a later sample accounts for it as well */
	/* From here on the cells note the longest wait elsewhere. */
	__atomic_store_n(&s->skel->data->cpt_stat_turn_no, turn + 1, __ATOMIC_RELEASE);
	out->profile_cnt = s->cpu_cnt + 1;
	take_moves(s);
	sum_profile(s, out->profile_ns);
	for (uint32_t k = 0; k <= s->cpu_cnt; k++)
		out->profile_ns[k] += s->adjust[k];
	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++)
		add_cell(out, &s->cells[cpu], turn, shut_ns ? shut_ns : now);
	out->lost_storage = c->lost_storage;
	out->lost_deaths = c->lost_deaths;
	out->lost_run_ns = c->lost_run_ns;
	out->lost_wait_ns = c->lost_wait_ns;
	out->lost_recursion = s->attached ? bpf_common__recursion(s->skel->obj) : s->recursion;
}

int stat_session__shut(struct stat_session *s)
{
	int ret = 1;

	/* A switch that fired no event is found as long as there is an account. */
	if (!stat_session__shut_ns(s))
		look_at_all(s);
	/* A command's end has shut it already; else others may win the word now and then. */
	for (int i = 0; i < SHUT_TRIES && ret > 0; i++)
		ret = control(s, CPT_STAT_SHUT);
	return ret > 0 ? -EBUSY : ret;
}

uint64_t stat_session__shut_ns(const struct stat_session *s)
{
	return __atomic_load_n(&s->skel->bss->cpt_stat_shut_ns, __ATOMIC_ACQUIRE);
}

void stat_session__end(struct stat_session *s)
{
	if (!s->attached)
		return;
	s->recursion = bpf_common__recursion(s->skel->obj);
	stat_probes__detach(s->skel);
	s->attached = false;
}

void stat_session__free(struct stat_session *s)
{
	if (!s)
		return;
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	ring_buffer__free(s->deaths);
	bpf_link__destroy(s->group_link);
	if (s->profile)
		munmap((void *)s->profile, s->profile_sz);
	if (s->cells)
		munmap((void *)s->cells, s->cells_sz);
	stat_probes__destroy(s->skel);
	free(s->adjust);
	free(s->lately);
	free(s->before[0]);
	free(s->before[1]);
	free(s);
}
