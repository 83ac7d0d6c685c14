// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* compare_events.c - tb_compare_events of trace_builder.h: equality by meaning, not by padding. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trace_builder.h"

static bool same_text(const char *a, const char *b)
{
	return !strcmp(a ? a : "", b ? b : "");
}

static bool same_mask(const struct cpt_mask *a, const struct cpt_mask *b)
{
	return a->nr_cpus_allowed == b->nr_cpus_allowed && a->word_cnt == b->word_cnt &&
	       (!a->word_cnt || !memcmp(a->bits, b->bits, 8 * (size_t)a->word_cnt));
}

static bool same_identity(const struct cpt_info *a, const struct cpt_info *b)
{
	return a->tid == b->tid && a->tgid == b->tgid && a->ns_tid == b->ns_tid &&
	       a->start_boottime_ns == b->start_boottime_ns && same_text(a->comm, b->comm);
}

static bool same_exit(const struct cpt_info *a, const struct cpt_info *b)
{
	return a->exit_code == b->exit_code && a->sum_exec_ns == b->sum_exec_ns &&
	       a->run_delay_ns == b->run_delay_ns && a->nvcsw == b->nvcsw && a->nivcsw == b->nivcsw;
}

static bool same_wait(const struct cpt_wait *a, const struct cpt_wait *b)
{
	return a && b && a->sysno == b->sysno && a->prev_state == b->prev_state &&
	       a->object == b->object && a->wait_flags == b->wait_flags && a->arg0 == b->arg0 &&
	       a->arg1 == b->arg1 && a->arg2 == b->arg2;
}

static bool same_switch(const struct cpt_event *a, const struct cpt_event *b)
{
	if (a->flags != b->flags || a->other != b->other)
		return false;
	if (!(a->flags & CPT_SW_PREV_BLOCKED))
		return !a->wait && !b->wait;
	return same_wait(a->wait, b->wait) && a->end == b->end && a->end_waker == b->end_waker;
}

static bool same_payload(const struct cpt_event *a, const struct cpt_event *b)
{
	switch (a->type) {
	case CPT_EV_SWITCH:
		return same_switch(a, b);
	case CPT_EV_WAKE:
		return a->flags == b->flags && a->other == b->other && a->wake_ctx == b->wake_ctx &&
		       a->waker_sysno == b->waker_sysno;
	case CPT_EV_NEW:
		return a->other == b->other && same_identity(a->info, b->info) &&
		       a->info->flags == b->info->flags &&
		       same_mask(&a->info->mask, &b->info->mask);
	case CPT_EV_EXEC:
		return same_identity(a->info, b->info) &&
		       same_text(a->info->filename, b->info->filename) &&
		       a->info->args_sz == b->info->args_sz &&
		       (!a->info->args_sz ||
			!memcmp(a->info->args, b->info->args, a->info->args_sz));
	case CPT_EV_RENAME:
		return same_text(a->info->comm, b->info->comm);
	case CPT_EV_EXIT:
		return same_exit(a->info, b->info);
	case CPT_EV_AFFINITY:
		return same_mask(&a->info->mask, &b->info->mask);
	case CPT_EV_OCCUPANCY:
		return a->occ_kind == b->occ_kind && a->occ_next == b->occ_next &&
		       a->occ_since_ns == b->occ_since_ns && a->occ_idle_ns == b->occ_idle_ns &&
		       a->occ_other_ns == b->occ_other_ns;
	case CPT_EV_LOSS:
		return a->until_ns == b->until_ns && a->count == b->count;
	case CPT_EV_LOOP_NEW:
		return a->other == b->other && a->loop_fd == b->loop_fd && a->flags == b->flags;
	case CPT_EV_LOOP:
		return a->other == b->other && a->flags == b->flags && a->level == b->level &&
		       a->peak == b->peak && a->opened == b->opened &&
		       a->completed == b->completed && a->cancelled == b->cancelled &&
		       a->batch == b->batch && a->iterations == b->iterations;
	case CPT_EV_LOOP_LOST:
		return true;
	case CPT_EV_LOOP_END:
		return a->other == b->other;
	case CPT_EV_MARK:
		return a->other == b->other && a->flags == b->flags && same_text(a->mark, b->mark);
	default:
		return false;
	}
}

static bool same_event(const struct cpt_event *a, const struct cpt_event *b)
{
	return a->type == b->type && a->ts_ns == b->ts_ns && a->cpu == b->cpu &&
	       a->task == b->task && same_payload(a, b);
}

static const char *event_name(uint8_t type)
{
#define NAME(name, value) [value] = #name,
	static const char *const names[] = {CPT_EVENTS(NAME)};
#undef NAME

	return type < CPT_EV_CNT && names[type] ? names[type] : "?";
}

static void print_event(const char *who, size_t idx, const struct cpt_event *ev)
{
	fprintf(stderr,
		"  %s[%zu]: %" PRIu64
		" %s cpu %u task %u other %u flags %#x ctx %u sysno %u end %u by "
		"%u\n",
		who, idx, ev->ts_ns, event_name(ev->type), ev->cpu, ev->task, ev->other, ev->flags,
		ev->wake_ctx, ev->waker_sysno, ev->end, ev->end_waker);
}

int tb_compare_events(const struct cpt_event *a, size_t a_cnt, const struct cpt_event *b,
		      size_t b_cnt)
{
	const size_t cnt = a_cnt < b_cnt ? a_cnt : b_cnt;
	size_t i = 0;

	while (i < cnt && same_event(&a[i], &b[i]))
		i++;
	if (i == cnt && a_cnt == b_cnt)
		return 0;
	fprintf(stderr, "events differ (%zu and %zu of them):\n", a_cnt, b_cnt);
	for (size_t j = i > 2 ? i - 2 : 0; j < i + 3; j++) {
		if (j < a_cnt)
			print_event("a", j, &a[j]);
		if (j < b_cnt)
			print_event("b", j, &b[j]);
	}
	return 1;
}
