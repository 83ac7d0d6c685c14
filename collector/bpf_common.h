/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_common.h - what sessions with any probes have in common.
 *
 * Owns:     libbpf's settings of the process, iterators, counters that the kernel keeps of programs.
 * Must not: know a skeleton or a record.
 */
#ifndef CPT_BPF_COMMON_H
#define CPT_BPF_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bpf_link;
struct bpf_object;
struct bpf_object_skeleton;

/* Once, before anything is opened. verbose: libbpf's log goes to standard error. */
void bpf_common__begin(bool verbose);

/* Writes why into err and returns code, so that it can be said and returned in one step. */
int bpf_common__say(char *err, size_t err_sz, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* How many CPUs there can be, at most max; -errno after having said why. */
int bpf_common__cpus(unsigned int max, char *err, size_t err_sz);

/* Loads a skeleton; where that succeeds, all of its data can be reached. 0 or -errno. */
int bpf_common__load(struct bpf_object_skeleton *skeleton);

/* Whose tasks the probes may name (cpt_names_of): those of all for root, of the user for others. */
uint32_t bpf_common__names_of(void);

/* A map's memory, shared with the kernel. NULL with errno after having said why. */
void *bpf_common__map(int map_fd, size_t sz, bool writable, char *err, size_t err_sz);

/* Whole pages that hold sz bytes. */
size_t bpf_common__pages(size_t sz);

/* Runs an iterator to its end; what it writes are records of rec_sz bytes, each of which fn gets (NULL:
 * nobody does). 0 or -errno. */
int bpf_common__iterate(struct bpf_link *link, size_t rec_sz,
			void (*fn)(void *ctx, const void *rec), void *ctx);

/* How often a program of the object was not run since it, or another on that CPU, ran already. */
uint64_t bpf_common__recursion(const struct bpf_object *obj);

#endif /* CPT_BPF_COMMON_H */
