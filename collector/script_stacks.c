// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* script_stacks.c - see script_stacks.h. */
#include "script_stacks.h"

#include "escape.h"
#include "frame_text.h"

const char *script_stacks__kind(uint8_t type)
{
	return type == CPT_EV_STACKS ? "stacks" : type == CPT_EV_SAMPLE ? "sample" : NULL;
}

static void add_frames(struct strbuf *b, const char *key, const struct cpt_stacks *table,
		       uint32_t stack)
{
	const uint32_t depth = table ? stacks__depth(table, stack) : 0;
	struct strbuf name = {0};

	if (!depth)
		return;
	strbuf__addf(b, " %s=", key);
	for (uint32_t i = 0; i < depth; i++) {
		strbuf__clear(&name);
		frame_text__add(&name, stacks__frame(table, stack, i));
		if (i)
			strbuf__addc(b, '<');
		escape_add(b, strbuf__str(&name), name.len, true);
	}
	if (name.failed)
		b->failed = true;
	strbuf__free(&name);
}

void script_stacks__add(struct strbuf *b, const struct cpt_stacks *table, uint32_t user,
			uint32_t kernel)
{
	add_frames(b, "user", table, user);
	add_frames(b, "kernel", table, kernel);
}
