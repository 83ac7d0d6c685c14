// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_services.c - what single descriptors took: its bytes, which may be anybody's. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "analysis/services.h"
#include "analysis/trace_limits.h"

static const struct cpt_service three[] = {
	{7, CPT_CONN_IN, 300, 1200000000, 20000000},
	{UINT32_MAX, CPT_CONN_OTHER, UINT32_MAX, 5000, 5000},
	{3, CPT_CONN_LISTEN, 1, 0, 0},
};

static void what_was_put_is_read(void **state)
{
	uint8_t payload[2 * SERVICES_ROW_MAX];
	struct cpt_service got[CPT_LOOP_SERVICES];
	struct cpt_services *s = services__new();
	uint8_t *end;

	(void)state;
	end = services__put(payload, 4, three, 3);
	end = services__put(end, CPT_LOOP_NUMBER_MAX, three + 1, 1);
	assert_int_equal(services__decode(s, payload, (size_t)(end - payload)), 0);
	assert_int_equal(services__of(s, 4, got), 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(got[i].fd, three[i].fd);
		assert_int_equal(got[i].kind, three[i].kind);
		assert_int_equal(got[i].times, three[i].times);
		assert_int_equal(got[i].service_ns, three[i].service_ns);
		assert_int_equal(got[i].longest_ns, three[i].longest_ns);
	}
	assert_int_equal(services__of(s, CPT_LOOP_NUMBER_MAX, got), 1);
	assert_int_equal(services__of(s, 5, got), 0);
	assert_int_equal(services__of(NULL, 4, got), 0);
	/* Numbers rise, over all payloads. */
	end = services__put(payload, 4, three, 1);
	assert_int_equal(services__decode(s, payload, (size_t)(end - payload)), -EBADMSG);
	services__free(s);
	services__free(NULL);
}

static void a_row_that_is_cut_off_is_refused(void **state)
{
	uint8_t payload[SERVICES_ROW_MAX];
	const size_t sz = (size_t)(services__put(payload, 4, three, 3) - payload);

	(void)state;
	for (size_t cut = 1; cut < sz; cut++) {
		struct cpt_services *s = services__new();
		struct cpt_service got[CPT_LOOP_SERVICES];

		assert_int_equal(services__decode(s, payload, cut), -EBADMSG);
		assert_int_equal(services__of(s, 4, got), 0);
		services__free(s);
	}
}

static void expect_refused(uint32_t instance, const struct cpt_service *tab, uint32_t cnt)
{
	uint8_t payload[SERVICES_ROW_MAX + 100];
	struct cpt_services *s = services__new();
	const uint8_t *end = services__put(payload, instance, tab, cnt);

	assert_int_equal(services__decode(s, payload, (size_t)(end - payload)), -EBADMSG);
	services__free(s);
}

static void what_cannot_be_is_refused(void **state)
{
	const struct cpt_service more[] = {three[1], three[0]};
	struct cpt_service one = three[0], nine[CPT_LOOP_SERVICES + 1];

	(void)state;
	expect_refused(0, three, 3);
	expect_refused(CPT_LOOP_NUMBER_MAX + 1, three, 3);
	expect_refused(4, three, 0);
	expect_refused(4, more, 2); /* the second took more */
	for (uint32_t i = 0; i < CPT_LOOP_SERVICES + 1; i++)
		nine[i] = three[1];
	expect_refused(4, nine, CPT_LOOP_SERVICES + 1);
	one.kind = CPT_CONN_OTHER + 1;
	expect_refused(4, &one, 1);
	one = three[0];
	one.times = 0;
	expect_refused(4, &one, 1);
	one = three[0];
	one.longest_ns = one.service_ns + 1;
	expect_refused(4, &one, 1);
	one = three[0];
	one.service_ns = CPT_TIME_MAX + 1;
	expect_refused(4, &one, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_put_is_read),
		cmocka_unit_test(a_row_that_is_cut_off_is_refused),
		cmocka_unit_test(what_cannot_be_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
