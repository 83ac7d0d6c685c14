// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exit_status.h"

/* Where in the child it went wrong; sent with errno up the error pipe. */
enum step { STEP_GROUPS, STEP_GID, STEP_UID, STEP_EXEC };

struct failure {
	int32_t step;
	int32_t err;
};

struct identity {
	struct rights_user user;
	char *home, *name, *shell;
};

/* Signals change the tracer's mind, and only handlers can tell: the state they touch. */
static volatile sig_atomic_t released_pid; /* where to hand signals on to, 0 nowhere */
static volatile sig_atomic_t pending_signal;
static volatile sig_atomic_t out_of_time;
static volatile sig_atomic_t seen_signal; /* the last one, whoever it was for */

#define SIGNALS 65 /* 1 to 64; the kernel knows no more */
static struct sigaction given_actions[SIGNALS];
static sigset_t given_mask;

enum fate {
	FATE_LEFT, /* as it was given: stops, what does nothing, and what says that a program is broken
			  (SIGSEGV, SIGABRT, ...), where who sends it wants to see why */
	FATE_TERMINAL, /* sent to all at once: the command gets it by itself */
	FATE_HANDED,   /* would end us: the command's, who would have got it without us */
	FATE_IGNORED, /* a report into a closed pipe, a trace that may grow no more: errors to tell, no deaths */
	FATE_DEFAULT, /* ignored, the kernel would forget how the command has ended */
};

static enum fate fate_of(int sig)
{
	switch (sig) {
	case SIGINT:
	case SIGQUIT:
		return FATE_TERMINAL;
	case SIGTERM:
	case SIGHUP:
	case SIGUSR1:
	case SIGUSR2:
	case SIGALRM:
	case SIGVTALRM:
	case SIGPROF:
	case SIGIO:
	case SIGPWR:
	case SIGSTKFLT:
	case SIGXCPU:
		return FATE_HANDED;
	case SIGPIPE:
	case SIGXFSZ:
		return FATE_IGNORED;
	case SIGCHLD:
		return FATE_DEFAULT;
	default:
		return sig >= SIGRTMIN && sig <= SIGRTMAX ? FATE_HANDED : FATE_LEFT;
	}
}

static bool is_handled(int sig)
{
	return fate_of(sig) == FATE_TERMINAL || fate_of(sig) == FATE_HANDED;
}

