// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_perfetto.c - drawn and random traces exported for Perfetto, taken apart again by the library.
 *
 * tests/pictures/check_perfetto.py holds recorded ones against a schema of its own; here are those that no
 * recording has: hostile names, events lost, ties, ids beyond what readers take.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "perfetto.pb-c.h"

#include "../../collector/escape.h"
#include "../../collector/perfetto.h"
#include "../../collector/perfetto_out.h"
#include "../support/random_trace.h"

#define TRACKS_MAX 4096
#define LOOPS	   1024
#define THREADS	   (16 + CPT_MAX_CPUS) /* first track of a thread: its number is added */

struct export
{
	struct analysed a;
	char *bytes;
	size_t sz;
	Pf__Trace *trace;
};

static void export(struct export *x, struct trace_builder *tb)
{
	const struct cpt_analysis_opts all = {0};
	int fd = tb__trace_fd(tb);
	FILE *f = open_memstream(&x->bytes, &x->sz);

	assert_non_null(f);
	assert_int_equal(analysed__open_fd(&x->a, fd, "drawn"), 0);
	assert_int_equal(perfetto__write(&x->a, "drawn", &all, f, "memory"), 0);
	assert_int_equal(fclose(f), 0);
	close(fd);
	x->trace = pf__trace__unpack(NULL, x->sz, (uint8_t *)x->bytes);
	assert_non_null(x->trace);
}

static void done(struct export *x, struct trace_builder *tb)
{
	pf__trace__free_unpacked(x->trace, NULL);
	free(x->bytes);
	analysed__free(&x->a);
	tb__free(tb);
}

/* ---- strings ------------------------------------------------------------------------------------ */

static void check_text(const char *s)
{
	size_t len = s ? strlen(s) : 0;
	uint32_t cp;

	while (len) {
		unsigned int n = utf8_decode(s, len, &cp);

		assert_true(n);
		s += n;
		len -= n;
	}
}

static void check_names(Pf__InternedString **names, size_t cnt)
{
	for (size_t i = 0; i < cnt; i++)
		check_text(names[i]->name);
}

static unsigned int check_texts(const Pf__Trace *t, const char *wanted)
{
	unsigned int found = 0;

	for (size_t i = 0; i < t->n_packet; i++) {
		const Pf__InternedData *data = t->packet[i]->interned_data;
		const Pf__TrackDescriptor *track = t->packet[i]->track_descriptor;

		if (data) {
			check_names(data->event_names, data->n_event_names);
			check_names(data->event_categories, data->n_event_categories);
		}
		if (!track)
			continue;
		check_text(track->name);
		if (track->process) {
			check_text(track->process->process_name);
			for (size_t k = 0; k < track->process->n_cmdline; k++)
				check_text(track->process->cmdline[k]);
		}
		if (track->thread) {
			check_text(track->thread->thread_name);
			found += !strcmp(track->thread->thread_name, wanted);
		}
	}
	return found;
}

