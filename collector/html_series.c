// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* html_series.c - see html_series.h. */
#include "html_series.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <zlib.h>

/* Of a ns, in the height of a box: thirds and quarters are told from halves. */
#define HTML_HEIGHT_PARTS 256

/* ---- base64 ------------------------------------------------------------------------------------ */

static void add_base64(struct strbuf *out, const unsigned char *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *to = strbuf__room(out, (len + 2) / 3 * 4);

	if (!to)
		return;
	for (size_t i = 0; i < len; i += 3) {
		const size_t left = len - i;
		const uint32_t n = (uint32_t)data[i] << 16 |
				   (left > 1 ? (uint32_t)data[i + 1] << 8 : 0) |
				   (left > 2 ? data[i + 2] : 0);

		*to++ = digits[n >> 18];
		*to++ = digits[n >> 12 & 63];
		*to++ = left > 1 ? digits[n >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[n & 63] : '=';
	}
	out->len += (len + 2) / 3 * 4;
}

int html_block__add(struct strbuf *out, const char *data, size_t len)
{
	uLongf sz = compressBound(len);
	unsigned char *packed = malloc(sz);
	int err = 0;

	if (!packed || compress2(packed, &sz, (const Bytef *)data, len, Z_BEST_COMPRESSION) != Z_OK)
		err = -ENOMEM;
	else
		add_base64(out, packed, sz);
	free(packed);
	return err || out->failed ? -ENOMEM : 0;
}

/* ---- series ------------------------------------------------------------------------------------ */

/* Where the values of a series are: one per bin, `stride` bytes apart. */
struct source {
	const void *at;
	size_t stride;
	enum { SUM_U64, SUM_U32, ANY_U32, ANY_U8, FIRST_U32, FIRST_U8 } how;
};

struct packer {
	const struct cpt_grid *grid;
	uint32_t factor; /* bins of the grid in one of the page */
	struct strbuf bytes;
	json_t *list;
};

static void add_number(struct strbuf *b, uint64_t n)
{
	char *to = strbuf__room(b, 10);

	if (!to)
		return;
	for (; n >= 0x80; n >>= 7, b->len++)
		*to++ = (char)(n | 0x80);
	*to = (char)n;
	b->len++;
}

static uint64_t value(const struct source *s, uint32_t bin)
{
	const char *at = (const char *)s->at + s->stride * bin;
	uint32_t word;

	switch (s->how) {
	case SUM_U32:
	case ANY_U32:
	case FIRST_U32:
		memcpy(&word, at, sizeof(word)); /* may be half of a larger one */
		return word;
	case ANY_U8:
	case FIRST_U8:
		return *(const uint8_t *)at;
	case SUM_U64:
		break;
	}
	return *(const uint64_t *)at;
}

/* Takes name over. Series that are 0 throughout are left out. */
static void add_series(struct packer *p, struct source s, json_t *name)
{
	const size_t start = p->bytes.len;
	bool any = false;

	for (uint32_t bin = 0; bin < p->grid->bins_cnt; bin += p->factor) {
		uint64_t n = value(&s, bin);

		for (uint32_t i = 1; s.how < FIRST_U32 && i < p->factor; i++) {
			if (bin + i >= p->grid->bins_cnt)
				break;
			if (s.how <= SUM_U32)
				n += value(&s, bin + i);
			else
				n |= value(&s, bin + i);
		}
		any = any || n;
		add_number(&p->bytes, n);
	}
	if (any) {
		p->list = json_array__append(p->list, name);
	} else {
		p->bytes.len = start;
		json_decref(name);
	}
}

#define OF_BIN(p, member)                                                                          \
	((struct source){&(p)->grid->bins->member, sizeof(struct cpt_grid_bin), SUM_U64})

static void add_counts(struct packer *p)
{
	const struct cpt_grid *g = p->grid;
	struct source path;

	/* Of a window without length there are no sums, and none is to be pointed into. */
	if (!g->bins_cnt)
		return;
	path = (struct source){&g->bins->path_id, sizeof(*g->bins), FIRST_U32};
	add_series(p, OF_BIN(p, span_ns), json_pack("[s]", "span"));
	add_series(p, OF_BIN(p, running), json_pack("[s]", "running"));
	add_series(p, OF_BIN(p, runnable), json_pack("[s]", "runnable"));
	add_series(p, OF_BIN(p, waiting), json_pack("[s]", "waiting"));
	add_series(p, OF_BIN(p, in_flight), json_pack("[s]", "in_flight"));
	add_series(p, OF_BIN(p, allowed), json_pack("[s]", "allowed"));
	add_series(p, OF_BIN(p, more), json_pack("[s]", "more"));
	add_series(p, OF_BIN(p, may_parallel_ns), json_pack("[s]", "may_parallel"));
	add_series(p, path, json_pack("[s]", "path"));
	for (int i = 0; i < CPT_SPLIT_CNT; i++)
		add_series(p, OF_BIN(p, split_ns[i]),
			   json_pack("[sss]", "split",
				     i == CPT_SPLIT_UNKNOWN
					     ? "unknown"
					     : class_name(split_class((enum cpt_split)i)),
				     split_name((enum cpt_split)i)));
	for (int i = 0; i < CPT_REASON_CNT; i++)
		add_series(p, OF_BIN(p, reason_ns[i]),
			   json_pack("[ss]", "reason", reason_name((enum cpt_reason)i)));
	for (uint32_t k = 0; k < g->parallel_cnt; k++)
		add_series(p,
			   (struct source){g->parallel_ns + k, g->parallel_cnt * sizeof(uint64_t),
					   SUM_U64},
			   json_pack("[si]", "parallel", (int)k));
	for (uint32_t k = 0; k < CPT_GRID_LEVELS; k++)
		add_series(p,
			   (struct source){g->concurrent_ns + k, CPT_GRID_LEVELS * sizeof(uint64_t),
					   SUM_U64},
			   json_pack("[si]", "concurrent", (int)k));
}

static const char *row_name(uint32_t row)
{
	switch (row) {
	case CPT_GRID_RUNNING:
		return "running";
	case CPT_GRID_RUNNABLE:
		return "runnable";
	case CPT_GRID_UNKNOWN:
		return "unknown";
	}
	return reason_name((enum cpt_reason)(row - CPT_GRID_REASON_FIRST));
}

static void add_lanes(struct packer *p)
{
	const struct cpt_grid *g = p->grid;

	for (uint32_t i = 0; i < g->threads_cnt; i++)
		for (uint32_t row = 0; row < CPT_GRID_ROWS; row++)
			if (g->threads[i].row[row])
				add_series(p,
					   (struct source){g->threads[i].row[row], sizeof(uint64_t),
							   SUM_U64},
					   json_pack("[sis]", "thread", (int)i, row_name(row)));
	for (uint32_t cpu = 0; cpu < g->cpus_cnt; cpu++) {
		if (!g->cpus[cpu].running_ns)
			continue;
		add_series(p, (struct source){g->cpus[cpu].running_ns, sizeof(uint64_t), SUM_U64},
			   json_pack("[si]", "cpu", (int)cpu));
		if (p->factor == 1)
			add_series(p, (struct source){g->cpus[cpu].longest, 1, FIRST_U8},
				   json_pack("[si]", "longest", (int)cpu));
	}
}

/* Operations in flight, by number of the instance; and how long that is known. */
static void add_flights(struct packer *p)
{
	const struct cpt_grid *g = p->grid;

	for (uint32_t i = 0; i < g->flights_cnt; i++) {
		const struct cpt_grid_flight *f = &g->flights[i];

		if (!f->level_ns)
			continue;
		add_series(p, (struct source){f->level_ns, sizeof(uint64_t), SUM_U64},
			   json_pack("[si]", "flight", (int)f->way.instance));
		add_series(p, (struct source){f->known_ns, sizeof(uint64_t), SUM_U64},
			   json_pack("[si]", "flight_known", (int)f->way.instance));
	}
}

#define OF_ACCOUNT(p, member, how)                                                                 \
	((struct source){&(p)->grid->accounts->member, sizeof(struct cpt_grid_account), how})

static void add_fixed(struct packer *p, const struct cpt_grid_fixed *first, const char *name)
{
	const size_t stride = sizeof(struct cpt_grid_account);

	add_series(p, (struct source){&first->ns, stride, SUM_U64},
		   json_pack("[ss]", "charge", name));
	add_series(p, (struct source){&first->part, stride, SUM_U32},
		   json_pack("[ss]", "charge_part", name));
}

/* What the accounts of a selection are made of: see struct cpt_grid_account. */
static void add_accounts(struct packer *p)
{
	const struct cpt_grid_account *first = p->grid->accounts;

	if (!first)
		return;
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		add_fixed(p, &first->item[i], budget_name((enum cpt_budget_item)i));
	for (int i = 0; i < CPT_REASON_CNT; i++)
		add_fixed(p, &first->reason[i], reason_name((enum cpt_reason)i));
	add_fixed(p, &first->foreign, "foreign");
	for (int i = 0; i < CPT_DEMAND_CNT; i++)
		add_series(p, OF_ACCOUNT(p, demand_ns[i], SUM_U64),
			   json_pack("[ss]", "demand", demand_name((enum cpt_demand_item)i)));
	add_series(p, OF_ACCOUNT(p, open_ns, SUM_U64), json_pack("[ss]", "demand", "open"));
	add_series(p, OF_ACCOUNT(p, idle_ns, SUM_U64), json_pack("[ss]", "demand", "idle"));
	add_series(p, OF_ACCOUNT(p, doubt_ns, SUM_U64), json_pack("[ss]", "demand", "doubt"));
}

/* ---- the bottle graph, locks, names ------------------------------------------------------------- */

/*
 * A thread's box. Where never more than two ran its height is running - parallel / 2, and its width running +
 * parallel; so what is written is how much it differs from that, mostly nothing: of the height in fractions of a ns, of
 * its running sum rounded, so that errors do not add up.
 */
static void add_box(struct packer *p, uint32_t thread)
{
	const struct cpt_grid_thread *t = &p->grid->threads[thread];
	const uint64_t *running = t->row[CPT_GRID_RUNNING];
	const uint32_t cnt = p->grid->bins_cnt;
	uint64_t *lower, *wider, before = 0;
	double sum = 0;

	if (!t->height_ns || !running)
		return;
	lower = calloc(cnt, sizeof(*lower));
	wider = calloc(cnt, sizeof(*wider));
	for (uint32_t bin = 0; lower && wider && bin < cnt; bin++) {
		uint64_t now;

		sum += (double)running[bin] - (double)t->parallel_ns[bin] / 2 - t->height_ns[bin];
		/* A trace that says it lasted for centuries has no more than fits. */
		now = sum > 0 ? (uint64_t)fmin(sum * HTML_HEIGHT_PARTS + 0.5, 0x1p63) : 0;
		lower[bin] = now > before ? now - before : 0;
		before += lower[bin];
		wider[bin] = t->width[bin] - running[bin] - t->parallel_ns[bin];
	}
	if (!lower || !wider)
		p->bytes.failed = true;
	add_series(p, (struct source){t->parallel_ns, sizeof(uint64_t), SUM_U64},
		   json_pack("[sis]", "thread_box", (int)thread, "parallel"));
	if (lower && wider) {
		add_series(p, (struct source){lower, sizeof(uint64_t), SUM_U64},
			   json_pack("[sis]", "thread_box", (int)thread, "lower"));
		add_series(p, (struct source){wider, sizeof(uint64_t), SUM_U64},
			   json_pack("[sis]", "thread_box", (int)thread, "wider"));
	}
	free(lower);
	free(wider);
}

#define OF_LOCK(member, how) ((struct source){l->member, sizeof(*l->member), how})
#define IS_BIG_ENDIAN	     (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)

static void add_lock(struct packer *p, uint32_t i)
{
	const struct cpt_grid_lock *l = &p->grid->locks[i];
	/* Scripts have bits of 32-bit numbers. */
	const uint32_t *half = (const uint32_t *)l->waiters;
	const int id = (int)l->id;

	add_series(p, OF_LOCK(waits, SUM_U32), json_pack("[sis]", "lock", id, "waits"));
	add_series(p, OF_LOCK(open, FIRST_U32), json_pack("[sis]", "lock", id, "open"));
	add_series(p, OF_LOCK(blocked_ns, SUM_U64), json_pack("[sis]", "lock", id, "blocked"));
	add_series(p, (struct source){half + IS_BIG_ENDIAN, sizeof(uint64_t), ANY_U32},
		   json_pack("[sis]", "lock", id, "low"));
	add_series(p, (struct source){half + !IS_BIG_ENDIAN, sizeof(uint64_t), ANY_U32},
		   json_pack("[sis]", "lock", id, "high"));
	add_series(p, OF_LOCK(others, ANY_U8), json_pack("[sis]", "lock", id, "others"));
}

/* Tiles of the page: as many of the grid as make whole bins of the page. */
static uint32_t tiles_joined(const struct packer *p)
{
	return p->grid->tile && p->factor > p->grid->tile ? p->factor / p->grid->tile : 1;
}

/* A pair of names has a value a tile, not a bin. */
static void add_pair(struct packer *p, uint32_t g, uint32_t h)
{
	const uint32_t joined = tiles_joined(p), pair = cpt_grid_pair(g, h);
	const size_t start = p->bytes.len;
	bool any = false;

	for (uint32_t tile = 0; tile < p->grid->tiles_cnt; tile += joined) {
		uint64_t n = 0;

		for (uint32_t i = tile; i < tile + joined && i < p->grid->tiles_cnt; i++)
			n += cpt_grid_together_ns(&p->grid->tiles[i], pair);
		any = any || n;
		add_number(&p->bytes, n);
	}
	if (any)
		p->list = json_array__append(p->list, json_pack("[sii]", "pair", (int)g, (int)h));
	else
		p->bytes.len = start;
}

static void add_names(struct packer *p)
{
	for (uint32_t h = 0; p->grid->tile && h < CPT_OVERLAP_MAX; h++)
		for (uint32_t g = 0; g <= h; g++)
			add_pair(p, g, h);
}

static int pack(struct packer *p)
{
	p->list = json_array();
	add_counts(p);
	add_lanes(p);
	for (uint32_t i = 0; i < p->grid->threads_cnt; i++)
		add_box(p, i);
	add_flights(p);
	add_accounts(p);
	for (uint32_t i = 0; i < p->grid->locks_cnt; i++)
		add_lock(p, i);
	add_names(p);
	return p->list && !p->bytes.failed ? 0 : -ENOMEM;
}

int html_series__put(struct json_obj *o, const struct cpt_grid *g, size_t max_sz,
		     struct strbuf *out)
{
	struct packer p = {.grid = g, .factor = 1};
	json_t *ids = json_array();
	int err;

	for (;; p.factor *= 2) {
		err = pack(&p);
		if (!err)
			err = html_block__add(out, strbuf__str(&p.bytes), p.bytes.len);
		if (err || out->len <= max_sz || p.factor >= g->bins_cnt)
			break;
		strbuf__clear(&p.bytes);
		strbuf__clear(out);
		json_decref(p.list);
	}
	for (uint32_t i = 0; i < g->threads_cnt; i++)
		ids = json_array__append(ids, json_integer(g->threads[i].id));
	json_obj__put_ns(o, "bin_ns", g->bin_ns * p.factor);
	json_obj__put_ns(o, "bins", (g->bins_cnt + p.factor - 1) / p.factor);
	json_obj__put_ns(o, "levels", CPT_GRID_LEVELS);
	json_obj__put_ns(o, "height_parts", HTML_HEIGHT_PARTS);
	/* In bins of the page. */
	json_obj__put_ns(o, "tile", g->tile ? g->tile * tiles_joined(&p) / p.factor : 0);
	json_obj__put_ns(o, "tiles", (g->tiles_cnt + tiles_joined(&p) - 1) / tiles_joined(&p));
	json_obj__put(o, "lanes", ids);
	json_obj__put(o, "accounts", json_boolean(g->accounts != NULL));
	json_obj__put_ns(o, "part_bits", CPT_GRID_PART_BITS);
	json_obj__put(o, "series", p.list);
	strbuf__free(&p.bytes);
	return err || o->failed ? -ENOMEM : 0;
}