static int say(char *err, size_t err_sz, int code, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
static int say(char *err, size_t err_sz, int code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(err, err_sz, fmt, args);
	va_end(args);
	return code;
}

/* The command is there to take a signal: what is sent to one that has ended and was not reaped yet is lost. */
static bool is_taken(void)
{
	siginfo_t ended = {0};

	return released_pid &&
	       !waitid(P_PID, (id_t)released_pid, &ended, WEXITED | WNOHANG | WNOWAIT) &&
	       !ended.si_pid;
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	const int saved = errno;

	/* Of the limit that the kernel means the command has its own. */
	if (sig == SIGXCPU && info->si_code > 0) {
		out_of_time = 1;
		errno = saved;
		return;
	}
	seen_signal = sig;
	if (!is_taken())
		pending_signal = sig;
	else if (fate_of(sig) == FATE_HANDED && kill(released_pid, sig))
		pending_signal = sig;
	errno = saved;
}

/* Until hold_end() they wait, none is lost. */
static void hold_begin(sigset_t *before)
{
	sigset_t handled;

	sigemptyset(&handled);
	for (int sig = 1; sig < SIGNALS; sig++)
		if (is_handled(sig))
			sigaddset(&handled, sig);
	sigprocmask(SIG_BLOCK, &handled, before);
}

static void hold_end(const sigset_t *before)
{
	sigprocmask(SIG_SETMASK, before, NULL);
}

void spawn__signals(void)
{
	static const int opened[] = {SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGCHLD};
	struct sigaction action = {.sa_flags = SA_SIGINFO};
	sigset_t open;

	sigemptyset(&action.sa_mask);
	for (int sig = 1; sig < SIGNALS; sig++) {
		const enum fate fate = fate_of(sig);

		if (fate == FATE_LEFT)
			continue;
		sigaction(sig, NULL, &given_actions[sig]);
		/* What the tracer was told to ignore (nohup), it and the command go on ignoring. */
		if (is_handled(sig) && given_actions[sig].sa_handler == SIG_IGN)
			continue;
		if (is_handled(sig))
			action.sa_sigaction = on_signal;
		else
			action.sa_handler = fate == FATE_IGNORED ? SIG_IGN : SIG_DFL;
		sigaction(sig, &action, NULL);
	}
	/* Others that are blocked stay so, for us as for the command. */
	sigemptyset(&open);
	for (size_t i = 0; i < sizeof(opened) / sizeof(*opened); i++)
		sigaddset(&open, opened[i]);
	sigprocmask(SIG_UNBLOCK, &open, &given_mask);
}

bool spawn__out_of_time(void)
{
	return out_of_time;
}

bool spawn__has_seen(int sig)
{
	return seen_signal == sig;
}

int spawn__interrupted(void)
{
	return pending_signal;
}

static void identity__free(struct identity *who)
{
	rights__user_free(&who->user);
	free(who->home);
	free(who->name);
	free(who->shell);
}

/* All groups of a user, from the heap; NULL without memory: getgrouplist() says less of itself than that. */
static gid_t *find_groups(const char *name, gid_t gid, int *found)
{
	gid_t *groups = NULL, *more;
	int room = 0, cnt = 32;

	*found = 0;
	while (cnt > room) {
		more = reallocarray(groups, cnt, sizeof(*groups));
		if (!more)
			break;
		groups = more;
		room = cnt;
		if (getgrouplist(name, gid, groups, &cnt) >= 0) {
			*found = cnt;
			return groups;
		}
	}
	free(groups);
	return NULL;
}

static int identity__find(struct identity *who, const char *user, char *err, size_t err_sz)
{
	struct passwd *pw;
	char *end;
	unsigned long uid;

	memset(who, 0, sizeof(*who));
	errno = 0;
	pw = getpwnam(user);
	if (!pw && *user >= '0' && *user <= '9') {
		uid = strtoul(user, &end, 10);
		if (!*end && uid < UINT32_MAX)
			pw = getpwuid(uid);
	}
	/* Where there is no such user, errno is 0 or one of these. */
	if (!pw && errno && errno != ENOENT && errno != ESRCH && errno != EBADF && errno != EPERM)
		return say(err, err_sz, -errno, "cannot look up user %s: %s", user,
			   strerror(errno));
	if (!pw) {
		say(err, err_sz, -EINVAL, "no such user: %s", user);
		return -EINVAL;
	}
	who->user.uid = pw->pw_uid;
	who->user.gid = pw->pw_gid;
	who->home = strdup(pw->pw_dir);
	who->name = strdup(pw->pw_name);
	who->shell = strdup(pw->pw_shell);
	/* Behind the copies: it may overwrite what pw points to. */
	if (who->name)
		who->user.groups = find_groups(who->name, who->user.gid, &who->user.group_cnt);
	if (!who->user.groups || !who->home || !who->name || !who->shell) {
		identity__free(who);
		say(err, err_sz, -ENOMEM, "out of memory");
		return -ENOMEM;
	}
	return 0; /* NOLINT(clang-analyzer-unix.Malloc): spawn__start frees it */
}

static void __attribute__((noreturn)) child_fail(int error_fd, enum step step)
{
	struct failure f = {.step = step, .err = errno};

	/* If the tracer is gone there is nobody to tell. */
	if (write(error_fd, &f, sizeof(f)) != sizeof(f))
		_exit(CPT_STATUS_TRACER);
	_exit(CPT_STATUS_TRACER);
}

static void __attribute__((noreturn))
child_run(const struct spawn_opts *opts, const struct identity *who, int gate_fd, int error_fd,
	  int death_signal)
{
	char go = 0;
	ssize_t n;

	/* Ctrl-C before the release: the tracer gives up, the gate closes. What comes here waits, and is the
	 * command's once it has its own dispositions: it was released in spite of it. */
	do {
		n = read(gate_fd, &go, 1);
	} while (n < 0 && errno == EINTR);
	if (n != 1)
		_exit(CPT_STATUS_TRACER);
	if (opts->user) {
		const struct rights_user *u = &who->user;

		if (setgroups((size_t)u->group_cnt, u->groups))
			child_fail(error_fd, STEP_GROUPS);
		if (setresgid(u->gid, u->gid, u->gid))
			child_fail(error_fd, STEP_GID);
		if (setresuid(u->uid, u->uid, u->uid))
			child_fail(error_fd, STEP_UID);
		setenv("HOME", who->home, 1);
		setenv("USER", who->name, 1);
		setenv("LOGNAME", who->name, 1);
		setenv("SHELL", *who->shell ? who->shell : "/bin/sh", 1);
	}
	/* After that: a change of user forgets it. */
	(void)prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0);
	for (int sig = 1; sig < SIGNALS; sig++)
		if (fate_of(sig) != FATE_LEFT)
			sigaction(sig, &given_actions[sig], NULL);
	sigprocmask(SIG_SETMASK, &given_mask, NULL);
	execvp(opts->argv[0], opts->argv);
	child_fail(error_fd, STEP_EXEC);
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

int spawn__start(struct spawn_child *child, const struct spawn_opts *opts, char *err, size_t err_sz)
{
	int gate[2] = {-1, -1}, error[2] = {-1, -1}, ret;
	struct identity who = {};
	sigset_t before;
	int death_signal = 0;

	*child = (struct spawn_child){.pidfd = -1, .gate_fd = -1, .error_fd = -1};
	if (opts->user) {
		ret = identity__find(&who, opts->user, err, err_sz);
		if (ret)
			return ret;
	}
	if (pipe2(gate, O_CLOEXEC) || pipe2(error, O_CLOEXEC)) {
		ret = say(err, err_sz, -errno, "cannot create a pipe: %s", strerror(errno));
		goto out;
	}
	/* Who wants us to end with him would have had the command end so: a fork forgets it. */
	(void)prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0);
	hold_begin(&before);
	child->pid = fork();
	if (!child->pid) {
		close(gate[1]);
		close(error[0]);
		child_run(opts, &who, gate[0], error[1], death_signal);
	}
	ret = child->pid < 0 ? -errno : 0;
	hold_end(&before);
	if (ret) {
		say(err, err_sz, ret, "cannot fork: %s", strerror(-ret));
		child->pid = 0;
		goto out;
	}
	child->gate_fd = gate[1];
	child->error_fd = error[0];
	gate[1] = error[0] = -1;
	child->pidfd = syscall(SYS_pidfd_open, child->pid, 0);
	child->as = who.user;
	who.user = (struct rights_user){0};
	ret = 0;
	if (child->pidfd < 0) {
		ret = say(err, err_sz, -errno, "cannot open a pidfd of the child: %s",
			  strerror(errno));
		spawn__close(child);
	}
out:
	close_fd(&gate[0]);
	close_fd(&gate[1]);
	close_fd(&error[0]);
	close_fd(&error[1]);
	identity__free(&who);
	return ret;
}

