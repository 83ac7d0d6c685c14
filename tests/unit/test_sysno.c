// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * test_sysno.c - system call numbers by architecture.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>
#include <sys/syscall.h>

#include "../../analysis/sysno.h"

static uint8_t table[CPT_SYSNO_TABLE_SZ];

static void numbers_are_those_of_the_traces_machine(void **state)
{
	sysno_table("x86_64", table);
	assert_int_equal(table[0], CPT_SYS_READ);
	assert_int_equal(table[202], CPT_SYS_FUTEX);
	assert_int_equal(table[232], CPT_SYS_EPOLL_WAIT);
	assert_int_equal(table[435], CPT_SYS_CLONE3);
	sysno_table("aarch64", table);
	assert_int_equal(table[63], CPT_SYS_READ);
	assert_int_equal(table[98], CPT_SYS_FUTEX);
	assert_int_equal(table[22], CPT_SYS_EPOLL_PWAIT);
	assert_int_equal(table[435], CPT_SYS_CLONE3);
	assert_int_equal(table[232], CPT_SYS_UNKNOWN); /* mincore there */
}

static void unknown_machine_has_no_numbers(void **state)
{
	const char *const machines[] = {"riscv64", "", NULL};

	for (int m = 0; m < 3; m++) {
		memset(table, 0xff, sizeof(table));
		sysno_table(machines[m], table);
		for (int i = 0; i < CPT_SYSNO_TABLE_SZ; i++)
			assert_int_equal(table[i], CPT_SYS_UNKNOWN);
	}
}

/* No two calls share a number, or one would hide the other. */
static void each_call_keeps_its_number(void **state)
{
#define COUNT_X86(name, str, x86, generic, group)     +((x86) >= 0)
#define COUNT_GENERIC(name, str, x86, generic, group) +((generic) >= 0)
	const int want[2] = {CPT_SYSCALLS(COUNT_X86), CPT_SYSCALLS(COUNT_GENERIC)};
	const char *const machines[2] = {"x86_64", "aarch64"};

	for (int m = 0; m < 2; m++) {
		int cnt = 0;

		sysno_table(machines[m], table);
		for (int i = 0; i < CPT_SYSNO_TABLE_SZ; i++)
			cnt += table[i] != CPT_SYS_UNKNOWN;
		assert_int_equal(cnt, want[m]);
	}
}

