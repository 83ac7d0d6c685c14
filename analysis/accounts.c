// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * accounts.c - see accounts.h.
 */
#include "accounts.h"
#include "acct_bins.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool has_bit(const uint64_t *bits, uint32_t n)
{
	return bits[n / 64] >> (n % 64) & 1;
}

static void set_bit(uint64_t *bits, uint32_t n)
{
	bits[n / 64] |= 1ull << (n % 64);
}

/* n: each bit that is set in `words` words of bits. */
#define FOR_EACH_BIT(n, bits, words)                                                               \
	for (uint32_t w_ = 0, n = 0; w_ < (words); w_++)                                           \
		for (uint64_t rest_ = (bits)[w_];                                                  \
		     rest_ && (n = w_ * 64 + (uint32_t)__builtin_ctzll(rest_), true);              \
		     rest_ &= rest_ - 1)

static inline uint32_t slot_words(const struct accounts *a)
{
	return (a->slot_cnt + 63) / 64;
}

/* Which CPUs are siblings. */
static void set_cores(struct accounts *a, const uint32_t *core_of)
{
	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++) {
		a->cpus[cpu].core = core_of[cpu];
		if (has_bit(a->online, cpu))
			a->siblings |= a->cores[core_of[cpu]].ours++ > 0;
	}
	memset(a->cores, 0, a->cpu_cnt * sizeof(*a->cores));
}

int accounts__init(struct accounts *a, uint32_t cpu_cnt, const uint64_t *online,
		   const uint32_t *core_of, uint32_t mask_max)
{
	memset(a, 0, sizeof(*a));
	a->cpu_cnt = cpu_cnt;
	memcpy(a->online, online, sizeof(a->online));
	for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
		a->online_cnt += (uint32_t)__builtin_popcountll(online[w]);
	for (uint32_t k = 1; k < ACCT_INVERSES; k++)
		a->inverse[k] = (1ull << FIX_BITS) / k;
	a->slot_of_cnt = mask_max;
	a->slot_cnt = 1; /* ACCT_SLOT_NONE */
	a->class_cnt = 1;
	a->cpus = calloc(cpu_cnt, sizeof(*a->cpus));
	a->cores = calloc(cpu_cnt, sizeof(*a->cores));
	a->marks = calloc((size_t)cpu_cnt * ACCT_SLOTS, sizeof(*a->marks));
	a->pending = calloc(cpu_cnt, sizeof(*a->pending));
	a->classes = calloc(cpu_cnt, sizeof(*a->classes));
	a->slots = calloc(ACCT_SLOTS, sizeof(*a->slots));
	a->slot_of = calloc(mask_max, sizeof(*a->slot_of));
	if (!a->cpus || !a->cores || !a->marks || !a->pending || !a->classes || !a->slots ||
	    !a->slot_of) {
		accounts__fini(a);
		return -ENOMEM;
	}
	set_cores(a, core_of);
	return 0;
}

void accounts__fini(struct accounts *a)
{
	free(a->cpus);
	free(a->cores);
	free(a->marks);
	free(a->pending);
	free(a->classes);
	free(a->slots);
	free(a->slot_of);
	memset(a, 0, sizeof(*a));
}

void accounts__open(struct accounts *a, uint64_t now_ns)
{
	a->on = true;
	a->now_ns = now_ns;
	if (a->bins)
		acct_bins__open(a->bins, now_ns);
	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++)
		accounts__cpu_off(a, cpu);
}

/* ---- classes --------------------------------------------------------------------------------- */

static inline fix_t reason_now(const struct accounts *a, uint32_t r)
{
	return a->waits[r] * a->share - a->past[r];
}

/* The reasons' integrals have moved since the class looked. */
static void sync_reasons(const struct accounts *a, struct acct_class *k, bool count)
{
	for (uint32_t set = a->reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t now = reason_now(a, r);

		if (count)
			k->sum.reason[r] += now - k->at_reason[r];
		k->at_reason[r] = now;
	}
	k->at_share = a->share;
}

