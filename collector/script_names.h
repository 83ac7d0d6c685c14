/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * script_names.h - numbers of a trace to names, as far as events have told them.
 *
 * Owns:     who is who by task number (bounded by the tasks named in the trace), names of system
 *           calls, kinds of descriptors and futexes, task states.
 */
#ifndef CPT_SCRIPT_NAMES_H
#define CPT_SCRIPT_NAMES_H

#include "analysis/event.h"
#include "analysis/sysno.h"

#include "strbuf.h"

/* A name of escapes alone, and two numbers. */
#define SCRIPT_LABEL_MAX (4 * (CPT_COMM_LEN - 1) + 2 * 11)

struct script_name {
	uint32_t id; /* 0: free slot */
	uint32_t tid, pid;
	char comm[CPT_COMM_LEN];
	uint8_t label_len;
	char label[SCRIPT_LABEL_MAX]; /* "comm/tid#id", escaped; no NUL */
	bool waits;
	struct cpt_wait wait; /* its last one, while `waits`: until the wake-up */
};

struct script_names {
	struct script_name *slots; /* open addressing; a power of two */
	size_t cap, cnt;
	uint8_t sys[CPT_SYSNO_TABLE_SZ];
};

void script_names__init(struct script_names *n, const char *machine);
void script_names__fini(struct script_names *n);
/* Takes note of what an identity event says, and of what a switch says of a wait. 0 or -ENOMEM. */
int script_names__learn(struct script_names *n, const struct cpt_event *ev);
/* NULL if never named. Valid until the next learn. */
const struct script_name *script_names__find(const struct script_names *n, uint32_t id);

/* What the task waits for as far as it is known, and it does no more; NULL: nothing that was seen. Likewise. */
const struct cpt_wait *script_names__end_wait(struct script_names *n, uint32_t id);

/* "comm/tid#id" of a task, "?#id" if it was never named. */
void script_names__add_task(const struct script_names *n, struct strbuf *b, uint32_t id);

/* "KEYfutex(202)"; nothing where there was no system call. */
void script_names__add_syscall(const struct script_names *n, struct strbuf *b, const char *key,
			       uint16_t sysno);
/* " on=socket(3)" or " futex=mutex(2)"; nothing where the wait is on neither. */
void script_names__add_object(const struct script_names *n, struct strbuf *b,
			      const struct cpt_wait *w);
/* " fd=3", where the wait is on one descriptor alone. */
void script_names__add_fd(const struct script_names *n, struct strbuf *b, const struct cpt_wait *w);
/* " state=S(0x1)" */
void script_names__add_state(struct strbuf *b, uint16_t prev_state);

#endif /* CPT_SCRIPT_NAMES_H */
