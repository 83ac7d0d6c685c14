// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * shared_trace.c - a trace of a lock with a name in memory that two processes share, each at an address of its
 * own; and of one that only the first has:
 *
 *     app      ####. shared  ######. own  #####
 *     child    #. shared ############## . shared ##
 *
 * usage: shared_trace FILE
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include "../../analysis/trace_writer.h"
#include "../../analysis/words.h"
#include "../support/trace_builder.h"

#define IN_APP	 0x7f0000001000u
#define IN_CHILD 0x7f0000402000u
#define OWN	 0x7f0000005000u

/* The task waits for the lock until it is woken by the other one. */
static void wait_for(struct trace_builder *tb, uint64_t from_ns, uint64_t to_ns, uint32_t task,
		     uint32_t cpu, uint64_t addr, uint32_t holder)
{
	tb__block(tb, from_ns, task, tb_wait_mutex(addr, tb_tid(holder)), TB_IDLE);
	tb__wake_as(tb, to_ns, task, holder, CPT_CTX_TASK, CPT_SW_WAKE_ON_WORD, SYS_futex);
	tb__run(tb, to_ns + 50, cpu, task);
}

static struct trace_builder *draw(void)
{
	struct trace_builder *tb = tb__new(2);
	const uint32_t app = tb__command(tb, 1000, "app");
	uint32_t child;

	tb__run(tb, 1000, 0, app);
	child = tb__fork(tb, 1000, app, "child");
	tb__run(tb, 1010, 1, child);
	wait_for(tb, 1100, 1300, child, 1, IN_CHILD, app);
	wait_for(tb, 1400, 1700, app, 0, IN_APP, child);
	wait_for(tb, 1800, 1830, app, 0, OWN, child);
	wait_for(tb, 2000, 2009, child, 1, IN_CHILD, app);
	tb__exit(tb, 2400, child, 0, TB_IDLE);
	tb__exit(tb, 2500, app, 0, TB_IDLE);
	return tb;
}

static int write_words(struct trace_writer *w, const struct cpt_event *ev, size_t cnt)
{
	static const struct {
		uint32_t proc, same;
		uint64_t addr;
		const char *symbol;
	} words[] = {{1, 0, IN_APP, "shared_lock"}, {1, 0, OWN, "own_lock"}, {2, 1, IN_CHILD, ""}};
	struct cpt_words *ws = words__new("x86_64");
	int err = ws ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < sizeof(words) / sizeof(words[0]); i++) {
		const struct cpt_word word = {.proc = words[i].proc,
					      .space = words[i].proc == 1, /* app's exec */
					      .addr = words[i].addr,
					      .kind = CPT_WORD_MUTEX,
					      .reason = CPT_REASON_LOCK,
					      .same = words[i].same,
					      .both = 2,
					      .symbol = words[i].symbol,
					      .module = "app"};

		err = words__add(ws, &word);
	}
	if (!err)
		err = trace_writer__words(w, ws);
	words__free(ws);
	return err;
}

int main(int argc, char **argv)
{
	struct trace_builder *tb;
	int err;

	if (argc != 2)
		return 2;
	tb = draw();
	err = tb__save(tb, argv[1], write_words);
	tb__free(tb);
	return err ? 1 : 0;
}
