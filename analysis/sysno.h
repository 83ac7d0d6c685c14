/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sysno.h - system calls by meaning, whatever machine the trace is from.
 *
 * Owns:     the calls that can block, with their numbers on each architecture.
 * Must not: say what blocking in one means (wait_class.h).
 *
 * Numbers: arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h of Linux;
 * they never change. -1: the architecture has no such call.
 */
#ifndef CPT_SYSNO_H
#define CPT_SYSNO_H

#include <stdint.h>

/* What the calls have in common, as far as blocking in them goes. */
/* clang-format off */
#define CPT_SYS_GROUPS(X)                                                                          \
	X(OTHER) X(READ) X(WRITE) X(CONNECT) X(ACCEPT) X(LOOP) X(POLL) X(SLEEP) X(SIGNAL) X(CHILD) \
	X(VFORK) X(CLONE) X(FUTEX) X(FILE_LOCK) X(FCNTL) X(SYNC) X(AIO) X(OPEN) X(MESSAGE) X(IOCTL) \
	X(MEMORY)
/* clang-format on */

#define CPT_SYS_GROUP_ENUM(name) CPT_SYS_GROUP_##name,
enum cpt_sys_group { CPT_SYS_GROUPS(CPT_SYS_GROUP_ENUM) CPT_SYS_GROUP_CNT };
#undef CPT_SYS_GROUP_ENUM

