// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * stack_names.c - see stack_names.h.
 *
 * The address of a frame behind the leaf is where its call returns to, which may be the next function
 * already: the byte before it is the call's.
 */
#include "stack_names.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "kallsyms.h"
#include "locate.h"
#include "spin_code.h"
#include "symbols.h"

#define OWN_FRAMES_MAX 8
#define KNOWN_MAX      65536u /* addresses whose names are kept */

/* What is known of an address of a module. */
struct known {
	const struct module *file; /* NULL: free */
	uint64_t addr;
	uint32_t cnt;
	bool pause;
	struct symbol_frame *frames; /* owned */
};

struct stack_names {
	struct kallsyms *kernel;
	struct modules *modules;
	struct symbols *symbols;
	enum spin_arch arch;
	struct known *known; /* open addressing, KNOWN_MAX of them, at most half used */
	uint32_t known_cnt;
	uint64_t spent_ns;
	struct cpt_frame frames[CPT_STACK_DEPTH_MAX];
};

struct stack_names *stack_names__new(void)
{
	struct stack_names *n = calloc(1, sizeof(*n));
	struct utsname u = {0};

	if (!n)
		return NULL;
	uname(&u);
	n->arch = spin_code__arch(u.machine);
	n->kernel = kallsyms__new(); /* without: addresses alone */
	n->modules = modules__new();
	n->symbols = symbols__new();
	n->known = calloc(KNOWN_MAX, sizeof(*n->known));
	if (n->modules && n->symbols && n->known)
		return n;
	stack_names__free(n);
	return NULL;
}

void stack_names__free(struct stack_names *n)
{
	if (!n)
		return;
	for (uint32_t i = 0; n->known && i < KNOWN_MAX; i++)
		free(n->known[i].frames);
	free(n->known);
	symbols__free(n->symbols);
	modules__free(n->modules);
	kallsyms__free(n->kernel);
	free(n);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* ---- user addresses ---------------------------------------------------------------------------- */

/* Is the code at a link-time address of the file a loop that spins? */
static bool spins(const struct stack_names *n, struct module *file, uint64_t addr)
{
	uint8_t code[2 * SPIN_CODE_REACH];
	bool close_it = false;
	ssize_t got = 0;
	size_t at = 0;
	int fd;

	for (uint32_t i = 0; i < file->elf.load_cnt; i++) {
		const struct elf_load *l = &file->elf.loads[i];
		uint64_t off = addr - l->vaddr;

		if (!l->exec || addr < l->vaddr || off >= l->filesz)
			continue;
		at = off < SPIN_CODE_REACH ? off : SPIN_CODE_REACH;
		fd = modules__fd(file, &close_it);
		if (fd < 0)
			return false;
		got = pread(fd, code, sizeof(code), (off_t)(l->off + off - at));
		if (close_it)
			close(fd);
		break;
	}
	return got > 0 && spin_code__is_loop(n->arch, code, (size_t)got, at);
}

static void look_up(struct stack_names *n, struct module *file, uint64_t addr, struct known *k)
{
	struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX];
	const uint64_t start = now_ns();

	*k = (struct known){.file = file, .addr = addr, .pause = spins(n, file, addr)};
	if (n->spent_ns < STACK_NAMES_NS)
		k->cnt = symbols__frames(n->symbols, file, addr, frames);
	n->spent_ns += now_ns() - start;
	if (!k->cnt)
		return;
	k->frames = malloc(k->cnt * sizeof(*frames));
	if (k->frames)
		memcpy(k->frames, frames, k->cnt * sizeof(*frames));
	else
		k->cnt = 0;
}

/* What is known of the address; NULL when no more is kept. */
static const struct known *find_known(struct stack_names *n, struct module *file, uint64_t addr)
{
	uint64_t h = (addr ^ (uintptr_t)file) * 0x9e3779b97f4a7c15ull;
	uint32_t pos = (uint32_t)(h >> 40) & (KNOWN_MAX - 1);

	for (; n->known[pos].file; pos = (pos + 1) & (KNOWN_MAX - 1))
		if (n->known[pos].file == file && n->known[pos].addr == addr)
			return &n->known[pos];
	if (n->known_cnt == KNOWN_MAX / 2)
		return NULL;
	n->known_cnt++;
	look_up(n, file, addr, &n->known[pos]);
	return &n->known[pos];
}

/* Frames of one address, inlined ones first, at most max. Returns their count. */
static uint32_t name_user(struct stack_names *n, struct maps *maps, pid_t tid, uint64_t addr,
			  struct cpt_frame *out, uint32_t max)
{
	struct place place = {0};
	const struct known *k;

	*out = (struct cpt_frame){.symbol = "", .module = "", .file = "", .offset = addr};
	if (!maps->cnt || !locate__in_maps(n->modules, tid, maps, addr, &place))
		return 1;
	out->module = place.module;
	out->offset = place.offset;
	k = place.file ? find_known(n, place.file, place.offset) : NULL;
	if (!k)
		return 1;
	if (k->pause)
		out->flags |= CPT_FRAME_PAUSE;
	for (uint32_t i = 1; i < k->cnt && i < max; i++)
		out[i] = out[0];
	for (uint32_t i = 0; i < k->cnt && i < max; i++) {
		out[i].symbol = k->frames[i].function;
		out[i].file = k->frames[i].file;
		out[i].line = k->frames[i].line;
		if (k->frames[i].inlined)
			out[i].flags |= CPT_FRAME_INLINED;
	}
	return !k->cnt ? 1 : k->cnt < max ? k->cnt : max;
}

/* ---- kernel addresses -------------------------------------------------------------------------- */

static void name_kernel(const struct stack_names *n, uint64_t addr, struct cpt_frame *out)
{
	*out = (struct cpt_frame){.symbol = "",
				  .module = "[kernel]",
				  .file = "",
				  .offset = addr,
				  .flags = CPT_FRAME_KERNEL};
	kallsyms__find(n->kernel, addr, &out->symbol, &out->module);
	/* A symbol says it all; and equal functions are one frame. */
	if (*out->symbol)
		out->offset = 0;
}

/* At a tracepoint the leaf frames are the tracer's own, up to what called it. */
static uint32_t own_frames(const struct cpt_frame *frames, uint32_t cnt)
{
	static const char *const starts[] = {"bpf_prog_", "bpf_trace_run", "bpf_trampoline_",
					     "__bpf_trace_", "__traceiter_"};
	uint32_t own = 0;

	for (uint32_t i = 0; i < cnt && i < OWN_FRAMES_MAX; i++)
		for (size_t k = 0; k < sizeof(starts) / sizeof(starts[0]); k++)
			if (!strncmp(frames[i].symbol, starts[k], strlen(starts[k])))
				own = i + 1;
	return own;
}

bool stack_names__add(struct stack_names *n, struct cpt_stacks *ss, struct maps *maps, pid_t tid,
		      const uint64_t *ips, size_t cnt)
{
	uint32_t depth = 0, skip = 0;

	for (size_t i = 0; i < cnt && depth < CPT_STACK_DEPTH_MAX; i++) {
		const uint64_t addr = i && ips[i] ? ips[i] - 1 : ips[i];

		if (maps)
			depth += name_user(n, maps, tid, addr, &n->frames[depth],
					   CPT_STACK_DEPTH_MAX - depth);
		else
			name_kernel(n, addr, &n->frames[depth++]);
	}
	if (!maps)
		skip = own_frames(n->frames, depth);
	return stacks__add(ss, n->frames + skip, depth - skip) || errno != ENOMEM;
}
