// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * bench_load.c - the loads of the benchmark that no other program offers, each of a fixed number of
 * operations, timed by itself so that starting and ending it does not count:
 *
 *   echo REQUESTS CONNECTIONS   an epoll server and an epoll client on loopback, one request under
 *                               way per connection; an operation is a request with its answer
 *   cpu STEPS THREADS           threads that compute and never wait; an operation is a step of each
 *   fork COUNT                  fork, exec of a program that does nothing, wait
 *   getppid COUNT               the cheapest system call
 *   pipe COUNT                  two processes pass a byte to and fro; two switches each on one CPU
 *   pipes COUNT PAIRS           the same by several pairs, each on a CPU of its own
 *   paced RATE SECONDS          two processes on one CPU, so many switches a second: the byte goes to and
 *                               fro for a millisecond's share, then both sleep until the next one
 *
 * They print `ops N ns T`. And what measures the recorder around any load:
 *
 *   stamp PREFIX COMMAND...     runs COMMAND with its output in PREFIX.out, and writes to
 *                               PREFIX.stamp when it began and ended (CLOCK_MONOTONIC), what CPU time
 *                               the recorder had used by then, and what this process and COMMAND used
 *
 * The recorder is the process in BENCH_RECORDER, else stamp's parent; all its children but stamp
 * are counted with it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SZ	64
#define CONNECTIONS_MAX 1024
#define THREADS_MAX	256
#define EVENTS_AT_ONCE	64
#define PROCESSES_MAX	65536
#define CPUS_MAX	64

__attribute__((noreturn, format(printf, 1, 2))) static void die(const char *fmt, ...)
{
	va_list args;

	fprintf(stderr, "bench_load: ");
	va_start(args, fmt);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || end == text || !n || n > max)
		die("'%s' is not a number from 1 to %" PRIu64, text, max);
	return n;
}

static void report(uint64_t ops, uint64_t since_ns)
{
	printf("ops %" PRIu64 " ns %" PRIu64 "\n", ops, now_ns() - since_ns);
}

static pid_t fork_bound(void)
{
	const pid_t pid = fork();

	if (pid < 0)
		die("fork: %s", strerror(errno));
	if (!pid && prctl(PR_SET_PDEATHSIG, SIGKILL))
		die("prctl: %s", strerror(errno));
	return pid;
}

static void await(pid_t pid)
{
	int status;

	if (waitpid(pid, &status, 0) != pid || status)
		die("process %d failed with wait status %#x", pid, status);
}

/* ---- echo ------------------------------------------------------------------------------------ */

static void send_all(int fd, const char *message)
{
	if (send(fd, message, MESSAGE_SZ, MSG_NOSIGNAL) != MESSAGE_SZ)
		die("send: %s", strerror(errno));
}

/* False at the end of the stream. */
static bool receive_all(int fd, char *message)
{
	ssize_t got = recv(fd, message, MESSAGE_SZ, MSG_WAITALL);

	if (got < 0 || (got && got != MESSAGE_SZ))
		die("recv: %s", got < 0 ? strerror(errno) : "cut short");
	return got > 0;
}

static int new_epoll(void)
{
	const int ep = epoll_create1(EPOLL_CLOEXEC);

	if (ep < 0)
		die("epoll_create1: %s", strerror(errno));
	return ep;
}

static void watch(int ep, int fd)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.fd = fd};
	const int one = 1;

	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) ||
	    epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev))
		die("cannot watch a connection: %s", strerror(errno));
}

/* Answers until every client has gone. */
static void serve(int listener, uint32_t connections)
{
	const int ep = new_epoll();
	struct epoll_event ev[EVENTS_AT_ONCE];
	char message[MESSAGE_SZ];
	int cnt;

	for (uint32_t i = 0; i < connections; i++) {
		const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			die("accept: %s", strerror(errno));
		watch(ep, fd);
	}
	while (connections) {
		cnt = epoll_wait(ep, ev, EVENTS_AT_ONCE, -1);
		if (cnt < 0)
			die("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < cnt; i++) {
			if (receive_all(ev[i].data.fd, message)) {
				send_all(ev[i].data.fd, message);
			} else {
				close(ev[i].data.fd);
				connections--;
			}
		}
	}
	close(ep);
}

