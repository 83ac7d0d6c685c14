// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_chain.c - the recording probes where switches fire no event, and where a ring is full: who is
 * counted as gone, and what the records say.
 */
#include "../../probes/state.bpf.c"
#include "../../probes/sched.bpf.c"
#include "../../probes/lifecycle.bpf.c"
#include "../../probes/tasks.bpf.c"

#include "host_kernel.h"

#define SLOTS 1024 /* 1 << cpt_slots_shift */

static struct cpt_cell cells[HOST_CPUS];
static struct cpt_slot slots[HOST_CPUS * SLOTS];

static int (*const switch_program)(__u64 *ctx) = cpt_sched_switch;

static void *host_elem(void *map, __u32 idx)
{
	if (map == &cpt_cells)
		return &cells[idx];
	return map == &cpt_recs ? &slots[idx] : NULL;
}

/* ---- the picture ----------------------------------------------------------------------------- */

static struct host_task x, p;

static struct cpt_task *storage(struct host_task *t)
{
	return (struct cpt_task *)t->storage;
}

static void is_ours(struct host_task *t, int tid, __u32 id)
{
	host_init(t, tid, 0);
	t->has_storage = true;
	storage(t)->id = id;
	storage(t)->run_state = CPT_RUN_BLOCKED;
	storage(t)->nr_cpus_allowed = HOST_CPUS;
	cpt_live_all++;
	cpt_live_root++;
}

static void wake(struct host_task *t)
{
	__u64 ctx[1] = {(__u64)&t->task};

	host_now += STEP_NS;
	cpt_sched_waking(ctx);
	t->task.__state = 0;
	t->task.on_rq = 1;
}

/* X, number 1, and P, number 2, of one process; both CPUs idle and looked at. */
static int start(void **state)
{
	host_start();
	host_storage_sz = sizeof(struct cpt_task);
	memset(cells, 0, sizeof(cells));
	memset(slots, 0, sizeof(slots));
	cpt_live_root = cpt_live_all = 0;
	cpt_root_tgid = 100;
	cpt_last_id = 2;
	is_ours(&x, 101, 1);
	is_ours(&p, 102, 2);
	for (host_cpu = 0; host_cpu < HOST_CPUS; host_cpu++) {
		__u64 ctx[1] = {0};

		cpt_cell_check(ctx);
	}
	return 0;
}

/* The last record in which task came in on cpu (comes) or left it, and how many there are. */
static const struct cpt_rec_switch *last_of(__u32 cpu, __u32 task, bool comes, size_t *cnt)
{
	const struct cpt_rec_switch *found = NULL;

	*cnt = 0;
	for (__u64 i = 0; i < cells[cpu].head; i++) {
		const struct cpt_rec_switch *rec = (const void *)&slots[cpu * SLOTS + i];

		if (rec->type != CPT_REC_SWITCH || (comes ? rec->next : rec->prev) != task)
			continue;
		found = rec;
		++*cnt;
	}
	assert_non_null(found);
	return found;
}

/* The one record in which task left cpu. */
static const struct cpt_rec_switch *leaving(__u32 cpu, __u32 task)
{
	size_t cnt;
	const struct cpt_rec_switch *rec = last_of(cpu, task, false, &cnt);

	assert_int_equal(cnt, 1);
	return rec;
}

/* The last record in which it came in. */
static const struct cpt_rec_switch *coming(__u32 cpu, __u32 task)
{
	size_t cnt;

	return last_of(cpu, task, true, &cnt);
}

