/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * accounts.h - the CPU budget and the demand, while the pass goes by.
 *
 * Owns:     what each CPU that runs none of ours is charged to, and why each runnable task does not
 *           run (account_facts.h has the items).
 * Must not: know events or tasks. The timeline tells it what changes and when time passes.
 *
 * Who held a CPU becomes known at the end of a stretch only, and from then on back:
 *
 *   CPU 1  ours |<--------- stretch: idle? others? ---------->| SWITCH or OCCUPANCY tells
 *               |                                             |
 *        take down the integrals                      take differences
 *
 * The integrals run for every *class* of CPUs (those that are in the same masks): how long an idle
 * CPU of that class would have been charged to placement, to quota, to each waiting reason, to no
 * work. Likewise for every *slot* (affinity mask) the integral of its runnable tasks for which some
 * allowed CPU did not run ours. Nothing is done per CPU or per class when time passes:
 *
 *   W > 0:  one integral G of dt/W; reason r's is the sum of W_r * (difference of G) between the
 *           changes of W_r: W_r * G less G at each increase, plus G at each decrease of W_r
 *   class:  its mode says which global integral it follows; it is brought up to date when the mode
 *           changes (sync_class), and only while one of its CPUs has a stretch open
 *   CPU:    a task that makes place for another of ours at the same instant opens no stretch:
 *           cpu_off() only lists the CPU, and what is still off when time passes is settled
 *
 * An OCCUPANCY record says that nothing of ours changed in the first part of the stretch, so that part
 * is charged by the state at its start, and its idle share is known; the rest has one kind. (A can
 * change without a switch: its last turns from and to 0 are remembered; what lies behind more of them
 * is split in flight and no work as the whole stretch is.)
 *
 * Demand with several allowed CPUs off is placement if any of them idled. Each CPU, when it is found
 * to have idled, claims the demand since its stretch began; the union of claims (claims.h) is
 * placement, what no CPU claims is others. This is exact whatever order the CPUs are found out in (of some
 * 60 CPUs that are off at once, each since another moment; of more, what the oldest claim is by proportion).
 *
 * With acct_bins.h the same is also booked by bins of time.
 *
 * Private to analysis/.
 */
#ifndef CPT_ACCOUNTS_H
#define CPT_ACCOUNTS_H

#include "acct_charge.h"
#include "claims.h"
#include "report.h"

#define ACCT_SLOTS	256 /* masks told apart; tasks with others count as with none known */
#define ACCT_SLOT_WORDS (ACCT_SLOTS / 64)
#define ACCT_SLOT_NONE	0    /* mask not known */
#define ACCT_INVERSES	1024 /* 2^FIX_BITS / W is looked up for W below this */
#define ACCT_TURNS	64   /* of A, that are remembered */

struct acct_class {
	uint64_t slots[ACCT_SLOT_WORDS]; /* whose masks its CPUs are in */
	uint32_t ready, throttled;	 /* of those: that have such tasks */
	uint32_t open;			 /* stretches of its CPUs */
	uint32_t cpu;			 /* one of them */
	bool allowed;
	enum acct_mode mode;	/* while some stretch is open */
	struct acct_charge sum; /* up to at_ns, while some stretch is open */
	uint64_t at_ns, at_unknown_ns, at_no_work_ns, at_flight_ns;
	fix_t at_share;			 /* G when at_reason was taken */
	fix_t at_reason[CPT_REASON_CNT]; /* the reasons' integrals then */
};

struct acct_slot {
	uint32_t cpus, ours;	   /* online CPUs of the mask, and those of them that run ours */
	uint32_t ready, throttled; /* runnable tasks with this mask */
	uint64_t past_ns;	   /* see accounts__open_ns() */
	uint32_t class_cnt, class_idx; /* classes it holds; the last of them */
	uint64_t classes[CPT_MASK_WORDS];
	uint64_t bits[CPT_MASK_WORDS]; /* online CPUs of the mask */
	struct claims idle, doubt; /* of open_ns: idle CPUs', and those of CPUs not known as well */
};

struct acct_cpu {
	bool on;     /* runs ours now */
	bool ours;   /* counted so in the slots */
	bool open;   /* a stretch has begun, the fields below are valid */
	bool listed; /* among the pending */
	uint32_t class_idx;
	uint64_t slots[ACCT_SLOT_WORDS]; /* whose masks it is in */
	uint64_t since_ns, hole_ns;	 /* hole: no record is complete until then */
	uint64_t unknown_ns;		 /* the accounts', at its start */
	struct acct_moment begin;	 /* its class's sums, and the state, at its start */
	uint32_t core;
	uint32_t siblings_ours; /* of its core, at its start */
	uint64_t siblings_ns;	/* of its core, at its start */
};

