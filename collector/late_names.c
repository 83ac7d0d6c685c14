// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* late_names.c - see late_names.h. */
#include "late_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "symbols.h"

#define BUILDS_MAX 64 /* different files that are looked for */

static const char *const folders[] = {
#ifdef __x86_64__
	"/usr/lib/x86_64-linux-gnu",
#elif defined(__aarch64__)
	"/usr/lib/aarch64-linux-gnu",
#endif
	"/usr/bin",
	"/usr/lib64",
	"/usr/lib",
	"/usr/local/lib",
	"/usr/local/bin",
};

struct late_names {
	struct modules *modules;
	struct symbols *symbols;
	const char *program;
	uint64_t until_ns;
	struct {
		char build_id[CPT_BUILD_ID_HEX_LEN];
		uint32_t module; /* index + 1, 0: there is none here */
	} builds[BUILDS_MAX];
	uint32_t build_cnt;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* The names come from a trace, which may be anybody's: none leads out of the folder it is put behind. */
static bool harmless(const char *name)
{
	return *name && *name != '[' && !strchr(name, '/');
}

static uint32_t find_file(struct late_names *l, const char *build_id, const char *module)
{
	char path[1024];
	uint32_t found = 0;

	if (strlen(build_id) > 2 && strspn(build_id, "0123456789abcdef") == strlen(build_id)) {
		snprintf(path, sizeof(path), "/usr/lib/debug/.build-id/%.2s/%s.debug", build_id,
			 build_id + 2);
		found = modules__of_build_id(l->modules, path, build_id);
	}
	if (!found && l->program)
		found = modules__of_build_id(l->modules, l->program, build_id);
	for (size_t i = 0; !found && harmless(module) && i < sizeof(folders) / sizeof(*folders);
	     i++) {
		snprintf(path, sizeof(path), "%s/%s", folders[i], module);
		found = modules__of_build_id(l->modules, path, build_id);
	}
	return found;
}

static struct module *module_of(struct late_names *l, const struct cpt_word *w)
{
	uint32_t i;

	for (i = 0; i < l->build_cnt; i++)
		if (!strcmp(l->builds[i].build_id, w->build_id))
			break;
	if (i == l->build_cnt) {
		if (i == BUILDS_MAX)
			return NULL;
		snprintf(l->builds[i].build_id, sizeof(l->builds[i].build_id), "%s", w->build_id);
		l->builds[i].module = find_file(l, w->build_id, w->module);
		l->build_cnt++;
	}
	return l->builds[i].module ? modules__at(l->modules, l->builds[i].module - 1) : NULL;
}

static bool complete(struct late_names *l, struct cpt_words *ws, uint32_t idx)
{
	const struct cpt_word *w = words__at(ws, idx);
	char symbol[CPT_SYMBOL_MAX + 32], module[CPT_WORD_STR_MAX + 1];
	char build_id[CPT_BUILD_ID_HEX_LEN];
	struct module *file;

	if (*w->symbol || !*w->build_id || strlen(w->build_id) >= sizeof(build_id))
		return false;
	file = module_of(l, w);
	if (!file || !symbols__object(l->symbols, file, w->offset, symbol, sizeof(symbol)))
		return false;
	/* They are the word's own, and replaced. */
	snprintf(module, sizeof(module), "%s", w->module);
	snprintf(build_id, sizeof(build_id), "%s", w->build_id);
	return !words__set_place(ws, idx, symbol, module, build_id, w->offset);
}

uint32_t late_names__complete(struct cpt_words *ws, const char *program)
{
	struct late_names *l = calloc(1, sizeof(*l));
	uint32_t found = 0;

	if (!l || !symbols__available()) {
		free(l);
		return 0;
	}
	l->modules = modules__new();
	l->symbols = symbols__new();
	l->program = program;
	l->until_ns = now_ns() + CPT_LATE_NAMES_NS;
	if (l->modules && l->symbols)
		for (uint32_t i = 0; i < words__cnt(ws) && now_ns() < l->until_ns; i++)
			found += complete(l, ws, i);
	symbols__free(l->symbols);
	modules__free(l->modules);
	free(l);
	return found;
}
