// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * target_proc.c - texts of /proc that a traced program has a say in: its mappings (it names its files), and
 * the kernel's symbols (modules name theirs).
 *
 * The input is two texts of maps with a NUL between, then one of kallsyms.
 */
#include <stdlib.h>
#include <string.h>

#include "../../collector/kallsyms.h"
#include "../../collector/maps.h"
#include "fuzz.h"

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	return 0;
}

/* What maps.h promises of a table. */
static void check(const struct maps *maps)
{
	if (maps->cnt > CPT_MAPS_MAX)
		abort();
	for (uint32_t i = 0; i < maps->cnt; i++) {
		const struct mapping *m = &maps->list[i];

		if (m->start >= m->end || (i && m->start < maps->list[i - 1].end))
			abort();
		if (strlen(m->name) > CPT_MAPS_NAME_MAX)
			abort();
		if (maps__find(maps, m->start) != i || maps__find(maps, m->end - 1) != i)
			abort();
	}
}

static void try_maps(const char *older, size_t older_sz, const char *text, size_t sz)
{
	struct maps_names *names = maps_names__new();
	struct maps a = {0}, b = {0};

	if (names && !maps__parse(&a, names, older, older_sz) &&
	    !maps__parse(&b, names, text, sz)) {
		check(&a);
		check(&b);
		maps__keep(&b, &a);
		check(&b);
	}
	maps__fini(&a);
	maps__fini(&b);
	maps_names__free(names);
}

static void try_kallsyms(const char *text, size_t sz)
{
	char *copy = malloc(sz + 1);
	const char *name, *module;
	struct kallsyms *ks;

	if (!copy)
		return;
	memcpy(copy, text, sz);
	copy[sz] = '\0';
	ks = kallsyms__parse(copy);
	for (uint64_t addr = 0; ks && addr < 64; addr++)
		if (kallsyms__find(ks, addr << 58, &name, &module) && (!name || !*module))
			abort();
	kallsyms__free(ks);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
	const char *a = (const char *)data, *end = a + sz, *b, *c;

	if (!sz)
		return 0;
	b = memchr(a, '\0', sz);
	b = b ? b + 1 : end;
	c = b < end ? memchr(b, '\0', (size_t)(end - b)) : NULL;
	c = c ? c + 1 : end;
	try_maps(a, (size_t)(b - a), b, (size_t)(c - b));
	try_kallsyms(c, (size_t)(end - c));
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed)
{
	(void)seed;
	return LLVMFuzzerMutate(data, sz, max_sz);
}