/* Brings the class's sums up to now; without `count` only the places it counts from. */
static void sync_class(const struct accounts *a, struct acct_class *k, bool count)
{
	const uint64_t unknown = a->unknown_ns - k->at_unknown_ns;
	const uint64_t span = a->now_ns - k->at_ns;

	if (count && span) {
		switch (k->mode) {
		case ACCT_NOT_ALLOWED:
			break;
		case ACCT_PLACEMENT:
			k->sum.placement_ns += span;
			break;
		case ACCT_QUOTA:
			k->sum.unknown_ns += unknown;
			k->sum.quota_ns += span - unknown;
			break;
		case ACCT_REST:
			k->sum.unknown_ns += unknown;
			k->sum.no_work_ns += a->no_work_ns - k->at_no_work_ns;
			k->sum.flight_ns += a->flight_ns - k->at_flight_ns;
			break;
		}
	}
	if (k->at_share != a->share)
		sync_reasons(a, k, count && k->mode == ACCT_REST);
	k->at_ns = a->now_ns;
	k->at_unknown_ns = a->unknown_ns;
	k->at_no_work_ns = a->no_work_ns;
	k->at_flight_ns = a->flight_ns;
}

static inline enum acct_mode mode_now(const struct acct_class *k)
{
	return !k->allowed    ? ACCT_NOT_ALLOWED
	       : k->ready     ? ACCT_PLACEMENT
	       : k->throttled ? ACCT_QUOTA
			      : ACCT_REST;
}

void accounts__find_mode(const struct accounts *a, struct acct_class *k)
{
	const enum acct_mode mode = mode_now(k);

	if (mode == k->mode || !k->open)
		return;
	sync_class(a, k, true);
	k->mode = mode;
}

/* Which classes lie in which slots, from what the CPUs say. */
static void list_classes(struct accounts *a)
{
	for (uint32_t s = 1; s < a->slot_cnt; s++) {
		memset(a->slots[s].classes, 0, sizeof(a->slots[s].classes));
		a->slots[s].class_cnt = 0;
	}
	for (uint32_t i = 0; i < a->class_cnt; i++) {
		const uint64_t *in = a->classes[i].slots;

		FOR_EACH_BIT(s, in, slot_words(a))
		{
			set_bit(a->slots[s].classes, i);
			a->slots[s].class_cnt++;
			a->slots[s].class_idx = i;
		}
	}
}

/* Classes of which only some CPUs are in `bits` become two. */
static void refine_classes(struct accounts *a, const uint64_t *bits)
{
	uint16_t in[CPT_MAX_CPUS] = {0}, out[CPT_MAX_CPUS] = {0}, twin[CPT_MAX_CPUS] = {0};
	const uint32_t before = a->class_cnt;

	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++)
		(has_bit(bits, cpu) ? in : out)[a->cpus[cpu].class_idx]++;
	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++) {
		struct acct_cpu *c = &a->cpus[cpu];
		const uint32_t old = c->class_idx;

		if (!has_bit(bits, cpu) || old >= before || !in[old] || !out[old])
			continue;
		if (!twin[old]) {
			twin[old] = (uint16_t)a->class_cnt;
			a->classes[a->class_cnt] = a->classes[old];
			a->classes[a->class_cnt++].open = 0;
			if (a->bins)
				acct_bins__twin(a->bins, old, twin[old]);
		}
		c->class_idx = twin[old];
		a->classes[old].open -= c->open;
		a->classes[twin[old]].open += c->open;
	}
	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++)
		a->classes[a->cpus[cpu].class_idx].cpu = cpu;
	if (a->class_cnt != before)
		list_classes(a);
}

void accounts__allow(struct accounts *a, const uint64_t *bits)
{
	refine_classes(a, bits);
	for (uint32_t i = 0; i < a->class_cnt; i++) {
		a->classes[i].allowed = has_bit(bits, a->classes[i].cpu);
		accounts__find_mode(a, &a->classes[i]);
	}
}

/* ---- slots ----------------------------------------------------------------------------------- */

