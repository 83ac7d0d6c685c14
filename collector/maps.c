// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* maps.c - see maps.h. */
#include "maps.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- names ----------------------------------------------------------------------------------- */

struct maps_names {
	char **slots; /* open addressing, a power of two */
	uint32_t slot_cnt, used;
	size_t bytes;
};

static uint32_t hash_name(const char *s, size_t len)
{
	uint64_t h = 14695981039346656037ull; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211ull;
	return (uint32_t)(h ^ h >> 32);
}

struct maps_names *maps_names__new(void)
{
	struct maps_names *names = calloc(1, sizeof(*names));

	if (!names)
		return NULL;
	names->slot_cnt = 256;
	names->slots = calloc(names->slot_cnt, sizeof(*names->slots));
	if (!names->slots) {
		free(names);
		errno = ENOMEM;
		return NULL;
	}
	return names;
}

void maps_names__free(struct maps_names *names)
{
	if (!names)
		return;
	for (uint32_t i = 0; i < names->slot_cnt; i++)
		free(names->slots[i]);
	free(names->slots);
	free(names);
}

static char **name_slot(const struct maps_names *names, const char *s, size_t len)
{
	uint32_t mask = names->slot_cnt - 1, slot = hash_name(s, len) & mask;

	for (; names->slots[slot]; slot = (slot + 1) & mask)
		if (!strncmp(names->slots[slot], s, len) && !names->slots[slot][len])
			break;
	return &names->slots[slot];
}

static void grow_names(struct maps_names *names)
{
	struct maps_names bigger = {.slot_cnt = 2 * names->slot_cnt};

	bigger.slots = calloc(bigger.slot_cnt, sizeof(*bigger.slots));
	if (!bigger.slots)
		return; /* it works until it is full, and is not filled further than that */
	for (uint32_t i = 0; i < names->slot_cnt; i++)
		if (names->slots[i])
			*name_slot(&bigger, names->slots[i], strlen(names->slots[i])) =
				names->slots[i];
	free(names->slots);
	names->slots = bigger.slots;
	names->slot_cnt = bigger.slot_cnt;
}

const char *maps_names__intern(struct maps_names *names, const char *s, size_t len)
{
	char **slot;

	if (len > CPT_MAPS_NAME_MAX)
		len = CPT_MAPS_NAME_MAX;
	len = strnlen(s, len);
	if (!len)
		return "";
	if (2 * names->used >= names->slot_cnt)
		grow_names(names);
	slot = name_slot(names, s, len);
	if (*slot)
		return *slot;
	if (names->used + 1 >= names->slot_cnt || names->bytes + len + 1 > CPT_MAPS_NAMES_MAX)
		return "";
	*slot = strndup(s, len);
	if (!*slot)
		return "";
	names->used++;
	names->bytes += len + 1;
	return *slot;
}

/* ---- the text -------------------------------------------------------------------------------- */

/* One line: start-end rwxp offset major:minor inode      name
 * The kernel's numbers have no sign, no 0x and no leading blank. */
static bool number(const char **at, const char *end, int base, uint64_t *value)
{
	const char *p = *at;
	uint64_t v = 0;

	for (; p < end; p++) {
		unsigned int digit = *p >= '0' && *p <= '9'   ? (unsigned int)(*p - '0')
				     : *p >= 'a' && *p <= 'f' ? (unsigned int)(*p - 'a') + 10
							      : 99;

		if (digit >= (unsigned int)base)
			break;
		if (v > (UINT64_MAX - digit) / (unsigned int)base)
			return false;
		v = v * (unsigned int)base + digit;
	}
	if (p == *at)
		return false;
	*at = p;
	*value = v;
	return true;
}

static bool literal(const char **at, const char *end, char c)
{
	if (*at == end || **at != c)
		return false;
	++*at;
	return true;
}

static bool permissions(const char **at, const char *end, uint32_t *flags)
{
	const char *p = *at;

	if (end - p < 4 || (p[3] != 'p' && p[3] != 's'))
		return false;
	*flags = (p[1] == 'w' ? MAPPING_WRITE : 0) | (p[2] == 'x' ? MAPPING_EXEC : 0) |
		 (p[3] == 's' ? MAPPING_SHARED : 0);
	*at += 4;
	return true;
}

/* The kernel writes a newline in a name as \012, and nothing else so. */
static const char *unescape(struct maps_names *names, const char *s, size_t len)
{
	char buf[CPT_MAPS_NAME_MAX];
	size_t n = 0;

	if (len > sizeof(buf))
		len = sizeof(buf);
	if (!memmem(s, len, "\\012", 4))
		return maps_names__intern(names, s, len);
	for (size_t i = 0; i < len; n++) {
		bool newline = len - i >= 4 && !memcmp(s + i, "\\012", 4);

		buf[n] = newline ? '\n' : s[i];
		i += newline ? 4 : 1;
	}
	return maps_names__intern(names, buf, n);
}

static bool parse_line(struct mapping *m, struct maps_names *names, const char *p, const char *end)
{
	static const char deleted[] = " (deleted)";
	const size_t deleted_len = sizeof(deleted) - 1;
	uint64_t major, minor;

	*m = (struct mapping){.name = ""};
	if (!number(&p, end, 16, &m->start) || !literal(&p, end, '-') ||
	    !number(&p, end, 16, &m->end) || !literal(&p, end, ' ') ||
	    !permissions(&p, end, &m->flags) || !literal(&p, end, ' ') ||
	    !number(&p, end, 16, &m->off) || !literal(&p, end, ' ') ||
	    !number(&p, end, 16, &major) || !literal(&p, end, ':') ||
	    !number(&p, end, 16, &minor) || !literal(&p, end, ' ') || !number(&p, end, 10, &m->ino))
		return false;
	if (m->start >= m->end || major > 0xfff || minor > 0xfffff)
		return false;
	m->dev = (uint32_t)(major << 20 | minor);
	while (p < end && *p == ' ')
		p++;
	if (m->ino && (size_t)(end - p) > deleted_len &&
	    !memcmp(end - deleted_len, deleted, deleted_len)) {
		end -= deleted_len;
		m->flags |= MAPPING_DELETED;
	}
	m->name = unescape(names, p, (size_t)(end - p));
	return true;
}

