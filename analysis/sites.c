// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* sites.c - see sites.h. */
#include "sites.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WAKES_MAX (2 * CPT_SITES_MAX)

/* Open addressing over an array that grows: 1 + index, 0 free; at most half full. */
struct table {
	uint32_t *slots;
	uint32_t slot_cnt, cnt, cap;
};

struct sites {
	const struct cpt_stacks *table;
	struct cpt_site *at;
	struct table site_map;
	struct cpt_site_wake *wakes;
	struct table wake_map;
	uint64_t samples, spins, stray;
	double latency;
};

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h ^ v) * 0x9e3779b97f4a7c15ull;
	return h ^ h >> 29;
}

static uint64_t hash_site(const struct cpt_site *s)
{
	return mix(mix(s->name << 8 | s->reason, s->user), s->kernel);
}

static bool same_site(const struct cpt_site *a, const struct cpt_site *b)
{
	return a->name == b->name && a->reason == b->reason && a->user == b->user &&
	       a->kernel == b->kernel;
}

static uint64_t hash_wake(const struct cpt_site_wake *w)
{
	return mix(mix(w->site, w->user), w->kernel);
}

static bool same_wake(const struct cpt_site_wake *a, const struct cpt_site_wake *b)
{
	return a->site == b->site && a->user == b->user && a->kernel == b->kernel;
}

static uint64_t hash_site_at(const void *at, uint32_t i)
{
	return hash_site((const struct cpt_site *)at + i);
}

static uint64_t hash_wake_at(const void *at, uint32_t i)
{
	return hash_wake((const struct cpt_site_wake *)at + i);
}

