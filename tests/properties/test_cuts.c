// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_cuts.c - a trace is cut off anywhere: it says of the time it covers what the whole one says of it.
 *
 *   whole  │ header │ META │ LATE │ BLOCK │ BLOCK │ LATE │ LOOPS │ BLOCK │ … │ WORDS │ CLOSE │   --time 0,W
 *   cut    │ header │ META │ LATE │ BLOCK │ BLO                                                 covers W
 *
 * Generated runs, in which wake-ups and the ends of waits come late, and real ones; cut at any byte, and between
 * any two sections. Who runs when must be the same to the ns. A wake-up is told by the switch-in behind it: what
 * follows from one that the cut took away must lie within the bounds.
 *
 * What a futex is, a lock or a queue, is told by all that was seen of it: both reports take the whole trace's word
 * for it, so that this alone does not make the two differ.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/trace_format.h"
#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_writer.h"
#include "check.h"
#include "within.h"

/* All of a trace. */
struct whole {
	uint8_t *bytes;
	size_t sz;
	size_t *sections; /* where each begins */
	size_t section_cnt;
	struct cpt_words *words;
	struct trace_reader *reader; /* owns the words where the trace has some */
	bool own_words;
	int fd;
};

static struct gen gen;
static uint64_t compared, refused, without, hedged;

/* ---- what the program does with a file ---------------------------------------------------------------- */

static struct cpt_report *report_of(int fd, const struct cpt_words *words, bool cut, uint64_t to_ns)
{
	char err[CPT_TRACE_ERR_LEN];
	struct trace_reader *r = trace_reader__open(fd, err);
	struct cpt_analysis_opts o = {.words = words};
	struct cpt_trace_close facts = {.steal_ns = UINT64_MAX, .alive_exec_ns = UINT64_MAX};
	const struct cpt_trace_close *closed;
	struct cpt_report *report;
	const struct cpt_event *ev;
	struct cpt_analysis *a;
	uint64_t last_ns, span_ns;
	size_t cnt;

	if (!r) {
		assert_true(cut && *err);
		return NULL;
	}
	if (to_ns) {
		o.filter.have_time = true;
		o.filter.time_to_ns = to_ns;
	}
	closed = trace_reader__close_facts(r);
	a = analysis__new(trace_reader__meta(r), &o);
	assert_non_null(a);
	trace_reader__span(r, &last_ns, &span_ns);
	while (trace_reader__next(r, &ev, &cnt) > 0) {
		last_ns = ev[cnt - 1].ts_ns;
		assert_int_equal(analysis__feed(a, ev, cnt), 0);
	}
	if (closed && !trace_reader__incomplete(r) && closed->end_mono_ns > last_ns)
		last_ns = closed->end_mono_ns;
	if (cut)
		assert_non_null(trace_reader__incomplete(r));
	/* Of what is counted at the end the CPU time of the tracer: that records were lost is another property's. */
	if (closed)
		facts.tracer_cpu_ns = closed->tracer_cpu_ns;
	report = analysis__finish(a, closed ? &facts : NULL, trace_reader__incomplete(r), last_ns);
	assert_non_null(report);
	trace_reader__free(r);
	return report;
}

/* ---- whole traces ------------------------------------------------------------------------------------- */

static struct whole whole_of(int fd)
{
	struct whole w = {.fd = fd};
	char err[CPT_TRACE_ERR_LEN];
	const struct cpt_event *ev;
	struct section s;
	struct stat st;
	size_t at, cnt;

	assert_int_equal(fstat(fd, &st), 0);
	w.sz = (size_t)st.st_size;
	w.bytes = malloc(w.sz);
	w.sections = calloc(w.sz / SECTION_HEADER_SZ + 2, sizeof(*w.sections));
	assert_true(w.bytes && w.sections);
	assert_int_equal(pread(fd, w.bytes, w.sz, 0), w.sz);
	for (at = TRACE_HEADER_SZ; at + SECTION_HEADER_SZ <= w.sz; at += SECTION_HEADER_SZ + s.sz) {
		w.sections[w.section_cnt++] = at;
		assert_int_equal(section__decode(&s, w.bytes + at), 0);
	}
	w.reader = trace_reader__open(fd, err);
	assert_non_null(w.reader);
	w.words = trace_reader__words(w.reader);
	if (w.words)
		return w;
	w.own_words = true;
	w.words = words__new(trace_reader__meta(w.reader)->machine);
	assert_non_null(w.words);
	while (trace_reader__next(w.reader, &ev, &cnt) > 0)
		assert_int_equal(words__feed(w.words, ev, cnt), 0);
	words__classify(w.words);
	return w;
}

