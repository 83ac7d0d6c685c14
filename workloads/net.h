/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the servers among the workloads share: sockets on loopback, a log of the operations in
 * progress, and the load generator that keeps a number of requests open.
 */
#ifndef WL_NET_H
#define WL_NET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "truth.h"

/* The one message there is: a request, and echoed as its answer. */
struct message {
	int64_t number;
	char filler[56];
};

/* Listening on 127.0.0.1, at *port or, where that is 0, at a free one that is written back. */
int net_listen(uint16_t *port, bool reuseport);

int net_accept(int listen_fd);
int net_connect(uint16_t port);
void net_close(int fd);

int epoll_make(void);

/* Watches fd for input; owner comes back with each event. */
void epoll_add(int epoll_fd, int fd, void *owner);

/* epoll_ctl: op is EPOLL_CTL_ADD or _MOD, events are EPOLLIN and how it is to be told. */
void epoll_watch(int epoll_fd, int op, int fd, uint32_t events, void *owner);

struct epoll_event;

/* Blocks until there is something; goes on after a signal. Returns the number of events. */
int epoll_block(int epoll_fd, struct epoll_event *events, int max);

/* A timerfd of CLOCK_MONOTONIC, not yet set. */
int timer_make(void);

/* First at the given time, then every period_ns (0: once). */
void timer_set(int timer_fd, int64_t at_ns, int64_t period_ns);

/* Takes the expirations since it was last read, at least one. */
int64_t timer_take(int timer_fd);

int eventfd_make(void);

/* Adds one: it becomes readable. */
void eventfd_raise(int fd);

/*
 * Operations in progress, seen by whoever serves them: one in [began, ended) each. In shared
 * memory, so that the processes and threads of a server write to one log.
 *
 * A clock is read beside a system call, and a thread that loses its CPU between the two reads it late:
 * one that has just woken its client by a write loses it often. So the clock is read on both sides of the
 * call that ends an operation, and of the one that begins it where that is a write; what is true lies
 * between:
 *
 *   |before write      |behind        ...        |before read      |behind
 *   |------------------+-------- took_least -----|                 |
 *   |------------------+-------- took_most ------+-----------------|
 */
struct op_log {
	_Atomic int64_t completed, in_flight, peak;
	int64_t capacity;
	struct {
		int64_t began_ns, ended_ns; /* behind the calls */
		int64_t early_ns;	    /* before the one that ended it */
		int64_t begun_early_ns;	    /* before the one that began it */
	} ops[];
};

struct op_log *op_log_make(int64_t capacity);
void op_begin(struct op_log *log);
void op_cancel(struct op_log *log);

/* An operation is over. early_ns: the clock before the call that ended it; begun_early_ns: before the one that
 * began it, began_ns where that is not known. */
void op_end(struct op_log *log, int64_t begun_early_ns, int64_t began_ns, int64_t early_ns);

/* The mean number in progress in [from, to). */
double op_mean(const struct op_log *log, int64_t from_ns, int64_t to_ns);

/* The pth percentile of the time an operation took; p = 100: the longest. By the stamps behind the calls, and
 * what it was at least and at most. */
enum op_took { OP_TOOK, OP_TOOK_LEAST, OP_TOOK_MOST };
int64_t op_percentile(const struct op_log *log, enum op_took took, double p);

/* What somebody finds who comes late: from_K_latency_p50_low_ns and so on, of operations begun K tenths of the
 * span behind its start or later, K below OP_TENTHS. */
#define OP_TENTHS 6
void op_facts_of_late(const struct op_log *log, struct truth *truth);

/* Some stamps have one side only: a percentile is held to those of ranks so many percent off. */
#define OP_RANK_P50 1
#define OP_RANK_P99 0.5

/* completed, in_flight_mean, in_flight_peak, latency_p50_ns, latency_p99_ns, latency_max_ns, each
 * with the prefix; latency_p50_low_ns, _high_ns, likewise p99: what is true lies between. */
void op_facts(const struct op_log *log, struct truth *truth, const char *prefix);

/* Keeps `connections` requests open until `requests` were answered. In shared memory: it reports
 * back. */
struct load {
	const char *name; /* of the process */
	uint16_t port;
	int64_t connections, requests;
	bool reconnect; /* a connection for each request */
	struct op_log *log;
	int64_t span_start_ns; /* all connections had their first request sent */
	int64_t span_end_ns;   /* the last request was sent: from here on fewer are open */
	int64_t cpu_ns;
};

struct load *load_make(const char *name, int64_t connections, int64_t requests);

/* For start_child; arg is the load. */
void load_run(void *arg);

#endif
