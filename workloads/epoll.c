// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Event loops whose concurrency and parallelism are known: one loop with many requests open, a loop
 * per CPU, a handler that blocks, a loop that hands its work to threads, a loop driven by a timer, and
 * (polling.c) loops that wait with poll and select.
 *
 * The first process is the server; its load comes from a child of its own name. A request is open
 * from the return of epoll_wait that reports it to the write of its answer.
 */
#include <errno.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "common.h"
#include "loop_truth.h"
#include "net.h"
#include "polling.h"

#define EVENTS_AT_ONCE 256
#define SERVER	       "ep-server"
#define CLIENT	       "ep-client"

enum {
	OPT_CONNECTIONS,
	OPT_REQUESTS,
	OPT_DELAY_US,
	OPT_LOOPS,
	OPT_CPU_US,
	OPT_EVERY,
	OPT_BLOCK_US,
	OPT_WORKERS,
	OPT_FRAMES,
	OPT_PERIOD_US,
};

/* What became ready; the first member of what it belongs to, so that epoll's cookie leads there. */
enum source_kind { FROM_LISTENER, FROM_CLIENT, FROM_TIMER, FROM_WORKERS, FROM_STOP };

struct source {
	enum source_kind kind;
	struct connection *connection; /* of FROM_CLIENT and FROM_TIMER */
};

struct connection {
	struct source from_client, from_timer;
	int fd, timer_fd;
	int64_t began_ns;
	struct message message;
	struct connection
		*next; /* in a queue of the worker pool, else in the list of all of its loop */
	struct connection *all_next;
};

struct server;

/* One loop, on one thread and one epoll instance. */
struct loop {
	struct server *server;
	pthread_t thread;
	pid_t tid;
	int cpu; /* -1: wherever the scheduler likes */
	int epoll_fd, listen_fd;
	struct source from_listener;
	struct connection *all;
	int64_t woke_ns; /* when epoll_wait last returned */
	int64_t iterations, requests, blocks, blocked_ns, longest_block_ns;
	int64_t hung_up, cpu_ns;
	struct op_log *log;	 /* its own, of the loops of a pool; else NULL */
	int64_t blocks_delay_ns; /* of blocked_ns: it was woken and had no CPU; not of the longest */
	int64_t held_up;	 /* requests in flight during a block, at most */
	double held_up_ns;	 /* and over all of them: requests times ns */
};

/* What the loops share. */
struct server {
	struct wl_run *run;
	struct load *load;
	struct op_log *log;
	void (*on_request)(struct loop *loop, struct connection *connection);
	uint16_t port;
	int stop_fd;
	struct source from_stop, from_workers;
	struct pool *pool;
	int64_t start_cpu_ns;
};

/* Requests for the threads that work, and those they have done. */
struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t work_ready;
	struct connection *todo, **todo_end, *done;
	bool closed;
	int done_fd; /* an eventfd: something is done */
};

extern struct pool work_pool;
struct pool work_pool = {.mutex = PTHREAD_MUTEX_INITIALIZER,
			 .work_ready = PTHREAD_COND_INITIALIZER};

/* --- serving
 * -----------------------------------------------------------------------------------------------------
 */

static void accept_one(struct loop *loop)
{
	struct connection *c = make_array(1, sizeof(*c));

	c->fd = net_accept(loop->listen_fd);
	c->timer_fd = -1;
	c->from_client = (struct source){FROM_CLIENT, c};
	c->from_timer = (struct source){FROM_TIMER, c};
	c->all_next = loop->all;
	loop->all = c;
	epoll_add(loop->epoll_fd, c->fd, &c->from_client);
}

static void answer(struct loop *loop, struct connection *c)
{
	struct server *server = loop->server;
	const int64_t early_ns = now_ns();

	write_full(c->fd, &c->message, sizeof(c->message));
	op_end(server->log, c->began_ns, c->began_ns, early_ns);
	if (loop->log)
		op_end(loop->log, c->began_ns, c->began_ns, early_ns);
	/* Never taken back: every loop is to see it. */
	if (atomic_load(&server->log->completed) == server->load->requests)
		eventfd_raise(server->stop_fd);
}

