// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "loop_session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf_common.h"
#include "features.h"
#include "loop_procs.h"
#include "loops.skel.h"

/* As the probes have it. */
struct hist_value {
	uint32_t buckets[CPT_LOOP_BUCKETS];
};

struct loop_session {
	struct loop_probes *skel;
	struct ring_buffer *ring;
	struct cpt_loop_inst *insts; /* CPT_LOOP_INSTANCES, shared with the kernel */
	size_t insts_sz;
	loop_session_fn fn;
	void *ctx;
	int err; /* of fn */
};

static int say(char *err, size_t err_sz, int code, const char *what)
{
	snprintf(err, err_sz, "%s: %s", what, strerror(-code));
	return code;
}

static int on_record(void *ctx, void *data, size_t sz)
{
	struct loop_session *s = ctx;

	if (!s->err)
		s->err = s->fn(s->ctx, data, sz);
	return 0;
}

static int map_insts(struct loop_session *s)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	void *mem;

	s->insts_sz = (CPT_LOOP_INSTANCES * sizeof(struct cpt_loop_inst) + page - 1) & ~(page - 1);
	mem = mmap(NULL, s->insts_sz, PROT_READ | PROT_WRITE, MAP_SHARED,
		   bpf_map__fd(s->skel->maps.cpt_loop_insts), 0);
	if (mem == MAP_FAILED)
		return -errno;
	s->insts = mem;
	return 0;
}

/* Those whose tracepoints this kernel has. Without submissions and completions rings say nothing. */
static void choose_ring_probes(struct loop_session *s)
{
	static const char *const names[] = {"io_uring_submit_req", "io_uring_submit_sqe",
					    "io_uring_complete",   "io_uring_create",
					    "io_uring_poll_arm",   "io_uring_queue_async_work"};
	struct bpf_program *const progs[] = {
		s->skel->progs.cpt_ring_submit,	  s->skel->progs.cpt_ring_submit_old,
		s->skel->progs.cpt_ring_complete, s->skel->progs.cpt_ring_create,
		s->skel->progs.cpt_ring_arm,	  s->skel->progs.cpt_ring_punt};
	bool there[sizeof(names) / sizeof(*names)], usable;

	features__tracepoints(names, there, sizeof(names) / sizeof(*names));
	usable = (there[0] || there[1]) && there[2];
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		bpf_program__set_autoload(progs[i], usable && there[i]);
}

static int start(struct loop_session *s, int tasks_fd, bool from_start, bool services, char *err,
		 size_t err_sz)
{
	int ret;

	s->skel = loop_probes__open();
	if (!s->skel)
		return say(err, err_sz, features__load_error(-errno),
			   "cannot open the probes of event loops");
	choose_ring_probes(s);
	s->skel->rodata->cpt_loop_from_start = from_start;
	s->skel->rodata->cpt_loop_services = services;
	if (!services)
		(void)bpf_map__set_max_entries(s->skel->maps.cpt_loop_served, 1);
	ret = bpf_map__reuse_fd(s->skel->maps.cpt_tasks, tasks_fd);
	if (!ret)
		ret = bpf_common__load(s->skel->skeleton);
	if (ret)
		return say(err, err_sz, features__load_error(ret),
			   "the kernel refused the probes of event loops");
	ret = map_insts(s);
	if (ret)
		return say(err, err_sz, ret, "cannot map what is kept of event loops");
	s->ring = ring_buffer__new(bpf_map__fd(s->skel->maps.cpt_loop_ring), on_record, s, NULL);
	if (!s->ring)
		return say(err, err_sz, -errno, "cannot map the ring of event loops");
	ret = loop_probes__attach(s->skel);
	if (ret)
		return say(err, err_sz, ret, "cannot attach the probes of event loops");
	return 0;
}

struct loop_session *loop_session__open(int tasks_fd, bool from_start, bool services, char *err,
					size_t err_sz)
{
	struct loop_session *s = calloc(1, sizeof(*s));
	int ret = s ? start(s, tasks_fd, from_start, services, err, err_sz)
		    : say(err, err_sz, -ENOMEM, "event loops");

	if (!ret)
		return s;
	loop_session__free(s);
	errno = -ret;
	return NULL;
}

int loop_session__wake_fd(const struct loop_session *s)
{
	return ring_buffer__epoll_fd(s->ring);
}

