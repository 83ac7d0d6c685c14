// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "bpf_session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_common.h"
#include "cpartrace.skel.h"
#include "features.h"
#include "rights.h"
#include "sampling.h"
#include "wake.h"

#define CPT_IDLE_CHECKS 8	/* idle CPUs looked at per round: each look wakes one */
#define CPT_LEADS_MAX	65536	/* processes found */
#define CPT_STILL_NS	2000000 /* a CPU with a record this fresh has just had its chain checked */

struct bpf_session {
	struct cpartrace *skel;
	struct ring_buffer *life;
	struct cpt_cell *cells;
	const char *recs; /* cpu_cnt << slots_shift records */
	size_t cells_sz, recs_sz;
	uint32_t cpu_cnt;
	uint32_t slots_shift;
	uint32_t next_idle; /* CPU the next round of idle checks starts at */
	int wake_fd;	    /* see wake.h, -1 none */
	bool attached;
	uint64_t recursion; /* read before the programs go */
	uint32_t sample_hz;
	struct sampling *sampling;
	bpf_session_life_fn life_fn;
	void *life_ctx;
	int life_err;
	struct ring_buffer *marks;
	const struct cpt_mark_state *mark_state;
	bpf_session_mark_fn mark_fn;
	void *mark_ctx;
	int mark_err;
	struct bpf_find find;
};

/* log2 of the slots of one ring. */
static uint32_t choose_shift(uint64_t ring_sz, uint32_t cpu_cnt)
{
	uint64_t want = ring_sz ? ring_sz : CPT_RING_DEFAULT_SZ, slots;
	uint32_t shift = 0;

	if (!ring_sz && want * cpu_cnt > CPT_RINGS_MAX_SZ) {
		want = CPT_RINGS_MAX_SZ / cpu_cnt;
		while (want & (want - 1))
			want &= want - 1; /* down to a power of two */
	}
	slots = want / CPT_REC_SZ;
	if (slots < CPT_RING_MIN_SLOTS)
		slots = CPT_RING_MIN_SLOTS;
	while ((1ULL << shift) < slots)
		shift++;
	/* The index of a record in the map of all rings is 32 bits wide. */
	while (((uint64_t)cpu_cnt << shift) > UINT32_MAX)
		shift--;
	return shift;
}

/* Without --stacks and --sample neither their programs nor their maps are there. */
static int choose_programs(struct bpf_session *s, const struct bpf_session_opts *opts)
{
	struct cpartrace *skel = s->skel;
	bool any = opts->stacks || opts->sample_hz;

	s->sample_hz = opts->sample_hz;
	skel->rodata->cpt_sample_stacks = opts->stacks;
	skel->rodata->cpt_mode = opts->mode;
	skel->rodata->cpt_names_of = bpf_common__names_of();
	skel->rodata->cpt_mark_uid = rights__owner();
	skel->rodata->cpt_mark_anyone = opts->mode == CPT_MODE_ALL;
	skel->rodata->cpt_mark_endless = opts->endless;
	bpf_program__set_autoattach(skel->progs.cpt_mark_learn, false);
	bpf_program__set_autoload(skel->progs.cpt_find, opts->mode != CPT_MODE_TREE);
	bpf_program__set_autoload(skel->progs.cpt_find_group, opts->mode == CPT_MODE_GROUP);
	bpf_program__set_autoload(skel->progs.cpt_group_attach, opts->mode == CPT_MODE_GROUP);
	bpf_program__set_autoattach(skel->progs.cpt_find_group, false);
	if (opts->mode != CPT_MODE_TREE &&
	    bpf_map__set_max_entries(skel->maps.cpt_leads, CPT_LEADS_MAX))
		return -EINVAL;
	bpf_program__set_autoload(skel->progs.cpt_sched_switch, !opts->stacks);
	bpf_program__set_autoload(skel->progs.cpt_sched_waking, !opts->stacks);
	bpf_program__set_autoload(skel->progs.cpt_switch_stk, opts->stacks);
	bpf_program__set_autoload(skel->progs.cpt_waking_stk, opts->stacks);
	bpf_program__set_autoload(skel->progs.cpt_sample, opts->sample_hz != 0);
	bpf_program__set_autoattach(skel->progs.cpt_sample, false);
	if (bpf_map__set_autocreate(skel->maps.cpt_user_stacks, any))
		return -EINVAL;
	return bpf_map__set_autocreate(skel->maps.cpt_kernel_stacks, any) ? -EINVAL : 0;
}