static void read_request(struct loop *loop, struct connection *c)
{
	if (!read_full(c->fd, &c->message, sizeof(c->message))) {
		op_cancel(loop->server->log);
		if (loop->log)
			op_cancel(loop->log);
		loop->hung_up++;
		net_close(c->fd);
		c->fd = -1;
		return;
	}
	c->began_ns = loop->woke_ns;
	loop->requests++;
	loop->server->on_request(loop, c);
}

static void answer_done(struct loop *loop)
{
	struct pool *pool = loop->server->pool;
	struct connection *done, *next;
	uint64_t count;

	if (!read_full(pool->done_fd, &count, sizeof(count)))
		die(0, "cannot read an eventfd: it ended");
	pthread_mutex_lock(&pool->mutex);
	done = pool->done;
	pool->done = NULL;
	pthread_mutex_unlock(&pool->mutex);
	for (; done; done = next) {
		next = done->next;
		answer(loop, done);
	}
}

/* Returns false when the loop is to end. */
static bool dispatch(struct loop *loop, struct source *source)
{
	struct connection *c = source->connection;

	switch (source->kind) {
	case FROM_LISTENER:
		accept_one(loop);
		return true;
	case FROM_CLIENT:
		read_request(loop, c);
		return true;
	case FROM_TIMER:
		timer_take(c->timer_fd);
		answer(loop, c);
		return true;
	case FROM_WORKERS:
		answer_done(loop);
		return true;
	case FROM_STOP:
		return false;
	}
	return false;
}

static void *run_loop(void *arg)
{
	struct loop *loop = arg;
	struct server *server = loop->server;
	struct epoll_event events[EVENTS_AT_ONCE];
	struct source *source;
	int64_t open, hung_up, reported;
	bool more = true;
	int count;

	loop->tid = gettid();
	if (loop->cpu >= 0)
		pin_to(loop->cpu);
	while (more) {
		count = epoll_block(loop->epoll_fd, events, EVENTS_AT_ONCE);
		loop->woke_ns = now_ns();
		loop->iterations++;
		reported = 0;
		for (int i = 0; i < count; i++) {
			source = events[i].data.ptr;
			if (source->kind != FROM_CLIENT)
				continue;
			op_begin(server->log);
			reported++;
		}
		hung_up = loop->hung_up;
		open = loop->log ? atomic_fetch_add(&loop->log->in_flight, reported) : 0;
		for (int i = 0; i < count; i++)
			more &= dispatch(loop, events[i].data.ptr);
		/* The end of a connection is reported like a request, and is none. */
		open += reported - (loop->hung_up - hung_up);
		if (loop->log && open > loop->log->peak)
			loop->log->peak = open;
	}
	loop->cpu_ns = thread_cpu_ns();
	return NULL;
}

/* --- setting up and telling
 * -------------------------------------------------------------------------------------- */

static void init_server(struct server *server, struct wl_run *run,
			void (*on_request)(struct loop *, struct connection *))
{
	*server = (struct server){
		.run = run,
		.load = load_make(CLIENT, run->opt[OPT_CONNECTIONS], run->opt[OPT_REQUESTS]),
		.log = op_log_make(run->opt[OPT_REQUESTS]),
		.on_request = on_request,
		.stop_fd = eventfd_make(),
		.from_stop = {.kind = FROM_STOP},
		.from_workers = {.kind = FROM_WORKERS},
	};
}

static void init_loop(struct loop *loop, struct server *server, bool reuseport)
{
	*loop = (struct loop){
		.server = server, .cpu = -1, .from_listener = {.kind = FROM_LISTENER}};
	loop->listen_fd = net_listen(&server->port, reuseport);
	loop->epoll_fd = epoll_make();
	epoll_add(loop->epoll_fd, loop->listen_fd, &loop->from_listener);
	epoll_add(loop->epoll_fd, server->stop_fd, &server->from_stop);
}