static void free_whole(struct whole *w)
{
	if (w->own_words)
		words__free(w->words);
	trace_reader__free(w->reader);
	free(w->bytes);
	free(w->sections);
	close(w->fd);
}

/* ---- one cut ------------------------------------------------------------------------------------------ */

static int check_running(const char *what, const struct cpt_report *whole,
			 const struct cpt_report *cut)
{
	const uint32_t cnt =
		whole->parallel_cnt > cut->parallel_cnt ? whole->parallel_cnt : cut->parallel_cnt;
	int bad = whole->cpu_time_ns != cut->cpu_time_ns;

	for (uint32_t k = 0; k < cnt; k++)
		bad += (k < whole->parallel_cnt ? whole->parallel_ns[k] : 0) !=
		       (k < cut->parallel_cnt ? cut->parallel_ns[k] : 0);
	if (bad)
		fprintf(stderr, "%s: who ran is not the same: %" PRIu64 " and %" PRIu64 " ns\n",
			what, whole->cpu_time_ns, cut->cpu_time_ns);
	return bad;
}

static void one_cut(const struct whole *w, size_t sz, const char *name)
{
	const int fd = memfd_create("cut", MFD_CLOEXEC);
	struct cpt_report *cut, *whole;
	char what[400];

	snprintf(what, sizeof(what), "%s, cut at %zu of %zu", name, sz, w->sz);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, w->bytes, sz), sz);
	cut = report_of(fd, w->words, true, 0);
	close(fd);
	if (!cut) {
		refused++;
		return;
	}
	/* Before the command began there is nothing to be said. */
	if (!cut->window_ns) {
		without++;
		report__free(cut);
		return;
	}
	whole = report_of(w->fd, w->words, false, cut->window_ns);
	assert_non_null(whole);
	assert_int_equal(whole->window_ns, cut->window_ns);
	/* What records were lost of is another property's: test_bounds. */
	if (!whole->quality.lost_located && !cut->quality.lost_located) {
		assert_int_equal(check_running(what, whole, cut), 0);
		assert_int_equal(check_bounds(what, whole, cut), 0);
		compared++;
		hedged += cut->bounds.open;
	}
	report__free(cut);
	report__free(whole);
}

static size_t pick_cut(const struct whole *w, struct rng *rng)
{
	if (rng_percent(rng, 40))
		return w->sections[rng_below(rng, (uint32_t)w->section_cnt)];
	return rng_below(rng, (uint32_t)w->sz);
}

/* ---- generated traces --------------------------------------------------------------------------------- */

/* The next event that the task of event i comes in with, or is woken by; 0: there is none. */
static uint32_t next_of(uint32_t i, uint8_t type)
{
	const uint32_t task = gen.ev[i].task;

	for (uint32_t k = i + 1; k < gen.ev_cnt; k++) {
		const struct cpt_event *ev = &gen.ev[k];

		if (ev->type == type && (type == CPT_EV_SWITCH ? ev->other : ev->task) == task)
			return k;
	}
	return 0;
}

/* Which facts come late, and behind which event the recorder has them. */
static void draw_late(bool *late, uint32_t *told, struct rng *rng)
{
	for (uint32_t i = 0; i < gen.ev_cnt; i++) {
		told[i] = gen.ev[i].type == CPT_EV_WAKE ? next_of(i, CPT_EV_SWITCH) : 0;
		late[i] = told[i] && rng_percent(rng, 40);
	}
	for (uint32_t i = 0; i < gen.ev_cnt; i++) {
		const struct cpt_event *ev = &gen.ev[i];
		uint32_t wake;

		if (ev->type != CPT_EV_SWITCH || !ev->task || !(ev->flags & CPT_SW_PREV_BLOCKED))
			continue;
		/* A wake-up that is on time was known before it was written. */
		wake = next_of(i, CPT_EV_WAKE);
		told[i] = wake && late[wake] ? told[wake] : wake;
		late[i] = rng_percent(rng, 40);
	}
}

static struct cpt_late late_of(const struct cpt_event *ev)
{
	struct cpt_late late = {.ts_ns = ev->ts_ns, .task = ev->task};

	if (ev->type == CPT_EV_SWITCH) {
		late.kind = CPT_LATE_END;
		late.end = ev->end;
		late.waker = ev->end_waker;
		return late;
	}
	late.kind = CPT_LATE_WAKE;
	late.waker = ev->other;
	late.wake_ctx = ev->wake_ctx;
	late.flags = ev->flags;
	late.waker_sysno = ev->waker_sysno;
	late.cpu = ev->cpu;
	return late;
}

