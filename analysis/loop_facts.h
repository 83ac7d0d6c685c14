/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * loop_facts.h - what epoll instances had in flight.
 *
 * Owns:     the result type of loops.h.
 * Must not: be used but through report.h.
 *
 * An inbound operation is open from the moment epoll first reports its connection readable (or from
 * the read, if that comes earlier) to the first write behind it; an outbound one from a write to the
 * first read behind it. A connection counts one: pipelined and multiplexed requests make these figures
 * a lower bound. One that ends without its write or read (the peer closed) is cancelled.
 *
 * Numbers in flight and counts are of the window and the filter's span; percentiles are of the whole
 * recording: the histogram they come from (buckets 1/32 wide) is written once, at its end.
 */
#ifndef CPT_LOOP_FACTS_H
#define CPT_LOOP_FACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "../probes/cpt_abi.h"

/* A descriptor of an instance, from when it was opened to when its last copy was closed, and what it took of
 * turns (services.h): over the whole recording, and only where a wait came behind. */
struct cpt_service {
	uint32_t fd;
	uint32_t kind;	/* CPT_CONN_* */
	uint32_t times; /* that loops were at it */
	uint64_t service_ns;
	uint64_t longest_ns; /* at a time */
};

const char *service_kind_name(uint32_t kind); /* "inbound", "listener" … */

/* Operations of one direction. */
struct cpt_flight_sums {
	uint64_t in_flight_ns; /* integral of the number in flight */
	double average;	       /* in_flight_ns / the known part of the instance's span */
	uint32_t peak;
	uint64_t opened, completed, cancelled;
	double arrivals, rate; /* opened, completed: a second of that */
	/* Of completed ones over the whole recording, from opened to ended; 0: none. */
	uint64_t p50_ns, p99_ns, max_ns, latency_cnt;
};

struct cpt_epoll_instance {
	uint32_t id;	  /* run-unique number, from 1; event loops (thread, instance) name it */
	uint32_t proc;	  /* number of the task that leads its process */
	uint32_t pid;	  /* tgid, last known */
	uint32_t epfd;	  /* not meaningful with CPT_LOOP_POLL */
	uint32_t flags;	  /* CPT_LOOP_* of cpt_abi.h */
	bool outbound;	  /* its figures are of outbound operations: its process serves nobody */
	bool lower_bound; /* some of its time is unknown: records were lost */
	uint64_t
		since_ns; /* its figures begin here, relative to the window's start: from then on the probes
			      saw it; 0 it was there, and seen, from the start */
	uint64_t
		span_ns; /* how long it was watched in the window; its known part: less unknown_ns */
	uint64_t unknown_ns; /* of it: records lost */

	struct cpt_flight_sums ops; /* of its direction */
	/* Inbound: what it asked others meanwhile, a part of what it serves; else all 0. */
	struct cpt_flight_sums upstream;

	/* what stands behind them; of a ring (CPT_LOOP_RING) conns are operations that a poll is armed
	 * for, timers those that a worker of the kernel has */
	uint32_t conns_peak; /* connections registered */
	double conns_average;
	uint32_t timers_peak; /* timerfds armed at once */
	double timers_average;
	uint64_t iterations; /* returns from epoll_wait */
	uint64_t events;     /* that they returned: events / iterations is the mean batch */

	/* The descriptors that took most, most first. */
	struct cpt_service services[CPT_LOOP_SERVICES];
	uint32_t services_cnt;
};

/* How many operations it had in flight on average in a window of so many ns: without records that were lost, and
 * without what was before it was seen. Before it was made and after it was closed it had none, so averages of
 * several add up. 0: nothing is known. */
double instance_in_window(const struct cpt_epoll_instance *in, uint64_t window_ns);

#endif /* CPT_LOOP_FACTS_H */
