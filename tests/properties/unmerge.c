// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* unmerge.c - see unmerge.h. */
#include "unmerge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct copy {
	struct cpt_wait wait;
	struct cpt_info info;
};

struct unmerged {
	uint32_t cpu_cnt;
	struct cpt_rec_switch *hot;
	uint32_t *hot_cpu;
	size_t hot_cnt;
	struct cpt_rec_head **life;
	size_t life_cnt;
	struct cpt_event *wakes; /* by task: its last, type 0 none or told */
	uint32_t wake_cap;

	struct cpt_event *out;
	struct copy *copies; /* of what out points to */
	uint64_t *bits;	     /* masks of copies */
	char *texts;
	size_t out_cnt, out_cap;
};

/* In every build. */
#define MUST(cond) ((cond) ? (void)0 : (fprintf(stderr, "unmerge: not %s\n", #cond), abort()))

#define TEXT_SZ (CPT_COMM_LEN + CPT_PATH_LEN + CPT_ARGS_LEN)

/* ---- events to records ---------------------------------------------------------------------------- */

/* The wake-up that sw's switch-in tells of: the task's last, if none of its switch-ins has told it. */
static void add_hot(struct unmerged *u, const struct cpt_event *sw)
{
	const struct cpt_event *wake =
		sw->other && sw->other < u->wake_cap && u->wakes[sw->other].type == CPT_EV_WAKE
			? &u->wakes[sw->other]
			: NULL;
	struct cpt_rec_switch *rec = &u->hot[u->hot_cnt];

	u->hot_cpu[u->hot_cnt++] = sw->cpu;
	*rec = (struct cpt_rec_switch){
		.type = CPT_REC_SWITCH,
		.flags = sw->flags & (uint16_t) ~(CPT_SW_NEXT_WOKEN | CPT_SW_WAKER_FOREIGN),
		.ts_ns = sw->ts_ns,
		.prev = sw->task,
		.next = sw->other,
		.sysno = CPT_SYSNO_NONE,
		.waker_sysno = CPT_SYSNO_NONE,
	};
	if (sw->flags & CPT_SW_PREV_BLOCKED && sw->wait) {
		rec->sysno = sw->wait->sysno;
		rec->prev_state = sw->wait->prev_state;
		rec->object = sw->wait->object;
		rec->arg0 = sw->wait->arg0;
		rec->arg1 = sw->wait->arg1;
		rec->arg2 = sw->wait->arg2;
		rec->flags |= sw->wait->wait_flags & CPT_WAIT_IOWAIT ? CPT_SW_PREV_IOWAIT : 0;
		rec->flags |= sw->wait->wait_flags & CPT_WAIT_TIMEOUT ? CPT_SW_PREV_TIMEOUT : 0;
	}
	if (!wake)
		return;
	rec->flags |=
		CPT_SW_NEXT_WOKEN | (wake->flags & (CPT_SW_WAKER_FOREIGN | CPT_SW_WAKE_ON_WORD));
	rec->wake_ts_ns = wake->ts_ns;
	rec->waker = wake->other;
	rec->wake_ctx = wake->wake_ctx;
	rec->waker_sysno = wake->waker_sysno;
	u->wakes[sw->other].type = 0;
}

static void add_occupancy(struct unmerged *u, const struct cpt_event *ev)
{
	const struct cpt_rec_occupancy rec = {
		.type = CPT_REC_OCCUPANCY,
		.kind = ev->occ_kind,
		.next_kind = ev->occ_next,
		.ts_ns = ev->ts_ns,
		.since_ns = ev->occ_since_ns,
		.idle_ns = ev->occ_idle_ns,
		.other_ns = ev->occ_other_ns,
	};

	/* Records of a ring are of one size, and what its merge looks at of all of them at the same place. */
	memcpy(&u->hot[u->hot_cnt], &rec, sizeof(rec));
	u->hot_cpu[u->hot_cnt++] = ev->cpu;
}

static int keep_wake(struct unmerged *u, const struct cpt_event *ev)
{
	if (ev->task >= u->wake_cap) {
		const uint32_t cap = 2 * ev->task + 64;
		struct cpt_event *wakes = realloc(u->wakes, cap * sizeof(*wakes));

		if (!wakes)
			return -ENOMEM;
		memset(wakes + u->wake_cap, 0, (cap - u->wake_cap) * sizeof(*wakes));
		u->wakes = wakes;
		u->wake_cap = cap;
	}
	u->wakes[ev->task] = *ev;
	return 0;
}