/* X came in on CPU 0, left it for P without an event, and is on CPU 1 by a wake-up. */
static void x_moved_unseen(void)
{
	go(0, &x);
	will_block(&x);
	slip(0, &p);
	wake(&x);
	go(1, &x);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void death_elsewhere_counts_once(void **state)
{
	x_moved_unseen();
	will_die(&x);
	go(1, &host_cpus[1].idle);
	assert_int_equal(cpt_live_root, 1);
	go(0, &host_cpus[0].idle); /* CPU 0 learns only now that X is not there */
	assert_int_equal(cells[0].mends, 1);
	assert_int_equal(cpt_live_root, 1);
	assert_int_equal(cpt_live_all, 1);
	assert_int_equal(host_submitted(CPT_REC_EXIT), 1);
	assert_int_equal(leaving(0, 1)->flags & CPT_SW_PREV_DEAD, 0);
	assert_int_equal(leaving(1, 1)->flags & CPT_SW_PREV_DEAD, CPT_SW_PREV_DEAD);
}

static void death_elsewhere_and_freed(void **state)
{
	x_moved_unseen();
	will_die(&x);
	go(1, &host_cpus[1].idle);
	x.task.pid = 999; /* the memory is another task's */
	go(0, &host_cpus[0].idle);
	assert_int_equal(cpt_live_all, 1);
	assert_int_equal(cells[0].mends_failed, 0);
	assert_int_equal(leaving(0, 1)->flags & CPT_SW_PREV_BLOCKED, CPT_SW_PREV_BLOCKED);
}

static void what_it_waits_for_elsewhere_is_not_why_it_left(void **state)
{
	x_moved_unseen();
	x.regs.orig_ax = 35; /* nanosleep */
	will_block(&x);
	go(1, &host_cpus[1].idle);
	go(0, &host_cpus[0].idle);
	assert_int_equal(leaving(0, 1)->flags, CPT_SW_MENDED | CPT_SW_PREV_BLOCKED |
						       (leaving(0, 1)->flags & CPT_SW_NEXT_WOKEN));
	assert_int_equal(leaving(0, 1)->sysno, CPT_SYSNO_OTHER);
	assert_int_equal(leaving(1, 1)->sysno, 35);
}

static void preempted_unseen_and_blocked_elsewhere(void **state)
{
	go(0, &x);
	slip(0, &p); /* preempted: on the run queue still */
	go(1, &x);
	will_block(&x);
	go(1, &host_cpus[1].idle);
	go(0, &host_cpus[0].idle);
	assert_int_equal(leaving(0, 1)->flags & (CPT_SW_MENDED | CPT_SW_PREV_BLOCKED),
			 CPT_SW_MENDED);
}

/* It comes in unseen there as well: found when it leaves. */
static void arrival_elsewhere_unseen_too(void **state)
{
	go(0, &x);
	will_block(&x);
	slip(0, &p);
	wake(&x);
	slip(1, &x);
	will_die(&x);
	go(1, &host_cpus[1].idle);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cpt_live_all, 1);
	assert_int_equal(host_submitted(CPT_REC_EXIT), 1);
}

/* X blocks, is woken, and comes in unseen. Returns when it was woken. */
static __u64 comes_in_unseen(void)
{
	go(0, &x);
	will_block(&x);
	go(0, &host_cpus[0].idle);
	wake(&x);
	slip(0, &x);
	return storage(&x)->wake.ts_ns;
}

/* It runs since its first wake-up: another one takes nothing of that. */
static void woken_again_where_it_runs_unseen(void **state)
{
	__u64 first = comes_in_unseen();

	host_now += 100 * STEP_NS;
	wake(&x);
	go(0, &host_cpus[0].idle);
	assert_int_equal(coming(0, 1)->wake_ts_ns, first);
	assert_int_equal(coming(0, 1)->flags & (CPT_SW_MENDED | CPT_SW_NEXT_WOKEN),
			 CPT_SW_MENDED | CPT_SW_NEXT_WOKEN);
}

/* And where it was on its way into the next wait, it has ended that, as one of a task seen coming does. */
static void woken_again_on_the_way_out_of_an_unseen_stint(void **state)
{
	__u64 ctx[1] = {(__u64)&x.task}, first = comes_in_unseen();

	host_now += 100 * STEP_NS;
	will_block(&x);
	cpt_sched_waking(ctx); /* its waker waits until it has left */
	go(0, &host_cpus[0].idle);
	assert_int_equal(coming(0, 1)->wake_ts_ns, first);
	host_now += 100 * STEP_NS;
	x.task.__state = 0;
	go(0, &x);
	assert_int_equal(coming(0, 1)->flags & CPT_SW_NEXT_WOKEN, CPT_SW_NEXT_WOKEN);
	assert_int_equal(coming(0, 1)->wake_ts_ns, storage(&x)->out_ts_ns);
}

