// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* perfetto_head.c - names and tracks of the export for Perfetto; see perfetto.h. */
#include "perfetto_parts.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "analysis/python_gil.h"
#include "text_locks.h"

/* ---- names ----------------------------------------------------------------------------------- */

static void name_states(struct perfetto *p)
{
	for (uint32_t i = 0; i < CPT_STATE_CNT; i++) {
		pf_out__name(p->out, PF_NAMES_EVENT, NAME_STATE + i, state_name((enum cpt_state)i));
		pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_STATE + i,
			     state_name((enum cpt_state)i));
	}
	for (uint32_t i = 0; i < CPT_REASON_CNT; i++)
		pf_out__name(p->out, PF_NAMES_EVENT, NAME_REASON + i,
			     reason_name((enum cpt_reason)i));
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_CPU, "cpu");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_WAKE, "wake");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_PATH, "critical path");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_LOOP, "event loop");
	pf_out__name(p->out, PF_NAMES_CATEGORY, CATEGORY_PHASE, "phase");
	pf_out__name(p->out, PF_NAMES_EVENT, NAME_ITERATION, "iteration");
	pf_out__name(p->out, PF_NAMES_NOTE, PF_NOTE_NAME, "syscall");
	pf_out__name(p->out, PF_NAMES_NOTE, PF_NOTE_COUNT, "iterations");
}

/* "lock app:queue_lock", as the report calls it */
static void name_word(struct perfetto *p, const struct cpt_word *word, enum cpt_reason reason,
		      uint32_t idx)
{
	const enum python_gil part = python_gil_of(p->words, word);
	struct cpt_lock lock = {.addr = word->addr,
				.kind = word->kind,
				.reason = (uint8_t)reason,
				.symbol = (char *)word->symbol,
				.module = (char *)word->module,
				.python_gil = part == PYTHON_GIL_LOCK,
				.python_gil_switch = part == PYTHON_GIL_SWITCH};
	struct strbuf name = {0};

	strbuf__addf(&name, "%s ", reason_name(reason));
	add_raw_lock_name(&name, &lock);
	if (name.failed)
		p->err = -ENOMEM;
	pf_out__name(p->out, PF_NAMES_EVENT, NAME_WORD + idx, strbuf__str(&name));
	strbuf__free(&name);
}

uint32_t perfetto_wait__name(struct perfetto *p, const struct cpt_interval *iv)
{
	const bool is_lock = iv->reason == CPT_REASON_LOCK || iv->reason == CPT_REASON_HANDOFF ||
			     iv->reason == CPT_REASON_KERNEL_LOCK;
	const struct cpt_word *first;
	uint32_t idx;

	if (!is_lock || !iv->word)
		return NAME_REASON + iv->reason;
	/* In memory that processes share it is one lock, as in the report, called as its first word is. */
	idx = iv->word->same ? iv->word->same - 1 : words__idx(p->words, iv->word);
	first = words__at(p->words, idx);
	/* One that was judged by itself may have another reason: it has the reason's name then. */
	if (iv->word->reason != iv->reason || first->reason != iv->reason ||
	    idx > CPT_WORDS_MAX - 1)
		return NAME_REASON + iv->reason;
	if (!perfetto_known(p->words_known, idx))
		name_word(p, first, iv->reason, idx);
	return NAME_WORD + idx;
}

uint32_t perfetto_syscall__note(struct perfetto *p, uint16_t sysno)
{
	const uint8_t sys = sysno < CPT_SYSNO_TABLE_SZ ? p->sys[sysno] : CPT_SYS_UNKNOWN;

	if (sys == CPT_SYS_UNKNOWN)
		return 0;
	if (!p->sys_known[sys])
		pf_out__name(p->out, PF_NAMES_TEXT, sys, sys_name((enum cpt_sys)sys));
	p->sys_known[sys] = true;
	return sys;
}

/* ---- tracks ------------------------------------------------------------------------------------ */

void perfetto_track__add(struct perfetto *p, uint64_t uuid, uint64_t parent, const char *name,
			 bool counter)
{
	const struct pf_track track = {
		.uuid = uuid, .parent = parent, .name = name, .counter = counter};

	pf_out__track(p->out, &track);
}

void perfetto_cpu__add(struct perfetto *p, uint32_t cpu)
{
	char name[32];

	snprintf(name, sizeof(name), "CPU %" PRIu32, cpu);
	perfetto_track__add(p, TRACK_CPU + cpu, TRACK_CPUS, name, false);
}

/* Readers know processes and threads by these; 0 is their idle task. */
static bool is_id(uint32_t id)
{
	return id && id <= INT32_MAX;
}

static void add_process(struct perfetto *p, const struct cpt_thread *leader)
{
	const struct pf_track track = {.uuid = TRACK_PROCESS + leader->pid,
				       .name = leader->name,
				       .pid = (int32_t)leader->pid,
				       .command = leader->command};

	pf_out__track(p->out, &track);
}

