/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_tracing.h - nothing of it is used by what runs on the machine that builds. */
#ifndef HOST_BPF_TRACING_H
#define HOST_BPF_TRACING_H
#endif /* HOST_BPF_TRACING_H */
