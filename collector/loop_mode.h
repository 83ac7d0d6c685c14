/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_mode.h - when event loops are followed.
 *
 * Owns:     the values of --loops.
 */
#ifndef CPT_LOOP_MODE_H
#define CPT_LOOP_MODE_H

/* In the order of loops_mode_words (run_opts.c). */
enum loops_mode {
	LOOPS_AUTO, /* from when one is first seen */
	LOOPS_ON,   /* from the start */
	LOOPS_OFF,
	LOOPS_FDS, /* from the start, and what single descriptors take of turns */
};

#endif /* CPT_LOOP_MODE_H */