static void hostile_names_are_valid_utf8(void **state)
{
	static const char *const names[] = {"\xff\xfe\x80", "\xc3\xa9t\xc3", "\033[31mred",
					    "\xed\xa0\x80", "a\nb\tc",	     "\xf4\x90\x80\x80",
					    "\"<&>'"};
	struct trace_builder *tb = tb__new(2);
	uint32_t main_ = tb__command(tb, 1000, "main");
	uint64_t now = 2000;
	struct export x;

	tb__run(tb, 1000, 0, main_);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++, now += 100) {
		uint32_t worker = tb__fork(tb, now, main_, names[i]);

		tb__run(tb, now + 10, 1, worker);
		tb__exec(tb, now + 20, worker, "/bin/\x80", names[i]);
		tb__exit(tb, now + 50, worker, 0, TB_IDLE);
	}
	tb__exit(tb, now, main_, 0, TB_IDLE);
	export(&x, tb);
	assert_int_equal(check_texts(x.trace, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"), 2);
	assert_int_equal(check_texts(x.trace, "\xc3\xa9t\xef\xbf\xbd"), 1);
	done(&x, tb);
	(void)state;
}

/* Its threads have no thread's descriptor: reader's would take pid 0 for idle, -1 for nonsense. */
static void ids_that_readers_cannot_hold_are_plain_tracks(void **state)
{
	struct trace_builder *tb = tb__new(1);
	const struct cpt_info info = {.tid = UINT32_MAX, .tgid = UINT32_MAX, .comm = "odd"};
	uint32_t main_ = tb__command(tb, 1000, "main"), odd;
	unsigned int plain = 0, threads = 0;
	struct export x;

	tb__run(tb, 1000, 0, main_);
	odd = tb__new_task(tb, 1100, main_, &info);
	tb__run(tb, 1200, 0, odd);
	tb__exit(tb, 1300, odd, 0, main_);
	tb__exit(tb, 1400, main_, 0, TB_IDLE);
	export(&x, tb);
	for (size_t i = 0; i < x.trace->n_packet; i++) {
		const Pf__TrackDescriptor *track = x.trace->packet[i]->track_descriptor;

		threads += track && track->thread;
		plain += track && track->name && !strcmp(track->name, "odd");
		if (track && track->thread)
			assert_true(track->thread->tid > 0 && track->thread->pid > 0);
	}
	assert_int_equal(threads, 1);
	assert_int_equal(plain, 1);
	done(&x, tb);
	(void)state;
}

/* ---- sums --------------------------------------------------------------------------------------- */

struct at { /* an event's place among all */
	uint64_t ts_ns;
	size_t idx;
	const Pf__TrackEvent *ev;
};

struct track {
	uint64_t begun_ns; /* 0: no slice is open */
	uint64_t category;
	uint64_t sums[CPT_STATE_CNT + 8]; /* by category */
	uint64_t counter, counted_ns, integral;
};

static struct track tracks[TRACKS_MAX];

/* Those that go by a number of their own have their kind in the upper half: 2 loops, 3 instances. */
static struct track *track_of(uint64_t uuid)
{
	const uint64_t kind = uuid >> 32, place = (uuid & UINT32_MAX) + kind * LOOPS;

	assert_true(place < TRACKS_MAX && kind <= 3);
	return &tracks[place];
}

static int by_time(const void *a, const void *b)
{
	const struct at *x = a, *y = b;

	if (x->ts_ns != y->ts_ns)
		return x->ts_ns < y->ts_ns ? -1 : 1;
	return x->idx < y->idx ? -1 : 1;
}

static void play(const struct at *at, uint64_t *flows)
{
	const Pf__TrackEvent *ev = at->ev;
	struct track *t = track_of(ev->track_uuid);

	switch (ev->type) {
	case PF_SLICE_BEGIN:
		assert_int_equal(t->begun_ns, 0);
		t->begun_ns = at->ts_ns;
		t->category = ev->category_iids[0];
		*flows -= ev->n_terminating_flow_ids ? ev->terminating_flow_ids[0] : 0;
		break;
	case PF_SLICE_END:
		assert_true(t->begun_ns && t->begun_ns < at->ts_ns);
		t->sums[t->category] += at->ts_ns - t->begun_ns;
		t->begun_ns = 0;
		break;
	case PF_INSTANT:
		assert_int_equal(ev->n_flow_ids, 1);
		*flows += ev->flow_ids[0];
		break;
	default:
		assert_int_equal(ev->type, PF_COUNTER);
		t->integral += t->counter * (at->ts_ns - t->counted_ns);
		t->counter = (uint64_t)ev->counter_value;
		t->counted_ns = at->ts_ns;
	}
}

/* All events in the order a reader takes them. Every flow that begins ends. */
static void play_all(const Pf__Trace *trace)
{
	struct at *at = calloc(trace->n_packet, sizeof(*at));
	uint64_t flows = 0;
	size_t cnt = 0;

	assert_non_null(at);
	memset(tracks, 0, sizeof(tracks));
	for (size_t i = 0; i < trace->n_packet; i++)
		if (trace->packet[i]->track_event)
			at[cnt++] = (struct at){trace->packet[i]->timestamp, i,
						trace->packet[i]->track_event};
	qsort(at, cnt, sizeof(*at), by_time);
	for (size_t i = 0; i < cnt; i++)
		play(&at[i], &flows);
	for (size_t i = 0; i < TRACKS_MAX; i++)
		assert_int_equal(tracks[i].begun_ns, 0);
	assert_int_equal(flows, 0);
	free(at);
}

/* Iterations are the dispatches of a thread's loops, from its return to its next wait. */
static void check_loops(const struct cpt_report *r)
{
	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];
		const uint64_t sum = track_of((UINT64_C(2) << 32) + t->id)->sums[CPT_STATE_CNT + 4];
		uint64_t whole = 0, cnt = 0;

		for (uint32_t k = 0; k < r->loops.cnt; k++) {
			if (r->loops.tab[k].id != t->id)
				continue;
			whole += r->loops.tab[k].dispatch_ns;
			cnt += r->loops.tab[k].dispatches;
		}
		/* Those that were recorded as one share its time in whole ns. */
		assert_true(sum >= whole && sum - whole <= cnt);
	}
}