static void copy_mask(uint64_t *bits, const struct cpt_mask *mask)
{
	for (uint32_t i = 0; i < mask->word_cnt && i < CPT_MASK_WORDS; i++)
		bits[i] = mask->bits[i];
}

static void fill_task(struct cpt_rec_task *rec, const struct cpt_event *ev)
{
	const struct cpt_info *info = ev->info;

	rec->parent = ev->other;
	rec->tid = info->tid;
	rec->tgid = info->tgid;
	rec->ns_tid = info->ns_tid;
	rec->flags = info->flags;
	rec->start_boottime_ns = info->start_boottime_ns;
	strncpy(rec->comm, info->comm ? info->comm : "", CPT_COMM_LEN - 1);
	rec->nr_cpus_allowed = info->mask.nr_cpus_allowed;
	copy_mask((uint64_t *)rec->mask, &info->mask);
}

static void fill_exec(struct cpt_rec_exec *rec, const struct cpt_event *ev)
{
	const struct cpt_info *info = ev->info;

	rec->tid = info->tid;
	rec->tgid = info->tgid;
	rec->ns_tid = info->ns_tid;
	rec->start_boottime_ns = info->start_boottime_ns;
	strncpy(rec->comm, info->comm ? info->comm : "", CPT_COMM_LEN - 1);
	strncpy(rec->filename, info->filename ? info->filename : "", CPT_PATH_LEN - 1);
	rec->args_sz = info->args_sz < CPT_ARGS_LEN ? info->args_sz : CPT_ARGS_LEN;
	if (rec->args_sz)
		memcpy(rec->args, info->args, rec->args_sz);
}

static void fill_exit(struct cpt_rec_exit *rec, const struct cpt_info *info)
{
	rec->sum_exec_ns = info->sum_exec_ns;
	rec->run_delay_ns = info->run_delay_ns;
	rec->nvcsw = info->nvcsw;
	rec->nivcsw = info->nivcsw;
	rec->exit_code = info->exit_code;
}

static void add_life(struct unmerged *u, const struct cpt_event *ev)
{
	static const struct {
		uint32_t type, sz;
	} kinds[CPT_EV_CNT] = {
		[CPT_EV_NEW] = {CPT_REC_NEW, sizeof(struct cpt_rec_task)},
		[CPT_EV_EXEC] = {CPT_REC_EXEC, sizeof(struct cpt_rec_exec)},
		[CPT_EV_RENAME] = {CPT_REC_RENAME, sizeof(struct cpt_rec_rename)},
		[CPT_EV_EXIT] = {CPT_REC_EXIT, sizeof(struct cpt_rec_exit)},
		[CPT_EV_AFFINITY] = {CPT_REC_AFFINITY, sizeof(struct cpt_rec_affinity)},
	};
	struct cpt_rec_head *rec = calloc(1, kinds[ev->type].sz);

	MUST(rec);
	*rec = (struct cpt_rec_head){.type = kinds[ev->type].type,
				     .sz = kinds[ev->type].sz,
				     .ts_ns = ev->ts_ns,
				     .id = ev->task,
				     .cpu = ev->cpu};
	if (ev->type == CPT_EV_NEW) {
		fill_task((void *)rec, ev);
	} else if (ev->type == CPT_EV_EXEC) {
		fill_exec((void *)rec, ev);
	} else if (ev->type == CPT_EV_EXIT) {
		fill_exit((void *)rec, ev->info);
	} else if (ev->type == CPT_EV_RENAME) {
		strncpy(((struct cpt_rec_rename *)rec)->comm, ev->info->comm, CPT_COMM_LEN - 1);
	} else {
		struct cpt_rec_affinity *to = (void *)rec;

		to->nr_cpus_allowed = ev->info->mask.nr_cpus_allowed;
		copy_mask((uint64_t *)to->mask, &ev->info->mask);
	}
	u->life[u->life_cnt++] = rec;
}

struct unmerged *unmerge__new(uint32_t cpu_cnt, const struct cpt_event *ev, size_t cnt)
{
	struct unmerged *u = calloc(1, sizeof(*u));

