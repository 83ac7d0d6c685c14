// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_report_loops.c - event loops as people, programs and tables are told of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <sys/syscall.h>

#include "collector/json_loops.h"
#include "collector/table_loops.h"
#include "collector/text_flights.h"
#include "collector/text_loops.h"
#include "collector/words.h"

#include "report_fixture.h"
#include "report_said.h"
#include "table_text.h"

static struct report_fixture fixture;
static struct cpt_loop loops[3];
static struct cpt_stall stalls[3];
static struct cpt_loop_pool pool;
static struct cpt_offload offload;

/* Thread 2 is a loop that a handler blocks 60 times, thread 3 one that hardly does anything. */
static int setup(void **state)
{
	report_fixture(&fixture);
	memset(&fixture.report.loops, 0, sizeof(fixture.report.loops));
	fixture.report.instances_cnt = 0;
	fixture.report.sqpolls_cnt = 0;
	stalls[0] = (struct cpt_stall){.sysno = SYS_clock_nanosleep,
				       .reason = CPT_REASON_SLEEP,
				       .cnt = 60,
				       .total_ns = 600 * FIXTURE_MS,
				       .longest_ns = 12 * FIXTURE_MS,
				       .longest_at_ns = FIXTURE_START_NS + 5};
	stalls[1] = (struct cpt_stall){.sysno = SYS_read,
				       .reason = CPT_REASON_DISK,
				       .object = CPT_FD_FILE,
				       .cnt = 1,
				       .total_ns = 20 * FIXTURE_MS,
				       .longest_ns = 20 * FIXTURE_MS,
				       .longest_arg0 = 7};
	stalls[2] = (struct cpt_stall){.rest = true, .cnt = 9, .total_ns = FIXTURE_MS};
	loops[0] = (struct cpt_loop){.id = 2,
				     .fd = 5,
				     .life_ns = 1900 * FIXTURE_MS,
				     .waiting_ns = 1000 * FIXTURE_MS,
				     .on_cpu_ns = 250 * FIXTURE_MS,
				     .runnable_ns = 29 * FIXTURE_MS,
				     .woken_ns = 10 * FIXTURE_MS,
				     .blocked_ns = 621 * FIXTURE_MS,
				     .waits = 1200,
				     .iterations = 1500,
				     .events = 3000,
				     .batch_max = 16,
				     .dispatches = 1499,
				     .dispatch_ns = 890 * FIXTURE_MS,
				     .dispatch_p50_ns = FIXTURE_MS,
				     .dispatch_max_ns = 33 * FIXTURE_MS,
				     .stalls = stalls,
				     .stalls_cnt = 3};
	loops[1] = (struct cpt_loop){.id = 3,
				     .fd = -1,
				     .kind = CPT_LOOP_KIND_POLL,
				     .life_ns = 1000 * FIXTURE_MS,
				     .waiting_ns = 1000 * FIXTURE_MS,
				     .waits = 40,
				     .iterations = 40,
				     .iterations_least = true};
	fixture.report.loops.tab = loops;
	fixture.report.loops.cnt = 2;
	fixture.report.loops.peak = 2;
	fixture.report.loops.level_cnt = 2;
	fixture.report.loops.with_loops_ns = 1900 * FIXTURE_MS;
	fixture.report.loops.level_ns[0] = 1650 * FIXTURE_MS;
	fixture.report.loops.level_ns[1] = 250 * FIXTURE_MS;
	return 0;
}

static const char *text_with_top(unsigned int width, unsigned int top)
{
	return said_by(add_loops, &fixture.report, width, top);
}

static const char *text(void)
{
	return text_with_top(200, 10);
}

static const char *sentence(void)
{
	static struct strbuf b;

	strbuf__clear(&b);
	loops__sentence(&b, &fixture.report, true);
	assert_false(b.failed);
	return strbuf__str(&b);
}

static void a_loop_is_a_row_of_shares(void **state)
{
	has(text(), "epoll 5");
	has(text(), "  1,500 ");
	has(text(), "13.2 %");
	has(text(), "32.7 %");
	has(text(), "33.0 ms");
	has(text(), "   40+ "); /* those that did not block were not seen */
	has(text(), "0 for 86.8 %, 1 for 13.2 %");
}