int loop_session__drain(struct loop_session *s, loop_session_fn fn, void *ctx)
{
	int ret;

	s->fn = fn;
	s->ctx = ctx;
	s->err = 0;
	ret = ring_buffer__consume(s->ring);
	return ret < 0 ? ret : s->err;
}

uint32_t loop_session__slots(const struct loop_session *s)
{
	const uint32_t used = __atomic_load_n(&s->skel->bss->cpt_loop_insts_used, __ATOMIC_ACQUIRE);

	return used < CPT_LOOP_INSTANCES ? used : CPT_LOOP_INSTANCES;
}

const struct cpt_loop_inst *loop_session__slot(const struct loop_session *s, uint32_t slot)
{
	return &s->insts[slot];
}

bool loop_session__take_window(struct loop_session *s, uint32_t slot, uint64_t before_ns,
			       struct cpt_rec_loop *rec)
{
	struct cpt_loop_inst *in = &s->insts[slot];
	const uint64_t base_ns = __atomic_load_n(&in->base_ns, __ATOMIC_RELAXED);
	uint32_t open = 0;

	if (!base_ns || base_ns >= before_ns)
		return false;
	if (!__atomic_compare_exchange_n(&in->lock, &open, 1, false, __ATOMIC_ACQUIRE,
					 __ATOMIC_RELAXED))
		return false;
	if (!in->base_ns) { /* sent meanwhile */
		__atomic_store_n(&in->lock, 0, __ATOMIC_RELEASE);
		return false;
	}
	*rec = (struct cpt_rec_loop){
		.type = CPT_REC_LOOP,
		.instance = in->instance,
		.base_ns = in->base_ns,
		.task = in->task,
		.iterations = in->iterations,
		.batch = in->batch,
		.conns = in->conns,
		.timers = in->timers,
	};
	memcpy(rec->steps, in->steps, sizeof(rec->steps));
	/* In this order, as the probes: the level holds what records of lower numbers tell. */
	rec->seq = __atomic_fetch_add(&in->seq, 1, __ATOMIC_SEQ_CST);
	for (int way = 0; way < CPT_LOOP_WAYS; way++)
		rec->level[way] = __atomic_load_n(&in->level[way], __ATOMIC_SEQ_CST);
	memset(in->steps, 0, sizeof(in->steps));
	in->iterations = in->batch = 0;
	in->held = 0;
	in->base_ns = 0;
	__atomic_store_n(&in->lock, 0, __ATOMIC_RELEASE);
	return true;
}

int loop_session__seed(struct loop_session *s, uint32_t tgid, uint32_t epfd, uint32_t fd,
		       uint64_t cookie)
{
	uint64_t args[4] = {tgid, epfd, fd, cookie};
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));
	int ret = bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_loop_seed), &opts);

	if (ret)
		return ret;
	return opts.retval ? -ENOSPC : 0;
}

static uint32_t hist_at(uint32_t slot, uint32_t way)
{
	return slot * CPT_LOOP_WAYS + way;
}

int loop_session__histogram(const struct loop_session *s, uint32_t slot, uint32_t way,
			    uint64_t *buckets)
{
	const uint32_t at = hist_at(slot, way);
	struct hist_value value;

	if (bpf_map_lookup_elem(bpf_map__fd(s->skel->maps.cpt_loop_hists), &at, &value))
		return -errno;
	for (uint32_t i = 0; i < CPT_LOOP_BUCKETS; i++)
		buckets[i] = value.buckets[i];
	return 0;
}

void loop_session__free_slot(struct loop_session *s, uint32_t slot)
{
	const struct hist_value none = {0};
	struct cpt_loop_inst *in = &s->insts[slot];

	for (uint32_t way = 0; way < CPT_LOOP_WAYS; way++) {
		const uint32_t at = hist_at(slot, way);

		(void)bpf_map_update_elem(bpf_map__fd(s->skel->maps.cpt_loop_hists), &at, &none, 0);
	}
	memset(in, 0, sizeof(*in));
	(void)bpf_map_update_elem(bpf_map__fd(s->skel->maps.cpt_loop_free_insts), NULL, &slot, 0);
}

/* ---- processes that have ended --------------------------------------------------------------------- */

/* {process, descriptor} each, as the maps have them. */
struct keys {
	uint64_t *tab;
	size_t cnt, cap;
};

static bool add_key(struct keys *keys, uint64_t key)
{
	const size_t cap = keys->cap ? 2 * keys->cap : 256;
	uint64_t *tab;

	if (keys->cnt == keys->cap) {
		tab = realloc(keys->tab, cap * sizeof(*tab));
		if (!tab)
			return false;
		keys->tab = tab;
		keys->cap = cap;
	}
	keys->tab[keys->cnt++] = key;
	return true;
}

