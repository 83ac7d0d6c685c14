// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The same requests served five ways: one after the other, by a thread or a process per connection,
 * by one event loop, by an event loop per CPU. A request is some CPU time, a question to a slow
 * backend, and as much CPU time again:
 *
 *   ws-load ──request──► ws-server ──question──► ws-backend      each a process of its own name, on
 * loopback, ◄──answer───           ◄──answer────                 started by this one
 *
 * Every thread and process of the server keeps the name ws-server, so that a filter on it shows the
 * server alone.
 */
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "common.h"
#include "loop_truth.h"
#include "net.h"

#define EVENTS_AT_ONCE 256
#define SERVER	       "ws-server"

enum { OPT_CONNECTIONS, OPT_REQUESTS, OPT_CPU_US, OPT_BACKEND_US, OPT_LOOPS };

struct site;

struct model {
	void (*serve)(struct site *site);
	bool one_by_one; /* serves a connection at a time: each request comes on a connection of its
			    own */
	bool is_threaded, is_forking, is_loop;
	int64_t requests; /* as many as it serves in about 1.5 s on two CPUs */
};

/* What the processes share; set up by the first before the others are started. */
struct site {
	struct wl_run *run;
	const struct model *model;
	struct load *load;
	struct op_log *log; /* the server's */
	int server_fd, backend_fd;
	uint16_t server_port, backend_port;
	int64_t backend_connections;
	_Atomic int64_t cpu_ns;		 /* of the server, all of it */
	_Atomic int64_t backend_wait_ns; /* from asking to having, a wait for a CPU included */
	_Atomic int64_t delay_ns;	 /* the server's tasks waited for a CPU */
	int64_t loops, iterations;
	struct {
		struct op_log *log;
		int epoll_fd;
	} own[LOOPS_JUDGED]; /* of the first loops, where there are several */
};

/* --- the backend
 * -------------------------------------------------------------------------------------------------
 */

/* A connection to the backend, and the question it has open. */
struct asker {
	int fd;
	struct message message;
	int64_t due_ns;
	struct asker *next;
};

struct backend {
	const struct site *site;
	int epoll_fd, timer_fd;
	int64_t accepted, closed;
	struct asker *first, **end; /* by due_ns, for every question takes the same time */
};

static void take_question(struct backend *backend, struct asker *asker)
{
	if (!read_full(asker->fd, &asker->message, sizeof(asker->message))) {
		net_close(asker->fd);
		free(asker);
		backend->closed++;
		return;
	}
	asker->due_ns = now_ns() + backend->site->run->opt[OPT_BACKEND_US] * WL_NS_PER_US;
	asker->next = NULL;
	if (!backend->first)
		timer_set(backend->timer_fd, asker->due_ns, 0);
	*backend->end = asker;
	backend->end = &asker->next;
}

static void answer_due(struct backend *backend)
{
	struct asker *asker;

	timer_take(backend->timer_fd);
	while (backend->first && backend->first->due_ns <= now_ns()) {
		asker = backend->first;
		backend->first = asker->next;
		if (!backend->first)
			backend->end = &backend->first;
		write_full(asker->fd, &asker->message, sizeof(asker->message));
	}
	if (backend->first)
		timer_set(backend->timer_fd, backend->first->due_ns, 0);
}

static void run_backend(void *arg)
{
	const struct site *site = arg;
	struct backend backend = {.site = site, .epoll_fd = epoll_make(), .timer_fd = timer_make()};
	struct epoll_event events[EVENTS_AT_ONCE];
	struct asker *asker;
	int count;

	name_thread("ws-backend");
	backend.end = &backend.first;
	/* Two events have no asker: their cookies are the addresses of the descriptors themselves.
	 */
	epoll_add(backend.epoll_fd, backend.timer_fd, &backend.timer_fd);
	epoll_add(backend.epoll_fd, site->backend_fd, &backend.epoll_fd);
	while (backend.closed < site->backend_connections) {
		count = epoll_block(backend.epoll_fd, events, EVENTS_AT_ONCE);
		for (int i = 0; i < count; i++) {
			if (events[i].data.ptr == &backend.timer_fd) {
				answer_due(&backend);
			} else if (events[i].data.ptr == &backend.epoll_fd) {
				asker = make_array(1, sizeof(*asker));
				asker->fd = net_accept(site->backend_fd);
				epoll_add(backend.epoll_fd, asker->fd, asker);
			} else {
				take_question(&backend, events[i].data.ptr);
			}
		}
	}
}

