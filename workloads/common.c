// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * See common.h. The file-scope variables are what a signal handler has to reach: which children to
 * end, whose name to print.
 */
#include "common.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define CHILDREN_MAX	     1024
#define DEFAULT_TIMEOUT_SECS 60

static const char *program_name = "workload";
static pid_t children[CHILDREN_MAX];
static volatile sig_atomic_t child_cnt;
static volatile sig_atomic_t ending;
/* A signal ends this process: its thread says how, whatever the others see of the children's death. */
static atomic_bool ends_by_signal;
/* Shared by all processes of the run: one of them has failed or been told to end, and what follows is no news. */
static atomic_bool *ending_all;

/* Async-signal-safe. Grandchildren die with their parents, and come to us as the nearest subreaper.
 */
static void end_children(void)
{
	ending = 1;
	if (ending_all)
		atomic_store(ending_all, true);
	for (int i = 0; i < child_cnt; i++)
		if (children[i] > 0)
			kill(children[i], SIGKILL);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static _Noreturn void end_failed(void)
{
	end_children();
	while (atomic_load(&ends_by_signal))
		pause();
	_exit(1);
}

void die(int err, const char *format, ...)
{
	char message[256];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	if (!ending_all || !atomic_exchange(ending_all, true))
		fprintf(stderr, "%s: %s%s%s\n", program_name, message, err ? ": " : "",
			err ? strerror(err) : "");
	end_failed();
}

static void on_signal(int sig)
{
	static const char gave_up[] = ": gave up: not done before its timeout; see --timeout\n";
	struct sigaction plain = {.sa_handler = SIG_DFL};
	sigset_t only;

	atomic_store(&ends_by_signal, true);
	if (sig == SIGALRM) {
		/* A message that cannot be written changes nothing about the end. */
		if (write(STDERR_FILENO, program_name, strlen(program_name)) < 0 ||
		    write(STDERR_FILENO, gave_up, sizeof(gave_up) - 1) < 0)
			ending = 1;
	}
	end_children();
	/* End as the signal would have ended us, so that the caller sees why. */
	sigaction(sig, &plain, NULL);
	sigemptyset(&only);
	sigaddset(&only, sig);
	raise(sig);
	pthread_sigmask(SIG_UNBLOCK, &only, NULL);
	_exit(1);
}

static void catch_signals(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGALRM};
	struct sigaction caught = {.sa_handler = on_signal};
	struct sigaction before;

	sigfillset(&caught.sa_mask);
	for (size_t i = 0; i < WL_COUNT(ends); i++) {
		/* nohup and background jobs of a shell rely on what they ignore staying ignored */
		if (sigaction(ends[i], NULL, &before) ||
		    (before.sa_handler == SIG_IGN && ends[i] != SIGALRM))
			continue;
		if (sigaction(ends[i], &caught, NULL))
			die(errno, "cannot handle signal %d", ends[i]);
	}
	signal(SIGPIPE, SIG_IGN);
}

static int64_t clock_ns(clockid_t clock)
{
	struct timespec t;

	if (clock_gettime(clock, &t))
		die(errno, "cannot read clock %d", (int)clock);
	return t.tv_sec * WL_NS_PER_SEC + t.tv_nsec;
}

int64_t now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

int64_t thread_cpu_ns(void)
{
	return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

int64_t process_cpu_ns(void)
{
	return clock_ns(CLOCK_PROCESS_CPUTIME_ID);
}

static int64_t timeval_ns(struct timeval t)
{
	return t.tv_sec * WL_NS_PER_SEC + t.tv_usec * WL_NS_PER_US;
}

int64_t children_cpu_ns(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_CHILDREN, &usage))
		die(errno, "cannot read the children's CPU time");
	return timeval_ns(usage.ru_utime) + timeval_ns(usage.ru_stime);
}

static uint64_t spin(uint64_t loops)
{
	uint64_t x = loops;

	while (loops--) {
		x = x * 6364136223846793005ULL + 1442695040888963407ULL;
		/* keeps the compiler from working out the result beforehand */
		__asm__ volatile("" : "+r"(x));
	}
	return x;
}

