// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * hostile_trace.c - a trace in which everything that has a name has a hostile one (hostile_names.h): threads,
 * processes, the command and its arguments, the machine, locks, modules, functions, source files, tenants, phases.
 *
 *     hostile_trace FILE     writes it
 *     hostile_trace          prints the names to standard output, each followed by a NUL
 *
 * One task for each name, one after the other, every second of them a process:
 *
 *      main    ###########################
 *      task i     ## lock_i . ##             woken by main; its stack is of functions of that name
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "../../analysis/stacks.h"
#include "../../analysis/trace_writer.h"
#include "../../analysis/words.h"
#include "hostile_names.h"
#include "trace_builder.h"

#define CNT    ((uint32_t)HOSTILE_NAMES_CNT)
#define START  1000u
#define PERIOD 1000u /* of a task */
#define LOCKS  0x7f0000001000u

/* When task i is born. */
static uint64_t birth_of(uint32_t i)
{
	return START + PERIOD * (i + 1);
}

static void draw_task(struct trace_builder *tb, uint32_t main_, uint32_t i)
{
	const char *name = hostile_names[i];
	const uint64_t at = birth_of(i);
	uint32_t task = i % 2 ? tb__fork(tb, at, main_, name) : tb__thread(tb, at, main_, name);
	char args[2 * CPT_COMM_LEN];
	size_t len = strlen(name) + 1;

	memcpy(args, name, len);
	memcpy(args + len, name, len);
	tb__mark(tb, at + 5, i % 3 ? main_ : TB_OTHER, name);
	tb__run(tb, at + 10, 1, task);
	if (i % 2)
		tb__exec_info(tb, at + 100, task,
			      &(struct cpt_info){.comm = name,
						 .filename = name,
						 .args = args,
						 .args_sz = (uint32_t)(2 * len)});
	tb__block(tb, at + 200, task, tb_wait_mutex(LOCKS + 64 * i, tb_tid(main_)), TB_IDLE);
	tb__wake_as(tb, at + 400, task, main_, CPT_CTX_TASK, CPT_SW_WAKE_ON_WORD, 202);
	tb__run(tb, at + 450, 1, task);
	tb__exit(tb, at + 900, task, 0, TB_IDLE);
}

static struct trace_builder *draw(void)
{
	static char *command[CNT + 2];
	struct trace_builder *tb = tb__new(2);
	struct cpt_trace_close *facts = tb__close_facts(tb);
	uint32_t main_ = tb__command(tb, START, "ma<in>");

	command[0] = (char *)"<app>";
	for (uint32_t i = 0; i < CNT; i++)
		command[i + 1] = (char *)hostile_names[i];
	tb__meta(tb)->argv = command;
	tb__meta(tb)->hostname = "h\"ost\n<b>";
	tb__meta(tb)->kernel = "6.1,\"\033[7m";
	tb__meta(tb)->stack_flags = CPT_TRACE_STACKS_TAKEN;
	tb__meta(tb)->sample_hz = 1000;
	tb__run(tb, START, 0, main_);
	for (uint32_t i = 0; i < CNT; i++)
		draw_task(tb, main_, i);
	tb__exit(tb, birth_of(CNT), main_, 0, TB_IDLE);
	for (uint32_t i = 0; i < CNT && i < CPT_TENANTS_MAX; i++) {
		facts->tenants[i] = (struct cpt_tenant){.pid = 90 + i, .cpu_ns = PERIOD - i};
		strcpy(facts->tenants[i].name, hostile_names[i]);
		facts->tenant_cnt++;
	}
	return tb;
}

/* Stack i + 1 is of the task with that name: two functions of it. */
static int write_stacks(struct trace_writer *w)
{
	struct cpt_stacks *ss = stacks__new();
	struct cpt_event ev[2];
	int err = ss ? 0 : -ENOMEM;

	for (uint32_t i = 0; i < CNT && !err; i++) {
		const char *name = hostile_names[i];
		const struct cpt_frame frames[2] = {
			{.symbol = name, .module = name, .file = name, .line = 1, .offset = i + 1},
			{.symbol = "main", .module = name, .file = "", .offset = 1}};
		const uint32_t task = i + 2; /* the main one is 1 */

		if (stacks__add(ss, frames, 2) != i + 1)
			err = -ENOMEM;
		ev[0] = (struct cpt_event){.ts_ns = birth_of(i) + 150,
					   .type = CPT_EV_SAMPLE,
					   .cpu = 1,
					   .task = task,
					   .user = i + 1,
					   .flags = CPT_SAMPLE_USER};
		ev[1] = (struct cpt_event){.ts_ns = birth_of(i) + 200,
					   .type = CPT_EV_STACKS,
					   .cpu = 1,
					   .task = task,
					   .user = i + 1};
		if (!err)
			err = trace_writer__side(w, ev, 2);
	}
	if (!err)
		err = trace_writer__stacks(w, ss);
	stacks__free(ss);
	return err;
}

static int write_words(struct trace_writer *w, const struct cpt_event *ev, size_t cnt)
{
	struct cpt_words *ws = words__new("x86_64");
	int err = ws ? words__feed(ws, ev, cnt) : -ENOMEM;

	for (uint32_t i = 0; !err && i < words__cnt(ws); i++) {
		const uint64_t lock = (words__at(ws, i)->addr - LOCKS) / 64;

		if (lock < CNT)
			err = words__set_place(ws, i, hostile_names[lock], hostile_names[lock],
					       NULL, 0);
	}
	if (!err) {
		words__classify(ws);
		err = trace_writer__words(w, ws);
	}
	words__free(ws);
	return err;
}

static int write_rest(struct trace_writer *w, const struct cpt_event *ev, size_t cnt)
{
	const int err = write_stacks(w);

	return err ? err : write_words(w, ev, cnt);
}

int main(int argc, char **argv)
{
	struct trace_builder *tb;
	int err;

	for (uint32_t i = 0; argc == 1 && i < CNT; i++)
		fwrite(hostile_names[i], 1, strlen(hostile_names[i]) + 1, stdout);
	if (argc == 1)
		return fflush(stdout) ? 1 : 0;
	tb = draw();
	err = tb__save(tb, argv[1], write_rest);
	tb__free(tb);
	return err ? 1 : 0;
}
