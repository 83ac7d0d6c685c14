/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * reasons.h - a wait of each kind, in a thread of a known name, for a known time.
 *
 *      main      prepare ......... sleep HOLD_MS ......... release, join
 *      waiter              |-------- block ------------------|
 *
 * Owns:     what a mode is. Each file reasons_*.c has a table of modes, ended by one without name.
 * Must not: know what a tracer makes of the waits; the test says that.
 *
 * The waiter bears its mode's name (at most 15 characters). prepare and release run in main; what
 * the three share is in the mode's own file-scope objects, set up anew by prepare.
 */
#ifndef LIVE_REASONS_H
#define LIVE_REASONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define HOLD_MS 150

struct mode {
	const char *name;
	void (*prepare)(void); /* NULL: nothing to prepare */
	void (*block)(void);   /* the wait, and nothing else that blocks */
	void (*release)(void); /* NULL: ends by itself, or by who is outside */
	bool process;	       /* the waiter is a process forked by main, not a thread */
};

extern const struct mode lock_modes[], condvar_modes[], file_modes[], socket_modes[], poll_modes[],
	time_modes[], process_modes[], disk_modes[];

uint64_t now_ns(void);
void sleep_ms(unsigned int ms);

/* Ends the program unless ok, saying what failed. */
void must(bool ok, const char *what);
/* The same for calls that return an error number. */
void must_zero(int err, const char *what);

/* Zeroed memory that processes forked later share. */
void *shared_memory(size_t size);
/* A page of it, whose neighbour below cannot be read. */
void *first_of_mapping(void);

/* A thread of that name; a child of that name that runs body and exits. */
void start_other(const char *name, void *(*body)(void *));
void join_other(void);
pid_t fork_other(const char *name, void (*body)(void));

/* The waiter's process id (of a mode that is a process), from release on. */
pid_t waiter_pid(void);

/* Writes until the descriptor takes no more; leaves it blocking. */
void fill(int fd);
void read_byte(int fd);
void write_byte(int fd);

#endif /* LIVE_REASONS_H */
