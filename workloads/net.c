// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * See net.h. The load generator is one thread on one epoll instance, so that it takes little CPU
 * from the server.
 */
#include "net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "common.h"

#define EVENTS_AT_ONCE 256

static struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static int tcp_socket(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die(errno, "cannot make a socket; ask for fewer connections or raise ulimit -n");
	return fd;
}

static void set_flag(int fd, int level, int option)
{
	const int on = 1;

	if (setsockopt(fd, level, option, &on, sizeof(on)))
		die(errno, "cannot set option %d of a socket", option);
}

int net_listen(uint16_t *port, bool reuseport)
{
	struct sockaddr_in address = loopback(*port);
	socklen_t size = sizeof(address);
	int fd = tcp_socket();

	if (reuseport)
		set_flag(fd, SOL_SOCKET, SO_REUSEPORT);
	if (bind(fd, (struct sockaddr *)&address, size) || listen(fd, SOMAXCONN) ||
	    getsockname(fd, (struct sockaddr *)&address, &size))
		die(errno, "cannot listen on 127.0.0.1 port %d; is the loopback interface up?",
		    *port);
	*port = ntohs(address.sin_port);
	return fd;
}

int net_accept(int listen_fd)
{
	int fd;

	do
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
	if (fd < 0)
		die(errno, "cannot accept a connection; ask for fewer or raise ulimit -n");
	set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
	return fd;
}

int net_connect(uint16_t port)
{
	struct sockaddr_in address = loopback(port);
	int fd = tcp_socket();

	if (connect(fd, (struct sockaddr *)&address, sizeof(address)))
		die(errno, "cannot connect to 127.0.0.1 port %d", port);
	set_flag(fd, IPPROTO_TCP, TCP_NODELAY);
	return fd;
}

void net_close(int fd)
{
	if (close(fd))
		die(errno, "cannot close a socket");
}

int epoll_make(void)
{
	int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0)
		die(errno, "cannot make an epoll instance");
	return fd;
}

void epoll_watch(int epoll_fd, int op, int fd, uint32_t events, void *owner)
{
	struct epoll_event event = {.events = events, .data.ptr = owner};

	if (epoll_ctl(epoll_fd, op, fd, &event))
		die(errno, "cannot watch a file with epoll");
}

void epoll_add(int epoll_fd, int fd, void *owner)
{
	epoll_watch(epoll_fd, EPOLL_CTL_ADD, fd, EPOLLIN, owner);
}

int epoll_block(int epoll_fd, struct epoll_event *events, int max)
{
	int count;

	do
		count = epoll_wait(epoll_fd, events, max, -1);
	while (count < 0 && errno == EINTR);
	if (count < 0)
		die(errno, "cannot wait with epoll");
	return count;
}

int timer_make(void)
{
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

	if (fd < 0)
		die(errno, "cannot make a timerfd");
	return fd;
}

static struct timespec timespec_of(int64_t ns)
{
	return (struct timespec){ns / WL_NS_PER_SEC, ns % WL_NS_PER_SEC};
}

void timer_set(int timer_fd, int64_t at_ns, int64_t period_ns)
{
	struct itimerspec spec = {.it_value = timespec_of(at_ns),
				  .it_interval = timespec_of(period_ns)};

	if (timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &spec, NULL))
		die(errno, "cannot set a timerfd");
}

int64_t timer_take(int timer_fd)
{
	uint64_t expirations;

	if (!read_full(timer_fd, &expirations, sizeof(expirations)))
		die(0, "cannot read a timerfd: it ended");
	return (int64_t)expirations;
}

int eventfd_make(void)
{
	int fd = eventfd(0, EFD_CLOEXEC);

	if (fd < 0)
		die(errno, "cannot make an eventfd");
	return fd;
}

void eventfd_raise(int fd)
{
	const uint64_t one = 1;

	write_full(fd, &one, sizeof(one));
}

struct op_log *op_log_make(int64_t capacity)
{
	struct op_log *log = make_shared(sizeof(*log) + (size_t)capacity * sizeof(log->ops[0]));

	log->capacity = capacity;
	return log;
}