/* CPUs that are siblings: how many of them run ours, and the integral of that. */
struct acct_core {
	uint32_t ours;
	uint64_t at_ns, sum_ns; /* the integral up to at_ns */
};

/* A slot as it was when a CPU's stretch began. */
struct acct_mark {
	uint64_t open_ns;
	uint32_t ready;
};

struct accounts {
	uint32_t cpu_cnt, online_cnt;
	uint64_t online[CPT_MASK_WORDS];
	uint64_t now_ns;
	bool on;

	/* the workload's state */
	uint32_t doubts;		/* tasks of unknown state, or ready with a mask not known */
	uint32_t waiting;		/* W */
	uint32_t in_flight;		/* A */
	uint32_t waits[CPT_REASON_CNT]; /* W_r */
	uint32_t ready_nowhere;		/* ready with a mask not known */
	uint32_t ready_full;		/* ready, and every CPU of its mask runs ours */
	uint32_t throttled;
	uint32_t ours_cnt; /* online CPUs that run ours */

	/* integrals */
	uint64_t unknown_ns, no_work_ns; /* while doubts; while neither doubts nor W */
	uint64_t flight_ns;		 /* of no_work_ns: while A */
	fix_t share;			 /* G: of dt/W otherwise */
	fix_t past[CPT_REASON_CNT]; /* reason r's integral is W_r * G - past[r], modulo 2^128 */
	uint32_t reasons;	    /* bit set of those ever met */
	uint64_t demand_ns[CPT_DEMAND_CNT];
	struct acct_sums sums; /* charged so far */
	uint64_t shared_ns;    /* see struct cpt_demand */
	/* First parts of stretches in which something was in doubt, so that what an OCCUPANCY record promises need not
	 * hold of what is counted: CPU time, and demand. */
	uint64_t blurred_ns, blurred_demand_ns;
	uint64_t siblings_ns; /* see struct cpt_budget */
	bool siblings;	      /* some core has several CPUs */
	uint64_t inverse[ACCT_INVERSES];

	struct acct_cpu *cpus;
	struct acct_core *cores;
	struct acct_mark *marks; /* cpu_cnt x ACCT_SLOTS */
	uint32_t *pending, pending_cnt;
	struct acct_class *classes;
	uint32_t class_cnt;
	struct acct_slot *slots;
	uint32_t slot_cnt;
	uint16_t *slot_of; /* by mask index, ACCT_SLOT_NONE not seen */
	uint32_t slot_of_cnt;
	struct acct_bins *bins;	       /* NULL: not asked for */
	uint64_t turns_ns[ACCT_TURNS]; /* when A turned from or to 0, turn n at n % ACCT_TURNS */
	uint64_t turns_cnt;
};

/* 0 or -ENOMEM. online: bit set of the CPUs below cpu_cnt that are; core_of: which core each CPU is of, below
 * cpu_cnt. */
int accounts__init(struct accounts *a, uint32_t cpu_cnt, const uint64_t *online,
		   const uint32_t *core_of, uint32_t mask_max);
void accounts__fini(struct accounts *a);

/* Accounting starts at now_ns, no task counted and every CPU without ours. It ends when time is no
 * longer moved; what is learnt later of stretches that were open then counts up to there. */
void accounts__open(struct accounts *a, uint64_t now_ns);

/* The slot of mask number `mask` with these bits, made on first sight. */
uint32_t accounts__slot(struct accounts *a, uint32_t mask, const uint64_t *bits);

/* CPUs in the mask of some live task (online only) are now these. */
void accounts__allow(struct accounts *a, const uint64_t *bits);

void accounts__settle(struct accounts *a);

/* 1/W. */
static inline fix_t accounts__inverse(const struct accounts *a)
{
	return a->waiting < ACCT_INVERSES ? a->inverse[a->waiting]
					  : (1ull << FIX_BITS) / a->waiting;
}

static inline void accounts__advance(struct accounts *a, uint64_t span_ns)
{
	if (a->pending_cnt)
		accounts__settle(a);
	a->now_ns += span_ns;
	if (a->doubts)
		a->unknown_ns += span_ns;
	else if (a->waiting)
		a->share += (fix_t)span_ns * accounts__inverse(a);
	else if (a->no_work_ns += span_ns, a->in_flight)
		a->flight_ns += span_ns;
	if (a->ready_full)
		a->demand_ns[a->ours_cnt == a->online_cnt ? CPT_DEMAND_CPUS : CPT_DEMAND_MASK] +=
			span_ns * a->ready_full;
	if (a->throttled | a->ready_nowhere) {
		a->demand_ns[CPT_DEMAND_QUOTA] += span_ns * a->throttled;
		a->demand_ns[CPT_DEMAND_UNKNOWN] += span_ns * a->ready_nowhere;
	}
}

