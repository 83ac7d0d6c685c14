// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* locate.c - see locate.h. */
#include "locate.h"

#include <string.h>
#include <unistd.h>

#define WALK_MAX 256 /* mappings of one file that are looked at, from the address down */

static uint64_t page_of(uint64_t n)
{
	return n & ~((uint64_t)sysconf(_SC_PAGESIZE) - 1);
}

static bool same_inode(const struct mapping *a, const struct mapping *b)
{
	return a->ino == b->ino && a->dev == b->dev && a->name == b->name;
}

static struct module *module_at(const struct modules *ms, uint32_t module)
{
	return module && module != LOCATE_NO_MODULE ? modules__at(ms, module - 1) : NULL;
}

static bool shared_anonymous(const struct mapping *m)
{
	return m->flags & MAPPING_SHARED && m->flags & MAPPING_DELETED &&
	       !strcmp(m->name, "/dev/zero");
}

/* The file of a mapping, looked for once. */
static struct module *module_of(struct modules *ms, pid_t tid, struct mapping *m)
{
	if (!m->ino || shared_anonymous(m))
		return NULL;
	if (!m->module) {
		m->module = modules__of_mapping(ms, tid, m);
		if (!m->module)
			m->module = LOCATE_NO_MODULE;
	}
	return module_at(ms, m->module);
}

static const struct elf_load *first_load(const struct elf_file *elf)
{
	const struct elf_load *first = &elf->loads[0];

	for (uint32_t i = 1; i < elf->load_cnt; i++)
		if (elf->loads[i].vaddr < first->vaddr)
			first = &elf->loads[i];
	return first;
}

/*
 * How far the file that is mapped at idx was moved, so that addr lies in one of its segments. Its
 * lowest segment was mapped first: from idx down, a mapping of the file that starts where that segment
 * does. (A loader maps a whole file in one go; what is mapped by hand lies elsewhere.)
 */
static bool link_address(const struct maps *maps, uint32_t idx, const struct elf_file *elf,
			 uint64_t addr, uint64_t *vaddr)
{
	const struct elf_load *first = first_load(elf);
	const struct mapping *own = &maps->list[idx];

	for (uint32_t steps = 0; steps < WALK_MAX; steps++, idx--) {
		const struct mapping *m = &maps->list[idx];

		if (same_inode(m, own) && m->off == page_of(first->off)) {
			*vaddr = addr - m->start + page_of(first->vaddr);
			if (elf_file__holds(elf, *vaddr))
				return true;
		}
		if (!idx)
			break;
	}
	return false;
}

/* The mapping of a file that anonymous memory at idx continues, or idx itself. */
static uint32_t continued(const struct maps *maps, uint32_t idx)
{
	uint32_t at = idx;

	while (at && !maps->list[at].ino && maps->list[at - 1].end == maps->list[at].start)
		at--;
	return maps->list[at].ino ? at : idx;
}

static void set_plain(const struct mapping *m, struct module *file, uint64_t addr,
		      struct place *place)
{
	const char *slash;

	place->file = file;
	if (shared_anonymous(m)) {
		place->module = "[shared]";
	} else if (m->ino) {
		slash = strrchr(m->name, '/');
		place->module = slash && slash[1] ? slash + 1 : m->name;
		place->offset = addr - m->start + m->off;
	} else {
		place->module = *m->name ? m->name : "[anon]";
	}
	if (!m->ino || shared_anonymous(m))
		place->offset = addr - m->start;
}

bool locate__in_maps(struct modules *ms, pid_t tid, struct maps *maps, uint64_t addr,
		     struct place *place)
{
	int64_t found = maps__find(maps, addr);
	struct module *file;
	struct mapping *m, *owner;
	uint32_t idx;

	if (found < 0)
		return false;
	m = &maps->list[found];
	idx = continued(maps, (uint32_t)found);
	owner = &maps->list[idx];
	*place = (struct place){
		.shared = m->flags & MAPPING_SHARED,
		.dev = m->dev,
		.ino = m->ino,
		.file_off = addr - m->start + m->off,
	};
	file = module_of(ms, tid, owner);
	if (file && file->elf.load_cnt &&
	    link_address(maps, idx, &file->elf, addr, &place->offset)) {
		place->module = file->name;
		place->file = file;
		return true;
	}
	set_plain(m, owner == m ? file : NULL, addr, place);
	return true;
}

bool locate__in_image(struct modules *ms, pid_t tid, struct image *image, uint64_t addr,
		      struct place *place)
{
	struct module *file;

	if (!image->ino || !image->start_code)
		return false;
	if (!image->module) {
		image->module = modules__of_exe(ms, tid, image->path, image->dev, image->ino);
		if (!image->module)
			image->module = LOCATE_NO_MODULE;
	}
	file = module_at(ms, image->module);
	if (!file || file->elf.text_vaddr == UINT64_MAX)
		return false;
	*place = (struct place){
		.module = file->name,
		.file = file,
		.offset = addr - image->start_code + file->elf.text_vaddr,
	};
	return elf_file__holds(&file->elf, place->offset);
}
