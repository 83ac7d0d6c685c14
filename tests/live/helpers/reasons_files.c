// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_files.c - reads and writes that block: pipes, FIFOs, terminals, eventfd and its kin,
 * message queues.
 */
#include <fcntl.h>
#include <mqueue.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

static int fds[2];
static char path[64];

static void make_path(const char *what)
{
	snprintf(path, sizeof(path), "/tmp/wait_reasons.%s.%d", what, getpid());
}

static void make_pipe(void)
{
	must(!pipe(fds), "make a pipe");
}

static void make_full_pipe(void)
{
	make_pipe();
	fill(fds[1]);
}

static void read_first(void)
{
	read_byte(fds[0]);
}

static void write_second(void)
{
	write_byte(fds[1]);
}

/* Room for the writer: a whole page at least. */
static void drain_first(void)
{
	static char bytes[1 << 20];

	must(read(fds[0], bytes, sizeof(bytes)) > 0, "read");
}

static void read_stdin(void)
{
	read_byte(STDIN_FILENO);
}

static void make_fifo(void)
{
	make_path("fifo");
	must(!mkfifo(path, 0600), "make a FIFO");
}

static void open_reader(void)
{
	fds[0] = open(path, O_RDONLY);
	must(fds[0] >= 0, "open a FIFO");
}

static void open_writer(void)
{
	fds[1] = open(path, O_WRONLY);
	must(fds[1] >= 0 && !unlink(path), "open a FIFO");
}

static void make_eventfd(void)
{
	fds[0] = eventfd(0, 0);
	must(fds[0] >= 0, "make an eventfd");
}

static void add_event(uint64_t n)
{
	must(write(fds[0], &n, sizeof(n)) == sizeof(n), "write an eventfd");
}

static void make_full_eventfd(void)
{
	make_eventfd();
	add_event(UINT64_MAX - 1);
}

static void read_event(void)
{
	uint64_t n;

	must(read(fds[0], &n, sizeof(n)) == sizeof(n), "read an eventfd");
}

static void one_event(void)
{
	add_event(1);
}

static void make_timerfd(void)
{
	struct itimerspec at = {.it_value = {0, HOLD_MS * 1000000}};

	fds[0] = timerfd_create(CLOCK_MONOTONIC, 0);
	must(fds[0] >= 0 && !timerfd_settime(fds[0], 0, &at, NULL), "make a timerfd");
}

static void make_signalfd(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	must(!sigprocmask(SIG_BLOCK, &set, NULL), "block a signal");
	fds[0] = signalfd(-1, &set, 0);
	must(fds[0] >= 0, "make a signalfd");
}

static void read_signal(void)
{
	struct signalfd_siginfo info;

	must(read(fds[0], &info, sizeof(info)) == sizeof(info), "read a signalfd");
}

static void signal_self(void)
{
	must(!kill(getpid(), SIGUSR1), "signal oneself");
}

static void make_inotify(void)
{
	make_path("dir");
	fds[0] = inotify_init1(IN_CLOEXEC);
	must(fds[0] >= 0 && !mkdir(path, 0700), "make an inotify");
	must(inotify_add_watch(fds[0], path, IN_DELETE_SELF) >= 0, "watch a directory");
}

static void read_inotify(void)
{
	char events[4096];

	must(read(fds[0], events, sizeof(events)) > 0, "read an inotify");
}

static void remove_watched(void)
{
	must(!rmdir(path), "remove a directory");
}

static void make_pty(void)
{
	must(!openpty(&fds[1], &fds[0], NULL, NULL, NULL), "make a terminal");
}

static void type_line(void)
{
	must(write(fds[1], "a\n", 2) == 2, "type a line");
}

static void read_screen(void)
{
	read_byte(fds[1]);
}

static void print_on_tty(void)
{
	write_byte(fds[0]);
}

/* More than a terminal keeps for a screen that nobody reads, as when output is stopped. */
#define SCREEN_SZ ((size_t)256 << 10)

static void fill_screen(void)
{
	static const char screen[SCREEN_SZ];

	for (size_t done = 0; done < SCREEN_SZ;) {
		ssize_t wrote = write(fds[0], screen + done, SCREEN_SZ - done);

		must(wrote > 0, "write to a terminal");
		done += (size_t)wrote;
	}
}

static void drain_screen(void)
{
	static char screen[SCREEN_SZ];

	for (size_t done = 0; done < SCREEN_SZ;) {
		ssize_t got = read(fds[1], screen, sizeof(screen));

		must(got > 0, "read a terminal's screen");
		done += (size_t)got;
	}
}

static int msgq;

struct message {
	long type;
	char text[8];
};

static void make_msgq(void)
{
	msgq = msgget(IPC_PRIVATE, 0600);
	must(msgq >= 0, "make a message queue");
}

static void receive_msg(void)
{
	struct message m;

	must(msgrcv(msgq, &m, sizeof(m.text), 0, 0) >= 0, "receive a message");
	must(!msgctl(msgq, IPC_RMID, NULL), "remove a message queue");
}

static void send_msg(void)
{
	struct message m = {.type = 1};

	must(!msgsnd(msgq, &m, sizeof(m.text), 0), "send a message");
}

static mqd_t mq;

static void make_mq(void)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};

	snprintf(path, sizeof(path), "/wait_reasons.%d", getpid());
	mq = mq_open(path, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	must(mq != (mqd_t)-1 && !mq_unlink(path), "make a message queue");
}

static void receive_mq(void)
{
	char text[8];

	must(mq_receive(mq, text, sizeof(text), NULL) >= 0, "receive a message");
}

static void send_mq(void)
{
	must(!mq_send(mq, "message", 8, 0), "send a message");
}

static int semaphores;

static void make_semop(void)
{
	semaphores = semget(IPC_PRIVATE, 1, 0600);
	must(semaphores >= 0, "make a semaphore");
}

static void down_semop(void)
{
	struct sembuf down = {0, -1, 0};

	must(!semop(semaphores, &down, 1), "wait on a semaphore");
	must(!semctl(semaphores, 0, IPC_RMID), "remove a semaphore");
}

static void up_semop(void)
{
	struct sembuf up = {0, 1, 0};

	must(!semop(semaphores, &up, 1), "post a semaphore");
}

const struct mode file_modes[] = {
	{"pipe_read", make_pipe, read_first, write_second, false},
	{"pipe_write", make_full_pipe, write_second, drain_first, false},
	{"stdin_read", NULL, read_stdin, NULL, false},
	{"fifo_open_read", make_fifo, open_reader, open_writer, false},
	{"fifo_open_write", make_fifo, open_writer, open_reader, false},
	{"eventfd_read", make_eventfd, read_event, one_event, false},
	{"eventfd_write", make_full_eventfd, one_event, read_event, false},
	{"timerfd", make_timerfd, read_event, NULL, false},
	{"signalfd", make_signalfd, read_signal, signal_self, false},
	{"inotify", make_inotify, read_inotify, remove_watched, false},
	{"tty_read", make_pty, read_first, type_line, false},
	{"tty_write", make_pty, fill_screen, drain_screen, false},
	{"ptmx_read", make_pty, read_screen, print_on_tty, false},
	{"msgrcv", make_msgq, receive_msg, send_msg, false},
	{"mq_receive", make_mq, receive_mq, send_mq, false},
	{"semop", make_semop, down_semop, up_semop, false},
	{0},
};
