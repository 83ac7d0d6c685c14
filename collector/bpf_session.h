/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_session.h - the probes in the kernel, from loading to detaching, and what they deliver.
 *
 * Owns:     the skeleton (its one user), the maps, the mapped rings, the loss counters.
 * Must not: interpret records, print. Errors are one line in the caller's buffer.
 *
 * Order of calls: open, attach, seed, then any of wait / peek / consume / life / check, then
 * finish, the last peek / consume / life, counters, free.
 */
#ifndef CPT_BPF_SESSION_H
#define CPT_BPF_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"
#include "bpf_find.h"

#define CPT_RING_DEFAULT_SZ (8ULL << 20)   /* per CPU */
#define CPT_RINGS_MAX_SZ    (256ULL << 20) /* of all CPUs together */

struct bpf_session;

struct bpf_session_opts {
	uint64_t ring_sz; /* bytes per CPU, rounded up to a power of two; 0: the default, less where
			     all CPUs together would take more than CPT_RINGS_MAX_SZ */
	bool no_occupancy;  /* do not watch CPUs that run none of ours */
	bool verbose;	    /* let libbpf write to stderr */
	bool stacks;	    /* take stacks at blocking switches and wake-ups, and with samples */
	uint32_t sample_hz; /* samples a second of each CPU; 0: none */
	uint32_t mode;	    /* CPT_MODE_*: a command, or what runs already */
	bool endless;	    /* it is forgotten again: CPT_MARKS_MAX does not hold */
};

/* Loads the probes and maps the rings. NULL with errno and a line in err. */
struct bpf_session *bpf_session__open(const struct bpf_session_opts *opts, char *err,
				      size_t err_sz);

/* Attaches the probes and takes the first look at every CPU. 0 or -errno with a line in err. */
int bpf_session__attach(struct bpf_session *s, char *err, size_t err_sz);

/* Makes the process of pidfd, which waits to exec, the command: task 1. 0 or -errno with a line. */
int bpf_session__seed(struct bpf_session *s, int pidfd, char *err, size_t err_sz);

/* What finds what runs already, instead of seed; once attached. The session's own. */
struct bpf_find *bpf_session__finder(struct bpf_session *s);

/* CPUs that can appear: 0 .. this - 1. */
uint32_t bpf_session__cpu_cnt(const struct bpf_session *s);

/* Sleeps until a ring asks to be drained or timeout_ms passed. extra_fd (-1: none) ends it too when
 * it becomes readable. 1 woken, 0 timed out, -errno. */
int bpf_session__wait(struct bpf_session *s, int timeout_ms, int extra_fd);

/* Has a task of the workload blocked in an event loop's wait? */
bool bpf_session__loop_met(const struct bpf_session *s);
/* The map of tasks, for other probes of the same family. */
int bpf_session__tasks_fd(const struct bpf_session *s);

/* What `cpartrace mark` says is taken from attach to finish; programs' own marks come by probes that share this. */
struct bpf_session_marks {
	int tasks_fd, ring_fd, shared_fd; /* maps */
	bool machine, endless;		  /* as in the options */
};
struct bpf_session_marks bpf_session__marks(const struct bpf_session *s);

/* Hands over marks that have come, whoever found them, in the order of their ring. 0 or fn's or -errno. */
typedef int (*bpf_session_mark_fn)(void *ctx, const struct cpt_rec_mark *rec);
int bpf_session__read_marks(struct bpf_session *s, bpf_session_mark_fn fn, void *ctx);
void bpf_session__marks_lost(const struct bpf_session *s, uint64_t lost[CPT_MARK_LOSS_CNT]);

/* Another ring that may ask to be drained (see wake__add). 0 or -errno: then it is drained with the others. */
int bpf_session__also_wake(struct bpf_session *s, int fd);

/* The records of cpu that are ready, in one piece (the rest, past the end of the ring, comes with
 * the next peek). Valid until consumed. Returns their count. */
size_t bpf_session__peek(struct bpf_session *s, uint32_t cpu, const void **recs);
void bpf_session__consume(struct bpf_session *s, uint32_t cpu, size_t cnt);

/* Tells masks that have changed of tasks that sleep or wait for a CPU (they come with the life records).
 * 0 or -errno. */
int bpf_session__read_affinity(struct bpf_session *s);

/* All tasks of the machine. fn may be called any number of times. 0 or -errno. */
typedef void (*bpf_session_tenant_fn)(void *ctx, const struct cpt_rec_tenant *task);
int bpf_session__read_tenants(struct bpf_session *s, bpf_session_tenant_fn fn, void *ctx);

/* Tasks that have not made their final switch-out: threads of the command's process, and of the whole
 * workload. Both 0 until the command runs. */
void bpf_session__live(const struct bpf_session *s, uint32_t *root, uint32_t *all);

/* Records attempted on cpu so far, a lower bound of what the next peeks and losses add up to. */
uint64_t bpf_session__attempts(const struct bpf_session *s, uint32_t cpu);

/* Hands all lifecycle records that are ready to fn, in order. Stops at its first error and returns
 * it. */
typedef int (*bpf_session_life_fn)(void *ctx, const void *rec, size_t sz);
int bpf_session__life(struct bpf_session *s, bpf_session_life_fn fn, void *ctx);

/* Looks at CPUs that have been without a record for a while (now_ns: CLOCK_MONOTONIC): a switch that fired
 * no event is found now instead of at the next one. Every busy CPU, and a few of the idle ones in turn. */
void bpf_session__check(struct bpf_session *s, uint64_t now_ns);

/* Closes the accounts of CPUs that run none of ours, then detaches. What is in the rings stays. */
void bpf_session__finish(struct bpf_session *s);

struct bpf_session_counters {
	uint64_t lost_ring; /* switch records, all CPUs */
	uint64_t lost[CPT_LOSS_CNT];
	uint64_t lost_recursion; /* programs the kernel skipped */
	uint64_t mends, mends_failed;
	uint64_t tasks; /* numbers handed out */
	uint64_t stacks_lost[CPT_STACK_LOSS_CNT];
};
void bpf_session__counters(const struct bpf_session *s, struct bpf_session_counters *c);

/* The frames of a stack, leaf first, at most max of them; 0 if there is no such stack. Only after finish:
 * before, looking at a stack takes it out of the kernel's sight for a moment. */
size_t bpf_session__user_stack(struct bpf_session *s, uint32_t id, uint64_t *ips, size_t max);
size_t bpf_session__kernel_stack(struct bpf_session *s, uint32_t id, uint64_t *ips, size_t max);

void bpf_session__free(struct bpf_session *s); /* detaches too; accepts NULL */

#endif /* CPT_BPF_SESSION_H */