/* Room for one more element of sz bytes. */
static int table_grow(struct table *t, void **at, size_t sz,
		      uint64_t (*hash_at)(const void *, uint32_t))
{
	uint32_t cap = t->cap ? t->cap * 2 : 128, *slots;
	void *bigger;

	if (t->cnt < t->cap)
		return 0;
	bigger = realloc(*at, cap * sz);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	slots = calloc(2u * cap, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = 0; i < t->cnt; i++) {
		uint32_t pos = (uint32_t)hash_at(bigger, i) & (2 * cap - 1);

		while (slots[pos])
			pos = (pos + 1) & (2 * cap - 1);
		slots[pos] = i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->slot_cnt = 2 * cap;
	t->cap = cap;
	return 0;
}

struct sites *sites__new(const struct cpt_stacks *table)
{
	struct sites *s = calloc(1, sizeof(*s));

	if (s)
		s->table = table;
	return s;
}

void sites__free(struct sites *s)
{
	if (!s)
		return;
	free(s->at);
	free(s->site_map.slots);
	free(s->wakes);
	free(s->wake_map.slots);
	free(s);
}

/* The site like key, made if need be. NULL without memory. */
static struct cpt_site *find_site(struct sites *s, struct cpt_site key)
{
	struct table *t = &s->site_map;
	uint32_t pos;

	if (table_grow(t, (void **)&s->at, sizeof(*s->at), hash_site_at))
		return NULL;
	/* A few more than told apart: one of each name and reason without stacks. */
	if (t->cnt >= CPT_SITES_MAX)
		key.user = key.kernel = 0;
	pos = (uint32_t)hash_site(&key) & (t->slot_cnt - 1);
	for (; t->slots[pos]; pos = (pos + 1) & (t->slot_cnt - 1))
		if (same_site(&s->at[t->slots[pos] - 1], &key))
			return &s->at[t->slots[pos] - 1];
	s->at[t->cnt] = key;
	t->slots[pos] = ++t->cnt;
	return &s->at[t->cnt - 1];
}

int sites__waited(struct sites *s, uint32_t name, enum cpt_reason reason, uint32_t user,
		  uint32_t kernel, uint64_t wait_ns, double lost_ns, uint32_t *site)
{
	struct cpt_site *at = find_site(s, (struct cpt_site){.name = name,
							     .reason = (uint8_t)reason,
							     .user = user,
							     .kernel = kernel});

	if (!at)
		return -ENOMEM;
	at->waits++;
	at->wait_ns += wait_ns;
	at->lost_ns += lost_ns;
	*site = (uint32_t)(at - s->at);
	return 0;
}

int sites__woken(struct sites *s, uint32_t site, uint32_t user, uint32_t kernel, uint64_t wait_ns)
{
	const struct cpt_site_wake key = {.site = site, .user = user, .kernel = kernel};
	struct table *t = &s->wake_map;
	struct cpt_site_wake *w;
	uint32_t pos;

	if (table_grow(t, (void **)&s->wakes, sizeof(*s->wakes), hash_wake_at))
		return -ENOMEM;
	pos = (uint32_t)hash_wake(&key) & (t->slot_cnt - 1);
	while (t->slots[pos] && !same_wake(&s->wakes[t->slots[pos] - 1], &key))
		pos = (pos + 1) & (t->slot_cnt - 1);
	if (!t->slots[pos]) {
		if (t->cnt >= WAKES_MAX)
			return 0;
		s->wakes[t->cnt] = key;
		t->slots[pos] = ++t->cnt;
	}
	w = &s->wakes[t->slots[pos] - 1];
	w->waits++;
	w->wait_ns += wait_ns;
	return 0;
}

/* ---- busy-waiting ------------------------------------------------------------------------------ */

static bool starts_with(const char *s, const char *start)
{
	return !strncmp(s, start, strlen(start));
}

bool spin__is_symbol(const char *symbol, const char *module)
{
	/* Names that say enough only in the library they belong to. */
	if (starts_with(module, "libgomp"))
		return starts_with(symbol, "do_spin") || starts_with(symbol, "do_wait") ||
		       starts_with(symbol, "gomp_barrier_wait") ||
		       starts_with(symbol, "gomp_team_barrier_wait");
	if (starts_with(symbol, "__kmp_"))
		return strstr(symbol, "wait") || strstr(symbol, "spin") ||
		       strstr(symbol, "_barrier") || strstr(symbol, "acquire");
	return !strcmp(symbol, "pthread_spin_lock") || !strcmp(symbol, "__pthread_spin_lock");
}

static bool is_spin(const struct sites *s, uint32_t user, uint8_t flags)
{
	const struct cpt_frame *leaf;

	if (flags & CPT_SAMPLE_YIELD)
		return true;
	if (!(flags & CPT_SAMPLE_USER) || !stacks__depth(s->table, user))
		return false;
	leaf = stacks__frame(s->table, user, 0);
	return leaf->flags & CPT_FRAME_PAUSE || spin__is_symbol(leaf->symbol, leaf->module);
}

int sites__sampled(struct sites *s, uint32_t name, uint32_t user, uint32_t kernel, uint8_t flags,
		   uint32_t running, bool spins)
{
	struct cpt_site *at = find_site(
		s, (struct cpt_site){
			   .name = name, .reason = CPT_REASON_CNT, .user = user, .kernel = kernel});
	const bool spin = spins || is_spin(s, user, flags);
	const double latency = 1.0 / (running ? running : 1);

	if (!at)
		return -ENOMEM;
	at->samples++;
	at->spins += spin;
	at->latency += latency;
	s->samples++;
	s->spins += spin;
	s->latency += latency;
	return 0;
}

void sites__stray(struct sites *s)
{
	s->stray++;
}

/* ---- the facts --------------------------------------------------------------------------------- */

static const struct cpt_frame *leaf_of(const struct cpt_stacks *table, const struct cpt_site *site)
{
	if (stacks__depth(table, site->kernel))
		return stacks__frame(table, site->kernel, 0);
	if (stacks__depth(table, site->user))
		return stacks__frame(table, site->user, 0);
	return NULL;
}

const struct cpt_frame *sites__leaf(const struct cpt_sites *s, const struct cpt_site *site)
{
	return leaf_of(s->table, site);
}

static int compare_names(const void *a_, const void *b_)
{
	const struct cpt_hot_symbol *a = a_, *b = b_;
	int ret = strcmp(a->symbol, b->symbol);

	if (!ret)
		ret = strcmp(a->module, b->module);
	return ret ? ret : a->kernel - b->kernel;
}

static int compare_latency(const void *a_, const void *b_)
{
	const struct cpt_hot_symbol *a = a_, *b = b_;

	if (a->latency != b->latency)
		return a->latency > b->latency ? -1 : 1;
	return compare_names(a, b);
}

static int compare_wakes(const void *a_, const void *b_)
{
	const struct cpt_site_wake *a = a_, *b = b_;

	if (a->site != b->site)
		return a->site < b->site ? -1 : 1;
	if (a->wait_ns != b->wait_ns)
		return a->wait_ns > b->wait_ns ? -1 : 1;
	if (a->user != b->user)
		return a->user < b->user ? -1 : 1;
	return (a->kernel > b->kernel) - (a->kernel < b->kernel);
}

/* One row per sampled site, then those of one symbol into one. */
static int take_symbols(struct cpt_sites *r)
{
	struct cpt_hot_symbol *rows = calloc(r->cnt + 1, sizeof(*rows));
	uint32_t cnt = 0, out = 0;

	if (!rows)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->cnt; i++) {
		const struct cpt_site *site = &r->at[i];
		const struct cpt_frame *leaf = leaf_of(r->table, site);

		if (!site->samples)
			continue;
		rows[cnt++] = (struct cpt_hot_symbol){
			.symbol = leaf ? leaf->symbol : "",
			.module = leaf ? leaf->module : "",
			.kernel = leaf && leaf->flags & CPT_FRAME_KERNEL,
			.samples = site->samples,
			.spins = site->spins,
			.latency = site->latency,
		};
	}
	if (cnt)
		qsort(rows, cnt, sizeof(*rows), compare_names);
	for (uint32_t i = 0; i < cnt; i++) {
		if (out && !compare_names(&rows[out - 1], &rows[i])) {
			rows[out - 1].samples += rows[i].samples;
			rows[out - 1].spins += rows[i].spins;
			rows[out - 1].latency += rows[i].latency;
		} else {
			rows[out++] = rows[i];
		}
	}
	if (out)
		qsort(rows, out, sizeof(*rows), compare_latency);
	r->symbols = rows;
	r->symbol_cnt = out;
	return 0;
}

