/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * wait.bpf.h - what a task that has just blocked waits for, told from its saved registers.
 *
 * Owns:     arguments and object of a blocking switch-out (see struct cpt_rec_switch).
 * Must not: cost anything per system call; touch memory that may sleep. A page that is not there is
 *           not read, and the record then says less.
 *
 * Everything here runs in the switch program, with the outgoing task's address space still active.
 */
#ifndef WAIT_BPF_H
#define WAIT_BPF_H

#include "futex.bpf.h"

#define TASK_INTERRUPTIBLE    0x0001
#define TASK_FROZEN	      0x8000
#define ERESTARTSYS	      512
#define ERESTART_RESTARTBLOCK 516

struct pollfd {
	int fd;
	short events, revents;
};

static __always_inline __u8 anon_kind(struct file *file)
{
	const unsigned char *name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	__u64 w = 0;

	/* "[eventfd]", "[timerfd]", …: the bracket and seven letters tell them apart. */
	bpf_probe_read_kernel(&w, sizeof(w), name);
#define NAME8(a, b, c, d, e, f, g, h)                                                              \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 |   \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
	if (w == NAME8('[', 'e', 'v', 'e', 'n', 't', 'f', 'd'))
		return CPT_FD_EVENTFD;
	if (w == NAME8('[', 't', 'i', 'm', 'e', 'r', 'f', 'd'))
		return CPT_FD_TIMERFD;
	if (w == NAME8('[', 'e', 'v', 'e', 'n', 't', 'p', 'o'))
		return CPT_FD_EPOLL;
	if (w == NAME8('[', 's', 'i', 'g', 'n', 'a', 'l', 'f'))
		return CPT_FD_SIGNALFD;
	if (w == NAME8('i', 'n', 'o', 't', 'i', 'f', 'y', 0))
		return CPT_FD_INOTIFY;
	if (w == NAME8('[', 'p', 'i', 'd', 'f', 'd', ']', 0))
		return CPT_FD_PIDFD;
	if (w == NAME8('[', 'i', 'o', '_', 'u', 'r', 'i', 'n'))
		return CPT_FD_IO_URING;
	return CPT_FD_OTHER;
}

/*
 * The serving side of a connection. Not in any flag of the socket, but in what accepting leaves:
 *
 *   TCP   the SYN's interface, kept for replies in mc_index (v4) or mcast_oif (v6 and mapped v4).
 *         A connecting socket has 0 there. (The bind bucket's fastreuse, -1 for a port the kernel
 *         chose at connect, would call a client that binds its address first a server.)
 *   UDP   nothing is accepted: bound to a port the program chose, and not connected.
 *   unix  an accepted socket carries its listener's address; a client has none, or one the
 *         kernel chose for it (five hex digits).
 */
static __always_inline __u8 socket_kind(struct file *file)
{
	struct socket *socket = BPF_CORE_READ(file, private_data);
	struct sock *sk = BPF_CORE_READ(socket, sk);
	__u8 state = BPF_CORE_READ(sk, __sk_common.skc_state);
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);
	__u16 type = BPF_CORE_READ(sk, sk_type);

	if (type != SOCK_DGRAM && state == TCP_LISTEN)
		return CPT_FD_SOCK_LISTEN;
	if (family == AF_UNIX) {
		struct unix_address *addr = BPF_CORE_READ((struct unix_sock *)sk, addr);
		int len;
		char first = 1;

		if (!addr || (type == SOCK_DGRAM && state == TCP_ESTABLISHED))
			return CPT_FD_SOCKET;
		len = BPF_CORE_READ(addr, len);
		bpf_core_read(&first, 1, &addr->name[0].sun_path[0]);
		return len == UNIX_AUTOBIND_LEN && !first ? CPT_FD_SOCKET : CPT_FD_SOCK_SERVING;
	}
	if (family != AF_INET && family != AF_INET6)
		return CPT_FD_SOCKET;
	if (type == SOCK_DGRAM) {
		if (state == TCP_ESTABLISHED ||
		    !(BPF_CORE_READ_BITFIELD_PROBED(sk, sk_userlocks) & SOCK_BINDPORT_LOCK))
			return CPT_FD_SOCKET;
		return CPT_FD_SOCK_SERVING;
	}
	if (family == AF_INET)
		return BPF_CORE_READ((struct inet_sock *)sk, mc_index) ? CPT_FD_SOCK_SERVING
								       : CPT_FD_SOCKET;
	return BPF_CORE_READ((struct inet_sock *)sk, pinet6, mcast_oif) ? CPT_FD_SOCK_SERVING
									: CPT_FD_SOCKET;
}

static __always_inline __u8 chardev_kind(struct inode *inode)
{
	__u32 rdev = BPF_CORE_READ(inode, i_rdev);
	__u32 major = rdev >> 20, minor = rdev & 0xfffff;

	/* Virtual consoles and serial lines; /dev/tty and /dev/console, not the ptmx side; ptys. */
	if (major == 4 || (major == 5 && minor < 2) || (major >= 136 && major <= 143))
		return CPT_FD_TTY;
	return CPT_FD_CHARDEV;
}

