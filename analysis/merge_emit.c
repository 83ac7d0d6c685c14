// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* merge_emit.c - see merge_priv.h: each kind of record to its event, and the order within an instant. */
#include "merge_priv.h"

/* Larger groups of one instant than can come about by chance keep their plain order. */
#define TIE_CNT_MAX 48

#define NO_CPU UINT32_MAX

int merge_emit__late_end(struct cpt_merge *m, const struct cpt_rec_switch *sw)
{
	struct task_state *t = &m->tasks[sw->next];
	struct cpt_late late = {
		.ts_ns = t->open_ts_ns,
		.task = sw->next,
		.kind = CPT_LATE_END,
	};

	t->open_ts_ns = 0;
	late.end = cpt_wake_end(sw->wake_ctx, sw->flags, sw->waker, &late.waker);
	return m->sink.late(m->sink.ctx, &late);
}

static void list_del(struct cpt_merge *m, uint32_t task, int way, uint32_t slot)
{
	struct list *l = &m->tasks[task].list[way];
	const struct link *link = &m->sides[slot].link[way];

	if (link->prev)
		m->sides[link->prev].link[way].next = link->next;
	else
		l->head = link->next;
	if (link->next)
		m->sides[link->next].link[way].prev = link->prev;
	else
		l->tail = link->prev;
}

static int flush_batch(struct cpt_merge *m)
{
	int err = 0;

	if (m->batch_cnt)
		err = m->sink.events(m->sink.ctx, m->events, m->batch_cnt);
	for (size_t i = 0; i < m->batch_cnt; i++) {
		free(m->lives[i]);
		m->lives[i] = NULL;
	}
	m->batch_cnt = 0;
	return err;
}

/* The next event of the batch, zeroed; NULL on error (m->err is set). */
static struct cpt_event *next_event(struct cpt_merge *m)
{
	struct cpt_event *ev;

	if (m->batch_cnt == BATCH_CNT) {
		m->err = flush_batch(m);
		if (m->err)
			return NULL;
	}
	ev = &m->events[m->batch_cnt++];
	memset(ev, 0, sizeof(*ev));
	return ev;
}

static void fill_mask(struct cpt_mask *mask, uint32_t nr_cpus_allowed, const uint64_t *bits)
{
	mask->nr_cpus_allowed = nr_cpus_allowed;
	mask->bits = bits;
	mask->word_cnt = CPT_MASK_WORDS;
	while (mask->word_cnt && !bits[mask->word_cnt - 1])
		mask->word_cnt--;
}

static void fill_new(struct cpt_event *ev, struct cpt_info *info, struct cpt_rec_task *rec)
{
	ev->type = CPT_EV_NEW;
	ev->other = rec->parent;
	rec->comm[CPT_COMM_LEN - 1] = '\0';
	info->tid = rec->tid;
	info->tgid = rec->tgid;
	info->ns_tid = rec->ns_tid;
	info->flags = rec->flags;
	info->start_boottime_ns = rec->start_boottime_ns;
	info->comm = rec->comm;
	fill_mask(&info->mask, rec->nr_cpus_allowed, (const uint64_t *)rec->mask);
}

static void fill_exec(struct cpt_event *ev, struct cpt_info *info, struct cpt_rec_exec *rec)
{
	ev->type = CPT_EV_EXEC;
	rec->comm[CPT_COMM_LEN - 1] = '\0';
	rec->filename[CPT_PATH_LEN - 1] = '\0';
	info->tid = rec->tid;
	info->tgid = rec->tgid;
	info->ns_tid = rec->ns_tid;
	info->start_boottime_ns = rec->start_boottime_ns;
	info->comm = rec->comm;
	info->filename = rec->filename;
	info->args = rec->args;
	info->args_sz = rec->args_sz < CPT_ARGS_LEN ? rec->args_sz : CPT_ARGS_LEN;
}

static void fill_exit(struct cpt_event *ev, struct cpt_info *info, const struct cpt_rec_exit *rec)
{
	ev->type = CPT_EV_EXIT;
	info->exit_code = rec->exit_code;
	info->sum_exec_ns = rec->sum_exec_ns;
	info->run_delay_ns = rec->run_delay_ns;
	info->nvcsw = rec->nvcsw;
	info->nivcsw = rec->nivcsw;
}

