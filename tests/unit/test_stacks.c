// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Stacks and samples: their table, their sections, their way through merge, file and analysis. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "analysis_fixture.h"

#include "../../analysis/merge.h"
#include "../../analysis/stacks.h"
#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_side.h"
#include "../../analysis/trace_writer.h"

#define MS 1000000ull

static struct cpt_frame frame(const char *symbol, uint64_t offset)
{
	return (struct cpt_frame){
		.symbol = symbol, .module = "app", .file = "app.c", .line = 7, .offset = offset};
}

/* 1: leaf < main; 2: spin_here (a spin loop) < main; 3: pthread_spin_lock < main; 4: empty. */
static struct cpt_stacks *table(void)
{
	struct cpt_frame a[2] = {frame("leaf", 0x10), frame("main", 0x20)};
	struct cpt_frame b[2] = {frame("spin_here", 0x30), frame("main", 0x20)};
	struct cpt_frame c[2] = {frame("pthread_spin_lock", 0x40), frame("main", 0x20)};
	struct cpt_stacks *ss = stacks__new();

	b[0].flags = CPT_FRAME_PAUSE;
	assert_non_null(ss);
	assert_int_equal(stacks__add(ss, a, 2), 1);
	assert_int_equal(stacks__add(ss, b, 2), 2);
	assert_int_equal(stacks__add(ss, c, 2), 3);
	assert_int_equal(stacks__add(ss, NULL, 0), 4);
	return ss;
}

static void expect_same(const struct cpt_stacks *a, const struct cpt_stacks *b)
{
	assert_int_equal(stacks__cnt(a), stacks__cnt(b));
	for (uint32_t n = 1; n <= stacks__cnt(a); n++) {
		assert_int_equal(stacks__depth(a, n), stacks__depth(b, n));
		for (uint32_t i = 0; i < stacks__depth(a, n); i++) {
			const struct cpt_frame *f = stacks__frame(a, n, i);
			const struct cpt_frame *g = stacks__frame(b, n, i);

			assert_string_equal(f->symbol, g->symbol);
			assert_string_equal(f->module, g->module);
			assert_string_equal(f->file, g->file);
			assert_int_equal(f->offset, g->offset);
			assert_int_equal(f->line, g->line);
			assert_int_equal(f->flags, g->flags);
		}
	}
}

static void table_survives_its_sections(void **state)
{
	struct cpt_stacks *ss = table(), *again = stacks__new();
	uint32_t next = 1, sections = 0;
	char name[64];

	/* More than one section holds. */
	for (int i = 0; i < 60000; i++) {
		struct cpt_frame f;

		snprintf(name, sizeof(name), "function_number_%d", i);
		f = frame(name, (uint64_t)i << 33);
		assert_int_equal(stacks__add(ss, &f, 1), 5 + i);
	}
	while (next <= stacks__cnt(ss)) {
		size_t sz;
		uint8_t *payload = stacks__encode(ss, &next, &sz);

		assert_non_null(payload);
		assert_true(sz < CPT_BLOCK_DISK_MAX);
		assert_int_equal(stacks__decode(again, payload, sz), 0);
		free(payload);
		sections++;
	}
	assert_true(sections > 1);
	expect_same(ss, again);
	stacks__free(ss);
	stacks__free(again);
	(void)state;
}

static void numbers_beyond_the_table_have_no_frames(void **state)
{
	struct cpt_stacks *ss = table();

	assert_int_equal(stacks__depth(ss, 0), 0);
	assert_int_equal(stacks__depth(ss, 5), 0);
	assert_int_equal(stacks__depth(ss, UINT32_MAX), 0);
	assert_int_equal(stacks__depth(NULL, 1), 0);
	stacks__free(ss);
	(void)state;
}