/* It has blocked again, and a stint that was not seen at all is nothing: the last wake-up ends the wait. */
static void blocked_and_woken_again_unseen(void **state)
{
	__u64 first = comes_in_unseen();

	will_block(&x);
	slip(0, &host_cpus[0].idle);
	wake(&x);
	go(0, &x);
	assert_true(coming(0, 1)->wake_ts_ns > first);
}

/* What was kept aside in a stint that was not seen to end says nothing of the next one. */
static void woken_again_unseen_and_gone_unseen(void **state)
{
	__u64 last;

	comes_in_unseen();
	wake(&x);
	will_block(&x);
	slip(0, &host_cpus[0].idle);
	host_now += 100 * STEP_NS;
	wake(&x);
	last = storage(&x)->wake.ts_ns;
	host_now += 100 * STEP_NS;
	slip(0, &x);
	go(0, &host_cpus[0].idle);
	assert_int_equal(coming(0, 1)->wake_ts_ns, last);
}

/* The second wake-up is being written down by another CPU, all but its time, while the coming is rebuilt. */
static void woken_again_at_that_moment(void **state)
{
	__u64 first = comes_in_unseen();
	struct cpt_task *t = storage(&x);

	t->first = t->wake;
	t->first.waker = 77;
	go(0, &host_cpus[0].idle);
	assert_int_equal(coming(0, 1)->wake_ts_ns, first);
	assert_int_equal(coming(0, 1)->waker, 77);
}

/* A mark of one stint says nothing of the next. */
static void comes_back_and_dies_unseen(void **state)
{
	x_moved_unseen();
	go(0, &host_cpus[0].idle);
	will_block(&x);
	go(1, &host_cpus[1].idle);
	wake(&x);
	go(0, &x);
	will_die(&x);
	slip(0, &p);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cpt_live_all, 1);
	assert_int_equal(host_submitted(CPT_REC_EXIT), 1);
}

static void unseen_death_counts_with_a_full_ring(void **state)
{
	go(0, &x);
	cells[0].tail = cells[0].head - SLOTS; /* no room */
	will_die(&x);
	slip(0, &p);
	go(0, &host_cpus[0].idle);
	assert_true(cells[0].dropped > 0);
	assert_int_equal(cpt_live_root, 1);
	assert_int_equal(cpt_live_all, 1);
	assert_int_equal(host_submitted(CPT_REC_EXIT), 1);
}

static void unseen_death_counts_with_a_full_lifecycle_ring(void **state)
{
	__u64 before = cpt_losses[CPT_LOSS_LIFE_RING_FULL];

	go(0, &x);
	host_ring_full = true;
	will_die(&x);
	slip(0, &p);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cpt_live_all, 1);
	assert_int_equal(cpt_losses[CPT_LOSS_LIFE_RING_FULL], before + 1);
}

static void tasks_behind_the_last_number_are_lost(void **state)
{
	struct host_task child;
	__u64 ctx[2] = {(__u64)&child.task, CLONE_THREAD},
	      before = cpt_losses[CPT_LOSS_TASK_STORAGE];

	go(0, &x);
	host_cpu = 0;
	host_init(&child, 103, 0);
	cpt_last_id = CPT_TASK_MAX - CPT_MAX_CPUS - 1;
	cpt_task_newtask(ctx);
	assert_true(child.has_storage);
	assert_int_equal(storage(&child)->id, CPT_TASK_MAX - CPT_MAX_CPUS);
	assert_int_equal(cpt_losses[CPT_LOSS_TASK_STORAGE], before);
	host_init(&child, 104, 0);
	cpt_task_newtask(ctx);
	assert_false(child.has_storage);
	assert_int_equal(cpt_losses[CPT_LOSS_TASK_STORAGE], before + 1);
}

/* Another CPU looks at all tasks' masks, of which this is one. */
static void look_at(struct task_struct *task)
{
	struct bpf_iter__task ctx = {.task = task};

	cpt_affinity_read(&ctx);
}

