// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* text_loop_rates.c - see text_loop_rates.h. */
#include "text_loop_rates.h"

#include <inttypes.h>
#include <string.h>

#include "cli.h"
#include "escape.h"
#include "format.h"
#include "loop_names.h"
#include "share.h"

/* Below a twentieth of a loop's life the two utilisations are one, for people. */
#define DIFFERS 0.05
/* A hundredth of the window, as everywhere in this part: less is start-up. */
#define WORTH_SAYING 0.01
#define SQPOLLS	     3
#define SERVICES     3

void add_loop_name(struct strbuf *b, const struct cpt_thread *t, bool utf8)
{
	strbuf__addc(b, '`');
	if (t)
		escape_add(b, t->name, strnlen(t->name, CPT_COMM_LEN), utf8);
	strbuf__addf(b, "` (%" PRIu32 ")", t ? t->tid : 0);
}

void add_loop_text(struct strbuf *b, struct strbuf *text, const struct text_style *style)
{
	if (text->len) {
		strbuf__adds(b, "   ");
		cli_wrap(b, strbuf__str(text), 3, 3, style->width - 1);
	}
	if (text->failed)
		b->failed = true;
	strbuf__clear(text);
}

/* ---- a loop ------------------------------------------------------------------------------------------ */

/* "Busy for 65 % as Node counts it, on a CPU for 31 %: its handlers were blocked for 30 % and had no CPU for 4 %."
 * Of what is known of it. */
static void add_utilisations(struct strbuf *b, const struct cpt_loop *l)
{
	const uint64_t no_cpu = l->runnable_ns - l->woken_ns, known = loop_known_ns(l);
	char on[FMT_SZ], busy[FMT_SZ], p[FMT_SZ], q[FMT_SZ];

	if (loop_utilisation(l) - loop_on_cpu(l) < DIFFERS)
		return;
	strbuf__addf(b, " Busy for %s as Node counts it, on a CPU for %s:",
		     fmt_percent(busy, known - l->waiting_ns - l->woken_ns, known),
		     fmt_percent(on, l->on_cpu_ns, known));
	if (l->blocked_ns)
		strbuf__addf(b, " its handlers were blocked for %s",
			     fmt_percent(p, l->blocked_ns, known));
	if (no_cpu)
		strbuf__addf(b, "%s had no CPU for %s", l->blocked_ns ? " and" : " its handlers",
			     fmt_percent(q, no_cpu, known));
	strbuf__addc(b, '.');
	if (share(l->unknown_ns, l->life_ns) >= WORTH_SAYING)
		strbuf__addf(b, " That is without %s of its life, for which events were lost.",
			     fmt_percent(p, l->unknown_ns, l->life_ns));
}

void add_loop_rates(struct strbuf *b, const struct cpt_report *r, const struct cpt_loop *l,
		    const struct text_style *style)
{
	struct strbuf text = {0};
	char a[FMT_SZ], d[FMT_SZ];

	if (!l->events)
		return;
	add_loop_name(&text, report__thread(r, l->id), style->utf8);
	strbuf__addf(&text, ": %s events a turn, %" PRIu32 " at most",
		     fmt_average(a, loop_batch(l)), l->batch_max);
	if (loop_service_ns(l))
		strbuf__addf(&text, ", each served in %s",
			     fmt_duration(d, loop_service_ns(l), style->utf8));
	strbuf__addc(&text, '.');
	add_utilisations(&text, l);
	add_loop_text(b, &text, style);
	strbuf__free(&text);
}

/* ---- an instance ------------------------------------------------------------------------------------- */

static void add_upstream(struct strbuf *b, const struct cpt_flight_sums *up, bool utf8)
{
	char c[FMT_SZ], a[FMT_SZ], d[FMT_SZ];

	if (!up->completed)
		return;
	strbuf__addf(b, " Meanwhile it asked others %s times, %s at a time",
		     fmt_count(c, up->completed), fmt_average(a, up->average));
	if (up->latency_cnt)
		strbuf__addf(b, ", half of them answered within %s",
			     fmt_duration(d, up->p50_ns, utf8));
	strbuf__addc(b, '.');
}

