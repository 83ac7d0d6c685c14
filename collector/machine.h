/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * machine.h - facts of this machine that a trace carries: CPUs, clocks, quotas, steal.
 *
 * Owns:     reading /sys and /proc for them. A fact that cannot be read is "unknown", never an error.
 * Must not: know what they are used for.
 */
#ifndef CPT_MACHINE_H
#define CPT_MACHINE_H

#include <stdint.h>
#include <sys/types.h>

#include "../analysis/trace.h"

/* The CPUs that exist, ascending. *cnt of them; NULL with errno only if memory is out. Caller frees. */
struct cpt_cpu_info *machine__cpus(uint32_t *cnt);

/* One instant on three clocks, ns. */
void machine__clocks(uint64_t *mono, uint64_t *real, uint64_t *boot);
uint64_t machine__now_ns(void); /* CLOCK_MONOTONIC */

/* Machine-wide steal so far, UINT64_MAX unknown. */
uint64_t machine__steal_ns(void);

/* CPU quota that holds process pid, in CPUs: the tightest of its cgroup and those above; 0 none. */
double machine__quota_cpus(pid_t pid);

/* Machine-wide time in hard and soft interrupts so far, UINT64_MAX unknown. */
uint64_t machine__irq_ns(void);

/* What cpu.stat says of the quotas of pid's cgroup and of those above it so far, summed: a task is
 * throttled by any of them. UINT64_MAX unknown. */
struct machine_quota {
	uint64_t throttled_ns, periods, throttled_periods;
};
struct machine_quota machine__quota(pid_t pid);

#endif /* CPT_MACHINE_H */
