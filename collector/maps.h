/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * maps.h - the mappings of one process at one instant, as /proc/TID/maps tells them.
 *
 * Owns:     the text's form; every line is hostile (a program names its own files), and one that
 *           makes no sense is left out.
 * Must not: open the files that are mapped (modules.h), know tasks (places.h).
 *
 * Names are shared by all tables of one pool: a thousand forked processes have the same ones.
 */
#ifndef CPT_MAPS_H
#define CPT_MAPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define CPT_MAPS_TEXT_MAX  (4u << 20)  /* bytes read of one process */
#define CPT_MAPS_MAX	   32768u      /* mappings kept of one process */
#define CPT_MAPS_NAMES_MAX (32u << 20) /* bytes of one pool */
#define CPT_MAPS_NAME_MAX  4096u       /* PATH_MAX; longer ones are cut */

/* mapping.flags */
#define MAPPING_WRITE	0x1
#define MAPPING_EXEC	0x2
#define MAPPING_SHARED	0x4
#define MAPPING_DELETED 0x8 /* the file has no name any more */

struct mapping {
	uint64_t start, end; /* [start, end) */
	uint64_t off;	     /* of start in the file */
	uint64_t ino;	     /* 0: no file */
	uint32_t dev;	     /* of the file: major << 20 | minor */
	uint32_t flags;	     /* MAPPING_* */
	uint32_t module;     /* the user's: 0 at first */
	uint32_t reserved;
	const char *name; /* path, "[heap]" and the like; "" none. Without " (deleted)", unescaped.
			      * The pool's: equal names are one pointer */
};

struct maps_names;			  /* the pool */
struct maps_names *maps_names__new(void); /* NULL with errno */
void maps_names__free(struct maps_names *names);
/* The one copy of a string, "" for want of memory or room. */
const char *maps_names__intern(struct maps_names *names, const char *s, size_t len);

struct maps {
	struct mapping *list; /* by address, none overlap */
	uint32_t cnt;
	bool cut; /* there are more */
};

/* Reads text as the kernel writes it. Lines that cannot be, and such as go back in address, are left
 * out. The caller frees with maps__fini. 0 or -ENOMEM. */
int maps__parse(struct maps *maps, struct maps_names *names, const char *text, size_t sz);
void maps__fini(struct maps *maps); /* accepts a zeroed one */

/* Reads /proc/TID/maps. 0; -errno: -ENOENT there is no such task, -ESRCH it has no memory (any more). */
int maps__read(struct maps *maps, struct maps_names *names, pid_t tid);

/* Adds to maps what older knew and nothing has taken the place of: memory that is unmapped again was
 * still what it was. Of mappings in both, the older one's `module` is kept. At most CPT_MAPS_MAX in
 * all. 0 or -ENOMEM (maps is as it was). */
int maps__keep(struct maps *maps, const struct maps *older);

/* Index of the mapping that holds addr, or -1. */
int64_t maps__find(const struct maps *maps, uint64_t addr);

/* mm->start_code of a task, from /proc/TID/stat: it tells one program image from another. 0: the task
 * is gone, or it is not ours to know. */
uint64_t maps__start_code(pid_t tid);

#endif /* CPT_MAPS_H */