static void fill_rename(struct cpt_event *ev, struct cpt_info *info, struct cpt_rec_rename *rec)
{
	ev->type = CPT_EV_RENAME;
	rec->comm[CPT_COMM_LEN - 1] = '\0';
	info->comm = rec->comm;
}

static void fill_affinity(struct cpt_event *ev, struct cpt_info *info,
			  const struct cpt_rec_affinity *rec)
{
	ev->type = CPT_EV_AFFINITY;
	fill_mask(&info->mask, rec->nr_cpus_allowed, (const uint64_t *)rec->mask);
}

/* The lifecycle record in slot, at ts_ns, unless it has been emitted ahead of its time. */
static void emit_life(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	struct cpt_rec_head *life = m->slots[slot].life;
	struct cpt_event *ev;
	struct cpt_info *info;

	if (m->sides[slot].done)
		return;
	ev = next_event(m);
	if (!ev)
		return;
	m->sides[slot].done = 1;
	m->lives[m->batch_cnt - 1] = life;
	info = &m->infos[m->batch_cnt - 1];
	memset(info, 0, sizeof(*info));
	ev->ts_ns = ts_ns;
	ev->task = life->id;
	ev->cpu = life->cpu;
	ev->info = info;
	if (life->type == CPT_REC_NEW)
		fill_new(ev, info, (void *)life);
	else if (life->type == CPT_REC_EXEC)
		fill_exec(ev, info, (void *)life);
	else if (life->type == CPT_REC_RENAME)
		fill_rename(ev, info, (void *)life);
	else if (life->type == CPT_REC_EXIT)
		fill_exit(ev, info, (void *)life);
	else
		fill_affinity(ev, info, (void *)life);
	if (m->tasks[life->id].new_slot == slot)
		m->tasks[life->id].new_slot = 0;
	if (m->tasks[life->id].exit_slot == slot)
		m->tasks[life->id].exit_slot = 0;
}

/* Whatever happens to a task happens after its birth. */
static inline void emit_birth(struct cpt_merge *m, uint32_t task, uint64_t ts_ns)
{
	if (m->tasks[task].new_slot)
		emit_life(m, m->tasks[task].new_slot, ts_ns);
}

/* The wake-up that ends the wait which the task's switch-out at ts_ns begins, NULL when it is not known:
 * the next switch-in has it, if the task was not seen to leave a CPU in between. */
static const struct cpt_rec_switch *next_wake(const struct cpt_merge *m, const struct task_state *t,
					      uint64_t ts_ns)
{
	const uint32_t in = t->list[WAY_IN].head, out = t->list[WAY_OUT].head;
	const struct cpt_rec_switch *sw = &m->slots[in].sw;

	if (!in || !(sw->flags & CPT_SW_NEXT_WOKEN) || sw->wake_ts_ns < ts_ns)
		return NULL;
	return !out || m->sides[out].ts_ns >= sw->wake_ts_ns ? sw : NULL;
}

/* What prev waits for and how that will end, as far as it is known. */
static void fill_wait(struct cpt_merge *m, struct cpt_event *ev, const struct cpt_rec_switch *sw)
{
	struct task_state *t = &m->tasks[sw->prev];
	struct cpt_wait *wait = &m->waits[m->batch_cnt - 1];
	const struct cpt_rec_switch *wake;

	*wait = (struct cpt_wait){
		.sysno = sw->sysno,
		.prev_state = sw->prev_state,
		.object = sw->object,
		.arg0 = sw->arg0,
		.arg1 = sw->arg1,
		.arg2 = sw->arg2,
	};
	if (sw->flags & CPT_SW_PREV_IOWAIT)
		wait->wait_flags |= CPT_WAIT_IOWAIT;
	if (sw->flags & CPT_SW_PREV_TIMEOUT)
		wait->wait_flags |= CPT_WAIT_TIMEOUT;
	ev->wait = wait;
	if (!sw->prev)
		return;
	wake = next_wake(m, t, ev->ts_ns);
	if (wake && wake->wake_ts_ns < m->complete_ns)
		ev->end = cpt_wake_end(wake->wake_ctx, wake->flags, wake->waker, &ev->end_waker);
	else
		t->open_ts_ns = ev->ts_ns;
}

/* A task's wait that is open when it leaves or enters a CPU has lost its wake-up. */
static void note_out(struct cpt_merge *m, uint32_t task, uint32_t slot)
{
	if (!task)
		return;
	list_del(m, task, WAY_OUT, slot);
	m->tasks[task].open_ts_ns = 0;
	m->tasks[task].on_cpu = 0;
}

