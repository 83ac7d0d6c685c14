// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_report_wakes.c - who ended whose waits through what, and masks that changed, for people and in JSON. */
#include <stdlib.h>

#include "collector/json_affinity.h"
#include "collector/json_path.h"
#include "collector/text_affinity.h"
#include "collector/text_wakes.h"

#include "report_fixture.h"
#include "report_said.h"

static struct report_fixture fixture;
static struct cpt_wake_edge edges[3];
static struct cpt_affinity_change changes[3];

/* Two workers read pipes that a third one writes. */
static int setup(void **state)
{
	report_fixture(&fixture);
	for (uint32_t i = 0; i < 3; i++)
		edges[i] = (struct cpt_wake_edge){.by = CPT_WAKER_TASK,
						  .waker = 4,
						  .wakee = 2 + i % 2,
						  .reason = CPT_REASON_PEER,
						  .fd = 5,
						  .fd_kind = CPT_FD_PIPE,
						  .cnt = 10,
						  .waited_ns = 100 * FIXTURE_MS};
	edges[2].fd = -1;
	edges[2].fd_kind = CPT_FD_NONE;
	fixture.report.wake_edges = edges;
	fixture.report.wake_edges_cnt = 3;
	for (int i = 1; i < 5; i++)
		memcpy(fixture.threads[i].name, "worker", sizeof("worker"));
	memset(changes, 0, sizeof(changes));
	for (uint32_t i = 0; i < 3; i++) {
		changes[i] =
			(struct cpt_affinity_change){.at_ns = FIXTURE_START_NS + 500 * FIXTURE_MS,
						     .id = 2,
						     .from = {0xb},
						     .to = {1, 6},
						     .from_ns = 500 * FIXTURE_MS,
						     .to_ns = 700 * FIXTURE_MS};
	}
	fixture.report.affinity =
		(struct cpt_affinity){.at = changes, .cnt = 1, .changes = 1, .threads = 1};
	return 0;
}

static void descriptors_of_a_kind_are_one_row_and_their_number_is_told_if_it_is_one(void **state)
{
	has(said_by(add_wakes, &fixture.report, 100, 10), "200 ms     20  peer: pipe 5\n");
	has(said_by(add_wakes, &fixture.report, 100, 10), "100 ms     10  peer\n");
	edges[1].fd = 6;
	has(said_by(add_wakes, &fixture.report, 100, 10), "200 ms     20  peer: pipe\n");
	/* The same number in another process is another pipe. */
	edges[1].fd = 5;
	fixture.threads[2].pid = 77;
	has(said_by(add_wakes, &fixture.report, 100, 10), "200 ms     20  peer: pipe\n");
}

static void json_has_the_descriptor_or_null(void **state)
{
	json_t *wakes = json_path__wakes(&fixture.report), *first;

	assert_non_null(wakes);
	first = json_object_get(json_array_get(wakes, 0), "descriptor");
	assert_string_equal(json_string_value(json_object_get(first, "kind")), "pipe");
	assert_int_equal(number(first, "fd"), 5);
	assert_int_equal(number(first, "pid"), fixture.threads[1].pid);
	assert_true(json_is_null(json_object_get(json_array_get(wakes, 2), "descriptor")));
	json_decref(wakes);
}

static void masks_that_changed_are_lists_of_cpus_and_lengths(void **state)
{
	json_t *json;

	has(said_by(add_affinity, &fixture.report, 120, 10),
	    "500 ms  0-1,3        500 ms  0,65-66");
	has(said_by(add_affinity, &fixture.report, 120, 10), "700 ms");
	json = json_affinity__build(&fixture.report);
	assert_non_null(json);
	assert_int_equal(number(json, "changes"), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(json_object_get(json, "rows"), 0), "to")),
			    "0,65-66");
	json_decref(json);
}

/* A thread that is bound when it starts has not changed over time; and rows are capped. */
static void only_changes_over_time_are_rows(void **state)
{
	fixture.report.affinity.cnt = 3;
	fixture.report.affinity.changes = 3;
	has(said_by(add_affinity, &fixture.report, 120, 1), "and 2 more\n");
	changes[1].from_ns = changes[2].from_ns = FIXTURE_MS;
	lacks(said_by(add_affinity, &fixture.report, 120, 1), "more");
	changes[0].from_ns = FIXTURE_MS;
	assert_string_equal(said_by(add_affinity, &fixture.report, 120, 1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(
			descriptors_of_a_kind_are_one_row_and_their_number_is_told_if_it_is_one,
			setup),
		cmocka_unit_test_setup(json_has_the_descriptor_or_null, setup),
		cmocka_unit_test_setup(masks_that_changed_are_lists_of_cpus_and_lengths, setup),
		cmocka_unit_test_setup(only_changes_over_time_are_rows, setup),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
