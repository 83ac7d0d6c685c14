// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * name_calls.c - gives itself names as `cpartrace mark` does, and as that never would. A program, and a library to be
 * loaded before others: then it is the other's process that does it.
 *
 * NAME_CALLS: words of
 *   plain     a mark "plain"
 *   empty     one without a name
 *   long      one of 300 bytes
 *   binary    one of the control characters and as many bytes from 128 on as have room
 *   end       one whose name would lie where no memory is
 *   file      the same name by /proc/self/comm, which is a name
 *   thread    likewise, of another thread
 *   near      a name that begins as marks do
 *   flood     20,000 marks "flood"
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../../probes/cpt_abi.h"

#define FLOOD	20000
#define PAGE_SZ 4096

static void call(const char *name)
{
	char text[512] = CPT_MARK_CALL;

	snprintf(text + sizeof(CPT_MARK_CALL), sizeof(text) - sizeof(CPT_MARK_CALL), "%s", name);
	prctl(PR_SET_NAME, text, 0, 0, 0);
}

static void call_long(void)
{
	char name[301];

	memset(name, 'x', 300);
	name[300] = 0;
	call(name);
}

static void call_binary(void)
{
	char name[64] = "";
	size_t at = 0;

	for (int c = 1; at < sizeof(name) - 1; c = c == 31 ? 128 : c + 1)
		name[at++] = (char)c;
	call(name);
}

static void call_at_end(void)
{
	char *mem =
		mmap(NULL, 2 * PAGE_SZ, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || munmap(mem + PAGE_SZ, PAGE_SZ))
		abort();
	memcpy(mem + PAGE_SZ - sizeof(CPT_MARK_CALL), CPT_MARK_CALL, sizeof(CPT_MARK_CALL));
	prctl(PR_SET_NAME, mem + PAGE_SZ - sizeof(CPT_MARK_CALL), 0, 0, 0);
}

static void write_name(const char *path)
{
	const int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, CPT_MARK_CALL, strlen(CPT_MARK_CALL)) < 0)
		abort();
	close(fd);
}

static void *wait_for_it(void *pipe)
{
	char byte;

	return read(*(int *)pipe, &byte, 1) == 1 ? pipe : NULL;
}

static void name_thread(void)
{
	pthread_t thread;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) || pthread_create(&thread, NULL, wait_for_it, &ends[0]) ||
	    pthread_setname_np(thread, CPT_MARK_CALL) || write(ends[1], "", 1) != 1)
		abort();
	pthread_join(thread, NULL);
}

static void give(const char *word)
{
	if (!strcmp(word, "plain"))
		call("plain");
	else if (!strcmp(word, "empty"))
		call("");
	else if (!strcmp(word, "long"))
		call_long();
	else if (!strcmp(word, "binary"))
		call_binary();
	else if (!strcmp(word, "end"))
		call_at_end();
	else if (!strcmp(word, "file"))
		write_name("/proc/self/comm");
	else if (!strcmp(word, "thread"))
		name_thread();
	else if (!strcmp(word, "near"))
		prctl(PR_SET_NAME, "cpartrace: mare\0near", 0, 0, 0);
	else if (!strcmp(word, "flood"))
		for (int i = 0; i < FLOOD; i++)
			call("flood");
	else
		abort();
}

__attribute__((constructor)) static void give_all(void)
{
	const char *words = getenv("NAME_CALLS");
	char *copy = words ? strdup(words) : NULL;

	for (char *word = copy ? strtok(copy, " ") : NULL; word; word = strtok(NULL, " "))
		give(word);
	free(copy);
}

int main(void)
{
	return 0;
}
