// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One server on event loops, built in all the ways that programs build theirs: edge-triggered,
 * armed for one event at a time, several threads on one epoll instance, several instances on one
 * listener, an instance within an instance, inherited through fork, descriptors that are duplicated
 * or closed without a word to epoll, answers written by a thread that never polls.
 *
 * Whatever the way, a request is open from the return of epoll_wait that reports it to the write of
 * its answer, which comes a fixed time later:
 *
 *   epoll_wait ──reported──► read, put in line ──delay──► timerfd reported ──► write
 *               |<------------------- in flight -------------------------------->|
 *
 * The load comes from a child, which knows itself how many requests it has under way.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include "common.h"
#include "loop_truth.h"
#include "loops_server.h"
#include "net.h"

#define SERVER "lp-server"
#define CLIENT "lp-client"
#define MAIN   "loops"

enum { OPT_CONNECTIONS, OPT_REQUESTS, OPT_DELAY_US, OPT_FDS, OPT_ROUNDS };

struct served {
	struct server *server;
	struct instance *instances;
};

static void open_instances(struct server *server, struct instance *instances)
{
	for (int i = 0; i < server->build.instances; i++)
		open_instance(&instances[i], server);
}

static void serve_in_child(void *arg)
{
	struct served *served = arg;

	if (served->server->build.mortal)
		open_instances(served->server, served->instances);
	name_thread(SERVER);
	serve(served->server, served->instances);
}

/* --- a run ----------------------------------------------------------------------------------------- */

/* For count descriptors beside the few that everyone has. */
static void raise_file_limit(int64_t count)
{
	const rlim_t need = (rlim_t)count + 512;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		die(errno, "cannot read the limit of open files");
	if (limit.rlim_cur >= need)
		return;
	limit.rlim_cur = need;
	limit.rlim_max = limit.rlim_max > need ? limit.rlim_max : need;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		die(errno, "cannot have %lld files open; ask for fewer", (long long)count);
}

/* Eventfds that nobody ever raises; each instance watches all of them. */
static void register_ballast(const struct server *server, struct instance *instances, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		const int fd = eventfd_make();

		for (int at = 0; at < server->build.instances; at++)
			epoll_add(instances[at].epoll_fd, fd, &instances[at].from_ballast);
	}
}

/* Each of several instances by itself. */
static void expect_each(struct wl_run *run, const struct server *server,
			const struct instance *instances)
{
	struct truth *t = &run->truth;

	t->span_start_ns = server->load->span_start_ns;
	t->span_end_ns = server->load->span_end_ns;
	for (int i = 0; i < server->build.instances && i < LOOPS_JUDGED; i++) {
		const struct instance *at = &instances[i];
		const struct loop_side side = {SERVER, "inbound", at->log, true, 0, at->outer_fd};

		if (at->log && at->log->completed)
			expect_in_flight(t, &side);
	}
}

/* Its instances are new ones, under the numbers that those of the round before had. */
static void run_round(struct wl_run *run, struct server *server)
{
	const struct build *build = &server->build;
	struct instance *instances = make_array((size_t)build->instances, sizeof(*instances));
	struct served served = {server, instances};

	server->stop_fd = eventfd_make();
	if (!build->mortal)
		open_instances(server, instances);
	register_ballast(server, instances, run->opt[OPT_FDS]);
	server->load->port = server->port;
	server->load->reconnect = build->reconnects;
	start_child(load_run, server->load);
	if (build->forks || build->mortal) {
		start_child(serve_in_child, &served);
	} else {
		name_thread(SERVER);
		serve(server, instances);
	}
	wait_children();
	for (int i = 0; i < build->instances && !build->mortal; i++)
		close_instance(&instances[i]);
	net_close(server->stop_fd);
	expect_each(run, server, instances);
	free(instances);
}

static void append_log(struct op_log *to, const struct op_log *from)
{
	memcpy(&to->ops[to->completed], from->ops, (size_t)from->completed * sizeof(to->ops[0]));
	to->completed += from->completed;
	if (from->peak > to->peak)
		to->peak = from->peak;
}

static void expect_all(struct wl_run *run, struct server *server, const struct op_log *served,
		       const struct op_log *called)
{
	struct truth *t = &run->truth;
	const struct build *build = &server->build;
	const int64_t rounds = build->rounds ? run->opt[OPT_ROUNDS] : 1;
	/* Where connections end, the log has an end that is told along with others' requests as one more until
	 * it is read: 33 of 32, in one of 13 runs. */
	const struct loop_side inside = {SERVER,
					 "inbound",
					 served,
					 build->instances == 1 && rounds == 1,
					 build->threads + build->writers - 1 + build->reconnects,
					 0};
	const struct loop_side outside = {CLIENT, "outbound", called, rounds == 1, 0, 0};
	const double processes = (double)(1 + rounds * (build->forks || build->mortal ? 2 : 1));

	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, processes, processes);
	expect_in_flight(t, &inside);
	expect_level(t, &inside);
	expect_in_flight(t, &outside);
	truth_fact(t, "instances", (double)(build->instances * rounds));
	truth_fact(t, "loops", build->instances * build->threads);
	truth_fact(t, "iterations", (double)*server->iterations);
	op_facts(served, t, "");
	op_facts(called, t, "client_");
	truth_expect_own_cpu(t, 0.3, 1.1);
	wl_say(run, "answered %lld requests in %.2f s, with %.1f open on average",
	       (long long)served->completed,
	       (double)(t->span_end_ns - t->span_start_ns) / WL_NS_PER_SEC,
	       op_mean(served, t->span_start_ns, t->span_end_ns));
}

