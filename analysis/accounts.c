// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * accounts.c - see accounts.h.
 */
#include "accounts.h"

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
	c->mode = k->mode;
	c->doubts = a->doubts;
	c->waiting = a->waiting;
	c->siblings_ours = a->cores[c->core].ours;
	c->siblings_ns = core_ns(a, &a->cores[c->core]);
	c->at.placement_ns = k->sum.placement_ns;
	c->at.quota_ns = k->sum.quota_ns;
	c->at.no_work_ns = k->sum.no_work_ns;
	c->at.flight_ns = k->sum.flight_ns;
	c->at.unknown_ns = k->sum.unknown_ns;
	for (uint32_t set = a->reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);

		c->at.reason[r] = k->sum.reason[r];
		c->waits[r] = a->waits[r];
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

/* An idle CPU's charge for one stretch, or for a part of it. */
struct shares {
	fix_t item[CPT_BUDGET_CNT], reason[CPT_REASON_CNT];
	fix_t total;
};

static void add_item(struct shares *s, enum cpt_budget_item item, fix_t fix)
{
	s->item[item] += fix;
	s->total += fix;
}

static void add_reason(struct shares *s, uint32_t r, fix_t fix)
{
	s->reason[r] += fix;
	s->total += fix;
}

/* All of the stretch, as if it had been idle. */
static void whole_charge(const struct accounts *a, const struct acct_cpu *c, struct shares *out)
{
	const struct acct_charge *now = &a->classes[c->class_idx].sum, *at = &c->at;
	const uint64_t flight = now->flight_ns - at->flight_ns;

	memset(out, 0, sizeof(*out));
	add_item(out, CPT_BUDGET_PLACEMENT,
		 (fix_t)(now->placement_ns - at->placement_ns) << FIX_BITS);
	add_item(out, CPT_BUDGET_QUOTA, (fix_t)(now->quota_ns - at->quota_ns) << FIX_BITS);
	add_item(out, CPT_BUDGET_NO_WORK,
		 (fix_t)(now->no_work_ns - at->no_work_ns - flight) << FIX_BITS);
	add_item(out, CPT_BUDGET_IN_FLIGHT, (fix_t)flight << FIX_BITS);
	add_item(out, CPT_BUDGET_UNKNOWN, (fix_t)(now->unknown_ns - at->unknown_ns) << FIX_BITS);
	for (uint32_t set = a->reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);

		add_reason(out, r, now->reason[r] - at->reason[r]);
	}
}

/* x * num / den, num <= den; never more than x. */
static fix_t scale(fix_t x, uint64_t num, uint64_t den)
{
	const uint64_t q = (uint64_t)(((fix_t)num << 32) / den); /* of 2^32 */

	return num == den ? x : (x >> 32) * q + ((x & UINT32_MAX) * q >> 32);
}

/* A part without tasks in progress: operations in flight have of it what they have of the whole. */
static void early_no_work(struct shares *out, fix_t early, const struct shares *whole)
{
	const fix_t none = whole->item[CPT_BUDGET_NO_WORK];
	const fix_t flight = whole->item[CPT_BUDGET_IN_FLIGHT];
	fix_t part;

	if (early >= none + flight) {
		add_item(out, CPT_BUDGET_NO_WORK, none);
		add_item(out, CPT_BUDGET_IN_FLIGHT, flight);
		return;
	}
	part = flight ? scale(early, (uint64_t)(flight >> FIX_BITS),
			      (uint64_t)((none + flight) >> FIX_BITS))
		      : 0;
	add_item(out, CPT_BUDGET_IN_FLIGHT, part < flight ? part : flight);
	add_item(out, CPT_BUDGET_NO_WORK, early - part < none ? early - part : none);
}

/* The first early_ns of it, in which nothing changed; never more than the whole. */
static void early_charge(const struct accounts *a, const struct acct_cpu *c, uint64_t early_ns,
			 const struct shares *whole, struct shares *out)
{
	const fix_t early = (fix_t)early_ns << FIX_BITS;
	enum cpt_budget_item item = CPT_BUDGET_CNT;

	memset(out, 0, sizeof(*out));
	if (c->mode == ACCT_PLACEMENT)
		item = CPT_BUDGET_PLACEMENT;
	else if (c->mode != ACCT_NOT_ALLOWED && c->doubts)
		item = CPT_BUDGET_UNKNOWN;
	else if (c->mode == ACCT_QUOTA)
		item = CPT_BUDGET_QUOTA;
	else if (c->mode == ACCT_REST && !c->waiting)
		item = CPT_BUDGET_NO_WORK;
	if (item == CPT_BUDGET_NO_WORK) {
		early_no_work(out, early, whole);
		return;
	}
	if (item != CPT_BUDGET_CNT) {
		add_item(out, item, early < whole->item[item] ? early : whole->item[item]);
		return;
	}
	for (uint32_t set = c->mode == ACCT_REST ? a->reasons : 0; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t part = early / c->waiting * c->waits[r];

		add_reason(out, r, part < whole->reason[r] ? part : whole->reason[r]);
	}
}

