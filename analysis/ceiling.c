// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * ceiling.c - see ceiling.h.
 */
#include "ceiling.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "python_gil.h"

/*
 * When a watched set becomes a ceiling. Each is about a way in which other programs come close:
 */

/* Of the window: a hand-off that few want to pass limits nothing. */
#define WANTED_MIN 0.05
/* Of the wanted time, more than one may run: a hand-over takes two context switches in which the old
 * and the new one are both on CPUs (some 10 us of an interval of some ms), and threads leave such a lock
 * around system calls. Pools and barriers overlap for tens of per cent. */
#define OVERLAP_MAX 0.05
/* Of the wanted time, all of the set may wait: workers do so for work that comes from elsewhere. (A holder
 * that was preempted does not wait: others than the workload may have taken its CPU.) */
#define ALL_WAIT_MAX 0.5
/* Another CPU must have been free for the others, on average: else CPUs are the limit. */
#define FREE_CPUS_MIN 0.5
/* Of the wanted time, one of the set may want a CPU while another one runs: beyond that CPUs are the
 * limit. */
#define CROWDED_MAX 0.5
/* Turns taken, and by each its share of the running: a straggler others wait for takes no turns. */
#define TURNS_MIN  20
#define TURN_SHARE 0.05

#define DID_WAIT 1
#define DID_WAKE 2
#define DID_BOTH 3

enum part_slot { PART_OUT, PART_RUNS, PART_WAITS, PART_RUNNABLE, PART_SLOT_CNT };

struct ceiling_set {
	uint32_t word;		      /* index */
	uint32_t cnt[PART_SLOT_CNT];  /* of the set, now */
	uint64_t now_ns, running_sum; /* accounted up to; the timeline's running integral then */
	uint64_t wanted_ns, one_ns, overlap_ns, all_wait_ns, crowded_ns;
	double free_cpu_ns;
	uint32_t last_runner; /* that ran alone, last */
	uint64_t turns;
};

struct ceilings {
	struct tasks *tasks;
	const struct timeline *tl;
	const struct cpt_words *words;
	struct ceiling_set *sets;
	uint32_t cnt, cap;
};

const char *ceiling_kind_name(enum cpt_ceiling_kind kind)
{
#define CEILING_STR(name, str) str,
	static const char *const names[] = {CPT_CEILINGS(CEILING_STR)};

	return kind < CPT_CEILING_KIND_CNT ? names[kind] : "?";
}

struct ceilings *ceilings__new(struct tasks *tasks, const struct timeline *tl,
			       const struct cpt_words *words)
{
	struct ceilings *cs = calloc(1, sizeof(*cs));

	if (!cs)
		return NULL;
	cs->tasks = tasks;
	cs->tl = tl;
	cs->words = words;
	return cs;
}

void ceilings__free(struct ceilings *cs)
{
	if (!cs)
		return;
	free(cs->sets);
	free(cs);
}

/* ---- the account ---------------------------------------------------------------------------------- */

/* Up to the timeline's now, in which the set's counts were constant. */
static void account(struct ceilings *cs, struct ceiling_set *s)
{
	const struct timeline *tl = cs->tl;
	const uint64_t span_ns = tl->now_ns - s->now_ns;
	const uint64_t running = tl->sums.running - s->running_sum;

	s->now_ns = tl->now_ns;
	s->running_sum = tl->sums.running;
	if (!span_ns || s->cnt[PART_RUNS] + s->cnt[PART_WAITS] < 2)
		return;
	s->wanted_ns += span_ns;
	if (s->cnt[PART_RUNS] == 1)
		s->one_ns += span_ns;
	else if (s->cnt[PART_RUNS])
		s->overlap_ns += span_ns;
	else if (!s->cnt[PART_RUNNABLE])
		s->all_wait_ns += span_ns;
	if (s->cnt[PART_RUNS] && s->cnt[PART_RUNNABLE])
		s->crowded_ns += span_ns;
	s->free_cpu_ns += (double)tl->allowed_cnt * (double)span_ns - (double)running;
}

static uint8_t slot_of(const struct task *t, uint32_t set)
{
	if (!t->counted)
		return PART_OUT;
	if (t->state == CPT_STATE_RUNNING)
		return PART_RUNS;
	if (t->state == CPT_STATE_RUNNABLE)
		return PART_RUNNABLE;
	return t->ceiling->waits_on == set + 1 ? PART_WAITS : PART_OUT;
}

