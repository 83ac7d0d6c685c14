/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * event.h - one moment of a trace, as writer, reader and analysis see it.
 *
 * Owns:     `struct cpt_event` and what hangs on it: wait descriptors and identities.
 * Must not: know how events are stored (trace_format.h) or what they mean (timeline.h).
 *
 * A trace is one sequence of events ordered by time (ties in the order they were merged). Task
 * numbers are those of cpt_abi.h; 0 is "none of the workload".
 */
#ifndef CPT_EVENT_H
#define CPT_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"

/* X(NAME, value): append only, values are on disk. */
/* clang-format off */
#define CPT_EVENTS(X)                                                                              \
	X(SWITCH, 1)    /* task: outgoing, other: incoming */                                      \
	X(WAKE, 2)      /* task becomes runnable, other: waker */                                  \
	X(NEW, 3)       /* task is born, other: creator; info->task */                             \
	X(EXEC, 4)      /* info->exec. The first of task 1 opens the window */                     \
	X(RENAME, 5)    /* info->rename */                                                         \
	X(EXIT, 6)      /* just before the final SWITCH of task; info->exit */                     \
	X(AFFINITY, 7)  /* info->affinity */                                                       \
	X(OCCUPANCY, 8) /* what held cpu since the last one; occ */                                \
	X(LOSS, 9)      /* cpu's records from ts_ns to until_ns are missing, count of them */
/* clang-format on */

#define CPT_EVENT_ENUM(name, value) CPT_EV_##name = value,
enum { CPT_EVENTS(CPT_EVENT_ENUM) CPT_EV_CNT };
#undef CPT_EVENT_ENUM

/* What stands beside the sequence, in sections of its own (trace_side.h), and is read in its order: before
 * all events of its instant. */
/* clang-format off */
#define CPT_SIDE_EVENTS(X)                                                                         \
	X(STACKS, 32) /* at the SWITCH of that time on cpu: task's (the outgoing one, blocking; 0 none) \
			 user and kernel stack, and those of who woke other (0 none) */            \
	X(SAMPLE, 33) /* task ran on cpu, at user and kernel; flags: CPT_SAMPLE_* */               \
	X(LOOP_NEW, 34) /* task has epoll instance number other (from 1); loop_fd; flags: CPT_LOOP_* */ \
	X(LOOP, 35)   /* operations of instance other from ts_ns on: loop; flags: CPT_LOOP_EV_* */ \
	X(LOOP_LOST, 36) /* LOOP events from ts_ns on are missing: each instance is in doubt until its next */ \
	X(LOOP_END, 37) /* instance other is closed: nothing of it is in flight any more */       \
	X(MARK, 38)   /* a phase begins: mark; task set it (0 none of the workload), tid other; flags: \
			 CPT_MARK_* */
/* clang-format on */

#define CPT_EVENT_ENUM(name, value) CPT_EV_##name = value,
enum { CPT_SIDE_EVENTS(CPT_EVENT_ENUM) };
#undef CPT_EVENT_ENUM

/* LOOP.flags: what the event tells; LOOP.task: who did it, 0 not known. */
#define CPT_LOOP_EV_OPS	   0x1 /* operations: all of loop */
#define CPT_LOOP_EV_OUT	   0x2 /* of outbound operations (with OPS); without: of inbound ones */
#define CPT_LOOP_EV_TIMERS 0x4 /* level: timerfds armed; peak */
#define CPT_LOOP_EV_CONNS  0x8 /* level: connections registered; peak */

/* What a blocked task waits for: the raw facts of the switch-out, deduplicated per block on disk.
 * Fields as in struct cpt_rec_switch. */
struct cpt_wait {
	uint16_t sysno;
	uint16_t prev_state;
	uint8_t object;	    /* CPT_FD_* or CPT_FUTEX_* */
	uint8_t wait_flags; /* CPT_WAIT_* */
	uint16_t reserved;
	uint32_t arg2;
	uint32_t reserved2;
	uint64_t arg0;
	uint64_t arg1;
};

#define CPT_WAIT_IOWAIT	 0x1 /* from CPT_SW_PREV_IOWAIT */
#define CPT_WAIT_TIMEOUT 0x2 /* from CPT_SW_PREV_TIMEOUT */

/* How the wait that a SWITCH begins came to its end (cpt_event.end, valid when PREV_BLOCKED). */
#define CPT_END_OPEN	0 /* it did not end within the trace, or its wake-up was lost */
#define CPT_END_TASK	1 /* woken by task `end_waker` of the trace (in its own context or send) */
#define CPT_END_FOREIGN 2 /* by a task outside; end_waker is its tid */
#define CPT_END_IRQ	3 /* by an interrupt: timer, device, network */

