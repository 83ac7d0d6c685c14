// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * daemonize FILE MS - leaves a daemon behind (fork, setsid, fork) that computes for MS ms and then
 * makes FILE; the first process computes for 100 ms.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"

static void be_daemon(const char *path, int ms)
{
	int fd;

	burn_ms(ms);
	fd = open(path, O_CREAT | O_WRONLY, 0644);
	if (fd < 0)
		die(path);
	close(fd);
	_exit(0);
}

int main(int argc, char **argv)
{
	pid_t child, daemon;

	if (argc != 3)
		return 2;
	child = fork();
	if (child < 0)
		die("fork");
	if (!child) {
		if (setsid() < 0)
			die("setsid");
		daemon = fork();
		if (daemon < 0)
			die("fork");
		if (!daemon)
			be_daemon(argv[1], atoi(argv[2]));
		_exit(0);
	}
	if (waitpid(child, NULL, 0) < 0)
		die("waitpid");
	burn_ms(100);
	return 0;
}
