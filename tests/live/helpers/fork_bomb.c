// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * fork_bomb MS - every process forks as often as it can, for MS ms; then all of them end. Prints how many were
 * made, how often that was refused, and the CPU time that all of them have used, by the kernel, in us. Whoever
 * starts it has seen to a limit.
 */
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

#define REFUSED_MAX 1000000

struct account {
	_Atomic unsigned int made, refused;
	uint64_t end_ns;
};

static uint64_t now_ns(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at))
		die("clock_gettime");
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

static uint64_t used_us(int who)
{
	struct rusage u;

	if (getrusage(who, &u))
		die("getrusage");
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000 +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void breed(struct account *a)
{
	while (now_ns() < a->end_ns && a->refused < REFUSED_MAX) {
		pid_t pid = fork();

		if (pid > 0)
			a->made++;
		else if (pid < 0)
			a->refused++;
		/* Those that have ended make room. */
		while (pid < 0 && waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

int main(int argc, char **argv)
{
	struct account *a =
		mmap(NULL, sizeof(*a), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	const pid_t first = getpid();

	if (argc != 2 || a == MAP_FAILED)
		return 2;
	/* Orphans come to us. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
		die("prctl");
	a->end_ns = now_ns() + (uint64_t)atoi(argv[1]) * NS_PER_MS;
	breed(a);
	if (getpid() != first)
		_exit(0);
	while (wait(NULL) > 0 || errno == EINTR)
		;
	printf("%u %u %llu\n", a->made, a->refused,
	       (unsigned long long)(used_us(RUSAGE_SELF) + used_us(RUSAGE_CHILDREN)));
	return 0;
}