uint32_t accounts__slot(struct accounts *a, uint32_t mask, const uint64_t *bits)
{
	struct acct_slot *s;
	uint32_t idx;

	if (mask >= a->slot_of_cnt)
		return ACCT_SLOT_NONE;
	if (a->slot_of[mask] || a->slot_cnt == ACCT_SLOTS)
		return a->slot_of[mask];
	idx = a->slot_cnt++;
	a->slot_of[mask] = (uint16_t)idx;
	s = &a->slots[idx];
	for (uint32_t w = 0; w < CPT_MASK_WORDS; w++)
		s->bits[w] = bits[w] & a->online[w];
	refine_classes(a, s->bits);
	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++) {
		if (!has_bit(s->bits, cpu))
			continue;
		s->cpus++;
		s->ours += a->cpus[cpu].ours;
		set_bit(a->cpus[cpu].slots, idx);
		set_bit(a->classes[a->cpus[cpu].class_idx].slots, idx);
	}
	list_classes(a);
	return idx;
}

/* The slot's first task of a kind has come, or its last has gone. */
static void turn_slot(struct accounts *a, const struct acct_slot *s, bool throttled, int change)
{
	FOR_EACH_BIT(i, s->classes, (a->class_cnt + 63) / 64)
	{
		struct acct_class *k = &a->classes[i];

		*(throttled ? &k->throttled : &k->ready) += (uint32_t)change;
		accounts__find_mode(a, k);
	}
}

void accounts__turn_classes(struct accounts *a, struct acct_slot *s, int change)
{
	turn_slot(a, s, false, change);
}

void accounts__ready_other(struct accounts *a, uint32_t slot, bool throttled, int change)
{
	struct acct_slot *s = &a->slots[slot];

	if (throttled)
		a->throttled += (uint32_t)change;
	else
		a->ready_nowhere += (uint32_t)change;
	if (slot == ACCT_SLOT_NONE) {
		a->doubts += (uint32_t)change;
		return;
	}
	s->throttled += (uint32_t)change;
	if (s->throttled == (change > 0))
		turn_slot(a, s, true, change);
}

/* ---- siblings ---------------------------------------------------------------------------------- */

static inline uint64_t core_ns(const struct accounts *a, const struct acct_core *k)
{
	return k->sum_ns + k->ours * (a->now_ns - k->at_ns);
}

/* Of the stretch of c, which ends now, others held late_ns at its end and other_ns of its first early_ns, in
 * which nothing of ours changed. */
static void count_siblings(struct accounts *a, const struct acct_cpu *c, bool late,
			   uint64_t early_ns, uint64_t other_ns)
{
	const uint64_t all = core_ns(a, &a->cores[c->core]) - c->siblings_ns;
	const uint64_t early = c->siblings_ours * early_ns;

	a->siblings_ns += c->siblings_ours * other_ns;
	if (late && all > early)
		a->siblings_ns += all - early;
}

static void count_ours(struct accounts *a, struct acct_cpu *c, uint32_t cpu, int change)
{
	struct acct_core *core = &a->cores[c->core];

	core->sum_ns = core_ns(a, core);
	core->at_ns = a->now_ns;
	core->ours += (uint32_t)change;
	c->ours = change > 0;
	if (has_bit(a->online, cpu))
		a->ours_cnt += (uint32_t)change;
	FOR_EACH_BIT(i, c->slots, slot_words(a))
	{
		struct acct_slot *s = &a->slots[i];
		const bool was_full = s->ours >= s->cpus;

		s->ours += (uint32_t)change;
		if (was_full == (s->ours >= s->cpus))
			continue;
		a->ready_full += was_full ? 0 - s->ready : s->ready;
		s->past_ns += (was_full ? s->ready : 0 - (uint64_t)s->ready) * a->now_ns;
	}
}

/* ---- stretches of a CPU ------------------------------------------------------------------------ */