static void free_loop(struct loop *loop)
{
	struct connection *c, *next;

	for (c = loop->all; c; c = next) {
		next = c->all_next;
		if (c->fd >= 0)
			net_close(c->fd);
		if (c->timer_fd >= 0)
			net_close(c->timer_fd);
		free(c);
	}
	net_close(loop->epoll_fd);
	net_close(loop->listen_fd);
}

/* The server takes its name after the fork: the load's first steps would bear it, and a filter on
 * it would see two at once. */
static void start_load(struct server *server, const char *server_name)
{
	server->load->port = server->port;
	start_child(load_run, server->load);
	name_thread(server_name);
}

/* The load's end, and what holds for every server of this program. */
static void finish_server(struct server *server, const struct loop *loops, int64_t loop_cnt)
{
	struct truth *t = &server->run->truth;
	int64_t iterations = 0;

	wait_children();
	net_close(server->stop_fd);
	t->span_start_ns = server->load->span_start_ns;
	t->span_end_ns = server->load->span_end_ns;
	for (int64_t i = 0; i < loop_cnt; i++)
		iterations += loops[i].iterations;
	truth_fact(t, "loops", (double)loop_cnt);
	truth_fact(t, "iterations", (double)iterations);
	truth_fact(t, "server_cpu_ns", (double)process_cpu_ns());
	truth_fact(t, "client_cpu_ns", (double)server->load->cpu_ns);
	op_facts(server->log, t, "");
	op_facts(server->load->log, t, "client_");
	truth_expect(t, TRUTH_RUN, "tasks.processes", NULL, 2, 2);
	for (int64_t i = 0; i < loop_cnt && i < 8; i++)
		truth_expect_of(t, TRUTH_RUN,
				truth_path(t, "event_loops[tid=%d].iterations", loops[i].tid),
				(double)loops[i].iterations, 0.98, 1.02)
			->needs = TRUTH_LOOPS;
}

static double span_secs(const struct truth *t)
{
	return (double)(t->span_end_ns - t->span_start_ns) / WL_NS_PER_SEC;
}

/* What the server had in flight, and the load outside of it. filter: NULL where the server's tasks
 * have several names. */
static void expect_operations(struct server *server, const char *filter, int64_t loop_cnt)
{
	struct truth *t = &server->run->truth;
	const struct loop_side inside = {filter, "inbound", server->log, loop_cnt == 1, 0, 0};
	const struct loop_side outside = {CLIENT, "outbound", server->load->log, true, 0, 0};

	expect_in_flight(t, &inside);
	if (filter)
		expect_level(t, &inside);
	expect_in_flight(t, &outside);
}

/* Each loop of a pool by itself: of several the peaks come at different times. */
static void expect_each_loop(struct truth *t, const struct loop *loops, int64_t loop_cnt)
{
	for (int64_t i = 0; i < loop_cnt && i < LOOPS_JUDGED; i++) {
		const struct loop_side side = {SERVER, "inbound", loops[i].log,
					       true,   0,	  loops[i].epoll_fd};

		if (loops[i].log->completed)
			expect_in_flight(t, &side);
	}
}

/* Last of all: what is found out about the operations takes CPU time, too (5 to 9 % of one loop's on a slow
 * machine). */
static void expect_server_cpu(struct truth *t, double min, double max, double least_of_all)
{
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=" SERVER "].running_ns", process_cpu_ns(), min,
			 max);
	truth_expect_own_cpu(t, least_of_all, 1.04);
}

/* A server on one thread can never run on two CPUs. */
static void expect_one_runner(struct truth *t)
{
	truth_expect(t, TRUTH_RUN, "parallelism.peak", NULL, 1, 1)->filter = SERVER;
	truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, TRUTH_NO_MIN, 0.001)
		->filter = SERVER;
}

/* --- one-loop
 * ----------------------------------------------------------------------------------------------------
 */