/* --- a request, where whoever serves it may wait
 * ----------------------------------------------------------------- */

static void compute_half(const struct site *site)
{
	burn_cpu(site->run->opt[OPT_CPU_US] * WL_NS_PER_US / 2);
}

/* Serves one request of a connection; false: there is none any more. */
static bool serve_request(struct site *site, int fd, int backend_fd)
{
	struct message message;
	int64_t began, asked, early;

	if (!read_full(fd, &message, sizeof(message)))
		return false;
	began = now_ns();
	op_begin(site->log);
	compute_half(site);
	asked = now_ns();
	write_full(backend_fd, &message, sizeof(message));
	if (!read_full(backend_fd, &message, sizeof(message)))
		die(0, "the backend closed a connection without an answer");
	atomic_fetch_add(&site->backend_wait_ns, now_ns() - asked);
	compute_half(site);
	early = now_ns();
	write_full(fd, &message, sizeof(message));
	op_end(site->log, began, began, early);
	return true;
}

static void serve_one_by_one(struct site *site)
{
	int backend_fd = net_connect(site->backend_port);
	int fd;

	for (int64_t i = 0; i < site->run->opt[OPT_REQUESTS]; i++) {
		fd = net_accept(site->server_fd);
		if (!serve_request(site, fd, backend_fd))
			die(0, "a connection came without a request");
		net_close(fd);
	}
	net_close(backend_fd);
	atomic_fetch_add(&site->delay_ns, thread_run_delay_ns());
}

/* A connection, for the thread or process that serves nothing else. */
struct served {
	struct site *site;
	pthread_t thread;
	int fd;
};

static void serve_connection(void *arg)
{
	struct served *served = arg;
	int backend_fd = net_connect(served->site->backend_port);

	while (serve_request(served->site, served->fd, backend_fd))
		;
	net_close(backend_fd);
	net_close(served->fd);
	atomic_fetch_add(&served->site->delay_ns, thread_run_delay_ns());
}

static void *serve_on_thread(void *arg)
{
	serve_connection(arg);
	return NULL;
}

static void serve_by_threads(struct site *site)
{
	int64_t count = site->run->opt[OPT_CONNECTIONS];
	struct served *served = make_array((size_t)count, sizeof(*served));

	for (int64_t i = 0; i < count; i++) {
		served[i] = (struct served){.site = site, .fd = net_accept(site->server_fd)};
		served[i].thread = start_thread(serve_on_thread, &served[i]);
	}
	for (int64_t i = 0; i < count; i++)
		join_thread(served[i].thread);
	free(served);
}

static void serve_by_processes(struct site *site)
{
	struct served served = {.site = site};

	for (int64_t i = 0; i < site->run->opt[OPT_CONNECTIONS]; i++) {
		served.fd = net_accept(site->server_fd);
		start_child(serve_connection, &served);
		net_close(served.fd);
	}
	wait_children();
}

/* --- event loops
 * -------------------------------------------------------------------------------------------------
 */

enum source_kind { FROM_LISTENER, FROM_CLIENT, FROM_BACKEND, FROM_STOP };

struct source {
	enum source_kind kind;
	struct connection *connection; /* of FROM_CLIENT and FROM_BACKEND */
};

