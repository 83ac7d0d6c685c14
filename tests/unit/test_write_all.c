// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_write_all.c - an output is whole, whatever its reader does and whatever signals come. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/write_all.h"

#define MUCH (1u << 20) /* more than any pipe holds at once */

static char text[MUCH];

/* Its status is 0 if it read as much as was written, 1 if not. */
static pid_t start_slow_reader(const int ends[2])
{
	char buf[4096];
	size_t sum = 0;
	ssize_t n;
	pid_t pid = fork();

	if (pid)
		return pid;
	close(ends[1]);
	usleep(20000);
	while ((n = read(ends[0], buf, sizeof(buf))) > 0)
		sum += (size_t)n;
	_exit(sum != MUCH);
}

/* often: how often a signal comes meanwhile. From when there is a reader: a fork would begin anew each time. */
static void assert_all_arrives(int flags, const struct itimerval *often)
{
	const struct itimerval never = {{0, 0}, {0, 0}};
	int ends[2], status;
	pid_t pid;

	assert_int_equal(pipe2(ends, flags), 0);
	/* The reader's end is its own: it blocks. */
	assert_int_equal(fcntl(ends[0], F_SETFL, 0), 0);
	pid = start_slow_reader(ends);
	close(ends[0]);
	setitimer(ITIMER_REAL, often, NULL);
	assert_int_equal(write_all(ends[1], text, MUCH), 0);
	setitimer(ITIMER_REAL, &never, NULL);
	close(ends[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void one_who_shares_the_descriptor_has_told_it_not_to_block(void **state)
{
	const struct itimerval never = {{0, 0}, {0, 0}};

	assert_all_arrives(O_NONBLOCK, &never);
}

static void on_alarm(int sig)
{
	(void)sig;
}

static void signals_come(void **state)
{
	struct sigaction action = {.sa_handler = on_alarm};
	const struct itimerval often = {{0, 1000}, {0, 1000}};

	sigaction(SIGALRM, &action, NULL);
	assert_all_arrives(0, &often);
	assert_all_arrives(O_NONBLOCK, &often);
}

static void what_cannot_be_written_is_told(void **state)
{
	const int full = open("/dev/full", O_WRONLY);
	int ends[2];

	assert_true(full >= 0);
	assert_int_equal(write_all(full, "x", 1), -ENOSPC);
	close(full);
	assert_int_equal(write_all(-1, "x", 1), -EBADF);
	assert_int_equal(write_all(-1, "", 0), 0);
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(pipe2(ends, O_NONBLOCK), 0);
	close(ends[0]);
	assert_int_equal(write_all(ends[1], text, MUCH), -EPIPE);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_who_shares_the_descriptor_has_told_it_not_to_block),
		cmocka_unit_test(signals_come),
		cmocka_unit_test(what_cannot_be_written_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
