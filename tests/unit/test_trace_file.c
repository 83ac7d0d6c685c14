// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Tests of writer and reader: what goes in comes out, what is cut or damaged says so. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../analysis/trace_format.h"
#include "../../analysis/trace_reader.h"
#include "../../analysis/trace_writer.h"
#include "../support/event_list.h"
#include "../support/random_trace.h"

static int new_file(void)
{
	const int fd = memfd_create("trace", MFD_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

/* The trace in fd must be whole and hold exactly these events. */
static void assert_trace(int fd, const struct cpt_event *ev, size_t cnt)
{
	char incomplete[CPT_TRACE_ERR_LEN];
	struct event_list got = { 0 };

	assert_int_equal(event_list__read(&got, fd, incomplete), 0);
	assert_string_equal(incomplete, "");
	assert_int_equal(tb_compare_events(ev, cnt, got.ev, got.cnt), 0);
	event_list__clear(&got);
}

static void round_trip(uint64_t seed, uint32_t cpu_cnt, uint32_t steps, uint32_t flags)
{
	struct rng rng = { seed };
	struct trace_builder *tb = tb__new(cpu_cnt);
	const struct cpt_event *ev;
	size_t cnt;
	int fd;

	random_trace(tb, &rng, cpu_cnt, steps, flags);
	ev = tb__events(tb, &cnt);
	fd = tb__trace_fd(tb);
	assert_trace(fd, ev, cnt);
	close(fd);
	tb__free(tb);
}

static void random_events_come_back(void **state)
{
	for (uint64_t seed = 1; seed <= 60; seed++)
		round_trip(seed, 1 + (uint32_t)seed % 7, 2000,
			   RANDOM_TIES | RANDOM_LOSS | (seed % 3 ? 0 : RANDOM_PAUSES));
}

static void many_blocks_come_back(void **state)
{
	round_trip(1234, 4, 150000, RANDOM_LOSS);
	round_trip(1235, 64, 60000, RANDOM_TIES | RANDOM_PAUSES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_events_come_back),
		cmocka_unit_test(many_blocks_come_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
