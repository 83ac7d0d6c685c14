// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_format.c - see trace_format.h; the bytes are drawn in FORMAT.md. */
#include <errno.h>
#include <zlib.h>

#include "trace_format.h"
#include "varint.h"

/* A byte above 127, CR LF, ^Z and LF: transfers that tamper with text are caught at once. */
const uint8_t trace_magic[TRACE_MAGIC_SZ] = {0x89, 'C', 'P', 'T', '\r', '\n', 0x1a, '\n'};

static const uint8_t section_magic[4] = {'C', 'P', 'T', 'S'};

uint32_t trace_crc(const void *data, size_t sz)
{
	return (uint32_t)crc32_z(0, data, sz);
}

void trace_header__encode(uint8_t out[TRACE_HEADER_SZ], const struct trace_header *h)
{
	memset(out, 0, TRACE_HEADER_SZ);
	memcpy(out, trace_magic, TRACE_MAGIC_SZ);
	put_le(out + 8, h->major, 2);
	put_le(out + 10, h->minor, 2);
	put_le(out + 12, TRACE_HEADER_SZ, 4);
	put_le(out + 16, h->flags, 4);
	put_le(out + 24, h->closed_sz, 8);
	put_le(out + 60, trace_crc(out, 60), 4);
}

int trace_header__decode(struct trace_header *h, const uint8_t in[TRACE_HEADER_SZ])
{
	if (memcmp(in, trace_magic, TRACE_MAGIC_SZ))
		return -EINVAL;
	h->major = (uint16_t)get_le(in + 8, 2);
	h->minor = (uint16_t)get_le(in + 10, 2);
	if (h->major != CPT_TRACE_MAJOR)
		return -ENOTSUP;
	if (get_le(in + 60, 4) != trace_crc(in, 60) || get_le(in + 12, 4) != TRACE_HEADER_SZ)
		return -EBADMSG;
	h->flags = (uint32_t)get_le(in + 16, 4);
	h->closed_sz = get_le(in + 24, 8);
	return 0;
}

void section__encode(uint8_t out[SECTION_HEADER_SZ], const struct section *s)
{
	memcpy(out, section_magic, 4);
	put_le(out + 4, s->type, 2);
	put_le(out + 6, s->flags, 2);
	put_le(out + 8, s->sz, 4);
	put_le(out + 12, s->crc, 4);
	put_le(out + 16, s->first_ns, 8);
	put_le(out + 24, s->last_ns, 8);
	put_le(out + 32, s->cnt, 4);
	put_le(out + 36, trace_crc(out, 36), 4);
}

int section__decode(struct section *s, const uint8_t in[SECTION_HEADER_SZ])
{
	if (memcmp(in, section_magic, 4) || get_le(in + 36, 4) != trace_crc(in, 36))
		return -EBADMSG;
	s->type = (uint16_t)get_le(in + 4, 2);
	s->flags = (uint16_t)get_le(in + 6, 2);
	s->sz = (uint32_t)get_le(in + 8, 4);
	s->crc = (uint32_t)get_le(in + 12, 4);
	s->first_ns = get_le(in + 16, 8);
	s->last_ns = get_le(in + 24, 8);
	s->cnt = (uint32_t)get_le(in + 32, 4);
	if (s->sz > CPT_BLOCK_DISK_MAX || s->first_ns > s->last_ns || s->last_ns > CPT_TIME_MAX)
		return -EBADMSG;
	if (s->type == SECTION_BLOCK && (!s->cnt || s->cnt > CPT_BLOCK_EVENTS_MAX))
		return -EBADMSG;
	return 0;
}

/* What the first byte of a late entry holds. */
#define LATE_KIND(head) ((head)&0x3)
#define LATE_END(head)	((head) >> 2 & 0x3)
#define LATE_CTX(head)	((head) >> 4 & 0x3)
#define LATE_FOREIGN	0x40
#define LATE_ON_WORD	0x80 /* since 1.1 */

uint8_t *late__encode(uint8_t *out, const struct cpt_late *late, uint64_t *prev_ns)
{
	uint8_t head = late->kind | (uint8_t)(late->end << 2) | (uint8_t)(late->wake_ctx << 4);

	if (late->flags & CPT_SW_WAKER_FOREIGN)
		head |= LATE_FOREIGN;
	if (late->flags & CPT_SW_WAKE_ON_WORD)
		head |= LATE_ON_WORD;
	*out++ = head;
	out = put_varint(out, zigzag((int64_t)(late->ts_ns - *prev_ns)));
	out = put_varint(out, late->task);
	out = put_varint(out, late->waker);
	*prev_ns = late->ts_ns;
	if (late->kind != CPT_LATE_WAKE)
		return out;
	out = put_varint(out, late->waker_sysno);
	return put_varint(out, late->cpu);
}

bool late__decode(struct cursor *c, struct cpt_late *late, uint64_t *prev_ns, uint32_t cpu_cnt,
		  uint32_t task_max)
{
	const uint8_t head = get_byte(c);
	uint32_t sysno = 0;

	*late = (struct cpt_late){
		.kind = LATE_KIND(head), .end = LATE_END(head), .wake_ctx = LATE_CTX(head)};
	late->flags = head & LATE_FOREIGN ? CPT_SW_WAKER_FOREIGN : 0;
	if (head & LATE_ON_WORD)
		late->flags |= CPT_SW_WAKE_ON_WORD;
	late->ts_ns = *prev_ns + (uint64_t)unzigzag(get_varint(c));
	late->task = get_varint32(c);
	late->waker = get_varint32(c);
	*prev_ns = late->ts_ns;
	if (late->kind == CPT_LATE_WAKE) {
		sysno = get_varint32(c);
		late->waker_sysno = (uint16_t)sysno;
		late->cpu = get_varint32(c);
	}
	if (c->bad || late->ts_ns > CPT_TIME_MAX || !late->task || late->task > task_max ||
	    sysno > UINT16_MAX || late->cpu >= cpu_cnt)
		return false;
	if (late->kind == CPT_LATE_END)
		return late->end && (late->end != CPT_END_TASK || late->waker <= task_max);
	if (late->kind == CPT_LATE_WAKE)
		return late->flags & CPT_SW_WAKER_FOREIGN || late->waker <= task_max;
	return false;
}
