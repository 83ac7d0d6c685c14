/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_helpers.h - what the probes take from libbpf's header of that name, for the machine that builds
 * them: so that their source runs in a test, with a kernel that host_kernel.h makes up.
 *
 * Owns:     names and types alone; host_kernel.h defines the functions.
 */
#ifndef HOST_BPF_HELPERS_H
#define HOST_BPF_HELPERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <linux/bpf.h>
#include <linux/types.h>

#define SEC(name)
#define __uint(name, val) int(*name)[val]
#define __type(name, val) typeof(val) *name
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#ifndef __noinline
#define __noinline __attribute__((noinline))
#endif
#define barrier()	 asm volatile("" ::: "memory")
#define barrier_var(var) asm volatile("" : "+r"(var))

struct task_struct;
struct seq_file;

void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
void *bpf_task_storage_get(void *map, struct task_struct *task, void *value, __u64 flags);
void *bpf_ringbuf_reserve(void *ring, __u64 sz, __u64 flags);
void bpf_ringbuf_submit(void *rec, __u64 flags);
__u64 bpf_ringbuf_query(void *ring, __u64 flags);
__u64 bpf_ktime_get_ns(void);
__u32 bpf_get_smp_processor_id(void);
struct task_struct *bpf_get_current_task_btf(void);
long bpf_task_pt_regs(struct task_struct *task);
long bpf_probe_read_kernel(void *to, __u32 sz, const void *from);
long bpf_probe_read_user(void *to, __u32 sz, const void *from);
long bpf_probe_read_kernel_str(void *to, __u32 sz, const void *from);
long bpf_get_stackid(void *ctx, void *map, __u64 flags);
long bpf_seq_write(struct seq_file *seq, const void *data, __u32 sz);

#endif /* HOST_BPF_HELPERS_H */
