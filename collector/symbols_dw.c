// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* symbols_dw.c - see symbols_dw.h. */
#include "symbols_dw.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct dw_file {
	Dwfl *dwfl;
	Dwfl_Module *mod;
};

/* The module's file is given; nothing is searched for it. */
static int find_no_elf(Dwfl_Module *mod, void **data, const char *name, Dwarf_Addr base,
		       char **file, Elf **elf)
{
	return -1;
}

static char *debug_path; /* NULL: libdwfl's own, :.debug:/usr/lib/debug */

static const Dwfl_Callbacks callbacks = {
	.find_elf = find_no_elf,
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.debuginfo_path = &debug_path,
};

struct dw_file *dw_file__open(int fd, const char *path)
{
	struct dw_file *f = calloc(1, sizeof(*f));

	if (!f) {
		close(fd);
		return NULL;
	}
	f->dwfl = dwfl_begin(&callbacks);
	if (f->dwfl) {
		dwfl_report_begin(f->dwfl);
		/* Based at 0, so that its addresses are the file's own. */
		f->mod = dwfl_report_elf(f->dwfl, "module", path, fd, 0, true);
		if (f->mod)
			fd = -1;
		if (dwfl_report_end(f->dwfl, NULL, NULL))
			f->mod = NULL;
	}
	if (f->mod)
		return f;
	if (fd >= 0)
		close(fd);
	dw_file__close(f);
	return NULL;
}

void dw_file__close(struct dw_file *f)
{
	if (!f)
		return;
	if (f->dwfl)
		dwfl_end(f->dwfl);
	free(f);
}

static void set_name(char *to, size_t sz, const char *name)
{
	strncpy(to, name ? name : "", sz - 1);
	to[sz - 1] = '\0';
}

bool dw_file__object(struct dw_file *f, uint64_t addr, char name[CPT_SYMBOL_MAX], uint64_t *off)
{
	GElf_Off offset = 0;
	GElf_Sym sym;
	const char *found = dwfl_module_addrinfo(f->mod, addr, &offset, &sym, NULL, NULL, NULL);

	/* What has no size (_end, __bss_start) only says that something comes after it. */
	if (!found || !*found || !sym.st_size || offset >= sym.st_size)
		return false;
	if (GELF_ST_TYPE(sym.st_info) != STT_OBJECT && GELF_ST_TYPE(sym.st_info) != STT_COMMON &&
	    GELF_ST_TYPE(sym.st_info) != STT_NOTYPE)
		return false;
	set_name(name, CPT_SYMBOL_MAX, found);
	*off = offset;
	return true;
}

/* ---- functions and lines ------------------------------------------------------------------------ */

/* The end of a path says more than its beginning. */
static void set_file(struct symbol_frame *frame, const char *file)
{
	size_t len = file ? strlen(file) : 0;

	if (len >= CPT_SYMBOL_FILE_MAX)
		file += len - (CPT_SYMBOL_FILE_MAX - 1);
	set_name(frame->file, CPT_SYMBOL_FILE_MAX, file);
}

static const char *die_name(Dwarf_Die *die)
{
	Dwarf_Attribute attr;
	const char *linkage =
		dwarf_formstring(dwarf_attr_integrate(die, DW_AT_linkage_name, &attr));

	return linkage ? linkage : dwarf_diename(die);
}

static bool is_function(Dwarf_Die *die)
{
	int tag = dwarf_tag(die);

	return tag == DW_TAG_inlined_subroutine || tag == DW_TAG_subprogram ||
	       tag == DW_TAG_entry_point;
}

/* Where an inlined function was called: the line of the frame after it. */
static void set_call_site(struct symbol_frame *caller, Dwarf_Die *cu, Dwarf_Die *inlined)
{
	Dwarf_Attribute attr;
	Dwarf_Word file = 0, line = 0;
	Dwarf_Files *files;
	size_t cnt;

	if (dwarf_formudata(dwarf_attr(inlined, DW_AT_call_line, &attr), &line) ||
	    line > UINT32_MAX)
		line = 0;
	caller->line = (uint32_t)line;
	if (!dwarf_formudata(dwarf_attr(inlined, DW_AT_call_file, &attr), &file) &&
	    !dwarf_getsrcfiles(cu, &files, &cnt) && file < cnt)
		set_file(caller, dwarf_filesrc(files, file, NULL, NULL));
}

static uint32_t add_scopes(Dwarf_Die *cu, Dwarf_Die *scopes, int cnt,
			   struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX])
{
	Dwarf_Die *inlined = NULL;
	uint32_t n = 0;

	for (int i = 0; i < cnt && n < CPT_SYMBOL_FRAMES_MAX; i++) {
		if (!is_function(&scopes[i]))
			continue;
		if (inlined)
			set_call_site(&frames[n], cu, inlined);
		set_name(frames[n].function, CPT_SYMBOL_MAX, die_name(&scopes[i]));
		inlined = dwarf_tag(&scopes[i]) == DW_TAG_inlined_subroutine ? &scopes[i] : NULL;
		frames[n++].inlined = inlined != NULL;
		if (!inlined)
			break;
	}
	if (n)
		frames[n - 1].inlined = 0;
	return n;
}

/* The compilation unit addr lies in. gcc says which in .debug_aranges; clang leaves that out, and each
 * unit has to be asked. NULL if there is none. */
static Dwarf_Die *unit_of(const struct dw_file *f, uint64_t addr, Dwarf_Addr *bias)
{
	Dwarf_Die *cu = dwfl_module_addrdie(f->mod, addr, bias);

	if (cu)
		return cu;
	while ((cu = dwfl_module_nextcu(f->mod, cu, bias)))
		if (dwarf_haspc(cu, addr - *bias) > 0)
			return cu;
	return NULL;
}

uint32_t dw_file__frames(struct dw_file *f, uint64_t addr,
			 struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX])
{
	Dwarf_Die *cu, *scopes = NULL, *chain = NULL;
	Dwarf_Addr bias = 0;
	const char *name;
	Dwarf_Line *line;
	GElf_Off offset;
	GElf_Sym sym;
	uint32_t n = 0;
	int lineno = 0;

	memset(frames, 0, CPT_SYMBOL_FRAMES_MAX * sizeof(*frames));
	cu = unit_of(f, addr, &bias);
	if (cu && dwarf_getscopes(cu, addr - bias, &scopes) > 0) {
		/* From there along the code, not along the text: an inlined one is in its caller. */
		int cnt = dwarf_getscopes_die(&scopes[0], &chain);

		n = cnt > 0 ? add_scopes(cu, chain, cnt, frames) : 0;
	}
	if (!n) {
		name = dwfl_module_addrinfo(f->mod, addr, &offset, &sym, NULL, NULL, NULL);
		if (name && *name) {
			set_name(frames[0].function, CPT_SYMBOL_MAX, name);
			n = 1;
		}
	}
	line = cu ? dwarf_getsrc_die(cu, addr - bias) : NULL;
	if (line) {
		set_file(&frames[0], dwarf_linesrc(line, NULL, NULL));
		(void)dwarf_lineno(line, &lineno);
		frames[0].line = lineno > 0 ? (uint32_t)lineno : 0;
		n = n ? n : 1;
	}
	free(scopes);
	free(chain);
	return n;
}