static void open_stretch(struct accounts *a, struct acct_cpu *c, uint32_t cpu)
{
	struct acct_mark *marks = &a->marks[(size_t)cpu * ACCT_SLOTS];
	struct acct_class *k = &a->classes[c->class_idx];

	if (!k->open) {
		sync_class(a, k, false);
		k->mode = mode_now(k);
	} else {
		sync_class(a, k, true);
	}
	k->open++;
	c->open = true;
	c->since_ns = a->now_ns;
	c->unknown_ns = a->unknown_ns;
	c->begin.mode = k->mode;
	c->begin.doubts = a->doubts;
	c->begin.inverse = accounts__inverse(a);
	c->siblings_ours = a->cores[c->core].ours;
	c->siblings_ns = core_ns(a, &a->cores[c->core]);
	c->begin.sum.placement_ns = k->sum.placement_ns;
	c->begin.sum.quota_ns = k->sum.quota_ns;
	c->begin.sum.no_work_ns = k->sum.no_work_ns;
	c->begin.sum.flight_ns = k->sum.flight_ns;
	c->begin.sum.unknown_ns = k->sum.unknown_ns;
	for (uint32_t set = a->reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);

		c->begin.sum.reason[r] = k->sum.reason[r];
		c->begin.waits[r] = a->waits[r];
	}
	FOR_EACH_BIT(i, c->slots, slot_words(a))
	{
		marks[i].open_ns = accounts__open_ns(a, &a->slots[i]);
		marks[i].ready = accounts__slot_rate(&a->slots[i]);
	}
}

/* What has come off and is still off when time passes. */
void accounts__settle(struct accounts *a)
{
	for (uint32_t i = 0; i < a->pending_cnt; i++) {
		const uint32_t cpu = a->pending[i];
		struct acct_cpu *c = &a->cpus[cpu];

		c->listed = false;
		if (c->on)
			continue;
		if (c->ours)
			count_ours(a, c, cpu, -1);
		if (!c->open)
			open_stretch(a, c, cpu);
	}
	a->pending_cnt = 0;
}

/* A CPU that is off claims from its mark on, if it idles: what lies before that must not be told together with what
 * lies behind it. */
static void make_room(const struct accounts *a, uint32_t slot, struct claims *claims, uint64_t from,
		      uint64_t to)
{
	uint64_t apart = claims__apart(claims, from) | claims__apart(claims, to);

	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++)
		if (a->cpus[cpu].open && has_bit(a->cpus[cpu].slots, slot))
			apart |= claims__apart(claims,
					       a->marks[(size_t)cpu * ACCT_SLOTS + slot].open_ns);
	claims__fold(claims, apart);
}

/* num/den of [from, to) of the slot's demand is claimed. */
static void add_claim(struct accounts *a, uint32_t slot, enum acct_claim what, uint64_t from,
		      uint64_t to, uint64_t num, uint64_t den)
{
	struct acct_slot *s = &a->slots[slot];
	struct claims *claims = what == ACCT_CLAIM_IDLE ? &s->idle : &s->doubt;

	if (claims__full(claims))
		make_room(a, slot, claims, from, to);
	if (a->bins)
		acct_bins__claim(a->bins, slot, claims, what, from, to, num, den);
	else
		claims__add(claims, from, to, num, den);
}

/* What demand gets from the stretch in one slot. blurred: something was in doubt meanwhile. */
static void claim(struct accounts *a, uint32_t slot, const struct acct_mark *mark,
		  enum acct_kind kind, bool blurred, uint64_t early_ns, uint64_t idle_ns,
		  uint64_t other_ns)
{
	const struct acct_slot *s = &a->slots[slot];
	const uint64_t open_ns = accounts__open_ns(a, s);
	uint64_t early = 0;

	if (open_ns == mark->open_ns)
		return;
	if (kind == ACCT_UNKNOWN) {
		add_claim(a, slot, ACCT_CLAIM_DOUBT, mark->open_ns, open_ns, 1, 1);
		return;
	}
	if (early_ns) {
		early = mark->ready * early_ns;
		if (early > open_ns - mark->open_ns)
			early = open_ns - mark->open_ns;
		for (int what = 0; what < ACCT_CLAIM_CNT; what++)
			add_claim(a, slot, (enum acct_claim)what, mark->open_ns,
				  mark->open_ns + early, idle_ns, idle_ns + other_ns);
		if (idle_ns && other_ns && s->cpus > 1)
			a->shared_ns += early;
		if (blurred)
			a->blurred_demand_ns += mark->ready * early_ns + open_ns - mark->open_ns;
	}
	for (int what = 0; what < ACCT_CLAIM_CNT && kind == ACCT_IDLE; what++)
		add_claim(a, slot, (enum acct_claim)what, mark->open_ns + early, open_ns, 1, 1);
}