static void add_thread(struct perfetto *p, const struct cpt_thread *t)
{
	struct pf_track track = {.uuid = TRACK_THREAD + (uint64_t)t->id, .name = t->name};
	struct strbuf full = {0};

	strbuf__addf(&full, "%s %" PRIu32, *t->name ? t->name : "(no name)", t->tid);
	pf_out__name(p->out, PF_NAMES_EVENT, NAME_THREAD + t->id, strbuf__str(&full));
	if (is_id(t->pid) && is_id(t->tid)) {
		track.pid = (int32_t)t->pid;
		track.tid = (int32_t)t->tid;
	}
	pf_out__track(p->out, &track);
	if (full.failed)
		p->err = -ENOMEM;
	strbuf__free(&full);
}

static int by_process(const void *a, const void *b)
{
	const struct cpt_thread *const *x = a, *const *y = b;

	if ((*x)->pid != (*y)->pid)
		return (*x)->pid < (*y)->pid ? -1 : 1;
	/* its leader, or whoever comes first */
	if (((*x)->tid == (*x)->pid) != ((*y)->tid == (*y)->pid))
		return (*x)->tid == (*x)->pid ? -1 : 1;
	return (*x)->id < (*y)->id ? -1 : (*x)->id > (*y)->id;
}

static int is_of_process(const void *pid, const void *thread)
{
	const struct cpt_thread *const *t = thread;

	return *(const uint32_t *)pid < (*t)->pid ? -1 : *(const uint32_t *)pid > (*t)->pid;
}

/* The counter of an epoll instance, below its process. */
static void add_instance(struct perfetto *p, const struct cpt_epoll_instance *in, bool has_process)
{
	char name[64] = "in flight: poll";

	if (!(in->flags & CPT_LOOP_POLL))
		snprintf(name, sizeof(name), "in flight: %s %" PRIu32,
			 in->flags & CPT_LOOP_RING ? "io_uring" : "epoll", in->epfd);
	perfetto_track__add(p, TRACK_INSTANCE + in->id, has_process ? TRACK_PROCESS + in->pid : 0,
			    name, true);
}

static void add_processes(struct perfetto *p)
{
	const struct cpt_report *r = p->r;
	const struct cpt_thread **order = malloc((r->threads_cnt + 1) * sizeof(const void *));

	if (!order) {
		p->err = -ENOMEM;
		return;
	}
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		order[i] = &r->threads_tab[i];
	qsort(order, r->threads_cnt, sizeof(*order), by_process);
	for (uint32_t i = 0; i < r->threads_cnt; i++)
		if (is_id(order[i]->pid) && (!i || order[i - 1]->pid != order[i]->pid))
			add_process(p, order[i]);
	for (uint32_t i = 0; i < r->instances_cnt; i++)
		add_instance(p, &r->instances[i],
			     is_id(r->instances[i].pid) &&
				     bsearch(&r->instances[i].pid, order, r->threads_cnt,
					     sizeof(*order), is_of_process));
	free(order);
}

static void add_phases(struct perfetto *p)
{
	const struct cpt_phases *phases = &p->r->phases;

	for (uint32_t i = 0; i < phases->cnt; i++)
		pf_out__name(p->out, PF_NAMES_EVENT, NAME_PHASE + i, phases->tab[i].name);
	if (phases->cnt)
		perfetto_track__add(p, TRACK_PHASES, 0, "phases", false);
}

int perfetto_head__add(struct perfetto *p)
{
	const struct cpt_trace_meta *meta = p->r->meta;

	pf_out__begin(p->out, meta->start_mono_ns, meta->start_boot_ns, meta->start_real_ns);
	name_states(p);
	perfetto_track__add(p, TRACK_RUNNING, 0, "CPUs busy", true);
	perfetto_track__add(p, TRACK_IN_PROGRESS, 0, "in progress", true);
	if (p->r->bounds.open) {
		perfetto_track__add(p, TRACK_RUNNING_MOST, 0, "CPUs busy, at most (events lost)",
				    true);
		perfetto_track__add(p, TRACK_DOUBTFUL, 0, "threads in unknown state (events lost)",
				    true);
	}
	if (p->instances_cnt)
		perfetto_track__add(p, TRACK_IN_FLIGHT, 0, "in flight, beside threads", true);
	add_phases(p);
	perfetto_track__add(p, TRACK_PATH, 0, "critical path", false);
	perfetto_track__add(p, TRACK_CPUS, 0, "CPUs", false);
	add_processes(p);
	for (uint32_t i = 0; i < p->r->threads_cnt; i++)
		add_thread(p, &p->r->threads_tab[i]);
	return p->err ? p->err : pf_out__flush(p->out);
}
