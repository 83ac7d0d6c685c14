// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_loop_procs.c - of processes with loops, which have ended. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../collector/loop_procs.h"

#define MANY 200

static pid_t child(void)
{
	const pid_t pid = fork();

	if (!pid) {
		pause();
		_exit(0);
	}
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

/* Every second one of many ends: all of them are told at once, in order, and the others stay. */
static void all_that_have_ended_are_told_at_once(void **state)
{
	struct loop_procs p = {0};
	pid_t pids[MANY];

	for (int i = 0; i < MANY; i++) {
		pids[i] = child();
		assert_int_equal(loop_procs__note(&p, (uint32_t)pids[i]), 0);
		assert_int_equal(loop_procs__note(&p, (uint32_t)pids[i / 2]), 0);
	}
	assert_int_equal(p.cnt, MANY);
	assert_int_equal(loop_procs__part(&p), MANY);
	for (int i = 0; i < MANY; i += 2)
		end(pids[i]);
	for (int again = 0; again < 2; again++) { /* as where they could not be forgotten */
		const size_t living = loop_procs__part(&p);
		const uint32_t *ended = p.list + living;

		assert_int_equal(living, MANY / 2);
		assert_int_equal(p.cnt, MANY);
		for (int i = 0; i < MANY; i++)
			assert_int_equal(loop_procs__among(ended, MANY / 2, (uint32_t)pids[i]),
					 i % 2 == 0);
		for (int i = 1; i < MANY / 2; i++)
			assert_true(ended[i - 1] < ended[i]);
	}
	p.cnt = MANY / 2;
	assert_int_equal(loop_procs__part(&p), MANY / 2);
	for (int i = 1; i < MANY; i += 2)
		end(pids[i]);
	assert_int_equal(loop_procs__part(&p), 0);
	loop_procs__free(&p);
}

static void of_none_there_are_none(void **state)
{
	struct loop_procs p = {0};

	assert_int_equal(loop_procs__part(&p), 0);
	assert_false(loop_procs__among(p.list, 0, 1));
	loop_procs__free(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_have_ended_are_told_at_once),
		cmocka_unit_test(of_none_there_are_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
