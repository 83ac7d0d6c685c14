// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* without_libdw.c - symbols.h in a program built without libdw: nothing is known. */
#include <stdlib.h>

#include "symbols.h"

struct symbols {
	char nothing;
};

struct symbols *symbols__new(void)
{
	return calloc(1, sizeof(struct symbols));
}

void symbols__free(struct symbols *s)
{
	free(s);
}

bool symbols__available(void)
{
	return false;
}

bool symbols__object(struct symbols *s, struct module *m, uint64_t addr, char *name, size_t sz)
{
	return false;
}

uint32_t symbols__frames(struct symbols *s, struct module *m, uint64_t addr,
			 struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX])
{
	return 0;
}