/* A client's connection and the one to the backend that goes with it. */
struct connection {
	struct source from_client, from_backend;
	int fd, backend_fd;
	int64_t began_ns;
	struct message message;
};

struct loop;

struct loops {
	struct site *site;
	struct loop *all;
	int64_t accepted;
	int stop_fd;
	struct source from_listener, from_stop;
};

struct loop {
	struct loops *loops;
	pthread_t thread;
	int epoll_fd;
	int64_t woke_ns, iterations;
	struct op_log *log; /* its own; NULL: not kept */
};

/* Connections go round the loops, so that each has its share whatever their ports hash to. */
static void accept_for_loops(struct loops *loops)
{
	struct connection *c = make_array(1, sizeof(*c));
	struct loop *loop = &loops->all[loops->accepted++ % loops->site->loops];

	c->fd = net_accept(loops->site->server_fd);
	c->backend_fd = net_connect(loops->site->backend_port);
	c->from_client = (struct source){FROM_CLIENT, c};
	c->from_backend = (struct source){FROM_BACKEND, c};
	epoll_add(loop->epoll_fd, c->backend_fd, &c->from_backend);
	epoll_add(loop->epoll_fd, c->fd, &c->from_client);
}

static void ask_backend(struct loop *loop, struct connection *c)
{
	struct site *site = loop->loops->site;

	if (!read_full(c->fd, &c->message, sizeof(c->message))) {
		op_cancel(site->log);
		if (loop->log)
			op_cancel(loop->log);
		net_close(c->backend_fd);
		net_close(c->fd);
		free(c);
		return;
	}
	c->began_ns = loop->woke_ns;
	compute_half(site);
	write_full(c->backend_fd, &c->message, sizeof(c->message));
}

static void answer_client(struct loop *loop, struct connection *c)
{
	struct site *site = loop->loops->site;
	int64_t early;

	if (!read_full(c->backend_fd, &c->message, sizeof(c->message)))
		die(0, "the backend closed a connection without an answer");
	compute_half(site);
	early = now_ns();
	write_full(c->fd, &c->message, sizeof(c->message));
	op_end(site->log, c->began_ns, c->began_ns, early);
	if (loop->log)
		op_end(loop->log, c->began_ns, c->began_ns, early);
	/* Never taken back: every loop is to see it. */
	if (atomic_load(&site->log->completed) == site->run->opt[OPT_REQUESTS])
		eventfd_raise(loop->loops->stop_fd);
}

/* Returns false when the loop is to end. */
static bool dispatch(struct loop *loop, const struct source *source)
{
	switch (source->kind) {
	case FROM_LISTENER:
		accept_for_loops(loop->loops);
		return true;
	case FROM_CLIENT:
		ask_backend(loop, source->connection);
		return true;
	case FROM_BACKEND:
		answer_client(loop, source->connection);
		return true;
	case FROM_STOP:
		return false;
	}
	return false;
}

static void *run_loop(void *arg)
{
	struct loop *loop = arg;
	struct epoll_event events[EVENTS_AT_ONCE];
	const struct source *source;
	bool more = true;
	int count;

	while (more) {
		count = epoll_block(loop->epoll_fd, events, EVENTS_AT_ONCE);
		loop->woke_ns = now_ns();
		loop->iterations++;
		/* A request is open from here, however many are dealt with before it. */
		for (int i = 0; i < count; i++) {
			source = events[i].data.ptr;
			if (source->kind != FROM_CLIENT)
				continue;
			op_begin(loop->loops->site->log);
			if (loop->log)
				op_begin(loop->log);
		}
		for (int i = 0; i < count; i++)
			more &= dispatch(loop, events[i].data.ptr);
	}
	atomic_fetch_add(&loop->loops->site->delay_ns, thread_run_delay_ns());
	return NULL;
}

