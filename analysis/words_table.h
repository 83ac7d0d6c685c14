/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * words_table.h - inside struct cpt_words, for the files that fill it.
 *
 * Owns:     the structures. words.c finds and adds, words_feed.c accumulates, words_classify.c judges.
 *
 * Private to analysis/.
 */
#ifndef CPT_WORDS_TABLE_H
#define CPT_WORDS_TABLE_H

#include "word_ref.h"
#include "words.h"

/* What is kept beside a word while events are taken in. */
struct word_votes {
	uint32_t lead;	  /* votes for its kind, less those for others */
	bool may_be_once; /* all waits so far: WAIT, private, expecting pthread_once's value */
	bool may_be_end; /* all waits so far: as pthread_join waits for a thread's state since 2.43 */
	uint32_t by_exit; /* waits that a thread of the process ended by its own end */
};

/* A task, as far as words need to know it. */
struct word_task {
	uint32_t proc; /* 0: not seen */
	uint32_t space;
	uint32_t tgid;
	uint32_t ns_tid;
	uint32_t word; /* index + 1 of the word its current wait is on, 0 none */
	bool timed;    /* that wait carries a timeout */
};

/* Open addressing, at most half of it used; slots 0 are free. cnt is 0 or a power of 2. */
struct word_set {
	uint64_t *slots;
	uint32_t cnt, used;
};

struct cpt_words {
	struct cpt_word *at;
	struct word_votes *votes; /* as many */
	uint32_t cnt, cap;
	uint32_t *slots; /* index + 1, 0 free; slot_cnt is a power of 2, at most half of it used */
	uint32_t slot_cnt;
	uint8_t sysno[CPT_SYSNO_TABLE_SZ];

	struct word_task *tasks; /* by number */
	uint32_t task_cnt;
	struct word_set tids;  /* proc << 32 | ns_tid of every thread that was born */
	struct word_set pairs; /* word index + 1, task, what it did there */
};

/* The word at a place, UINT32_MAX none. */
uint32_t words_find(const struct cpt_words *ws, uint32_t proc, uint32_t space,
		    const struct word_ref *ref);
/* The word that a wait of a task of proc in space is on, as far as the table knows it. */
uint32_t words_find_wait(const struct cpt_words *ws, uint32_t proc, uint32_t space,
			 const struct cpt_wait *wait, const struct word_ref *ref);

/* The element of a set that equals key outside the bits of `ignore`, or a free slot for it; NULL
 * without memory, or when the set would exceed max elements and key is not in it. */
uint64_t *word_set__slot(struct word_set *set, uint64_t key, uint64_t ignore, uint32_t max);

#endif /* CPT_WORDS_TABLE_H */
