// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * vforker - vforks a child that computes 200 ms before it ends; the parent stands still meanwhile.
 */
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

int main(void)
{
	pid_t pid = vfork();
	int status;

	if (pid < 0)
		die("vfork");
	if (!pid) {
		burn_ms(200);
		_exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		die("waitpid");
	return status;
}
