/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * features.h - what this kernel and this process can do, found out once, by looking.
 *
 * Owns:     facts that set options of the probes, and the list that `doctor` shows.
 * Must not: load the project's probes (bpf_session.h does), print.
 *
 * Facts come from the kernel's own type information and from trying; never from its version.
 */
#ifndef CPT_FEATURES_H
#define CPT_FEATURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What the probes must be told before they are loaded. */
struct cpt_kernel_facts {
	bool switch_has_state; /* tp_btf/sched_switch passes prev_state */
	bool preempt_known;    /* preempt_off is valid */
	bool delay_known;      /* it accounts for run-queue waits, and its clocks can be read */
	int64_t preempt_off;   /* bytes from a CPU's run queue to its preempt count */
};

/* 0, or -errno with one line in err: no type information, or no sched_switch in it. */
int features__facts(struct cpt_kernel_facts *facts, char *err, size_t err_sz);

/* Is this one of the kernel's tracepoints? Of several, each is asked of the same type information: cnt
 * answers into there; none are there where that cannot be read. */
void features__tracepoints(const char *const *names, bool *there, size_t cnt);

/* What opening or loading probes returned; libbpf has one error, -ESRCH, for type information that is not there and for
 * want of the memory to read it, and libelf's for what it cannot find memory for: of probes, which are always the same,
 * nothing else. */
int features__load_error(int ret);
/* Why loading probes failed with ret (-errno), one line in err, with what to do; returns ret, or -EOPNOTSUPP
 * where the kernel is older than what is supported, or locked down. */
int features__refused(int ret, char *err, size_t err_sz);

enum cpt_feature_state { CPT_FEATURE_OK, CPT_FEATURE_DEGRADED, CPT_FEATURE_MISSING };

#define CPT_FEATURE_MAX 24

struct cpt_feature {
	enum cpt_feature_state state;
	const char *name; /* "type information (BTF)" */
	char text[160];	  /* what was found */
	char mend[160];	  /* what to do about it, "" when ok */
};

/* Fills at most CPT_FEATURE_MAX entries, most basic first; returns how many. */
size_t features__list(struct cpt_feature *list);

#endif /* CPT_FEATURES_H */
