/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A server on event loops that is built in many ways: see loops.c.
 */
#ifndef WL_LOOPS_SERVER_H
#define WL_LOOPS_SERVER_H

#include "common.h"
#include "net.h"

/* How a mode's server is built. */
struct build {
	int threads, instances; /* threads: on each instance; 0: one */
	int writers;		/* threads that write the answers; 0: the loop does */
	bool edge, oneshot;	/* how connections are watched */
	bool exclusive;		/* all instances watch one listener with EPOLLEXCLUSIVE */
	bool nested;		/* connections in an instance that another one watches */
	bool forks;		/* the instance is made before the fork, served after it */
	bool mortal;		/* made and served by a child, which ends and closes nothing */
	bool reads_twin;     /* reads and writes by duplicates of the descriptor that is watched */
	bool closes_watched; /* and closes the one that is watched: a later one takes its number */
	bool reconnects;     /* a connection for each request */
	bool leaks;	     /* never closes a connection */
	bool hands_over;     /* connections to a thread that closes them, once they are answered */
	bool rounds;	     /* --rounds of it, one after the other */
};

/* What became ready. */
enum source_kind { FROM_LISTENER, FROM_CLIENT, FROM_TIMER, FROM_INNER, FROM_STOP, FROM_BALLAST };

struct connection;

struct source {
	enum source_kind kind;
	struct connection *connection; /* of FROM_CLIENT */
};

struct server;

/* An epoll instance, or one within another. */
struct instance {
	struct server *server;
	int outer_fd; /* what threads wait on */
	int epoll_fd; /* what connections are in: the same, unless nested */
	int timer_fd;
	struct source from_listener, from_timer, from_inner, from_stop, from_ballast;
	pthread_mutex_t mutex; /* of what follows */
	pthread_cond_t arrived;
	struct connection *first, **end; /* read and not answered, by due_ns */
	struct connection *answered;	 /* to be closed by the thread that does that */
	bool closed;			 /* no more will come */
	struct op_log *log;		 /* its own, where there are several instances; else NULL */
};

struct server {
	int64_t delay_ns; /* from a request to its answer */
	struct build build;
	struct load *load;
	struct op_log *log;
	uint16_t port;
	int listen_fd, stop_fd;
	int64_t *iterations; /* in shared memory: the server may be a child */
};

/* The instance, with the listener, the timer and the descriptor that ends it. */
void open_instance(struct instance *at, struct server *server);
void close_instance(struct instance *at);

/* Serves until all of the load is answered. Connections still open then are left so. */
void serve(struct server *server, struct instance *instances);

#endif