	if (!u)
		return NULL;
	u->cpu_cnt = cpu_cnt;
	if (unmerge__add(u, ev, cnt)) {
		unmerge__free(u);
		return NULL;
	}
	return u;
}

static int make_room(struct unmerged *u, size_t cnt)
{
	struct cpt_rec_switch *hot = realloc(u->hot, (u->hot_cnt + cnt + 1) * sizeof(*u->hot));
	uint32_t *hot_cpu;
	struct cpt_rec_head **life;

	if (!hot)
		return -ENOMEM;
	u->hot = hot;
	hot_cpu = realloc(u->hot_cpu, (u->hot_cnt + cnt + 1) * sizeof(*hot_cpu));
	if (!hot_cpu)
		return -ENOMEM;
	u->hot_cpu = hot_cpu;
	life = realloc(u->life, (u->life_cnt + cnt + 1) * sizeof(struct cpt_rec_head *));
	if (!life)
		return -ENOMEM;
	u->life = life;
	return 0;
}

int unmerge__add(struct unmerged *u, const struct cpt_event *ev, size_t cnt)
{
	int err = make_room(u, cnt);

	for (size_t i = 0; i < cnt && !err; i++) {
		if (ev[i].type == CPT_EV_SWITCH)
			add_hot(u, &ev[i]);
		else if (ev[i].type == CPT_EV_OCCUPANCY)
			add_occupancy(u, &ev[i]);
		else if (ev[i].type == CPT_EV_WAKE)
			err = keep_wake(u, &ev[i]);
		else if (ev[i].type >= CPT_EV_NEW && ev[i].type <= CPT_EV_AFFINITY)
			add_life(u, &ev[i]);
	}
	return err;
}

void unmerge__free(struct unmerged *u)
{
	if (!u)
		return;
	for (size_t i = 0; i < u->life_cnt; i++)
		free(u->life[i]);
	free(u->hot);
	free(u->hot_cpu);
	free(u->life);
	free(u->wakes);
	free(u->out);
	free(u->copies);
	free(u->bits);
	free(u->texts);
	free(u);
}

size_t unmerge__hot(const struct unmerged *u)
{
	return u->hot_cnt;
}

size_t unmerge__life(const struct unmerged *u)
{
	return u->life_cnt;
}

uint32_t unmerge__hot_cpu(const struct unmerged *u, size_t i)
{
	return u->hot_cpu[i];
}

uint32_t unmerge__life_type(const struct unmerged *u, size_t i)
{
	return u->life[i]->type;
}

/* ---- and back -------------------------------------------------------------------------------------- */

static char *keep_text(char **to, const char *s)
{
	char *at = *to;

	if (!s)
		return NULL;
	strcpy(at, s);
	*to += strlen(s) + 1;
	return at;
}

static int take_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct unmerged *u = ctx;

	for (size_t i = 0; i < cnt; i++) {
		struct cpt_event *out = &u->out[u->out_cnt];
		struct copy *copy = &u->copies[u->out_cnt];
		char *text = u->texts + u->out_cnt * TEXT_SZ;

		MUST(u->out_cnt < u->out_cap);
		*out = ev[i];
		if (ev[i].type == CPT_EV_SWITCH && ev[i].wait) {
			copy->wait = *ev[i].wait;
			out->wait = &copy->wait;
		} else if (ev[i].type >= CPT_EV_NEW && ev[i].type <= CPT_EV_AFFINITY) {
			uint64_t *bits = u->bits + u->out_cnt * CPT_MASK_WORDS;

			copy->info = *ev[i].info;
			copy->info.comm = keep_text(&text, copy->info.comm);
			copy->info.filename = keep_text(&text, copy->info.filename);
			if (copy->info.args_sz)
				copy->info.args = memcpy(text, copy->info.args, copy->info.args_sz);
			copy_mask(bits, &copy->info.mask);
			copy->info.mask.bits = bits;
			out->info = &copy->info;
		}
		u->out_cnt++;
	}
	return 0;
}