static int describe_failure(const struct failure *f, const struct spawn_opts *opts, char *err,
			    size_t err_sz)
{
	const char *cmd = opts->argv[0];

	switch ((enum step)f->step) {
	case STEP_GROUPS:
	case STEP_GID:
	case STEP_UID:
		/* Not to be taken for "cannot execute". */
		return say(err, err_sz, -ECANCELED, "cannot become user %s: %s", opts->user,
			   strerror(f->err));
	case STEP_EXEC:
		break;
	}
	if (f->err == ENOENT && !strchr(cmd, '/'))
		return say(err, err_sz, -f->err, "%s: command not found in PATH", cmd);
	if (f->err == ENOENT && !access(cmd, F_OK))
		return say(err, err_sz, -f->err, "%s: its interpreter or loader was not found",
			   cmd);
	if (f->err == ENOEXEC)
		return say(err, err_sz, -f->err, "cannot execute %s: not a program of this machine",
			   cmd);
	return say(err, err_sz, -f->err, "cannot execute %s: %s", cmd, strerror(f->err));
}

/* Has it ended? It is not reaped: until then its number is its own. */
static bool has_ended(const struct spawn_child *child, int options)
{
	siginfo_t ended = {0};
	int ret;

	do {
		ret = waitid(P_PID, (id_t)child->pid, &ended, WEXITED | WNOWAIT | options);
	} while (ret && errno == EINTR);
	return ret || ended.si_pid;
}