static void a_task_without_a_number_is_not_told_of(void **state)
{
	struct host_task child;
	__u64 ctx[2] = {(__u64)&child.task, CLONE_THREAD};
	const size_t masks = host_submitted(CPT_REC_AFFINITY);

	go(0, &x);
	host_init(&child, 103, 0);
	host_created = look_at;
	cpt_task_newtask(ctx);
	host_created = NULL;
	assert_int_equal(host_submitted(CPT_REC_AFFINITY), masks);
	assert_int_equal(storage(&child)->flags, 0);
	assert_int_not_equal(storage(&child)->id, 0);
	child.task.cpus_mask.bits[0] = 1;
	child.task.nr_cpus_allowed = 1;
	look_at(&child.task);
	assert_int_equal(host_submitted(CPT_REC_AFFINITY), masks + 1);
}

static void a_birth_that_finds_no_room_is_counted_and_let_in(void **state)
{
	struct host_task child;
	__u64 ctx[2] = {(__u64)&child.task, CLONE_THREAD},
	      before = cpt_losses[CPT_LOSS_LIFE_RING_FULL];

	go(0, &x);
	host_init(&child, 103, 0);
	host_ring_full = true;
	cpt_task_newtask(ctx);
	assert_int_equal(cpt_losses[CPT_LOSS_LIFE_RING_FULL], before + 1);
	assert_int_equal(storage(&child)->flags, 0);
	assert_int_not_equal(storage(&child)->id, 0);
}

/* Of 128 CPUs. What a look at a task that sleeps says of its mask: how many records. */
static size_t look(__u64 first, __u64 second)
{
	struct bpf_iter__task ctx = {.task = &p.task};
	const size_t before = host_submitted(CPT_REC_AFFINITY);

	p.task.cpus_mask.bits[0] = first;
	p.task.cpus_mask.bits[1] = second;
	p.task.nr_cpus_allowed = __builtin_popcountll(first) + __builtin_popcountll(second);
	cpt_affinity_read(&ctx);
	return host_submitted(CPT_REC_AFFINITY) - before;
}

static void a_mask_beyond_the_first_64_cpus_is_compared(void **state)
{
	look(0, 1);
	assert_int_equal(look(0, 1), 0);
	assert_int_equal(look(0, 2), 1);
	assert_int_equal(look(0, 2), 0);
	assert_int_equal(look(0, 0xffffffff), 1);
	assert_int_equal(look(0, 0xffffffffull << 32), 1);
	assert_int_equal(look(1, 0x7fffffffull << 33), 1);
	assert_int_equal(look(1, 0x7fffffffull << 33), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(death_elsewhere_counts_once, start),
		cmocka_unit_test_setup(death_elsewhere_and_freed, start),
		cmocka_unit_test_setup(what_it_waits_for_elsewhere_is_not_why_it_left, start),
		cmocka_unit_test_setup(preempted_unseen_and_blocked_elsewhere, start),
		cmocka_unit_test_setup(arrival_elsewhere_unseen_too, start),
		cmocka_unit_test_setup(woken_again_where_it_runs_unseen, start),
		cmocka_unit_test_setup(woken_again_on_the_way_out_of_an_unseen_stint, start),
		cmocka_unit_test_setup(blocked_and_woken_again_unseen, start),
		cmocka_unit_test_setup(woken_again_unseen_and_gone_unseen, start),
		cmocka_unit_test_setup(woken_again_at_that_moment, start),
		cmocka_unit_test_setup(comes_back_and_dies_unseen, start),
		cmocka_unit_test_setup(unseen_death_counts_with_a_full_ring, start),
		cmocka_unit_test_setup(unseen_death_counts_with_a_full_lifecycle_ring, start),
		cmocka_unit_test_setup(tasks_behind_the_last_number_are_lost, start),
		cmocka_unit_test_setup(a_task_without_a_number_is_not_told_of, start),
		cmocka_unit_test_setup(a_birth_that_finds_no_room_is_counted_and_let_in, start),
		cmocka_unit_test_setup(a_mask_beyond_the_first_64_cpus_is_compared, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
