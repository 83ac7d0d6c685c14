// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_status.c - the exit status for a trace is the same whether it was analysed or only read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../collector/analyse.h"
#include "../../collector/exit_status.h"
#include "../support/trace_builder.h"

/* A small run whose closing section is as given by lose(). */
static void expect_status(void (*lose)(struct cpt_trace_close *close), int status)
{
	struct trace_builder *tb = tb__new(1);
	struct analysed a;
	uint32_t main_;
	int fd;

	main_ = tb__command(tb, 1000, "app");
	tb__run(tb, 1000, 0, main_);
	tb__exit(tb, 5000, main_, 0, TB_IDLE);
	lose(tb__close_facts(tb));
	fd = tb__trace_fd(tb);
	assert_int_equal(analysed__open_fd(&a, fd, "trace"), 0);
	assert_int_equal(analysed__status(&a, 0), status); /* as script does */
	assert_int_equal(analysed__run(&a, "trace", &(struct cpt_analysis_opts){0}), 0);
	assert_int_equal(analysed__status(&a, 0), status); /* as report does */
	analysed__free(&a);
	close(fd);
	tb__free(tb);
}

static void lose_nothing(struct cpt_trace_close *close)
{
}

static void lose_life(struct cpt_trace_close *close)
{
	close->lost[CPT_LOSS_LIFE_RING_FULL] = 1;
}

static void lose_tasks(struct cpt_trace_close *close)
{
	close->lost[CPT_LOSS_TASK_STORAGE] = 1;
}

static void lose_runs(struct cpt_trace_close *close)
{
	close->lost_recursion = 1;
}

static void every_loss_shows_in_the_status(void **state)
{
	expect_status(lose_nothing, CPT_STATUS_OK);
	expect_status(lose_life, CPT_STATUS_INCOMPLETE);
	expect_status(lose_tasks, CPT_STATUS_INCOMPLETE);
	expect_status(lose_runs, CPT_STATUS_INCOMPLETE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_loss_shows_in_the_status),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