static void charge_idle(struct accounts *a, const struct shares *s, uint64_t num, uint64_t den)
{
	fix_t others = s->total;

	for (int i = 0; i < CPT_BUDGET_CNT; i++) {
		const fix_t x = s->item[i] ? scale(s->item[i], num, den) : 0;

		a->idle[i] += x;
		others -= x;
	}
	for (uint32_t set = a->reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t x = scale(s->reason[r], num, den);

		a->idle_reason[r] += x;
		others -= x;
	}
	a->idle[CPT_BUDGET_OTHERS] += others;
}

static void subtract(struct shares *from, const struct shares *part)
{
	for (int i = 0; i < CPT_BUDGET_CNT; i++)
		from->item[i] -= part->item[i];
	for (int r = 0; r < CPT_REASON_CNT; r++)
		from->reason[r] -= part->reason[r];
	from->total -= part->total;
}

/* What demand gets from the stretch in one slot. */
static void claim(struct accounts *a, struct acct_slot *s, const struct acct_mark *mark,
		  enum acct_kind kind, uint64_t early_ns, uint64_t idle_ns, uint64_t other_ns)
{
	const uint64_t open_ns = accounts__open_ns(a, s);
	uint64_t early = 0;

	if (open_ns == mark->open_ns)
		return;
	if (kind == ACCT_UNKNOWN) {
		claims__add(&s->doubt, mark->open_ns, open_ns, 1, 1);
		return;
	}
	if (early_ns) {
		early = mark->ready * early_ns;
		if (early > open_ns - mark->open_ns)
			early = open_ns - mark->open_ns;
		claims__add(&s->idle, mark->open_ns, mark->open_ns + early, idle_ns,
			    idle_ns + other_ns);
		claims__add(&s->doubt, mark->open_ns, mark->open_ns + early, idle_ns,
			    idle_ns + other_ns);
		if (idle_ns && other_ns && s->cpus > 1)
			a->shared_ns += early;
	}
	if (kind == ACCT_IDLE) {
		claims__add(&s->idle, mark->open_ns + early, open_ns, 1, 1);
		claims__add(&s->doubt, mark->open_ns + early, open_ns, 1, 1);
	}
}

/* A stretch of one kind from its start on: by far the most. */
static void charge_plain(struct accounts *a, const struct acct_cpu *c, enum acct_kind kind)
{
	const struct acct_charge *now = &a->classes[c->class_idx].sum, *at = &c->at;
	const uint64_t placement = now->placement_ns - at->placement_ns;
	const uint64_t quota = now->quota_ns - at->quota_ns;
	const uint64_t no_work = now->no_work_ns - at->no_work_ns;
	const uint64_t flight = now->flight_ns - at->flight_ns;
	const uint64_t unknown = now->unknown_ns - at->unknown_ns;
	fix_t waits = 0;

	for (uint32_t set = a->reasons; set; set &= set - 1) {
		const uint32_t r = (uint32_t)__builtin_ctz(set);
		const fix_t x = now->reason[r] - at->reason[r];

		if (kind == ACCT_IDLE)
			a->idle_reason[r] += x;
		waits += x;
	}
	if (kind == ACCT_IDLE) {
		a->idle[CPT_BUDGET_PLACEMENT] += (fix_t)placement << FIX_BITS;
		a->idle[CPT_BUDGET_QUOTA] += (fix_t)quota << FIX_BITS;
		a->idle[CPT_BUDGET_NO_WORK] += (fix_t)(no_work - flight) << FIX_BITS;
		a->idle[CPT_BUDGET_IN_FLIGHT] += (fix_t)flight << FIX_BITS;
		a->idle[CPT_BUDGET_UNKNOWN] += (fix_t)unknown << FIX_BITS;
		return;
	}
	a->idle[kind == ACCT_OTHER ? CPT_BUDGET_OTHERS : CPT_BUDGET_UNKNOWN] +=
		waits + ((fix_t)(placement + quota + no_work + unknown) << FIX_BITS);
	if (kind != ACCT_OTHER)
		return;
	a->foreign_ns += a->now_ns - c->since_ns;
	if (a->siblings)
		count_siblings(a, c, true, 0, 0);
}