static void serve_by_loops(struct site *site)
{
	struct loops loops = {.site = site, .stop_fd = eventfd_make()};

	site->loops = site->model->is_threaded ? site->run->opt[OPT_LOOPS] : 1;
	loops.from_listener.kind = FROM_LISTENER;
	loops.from_stop.kind = FROM_STOP;
	loops.all = make_array((size_t)site->loops, sizeof(*loops.all));
	for (int64_t i = 0; i < site->loops; i++) {
		loops.all[i] = (struct loop){.loops = &loops, .epoll_fd = epoll_make()};
		epoll_add(loops.all[i].epoll_fd, loops.stop_fd, &loops.from_stop);
		if (i >= LOOPS_JUDGED)
			continue;
		loops.all[i].log = site->own[i].log;
		site->own[i].epoll_fd = loops.all[i].epoll_fd;
	}
	epoll_add(loops.all[0].epoll_fd, site->server_fd, &loops.from_listener);
	for (int64_t i = 1; i < site->loops; i++)
		loops.all[i].thread = start_thread(run_loop, &loops.all[i]);
	run_loop(&loops.all[0]);
	for (int64_t i = 1; i < site->loops; i++)
		join_thread(loops.all[i].thread);
	for (int64_t i = 0; i < site->loops; i++)
		site->iterations += loops.all[i].iterations;
	free(loops.all);
}

/* --- the truth
 * ---------------------------------------------------------------------------------------------------
 */

static struct truth_row *of_server(struct truth_row *row)
{
	row->filter = SERVER;
	return row;
}

/* How many processes and threads there are, all told. */
static void expect_tasks(const struct site *site, struct truth *t)
{
	double connections = (double)site->run->opt[OPT_CONNECTIONS];
	double processes = 4, threads = 4;

	if (site->model->is_forking)
		processes = threads = 4 + connections;
	else if (site->model->is_loop)
		threads = 4 + (double)site->loops - 1;
	else if (site->model->is_threaded)
		threads = 4 + connections;
	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, processes, processes);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, threads, threads);
}

/*
 * With N CPUs an average of R running leaves no choice: R <= 1 * (1 - p) + N * p, so for a part p
 * >= (R - 1) / (N - 1) of the time two or more ran.
 */
static double least_parallel(double average, int cpus)
{
	return cpus > 1 ? fmax(0, (average - 1) / (cpus - 1)) : 0;
}

/* The operations of the server's loops, and of each by itself where there are several. */
static void expect_loops(const struct site *site, struct truth *t)
{
	const struct loop_side inside = {SERVER, "inbound", site->log, site->loops == 1, 0, 0};

	expect_in_flight(t, &inside);
	expect_level(t, &inside);
	for (int i = 0; i < LOOPS_JUDGED && site->own[i].log && i < site->loops; i++) {
		const struct loop_side own = {SERVER, "inbound", site->own[i].log,
					      true,   0,	 site->own[i].epoll_fd};

		if (own.log->completed)
			expect_in_flight(t, &own);
	}
	truth_fact(t, "loops", (double)site->loops);
	truth_fact(t, "iterations", (double)site->iterations);
}

/* The two ends that run loops whatever the server is; where it has none it is not said to have one. */
static void expect_others(const struct site *site, struct truth *t)
{
	const struct loop_side outside = {"ws-load", "outbound", site->load->log, true, 0, 0};
	struct truth_row *row;

	expect_in_flight(t, &outside);
	row = truth_expect_of(t, TRUTH_RUN,
			      "epoll_instances[direction=inbound].in_flight.completed",
			      (double)site->run->opt[OPT_REQUESTS], 1, 1);
	row->filter = "ws-backend";
	row->needs = TRUTH_LOOPS;
	if (site->model->is_loop)
		return;
	row = of_server(
		truth_expect(t, TRUTH_RUN, "in_flight.operations_average", NULL, TRUTH_NO_MIN, 0));
	row->needs = TRUTH_LOOPS;
}

