/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * bpf_find.h - finding what runs already, with the probes of a session.
 *
 * Owns:     the order of the iterator's steps and their repetition.
 * Must not: know the skeleton: the session (bpf_session.h) fills in what of it is needed.
 *
 *   attach ── name / group ── run: leaders, all, states, a look at every CPU ──┐
 *                                     ▲                                        │ as long as tasks are found,
 *                                     └────────────────────────────────────────┘ or one's state is not sure
 *
 * The look at every CPU sees who runs there: a task that has become one of the workload on its CPU is in its
 * chain from then on.
 */
#ifndef CPT_BPF_FIND_H
#define CPT_BPF_FIND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"

struct bpf_link;
struct bpf_program;

struct bpf_find {
	int tasks_fd;		     /* of the map of tasks */
	struct bpf_link *iter;	     /* of the iterator */
	struct bpf_program *group;   /* looks at a cgroup; loaded with CPT_MODE_GROUP */
	struct bpf_link *group_link; /* keeps it from going away; owned */
	/* Words of the probes. */
	uint32_t *step;
	const uint32_t *found;
	uint32_t *pending;
	const __u64 *group_ptr;
	bool *moved;
	/* Looks at every CPU. */
	void (*look)(void *ctx);
	void *ctx;
};

/* The processes of these pidfds are to be found, with all their threads; of one that has ended nobody will be.
 * 0 or -errno with a line in err. */
int bpf_find__name(struct bpf_find *f, const int *pidfds, size_t cnt, char *err, size_t err_sz);
/* The tasks in the cgroup of an open folder, of either version, and below. 0 or -errno with a line. */
int bpf_find__group(struct bpf_find *f, int group_fd, char *err, size_t err_sz);

/* Finds the tasks that are of the workload and have not been found before, and hands what is known of each to
 * fn, a struct cpt_rec_found each. Does not end while more come, but for a number of rounds. 0 or -errno. */
int bpf_find__run(struct bpf_find *f, void (*fn)(void *ctx, const void *rec), void *ctx);

/* Looks again at those whose state no round could tell, as long as there are such. Else as bpf_find__run. */
int bpf_find__states(struct bpf_find *f, void (*fn)(void *ctx, const void *rec), void *ctx);

/* Whether tasks have been moved into the cgroup since the last call. */
bool bpf_find__moved(struct bpf_find *f);

#endif /* CPT_BPF_FIND_H */