static void check_sums(const struct cpt_report *r)
{
	uint64_t cpus = 0, path = tracks[1].sums[CPT_STATE_CNT + 3];

	for (uint32_t i = 0; i < r->threads_cnt; i++) {
		const struct cpt_thread *t = &r->threads_tab[i];
		const uint64_t *sums = &tracks[THREADS + t->id].sums[1];
		uint64_t waiting = 0, parked = 0;

		for (int k = 0; k < CPT_REASON_CNT; k++)
			*(reason_is_parked((enum cpt_reason)k) ? &parked : &waiting) +=
				t->reason_ns[k];
		assert_int_equal(sums[CPT_STATE_RUNNING], t->running_ns);
		assert_int_equal(sums[CPT_STATE_RUNNABLE], t->runnable_ns);
		assert_int_equal(sums[CPT_STATE_WAITING], waiting);
		assert_int_equal(sums[CPT_STATE_PARKED], parked);
		assert_int_equal(sums[CPT_STATE_UNKNOWN], t->unknown_ns);
	}
	check_loops(r);
	for (uint32_t cpu = 0; cpu < CPT_MAX_CPUS; cpu++)
		cpus += tracks[16 + cpu].sums[CPT_STATE_CNT + 1];
	assert_int_equal(cpus, r->cpu_time_ns);
	assert_int_equal(tracks[2].integral, r->cpu_time_ns);
	assert_int_equal(path, r->path.end_id ? r->path.length_ns - r->path.absent_ns : 0);
}

static void random_traces_sum_to_their_report(void **state)
{
	static const uint32_t kinds[] = {0, RANDOM_TIES, RANDOM_LOSS | RANDOM_TIES, RANDOM_PAUSES};

	for (uint64_t seed = 1; seed <= 400; seed++) {
		struct trace_builder *tb = tb__new(3);
		struct rng rng = {.state = seed};
		struct export x;

		random_trace(tb, &rng, 3, 5 + (uint32_t)seed % 150, kinds[seed % 4]);
		export(&x, tb);
		play_all(x.trace);
		check_sums(x.a.report);
		done(&x, tb);
	}
	(void)state;
}

/* A new mask in the middle of a wait makes two slices of it, and no wake-up. */
static void a_wait_that_is_cut_in_two_has_one_end(void **state)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t main_ = tb__command(tb, 1000, "main"), worker;
	const uint64_t mask = 1;
	unsigned int begins = 0, ends = 0;
	struct export x;

	tb__run(tb, 1000, 0, main_);
	worker = tb__thread(tb, 1100, main_, "worker");
	tb__run(tb, 1200, 1, worker);
	tb__block(tb, 1300, worker, tb_wait_mutex(0x1000, tb_tid(main_)), TB_IDLE);
	tb__affinity(tb, 1400, worker, &mask, 1);
	tb__wake(tb, 1500, worker, main_);
	tb__run(tb, 1600, 1, worker);
	tb__exit(tb, 1700, worker, 0, TB_IDLE);
	tb__exit(tb, 1800, main_, 0, TB_IDLE);
	export(&x, tb);
	for (size_t i = 0; i < x.trace->n_packet; i++) {
		const Pf__TracePacket *packet = x.trace->packet[i];

		if (packet->track_event && packet->track_event->n_flow_ids) {
			assert_int_equal(packet->timestamp, 1500);
			assert_int_equal(packet->track_event->track_uuid, THREADS + main_);
			begins++;
		}
		if (packet->track_event && packet->track_event->n_terminating_flow_ids) {
			assert_int_equal(packet->timestamp, 1500);
			assert_int_equal(packet->track_event->track_uuid, THREADS + worker);
			ends++;
		}
	}
	assert_int_equal(begins, 1);
	assert_int_equal(ends, 1);
	play_all(x.trace);
	check_sums(x.a.report);
	done(&x, tb);
	(void)state;
}

/* Drawn: the loop waits at 1100, 1500 and 1900, and is back 110 ns later: there its iterations begin. The last
 * one has no next wait, and a wait for a lock within one is part of it. */
