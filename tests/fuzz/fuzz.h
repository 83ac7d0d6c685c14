/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * fuzz.h - what the fuzz targets share.
 *
 * Owns:     the form of an input that is a trace and a choice of options, and what an output must keep to.
 * Must not: know libFuzzer (its entry points are those of driver.c as well).
 *
 * An input of a target that reads traces:
 *
 *      +0  choices, 8 bytes    [0] bit 0: what the body is; the rest picks options (target_command.c)
 *      +8  body                0 a trace's bytes: check sums are made right before it is read
 *                              1 a *program* (program.c): every byte is a step of a trace that is well
 *                                formed and means nothing
 *      diff has u32 size, body, body.
 *
 * Bytes test the reader; programs get past it, to what thinks that a trace makes sense.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FUZZ_CHOICES 8
#define FUZZ_PROGRAM 0x1

/* The entry points: of each target, of mutate.c, and of libFuzzer or driver.c. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t sz, size_t max_sz);

/* The body as a file in memory; -1: it is a program that makes no trace. The caller closes it. */
int body_open(const uint8_t *body, size_t sz, bool program);

/* Draws the trace of a program into fd. 0 or -errno. */
int program__run(const uint8_t *bytes, size_t sz, int fd);

/* Changes a trace, of which sections, columns and fields stay such: sizes, counts and times are made right
 * again. Returns its new size, at most max_sz. */
size_t trace__mutate(uint8_t *data, size_t sz, size_t max_sz, unsigned int seed);

/* How an output is looked at when all of it is there. */
enum fuzz_output {
	OUTPUT_BINARY,	/* not at all */
	OUTPUT_TEXT,	/* UTF-8, no control or invisible characters */
	OUTPUT_JSON,	/* parses */
	OUTPUT_JSONL,	/* each line does */
	OUTPUT_CSV,	/* text; rows of as many cells as the first */
	OUTPUT_FOLDED,	/* text; each line ends with a number */
	OUTPUT_METRICS, /* text; each line is a comment or one of ours, and the last one is # EOF */
	OUTPUT_SVG,	/* text; tags and entities are such, and no script */
	OUTPUT_HTML,	/* text; no scripts or comments but the page's own */
};

/* From now on what is printed to stdout and stderr is held in memory, at most 8 MiB of it. */
void outputs__take(void);
/* Of what was printed since: aborts, having said why, if it is not `kind` (messages are text). done: the
 * command ended well, so that all must be there; else a part of it. Forgets it. */
void outputs__check(enum fuzz_output kind, bool done);
/* Aborts, having said why, unless the bytes are such as OUTPUT_TEXT has. */
void outputs__text(const char *at, size_t sz);
/* Aborts, having said why, unless path is a database that is in order and whose texts are such. Where there is
 * libsqlite3. */
void database__check(const char *path);
/* Says what, and the messages that were printed; aborts. */
__attribute__((noreturn)) void outputs__broken(const char *what);

#endif /* FUZZ_H */
