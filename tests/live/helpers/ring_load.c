// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ring_load.c - one thread keeps a number of reads in flight in an io_uring, and says what it saw.
 *
 *   ring_load KIND DEPTH READS
 *     inline    of /dev/zero: done at once, as they are submitted
 *     armed     of pipes that have nothing to read yet: the kernel arms a poll for each
 *     punted    the same with IOSQE_ASYNC: a worker of the kernel blocks in each
 *     polled    as armed, submitted through a kernel thread (SQPOLL)
 *
 * A child writes a byte to every pipe each PERIOD_US. Prints one line of JSON: completed; peak, the
 * most in flight; in_flight, their mean from first submission to the last (span_ns), from just before
 * a submission to just behind its completion being seen; delay_ns: for how long it was
 * ready and had no CPU, and so saw completions late; polled: sq_total_us, sq_work_us, what the kernel says
 * the thread ran and worked, 0 where it does not (before 6.8).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <liburing.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define DEPTH_MAX 256
#define PERIOD_US 5000

static void die(const char *what, int err)
{
	fprintf(stderr, "ring_load: %s: %s\n", what, strerror(err));
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

struct load {
	struct io_uring ring;
	bool async;
	unsigned depth, in_flight, peak;
	uint64_t begun_ns[DEPTH_MAX];
	uint64_t sum_ns;
	int in[DEPTH_MAX], out[DEPTH_MAX];
	char byte[DEPTH_MAX];
};

static void submit(struct load *l, unsigned i)
{
	struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);

	if (!sqe)
		die("no room in the ring", ENOSPC);
	io_uring_prep_read(sqe, l->in[i], &l->byte[i], 1, (uint64_t)-1);
	if (l->async)
		sqe->flags |= IOSQE_ASYNC;
	io_uring_sqe_set_data64(sqe, i);
	l->begun_ns[i] = now_ns();
	if (++l->in_flight > l->peak)
		l->peak = l->in_flight;
}

/* Writes until it is killed. */
static void feed(const struct load *l)
{
	const struct timespec period = {.tv_nsec = PERIOD_US * 1000};

	for (;;) {
		nanosleep(&period, NULL);
		for (unsigned i = 0; i < l->depth; i++)
			if (write(l->out[i], "x", 1) != 1)
				_exit(1);
	}
}

static pid_t open_files(struct load *l, bool pipes)
{
	pid_t child;

	for (unsigned i = 0; i < l->depth; i++) {
		int ends[2];

		if (!pipes) {
			l->in[i] = open("/dev/zero", O_RDONLY | O_CLOEXEC);
			if (l->in[i] < 0)
				die("/dev/zero", errno);
			continue;
		}
		if (pipe(ends))
			die("pipe", errno);
		l->in[i] = ends[0];
		l->out[i] = ends[1];
	}
	if (!pipes)
		return 0;
	child = fork();
	if (child < 0)
		die("fork", errno);
	if (!child) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_NAME, "feeder"))
			_exit(1);
		feed(l);
	}
	return child;
}

/* A line of the ring's fdinfo, "SqWorkTime:\t1234"; 0 if there is none. */
static unsigned long fdinfo(int fd, const char *key)
{
	unsigned long value = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	f = fopen(path, "re");
	if (!f)
		die(path, errno);
	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, key, strlen(key)) && line[strlen(key)] == ':')
			value = strtoul(line + strlen(key) + 1, NULL, 10);
	fclose(f);
	return value;
}

/* How long this thread was ready and had no CPU. */
static unsigned long run_delay_ns(void)
{
	unsigned long ran, delay = 0;
	FILE *f = fopen("/proc/thread-self/schedstat", "re");

	if (!f || fscanf(f, "%lu %lu", &ran, &delay) != 2)
		die("/proc/thread-self/schedstat", errno);
	fclose(f);
	return delay;
}

/* Keeps depth reads in flight until the last of them is submitted. */
static void run(struct load *l, unsigned long reads)
{
	const uint64_t since = now_ns();
	unsigned long submitted = 0, completed = 0;
	struct io_uring_cqe *cqe;
	uint64_t until = since, now;
	int err;

	for (; submitted < l->depth; submitted++)
		submit(l, (unsigned)submitted);
	while (completed < reads) {
		err = io_uring_submit_and_wait(&l->ring, 1);
		if (err < 0 && err != -EINTR)
			die("io_uring_enter", -err);
		while (!io_uring_peek_cqe(&l->ring, &cqe)) {
			const unsigned i = (unsigned)cqe->user_data;

			if (cqe->res != 1)
				die("a read", cqe->res < 0 ? -cqe->res : EIO);
			/* Behind the last submission nothing counts: fewer are in flight then. */
			now = submitted == reads ? until : now_ns();
			if (now > l->begun_ns[i])
				l->sum_ns += now - l->begun_ns[i];
			l->in_flight--;
			completed++;
			io_uring_cqe_seen(&l->ring, cqe);
			if (submitted < reads) {
				submit(l, i);
				if (++submitted == reads)
					until = now_ns();
			}
		}
	}
	printf("{\"completed\": %lu, \"peak\": %u, \"in_flight\": %.4f, \"span_ns\": [%" PRIu64
	       ", %" PRIu64 "], \"delay_ns\": %lu, \"sq_total_us\": %lu, \"sq_work_us\": %lu}\n",
	       completed, l->peak, (double)l->sum_ns / (double)(until - since), since, until,
	       run_delay_ns(), fdinfo(l->ring.ring_fd, "SqTotalTime"),
	       fdinfo(l->ring.ring_fd, "SqWorkTime"));
}

int main(int argc, char **argv)
{
	static struct load l;
	const unsigned long reads = argc == 4 ? strtoul(argv[3], NULL, 10) : 0;
	const unsigned long depth = argc == 4 ? strtoul(argv[2], NULL, 10) : 0;
	bool pipes;
	pid_t child;
	int err;

	if (!depth || depth > DEPTH_MAX || reads <= depth) {
		fprintf(stderr, "usage: ring_load inline|armed|punted|polled DEPTH READS\n");
		return 2;
	}
	pipes = strcmp(argv[1], "inline") != 0;
	l.async = !strcmp(argv[1], "punted");
	l.depth = (unsigned)depth;
	child = open_files(&l, pipes);
	err = io_uring_queue_init(DEPTH_MAX, &l.ring,
				  strcmp(argv[1], "polled") ? 0 : IORING_SETUP_SQPOLL);
	if (err)
		die("io_uring_setup", -err);
	run(&l, reads);
	io_uring_queue_exit(&l.ring);
	if (child && (kill(child, SIGKILL) || waitpid(child, NULL, 0) != child))
		die("kill", errno);
	return 0;
}