static void what_is_too_large_is_refused(void **state)
{
	struct cpt_frame *deep = calloc(CPT_STACK_DEPTH_MAX + 1, sizeof(*deep));
	struct cpt_stacks *ss = stacks__new();
	char *name = malloc(CPT_STACK_STRING_MAX + 2);

	memset(name, 'x', CPT_STACK_STRING_MAX + 1);
	name[CPT_STACK_STRING_MAX + 1] = '\0';
	for (uint32_t i = 0; i <= CPT_STACK_DEPTH_MAX; i++)
		deep[i] = frame("f", i);
	assert_int_equal(stacks__add(ss, deep, CPT_STACK_DEPTH_MAX + 1), 0);
	assert_int_equal(errno, E2BIG);
	assert_int_equal(stacks__add(ss, deep, CPT_STACK_DEPTH_MAX), 1);
	deep[0].symbol = name;
	assert_int_equal(stacks__add(ss, deep, 1), 0);
	assert_int_equal(errno, E2BIG);
	stacks__free(ss);
	free(deep);
	free(name);
	(void)state;
}

/* Every prefix is refused whole, and no flipped byte does harm (the sanitizers would say). */
static void damaged_tables_are_refused(void **state)
{
	struct cpt_stacks *ss = table(), *other = stacks__new();
	uint32_t next = 1;
	size_t sz;
	uint8_t *payload = stacks__encode(ss, &next, &sz);

	for (size_t cut = 0; cut < sz; cut++) {
		assert_int_equal(stacks__decode(other, payload, cut), -EBADMSG);
		assert_int_equal(stacks__cnt(other), 0);
	}
	for (size_t i = 0; i < sz; i++)
		for (int bit = 0; bit < 8; bit++) {
			const uint32_t before = stacks__cnt(other);
			int ret;

			payload[i] ^= (uint8_t)(1 << bit);
			ret = stacks__decode(other, payload, sz);
			assert_true(!ret || ret == -EBADMSG);
			if (ret)
				assert_int_equal(stacks__cnt(other), before);
			payload[i] ^= (uint8_t)(1 << bit);
		}
	free(payload);
	stacks__free(ss);
	stacks__free(other);
	(void)state;
}

/* ---- side events ------------------------------------------------------------------------------- */

static struct cpt_event sample(uint64_t ts_ns, uint32_t task, uint32_t user, uint16_t flags)
{
	return (struct cpt_event){
		.ts_ns = ts_ns, .type = CPT_EV_SAMPLE, .task = task, .user = user, .flags = flags};
}

static struct cpt_event stacks_at(uint64_t ts_ns, uint32_t task, uint32_t user, uint32_t woken,
				  uint32_t wake_user)
{
	return (struct cpt_event){.ts_ns = ts_ns,
				  .type = CPT_EV_STACKS,
				  .task = task,
				  .user = user,
				  .other = woken,
				  .wake_user = wake_user};
}

static void side_events_survive_and_damage_is_refused(void **state)
{
	const struct cpt_event ev[] = {stacks_at(5, 1, 2, 3, 4), sample(5, 7, 0, CPT_SAMPLE_USER),
				       sample(900, 1, 77, 0), stacks_at(901, 0, 0, 9, 1)};
	struct cpt_event got[4];
	size_t sz;
	uint8_t *payload = side__encode(ev, 4, &sz);

	assert_non_null(payload);
	assert_int_equal(side__decode(got, 4, payload, sz, 5, 901, 2, 100), 0);
	for (int i = 0; i < 4; i++) {
		assert_int_equal(got[i].ts_ns, ev[i].ts_ns);
		assert_int_equal(got[i].type, ev[i].type);
		assert_int_equal(got[i].task, ev[i].task);
		assert_int_equal(got[i].other, ev[i].other);
		assert_int_equal(got[i].user, ev[i].user);
		assert_int_equal(got[i].wake_user, ev[i].wake_user);
		assert_int_equal(got[i].flags, ev[i].flags);
	}
	/* Times, tasks and counts that the section's header does not bear out. */
	assert_int_equal(side__decode(got, 4, payload, sz, 5, 900, 2, 100), -EBADMSG);
	assert_int_equal(side__decode(got, 4, payload, sz, 6, 901, 2, 100), -EBADMSG);
	assert_int_equal(side__decode(got, 3, payload, sz, 5, 900, 2, 100), -EBADMSG);
	assert_int_equal(side__decode(got, 4, payload, sz, 5, 901, 2, 6), -EBADMSG);
	for (size_t cut = 0; cut < sz; cut++)
		assert_int_equal(side__decode(got, 4, payload, cut, 5, 901, 2, 100), -EBADMSG);
	for (size_t i = 0; i < sz; i++) {
		payload[i] ^= 0x55;
		(void)side__decode(got, 4, payload, sz, 5, 901, 2, 100);
		payload[i] ^= 0x55;
	}
	free(payload);
	(void)state;
}

