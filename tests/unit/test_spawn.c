// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_spawn.c - the command's start and signals: whatever comes, whenever it comes, is somebody's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/spawn.h"

#define CNT(a)	  (sizeof(a) / sizeof(*(a)))
#define REAL_TIME 1000 /* the first of these, and so on */

/* Of a minute, which none of these lasts. */
static char *const argv[] = {"sleep", "60", NULL};
static const struct spawn_opts opts = {.argv = argv};
static char line[256];

static void start(struct spawn_child *child)
{
	assert_int_equal(spawn__start(child, &opts, line, sizeof(line)), 0);
}

/* All that end a process and do not say that it is broken; but SIGUSR1, which main() has blocked. */
static const int ending[] = {SIGTERM, SIGHUP, SIGUSR2,	 SIGALRM, SIGVTALRM, SIGPROF,
			     SIGIO,   SIGPWR, SIGSTKFLT, SIGXCPU, REAL_TIME, REAL_TIME + 5};

static int number_of(int sig)
{
	return sig >= REAL_TIME ? SIGRTMIN + sig - REAL_TIME : sig;
}

static void await_end_by(struct spawn_child *child, int sig)
{
	spawn__wait(child);
	assert_true(WIFSIGNALED(child->status));
	assert_int_equal(WTERMSIG(child->status), sig);
	spawn__close(child);
}

/* What the terminal or a service manager sends to all, just as the command is let go. */
static void what_comes_to_the_waiting_child_is_the_commands(void **state)
{
	const int terminals[] = {SIGINT, SIGQUIT};
	struct spawn_child child;

	for (size_t i = 0; i < CNT(terminals) + CNT(ending); i++) {
		const int sig =
			i < CNT(terminals) ? terminals[i] : number_of(ending[i - CNT(terminals)]);

		start(&child);
		assert_int_equal(kill(child.pid, sig), 0);
		assert_int_equal(spawn__release(&child, &opts, line, sizeof(line)), 0);
		await_end_by(&child, sig);
	}
}

static void what_comes_to_the_tracer_is_handed_on(void **state)
{
	struct spawn_child child;

	for (size_t i = 0; i < CNT(ending); i++) {
		start(&child);
		assert_int_equal(spawn__release(&child, &opts, line, sizeof(line)), 0);
		raise(number_of(ending[i]));
		await_end_by(&child, number_of(ending[i]));
	}
}

/* What the kernel says of the tracer's own limit; a second later it would come again. */
static void the_tracers_own_limit_is_not_the_commands(void **state)
{
	struct spawn_child child;
	struct rlimit given, limit;

	start(&child);
	assert_int_equal(spawn__release(&child, &opts, line, sizeof(line)), 0);
	assert_false(spawn__out_of_time());
	assert_int_equal(getrlimit(RLIMIT_CPU, &given), 0);
	limit = (struct rlimit){1, given.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_CPU, &limit), 0);
	while (!spawn__out_of_time())
		;
	assert_int_equal(setrlimit(RLIMIT_CPU, &given), 0);
	assert_int_equal(spawn__interrupted(), 0);
	assert_false(spawn__reap(&child));
	kill(child.pid, SIGKILL);
	await_end_by(&child, SIGKILL);
}

/* Whoever wants his child to end with him has the command in its place. */
static void the_command_ends_with_who_started_us(void **state)
{
	struct spawn_child child;
	struct pollfd ended;
	int ends[2], parent, status;
	char byte;

	assert_int_equal(pipe(ends), 0);
	parent = fork();
	if (!parent) {
		const pid_t tracer = fork();

		if (!tracer) {
			if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() == 1 ||
			    spawn__start(&child, &opts, line, sizeof(line)) ||
			    spawn__release(&child, &opts, line, sizeof(line)) ||
			    write(ends[1], "", 1) != 1)
				_exit(1);
			pause();
		}
		close(ends[1]);
		_exit(read(ends[0], &byte, 1) != 1);
	}
	assert_int_equal(waitpid(parent, &status, 0), parent);
	assert_int_equal(status, 0);
	/* All ends of the pipe go with those that have it. */
	close(ends[1]);
	ended = (struct pollfd){.fd = ends[0], .events = POLLIN};
	assert_int_equal(poll(&ended, 1, 20000), 1);
	assert_int_equal(read(ends[0], &byte, 1), 0);
	close(ends[0]);
}

