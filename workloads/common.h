/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every workload shares: the command line, the clock, CPU time burned by the measure,
 * placement on CPUs, and child processes that never outlive their parent.
 *
 * A workload is a table of modes. A mode does its work for real, measures itself with the plain
 * clocks of the system, and fills in a truth (truth.h). Nothing here knows of tracing.
 *
 * Errors: a workload that cannot do its work is of no use, so the helpers do not return errors;
 * die() says in one line what failed, ends the children and exits with status 1.
 */
#ifndef WL_COMMON_H
#define WL_COMMON_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "truth.h"

#define WL_NS_PER_US	1000LL
#define WL_NS_PER_MS	1000000LL
#define WL_NS_PER_SEC	1000000000LL
#define WL_OPTION_MAX	16
#define WL_CPU_MAX	1024
#define WL_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One option of a mode: `--name UNIT`, or a flag (0 or 1) where unit is NULL. Without a help text
 * it is not listed. */
struct wl_option {
	int id; /* where in wl_run.opt the value goes */
	const char *name;
	const char *unit;
	int64_t def, min, max;
	const char *help;
};

struct wl_run;

struct wl_mode {
	const char *name;
	const char *help;
	void (*run)(struct wl_run *run);
	const struct wl_option *options;
	size_t option_cnt;
};

struct wl_program {
	const char *name;
	const char *purpose;
	const char *mode_option; /* NULL: the mode is the first argument; "--model": it is that
				    option's value */
	const struct wl_mode *modes;
	size_t mode_cnt;
};

/* One run of a mode. run() reads opt and the CPUs, and writes truth and summary. */
struct wl_run {
	const struct wl_program *program;
	const struct wl_mode *mode;
	bool want_truth;
	bool silent; /* a helper process of the same program: prints nothing */
	int64_t opt[WL_OPTION_MAX];
	int cpu_cnt; /* CPUs this process may use, in cpus[] */
	int cpus[WL_CPU_MAX];
	struct truth truth;
	char summary[320]; /* for people, printed where no truth is asked for */
};

/* Parses the command line, runs the mode, prints. Returns the exit status: 0, or 2 for a usage
 * error. */
int wl_main(int argc, char **argv, const struct wl_program *program);

/* What the run did, one line. */
void wl_say(struct wl_run *run, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints "PROGRAM: message" (with the text of err, if not 0), ends and reaps the children, exits
 * with status 1. */
void die(int err, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));

/* CLOCK_MONOTONIC, and the CPU time of the calling thread, of the process, and of the children
 * waited for, ns. */
int64_t now_ns(void);
int64_t thread_cpu_ns(void);
int64_t process_cpu_ns(void);
int64_t children_cpu_ns(void);

/* Uses want_ns of CPU time of the calling thread, to a few microseconds, with few system calls;
 * returns what it used. */
int64_t burn_cpu(int64_t want_ns);

/* The kernel's own account of how long the calling thread has waited for a CPU so far, ns. */
int64_t thread_run_delay_ns(void);

/* Voluntary context switches of the calling thread so far. */
int64_t thread_switches(void);

/* Sleeps for ns; returns the time it really took. */
int64_t sleep_ns(int64_t ns);

/* Restricts the calling thread to one CPU. */
void pin_to(int cpu);

/* Ends the run unless there are cpus CPUs to use: the known answer of some modes holds only then.
 */
void need_cpus(const struct wl_run *run, int64_t cpus, const char *advice);

/* The name the kernel shows for the calling thread, at most 15 characters. */
void name_thread(const char *name);

pthread_t start_thread(void *(*body)(void *), void *arg);
void join_thread(pthread_t thread);

/* calloc, or die */
void *make_array(size_t count, size_t size);

/* Zeroed memory that processes forked later share; lives as long as they do. */
void *make_shared(size_t size);

/*
 * Forks a child that runs body(arg) and exits with status 0. The child dies with the calling
 * thread's process, and is ended and reaped where the parent dies by a signal or by die().
 */
pid_t start_child(void (*body)(void *), void *arg);

/* Waits for a child; anything but exit status 0 is fatal. */
void wait_child(pid_t pid);

/* Waits for all children; whichever fails first ends the run. */
void wait_children(void);

/* Whole buffers through pipes and sockets. read_full returns false at end of file before the first
 * byte. */
bool read_full(int fd, void *buffer, size_t size);
void write_full(int fd, const void *buffer, size_t size);

#endif
