// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* See loops_server.h. */
#include "loops_server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define EVENTS_AT_ONCE 256

struct connection {
	struct source source;
	int fd;	     /* to read and write by */
	int watched; /* what epoll has; -1: closed already */
	int64_t began_ns, due_ns;
	struct message message;
	struct connection *next;
};

struct loop {
	struct instance *at;
	pthread_t thread;
	pid_t tid;
	int64_t woke_ns, iterations;
};

/* --- connections ----------------------------------------------------------------------------------- */

static uint32_t events_of(const struct build *build)
{
	return EPOLLIN | (build->edge ? EPOLLET : 0) |
	       (build->oneshot || build->hands_over ? EPOLLONESHOT : 0);
}

static int duplicate(int fd)
{
	int twin = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (twin < 0)
		die(errno, "cannot duplicate a descriptor");
	return twin;
}

/* Another instance may have taken it: then there is none. */
static void accept_one(struct instance *at)
{
	const struct build *build = &at->server->build;
	int fd = accept4(at->server->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *c;

	if (fd < 0 && (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED))
		return;
	if (fd < 0)
		die(errno, "cannot accept a connection; ask for fewer or raise ulimit -n");
	c = make_array(1, sizeof(*c));
	c->source = (struct source){FROM_CLIENT, c};
	c->fd = c->watched = fd;
	if (build->reads_twin || build->closes_watched)
		c->fd = duplicate(fd);
	epoll_watch(at->epoll_fd, EPOLL_CTL_ADD, c->watched, events_of(build), &c->source);
	if (build->closes_watched) {
		net_close(c->watched);
		c->watched = -1;
	}
}

static void answer(struct instance *at, struct connection *c)
{
	struct server *server = at->server;
	const int64_t early_ns = now_ns();

	write_full(c->fd, &c->message, sizeof(c->message));
	op_end(server->log, c->began_ns, c->began_ns, early_ns);
	if (at->log)
		op_end(at->log, c->began_ns, c->began_ns, early_ns);
	/* Never taken back: every loop is to see it. */
	if (atomic_load(&server->log->completed) == server->load->requests)
		eventfd_raise(server->stop_fd);
}

static void arm_again(struct instance *at, struct connection *c)
{
	if (at->server->build.oneshot)
		epoll_watch(at->epoll_fd, EPOLL_CTL_MOD, c->watched, events_of(&at->server->build),
			    &c->source);
}

/* Answered, and the loop will hear no more of it. */
static void hand_over(struct instance *at, struct connection *c)
{
	if (!at->server->build.hands_over)
		return;
	pthread_mutex_lock(&at->mutex);
	c->next = at->answered;
	at->answered = c;
	pthread_cond_signal(&at->arrived);
	pthread_mutex_unlock(&at->mutex);
}

/* To be answered after the delay. A timerfd is set where the line was empty. */
static void put_in_line(struct instance *at, struct connection *c)
{
	c->next = NULL;
	pthread_mutex_lock(&at->mutex);
	c->due_ns = now_ns() + at->server->delay_ns;
	if (!at->first && !at->server->build.writers)
		timer_set(at->timer_fd, c->due_ns, 0);
	*at->end = c;
	at->end = &c->next;
	if (at->server->build.writers)
		pthread_cond_signal(&at->arrived);
	pthread_mutex_unlock(&at->mutex);
}

static struct connection *take_first(struct instance *at)
{
	struct connection *c = at->first;

	at->first = c->next;
	if (!at->first)
		at->end = &at->first;
	return c;
}

static void answer_due(struct instance *at)
{
	struct connection *c;
	uint64_t expirations;
	ssize_t got;

	/* Several threads may have been told. */
	got = read(at->timer_fd, &expirations, sizeof(expirations));
	if (got < 0 && errno != EAGAIN)
		die(errno, "cannot read a timerfd");
	for (;;) {
		pthread_mutex_lock(&at->mutex);
		if (!at->first || at->first->due_ns > now_ns()) {
			if (at->first)
				timer_set(at->timer_fd, at->first->due_ns, 0);
			pthread_mutex_unlock(&at->mutex);
			return;
		}
		c = take_first(at);
		pthread_mutex_unlock(&at->mutex);
		/* It is not ours any more once it is armed. */
		answer(at, c);
		arm_again(at, c);
		hand_over(at, c);
	}
}

/* Reads until there is no more, as one must who is told of changes only. False at the end. */
static bool read_all_there(struct connection *c)
{
	char more;
	ssize_t got = read(c->fd, &c->message, sizeof(c->message));

	if (got == 0)
		return false;
	if (got != sizeof(c->message))
		die(got < 0 ? errno : 0, "cannot read a whole request");
	if (read(c->fd, &more, 1) != -1 || errno != EAGAIN)
		die(0, "there is more than one request");
	return true;
}

static void read_request(struct loop *loop, struct connection *c)
{
	struct server *server = loop->at->server;
	bool more = server->build.edge ? read_all_there(c)
				       : read_full(c->fd, &c->message, sizeof(c->message));

	if (!more) {
		op_cancel(server->log);
		if (loop->at->log)
			op_cancel(loop->at->log);
		/* Closed without a word to epoll; where it is leaked, epoll must not tell of it for ever. */
		if (server->build.leaks) {
			if (epoll_ctl(loop->at->epoll_fd, EPOLL_CTL_DEL, c->watched, NULL))
				die(errno, "cannot take a descriptor from epoll");
			return;
		}
		net_close(c->fd);
		if (c->watched >= 0 && c->watched != c->fd)
			net_close(c->watched);
		free(c);
		return;
	}
	c->began_ns = loop->woke_ns;
	put_in_line(loop->at, c);
}

/* --- loops ----------------------------------------------------------------------------------------- */

static bool take_events(struct loop *loop, int epoll_fd, int timeout);

/* Returns false when the loop is to end. */
static bool dispatch(struct loop *loop, struct source *source)
{
	switch (source->kind) {
	case FROM_LISTENER:
		accept_one(loop->at);
		return true;
	case FROM_CLIENT:
		read_request(loop, source->connection);
		return true;
	case FROM_TIMER:
		answer_due(loop->at);
		return true;
	case FROM_INNER:
		return take_events(loop, loop->at->epoll_fd, 0);
	case FROM_BALLAST:
		die(0, "a descriptor that nobody raised became readable");
	case FROM_STOP:
		return false;
	}
	return false;
}

static bool take_events(struct loop *loop, int epoll_fd, int timeout)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	const struct source *source;
	bool more = true;
	int count = epoll_wait(epoll_fd, events, EVENTS_AT_ONCE, timeout);

	if (count < 0 && errno == EINTR)
		return true;
	if (count < 0)
		die(errno, "cannot wait with epoll");
	loop->woke_ns = now_ns();
	loop->iterations++;
	for (int i = 0; i < count; i++) {
		source = events[i].data.ptr;
		if (source->kind != FROM_CLIENT)
			continue;
		op_begin(loop->at->server->log);
		if (loop->at->log)
			op_begin(loop->at->log);
	}
	for (int i = 0; i < count; i++)
		more &= dispatch(loop, events[i].data.ptr);
	return more;
}

