// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * wait_reasons MODE... - waits in each way asked for, one after the other, and says how long each
 * waiter waited by its own clock: one line of JSON, {"MODE": {"wait_ns": n, "delay_ns": n}, ...},
 * where delay_ns is how long the kernel says it waited for a CPU meanwhile. Without a mode: lists them.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

#define NS_PER_SEC 1000000000ull

/* Of the waiter; in shared memory, as it may be a process. */
struct waiter {
	const struct mode *mode;
	atomic_bool begun;
	uint64_t wait_ns, delay_ns;
};

static struct waiter *waiter;
static pid_t waiting_pid;
static pthread_t other_thread;

static const struct mode *const tables[] = {lock_modes, condvar_modes, file_modes,    socket_modes,
					    poll_modes, time_modes,    process_modes, disk_modes};

uint64_t now_ns(void)
{
	struct timespec at;

	must(!clock_gettime(CLOCK_MONOTONIC, &at), "read the clock");
	return (uint64_t)at.tv_sec * NS_PER_SEC + (uint64_t)at.tv_nsec;
}

void sleep_ms(unsigned int ms)
{
	struct timespec left = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&left, &left))
		must(errno == EINTR, "sleep");
}

void must(bool ok, const char *what)
{
	if (!ok)
		die(what);
}

void must_zero(int err, const char *what)
{
	errno = err;
	must(!err, what);
}

void *shared_memory(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	must(memory != MAP_FAILED, "map shared memory");
	return memory;
}

void *first_of_mapping(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *memory = shared_memory(2 * page);

	must(!mprotect(memory, page, PROT_NONE), "close a page");
	return memory + page;
}

void start_other(const char *name, void *(*body)(void *))
{
	must_zero(pthread_create(&other_thread, NULL, body, (void *)name), "start a thread");
}

void join_other(void)
{
	must_zero(pthread_join(other_thread, NULL), "join a thread");
}

pid_t fork_other(const char *name, void (*body)(void))
{
	pid_t pid = fork();

	must(pid >= 0, "fork");
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, name);
		body();
		_exit(0);
	}
	return pid;
}

pid_t waiter_pid(void)
{
	return waiting_pid;
}

void fill(int fd)
{
	static const char bytes[4096];
	int flags = fcntl(fd, F_GETFL);

	must(!fcntl(fd, F_SETFL, flags | O_NONBLOCK), "set a descriptor's flags");
	while (write(fd, bytes, sizeof(bytes)) > 0)
		;
	while (write(fd, bytes, 1) > 0)
		;
	must(errno == EAGAIN, "fill a descriptor");
	must(!fcntl(fd, F_SETFL, flags), "set a descriptor's flags");
}

void read_byte(int fd)
{
	char byte;

	must(read(fd, &byte, 1) == 1, "read a byte");
}

void write_byte(int fd)
{
	must(write(fd, "x", 1) == 1, "write a byte");
}

/* How long the calling thread has been ready without a CPU in its life. */
static uint64_t run_delay_ns(void)
{
	unsigned long long delay = 0;
	FILE *file = fopen("/proc/thread-self/schedstat", "re");

	if (!file)
		return 0;
	if (fscanf(file, "%*u %llu", &delay) != 1)
		delay = 0;
	fclose(file);
	return delay;
}

static void wait_once(void)
{
	/* The clock first and last: to read the delay takes memory, for which a mode may have to wait, too. */
	uint64_t from = now_ns(), delay = run_delay_ns();

	atomic_store(&waiter->begun, true);
	waiter->mode->block();
	waiter->delay_ns = run_delay_ns() - delay;
	waiter->wait_ns = now_ns() - from;
}

static void *waiter_thread(void *arg)
{
	prctl(PR_SET_NAME, waiter->mode->name);
	wait_once();
	return arg;
}

static void run_mode(const struct mode *mode)
{
	pthread_t thread;
	int status = 0;

	*waiter = (struct waiter){.mode = mode};
	if (mode->prepare)
		mode->prepare();
	if (mode->process)
		waiting_pid = fork_other(mode->name, wait_once);
	else
		must_zero(pthread_create(&thread, NULL, waiter_thread, NULL), "start a thread");
	while (!atomic_load(&waiter->begun))
		sleep_ms(1);
	sleep_ms(HOLD_MS);
	if (mode->release)
		mode->release();
	if (!mode->process)
		must_zero(pthread_join(thread, NULL), "join a thread");
	else if (waitpid(waiting_pid, &status, 0) != waiting_pid || status)
		die(mode->name);
	closefrom(3);
}

static const struct mode *find_mode(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct mode *m = tables[i]; m->name; m++)
			if (!strcmp(m->name, name))
				return m;
	fprintf(stderr, "wait_reasons: no mode %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	waiter = shared_memory(sizeof(*waiter));
	for (size_t i = 0; argc < 2 && i < sizeof(tables) / sizeof(*tables); i++)
		for (const struct mode *m = tables[i]; m->name; m++)
			puts(m->name);
	for (int i = 1; i < argc; i++)
		find_mode(argv[i]);
	alarm(60);
	prctl(PR_SET_NAME, "main");
	for (int i = 1; i < argc; i++) {
		run_mode(find_mode(argv[i]));
		printf("%s\"%s\": {\"wait_ns\": %llu, \"delay_ns\": %llu}", i == 1 ? "{" : ", ",
		       argv[i], (unsigned long long)waiter->wait_ns,
		       (unsigned long long)waiter->delay_ns);
	}
	if (argc > 1)
		puts("}");
	return 0;
}