static __noinline __u8 file_kind(struct file *file)
{
	struct inode *inode = BPF_CORE_READ(file, f_inode);
	__u32 fmt = BPF_CORE_READ(inode, i_mode) & S_IFMT;
	unsigned long magic;

	switch (fmt) {
	case S_IFIFO:
		return CPT_FD_PIPE;
	case S_IFSOCK:
		return socket_kind(file);
	case S_IFCHR:
		return chardev_kind(inode);
	case S_IFREG: /* anonymous inodes too, 6.16 on; without a type before */
	case 0:
		magic = BPF_CORE_READ(inode, i_sb, s_magic);
		if (magic == PID_FS_MAGIC)
			return CPT_FD_PIDFD;
		return magic == ANON_INODE_FS_MAGIC ? anon_kind(file) : CPT_FD_FILE;
	default:
		return CPT_FD_FILE;
	}
}

/* The same, of a task that is not trusted memory any more. */
static __noinline __u8 fd_kind_probed(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file *file = NULL;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return CPT_FD_NONE;
	if (bpf_probe_read_kernel(&file, sizeof(file), BPF_CORE_READ(fdt, fd) + fd) || !file)
		return CPT_FD_NONE;
	return file_kind(file);
}

/* files: of the task, read by its caller once for all paths (see wait_describe). */
static __always_inline __u8 fd_kind(struct files_struct *files, __u32 fd)
{
	struct fdtable *fdt;
	struct file *file = NULL;

	if (!files)
		return CPT_FD_NONE;
	fdt = files->fdt;
	if (fd >= fdt->max_fds)
		return CPT_FD_NONE;
	if (bpf_probe_read_kernel(&file, sizeof(file), fdt->fd + fd) || !file)
		return CPT_FD_NONE;
	return file_kind(file);
}

static __noinline void wait_poll(struct task_struct *prev, __u64 ufds, __u32 nfds,
				 struct cpt_rec_switch *rec)
{
	struct pollfd fds[2] = {};
	long err = 0;

	rec->arg0 = nfds;
	rec->object = CPT_FD_NONE;
	rec->arg2 = CPT_FD_NONE;
	fds[0].fd = fds[1].fd = -1;
	if (nfds == 1)
		err = read_user(fds, sizeof(fds[0]), (void *)ufds);
	else if (nfds > 1)
		err = read_user(fds, sizeof(fds), (void *)ufds);
	if (err) { /* not "none waited for", which -1 says, nor the descriptor 0 a failed read leaves */
		rec->arg1 = ~0ULL >> 1 & ~(1ULL << 31);
		return;
	}
	rec->arg1 = (__u32)fds[0].fd | (__u64)(__u32)fds[1].fd << 32;
	if (fds[0].fd >= 0)
		rec->object = fd_kind_probed(prev, fds[0].fd);
	if (fds[1].fd >= 0)
		rec->arg2 = fd_kind_probed(prev, fds[1].fd);
}