int64_t burn_cpu(int64_t want_ns)
{
	/*
	 * The thread's CPU clock is a system call, so it is read once per chunk. A chunk is sized
	 * by the speed seen in the chunk before it, to end just before the goal:
	 *
	 *   |probe|------- 10 ms -------|------- 10 ms -------|--- rest ---|   probe: some 5 us
	 */
	const int64_t chunk_max_ns = 10 * WL_NS_PER_MS;
	const int64_t start = thread_cpu_ns();
	int64_t used = 0, before, left;
	uint64_t loops = 4000;

	while (used < want_ns) {
		before = used;
		spin(loops);
		used = thread_cpu_ns() - start;
		left = want_ns - used < chunk_max_ns ? want_ns - used : chunk_max_ns;
		if (left > 0 && used > before)
			loops = (uint64_t)((double)loops * (double)left / (double)(used - before)) +
				1;
	}
	return used;
}

int64_t thread_run_delay_ns(void)
{
	FILE *file = fopen("/proc/thread-self/schedstat", "re");
	long long delay = 0;

	if (!file)
		die(errno, "cannot open /proc/thread-self/schedstat; it needs a kernel with "
			   "CONFIG_SCHED_INFO");
	if (fscanf(file, "%*d %lld", &delay) != 1)
		die(0, "cannot read /proc/thread-self/schedstat: two numbers expected");
	fclose(file);
	return delay;
}

int64_t thread_switches(void)
{
	struct rusage usage;

	if (getrusage(RUSAGE_THREAD, &usage))
		die(errno, "cannot read the thread's context switches");
	return usage.ru_nvcsw;
}

int64_t sleep_ns(int64_t ns)
{
	int64_t start = now_ns();
	struct timespec left = {ns / WL_NS_PER_SEC, ns % WL_NS_PER_SEC};

	while (nanosleep(&left, &left))
		if (errno != EINTR)
			die(errno, "cannot sleep %lld ns", (long long)ns);
	return now_ns() - start;
}

void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET((unsigned int)cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die(errno, "cannot move to CPU %d", cpu);
}

void need_cpus(const struct wl_run *run, int64_t cpus, const char *advice)
{
	if (run->cpu_cnt < cpus)
		die(0, "%s needs %lld CPUs and may use %d; %s", run->mode->name, (long long)cpus,
		    run->cpu_cnt, advice);
}

void name_thread(const char *name)
{
	int err = pthread_setname_np(pthread_self(), name);

	if (err)
		die(err, "cannot name a thread '%s'", name);
}

pthread_t start_thread(void *(*body)(void *), void *arg)
{
	pthread_t thread;
	int err = pthread_create(&thread, NULL, body, arg);

	if (err)
		die(err, "cannot start a thread; ask for fewer");
	return thread;
}

void join_thread(pthread_t thread)
{
	int err = pthread_join(thread, NULL);

	if (err)
		die(err, "cannot join a thread");
}

void *make_array(size_t count, size_t size)
{
	void *array = calloc(count, size);

	if (!array)
		die(ENOMEM, "cannot have %zu times %zu bytes; ask for less", count, size);
	return array;
}

void *make_shared(size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		die(errno, "cannot share %zu bytes with children; ask for less", size);
	return memory;
}

static void must_mask(int how, const sigset_t *set, sigset_t *before)
{
	int err = pthread_sigmask(how, set, before);

	if (err)
		die(err, "cannot change the signal mask");
}

pid_t start_child(void (*body)(void *), void *arg)
{
	sigset_t all, before;
	pid_t parent = getpid(), pid;

	if (child_cnt == CHILDREN_MAX)
		die(0, "more than %d children; ask for fewer", CHILDREN_MAX);
	/* A signal between fork and the entry in children[] would leave the child behind. */
	sigfillset(&all);
	must_mask(SIG_SETMASK, &all, &before);
	pid = fork();
	if (pid < 0)
		die(errno, "cannot start a process; ask for fewer");
	if (pid > 0) {
		children[child_cnt] = pid;
		child_cnt = child_cnt + 1;
		must_mask(SIG_SETMASK, &before, NULL);
		return pid;
	}
	child_cnt = 0;
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != parent)
		_exit(1);
	must_mask(SIG_SETMASK, &before, NULL);
	body(arg);
	_exit(0);
}

/* A child that fails has said why; one that is killed has not. */
static void check_child(pid_t pid, int status)
{
	for (int i = 0; i < child_cnt; i++)
		if (children[i] == pid)
			children[i] = 0;
	if (WIFSIGNALED(status))
		die(0, "child %d was killed by signal %d", (int)pid, WTERMSIG(status));
	if (WEXITSTATUS(status))
		end_failed();
}