static void what_blocked_it_is_told_dearest_first(void **state)
{
	const char *sleep = strstr(text(), "blocked 60 times in clock_nanosleep (sleep): 600 ms in "
					   "all, 12.0 ms at most");
	const char *read = strstr(text(), "blocked once in read (file, disk): 20.0 ms.");

	assert_non_null(sleep);
	assert_non_null(read);
	assert_true(sleep < read);
	lacks(text(), "in flight");
	/* What it held up matters more than how long it was. */
	loops[0].flight_known = true;
	stalls[1].delay_ns = 640 * FIXTURE_MS;
	stalls[1].held_up = 32;
	sleep = strstr(text(), "clock_nanosleep");
	read = strstr(text(), "20.0 ms, with up to 32 operations in flight behind it.");
	assert_non_null(read);
	assert_true(read < sleep);
}

static void a_blocked_loop_is_said_under_the_verdict(void **state)
{
	has(sentence(), "Blocked event loop: `worker-1` (");
	has(sentence(), "clock_nanosleep (sleep): 600 ms in all");
	stalls[0].total_ns = 90 * FIXTURE_MS; /* less than a twentieth */
	assert_string_equal(sentence(), "");
}

static void hardly_a_loop_is_no_part(void **state)
{
	loops[0].life_ns = FIXTURE_MS;
	loops[1].iterations = 2;
	assert_string_equal(text(), "");
	assert_string_equal(sentence(), "");
	fixture.report.loops.cnt = 0;
	assert_string_equal(text(), "");
}

static void rows_are_capped(void **state)
{
	has(text_with_top(80, 1), "and 1 more");
	lacks(text_with_top(80, 2), "more\n");
}

static void an_uneven_pool_is_told_if_it_is_certain(void **state)
{
	pool = (struct cpt_loop_pool){.loops = 4,
				      .on_cpu_ns = 400 * FIXTURE_MS,
				      .busiest_ns = 250 * FIXTURE_MS,
				      .least_ns = 10 * FIXTURE_MS,
				      .imbalance = 2.5};
	fixture.report.loops.pools = &pool;
	fixture.report.loops.pools_cnt = 1;
	has(text(),
	    "Uneven: of the 4 loops named `worker-1` the busiest ran for 250 ms, 2.50 times "
	    "the average, the least busy for 10.0 ms.");
	pool.doubtful = true;
	lacks(text(), "Uneven");
	pool.doubtful = false;
	pool.imbalance = 1.1;
	lacks(text(), "Uneven");
}

static void offload_is_told_where_work_comes_back(void **state)
{
	offload = (struct cpt_offload){.id = 2,
				       .workers = 3,
				       .example = 4,
				       .handed = 1200,
				       .returned = 1100,
				       .workers_on_cpu_ns = 900 * FIXTURE_MS};
	fixture.report.loops.offloads = &offload;
	fixture.report.loops.offloads_cnt = 1;
	has(text(),
	    "hands work to 3 threads (`worker-3`): it woke them 1,200 times, was woken by them "
	    "1,100 times, and they ran for 900 ms.");
	offload.returned = 0;
	lacks(text(), "hands work");
}

static void what_it_did_after_its_last_wait_is_said(void **state)
{
	loops[1].not_back_ns = 500 * FIXTURE_MS;
	has(text(), "did not wait for events in its last 500 ms, not counted here: it had "
		    "stopped, or always had some.");
	loops[1].iterations_least = false;
	has(text(), "in its last 500 ms, not counted here.");
}

/* While events were lost it may have waited or run: neither of the two utilisations is of that. */
static void what_is_not_known_of_a_loop_is_not_called_busy(void **state)
{
	loops[0].life_ns += 500 * FIXTURE_MS;
	loops[0].unknown_ns = 500 * FIXTURE_MS;
	has(text(), "Busy for 46.8 % as Node counts it, on a CPU for 13.2 %: its handlers were "
		    "blocked for 32.7 % and had no CPU for 1.0 %.");
	has(text(), "That is without 20.8 % of its life, for which events were lost.");
	loops[0].on_cpu_ns = 850 * FIXTURE_MS;
	loops[0].blocked_ns = 21 * FIXTURE_MS;
	lacks(text(), "as Node counts it");
	loops[0].life_ns = loops[0].unknown_ns;
	assert_true(loop_on_cpu(&loops[0]) == 0);
	assert_true(loop_utilisation(&loops[0]) == 0);
}

