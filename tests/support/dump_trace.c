// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* dump_trace.c - see dump_trace.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "../../analysis/stacks.h"
#include "../../analysis/latencies.h"
#include "../../analysis/services.h"
#include "../../analysis/trace_reader.h"
#include "dump_trace.h"

static void dump_text(FILE *out, const char *key, const char *text, size_t sz)
{
	fprintf(out, " %s=\"", key);
	for (size_t i = 0; i < sz; i++) {
		const unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e || c == '"' || c == '\\')
			fprintf(out, "\\x%02x", c);
		else
			fputc(c, out);
	}
	fputc('"', out);
}

static void dump_string(FILE *out, const char *key, const char *text)
{
	size_t sz = 0;

	while (text[sz])
		sz++;
	dump_text(out, key, text, sz);
}

static void dump_meta(FILE *out, const struct cpt_trace_meta *m)
{
	fputs("meta", out);
	dump_string(out, "version", m->cpartrace_version);
	dump_string(out, "host", m->hostname);
	dump_string(out, "kernel", m->kernel);
	dump_string(out, "machine", m->machine);
	for (size_t i = 0; m->argv && m->argv[i]; i++)
		dump_string(out, "arg", m->argv[i]);
	fprintf(out, " root_tid=%u flags=%#x mono=%" PRIu64 " real=%" PRIu64 " boot=%" PRIu64,
		m->root_tid, m->flags, m->start_mono_ns, m->start_real_ns, m->start_boot_ns);
	fprintf(out, " quota=%g cpus=%u", m->quota_cpus, m->cpu_cnt);
	/* What a version did not have yet is not in the texts of its traces. */
	if (m->sample_hz || m->stack_flags)
		fprintf(out, " sample_hz=%u stacks=%#x", m->sample_hz, m->stack_flags);
	fputc('\n', out);
	for (uint32_t i = 0; i < m->cpu_info_cnt; i++)
		fprintf(out, "cpu %u online=%u core=%d package=%d node=%d\n", m->cpus[i].cpu,
			m->cpus[i].online, m->cpus[i].core, m->cpus[i].package, m->cpus[i].node);
}

static void dump_close(FILE *out, const struct cpt_trace_close *c)
{
	fprintf(out, "close end=%" PRIu64 " exit=%u/%u lost_ring=%" PRIu64, c->end_mono_ns,
		c->exit_kind, c->exit_value, c->lost_ring);
	for (int i = 0; i < CPT_LOSS_CNT; i++)
		fprintf(out, " lost=%" PRIu64, c->lost[i]);
	fprintf(out, " recursion=%" PRIu64 " mends=%" PRIu64 "/%" PRIu64, c->lost_recursion,
		c->mends, c->mends_failed);
	fprintf(out, " tracer=%" PRIu64 " steal=%" PRIu64 " throttled=%" PRIu64 "\n",
		c->tracer_cpu_ns, c->steal_ns, c->throttled_ns);
	if (c->irq_ns != UINT64_MAX || c->quota_periods != UINT64_MAX)
		fprintf(out, "close irq=%" PRIu64 " periods=%" PRIu64 " throttled=%" PRIu64 "\n",
			c->irq_ns, c->quota_periods, c->quota_throttled);
	for (int i = 0; i < CPT_STACK_LOSS_CNT; i++)
		if (c->stacks_lost[i])
			fprintf(out, "close stacks_lost[%d]=%" PRIu64 "\n", i, c->stacks_lost[i]);
	for (int i = 0; i < CPT_MARK_LOSS_CNT; i++) /* since 1.5 */
		if (c->marks_lost[i])
			fprintf(out, "close marks_lost[%d]=%" PRIu64 "\n", i, c->marks_lost[i]);
	for (uint32_t i = 0; i < c->tenant_cnt; i++) {
		fprintf(out, "tenant pid=%u cpu=%" PRIu64, c->tenants[i].pid, c->tenants[i].cpu_ns);
		dump_string(out, "name", c->tenants[i].name);
		fputc('\n', out);
	}
	if (c->tenants_rest_ns != UINT64_MAX)
		fprintf(out, "tenants rest=%" PRIu64 "\n", c->tenants_rest_ns);
	if (c->loops_state)
		fprintf(out, "loops: state %u, lost %" PRIu64 " %" PRIu64 " %" PRIu64 "\n",
			c->loops_state, c->loops_lost[0], c->loops_lost[1], c->loops_lost[2]);
	if (c->loops_lost[3]) /* since 1.3 */
		fprintf(out, "loops: probes left out %" PRIu64 "\n", c->loops_lost[3]);
}