static void run_server(struct wl_run *run, const struct build *build)
{
	const int64_t rounds = build->rounds ? run->opt[OPT_ROUNDS] : 1;
	const int64_t requests = run->opt[OPT_REQUESTS];
	struct op_log *served = op_log_make(rounds * requests);
	struct op_log *called = op_log_make(rounds * requests);
	struct server server = {
		.build = *build,
		.delay_ns = run->opt[OPT_DELAY_US] * WL_NS_PER_US,
		.iterations = make_shared(sizeof(int64_t)),
	};

	server.build.threads += !build->threads;
	server.build.instances += !build->instances;
	name_thread(MAIN);
	raise_file_limit(run->opt[OPT_FDS] +
			 (build->leaks ? requests : 2 * run->opt[OPT_CONNECTIONS]));
	server.listen_fd = net_listen(&server.port, false);
	for (int64_t i = 0; i < rounds; i++) {
		server.load = load_make(CLIENT, run->opt[OPT_CONNECTIONS], requests);
		server.log = op_log_make(requests);
		run_round(run, &server);
		append_log(served, server.log);
		append_log(called, server.load->log);
	}
	net_close(server.listen_fd);
	/* Of the last round, where there are several. */
	run->truth.span_start_ns = server.load->span_start_ns;
	run->truth.span_end_ns = server.load->span_end_ns;
	expect_all(run, &server, served, called);
}

#define BUILD(name, ...)                                                                           \
	static void run_##name(struct wl_run *run)                                                 \
	{                                                                                          \
		static const struct build build = {__VA_ARGS__};                                   \
                                                                                                   \
		run_server(run, &build);                                                           \
	}

BUILD(edge, .edge = true)
BUILD(oneshot, .oneshot = true, .threads = 2)
BUILD(exclusive, .exclusive = true, .instances = 2)
BUILD(nested, .nested = true)
BUILD(forked, .forks = true)
BUILD(twin, .reads_twin = true)
BUILD(number_reused, .reads_twin = true, .closes_watched = true)
BUILD(reopened, .rounds = true)
BUILD(writers, .writers = 2)
BUILD(reconnect, .reconnects = true)
BUILD(leak, .reconnects = true, .leaks = true)
BUILD(churn, .reconnects = true, .hands_over = true)
BUILD(generations, .mortal = true, .reads_twin = true, .rounds = true)
BUILD(many_fds, .exclusive = true, .instances = 8)

int main(int argc, char **argv)
{
#define CONNECTIONS(n)                                                                             \
	{                                                                                          \
		OPT_CONNECTIONS, "connections", "N", n, 1, 400, "requests open at once"            \
	}
#define REQUESTS(n)                                                                                \
	{                                                                                          \
		OPT_REQUESTS, "requests", "N", n, 2, 1000000, "requests in all"                    \
	}
#define DELAY(us)                                                                                  \
	{                                                                                          \
		OPT_DELAY_US, "delay-us", "US", us, 1, 10000000, "time to each answer"             \
	}
	static const struct wl_option usual[] = {CONNECTIONS(32), REQUESTS(2400), DELAY(10000)};
	static const struct wl_option rounds[] = {
		CONNECTIONS(32),
		REQUESTS(900),
		DELAY(10000),
		{OPT_ROUNDS, "rounds", "N", 3, 1, 1000, "instances, one after the other"}};
	static const struct wl_option generations[] = {
		CONNECTIONS(32),
		REQUESTS(900),
		DELAY(10000),
		{OPT_ROUNDS, "rounds", "N", 8, 1, 1000, "servers, one after the other"}};
	static const struct wl_option many[] = {CONNECTIONS(32), REQUESTS(10000), DELAY(1000)};
	static const struct wl_option leaking[] = {CONNECTIONS(32), REQUESTS(3000), DELAY(5000)};
	static const struct wl_option fds[] = {CONNECTIONS(32),
					       REQUESTS(2400),
					       DELAY(10000),
					       {OPT_FDS, "fds", "N", 12500, 1, 1000000,
						"quiet ones that each of 8 instances watches"}};
#define MODE(name, help, run, options)                                                             \
	{                                                                                          \
		name, help, run, options, WL_COUNT(options)                                        \
	}
	static const struct wl_mode modes[] = {
		MODE("edge", "edge-triggered, read until there is no more", run_edge, usual),
		MODE("oneshot", "two threads on one instance, each event armed anew", run_oneshot,
		     usual),
		MODE("exclusive", "two instances watch one listener (EPOLLEXCLUSIVE)",
		     run_exclusive, usual),
		MODE("nested", "connections in an instance that another one watches", run_nested,
		     usual),
		MODE("forked", "an instance made by the parent, served by a child", run_forked,
		     usual),
		MODE("twin", "served by duplicates of the descriptors that epoll watches", run_twin,
		     usual),
		MODE("number-reused", "the watched descriptor closed, its duplicate served",
		     run_number_reused, usual),
		MODE("reopened", "one instance after the other under one number", run_reopened,
		     rounds),
		MODE("writers", "answers written by threads that do not poll", run_writers, usual),
		MODE("reconnect", "a connection for each request, closed and not taken out",
		     run_reconnect, many),
		MODE("leak", "a connection for each request, never closed", run_leak, leaking),
		MODE("churn", "likewise, closed by a thread of its own while the loop accepts",
		     run_churn, many),
		MODE("generations", "servers that end without closing their descriptors and copies",
		     run_generations, generations),
		MODE("many-fds",
		     "eight instances, each of which watches many descriptors that are quiet",
		     run_many_fds, fds),
	};
	static const struct wl_program program = {
		"loops",
		"a server on event loops, built in all the ways there are",
		NULL,
		modes,
		WL_COUNT(modes),
	};

	return wl_main(argc, argv, &program);
}