/* Held against the headers of the machine the test runs on. */
static void numbers_agree_with_this_machines_headers(void **state)
{
#if defined(__x86_64__)
	sysno_table("x86_64", table);
#elif defined(__aarch64__)
	sysno_table("aarch64", table);
#else
	skip();
#endif
	assert_int_equal(table[SYS_read], CPT_SYS_READ);
	assert_int_equal(table[SYS_write], CPT_SYS_WRITE);
	assert_int_equal(table[SYS_readv], CPT_SYS_READV);
	assert_int_equal(table[SYS_writev], CPT_SYS_WRITEV);
	assert_int_equal(table[SYS_pread64], CPT_SYS_PREAD64);
	assert_int_equal(table[SYS_pwrite64], CPT_SYS_PWRITE64);
	assert_int_equal(table[SYS_connect], CPT_SYS_CONNECT);
	assert_int_equal(table[SYS_accept], CPT_SYS_ACCEPT);
	assert_int_equal(table[SYS_accept4], CPT_SYS_ACCEPT4);
	assert_int_equal(table[SYS_sendto], CPT_SYS_SENDTO);
	assert_int_equal(table[SYS_recvfrom], CPT_SYS_RECVFROM);
	assert_int_equal(table[SYS_sendmsg], CPT_SYS_SENDMSG);
	assert_int_equal(table[SYS_recvmsg], CPT_SYS_RECVMSG);
	assert_int_equal(table[SYS_sendmmsg], CPT_SYS_SENDMMSG);
	assert_int_equal(table[SYS_recvmmsg], CPT_SYS_RECVMMSG);
	assert_int_equal(table[SYS_sendfile], CPT_SYS_SENDFILE);
	assert_int_equal(table[SYS_splice], CPT_SYS_SPLICE);
	assert_int_equal(table[SYS_tee], CPT_SYS_TEE);
	assert_int_equal(table[SYS_vmsplice], CPT_SYS_VMSPLICE);
	assert_int_equal(table[SYS_copy_file_range], CPT_SYS_COPY_FILE_RANGE);
	assert_int_equal(table[SYS_preadv], CPT_SYS_PREADV);
	assert_int_equal(table[SYS_pwritev], CPT_SYS_PWRITEV);
	assert_int_equal(table[SYS_preadv2], CPT_SYS_PREADV2);
	assert_int_equal(table[SYS_pwritev2], CPT_SYS_PWRITEV2);
	assert_int_equal(table[SYS_ppoll], CPT_SYS_PPOLL);
	assert_int_equal(table[SYS_pselect6], CPT_SYS_PSELECT6);
	assert_int_equal(table[SYS_epoll_pwait], CPT_SYS_EPOLL_PWAIT);
	assert_int_equal(table[SYS_nanosleep], CPT_SYS_NANOSLEEP);
	assert_int_equal(table[SYS_clock_nanosleep], CPT_SYS_CLOCK_NANOSLEEP);
	assert_int_equal(table[SYS_wait4], CPT_SYS_WAIT4);
	assert_int_equal(table[SYS_waitid], CPT_SYS_WAITID);
	assert_int_equal(table[SYS_clone], CPT_SYS_CLONE);
	assert_int_equal(table[SYS_futex], CPT_SYS_FUTEX);
	assert_int_equal(table[SYS_flock], CPT_SYS_FLOCK);
	assert_int_equal(table[SYS_fcntl], CPT_SYS_FCNTL);
	assert_int_equal(table[SYS_fsync], CPT_SYS_FSYNC);
	assert_int_equal(table[SYS_fdatasync], CPT_SYS_FDATASYNC);
	assert_int_equal(table[SYS_sync], CPT_SYS_SYNC);
	assert_int_equal(table[SYS_syncfs], CPT_SYS_SYNCFS);
	assert_int_equal(table[SYS_sync_file_range], CPT_SYS_SYNC_FILE_RANGE);
	assert_int_equal(table[SYS_msync], CPT_SYS_MSYNC);
	assert_int_equal(table[SYS_rt_sigtimedwait], CPT_SYS_RT_SIGTIMEDWAIT);
	assert_int_equal(table[SYS_rt_sigsuspend], CPT_SYS_RT_SIGSUSPEND);
	assert_int_equal(table[SYS_io_getevents], CPT_SYS_IO_GETEVENTS);
	assert_int_equal(table[SYS_openat], CPT_SYS_OPENAT);
	assert_int_equal(table[SYS_msgrcv], CPT_SYS_MSGRCV);
	assert_int_equal(table[SYS_msgsnd], CPT_SYS_MSGSND);
	assert_int_equal(table[SYS_semop], CPT_SYS_SEMOP);
	assert_int_equal(table[SYS_semtimedop], CPT_SYS_SEMTIMEDOP);
	assert_int_equal(table[SYS_mq_timedreceive], CPT_SYS_MQ_TIMEDRECEIVE);
	assert_int_equal(table[SYS_mq_timedsend], CPT_SYS_MQ_TIMEDSEND);
	assert_int_equal(table[SYS_ioctl], CPT_SYS_IOCTL);
	assert_int_equal(table[SYS_sched_yield], CPT_SYS_SCHED_YIELD);
	assert_int_equal(table[SYS_restart_syscall], CPT_SYS_RESTART_SYSCALL);
	assert_int_equal(table[SYS_close], CPT_SYS_CLOSE);
	assert_int_equal(table[SYS_shutdown], CPT_SYS_SHUTDOWN);
	assert_int_equal(table[SYS_execve], CPT_SYS_EXECVE);
	assert_int_equal(table[SYS_execveat], CPT_SYS_EXECVEAT);
	assert_int_equal(table[SYS_exit], CPT_SYS_EXIT);
	assert_int_equal(table[SYS_exit_group], CPT_SYS_EXIT_GROUP);
	assert_int_equal(table[SYS_getrandom], CPT_SYS_GETRANDOM);
	assert_int_equal(table[SYS_io_uring_enter], CPT_SYS_IO_URING_ENTER);
	assert_int_equal(table[SYS_io_pgetevents], CPT_SYS_IO_PGETEVENTS);
	assert_int_equal(table[SYS_openat2], CPT_SYS_OPENAT2);
	assert_int_equal(table[SYS_epoll_pwait2], CPT_SYS_EPOLL_PWAIT2);
#if defined(__x86_64__)
	assert_int_equal(table[SYS_poll], CPT_SYS_POLL);
	assert_int_equal(table[SYS_select], CPT_SYS_SELECT);
	assert_int_equal(table[SYS_epoll_wait], CPT_SYS_EPOLL_WAIT);
	assert_int_equal(table[SYS_pause], CPT_SYS_PAUSE);
	assert_int_equal(table[SYS_fork], CPT_SYS_FORK);
	assert_int_equal(table[SYS_vfork], CPT_SYS_VFORK);
	assert_int_equal(table[SYS_open], CPT_SYS_OPEN);
#endif
}

static void names_and_groups_are_found_for_every_call(void **state)
{
	assert_string_equal(sys_name(CPT_SYS_EPOLL_PWAIT2), "epoll_pwait2");
	assert_string_equal(sys_name(CPT_SYS_UNKNOWN), "?");
	assert_string_equal(sys_name(CPT_SYS_CNT), "?");
	assert_int_equal(sys_group(CPT_SYS_UNKNOWN), CPT_SYS_GROUP_OTHER);
	assert_int_equal(sys_group(CPT_SYS_CNT), CPT_SYS_GROUP_OTHER);
	assert_int_equal(sys_group(CPT_SYS_READV), CPT_SYS_GROUP_READ);
	for (int i = 1; i < CPT_SYS_CNT; i++) {
		assert_true(strlen(sys_name((enum cpt_sys)i)) > 1);
		assert_true(sys_group((enum cpt_sys)i) < CPT_SYS_GROUP_CNT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_those_of_the_traces_machine),
		cmocka_unit_test(unknown_machine_has_no_numbers),
		cmocka_unit_test(each_call_keeps_its_number),
		cmocka_unit_test(numbers_agree_with_this_machines_headers),
		cmocka_unit_test(names_and_groups_are_found_for_every_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