static void *run_loop(void *arg)
{
	struct loop *loop = arg;

	loop->tid = gettid();
	while (take_events(loop, loop->at->outer_fd, -1))
		;
	return NULL;
}

/* Writes answers when they are due; it has nothing to do with epoll. */
static void *run_writer(void *arg)
{
	struct instance *at = arg;
	struct connection *c;
	int64_t early_ns;

	for (;;) {
		pthread_mutex_lock(&at->mutex);
		while (!at->first && !at->closed)
			pthread_cond_wait(&at->arrived, &at->mutex);
		c = at->first ? take_first(at) : NULL;
		pthread_mutex_unlock(&at->mutex);
		if (!c)
			return NULL;
		early_ns = c->due_ns - now_ns();
		if (early_ns > 0)
			sleep_ns(early_ns);
		answer(at, c);
	}
}

/* Closes what was answered, while the loop accepts: numbers that become free are taken at once. */
static void *run_closer(void *arg)
{
	struct instance *at = arg;
	struct connection *c, *next;

	for (;;) {
		pthread_mutex_lock(&at->mutex);
		while (!at->answered && !at->closed)
			pthread_cond_wait(&at->arrived, &at->mutex);
		c = at->answered;
		at->answered = NULL;
		pthread_mutex_unlock(&at->mutex);
		if (!c)
			return NULL;
		for (; c; c = next) {
			next = c->next;
			net_close(c->fd);
			free(c);
		}
	}
}