static void request(int ep, uint64_t requests, uint64_t sent)
{
	struct epoll_event ev[EVENTS_AT_ONCE];
	char message[MESSAGE_SZ];
	uint64_t answered = 0;

	while (answered < requests) {
		const int cnt = epoll_wait(ep, ev, EVENTS_AT_ONCE, -1);

		if (cnt < 0)
			die("epoll_wait: %s", strerror(errno));
		for (int i = 0; i < cnt; i++, answered++) {
			if (!receive_all(ev[i].data.fd, message))
				die("the server went away");
			if (sent < requests) {
				send_all(ev[i].data.fd, message);
				sent++;
			}
		}
	}
}

static int run_echo(char **argv)
{
	const uint64_t requests = number(argv[0], UINT64_C(1) << 40);
	const uint32_t connections = (uint32_t)number(argv[1], CONNECTIONS_MAX);
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	const int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ep = new_epoll();
	static const char message[MESSAGE_SZ];
	static int fds[CONNECTIONS_MAX];
	uint64_t since;
	pid_t server;

	if (requests < connections)
		die("fewer requests than connections");
	if (listener < 0 || bind(listener, (struct sockaddr *)&addr, sizeof(addr)) ||
	    listen(listener, CONNECTIONS_MAX) ||
	    getsockname(listener, (struct sockaddr *)&addr, &len))
		die("cannot listen on loopback: %s", strerror(errno));
	server = fork_bound();
	if (!server) {
		serve(listener, connections);
		_exit(0);
	}
	for (uint32_t i = 0; i < connections; i++) {
		fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fds[i] < 0 || connect(fds[i], (struct sockaddr *)&addr, sizeof(addr)))
			die("cannot connect on loopback: %s", strerror(errno));
		watch(ep, fds[i]);
	}
	since = now_ns();
	for (uint32_t i = 0; i < connections; i++)
		send_all(fds[i], message);
	request(ep, requests, connections);
	report(requests, since);
	for (uint32_t i = 0; i < connections; i++)
		close(fds[i]);
	await(server);
	return 0;
}

/* ---- the others ------------------------------------------------------------------------------ */

static void *compute(void *arg)
{
	volatile uint64_t x = 1;

	for (uint64_t i = *(const uint64_t *)arg; i; i--)
		x = x * 6364136223846793005u + 1442695040888963407u;
	return NULL;
}

static int run_cpu(char **argv)
{
	uint64_t steps = number(argv[0], UINT64_C(1) << 50);
	const uint32_t cnt = (uint32_t)number(argv[1], THREADS_MAX);
	const uint64_t since = now_ns();
	pthread_t threads[THREADS_MAX];

	for (uint32_t i = 0; i < cnt; i++)
		if (pthread_create(&threads[i], NULL, compute, &steps))
			die("cannot start a thread");
	for (uint32_t i = 0; i < cnt; i++)
		pthread_join(threads[i], NULL);
	report(steps, since);
	return 0;
}

static int run_fork(char **argv)
{
	const uint64_t cnt = number(argv[0], UINT64_C(1) << 32), since = now_ns();

	for (uint64_t i = 0; i < cnt; i++) {
		const pid_t pid = fork_bound();

		if (!pid) {
			execl("/proc/self/exe", "bench_load", "nothing", (char *)NULL);
			_exit(127);
		}
		await(pid);
	}
	report(cnt, since);
	return 0;
}

static int run_getppid(char **argv)
{
	const uint64_t cnt = number(argv[0], UINT64_C(1) << 40), since = now_ns();

	for (uint64_t i = 0; i < cnt; i++)
		syscall(SYS_getppid);
	report(cnt, since);
	return 0;
}

static void pass(int from, int to, bool first, uint64_t cnt)
{
	char byte = 0;

	for (uint64_t i = 0; i < cnt; i++)
		if ((first && write(to, &byte, 1) != 1) || read(from, &byte, 1) != 1 ||
		    (!first && write(to, &byte, 1) != 1))
			die("the other end of the pipe went away");
}

