// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cmd_script.c - `cpartrace script`: the events of a trace, one line each, for eyes and grep.
 *
 *      SECONDS [CPU] event  who key=value ...
 *
 * Every number comes with what it means: tasks as name/tid#number, system calls, kinds of files and
 * states by name. Names are as of the moment; they are escaped.
 */
#include "cmds.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "analyse.h"
#include "escape.h"
#include "exit_status.h"
#include "script_line.h"
#include "script_loops.h"
#include "script_marks.h"
#include "script_stacks.h"
#include "script_words.h"
#include "say.h"
#include "view.h"

struct script_opts {
	struct view view;
};

static const struct cli_option options[] = {
	VIEW_OPTION_INPUT(struct script_opts, view),
	VIEW_OPTION_FILTERS(struct script_opts, view),
	CLI_OPTIONS_END,
};

struct script {
	const struct view *view;
	struct script_names names;
	const struct cpt_stacks *stacks; /* the reader's; NULL: none */
	uint64_t window_start_ns;	 /* UINT64_MAX before the command's first exec */
	struct cpt_words *words;	 /* the reader's; NULL: none */
	const struct cpt_wait *ended; /* by the wake-up that is printed; NULL: none that was seen */
	struct script_lines lines;
};

static bool selected_task(const struct script *s, uint32_t id)
{
	const struct view *v = s->view;
	const struct script_name *n = script_names__find(&s->names, id);
	bool ok;
	uint32_t i;

	if (!id || !n)
		return false;
	for (ok = !v->pids.cnt, i = 0; i < v->pids.cnt && !ok; i++)
		ok = v->pids.n[i] == n->pid;
	if (!ok)
		return false;
	for (ok = !v->tids.cnt, i = 0; i < v->tids.cnt && !ok; i++)
		ok = v->tids.n[i] == n->tid;
	if (!ok)
		return false;
	for (ok = !v->comm_cnt, i = 0; i < v->comm_cnt && !ok; i++)
		ok = !strcmp(v->comms[i], n->comm);
	return ok;
}

/* Neither do they have a second task. */
static bool is_of_no_cpu(uint8_t type)
{
	return script_loops__kind(type) || script_marks__kind(type);
}

/* An event is shown if one of its tasks, its CPU and its time are asked for. */
static bool selected(const struct script *s, const struct cpt_event *ev)
{
	const struct view *v = s->view;

	if (v->time.given) {
		uint64_t since = ev->ts_ns - s->window_start_ns;

		if (s->window_start_ns == UINT64_MAX || ev->ts_ns < s->window_start_ns ||
		    since < v->time.from_ns || since >= v->time.to_ns)
			return false;
	}
	if (v->cpus.given && is_of_no_cpu(ev->type))
		return false;
	if (v->cpus.given &&
	    (ev->cpu >= CPT_MAX_CPUS || !(v->cpus.bits[ev->cpu / 64] >> (ev->cpu % 64) & 1)))
		return false;
	if (!v->pids.cnt && !v->tids.cnt && !v->comm_cnt)
		return true;
	return selected_task(s, ev->task) ||
	       (!is_of_no_cpu(ev->type) && selected_task(s, ev->other));
}

static void add_task(struct script *s, uint32_t id)
{
	script_names__add_task(&s->names, &s->lines.out, id);
}

static void add_text(struct script *s, const char *key, const char *text, size_t len)
{
	strbuf__addf(&s->lines.out, " %s=", key);
	escape_add(&s->lines.out, text, len, true);
}

static void add_switch_side(struct script *s, uint32_t id, bool idle)
{
	if (id)
		add_task(s, id);
	else
		strbuf__adds(&s->lines.out, idle ? "(idle)" : "(other)");
}

static const char *how_left(uint16_t flags)
{
	if (flags & CPT_SW_PREV_DEAD)
		return " dead";
	if (flags & CPT_SW_PREV_UNKNOWN)
		return " unknown";
	if (flags & CPT_SW_PREV_BLOCKED)
		return " blocked";
	if (flags & CPT_SW_PREV_THROTTLED)
		return " throttled";
	return flags & CPT_SW_PREV_YIELDED ? " yielded" : " preempted";
}