static __always_inline __u32 popcount64(__u64 v)
{
	v -= (v >> 1) & 0x5555555555555555ULL;
	v = (v & 0x3333333333333333ULL) + ((v >> 2) & 0x3333333333333333ULL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fULL;
	return (v * 0x0101010101010101ULL) >> 56;
}

/* Index of the lowest bit of v, which is not 0: the ones below it, counted. */
static __always_inline __u32 lowest_bit(__u64 v)
{
	return popcount64(~v & (v - 1));
}

static __noinline void wait_select(struct task_struct *prev, struct pt_regs *regs,
				   struct cpt_rec_switch *rec)
{
	__u64 sets[3] = {regs->REG_ARG2, regs->REG_ARG3, regs->REG_ARG4};
	__u32 n = regs->REG_ARG1;
	__u32 first = -1, second = -1;
	__u64 bits = 0;

	rec->object = CPT_FD_NONE;
	rec->arg2 = CPT_FD_NONE;
	for (int i = 0; i < 3; i++) {
		__u64 w = 0;

		if (sets[i] && !read_user(&w, sizeof(w), (void *)sets[i]))
			bits |= w;
	}
	if (n < 64)
		bits &= (1ULL << n) - 1;
	rec->arg0 = n > 64 ? 64 : popcount64(bits);
	if (bits) {
		first = lowest_bit(bits);
		rec->object = fd_kind_probed(prev, first);
		bits &= bits - 1;
	}
	if (bits) {
		second = lowest_bit(bits);
		rec->arg2 = fd_kind_probed(prev, second);
	}
	rec->arg1 = first | (__u64)second << 32;
}

static __always_inline bool calls_poll(__u32 nr)
{
	return nr == NR_poll || nr == NR_ppoll || nr == NR_select || nr == NR_pselect6;
}

/* Does this call, of those that can carry a timeout, carry one? */
static __always_inline bool has_timeout(struct pt_regs *regs, __u32 nr)
{
	switch (nr) {
	case NR_poll:
		return (int)regs->REG_ARG3 >= 0;
	case NR_epoll_wait:
	case NR_epoll_pwait:
		return (int)regs->REG_ARG4 >= 0;
	case NR_ppoll:
	case NR_rt_sigtimedwait:
		return regs->REG_ARG3;
	case NR_epoll_pwait2:
		return regs->REG_ARG4;
	case NR_select:
	case NR_pselect6:
		return regs->REG_ARG5;
	default:
		return false;
	}
}

static __always_inline __u16 wait_sysno(struct task_struct *prev, struct pt_regs *regs)
{
	long nr;

	/* Their saved registers are their creator's, or nobody's. */
	if (prev->flags & (PF_IO_WORKER | PF_USER_WORKER | PF_KTHREAD))
		return CPT_SYSNO_OTHER;
	nr = regs->REG_NR;
	if (nr < 0 || nr >= CPT_SYSNO_OTHER)
		return CPT_SYSNO_NONE;
	return mode_is_compat(regs->REG_MODE) ? CPT_SYSNO_OTHER : nr;
}

/*
 * A sleeper whose call has returned, to be made again (-ERESTARTSYS to -ERESTART_RESTARTBLOCK): it is
 * in the delivery of a signal, where cgroup.freeze holds a group's tasks (do_freezer_trap). Stops by
 * signal or tracer have states of their own.
 */
static __always_inline bool is_frozen_in_call(struct pt_regs *regs, __u32 state)
{
	return state & TASK_INTERRUPTIBLE &&
	       regs->REG_RET + ERESTART_RESTARTBLOCK <= ERESTART_RESTARTBLOCK - ERESTARTSYS;
}

/* The first loop of the workload: the collector is told, for its probes are not there yet. */
static __noinline void first_loop(void)
{
	struct cpt_rec_head *head;

	cpt_loop_met = true;
	head = bpf_ringbuf_reserve(&cpt_life, sizeof(*head), 0);
	if (!head)
		return; /* the collector wakes up by itself soon */
	fill_head(head, CPT_REC_NUDGE, sizeof(*head), bpf_ktime_get_ns(), 0, 0);
	bpf_ringbuf_submit(head, BPF_RB_FORCE_WAKEUP);
}

static __always_inline void meet_loop(void)
{
	if (unlikely(!cpt_loop_met))
		first_loop();
}

/* It has blocked in poll or select. Event loops do so on many descriptors, or on one that listens; once is
 * no loop. */
static __noinline void note_poll(struct task_struct *prev, struct cpt_rec_switch *rec)
{
	struct cpt_task *t;

	if (rec->arg0 <= 2 && rec->object != CPT_FD_SOCK_LISTEN && rec->arg2 != CPT_FD_SOCK_LISTEN)
		return;
	t = family_get(prev);
	if (!t || t->poll_blocks == 255)
		return;
	t->poll_blocks++;
	if (t->poll_blocks >= CPT_POLL_TURNS)
		meet_loop();
}

/* Fills sysno, object and arguments of a blocking switch-out; prev_state is there already. */
static __always_inline void wait_describe(struct task_struct *prev, struct cpt_rec_switch *rec,
					  __u16 *flags)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs((void *)prev);
	/* Here, and not where it is used: each path of the verifier to such a load costs a millisecond of
	 * the start, for it looks up the type's name in all of the kernel's, one after the other. */
	struct files_struct *files = prev->files;
	__u16 nr;

	barrier_var(files);
	nr = wait_sysno(prev, regs);
	if (unlikely(is_frozen_in_call(regs, rec->prev_state)))
		rec->prev_state |= TASK_FROZEN;
	rec->sysno = nr;
	if (waits_on_futex(nr)) {
		wait_futex(regs, nr, rec, flags);
		return;
	}
	if (nr >= CPT_SYSNO_OTHER) {
		rec->object = CPT_FD_NONE;
		rec->arg0 = rec->arg1 = 0;
		rec->arg2 = 0;
		return;
	}
	if (has_timeout(regs, nr))
		*flags |= CPT_SW_PREV_TIMEOUT;
	if (nr == NR_poll || nr == NR_ppoll) {
		wait_poll(prev, regs->REG_ARG1, regs->REG_ARG2, rec);
		note_poll(prev, rec);
		return;
	}
	if (nr == NR_select || nr == NR_pselect6) {
		wait_select(prev, regs, rec);
		note_poll(prev, rec);
		return;
	}
	if (nr == NR_epoll_wait || nr == NR_epoll_pwait || nr == NR_epoll_pwait2 ||
	    nr == NR_io_uring_enter)
		meet_loop();
	rec->arg0 = regs->REG_ARG1;
	rec->arg1 = regs->REG_ARG2;
	rec->arg2 = regs->REG_ARG3;
	rec->object = acts_on_fd(nr) ? fd_kind(files, rec->arg0) : CPT_FD_NONE;
}

#endif /* WAIT_BPF_H */
