/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * sampling.h - the CPU clock's events that run the sample program, one on each CPU.
 *
 * Owns:     the events. They are the kernel's software clock: no counter of the processor is needed.
 * Must not: know what the program does.
 */
#ifndef CPT_SAMPLING_H
#define CPT_SAMPLING_H

#include <stdint.h>

struct sampling;

/* Runs prog_fd hz times a second on each of cpu_cnt CPUs that is online and not idle. NULL with errno. */
struct sampling *sampling__start(int prog_fd, uint32_t cpu_cnt, uint32_t hz);
void sampling__stop(struct sampling *s); /* accepts NULL; frees it */

#endif /* CPT_SAMPLING_H */