static void the_mask_and_dispositions_are_the_commands_own(void **state)
{
	/* No shell: it has dispositions of its own. */
	char *const show[] = {
		"grep", "-q", "-z", "SigBlk:.0*200[[:space:]]*SigIgn:.0*11000", "/proc/self/status",
		NULL};
	const struct spawn_opts grep = {.argv = show};
	struct spawn_child child;

	assert_int_equal(spawn__start(&child, &grep, line, sizeof(line)), 0);
	assert_int_equal(spawn__release(&child, &grep, line, sizeof(line)), 0);
	spawn__wait(&child);
	assert_true(WIFEXITED(child.status));
	assert_int_equal(WEXITSTATUS(child.status), 0);
	spawn__close(&child);
}

/* Whoever started us ignores what becomes of its children. */
static void how_the_command_has_ended_is_known(void **state)
{
	char *const seven[] = {"sh", "-c", "exit 7", NULL};
	const struct spawn_opts sh = {.argv = seven};
	struct spawn_child child;

	assert_int_equal(spawn__start(&child, &sh, line, sizeof(line)), 0);
	assert_int_equal(spawn__release(&child, &sh, line, sizeof(line)), 0);
	spawn__wait(&child);
	assert_true(WIFEXITED(child.status));
	assert_int_equal(WEXITSTATUS(child.status), 7);
	spawn__close(&child);
}

/* One that has ended takes nothing any more, though its number is still its own. */
static void what_comes_after_the_commands_end_is_ours(void **state)
{
	static const int signals[] = {SIGHUP, SIGINT};
	char *const nothing[] = {"true", NULL};
	const struct spawn_opts true_opts = {.argv = nothing};
	struct spawn_child child;
	siginfo_t ended;
	int status;

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++) {
		const pid_t pid = fork(); /* it stays interrupted */

		if (!pid) {
			if (spawn__start(&child, &true_opts, line, sizeof(line)) ||
			    spawn__release(&child, &true_opts, line, sizeof(line)) ||
			    waitid(P_PID, (id_t)child.pid, &ended, WEXITED | WNOWAIT))
				_exit(1);
			raise(signals[i]);
			_exit(spawn__interrupted() == signals[i] && spawn__reap(&child) ? 0 : 2);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status));
		assert_int_equal(WEXITSTATUS(status), 0);
	}
}

/* What no mask holds back reaches the waiting child itself. */
static void one_killed_while_it_waits_was_not_started(void **state)
{
	const int deadly[] = {SIGKILL, SIGABRT};
	struct spawn_child child;
	siginfo_t ended;

	for (size_t i = 0; i < CNT(deadly); i++) {
		start(&child);
		assert_int_equal(kill(child.pid, deadly[i]), 0);
		assert_int_equal(waitid(P_PID, (id_t)child.pid, &ended, WEXITED | WNOWAIT), 0);
		assert_int_equal(spawn__release(&child, &opts, line, sizeof(line)), -ECANCELED);
		assert_true(child.reaped);
		assert_non_null(strstr(line, "the command was killed before it was started: "));
		assert_non_null(strstr(line, strsignal(deadly[i])));
	}
}

/* The last one: it stays interrupted. */
static void what_came_before_keeps_the_command_from_running(void **state)
{
	struct spawn_child child;
	int fd;

	start(&child);
	raise(SIGTERM);
	fd = child.pidfd;
	assert_true(fd >= 0);
	assert_int_equal(spawn__release(&child, &opts, line, sizeof(line)), -ECANCELED);
	assert_int_equal(spawn__status_of(-ECANCELED), 125);
	assert_true(child.reaped);
	assert_true(WIFEXITED(child.status));
	assert_int_equal(spawn__interrupted(), SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_to_the_waiting_child_is_the_commands),
		cmocka_unit_test(what_comes_to_the_tracer_is_handed_on),
		cmocka_unit_test(the_tracers_own_limit_is_not_the_commands),
		cmocka_unit_test(the_command_ends_with_who_started_us),
		cmocka_unit_test(the_mask_and_dispositions_are_the_commands_own),
		cmocka_unit_test(how_the_command_has_ended_is_known),
		cmocka_unit_test(what_comes_after_the_commands_end_is_ours),
		cmocka_unit_test(one_killed_while_it_waits_was_not_started),
		cmocka_unit_test(what_came_before_keeps_the_command_from_running),
	};
	sigset_t blocked;

	/* As whoever started us left it: one that is blocked, two that are ignored. */
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR1);
	sigprocmask(SIG_SETMASK, &blocked, NULL);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGCHLD, SIG_IGN);
	spawn__signals();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
