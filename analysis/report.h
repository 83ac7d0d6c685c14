/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * report.h - the facts about a run: what the analysis found, in plain structs.
 *
 * Owns:     the result types. Text, JSON and tables are made from these and from nothing else.
 * Must not: contain words for people, or anything that only one output format needs.
 *
 * Units: *_ns are ns of the window; averages are plain ratios. Everything hangs on struct
 * cpt_report and is freed by report__free(). Identities (DESIGN: section 1 of the README's
 * definitions) hold exactly in these integers.
 */
#ifndef CPT_REPORT_H
#define CPT_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "account_facts.h"
#include "affinity_facts.h"
#include "bounds_facts.h"
#include "grid_facts.h"
#include "lock_facts.h"
#include "loop_facts.h"
#include "loop_ledger_facts.h"
#include "sites.h"
#include "path_facts.h"
#include "phase_facts.h"
#include "sqpoll_facts.h"
#include "states.h"
#include "trace.h"

struct cpt_thread {
	uint32_t id;  /* run-unique number */
	uint32_t tid; /* last known, initial PID namespace */
	uint32_t pid; /* tgid, last known */
	uint32_t ns_tid;
	uint32_t parent;	 /* number of the creator, 0 none */
	char name[CPT_COMM_LEN]; /* last comm, raw bytes, NUL-terminated */
	const char *command; /* last exec'd file's arguments joined by spaces, raw; "" if unknown */
	uint64_t start_ns;   /* CLOCK_MONOTONIC, cut to the window */
	uint64_t end_ns;
	uint64_t life_ns; /* inside the window (and the filter); = sum of the states below */
	/* what each switch touches stays together */
	uint64_t running_ns;
	uint64_t runnable_ns;
	uint64_t unknown_ns;
	uint64_t parallel_ns;	 /* of running_ns: while another task of the workload ran */
	double bottle_height_ns; /* sum of T/R over its running time (Du Bois et al., OOPSLA'13) */
	double bottle_width;	 /* average R while it ran */
	double cmetric_ns;	 /* sum of T/(R+Q) over its running time (GAPP) */
	uint64_t traced_cpu_ns;	 /* our on-CPU time over its whole life, for kernel_cpu_ns */
	uint64_t voluntary, involuntary;    /* switch-outs: blocked, preempted or yielded */
	uint64_t reason_ns[CPT_REASON_CNT]; /* waiting and parked, by reason */
	uint64_t alone_ns;		    /* of running_ns: R = 1; parallel + alone = running */
	uint64_t kernel_cpu_ns; /* se.sum_exec_runtime at its final switch-out; 0 unknown */
	uint64_t migrations;
	uint32_t cpus_used;
	uint64_t yields;  /* of involuntary: in sched_yield */
	uint64_t samples; /* see sites.h */
	double latency;	  /* sum of 1/R over them */
	bool alive_at_end;
	bool identity_lost; /* its NEW or EXEC record is missing */
	bool io_worker;
	uint32_t cause; /* io_worker: number of the task whose operations it is there for; else 0 */
};

/* One column of the run's timeline: averages over [from, from + bin_ns). */
struct cpt_bin {
	uint64_t span_ns;     /* part of the bin inside the window */
	uint64_t running;     /* integral of R, ns; average R = running / span_ns */
	uint64_t in_progress; /* integral of C */
	uint64_t class_ns[CPT_CLASS_CNT];
};

#define CPT_BINS_MAX	4096
#define CPT_OVERLAP_MAX 64
#define CPT_NAME_OTHER	"other"

struct cpt_overlap {
	uint32_t cnt; /* rows, the last is CPT_NAME_OTHER when others were folded into it */
	char (*names)[CPT_COMM_LEN];
	uint64_t
		*ns; /* cnt x cnt, symmetric: both had a task on a CPU; [i][i]: at least two of i */
};

struct cpt_quality {
	uint64_t lost_located; /* switch records, in LOSS events */
	uint64_t lost_other;   /* lifecycle records, storage failures, recursion */
	uint64_t mends, mends_failed;
	uint64_t odd_events; /* events that contradict the account so far and were healed */
	uint64_t steal_ns;   /* UINT64_MAX unknown */
	bool incomplete;     /* the trace has no end of its own */
	const char *incomplete_why;
	bool audit_valid;
	double audit_cpu_error; /* (ours - kernel's) / kernel's over exited tasks */
	uint64_t audit_ours_ns, audit_kernel_ns;
	/* The kernel's account may leave out what the hypervisor took and the time of interrupts (with
	 * CONFIG_IRQ_TIME_ACCOUNTING): so much of both there was on the machine. UINT64_MAX: not known, and that ours is
	 * above the kernel's says nothing. */
	uint64_t audit_left_out_ns;
	/* Of each that ended: how many were compared, how many differ beyond what is explained, and which the most. */
	uint32_t audit_tasks, audit_off;
	uint32_t audit_worst;	 /* its number; 0: none differs */
	uint64_t audit_worst_ns; /* by so much, beyond what is explained */
	bool audit_worst_above;	 /* ours is the larger */
};