/* What the siblings of the CPU had others beside them for. */
static void charge_siblings(struct accounts *a, const struct acct_cpu *c, enum acct_kind kind,
			    uint64_t early_ns, uint64_t idle_ns, uint64_t other_ns)
{
	if (kind == ACCT_UNKNOWN)
		return;
	count_siblings(a, c, kind == ACCT_OTHER, early_ns,
		       early_ns ? (uint64_t)((fix_t)early_ns * other_ns / (idle_ns + other_ns))
				: 0);
}

uint64_t accounts__flight_ns(const struct accounts *a, uint64_t from_ns, uint64_t to_ns)
{
	uint64_t end_ns = UINT64_MAX, sum_ns = 0;
	bool flight = a->in_flight;

	/* Backwards: [at_ns, end_ns) is of one kind. */
	for (uint64_t n = a->turns_cnt;; n--) {
		const bool forgotten = n && a->turns_cnt - n >= ACCT_TURNS;
		const uint64_t at_ns = n && !forgotten ? a->turns_ns[(n - 1) % ACCT_TURNS] : 0;
		const uint64_t lo = at_ns > from_ns ? at_ns : from_ns;
		const uint64_t hi = end_ns < to_ns ? end_ns : to_ns;

		if (forgotten && end_ns > from_ns)
			return UINT64_MAX;
		if (flight && lo < hi)
			sum_ns += hi - lo;
		if (at_ns <= from_ns)
			return sum_ns;
		end_ns = at_ns;
		flight = !flight;
	}
}

void accounts__sync(struct accounts *a)
{
	for (uint32_t i = 0; i < a->class_cnt; i++)
		if (a->classes[i].open)
			sync_class(a, &a->classes[i], true);
}

void accounts__moment(const struct accounts *a, const struct acct_class *k, struct acct_moment *m)
{
	m->sum = k->sum;
	m->mode = k->mode;
	m->doubts = a->doubts;
	m->inverse = accounts__inverse(a);
	memcpy(m->waits, a->waits, sizeof(m->waits));
}

void accounts__seen(struct accounts *a, uint32_t cpu, enum acct_kind kind, uint64_t since_ns,
		    uint64_t idle_ns, uint64_t other_ns)
{
	struct acct_cpu *c = &a->cpus[cpu];
	struct acct_class *k = &a->classes[c->class_idx];
	struct acct_mark *marks = &a->marks[(size_t)cpu * ACCT_SLOTS];
	const bool blurred = a->unknown_ns != c->unknown_ns;
	uint64_t early_ns, span;

	if (!c->open || c->since_ns == a->now_ns)
		return;
	span = a->now_ns - c->since_ns;
	if (c->since_ns < c->hole_ns)
		kind = ACCT_UNKNOWN;
	/* Sums of times below 2^63 each; what is beyond them lies outside the stretch in any case. */
	if (idle_ns > INT64_MAX)
		idle_ns = INT64_MAX;
	if (other_ns > INT64_MAX)
		other_ns = INT64_MAX;
	early_ns = idle_ns + other_ns;
	if (since_ns < c->since_ns)
		early_ns =
			early_ns > c->since_ns - since_ns ? early_ns - (c->since_ns - since_ns) : 0;
	if (early_ns > span)
		early_ns = span;
	sync_class(a, k, true);
	k->open--;
	if (a->bins)
		acct_bins__stretch(a->bins, a, c, kind, early_ns, idle_ns, other_ns);
	if (early_ns && kind != ACCT_UNKNOWN)
		acct_sums__parts(&a->sums, a->reasons, &c->begin, &k->sum,
				 &(struct acct_story){kind, span, early_ns, idle_ns, other_ns,
						      accounts__flight_ns(a, c->since_ns,
									  c->since_ns + early_ns)});
	else
		acct_sums__plain(&a->sums, a->reasons, &c->begin.sum, &k->sum, kind, span);
	if (blurred && kind != ACCT_UNKNOWN)
		a->blurred_ns += early_ns;
	if (a->siblings)
		charge_siblings(a, c, kind, early_ns, idle_ns, other_ns);
	FOR_EACH_BIT(i, c->slots, slot_words(a))
	claim(a, i, &marks[i], kind, blurred, early_ns, idle_ns, other_ns);
	c->open = false;
	accounts__cpu_off(a, cpu);
}

