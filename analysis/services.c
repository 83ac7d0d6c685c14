// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* services.c - see services.h; the bytes are drawn in FORMAT.md. */
#include "services.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "trace_limits.h"
#include "varint.h"

struct service_row {
	uint32_t instance;
	uint32_t cnt;
	struct cpt_service tab[CPT_LOOP_SERVICES];
};

struct cpt_services {
	struct service_row *rows; /* in order of instance */
	uint32_t cnt, cap;
};

struct cpt_services *services__new(void)
{
	return calloc(1, sizeof(struct cpt_services));
}

void services__free(struct cpt_services *s)
{
	if (!s)
		return;
	free(s->rows);
	free(s);
}

static int compare(const void *key, const void *row)
{
	const uint32_t a = *(const uint32_t *)key;
	const uint32_t b = ((const struct service_row *)row)->instance;

	return a < b ? -1 : a > b;
}

uint32_t services__of(const struct cpt_services *s, uint32_t instance, struct cpt_service *out)
{
	const struct service_row *row =
		s && s->cnt ? bsearch(&instance, s->rows, s->cnt, sizeof(*row), compare) : NULL;

	if (!row)
		return 0;
	memcpy(out, row->tab, row->cnt * sizeof(*out));
	return row->cnt;
}

static int add(struct cpt_services *s, const struct service_row *row)
{
	struct service_row *rows;

	if (s->cnt && row->instance <= s->rows[s->cnt - 1].instance)
		return -EBADMSG;
	if (s->cnt == s->cap) {
		rows = realloc(s->rows, (s->cap ? 2 * s->cap : 16) * sizeof(*rows));
		if (!rows)
			return -ENOMEM;
		s->rows = rows;
		s->cap = s->cap ? 2 * s->cap : 16;
	}
	s->rows[s->cnt++] = *row;
	return 0;
}

const char *service_kind_name(uint32_t kind)
{
	static const char *const names[] = {"other",	"inbound", "outbound",
					    "listener", "timer",   "other"};

	return kind < sizeof(names) / sizeof(*names) ? names[kind] : "other";
}

/* ---- bytes ----------------------------------------------------------------------------------- */

uint8_t *services__put(uint8_t *p, uint32_t instance, const struct cpt_service *tab, uint32_t cnt)
{
	p = put_varint(p, instance);
	p = put_varint(p, cnt);
	for (uint32_t i = 0; i < cnt; i++) {
		p = put_varint(p, tab[i].fd);
		p = put_varint(p, tab[i].kind);
		p = put_varint(p, tab[i].times);
		p = put_varint(p, tab[i].service_ns);
		p = put_varint(p, tab[i].longest_ns);
	}
	return p;
}

static int get_row(struct cpt_services *s, struct cursor *c)
{
	struct service_row row = {.instance = get_varint32(c)};

	row.cnt = get_varint32(c);
	if (c->bad || !row.instance || row.instance > CPT_LOOP_NUMBER_MAX || !row.cnt ||
	    row.cnt > CPT_LOOP_SERVICES)
		return -EBADMSG;
	for (uint32_t i = 0; i < row.cnt; i++) {
		struct cpt_service *at = &row.tab[i];

		at->fd = get_varint32(c);
		at->kind = get_varint32(c);
		at->times = get_varint32(c);
		at->service_ns = get_varint(c);
		at->longest_ns = get_varint(c);
		if (c->bad || at->kind > CPT_CONN_OTHER || !at->times ||
		    at->service_ns > CPT_TIME_MAX || at->longest_ns > at->service_ns ||
		    (i && at->service_ns > at[-1].service_ns))
			return -EBADMSG;
	}
	return add(s, &row);
}

int services__decode(struct cpt_services *s, const uint8_t *in, size_t sz)
{
	struct cursor c = {.at = in, .end = in + sz};
	int err = 0;

	while (!err && c.at < c.end)
		err = get_row(s, &c);
	return err;
}