#define CPT_FILTERED_TASKS 0x1
#define CPT_FILTERED_CPUS  0x2
#define CPT_FILTERED_TIME  0x4

struct cpt_report {
	const struct cpt_trace_meta *meta;	   /* the reader's, borrowed */
	const struct cpt_trace_close *close_facts; /* borrowed, NULL if the trace has none */

	uint64_t window_start_ns, window_end_ns, window_ns;
	uint64_t run_ns;  /* of which the window is all, or what --time chose */
	bool window_open; /* the command's end was not seen */
	uint8_t filtered; /* CPT_FILTERED_*: what was left out of the run; 0 nothing */
	uint64_t cpu_time_ns;

	/* CPUs */
	uint32_t cpus_online;	   /* at the beginning, and those that came and ran the workload */
	uint32_t cpus_allowed;	   /* N_allowed held longest */
	uint32_t cpus_physical;	   /* their physical cores */
	uint64_t allowed_integral; /* of N_allowed dt: CPU-ns the workload could have had */

	/* tasks */
	uint32_t processes, threads; /* that lived in the window */
	uint32_t peak_alive, peak_asleep;

	/* ledger */
	uint64_t class_ns[CPT_CLASS_CNT];
	uint64_t split_ns[CPT_SPLIT_CNT]; /* [CPT_SPLIT_UNKNOWN] = class_ns[CPT_CLASS_UNKNOWN] */

	/* parallelism: profile[k] = time with exactly k CPUs running the workload */
	uint32_t parallel_cnt; /* entries */
	uint64_t *parallel_ns;
	uint64_t *cores_ns; /* same length: time with exactly k physical cores */
	double parallel_average, tlp, efficiency;
	uint32_t parallel_peak;
	/* concurrency: profile of C */
	uint32_t concurrent_cnt; /* entries; the last one is "that many or more" when folded */
	uint64_t *concurrent_ns;
	double concurrent_average;
	uint32_t concurrent_peak;
	bool concurrent_folded;

	struct cpt_bounds bounds; /* of all these, see bounds_facts.h */

	/* the accounts, see account_facts.h */
	struct cpt_budget budget;
	struct cpt_demand demand;
	struct cpt_latency latency[CPT_READY_CNT]; /* by what the stretches began with */

	uint64_t runnable_ns;		    /* integral of Q = sum of threads' runnable */
	uint64_t reason_ns[CPT_REASON_CNT]; /* sums over threads */

	struct cpt_thread *threads_tab; /* by id */
	uint32_t threads_cnt;

	struct cpt_overlap overlap; /* by name */

	struct cpt_lock
		*locks; /* that were waited for, most blocked time first; see lock_facts.h */
	uint32_t locks_cnt;
	struct cpt_ceiling *ceilings; /* what lets one thread run at a time */
	uint32_t ceilings_cnt;
	struct cpt_loops loops; /* event loops */
	struct cpt_path path;	/* the critical path */
	struct cpt_work_span work_span;
	struct cpt_affinity affinity;	  /* masks that changed */
	struct cpt_wake_edge *wake_edges; /* the wake graph: longest waits first */
	uint32_t wake_edges_cnt;

	struct cpt_epoll_instance *instances; /* by id */
	uint32_t instances_cnt;
	struct cpt_sqpoll *sqpolls; /* by id */
	uint32_t sqpolls_cnt;
	uint64_t
		in_flight_ns; /* integral of A: operations that no task of their process stands for */
	uint32_t in_flight_peak; /* of A */

	uint64_t bin_ns; /* width of a bin */
	uint32_t bins_cnt;
	struct cpt_bin *bins; /* from window_start_ns */

	struct cpt_phases phases;

	struct cpt_grid *grid;	 /* NULL: not asked for */
	struct cpt_sites *sites; /* NULL: neither stacks nor samples were taken */

	enum cpt_class verdict; /* class holding most of the non-idle window; IDLE if all is idle */
	/* Both, if waits on condition variables of unknown meaning counted as in progress. */
	struct {
		uint64_t class_ns[CPT_CLASS_CNT];
		enum cpt_class verdict;
	} condvar_counted;
	uint64_t events, switches, wakes; /* read */
	struct cpt_quality quality;
};

/* Whether work_span bounds the run: no, where only a part of its time or of its CPUs was looked at, for what
 * lies outside may depend on it or come at the same time; nor where events were lost, for what was lost
 * may have been computing; nor where nothing ran. */
bool report__span_bounds(const struct cpt_report *r);

/* Average parallelism less busy-waiting: estimated from samples; without those, less what kernel threads that
 * poll for rings are known to spin. Below 0: neither is known. */
double report__effective(const struct cpt_report *r);

/* What those threads spin, in all, and what they ran. */
uint64_t report__sqpoll_ns(const struct cpt_report *r, uint64_t *running_ns);

/* The row of the thread with this number in threads_tab; NULL if it has none. */
const struct cpt_thread *report__thread(const struct cpt_report *r, uint32_t id);

void report__free(struct cpt_report *r); /* accepts NULL; frees r itself */

#endif /* CPT_REPORT_H */
