/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * trace_builder.h - draws a timeline by hand and yields it in every form the code under test eats.
 *
 * Owns:     the picture: which task is on which CPU, who blocked on what, who woke whom.
 * Must not: use the code under test to make the event array: events come straight from the calls, so
 *           that they are a reference for merge, writer and reader as well as food for the analysis.
 *
 *   struct trace_builder *tb = tb__new(2);
 *   uint32_t main_ = tb__command(tb, 1000, "app");          task 1, exec'd: the window opens
 *   tb__run(tb, 1000, 0, main_);                            CPU 0: idle -> main
 *   uint32_t worker = tb__thread(tb, 2000, main_, "worker");
 *   tb__run(tb, 2100, 1, worker);                           CPU 1: idle -> worker, two CPUs busy
 *   tb__block(tb, 3000, worker, tb_wait_pipe(3), TB_IDLE);  CPU 1: worker waits in read(3)
 *   tb__wake(tb, 4000, worker, main_);
 *   tb__run(tb, 4050, 1, worker);                           its switch-in carries the wake-up
 *   tb__exit(tb, 5000, worker, 0, TB_IDLE);
 *   tb__exit(tb, 6000, main_, 0, TB_IDLE);
 *   ev = tb__events(tb, &cnt);      or   fd = tb__trace_fd(tb);      or   tb__ring(), tb__life()
 *   tb__free(tb);
 *
 * Calls come in order of time; equal times keep the order of the calls. A wake-up becomes an event
 * only if its task runs afterwards (the real one travels in the switch-in's record). A call that
 * contradicts the picture (time goes back, a task on two CPUs, blocking while off the CPU) prints the
 * reason and aborts: the test is wrong, not the code.
 */
#ifndef TRACE_BUILDER_H
#define TRACE_BUILDER_H

#include "../../analysis/event.h"
#include "../../analysis/trace.h"

struct trace_builder;

/* What comes in on a CPU when it is no task of the workload. */
#define TB_IDLE	 0u
#define TB_OTHER UINT32_MAX

/* cpu_cnt CPUs, each idle, each a physical core of its own in one package (change tb__meta()). Never
 * NULL: aborts without memory. */
struct trace_builder *tb__new(uint32_t cpu_cnt);
void tb__free(struct trace_builder *tb);

/* The trace's header and closing facts, with plausible values, to be changed before the output is
 * asked for. close->end_mono_ns == 0 (the default) means the last event's time. cpu_cnt is fixed. */
struct cpt_trace_meta *tb__meta(struct trace_builder *tb);
struct cpt_trace_close *tb__close_facts(struct trace_builder *tb);

/* ---- tasks: numbers 1, 2, … in order of birth; tid 1000 + number. Allowed on all CPUs. -------- */

/* NEW and the first EXEC of task 1 at ts_ns. Must be the first task. Not on a CPU yet. */
uint32_t tb__command(struct trace_builder *tb, uint64_t ts_ns, const char *comm);
uint32_t tb__thread(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator, const char *comm);
uint32_t tb__fork(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator, const char *comm);
/* Everything by hand. info's strings and mask are copied; tid, tgid, ns_tid of 0 are filled in. */
uint32_t tb__new_task(struct trace_builder *tb, uint64_t ts_ns, uint32_t creator,
		      const struct cpt_info *info);
uint32_t tb_tid(uint32_t task); /* 1000 + task */

void tb__exec(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const char *filename,
	      const char *comm);
void tb__exec_info(struct trace_builder *tb, uint64_t ts_ns, uint32_t task,
		   const struct cpt_info *info);
void tb__rename(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const char *comm);
/* bits: word_cnt words. */
void tb__affinity(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const uint64_t *bits,
		  uint32_t word_cnt);

/* ---- switches: one record each ---------------------------------------------------------------- */

/* next comes in on cpu; a task of ours that is there is preempted. */
void tb__run(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint32_t next);
/* task leaves its CPU, next (a task, TB_IDLE or TB_OTHER) comes in. */
void tb__block(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, struct cpt_wait wait,
	       uint32_t next);
void tb__preempt(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t next);
void tb__yield(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t next);
/* EXIT and the final switch-out at the same time. exit_code as wait(2) encodes it. The kernel's own
 * account (sum_exec_ns, nvcsw, nivcsw) is made up from the picture. */
void tb__exit(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, int32_t exit_code,
	      uint32_t next);
/* The raw switch: what runs on cpu leaves with out_flags (CPT_SW_PREV_BLOCKED, _DEAD, _YIELDED,
 * _MENDED, …; wait NULL unless blocked). PREV_IDLE, NEXT_IDLE, NEXT_WOKEN are filled in. */
void tb__switch(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint32_t next,
		uint16_t out_flags, const struct cpt_wait *wait);

/* ---- wake-ups of a blocked or newborn task ------------------------------------------------------ */

void tb__wake(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t waker);
/* By an interrupt: ctx CPT_CTX_SOFTIRQ or _HARDIRQ; interrupted: the task it hit, 0 none of ours. */
void tb__wake_irq(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint8_t ctx,
		  uint32_t interrupted);
void tb__wake_foreign(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t tid);
/* Everything by hand: flags CPT_SW_WAKER_FOREIGN or 0. */
void tb__wake_as(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t waker,
		 uint8_t ctx, uint16_t flags, uint16_t waker_sysno);

/* ---- the rest ----------------------------------------------------------------------------------- */

/* What cpu did from since_ns on without ours: idle_ns and other_ns in any order, then kind (1 idle,
 * 0 others) until ts_ns, when next_kind (1 idle, 0 others, 2 ours) begins. */
void tb__occupancy(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint64_t since_ns,
		   uint64_t idle_ns, uint64_t other_ns, uint8_t kind, uint8_t next_kind);
/* cnt records of cpu are missing from ts_ns to until_ns. The picture does not change: what a test
 * leaves out, it leaves out by not calling. */
void tb__loss(struct trace_builder *tb, uint64_t ts_ns, uint32_t cpu, uint64_t until_ns,
	      uint64_t cnt);

/* ---- event loops: they stand beside the events, at times of their own ------------------------------ */

/* A new epoll instance of task's process, seen first in task; flags: CPT_LOOP_*. Its number, from 1. */
uint32_t tb__loop_new(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t epfd,
		      uint16_t flags);
/* task opens and ends operations of the instance: inbound ones, or outbound. */
void tb__loop(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
	      uint32_t opened, uint32_t completed, uint32_t cancelled);
void tb__loop_out(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
		  uint32_t opened, uint32_t completed, uint32_t cancelled);
/* Everything by hand (CPT_LOOP_EV_* in flags; level, peak and counts as given). The level counts for what
 * follows. */
void tb__loop_event(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, uint32_t instance,
		    const struct cpt_event *ev);
/* The instance is closed. */
void tb__loop_end(struct trace_builder *tb, uint64_t ts_ns, uint32_t instance);
/* Events of loops are missing from here on, until each instance's next. */
void tb__loop_lost(struct trace_builder *tb, uint64_t ts_ns);

/* ---- marks of phases ---------------------------------------------------------------------------- */

/* task says that a phase begins; TB_OTHER: a task outside of the workload does. name: 1 to 63 bytes, "": it
 * cannot be read. */
void tb__mark(struct trace_builder *tb, uint64_t ts_ns, uint32_t task, const char *name);

/* ---- waits --------------------------------------------------------------------------------------- */

struct cpt_wait tb_wait_call(uint16_t sysno, uint64_t arg0, uint64_t arg1, uint32_t arg2);
struct cpt_wait tb_wait_fd(uint16_t sysno, uint32_t fd, uint8_t fd_kind); /* CPT_FD_* */
struct cpt_wait tb_wait_pipe(uint32_t fd);				  /* read of a pipe */
struct cpt_wait tb_wait_sleep(void);					  /* clock_nanosleep */
struct cpt_wait tb_wait_futex(uint64_t addr, uint32_t op, uint32_t expected, uint8_t futex_kind,
			      uint32_t holder_tid);
struct cpt_wait tb_wait_mutex(uint64_t addr, uint32_t holder_tid); /* a contended glibc mutex */
struct cpt_wait tb_wait_disk(void);  /* read of a file, in D state, in_iowait */
struct cpt_wait tb_wait_fault(void); /* D state outside any system call */

/* ---- output; the picture may be continued afterwards -------------------------------------------- */

/* All events so far, complete: each blocking switch-out says how its wait ended. Owned by tb, valid
 * until the next call on it. */
const struct cpt_event *tb__events(struct trace_builder *tb, size_t *cnt);

/* The same as a closed trace file, in memory, position 0, read and write. The caller closes it. */
int tb__trace_fd(struct trace_builder *tb);
/* Writes it to a file, with what `more` (NULL: nothing) adds behind the events. 0 or -errno, which is said. */
struct trace_writer;
typedef int (*tb_more_fn)(struct trace_writer *w, const struct cpt_event *ev, size_t cnt);
int tb__save(struct trace_builder *tb, const char *path, tb_more_fn more);

/* The same as the kernel would have sent it: ring records of cpu (CPT_REC_SZ each, seq from 0), and
 * lifecycle records in order; NULL behind the last one. Owned by tb. */
const void *tb__ring(struct trace_builder *tb, uint32_t cpu, size_t *cnt);
const struct cpt_rec_head *tb__life(struct trace_builder *tb, size_t idx);

/* 0 if equal in every field that their types give meaning to; else prints both and returns 1. */
int tb_compare_events(const struct cpt_event *a, size_t a_cnt, const struct cpt_event *b,
		      size_t b_cnt);

#endif /* TRACE_BUILDER_H */