struct caught {
	struct cpt_event side[16];
	size_t side_cnt, event_cnt;
};

static int catch_events(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	((struct caught *)ctx)->event_cnt += cnt;
	(void)ev;
	return 0;
}

static int catch_late(void *ctx, const struct cpt_late *late)
{
	(void)ctx;
	(void)late;
	return 0;
}

static int catch_side(void *ctx, const struct cpt_event *ev, size_t cnt)
{
	struct caught *c = ctx;

	memcpy(c->side + c->side_cnt, ev, cnt * sizeof(*ev));
	c->side_cnt += cnt;
	return 0;
}

static void merge_orders_side_records_and_keeps_them_from_events(void **state)
{
	struct caught c = {0};
	const struct cpt_merge_sink sink = {
		.events = catch_events, .late = catch_late, .side = catch_side, .ctx = &c};
	struct cpt_merge *m = merge__new(2, &sink);
	struct cpt_rec_sample on0 = {.type = CPT_REC_SAMPLE, .task = 1, .ts_ns = 300, .user = 5};
	struct cpt_rec_stacks on1 = {
		.type = CPT_REC_STACKS, .prev = 2, .ts_ns = 200, .user = 6, .kernel = -1};
	struct cpt_rec_sample later = {
		.type = CPT_REC_SAMPLE, .task = 1, .seq = 3, .ts_ns = 5000, .user = 7};

	assert_int_equal(merge__add_ring(m, 0, &on0, 1), 0);
	assert_int_equal(merge__add_ring(m, 1, &on1, 1), 0);
	/* seq 1 and 2 of CPU 0 are missing: located, as those of switches are. */
	assert_int_equal(merge__add_ring(m, 0, &later, 1), 0);
	assert_int_equal(merge__advance(m, 1000), 0);
	assert_int_equal(c.side_cnt, 2);
	assert_int_equal(c.side[0].task, 2);
	assert_int_equal(c.side[0].user, 6);
	assert_int_equal(c.side[0].kernel, 0);
	assert_int_equal(c.side[1].user, 5);
	assert_int_equal(merge__finish(m), 0);
	assert_int_equal(c.side_cnt, 3);
	assert_int_equal(merge__lost(m), 2);
	assert_int_equal(c.event_cnt, 1); /* the loss */
	merge__free(m);
	(void)state;
}

/* ---- a picture with stacks, through a file ------------------------------------------------------ */

/*
 *   CPU 0  main runs 0..4 | blocks on a pipe 4..8 (stack 1), woken by worker (stack 2) | runs 8..10
 *   CPU 1  worker runs 2 ------------------------------------------------------- 10
 */
static struct trace_builder *picture_of(struct cpt_wait wait)
{
	struct trace_builder *tb = tb__new(2);
	uint32_t main_ = tb__command(tb, 0, "app"), worker;

	tb__run(tb, 0, 0, main_);
	worker = tb__thread(tb, 1 * MS, main_, "worker");
	tb__run(tb, 2 * MS, 1, worker);
	tb__block(tb, 4 * MS, main_, wait, TB_IDLE);
	tb__wake(tb, 8 * MS, main_, worker);
	tb__run(tb, 8 * MS, 0, main_);
	tb__exit(tb, 10 * MS, worker, 0, TB_IDLE);
	tb__exit(tb, 10 * MS, main_, 0, TB_IDLE);
	tb__meta(tb)->sample_hz = 1000;
	tb__meta(tb)->stack_flags = CPT_TRACE_STACKS_TAKEN;
	return tb;
}

static struct trace_builder *picture(void)
{
	return picture_of(tb_wait_pipe(3));
}

static const uint64_t window_ns = 10 * MS;