static void dump_words(FILE *out, const struct cpt_words *ws)
{
	for (uint32_t i = 0; i < words__cnt(ws); i++) {
		const struct cpt_word *w = words__at(ws, i);

		fprintf(out, "word proc=%u/%u addr=%" PRIx64 " kind=%u reason=%u flags=%#x same=%u",
			w->proc, w->space, w->addr, w->kind, w->reason, w->flags, w->same);
		fprintf(out, " waits=%" PRIu64 "/%" PRIu64 " wakes=%" PRIu64 " tasks=%u,%u,%u",
			w->waits, w->timeouts, w->wakes, w->waiters, w->wakers, w->both);
		dump_string(out, "symbol", w->symbol);
		dump_string(out, "module", w->module);
		dump_string(out, "build_id", w->build_id);
		fprintf(out, " offset=%" PRIx64 "\n", w->offset);
	}
}

static void dump_stacks(FILE *out, const struct cpt_stacks *ss)
{
	for (uint32_t n = 1; n <= stacks__cnt(ss); n++) {
		for (uint32_t i = 0; i < stacks__depth(ss, n); i++) {
			const struct cpt_frame *f = stacks__frame(ss, n, i);

			fprintf(out, "frame %u.%u offset=%" PRIx64 " line=%u flags=%#x", n, i,
				f->offset, f->line, f->flags);
			dump_string(out, "symbol", f->symbol);
			dump_string(out, "module", f->module);
			dump_string(out, "file", f->file);
			fputc('\n', out);
		}
	}
}

static void dump_mask(FILE *out, const struct cpt_mask *mask)
{
	fprintf(out, " allowed=%u mask", mask->nr_cpus_allowed);
	for (uint32_t i = 0; i < mask->word_cnt; i++)
		fprintf(out, ":%" PRIx64, mask->bits[i]);
}

static void dump_switch(FILE *out, const struct cpt_event *ev)
{
	static const char *const ends[] = {"open", "task", "foreign", "irq"};
	const struct cpt_wait *w = ev->wait;

	fprintf(out, " %u->%u flags=%#x", ev->task, ev->other, ev->flags);
	if (!w)
		return;
	fprintf(out, " wait sysno=%u state=%u object=%u flags=%u", w->sysno, w->prev_state,
		w->object, w->wait_flags);
	fprintf(out, " args=%" PRIx64 ",%" PRIx64 ",%x end=%s by %u", w->arg0, w->arg1, w->arg2,
		ends[ev->end & 3], ev->end_waker);
}

static void dump_identity(FILE *out, const struct cpt_info *info)
{
	fprintf(out, " tid=%u tgid=%u ns_tid=%u start=%" PRIu64, info->tid, info->tgid,
		info->ns_tid, info->start_boottime_ns);
	dump_string(out, "comm", info->comm);
}

static void dump_exit(FILE *out, const struct cpt_info *info)
{
	fprintf(out, " code=%d exec=%" PRIu64 " delay=%" PRIu64, info->exit_code, info->sum_exec_ns,
		info->run_delay_ns);
	fprintf(out, " switches=%" PRIu64 "/%" PRIu64, info->nvcsw, info->nivcsw);
}

static void dump_life(FILE *out, const struct cpt_event *ev)
{
	const struct cpt_info *info = ev->info;

	fprintf(out, " task=%u", ev->task);
	if (ev->type == CPT_EV_NEW) {
		fprintf(out, " by %u flags=%#x", ev->other, info->flags);
		dump_identity(out, info);
		dump_mask(out, &info->mask);
	} else if (ev->type == CPT_EV_EXEC) {
		dump_identity(out, info);
		dump_string(out, "file", info->filename);
		dump_text(out, "args", info->args, info->args_sz);
	} else if (ev->type == CPT_EV_RENAME) {
		dump_string(out, "comm", info->comm);
	} else if (ev->type == CPT_EV_EXIT) {
		dump_exit(out, info);
	} else {
		dump_mask(out, &info->mask);
	}
}

