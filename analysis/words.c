// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * words.c - see words.h.
 *
 * Words stand in an array in order of appearance; an open hash table of index + 1 finds them by
 * process, space, place and class. The class keeps a descriptor or the kernel's lock apart from a
 * futex at the same small number.
 */
#include "words.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "words_table.h"

enum word_class { CLASS_FUTEX, CLASS_FILE, CLASS_KERNEL };

struct word_key {
	uint32_t proc, space;
	uint64_t addr;
	enum word_class cls;
};

static const char no_string[] = "";

struct cpt_words *words__new(const char *machine)
{
	struct cpt_words *ws = calloc(1, sizeof(*ws));

	if (ws)
		sysno_table(machine, ws->sysno);
	return ws;
}

static void free_string(const char *s)
{
	if (s != no_string)
		free((void *)(uintptr_t)s);
}

static void free_strings(struct cpt_word *w)
{
	free_string(w->symbol);
	free_string(w->module);
	free_string(w->build_id);
}

void words__free(struct cpt_words *ws)
{
	if (!ws)
		return;
	for (uint32_t i = 0; i < ws->cnt; i++)
		free_strings(&ws->at[i]);
	free(ws->at);
	free(ws->votes);
	free(ws->slots);
	free(ws->tasks);
	free(ws->tids.slots);
	free(ws->pairs.slots);
	free(ws);
}

uint32_t words__cnt(const struct cpt_words *ws)
{
	return ws->cnt;
}

const struct cpt_word *words__at(const struct cpt_words *ws, uint32_t idx)
{
	return &ws->at[idx];
}

uint32_t words__idx(const struct cpt_words *ws, const struct cpt_word *word)
{
	return (uint32_t)(word - ws->at);
}

/* ---- finding ------------------------------------------------------------------------------------- */

static enum word_class class_of(uint8_t kind)
{
	if (kind == CPT_WORD_FILE_LOCK)
		return CLASS_FILE;
	return kind == CPT_WORD_KERNEL ? CLASS_KERNEL : CLASS_FUTEX;
}

static uint32_t hash_key(const struct word_key *k)
{
	const uint64_t mul = UINT64_C(0x9e3779b97f4a7c15); /* multiplicative, golden ratio */
	uint64_t h = k->addr * mul;

	h = (h ^ h >> 32 ^ ((uint64_t)k->proc << 32 | k->space) ^ (uint64_t)k->cls) * mul;
	return (uint32_t)(h >> 32);
}

static bool is_at(const struct cpt_word *w, const struct word_key *k)
{
	return w->addr == k->addr && w->proc == k->proc && w->space == k->space &&
	       class_of(w->kind) == k->cls;
}

static struct word_key key_of(const struct cpt_word *w)
{
	return (struct word_key){w->proc, w->space, w->addr, class_of(w->kind)};
}

/* The slot of a word, or the free one for it. The table has slots. */
static uint32_t find_slot(const struct cpt_words *ws, const struct word_key *k)
{
	const uint32_t mask = ws->slot_cnt - 1;
	uint32_t slot = hash_key(k) & mask;

	while (ws->slots[slot] && !is_at(&ws->at[ws->slots[slot] - 1], k))
		slot = (slot + 1) & mask;
	return slot;
}

uint32_t words_find(const struct cpt_words *ws, uint32_t proc, uint32_t space,
		    const struct word_ref *ref)
{
	const struct word_key key = {proc, space, ref->addr, class_of(ref->kind)};

	return ws->slot_cnt ? ws->slots[find_slot(ws, &key)] - 1 : UINT32_MAX;
}

uint32_t words_find_wait(const struct cpt_words *ws, uint32_t proc, uint32_t space,
			 const struct cpt_wait *wait, const struct word_ref *ref)
{
	struct word_ref refs[WORD_REFS_MAX];
	const unsigned int cnt = ref->unread ? word_ref__candidates(wait, refs) : 0;

	for (unsigned int i = 0; i < cnt; i++) {
		const uint32_t idx = words_find(ws, proc, space, &refs[i]);

		if (idx != UINT32_MAX && ws->at[idx].kind == refs[i].kind)
			return idx;
	}
	return words_find(ws, proc, space, ref);
}