static size_t side_of_picture(struct cpt_event *ev)
{
	size_t n = 0;

	ev[n++] = sample(1 * MS, 1, 1, CPT_SAMPLE_USER);     /* R = 1 */
	ev[n++] = sample(3 * MS, 1, 1, CPT_SAMPLE_USER);     /* R = 2 */
	ev[n++] = sample(3 * MS + 1, 2, 2, CPT_SAMPLE_USER); /* R = 2, spinning */
	ev[n++] = stacks_at(4 * MS, 1, 1, 0, 0);
	ev[n++] = sample(5 * MS, 2, 3, CPT_SAMPLE_USER);  /* R = 1, spinning by name */
	ev[n++] = sample(6 * MS, 2, 2, 0);		  /* in the kernel: no spin loop */
	ev[n++] = sample(6 * MS + 1, 1, 1, 0);		  /* does not run: stray */
	ev[n++] = sample(7 * MS, 2, 0, CPT_SAMPLE_YIELD); /* R = 1, yields */
	ev[n++] = stacks_at(8 * MS, 0, 0, 1, 2);
	return n;
}

/* The picture and its side events as one trace file. */
static int file_of(struct trace_builder *tb, const struct cpt_event *side, size_t side_cnt,
		   struct cpt_stacks *ss)
{
	const int fd = memfd_create("trace", 0);
	struct trace_writer *w = trace_writer__new(fd, tb__meta(tb));
	size_t cnt;
	const struct cpt_event *ev = tb__events(tb, &cnt);

	assert_non_null(w);
	assert_int_equal(trace_writer__side(w, side, side_cnt), 0);
	assert_int_equal(trace_writer__events(w, ev, cnt), 0);
	if (ss)
		assert_int_equal(trace_writer__stacks(w, ss), 0);
	tb__close_facts(tb)->end_mono_ns = window_ns;
	assert_int_equal(trace_writer__close(w, tb__close_facts(tb)), 0);
	trace_writer__free(w);
	return fd;
}

static struct cpt_report *report_file(struct trace_reader *r, const struct cpt_filter *filter)
{
	struct cpt_analysis_opts opts = {.stacks = trace_reader__stacks(r)};
	struct cpt_analysis *a;
	const struct cpt_event *ev;
	uint64_t last_ns = 0;
	struct cpt_report *rep;
	size_t cnt;
	int ret;

	if (filter)
		opts.filter = *filter;
	a = analysis__new(trace_reader__meta(r), &opts);
	assert_non_null(a);
	while ((ret = trace_reader__next(r, &ev, &cnt)) > 0) {
		for (size_t i = 0; i < cnt; i++) {
			assert_true(ev[i].ts_ns >= last_ns);
			last_ns = ev[i].ts_ns;
		}
		assert_int_equal(analysis__feed(a, ev, cnt), 0);
	}
	assert_int_equal(ret, 0);
	rep = analysis__finish(a, trace_reader__close_facts(r), NULL, window_ns);
	assert_non_null(rep);
	expect_identities(rep);
	return rep;
}

static const struct cpt_site *wait_site(const struct cpt_sites *s)
{
	for (uint32_t i = 0; i < s->cnt; i++)
		if (s->at[i].wait_ns)
			return &s->at[i];
	return NULL;
}

static void samples_count_by_how_many_run(void **state)
{
	struct trace_builder *tb = picture();
	struct cpt_stacks *ss = table();
	struct cpt_event side[16];
	char err[CPT_TRACE_ERR_LEN];
	const int fd = file_of(tb, side, side_of_picture(side), ss);
	struct trace_reader *r = trace_reader__open(fd, err);
	struct cpt_report *rep;
	const struct cpt_sites *s;

	assert_non_null(r);
	assert_null(trace_reader__incomplete(r));
	expect_same(trace_reader__stacks(r), ss);
	rep = report_file(r, NULL);
	s = rep->sites;
	assert_non_null(s);
	assert_int_equal(s->samples, 6);
	assert_int_equal(s->stray, 1);
	assert_int_equal(s->spins, 3);
	assert_true(s->latency > 4.99 && s->latency < 5.01); /* 1 + 1/2 + 1/2 + 1 + 1 + 1 */
	assert_int_equal(row(rep, 1)->samples, 2);
	assert_true(row(rep, 1)->latency > 1.49 && row(rep, 1)->latency < 1.51);
	assert_true(s->spin_share == 0.5);
	/* CPU time 14 ms, half of it spinning, window 10 ms. */
	assert_true(s->effective > 0.699 && s->effective < 0.701);
	assert_true(s->spin_error > 0.2 && s->spin_error < 0.4);
	/* leaf: 1 + 1/2; spin_here: 1/2 + 1 (the sample in the kernel); the rest 1 each. */
	assert_string_equal(s->symbols[0].symbol, "leaf");
	assert_int_equal(s->symbols[0].samples, 2);
	report__free(rep);
	trace_reader__free(r);
	close(fd);
	stacks__free(ss);
	tb__free(tb);
	(void)state;
}