#define BATCH_CNT 4096 /* far more than one bucket of a map has */

/* One batch of a map: its keys, and values, of eight bytes or less, which nobody asks for. */
struct batch {
	uint64_t keys[BATCH_CNT], values[BATCH_CNT];
};

/* Those of these processes. The kernel goes from bucket to bucket, each as a whole: what was there before and
 * is not taken out meanwhile is found, once. 0 or -errno: not all of them. */
static int find_keys(struct keys *keys, struct batch *b, const struct bpf_map *map,
		     const uint32_t *tgids, size_t cnt)
{
	uint32_t at = 0, got;
	bool first = true;
	int err;

	do {
		got = BATCH_CNT;
		err = bpf_map_lookup_batch(bpf_map__fd(map), first ? NULL : &at, &at, b->keys,
					   b->values, &got, NULL);
		if (err && err != -ENOENT) /* which says that this was the last */
			return err;
		for (uint32_t i = 0; i < got; i++)
			if (loop_procs__among(tgids, cnt, (uint32_t)(b->keys[i] >> 32)) &&
			    !add_key(keys, b->keys[i]))
				return -ENOMEM;
		first = false;
	} while (!err);
	return 0;
}

static void delete_keys(const struct bpf_map *map, struct keys *keys)
{
	for (size_t i = 0; i < keys->cnt; i++)
		(void)bpf_map_delete_elem(bpf_map__fd(map), &keys->tab[i]);
	free(keys->tab);
}

/* The probes let go of what these descriptors led to: its place, its operation, its cookie. */
static void release(struct loop_session *s, const struct keys *keys)
{
	uint64_t args[1 + CPT_LOOP_FORGET];
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = args, .ctx_size_in = sizeof(args));

	for (size_t i = 0, cnt; i < keys->cnt; i += cnt) {
		args[0] = keys->tab[i] >> 32;
		for (cnt = 0; cnt < CPT_LOOP_FORGET && i + cnt < keys->cnt &&
			      keys->tab[i + cnt] >> 32 == args[0];
		     cnt++)
			args[1 + cnt] = (uint32_t)keys->tab[i + cnt];
		for (size_t j = cnt; j < CPT_LOOP_FORGET; j++)
			args[1 + j] = args[1];
		(void)bpf_prog_test_run_opts(bpf_program__fd(s->skel->progs.cpt_loop_forget),
					     &opts);
	}
}

int loop_session__forget(struct loop_session *s, const uint32_t *tgids, size_t cnt)
{
	struct batch *b = malloc(sizeof(*b));
	struct keys fds = {0}, epfds = {0};
	int err = b ? 0 : -ENOMEM;

	if (!err)
		err = find_keys(&fds, b, s->skel->maps.cpt_loop_fds, tgids, cnt);
	if (!err)
		err = find_keys(&epfds, b, s->skel->maps.cpt_loop_epfds, tgids, cnt);
	/* What was found is let go in any case. */
	release(s, &fds);
	delete_keys(s->skel->maps.cpt_loop_fds, &fds);
	delete_keys(s->skel->maps.cpt_loop_epfds, &epfds);
	free(b);
	return err;
}

void loop_session__forget_instance(struct loop_session *s, uint32_t tgid, uint32_t epfd)
{
	const uint64_t key = (uint64_t)tgid << 32 | epfd;

	(void)bpf_map_delete_elem(bpf_map__fd(s->skel->maps.cpt_loop_epfds), &key);
}

void loop_session__losses(const struct loop_session *s, uint64_t losses[CPT_LOOP_LOSS_CNT])
{
	for (int i = 0; i < CPT_LOOP_LOSS_CNT; i++)
		losses[i] = __atomic_load_n(&s->skel->bss->cpt_loop_losses[i], __ATOMIC_RELAXED);
}

uint64_t loop_session__skipped(const struct loop_session *s)
{
	return bpf_common__recursion(s->skel->obj);
}

void loop_session__detach(struct loop_session *s)
{
	loop_probes__detach(s->skel);
}

void loop_session__free(struct loop_session *s)
{
	if (!s)
		return;
	ring_buffer__free(s->ring);
	if (s->insts)
		munmap(s->insts, s->insts_sz);
	loop_probes__destroy(s->skel);
	free(s);
}