static void turns_are_told_and_why_two_utilisations_differ(void **state)
{
	has(text(), "2.00 events a turn, 16 at most, each served in 297 µs.");
	has(text(), "Busy for 46.8 % as Node counts it, on a CPU for 13.2 %: its handlers were "
		    "blocked for 32.7 % and had no CPU for 1.0 %.");
	/* One that is never blocked is as busy as it is on a CPU. */
	loops[0].on_cpu_ns = 850 * FIXTURE_MS;
	loops[0].blocked_ns = 21 * FIXTURE_MS;
	lacks(text(), "as Node counts it");
	loops[0].events = 0;
	lacks(text(), "events a turn");
}

static void what_a_stall_cost_others_is_told(void **state)
{
	lacks(text(), "delayed by");
	loops[0].flight_known = true;
	stalls[0].held_up = 12;
	stalls[0].delay_ns = 7000 * FIXTURE_MS;
	has(text(), "with up to 12 operations in flight behind it. They were delayed by 7.00 s in "
		    "all.");
}

static struct cpt_sqpoll poller;

static void kernel_threads_that_spin_for_rings_are_named(void **state)
{
	lacks(text(), "io_uring");
	poller = (struct cpt_sqpoll){3, 1000 * FIXTURE_MS, 900 * FIXTURE_MS};
	fixture.report.sqpolls = &poller;
	fixture.report.sqpolls_cnt = 1;
	has(text(), "polls for an io_uring");
	has(text(), "of the 1.00 s that it ran it spun for 900 ms at least");
	/* Also where nobody waits for events. */
	fixture.report.loops.cnt = 0;
	has(text(), "That is no work.");
	poller.spinning_ns = 0;
	assert_string_equal(text(), "");
}

static struct cpt_epoll_instance instances[2];

/* The server of 64 connections, each answered 10 ms later, and its client. */
static void add_two_instances(void)
{
	instances[0] = (struct cpt_epoll_instance){
		.id = 1, .proc = 1, .pid = 4001, .epfd = 6, .span_ns = 2000 * FIXTURE_MS};
	instances[0].ops = (struct cpt_flight_sums){.in_flight_ns = 122000 * FIXTURE_MS,
						    .average = 61,
						    .peak = 64,
						    .opened = 9601,
						    .completed = 9600,
						    .arrivals = 4800.5,
						    .rate = 4800,
						    .p50_ns = 10 * FIXTURE_MS,
						    .p99_ns = 11 * FIXTURE_MS,
						    .max_ns = 14 * FIXTURE_MS,
						    .latency_cnt = 9600};
	instances[0].conns_average = instances[0].conns_peak = 64;
	instances[1] = instances[0];
	instances[1].id = 2;
	instances[1].outbound = true;
	instances[1].ops.in_flight_ns = 126000 * FIXTURE_MS;
	instances[1].ops.average = 63;
	fixture.report.instances = instances;
	fixture.report.instances_cnt = 2;
}

static void descriptors_that_took_most_are_said(void **state)
{
	struct json_obj o = json_obj__new();
	char *lines;
	json_t *json, *tab;

	add_two_instances();
	instances[0].services[0] =
		(struct cpt_service){7, CPT_CONN_IN, 60, 1200 * FIXTURE_MS, 21 * FIXTURE_MS};
	instances[0].services[1] =
		(struct cpt_service){3, CPT_CONN_LISTEN, 1, 5 * FIXTURE_MS, 5 * FIXTURE_MS};
	instances[0].services_cnt = 2;
	has(text_with_top(400, 10),
	    "epoll 6: descriptors that took most of its turns: 7 (inbound) 1.20 s in "
	    "60 times, 21.0 ms at most; 3 (listener) 5.00 ms.");
	json_loops__put(&o, &fixture.report);
	json = json_obj__done(&o);
	tab = json_object_get(json_array_get(json_object_get(json, "epoll_instances"), 0),
			      "services");
	assert_int_equal(json_array_size(tab), 2);
	assert_int_equal(number(json_array_get(tab, 0), "service_ns"), 1200 * FIXTURE_MS);
	assert_int_equal(number(json_array_get(tab, 0), "times"), 60);
	assert_string_equal(json_string_value(json_object_get(json_array_get(tab, 1), "kind")),
			    "listener");
	assert_null(json_object_get(json_array_get(json_object_get(json, "epoll_instances"), 1),
				    "services"));
	json_decref(json);
	lines = table_text(service_cols, write_services, &fixture.report, true);
	has(lines, "\"fd\":7,\"kind\":\"inbound\",\"times\":60,");
	has(lines, "\"fd\":3,\"kind\":\"listener\",\"times\":1,");
	free(lines);
	/* Little is no news. */
	instances[0].services[0] = (struct cpt_service){7, CPT_CONN_IN, 60, FIXTURE_MS, FIXTURE_MS};
	lacks(text(), "took most");
	instances[0].services_cnt = 0;
}

