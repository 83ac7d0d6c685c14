/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words.h - the synchronisation objects of a run: mutexes, condition variables, semaphores ...
 *
 * Owns:     which waits are on one object, who waited on it and who woke it, and what that makes of
 *           it: a lock, a hand-off, a queue of work, a barrier.
 * Must not: read files or other processes (whoever can gives names by words__set_place()), account
 *           time (what a wait cost is the timeline's business).
 *
 * A *word* is one object of one address space, named after the futex word it is known by. It is
 * found by process, by how many execs that process had made (an address before an exec is another
 * thing after it) and by where the object starts: the two words a condition variable is waited on
 * by are one.
 *
 *       recorder:  events -> words__feed()  ...  words__set_place(), words__classify()  -> section WORDS
 *       report:    section WORDS -> words__add() ... -> words__lookup() by each wait, in the one pass
 *
 * Memory: at most CPT_WORDS_MAX words and CPT_WORD_PAIRS_MAX pairs of word and task.
 */
#ifndef CPT_ANALYSIS_WORDS_H
#define CPT_ANALYSIS_WORDS_H

#include "merge.h"
#include "states.h"

/* X(NAME, value, "name"): values are on disk, append only. */
/* clang-format off */
#define CPT_WORD_KINDS(X)                                                                          \
	X(FUTEX, 0, "futex")           /* a raw futex: nobody knows what it is */                   \
	X(MUTEX, 1, "mutex")                                                                       \
	X(ROBUST, 2, "robust_mutex")                                                               \
	X(PI, 3, "pi_mutex")                                                                       \
	X(CONDVAR, 4, "condvar")                                                                   \
	X(SEM, 5, "semaphore")                                                                     \
	X(RWLOCK, 6, "rwlock")                                                                     \
	X(BARRIER, 7, "barrier")                                                                   \
	X(ONCE, 8, "once")                                                                         \
	X(JOIN, 9, "join")             /* the tid word of a thread that others wait to end */       \
	X(FILE_LOCK, 10, "file_lock")  /* flock, fcntl */                                           \
	X(KERNEL, 11, "kernel_lock")   /* of the address space: mmap_lock */
/* clang-format on */

#define CPT_WORD_ENUM(name, value, str) CPT_WORD_##name = value,
enum { CPT_WORD_KINDS(CPT_WORD_ENUM) CPT_WORD_KIND_CNT };
#undef CPT_WORD_ENUM

/* cpt_word.flags */
#define CPT_WORD_SHARED 0x1 /* waited on without FUTEX_PRIVATE_FLAG: other processes may have it */
#define CPT_WORD_OVERFLOW                                                                          \
	0x2 /* too many tasks, or wakers of other processes: its sets are not whole */
#define CPT_WORD_BY_SYMBOL 0x4 /* the reason is known from the symbol */

struct cpt_word {
	uint32_t proc;	/* number of the task that leads the process */
	uint32_t space; /* execs that process had made */
	/* Start of the object (of the whole pthread_cond_t, ...). FILE_LOCK: the descriptor. KERNEL: 0. */
	uint64_t addr;
	uint8_t kind;	/* CPT_WORD_* */
	uint8_t reason; /* enum cpt_reason: what a wait on it is, see words__classify() */
	uint8_t flags;	/* CPT_WORD_SHARED ... */
	uint8_t reserved;
	/* Index + 1 of the first word that is the same object in a shared mapping; 0 none. Never its
	 * own. */
	uint32_t same;
	uint64_t waits;	   /* blocking switch-outs on it */
	uint64_t timeouts; /* of those: had a timeout and ended by an interrupt */
	uint64_t wakes; /* wakes by a system call on the word itself; timers and signals are none */
	uint32_t waiters; /* different tasks that waited, */
	uint32_t wakers;  /* that woke it (of all outside the trace, one), */
	uint32_t both;	  /* that did both */
	uint32_t reserved2;
	const char *symbol; /* "queue_lock" or "cache+0x40"; "" not known */
	const char *module; /* "server": file name of the mapping; "[heap]", "[stack]", "[anon]"; ""
			  * FILE_LOCK: path of the file */
	const char *build_id; /* of the module, hex; "" not known */
	uint64_t offset;      /* of the object into the module's file */
};

#define CPT_WORDS_MAX	   65536u     /* later ones are counted together, in the last word */
#define CPT_WORD_PAIRS_MAX (1u << 19) /* of word and task, over all words */
#define CPT_WORD_STR_MAX   255u	      /* longest string of a word; longer ones are cut */

struct cpt_words;

/* machine as uname(2) spells it (cpt_trace_meta.machine). NULL with errno. */
struct cpt_words *words__new(const char *machine);
void words__free(struct cpt_words *ws); /* accepts NULL */

uint32_t words__cnt(const struct cpt_words *ws);
/* idx below words__cnt(). Valid until words are added (strings: until the word's are set again). */
const struct cpt_word *words__at(const struct cpt_words *ws, uint32_t idx);

/* Adds a word as it is (from a trace, or by a test); strings are copied, NULL means "". 0, -EEXIST
 * when there is one at that place already, -ENOSPC beyond CPT_WORDS_MAX, -EINVAL for a kind, reason
 * or `same` that cannot be, -ENOMEM. */
int words__add(struct cpt_words *ws, const struct cpt_word *word);

/* The word that a blocking switch-out of a task of proc in space was on. NULL: it was on none, or the
 * word is not in the table. */
const struct cpt_word *words__lookup(const struct cpt_words *ws, uint32_t proc, uint32_t space,
				     const struct cpt_wait *wait);
/* Likewise of a task by its number, as of the births and execs that words__feed() was told of. */
const struct cpt_word *words__of_task(const struct cpt_words *ws, uint32_t task,
				      const struct cpt_wait *wait);
/* Index of a word, as `same` counts without the 1. */
uint32_t words__idx(const struct cpt_words *ws, const struct cpt_word *word);

/* What was found out about where the object lies. Strings are copied and cut, NULL means "". 0 or
 * -ENOMEM. */
int words__set_place(struct cpt_words *ws, uint32_t idx, const char *symbol, const char *module,
		     const char *build_id, uint64_t offset);
/* idx is the same object as `first`, an index below idx. */
void words__set_same(struct cpt_words *ws, uint32_t idx, uint32_t first);

/* tgid of the process that task number proc leads, as the initial PID namespace knows it; 0 not seen. */
uint32_t words__tgid(const struct cpt_words *ws, uint32_t proc);

/* Takes what events tell: in order of time, from a merge (then also its late facts) or a reader, whose
 * events have them. 0, -ENOMEM, or -EINVAL for a task's number out of range. */
int words__feed(struct cpt_words *ws, const struct cpt_event *ev, size_t cnt);
int words__late(struct cpt_words *ws, const struct cpt_late *late);

/* Gives every word its reason, and the kinds that only many waits tell; to be called when all has been
 * fed and named. May be repeated. */
void words__classify(struct cpt_words *ws);

const char *word_kind_name(uint8_t kind); /* "?" beyond the list */

#endif /* CPT_ANALYSIS_WORDS_H */