/* How a wait ended that had been handed out already; wake-ups are never late, all being added before. */
static int take_late(void *ctx, const struct cpt_late *late)
{
	struct unmerged *u = ctx;

	MUST(late->kind == CPT_LATE_END);
	for (size_t i = u->out_cnt; i-- > 0;) {
		struct cpt_event *ev = &u->out[i];

		if (ev->type != CPT_EV_SWITCH || ev->task != late->task ||
		    ev->ts_ns != late->ts_ns || !(ev->flags & CPT_SW_PREV_BLOCKED))
			continue;
		ev->end = late->end;
		ev->end_waker = late->waker;
		return 0;
	}
	return 0; /* still in the batch that is to come: as if it were not known */
}

static int reserve(struct unmerged *u)
{
	/* A switch, its wake-up, a loss before it and one by a look at the counters. */
	const size_t cap = 4 * u->hot_cnt + u->life_cnt + 4 * u->cpu_cnt;

	if (u->out_cap >= cap)
		return 0;
	u->out = calloc(cap, sizeof(*u->out));
	u->copies = calloc(cap, sizeof(*u->copies));
	u->bits = calloc(cap * CPT_MASK_WORDS, sizeof(*u->bits));
	u->texts = calloc(cap, TEXT_SZ);
	u->out_cap = cap;
	return u->out && u->copies && u->bits && u->texts ? 0 : -1;
}

/* A look at cpu's counter at at_ns, by somebody who now and then is without a CPU before and behind that: but behind it
 * no longer than until the next record that is not lost, for the ring is full. */
static void look(struct unmerged *u, struct cpt_merge *m, uint32_t cpu, const bool *lost,
		 uint32_t seq, uint64_t at_ns, size_t next, struct rng *rng)
{
	const uint64_t first = u->hot_cnt ? u->hot[0].ts_ns : 0;
	uint64_t from_ns = at_ns, until_ns = at_ns;

	if (!rng_below(rng, 8)) {
		from_ns -= rng_u64(rng) % (at_ns - first + 1);
		until_ns += rng_below(rng, 200000);
	}
	for (; next < u->hot_cnt && u->hot[next].ts_ns < until_ns; next++)
		if (u->hot_cpu[next] == cpu && (!lost || !lost[next]))
			until_ns = u->hot[next].ts_ns;
	MUST(!merge__add_attempts(m, cpu, seq, from_ns, until_ns));
}

/* One drain: what cpu recorded before until_ns, and a look at its counter. */
static void drain(struct unmerged *u, struct cpt_merge *m, uint32_t cpu, const bool *lost,
		  uint64_t until_ns, size_t *from, uint32_t *seq, struct rng *rng)
{
	size_t i;

	for (i = *from; i < u->hot_cnt && u->hot[i].ts_ns < until_ns; i++) {
		struct cpt_rec_switch rec = u->hot[i];

		if (u->hot_cpu[i] != cpu)
			continue;
		rec.seq = (*seq)++;
		if (!lost || !lost[i])
			MUST(!merge__add_ring(m, cpu, &rec, 1));
	}
	*from = i;
	look(u, m, cpu, lost, *seq, until_ns, i, rng);
}

const struct cpt_event *unmerge__merged(struct unmerged *u, const bool *hot, const bool *life,
					struct rng *rng, size_t *cnt)
{
	const struct cpt_merge_sink sink = {.events = take_events, .late = take_late, .ctx = u};
	struct cpt_merge *m = merge__new(u->cpu_cnt, &sink);
	const uint64_t first = u->hot_cnt ? u->hot[0].ts_ns : 0;
	const uint64_t last = u->hot_cnt ? u->hot[u->hot_cnt - 1].ts_ns + 1 : 0;

	MUST(m && !reserve(u));
	memset(u->bits, 0, u->out_cap * CPT_MASK_WORDS * sizeof(*u->bits));
	u->out_cnt = 0;
	for (size_t i = 0; i < u->life_cnt; i++)
		if (!life || !life[i])
			MUST(!merge__add_life(m, u->life[i], u->life[i]->sz));
	for (uint32_t cpu = 0; cpu < u->cpu_cnt; cpu++) {
		size_t from = 0;
		uint32_t seq = 0, looks = rng_below(rng, 4);
		uint64_t until = first;

		while (looks--) {
			until += last > until ? rng_u64(rng) % (last - until) : 0;
			drain(u, m, cpu, hot, until, &from, &seq, rng);
		}
		drain(u, m, cpu, hot, last, &from, &seq, rng);
	}
	MUST(!merge__finish(m));
	merge__free(m);
	*cnt = u->out_cnt;
	return u->out;
}