static int run_pipe(char **argv)
{
	const uint64_t cnt = number(argv[0], UINT64_C(1) << 40);
	int there[2], back[2];
	uint64_t since;
	pid_t pid;

	if (pipe(there) || pipe(back))
		die("pipe: %s", strerror(errno));
	since = now_ns();
	pid = fork_bound();
	if (!pid) {
		pass(there[0], back[1], false, cnt);
		_exit(0);
	}
	pass(back[0], there[1], true, cnt);
	report(cnt, since);
	await(pid);
	return 0;
}

/* COUNT bytes to and fro between this process and a new one, both on `cpu`. */
static void pass_on(uint32_t cpu, uint64_t cnt)
{
	cpu_set_t mask;
	int there[2], back[2];
	pid_t pid;

	CPU_ZERO(&mask);
	CPU_SET(cpu, &mask);
	if (sched_setaffinity(0, sizeof(mask), &mask))
		die("CPU %" PRIu32 ": %s", cpu, strerror(errno));
	if (pipe(there) || pipe(back))
		die("pipe: %s", strerror(errno));
	pid = fork_bound();
	if (!pid) {
		pass(there[0], back[1], false, cnt);
		_exit(0);
	}
	pass(back[0], there[1], true, cnt);
	await(pid);
}

static int run_pipes(char **argv)
{
	const uint64_t cnt = number(argv[0], UINT64_C(1) << 40), since = now_ns();
	const uint32_t pairs = (uint32_t)number(argv[1], CPUS_MAX);
	pid_t pids[CPUS_MAX];

	for (uint32_t i = 0; i < pairs; i++) {
		pids[i] = fork_bound();
		if (!pids[i]) {
			pass_on(i, cnt);
			_exit(0);
		}
	}
	for (uint32_t i = 0; i < pairs; i++)
		await(pids[i]);
	report(cnt * pairs, since);
	return 0;
}

/* Each millisecond its share, as long as there is time left in it. */
static void pace(int to, int from, uint64_t share, uint64_t ms)
{
	const uint64_t since = now_ns();
	char byte = 0;

	for (uint64_t i = 1; i <= ms; i++) {
		const uint64_t next = since + i * 1000000u;
		const struct timespec until = {.tv_sec = (time_t)(next / 1000000000u),
					       .tv_nsec = (long)(next % 1000000000u)};

		for (uint64_t k = 0; k < share; k++)
			if (write(to, &byte, 1) != 1 || read(from, &byte, 1) != 1)
				die("the other end of the pipe went away");
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
	}
}

static int run_paced(char **argv)
{
	const uint64_t rate = number(argv[0], 10000000), ms = number(argv[1], 3600) * 1000;
	const uint64_t share = rate / 2000, since = now_ns();
	int there[2], back[2];
	pid_t pid;

	if (!share)
		die("at least 2000 switches a second");
	if (pipe(there) || pipe(back))
		die("pipe: %s", strerror(errno));
	pid = fork_bound();
	if (!pid) {
		pass(there[0], back[1], false, share * ms);
		_exit(0);
	}
	pace(there[1], back[0], share, ms);
	report(share * ms, since);
	await(pid);
	return 0;
}

static int run_nothing(char **argv)
{
	return 0;
}

/* ---- stamp ----------------------------------------------------------------------------------- */

struct process {
	pid_t pid, parent;
	bool counted;
};

static pid_t parent_of(const char *pid)
{
	char path[64], stat[512], *at;
	int fd, ppid = 0;
	ssize_t got;

	snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	got = read(fd, stat, sizeof(stat) - 1);
	close(fd);
	stat[got > 0 ? got : 0] = 0;
	at = strrchr(stat, ')');
	return at && sscanf(at, ") %*c %d", &ppid) == 1 ? ppid : 0;
}