static void answer_later(struct loop *loop, struct connection *c)
{
	if (c->timer_fd < 0) {
		c->timer_fd = timer_make();
		epoll_add(loop->epoll_fd, c->timer_fd, &c->from_timer);
	}
	timer_set(c->timer_fd, now_ns() + loop->server->run->opt[OPT_DELAY_US] * WL_NS_PER_US, 0);
}

static void run_one_loop(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct server server;
	struct truth_row *row;
	struct loop loop;

	init_server(&server, run, answer_later);
	init_loop(&loop, &server, false);
	start_load(&server, SERVER);
	run_loop(&loop);
	finish_server(&server, &loop, 1);
	free_loop(&loop);

	expect_one_runner(t);
	expect_operations(&server, SERVER, 1);
	row = truth_expect(t, TRUTH_SPAN, "ledger_ns.concurrent", TRUTH_WINDOW, 0.95, 1);
	row->filter = SERVER;
	row->needs = TRUTH_LOOPS;
	truth_fact_text(t, "class_with_loops", "concurrent");
	op_facts_of_late(server.log, t);
	/* Woken on an idle CPU each time: the kernel's account, which begins with the wake, is the
	 * larger one. */
	expect_server_cpu(t, 0.4, 1.04, 0.4);
	wl_say(run, "one loop answered %lld requests in %.2f s, with %.1f open on average",
	       (long long)server.log->completed, span_secs(t),
	       op_mean(server.log, t->span_start_ns, t->span_end_ns));
}

/* --- loop-pool
 * ---------------------------------------------------------------------------------------------------
 */

static void compute_and_answer(struct loop *loop, struct connection *c)
{
	burn_cpu(loop->server->run->opt[OPT_CPU_US] * WL_NS_PER_US);
	answer(loop, c);
}

static void run_loop_pool(struct wl_run *run)
{
	const int64_t count = run->opt[OPT_LOOPS];
	struct truth *t = &run->truth;
	struct loop *loops = make_array((size_t)count, sizeof(*loops));
	struct server server;
	double threads = (double)count + 2;

	need_cpus(run, count, "ask for fewer --loops");
	init_server(&server, run, compute_and_answer);
	for (int64_t i = 0; i < count; i++) {
		init_loop(&loops[i], &server, true);
		loops[i].cpu = run->cpus[i];
		loops[i].log = op_log_make(run->opt[OPT_REQUESTS]);
	}
	/* All processes before all threads: a child of a thread would end with that thread. */
	start_load(&server, SERVER);
	for (int64_t i = 0; i < count; i++)
		loops[i].thread = start_thread(run_loop, &loops[i]);
	for (int64_t i = 0; i < count; i++)
		join_thread(loops[i].thread);
	finish_server(&server, loops, count);

	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, threads, threads);
	if (count > 1) {
		/* Each loop has always more to do; where it has not, the client takes its CPU. */
		t->verdict_class = "parallel";
		truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, 0.8, 1);
		truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.8 * (double)count,
			     (double)run->cpu_cnt);
	}
	truth_expect(t, TRUTH_SPAN, "parallelism.peak", NULL, TRUTH_NO_MIN, (double)count)->filter =
		SERVER;
	truth_expect_of(t, TRUTH_RUN, "threads[name=" SERVER "].running_ns",
			(double)run->opt[OPT_REQUESTS] * (double)run->opt[OPT_CPU_US] *
				WL_NS_PER_US,
			0.98, TRUTH_NO_MAX);
	expect_operations(&server, SERVER, count);
	if (count > 1)
		expect_each_loop(t, loops, count);
	/*
	 * When the answer wakes the client on the loop's CPU, the kernel charges the client from the
	 * wake on, and the loop still runs for some microseconds.
	 */
	expect_server_cpu(t, 0.93, 1.05, 0.9);
	for (int64_t i = 0; i < count && i < 8; i++) {
		truth_fact(t, truth_path(t, "loop_%lld_requests", (long long)i),
			   (double)loops[i].requests);
		truth_fact(t, truth_path(t, "loop_%lld_cpu_ns", (long long)i),
			   (double)loops[i].cpu_ns);
	}
	wl_say(run, "%lld loops, each on a CPU of its own, answered %lld requests in %.2f s",
	       (long long)count, (long long)server.log->completed, span_secs(t));
	for (int64_t i = 0; i < count; i++)
		free_loop(&loops[i]);
	free(loops);
}

