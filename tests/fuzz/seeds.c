// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * seeds.c - what the fuzz targets begin with, made anew wherever they run:
 *
 *     fuzz_seeds DIR TRACE...     writes DIR/reader, DIR/trace, DIR/diff, DIR/options, DIR/proc, DIR/elf
 *
 * from the traces named, from random ones (hostile.h) and from programs of random bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../analysis/varint.h"
#include "../hostile/hostile.h"
#include "../properties/rng.h"
#include "../support/usdt_elf.h"
#include "fuzz.h"

#define TRACE_MAX    (64u << 10)
#define PROGRAMS     32
#define PROGRAM_SZ   900
#define CHOICES_EACH 2 /* of a trace */

static const char *dir;
static unsigned int number;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fuzz_seeds: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* The pieces, one after the other, as one seed. */
static void seed(const char *sub, const struct bytes *pieces, int cnt)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, sub);
	must(!mkdir(path, 0755) || errno == EEXIST, path);
	snprintf(path, sizeof(path), "%s/%s/%04u", dir, sub, number++);
	f = fopen(path, "wb");
	must(f != NULL, path);
	for (int i = 0; i < cnt; i++)
		must(fwrite(pieces[i].at, 1, pieces[i].sz, f) == pieces[i].sz, path);
	must(!fclose(f), path);
}

static void seed_body(struct rng *rng, struct bytes body, bool program, uint8_t pick)
{
	uint8_t choices[FUZZ_CHOICES], size[4];
	const struct bytes head = {choices, sizeof(choices)}, len = {size, sizeof(size)};

	for (size_t i = 0; i < sizeof(choices); i++)
		choices[i] = (uint8_t)rng_u64(rng);
	choices[0] = program ? FUZZ_PROGRAM : 0;
	choices[1] = pick;
	seed("trace", (const struct bytes[]){head, body}, 2);
	put_le(size, body.sz, 4);
	seed("diff", (const struct bytes[]){head, len, body, body}, 4);
}

static void seed_trace(struct rng *rng, struct bytes trace)
{
	seed("reader", &trace, 1);
	for (uint8_t i = 0; i < CHOICES_EACH; i++)
		seed_body(rng, trace, false, (uint8_t)(number + i));
}

static void seed_file(struct rng *rng, const char *path)
{
	static uint8_t data[TRACE_MAX];
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	const ssize_t got = fd < 0 ? -1 : read(fd, data, sizeof(data));

	must(got > 0, path);
	close(fd);
	seed_trace(rng, (struct bytes){data, (size_t)got});
}

static void seed_traces(struct rng *rng)
{
	for (uint64_t i = 1; i < 5; i++) {
		struct bytes packed = sample_trace(i, 60 * (uint32_t)i),
			     stored = store_columns(packed);

		seed_trace(rng, packed);
		seed_trace(rng, stored);
		free(packed.at);
		free(stored.at);
	}
}

static void seed_programs(struct rng *rng)
{
	uint8_t bytes[PROGRAM_SZ];

	for (uint8_t i = 0; i < PROGRAMS; i++) {
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)rng_below(rng, j % 3 ? 256 : 32);
		bytes[2] = 0xf; /* closed, with words, names and stacks */
		seed_body(rng, (struct bytes){bytes, sizeof(bytes)}, true, i);
	}
}

/* Words of a command line, a NUL behind each. */
#define WORDS(text)                                                                                \
	{                                                                                          \
		(uint8_t *)(text), sizeof(text)                                                    \
	}

static void seed_texts(void)
{
	static const struct bytes lines[] = {
		WORDS("-i\0x\0--json\0--top=3"),
		WORDS("--pid\0"
		      "12,13\0--time=0.5,2ms\0--comm\0a,b"),
		WORDS("-fcsv\0--table=locks\0--step\0"
		      "500us\0-o-"),
		WORDS("-qv\0--sample=97\0--stacks\0--loops=on\0--\0true"),
		WORDS("-p1\0-d10\0--cgroup=/x\0-a\0--interval=1000"),
		WORDS("--buffer=8M\0--delay=1.5s\0--user\0nobody\0-r5"),
		WORDS("--cpu=0,2-3\0--in-progress=sleep,condvar\0--width=200"),
		WORDS("--help"),
		WORDS("\033[2J\0--\xff\xfe=\n\0-\0--=\0"),
	};
	static const char text[] =
		"55d0c0000000-55d0c0001000 r--p 00000000 08:01 123   /usr/bin/app\n"
		"55d0c0001000-55d0c0003000 rw-s 00001000 08:01 123   /usr/bin/a\\012b (deleted)\n"
		"7ffd1000-7ffd2000 rw-p 00000000 00:00 0             [stack]\n\0"
		"55d0c0002000-55d0c0004000 r-xp 00000000 08:02 7     /lib/x.so\n\0"
		"ffffffff81000000 T _text\nffffffff81000100 t two\t[mod]\n"
		"ffffffff81000100 D data\nffffffffa0000000 t one\t[\033[2J]\n";
	const struct bytes proc = {(uint8_t *)text, sizeof(text) - 1};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		seed("options", &lines[i], 1);
	seed("proc", &proc, 1);
}

/* The heads of two files that there are: a program's own, and a library-like one made of it; and notes of probes. */
static void seed_elf(void)
{
	static uint8_t head[USDT_ELF_MAX];
	static const struct usdt_elf_note notes[] = {
		{USDT_ELF_VADDR + 1, "cpartrace", "mark", "8@%rdi"},
		{USDT_ELF_VADDR + 2, "cpartrace", "mark", "8@-24(%rbp)"},
		{USDT_ELF_VADDR + 3, "cpartrace", "mark", "8@[sp, 16] 4@x1"},
		{USDT_ELF_VADDR + 4, "libc", "setjmp", "8@%rdi -4@%esi 8@%rax"},
	};
	const int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	struct bytes b = {head, 0};
	const ssize_t got = fd < 0 ? -1 : read(fd, head, sizeof(head));

	must(got > 0, "/proc/self/exe");
	close(fd);
	b.sz = (size_t)got;
	seed("elf", &b, 1);
	b.sz = 1024;
	head[16] = 3; /* ET_DYN */
	seed("elf", &b, 1);
	memcpy(head, (const uint8_t[]){0x90, 0xf3, 0x90, 0xeb, 0xfc, 0xf3, 0x90, 0x75, 0xf0}, 9);
	b.sz = 64;
	seed("elf", &b, 1);
	b.sz = usdt_elf__make(head, notes, sizeof(notes) / sizeof(notes[0]));
	seed("elf", &b, 1);
}

int main(int argc, char **argv)
{
	struct rng rng = {7};

	if (argc < 2) {
		fprintf(stderr, "usage: fuzz_seeds DIR TRACE...\n");
		return 2;
	}
	dir = argv[1];
	must(!mkdir(dir, 0755) || errno == EEXIST, dir);
	for (int i = 2; i < argc; i++)
		seed_file(&rng, argv[i]);
	seed_traces(&rng);
	seed_programs(&rng);
	seed_texts();
	seed_elf();
	return 0;
}
