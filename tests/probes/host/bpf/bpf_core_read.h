/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* bpf_core_read.h - reads of kernel memory as plain loads: the kernel made up has every field. */
#ifndef HOST_BPF_CORE_READ_H
#define HOST_BPF_CORE_READ_H

#define HOST_READ_1(p, a)			      (p)->a
#define HOST_READ_2(p, a, b)			      (p)->a->b
#define HOST_READ_3(p, a, b, c)			      (p)->a->b->c
#define HOST_READ_4(p, a, b, c, d)		      (p)->a->b->c->d
#define HOST_READ_5(p, a, b, c, d, e)		      (p)->a->b->c->d->e
#define HOST_READ_PICK(_1, _2, _3, _4, _5, name, ...) name
#define BPF_CORE_READ(p, ...)                                                                      \
	HOST_READ_PICK(__VA_ARGS__, HOST_READ_5, HOST_READ_4, HOST_READ_3, HOST_READ_2,            \
		       HOST_READ_1, 0)                                                             \
	(p, __VA_ARGS__)
#define BPF_CORE_READ_BITFIELD(p, field)	((p)->field)
#define BPF_CORE_READ_BITFIELD_PROBED(p, field) ((p)->field)
#define bpf_core_read(to, sz, from)		(memcpy(to, from, sz), 0)
#define bpf_core_field_exists(...)		1
#define bpf_core_enum_value_exists(...)		1
#define bpf_core_type_size(type)		sizeof(type)

#endif /* HOST_BPF_CORE_READ_H */