void op_begin(struct op_log *log)
{
	int64_t now = atomic_fetch_add(&log->in_flight, 1) + 1;
	int64_t peak = atomic_load(&log->peak);

	while (now > peak && !atomic_compare_exchange_weak(&log->peak, &peak, now))
		;
}

void op_cancel(struct op_log *log)
{
	atomic_fetch_sub(&log->in_flight, 1);
}

void op_end(struct op_log *log, int64_t begun_early_ns, int64_t began_ns, int64_t early_ns)
{
	const int64_t ended_ns = now_ns();
	int64_t slot = atomic_fetch_add(&log->completed, 1);

	atomic_fetch_sub(&log->in_flight, 1);
	if (slot >= log->capacity)
		die(0, "more than the %lld operations there should be", (long long)log->capacity);
	log->ops[slot].begun_early_ns = begun_early_ns;
	log->ops[slot].began_ns = began_ns;
	log->ops[slot].early_ns = early_ns;
	log->ops[slot].ended_ns = ended_ns;
}

double op_mean(const struct op_log *log, int64_t from_ns, int64_t to_ns)
{
	int64_t from, to, sum = 0;

	for (int64_t i = 0; i < log->completed; i++) {
		from = log->ops[i].began_ns > from_ns ? log->ops[i].began_ns : from_ns;
		to = log->ops[i].ended_ns < to_ns ? log->ops[i].ended_ns : to_ns;
		if (to > from)
			sum += to - from;
	}
	return (double)sum / (double)(to_ns - from_ns);
}

