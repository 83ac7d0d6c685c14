// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* frame_text.c - see frame_text.h. */
#include "frame_text.h"

#include <inttypes.h>

void frame_text__add(struct strbuf *b, const struct cpt_frame *f)
{
	if (*f->symbol)
		strbuf__adds(b, f->symbol);
	else if (*f->module)
		strbuf__addf(b, "%s+0x%" PRIx64, f->module, f->offset);
	else
		strbuf__addf(b, "0x%" PRIx64, f->offset);
}

void frame_text__chain(struct strbuf *b, const struct cpt_stacks *table, uint32_t user,
		       uint32_t kernel, uint32_t max)
{
	const uint32_t stack = stacks__depth(table, user) ? user : kernel;
	const uint32_t depth = stacks__depth(table, stack);

	for (uint32_t i = 0; i < depth && i < max; i++) {
		if (i)
			strbuf__adds(b, " < ");
		frame_text__add(b, stacks__frame(table, stack, i));
	}
	if (depth > max)
		strbuf__adds(b, " < ...");
}
