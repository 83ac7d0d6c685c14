/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * arch.h - everything in the probes that depends on the processor architecture.
 *
 * Owns:     saved registers, system call numbers, the preempt count, publishing to shared memory.
 * Must not: be read around: no other probe file names a register or a system call number.
 *
 * x86-64 is what the project is tested on; arm64 compiles, and is tested in a guest.
 */
#ifndef ARCH_H
#define ARCH_H

#include "kernel_types.h"
#include <bpf/bpf_helpers.h>

/* Fields of preempt_count (include/linux/preempt.h), the same on all architectures. */
#define CPT_SOFTIRQ_SERVING 0x00000100 /* lowest bit of the field; bh-disable counts in twos */
#define CPT_HARDIRQ_MASK    0x00ff0000 /* hard interrupts and NMIs */

/* Per architecture below: members of pt_regs by role, to use as regs->REG_ARG1 or in BPF_CORE_READ. */

#if defined(__TARGET_ARCH_x86)

struct pt_regs {
	unsigned long r10, r8, ax, dx, si, di, orig_ax;
	__u16 cs; /* an unsigned long before 6.9 (FRED): the load is widened to it */
} __attribute__((preserve_access_index));

#define CPT_USER32_CS 0x23 /* __USER32_CS: ia32 tasks number their calls differently */

/* clang-format off */
#define REG_NR	 orig_ax
#define REG_RET	 ax
#define REG_ARG1 di
#define REG_ARG2 si
#define REG_ARG3 dx
#define REG_ARG4 r10
#define REG_ARG5 r8
#define REG_MODE cs
#define SAMPLE_IP_WORD 16 /* rip among the 64-bit words of struct bpf_perf_event_data */
#define mode_is_compat(mode) ((mode) == CPT_USER32_CS)

enum {
	NR_read = 0, NR_write = 1, NR_close = 3, NR_poll = 7, NR_ioctl = 16, NR_pread64 = 17,
	NR_pwrite64 = 18, NR_readv = 19, NR_writev = 20, NR_select = 23, NR_sched_yield = 24,
	NR_sendfile = 40, NR_connect = 42, NR_accept = 43, NR_sendto = 44, NR_recvfrom = 45,
	NR_sendmsg = 46, NR_recvmsg = 47, NR_shutdown = 48, NR_fcntl = 72, NR_flock = 73,
	NR_fsync = 74, NR_fdatasync = 75, NR_ftruncate = 77, NR_getdents = 78,
	NR_rt_sigtimedwait = 128, NR_futex = 202, NR_getdents64 = 217, NR_epoll_wait = 232,
	NR_mq_timedsend = 242, NR_mq_timedreceive = 243, NR_pselect6 = 270, NR_ppoll = 271,
	NR_splice = 275, NR_tee = 276, NR_sync_file_range = 277, NR_vmsplice = 278,
	NR_epoll_pwait = 281, NR_fallocate = 285, NR_accept4 = 288, NR_preadv = 295,
	NR_pwritev = 296, NR_recvmmsg = 299, NR_syncfs = 306, NR_sendmmsg = 307,
	NR_copy_file_range = 326, NR_preadv2 = 327, NR_pwritev2 = 328, NR_io_uring_enter = 426,
	NR_epoll_pwait2 = 441, NR_futex_waitv = 449, NR_futex_wake = 454, NR_futex_wait = 455,
	NR_dup = 32, NR_dup2 = 33, NR_epoll_create = 213, NR_epoll_ctl = 233,
	NR_timerfd_settime = 286, NR_epoll_create1 = 291, NR_dup3 = 292, NR_execve = 59,
	NR_execveat = 322, NR_close_range = 436, NR_prctl = 157,
};
/* clang-format on */
#define EPOLL_EVENT_SZ 12 /* packed here alone */

/* Stores are not reordered with older stores: the compiler is all there is to hold back. */
#define publish_u64(ptr, value)                                                                    \
	do {                                                                                       \
		barrier();                                                                         \
		*(volatile __u64 *)(ptr) = (value);                                                \
	} while (0)
#define publish_u32(ptr, value)                                                                    \
	do {                                                                                       \
		barrier();                                                                         \
		*(volatile __u32 *)(ptr) = (value);                                                \
	} while (0)

#elif defined(__TARGET_ARCH_arm64)

struct pt_regs {
	__u64 regs[31];
	__u64 pstate;
	__u64 orig_x0;
	__s32 syscallno;
} __attribute__((preserve_access_index));

struct thread_info___arm64 {
	struct {
		__u32 count;
	} preempt;
} __attribute__((preserve_access_index));

#define CPT_PSTATE_AARCH32 0x10

