// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One loop with many requests open, as one-loop of epoll.c, that waits with poll or select.
 *
 * Its set is the listener and all connections, made anew for each turn. Where an answer is due the
 * wait ends then (ppoll, pselect), else it is poll or select without a time.
 *
 *   (p)poll ──reported──► read, due after the delay ──► the wait ends ──► write
 *            |<------------------- in flight -------------------------------->|
 */
#include "polling.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/select.h>
#include <unistd.h>

#include "loop_truth.h"
#include "net.h"

#define SERVER	  "ep-server"
#define CLIENT	  "ep-client"
#define PEERS_MAX 400

enum { OPT_CONNECTIONS, OPT_REQUESTS, OPT_DELAY_US };

const struct wl_option polling_options[POLLING_OPTIONS] = {
	{OPT_CONNECTIONS, "connections", "N", 64, 1, PEERS_MAX, "requests open at once"},
	{OPT_REQUESTS, "requests", "N", 9600, 2, 10000000, "requests in all"},
	{OPT_DELAY_US, "delay-us", "US", 10000, 1, 10000000, "time to each answer"},
};

struct peer {
	int fd;
	bool ready;	/* by the wait that has just returned */
	int64_t due_ns; /* of its answer, 0: it has no request open */
	int64_t began_ns;
	struct message message;
};

struct poller {
	struct load *load;
	struct op_log *log;
	int64_t delay_ns, iterations, woke_ns;
	bool selects;
	int listen_fd, peer_cnt;
	bool listener_ready;
	struct peer peers[PEERS_MAX];
};

/* --- waiting --------------------------------------------------------------------------------------- */

/* Until the next answer is due; NULL: for ever. */
static const struct timespec *time_left(const struct poller *p, struct timespec *left)
{
	int64_t due_ns = 0, ns;

	for (int i = 0; i < p->peer_cnt; i++)
		if (p->peers[i].due_ns && (!due_ns || p->peers[i].due_ns < due_ns))
			due_ns = p->peers[i].due_ns;
	if (!due_ns)
		return NULL;
	ns = due_ns - now_ns();
	if (ns < 0)
		ns = 0;
	*left = (struct timespec){ns / WL_NS_PER_SEC, ns % WL_NS_PER_SEC};
	return left;
}

static int wait_poll(struct poller *p, const struct timespec *left)
{
	struct pollfd fds[1 + PEERS_MAX];
	const nfds_t cnt = (nfds_t)p->peer_cnt + 1;
	int ready;

	fds[0] = (struct pollfd){.fd = p->listen_fd, .events = POLLIN};
	for (int i = 0; i < p->peer_cnt; i++)
		fds[i + 1] = (struct pollfd){.fd = p->peers[i].fd, .events = POLLIN};
	ready = left ? ppoll(fds, cnt, left, NULL) : poll(fds, cnt, -1);
	p->listener_ready = ready > 0 && fds[0].revents;
	for (int i = 0; i < p->peer_cnt; i++)
		p->peers[i].ready = ready > 0 && fds[i + 1].revents;
	return ready;
}

static int wait_select(struct poller *p, const struct timespec *left)
{
	int last = p->listen_fd, ready;
	fd_set fds;

	FD_ZERO(&fds);
	FD_SET(p->listen_fd, &fds);
	for (int i = 0; i < p->peer_cnt; i++) {
		FD_SET(p->peers[i].fd, &fds);
		if (p->peers[i].fd > last)
			last = p->peers[i].fd;
	}
	ready = left ? pselect(last + 1, &fds, NULL, NULL, left, NULL)
		     : select(last + 1, &fds, NULL, NULL, NULL);
	p->listener_ready = ready > 0 && FD_ISSET(p->listen_fd, &fds);
	for (int i = 0; i < p->peer_cnt; i++)
		p->peers[i].ready = ready > 0 && FD_ISSET(p->peers[i].fd, &fds);
	return ready;
}

static void wait_for_events(struct poller *p)
{
	struct timespec left;
	const struct timespec *until = time_left(p, &left);
	const int ready = p->selects ? wait_select(p, until) : wait_poll(p, until);

	p->woke_ns = now_ns();
	p->iterations++;
	if (ready < 0 && errno != EINTR)
		die(errno, "cannot wait for descriptors");
	for (int i = 0; i < p->peer_cnt; i++)
		if (p->peers[i].ready)
			op_begin(p->log);
}