/* CPU time of a process so far; 0 once it is gone. */
static uint64_t cpu_of(pid_t pid)
{
	struct timespec ts;
	clockid_t clock;

	if (clock_getcpuclockid(pid, &clock) || clock_gettime(clock, &ts))
		return 0;
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Of the recorder and its descendants, this process and the load left out. */
static uint64_t recorder_cpu_ns(pid_t recorder)
{
	static struct process all[PROCESSES_MAX];
	uint64_t sum = cpu_of(recorder);
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	size_t cnt = 0;
	bool more;

	if (!proc)
		die("cannot read /proc: %s", strerror(errno));
	while ((entry = readdir(proc)) && cnt < PROCESSES_MAX)
		if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9')
			all[cnt++] = (struct process){.pid = atoi(entry->d_name),
						      .parent = parent_of(entry->d_name)};
	closedir(proc);
	do {
		more = false;
		for (size_t i = 0; i < cnt; i++) {
			bool ours = all[i].parent == recorder;

			for (size_t k = 0; k < cnt && !ours; k++)
				ours = all[k].counted && all[k].pid == all[i].parent;
			if (!ours || all[i].counted || all[i].pid == getpid())
				continue;
			all[i].counted = more = true;
			sum += cpu_of(all[i].pid);
		}
	} while (more);
	return sum;
}

static uint64_t used_ns(int who)
{
	struct rusage u;

	getrusage(who, &u);
	return (uint64_t)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000000000u +
	       (uint64_t)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1000u;
}

static void run_command(const char *output, char **argv)
{
	const int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	pid_t pid;

	if (fd < 0)
		die("%s: %s", output, strerror(errno));
	pid = fork_bound();
	if (!pid) {
		if (dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0)
			_exit(126);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(fd);
	await(pid);
}

static int run_stamp(char **argv)
{
	const uint64_t start_ns = now_ns();
	const char *set = getenv("BENCH_RECORDER");
	const pid_t recorder = set ? atoi(set) : getppid();
	uint64_t cpu_start_ns, cpu_end_ns, end_ns;
	struct rusage own, load;
	char path[4096];
	FILE *out;

	snprintf(path, sizeof(path), "%s.out", argv[0]);
	cpu_start_ns = recorder_cpu_ns(recorder);
	run_command(path, argv + 1);
	cpu_end_ns = recorder_cpu_ns(recorder);
	getrusage(RUSAGE_SELF, &own);
	getrusage(RUSAGE_CHILDREN, &load);
	snprintf(path, sizeof(path), "%s.stamp", argv[0]);
	out = fopen(path, "w");
	if (!out)
		die("%s: %s", path, strerror(errno));
	end_ns = now_ns();
	fprintf(out,
		"{\"start_ns\": %" PRIu64 ", \"end_ns\": %" PRIu64 ", \"cpu_start_ns\": %" PRIu64
		", \"cpu_end_ns\": %" PRIu64 ", \"load_cpu_ns\": %" PRIu64
		", \"load_switches\": %ld, \"load_rss_kb\": %ld, \"rss_kb\": %ld}\n",
		start_ns, end_ns, cpu_start_ns, cpu_end_ns,
		used_ns(RUSAGE_SELF) + used_ns(RUSAGE_CHILDREN), load.ru_nvcsw + load.ru_nivcsw,
		load.ru_maxrss, load.ru_maxrss > own.ru_maxrss ? load.ru_maxrss : own.ru_maxrss);
	if (fclose(out))
		die("%s: %s", path, strerror(errno));
	return 0;
}

/* ---- command line ---------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int min_args, max_args; /* -1: any number */
	int (*run)(char **argv);
} modes[] = {
	{"echo", 2, 2, run_echo},	{"cpu", 2, 2, run_cpu},	    {"fork", 1, 1, run_fork},
	{"getppid", 1, 1, run_getppid}, {"pipe", 1, 1, run_pipe},   {"nothing", 0, 0, run_nothing},
	{"pipes", 2, 2, run_pipes},	{"paced", 2, 2, run_paced}, {"stamp", 2, -1, run_stamp},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]) && argc > 1; i++)
		if (!strcmp(argv[1], modes[i].name) && argc - 2 >= modes[i].min_args &&
		    (modes[i].max_args < 0 || argc - 2 <= modes[i].max_args))
			return modes[i].run(argv + 2);
	fprintf(stderr,
		"usage: bench_load echo REQUESTS CONNECTIONS | cpu STEPS THREADS | fork COUNT"
		" | getppid COUNT | pipe COUNT | stamp PREFIX COMMAND...\n");
	return 2;
}
