// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * holds_child TIMES MS - traces a child with ptrace, which stops TIMES times and is held for MS ms each time,
 * and computes for 10 ms in between. Prints the child's number and for how long it was held, in ns, from when
 * its stop was told to when it was let go.
 */
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

static uint64_t now_ns(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at))
		die("clock_gettime");
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

static void be_child(int times)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		die("PTRACE_TRACEME");
	for (int i = 0; i < times; i++) {
		raise(SIGSTOP);
		burn_ms(10);
	}
	_exit(0);
}

int main(int argc, char **argv)
{
	const int times = argc == 3 ? atoi(argv[1]) : 0, ms = argc == 3 ? atoi(argv[2]) : 0;
	const struct timespec hold = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
	uint64_t held_ns = 0, begun;
	int status;
	pid_t child;

	if (times <= 0)
		return 2;
	child = fork();
	if (child < 0)
		die("fork");
	if (!child)
		be_child(times);
	while (waitpid(child, &status, 0) == child && WIFSTOPPED(status)) {
		begun = now_ns();
		nanosleep(&hold, NULL);
		held_ns += now_ns() - begun;
		if (ptrace(PTRACE_CONT, child, NULL, NULL))
			die("PTRACE_CONT");
	}
	printf("%d %llu\n", child, (unsigned long long)held_ns);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