/* A task begins (+1) or ends (-1) a stretch in progress and blocked, runnable, of unknown state. */
static inline void accounts__wait(struct accounts *a, enum cpt_reason reason, int change)
{
	a->past[reason] += change > 0 ? a->share : 0 - a->share;
	a->waits[reason] += (uint32_t)change;
	a->waiting += (uint32_t)change;
	a->reasons |= 1u << reason;
}

/* A is this from now on. */
static inline void accounts__flight(struct accounts *a, uint32_t in_flight)
{
	if (!a->in_flight != !in_flight)
		a->turns_ns[a->turns_cnt++ % ACCT_TURNS] = a->now_ns;
	a->in_flight = in_flight;
}

/* For how long of [from_ns, to_ns) A was not 0; UINT64_MAX: it turned too often since. */
uint64_t accounts__flight_ns(const struct accounts *a, uint64_t from_ns, uint64_t to_ns);

static inline uint32_t accounts__slot_rate(const struct acct_slot *s)
{
	return s->ours < s->cpus ? s->ready : 0;
}

/* Integral of ready while ours < cpus: its rate times now, less now at each increase of the rate, plus now
 * at each decrease; modulo 2^64. */
static inline uint64_t accounts__open_ns(const struct accounts *a, const struct acct_slot *s)
{
	return accounts__slot_rate(s) * a->now_ns - s->past_ns;
}

/* The class's tasks have changed. */
void accounts__find_mode(const struct accounts *a, struct acct_class *k);
/* A slot's first ready task has come, or its last has gone. Mostly its CPUs are of one class, and where all
 * of those run ours there is nothing to it. */
void accounts__turn_classes(struct accounts *a, struct acct_slot *s, int change);
static inline void accounts__ready_turn(struct accounts *a, struct acct_slot *s, int change)
{
	struct acct_class *k = &a->classes[s->class_idx];

	if (s->class_cnt != 1) {
		accounts__turn_classes(a, s, change);
		return;
	}
	k->ready += (uint32_t)change;
	if (k->open)
		accounts__find_mode(a, k);
}
void accounts__ready_other(struct accounts *a, uint32_t slot, bool throttled, int change);
static inline void accounts__ready(struct accounts *a, uint32_t slot, bool throttled, int change)
{
	struct acct_slot *s = &a->slots[slot];

	if (throttled || slot == ACCT_SLOT_NONE) {
		accounts__ready_other(a, slot, throttled, change);
		return;
	}
	if (s->ours >= s->cpus)
		a->ready_full += (uint32_t)change;
	else
		s->past_ns += change > 0 ? a->now_ns : 0 - a->now_ns;
	s->ready += (uint32_t)change;
	if (s->ready == (change > 0))
		accounts__ready_turn(a, s, change);
}
static inline void accounts__doubt(struct accounts *a, int change)
{
	a->doubts += (uint32_t)change;
}

/* A counted task takes the CPU, leaves it. */
void accounts__cpu_came(struct accounts *a, uint32_t cpu);
static inline void accounts__cpu_on(struct accounts *a, uint32_t cpu)
{
	a->cpus[cpu].on = true;
	if (a->pending_cnt && a->pending[a->pending_cnt - 1] == cpu) {
		a->pending_cnt--;
		a->cpus[cpu].listed = false;
	}
	if (a->cpus[cpu].open || !a->cpus[cpu].ours)
		accounts__cpu_came(a, cpu);
}
static inline void accounts__cpu_off(struct accounts *a, uint32_t cpu)
{
	struct acct_cpu *c = &a->cpus[cpu];

	c->on = false;
	if (!c->listed) {
		c->listed = true;
		a->pending[a->pending_cnt++] = cpu;
	}
}

/* What held cpu since its stretch began: from since_ns on idle_ns and other_ns, with nothing of ours
 * changing meanwhile, then kind. Without such sums: (0, 0, 0). No stretch open: nothing happens. */
void accounts__seen(struct accounts *a, uint32_t cpu, enum acct_kind kind, uint64_t since_ns,
		    uint64_t idle_ns, uint64_t other_ns);

/* Records of cpu are missing until then. */
void accounts__hole(struct accounts *a, uint32_t cpu, uint64_t until_ns);

/* The sums of every class that has a stretch open are up to now. */
void accounts__sync(struct accounts *a);
/* State of a class with a stretch open, its sums being up to now. */
void accounts__moment(const struct accounts *a, const struct acct_class *k, struct acct_moment *m);

/* What is still open becomes unknown; the sums, rounded. used_ns: integral of R; total_ns of N_allowed;
 * tracer_ns: CPU time of the tracer meanwhile, 0 not known. */
void accounts__finish(struct accounts *a, uint64_t used_ns, uint64_t total_ns, uint64_t ready_ns,
		      uint64_t tracer_ns, struct cpt_budget *budget, struct cpt_demand *demand);

#endif /* CPT_ACCOUNTS_H */