void accounts__cpu_came(struct accounts *a, uint32_t cpu)
{
	struct acct_cpu *c = &a->cpus[cpu];

	if (c->open) { /* nobody said what held it */
		accounts__seen(a, cpu, ACCT_UNKNOWN, 0, 0, 0);
		if (c->open) { /* since this very instant */
			a->classes[c->class_idx].open--;
			c->open = false;
		}
	}
	c->on = true;
	if (!c->ours)
		count_ours(a, c, cpu, +1);
}

void accounts__hole(struct accounts *a, uint32_t cpu, uint64_t until_ns)
{
	accounts__seen(a, cpu, ACCT_UNKNOWN, 0, 0, 0);
	if (until_ns > a->cpus[cpu].hole_ns)
		a->cpus[cpu].hole_ns = until_ns;
}

/* ---- the end --------------------------------------------------------------------------------- */

void accounts__finish(struct accounts *a, uint64_t used_ns, uint64_t total_ns, uint64_t ready_ns,
		      uint64_t tracer_ns, struct cpt_budget *budget, struct cpt_demand *demand)
{
	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++)
		accounts__seen(a, cpu, ACCT_UNKNOWN, 0, 0, 0);
	memcpy(demand->item_ns, a->demand_ns, sizeof(demand->item_ns));
	for (uint32_t i = 1; i < a->slot_cnt; i++) {
		struct acct_slot *s = &a->slots[i];
		uint64_t idle, doubt;

		idle = s->idle.covered;
		doubt = s->doubt.covered > idle ? s->doubt.covered : idle;
		demand->item_ns[CPT_DEMAND_PLACEMENT] += idle;
		demand->item_ns[CPT_DEMAND_UNKNOWN] += doubt - idle;
		demand->item_ns[CPT_DEMAND_OTHERS] += accounts__open_ns(a, s) - doubt;
	}
	demand->total_ns = ready_ns;
	demand->shared_ns = a->shared_ns;
	acct_sums__round(&a->sums, total_ns, used_ns, tracer_ns, budget, demand);
	budget->siblings_ns = a->siblings ? a->siblings_ns : UINT64_MAX;
}

/* ---- names ----------------------------------------------------------------------------------- */

#define NAME(name, str, text) str,
#define TEXT(name, str, text) text,

const char *budget_name(enum cpt_budget_item item)
{
	static const char *const names[] = {CPT_BUDGET_ITEMS(NAME)};

	return item < CPT_BUDGET_CNT ? names[item] : "?";
}

const char *budget_text(enum cpt_budget_item item)
{
	static const char *const texts[] = {CPT_BUDGET_ITEMS(TEXT)};

	return item < CPT_BUDGET_CNT ? texts[item] : "?";
}

const char *demand_name(enum cpt_demand_item item)
{
	static const char *const names[] = {CPT_DEMAND_ITEMS(NAME)};

	return item < CPT_DEMAND_CNT ? names[item] : "?";
}

const char *demand_text(enum cpt_demand_item item)
{
	static const char *const texts[] = {CPT_DEMAND_ITEMS(TEXT)};

	return item < CPT_DEMAND_CNT ? texts[item] : "?";
}

const char *ready_name(enum cpt_ready_kind kind)
{
	static const char *const names[] = {CPT_READY_KINDS(NAME)};

	return kind < CPT_READY_CNT ? names[kind] : "?";
}

const char *ready_text(enum cpt_ready_kind kind)
{
	static const char *const texts[] = {CPT_READY_KINDS(TEXT)};

	return kind < CPT_READY_CNT ? texts[kind] : "?";
}