static int load(struct bpf_session *s, const struct bpf_session_opts *opts, char *err,
		size_t err_sz)
{
	struct cpt_kernel_facts facts;
	int ret;

	ret = features__facts(&facts, err, err_sz);
	if (ret)
		return ret;
	s->skel = cpartrace__open();
	if (!s->skel) {
		ret = features__load_error(-errno);
		return bpf_common__say(err, err_sz, ret, "cannot open the probes: %s",
				       strerror(-ret));
	}
	s->skel->rodata->cpt_slots_shift = s->slots_shift;
	s->skel->rodata->cpt_switch_has_state = facts.switch_has_state;
	s->skel->rodata->cpt_occupancy = !opts->no_occupancy;
	s->skel->rodata->cpt_cpu_words = (s->cpu_cnt + 63) / 64;
	s->skel->rodata->cpt_preempt_known = facts.preempt_known;
	s->skel->rodata->cpt_preempt_off = facts.preempt_off;
	ret = bpf_map__set_max_entries(s->skel->maps.cpt_cells, s->cpu_cnt);
	if (!ret)
		ret = bpf_map__set_max_entries(s->skel->maps.cpt_recs,
					       s->cpu_cnt << s->slots_shift);
	if (!ret)
		ret = choose_programs(s, opts);
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot size the rings: %s",
				       strerror(-ret));
	bpf_program__set_autoattach(s->skel->progs.cpt_cell_check, false);
	ret = bpf_common__load(s->skel->skeleton);
	return ret ? features__refused(ret, err, err_sz) : 0;
}

static int map_rings(struct bpf_session *s, char *err, size_t err_sz)
{
	s->cells_sz = bpf_common__pages(s->cpu_cnt * sizeof(struct cpt_cell));
	s->recs_sz = bpf_common__pages(((size_t)s->cpu_cnt << s->slots_shift) * CPT_REC_SZ);
	s->cells = bpf_common__map(bpf_map__fd(s->skel->maps.cpt_cells), s->cells_sz, true, err,
				   err_sz);
	if (!s->cells)
		return -errno;
	s->recs = bpf_common__map(bpf_map__fd(s->skel->maps.cpt_recs), s->recs_sz, false, err,
				  err_sz);
	return s->recs ? 0 : -errno;
}

static int on_life(void *ctx, void *data, size_t sz)
{
	struct bpf_session *s = ctx;

	/* Not an error to libbpf: it would leave the record in the ring and hand it out again. */
	if (!s->life_err)
		s->life_err = s->life_fn(s->life_ctx, data, sz);
	return 0;
}

static int on_mark(void *ctx, void *data, size_t sz)
{
	struct bpf_session *s = ctx;

	if (!s->mark_err && sz >= sizeof(struct cpt_rec_mark))
		s->mark_err = s->mark_fn(s->mark_ctx, data);
	return 0;
}

static int open_marks(struct bpf_session *s, char *err, size_t err_sz)
{
	const int ring = bpf_map__fd(s->skel->maps.cpt_mark_ring);
	LIBBPF_OPTS(bpf_test_run_opts, opts);
	int ret;

	s->mark_state =
		bpf_common__map(bpf_map__fd(s->skel->maps.cpt_mark_shared),
				bpf_common__pages(sizeof(*s->mark_state)), false, err, err_sz);
	if (!s->mark_state)
		return -errno;
	ret = bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_mark_learn), &opts);
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot tell the probes who records: %s",
				       strerror(-ret));
	s->marks = ring_buffer__new(ring, on_mark, s, NULL);
	if (!s->marks)
		return bpf_common__say(err, err_sz, -errno, "cannot map the ring of marks: %s",
				       strerror(errno));
	/* Where it cannot ask, it is drained with the others. */
	(void)wake__add(s->wake_fd, ring);
	return 0;
}