static int add_mapping(struct maps *maps, uint32_t *cap, const struct mapping *m)
{
	if (maps->cnt == *cap) {
		uint32_t bigger = *cap ? 2 * *cap : 64;
		struct mapping *list = realloc(maps->list, bigger * sizeof(*list));

		if (!list)
			return -ENOMEM;
		maps->list = list;
		*cap = bigger;
	}
	maps->list[maps->cnt++] = *m;
	return 0;
}

int maps__parse(struct maps *maps, struct maps_names *names, const char *text, size_t sz)
{
	const char *p = text, *end = text + sz, *eol;
	uint32_t cap = 0;
	struct mapping m;

	*maps = (struct maps){};
	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (!eol) {
			maps->cut = true; /* half a line */
			break;
		}
		if (!parse_line(&m, names, p, eol))
			continue;
		if (maps->cnt && m.start < maps->list[maps->cnt - 1].end)
			continue;
		if (maps->cnt == CPT_MAPS_MAX) {
			maps->cut = true;
			break;
		}
		if (add_mapping(maps, &cap, &m)) {
			maps__fini(maps);
			return -ENOMEM;
		}
	}
	if (maps->cnt && maps->cnt < cap) {
		struct mapping *list = realloc(maps->list, maps->cnt * sizeof(*list));

		if (list)
			maps->list = list;
	}
	return 0;
}

static bool same_mapping(const struct mapping *a, const struct mapping *b)
{
	return a->start == b->start && a->off == b->off && a->ino == b->ino && a->dev == b->dev &&
	       a->name == b->name;
}

int maps__keep(struct maps *maps, const struct maps *older)
{
	struct mapping *list = malloc(((size_t)maps->cnt + older->cnt + 1) * sizeof(*list));
	uint32_t cnt = 0, i = 0, o = 0;

	if (!list)
		return -ENOMEM;
	while (i < maps->cnt || o < older->cnt) {
		struct mapping *m = i < maps->cnt ? &maps->list[i] : NULL;
		const struct mapping *old = o < older->cnt ? &older->list[o] : NULL;

		if (m && old && same_mapping(m, old))
			m->module = old->module;
		if (!old || (m && m->start <= old->start)) {
			list[cnt++] = *m;
			i++;
		} else {
			bool room = cnt + (maps->cnt - i) < CPT_MAPS_MAX;
			bool clear = (!cnt || list[cnt - 1].end <= old->start) &&
				     (!m || m->start >= old->end);

			if (room && clear)
				list[cnt++] = *old;
			o++;
		}
	}
	free(maps->list);
	maps->list = list;
	maps->cnt = cnt;
	return 0;
}

void maps__fini(struct maps *maps)
{
	free(maps->list);
	*maps = (struct maps){};
}

/* ---- /proc ----------------------------------------------------------------------------------- */

/* All of a file, at most max bytes. *text is the caller's to free. */
static int slurp(const char *path, size_t max, char **text, size_t *sz)
{
	size_t cap = 16384;
	char *buf = NULL, *bigger;
	ssize_t n = 0;
	int err = 0, fd = open(path, O_RDONLY | O_CLOEXEC);

	*sz = 0;
	*text = NULL;
	if (fd < 0)
		return -errno;
	do {
		*sz += (size_t)n;
		if (!buf || *sz == cap) {
			cap = buf ? 2 * cap : cap;
			bigger = realloc(buf, cap);
			if (!bigger) {
				err = -ENOMEM;
				break;
			}
			buf = bigger;
		}
		n = read(fd, buf + *sz, cap - *sz < max - *sz ? cap - *sz : max - *sz);
		if (n < 0)
			err = -errno;
	} while (n > 0);
	close(fd);
	if (err)
		free(buf);
	else
		*text = buf;
	return err;
}

int maps__read(struct maps *maps, struct maps_names *names, pid_t tid)
{
	char path[32], *text;
	size_t sz;
	int err;

	*maps = (struct maps){};
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)tid);
	err = slurp(path, CPT_MAPS_TEXT_MAX, &text, &sz);
	if (err)
		return err;
	err = maps__parse(maps, names, text, sz);
	free(text);
	return !err && !maps->cnt ? -ESRCH : err;
}

int64_t maps__find(const struct maps *maps, uint64_t addr)
{
	uint32_t lo = 0, hi = maps->cnt;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;

		if (addr >= maps->list[mid].end)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < maps->cnt && addr >= maps->list[lo].start ? (int64_t)lo : -1;
}

uint64_t maps__start_code(pid_t tid)
{
	char path[32], text[1024], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	/* tid (name) state ...: the name may hold anything, field 3 follows its last bracket. */
	p = strrchr(text, ')');
	for (int field = 2; p && field < 26; field++)
		p = strchr(p + 1, ' ');
	/* 1 stands for what one may not know. */
	return p && strtoull(p + 1, NULL, 10) > 1 ? strtoull(p + 1, NULL, 10) : 0;
}