static void dump_event(FILE *out, const struct cpt_event *ev)
{
#define NAME(name, value) [value] = #name,
	static const char *const names[] = {CPT_EVENTS(NAME) CPT_SIDE_EVENTS(NAME)};
#undef NAME

	fprintf(out, "%" PRIu64 " cpu%u %s", ev->ts_ns, ev->cpu, names[ev->type]);
	switch (ev->type) {
	case CPT_EV_SWITCH:
		dump_switch(out, ev);
		break;
	case CPT_EV_WAKE:
		fprintf(out, " %u by %u ctx=%u flags=%#x sysno=%u", ev->task, ev->other,
			ev->wake_ctx, ev->flags, ev->waker_sysno);
		break;
	case CPT_EV_OCCUPANCY:
		fprintf(out,
			" since=%" PRIu64 " idle=%" PRIu64 " other=%" PRIu64 " kind=%u next=%u",
			ev->occ_since_ns, ev->occ_idle_ns, ev->occ_other_ns, ev->occ_kind,
			ev->occ_next);
		break;
	case CPT_EV_LOSS:
		fprintf(out, " until=%" PRIu64 " count=%" PRIu64, ev->until_ns, ev->count);
		break;
	case CPT_EV_STACKS:
		fprintf(out, " %u->%u stacks=%u,%u waker's=%u,%u", ev->task, ev->other, ev->user,
			ev->kernel, ev->wake_user, ev->wake_kernel);
		break;
	case CPT_EV_SAMPLE:
		fprintf(out, " %u flags=%#x stacks=%u,%u", ev->task, ev->flags, ev->user,
			ev->kernel);
		break;
	case CPT_EV_LOOP_NEW:
		fprintf(out, " %u instance=%u fd=%u flags=%#x", ev->task, ev->other, ev->loop_fd,
			ev->flags);
		break;
	case CPT_EV_LOOP:
		fprintf(out, " %u instance=%u flags=%#x level=%u peak=%u", ev->task, ev->other,
			ev->flags, ev->level, ev->peak);
		if (ev->flags & CPT_LOOP_EV_OPS)
			fprintf(out, " opened=%u completed=%u cancelled=%u iterations=%u batch=%u",
				ev->opened, ev->completed, ev->cancelled, ev->iterations,
				ev->batch);
		break;
	case CPT_EV_LOOP_LOST:
		break;
	case CPT_EV_LOOP_END:
		fprintf(out, " instance=%u", ev->other);
		break;
	case CPT_EV_MARK:
		fprintf(out, " %u tid=%u flags=%#x", ev->task, ev->other, ev->flags);
		dump_string(out, "name", ev->mark);
		break;
	default:
		dump_life(out, ev);
	}
	fputc('\n', out);
}

static void dump_latency(FILE *out, uint32_t id, const char *way, const struct cpt_latency_facts *f)
{
	if (f->max_ns)
		fprintf(out,
			"latencies of %u%s: %" PRIu64 " p50=%" PRIu64 " p99=%" PRIu64
			" max=%" PRIu64 "\n",
			id, way, f->cnt, f->p50_ns, f->p99_ns, f->max_ns);
}

/* Of the first instances: whose numbers those are the events say. */
static void dump_latencies(FILE *out, const struct cpt_latencies *l)
{
	for (uint32_t id = 1; id <= 64; id++) {
		const struct cpt_latency_facts in = latencies__of(l, id, false);
		const struct cpt_latency_facts away = latencies__of(l, id, true);

		dump_latency(out, id, "", &in);
		/* Before 1.3 they were one. */
		if (memcmp(&in, &away, sizeof(in)) != 0)
			dump_latency(out, id, ", outbound", &away);
	}
}

static void dump_services(FILE *out, const struct cpt_services *s)
{
	struct cpt_service tab[CPT_LOOP_SERVICES];

	for (uint32_t id = 1; id <= 64; id++) {
		const uint32_t cnt = services__of(s, id, tab);

		for (uint32_t i = 0; i < cnt; i++)
			fprintf(out,
				"service of %u: fd=%u %s %u times %" PRIu64 " max=%" PRIu64 "\n",
				id, tab[i].fd, service_kind_name(tab[i].kind), tab[i].times,
				tab[i].service_ns, tab[i].longest_ns);
	}
}

int dump_trace(int fd, FILE *out)
{
	char err[CPT_TRACE_ERR_LEN];
	struct trace_reader *r = trace_reader__open(fd, err);
	const struct cpt_event *ev;
	const char *why;
	size_t cnt;
	int ret;

	if (!r) {
		fprintf(out, "refused: %s\n", err);
		return -errno;
	}
	dump_meta(out, trace_reader__meta(r));
	while ((ret = trace_reader__next(r, &ev, &cnt)) > 0)
		for (size_t i = 0; i < cnt; i++)
			dump_event(out, &ev[i]);
	if (trace_reader__close_facts(r))
		dump_close(out, trace_reader__close_facts(r));
	if (trace_reader__words(r))
		dump_words(out, trace_reader__words(r));
	dump_stacks(out, trace_reader__stacks(r));
	dump_latencies(out, trace_reader__latencies(r));
	dump_services(out, trace_reader__services(r));
	why = trace_reader__incomplete(r);
	if (why)
		fprintf(out, "incomplete: %s\n", why);
	trace_reader__free(r);
	return ret;
}