/* Returns the child, or -1 when there is none. A signal handler on another thread may reap under
 * our feet. */
static pid_t wait_any(pid_t which)
{
	int status;
	pid_t pid;

	do
		pid = waitpid(which, &status, 0);
	while (pid < 0 && errno == EINTR);
	if (pid > 0 && !ending)
		check_child(pid, status);
	while (ending)
		pause();
	return pid;
}

void wait_child(pid_t pid)
{
	if (wait_any(pid) < 0)
		die(ECHILD, "cannot wait for child %d", (int)pid);
}

void wait_children(void)
{
	while (wait_any(-1) > 0)
		;
	child_cnt = 0;
}

bool read_full(int fd, void *buffer, size_t size)
{
	char *at = buffer;
	size_t got = 0;
	ssize_t n;

	while (got < size) {
		n = read(fd, at + got, size - got);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(errno, "cannot read from the other end");
		if (n == 0 && got)
			die(0, "cannot read from the other end: it ended within a message");
		if (n == 0)
			return false;
		got += (size_t)n;
	}
	return true;
}

void write_full(int fd, const void *buffer, size_t size)
{
	const char *at = buffer;
	size_t put = 0;
	ssize_t n;

	while (put < size) {
		n = write(fd, at + put, size - put);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			die(errno, "cannot write to the other end");
		put += (size_t)n;
	}
}

void wl_say(struct wl_run *run, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(run->summary, sizeof(run->summary), format, args);
	va_end(args);
}

static void print_option(const struct wl_option *option)
{
	char left[48], def[32] = "";

	if (!option->help)
		return;
	snprintf(left, sizeof(left), "--%s%s%s", option->name, option->unit ? " " : "",
		 option->unit ? option->unit : "");
	if (option->unit)
		snprintf(def, sizeof(def), " (default %lld)", (long long)option->def);
	printf("      %-22s %s%s\n", left, option->help, def);
}

static void print_help(const struct wl_program *program)
{
	const struct wl_mode *mode;

	printf("%s: %s\n\nusage: %s %s%s [options]\n\n", program->name, program->purpose,
	       program->name, program->mode_option ? program->mode_option : "[MODE]",
	       program->mode_option ? " MODEL" : "");
	printf("%s (the first is the default), each with its own options:\n",
	       program->mode_option ? "Models" : "Modes");
	for (size_t i = 0; i < program->mode_cnt; i++) {
		mode = &program->modes[i];
		printf("\n  %s: %s\n", mode->name, mode->help);
		for (size_t j = 0; j < mode->option_cnt; j++)
			print_option(&mode->options[j]);
	}
	printf("\nOptions of all:\n"
	       "      %-22s print the known answer of this run as one line of JSON\n"
	       "      %-22s give up after this time (default %d)\n"
	       "      %-22s this text\n",
	       "--truth", "--timeout SECS", DEFAULT_TIMEOUT_SECS, "--help");
}

/* Says what is wrong with the command line; the status is that of a usage error. */
static int usage(const struct wl_program *program, const char *format, ...)
{
	va_list args;

	fprintf(stderr, "%s: ", program->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "; see %s --help\n", program->name);
	return 2;
}

static const struct wl_mode *find_mode(const struct wl_program *program, const char *name)
{
	for (size_t i = 0; i < program->mode_cnt; i++)
		if (!strcmp(program->modes[i].name, name))
			return &program->modes[i];
	return NULL;
}

static const struct wl_option *find_option(const struct wl_option *options, size_t count,
					   const char *name, size_t name_sz)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(options[i].name) == name_sz && !memcmp(options[i].name, name, name_sz))
			return &options[i];
	return NULL;
}

static bool parse_number(const char *text, int64_t min, int64_t max, int64_t *value)
{
	char *end;

	errno = 0;
	*value = strtoll(text, &end, 10);
	return !errno && end != text && !*end && *value >= min && *value <= max;
}

/* The mode comes first, because it decides which options there are. Returns how many arguments it
 * took, or -1. */
