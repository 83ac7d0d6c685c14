/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * cpt_abi.h - the wire contract between the probes (kernel side) and everything in user space.
 *
 * Owns:     every record a probe emits, the layout of the per-CPU switch rings, the options the
 *           collector writes into a probe before it is loaded, the counters of loss.
 * Must not: include anything but fixed-width types; know how records are merged, stored, analysed.
 *
 * Rules: fixed-width fields, explicit padding, no enums, bitfields or pointers; values are
 * append-only; a record is filled completely before it is published.
 *
 * Two streams leave the kernel:
 *
 *   switch rings    one per CPU, single producer (the sched_switch program, interrupts off), mmapped:
 *                   64-byte records of one shape, `struct cpt_rec_switch` and the one that shares
 *                   its head. Ordered by time within a CPU. Two array maps hold them, because
 *                   kernels before 6.13 refuse array elements above 4 MiB:
 *
 *      cpt_cells  element `cpu` is its struct cpt_cell: positions, and the probe's state there
 *      cpt_recs   record n of `cpu` is element cpu * slots + (n & (slots - 1)), slots a power of 2
 *
 *   lifecycle ring  one BPF ring buffer for rare records: who a task is (once, and when exec, a
 *                   rename or a change of affinity alters it), its end, and nudges that wake the
 *                   collector when a switch ring fills faster than expected. Own time stamps.
 *
 * Task numbers: run-unique, 1.. (1 is the command itself), 0 means "not of the workload". They are
 * handed out in the kernel when a task enters the family (task storage), never reused.
 *
 * All times: ns of CLOCK_MONOTONIC (bpf_ktime_get_ns).
 */
#ifndef CPT_ABI_H
#define CPT_ABI_H

#include <stddef.h>
#include <linux/types.h>

#define CPT_ABI_VERSION 1

#define CPT_COMM_LEN   16  /* TASK_COMM_LEN */
#define CPT_PATH_LEN   256 /* exec path, cut */
#define CPT_ARGS_LEN   512 /* exec arguments, NUL-separated, cut */
#define CPT_MASK_WORDS 16  /* affinity masks carry the first 1024 CPUs */
#define CPT_MAX_CPUS   (CPT_MASK_WORDS * 64)
#define CPT_TASK_MAX   ((1u << 24) - 1) /* highest task number */

/* ---- per-CPU switch rings ------------------------------------------------------------------ */

#define CPT_REC_SZ	   64
#define CPT_RING_MIN_SLOTS 1024

/* What holds a CPU. */
#define CPT_KIND_OTHER 0 /* a task outside the workload */
#define CPT_KIND_IDLE  1
#define CPT_KIND_OURS  2

/*
 * One CPU's cell: the positions of its ring and the state of the switch program there. All lines
 * but the last are written by this CPU alone. Positions count records since start, never wrap.
 */
struct cpt_cell {
	__u64 head;	    /* records published; written after the record is complete */
	__u64 attempts;	    /* records attempted; attempts - head = lost here */
	__u64 cur_task_ptr; /* probe-private: task_struct running here by our account */
	__u64 last_ts_ns;   /* time of this CPU's last record: lower bound of a mended switch */
	__u64 cur_nvcsw;    /* probe-private: its voluntary switches when it came in */
	__u32 cur;	    /* its task number, 0 none of ours */
	__u32 cur_tid;	    /* probe-private: its tid, to know the task_struct again */
	__u32 kind;	    /* CPT_KIND_* of what runs here */
	__u32 ready;	    /* 0: nothing has been seen of this CPU yet */
	__u64 dropped;	    /* attempts that found the ring full */

	/* Occupancy of this CPU while it runs none of ours (see cpt_rec_occupancy). */
	__u64 occ_since_ns; /* start of what idle_ns and other_ns account for */
	__u64 occ_idle_ns;
	__u64 occ_other_ns;
	__u64 mends;	    /* switches without an event, healed (CPT_SW_MENDED where of ours) */
	__u64 mends_failed; /* of those: outgoing task whose state could not be read any more */
	__u64 preempt_ptr;  /* probe-private: address of this CPU's preempt count, 0 not known */
	__s64 clock_off_ns; /* probe-private: CLOCK_MONOTONIC less this CPU's run queue clock */
	__u64 clock_at_ns;  /* probe-private: when that was last looked at, 0 never */

	__u64 tail; /* records consumed; written by the collector, read by the producer */
	__u64 left; /* probe-private, written by other CPUs: the stint of cur that began at left >> 1 is
		       over, for it has come in there; its lowest bit: it had blocked. 0 none */
	__u64 reserved_cons[6];
};

