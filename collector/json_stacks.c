// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* json_stacks.c - see json_stacks.h. */
#include "json_stacks.h"

#include <stdlib.h>
#include <string.h>

#include "frame_text.h"
#include "json_obj.h"
#include "text_stacks.h"

/* The rest is for `export -f folded`. */
#define SYMBOLS_MAX 200
#define SITES_MAX   100
#define WAKERS_MAX  5

static json_t *number_or_null(bool known, double x)
{
	return known ? json_value__real(x) : json_null();
}

/* Of samples: shares of the wall time in which any ran, and of the CPU time. */
static void put_shares(struct json_obj *o, const struct cpt_sites *s, uint64_t samples,
		       double latency)
{
	json_obj__put_ns(o, "samples", samples);
	json_obj__put_real(o, "latency_share", s->latency > 0 ? latency / s->latency : 0);
	json_obj__put_real(o, "cpu_share", s->samples ? (double)samples / (double)s->samples : 0);
}

static json_t *hot_symbol(const struct cpt_sites *s, const struct cpt_hot_symbol *sym)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "symbol", *sym->symbol ? json_value__string(sym->symbol) : json_null());
	json_obj__put(&o, "module", *sym->module ? json_value__string(sym->module) : json_null());
	json_obj__put(&o, "kernel", json_boolean(sym->kernel));
	put_shares(&o, s, sym->samples, sym->latency);
	json_obj__put_ns(&o, "spin_samples", sym->spins);
	return json_obj__done(&o);
}

static json_t *hot_thread(const struct cpt_sites *s, const struct cpt_thread *t)
{
	struct json_obj o = json_obj__new();

	json_obj__put_ns(&o, "id", t->id);
	json_obj__put_ns(&o, "tid", t->tid);
	json_obj__put(&o, "name", json_value__comm(t->name));
	put_shares(&o, s, t->samples, t->latency);
	return json_obj__done(&o);
}

json_t *json_stacks__hot(const struct cpt_report *r)
{
	const struct cpt_sites *s = r->sites;
	json_t *symbols = json_array(), *threads = json_array();
	struct json_obj o = json_obj__new();

	for (uint32_t i = 0; i < s->symbol_cnt && i < SYMBOLS_MAX; i++)
		symbols = json_array__append(symbols, hot_symbol(s, &s->symbols[i]));
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (r->threads_tab[i].samples)
			threads = json_array__append(threads, hot_thread(s, &r->threads_tab[i]));
	json_obj__put_ns(&o, "hz", s->sample_hz);
	json_obj__put_ns(&o, "samples", s->samples);
	json_obj__put_ns(&o, "stray_samples", s->stray);
	json_obj__put(&o, "symbols", symbols);
	json_obj__put(&o, "threads", threads);
	return json_obj__done(&o);
}

static json_t *sqpolls(const struct cpt_report *r)
{
	json_t *array = json_array();

	for (uint32_t i = 0; array && i < r->sqpolls_cnt; i++) {
		struct json_obj o = json_obj__new();

		json_obj__put_ns(&o, "id", r->sqpolls[i].id);
		json_obj__put_ns(&o, "running_ns", r->sqpolls[i].running_ns);
		json_obj__put_ns(&o, "spinning_ns", r->sqpolls[i].spinning_ns);
		array = json_array__append(array, json_obj__done(&o));
	}
	return array;
}

json_t *json_stacks__spin(const struct cpt_report *r)
{
	const struct cpt_sites *s = r->sites;
	const bool sampled = s && s->samples;
	struct json_obj o = json_obj__new();
	double per_sec;

	json_obj__put_ns(&o, "samples", sampled ? s->samples : 0);
	json_obj__put_ns(&o, "spin_samples", sampled ? s->spins : 0);
	json_obj__put(&o, "share", number_or_null(sampled, sampled ? s->spin_share : 0));
	json_obj__put(&o, "share_error", number_or_null(sampled, sampled ? s->spin_error : 0));
	json_obj__put(&o, "effective_error",
		      number_or_null(sampled, sampled ? s->effective_error : 0));
	json_obj__put_ns(&o, "yielding_threads", spin__yielders(r, &per_sec));
	json_obj__put_real(&o, "yields_per_second", per_sec);
	json_obj__put(&o, "sqpoll", sqpolls(r));
	return json_obj__done(&o);
}

