/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * say.h - what the program tells its user beside reports: one line each, on stderr.
 *
 * Owns:     the form of messages ("cpartrace: what failed, on what: why; what to do next") and the
 *           log level, the one piece of mutable state at file scope here.
 * Must not: write to stdout, exit.
 *
 * Text in messages is escaped as a whole: a file name with control characters does no harm.
 */
#ifndef CPT_SAY_H
#define CPT_SAY_H

#include <stdarg.h>

/* 0: errors only (-q), 1: notices too (default), 2: details (-v). */
void say__level(int level);
int say__is_verbose(void);

void say_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));    /* level 1 */
void say_verbose(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* level 2 */

/* Says it as an error and returns err: `return fail(-EINVAL, "...")`. */
int fail(int err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif /* CPT_SAY_H */