/* clang-format off */
#define REG_NR	 syscallno
#define REG_RET	 regs[0]
#define REG_ARG1 orig_x0
#define REG_ARG2 regs[1]
#define REG_ARG3 regs[2]
#define REG_ARG4 regs[3]
#define REG_ARG5 regs[4]
#define REG_MODE pstate
#define SAMPLE_IP_WORD 32 /* pc, likewise */
#define mode_is_compat(mode) ((mode) & CPT_PSTATE_AARCH32)

enum {
	NR_fcntl = 25, NR_ioctl = 29, NR_flock = 32, NR_ftruncate = 46, NR_fallocate = 47,
	NR_close = 57, NR_getdents64 = 61, NR_read = 63, NR_write = 64, NR_readv = 65,
	NR_writev = 66, NR_pread64 = 67, NR_pwrite64 = 68, NR_preadv = 69, NR_pwritev = 70,
	NR_sendfile = 71, NR_pselect6 = 72, NR_ppoll = 73, NR_vmsplice = 75, NR_splice = 76,
	NR_tee = 77, NR_fsync = 82, NR_fdatasync = 83, NR_sync_file_range = 84, NR_futex = 98,
	NR_sched_yield = 124, NR_rt_sigtimedwait = 137, NR_mq_timedsend = 182,
	NR_mq_timedreceive = 183, NR_accept = 202, NR_connect = 203, NR_sendto = 206,
	NR_recvfrom = 207, NR_shutdown = 210, NR_sendmsg = 211, NR_recvmsg = 212,
	NR_accept4 = 242, NR_recvmmsg = 243, NR_syncfs = 267, NR_sendmmsg = 269,
	NR_copy_file_range = 285, NR_preadv2 = 286, NR_pwritev2 = 287, NR_epoll_pwait = 22,
	NR_io_uring_enter = 426, NR_epoll_pwait2 = 441, NR_futex_waitv = 449, NR_futex_wake = 454,
	NR_futex_wait = 455,
	/* Calls this architecture never had; no two alike, and out of reach. */
	NR_poll = 0xf000, NR_select, NR_epoll_wait, NR_getdents, NR_dup2, NR_epoll_create,
	NR_dup = 23, NR_dup3 = 24, NR_epoll_create1 = 20, NR_epoll_ctl = 21,
	NR_timerfd_settime = 86, NR_execve = 221, NR_execveat = 281, NR_close_range = 436,
	NR_prctl = 167,
};
/* clang-format on */
#define EPOLL_EVENT_SZ	   16

/* A fetching atomic is ordered both ways (ldaddal), which a plain store is not. */
#define publish_u64(ptr, value)                                                                    \
	do {                                                                                       \
		barrier();                                                                         \
		__sync_lock_test_and_set((__u64 *)(ptr), (value));                                 \
	} while (0)
#define publish_u32(ptr, value)                                                                    \
	do {                                                                                       \
		barrier();                                                                         \
		__sync_lock_test_and_set((__u32 *)(ptr), (value));                                 \
	} while (0)

#else
#error "arch.h knows x86-64 and arm64"
#endif

/* Calls whose first argument is the descriptor they act on and may block on. */
static __always_inline bool acts_on_fd(__u32 nr)
{
	switch (nr) {
	case NR_read:
	case NR_write:
	case NR_close:
	case NR_ioctl:
	case NR_pread64:
	case NR_pwrite64:
	case NR_readv:
	case NR_writev:
	case NR_sendfile:
	case NR_connect:
	case NR_accept:
	case NR_sendto:
	case NR_recvfrom:
	case NR_sendmsg:
	case NR_recvmsg:
	case NR_shutdown:
	case NR_fcntl:
	case NR_flock:
	case NR_fsync:
	case NR_fdatasync:
	case NR_ftruncate:
	case NR_getdents:
	case NR_getdents64:
	case NR_epoll_wait:
	case NR_mq_timedsend:
	case NR_mq_timedreceive:
	case NR_splice:
	case NR_tee:
	case NR_sync_file_range:
	case NR_vmsplice:
	case NR_epoll_pwait:
	case NR_fallocate:
	case NR_accept4:
	case NR_preadv:
	case NR_pwritev:
	case NR_recvmmsg:
	case NR_syncfs:
	case NR_sendmmsg:
	case NR_copy_file_range:
	case NR_preadv2:
	case NR_pwritev2:
	case NR_io_uring_enter:
	case NR_epoll_pwait2:
		return true;
	default:
		return false;
	}
}

/* Calls that hand data or a connection to the other end: a soft interrupt that runs in one of them
 * carries the caller's own message. */
static __always_inline bool sends(__u32 nr)
{
	switch (nr) {
	case NR_write:
	case NR_close:
	case NR_writev:
	case NR_sendfile:
	case NR_connect:
	case NR_sendto:
	case NR_sendmsg:
	case NR_shutdown:
	case NR_splice:
	case NR_sendmmsg:
	case NR_pwritev2:
		return true;
	default:
		return false;
	}
}

#endif /* ARCH_H */
