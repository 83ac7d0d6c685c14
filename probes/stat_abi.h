/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * stat_abi.h - what the probes of `stat` and the collector share: accounts kept in the kernel.
 *
 * Owns:     the layout of the accounts, of what is read of tasks, and the word that packs the time
 *           of the last change with the degree of parallelism.
 * Must not: know how figures are derived or shown.
 *
 * Nothing is recorded: the switch program keeps sums, the collector reads them whenever it likes.
 *
 *   word       one for the machine:  time (53 bits) | R (11 bits)
 *   profile    per CPU, ns with R CPUs running the workload, as that CPU saw R change; the sum over
 *              CPUs is the profile, but for what mends have found (moved_ns)
 *   cells      per CPU: what runs there, run-queue waits, counters
 *   tasks      task storage: CPU time and run-queue wait of each
 *   deaths     a ring of the last words of tasks that have ended
 *
 * The word's time is the low 53 bits of CLOCK_MONOTONIC in ns. They wrap every 104 days, and that does
 * not matter: only differences are used, modulo 2^53 and with their sign, and the collector brings
 * the word up to date every second (a difference may reach 52 days).
 */
#ifndef CPT_STAT_ABI_H
#define CPT_STAT_ABI_H

#include <stddef.h>
#include <linux/types.h>

#define CPT_STAT_MAX_CPUS 1024
#define CPT_STAT_R_BITS	  11
#define CPT_STAT_R_MASK	  ((1ULL << CPT_STAT_R_BITS) - 1)
#define CPT_STAT_CLOSED	  CPT_STAT_R_MASK /* R of an account that is not open */

/* Bucket b holds waits of [2^b, 2^(b+1)) ns; the first one also 0, the last one all longer ones. */
#define CPT_STAT_BUCKETS 40

/* Who is of the workload (option cpt_stat_mode). */
#define CPT_STAT_TREE	0 /* marked tasks, and what they clone */
#define CPT_STAT_ALL	1 /* every task but the idle ones */
#define CPT_STAT_CGROUP 2 /* tasks of a cgroup and of those below it */

/* Argument of cpt_stat_control. */
#define CPT_STAT_OPEN 0
#define CPT_STAT_TICK 1 /* account up to now */
#define CPT_STAT_SHUT 2

/* One CPU's account. Written by programs that run on this CPU and cannot interrupt each other, but for
 * left_ns: one that is out of date is older than last_ts_ns, and not looked at. */
struct cpt_stat_cell {
	__u64 cur_ptr;	  /* task_struct that runs here by our account */
	__u64 last_ts_ns; /* last change seen here: lower bound of a mended one */
	__u32 cur_tid;
	__u32 cur_tgid;
	__u32 ours;	/* what runs here is of the workload */
	__u32 ready;	/* 0: nothing has been seen of this CPU yet */
	__s32 owed;	/* change of R that lost its race too often, to be made up for */
	__u32 group_in; /* whether tasks of group_id are of the workload */
	__u64 group_id; /* id of the cgroup looked at last; ids are never used again */
	__u64 switches; /* that brought a task of the workload here */

	__u64 mends;	    /* switches without an event, healed */
	__u64 mends_failed; /* of those: outgoing task of the workload that could not be read any more */
	__u32 given_up;	  /* changes of R put off because others won too often */
	__u32 bad_degree; /* changes of R to what cannot be */
	__u64 waits;
	__u64 wait_ns;
	__u64 wait_max_ns[2]; /* longest of an even and an odd interval */
	__u32 wait_turn[2];   /* which intervals these are */
	__s64 lead_min_ns
		[2]; /* least lead of the clock over the run queue's: this while, the one before */
	__u64 lead_since_ns; /* start of this while */
	__u64 cur_exec_ns;   /* the kernel's account of cur's CPU time when it came in */
	__u64 left_ns;	   /* written by other CPUs: cur has come in there, and had left by then */
	__u64 moved_ns[2]; /* accounted for with R one too high, one too low: found by mends */
	/* R may have been one off for so long in all: changes that were put off, and departures of which nobody
	 * can tell when they were. owed: and since owed_since_ns. */
	__u64 doubt_ns;
	__u64 owed_since_ns;
	__u64 wait_hist[CPT_STAT_BUCKETS];
};

/*
 * How far CLOCK_MONOTONIC has run ahead of the raw clock (which run queues' clocks follow), since the
 * start: base at ref, and from there on by rate / 2^32 per ns. Measured by the collector.
 */
struct cpt_stat_drift {
	__u64 ref_ns;
	__s64 base_ns;
	__s64 rate;
};

/* cpt_stat_task.flags */
#define CPT_STAT_GATED 0x1 /* the command before its first exec */
#define CPT_STAT_SEED  0x2 /* named by the user: its whole process is */
#define CPT_STAT_DONE  0x4 /* has said its last word */

/* Task storage. */
struct cpt_stat_task {
	__u64 run_ns;	/* stints that have ended */
	__u64 wait_ns;	/* likewise */
	__u64 in_ts_ns; /* on a CPU since; 0: on none by our account */
	__u64 exec_ns;	/* the kernel's account of its CPU time when it came in */
	__u64 delay_ns; /* the kernel's account of its run-queue waits up to its last arrival */
	__u64 group_start_ns; /* start of its process on CLOCK_BOOTTIME: with the pid, unique */
	__u32 flags;	      /* CPT_STAT_* */
	__u32 cpu;	      /* of in_ts_ns */
};

/* One task: as an iterator reads it, or its last word. */
#define CPT_STAT_COMM 16
struct cpt_stat_rec {
	__u32 tid;
	__u32 tgid;
	__u64 group_start_ns;
	__u64 run_ns;		  /* up to now */
	__u64 wait_ns;		  /* likewise */
	char comm[CPT_STAT_COMM]; /* of its process: of the thread that leads it */
};

#define CPT_STAT_RING_SZ (1 << 18)

/* Counters of the whole machine. */
struct cpt_stat_counters {
	__u64 lost_storage; /* tasks that could not be marked: they and what they clone are unseen */
	__u64 lost_deaths;  /* last words that found no room: only their sums are known */
	__u64 lost_run_ns;
	__u64 lost_wait_ns;
};

#define CPT_STAT_ASSERT(cond) _Static_assert(cond, #cond)
CPT_STAT_ASSERT(sizeof(struct cpt_stat_cell) == 512);
CPT_STAT_ASSERT(sizeof(struct cpt_stat_rec) == 48);
CPT_STAT_ASSERT(CPT_STAT_MAX_CPUS < CPT_STAT_CLOSED);

#endif /* CPT_STAT_ABI_H */
