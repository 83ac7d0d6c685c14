/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * carry_priv.h - what the two parts of the carry share: its tables.
 *
 * Owns:     struct carry. carry.c follows, carry_say.c says.
 * Must not: be included by anyone else.
 */
#ifndef CPT_CARRY_PRIV_H
#define CPT_CARRY_PRIV_H

#include "carry.h"
#include "trace_limits.h"

enum doing {
	DOING_BORN,   /* runnable since then */
	DOING_RUN,    /* on cpu since in_ns */
	DOING_WAIT,   /* since out_ns; woken: runnable since wake_ns */
	DOING_READY,  /* left its CPU at out_ns and wants one */
	DOING_DOUBT,  /* not known since out_ns; woken: runnable since wake_ns */
	DOING_NOTHING /* it has ended; others of its process, or a loop that it made, have not */
};

struct kept_program {
	char filename[CPT_PATH_LEN];
	char args[CPT_ARGS_LEN];
	uint32_t args_sz;
};

struct kept {
	uint32_t id; /* 0: the place is free */
	uint32_t next_free;
	uint64_t in_ns, out_ns, wake_ns;
	uint32_t cpu, wake_cpu, waker, end_waker;
	uint16_t out_flags, wake_flags, waker_sysno;
	uint8_t doing, end, wake_ctx;
	bool woken; /* in DOING_RUN: on its way out */
	bool named; /* its NEW was seen */
	struct cpt_wait wait;

	uint64_t stack_ns; /* user and kernel are of the switch-out of then */
	uint32_t user, kernel, stack_cpu;

	uint32_t lead;	  /* who leads its process */
	uint32_t members; /* of one that does: how many of them live */
	uint32_t creator;
	uint32_t tid, tgid, ns_tid, flags, born_cpu;
	uint64_t born_ns, start_boottime_ns;
	char comm[CPT_COMM_LEN];
	uint32_t nr_cpus_allowed;
	uint64_t mask[CPT_MASK_WORDS];
	uint32_t made;		      /* epoll instances that are there */
	uint32_t polls;		      /* number of the epoll instance it was last seen at, 0 none */
	bool serves;		      /* of one that leads a process: an operation came in there */
	struct kept_program *program; /* of one that leads a process; NULL not known */
};

enum kept_level { LEVEL_IN, LEVEL_OUT, LEVEL_TIMERS, LEVEL_CONNS, LEVEL_CNT };

struct kept_loop {
	struct cpt_event made;		   /* type 0: none of this number */
	uint32_t lead;			   /* of its process */
	struct cpt_event level[LEVEL_CNT]; /* type 0: nothing was said */
};

struct carry {
	uint32_t cpu_cnt;
	bool of_command;
	uint32_t *slot_of; /* by task: 1 + index of kept, 0 none */
	uint32_t slot_cap, highest;
	struct kept *kept;
	uint32_t kept_cnt, kept_cap, free_head, free_cnt;
	uint32_t *cur;		 /* by CPU: who runs there */
	struct cpt_event *holes; /* by CPU: its last LOSS, type 0 none */
	uint64_t holes_end_ns;	 /* of the last to end */
	struct kept_loop *loops; /* by number */
	uint32_t loop_cap;
	struct cpt_event loops_lost; /* the last, type 0 none */
	struct cpt_event mark;	     /* likewise: the phase that goes on */
	char mark_name[CPT_MARK_LEN];
};

struct kept *carry__find(const struct carry *c, uint32_t id);

#endif /* CPT_CARRY_PRIV_H */