/* Types of ring records (byte 0 of each). */
/* clang-format off */
#define CPT_RING_RECS(X)                                                                           \
	X(SWITCH, 1, cpt_rec_switch)                                                               \
	X(OCCUPANCY, 2, cpt_rec_occupancy)                                                         \
	X(STACKS, 3, cpt_rec_stacks) /* only with --stacks */                                      \
	X(SAMPLE, 4, cpt_rec_sample) /* only with --stacks or --sample */
/* clang-format on */

#define CPT_REC_SWITCH	  1
#define CPT_REC_OCCUPANCY 2
#define CPT_REC_STACKS	  3
#define CPT_REC_SAMPLE	  4

/* cpt_rec_switch.flags */
#define CPT_SW_PREV_BLOCKED   0x0001 /* outgoing task left the run queue; else preempted/yielded */
#define CPT_SW_PREV_DEAD      0x0002 /* its final switch-out */
#define CPT_SW_PREV_IDLE      0x0004 /* prev == 0 and it is this CPU's idle task */
#define CPT_SW_NEXT_IDLE      0x0008 /* next == 0 and it is this CPU's idle task */
#define CPT_SW_NEXT_WOKEN     0x0010 /* wake_ts_ns, waker, wake_ctx are valid */
#define CPT_SW_WAKER_FOREIGN  0x0020 /* waker is a tid of a task outside the workload */
#define CPT_SW_MENDED	      0x0040 /* no event fired for this switch: rebuilt at the next one */
#define CPT_SW_PREV_UNKNOWN   0x0080 /* mended, and prev's state could not be told */
#define CPT_SW_PREV_YIELDED   0x0100 /* not blocked and inside sched_yield */
#define CPT_SW_PREV_IOWAIT    0x0200 /* task->in_iowait */
#define CPT_SW_PREV_THROTTLED 0x0400 /* not blocked and held by its group's CPU quota */
#define CPT_SW_PREV_TIMEOUT   0x0800 /* the blocking call carries a timeout */
#define CPT_SW_WAKE_ON_WORD   0x1000 /* next was woken by a futex call on the word it waited on */
#define CPT_SW_FOUND	      0x2000 /* no switch: how a task was found (merge__add_found) */

/* Context a wake-up came from. */
#define CPT_CTX_TASK	     0 /* the waker itself, in a system call, fault or exit */
#define CPT_CTX_SOFTIRQ	     1 /* soft interrupt; the waker is only the task it interrupted */
#define CPT_CTX_HARDIRQ	     2 /* hard interrupt (timers, devices); likewise */
#define CPT_CTX_SOFTIRQ_SEND 3 /* soft interrupt run inside the waker's own send/close/connect */

/* What a file descriptor is, as far as waiting on it goes. */
/* clang-format off */
#define CPT_FD_KINDS(X)                                                                            \
	X(NONE, 0)         /* the wait is not on a descriptor, or it could not be read */           \
	X(FILE, 1)         /* regular file, directory, block device */                             \
	X(PIPE, 2)         /* pipe or FIFO */                                                      \
	X(SOCKET, 3)       /* connected by us, paired, or a datagram socket without a port of its own */ \
	X(SOCK_SERVING, 4) /* accepted connection, or datagram socket bound to a port of its own */ \
	X(SOCK_LISTEN, 5)  /* listening socket */                                                  \
	X(TTY, 6)                                                                                  \
	X(CHARDEV, 7)                                                                              \
	X(EVENTFD, 8)                                                                              \
	X(TIMERFD, 9)                                                                              \
	X(EPOLL, 10)                                                                               \
	X(SIGNALFD, 11)                                                                            \
	X(INOTIFY, 12)                                                                             \
	X(PIDFD, 13)                                                                               \
	X(IO_URING, 14)                                                                            \
	X(OTHER, 15)
/* clang-format on */

#define CPT_FD_ENUM(name, value) CPT_FD_##name = value,
enum { CPT_FD_KINDS(CPT_FD_ENUM) CPT_FD_KIND_CNT };
#undef CPT_FD_ENUM

/* sysno of a task that blocked outside any system call (page fault, exit, start, signal stop). */
#define CPT_SYSNO_NONE	0xffff /* kernel entry that is no system call */
#define CPT_SYSNO_OTHER 0xfffe /* a call whose number means nothing here: ia32, io workers */

/* What cpt_rec_switch.object says when sysno is a futex call: the primitive as far as one look at the word
 * and its neighbours proves it (glibc layouts; the rest is told apart by operation, expected value
 * and address in the analysis). */