/* How a wake-up ends a wait: by the waker itself, or by an interrupt that merely hit it. */
static inline uint8_t cpt_wake_end(uint8_t wake_ctx, uint16_t flags, uint32_t waker,
				   uint32_t *end_waker)
{
	*end_waker = 0;
	if (wake_ctx != CPT_CTX_TASK && wake_ctx != CPT_CTX_SOFTIRQ_SEND)
		return CPT_END_IRQ;
	if (!(flags & CPT_SW_WAKER_FOREIGN) && !waker)
		return CPT_END_IRQ;
	*end_waker = waker;
	return flags & CPT_SW_WAKER_FOREIGN ? CPT_END_FOREIGN : CPT_END_TASK;
}

/* Where an identity event's payload is. Owned by the batch or builder the event came from. */
struct cpt_mask {
	uint32_t nr_cpus_allowed;
	uint32_t word_cnt; /* words of bits that are used */
	const uint64_t *bits;
};

struct cpt_info {
	uint32_t tid;		    /* NEW, EXEC: as the initial PID namespace knows it */
	uint32_t tgid;		    /* NEW, EXEC */
	uint32_t ns_tid;	    /* NEW, EXEC: in the task's own namespace */
	uint32_t flags;		    /* NEW: CPT_TASK_* */
	uint64_t start_boottime_ns; /* NEW, EXEC */
	const char *comm;	    /* NEW, EXEC, RENAME: NUL-terminated, raw bytes, at most 15 */
	const char *filename;	    /* EXEC: NUL-terminated, raw bytes */
	const char *args;	    /* EXEC: args_sz bytes, NUL-separated */
	uint32_t args_sz;
	int32_t exit_code;	/* EXIT */
	uint64_t sum_exec_ns;	/* EXIT */
	uint64_t run_delay_ns;	/* EXIT */
	uint64_t nvcsw, nivcsw; /* EXIT */
	struct cpt_mask mask;	/* NEW, AFFINITY */
};

struct cpt_event {
	uint64_t ts_ns;
	uint8_t type;	  /* CPT_EV_* */
	uint8_t wake_ctx; /* WAKE: CPT_CTX_* */
	uint8_t end;	  /* SWITCH with PREV_BLOCKED: CPT_END_* */
	uint8_t occ_kind; /* OCCUPANCY: what held the CPU before ts_ns: 1 idle, 0 others */
	uint16_t flags;	  /* SWITCH: CPT_SW_*; WAKE: CPT_SW_WAKER_FOREIGN, CPT_SW_WAKE_ON_WORD */
	uint16_t waker_sysno; /* WAKE: system call of the waker, CPT_SYSNO_* */
	uint32_t cpu;	      /* WAKE: CPU of the wakee's switch-in */
	uint32_t task;
	uint32_t other;
	union {
		uint32_t end_waker;  /* SWITCH with PREV_BLOCKED, see CPT_END_* */
		uint32_t iterations; /* LOOP: returns from epoll_wait since the event before */
	};
	union {
		const struct cpt_wait *wait; /* SWITCH with PREV_BLOCKED, else NULL */
		const struct cpt_info *info; /* NEW, EXEC, RENAME, EXIT, AFFINITY */
		uint64_t until_ns;	     /* LOSS */
		uint64_t occ_since_ns;	     /* OCCUPANCY */
		struct {
			uint32_t user,
				kernel; /* STACKS, SAMPLE: numbers of stacks (stacks.h), 0 none */
		};
		struct {
			uint32_t level; /* LOOP: in flight from ts_ns on */
			uint32_t
				peak; /* LOOP: largest number since the event before, at least level */
		};
		uint32_t loop_fd; /* LOOP_NEW: the epoll descriptor */
		const char *
			mark; /* MARK: the phase's name, NUL-terminated, raw bytes, 1 to CPT_MARK_LEN - 1 */
	};
	union {
		struct {
			uint64_t occ_idle_ns, occ_other_ns; /* OCCUPANCY, and occ_next below */
		};
		uint64_t count; /* LOSS */
		struct {
			uint32_t wake_user, wake_kernel; /* STACKS */
		};
		struct { /* LOOP: at ts_ns, or up to CPT_LOOP_DENSE_NS around it */
			uint32_t opened, completed, cancelled;
			uint32_t batch; /* events that epoll_wait returned */
		};
	};
	uint8_t occ_next; /* OCCUPANCY: from ts_ns on: 1 idle, 0 others, 2 ours */
	uint8_t reserved[7];
};

#endif /* CPT_EVENT_H */
