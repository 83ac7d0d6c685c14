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
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/find_program.h"

#define NAME "cpt-test-program"

static char dir[] = "/tmp/cpt_find_XXXXXX";

static void make(const char *path, mode_t mode)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	assert_true(fputs("#!/bin/sh\necho \"$0\"\n", file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* What execvp runs says by which path; "": nothing is. */
static void run(const char *program, char *said, size_t sz)
{
	int ends[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (!pid) {
		char *argv[] = {(char *)program, NULL};

		dup2(ends[1], STDOUT_FILENO);
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

static void check(const char *path_variable, const char *program, const char *expected)
{
	char found[4096], said[4096];

	if (path_variable)
		setenv("PATH", path_variable, 1);
	else
		unsetenv("PATH");
	if (find_program__path(program, found, sizeof(found)))
		found[0] = 0;
	assert_string_equal(found, expected);
	run(program, said, sizeof(said));
	/* The kernel hands a script's path on as it was found; without a directory the C library may write "./". */
	if (!strncmp(said, "./", 2) && strncmp(expected, "./", 2) != 0)
		memmove(said, said + 2, strlen(said) - 1);
	assert_string_equal(said, expected);
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
	assert_int_equal(find_program__path("sh", found, sizeof(found)), 0);
	assert_string_equal(found, "/bin/sh");
	(void)state;
}

static void a_path_that_does_not_fit_is_none(void **state)
{
	char found[8], longer[64], *variable;

	setenv("PATH", "c:c/c/c/c/c/c", 1);
	assert_int_not_equal(find_program__path(NAME, found, sizeof(found)), 0);
	/* Longer than any path; the C library's execvp (2.36) takes it for the directory that it is in. */
	variable = malloc(8192);
	assert_non_null(variable);
	memset(variable, 'x', 8188);
	memcpy(variable + 8188, ":c", 3);
	setenv("PATH", variable, 1);
	free(variable);
	assert_int_not_equal(find_program__path(NAME, found, sizeof(found)), 0);
	assert_int_equal(find_program__path(NAME, longer, sizeof(longer)), 0);
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
		cmocka_unit_test(a_path_that_does_not_fit_is_none),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
