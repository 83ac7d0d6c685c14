// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_rights.c - who is behind sudo, acting on files as that user, and what is left when rights are given up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/rights.h"

#define NOBODY 65534

static void behind(const char *uid, const char *gid)
{
	if (uid)
		setenv("SUDO_UID", uid, 1);
	else
		unsetenv("SUDO_UID");
	if (gid)
		setenv("SUDO_GID", gid, 1);
	else
		unsetenv("SUDO_GID");
}

static int teardown(void **state)
{
	behind(NULL, NULL);
	return 0;
}

/* In a process of its own, for what cannot be undone. Its status. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(fn());
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void only_whole_numbers_of_another_user_count(void **state)
{
	static const struct {
		const char *uid, *gid;
		bool there;
	} cases[] = {
		{"65534", "65534", true},      {"1000", "0", true},
		{NULL, NULL, false},	       {"1000", NULL, false},
		{NULL, "1000", false},	       {"0", "0", false},
		{"-1", "1000", false},	       {"", "1000", false},
		{"4294967295", "1000", false}, {"1000x", "1000", false},
		{"1000", "x", false},	       {"18446744073709551616", "1", false},
	};
	uid_t uid = 7;
	gid_t gid = 7;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		behind(cases[i].uid, cases[i].gid);
		assert_int_equal(rights__behind(&uid, &gid), cases[i].there && geteuid() == 0);
		if (cases[i].there && geteuid() == 0)
			assert_int_equal(uid, strtoul(cases[i].uid, NULL, 10));
	}
}

static int as_user(struct rights_before *before)
{
	struct rights_user u;
	int err = rights__user(&u);

	if (!err)
		err = rights__as_user(&u, before);
	rights__user_free(&u);
	return err;
}

static int keep(uint64_t kept)
{
	struct rights_user u;
	int err = rights__user(&u);

	if (!err)
		err = rights__keep(kept, &u);
	rights__user_free(&u);
	return err;
}

static void without_sudo_nothing_changes(void **state)
{
	struct rights_before before;

	behind(NULL, NULL);
	assert_int_equal(as_user(&before), 0);
	assert_false(before.changed);
	rights__as_before(&before);
}

static int open_as_user(void)
{
	char path[] = "/tmp/cpartrace-rights-XXXXXX";
	struct rights_before before;
	int fd = mkstemp(path), bad = 0; /* mode 0600, root's */
	struct stat st;

	if (fd < 0 || as_user(&before))
		return 100;
	bad |= open(path, O_RDONLY) >= 0 || errno != EACCES;
	bad |= (unlink(path) == 0) << 1; /* in /tmp it is not theirs to remove */
	rights__as_before(&before);
	bad |= (open(path, O_RDONLY) < 0) << 2;
	bad |= (fstat(fd, &st) || st.st_uid != 0) << 3;
	bad |= (unlink(path) != 0) << 4;
	return bad;
}

static void files_are_looked_up_as_that_user(void **state)
{
	if (geteuid()) /* there is nobody behind who is not root */
		skip();
	behind("65534", "65534");
	assert_int_equal(in_child(open_as_user), 0);
}

static int keep_one(void)
{
	const uint64_t kept = RIGHT(CAP_SYS_PTRACE) & rights__effective();
	uid_t real, effective, saved;

	if (keep(RIGHT(CAP_SYS_PTRACE)) || rights__effective() != kept)
		return 1;
	if (getresuid(&real, &effective, &saved))
		return 2;
	if (getenv("SUDO_UID") && (real != NOBODY || effective != NOBODY || saved != NOBODY))
		return 3;
	/* And there is no way back. */
	if (getenv("SUDO_UID") && !setuid(0))
		return 4;
	return keep(0) || rights__effective() ? 5 : 0;
}

static void what_is_given_up_is_gone(void **state)
{
	behind(NULL, NULL);
	assert_int_equal(in_child(keep_one), 0);
}

static void under_sudo_what_is_given_up_is_gone(void **state)
{
	if (geteuid())
		skip();
	behind("65534", "65534");
	assert_int_equal(in_child(keep_one), 0);
}

/* What the kernel says to who has no capability at all. */
static int look_up_with_none(void)
{
	union bpf_attr attr = {.map_fd = (uint32_t)-1};

	behind(NULL, NULL);
	if (keep(0) || rights__effective())
		return 2;
	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) == -1 && errno != EPERM;
}

static void asking_for_bpf_is_answered_and_changes_nothing(void **state)
{
	const uint64_t had = rights__effective();
	const bool needs_none = rights__bpf_needs_none();

	assert_true(rights__effective() == had);
	assert_int_equal(needs_none, in_child(look_up_with_none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(only_whole_numbers_of_another_user_count, teardown),
		cmocka_unit_test_teardown(without_sudo_nothing_changes, teardown),
		cmocka_unit_test_teardown(files_are_looked_up_as_that_user, teardown),
		cmocka_unit_test_teardown(what_is_given_up_is_gone, teardown),
		cmocka_unit_test_teardown(under_sudo_what_is_given_up_is_gone, teardown),
		cmocka_unit_test_teardown(asking_for_bpf_is_answered_and_changes_nothing, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