/* One with a first part of known sums. */
static void charge_parts(struct accounts *a, const struct acct_cpu *c, enum acct_kind kind,
			 uint64_t early_ns, uint64_t idle_ns, uint64_t other_ns)
{
	const uint64_t span = a->now_ns - c->since_ns;
	const uint64_t foreign = (uint64_t)((fix_t)early_ns * other_ns / (idle_ns + other_ns));
	struct shares whole, early;

	whole_charge(a, c, &whole);
	if (early_ns < span)
		early_charge(a, c, early_ns, &whole, &early);
	else
		early = whole;
	charge_idle(a, &early, idle_ns, idle_ns + other_ns);
	a->foreign_ns += foreign;
	if (a->siblings)
		count_siblings(a, c, kind == ACCT_OTHER, early_ns, foreign);
	subtract(&whole, &early);
	if (kind == ACCT_IDLE) {
		charge_idle(a, &whole, 1, 1);
		return;
	}
	a->idle[CPT_BUDGET_OTHERS] += whole.total;
	a->foreign_ns += span - early_ns;
}

void accounts__seen(struct accounts *a, uint32_t cpu, enum acct_kind kind, uint64_t since_ns,
		    uint64_t idle_ns, uint64_t other_ns)
{
	struct acct_cpu *c = &a->cpus[cpu];
	struct acct_class *k = &a->classes[c->class_idx];
	struct acct_mark *marks = &a->marks[(size_t)cpu * ACCT_SLOTS];
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
	if (early_ns && kind != ACCT_UNKNOWN)
		charge_parts(a, c, kind, early_ns, idle_ns, other_ns);
	else
		charge_plain(a, c, kind);
	FOR_EACH_BIT(i, c->slots, slot_words(a))
	claim(a, &a->slots[i], &marks[i], kind, early_ns, idle_ns, other_ns);
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

/* Whole ns that sum to total: each rounded down, what is missing to the largest remainders. */
static void round_to(uint64_t total, const fix_t *in, uint64_t *out, uint32_t cnt)
{
	const fix_t low = ((fix_t)1 << FIX_BITS) - 1;
	bool up[CPT_BUDGET_CNT + CPT_REASON_CNT] = {false};
	uint64_t missing = total;

	for (uint32_t i = 0; i < cnt; i++) {
		out[i] = (uint64_t)(in[i] >> FIX_BITS);
		missing -= out[i];
	}
	for (; missing && missing < cnt; missing--) {
		uint32_t best = 0;

		while (up[best])
			best++;
		for (uint32_t i = best; i < cnt; i++)
			if (!up[i] && (in[i] & low) > (in[best] & low))
				best = i;
		up[best] = true;
		out[best]++;
	}
	/* 1/W is itself rounded: after years of many tasks waiting a ns or two may be missing. */
	out[CPT_BUDGET_UNKNOWN] += missing;
}

static uint64_t share_of(uint64_t whole, uint64_t num, uint64_t den)
{
	if (!den || num >= den)
		return den ? whole : 0;
	return (uint64_t)((fix_t)whole * num / den);
}

/* The tracer's part of what others took of allowed CPUs, and of what they kept from our tasks. */
static void set_tracer_apart(const struct accounts *a, uint64_t tracer_ns, struct cpt_budget *b,
			     struct cpt_demand *d)
{
	const uint64_t others = b->item_ns[CPT_BUDGET_OTHERS];
	const uint64_t foreign = a->foreign_ns > others ? a->foreign_ns : others;
	const uint64_t part = share_of(others, tracer_ns, foreign);
	const uint64_t kept = share_of(d->item_ns[CPT_DEMAND_OTHERS], part, others);

	b->item_ns[CPT_BUDGET_OTHERS] -= part;
	b->item_ns[CPT_BUDGET_TRACER] = part;
	d->item_ns[CPT_DEMAND_OTHERS] -= kept;
	d->item_ns[CPT_DEMAND_TRACER] = kept;
}

void accounts__finish(struct accounts *a, uint64_t used_ns, uint64_t total_ns, uint64_t ready_ns,
		      uint64_t tracer_ns, struct cpt_budget *budget, struct cpt_demand *demand)
{
	fix_t in[CPT_BUDGET_CNT + CPT_REASON_CNT];
	uint64_t out[CPT_BUDGET_CNT + CPT_REASON_CNT];

	for (uint32_t cpu = 0; cpu < a->cpu_cnt; cpu++)
		accounts__seen(a, cpu, ACCT_UNKNOWN, 0, 0, 0);
	memcpy(in, a->idle, sizeof(a->idle));
	memcpy(in + CPT_BUDGET_CNT, a->idle_reason, sizeof(a->idle_reason));
	round_to(total_ns - used_ns, in, out, CPT_BUDGET_CNT + CPT_REASON_CNT);
	memcpy(budget->item_ns, out, sizeof(budget->item_ns));
	memcpy(budget->reason_ns, out + CPT_BUDGET_CNT, sizeof(budget->reason_ns));
	budget->total_ns = total_ns;
	budget->item_ns[CPT_BUDGET_USED] = used_ns;
	budget->siblings_ns = a->siblings ? a->siblings_ns : UINT64_MAX;

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
	set_tracer_apart(a, tracer_ns, budget, demand);
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
