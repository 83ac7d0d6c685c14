// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * inherited.c - prints everything that a program has from the one that started it, one thing a line.
 *
 *     inherited FILE         into FILE
 *     inherited --child ARG  starts itself with ARG, so that the parent is a program of the same kind
 *
 * What differs between two runs of the same (numbers of processes, addresses) is printed as what it is to
 * the parent, or left out.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/ioprio.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

static FILE *out;

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_environment(void)
{
	size_t cnt = 0;

	while (environ[cnt])
		cnt++;
	qsort(environ, cnt, sizeof(*environ), by_text);
	for (size_t i = 0; i < cnt; i++)
		fprintf(out, "env %s\n", environ[i]);
}

static void put_descriptors(void)
{
	char link[64], target[4096];

	for (int fd = 0; fd < 1024; fd++) {
		struct stat st;
		ssize_t n;

		if (fd == fileno(out) || fstat(fd, &st))
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		/* A pipe is another one in each run. */
		if (!strncmp(target, "pipe:", 5))
			target[5] = '\0';
		fprintf(out, "fd %d %s flags %x status %x\n", fd, target,
			(unsigned int)fcntl(fd, F_GETFD), (unsigned int)fcntl(fd, F_GETFL));
	}
}

static void put_limits(void)
{
	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit lim;

		if (!getrlimit((__rlimit_resource_t)i, &lim))
			fprintf(out, "rlimit %d %llx %llx\n", i, (unsigned long long)lim.rlim_cur,
				(unsigned long long)lim.rlim_max);
	}
	for (int i = 0; i < 3; i++) {
		struct itimerval t;

		if (!getitimer((__itimer_which_t)i, &t))
			fprintf(out, "itimer %d %s\n", i,
				t.it_value.tv_sec || t.it_value.tv_usec ? "set" : "unset");
	}
}

static void put_signals(void)
{
	sigset_t mask, pending;

	sigprocmask(SIG_SETMASK, NULL, &mask);
	sigpending(&pending);
	for (int sig = 1; sig < NSIG; sig++) {
		struct {
			void *handler;
			unsigned long flags;
			void *restorer;
			uint64_t mask;
		} action = {};

		/* The C library hides two of them. */
		if (syscall(SYS_rt_sigaction, sig, NULL, &action, sizeof(action.mask)))
			continue;
		fprintf(out, "signal %d %s flags %lx%s%s\n", sig,
			action.handler == (void *)SIG_DFL   ? "default"
			: action.handler == (void *)SIG_IGN ? "ignored"
							    : "caught",
			action.flags, sigismember(&mask, sig) == 1 ? " blocked" : "",
			sigismember(&pending, sig) == 1 ? " pending" : "");
	}
}

static void put_scheduling(void)
{
	struct sched_param param = {};
	cpu_set_t set;

	sched_getparam(0, &param);
	fprintf(out, "policy %d priority %d nice %d\n", sched_getscheduler(0), param.sched_priority,
		getpriority(PRIO_PROCESS, 0));
	fprintf(out, "ioprio %lx timerslack %d personality %x\n", syscall(SYS_ioprio_get, 1, 0),
		prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0), (unsigned int)personality(0xffffffff));
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &set))
			fprintf(out, "cpu %d\n", cpu);
}

static void put_prctl(void)
{
	int death = 0, subreaper = 0;

	prctl(PR_GET_PDEATHSIG, &death, 0, 0, 0);
	prctl(PR_GET_CHILD_SUBREAPER, &subreaper, 0, 0, 0);
	fprintf(out, "death signal %d subreaper %d dumpable %d keepcaps %d securebits %x thp %d\n",
		death, subreaper, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0),
		prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0),
		(unsigned int)prctl(PR_GET_SECUREBITS, 0, 0, 0, 0),
		prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
	fprintf(out, "secure %lu\n", getauxval(AT_SECURE));
	fprintf(out, "group is the parent's %d session is the parent's %d\n",
		getpgrp() == getpgid(getppid()), getsid(0) == getsid(getppid()));
}

/* Lines of /proc/self/status that are inherited. */
static void put_status(void)
{
	static const char *const names[] = {"Umask:",	    "Uid:",	    "Gid:",
					    "Groups:",	    "CapInh:",	    "CapPrm:",
					    "CapEff:",	    "CapBnd:",	    "CapAmb:",
					    "NoNewPrivs:",  "Seccomp:",	    "Seccomp_filters:",
					    "Speculation",  "Cpus_allowed", "Mems_allowed",
					    "THP_enabled:", "TracerPid:",   "VmLck:"};
	FILE *f = fopen("/proc/self/status", "re");
	char line[4096];

	while (f && fgets(line, sizeof(line), f))
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (!strncmp(line, names[i], strlen(names[i])))
				fprintf(out, "%s", line);
	if (f)
		fclose(f);
}

static void put_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[4096];

	if (!f) {
		fprintf(out, "%s: %s\n", path, strerror(errno));
		return;
	}
	while (fgets(line, sizeof(line), f))
		fprintf(out, "%s: %s%s", path, line, strchr(line, '\n') ? "" : "\n");
	fclose(f);
}

static void put_links(void)
{
	static const char *const links[] = {"cwd",
					    "root",
					    "ns/cgroup",
					    "ns/ipc",
					    "ns/mnt",
					    "ns/net",
					    "ns/pid",
					    "ns/user",
					    "ns/uts",
					    "ns/time",
					    "ns/pid_for_children"};
	char path[64], target[4096];

	for (size_t i = 0; i < sizeof(links) / sizeof(*links); i++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/%s", links[i]);
		n = readlink(path, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		fprintf(out, "%s %s\n", links[i], target);
	}
}

static int start_itself(char **argv)
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		execv("/proc/self/exe", (char *[]){argv[0], argv[2], NULL});
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	static const char *const files[] = {
		"/proc/self/oom_score_adj", "/proc/self/coredump_filter",
		"/proc/self/cgroup",	    "/proc/self/loginuid",
		"/proc/self/sessionid",	    "/proc/self/timerslack_ns",
		"/proc/self/uid_map",	    "/proc/self/gid_map"};
	int fd;

	if (argc == 3 && !strcmp(argv[1], "--child"))
		return start_itself(argv);
	if (argc != 2)
		return 2;
	/* Above all that may be inherited, so that no number is taken that would show. */
	fd = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return 1;
	out = fdopen(fcntl(fd, F_DUPFD_CLOEXEC, 100), "w");
	close(fd);
	if (!out)
		return 1;
	put_environment();
	put_descriptors();
	put_limits();
	put_signals();
	put_scheduling();
	put_prctl();
	put_status();
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		put_file(files[i]);
	put_links();
	return fclose(out) ? 1 : 0;
}