/* gen's run as a recorder would write it: how a wait ended, and when a task was woken, is told by the task's next
 * switch-in, and where that is far off, late. */
static int write_run(struct rng *rng)
{
	static bool late[GEN_EVENTS_MAX];
	static uint32_t told[GEN_EVENTS_MAX];
	const struct cpt_trace_close close_facts = {.end_mono_ns = gen.now,
						    .steal_ns = UINT64_MAX,
						    .alive_exec_ns = UINT64_MAX,
						    .tracer_cpu_ns = rng_below(rng, 300)};
	const int fd = memfd_create("whole", MFD_CLOEXEC);
	const uint32_t age = 1 + rng_below(rng, 40);
	struct trace_writer *w;

	assert_true(fd >= 0);
	w = trace_writer__new(fd, &gen.meta);
	assert_non_null(w);
	draw_late(late, told, rng);
	for (uint32_t i = 0; i < gen.ev_cnt; i++) {
		struct cpt_event ev = gen.ev[i];

		for (uint32_t k = 0; k < i; k++) {
			const struct cpt_late fact = late_of(&gen.ev[k]);

			if (late[k] && told[k] == i)
				assert_int_equal(trace_writer__late(w, &fact), 0);
		}
		if (late[i] && ev.type == CPT_EV_WAKE)
			continue;
		if (late[i]) {
			ev.end = CPT_END_OPEN;
			ev.end_waker = 0;
		}
		assert_int_equal(ev.type >= CPT_EV_STACKS ? trace_writer__side(w, &ev, 1)
							  : trace_writer__events(w, &ev, 1),
				 0);
		if (!rng_below(rng, age))
			assert_int_equal(trace_writer__flush(w), 0);
	}
	assert_int_equal(trace_writer__close(w, &close_facts), 0);
	trace_writer__free(w);
	return fd;
}

static void a_cut_run_says_of_its_time_what_the_whole_does(void **state)
{
	const uint64_t first = first_seed(__func__);
	const uint32_t cases = case_count(400);
	char name[64];

	compared = refused = without = hedged = 0;
	for (uint32_t i = 0; i < cases; i++) {
		struct rng rng = {.state = (first + i) * 13 + 5};
		const struct gen_opts go = {.steps = 5 + rng_below(&rng, 200),
					    .tasks_end = rng_percent(&rng, 50),
					    .wait_all = rng_percent(&rng, 20),
					    .throttle = rng_percent(&rng, 30),
					    .loops = rng_percent(&rng, 40),
					    .no_occupancy = rng_percent(&rng, 20)};
		struct whole w;

		gen_run(&gen, first + i, &go);
		snprintf(name, sizeof(name), "seed %" PRIu64, first + i);
		w = whole_of(write_run(&rng));
		for (int cut = 0; cut < 4; cut++)
			one_cut(&w, pick_cut(&w, &rng), name);
		free_whole(&w);
	}
	printf("CUTS: %" PRIu64 " cuts of %u generated traces compared, %" PRIu64
	       " of them with bounds; %" PRIu64 " were before the command, %" PRIu64 " no trace\n",
	       compared, cases, hedged, without, refused);
	assert_true(compared > cases && hedged && hedged < compared);
}

/* ---- real traces -------------------------------------------------------------------------------------- */

/* One trace, cut at `cuts` places and between its sections. */
static void cut_of(const char *path, uint32_t cuts, struct rng *rng)
{
	const int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct whole w;

	assert_true(fd >= 0);
	w = whole_of(fd);
	for (uint32_t i = 0; i < cuts; i++)
		one_cut(&w, pick_cut(&w, rng), path);
	for (size_t i = 0; i < w.section_cnt && i < 100; i++)
		one_cut(&w, w.sections[i], path);
	free_whole(&w);
}

static void a_cut_trace_says_of_its_time_what_the_whole_does(void **state)
{
	struct rng rng = {.state = first_seed(__func__)};
	uint32_t files;

	compared = refused = without = hedged = 0;
	files = each_trace(TRACES, cut_of, case_count(400) / 10, &rng);
	printf("CUTS: %" PRIu64 " cuts of %u real traces compared, %" PRIu64
	       " of them with bounds; %" PRIu64 " were before the command, %" PRIu64 " no trace\n",
	       compared, files, hedged, without, refused);
	assert_true(files && compared > files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_cut_run_says_of_its_time_what_the_whole_does),
		cmocka_unit_test(a_cut_trace_says_of_its_time_what_the_whole_does),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