struct bpf_session *bpf_session__open(const struct bpf_session_opts *opts, char *err, size_t err_sz)
{
	struct bpf_session *s;
	int ret;

	bpf_common__begin(opts->verbose);
	s = calloc(1, sizeof(*s));
	if (!s) {
		bpf_common__say(err, err_sz, 0, "out of memory");
		return NULL;
	}
	s->wake_fd = -1;
	ret = bpf_common__cpus(CPT_MAX_CPUS, err, err_sz);
	if (ret < 0)
		goto out;
	s->cpu_cnt = (uint32_t)ret;
	s->slots_shift = choose_shift(opts->ring_sz, s->cpu_cnt);
	ret = load(s, opts, err, err_sz);
	if (ret)
		goto out;
	ret = map_rings(s, err, err_sz);
	if (ret)
		goto out;
	s->life = ring_buffer__new(bpf_map__fd(s->skel->maps.cpt_life), on_life, s, NULL);
	if (!s->life) {
		ret = bpf_common__say(err, err_sz, -errno, "cannot map the lifecycle ring: %s",
				      strerror(errno));
		goto out;
	}
	ret = s->wake_fd = wake__new(bpf_map__fd(s->skel->maps.cpt_life));
	if (ret < 0) {
		bpf_common__say(err, err_sz, ret, "cannot wait for the lifecycle ring: %s",
				strerror(-ret));
		goto out;
	}
	ret = open_marks(s, err, err_sz);
	if (ret)
		goto out;
	return s;
out:
	bpf_session__free(s);
	errno = -ret;
	return NULL;
}

/* Runs the check program on cpu. 1 the chain was broken, 0 it was not, -errno (CPU offline). */
static int run_check(struct bpf_session *s, uint32_t cpu, bool last)
{
	uint64_t args[1] = {last};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args),
		    .flags = BPF_F_TEST_RUN_ON_CPU, .cpu = cpu);
	int ret = bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_cell_check), &opts);

	return ret ? ret : (int)opts.retval;
}

static void look_at_cpus(void *ctx)
{
	struct bpf_session *s = ctx;

	/* Where the kernel cannot run a program on a CPU, its first switch is the first look. */
	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++)
		(void)run_check(s, cpu, false);
}

int bpf_session__attach(struct bpf_session *s, char *err, size_t err_sz)
{
	int ret = cpartrace__attach(s->skel);

	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot attach the probes: %s",
				       strerror(-ret));
	s->attached = true;
	if (s->sample_hz) {
		s->sampling = sampling__start(bpf_program__fd(s->skel->progs.cpt_sample),
					      s->cpu_cnt, s->sample_hz);
		if (!s->sampling)
			return bpf_common__say(err, err_sz, -errno,
					       "cannot sample the CPU clock: %s", strerror(errno));
	}
	look_at_cpus(s);
	return 0;
}

struct bpf_find *bpf_session__finder(struct bpf_session *s)
{
	s->find.tasks_fd = bpf_map__fd(s->skel->maps.cpt_tasks);
	s->find.iter = s->skel->links.cpt_find;
	s->find.group = s->skel->progs.cpt_find_group;
	s->find.step = &s->skel->bss->cpt_find_step;
	s->find.found = &s->skel->bss->cpt_found;
	s->find.pending = &s->skel->bss->cpt_find_pending;
	s->find.group_ptr = &s->skel->bss->cpt_group_ptr;
	s->find.moved = &s->skel->bss->cpt_group_moved;
	s->find.look = look_at_cpus;
	s->find.ctx = s;
	return &s->find;
}

int bpf_session__seed(struct bpf_session *s, int pidfd, char *err, size_t err_sz)
{
	struct cpt_task task = {
		.id = 1,
		.flags = CPT_TS_GATED,
		.run_state = CPT_RUN_OFF,
	};
	int ret;

	s->skel->bss->cpt_last_id = 1;
	ret = bpf_map_update_elem(bpf_map__fd(s->skel->maps.cpt_tasks), &pidfd, &task, BPF_NOEXIST);
	if (ret)
		return bpf_common__say(err, err_sz, ret, "cannot mark the command for tracing: %s",
				       strerror(-ret));
	return 0;
}

