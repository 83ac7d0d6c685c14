/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * kernel_types.h - the few kernel types the probes look into, with the few members they read.
 *
 * Owns:     declarations only. libbpf relocates every access to the running kernel's layout
 *           (CO-RE), so order and offsets here mean nothing; names and types do.
 * Must not: grow into a vmlinux.h. A member is listed when a probe reads it.
 *
 * A type whose shape differs between kernels has a flavour, name___what, per shape; libbpf ignores
 * the suffix. Members that some kernels lack are read behind bpf_core_field_exists.
 */
#ifndef KERNEL_TYPES_H
#define KERNEL_TYPES_H

#include <stdbool.h>
#include <linux/types.h>
#include <linux/bpf.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct thread_info {
	__u32 status;
};

struct rq {
	__u64 clock;
	__u64 clock_task;
};

struct cfs_rq {
	struct rq *rq;	    /* CONFIG_FAIR_GROUP_SCHED */
	int throttle_count; /* CONFIG_CFS_BANDWIDTH */
};

struct sched_entity {
	__u64 exec_start;
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq;	     /* CONFIG_FAIR_GROUP_SCHED */
	unsigned char sched_delayed; /* 6.12 on: left the CPU to sleep, still queued */
};

struct sched_info {
	unsigned long long run_delay;
	unsigned long long last_arrival;
	unsigned long long last_queued;
};

struct cpumask {
	unsigned long bits[2];
};

struct upid {
	int nr;
};

struct pid {
	unsigned int level;
	struct upid numbers[1];
};

/* Whether the kernel has the helper is asked of its type information. */
enum bpf_func_id___loop { BPF_FUNC_loop___loop = 181 };

enum pid_type {
	PIDTYPE_PID,
	PIDTYPE_TGID,
};

struct signal_struct {
	struct pid *pids[2];
	unsigned long long sum_sched_runtime; /* of threads that have ended */
};

struct qstr {
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct super_block {
	__u32 s_dev;
	unsigned long s_magic;
};

struct inode {
	unsigned short i_mode;
	__u32 i_rdev;
	unsigned long i_ino;
	struct super_block *i_sb;
};

struct file {
	struct inode *f_inode;
	struct path f_path;
	void *private_data;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
};

struct files_struct {
	struct fdtable *fdt;
};

struct mm_struct {
	unsigned long start_code;
	unsigned long arg_start;
	unsigned long arg_end;
	struct file *exe_file;
};

typedef struct {
	__u32 val;
} kuid_t;

struct cred {
	kuid_t uid; /* real */
};

struct kernfs_node {
	__u64 id;
};

struct cgroup;

struct cgroup_root {
	int hierarchy_id; /* 0: that of version 2 */
	unsigned int subsys_mask;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct cgroup {
	int level;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup *ancestors[0]; /* 6.1 on */
};

struct css_set {
	struct cgroup_subsys_state *subsys[1]; /* by controller */
	struct cgroup *dfl_cgrp;
};

struct task_struct {
	struct thread_info thread_info;
	unsigned int __state;
	void *stack;
	unsigned int flags;
	/* int up to 7.2, u8 in 7.3: libbpf narrows a load to fit, but of unsigned types only */
	unsigned int on_rq;
	unsigned int on_cpu; /* CONFIG_SMP before 6.17 */
	struct sched_entity se;
	bool throttled; /* 6.18 on: held at its return to user space by its group's quota */
	int nr_cpus_allowed;
	struct cpumask cpus_mask;
	struct sched_info sched_info;
	struct mm_struct *mm;
	int exit_state;
	int exit_code;
	unsigned in_iowait : 1;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct pid *thread_pid;
	unsigned long nvcsw;
	unsigned long nivcsw;
	__u64 start_boottime;
	const struct cred *real_cred;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct css_set *cgroups;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup; /* 6.1 on */
};

struct linux_binprm {
	const char *filename;
	const char *interp;
};

struct sock_common {
	unsigned short skc_family;
	volatile unsigned char skc_state;
};

struct sock {
	struct sock_common __sk_common;
	__u16 sk_type;
	unsigned char sk_userlocks : 4; /* a whole byte on newer kernels */
	__u8 sk_shutdown;
};

struct socket {
	struct sock *sk;
};

struct ipv6_pinfo {
	int mcast_oif;
};

struct inet_sock {
	struct ipv6_pinfo *pinet6;
	int mc_index;
};

struct sockaddr_un {
	char sun_path[108];
};

struct unix_address {
	int len;
	struct sockaddr_un name[0];
};

struct unix_sock {
	struct unix_address *addr;
};

struct io_ring_ctx;

struct io_cqe {
	int fd; /* until it is complete */
};

struct io_kiocb {
	__u8 opcode;
	__u32 flags; /* 64 bits wide on newer kernels */
	struct io_cqe cqe;
	struct io_ring_ctx *ctx;
};

#pragma clang attribute pop

/* task_struct.flags (include/linux/sched.h) */
#define PF_IO_WORKER   0x00000010
#define PF_USER_WORKER 0x00004000 /* 6.4 on, unused before */
#define PF_KTHREAD     0x00200000

/* task_struct.__state */
#define TASK_DEAD 0x00000080
#define TASK_NEW  0x00000800

/* clone_flags (uapi/linux/sched.h) */
#define CLONE_VFORK  0x00004000
#define CLONE_THREAD 0x00010000

/* inode.i_mode (uapi/linux/stat.h) */
#define S_IFMT	 00170000
#define S_IFSOCK 0140000
#define S_IFREG	 0100000
#define S_IFBLK	 0060000
#define S_IFDIR	 0040000
#define S_IFCHR	 0020000
#define S_IFIFO	 0010000

/* super_block.s_magic (uapi/linux/magic.h) */
#define ANON_INODE_FS_MAGIC 0x09041934
#define PID_FS_MAGIC	    0x50494446 /* 6.9 on: pidfds have a file system of their own */

/* Sockets */
#define AF_UNIX		   1
#define AF_INET		   2
#define AF_INET6	   10
#define SOCK_DGRAM	   2
#define TCP_ESTABLISHED	   1  /* of a datagram socket: connected */
#define TCP_LISTEN	   10 /* of any family */
#define SOCK_BINDPORT_LOCK 8  /* sk_userlocks: bound to a port the program chose */
#define UNIX_AUTOBIND_LEN  8  /* sun_family, NUL and five hex digits: a name the kernel chose */

#endif /* KERNEL_TYPES_H */
