// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script_words.c - see script_words.h. */
#include "script_words.h"

#include <inttypes.h>
#include <string.h>

#include "escape.h"

int script_words__learn(struct cpt_words *words, const struct cpt_event *ev)
{
	if (!words || !ev->info || !ev->task || (ev->type != CPT_EV_NEW && ev->type != CPT_EV_EXEC))
		return 0;
	return words__feed(words, ev, 1);
}

static void add_text(struct strbuf *b, const char *text)
{
	escape_add(b, text, strlen(text), true);
}

void script_words__add(struct strbuf *b, const struct cpt_words *words, uint32_t task,
		       const struct cpt_wait *wait)
{
	const struct cpt_word *w = words ? words__of_task(words, task, wait) : NULL;

	if (!w)
		return;
	strbuf__addf(b, " word=%s(", word_kind_name(w->kind));
	if (*w->module && (*w->symbol || w->kind == CPT_WORD_FILE_LOCK)) {
		add_text(b, w->module);
		strbuf__adds(b, *w->symbol ? ":" : "");
	}
	if (*w->symbol)
		add_text(b, w->symbol);
	else if (!*w->module || w->kind != CPT_WORD_FILE_LOCK)
		strbuf__addf(b, "0x%" PRIx64, w->addr);
	strbuf__addf(b, ") reason=%s", reason_name((enum cpt_reason)w->reason));
}