uint32_t bpf_session__cpu_cnt(const struct bpf_session *s)
{
	return s->cpu_cnt;
}

int bpf_session__wait(struct bpf_session *s, int timeout_ms, int extra_fd)
{
	return wake__wait(s->wake_fd, timeout_ms, extra_fd);
}

bool bpf_session__loop_met(const struct bpf_session *s)
{
	return __atomic_load_n(&s->skel->bss->cpt_loop_met, __ATOMIC_RELAXED);
}

int bpf_session__tasks_fd(const struct bpf_session *s)
{
	return bpf_map__fd(s->skel->maps.cpt_tasks);
}

struct bpf_session_marks bpf_session__marks(const struct bpf_session *s)
{
	return (struct bpf_session_marks){
		.tasks_fd = bpf_map__fd(s->skel->maps.cpt_tasks),
		.ring_fd = bpf_map__fd(s->skel->maps.cpt_mark_ring),
		.shared_fd = bpf_map__fd(s->skel->maps.cpt_mark_shared),
		.machine = s->skel->rodata->cpt_mark_anyone,
		.endless = s->skel->rodata->cpt_mark_endless,
	};
}

int bpf_session__read_marks(struct bpf_session *s, bpf_session_mark_fn fn, void *ctx)
{
	int ret;

	s->mark_fn = fn;
	s->mark_ctx = ctx;
	s->mark_err = 0;
	ret = ring_buffer__consume(s->marks);
	return ret < 0 ? ret : s->mark_err;
}

void bpf_session__marks_lost(const struct bpf_session *s, uint64_t lost[CPT_MARK_LOSS_CNT])
{
	memcpy(lost, s->mark_state->losses, CPT_MARK_LOSS_CNT * sizeof(*lost));
}

int bpf_session__also_wake(struct bpf_session *s, int fd)
{
	return wake__add(s->wake_fd, fd);
}

size_t bpf_session__peek(struct bpf_session *s, uint32_t cpu, const void **recs)
{
	struct cpt_cell *cell = &s->cells[cpu];
	uint64_t head = __atomic_load_n(&cell->head, __ATOMIC_ACQUIRE);
	uint64_t slots = 1ULL << s->slots_shift, first = cell->tail & (slots - 1);
	uint64_t cnt = head - cell->tail;

	if (cnt > slots - first)
		cnt = slots - first;
	*recs = s->recs + (((uint64_t)cpu << s->slots_shift) + first) * CPT_REC_SZ;
	return cnt;
}

void bpf_session__consume(struct bpf_session *s, uint32_t cpu, size_t cnt)
{
	struct cpt_cell *cell = &s->cells[cpu];

	__atomic_store_n(&cell->tail, cell->tail + cnt, __ATOMIC_RELEASE);
}

uint64_t bpf_session__attempts(const struct bpf_session *s, uint32_t cpu)
{
	/* Not the attempts counter: it runs ahead of the record that is being written. Drops first: what
	 * is dropped later is left for the next time. */
	uint64_t dropped = __atomic_load_n(&s->cells[cpu].dropped, __ATOMIC_ACQUIRE);

	return dropped + __atomic_load_n(&s->cells[cpu].head, __ATOMIC_ACQUIRE);
}

void bpf_session__live(const struct bpf_session *s, uint32_t *root, uint32_t *all)
{
	int32_t r = __atomic_load_n(&s->skel->bss->cpt_live_root, __ATOMIC_ACQUIRE);
	int32_t a = __atomic_load_n(&s->skel->bss->cpt_live_all, __ATOMIC_ACQUIRE);

	*root = r > 0 ? r : 0;
	*all = a > 0 ? a : 0;
}

int bpf_session__life(struct bpf_session *s, bpf_session_life_fn fn, void *ctx)
{
	int ret;

	s->life_fn = fn;
	s->life_ctx = ctx;
	s->life_err = 0;
	ret = ring_buffer__consume(s->life);
	return ret < 0 ? ret : s->life_err;
}

int bpf_session__read_affinity(struct bpf_session *s)
{
	return bpf_common__iterate(s->skel->links.cpt_affinity_read, sizeof(struct cpt_rec_tenant),
				   NULL, NULL);
}

