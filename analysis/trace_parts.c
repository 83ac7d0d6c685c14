// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* trace_parts.c - see trace_parts.h. */
#include "trace_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "trace_format.h"

#define ROOM_MAX (1u << 20) /* of one section */

/* sz bytes at pos. 1; 0: there are not as many; -errno. */
static int read_at(int fd, void *to, size_t sz, uint64_t pos)
{
	char *p = to;

	while (sz) {
		const ssize_t n = pread(fd, p, sz, (off_t)pos);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : 0;
		p += n;
		pos += (uint64_t)n;
		sz -= (size_t)n;
	}
	return 1;
}

struct part {
	int fd;
	uint64_t pos, end_pos;
	struct section s;
	uint8_t *payload; /* CPT_BLOCK_DISK_MAX of it */
};

/* The section at p->pos, its payload too, and on to the next. 1; 0: no whole one there; -errno. */
static int next_section(struct part *p)
{
	uint8_t head[SECTION_HEADER_SZ];
	int ret;

	if (p->end_pos < p->pos || p->end_pos - p->pos < sizeof(head))
		return 0;
	ret = read_at(p->fd, head, sizeof(head), p->pos);
	if (ret <= 0)
		return ret;
	if (section__decode(&p->s, head) || p->s.sz > CPT_BLOCK_DISK_MAX ||
	    p->end_pos - p->pos - sizeof(head) < p->s.sz)
		return 0;
	ret = read_at(p->fd, p->payload, p->s.sz, p->pos + sizeof(head));
	if (ret <= 0)
		return ret;
	if (trace_crc(p->payload, p->s.sz) != p->s.crc)
		return 0;
	p->pos += sizeof(head) + p->s.sz;
	return 1;
}

int trace_parts__meta(int fd, struct cpt_trace_meta *meta, uint64_t *data_pos)
{
	struct part p = {.fd = fd, .pos = TRACE_HEADER_SZ, .end_pos = UINT64_MAX};
	uint8_t head[TRACE_HEADER_SZ];
	struct trace_header h;
	int ret = read_at(fd, head, sizeof(head), 0);

	if (ret <= 0)
		return ret ? ret : -EBADMSG;
	if (trace_header__decode(&h, head))
		return -EBADMSG;
	p.payload = malloc(CPT_BLOCK_DISK_MAX);
	if (!p.payload)
		return -ENOMEM;
	ret = next_section(&p);
	if (ret >= 0)
		ret = ret && p.s.type == SECTION_META ? trace_meta__decode(meta, p.payload, p.s.sz)
						      : -EBADMSG;
	*data_pos = p.pos;
	free(p.payload);
	return ret;
}

static bool is_of_the_whole(uint16_t type)
{
	return type == SECTION_META || type == SECTION_WORDS || type == SECTION_CLOSE ||
	       type == SECTION_ROOM;
}

int trace_parts__copy(struct trace_writer *w, int fd, uint64_t end_pos, bool first, bool *whole)
{
	struct part p = {.fd = fd, .pos = TRACE_HEADER_SZ, .end_pos = end_pos};
	bool takes = first;
	int ret;

	*whole = false;
	p.payload = malloc(CPT_BLOCK_DISK_MAX);
	if (!p.payload)
		return -ENOMEM;
	while ((ret = next_section(&p)) > 0) {
		if (takes && !is_of_the_whole(p.s.type)) {
			ret = trace_writer__section(w, &p.s, p.payload);
			if (ret < 0)
				break;
		}
		takes |= p.s.type == SECTION_CARRIED;
	}
	if (!ret) {
		/* Where it ends is where a section would begin. */
		uint8_t byte;

		*whole = end_pos == UINT64_MAX ? read_at(fd, &byte, 1, p.pos) == 0
					       : p.pos == end_pos;
	}
	free(p.payload);
	return ret;
}

int trace_parts__make_room(struct trace_writer *w, uint32_t task)
{
	struct section s = {.type = SECTION_ROOM};
	uint8_t *room;
	int err = trace_writer__flush(w);

	if (err || task <= CPT_TASK_FREE || trace_writer__bytes(w) >= task - CPT_TASK_FREE)
		return err;
	room = calloc(1, ROOM_MAX);
	if (!room)
		return -ENOMEM;
	while (!err && trace_writer__bytes(w) < task - CPT_TASK_FREE) {
		const uint64_t missing = task - CPT_TASK_FREE - trace_writer__bytes(w);

		s.sz = missing < ROOM_MAX ? (uint32_t)missing : ROOM_MAX;
		err = trace_writer__section(w, &s, room);
	}
	free(room);
	return err;
}