/* clang-format off */
#define CPT_FUTEX_KINDS(X)                                                                         \
	X(UNREAD, 0)       /* the word could not be read */                                        \
	X(PLAIN, 1)        /* none of the below */                                                 \
	X(MUTEX, 2)        /* wait for 2 on a word with a valid mutex kind (+16) and owner (+8) */ \
	X(MUTEX_NO_OWNER, 3) /* WAIT, likewise, the owner field is 0 or not a tid */               \
	X(MUTEX_ROBUST, 4) /* the word holds the owner's tid and FUTEX_WAITERS */                  \
	X(MUTEX_PI, 5)     /* LOCK_PI, LOCK_PI2: the word holds the owner's tid */                 \
	X(SEM, 6)          /* WAIT_BITSET, expected 0, 8-aligned, u32[1] >= 1: sem_t */            \
	X(CONDVAR, 7)      /* a word of a pthread_cond_t that knows of the waiter (glibc 2.25-2.40) */ \
	X(RWLOCK, 8)       /* likewise of a pthread_rwlock_t that somebody holds */                 \
	X(BARRIER, 9)      /* the round of a pthread_barrier_t that some have reached */            \
	X(CONDVAR_241, 10) /* as CONDVAR, of glibc 2.41 and later: other places of the words */
/* clang-format on */

#define CPT_FUTEX_ENUM(name, value) CPT_FUTEX_##name = value,
enum { CPT_FUTEX_KINDS(CPT_FUTEX_ENUM) CPT_FUTEX_KIND_CNT };
#undef CPT_FUTEX_ENUM

/*
 * One context switch in which the outgoing or the incoming task is of the workload.
 *
 * What prev waits for, when it blocked (CPT_SW_PREV_BLOCKED), by system call:
 *   futex            arg0 user address, arg1 op | expected value << 32, arg2 holder's tid in the
 *                    namespace of the process (0: not known), object CPT_FUTEX_*
 *   futex_wait, futex_waitv  as futex with WAIT_BITSET; of several words the first
 *   poll, ppoll      arg0 nfds, arg1 first fd | second fd << 32, arg2 kind of the second fd,
 *                    object kind of the first
 *   select, pselect6 likewise; nfds is the number of descriptors set among the first 64 (or 64 when
 *                    the call names higher ones)
 *   calls on one fd  arg0 fd, object CPT_FD_*, arg1 raw second argument, arg2 low half of the third
 *   others           raw arguments 1, 2 and (low half) 3; object CPT_FD_NONE
 */
struct cpt_rec_switch {
	__u8 type;     /* CPT_REC_SWITCH */
	__u8 wake_ctx; /* CPT_CTX_* of the wake-up of next */
	__u8 object;   /* CPT_FD_*, or CPT_FUTEX_* when sysno is a futex call */
	__u8 reserved;
	__u16 flags; /* CPT_SW_* */
	__u16 sysno; /* system call prev blocked in, or CPT_SYSNO_* */
	__u32 seq; /* attempts of this CPU before this one, low 32 bits: a gap is a located loss */
	__u16 prev_state;  /* task state bits of prev as the event gives them, and TASK_FROZEN where
			      cgroup.freeze holds it, which leaves it asleep by its bits */
	__u16 waker_sysno; /* system call the waker was in, or CPT_SYSNO_* */
	__u64 ts_ns;
	__u32 prev; /* task numbers, 0 none of ours */
	__u32 next;
	__u32 waker; /* of next: task number; a tid with CPT_SW_WAKER_FOREIGN; 0 nobody known */
	__u32 arg2;
	__u64 wake_ts_ns; /* next became runnable; >= its last switch-out */
	__u64 arg0;
	__u64 arg1;
};

/*
 * Occupancy of a CPU that runs none of ours, between two changes of the workload's state: the
 * accounts need only how long it was idle and how long others held it, not each switch.
 *
 *      since                 last transition         ts_ns
 *        |--- idle_ns + other_ns ---|--- kind ---------|  next kind, told by the following record
 *
 * One is written at a transition idle <-> other when the workload's state has changed since the
 * last transition; transitions in between only add to the sums. At a transition to ours one is
 * written if the sums are not empty; else the switch record that follows says all: the CPU was
 * CPT_SW_PREV_IDLE or not since this CPU's record before it. The last one of a recording has
 * next_kind == kind.
 */
struct cpt_rec_occupancy {
	__u8 type; /* CPT_REC_OCCUPANCY */
	__u8 kind; /* what held the CPU from since_ns + idle_ns + other_ns to ts_ns: 1 idle, 0 others */
	__u16 reserved;
	__u32 reserved2;
	__u32 seq;	 /* as in cpt_rec_switch, same offset */
	__u32 next_kind; /* what holds it from ts_ns on: 1 idle, 0 others, 2 ours */
	__u64 ts_ns;
	__u64 since_ns;
	__u64 idle_ns;
	__u64 other_ns;
	__u64 reserved3[2];
};