static int compare_times(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static int64_t took_ns(const struct op_log *log, int64_t i, enum op_took took)
{
	switch (took) {
	case OP_TOOK_LEAST:
		return log->ops[i].early_ns - log->ops[i].began_ns;
	case OP_TOOK_MOST:
		return log->ops[i].ended_ns - log->ops[i].begun_early_ns;
	case OP_TOOK:
		break;
	}
	return log->ops[i].ended_ns - log->ops[i].began_ns;
}

/* Of those begun at from_ns or later. */
static int64_t percentile_from(const struct op_log *log, int64_t from_ns, enum op_took took,
			       double p)
{
	int64_t count = 0, at, result;
	int64_t *all = make_array((size_t)log->completed + 1, sizeof(*all));

	for (int64_t i = 0; i < log->completed; i++)
		if (log->ops[i].began_ns >= from_ns)
			all[count++] = took_ns(log, i, took);
	qsort(all, (size_t)count, sizeof(*all), compare_times);
	at = (int64_t)((double)count * p / 100);
	result = all[at < count ? at : count ? count - 1 : 0];
	free(all);
	return result;
}

int64_t op_percentile(const struct op_log *log, enum op_took took, double p)
{
	return percentile_from(log, 0, took, p);
}

/* Between what the percentile is, of what is read of ranks so close. */
static void fact_bounds(const struct op_log *log, int64_t from_ns, struct truth *truth,
			const char *prefix, const char *name, double p, double rank)
{
	truth_fact(truth, truth_path(truth, "%slatency_%s_low_ns", prefix, name),
		   (double)percentile_from(log, from_ns, OP_TOOK_LEAST, p - rank));
	truth_fact(truth, truth_path(truth, "%slatency_%s_high_ns", prefix, name),
		   (double)percentile_from(log, from_ns, OP_TOOK_MOST, p + rank));
}

void op_facts_of_late(const struct op_log *log, struct truth *truth)
{
	const int64_t tenth = (truth->span_end_ns - truth->span_start_ns) / 10;

	for (int k = 0; k < OP_TENTHS; k++) {
		const int64_t from_ns = truth->span_start_ns + k * tenth;
		const char *prefix = truth_path(truth, "from_%d_", k);

		fact_bounds(log, from_ns, truth, prefix, "p50", 50, OP_RANK_P50);
		fact_bounds(log, from_ns, truth, prefix, "p99", 99, OP_RANK_P99);
	}
}

void op_facts(const struct op_log *log, struct truth *truth, const char *prefix)
{
	truth_fact(truth, truth_path(truth, "%scompleted", prefix), (double)log->completed);
	truth_fact(truth, truth_path(truth, "%sin_flight_mean", prefix),
		   op_mean(log, truth->span_start_ns, truth->span_end_ns));
	truth_fact(truth, truth_path(truth, "%sin_flight_peak", prefix), (double)log->peak);
	truth_fact(truth, truth_path(truth, "%slatency_p50_ns", prefix),
		   (double)op_percentile(log, OP_TOOK, 50));
	truth_fact(truth, truth_path(truth, "%slatency_p99_ns", prefix),
		   (double)op_percentile(log, OP_TOOK, 99));
	truth_fact(truth, truth_path(truth, "%slatency_max_ns", prefix),
		   (double)op_percentile(log, OP_TOOK, 100));
	fact_bounds(log, 0, truth, prefix, "p50", 50, OP_RANK_P50);
	fact_bounds(log, 0, truth, prefix, "p99", 99, OP_RANK_P99);
}

struct load *load_make(const char *name, int64_t connections, int64_t requests)
{
	struct load *load = make_shared(sizeof(*load));

	/* Else there is no time in which all connections have a request open. */
	if (requests < 2 * connections)
		die(0,
		    "%lld requests are too few for %lld connections; ask for twice as many at "
		    "least",
		    (long long)requests, (long long)connections);
	*load = (struct load){.name = name, .connections = connections, .requests = requests};
	load->log = op_log_make(requests);
	return load;
}

/* One of the load's connections, with its open request. */
struct caller {
	int fd; /* -1: done */
	int64_t number, begun_early_ns, began_ns;
};

struct load_state {
	struct load *load;
	int epoll_fd;
	int64_t sent;
};

static void hang_up(struct caller *caller)
{
	net_close(caller->fd);
	caller->fd = -1;
}

static void call(struct load_state *state, struct caller *caller)
{
	struct message message = {.number = state->sent};

	if (caller->fd < 0) {
		caller->fd = net_connect(state->load->port);
		epoll_add(state->epoll_fd, caller->fd, caller);
	}
	caller->number = state->sent++;
	op_begin(state->load->log);
	caller->begun_early_ns = now_ns();
	write_full(caller->fd, &message, sizeof(message));
	/* On its way once the call has returned: before, it may have had to wait for its CPU. */
	caller->began_ns = now_ns();
	if (state->sent == state->load->connections)
		state->load->span_start_ns = now_ns();
	if (state->sent == state->load->requests)
		state->load->span_end_ns = now_ns();
}

static void take_answer(struct load_state *state, struct caller *caller)
{
	const int64_t early_ns = now_ns();
	struct message message;

	if (!read_full(caller->fd, &message, sizeof(message)))
		die(0, "the server closed a connection without an answer");
	if (message.number != caller->number)
		die(0, "request %lld was answered as %lld", (long long)caller->number,
		    (long long)message.number);
	op_end(state->load->log, caller->begun_early_ns, caller->began_ns, early_ns);
	if (state->load->reconnect || state->sent == state->load->requests)
		hang_up(caller);
	if (state->sent < state->load->requests)
		call(state, caller);
}

void load_run(void *arg)
{
	struct load_state state = {.load = arg, .epoll_fd = epoll_make()};
	struct load *load = arg;
	struct caller *callers = make_array((size_t)load->connections, sizeof(*callers));
	struct epoll_event events[EVENTS_AT_ONCE];
	int count;

	name_thread(load->name);
	/* All connect before the first calls, so that the server has its whole load at once. */
	for (int64_t i = 0; i < load->connections; i++) {
		callers[i].fd = load->reconnect ? -1 : net_connect(load->port);
		if (!load->reconnect)
			epoll_add(state.epoll_fd, callers[i].fd, &callers[i]);
	}
	for (int64_t i = 0; i < load->connections; i++)
		call(&state, &callers[i]);
	while (load->log->completed < load->requests) {
		count = epoll_block(state.epoll_fd, events, EVENTS_AT_ONCE);
		for (int i = 0; i < count; i++)
			take_answer(&state, events[i].data.ptr);
	}
	load->cpu_ns = thread_cpu_ns();
	free(callers);
}