static void update_part(struct ceilings *cs, const struct task *t, struct ceiling_part *part)
{
	struct ceiling_set *s = &cs->sets[part->set];
	const uint8_t slot = slot_of(t, part->set);

	if (part->did != DID_BOTH || slot == part->slot)
		return;
	account(cs, s);
	if (part->slot == PART_RUNS) {
		part->one_ns += s->one_ns - part->at_one;
		if (s->one_ns > part->at_one && s->last_runner != t->row.id) {
			s->last_runner = t->row.id;
			s->turns++;
		}
	}
	if (slot == PART_RUNS)
		part->at_one = s->one_ns;
	s->cnt[part->slot]--;
	s->cnt[slot]++;
	part->slot = slot;
}

void ceilings__update(struct ceilings *cs, struct task *t)
{
	struct task_ceiling *tc = t->ceiling;

	if (t->state != CPT_STATE_WAITING && t->state != CPT_STATE_PARKED)
		tc->waits_on = 0;
	for (uint32_t i = 0; i < tc->part_cnt; i++)
		update_part(cs, t, &tc->parts[i]);
}

/* ---- sets ------------------------------------------------------------------------------------------ */

/* Index of the word's set; CEILINGS_MAX when there is no place. */
static int find_set(struct ceilings *cs, uint32_t word, uint32_t *idx)
{
	struct ceiling_set *sets;

	for (*idx = 0; *idx < cs->cnt; (*idx)++)
		if (cs->sets[*idx].word == word)
			return 0;
	if (cs->cnt == CEILINGS_MAX)
		return 0;
	if (cs->cnt == cs->cap) {
		cs->cap = cs->cap ? 2 * cs->cap : 8;
		sets = realloc(cs->sets, cs->cap * sizeof(*sets));
		if (!sets) {
			cs->cap = cs->cnt;
			return -ENOMEM;
		}
		cs->sets = sets;
	}
	cs->sets[cs->cnt++] = (struct ceiling_set){
		.word = word,
		.now_ns = cs->tl->now_ns,
		.running_sum = cs->tl->sums.running,
	};
	return 0;
}

/* The task's part in the set, made if need be; NULL when it has its parts in others already. */
static struct ceiling_part *find_part(struct task_ceiling *tc, uint32_t set)
{
	for (uint32_t i = 0; i < tc->part_cnt; i++)
		if (tc->parts[i].set == set)
			return &tc->parts[i];
	if (tc->part_cnt == CEILINGS_PER_TASK)
		return NULL;
	tc->parts[tc->part_cnt] = (struct ceiling_part){.set = set};
	return &tc->parts[tc->part_cnt++];
}

static void join(struct ceilings *cs, struct task *t, uint32_t set, uint8_t did)
{
	struct ceiling_part *part = find_part(t->ceiling, set);

	if (!part || (part->did & did) == did)
		return;
	part->did |= did;
	if (part->did != DID_BOTH)
		return;
	/* From now on it counts; so far it was out of the set's counts. */
	account(cs, &cs->sets[set]);
	cs->sets[set].cnt[PART_OUT]++;
}

static int touch(struct task *t)
{
	if (t->ceiling)
		return 0;
	t->ceiling = calloc(1, sizeof(*t->ceiling));
	if (!t->ceiling)
		return -ENOMEM;
	t->watched = true;
	return 0;
}

int ceilings__wait(struct ceilings *cs, struct task *t, const struct cpt_word *word)
{
	uint32_t set;

	/* In shared mappings words of other processes have sets of their own: one process's threads. */
	if (find_set(cs, words__idx(cs->words, word), &set) || touch(t))
		return -ENOMEM;
	if (set == CEILINGS_MAX)
		return 0;
	join(cs, t, set, DID_WAIT);
	t->ceiling->waits_on = set + 1;
	ceilings__update(cs, t);
	return 0;
}

int ceilings__wake(struct ceilings *cs, const struct task *t, struct task *waker)
{
	if (!t->ceiling || !t->ceiling->waits_on || t->proc != waker->proc)
		return 0;
	if (touch(waker))
		return -ENOMEM;
	join(cs, waker, t->ceiling->waits_on - 1, DID_WAKE);
	ceilings__update(cs, waker);
	return 0;
}

/* ---- the facts -------------------------------------------------------------------------------------- */

static void count_turn_takers(const struct ceilings *cs, uint32_t *takers)
{
	for (uint32_t id = 1; id < cs->tasks->end; id++) {
		const struct task *t = tasks__find(cs->tasks, id);

		for (uint32_t i = 0; t && t->ceiling && i < t->ceiling->part_cnt; i++) {
			const struct ceiling_part *part = &t->ceiling->parts[i];
			const uint64_t one = cs->sets[part->set].one_ns;

			takers[part->set] +=
				one && (double)part->one_ns >= TURN_SHARE * (double)one;
		}
	}
}