/*
 * What stood on the stacks at the switch record of the same CPU and time, which is the record before
 * this one: of prev when it blocked, and of who woke next. A stack is an id of cpt_user_stacks or
 * cpt_kernel_stacks, negative where there is none: it could not be read (no frame pointers, memory not
 * there), or its place in the map is taken by another one (counted).
 *
 * A space tells address spaces of one process apart: two user stacks of one id are one stack only in the
 * same space. The lower bits are where its arguments lie (mm->arg_start), drawn anew with each exec; the
 * upper ones bits of the mm's address, which alone may be used again by the next exec but one.
 */
#define CPT_SPACE_ARGS_BITS 48

struct cpt_rec_stacks {
	__u8 type; /* CPT_REC_STACKS */
	__u8 reserved[3];
	__u32 prev; /* whose user and kernel stack follow, 0: neither */
	__u32 seq;  /* as in cpt_rec_switch, same offset */
	__u32 next; /* whose waker's stacks follow, 0: none */
	__u64 ts_ns;
	__s32 user;
	__s32 kernel;
	__s32 wake_user;
	__s32 wake_kernel;
	__u32 tgid; /* of prev, and of the waker if its user stack is there */
	__u32 wake_tgid;
	__u64 space;
	__u64 wake_space;
};

/* cpt_rec_sample.flags */
#define CPT_SAMPLE_USER	 0x1 /* in user mode: ip is a user address, else one of the kernel */
#define CPT_SAMPLE_YIELD 0x2 /* inside sched_yield */

/* The CPU clock came round while a task of the workload ran. */
struct cpt_rec_sample {
	__u8 type;  /* CPT_REC_SAMPLE */
	__u8 flags; /* CPT_SAMPLE_* */
	__u16 reserved;
	__u32 task;
	__u32 seq; /* as in cpt_rec_switch, same offset */
	__u32 tgid;
	__u64 ts_ns;
	__u64 ip;
	__s32 user; /* as in cpt_rec_stacks; without --stacks -1 */
	__s32 kernel;
	__u64 space;
	__u64 reserved2[2];
};

/* ---- lifecycle ring ------------------------------------------------------------------------ */

/* clang-format off */
#define CPT_LIFE_RECS(X)                                                                           \
	X(NEW, 16, cpt_rec_task)       /* a clone joined the family, or the command was seeded */   \
	X(EXEC, 17, cpt_rec_exec)                                                                  \
	X(RENAME, 18, cpt_rec_rename)                                                              \
	X(EXIT, 19, cpt_rec_exit)      /* at the final switch-out, beside the switch record */      \
	X(AFFINITY, 20, cpt_rec_affinity)                                                          \
	X(NUDGE, 21, cpt_rec_head)     /* a switch ring is half full: drain now */
/* clang-format on */

#define CPT_LIFE_ENUM(name, value, type) CPT_REC_##name = value,
enum { CPT_LIFE_RECS(CPT_LIFE_ENUM) };
#undef CPT_LIFE_ENUM

struct cpt_rec_head {
	__u32 type; /* CPT_REC_* */
	__u32 sz;   /* of the whole record */
	__u64 ts_ns;
	__u32 id;  /* task number */
	__u32 cpu; /* where it happened */
};

/* cpt_rec_task.flags */
#define CPT_TASK_THREAD	   0x1 /* shares its thread group with its creator (CLONE_THREAD) */
#define CPT_TASK_IO_WORKER 0x2 /* kernel-made worker of the creator: io_uring, vhost */
#define CPT_TASK_VFORK	   0x4 /* CLONE_VFORK: the creator waits for its exec or exit */
#define CPT_TASK_KTHREAD   0x8 /* a thread of the kernel */
#define CPT_TASK_FOUND	   0x10 /* it was there before it was recorded; its parent leads its process */
#define CPT_TASK_CARRIED   0x20 /* it was recorded before, too, and that is forgotten (carry.h) */

struct cpt_rec_task {
	struct cpt_rec_head head;
	__u32 parent; /* task number of the creator, 0 for the command */
	__u32 tid;    /* as the initial PID namespace knows it */
	__u32 tgid;
	__u32 ns_tid; /* in the task's own PID namespace */
	__u32 ns_tgid;
	__u32 flags; /* CPT_TASK_* */
	__u64 start_boottime_ns;
	char comm[CPT_COMM_LEN];
	__u32 nr_cpus_allowed;
	__u32 reserved;
	__u64 mask[CPT_MASK_WORDS];
};

struct cpt_rec_exec {
	struct cpt_rec_head head;
	__u32 tid; /* after exec: a non-leader takes the leader's */
	__u32 tgid;
	__u32 old_tid;
	__u32 ns_tid;
	__u64 start_boottime_ns;
	char comm[CPT_COMM_LEN];
	__u32 args_sz; /* bytes used of args */
	__u32 exe_dev; /* file system of the program file, as the kernel counts: major << 20 | minor */
	__u64 exe_ino;	  /* its inode; 0 not known */
	__u64 start_code; /* mm->start_code: where its lowest executable segment was mapped */
	char filename[CPT_PATH_LEN];
	char interp[CPT_PATH_LEN]; /* what runs in the end: of a script, its interpreter */
	char args[CPT_ARGS_LEN];
};

