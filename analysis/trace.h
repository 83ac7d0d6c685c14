/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace.h - what a trace says about itself: the header and the closing facts, in memory.
 *
 * Owns:     struct cpt_trace_meta (known when recording starts) and struct cpt_trace_close (known
 *           when it ends). Their bytes on disk are trace_format.h's business.
 */
#ifndef CPT_TRACE_H
#define CPT_TRACE_H

#include "event.h"

#define CPT_TRACE_MAX_CPUS CPT_MAX_CPUS

/* Where a CPU sits. -1 where the machine does not say. */
struct cpt_cpu_info {
	uint32_t cpu;
	uint8_t online; /* when recording started */
	uint8_t reserved[3];
	int32_t core; /* unique across the machine: equal = SMT siblings */
	int32_t package;
	int32_t node;
};

/* Options of the recording that the analysis must know. */
#define CPT_TRACE_WAIT_ALL     0x1 /* the window lasts until the last task of the tree */
#define CPT_TRACE_NO_OCCUPANCY 0x2 /* --no-budget: CPUs that run none of ours were not watched */
#define CPT_TRACE_ATTACHED     0x4 /* what ran already; the window opens at start_mono_ns */
#define CPT_TRACE_FLIGHT                                                                           \
	0x8 /* with ATTACHED: of a recording since recorded_from_ns that keeps the end of it alone */

struct cpt_trace_meta {
	const char *cpartrace_version;
	const char *hostname;
	const char *kernel;	/* uname release */
	const char *machine;	/* uname machine: system call numbers are this architecture's */
	char *const *argv;	/* NULL-terminated command, NULL if none */
	uint32_t root_tid;	/* of the command, in the initial PID namespace */
	uint32_t flags;		/* CPT_TRACE_* */
	uint64_t start_mono_ns; /* one instant on three clocks: CLOCK_MONOTONIC, */
	uint64_t start_real_ns; /* CLOCK_REALTIME (UTC), */
	uint64_t start_boot_ns; /* CLOCK_BOOTTIME */
	double quota_cpus;	/* CPU quota that held at start, <= 0: none */
	uint32_t cpu_cnt;	/* highest CPU number + 1 */
	uint32_t cpu_info_cnt;
	const struct cpt_cpu_info *cpus;
	uint32_t sample_hz;   /* samples a second of each CPU, 0 none */
	uint32_t stack_flags; /* CPT_TRACE_STACKS_* */
	uint64_t delay_ns;    /* of a command: the window opens so long after its first exec */
	const char *target;   /* ATTACHED: "pid 12,13", "cgroup PATH", "all"; else "" */
	uint64_t
		recorded_from_ns; /* FLIGHT: CLOCK_MONOTONIC; what lies before start_mono_ns was forgotten */
	uint32_t
		part; /* of the ring that a recording keeps: they are numbered from 1; 0: none of it */
};

#define CPT_TRACE_STACKS_TAKEN 0x1 /* --stacks */

#define CPT_EXIT_RUNNING 0 /* cpt_trace_close.exit_kind: not known, still running */
#define CPT_EXIT_CODE	 1
#define CPT_EXIT_SIGNAL	 2

/* A process outside the workload, and the CPU time it took while the recording lasted. */
struct cpt_tenant {
	uint32_t pid;
	char name[CPT_COMM_LEN]; /* of its leader, NUL-terminated, raw bytes */
	uint64_t cpu_ns;
};
#define CPT_TENANTS_MAX 16

#define CPT_LOOPS_NONE                                                                             \
	0 /* cpt_trace_close.loops_state: none was met, or they were not looked for */
#define CPT_LOOPS_FOLLOWED 1
#define CPT_LOOPS_FAILED   2 /* met, and their probes could not be loaded */

struct cpt_trace_close {
	uint64_t end_mono_ns; /* everything up to here was seen */
	uint32_t failure;    /* errno of what ended the recording before its time, 0: nothing did */
	uint8_t exit_kind;   /* of the command */
	uint8_t loops_state; /* CPT_LOOPS_* */
	uint8_t reserved[2];
	uint32_t exit_value;
	uint64_t lost_ring;	      /* switch records lost, located in LOSS events */
	uint64_t lost[CPT_LOSS_CNT];  /* other causes, not located */
	uint64_t lost_recursion;      /* programs skipped by the kernel's recursion guard */
	uint64_t mends, mends_failed; /* switches without an event, see cpt_abi.h */
	uint64_t tracer_cpu_ns;	      /* CPU time of the collector while recording */
	uint64_t steal_ns; /* machine-wide steal over the recording, UINT64_MAX unknown */
	uint64_t stacks_lost[CPT_STACK_LOSS_CNT]; /* stacks and samples that were not recorded */
	uint64_t loops_lost[CPT_LOOP_LOSS_CNT];	  /* of event loops, likewise */
	uint64_t marks_lost[CPT_MARK_LOSS_CNT];	  /* marks that were not recorded */
	uint64_t throttled_ns; /* of the workload's cgroup and those above it, over the recording;
				* UINT64_MAX unknown */
	uint64_t irq_ns;       /* of the machine, hard and soft interrupts; UINT64_MAX unknown */
	uint64_t quota_periods, quota_throttled; /* of those cgroups; UINT64_MAX unknown */
	uint64_t
		alive_exec_ns; /* ATTACHED: what the kernel charged the tasks that live at the end, from when
				 * each was found or born; UINT64_MAX unknown. In the EXIT of one that was
				 * found sum_exec_ns is from then on, too */
	uint64_t tenants_rest_ns; /* CPU time of all others together; UINT64_MAX: nobody looked */
	uint32_t tenant_cnt;	  /* the largest, in order; neither ours nor the recorder */
	struct cpt_tenant tenants[CPT_TENANTS_MAX];
};

/* Events lost beside those that LOSS events locate: records of other rings, tasks that could not be followed,
 * programs the kernel skipped. */
static inline uint64_t trace_close__lost_other(const struct cpt_trace_close *close)
{
	uint64_t lost = close->lost_recursion;

	for (int i = 0; i < CPT_LOSS_CNT; i++)
		lost += close->lost[i];
	return lost;
}

#endif /* CPT_TRACE_H */
