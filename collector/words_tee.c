// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* words_tee.c - see words_tee.h. */
#include "words_tee.h"

static void give_up_on(struct words_tee *tee, int err)
{
	if (!err)
		return;
	words__free(tee->words);
	tee->words = NULL;
}

static int tee_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct words_tee *tee = ctx;

	if (tee->words)
		give_up_on(tee, words__feed(tee->words, ev, cnt));
	return trace_writer__events(tee->writer, ev, cnt);
}

static int tee_late(void *ctx, const struct cpt_late *late)
{
	struct words_tee *tee = ctx;

	if (tee->words)
		give_up_on(tee, words__late(tee->words, late));
	return trace_writer__late(tee->writer, late);
}

/* Words are in the switches: what stands beside them only passes by. */
static int tee_side(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	const struct words_tee *tee = ctx;

	return trace_writer__side(tee->writer, ev, cnt);
}

struct cpt_merge_sink words_tee__sink(struct words_tee *tee, struct trace_writer *writer,
				      const char *machine)
{
	tee->writer = writer;
	tee->words = words__new(machine);
	return (struct cpt_merge_sink){
		.events = tee_events, .late = tee_late, .side = tee_side, .ctx = tee};
}

int words_tee__write(struct words_tee *tee)
{
	if (!tee->words)
		return 0;
	words__classify(tee->words);
	return trace_writer__words(tee->writer, tee->words);
}

void words_tee__free(struct words_tee *tee)
{
	words__free(tee->words);
	tee->words = NULL;
}