struct cpt_rec_rename {
	struct cpt_rec_head head;
	char comm[CPT_COMM_LEN];
};

struct cpt_rec_exit {
	struct cpt_rec_head head;
	__u64 sum_exec_ns;  /* the kernel's own account, se.sum_exec_runtime */
	__u64 run_delay_ns; /* sched_info.run_delay, 0 where the kernel has none */
	__u64 nvcsw;
	__u64 nivcsw;
	__s32 exit_code; /* as wait(2) encodes it */
	__u32 reserved;
};

struct cpt_rec_affinity {
	struct cpt_rec_head head;
	__u32 nr_cpus_allowed;
	__u32 reserved;
	__u64 mask[CPT_MASK_WORDS];
};

/* ---- marks: a ring of their own, so that a flood of them costs no record of who a task is ---------- */

#define CPT_MARK_LEN	 64	   /* of a phase's name, with its NUL; cut */
#define CPT_MARKS_MAX	 65536	   /* of one recording; those beyond are counted */
#define CPT_MARK_RING_SZ (1 << 19) /* some 5,000 marks between two looks of the collector */

/* cpt_rec_mark.flags, CPT_EV_MARK's */
#define CPT_MARK_OUTSIDE    0x1 /* by a task that is not of the workload */
#define CPT_MARK_UNREADABLE 0x2 /* its name could not be read; there is none */

/* Somebody said where a phase begins: `cpartrace mark`, or the probe cpartrace:mark of a program. */
struct cpt_rec_mark {
	__u64 ts_ns;
	__u32 id;    /* task number, 0 with CPT_MARK_OUTSIDE */
	__u32 tid;   /* as the initial PID namespace knows it */
	__u32 flags; /* CPT_MARK_* */
	__u32 reserved;
	char name[CPT_MARK_LEN];
};

/* What a uprobe's cookie says of the name's address: bytes from the start of the saved registers to the one that
 * holds it; with MEMORY it lies in memory, at that register's value and so many bytes (upper half, signed). */
#define CPT_MARK_ARG_REG     0xfffULL
#define CPT_MARK_ARG_MEMORY  0x1000ULL
#define CPT_MARK_ARG_OUTSIDE 0x2000ULL /* by whoever runs it; else by the workload alone */

/* Marks that were not recorded. */
#define CPT_MARK_LOSS_RING_FULL 0
#define CPT_MARK_LOSS_TOO_MANY	1 /* beyond CPT_MARKS_MAX */
#define CPT_MARK_LOSS_CNT	2

/* What the probes of marks share, whatever object they are of: the one entry of a map. */
struct cpt_mark_state {
	__u64 exe; /* inode of the recorder's program, as an address; 0: not known */
	__u64 losses[CPT_MARK_LOSS_CNT];
	__u32 tgid; /* the recorder, as the initial PID namespace knows it */
	__u32 cnt;  /* marks taken */
};

/*
 * `cpartrace mark`: a task that runs the recorder's program gives itself CPT_MARK_CALL as its name (prctl), and
 *
 *   [C P T _ M A R K _ C A L L \0][n a m e   o f   t h e   p h a s e \0 ...]
 *    what the kernel reads          what the probe at task_rename reads behind it
 *
 * Of any other program it is a name like others.
 */
#define CPT_MARK_CALL "cpartrace: mark"

struct cpt_mark_call {
	char call[16]; /* as long as names of tasks are */
	char name[CPT_MARK_LEN];
};

/* ---- event loops: a ring of their own, and what the collector reads of each -------------------- */

/*
 * Operations of an epoll instance. Each step (one opened, one ended) is exact in time in the kernel; a
 * record tells all steps of a window, as counts and sums of their times, so that the integral of the
 * number in flight is exact and no step stands further off than the window is long:
 *
 *   step   o  o c  c            c o
 *   -------|-----------|--------|-----------|---- time
 *        base       + window   base of the next record
 *
 * A window is sent by the first step behind it, or taken by the collector when it is old. One that by then
 * holds many steps and turns, CPT_LOOP_DENSE, lasts for CPT_LOOP_DENSE_NS: a busy server would write a
 * record every few operations. Not a ring's: what polls for it is judged by the time between its steps.
 */
#define CPT_LOOP_WINDOW_NS 20000
#define CPT_LOOP_DENSE	   8
#define CPT_LOOP_DENSE_NS  80000

