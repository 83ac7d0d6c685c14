// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* word_names.c - see word_names.h. */
#include "word_names.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Where no word in a mapping of a file can be. */
#define FILE_LOCKS UINT64_MAX

/* Words by what they are in shared memory, locks by their files. */
struct shared_word {
	uint64_t ino, off;
	uint32_t dev;
	uint32_t word; /* index + 1, 0: free slot */
};

struct naming {
	struct cpt_words *ws;
	struct places *places;
	struct symbols *symbols;
	uint64_t until_ns;
	struct shared_word *shared; /* open addressing */
	uint32_t shared_cnt;	    /* slots, a power of two above the number of words */
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static void note_shared(struct naming *n, uint32_t idx, const struct place *place)
{
	uint64_t key = (place->ino * 31 + place->dev) * 31 + place->file_off;
	uint32_t slot = (uint32_t)(key * 0x9e3779b97f4a7c15ull >> 32); /* golden ratio */
	struct shared_word *s;

	for (;; slot++) {
		s = &n->shared[slot & (n->shared_cnt - 1)];
		if (!s->word)
			break;
		if (s->ino == place->ino && s->dev == place->dev && s->off == place->file_off) {
			words__set_same(n->ws, idx, s->word - 1);
			return;
		}
	}
	*s = (struct shared_word){
		.ino = place->ino, .off = place->file_off, .dev = place->dev, .word = idx + 1};
}

/* By its file: descriptors of several processes, or several of one, may be one lock. */
static int name_file(struct naming *n, uint32_t idx)
{
	const struct cpt_word *w = words__at(n->ws, idx);
	struct place place = {.offset = 0};
	struct file_lock file;

	if (!places__locked_file(n->places, w->proc, w->space, w->addr, &file))
		return 0;
	place.dev = (uint32_t)file.dev;
	place.ino = file.ino;
	place.file_off = FILE_LOCKS;
	note_shared(n, idx, &place);
	return words__set_place(n->ws, idx, "", file.path, "", 0);
}

static int name_word(struct naming *n, uint32_t idx)
{
	const struct cpt_word *w = words__at(n->ws, idx);
	char symbol[CPT_SYMBOL_MAX + 32] = "";
	struct place place;

	if (w->kind == CPT_WORD_FILE_LOCK)
		return name_file(n, idx);
	if (w->kind == CPT_WORD_KERNEL)
		return 0; /* its address is none */
	if (!places__find(n->places, w->proc, w->space, w->addr, &place))
		return 0;
	/* A private futex in shared memory is an object of its process alone: the kernel says so. */
	if (place.shared && place.ino && w->flags & CPT_WORD_SHARED)
		note_shared(n, idx, &place);
	if (place.file && now_ns() < n->until_ns)
		(void)symbols__object(n->symbols, place.file, place.offset, symbol, sizeof(symbol));
	return words__set_place(n->ws, idx, symbol, place.module,
				place.file ? place.file->elf.build_id : "", place.offset);
}

int word_names__set(struct cpt_words *ws, struct places *places, struct symbols *symbols)
{
	struct naming n = {
		.ws = ws,
		.places = places,
		.symbols = symbols,
		.until_ns = now_ns() + CPT_NAMING_NS,
		.shared_cnt = 64,
	};
	int err = 0;

	while (n.shared_cnt <= 2 * words__cnt(ws))
		n.shared_cnt *= 2;
	n.shared = calloc(n.shared_cnt, sizeof(*n.shared));
	if (!n.shared)
		return -ENOMEM;
	for (uint32_t i = 0; i < words__cnt(ws) && !err; i++)
		err = name_word(&n, i);
	free(n.shared);
	return err;
}