static int choose_mode(struct wl_run *run, int argc, char **argv)
{
	const struct wl_program *program = run->program;
	const char *option = program->mode_option;
	const char *name = NULL;
	size_t option_sz = option ? strlen(option) : 0;

	run->mode = &program->modes[0];
	if (!option) {
		if (argc > 1 && argv[1][0] != '-')
			name = argv[1];
	} else {
		for (int i = 1; i < argc; i++) {
			if (!strcmp(argv[i], option))
				name = i + 1 < argc ? argv[i + 1] : "";
			else if (!strncmp(argv[i], option, option_sz) && argv[i][option_sz] == '=')
				name = argv[i] + option_sz + 1;
		}
	}
	if (!name)
		return 0;
	run->mode = find_mode(program, name);
	if (!run->mode) {
		usage(program, "there is no %s '%s'", option ? "model" : "mode", name);
		return -1;
	}
	return option ? 0 : 1;
}

/* Reads argv from first on. Returns 0, 1 where only help was wanted, or 2. */
static int parse_options(struct wl_run *run, int argc, char **argv, int first)
{
	static const struct wl_option common[] = {
		{0, "truth", NULL, 0, 0, 1, ""},
		{1, "timeout", "SECS", DEFAULT_TIMEOUT_SECS, 1, 3600, ""},
		{2, "help", NULL, 0, 0, 1, ""},
	};
	const struct wl_program *program = run->program;
	int64_t shared[WL_COUNT(common)] = {0, DEFAULT_TIMEOUT_SECS, 0};
	const struct wl_option *option;
	const char *name, *value;
	size_t name_sz;
	int64_t *to;

	for (size_t i = 0; i < run->mode->option_cnt; i++)
		run->opt[run->mode->options[i].id] = run->mode->options[i].def;
	for (int i = first; i < argc; i++) {
		if (strncmp(argv[i], "--", 2))
			return usage(program, "'%s' is not an option", argv[i]);
		name = argv[i] + 2;
		name_sz = strcspn(name, "=");
		value = name[name_sz] ? name + name_sz + 1 : NULL;
		if (program->mode_option && strlen(program->mode_option + 2) == name_sz &&
		    !strncmp(name, program->mode_option + 2, name_sz)) {
			i += !value;
			continue;
		}
		option = find_option(common, WL_COUNT(common), name, name_sz);
		to = option ? &shared[option->id] : NULL;
		if (!option) {
			option = find_option(run->mode->options, run->mode->option_cnt, name,
					     name_sz);
			to = option ? &run->opt[option->id] : NULL;
		}
		if (!option)
			return usage(program, "%s has no option '%s'", run->mode->name, argv[i]);
		if (!option->unit) {
			if (value)
				return usage(program, "--%s takes no value", option->name);
			*to = 1;
			continue;
		}
		if (!value && i + 1 < argc)
			value = argv[++i];
		if (!value || !parse_number(value, option->min, option->max, to))
			return usage(program, "--%s takes a number from %lld to %lld", option->name,
				     (long long)option->min, (long long)option->max);
	}
	run->want_truth = shared[0];
	alarm((unsigned int)shared[1]);
	return shared[2] ? 1 : 0;
}

static void find_cpus(struct wl_run *run)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set))
		die(errno, "cannot tell which CPUs may be used");
	for (int cpu = 0; cpu < CPU_SETSIZE && run->cpu_cnt < WL_CPU_MAX; cpu++)
		if (CPU_ISSET((unsigned int)cpu, &set))
			run->cpus[run->cpu_cnt++] = cpu;
}

int wl_main(int argc, char **argv, const struct wl_program *program)
{
	static struct wl_run run;
	int status, used, err;

	program_name = program->name;
	run.program = program;
	ending_all = make_shared(sizeof(*ending_all));
	catch_signals();
	used = choose_mode(&run, argc, argv);
	if (used < 0)
		return 2;
	status = parse_options(&run, argc, argv, 1 + used);
	if (status == 1) {
		print_help(program);
		return 0;
	}
	if (status)
		return status;
	find_cpus(&run);
	/* Should a child die with children of its own, they come to us and are ended and reaped
	 * here. */
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		die(errno, "cannot become the reaper of grandchildren");
	truth_init(&run.truth);
	run.mode->run(&run);
	if (run.silent)
		return 0;
	if (!run.want_truth) {
		printf("%s %s: %s\n", program->name, run.mode->name, run.summary);
		err = fflush(stdout) ? -errno : 0;
	} else {
		err = truth_print(&run.truth, program->name, run.mode->name);
	}
	if (err)
		die(-err, "cannot write to stdout");
	return 0;
}
