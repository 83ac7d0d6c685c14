// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bomb.c - writes a trace that costs its reader as much as a file of its size can:
 *
 *     bomb KIND BYTES FILE      some BYTES large, where the kind gets there
 *
 *     spread   tasks whose numbers lie as far apart as tables by number have pages, up to the highest number
 *              a file of that size may name
 *     crowd    all the tasks that such a file may name, in switches that take next to no room
 *     tasks    as many tasks as fit
 *     words    a lock for each wait, and a waker for each
 *     stacks   frames, and stacks of them
 *     loops    event loops
 *     services descriptors that took time of loops' turns
 *     marks    a name of its own for each mark, among many tasks
 *     events   switches of two tasks, as the program itself writes them
 *     packed   blocks of 65,536 switches of nobody, packed a hundred times better than any that was recorded
 *     cpus     1024 CPUs, and masks that change
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "../../analysis/services.h"
#include "../../analysis/stacks.h"
#include "../../analysis/trace_block.h"
#include "../../analysis/trace_format.h"
#include "../../analysis/trace_limits.h"
#include "../../analysis/trace_writer.h"
#include "../../analysis/varint.h"
#include "fuzz.h"

#define SPREAD	  64u /* tasks: no fewer are ever made at once */
#define PAD_SZ	  (1u << 20)
#define PAD_TYPE  77 /* of a section that no reader knows, and any passes over */
#define LOOPS_MAX 65536u