const struct cpt_word *words__lookup(const struct cpt_words *ws, uint32_t proc, uint32_t space,
				     const struct cpt_wait *wait)
{
	struct word_ref ref;
	enum cpt_sys sys = CPT_SYS_UNKNOWN;
	uint32_t idx;

	if (wait->sysno < CPT_SYSNO_TABLE_SZ)
		sys = ws->sysno[wait->sysno];
	if (!word_ref__of(wait, sys, &ref))
		return NULL;
	idx = words_find_wait(ws, proc, space, wait, &ref);
	return idx == UINT32_MAX ? NULL : &ws->at[idx];
}

/* ---- adding -------------------------------------------------------------------------------------- */

static int grow_slots(struct cpt_words *ws)
{
	const uint32_t cnt = ws->slot_cnt ? 2 * ws->slot_cnt : 64;
	uint32_t *slots = calloc(cnt, sizeof(*slots));

	if (!slots)
		return -ENOMEM;
	free(ws->slots);
	ws->slots = slots;
	ws->slot_cnt = cnt;
	for (uint32_t i = 0; i < ws->cnt; i++) {
		const struct word_key key = key_of(&ws->at[i]);

		ws->slots[find_slot(ws, &key)] = i + 1;
	}
	return 0;
}

static int grow(struct cpt_words *ws)
{
	if (ws->cnt == ws->cap) {
		const uint32_t cap = ws->cap ? 2 * ws->cap : 32;
		struct cpt_word *at = realloc(ws->at, cap * sizeof(*at));
		struct word_votes *votes;

		if (!at)
			return -ENOMEM;
		ws->at = at;
		votes = realloc(ws->votes, cap * sizeof(*votes));
		if (!votes)
			return -ENOMEM;
		ws->votes = votes;
		ws->cap = cap;
	}
	return 2 * ws->cnt >= ws->slot_cnt ? grow_slots(ws) : 0;
}

static int copy_string(const char **to, const char *from)
{
	char *copy;

	if (!from || !*from) {
		*to = no_string;
		return 0;
	}
	copy = strndup(from, CPT_WORD_STR_MAX);
	if (!copy)
		return -ENOMEM;
	*to = copy;
	return 0;
}

int words__set_place(struct cpt_words *ws, uint32_t idx, const char *symbol, const char *module,
		     const char *build_id, uint64_t offset)
{
	struct cpt_word *w = &ws->at[idx];
	struct cpt_word place = {.symbol = no_string, .module = no_string, .build_id = no_string};

	if (copy_string(&place.symbol, symbol) || copy_string(&place.module, module) ||
	    copy_string(&place.build_id, build_id)) {
		free_strings(&place);
		return -ENOMEM;
	}
	free_strings(w);
	w->symbol = place.symbol;
	w->module = place.module;
	w->build_id = place.build_id;
	w->offset = offset;
	return 0;
}

void words__set_same(struct cpt_words *ws, uint32_t idx, uint32_t first)
{
	if (first < idx && idx < ws->cnt)
		ws->at[idx].same = first + 1;
}

int words__add(struct cpt_words *ws, const struct cpt_word *word)
{
	const struct word_key key = key_of(word);
	struct cpt_word *w;
	uint32_t slot;
	int err;

	if (word->kind >= CPT_WORD_KIND_CNT || word->reason >= CPT_REASON_CNT ||
	    word->same > ws->cnt)
		return -EINVAL;
	if (ws->cnt == CPT_WORDS_MAX)
		return -ENOSPC;
	err = grow(ws);
	if (err)
		return err;
	slot = find_slot(ws, &key);
	if (ws->slots[slot])
		return -EEXIST;
	w = &ws->at[ws->cnt];
	*w = *word;
	w->symbol = w->module = w->build_id = no_string;
	ws->votes[ws->cnt] = (struct word_votes){0};
	err = words__set_place(ws, ws->cnt, word->symbol, word->module, word->build_id,
			       word->offset);
	if (!err)
		ws->slots[slot] = ++ws->cnt;
	return err;
}

const char *word_kind_name(uint8_t kind)
{
#define WORD_KIND_NAME(name, value, str) [value] = str,
	static const char *const names[] = {CPT_WORD_KINDS(WORD_KIND_NAME)};

	return kind < CPT_WORD_KIND_CNT ? names[kind] : "?";
}