/* --- blocking-handler
 * -------------------------------------------------------------------------------------------- */

static void block_now_and_then(struct loop *loop, struct connection *c)
{
	const int64_t *opt = loop->server->run->opt;
	int64_t slept, delay, open;

	if (loop->requests % opt[OPT_EVERY] == 0) {
		open = atomic_load(&loop->server->log->in_flight);
		delay = thread_run_delay_ns();
		slept = sleep_ns(opt[OPT_BLOCK_US] * WL_NS_PER_US);
		delay = thread_run_delay_ns() - delay;
		loop->blocks_delay_ns += delay;
		loop->held_up_ns += (double)open * (double)slept;
		if (open > loop->held_up)
			loop->held_up = open;
		loop->blocks++;
		loop->blocked_ns += slept;
		if (slept - delay > loop->longest_block_ns)
			loop->longest_block_ns = slept - delay;
	}
	compute_and_answer(loop, c);
}

/* A row about the loop's worst kind of stall: the sleep, and what it held up. */
static void expect_block(struct truth *t, const struct loop *loop, const char *figure, double of,
			 double min, double max)
{
	truth_expect_of(t, TRUTH_RUN, truth_path(t, "event_loops[tid=%d].%s", loop->tid, figure),
			of, min, max)
		->needs = TRUTH_LOOPS;
}

static void expect_blocks(struct truth *t, const struct loop *loop)
{
	/* It is blocked until it is woken, and sees that when it runs again. */
	const double low =
		0.98 * (1 - (double)loop->blocks_delay_ns / fmax((double)loop->blocked_ns, 1));

	expect_block(t, loop, "blocked_ns", (double)loop->blocked_ns, low, 1.02);
	expect_block(t, loop, "stalls[0].count", (double)loop->blocks, 1, 1);
	expect_block(t, loop, "stalls[0].total_ns", (double)loop->blocked_ns, low, 1.02);
	/* At least an average one: of the longest that was seen here 3 % were interrupts, or time another
	 * guest had, once it was woken and had its CPU. */
	expect_block(t, loop, "stalls[0].longest_ns", (double)loop->longest_block_ns,
		     low * (double)loop->blocked_ns /
			     fmax((double)loop->blocks * (double)loop->longest_block_ns, 1),
		     1.02);
	expect_block(t, loop, "stalls[0].held_up", (double)loop->held_up, 1, 1);
	expect_block(t, loop, "stalls[0].delay_ns", loop->held_up_ns, low - 0.03, 1.02);
}

static void run_blocking_handler(struct wl_run *run)
{
	struct truth *t = &run->truth;
	struct server server;
	struct loop loop;

	init_server(&server, run, block_now_and_then);
	init_loop(&loop, &server, false);
	start_load(&server, SERVER);
	run_loop(&loop);
	finish_server(&server, &loop, 1);
	free_loop(&loop);

	expect_one_runner(t);
	/* The sleep as the loop sees it ends when it runs again, the state when it is woken. */
	truth_expect_of(t, TRUTH_RUN, "threads[name=" SERVER "].parked_ns.sleep",
			(double)loop.blocked_ns, 0.95, 1.01);
	expect_blocks(t, &loop);
	expect_operations(&server, SERVER, 1);
	expect_server_cpu(t, 0.7, 1.04, 0.5);
	truth_fact(t, "blocks", (double)loop.blocks);
	truth_fact(t, "blocked_ns", (double)loop.blocked_ns);
	truth_fact(t, "longest_block_ns", (double)loop.longest_block_ns);
	truth_fact(t, "blocks_delay_ns", (double)loop.blocks_delay_ns);
	truth_fact(t, "held_up", (double)loop.held_up);
	wl_say(run,
	       "one loop answered %lld requests in %.2f s, and its handlers blocked it %lld times, "
	       "%.2f s in all",
	       (long long)server.log->completed, span_secs(t), (long long)loop.blocks,
	       (double)loop.blocked_ns / WL_NS_PER_SEC);
}