static void operations_in_flight_are_said(void **state)
{
	static struct strbuf b;

	strbuf__clear(&b);
	add_two_instances();
	loops__flight_sentence(&b, &fixture.report, true);
	assert_string_equal(strbuf__str(&b),
			    "61.0 operations in flight on average in 1 event loop, 64 "
			    "at most; 9,600 completed, half of them within 10.0 ms.");
	has(text(), "in flight");
	has(text(), "  63.0    64      9,600  10.0 ms  11.0 ms  14.0 ms");
	has(text_with_top(400, 10),
	    "epoll 6: 4,801 operations arrived a second on 64.0 connections, of which 61.0 "
	    "had one open.");
	lacks(text(), "timers armed");
	lacks(text(), "asked others");
	instances[0].timers_average = 60.5;
	instances[0].timers_peak = 64;
	instances[0].upstream = (struct cpt_flight_sums){
		.opened = 31, .completed = 30, .average = 2.5, .latency_cnt = 30, .p50_ns = 5000};
	has(text_with_top(400, 10),
	    "; 60.5 timers armed on average, 64 at most. Meanwhile it asked others 30 "
	    "times, 2.50 at a time, half of them answered within 5.00 µs.");
	lacks(text(), "Watched from");
	instances[0].since_ns = 300 * FIXTURE_MS;
	has(text(), "Watched from 300 ms on");
	/* One thing after the other is no news. */
	strbuf__clear(&b);
	instances[0].ops.in_flight_ns = instances[1].ops.in_flight_ns = 2000 * FIXTURE_MS;
	loops__flight_sentence(&b, &fixture.report, true);
	assert_string_equal(strbuf__str(&b), "");
}

/* Events of loops that are missing are said, and loops that found no place. */
static void what_is_not_known_of_loops_is_warned_of(void **state)
{
	static struct strbuf b;
	bool known = false, untold = false, lost = false, skipped = false;

	add_two_instances();
	instances[0].unknown_ns = 400 * FIXTURE_MS;
	fixture.report.loops.untold = 7;
	fixture.close.loops_lost[CPT_LOOP_LOSS_RING_FULL] = 12;
	fixture.close.loops_lost[CPT_LOOP_LOSS_SKIPPED] = 13;
	for (unsigned int i = 0; strbuf__clear(&b), words__warning(&b, &fixture.report, i); i++) {
		known |= strstr(strbuf__str(&b), "not known for 10.0 % of the time") != NULL;
		untold |= strstr(strbuf__str(&b), "waits of 7 count for none") != NULL;
		lost |= strstr(strbuf__str(&b), "12 records of event loops found no room") != NULL;
		skipped |= strstr(strbuf__str(&b), "left out 13 runs of the event loops' probes") !=
			   NULL;
	}
	assert_true(known && untold && lost && skipped);
	assert_true(words__data_incomplete(&fixture.report));
}

/* ---- programs --------------------------------------------------------------------------------------- */

static void json_has_the_contracts_keys(void **state)
{
	struct json_obj o = json_obj__new();
	json_t *json, *l, *s;

	loops[0].flight_known = true;
	stalls[0].held_up = 12;
	json_loops__put(&o, &fixture.report);
	json = json_obj__done(&o);
	assert_non_null(json);
	l = json_array_get(json_object_get(json, "event_loops"), 0);
	assert_int_equal(number(l, "id"), 2);
	assert_int_equal(number(l, "epfd"), 5);
	assert_int_equal(number(l, "iterations"), 1500);
	assert_int_equal(number(l, "waiting_ns"), 1000 * FIXTURE_MS);
	assert_int_equal(number(l, "on_cpu_ns"), 250 * FIXTURE_MS);
	assert_int_equal(number(l, "runnable_ns"), 29 * FIXTURE_MS);
	assert_int_equal(number(l, "blocked_ns"), 621 * FIXTURE_MS);
	/* A turn of 890 / 1499 ms, in which two descriptors were served. */
	assert_int_equal(number(l, "service_ns"), 890 * FIXTURE_MS / 1499 / 2);
	assert_int_equal(number(json_object_get(l, "batch"), "max"), 16);
	s = json_array_get(json_object_get(l, "stalls"), 0);
	assert_string_equal(json_string_value(json_object_get(s, "syscall")), "clock_nanosleep");
	assert_string_equal(json_string_value(json_object_get(s, "reason")), "sleep");
	assert_int_equal(number(s, "longest_start_ns"), 5);
	assert_int_equal(number(s, "held_up"), 12);
	s = json_array_get(json_object_get(l, "stalls"), 1);
	assert_string_equal(json_string_value(json_object_get(s, "on")), "file");
	assert_int_equal(number(s, "longest_fd"), 7);
	s = json_array_get(json_object_get(l, "stalls"), 2);
	assert_true(json_is_null(json_object_get(s, "syscall")));
	assert_true(json_is_true(json_object_get(s, "rest")));
	l = json_array_get(json_object_get(json, "event_loops"), 1);
	assert_int_equal(number(l, "epfd"), -1);
	assert_true(json_is_true(json_object_get(l, "iterations_at_least")));
	assert_null(json_object_get(l, "batch"));
	json_decref(json);
}

