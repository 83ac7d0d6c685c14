// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_process.c - waits for processes, and processes that are made to stand still.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

static pid_t child;

static void sleep_in_child(void)
{
	sleep_ms(HOLD_MS);
}

static void start_sleeper(void)
{
	child = fork_other("other", sleep_in_child);
}

static void wait_wait4(void)
{
	must(waitpid(child, NULL, 0) == child, "wait for a child");
}

static void wait_waitid(void)
{
	siginfo_t info;

	must(!waitid(P_PID, (id_t)child, &info, WEXITED), "wait for a child");
}

static void poll_pidfd(void)
{
	struct pollfd on = {(int)syscall(SYS_pidfd_open, child, 0), POLLIN, 0};

	must(on.fd >= 0 && poll(&on, 1, -1) == 1, "poll a pidfd");
}

static void reap(void)
{
	must(waitpid(child, NULL, 0) == child, "wait for a child");
}

static void wait_vfork(void)
{
	pid_t pid = vfork();

	must(pid >= 0, "vfork");
	if (!pid) {
		struct timespec time = {0, HOLD_MS * 1000000};

		prctl(PR_SET_NAME, "other");
		nanosleep(&time, NULL);
		_exit(0);
	}
	must(waitpid(pid, NULL, 0) == pid, "wait for a child");
}

/* clone3 with CLONE_VFORK, as posix_spawn makes it; the child opens a FIFO's end before its exec and
 * so holds its parent up. */
static char fifo[64];

static void make_spawn(void)
{
	snprintf(fifo, sizeof(fifo), "/tmp/wait_reasons.spawn.%d", getpid());
	must(!mkfifo(fifo, 0600), "make a FIFO");
}

static void wait_spawn(void)
{
	char *argv[] = {(char *)"true", NULL}, *env[] = {NULL};
	posix_spawn_file_actions_t actions;
	pid_t pid;

	must_zero(posix_spawn_file_actions_init(&actions), "make file actions");
	must_zero(posix_spawn_file_actions_addopen(&actions, 9, fifo, O_RDONLY, 0), "add a file");
	must_zero(posix_spawn(&pid, "/bin/true", &actions, NULL, argv, env), "spawn");
	must(waitpid(pid, NULL, 0) == pid, "wait for a child");
}

static void open_fifo(void)
{
	int fd = open(fifo, O_WRONLY);

	must(fd >= 0 && !close(fd) && !unlink(fifo), "open a FIFO");
}

/* Stopped by its own hand. */
static void stop_self(void)
{
	must(!raise(SIGSTOP), "stop oneself");
}

/* Stopped, and not only told to: one that has no CPU meanwhile is let go on before it ever stops. */
static void await_stop(void)
{
	siginfo_t info;

	must(!waitid(P_PID, (id_t)waiter_pid(), &info, WSTOPPED | WNOWAIT), "wait for a stop");
}

static void go_on(void)
{
	await_stop();
	must(!kill(waiter_pid(), SIGCONT), "let a process go on");
}

/* A sleep that a stop interrupts is taken up again by restart_syscall. */
static void sleep_long(void)
{
	sleep_ms(2 * HOLD_MS);
}

static void stop_and_go_on(void)
{
	must(!kill(waiter_pid(), SIGSTOP), "stop a process");
	await_stop();
	sleep_ms(5);
	go_on();
}

static void be_traced(void)
{
	must(!ptrace(PTRACE_TRACEME, 0, NULL, NULL), "be traced");
	must(!raise(SIGSTOP), "stop oneself");
}

static void trace_on(void)
{
	int status;

	must(waitpid(waiter_pid(), &status, 0) == waiter_pid() && WIFSTOPPED(status),
	     "wait for a stop");
	must(!ptrace(PTRACE_DETACH, waiter_pid(), NULL, NULL), "let a process go on");
}

/* Frozen by its group: a directory of the one hierarchy, made for it. */
static char group[256];

static void write_to(const char *dir, const char *name, const char *text)
{
	char where[512];
	int fd;

	snprintf(where, sizeof(where), "%s/%s", dir, name);
	fd = open(where, O_WRONLY);
	must(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && !close(fd),
	     where);
}

static void make_group(void)
{
	char type[64], *root = group;
	FILE *mounts = fopen("/proc/self/mounts", "re");
	size_t len;

	must(mounts, "read the mounts");
	do
		must(fscanf(mounts, "%*s %200s %63s %*[^\n]", root, type) == 2, "find a cgroup2");
	while (strcmp(type, "cgroup2"));
	fclose(mounts);
	len = strlen(group);
	snprintf(group + len, sizeof(group) - len, "/wait_reasons.%d", getpid());
	must(!mkdir(group, 0755), "make a group");
}

static void sleep_frozen(void)
{
	write_to(group, "cgroup.procs", "0");
	sleep_ms(2 * HOLD_MS);
}

/* Until after its sleep would have ended. */
static void freeze(void)
{
	write_to(group, "cgroup.freeze", "1");
	sleep_ms(2 * HOLD_MS);
	write_to(group, "cgroup.freeze", "0");
	sleep_ms(HOLD_MS / 2);
	must(!rmdir(group), "remove a group");
}

const struct mode process_modes[] = {
	{"wait4", start_sleeper, wait_wait4, NULL, false},
	{"waitid", start_sleeper, wait_waitid, NULL, false},
	{"pidfd", start_sleeper, poll_pidfd, reap, false},
	{"vfork", NULL, wait_vfork, NULL, false},
	{"spawn", make_spawn, wait_spawn, open_fifo, false},
	{"stopped", NULL, stop_self, go_on, true},
	{"restarted", NULL, sleep_long, stop_and_go_on, true},
	{"frozen", make_group, sleep_frozen, freeze, true},
	{"traced", NULL, be_traced, trace_on, true},
	{0},
};