/* --- offload
 * -----------------------------------------------------------------------------------------------------
 */

struct worker {
	struct server *server;
	pthread_t thread;
	int64_t cpu_ns, wait_ns, delay_ns, requests;
};

static void hand_to_workers(struct loop *loop, struct connection *c)
{
	struct pool *pool = loop->server->pool;

	c->next = NULL;
	pthread_mutex_lock(&pool->mutex);
	*pool->todo_end = c;
	pool->todo_end = &c->next;
	pthread_cond_signal(&pool->work_ready);
	pthread_mutex_unlock(&pool->mutex);
}

/* The next request to work on, or NULL when there will be no more. */
static struct connection *take_request(struct worker *w, struct pool *pool)
{
	struct connection *c;
	int64_t asked;

	pthread_mutex_lock(&pool->mutex);
	while (!pool->todo && !pool->closed) {
		asked = now_ns();
		pthread_cond_wait(&pool->work_ready, &pool->mutex);
		w->wait_ns += now_ns() - asked;
	}
	c = pool->todo;
	if (c) {
		pool->todo = c->next;
		if (!pool->todo)
			pool->todo_end = &pool->todo;
	}
	pthread_mutex_unlock(&pool->mutex);
	return c;
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct pool *pool = w->server->pool;
	struct connection *c;

	name_thread("worker");
	while ((c = take_request(w, pool))) {
		burn_cpu(w->server->run->opt[OPT_CPU_US] * WL_NS_PER_US);
		w->requests++;
		pthread_mutex_lock(&pool->mutex);
		c->next = pool->done;
		pool->done = c;
		pthread_mutex_unlock(&pool->mutex);
		eventfd_raise(pool->done_fd);
	}
	w->delay_ns = thread_run_delay_ns();
	w->cpu_ns = thread_cpu_ns();
	return NULL;
}

static void run_offload(struct wl_run *run)
{
	const int64_t count = run->opt[OPT_WORKERS];
	struct worker *workers = make_array((size_t)count, sizeof(*workers));
	struct truth *t = &run->truth;
	int64_t at_once = count < run->cpu_cnt ? count : run->cpu_cnt;
	int64_t cpu = 0, wait = 0, delay = 0;
	struct server server;
	struct loop loop;

	if (run->opt[OPT_CONNECTIONS] < 2 * count)
		die(0,
		    "%lld connections cannot keep %lld workers busy; ask for twice as many at "
		    "least",
		    (long long)run->opt[OPT_CONNECTIONS], (long long)count);
	init_server(&server, run, hand_to_workers);
	server.pool = &work_pool;
	work_pool.todo_end = &work_pool.todo;
	work_pool.done_fd = eventfd_make();
	init_loop(&loop, &server, false);
	epoll_add(loop.epoll_fd, work_pool.done_fd, &server.from_workers);
	start_load(&server, "loop");
	for (int64_t i = 0; i < count; i++) {
		workers[i].server = &server;
		workers[i].thread = start_thread(work, &workers[i]);
	}
	run_loop(&loop);
	pthread_mutex_lock(&work_pool.mutex);
	work_pool.closed = true;
	pthread_cond_broadcast(&work_pool.work_ready);
	pthread_mutex_unlock(&work_pool.mutex);
	for (int64_t i = 0; i < count; i++) {
		join_thread(workers[i].thread);
		cpu += workers[i].cpu_ns;
		wait += workers[i].wait_ns;
		delay += workers[i].delay_ns;
	}
	finish_server(&server, &loop, 1);
	free_loop(&loop);
	net_close(work_pool.done_fd);

	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, (double)count + 2, (double)count + 2);
	if (at_once > 1) {
		t->verdict_class = "parallel";
		truth_expect(t, TRUTH_SPAN, "ledger_ns.parallel", TRUTH_WINDOW, 0.85, 1);
		truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, 0.9 * (double)at_once,
			     fmin(run->cpu_cnt, (double)at_once + 0.5));
	}
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=worker].running_ns", cpu, 0.96, 1.02);
	truth_expect_of(t, TRUTH_RUN, "threads[name=worker].parked_ns.queue", (double)wait,
			0.95 * fmax(0, (double)(wait - delay)) / fmax((double)wait, 1), 1.01)
		->needs = TRUTH_FUTEX;
	expect_operations(&server, NULL, 1);
	truth_expect_own_cpu(t, 0.93, 1.03);
	truth_fact(t, "workers", (double)count);
	truth_fact(t, "worker_cpu_ns", (double)cpu);
	truth_fact(t, "queue_wait_ns", (double)wait);
	wl_say(run, "a loop and %lld workers answered %lld requests in %.2f s", (long long)count,
	       (long long)server.log->completed, span_secs(t));
	free(workers);
}