static bool is_ceiling(const struct ceiling_set *s, uint32_t takers, uint64_t window_ns)
{
	const double wanted = (double)s->wanted_ns;

	return takers >= 2 && s->turns >= TURNS_MIN && wanted >= WANTED_MIN * (double)window_ns &&
	       (double)s->overlap_ns <= OVERLAP_MAX * wanted &&
	       (double)s->all_wait_ns <= ALL_WAIT_MAX * wanted &&
	       (double)s->crowded_ns <= CROWDED_MAX * wanted &&
	       s->free_cpu_ns >= FREE_CPUS_MIN * wanted;
}

static int name_ceiling(struct cpt_ceiling *out, const char *symbol, const char *module)
{
	out->symbol = strdup(symbol);
	out->module = strdup(module);
	return out->symbol && out->module ? 0 : -ENOMEM;
}

static void take_evidence(const struct ceiling_set *s, uint32_t takers, struct cpt_ceiling *out)
{
	out->threads = takers;
	out->wanted_ns = s->wanted_ns;
	out->one_ns = s->one_ns;
	out->overlap_ns = s->overlap_ns;
	out->turns = s->turns;
	out->free_cpus = s->wanted_ns ? s->free_cpu_ns / (double)s->wanted_ns : 0;
}

static uint32_t pid_of(const struct ceilings *cs, const struct cpt_word *word)
{
	const struct task *leader = tasks__find(cs->tasks, word->proc);

	return leader ? leader->row.pid : 0;
}

static int take_set(const struct ceilings *cs, const struct ceiling_set *s, uint32_t takers,
		    struct cpt_ceiling *out)
{
	const struct cpt_word *word = words__at(cs->words, s->word);

	out->kind = CPT_CEILING_ONE_OF_N;
	out->word_kind = word->kind;
	out->pid = pid_of(cs, word);
	out->addr = word->addr;
	take_evidence(s, takers, out);
	return name_ceiling(out, word->symbol, word->module);
}

/* The GIL's evidence is that of its word's set, if two threads at least waited on it and woke. */
static int take_gil(const struct ceilings *cs, const uint32_t *takers, const struct cpt_lock *lock,
		    struct cpt_ceiling *out)
{
	out->kind = CPT_CEILING_GIL;
	out->word_kind = lock->kind;
	out->pid = lock->pid;
	out->addr = lock->addr;
	out->threads = lock->waiters;
	out->waited_ns = lock->waited_ns;
	for (uint32_t i = 0; i < cs->cnt; i++) {
		const struct cpt_word *word = words__at(cs->words, cs->sets[i].word);

		if (word->addr == lock->addr && pid_of(cs, word) == lock->pid)
			take_evidence(&cs->sets[i], takers[i], out);
	}
	return name_ceiling(out, lock->symbol, lock->module);
}

static int cmp_ceiling(const void *pa, const void *pb)
{
	const struct cpt_ceiling *a = pa, *b = pb;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->waited_ns != b->waited_ns)
		return a->waited_ns > b->waited_ns ? -1 : 1;
	if (a->wanted_ns != b->wanted_ns)
		return a->wanted_ns > b->wanted_ns ? -1 : 1;
	return a->addr < b->addr ? -1 : a->addr > b->addr;
}

static int take_all(const struct ceilings *cs, const uint32_t *takers, uint64_t window_ns,
		    const struct cpt_lock *locks, uint32_t lock_cnt, struct cpt_ceiling *tab,
		    uint32_t *cnt)
{
	for (uint32_t i = 0; i < lock_cnt && *cnt < CPT_CEILINGS_MAX; i++)
		if (locks[i].python_gil && take_gil(cs, takers, &locks[i], &tab[(*cnt)++]))
			return -ENOMEM;
	for (uint32_t i = 0; i < cs->cnt && *cnt < CPT_CEILINGS_MAX; i++) {
		const struct ceiling_set *s = &cs->sets[i];

		if (is_ceiling(s, takers[i], window_ns) &&
		    python_gil_of(cs->words, words__at(cs->words, s->word)) == PYTHON_GIL_NONE &&
		    take_set(cs, s, takers[i], &tab[(*cnt)++]))
			return -ENOMEM;
	}
	return 0;
}

int ceilings__take(struct ceilings *cs, uint64_t window_ns, const struct cpt_lock *locks,
		   uint32_t lock_cnt, struct cpt_ceiling **tab, uint32_t *cnt)
{
	uint32_t *takers = calloc(cs->cnt ? cs->cnt : 1, sizeof(*takers));
	int err = -ENOMEM;

	*cnt = 0;
	*tab = calloc(CPT_CEILINGS_MAX, sizeof(**tab));
	if (*tab && takers) {
		count_turn_takers(cs, takers);
		err = take_all(cs, takers, window_ns, locks, lock_cnt, *tab, cnt);
		qsort(*tab, *cnt, sizeof(**tab), cmp_ceiling);
	}
	free(takers);
	return err;
}