static void add_end(struct script *s, const struct cpt_event *ev)
{
	switch (ev->end) {
	case CPT_END_TASK:
		strbuf__adds(&s->lines.out, " ended_by=");
		add_task(s, ev->end_waker);
		break;
	case CPT_END_FOREIGN:
		strbuf__addf(&s->lines.out, " ended_by=(other)/%" PRIu32, ev->end_waker);
		break;
	case CPT_END_IRQ:
		strbuf__adds(&s->lines.out, " ended_by=(interrupt)");
		break;
	default:
		strbuf__adds(&s->lines.out, " ended_by=(open)");
	}
}

static void line_switch(struct script *s, const struct cpt_event *ev)
{
	add_switch_side(s, ev->task, ev->flags & CPT_SW_PREV_IDLE);
	if (ev->task)
		strbuf__adds(&s->lines.out, how_left(ev->flags));
	if (ev->task && (ev->flags & CPT_SW_PREV_BLOCKED) && ev->wait) {
		script_lines__add_wait(&s->lines, &s->names, ev->wait);
		script_words__add(&s->lines.out, s->words, ev->task, ev->wait);
		add_end(s, ev);
	}
	strbuf__adds(&s->lines.out, " -> ");
	add_switch_side(s, ev->other, ev->flags & CPT_SW_NEXT_IDLE);
	if (ev->flags & CPT_SW_MENDED)
		strbuf__adds(&s->lines.out, " mended");
}

static void line_wake(struct script *s, const struct cpt_event *ev)
{
	static const char *const contexts[] = {" context=task", " context=softirq",
					       " context=hardirq", " context=softirq_send"};
	const struct cpt_wait *wait = s->ended;

	add_task(s, ev->task);
	strbuf__adds(&s->lines.out, " woken by=");
	if (ev->flags & CPT_SW_WAKER_FOREIGN)
		strbuf__addf(&s->lines.out, "(other)/%" PRIu32, ev->other);
	else if (ev->other)
		add_task(s, ev->other);
	else
		strbuf__adds(&s->lines.out, "(unknown)");
	strbuf__adds(&s->lines.out, ev->wake_ctx < sizeof(contexts) / sizeof(contexts[0])
					    ? contexts[ev->wake_ctx]
					    : " context=?");
	script_names__add_syscall(&s->names, &s->lines.out, " in=", ev->waker_sysno);
	if (ev->flags & CPT_SW_WAKE_ON_WORD)
		strbuf__adds(&s->lines.out, " on_word");
	if (wait) {
		script_names__add_syscall(&s->names, &s->lines.out, " from=", wait->sysno);
		script_names__add_object(&s->names, &s->lines.out, wait);
		script_names__add_fd(&s->names, &s->lines.out, wait);
		script_words__add(&s->lines.out, s->words, ev->task, wait);
	}
}

static void line_new(struct script *s, const struct cpt_event *ev)
{
	add_task(s, ev->task);
	strbuf__addf(&s->lines.out, " born pid=%" PRIu32 " %s by=", ev->info->tgid,
		     ev->info->flags & CPT_TASK_IO_WORKER ? "io_worker"
		     : ev->info->flags & CPT_TASK_THREAD  ? "thread"
							  : "process");
	if (ev->other)
		add_task(s, ev->other);
	else
		strbuf__adds(&s->lines.out, "(cpartrace)");
	if (ev->info->ns_tid != ev->info->tid)
		strbuf__addf(&s->lines.out, " ns_tid=%" PRIu32, ev->info->ns_tid);
}

static void line_exec(struct script *s, const struct cpt_event *ev)
{
	const char *arg = ev->info->args;
	uint32_t left = ev->info->args_sz;

	add_task(s, ev->task);
	add_text(s, "exec", ev->info->filename, strlen(ev->info->filename));
	strbuf__adds(&s->lines.out, " args=");
	while (arg && left) {
		size_t len = strnlen(arg, left);

		escape_add(&s->lines.out, arg, len, true);
		len += len < left;
		arg += len;
		left -= (uint32_t)len;
		if (left)
			strbuf__addc(&s->lines.out, ' ');
	}
}

static void line_rename(struct script *s, const struct cpt_event *ev)
{
	add_task(s, ev->task);
	add_text(s, "renamed_to", ev->info->comm, strlen(ev->info->comm));
}

static void line_exit(struct script *s, const struct cpt_event *ev)
{
	int code = ev->info->exit_code;

	add_task(s, ev->task);
	if (code & 0x7f)
		strbuf__addf(&s->lines.out, " exit signal=%d(%s)", code & 0x7f,
			     sigabbrev_np(code & 0x7f) ? sigabbrev_np(code & 0x7f) : "?");
	else
		strbuf__addf(&s->lines.out, " exit code=%d", code >> 8 & 0xff);
	strbuf__addf(&s->lines.out,
		     " kernel_cpu_ns=%" PRIu64 " kernel_runnable_ns=%" PRIu64 " voluntary=%" PRIu64
		     " involuntary=%" PRIu64,
		     ev->info->sum_exec_ns, ev->info->run_delay_ns, ev->info->nvcsw,
		     ev->info->nivcsw);
}