/* What the server's tasks do while they serve: running, and where they may wait, waiting. */
static void expect_server(const struct site *site, struct truth *t)
{
	double span = (double)(t->span_end_ns - t->span_start_ns);
	double served =
		(double)(site->log->ops[site->log->completed - 1].ended_ns - t->span_start_ns);
	double average = (double)site->cpu_ns / served;
	double mean = op_mean(site->log, t->span_start_ns, t->span_end_ns);
	double outside_mean = op_mean(site->load->log, t->span_start_ns, t->span_end_ns);
	double wait = (double)site->backend_wait_ns;

	/*
	 * The kernel's account begins with a wake on an idle CPU, and ends the waker's with a wake that
	 * preempts it: it may be larger or smaller by some microseconds a wake.
	 */
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=" SERVER "].running_ns", site->cpu_ns, 0.92,
			 1.05);
	/* The same share of the span, which leaves out the start and the end, where fewer requests
	 * are open. */
	of_server(truth_expect_of(t, TRUTH_SPAN, "parallelism.average", average, 0.88, 1.12));
	if (site->model->one_by_one || (site->model->is_loop && !site->model->is_threaded)) {
		of_server(truth_expect(t, TRUTH_RUN, "parallelism.peak", NULL, 1, 1));
		of_server(truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW,
				       TRUTH_NO_MIN, 0.001));
	} else {
		of_server(truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW,
				       least_parallel(0.9 * average, site->run->cpu_cnt), 1));
	}
	if (site->model->one_by_one) {
		of_server(truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, 0.95, 1));
		of_server(truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL, 0.95, 1.01));
	} else if (!site->model->is_loop) {
		/* A request is in progress from the wake it causes: after it was sent, before it is
		 * read. */
		of_server(truth_expect(t, TRUTH_SPAN, "concurrency.average", NULL, 0.97 * mean,
				       1.03 * outside_mean));
	}
	if (!site->model->is_loop)
		of_server(truth_expect_of(
			t, TRUTH_RUN, "threads[name=" SERVER "].waiting_ns.socket", wait,
			0.95 * fmax(0, (wait - (double)site->delay_ns) / wait), 1.02));
	if (site->model->is_loop)
		expect_loops(site, t);
	expect_others(site, t);
	truth_fact(t, "server_running_average", average);
	truth_fact(t, "server_in_progress_average", mean);
	truth_fact(t, "span_secs", span / WL_NS_PER_SEC);
}

/* The class of the server alone, as a filter shows it. */
static const char *server_class(const struct site *site)
{
	if (site->model->one_by_one)
		return "serial";
	return site->model->is_loop && !site->model->is_threaded ? "concurrent" : "parallel";
}

static void run_server(void *arg)
{
	struct site *site = arg;

	name_thread(SERVER);
	site->model->serve(site);
	site->cpu_ns = process_cpu_ns() + children_cpu_ns();
}