static void iterations_lie_between_waits_for_events(void **state)
{
	struct trace_builder *tb = tb__new(1);
	uint32_t loop = tb__command(tb, 1000, "loop");
	const struct cpt_wait wait = tb_wait_call(SYS_epoll_wait, 5, 0, 0);
	const struct track *t = track_of((UINT64_C(2) << 32) + loop);
	struct export x;

	tb__run(tb, 1000, 0, loop);
	for (uint64_t at = 1100; at <= 1900; at += 400) {
		tb__block(tb, at, loop, wait, TB_IDLE);
		tb__wake_irq(tb, at + 100, loop, CPT_CTX_SOFTIRQ, 0);
		tb__run(tb, at + 110, 0, loop);
		tb__block(tb, at + 200, loop, tb_wait_mutex(0x1000, 0), TB_IDLE);
		tb__wake_foreign(tb, at + 220, loop, 77);
		tb__run(tb, at + 230, 0, loop);
	}
	tb__exit(tb, 2200, loop, 0, TB_IDLE);
	export(&x, tb);
	play_all(x.trace);
	check_sums(x.a.report);
	assert_int_equal(t->sums[CPT_STATE_CNT + 4], 2 * 290);
	assert_int_equal(x.a.report->loops.cnt, 1);
	assert_int_equal(x.a.report->loops.tab->dispatch_ns, 2 * 290);
	done(&x, tb);
	(void)state;
}

/* ---- the wire ----------------------------------------------------------------------------------- */

/* More different events than are kept, each twice: all come back as they went in. */
static void events_are_what_the_library_would_have_written(void **state)
{
	enum { CNT = 40000 };
	char *bytes;
	size_t sz;
	FILE *f = open_memstream(&bytes, &sz);
	struct pf_out *out = pf_out__new(f);
	Pf__Trace *trace;

	assert_non_null(out);
	for (uint64_t i = 0; i < CNT; i++) {
		const struct pf_event ev = {.track = i / 2 * 7919 + 1,
					    .name = (uint32_t)i / 2 * 31 + 1,
					    .category = (uint32_t)i / 2 % 9,
					    .note = i % 4 < 2 ? (uint32_t)i / 2 : 0,
					    .type = PF_SLICE_BEGIN,
					    .flow = (uint8_t)(i / 2 % 3)};

		assert_int_equal(pf_out__event(out, i << (i % 40), &ev, ~i), 0);
	}
	assert_int_equal(pf_out__flush(out), 0);
	pf_out__free(out);
	fclose(f);
	trace = pf__trace__unpack(NULL, sz, (uint8_t *)bytes);
	assert_non_null(trace);
	assert_int_equal(trace->n_packet, CNT);
	for (uint64_t i = 0; i < CNT; i++) {
		const Pf__TrackEvent *ev = trace->packet[i]->track_event;

		assert_int_equal(trace->packet[i]->timestamp, i << (i % 40));
		assert_int_equal(trace->packet[i]->trusted_packet_sequence_id, 1);
		assert_int_equal(trace->packet[i]->sequence_flags, 2);
		assert_int_equal(ev->track_uuid, i / 2 * 7919 + 1);
		assert_int_equal(ev->name_iid, i / 2 * 31 + 1);
		assert_int_equal(ev->n_category_iids, i / 2 % 9 != 0);
		assert_int_equal(ev->n_debug_annotations, i % 4 < 2 && i / 2);
		if (i / 2 % 3 == PF_FLOW_BEGINS)
			assert_int_equal(ev->flow_ids[0], ~i);
		if (i / 2 % 3 == PF_FLOW_ENDS)
			assert_int_equal(ev->terminating_flow_ids[0], ~i);
	}
	pf__trace__free_unpacked(trace, NULL);
	free(bytes);
	(void)state;
}

static void a_disk_that_is_full_is_said(void **state)
{
	const struct cpt_analysis_opts all = {0};
	struct trace_builder *tb = tb__new(1);
	uint32_t main_ = tb__command(tb, 1000, "main");
	FILE *f = fopen("/dev/full", "w");
	struct analysed a;
	int fd;

	tb__run(tb, 1000, 0, main_);
	tb__exit(tb, 1400, main_, 0, TB_IDLE);
	fd = tb__trace_fd(tb);
	assert_non_null(f);
	assert_int_equal(analysed__open_fd(&a, fd, "drawn"), 0);
	assert_int_equal(perfetto__write(&a, "drawn", &all, f, "/dev/full"), -ENOSPC);
	analysed__free(&a);
	fclose(f);
	close(fd);
	tb__free(tb);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hostile_names_are_valid_utf8),
		cmocka_unit_test(ids_that_readers_cannot_hold_are_plain_tracks),
		cmocka_unit_test(random_traces_sum_to_their_report),
		cmocka_unit_test(a_wait_that_is_cut_in_two_has_one_end),
		cmocka_unit_test(iterations_lie_between_waits_for_events),
		cmocka_unit_test(events_are_what_the_library_would_have_written),
		cmocka_unit_test(a_disk_that_is_full_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