static void note_in(struct cpt_merge *m, uint32_t task, uint32_t slot)
{
	if (!task)
		return;
	list_del(m, task, WAY_IN, slot);
	m->tasks[task].open_ts_ns = 0;
	m->tasks[task].on_cpu = 1u + m->sides[slot].cpu;
}

static void emit_switch(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	const struct cpt_rec_switch *sw = &m->slots[slot].sw;
	struct cpt_event *ev;

	emit_birth(m, sw->prev, ts_ns);
	emit_birth(m, sw->next, ts_ns);
	if ((sw->flags & CPT_SW_PREV_DEAD) && m->tasks[sw->prev].exit_slot)
		emit_life(m, m->tasks[sw->prev].exit_slot, ts_ns);
	ev = next_event(m);
	if (!ev)
		return;
	ev->ts_ns = ts_ns;
	ev->type = CPT_EV_SWITCH;
	ev->flags = sw->flags;
	ev->cpu = m->sides[slot].cpu;
	ev->task = sw->prev;
	ev->other = sw->next;
	note_out(m, sw->prev, slot);
	if (sw->flags & CPT_SW_PREV_BLOCKED)
		fill_wait(m, ev, sw);
	note_in(m, sw->next, slot);
}

static void emit_wake(struct cpt_merge *m, uint32_t slot)
{
	const struct cpt_rec_switch *sw = &m->slots[slot].sw;
	struct cpt_event *ev;

	emit_birth(m, sw->next, sw->wake_ts_ns);
	if (m->tasks[sw->next].open_ts_ns && !m->err)
		m->err = merge_emit__late_end(m, sw);
	if (m->err)
		return;
	ev = next_event(m);
	if (!ev)
		return;
	ev->ts_ns = sw->wake_ts_ns;
	ev->type = CPT_EV_WAKE;
	ev->wake_ctx = sw->wake_ctx;
	ev->flags = sw->flags & (CPT_SW_WAKER_FOREIGN | CPT_SW_WAKE_ON_WORD);
	ev->waker_sysno = sw->waker_sysno;
	ev->cpu = m->sides[slot].cpu;
	ev->task = sw->next;
	ev->other = sw->waker;
}

static void emit_occupancy(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	const struct cpt_rec_occupancy *occ = &m->slots[slot].occ;
	struct cpt_event *ev = next_event(m);

	if (!ev)
		return;
	ev->ts_ns = ts_ns;
	ev->type = CPT_EV_OCCUPANCY;
	ev->cpu = m->sides[slot].cpu;
	ev->occ_kind = occ->kind;
	ev->occ_next = (uint8_t)occ->next_kind;
	ev->occ_since_ns = occ->since_ns;
	ev->occ_idle_ns = occ->idle_ns;
	ev->occ_other_ns = occ->other_ns;
}

static void emit_loss(struct cpt_merge *m, uint32_t slot, uint64_t ts_ns)
{
	const struct loss *loss = &m->slots[slot].loss;
	struct cpu_state *c = &m->cpus[m->sides[slot].cpu];
	struct cpt_event *ev;

	if (c->tail_loss == slot)
		c->tail_loss = 0;
	if (!loss->cnt)
		return;
	ev = next_event(m);
	if (!ev)
		return;
	ev->ts_ns = ts_ns;
	ev->type = CPT_EV_LOSS;
	ev->cpu = m->sides[slot].cpu;
	ev->until_ns = loss->until_ns;
	ev->count = loss->cnt;
}

static void emit(struct cpt_merge *m, const struct key *k)
{
	const uint8_t kind = m->sides[k->slot].kind;

	if (k->ord >> 30 == KIND_WAKE)
		emit_wake(m, k->slot);
	else if (kind == SLOT_SWITCH)
		emit_switch(m, k->slot, k->ts_ns);
	else if (kind == SLOT_OCCUPANCY)
		emit_occupancy(m, k->slot, k->ts_ns);
	else if (kind == SLOT_LOSS)
		emit_loss(m, k->slot, k->ts_ns);
	else
		emit_life(m, k->slot, k->ts_ns);
	if (!m->err)
		slot_put(m, k->slot);
}