static void waits_have_stacks_wakers_and_what_they_cost(void **state)
{
	struct trace_builder *tb = picture();
	struct cpt_stacks *ss = table();
	struct cpt_event side[16];
	char err[CPT_TRACE_ERR_LEN];
	const int fd = file_of(tb, side, side_of_picture(side), ss);
	struct trace_reader *r = trace_reader__open(fd, err);
	struct cpt_report *rep = report_file(r, NULL);
	const struct cpt_site *site = wait_site(rep->sites);

	assert_non_null(site);
	assert_int_equal(site->user, 1);
	assert_int_equal(site->reason, CPT_REASON_PEER);
	assert_int_equal(site->wait_ns, 4 * MS);
	assert_int_equal(site->waits, 1);
	/* One of two CPUs ran nothing of it all the while. */
	assert_true(site->lost_ns > 1.99e6 && site->lost_ns < 2.01e6);
	assert_int_equal(rep->sites->wake_cnt, 1);
	assert_int_equal(rep->sites->wakes[0].user, 2);
	assert_int_equal(rep->sites->wakes[0].wait_ns, 4 * MS);
	assert_int_equal(rep->sites->wakes[0].site, (uint32_t)(site - rep->sites->at));
	report__free(rep);
	trace_reader__free(r);
	close(fd);
	stacks__free(ss);
	tb__free(tb);
	(void)state;
}

static void a_lock_says_where_it_was_waited_for(void **state)
{
	struct trace_builder *tb = picture_of(tb_wait_mutex(0x1000, 0));
	struct cpt_stacks *ss = table();
	struct cpt_event side[16];
	char err[CPT_TRACE_ERR_LEN];
	const int fd = file_of(tb, side, side_of_picture(side), ss);
	struct trace_reader *r = trace_reader__open(fd, err);
	struct cpt_report *rep = report_file(r, NULL);

	assert_int_equal(rep->locks_cnt, 1);
	assert_int_equal(rep->locks[0].blocked_ns, 4 * MS);
	assert_int_equal(rep->locks[0].site_cnt, 1);
	assert_int_equal(rep->locks[0].sites[0].ns, 4 * MS);
	assert_int_equal(rep->locks[0].sites[0].site,
			 (uint32_t)(wait_site(rep->sites) - rep->sites->at));
	report__free(rep);
	trace_reader__free(r);
	close(fd);
	stacks__free(ss);
	tb__free(tb);
	(void)state;
}

static void a_filter_holds_for_samples_too(void **state)
{
	const char *comms[] = {"worker"};
	const struct cpt_filter filter = {.comms = comms, .comm_cnt = 1};
	struct trace_builder *tb = picture();
	struct cpt_event side[16];
	char err[CPT_TRACE_ERR_LEN];
	const int fd = file_of(tb, side, side_of_picture(side), NULL);
	struct trace_reader *r = trace_reader__open(fd, err);
	struct cpt_report *rep = report_file(r, &filter);

	/* Of the worker alone, which then never runs beside another. No table: no symbols. */
	assert_int_equal(rep->sites->samples, 4);
	assert_true(rep->sites->latency > 3.99 && rep->sites->latency < 4.01);
	assert_null(wait_site(rep->sites));
	assert_string_equal(rep->sites->symbols[0].symbol, "");
	report__free(rep);
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
	(void)state;
}

static void traces_without_stacks_have_no_sites(void **state)
{
	struct trace_builder *tb = picture();
	struct cpt_report *rep;

	tb__meta(tb)->sample_hz = 0;
	tb__meta(tb)->stack_flags = 0;
	rep = report_of(tb);
	assert_null(rep->sites);
	done(rep, tb);
	(void)state;
}

