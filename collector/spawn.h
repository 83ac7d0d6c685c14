/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * spawn.h - the command as a child that waits for our word before it becomes the command.
 *
 * Owns:     fork, gate, exec and its errors, credentials of --user, signals while the child lives.
 * Must not: know about probes; print. Errors are one line in the caller's buffer.
 *
 *      tracer                          child
 *        | fork ------------------------>| waits on the gate
 *        | (probes on, child marked)     |
 *        | one byte down the gate ------>| exec ---> the command
 *        |<---- end of the error pipe ---|           (close-on-exec closed it)
 *        |<---- or errno of exec --------| exit
 *
 * If the tracer dies before the byte, the gate closes and the child exits. After it the child is an
 * ordinary process, nothing ties it to the tracer.
 */
#ifndef CPT_SPAWN_H
#define CPT_SPAWN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "rights.h"

struct spawn_opts {
	char *const *argv; /* NULL-terminated, argv[0] looked up in PATH */
	const char *user;  /* name or number to run as, with its groups; NULL: as we are */
};

struct spawn_child {
	pid_t pid;
	int pidfd;   /* readable when it has ended */
	int gate_fd; /* private: ends of the pipes, -1 when closed */
	int error_fd;
	struct rights_user as; /* who executes it; group_cnt 0: we ourselves. Until spawn__close */
	bool reaped;
	int status; /* as wait(2) gives it, once reaped */
};

/*
 * Takes note of the signal mask and of the dispositions of what it changes, for children to get them
 * back, then lets the tracer survive what the terminal sends to both: SIGINT and SIGQUIT are left to
 * the command. SIGTERM, SIGHUP and all others that would end a process, to the tracer alone, are handed on to
 * the command once it is released, who would have got them without a tracer (a timer is inherited by an exec,
 * too), so that the recording ends with it. Those that say that a program is broken, as SIGSEGV or SIGABRT, are
 * left as they were. Call once, before any spawn.
 */
void spawn__signals(void);

/* The tracer has used up the CPU time that it may use (RLIMIT_CPU), says the kernel. */
bool spawn__out_of_time(void);

/* It is the last signal that was sent to us, for us or for the command. */
bool spawn__has_seen(int sig);

/* A signal that came while no child was released (0: none): the recording should not start. */
int spawn__interrupted(void);

/* Forks the waiting child. 0, or -errno with a line in err. */
int spawn__start(struct spawn_child *child, const struct spawn_opts *opts, char *err,
		 size_t err_sz);

/* Lets it exec and waits for the outcome. 0: the command runs. -errno of what failed (-ECANCELED: a signal came
 * before), with a line in err: the child has been reaped then. spawn__status_of says what to return for it. */
int spawn__release(struct spawn_child *child, const struct spawn_opts *opts, char *err,
		   size_t err_sz);

/* Exit status for an error of spawn__release: 127 not found, 126 cannot execute, 125 others. */
int spawn__status_of(int err);

/* Reaps without waiting. true if it has ended (now or before). */
bool spawn__reap(struct spawn_child *child);

/* Waits for the end of a released child. */
void spawn__wait(struct spawn_child *child);

/* Gives up a child that was not released (it exits), closes what is open. Idempotent. */
void spawn__close(struct spawn_child *child);

#endif /* CPT_SPAWN_H */