#define CPT_LOOP_INSTANCES 1024	  /* followed at one time */
#define CPT_LOOP_CONNS	   131072 /* descriptors registered with them at one time */
#define CPT_LOOP_BUCKETS   1024	  /* of latencies, 32 to each doubling: see loop_bucket() */
#define CPT_LOOP_RING_SZ   (1 << 22)
#define CPT_POLL_FD	   0x40000000 /* no descriptor is so large */
#define CPT_POLL_TURNS	   2	      /* a thread to which poll has returned so often is a loop */
#define CPT_LOOP_FORGET	   11	      /* descriptors that cpt_loop_forget takes at a time */

#define CPT_REC_LOOP_NEW 32 /* an epoll instance is met */
#define CPT_REC_LOOP	 33 /* steps of one */
#define CPT_REC_LOOP_END 34 /* it is closed; its slot is free once the collector has read it */

/* Flags of an instance: cpt_rec_loop_new.flags, CPT_EV_LOOP_NEW's. */
#define CPT_LOOP_FOUND 0x1 /* it was there before the probes: what it did before is not known */
#define CPT_LOOP_POLL  0x2 /* a thread that polls; epfd is CPT_POLL_FD and its tid */
#define CPT_LOOP_RING  0x4 /* an io_uring */
#define CPT_LOOP_OVER                                                                              \
	0x100 /* of a slot alone: closed, and there was no room for the record of it */

struct cpt_rec_loop_new {
	__u32 type;
	__u32 instance; /* run-unique number, from 1 */
	__u64 ts_ns;
	__u32 slot; /* in cpt_loop_insts */
	__u32 task; /* who made it, or was seen with it first */
	__u32 tgid;
	__u32 epfd;
	__u32 flags; /* CPT_LOOP_* */
	__u32 reserved;
};

/* What a descriptor of a loop is to it. */
#define CPT_CONN_UNRESOLVED 0 /* registered before the probes came: looked at when it is used */
#define CPT_CONN_IN	    1 /* accepted connections, served datagram sockets */
#define CPT_CONN_OUT	    2 /* sockets that asked others */
#define CPT_CONN_LISTEN	    3
#define CPT_CONN_TIMER	    4
#define CPT_CONN_OTHER	    5

/* Two ways: operations that the process serves, and those it waits for. */
#define CPT_LOOP_IN   0
#define CPT_LOOP_OUT  1
#define CPT_LOOP_WAYS 2

struct cpt_loop_steps {
	__u32 opened;
	__u32 completed;
	__u32 cancelled;  /* ended without an answer */
	__u32 peak;	  /* largest number in flight since the last record */
	__u64 opened_sum; /* of the steps' times, each less base_ns */
	__u64 ended_sum;  /* completed and cancelled together */
};

struct cpt_rec_loop {
	__u32 type;
	__u32 instance;
	__u64 base_ns;		    /* the first of the steps */
	__u32 task;		    /* who made it */
	__u32 seq;		    /* records of the instance before this one: a gap is a loss */
	__s32 level[CPT_LOOP_WAYS]; /* in flight behind the steps */
	struct cpt_loop_steps steps[CPT_LOOP_WAYS];
	__u32 iterations; /* returns from epoll_wait, with and without events */
	__u32 batch;	  /* events they returned */
	__s32 conns;	  /* connections registered now */
	__s32 timers;	  /* timerfds armed now */
};

/* What a loop's turns did for one descriptor: from its first call on it, or from the wait before that, to the
 * first on another one, or the next wait. */
struct cpt_loop_service {
	__u64 ref;	  /* probe-private: which connection; 0: the entry is free */
	__u64 ns;	  /* in all */
	__u64 longest_ns; /* the longest at a time */
	__u32 times;
	__u32 fd;
	__u32 kind; /* CPT_CONN_* */
	__u32 reserved;
};

#define CPT_LOOP_SERVICES 8 /* of each instance: those that took most. A power of two. */

/* An instance's slot, an element of cpt_loop_insts, mapped by the collector. What is below `lock` is of
 * whoever holds it: no one waits for it. A program that finds it held sends a record for its step
 * alone. */
struct cpt_loop_inst {
	__u32 instance; /* 0: the slot is free */
	__u32 tgid;
	__u32 epfd;
	__u32 flags; /* CPT_LOOP_* */
	__u32 slot;
	__u32 owner; /* task that made it, or was seen with it first */
	__u64 file;  /* probe-private: what its descriptor leads to */
	__u32 seq;   /* records sent or lost; atomic, as the next lines */
	__s32 level[CPT_LOOP_WAYS];
	__s32 conns;
	__s32 timers;
	__u32 held; /* probe-private: steps and turns in the window; a ring's are not counted */
	__u64 max_ns[CPT_LOOP_WAYS]; /* largest latency */
	__u32 lock;
	__u32 task;    /* of the first step */
	__u64 base_ns; /* 0: no step is held back */
	__u32 iterations;
	__u32 batch;
	struct cpt_loop_steps steps[CPT_LOOP_WAYS];
	struct cpt_loop_service services[CPT_LOOP_SERVICES];
} __attribute__((aligned(64))); /* two loops on two CPUs share no cache line */