/* --- frames
 * ------------------------------------------------------------------------------------------------------
 */

static void run_frames(struct wl_run *run)
{
	const int64_t period_ns = run->opt[OPT_PERIOD_US] * WL_NS_PER_US;
	const int64_t work_ns = run->opt[OPT_CPU_US] * WL_NS_PER_US;
	struct truth *t = &run->truth;
	int64_t ticks = 0, late_max = 0, cpu = 0, frames = 0, iterations = 0, late, taken;
	int epoll_fd = epoll_make(), timer_fd = timer_make();
	struct epoll_event event;
	struct truth_row *row;
	double busy;

	if (work_ns * 10 > period_ns * 9)
		die(0, "a frame's work leaves no pause in its period; ask for less --cpu-us or a "
		       "longer --period-us");
	name_thread("frames");
	epoll_add(epoll_fd, timer_fd, NULL);
	t->span_start_ns = now_ns() + period_ns;
	t->span_end_ns = t->span_start_ns + run->opt[OPT_FRAMES] * period_ns;
	timer_set(timer_fd, t->span_start_ns, period_ns);
	for (;;) {
		epoll_block(epoll_fd, &event, 1);
		iterations++;
		taken = timer_take(timer_fd);
		late = now_ns() - t->span_start_ns - (ticks + taken - 1) * period_ns;
		ticks += taken;
		if (late > late_max)
			late_max = late;
		/* The last tick only ends the last period. */
		if (ticks > run->opt[OPT_FRAMES])
			break;
		cpu += burn_cpu(work_ns);
		frames++;
	}
	net_close(timer_fd);
	net_close(epoll_fd);

	/* | work ...... | work ...... |    one thread: it works or waits for its timer */
	busy = (double)cpu / (double)(t->span_end_ns - t->span_start_ns);
	t->verdict_class = "serial";
	truth_expect(t, TRUTH_SPAN, "ledger_ns.serial", TRUTH_WINDOW, fmax(busy - 0.02, 0),
		     busy + 0.04);
	truth_expect(t, TRUTH_SPAN, "ledger_ns.idle", TRUTH_WINDOW, fmax(0.96 - busy, 0),
		     1.02 - busy);
	truth_expect(t, TRUTH_RUN, "ledger_ns.parallel", NULL, TRUTH_NO_MIN, 0);
	truth_expect(t, TRUTH_SPAN, "parallelism.average", NULL, fmax(busy - 0.02, 0), busy + 0.03);
	truth_expect(t, TRUTH_RUN, "parallelism.peak", NULL, 1, 1);
	truth_expect(t, TRUTH_RUN, "tasks.threads", NULL, 1, 1);
	truth_expect_cpu(t, TRUTH_RUN, "threads[name=frames].running_ns", cpu, 0.97, 1.05);
	row = truth_expect_of(t, TRUTH_RUN, "event_loops[0].iterations", (double)iterations, 0.98,
			      1.02);
	row->needs = TRUTH_LOOPS;
	truth_expect_own_cpu(t, 0.96, 1.03);
	truth_fact(t, "frames", (double)frames);
	truth_fact(t, "dropped_frames", (double)(run->opt[OPT_FRAMES] - frames));
	truth_fact(t, "latest_ns", (double)late_max);
	truth_fact(t, "frame_cpu_ns", (double)cpu);
	wl_say(run, "%lld frames of %.2f ms work, one every %.2f ms, in %.2f s", (long long)frames,
	       (double)work_ns / WL_NS_PER_MS, (double)period_ns / WL_NS_PER_MS, span_secs(t));
}