/* With it its number goes, which may be another process's from then on: no signal comes in between. */
static void reap(struct spawn_child *child)
{
	sigset_t before;

	hold_begin(&before);
	(void)waitpid(child->pid, &child->status, 0);
	released_pid = 0;
	hold_end(&before);
	child->reaped = true;
}

void spawn__wait(struct spawn_child *child)
{
	if (!child->reaped && has_ended(child, 0))
		reap(child);
}

/* From here on signals are the command's. false: one came before, and is ours. */
static bool hand_over(const struct spawn_child *child)
{
	sigset_t before;
	bool ours;

	hold_begin(&before);
	ours = pending_signal;
	if (!ours)
		released_pid = child->pid;
	hold_end(&before);
	return !ours;
}

int spawn__release(struct spawn_child *child, const struct spawn_opts *opts, char *err,
		   size_t err_sz)
{
	struct failure f;
	ssize_t n;
	int ret;

	if (!hand_over(child)) {
		spawn__close(child);
		return say(err, err_sz, -ECANCELED, "interrupted before the command was started");
	}
	if (write(child->gate_fd, "", 1) != 1) {
		ret = errno;
		released_pid = 0;
		spawn__close(child);
		if (child->reaped && WIFSIGNALED(child->status))
			return say(err, err_sz, -ECANCELED,
				   "the command was killed before it was started: %s",
				   strsignal(WTERMSIG(child->status)));
		return say(err, err_sz, -ECANCELED, "cannot start the command: %s", strerror(ret));
	}
	close_fd(&child->gate_fd);
	do {
		n = read(child->error_fd, &f, sizeof(f));
	} while (n < 0 && errno == EINTR);
	close_fd(&child->error_fd);
	if (!n)
		return 0;
	released_pid = 0;
	if (n != sizeof(f)) {
		f.step = STEP_EXEC;
		f.err = n < 0 ? errno : EIO;
	}
	spawn__wait(child);
	return describe_failure(&f, opts, err, err_sz);
}

int spawn__status_of(int err)
{
	switch (-err) {
	case ENOENT:
	case ENOTDIR:
		return CPT_STATUS_NOT_FOUND;
	case EACCES:
	case EPERM:
	case ENOEXEC:
	case EISDIR:
	case ELIBBAD:
	case ETXTBSY:
	case ELOOP:
	case ENAMETOOLONG:
	case EINVAL:
	case E2BIG:
		return CPT_STATUS_CANNOT_EXEC;
	default:
		return CPT_STATUS_TRACER;
	}
}

bool spawn__reap(struct spawn_child *child)
{
	if (child->reaped || !child->pid)
		return true;
	if (!has_ended(child, WNOHANG))
		return false;
	reap(child);
	return true;
}

void spawn__close(struct spawn_child *child)
{
	bool waits = child->gate_fd >= 0;

	close_fd(&child->gate_fd);
	close_fd(&child->error_fd);
	if (waits && child->pid)
		spawn__wait(child);
	close_fd(&child->pidfd);
	rights__user_free(&child->as);
}
