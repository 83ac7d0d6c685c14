// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * named_locks WHERE [MS] - threads, or processes, that want one mutex, which lies
 *
 *   data      in initialised data: `data_lock`
 *   zeroed    far inside a large zeroed array: `zeroed_locks` + an offset
 *   library   in a shared library: `library_lock`
 *   heap, stack, anon
 *             where no symbol is
 *   shared    in memory that two forked processes share
 *   file      in a file that both have mapped, each at an address of its own
 *   replaced  in data, of a program that puts another in its own place while it runs
 *   removed   in data, of a program that removes its own file
 *
 * for MS milliseconds (200). One of them holds it nearly always, so that each waits at nearly each turn.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"
#include "lock_library.h"

pthread_mutex_t data_lock = PTHREAD_MUTEX_INITIALIZER;
pthread_mutex_t zeroed_locks[10000];

static uint64_t end_ns;

static uint64_t now_ns(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at))
		die("clock_gettime");
	return (uint64_t)at.tv_sec * 1000000000ull + (uint64_t)at.tv_nsec;
}

static void *contend(void *mutex)
{
	const struct timespec held = {.tv_nsec = 300000}, free_of_it = {.tv_nsec = 50000};

	do {
		errno = pthread_mutex_lock(mutex);
		if (errno)
			die("pthread_mutex_lock");
		nanosleep(&held, NULL);
		errno = pthread_mutex_unlock(mutex);
		if (errno)
			die("pthread_mutex_unlock");
		nanosleep(&free_of_it, NULL); /* else whoever has it takes it again */
	} while (now_ns() < end_ns);
	return NULL;
}

static void contend_by_threads(pthread_mutex_t *mutex)
{
	pthread_t other;

	errno = pthread_create(&other, NULL, contend, mutex);
	if (errno)
		die("pthread_create");
	contend(mutex);
	errno = pthread_join(other, NULL);
	if (errno)
		die("pthread_join");
}

static void *map(int fd, size_t sz)
{
	int flags = fd < 0 ? MAP_SHARED | MAP_ANONYMOUS : MAP_SHARED;
	void *mem = mmap(NULL, sz, PROT_READ | PROT_WRITE, flags, fd, 0);

	if (mem == MAP_FAILED)
		die("mmap");
	return mem;
}

static void make_shared(pthread_mutex_t *mutex)
{
	pthread_mutexattr_t attr;

	pthread_mutexattr_init(&attr);
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	errno = pthread_mutex_init(mutex, &attr);
	if (errno)
		die("pthread_mutex_init");
}

/* The mutex is 64 bytes into the second page, so that an address is not an offset. */
static void contend_by_processes(int fd)
{
	char *mem = map(fd, 8192);
	pid_t child;

	make_shared((pthread_mutex_t *)(mem + 4096 + 64));
	child = fork();
	if (child < 0)
		die("fork");
	if (!child && fd >= 0) {
		char *elsewhere = map(fd, 8192);

		munmap(mem, 8192);
		mem = elsewhere;
	}
	contend(mem + 4096 + 64);
	if (!child)
		_exit(0);
	if (waitpid(child, NULL, 0) != child)
		die("waitpid");
}

static void contend_in_file(void)
{
	char path[] = "/tmp/cpartrace-live-shared-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || ftruncate(fd, 8192))
		die(path);
	unlink(path);
	contend_by_processes(fd);
	close(fd);
}

static void leave_place(const char *self, const char *successor)
{
	if (successor ? rename(successor, self) : unlink(self))
		die(self);
}

int main(int argc, char **argv)
{
	const char *where = argc > 1 ? argv[1] : "";
	pthread_mutex_t on_stack = PTHREAD_MUTEX_INITIALIZER;
	pthread_mutex_t *heap = calloc(1, sizeof(*heap));

	end_ns = now_ns() + (argc > 2 ? strtoull(argv[2], NULL, 10) : 200) * NS_PER_MS;
	if (!strcmp(where, "data"))
		contend_by_threads(&data_lock);
	else if (!strcmp(where, "zeroed"))
		contend_by_threads(&zeroed_locks[9000]);
	else if (!strcmp(where, "library"))
		contend_by_threads(library_mutex());
	else if (!strcmp(where, "heap") && heap)
		contend_by_threads(heap);
	else if (!strcmp(where, "stack"))
		contend_by_threads(&on_stack);
	else if (!strcmp(where, "anon"))
		contend_by_threads((pthread_mutex_t *)mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
							   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	else if (!strcmp(where, "shared"))
		contend_by_processes(-1);
	else if (!strcmp(where, "file"))
		contend_in_file();
	else if ((!strcmp(where, "replaced") && argc > 3) || !strcmp(where, "removed")) {
		leave_place(argv[0], argc > 3 ? argv[3] : NULL);
		contend_by_threads(&data_lock);
	} else {
		return 2;
	}
	free(heap);
	return 0;
}