int main(int argc, char **argv)
{
	static const struct wl_option one_loop[] = {
		{OPT_CONNECTIONS, "connections", "N", 64, 1, 400, "requests open at once"},
		{OPT_REQUESTS, "requests", "N", 9600, 2, 10000000, "requests in all"},
		{OPT_DELAY_US, "delay-us", "US", 10000, 1, 10000000, "time to each answer"},
	};
	static const struct wl_option loop_pool[] = {
		{OPT_LOOPS, "loops", "N", 2, 1, 64, "loops, each on a CPU of its own"},
		{OPT_CONNECTIONS, "connections", "N", 64, 1, 400, "requests open at once"},
		{OPT_REQUESTS, "requests", "N", 6000, 2, 10000000, "requests in all"},
		{OPT_CPU_US, "cpu-us", "US", 400, 1, 1000000, "CPU time of a request"},
	};
	static const struct wl_option blocking_handler[] = {
		{OPT_CONNECTIONS, "connections", "N", 16, 1, 400, "requests open at once"},
		{OPT_REQUESTS, "requests", "N", 1500, 2, 10000000, "requests in all"},
		{OPT_CPU_US, "cpu-us", "US", 200, 1, 1000000, "CPU time of a request"},
		{OPT_EVERY, "every", "N", 25, 1, 1000000,
		 "each so many requests the handler blocks"},
		{OPT_BLOCK_US, "block-us", "US", 20000, 1, 1000000, "for how long"},
	};
	static const struct wl_option offload[] = {
		{OPT_WORKERS, "workers", "N", 2, 1, 64, "threads that work"},
		{OPT_CONNECTIONS, "connections", "N", 8, 1, 400, "requests open at once"},
		{OPT_REQUESTS, "requests", "N", 1400, 2, 10000000, "requests in all"},
		{OPT_CPU_US, "cpu-us", "US", 2000, 1, 1000000, "CPU time of a request"},
	};
	static const struct wl_option frames[] = {
		{OPT_FRAMES, "frames", "N", 90, 1, 1000000, "frames"},
		{OPT_PERIOD_US, "period-us", "US", 16667, 100, 10000000, "from one to the next"},
		{OPT_CPU_US, "cpu-us", "US", 8000, 1, 10000000, "CPU time of a frame"},
	};
#define MODE(name, help, run, options)                                                             \
	{                                                                                          \
		name, help, run, options, WL_COUNT(options)                                        \
	}
	static const struct wl_mode modes[] = {
		MODE("one-loop", "many requests open on one loop, each answered by a timer",
		     run_one_loop, one_loop),
		MODE("loop-pool", "a loop per CPU on one port (SO_REUSEPORT)", run_loop_pool,
		     loop_pool),
		MODE("blocking-handler", "a loop whose handler now and then blocks it",
		     run_blocking_handler, blocking_handler),
		MODE("offload", "a loop that hands its work to threads", run_offload, offload),
		MODE("frames", "a loop driven by a timer: work that pauses and resumes", run_frames,
		     frames),
		{"poll", "as one-loop, waiting with poll instead of epoll", run_poll,
		 polling_options, POLLING_OPTIONS},
		{"select", "as one-loop, waiting with select instead of epoll", run_select,
		 polling_options, POLLING_OPTIONS},
	};
	static const struct wl_program program = {
		"epoll",
		"event loops whose concurrency and parallelism are known",
		NULL,
		modes,
		WL_COUNT(modes),
	};

	return wl_main(argc, argv, &program);
}
