// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_find_program.c - which file a command's name stands for. The judge is execvp. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/find_program.h"

#define NAME   "cpt-test-program"
#define NOBODY 65534

static char dir[] = "/tmp/cpt_find_XXXXXX";

static void make(const char *path, mode_t mode)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs("#!/bin/sh\necho \"$0\"\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

static const struct rights_user ourselves;

/* What execvp runs for that user says by which path; "": nothing is. */
static void run(const char *program, const struct rights_user *as, char *said, size_t sz)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		char *argv[] = {(char *)program, NULL};

		dup2(ends[1], STDOUT_FILENO);
		if (as->group_cnt && (setgroups((size_t)as->group_cnt, as->groups) ||
				      setgid(as->gid) || setuid(as->uid)))
			_exit(127);
		execvp(program, argv);
		_exit(127);
	}
	close(ends[1]);
	n = read(ends[0], said, sz - 1);
	said[n > 0 ? n : 0] = 0;
	said[strcspn(said, "\n")] = 0;
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
}

static void check_as(const struct rights_user *as, const char *path_variable, const char *program,
		     const char *expected)
{
	char found[4096], said[4096];

	if (path_variable)
		setenv("PATH", path_variable, 1);
	else
		unsetenv("PATH");
	if (find_program__path(program, as, found, sizeof(found)))
		found[0] = 0;
	assert_string_equal(found, expected);
	run(program, as, said, sizeof(said));
	/* The kernel hands a script's path on as it was found; without a directory the C library may write "./". */
	if (!strncmp(said, "./", 2) && strncmp(expected, "./", 2) != 0)
		memmove(said, said + 2, strlen(said) - 1);
	assert_string_equal(said, expected);
}

static void check(const char *path_variable, const char *program, const char *expected)
{
	check_as(&ourselves, path_variable, program, expected);
}

static void it_is_the_one_that_execvp_runs(void **state)
{
	assert_int_equal(mkdir("a", 0755), 0);
	assert_int_equal(mkdir("a/" NAME, 0755), 0);
	assert_int_equal(mkdir("b", 0755), 0);
	make("b/" NAME, 0644);
	assert_int_equal(mkdir("c", 0755), 0);
	make("c/" NAME, 0755);
	make("d", 0755);
	check("a:b:none:d:c", NAME, "c/" NAME);
	check("a:b", NAME, "");
	check("c:a", NAME, "c/" NAME);
	check(":c", NAME, "c/" NAME);
	check("b", "c/" NAME, "c/" NAME);
	check("b", NAME, "");
	check("", NAME, "");
	make(NAME, 0755);
	check("b:", NAME, NAME);
	check("b::c", NAME, NAME);
	check("", NAME, NAME);
	check(NULL, NAME, "");
	check("c", "", "");
	(void)state;
}

static void without_path_it_is_where_the_system_has_it(void **state)
{
	char found[4096];

	unsetenv("PATH");
	assert_int_equal(find_program__path("sh", &ourselves, found, sizeof(found)), 0);
	assert_string_equal(found, "/bin/sh");
	(void)state;
}

static void make_as(const char *in, mode_t dir_mode, mode_t mode, gid_t group)
{
	char path[64];

	assert_int_equal(mkdir(in, 0755), 0);
	snprintf(path, sizeof(path), "%s/%s", in, NAME);
	make(path, mode);
	assert_int_equal(chown(path, 0, group), 0);
	assert_int_equal(chmod(in, dir_mode), 0);
}

/* Root may execute what is in any of these. */
static void for_another_user_it_is_what_that_user_may_execute(void **state)
{
	gid_t groups[] = {NOBODY, 4242};
	const struct rights_user nobody = {NOBODY, NOBODY, groups, 1},
				 member = {NOBODY, NOBODY, groups, 2};

	if (geteuid() != 0)
		skip();
	assert_int_equal(chmod(".", 0755), 0);
	make_as("closed", 0700, 0755, 0);
	make_as("roots", 0755, 0700, 0);
	make_as("groups", 0755, 0750, 4242);
	check_as(&ourselves, "closed:c", NAME, "closed/" NAME);
	check_as(&nobody, "closed:roots:groups:c", NAME, "c/" NAME);
	check_as(&member, "closed:roots:groups:c", NAME, "groups/" NAME);
	check_as(&nobody, "closed:roots", NAME, "");
	/* And from then on we are who we were. */
	check_as(&ourselves, "roots:c", NAME, "roots/" NAME);
	(void)state;
}

static void a_path_that_does_not_fit_is_none(void **state)
{
	char found[8], longer[64], *variable;

	setenv("PATH", "c:c/c/c/c/c/c", 1);
	assert_int_not_equal(find_program__path(NAME, &ourselves, found, sizeof(found)), 0);
	/* Longer than any path; the C library's execvp (2.36) takes it for the directory that it is in. */
	variable = malloc(8192);
	assert_non_null(variable);
	memset(variable, 'x', 8188);
	memcpy(variable + 8188, ":c", 3);
	setenv("PATH", variable, 1);
	free(variable);
	assert_int_not_equal(find_program__path(NAME, &ourselves, found, sizeof(found)), 0);
	assert_int_equal(find_program__path(NAME, &ourselves, longer, sizeof(longer)), 0);
	assert_string_equal(longer, "c/" NAME);
	(void)state;
}

static int make_dir(void **state)
{
	(void)state;
	return !mkdtemp(dir) || chdir(dir);
}

static int remove_dir(void **state)
{
	char command[64];

	(void)state;
	setenv("PATH", "/bin:/usr/bin", 1);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return chdir("/") || system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_is_the_one_that_execvp_runs),
		cmocka_unit_test(without_path_it_is_where_the_system_has_it),
		cmocka_unit_test(for_another_user_it_is_what_that_user_may_execute),
		cmocka_unit_test(a_path_that_does_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
