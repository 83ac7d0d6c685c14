// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reuse_pid N - N children one after the other, all with the same pid (clone3 with set_tid, which
 * root may use), each computing 20 ms.
 */
#include <linux/sched.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "helper.h"

static pid_t fork_as(pid_t wanted)
{
	struct clone_args args;

	memset(&args, 0, sizeof(args));
	args.exit_signal = SIGCHLD;
	if (wanted) {
		args.set_tid = (uint64_t)(uintptr_t)&wanted;
		args.set_tid_size = 1;
	}
	return (pid_t)syscall(SYS_clone3, &args, sizeof(args));
}

int main(int argc, char **argv)
{
	long left = argc == 2 ? strtol(argv[1], NULL, 10) : 0;
	pid_t pid = 0;

	if (left <= 0)
		return 2;
	while (left-- > 0) {
		pid_t child = fork_as(pid);

		if (child < 0)
			die("clone3");
		if (!child) {
			burn_ms(20);
			_exit(0);
		}
		pid = child;
		if (waitpid(pid, NULL, 0) != pid)
			die("waitpid");
	}
	return 0;
}
