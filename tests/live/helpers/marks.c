// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * marks [-q] [-n TIMES] (NAME WORK)... - sets marks, and says between which two looks at CLOCK_MONOTONIC each was set.
 *
 * WORK is what it does behind the mark: b20 computes for 20 ms, s20 sleeps for as long, 0 nothing. -n: all of it so many
 * times. The names @memory and @nowhere are of a probe made by hand, whose argument lies in memory: it says "by hand", or
 * points to where nothing is; @hostile sets marks of all names of tests/support/hostile_names.h.
 *
 * stdout: a line "BEFORE AFTER INDEX" for each NAME whenever it is its turn, so one for all marks of @hostile; INDEX is that
 * of the NAME, from 0 (-q: nothing).
 */
#include <stdbool.h>

#include "../../../probes/mark.h"
#include "../../support/hostile_names.h"
#include "helper.h"

/* As another tool may write such a note. */
static void mark_by_hand(const char *name)
{
#if defined(__x86_64__)
	const char *const at[3] = {name};

	__asm__ volatile("990:\tnop\n"
			 "\t.pushsection .note.stapsdt,\"?\",\"note\"\n"
			 "\t.balign 4\n"
			 "\t.4byte 8, 994f-993f, 3\n"
			 "\t.asciz \"stapsdt\"\n"
			 "993:\t.8byte 990b, _.stapsdt.base, 0\n"
			 "\t.asciz \"cpartrace\"\n"
			 "\t.asciz \"mark\"\n"
			 "\t.asciz \"8@-16(%%rbx) -4@$7\"\n"
			 "994:\t.balign 4\n"
			 "\t.popsection\n"
			 :
			 : "b"(at + 2)
			 : "memory");
#else
	if ((uintptr_t)name > 4096)
		CPT_MARK(name);
#endif
}

static void set_mark(const char *name)
{
	if (!strcmp(name, "@memory"))
		mark_by_hand("by hand");
	else if (!strcmp(name, "@nowhere"))
		mark_by_hand((const char *)8);
	else
		CPT_MARK(name);
}

static void set_marks(const char *name)
{
	if (strcmp(name, "@hostile") != 0) {
		set_mark(name);
		return;
	}
	for (size_t i = 0; i < HOSTILE_NAMES_CNT; i++)
		CPT_MARK(hostile_names[i]);
}

static unsigned long long now_ns(void)
{
	struct timespec at;

	if (clock_gettime(CLOCK_MONOTONIC, &at))
		die("clock_gettime");
	return (unsigned long long)at.tv_sec * 1000000000ull + (unsigned long long)at.tv_nsec;
}

static void work(const char *what)
{
	const unsigned int ms =
		(unsigned int)strtoul(what + (*what == 'b' || *what == 's'), NULL, 10);
	const struct timespec span = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

	if (*what == 'b')
		burn_ms(ms);
	else if (*what == 's' && nanosleep(&span, NULL))
		die("nanosleep");
}

static void one(char *const *pair, int index, bool quiet)
{
	const unsigned long long before = now_ns();
	unsigned long long after;

	set_marks(pair[0]);
	after = now_ns();
	if (!quiet && (printf("%llu %llu %d\n", before, after, index) < 0 || fflush(stdout)))
		die("stdout");
	work(pair[1]);
}

int main(int argc, char **argv)
{
	unsigned long times = 1;
	bool quiet = false;
	int at = 1;

	if (at < argc && !strcmp(argv[at], "-q")) {
		quiet = true;
		at++;
	}
	if (at + 1 < argc && !strcmp(argv[at], "-n")) {
		times = strtoul(argv[at + 1], NULL, 10);
		at += 2;
	}
	for (; times; times--)
		for (int i = at; i + 1 < argc; i += 2)
			one(argv + i, (i - at) / 2, quiet);
	return 0;
}