static void line_affinity(struct script *s, const struct cpt_event *ev)
{
	const struct cpt_mask *mask = &ev->info->mask;
	const char *sep = "";
	uint32_t cpu;

	add_task(s, ev->task);
	strbuf__addf(&s->lines.out, " allowed=%" PRIu32 " cpus=", mask->nr_cpus_allowed);
	for (cpu = 0; mask->bits && cpu < mask->word_cnt * 64; cpu++) {
		if (!(mask->bits[cpu / 64] >> (cpu % 64) & 1))
			continue;
		strbuf__addf(&s->lines.out, "%s%" PRIu32, sep, cpu);
		sep = ",";
	}
}

static void line_occupancy(struct script *s, const struct cpt_event *ev)
{
	static const char *const kinds[] = {"others", "idle", "ours"};

	strbuf__addf(&s->lines.out,
		     "since=%" PRIu64 ".%09" PRIu64 " idle_ns=%" PRIu64 " others_ns=%" PRIu64
		     " then=%s next=%s",
		     ev->occ_since_ns / 1000000000, ev->occ_since_ns % 1000000000, ev->occ_idle_ns,
		     ev->occ_other_ns, ev->occ_kind < 2 ? kinds[ev->occ_kind] : "?",
		     ev->occ_next < 3 ? kinds[ev->occ_next] : "?");
}

static void line_loss(struct script *s, const struct cpt_event *ev)
{
	strbuf__addf(&s->lines.out, "lost=%" PRIu64 " until=%" PRIu64 ".%09" PRIu64, ev->count,
		     ev->until_ns / 1000000000, ev->until_ns % 1000000000);
}

static const struct {
	const char *name;
	bool has_info;
	void (*line)(struct script *s, const struct cpt_event *ev);
} kinds[CPT_EV_CNT] = {
	[CPT_EV_SWITCH] = {"switch", false, line_switch},
	[CPT_EV_WAKE] = {"wake", false, line_wake},
	[CPT_EV_NEW] = {"new", true, line_new},
	[CPT_EV_EXEC] = {"exec", true, line_exec},
	[CPT_EV_RENAME] = {"rename", true, line_rename},
	[CPT_EV_EXIT] = {"exit", true, line_exit},
	[CPT_EV_AFFINITY] = {"affinity", true, line_affinity},
	[CPT_EV_OCCUPANCY] = {"occupancy", false, line_occupancy},
	[CPT_EV_LOSS] = {"loss", false, line_loss},
};

static int print_loop(struct script *s, const struct cpt_event *ev)
{
	script_lines__begin(&s->lines, ev->ts_ns, ev->cpu, script_loops__kind(ev->type));
	if (ev->task)
		add_task(s, ev->task);
	script_loops__add(&s->lines.out, ev);
	return script_lines__end(&s->lines);
}

/* Of a switch: where the task that left blocked, and where the one that came was woken from. */
static int print_stacks(struct script *s, const struct cpt_event *ev)
{
	script_lines__begin(&s->lines, ev->ts_ns, ev->cpu, script_stacks__kind(ev->type));
	if (ev->task)
		add_task(s, ev->task);
	if (ev->type == CPT_EV_SAMPLE) {
		strbuf__adds(&s->lines.out,
			     ev->flags & CPT_SAMPLE_USER ? " in=user" : " in=kernel");
		if (ev->flags & CPT_SAMPLE_YIELD)
			strbuf__adds(&s->lines.out, " yields");
	} else if (ev->task) {
		strbuf__adds(&s->lines.out, " blocked at");
	}
	if (ev->task)
		script_stacks__add(&s->lines.out, s->stacks, ev->user, ev->kernel);
	if (ev->type == CPT_EV_STACKS && ev->other) {
		strbuf__adds(&s->lines.out, ev->task ? " -> " : "");
		add_task(s, ev->other);
		strbuf__adds(&s->lines.out, " woken from");
		script_stacks__add(&s->lines.out, s->stacks, ev->wake_user, ev->wake_kernel);
	}
	return script_lines__end(&s->lines);
}

