// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * uses_bpf TIMES - loads a BPF program of its own that counts this process's context switches where cpartrace
 * does, at sched_switch, and sleeps TIMES times for 1 ms. Prints what the program counted, and what the kernel's
 * account says.
 */
#include <linux/bpf.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"

#define INSN(c, d, s, o, i)                                                                        \
	(struct bpf_insn)                                                                          \
	{                                                                                          \
		.code = (c), .dst_reg = (d), .src_reg = (s), .off = (o), .imm = (i)                \
	}

static int bpf(int command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* if (current->tgid == ours) (*map[0])++ */
static int load(int map_fd)
{
	const struct bpf_insn insns[] = {
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_get_current_pid_tgid),
		INSN(BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_0, 0, 0, 32),
		INSN(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_0, 0, 9, (int)getpid()),
		INSN(BPF_ST | BPF_MEM | BPF_W, BPF_REG_10, 0, -4, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_X, BPF_REG_2, BPF_REG_10, 0, 0),
		INSN(BPF_ALU64 | BPF_ADD | BPF_K, BPF_REG_2, 0, 0, -4),
		INSN(BPF_LD | BPF_DW | BPF_IMM, BPF_REG_1, BPF_PSEUDO_MAP_FD, 0, map_fd),
		INSN(0, 0, 0, 0, 0),
		INSN(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),
		INSN(BPF_JMP | BPF_JEQ | BPF_K, BPF_REG_0, 0, 2, 0),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, 1),
		INSN(BPF_STX | BPF_ATOMIC | BPF_DW, BPF_REG_0, BPF_REG_1, 0, BPF_ADD),
		INSN(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, 0),
		INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0),
	};
	static char log[65536];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_RAW_TRACEPOINT,
		.insns = (uint64_t)(uintptr_t)insns,
		.insn_cnt = sizeof(insns) / sizeof(*insns),
		.license = (uint64_t)(uintptr_t) "GPL",
		.log_buf = (uint64_t)(uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = bpf(BPF_PROG_LOAD, &attr);

	if (fd < 0) {
		fputs(log, stderr);
		die("BPF_PROG_LOAD");
	}
	return fd;
}

static long switches(void)
{
	struct rusage u;

	if (getrusage(RUSAGE_SELF, &u))
		die("getrusage");
	return u.ru_nvcsw + u.ru_nivcsw;
}

int main(int argc, char **argv)
{
	const struct timespec ms = {.tv_nsec = 1000000};
	union bpf_attr map = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1};
	union bpf_attr link = {.raw_tracepoint.name = (uint64_t)(uintptr_t) "sched_switch"};
	union bpf_attr look = {};
	uint64_t cnt = 0;
	uint32_t key = 0;
	int times = argc == 2 ? atoi(argv[1]) : 0, map_fd;
	long before;

	if (times <= 0)
		return 2;
	map_fd = bpf(BPF_MAP_CREATE, &map);
	if (map_fd < 0)
		die("BPF_MAP_CREATE");
	link.raw_tracepoint.prog_fd = (uint32_t)load(map_fd);
	if (bpf(BPF_RAW_TRACEPOINT_OPEN, &link) < 0)
		die("BPF_RAW_TRACEPOINT_OPEN");
	before = switches();
	for (int i = 0; i < times; i++)
		nanosleep(&ms, NULL);
	look.map_fd = (uint32_t)map_fd;
	look.key = (uint64_t)(uintptr_t)&key;
	look.value = (uint64_t)(uintptr_t)&cnt;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &look) < 0)
		die("BPF_MAP_LOOKUP_ELEM");
	printf("%llu %ld %ld\n", (unsigned long long)cnt, switches() - before, switches());
	return 0;
}