struct tenant_reader {
	bpf_session_tenant_fn fn;
	void *ctx;
};

static void on_tenant(void *ctx, const void *rec)
{
	const struct tenant_reader *to = ctx;

	to->fn(to->ctx, rec);
}

int bpf_session__read_tenants(struct bpf_session *s, bpf_session_tenant_fn fn, void *ctx)
{
	struct tenant_reader to = {fn, ctx};

	return bpf_common__iterate(s->skel->links.cpt_tasks_read, sizeof(struct cpt_rec_tenant),
				   on_tenant, &to);
}

void bpf_session__check(struct bpf_session *s, uint64_t now_ns)
{
	uint32_t idle_left = CPT_IDLE_CHECKS, start = s->next_idle;

	for (uint32_t i = 0; i < s->cpu_cnt; i++) {
		uint32_t cpu = (start + i) % s->cpu_cnt;
		const struct cpt_cell *cell = &s->cells[cpu];

		if (!cell->ready || now_ns < cell->last_ts_ns + CPT_STILL_NS)
			continue;
		if (cell->kind == CPT_KIND_IDLE) {
			if (!idle_left)
				continue;
			idle_left--;
			s->next_idle = cpu + 1;
		}
		(void)run_check(s, cpu, false); /* offline CPUs have nothing to check */
	}
}

void bpf_session__finish(struct bpf_session *s)
{
	if (!s->attached)
		return;
	sampling__stop(s->sampling);
	s->sampling = NULL;
	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++)
		(void)run_check(s, cpu, true);
	cpartrace__detach(s->skel);
	s->attached = false;
	s->recursion = bpf_common__recursion(s->skel->obj);
}

void bpf_session__counters(const struct bpf_session *s, struct bpf_session_counters *c)
{
	*c = (struct bpf_session_counters){
		.lost_recursion = s->recursion,
		.tasks = s->skel->bss->cpt_last_id,
	};
	memcpy(c->lost, s->skel->bss->cpt_losses, sizeof(c->lost));
	memcpy(c->stacks_lost, s->skel->bss->cpt_stack_losses, sizeof(c->stacks_lost));
	for (uint32_t cpu = 0; cpu < s->cpu_cnt; cpu++) {
		c->lost_ring += s->cells[cpu].dropped;
		c->mends += s->cells[cpu].mends;
		c->mends_failed += s->cells[cpu].mends_failed;
	}
}

static size_t read_stack(const struct bpf_map *map, uint32_t id, uint64_t *ips, size_t max)
{
	uint64_t frames[CPT_USER_FRAMES] = {0};
	size_t cnt = 0;

	/* A slot of the map holds as many as it may, zeros behind the last. */
	if (bpf_map_lookup_elem(bpf_map__fd(map), &id, frames))
		return 0;
	while (cnt < max && cnt < CPT_USER_FRAMES && frames[cnt]) {
		ips[cnt] = frames[cnt];
		cnt++;
	}
	return cnt;
}

size_t bpf_session__user_stack(struct bpf_session *s, uint32_t id, uint64_t *ips, size_t max)
{
	return read_stack(s->skel->maps.cpt_user_stacks, id, ips, max);
}

size_t bpf_session__kernel_stack(struct bpf_session *s, uint32_t id, uint64_t *ips, size_t max)
{
	return read_stack(s->skel->maps.cpt_kernel_stacks, id, ips, max);
}

void bpf_session__free(struct bpf_session *s)
{
	if (!s)
		return;
	sampling__stop(s->sampling);
	if (s->wake_fd >= 0)
		close(s->wake_fd);
	ring_buffer__free(s->life);
	ring_buffer__free(s->marks);
	if (s->mark_state)
		munmap((void *)s->mark_state, bpf_common__pages(sizeof(*s->mark_state)));
	if (s->recs)
		munmap((void *)s->recs, s->recs_sz);
	if (s->cells)
		munmap(s->cells, s->cells_sz);
	bpf_link__destroy(s->find.group_link);
	cpartrace__destroy(s->skel);
	free(s);
}