/* A wait without a stack is a site all the same: what sites hold is what the report holds. */
static void sites_sum_to_the_reasons(void **state)
{
	struct trace_builder *tb = picture();
	struct cpt_report *rep = report_of(tb);
	uint64_t sites = 0, reasons = 0;

	for (uint32_t i = 0; i < rep->sites->cnt; i++)
		sites += rep->sites->at[i].wait_ns;
	for (int i = 0; i < CPT_REASON_CNT; i++)
		reasons += rep->reason_ns[i];
	assert_int_equal(sites, 4 * MS);
	assert_int_equal(sites, reasons);
	done(rep, tb);
	(void)state;
}

/* Each prefix and each flipped byte of a file with both sections: it opens or it does not, and it ends. */
static void hostile_files_are_read_to_their_end(void **state)
{
	struct trace_builder *tb = picture();
	struct cpt_stacks *ss = table();
	struct cpt_event side[16];
	char err[CPT_TRACE_ERR_LEN];
	const int fd = file_of(tb, side, side_of_picture(side), ss);
	const off_t sz = lseek(fd, 0, SEEK_END);
	uint8_t *bytes = malloc((size_t)sz);

	assert_int_equal(pread(fd, bytes, (size_t)sz, 0), sz);
	for (off_t i = 0; i < 2 * sz; i++) {
		const off_t len = i < sz ? i : sz;
		struct trace_reader *r;

		assert_int_equal(ftruncate(fd, 0), 0);
		if (i >= sz)
			bytes[i - sz] ^= 0x40;
		assert_int_equal(pwrite(fd, bytes, (size_t)len, 0), len);
		if (i >= sz)
			bytes[i - sz] ^= 0x40;
		r = trace_reader__open(fd, err);
		if (r) {
			report__free(report_file(r, NULL));
			trace_reader__free(r);
		}
	}
	free(bytes);
	close(fd);
	stacks__free(ss);
	tb__free(tb);
	(void)state;
}

static void rewinding_reads_the_same_again(void **state)
{
	struct trace_builder *tb = picture();
	struct cpt_event side[16];
	char err[CPT_TRACE_ERR_LEN];
	const int fd = file_of(tb, side, side_of_picture(side), NULL);
	struct trace_reader *r = trace_reader__open(fd, err);
	size_t first = 0, again = 0, cnt;
	const struct cpt_event *ev;

	while (trace_reader__next(r, &ev, &cnt) > 0)
		first += cnt;
	assert_int_equal(trace_reader__rewind(r), 0);
	while (trace_reader__next(r, &ev, &cnt) > 0)
		again += cnt;
	assert_int_equal(first, again);
	trace_reader__free(r);
	close(fd);
	tb__free(tb);
	(void)state;
}

static void known_runtimes_spin_by_name(void **state)
{
	assert_true(spin__is_symbol("pthread_spin_lock", "libc.so.6"));
	assert_true(spin__is_symbol("do_spin", "libgomp.so.1.0.0"));
	assert_true(spin__is_symbol("gomp_barrier_wait_end", "libgomp.so.1"));
	assert_true(spin__is_symbol("__kmp_hyper_barrier_release", "libomp.so.5"));
	assert_false(spin__is_symbol("do_wait", "app"));
	assert_false(spin__is_symbol("__kmp_fork_call", "libomp.so.5"));
	assert_false(spin__is_symbol("pthread_mutex_lock", "libc.so.6"));
	assert_false(spin__is_symbol("", ""));
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(table_survives_its_sections),
		cmocka_unit_test(numbers_beyond_the_table_have_no_frames),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(damaged_tables_are_refused),
		cmocka_unit_test(side_events_survive_and_damage_is_refused),
		cmocka_unit_test(merge_orders_side_records_and_keeps_them_from_events),
		cmocka_unit_test(samples_count_by_how_many_run),
		cmocka_unit_test(waits_have_stacks_wakers_and_what_they_cost),
		cmocka_unit_test(a_lock_says_where_it_was_waited_for),
		cmocka_unit_test(a_filter_holds_for_samples_too),
		cmocka_unit_test(traces_without_stacks_have_no_sites),
		cmocka_unit_test(sites_sum_to_the_reasons),
		cmocka_unit_test(hostile_files_are_read_to_their_end),
		cmocka_unit_test(rewinding_reads_the_same_again),
		cmocka_unit_test(known_runtimes_spin_by_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
