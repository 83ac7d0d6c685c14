// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_time.c - waits for time and for signals.
 */
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

static void sleep_relative(void)
{
	sleep_ms(HOLD_MS);
}

static void sleep_old(void)
{
	struct timespec time = {0, HOLD_MS * 1000000};

	must(!syscall(SYS_nanosleep, &time, NULL), "sleep");
}

static void sleep_until(void)
{
	struct timespec until;

	must(!clock_gettime(CLOCK_REALTIME, &until), "read a clock");
	until.tv_nsec += HOLD_MS * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	must(!clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL), "sleep");
}

static void on_signal(int number)
{
	(void)number;
}

/* SIGUSR2 is blocked in all but where a wait takes it; it interrupts, and does no more. */
static void prepare_signal(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	must(!sigaction(SIGUSR2, &action, NULL), "catch a signal");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(!sigprocmask(SIG_BLOCK, &set, NULL), "block a signal");
}

static void wait_signal(void)
{
	sigset_t set;
	int number;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must_zero(sigwait(&set, &number), "wait for a signal");
}

static void wait_signal_in_vain(void)
{
	struct timespec timeout = {0, HOLD_MS * 1000000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must(sigtimedwait(&set, NULL, &timeout) < 0 && errno == EAGAIN, "wait for a signal");
}

static void suspend(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigsuspend(&none);
}

/* Through the call itself, which glibc makes with no signal unblocked meanwhile. */
static void pause_unblocked(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	must_zero(pthread_sigmask(SIG_UNBLOCK, &set, NULL), "unblock a signal");
	pause();
}

static void send_signal(void)
{
	must(!kill(getpid(), SIGUSR2), "signal oneself");
}

const struct mode time_modes[] = {
	{"sleep", NULL, sleep_relative, NULL, false},
	{"nanosleep", NULL, sleep_old, NULL, false},
	{"clock_nanosleep", NULL, sleep_until, NULL, false},
	{"sigwait", prepare_signal, wait_signal, send_signal, false},
	{"sigtimedwait", prepare_signal, wait_signal_in_vain, NULL, false},
	{"sigsuspend", prepare_signal, suspend, send_signal, false},
	{"pause", prepare_signal, pause_unblocked, send_signal, false},
	{0},
};