void add_flight_rates(struct strbuf *b, const struct cpt_report *r,
		      const struct cpt_epoll_instance *in, const struct text_style *style)
{
	const bool ring = in->flags & CPT_LOOP_RING;
	struct strbuf text = {0};
	char c[FMT_SZ], n[FMT_SZ], o[FMT_SZ];

	if (in->ops.arrivals < 1)
		return;
	add_loop_name(&text, report__thread(r, in->proc), style->utf8);
	strbuf__addf(&text, ", %s %" PRId32 ": %s operations %s a second", instance_kind(in),
		     instance_fd(in), fmt_count(c, (uint64_t)(in->ops.arrivals + 0.5)),
		     in->outbound ? "begun" : "arrived");
	if (ring)
		strbuf__addf(&text, "; of %s in flight a poll was armed for %s, workers had %s",
			     fmt_average(o, in->ops.average), fmt_average(n, in->conns_average),
			     fmt_average(c, in->timers_average));
	else if (in->conns_peak)
		strbuf__addf(&text, " on %s connections, of which %s had one open",
			     fmt_average(n, in->conns_average), fmt_average(o, in->ops.average));
	if (!ring && in->timers_peak)
		strbuf__addf(&text, "; %s timers armed on average, %" PRIu32 " at most",
			     fmt_average(n, in->timers_average), in->timers_peak);
	strbuf__addc(&text, '.');
	add_upstream(&text, &in->upstream, style->utf8);
	add_loop_text(b, &text, style);
	strbuf__free(&text);
}

/* "7 (inbound) 1.21 s in 63 times, 20.4 ms at most" */
static void add_service(struct strbuf *b, const struct cpt_service *s, bool utf8)
{
	char d[FMT_SZ], n[FMT_SZ], m[FMT_SZ];

	strbuf__addf(b, "%" PRIu32 " (%s) %s", s->fd, service_kind_name(s->kind),
		     fmt_duration(d, s->service_ns, utf8));
	if (s->times > 1)
		strbuf__addf(b, " in %s times, %s at most", fmt_count(n, s->times),
			     fmt_duration(m, s->longest_ns, utf8));
}

void add_services(struct strbuf *b, const struct cpt_report *r, const struct cpt_epoll_instance *in,
		  const struct text_style *style)
{
	struct strbuf text = {0};

	if (!in->services_cnt || share(in->services[0].service_ns, r->window_ns) < WORTH_SAYING)
		return;
	add_loop_name(&text, report__thread(r, in->proc), style->utf8);
	strbuf__addf(&text, ", %s %" PRId32 ": descriptors that took most of its turns: ",
		     instance_kind(in), instance_fd(in));
	for (uint32_t i = 0; i < in->services_cnt && i < SERVICES; i++) {
		strbuf__adds(&text, i ? "; " : "");
		add_service(&text, &in->services[i], style->utf8);
	}
	strbuf__addc(&text, '.');
	add_loop_text(b, &text, style);
	strbuf__free(&text);
}

/* ---- threads that poll for rings --------------------------------------------------------------------- */

bool spins_for_rings(const struct cpt_report *r)
{
	uint64_t running_ns;

	return share(report__sqpoll_ns(r, &running_ns), r->window_ns) >= WORTH_SAYING;
}

void add_sqpolls(struct strbuf *b, const struct cpt_report *r, const struct text_style *style)
{
	char s[FMT_SZ], d[FMT_SZ];

	for (uint32_t i = 0, shown = 0; i < r->sqpolls_cnt && shown < SQPOLLS; i++) {
		const struct cpt_sqpoll *p = &r->sqpolls[i];
		const struct cpt_thread *t = report__thread(r, p->id);
		struct strbuf text = {0};

		if (share(p->spinning_ns, r->window_ns) < WORTH_SAYING)
			continue;
		shown++;
		add_loop_name(&text, t, style->utf8);
		strbuf__adds(&text, " polls for an io_uring");
		if (t && report__thread(r, t->cause)) {
			strbuf__adds(&text, " of ");
			add_loop_name(&text, report__thread(r, t->cause), style->utf8);
		}
		strbuf__addf(&text,
			     ": of the %s that it ran it spun for %s at least, with nothing to "
			     "submit or complete. That is no work.",
			     fmt_duration(d, p->running_ns, style->utf8),
			     fmt_duration(s, p->spinning_ns, style->utf8));
		add_loop_text(b, &text, style);
		strbuf__free(&text);
	}
}