static void run_site(struct wl_run *run, const struct model *model)
{
	struct truth *t = &run->truth;
	struct site *site = make_shared(sizeof(*site));
	int64_t began = now_ns(), cpu;

	name_thread("webserver");
	if (!run->opt[OPT_REQUESTS])
		run->opt[OPT_REQUESTS] = model->requests;
	site->run = run;
	site->model = model;
	site->load = load_make("ws-load", run->opt[OPT_CONNECTIONS], run->opt[OPT_REQUESTS]);
	site->load->reconnect = model->one_by_one;
	site->log = op_log_make(run->opt[OPT_REQUESTS]);
	for (int64_t i = 0; i < LOOPS_JUDGED && model->is_loop && model->is_threaded; i++)
		site->own[i].log = op_log_make(run->opt[OPT_REQUESTS]);
	site->backend_connections = model->one_by_one ? 1 : run->opt[OPT_CONNECTIONS];
	site->backend_fd = net_listen(&site->backend_port, false);
	site->server_fd = net_listen(&site->server_port, false);
	site->load->port = site->server_port;
	start_child(run_backend, site);
	start_child(run_server, site);
	start_child(load_run, site->load);
	net_close(site->backend_fd);
	net_close(site->server_fd);
	wait_children();
	t->span_start_ns = site->load->span_start_ns;
	t->span_end_ns = site->load->span_end_ns;

	cpu = process_cpu_ns() + children_cpu_ns();
	if (least_parallel((double)cpu / (double)(now_ns() - began), run->cpu_cnt) > 0.6)
		t->verdict_class = "parallel";
	expect_tasks(site, t);
	expect_server(site, t);
	truth_expect_own_cpu(t, 0.9, 1.05);
	truth_fact(t, "server_cpu_ns", (double)site->cpu_ns);
	truth_fact(t, "load_cpu_ns", (double)site->load->cpu_ns);
	truth_fact(t, "backend_wait_ns", (double)site->backend_wait_ns);
	truth_fact(t, "server_run_delay_ns", (double)site->delay_ns);
	truth_fact_text(t, "server_class", server_class(site));
	op_facts(site->log, t, "");
	op_facts(site->load->log, t, "client_");
	wl_say(run,
	       "%lld requests served in %.2f s; on average %.1f in progress and %.2f running in "
	       "the server",
	       (long long)site->log->completed,
	       (double)(t->span_end_ns - t->span_start_ns) / WL_NS_PER_SEC,
	       op_mean(site->log, t->span_start_ns, t->span_end_ns),
	       (double)site->cpu_ns / (double)(t->span_end_ns - t->span_start_ns));
}

static void run_sequential(struct wl_run *run)
{
	static const struct model model = {
		.serve = serve_one_by_one, .one_by_one = true, .requests = 110};

	run_site(run, &model);
}

static void run_threads(struct wl_run *run)
{
	static const struct model model = {
		.serve = serve_by_threads, .is_threaded = true, .requests = 1000};

	run_site(run, &model);
}

static void run_processes(struct wl_run *run)
{
	static const struct model model = {
		.serve = serve_by_processes, .is_forking = true, .requests = 1000};

	run_site(run, &model);
}

static void run_epoll(struct wl_run *run)
{
	static const struct model model = {
		.serve = serve_by_loops, .is_loop = true, .requests = 500};

	run_site(run, &model);
}

static void run_epoll_threads(struct wl_run *run)
{
	static const struct model model = {
		.serve = serve_by_loops, .is_loop = true, .is_threaded = true, .requests = 1000};

	run_site(run, &model);
}

int main(int argc, char **argv)
{
	static const struct wl_option options[] = {
		{OPT_CONNECTIONS, "connections", "N", 16, 1, 400, "requests open at once"},
		{OPT_REQUESTS, "requests", "N", 0, 0, 10000000, "in all; 0: for about 1.5 s"},
		{OPT_CPU_US, "cpu-us", "US", 3000, 2, 1000000, "the server's CPU time of each"},
		{OPT_BACKEND_US, "backend-us", "US", 10000, 1, 10000000, "the backend's time"},
		{OPT_LOOPS, "loops", "N", 2, 1, 64, "event loops, a thread each"},
	};
	const size_t without_loops = WL_COUNT(options) - 1;
	const struct wl_mode modes[] = {
		{"sequential", "one connection at a time", run_sequential, options, without_loops},
		{"threads", "a thread for each connection", run_threads, options, without_loops},
		{"processes", "a process for each connection", run_processes, options,
		 without_loops},
		{"epoll", "one event loop for all connections", run_epoll, options, without_loops},
		{"epoll-threads", "some event loops, connections going round them",
		 run_epoll_threads, options, WL_COUNT(options)},
	};
	const struct wl_program program = {
		"webserver",	 "the same requests, some CPU and a slow backend, served five ways",
		"--model",	 modes,
		WL_COUNT(modes),
	};

	return wl_main(argc, argv, &program);
}
