// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* python_gil.c - see python_gil.h. */
#include "python_gil.h"

#include <string.h>

#include "words_table.h"

/* From cond to switch_cond: a condition variable and a mutex, whose size depends on the architecture (glibc:
 * 40 bytes on x86-64, 48 on arm64). No two condition variables of one lock lie otherwise. */
static const uint64_t switch_offsets[] = {48 + 40, 48 + 48};

static bool is_in_runtime(const struct cpt_word *word)
{
	static const char runtime[] = "_PyRuntime";
	const size_t len = sizeof(runtime) - 1;

	return word->reason == CPT_REASON_HANDOFF && word->kind == CPT_WORD_CONDVAR &&
	       !strncmp(word->symbol, runtime, len) &&
	       (!word->symbol[len] || word->symbol[len] == '+');
}

enum python_gil python_gil_of(const struct cpt_words *words, const struct cpt_word *word)
{
	if (!is_in_runtime(word))
		return PYTHON_GIL_NONE;
	for (size_t i = 0; i < sizeof(switch_offsets) / sizeof(switch_offsets[0]); i++) {
		const struct word_ref cond = {.addr = word->addr - switch_offsets[i],
					      .kind = CPT_WORD_CONDVAR};
		const uint32_t idx = words_find(words, word->proc, word->space, &cond);

		if (idx != UINT32_MAX && is_in_runtime(words__at(words, idx)))
			return PYTHON_GIL_SWITCH;
	}
	return PYTHON_GIL_LOCK;
}