json_t *json_stacks__lost(const struct cpt_report *r)
{
	static const char *const keys[CPT_STACK_LOSS_CNT] = {
		[CPT_STACK_LOSS_STACKS_RING_FULL] = "stack_records",
		[CPT_STACK_LOSS_SAMPLE_RING_FULL] = "samples",
		[CPT_STACK_LOSS_COLLISION] = "collisions",
		[CPT_STACK_LOSS_UNREAD] = "unread",
	};
	struct json_obj o = json_obj__new();

	for (int i = 0; i < CPT_STACK_LOSS_CNT; i++)
		json_obj__put_ns(&o, keys[i], r->close_facts ? r->close_facts->stacks_lost[i] : 0);
	return json_obj__done(&o);
}

json_t *json_stacks__frames(const struct cpt_stacks *table, uint32_t stack)
{
	json_t *array = json_array();
	struct strbuf name = {0};

	for (uint32_t i = 0; array && i < stacks__depth(table, stack); i++) {
		const struct cpt_frame *f = stacks__frame(table, stack, i);
		struct json_obj o = json_obj__new();

		strbuf__clear(&name);
		frame_text__add(&name, f);
		json_obj__put(&o, "name", name.failed ? NULL : json_value__text(name.s, name.len));
		json_obj__put(&o, "module", json_value__string(f->module));
		if (*f->file) {
			json_obj__put(&o, "file", json_value__string(f->file));
			json_obj__put_ns(&o, "line", f->line);
		}
		if (f->flags & CPT_FRAME_INLINED)
			json_obj__put(&o, "inlined", json_true());
		array = json_array__append(array, json_obj__done(&o));
	}
	strbuf__free(&name);
	return array;
}

static json_t *wakers(const struct cpt_sites *s, uint32_t site)
{
	json_t *array = json_array();
	uint32_t cnt = 0;

	for (uint32_t i = 0; i < s->wake_cnt && cnt < WAKERS_MAX; i++) {
		const struct cpt_site_wake *w = &s->wakes[i];
		struct json_obj o;

		if (w->site != site)
			continue;
		cnt++;
		o = json_obj__new();
		json_obj__put_ns(&o, "waits", w->waits);
		json_obj__put_ns(&o, "wait_ns", w->wait_ns);
		json_obj__put(&o, "user", json_stacks__frames(s->table, w->user));
		json_obj__put(&o, "kernel", json_stacks__frames(s->table, w->kernel));
		array = json_array__append(array, json_obj__done(&o));
	}
	return array;
}

static json_t *wait_site(const struct cpt_sites *s, const struct cpt_site *site)
{
	struct json_obj o = json_obj__new();

	json_obj__put(&o, "name", json_value__comm(s->names[site->name]));
	json_obj__put(&o, "reason", json_string(reason_name((enum cpt_reason)site->reason)));
	json_obj__put_ns(&o, "waits", site->waits);
	json_obj__put_ns(&o, "wait_ns", site->wait_ns);
	json_obj__put_ns(&o, "lost_ns", (uint64_t)(site->lost_ns + 0.5));
	json_obj__put(&o, "user", json_stacks__frames(s->table, site->user));
	json_obj__put(&o, "kernel", json_stacks__frames(s->table, site->kernel));
	json_obj__put(&o, "wakers", wakers(s, (uint32_t)(site - s->at)));
	return json_obj__done(&o);
}

static int compare_sites(const void *a_, const void *b_)
{
	const struct cpt_site *a = *(const struct cpt_site *const *)a_,
			      *b = *(const struct cpt_site *const *)b_;

	if (a->wait_ns != b->wait_ns)
		return a->wait_ns > b->wait_ns ? -1 : 1;
	return (a > b) - (a < b);
}

json_t *json_stacks__wait_sites(const struct cpt_report *r)
{
	const struct cpt_sites *s = r->sites;
	const struct cpt_site **order = calloc(s->cnt + 1u, sizeof(*order));
	json_t *array = order ? json_array() : NULL;
	uint32_t cnt = 0;

	for (uint32_t i = 0; order && i < s->cnt; i++)
		if (s->at[i].wait_ns)
			order[cnt++] = &s->at[i];
	if (cnt)
		qsort(order, cnt, sizeof(*order), compare_sites);
	for (uint32_t i = 0; array && i < cnt && i < SITES_MAX; i++)
		array = json_array__append(array, wait_site(s, order[i]));
	free(order);
	return array;
}