/* --- serving --------------------------------------------------------------------------------------- */

static void accept_one(struct poller *p)
{
	const int fd = net_accept(p->listen_fd);

	if (p->peer_cnt == PEERS_MAX || (p->selects && fd >= FD_SETSIZE))
		die(0, "more connections than there should be");
	p->peers[p->peer_cnt++] = (struct peer){.fd = fd};
}

/* False: it has ended. */
static bool take_request(struct poller *p, struct peer *peer)
{
	peer->ready = false;
	if (!read_full(peer->fd, &peer->message, sizeof(peer->message))) {
		op_cancel(p->log);
		net_close(peer->fd);
		return false;
	}
	peer->began_ns = p->woke_ns;
	peer->due_ns = now_ns() + p->delay_ns;
	return true;
}

static void answer_due(struct poller *p)
{
	int64_t early_ns;

	for (int i = 0; i < p->peer_cnt; i++) {
		struct peer *peer = &p->peers[i];

		if (!peer->due_ns || peer->due_ns > now_ns())
			continue;
		early_ns = now_ns();
		write_full(peer->fd, &peer->message, sizeof(peer->message));
		op_end(p->log, peer->began_ns, peer->began_ns, early_ns);
		peer->due_ns = 0;
	}
}

static void serve(struct poller *p)
{
	while (p->log->completed < p->load->requests) {
		wait_for_events(p);
		for (int i = 0; i < p->peer_cnt;) {
			if (p->peers[i].ready && !take_request(p, &p->peers[i]))
				p->peers[i] = p->peers[--p->peer_cnt];
			else
				i++;
		}
		if (p->listener_ready)
			accept_one(p);
		answer_due(p);
	}
	for (int i = 0; i < p->peer_cnt; i++)
		net_close(p->peers[i].fd);
}

static void expect_all(struct wl_run *run, const struct poller *p)
{
	struct truth *t = &run->truth;
	const struct loop_side inside = {SERVER, "inbound", p->log, true, 0, 0};
	const struct loop_side outside = {CLIENT, "outbound", p->load->log, true, 0, 0};
	struct truth_row *row;

	t->span_start_ns = p->load->span_start_ns;
	t->span_end_ns = p->load->span_end_ns;
	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, 2, 2);
	truth_expect(t, TRUTH_RUN, "parallelism.peak", NULL, 1, 1)->filter = SERVER;
	expect_in_flight(t, &inside);
	expect_level(t, &inside);
	expect_in_flight(t, &outside);
	row = truth_expect_of(t, TRUTH_RUN,
			      truth_path(t, "event_loops[tid=%d].iterations", (int)getpid()),
			      (double)p->iterations, 0.98, 1.02);
	row->needs = TRUTH_LOOPS;
	truth_fact(t, "iterations", (double)p->iterations);
	op_facts(p->log, t, "");
	op_facts(p->load->log, t, "client_");
	truth_expect_own_cpu(t, 0.3, 1.1);
	wl_say(run, "one loop answered %lld requests in %.2f s, with %.1f open on average",
	       (long long)p->log->completed,
	       (double)(t->span_end_ns - t->span_start_ns) / WL_NS_PER_SEC,
	       op_mean(p->log, t->span_start_ns, t->span_end_ns));
}

static void run_polling(struct wl_run *run, bool selects)
{
	struct poller *p = make_array(1, sizeof(*p));
	uint16_t port = 0;

	*p = (struct poller){
		.load = load_make(CLIENT, run->opt[OPT_CONNECTIONS], run->opt[OPT_REQUESTS]),
		.log = op_log_make(run->opt[OPT_REQUESTS]),
		.delay_ns = run->opt[OPT_DELAY_US] * WL_NS_PER_US,
		.selects = selects,
		.listen_fd = net_listen(&port, false),
	};
	p->load->port = port;
	start_child(load_run, p->load);
	name_thread(SERVER);
	serve(p);
	wait_children();
	net_close(p->listen_fd);
	expect_all(run, p);
	free(p);
}

void run_poll(struct wl_run *run)
{
	run_polling(run, false);
}

void run_select(struct wl_run *run)
{
	run_polling(run, true);
}