/* Counters of the loops' object. */
/* clang-format off */
#define CPT_LOOP_LOSSES(X)                                                                         \
	X(RING_FULL, 0)    /* records: instances in doubt until their next */                      \
	X(INSTANCES, 1)    /* epoll instances beyond CPT_LOOP_INSTANCES at one time */             \
	X(CONNS, 2)        /* descriptors beyond CPT_LOOP_CONNS at one time */                     \
	X(SKIPPED, 3)      /* runs of programs that the kernel's guard against recursion left out */
/* clang-format on */

#define CPT_LOOP_LOSS_ENUM(name, value) CPT_LOOP_LOSS_##name = value,
enum { CPT_LOOP_LOSSES(CPT_LOOP_LOSS_ENUM) CPT_LOOP_LOSS_CNT };
#undef CPT_LOOP_LOSS_ENUM

/* ---- all tasks of the machine, as the collector reads them at both ends ----------------------- */

#define CPT_TENANT_OURS 0x1 /* of the workload */
#define CPT_TENANT_GONE 0x2 /* it has ended, and nobody has asked how yet */

struct cpt_rec_tenant {
	__u32 tid;
	__u32 tgid;
	__u64 start_boottime_ns;
	__u64 sum_exec_ns;
	__u64 dead_ns;		 /* of a leader: CPU time of its threads that have ended */
	__u32 flags;		 /* CPT_TENANT_* */
	__u32 id;		 /* of the workload: its task number */
	char comm[CPT_COMM_LEN]; /* of the leader */
};

/* ---- who is recorded, and tasks that were there before ------------------------------------------ */

#define CPT_MODE_TREE  0 /* a command and all it starts */
#define CPT_MODE_PIDS  1 /* running processes, and all they start */
#define CPT_MODE_GROUP 2 /* what is in a cgroup or below it */
#define CPT_MODE_ALL   3 /* everything but the recorder */

/* The iterator that finds them is run in steps: */
#define CPT_FIND_NAMED	 0 /* which processes the collector has marked through their pidfds */
#define CPT_FIND_LEADERS 1 /* threads that lead their process: others name them as their parent */
#define CPT_FIND_ALL	 2
#define CPT_FIND_STATES	 3 /* what each is doing, once all are known: it may wait for another */

/*
 * A task that was there before it was of the workload: who it is, and what it was blocked on.
 *
 *   storage (it is of the workload from here on)      task.head.ts_ns        wait.ts_ns
 *   ---------|------------------------------------------|----------------------|----
 *            any switch of it is recorded: what it was found in is only told where there was none
 */
struct cpt_rec_found {
	struct cpt_rec_task task; /* head.type 0: has been told before, and its state follows */
	struct cpt_rec_exec exec; /* head.type 0: it leads no process, or has no program */
	/* Type 0: it is not blocked; else as if it had just left `cpu`. */
	struct cpt_rec_switch wait;
	__u64 sum_exec_ns; /* with task: se.sum_exec_runtime then */
	__u32 cpu;	   /* of the iterator: ran none of the workload at wait.ts_ns */
	__u32 reserved;
};

/* ---- counters of loss other than full switch rings (one global array, atomically added) ------ */

/* clang-format off */
#define CPT_LOSSES(X)                                                                              \
	X(LIFE_RING_FULL, 0) /* lifecycle records */                                               \
	X(TASK_STORAGE, 1)   /* a clone that could not be given its storage: its subtree is unseen */
/* clang-format on */

#define CPT_LOSS_ENUM(name, value) CPT_LOSS_##name = value,
enum { CPT_LOSSES(CPT_LOSS_ENUM) CPT_LOSS_CNT };
#undef CPT_LOSS_ENUM

/* ---- state of a task, in task storage (seeded by the collector through a pidfd) --------------- */

/* cpt_task.flags */
#define CPT_TS_GATED  0x1 /* not of the workload (yet): a command until its exec, a newborn */
#define CPT_TS_NAMED  0x2 /* leads a process that the user has named (with GATED) */
#define CPT_TS_UNTOLD 0x4 /* found, and its cpt_rec_found could not be written yet */
#define CPT_TS_UNSURE 0x8 /* found, and its state could not be told yet */

/* cpt_task.run_state: by our account, which a switch without an event can put behind the truth */
#define CPT_RUN_ON	0
#define CPT_RUN_OFF	1 /* off the CPU and runnable */
#define CPT_RUN_BLOCKED 2
#define CPT_RUN_FOUND	3 /* no switch of it has been seen since it was found */