static void table_has_a_row_per_loop(void **state)
{
	char *lines;
	json_t *row;

	lines = table_text(loop_cols, write_loops, &fixture.report, true);
	row = json_loads(lines, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(row);
	assert_int_equal(number(row, "blocked_ns"), 621 * FIXTURE_MS);
	assert_int_equal(number(row, "stall_count"), 60);
	assert_int_equal(number(row, "batch_max"), 16);
	assert_int_equal(number(row, "service_ns"), 890 * FIXTURE_MS / 1499 / 2);
	assert_string_equal(json_string_value(json_object_get(row, "stall_syscall")),
			    "clock_nanosleep");
	assert_string_equal(json_string_value(json_object_get(row, "kind")), "epoll");
	json_decref(row);
	free(lines);
}

static void json_and_table_have_the_instances(void **state)
{
	struct json_obj o = json_obj__new();
	char *lines;
	json_t *json, *in, *row;

	add_two_instances();
	json_loops__put(&o, &fixture.report);
	json = json_obj__done(&o);
	in = json_array_get(json_object_get(json, "epoll_instances"), 0);
	assert_int_equal(number(in, "epfd"), 6);
	assert_string_equal(json_string_value(json_object_get(in, "direction")), "inbound");
	assert_int_equal(number(json_object_get(in, "in_flight"), "completed"), 9600);
	assert_true(json_real_value(json_object_get(json_object_get(in, "in_flight"),
						    "arrivals_per_second")) == 4800.5);
	assert_null(json_object_get(in, "upstream"));
	assert_int_equal(
		number(json_object_get(json_object_get(in, "in_flight"), "latency_ns"), "p99"),
		11 * FIXTURE_MS);
	json_decref(json);
	lines = table_text(instance_cols, write_instances, &fixture.report, true);
	row = json_loads(lines, JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, NULL);
	assert_non_null(row);
	assert_int_equal(number(row, "in_flight_ns"), 122000 * FIXTURE_MS);
	assert_int_equal(number(row, "peak"), 64);
	json_decref(row);
	free(lines);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_loop_is_a_row_of_shares, setup),
		cmocka_unit_test_setup(what_blocked_it_is_told_dearest_first, setup),
		cmocka_unit_test_setup(a_blocked_loop_is_said_under_the_verdict, setup),
		cmocka_unit_test_setup(turns_are_told_and_why_two_utilisations_differ, setup),
		cmocka_unit_test_setup(what_is_not_known_of_a_loop_is_not_called_busy, setup),
		cmocka_unit_test_setup(what_a_stall_cost_others_is_told, setup),
		cmocka_unit_test_setup(kernel_threads_that_spin_for_rings_are_named, setup),
		cmocka_unit_test_setup(hardly_a_loop_is_no_part, setup),
		cmocka_unit_test_setup(rows_are_capped, setup),
		cmocka_unit_test_setup(an_uneven_pool_is_told_if_it_is_certain, setup),
		cmocka_unit_test_setup(offload_is_told_where_work_comes_back, setup),
		cmocka_unit_test_setup(what_it_did_after_its_last_wait_is_said, setup),
		cmocka_unit_test_setup(descriptors_that_took_most_are_said, setup),
		cmocka_unit_test_setup(operations_in_flight_are_said, setup),
		cmocka_unit_test_setup(what_is_not_known_of_loops_is_warned_of, setup),
		cmocka_unit_test_setup(json_has_the_contracts_keys, setup),
		cmocka_unit_test_setup(json_and_table_have_the_instances, setup),
		cmocka_unit_test_setup(table_has_a_row_per_loop, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