/* X(NAME, "name", x86_64, generic (arm64), GROUP) */
/* clang-format off */
#define CPT_SYSCALLS(X)                                                                            \
	X(READ, "read", 0, 63, READ)                                                               \
	X(WRITE, "write", 1, 64, WRITE)                                                            \
	X(OPEN, "open", 2, -1, OPEN)                                                               \
	X(CLOSE, "close", 3, 57, OTHER)                                                            \
	X(POLL, "poll", 7, -1, POLL)                                                               \
	X(MMAP, "mmap", 9, 222, MEMORY)                                                            \
	X(MPROTECT, "mprotect", 10, 226, MEMORY)                                                   \
	X(MUNMAP, "munmap", 11, 215, MEMORY)                                                       \
	X(BRK, "brk", 12, 214, MEMORY)                                                             \
	X(IOCTL, "ioctl", 16, 29, IOCTL)                                                           \
	X(PREAD64, "pread64", 17, 67, READ)                                                        \
	X(PWRITE64, "pwrite64", 18, 68, WRITE)                                                     \
	X(READV, "readv", 19, 65, READ)                                                            \
	X(WRITEV, "writev", 20, 66, WRITE)                                                         \
	X(SELECT, "select", 23, -1, POLL)                                                          \
	X(SCHED_YIELD, "sched_yield", 24, 124, OTHER)                                              \
	X(MREMAP, "mremap", 25, 216, MEMORY)                                                       \
	X(MSYNC, "msync", 26, 227, SYNC)                                                           \
	X(MADVISE, "madvise", 28, 233, MEMORY)                                                     \
	X(PAUSE, "pause", 34, -1, SIGNAL)                                                          \
	X(NANOSLEEP, "nanosleep", 35, 101, SLEEP)                                                  \
	X(SENDFILE, "sendfile", 40, 71, WRITE)                                                     \
	X(CONNECT, "connect", 42, 203, CONNECT)                                                    \
	X(ACCEPT, "accept", 43, 202, ACCEPT)                                                       \
	X(SENDTO, "sendto", 44, 206, WRITE)                                                        \
	X(RECVFROM, "recvfrom", 45, 207, READ)                                                     \
	X(SENDMSG, "sendmsg", 46, 211, WRITE)                                                      \
	X(RECVMSG, "recvmsg", 47, 212, READ)                                                       \
	X(SHUTDOWN, "shutdown", 48, 210, OTHER)                                                    \
	X(CLONE, "clone", 56, 220, CLONE)                                                          \
	X(FORK, "fork", 57, -1, OTHER)                                                             \
	X(VFORK, "vfork", 58, -1, VFORK)                                                           \
	X(EXECVE, "execve", 59, 221, OTHER)                                                        \
	X(EXIT, "exit", 60, 93, OTHER)                                                             \
	X(WAIT4, "wait4", 61, 260, CHILD)                                                          \
	X(SEMOP, "semop", 65, 193, OTHER)                                                          \
	X(MSGSND, "msgsnd", 69, 189, OTHER)                                                        \
	X(MSGRCV, "msgrcv", 70, 188, MESSAGE)                                                      \
	X(FCNTL, "fcntl", 72, 25, FCNTL)                                                           \
	X(FLOCK, "flock", 73, 32, FILE_LOCK)                                                       \
	X(FSYNC, "fsync", 74, 82, SYNC)                                                            \
	X(FDATASYNC, "fdatasync", 75, 83, SYNC)                                                    \
	X(RT_SIGTIMEDWAIT, "rt_sigtimedwait", 128, 137, SIGNAL)                                    \
	X(RT_SIGSUSPEND, "rt_sigsuspend", 130, 133, SIGNAL)                                        \
	X(SYNC, "sync", 162, 81, SYNC)                                                             \
	X(FUTEX, "futex", 202, 98, FUTEX)                                                          \
	X(IO_GETEVENTS, "io_getevents", 208, 4, AIO)                                               \
	X(RESTART_SYSCALL, "restart_syscall", 219, 128, OTHER)                                     \
	X(SEMTIMEDOP, "semtimedop", 220, 192, OTHER)                                               \
	X(CLOCK_NANOSLEEP, "clock_nanosleep", 230, 115, SLEEP)                                     \
	X(EXIT_GROUP, "exit_group", 231, 94, OTHER)                                                \
	X(EPOLL_WAIT, "epoll_wait", 232, -1, LOOP)                                                 \
	X(MQ_TIMEDSEND, "mq_timedsend", 242, 182, OTHER)                                           \
	X(MQ_TIMEDRECEIVE, "mq_timedreceive", 243, 183, MESSAGE)                                   \
	X(WAITID, "waitid", 247, 95, CHILD)                                                        \
	X(OPENAT, "openat", 257, 56, OPEN)                                                         \
	X(PSELECT6, "pselect6", 270, 72, POLL)                                                     \
	X(PPOLL, "ppoll", 271, 73, POLL)                                                           \
	X(SPLICE, "splice", 275, 76, READ)                                                         \
	X(TEE, "tee", 276, 77, READ)                                                               \
	X(SYNC_FILE_RANGE, "sync_file_range", 277, 84, SYNC)                                       \
	X(VMSPLICE, "vmsplice", 278, 75, WRITE)                                                    \
	X(EPOLL_PWAIT, "epoll_pwait", 281, 22, LOOP)                                               \
	X(ACCEPT4, "accept4", 288, 242, ACCEPT)                                                    \
	X(PREADV, "preadv", 295, 69, READ)                                                         \
	X(PWRITEV, "pwritev", 296, 70, WRITE)                                                      \
	X(RECVMMSG, "recvmmsg", 299, 243, READ)                                                    \
	X(SYNCFS, "syncfs", 306, 267, SYNC)                                                        \
	X(SENDMMSG, "sendmmsg", 307, 269, WRITE)                                                   \
	X(GETRANDOM, "getrandom", 318, 278, OTHER)                                                 \
	X(EXECVEAT, "execveat", 322, 281, OTHER)                                                   \
	X(COPY_FILE_RANGE, "copy_file_range", 326, 285, READ)                                      \
	X(PREADV2, "preadv2", 327, 286, READ)                                                      \
	X(PWRITEV2, "pwritev2", 328, 287, WRITE)                                                   \
	X(IO_PGETEVENTS, "io_pgetevents", 333, 292, AIO)                                           \
	X(IO_URING_ENTER, "io_uring_enter", 426, 426, LOOP)                                        \
	X(CLONE3, "clone3", 435, 435, CLONE)                                                       \
	X(OPENAT2, "openat2", 437, 437, OPEN)                                                      \
	X(EPOLL_PWAIT2, "epoll_pwait2", 441, 441, LOOP)                                            \
	X(FUTEX_WAITV, "futex_waitv", 449, 449, FUTEX)                                             \
	X(FUTEX_WAKE, "futex_wake", 454, 454, OTHER)                                               \
	X(FUTEX_WAIT, "futex_wait", 455, 455, FUTEX)
/* clang-format on */

#define CPT_SYS_ENUM(name, str, x86, generic, group) CPT_SYS_##name,
enum cpt_sys { CPT_SYS_UNKNOWN, CPT_SYSCALLS(CPT_SYS_ENUM) CPT_SYS_CNT };
#undef CPT_SYS_ENUM

/* Numbers up to here have a place in the look-up tables. */
#define CPT_SYSNO_TABLE_SZ 512

/* machine as uname(2) spells it; x86_64 and aarch64 are known, others yield CPT_SYS_UNKNOWN. Fills
 * table[number]; done once per trace. */
void sysno_table(const char *machine, uint8_t table[CPT_SYSNO_TABLE_SZ]);

enum cpt_sys_group sys_group(enum cpt_sys sys);
const char *sys_name(enum cpt_sys sys); /* CPT_SYS_UNKNOWN: "?" */

#endif /* CPT_SYSNO_H */
