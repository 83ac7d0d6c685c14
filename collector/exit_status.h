/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * exit_status.h - what the program returns, in one place.
 *
 * `run` and `record` of a command: below 125 is always the workload's own status (128 + n when
 * signal n ended it); the three below say that it was never started.
 */
#ifndef CPT_EXIT_STATUS_H
#define CPT_EXIT_STATUS_H

#define CPT_STATUS_OK	       0
#define CPT_STATUS_FAILED      1
#define CPT_STATUS_USAGE       2
#define CPT_STATUS_UNSUPPORTED 3   /* not supported here: kernel, privileges, or how it was built */
#define CPT_STATUS_INCOMPLETE  4   /* reported, but events were lost or the trace is not whole */
#define CPT_STATUS_TRACER      125 /* our failure before the command was released, or --strict */
#define CPT_STATUS_CANNOT_EXEC 126
#define CPT_STATUS_NOT_FOUND   127
#define CPT_STATUS_SIGNAL      128 /* + signal number */

#endif /* CPT_EXIT_STATUS_H */
