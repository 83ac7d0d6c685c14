// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* kallsyms.c - see kallsyms.h. */
#include "kallsyms.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX (64u << 20)
#define READ_SZ	 (1u << 20)

struct ksym {
	uint64_t addr;
	const char *name, *module;
};

struct kallsyms {
	char *text;
	struct ksym *at; /* by address */
	uint32_t cnt;
};

static int compare(const void *a_, const void *b_)
{
	const struct ksym *a = a_, *b = b_;

	return (a->addr > b->addr) - (a->addr < b->addr);
}

/* "ffffffff81000000 T name\t[module]": takes the line apart. False: no function. */
static bool parse_line(char *line, struct ksym *sym)
{
	char *end, *tab;

	sym->addr = strtoull(line, &end, 16);
	/* A line may end anywhere, and strchr finds its end, too. */
	if (end == line || !sym->addr || *end != ' ' || !end[1] || !strchr("tTwW", end[1]) ||
	    end[2] != ' ')
		return false;
	sym->name = end + 3;
	sym->module = "[kernel]";
	tab = strchr(end + 3, '\t');
	if (tab) {
		*tab = '\0';
		if (tab[1])
			sym->module = tab + 1;
	}
	return *sym->name;
}

struct kallsyms *kallsyms__parse(char *text)
{
	struct kallsyms *ks = calloc(1, sizeof(*ks));
	uint32_t cap = 0;
	char *save, *line;

	for (const char *p = text; ks && *p; p++)
		cap += *p == '\n';
	if (ks)
		ks->at = calloc(cap + 1u, sizeof(*ks->at));
	if (!ks || !ks->at) {
		free(ks);
		free(text);
		errno = ENOMEM;
		return NULL;
	}
	ks->text = text;
	for (line = strtok_r(text, "\n", &save); line && ks->cnt <= cap;
	     line = strtok_r(NULL, "\n", &save))
		ks->cnt += parse_line(line, &ks->at[ks->cnt]);
	if (!ks->cnt) {
		kallsyms__free(ks);
		errno = EACCES;
		return NULL;
	}
	qsort(ks->at, ks->cnt, sizeof(*ks->at), compare);
	return ks;
}

static char *read_all(int fd)
{
	char *text = NULL, *bigger;
	size_t len = 0;
	ssize_t got = 1;

	while (got > 0 && len < TEXT_MAX) {
		bigger = realloc(text, len + READ_SZ + 1);
		if (!bigger) {
			free(text);
			return NULL;
		}
		text = bigger;
		got = read(fd, text + len, READ_SZ);
		if (got > 0)
			len += (size_t)got;
	}
	text[len] = '\0';
	return text;
}

struct kallsyms *kallsyms__new(void)
{
	int fd = open("/proc/kallsyms", O_RDONLY | O_CLOEXEC);
	char *text;

	if (fd < 0)
		return NULL;
	text = read_all(fd);
	close(fd);
	return text ? kallsyms__parse(text) : NULL;
}

void kallsyms__free(struct kallsyms *ks)
{
	if (!ks)
		return;
	free(ks->text);
	free(ks->at);
	free(ks);
}

bool kallsyms__find(const struct kallsyms *ks, uint64_t addr, const char **name,
		    const char **module)
{
	uint32_t lo = 0, hi = ks ? ks->cnt : 0;

	while (lo < hi) {
		const uint32_t mid = lo + (hi - lo) / 2;

		if (ks->at[mid].addr <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo)
		return false;
	*name = ks->at[lo - 1].name;
	*module = ks->at[lo - 1].module;
	return true;
}
