// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_stat_chain.c - the probes of `stat` where switches fire no event: who is counted as gone, and when
 * the account ends.
 */
#include <bpf/bpf_helpers.h>

/* Others win the word so many times more, each time one of ours would. */
static int host_contended;

static bool host_swap(__u64 *word, __u64 old, __u64 new)
{
	if (host_contended > 0) {
		host_contended--;
		return false;
	}
	return __sync_bool_compare_and_swap(word, old, new);
}

#define __sync_val_compare_and_swap(word, old, new) (host_swap(word, old, new) ? (old) : ~(old))

#include "../../probes/stat.bpf.c"

#include "host_kernel.h"

#define STRIDE 8

static struct cpt_stat_cell cells[HOST_CPUS];
static __u64 profile[HOST_CPUS * STRIDE];

static int (*const switch_program)(__u64 *ctx) = cpt_stat_switch;

static void *host_elem(void *map, __u32 idx)
{
	if (map == &cpt_stat_cells)
		return &cells[idx];
	return map == &cpt_stat_profile ? &profile[idx] : NULL;
}

/* ---- the picture ----------------------------------------------------------------------------- */

static struct host_task x, p;

static void join(struct host_task *t, int tid)
{
	host_init(t, tid, 0);
	t->has_storage = true;
	cpt_stat_live_root++;
	cpt_stat_live_all++;
}

static void run_control(__u64 what)
{
	host_cpu = 0;
	cpt_stat_control(&what);
}

static int start(void **state)
{
	host_start();
	memset(cells, 0, sizeof(cells));
	memset(profile, 0, sizeof(profile));
	host_contended = 0;
	cpt_stat_shut_ns = cpt_stat_open = 0;
	cpt_stat_live_root = cpt_stat_live_all = 0;
	cpt_stat_root_tgid = 100;
	join(&x, 101);
	join(&p, 102);
	run_control(CPT_STAT_OPEN);
	for (host_cpu = 0; host_cpu < HOST_CPUS; host_cpu++)
		cpt_stat_check(NULL);
	return 0;
}

static void x_moved_unseen(void)
{
	go(0, &x);
	slip(0, &p);
	go(1, &x);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void death_elsewhere_counts_once(void **state)
{
	x_moved_unseen();
	will_die(&x);
	go(1, &host_cpus[1].idle);
	assert_int_equal(cpt_stat_live_root, 1);
	go(0, &host_cpus[0].idle); /* CPU 0 learns only now that X is not there */
	assert_int_equal(cells[0].mends, 1);
	assert_int_equal(cpt_stat_live_root, 1);
	assert_int_equal(cpt_stat_live_all, 1);
	assert_int_equal(cpt_stat_open, 1);
}

static void death_elsewhere_and_freed(void **state)
{
	x_moved_unseen();
	will_die(&x);
	go(1, &host_cpus[1].idle);
	x.task.pid = 999; /* the memory is another task's */
	go(0, &host_cpus[0].idle);
	assert_int_equal(cells[0].mends_failed, 0);
	assert_int_equal(cpt_stat_live_all, 1);
	assert_int_equal(cpt_stat_open, 1);
}

static void death_unseen_counts(void **state)
{
	go(0, &x);
	will_die(&x);
	slip(0, &p);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cpt_stat_live_root, 1);
	will_die(&p);
	go(1, &p);
	go(1, &host_cpus[1].idle);
	assert_int_equal(cpt_stat_live_root, 0);
}

/* A mark of one stint says nothing of the next. */
static void comes_back_and_dies_unseen(void **state)
{
	x_moved_unseen();
	go(0, &host_cpus[0].idle);
	go(1, &host_cpus[1].idle);
	go(0, &x);
	will_die(&x);
	slip(0, &p);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cpt_stat_live_all, 1);
}

static void account_that_cannot_be_shut_says_so(void **state)
{
	__u64 what = CPT_STAT_SHUT;

	host_contended = SHUT_TRIES;
	host_cpu = 0;
	assert_int_equal(cpt_stat_control(&what), 1);
	assert_int_equal(cpt_stat_shut_ns, 0);
	assert_int_equal(cpt_stat_control(&what), 0);
	assert_true(cpt_stat_shut_ns > 0);
	assert_int_equal(cpt_stat_open, 0);
	assert_int_equal(cpt_stat_control(&what), 0); /* it is */
}

/* A change that is put off leaves R one off until it is made up for. */
static void what_is_owed_is_in_doubt(void **state)
{
	host_contended = TURN_TRIES;
	go(0, &x);
	assert_int_equal(cells[0].given_up, 1);
	assert_int_equal(cells[0].owed, 1);
	assert_int_equal(cells[0].doubt_ns, 0);
	go(1, &p);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cells[0].owed, 0);
	assert_in_range(cells[0].doubt_ns, 2 * STEP_NS, 2 * STEP_NS + 100);
	assert_int_equal(cells[1].doubt_ns, 0);
}

/* Who has been freed left at any time since it came. */
static void departure_that_nobody_knows_is_in_doubt(void **state)
{
	go(0, &x);
	slip(0, &host_cpus[0].idle);
	slip(0, &host_cpus[0].idle);
	x.task.pid = 999;
	go(0, &p);
	assert_int_equal(cells[0].mends_failed, 1);
	assert_in_range(cells[0].doubt_ns, 2 * STEP_NS, 3 * STEP_NS + 100);
}

/* Between one of ours and the next others may have run. */
static void gap_within_ours_is_in_doubt(void **state)
{
	go(0, &x);
	slip(0, &host_cpus[0].idle);
	slip(0, &p);
	go(0, &host_cpus[0].idle);
	assert_int_equal(cells[0].mends, 1);
	assert_in_range(cells[0].doubt_ns, STEP_NS - 100, STEP_NS + 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(death_elsewhere_counts_once, start),
		cmocka_unit_test_setup(death_elsewhere_and_freed, start),
		cmocka_unit_test_setup(death_unseen_counts, start),
		cmocka_unit_test_setup(comes_back_and_dies_unseen, start),
		cmocka_unit_test_setup(what_is_owed_is_in_doubt, start),
		cmocka_unit_test_setup(departure_that_nobody_knows_is_in_doubt, start),
		cmocka_unit_test_setup(gap_within_ours_is_in_doubt, start),
		cmocka_unit_test_setup(account_that_cannot_be_shut_says_so, start),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