static void set_nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK))
		die(errno, "cannot make a descriptor non-blocking");
}

void open_instance(struct instance *at, struct server *server)
{
	const uint32_t exclusive = server->build.exclusive ? EPOLLEXCLUSIVE : 0;

	*at = (struct instance){
		.server = server,
		.timer_fd = timer_make(),
		.from_listener = {.kind = FROM_LISTENER},
		.from_timer = {.kind = FROM_TIMER},
		.from_inner = {.kind = FROM_INNER},
		.from_stop = {.kind = FROM_STOP},
		.from_ballast = {.kind = FROM_BALLAST},
		.mutex = PTHREAD_MUTEX_INITIALIZER,
		.arrived = PTHREAD_COND_INITIALIZER,
		.log = server->build.instances > 1 ? op_log_make(server->load->requests) : NULL,
	};
	at->end = &at->first;
	set_nonblocking(at->timer_fd);
	set_nonblocking(server->listen_fd);
	at->outer_fd = at->epoll_fd = epoll_make();
	if (server->build.nested) {
		at->epoll_fd = epoll_make();
		epoll_add(at->outer_fd, at->epoll_fd, &at->from_inner);
	}
	epoll_watch(at->epoll_fd, EPOLL_CTL_ADD, server->listen_fd, EPOLLIN | exclusive,
		    &at->from_listener);
	epoll_add(at->outer_fd, at->timer_fd, &at->from_timer);
	epoll_add(at->outer_fd, server->stop_fd, &at->from_stop);
}

void close_instance(struct instance *at)
{
	if (at->epoll_fd != at->outer_fd)
		net_close(at->epoll_fd);
	net_close(at->outer_fd);
	net_close(at->timer_fd);
}

void serve(struct server *server, struct instance *instances)
{
	const struct build *build = &server->build;
	const int count = build->threads * build->instances;
	struct loop *loops = make_array((size_t)count, sizeof(*loops));
	pthread_t *writers = make_array((size_t)build->writers + 1, sizeof(*writers));
	pthread_t closer = 0;

	for (int i = 0; i < count; i++)
		loops[i].at = &instances[i / build->threads];
	for (int i = 1; i < count; i++)
		loops[i].thread = start_thread(run_loop, &loops[i]);
	for (int i = 0; i < build->writers; i++)
		writers[i] = start_thread(run_writer, &instances[0]);
	if (build->hands_over)
		closer = start_thread(run_closer, &instances[0]);
	run_loop(&loops[0]);
	for (int i = 1; i < count; i++)
		join_thread(loops[i].thread);
	pthread_mutex_lock(&instances[0].mutex);
	instances[0].closed = true;
	pthread_cond_broadcast(&instances[0].arrived);
	pthread_mutex_unlock(&instances[0].mutex);
	for (int i = 0; i < build->writers; i++)
		join_thread(writers[i]);
	if (build->hands_over)
		join_thread(closer);
	for (int i = 0; i < count; i++)
		*server->iterations += loops[i].iterations;
	free(loops);
	free(writers);
}