/* Samples fall on a task's CPU time at random as far as what it does there goes: the share of those that
 * found it spinning is binomial. Two successes and failures more keep the error of none at all from
 * being none (Agresti and Coull 1998). */
static void estimate_spin(struct cpt_sites *r, uint64_t cpu_time_ns, uint64_t window_ns)
{
	const double n = (double)r->samples, p = ((double)r->spins + 2) / (n + 4);

	if (!r->samples || !window_ns)
		return;
	r->spin_share = (double)r->spins / n;
	r->spin_error = 1.96 * sqrt(p * (1 - p) / (n + 4));
	r->effective = (double)cpu_time_ns * (1 - r->spin_share) / (double)window_ns;
	r->effective_error = (double)cpu_time_ns * r->spin_error / (double)window_ns;
}

struct cpt_sites *sites__report(struct sites *s, char (*names)[CPT_COMM_LEN], uint32_t name_cnt,
				uint64_t cpu_time_ns, uint64_t window_ns)
{
	struct cpt_sites *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	r->table = s->table;
	r->names = calloc(name_cnt + 1, sizeof(*r->names));
	if (!r->names) {
		cpt_sites__free(r);
		return NULL;
	}
	memcpy(r->names, names, name_cnt * sizeof(*r->names));
	r->name_cnt = name_cnt;
	r->at = s->at;
	r->cnt = s->site_map.cnt;
	r->wakes = s->wakes;
	r->wake_cnt = s->wake_map.cnt;
	s->at = NULL;
	s->wakes = NULL;
	if (r->wake_cnt)
		qsort(r->wakes, r->wake_cnt, sizeof(*r->wakes), compare_wakes);
	r->samples = s->samples;
	r->spins = s->spins;
	r->latency = s->latency;
	r->stray = s->stray;
	if (take_symbols(r)) {
		cpt_sites__free(r);
		return NULL;
	}
	estimate_spin(r, cpu_time_ns, window_ns);
	return r;
}

void cpt_sites__free(struct cpt_sites *s)
{
	if (!s)
		return;
	free(s->names);
	free(s->at);
	free(s->wakes);
	free(s->symbols);
	free(s);
}
