// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * many_rings.c - io_urings in waves: so many at a time, each used, all closed, and again.
 *
 *   many_rings AT_A_TIME WAVES
 *
 * Each reads READS times from /dev/zero. Prints one line of JSON: rings, completed.
 */
#include <errno.h>
#include <fcntl.h>
#include <liburing.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define AT_A_TIME_MAX 400
#define READS	      5

static void die(const char *what, int err)
{
	fprintf(stderr, "many_rings: %s: %s\n", what, strerror(err));
	exit(1);
}

static void use(struct io_uring *ring, int fd)
{
	struct io_uring_cqe *cqe;
	char byte;
	int err;

	for (int i = 0; i < READS; i++) {
		struct io_uring_sqe *sqe = io_uring_get_sqe(ring);

		if (!sqe)
			die("no room in a ring", ENOSPC);
		io_uring_prep_read(sqe, fd, &byte, 1, 0);
		err = io_uring_submit_and_wait(ring, 1);
		if (err < 0)
			die("io_uring_enter", -err);
		err = io_uring_wait_cqe(ring, &cqe);
		if (err || cqe->res != 1)
			die("a read", err ? -err : EIO);
		io_uring_cqe_seen(ring, cqe);
	}
}

int main(int argc, char **argv)
{
	static struct io_uring rings[AT_A_TIME_MAX];
	const int at_a_time = argc == 3 ? atoi(argv[1]) : 0, waves = argc == 3 ? atoi(argv[2]) : 0;
	const int fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	int err;

	if (fd < 0)
		die("/dev/zero", errno);
	if (at_a_time < 1 || at_a_time > AT_A_TIME_MAX || waves < 1) {
		fprintf(stderr, "usage: many_rings AT_A_TIME WAVES\n");
		return 2;
	}
	for (int wave = 0; wave < waves; wave++) {
		for (int i = 0; i < at_a_time; i++) {
			err = io_uring_queue_init(2, &rings[i], 0);
			if (err)
				die("io_uring_setup", -err);
			use(&rings[i], fd);
		}
		for (int i = 0; i < at_a_time; i++)
			io_uring_queue_exit(&rings[i]);
	}
	printf("{\"rings\": %d, \"completed\": %d}\n", at_a_time * waves,
	       at_a_time * waves * READS);
	return 0;
}
