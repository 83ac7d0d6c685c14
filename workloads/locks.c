// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Locks, with what their holders do meanwhile, and other waits, whose length and number is known: the
 * workers measure each around the call.
 */
#include "locks.h"

#define WORKERS(def, min)                                                                          \
	{                                                                                          \
		OPT_WORKERS, "workers", "N", def, min, CONTEST_WORKERS_MAX, "threads that want it" \
	}
#define HOLDS(def)                                                                                 \
	{                                                                                          \
		OPT_HOLDS, "holds", "N", def, 1, 1000000, "how often it is held"                   \
	}
#define HOLD_US(def, help)                                                                         \
	{                                                                                          \
		OPT_HOLD_US, "hold-us", "US", def, 10, 1000000, help                               \
	}

int main(int argc, char **argv)
{
	static const struct wl_option asleep[] = {WORKERS(3, 2), HOLDS(60),
						  HOLD_US(15000, "sleep of one hold")};
	static const struct wl_option syncing[] = {WORKERS(3, 2), HOLDS(80),
						   HOLD_US(10000, "least time of one hold")};
	static const struct wl_option preempted[] = {
		WORKERS(3, 2),
		HOLDS(20),
		HOLD_US(15000, "CPU time of one hold of the first"),
		{OPT_HOGS, "hogs", "N", 3, 1, 16, "threads that compute on the holder's CPU"}};
	static const struct wl_option computing[] = {WORKERS(4, 2), HOLDS(400),
						     HOLD_US(2500, "CPU time of one hold")};
	static const struct wl_option shared[] = {
		WORKERS(4, 2),
		HOLDS(400),
		HOLD_US(2500, "CPU time of one hold"),
		{OPT_REMAP, "remap", NULL, 0, 0, 1,
		 "the second process maps it at another address"}};
	static const struct wl_option mapping[] = {WORKERS(2, 1), HOLDS(400)};
	static const struct wl_option tree[] = {
		{OPT_DEPTH, "depth", "N", 5, 2, 8, "levels of the tree"},
		{OPT_MS, "work-ms", "MS", 50, 1, 10000, "CPU time of each thread"}};
	static const struct wl_option chain[] = {
		{OPT_STAGES, "stages", "N", 4, 2, 64, "threads of the chain"},
		HOLDS(150),
		HOLD_US(2000, "CPU time of a stage")};
#define MODE(name, help, run, options)                                                             \
	{                                                                                          \
		name, help, run, options, WL_COUNT(options)                                        \
	}
	static const struct wl_mode modes[] = {
		MODE("sleep", "a mutex whose holder sleeps", run_sleep, asleep),
		MODE("fsync", "a mutex whose holder waits for the disk", run_fsync, syncing),
		MODE("preempted", "a mutex whose holder shares its CPU with hogs", run_preempted,
		     preempted),
		MODE("shared", "a mutex of two processes", run_shared, shared),
		MODE("pi", "a mutex that lends priority", run_pi, computing),
		MODE("robust", "a robust mutex", run_robust, computing),
		MODE("condvar", "a lock made of a condition variable", run_condvar, computing),
		MODE("rwlock", "one writer and readers", run_rwlock, computing),
		MODE("semaphore", "a semaphore of one", run_semaphore, computing),
		MODE("filelock", "flock and record locks", run_filelock, computing),
		MODE("mmap", "the lock of an address space", run_mmap, mapping),
		MODE("jointree", "a tree of threads, each joined", run_jointree, tree),
		MODE("pipechain", "a token through a ring of pipes", run_pipechain, chain),
	};
	static const struct wl_program program = {
		"locks",
		"waits for locks and others whose length and holder are known",
		NULL,
		modes,
		WL_COUNT(modes),
	};

	return wl_main(argc, argv, &program);
}