static int print_mark(struct script *s, const struct cpt_event *ev)
{
	script_lines__begin(&s->lines, ev->ts_ns, ev->cpu, script_marks__kind(ev->type));
	if (ev->task)
		add_task(s, ev->task);
	script_marks__add(&s->lines.out, ev);
	return script_lines__end(&s->lines);
}

static int print_event(struct script *s, const struct cpt_event *ev)
{
	if (script_stacks__kind(ev->type))
		return print_stacks(s, ev);
	if (script_loops__kind(ev->type))
		return print_loop(s, ev);
	if (script_marks__kind(ev->type))
		return print_mark(s, ev);
	if (ev->type >= CPT_EV_CNT || !kinds[ev->type].line ||
	    (kinds[ev->type].has_info && !ev->info))
		return 0;
	script_lines__begin(&s->lines, ev->ts_ns, ev->cpu, kinds[ev->type].name);
	kinds[ev->type].line(s, ev);
	return script_lines__end(&s->lines);
}

static int script_event(struct script *s, const struct cpt_event *ev)
{
	int err;

	err = script_words__learn(s->words, ev);
	if (err < 0)
		return err;
	/* A name given by this event holds from it on; a rename shows the old one. */
	if (ev->type != CPT_EV_RENAME) {
		err = script_names__learn(&s->names, ev);
		if (err < 0)
			return err;
	}
	if (ev->type == CPT_EV_WAKE)
		s->ended = script_names__end_wait(&s->names, ev->task);
	if (ev->type == CPT_EV_EXEC && ev->task == 1 && s->window_start_ns == UINT64_MAX)
		s->window_start_ns = ev->ts_ns;
	if (selected(s, ev)) {
		err = print_event(s, ev);
		if (err < 0)
			return err;
	}
	return ev->type == CPT_EV_RENAME ? script_names__learn(&s->names, ev) : 0;
}

static int cannot_write(int err, const char *path)
{
	if (err == -ENOMEM)
		return fail(err, "cannot print %s: out of memory", path);
	return fail(err, "cannot write to standard output: %s", strerror(-err));
}

static int script_all(struct script *s, struct trace_reader *r, const char *path)
{
	const struct cpt_event *ev;
	size_t cnt, i;
	int ret, err;

	while ((ret = trace_reader__next(r, &ev, &cnt)) > 0) {
		for (i = 0; i < cnt; i++) {
			err = script_event(s, &ev[i]);
			if (err < 0)
				return cannot_write(err, path);
		}
	}
	err = script_lines__flush(&s->lines);
	if (ret < 0)
		return fail(ret, "cannot read %s: %s", path, strerror(-ret));
	return err < 0 ? cannot_write(err, path) : command__stdout_done();
}

static int script(const struct command *self, void *ctx)
{
	struct script_opts *o = ctx;
	const char *path = view__path(&o->view);
	struct script s = {.view = &o->view, .window_start_ns = UINT64_MAX};
	struct analysed a;
	int err, status;

	(void)self;
	err = analysed__open(&a, path);
	if (err < 0)
		return analysed__status(&a, err);
	script_names__init(&s.names, trace_reader__meta(a.reader)->machine);
	if (trace_reader__meta(a.reader)->flags & CPT_TRACE_ATTACHED)
		s.window_start_ns = trace_reader__meta(a.reader)->start_mono_ns;
	s.stacks = trace_reader__stacks(a.reader);
	s.words = trace_reader__words(a.reader);
	err = script_all(&s, a.reader, path);
	status = analysed__status(&a, err);
	if (!err && trace_reader__incomplete(a.reader))
		say_note("%s is not whole: %s", path, trace_reader__incomplete(a.reader));
	script_names__fini(&s.names);
	script_lines__fini(&s.lines);
	analysed__free(&a);
	return status;
}

static int run(const struct command *self, int argc, char *const *argv)
{
	struct script_opts o = {0};

	return view__command(self, &o, &o.view, argc, argv, script);
}

const struct command cmd_script = {
	.name = "script",
	.args = "[-i FILE] [OPTIONS]",
	.summary = "Prints the events of a recorded trace, one line each.",
	.details = "A line is: time in seconds of CLOCK_MONOTONIC, [CPU], kind of event, what "
		   "happened. Tasks "
		   "are written name/tid#number; the number is unique in the run. Filters select "
		   "events "
		   "that one of the selected threads takes part in.\n"
		   "Exit status: as of report.",
	.options = options,
	.run = run,
	.usage_status = CPT_STATUS_USAGE,
};
