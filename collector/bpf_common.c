// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* bpf_common.c - see bpf_common.h. */
#include "bpf_common.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "../probes/names_abi.h"

#define ITER_RECS 1024 /* read at once */

static int print_verbose(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return level == LIBBPF_DEBUG ? 0 : vfprintf(stderr, fmt, args);
}

static int print_nothing(enum libbpf_print_level level, const char *fmt, va_list args)
{
	return 0;
}

void bpf_common__begin(bool verbose)
{
	libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
	libbpf_set_print(verbose ? print_verbose : print_nothing);
	/* RLIMIT_MEMLOCK stays: since 5.11 maps are accounted to the memory cgroup, and a command that is
	 * started after this (--repeat) would inherit it. */
}

int bpf_common__say(char *err, size_t err_sz, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, err_sz, fmt, args);
	va_end(args);
	return code;
}

int bpf_common__cpus(unsigned int max, char *err, size_t err_sz)
{
	const int cnt = libbpf_num_possible_cpus();

	if (cnt < 0)
		return bpf_common__say(err, err_sz, cnt, "cannot tell the number of CPUs: %s",
				       strerror(-cnt));
	if ((unsigned int)cnt > max)
		return bpf_common__say(err, err_sz, -E2BIG,
				       "this machine can have %d CPUs, at most %u are supported",
				       cnt, max);
	return cnt;
}

static bool can_be_shared(const struct bpf_map_skeleton *m)
{
	return m->mmaped && bpf_map__map_flags(*m->map) & BPF_F_MMAPABLE;
}

int bpf_common__load(struct bpf_object_skeleton *skeleton)
{
	int before = 0, after = 0, ret;

	for (int i = 0; i < skeleton->map_cnt; i++)
		before += can_be_shared(&skeleton->maps[i]);
	ret = bpf_object__load_skeleton(skeleton);
	for (int i = 0; i < skeleton->map_cnt; i++)
		after += can_be_shared(&skeleton->maps[i]);
	/* Where the kernel has no memory just when libbpf (1.1) asks whether it has maps that can be shared, it is
	 * taken for one of before 5.5: the data are loaded, and nobody can see them. */
	return !ret && after < before ? -ENOMEM : ret;
}

uint32_t bpf_common__names_of(void)
{
	return geteuid() == 0 ? CPT_NAMES_ALL : getuid();
}

size_t bpf_common__pages(size_t sz)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);

	return (sz + page - 1) & ~(page - 1);
}

void *bpf_common__map(int map_fd, size_t sz, bool writable, char *err, size_t err_sz)
{
	void *mem = mmap(NULL, sz, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED,
			 map_fd, 0);

	if (mem != MAP_FAILED)
		return mem;
	errno = bpf_common__say(err, err_sz, errno, "cannot map what the probes write: %s",
				strerror(errno));
	return NULL;
}

int bpf_common__iterate(struct bpf_link *link, size_t rec_sz,
			void (*fn)(void *ctx, const void *rec), void *ctx)
{
	const size_t sz = ITER_RECS * rec_sz;
	char *buf = malloc(sz);
	int fd = buf ? bpf_iter_create(bpf_link__fd(link)) : -ENOMEM;
	size_t have = 0, whole;
	ssize_t n;

	if (fd < 0) {
		n = buf ? -errno : -ENOMEM;
		free(buf);
		return (int)n;
	}
	for (;;) {
		n = read(fd, buf + have, sz - have);
		/* EAGAIN: the kernel saw a great many tasks without output and wants a break. */
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			break;
		have += (size_t)n;
		whole = have / rec_sz * rec_sz;
		for (size_t at = 0; fn && at < whole; at += rec_sz)
			fn(ctx, buf + at);
		memmove(buf, buf + whole, have - whole);
		have -= whole;
	}
	n = n < 0 ? -errno : 0;
	close(fd);
	free(buf);
	return (int)n;
}

uint64_t bpf_common__recursion(const struct bpf_object *obj)
{
	struct bpf_program *prog;
	uint64_t sum = 0;

	bpf_object__for_each_program(prog, obj)
	{
		struct bpf_prog_info info = {};
		__u32 len = sizeof(info);

		if (bpf_program__fd(prog) >= 0 &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(prog), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}