/* Behind lost records a task may be on a CPU that nobody saw it enter: then it leaves that one, at this instant,
 * before it enters `cpu`, by the switch in slot `own`, or is woken for that switch-in (NO_CPU). A wake-up that a later
 * switch-in tells of comes behind one of this instant. left: what is left of it, cnt of them. */
static bool comes_later(const struct cpt_merge *m, const struct key *left, size_t cnt, uint32_t own,
			uint32_t cpu)
{
	const uint32_t task = m->slots[own].sw.next;
	bool leaves = false;

	for (size_t i = 0; i < cnt; i++) {
		const struct side *side = &m->sides[left[i].slot];
		const struct cpt_rec_switch *sw = &m->slots[left[i].slot].sw;

		if (left[i].ord >> 30 != KIND_RING || side->kind != SLOT_SWITCH || side->cpu == cpu)
			continue;
		if (sw->next == task) /* it enters that one first */
			return cpu == NO_CPU && left[i].slot != own;
		leaves |= sw->prev == task;
	}
	return leaves;
}

/* Whether what k says can happen now, k[-idx..-1] being what else is left of its instant before it in
 * plain order: a CPU does one thing after the other, a task enters a CPU once it has left the one it
 * was on and its wake-up is out, and is woken when it is not running. */
static bool can_happen(const struct cpt_merge *m, const struct key *k, size_t idx, size_t cnt)
{
	const struct side *side = &m->sides[k->slot];
	const struct cpt_rec_switch *sw = &m->slots[k->slot].sw;

	if (k->ord >> 30 == KIND_LIFE)
		return true;
	if (k->ord >> 30 == KIND_WAKE)
		return !m->tasks[sw->next].on_cpu &&
		       !(m->lost_cnt && comes_later(m, k - idx, cnt, k->slot, NO_CPU));
	for (size_t i = 1; i <= idx; i++)
		if (k[-(ptrdiff_t)i].ord == k->ord)
			return false;
	if (side->kind != SLOT_SWITCH || !sw->next)
		return true;
	/* Two references: the key of its wake-up is not out yet, though of this instant. */
	if (side->refs > 1 && sw->wake_ts_ns == side->ts_ns)
		return false;
	if (sw->next == sw->prev)
		return true;
	return !m->tasks[sw->next].on_cpu &&
	       !(m->lost_cnt && comes_later(m, k - idx, cnt, k->slot, side->cpu));
}

/* The first wake-up of a task that does not leave a CPU at this instant; cnt: there is none. */
static size_t first_wake(const struct cpt_merge *m, const struct key *k, size_t cnt)
{
	size_t i = 0;

	while (i < cnt &&
	       (k[i].ord >> 30 != KIND_WAKE || comes_later(m, k, cnt, k[i].slot, NO_CPU)))
		i++;
	return i;
}

/* Emits the keys of one instant, cnt of them, in an order that can have happened: the first in plain
 * order that can happen next. Where none can, because records are missing, the first. */
static void emit_instant(struct cpt_merge *m, struct key *k, size_t cnt)
{
	for (; cnt && !m->err; cnt--) {
		struct key key;
		size_t i = 0;

		while (i < cnt && !can_happen(m, &k[i], i, cnt))
			i++;
		if (i == cnt) /* a wake-up rather: the switch-in it belongs to may be among them */
			i = first_wake(m, k, cnt);
		if (i == cnt)
			i = 0;
		key = k[i];
		memmove(k + 1, k, i * sizeof(*k));
		*k++ = key;
		emit(m, &key);
	}
}

int merge_emit__pending(struct cpt_merge *m, uint64_t horizon_ns, bool all)
{
	struct keys *p = &m->pending;
	size_t done = m->pending_at;

	while (done < p->cnt && !m->err && (all || p->at[done].ts_ns < horizon_ns)) {
		size_t end = done + 1;

		if (done + AHEAD < p->cnt)
			fetch_slot(m, p->at[done + AHEAD].slot);
		while (end < p->cnt && p->at[end].ts_ns == p->at[done].ts_ns)
			end++;
		if (end - done > 1 && end - done <= TIE_CNT_MAX) {
			emit_instant(m, p->at + done, end - done);
			done = end;
		}
		for (; done < end && !m->err; done++)
			emit(m, &p->at[done]);
	}
	if (!m->err)
		m->err = flush_batch(m);
	m->pending_at = done;
	return m->err;
}