/* A wake-up of a task: when, by whom, and what that one was in. */
struct cpt_wake {
	__u64 ts_ns;
	__u32 waker;
	__u16 flags; /* CPT_SW_WAKER_FOREIGN, CPT_SW_WAKE_ON_WORD */
	__u16 sysno;
	__u8 ctx;
	__u8 reserved[7];
};

struct cpt_task {
	__u32 id;
	__u32 flags; /* CPT_TS_* */
	struct cpt_wake wake;
	__u64 out_ts_ns;
	__u64 in_ts_ns;
	__u16 cpu;	/* where it came in last */
	__u8 run_state; /* CPT_RUN_* */
	__u8 reserved1;
	__u32 nr_cpus_allowed;
	__u64 mask0;	 /* first word of the affinity mask last reported */
	__u64 mask_rest; /* its other words, by a hash; 0: there are none */

	/* --stacks: of the waker, as in cpt_rec_stacks */
	__s32 wake_user;
	__s32 wake_kernel;
	__u64 wake_space;
	__u32 wake_tgid;

	__u8 poll_blocks; /* how often it has blocked in poll or select as event loops do; 255 stays */
	__u8 poll_turns; /* returns of such calls, as long as it is no loop */
	__u16 blocked_in; /* system call that it blocked in last, until loops.bpf.c saw that return */
	__u64 blocked_ns; /* when it first did, in that one */
	/* loops.bpf.c: the descriptor (reference of its connection, 0 none yet) that it serves, since when; 0: it
	 * has not come back from a loop's wait yet */
	__u64 serve_ref;
	__u64 serve_ns;
	__u32 serve_fd;	      /* the number that the call had */
	__u32 serve_instance; /* whose wait that was, and its slot */
	__u32 serve_slot;
	__u32 reserved2;
	/* that ended its wait, where it came in by it unseen and was woken again while it ran */
	struct cpt_wake first;
};

/* Stacks kept, a power of two: an id is an index, given by a hash. One slot in the kernel takes 8
 * bytes a frame whether it is used or not. */
#define CPT_USER_STACKS	  32768
#define CPT_KERNEL_STACKS 4096
#define CPT_USER_FRAMES	  127
#define CPT_KERNEL_FRAMES 64

/* Records of stacks and samples that were not written; each is an array entry, atomically added. */
/* clang-format off */
#define CPT_STACK_LOSSES(X)                                                                        \
	X(STACKS_RING_FULL, 0) /* records of stacks: what is left of the ring is for switches */   \
	X(SAMPLE_RING_FULL, 1) /* samples, likewise */                                             \
	X(COLLISION, 2)        /* stacks whose place in the map was taken */                       \
	X(UNREAD, 3)           /* stacks of which not one frame could be read */
/* clang-format on */

#define CPT_STACK_LOSS_ENUM(name, value) CPT_STACK_LOSS_##name = value,
enum { CPT_STACK_LOSSES(CPT_STACK_LOSS_ENUM) CPT_STACK_LOSS_CNT };
#undef CPT_STACK_LOSS_ENUM

#define CPT_ASSERT(cond) _Static_assert(cond, #cond)
CPT_ASSERT(sizeof(struct cpt_rec_switch) == CPT_REC_SZ);
CPT_ASSERT(sizeof(struct cpt_rec_occupancy) == CPT_REC_SZ);
CPT_ASSERT(sizeof(struct cpt_rec_stacks) == CPT_REC_SZ);
CPT_ASSERT(offsetof(struct cpt_rec_stacks, seq) == offsetof(struct cpt_rec_switch, seq));
CPT_ASSERT(offsetof(struct cpt_rec_stacks, ts_ns) == offsetof(struct cpt_rec_switch, ts_ns));
CPT_ASSERT(sizeof(struct cpt_rec_sample) == CPT_REC_SZ);
CPT_ASSERT(offsetof(struct cpt_rec_sample, seq) == offsetof(struct cpt_rec_switch, seq));
CPT_ASSERT(offsetof(struct cpt_rec_sample, ts_ns) == offsetof(struct cpt_rec_switch, ts_ns));
CPT_ASSERT(sizeof(struct cpt_rec_head) == 24);
CPT_ASSERT(sizeof(struct cpt_cell) == 192);
CPT_ASSERT(sizeof(struct cpt_rec_loop_new) == 40);
CPT_ASSERT(sizeof(struct cpt_rec_loop) == 112);
CPT_ASSERT(sizeof(struct cpt_loop_service) == 40);
CPT_ASSERT(sizeof(struct cpt_loop_inst) == 512);
CPT_ASSERT(offsetof(struct cpt_cell, tail) == 128);

#endif /* CPT_ABI_H */