struct bomb {
	struct trace_writer *w;
	int fd;
	size_t sz; /* to reach */
	uint64_t now;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "bomb: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void put(struct bomb *b, struct cpt_event ev)
{
	ev.ts_ns = b->now++;
	must(!trace_writer__events(b->w, &ev, 1), "write");
}

static bool is_full(const struct bomb *b)
{
	return trace_writer__bytes(b->w) >= b->sz;
}

static void put_new(struct bomb *b, uint32_t task, const uint64_t *mask)
{
	struct cpt_info info = {
		.tid = task,
		.tgid = 1,
		.ns_tid = 1,
		.comm = "x",
		.flags = CPT_TASK_THREAD,
		.mask = {.nr_cpus_allowed = 1, .word_cnt = mask ? 16 : 1, .bits = mask}};
	const uint64_t one = 1;

	if (!mask)
		info.mask.bits = &one;
	put(b, (struct cpt_event){.type = CPT_EV_NEW, .task = task, .other = 1, .info = &info});
}

static void put_switch(struct bomb *b, uint32_t cpu, uint32_t out, uint32_t in)
{
	put(b, (struct cpt_event){.type = CPT_EV_SWITCH, .cpu = cpu, .task = out, .other = in});
}

/* ---- kinds ------------------------------------------------------------------------------------- */

static void spread(struct bomb *b)
{
	uint32_t last = 0;

	for (uint64_t t = 1; t <= 65536 + b->sz && t <= CPT_TASK_MAX; t += SPREAD) {
		put_switch(b, 0, last, (uint32_t)t);
		last = (uint32_t)t;
	}
}

static void crowd(struct bomb *b)
{
	const uint64_t most = CPT_TASKS_FREE + b->sz / CPT_TASK_BYTES;

	put_new(b, 1, NULL);
	for (uint32_t t = 2; t <= most && t <= CPT_TASK_MAX; t++)
		put_switch(b, 0, t - 1, t);
}

static void tasks(struct bomb *b)
{
	for (uint32_t t = 1; t <= CPT_TASK_MAX && !is_full(b); t++)
		put_new(b, t, NULL);
}

static void words(struct bomb *b)
{
	put_new(b, 1, NULL);
	for (uint32_t i = 0; !is_full(b) && i < 2 * 65536; i++) {
		const struct cpt_wait wait = {.sysno = 202,
					      .prev_state = 1,
					      .object = 1,
					      .arg0 = 0x1000 + 4096ull * i,
					      .arg2 = 2};
		const uint32_t t = 2 + i % 4096, waker = 2 + i / 16 % 4096;

		put_switch(b, 0, 0, t);
		put(b, (struct cpt_event){.type = CPT_EV_SWITCH,
					  .task = t,
					  .flags = CPT_SW_PREV_BLOCKED,
					  .wait = &wait,
					  .end = CPT_END_TASK,
					  .end_waker = waker});
		put(b, (struct cpt_event){.type = CPT_EV_WAKE,
					  .task = t,
					  .other = waker,
					  .flags = CPT_SW_WAKE_ON_WORD});
	}
}

static void stacks(struct bomb *b)
{
	struct cpt_stacks *ss = stacks__new();
	struct cpt_frame frames[8] = {0};
	char name[16];

	must(ss != NULL, "stacks");
	for (uint32_t i = 0; i < b->sz / 24; i++) {
		struct cpt_event ev = {
			.ts_ns = b->now, .type = CPT_EV_SAMPLE, .task = 1 + i % 64, .user = i + 1};

		snprintf(name, sizeof(name), "%x", i / 4);
		for (uint32_t j = 0; j < 8; j++)
			frames[j] = (struct cpt_frame){
				.symbol = name, .module = "m", .file = "", .offset = i % 64 + j};
		must(stacks__add(ss, frames, 8) == i + 1, "stacks");
		must(!trace_writer__side(b->w, &ev, 1), "samples");
	}
	put_new(b, 1, NULL);
	must(!trace_writer__stacks(b->w, ss), "stacks");
	stacks__free(ss);
}

static void loops(struct bomb *b)
{
	put_new(b, 1, NULL);
	for (uint32_t i = 1; i <= LOOPS_MAX && !is_full(b); i++) {
		const struct cpt_event ev[2] = {{.ts_ns = b->now,
						 .type = CPT_EV_LOOP_NEW,
						 .task = 1 + i % 64,
						 .other = i,
						 .loop_fd = i},
						{.ts_ns = b->now,
						 .type = CPT_EV_LOOP,
						 .task = 1 + i % 64,
						 .other = i,
						 .flags = CPT_LOOP_EV_OPS,
						 .level = 1,
						 .peak = 1,
						 .opened = 1}};

		must(!trace_writer__side(b->w, ev, 2), "loops");
	}
}

static void services(struct bomb *b)
{
	struct cpt_service tab[CPT_LOOP_SERVICES] = {0};
	uint8_t payload[4096], *p;

	loops(b);
	for (uint32_t i = 0; i < CPT_LOOP_SERVICES; i++)
		tab[i] =
			(struct cpt_service){.fd = i, .times = 1, .service_ns = 1, .longest_ns = 1};
	b->sz *= 2; /* loops have filled it */
	for (uint32_t i = 1; i <= LOOPS_MAX && !is_full(b);) {
		p = payload;
		for (; i <= LOOPS_MAX && p + SERVICES_ROW_MAX <= payload + sizeof(payload); i++)
			p = services__put(p, i, tab, CPT_LOOP_SERVICES);
		must(!trace_writer__services(b->w, payload, (size_t)(p - payload)), "services");
	}
}

static void marks(struct bomb *b)
{
	char name[16];

	for (uint32_t t = 1; t <= 512; t++)
		put_new(b, t, NULL);
	for (uint32_t i = 0; !is_full(b); i++) {
		const struct cpt_event ev = {
			.ts_ns = b->now, .type = CPT_EV_MARK, .task = 1, .other = 1, .mark = name};

		snprintf(name, sizeof(name), "%x", i);
		must(!trace_writer__side(b->w, &ev, 1), "marks");
		put_switch(b, 0, 1 + i % 512, 1 + (i + 1) % 512);
	}
}

static void events(struct bomb *b)
{
	put_new(b, 1, NULL);
	put_new(b, 2, NULL);
	for (uint32_t i = 0; !is_full(b); i++)
		put_switch(b, 0, 1 + i % 2, 2 - i % 2);
}

static void cpus(struct bomb *b)
{
	uint64_t mask[16];

	for (uint32_t i = 0; !is_full(b); i++) {
		const uint32_t t = 1 + i % 256;

		for (uint32_t j = 0; j < 16; j++)
			mask[j] = i * 0x9e3779b97f4a7c15ull >> j | 1;
		if (i < 256)
			put_new(b, t, mask);
		put_switch(b, i % 1024, 0, t);
		put(b, (struct cpt_event){.type = CPT_EV_AFFINITY,
					  .task = t,
					  .info = &(struct cpt_info){.mask = {.nr_cpus_allowed = 9,
									      .word_cnt = 16,
									      .bits = mask}}});
	}
}

static void packed(struct bomb *b)
{
	put_new(b, 1, NULL);
}

static const struct {
	const char *name;
	void (*write)(struct bomb *b);
	uint32_t cpus;
} kinds[] = {
	{"spread", spread, 1},	   {"crowd", crowd, 1},	  {"tasks", tasks, 1},
	{"words", words, 1},	   {"stacks", stacks, 1}, {"loops", loops, 1},
	{"events", events, 1},	   {"packed", packed, 1}, {"cpus", cpus, 1024},
	{"services", services, 1}, {"marks", marks, 1},
};

/* ---- bytes that the writer would not write ------------------------------------------------------- */

static void append(int fd, struct section *s, const void *payload)
{
	uint8_t head[SECTION_HEADER_SZ];

	s->crc = trace_crc(payload, s->sz);
	section__encode(head, s);
	must(write(fd, head, sizeof(head)) == (ssize_t)sizeof(head), "write");
	must(write(fd, payload, s->sz) == (ssize_t)s->sz, "write");
}

/* Raw deflate of cnt bytes of 0; returns how many it took. */
static uint32_t pack_zeros(uint8_t *out, uint32_t cnt)
{
	static const uint8_t zeros[CPT_BLOCK_EVENTS_MAX];
	z_stream z = {
		.next_in = (uint8_t *)zeros, .avail_in = cnt, .next_out = out, .avail_out = 4096};

	must(deflateInit2(&z, 9, Z_DEFLATED, -15, 9, Z_DEFAULT_STRATEGY) == Z_OK, "deflate");
	must(deflate(&z, Z_FINISH) == Z_STREAM_END, "deflate");
	deflateEnd(&z);
	return (uint32_t)z.total_out;
}

/* All events are one shape: a SWITCH without flags, from who is there to who waits. */
static void append_packed(int fd, size_t at, size_t sz)
{
	static const uint8_t shape[] = {CPT_EV_SWITCH, 0, 0};
	uint8_t payload[65536], zeros[4096], *p;
	const uint32_t len = pack_zeros(zeros, CPT_BLOCK_EVENTS_MAX);
	struct section s = {.type = SECTION_BLOCK,
			    .first_ns = 1000,
			    .last_ns = 1000,
			    .cnt = CPT_BLOCK_EVENTS_MAX};

	p = put_varint(payload, CPT_BLOCK_EVENTS_MAX);
	p = put_varint(p, COL_CNT);
	for (int i = 0; i < COL_CNT; i++) {
		const bool full =
			i == COL_TOKEN || i == COL_TIME || i == COL_TIME_HI || i == COL_CPU;

		p = put_varint(p, full		    ? CPT_BLOCK_EVENTS_MAX
				  : i == COL_SHAPES ? sizeof(shape)
						    : 0);
		p = put_varint(p, full ? len : 0);
	}
	for (int i = 0; i < COL_CNT; i++) {
		const bool full =
			i == COL_TOKEN || i == COL_TIME || i == COL_TIME_HI || i == COL_CPU;

		memcpy(p, full ? zeros : shape, full ? len : i == COL_SHAPES ? sizeof(shape) : 0);
		p += full ? len : i == COL_SHAPES ? sizeof(shape) : 0;
	}
	s.sz = (uint32_t)(p - payload);
	for (; at + s.sz < sz; at += SECTION_HEADER_SZ + s.sz)
		append(fd, &s, payload);
}

/* Makes the file as large as it was to be. */
static void pad(const char *path, size_t sz, bool with_blocks)
{
	static uint8_t zeros[PAD_SZ];
	const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
	size_t at = (size_t)lseek(fd, 0, SEEK_END);

	must(fd >= 0, path);
	if (with_blocks)
		append_packed(fd, at, sz);
	at = (size_t)lseek(fd, 0, SEEK_END);
	while (at + SECTION_HEADER_SZ < sz) {
		struct section s = {.type = PAD_TYPE};

		s.sz = (uint32_t)(sz - at - SECTION_HEADER_SZ);
		if (s.sz > PAD_SZ)
			s.sz = PAD_SZ;
		append(fd, &s, zeros);
		at += SECTION_HEADER_SZ + s.sz;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	static const struct cpt_cpu_info none[1];
	struct cpt_trace_meta meta = {.cpartrace_version = "",
				      .hostname = "",
				      .kernel = "",
				      .machine = "x86_64",
				      .cpus = none,
				      .target = ""};
	struct bomb b = {.now = 1};
	size_t kind = 0;

	while (argc == 4 && kind < sizeof(kinds) / sizeof(kinds[0]) &&
	       strcmp(kinds[kind].name, argv[1]))
		kind++;
	if (argc != 4 || kind == sizeof(kinds) / sizeof(kinds[0])) {
		fprintf(stderr, "usage: bomb KIND BYTES FILE\n");
		return 2;
	}
	meta.cpu_cnt = kinds[kind].cpus;
	b.sz = strtoull(argv[2], NULL, 10);
	b.fd = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	must(b.fd >= 0, argv[3]);
	b.w = trace_writer__new(b.fd, &meta);
	must(b.w != NULL, argv[3]);
	kinds[kind].write(&b);
	/* Not closed: what nobody knows may follow. */
	must(!trace_writer__tick(b.w, CPT_TIME_MAX), argv[3]);
	trace_writer__free(b.w);
	close(b.fd);
	pad(argv[3], b.sz, kinds[kind].write == packed);
	return 0;
}
