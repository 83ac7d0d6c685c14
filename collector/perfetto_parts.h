/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * perfetto_parts.h - what the parts of perfetto.h's export share.
 *
 * Owns:     the numbers of tracks and names, and what is remembered of each thread.
 * Must not: be used but by perfetto.c and perfetto_head.c.
 */
#ifndef CPT_PERFETTO_PARTS_H
#define CPT_PERFETTO_PARTS_H

#include "analysis/analysis.h"
#include "analysis/sysno.h"

#include "perfetto_out.h"

/* Numbers of tracks. Small ones are short on disk. */
enum {
	TRACK_PATH = 1,
	TRACK_RUNNING,
	TRACK_IN_PROGRESS,
	TRACK_IN_FLIGHT,
	TRACK_CPUS,
	TRACK_PHASES,
	TRACK_RUNNING_MOST,
	TRACK_DOUBTFUL,
	TRACK_CPU = 16,				/* + CPU */
	TRACK_THREAD = TRACK_CPU + CPT_MAX_CPUS /* + number of the thread */
};
#define TRACK_PROCESS  (UINT64_C(1) << 32) /* + pid */
#define TRACK_LOOP     (UINT64_C(2) << 32) /* + number of the thread */
#define TRACK_INSTANCE (UINT64_C(3) << 32) /* + number of the epoll instance */

/* Numbers of names: of events, and of categories. */
enum {
	NAME_STATE = 1,	 /* + state */
	NAME_REASON = 8, /* + reason */
	NAME_ITERATION = 63,
	NAME_WORD = 64,				/* + index of the word */
	NAME_PHASE = NAME_WORD + CPT_WORDS_MAX, /* + index of the phase */
	NAME_THREAD = NAME_PHASE + CPT_PHASES_MAX
};
enum {
	CATEGORY_STATE = 1, /* + state */
	CATEGORY_CPU = CATEGORY_STATE + CPT_STATE_CNT,
	CATEGORY_WAKE,
	CATEGORY_PATH,
	CATEGORY_LOOP,
	CATEGORY_PHASE
};

/* A thread of the report. */
struct pf_lane {
	uint64_t woken_ns; /* end of its last wait */
	uint32_t waker;	   /* who ended its last wait, 0 nobody seen; void once it is told */
	uint32_t row;	   /* 1 + index in the report's table; 0 none */
	bool loop_known;   /* its loop's track is described */
};

/* An epoll instance of the report. */
struct pf_instance {
	uint64_t level; /* as its counter says; UINT64_MAX nothing yet */
	bool known, outbound;
};

struct perfetto {
	struct pf_out *out;
	const struct cpt_report *r; /* of the first pass */
	const struct cpt_words *words;
	uint8_t sys[CPT_SYSNO_TABLE_SZ];
	struct pf_lane *lanes; /* by number of the thread */
	uint32_t lanes_cnt;
	uint64_t flows;		       /* number of the last one */
	struct pf_instance *instances; /* by number of the instance */
	uint32_t instances_cnt;
	uint64_t running, in_progress, in_flight; /* as the counters say */
	uint64_t running_most, doubtful;	  /* likewise, where something is in doubt */
	uint64_t cpus_known[CPT_MASK_WORDS];
	uint64_t words_known[CPT_WORDS_MAX / 64 + 1];
	bool sys_known[CPT_SYS_CNT];
	struct { /* the path's piece behind the one at hand, whose begin is not written yet */
		uint64_t from_ns;
		uint32_t id; /* 0 none */
	} next;
	int err; /* of a callback or of memory, not said yet */
};

/* perfetto_head.c: all that has a name before the first event. 0 or -errno. */
int perfetto_head__add(struct perfetto *p);

/* What comes up later is described before its first use. Failures stay in p->err or p->out. */
void perfetto_track__add(struct perfetto *p, uint64_t uuid, uint64_t parent, const char *name,
			 bool counter);
void perfetto_cpu__add(struct perfetto *p, uint32_t cpu);
/* Number of the name of a blocked slice: its reason, and the lock where it is one. */
uint32_t perfetto_wait__name(struct perfetto *p, const struct cpt_interval *iv);
/* Number of the text that names a system call, 0 none. */
uint32_t perfetto_syscall__note(struct perfetto *p, uint16_t sysno);

/* Sets the bit; was it set before? */
static inline bool perfetto_known(uint64_t *bits, uint32_t i)
{
	const uint64_t bit = UINT64_C(1) << (i % 64), had = bits[i / 64] & bit;

	bits[i / 64] |= bit;
	return had;
}

#endif /* CPT_PERFETTO_PARTS_H */
