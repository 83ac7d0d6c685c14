// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* test_output_file.c - files written into directories of others: what is replaced, kept, refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "collector/output_file.h"

/* 0, or OUTPUT_NAMED: all is the same where there are no files without names. */
static unsigned int named;

#define TRACE (OUTPUT_KEEP_OLD | OUTPUT_SEEKABLE | named)

static char dir[64];

static int setup(void **state)
{
	strcpy(dir, "/tmp/cpartrace-test-XXXXXX");
	return mkdtemp(dir) && chdir(dir) == 0 ? 0 : -1;
}

static int count_files(void)
{
	DIR *d = opendir(dir);
	int cnt = 0;

	assert_non_null(d);
	for (struct dirent *e = readdir(d); e; e = readdir(d))
		cnt += strcmp(e->d_name, ".") && strcmp(e->d_name, "..");
	closedir(d);
	return cnt;
}

static int teardown(void **state)
{
	DIR *d = opendir(dir);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlink(e->d_name);
	if (d)
		closedir(d);
	return chdir("/") || rmdir(dir) ? -1 : 0;
}

static void put(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static void assert_holds(const char *path, const char *text)
{
	char found[64] = "";
	FILE *f = fopen(path, "r");

	assert_non_null(f);
	assert_true(fgets(found, sizeof(found), f) || !*text);
	fclose(f);
	assert_string_equal(found, text);
}

/* The messages would disturb the output of the test. */
static int silence(void)
{
	int saved = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY);

	assert_true(saved >= 0 && null >= 0);
	dup2(null, STDERR_FILENO);
	close(null);
	return saved;
}

static void speak(int saved)
{
	dup2(saved, STDERR_FILENO);
	close(saved);
}

static int create_quietly(struct output_file *f, const char *path, unsigned int flags)
{
	int saved = silence(), err = output_file__create(f, path, flags);

	speak(saved);
	return err;
}

static int publish_quietly(struct output_file *f, unsigned int flags)
{
	int saved = silence(), err = output_file__publish(f, flags);

	speak(saved);
	return err;
}

static void nothing_stands_there_before_publish(void **state)
{
	struct output_file f;

	put("t", "old");
	assert_int_equal(output_file__create(&f, "t", TRACE), 0);
	assert_int_equal(output_file__write(&f, "new", 3), 0);
	assert_holds("t", "old");
	assert_int_equal(output_file__publish(&f, TRACE), 0);
	assert_holds("t", "new");
	assert_holds("t.old", "old");
	output_file__discard(&f);
	output_file__discard(&f);
	assert_holds("t", "new");
	assert_int_equal(count_files(), 2);
}

static void later_files_are_made_in_the_directory_that_was_opened(void **state)
{
	struct output_file first, later;

	assert_int_equal(mkdir("d", 0700), 0);
	assert_int_equal(mkdir("other", 0700), 0);
	assert_int_equal(output_file__create(&first, "d/t", TRACE), 0);
	assert_int_equal(rename("d", "moved"), 0);
	assert_int_equal(symlink("other", "d"), 0);
	assert_int_equal(output_file__create_in(&later, first.dir_fd, "d/t.1", TRACE), 0);
	assert_int_equal(output_file__finish(&later, "new", 3), 0);
	assert_holds("moved/t.1", "new");
	assert_int_equal(access("other/t.1", F_OK), -1);
	put("other/t.1", "theirs");
	assert_int_equal(output_file__create_in(&later, first.dir_fd, "d/t.2", TRACE), 0);
	assert_int_equal(output_file__write(&later, "more", 4), 0);
	assert_int_equal(output_file__publish(&later, TRACE), 0);
	output_file__unlink(&first, "d/t.2", later.dev, later.ino);
	assert_int_equal(access("moved/t.2", F_OK), -1);
	output_file__discard(&later);
	output_file__discard(&first);
	assert_int_equal(
		unlink("moved/t.1") || unlink("other/t.1") || rmdir("moved") || rmdir("other"), 0);
}

/* Whoever is killed cannot clean up. */
static void nothing_has_a_name_before_publish(void **state)
{
	struct output_file f;

	assert_int_equal(output_file__create(&f, "t", TRACE), 0);
	assert_int_equal(output_file__write(&f, "new", 3), 0);
	assert_int_equal(count_files(), named ? 1 : 0);
	close(f.fd);
	f.fd = -1;
	assert_int_equal(count_files(), named ? 1 : 0);
	output_file__discard(&f);
	assert_int_equal(count_files(), 0);
}

static void names_that_cannot_be_are_refused_at_once(void **state)
{
	struct output_file f;
	char name[251];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = 0;
	assert_int_equal(create_quietly(&f, name, TRACE), -ENAMETOOLONG);
	assert_int_equal(count_files(), 0);
}

/* One of ours that was killed had the same number. */
static void a_temporary_name_that_is_taken_is_not_ours(void **state)
{
	struct output_file f;
	char taken[64];

	snprintf(taken, sizeof(taken), ".t.%d-0.tmp", (int)getpid());
	put(taken, "another's");
	assert_int_equal(output_file__create(&f, "t", TRACE), 0);
	put(".t.later", "");
	assert_int_equal(rename(".t.later", f.temp), 0); /* comes meanwhile */
	assert_int_equal(output_file__write(&f, "new", 3), 0);
	if (!named) {
		assert_int_equal(output_file__publish(&f, TRACE), 0);
		assert_holds("t", "new");
	}
	output_file__discard(&f);
	assert_holds(taken, "another's");
	assert_int_equal(count_files(), named ? 2 : 3);
}

static void discarded_files_leave_no_trace(void **state)
{
	struct output_file f;

	put("t", "old");
	assert_int_equal(output_file__create(&f, "t", TRACE), 0);
	output_file__discard(&f);
	assert_holds("t", "old");
	assert_int_equal(count_files(), 1);
}

static void nobody_else_may_read_what_is_written(void **state)
{
	struct output_file f;
	struct stat st;

	assert_int_equal(output_file__create(&f, "t", 0), 0);
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(output_file__finish(&f, "x", 1), 0);
	assert_holds("t", "x");
}

static void links_are_never_written_through(void **state)
{
	struct output_file f;
	char target[16] = "";

	put("precious", "keep");
	assert_int_equal(symlink("precious", "t"), 0);
	assert_int_equal(output_file__create(&f, "t", TRACE), 0);
	assert_int_equal(output_file__write(&f, "new", 3), 0);
	assert_int_equal(output_file__publish(&f, TRACE), 0);
	output_file__discard(&f);
	assert_holds("precious", "keep");
	assert_holds("t", "new");
	assert_true(readlink("t.old", target, sizeof(target) - 1) > 0);
	assert_string_equal(target, "precious");
}

static void what_is_no_file_stays(void **state)
{
	struct output_file f;

	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(symlink("/dev/null", "link"), 0);
	assert_int_equal(create_quietly(&f, "fifo", TRACE), -ESPIPE);
	assert_int_equal(create_quietly(&f, "link", TRACE), -ESPIPE);
	assert_int_equal(create_quietly(&f, "link", 0), -ELOOP);
	assert_int_equal(create_quietly(&f, dir, 0), -EISDIR);
	assert_int_equal(create_quietly(&f, "/dev/stdout", TRACE), -ESPIPE);
	assert_int_equal(create_quietly(&f, "no/where", 0), -ENOENT);
	assert_int_equal(count_files(), 2);
	assert_int_equal(output_file__create(&f, "/dev/null", 0), 0);
	assert_int_equal(output_file__finish(&f, "x", 1), 0);
}

static void failed_writes_are_told(void **state)
{
	struct output_file f;

	assert_int_equal(output_file__create(&f, "/dev/full", 0), 0);
	assert_int_equal(output_file__write(&f, "x", 1), -ENOSPC);
	output_file__discard(&f);
}

static void a_name_is_looked_up_in_the_directory_that_was_opened(void **state)
{
	struct output_file f;

	assert_int_equal(mkdir("d", 0700), 0);
	put("d/t", "old");
	assert_int_equal(output_file__create(&f, "d/t", TRACE), 0);
	assert_int_equal(output_file__write(&f, "new", 3), 0);
	/* Its owner puts another one in its place, as an attacker would one that is none of his. */
	assert_int_equal(rename("d", "e"), 0);
	assert_int_equal(mkdir("d", 0700), 0);
	put("d/t", "precious");
	assert_int_equal(output_file__publish(&f, TRACE), 0);
	output_file__discard(&f);
	assert_holds("d/t", "precious");
	assert_holds("e/t", "new");
	assert_holds("e/t.old", "old");
	assert_int_equal(unlink("d/t") | unlink("e/t") | unlink("e/t.old"), 0);
	assert_int_equal(rmdir("d") | rmdir("e"), 0);
}

/* What stands at the temporary name need not be what was made there. */
static void only_what_was_written_is_put_in_place(void **state)
{
	struct output_file f;
	char temp[64];

	put("t", "old");
	assert_int_equal(output_file__create(&f, "t", TRACE | OUTPUT_NAMED), 0);
	snprintf(temp, sizeof(temp), "%s", f.temp);
	assert_int_equal(unlink(temp), 0);
	put(temp, "another");
	assert_int_equal(publish_quietly(&f, TRACE), -EBUSY);
	output_file__discard(&f);
	assert_holds("t", "old");
	assert_holds(temp, "another");
	assert_int_equal(count_files(), 2);
}

static void hard_links_are_not_written_through(void **state)
{
	struct output_file f;

	put("precious", "keep");
	assert_int_equal(link("precious", "t"), 0);
	assert_int_equal(link("precious", "t.old"), 0);
	assert_int_equal(output_file__create(&f, "t", TRACE), 0);
	assert_int_equal(output_file__write(&f, "new", 3), 0);
	assert_int_equal(output_file__publish(&f, TRACE), 0);
	output_file__discard(&f);
	assert_holds("precious", "keep");
	assert_holds("t", "new");
	assert_holds("t.old", "keep");
}

static void a_fifo_of_a_stranger_is_no_place(void **state)
{
	struct output_file f;

	if (geteuid()) /* who may not give it away has made it */
		skip();
	assert_int_equal(mkdir("all", 0777) | chmod("all", 01777), 0);
	assert_int_equal(mkfifo("all/fifo", 0666), 0);
	assert_int_equal(chown("all/fifo", 65534, 65534), 0);
	assert_int_equal(create_quietly(&f, "all/fifo", 0), -EACCES);
	assert_int_equal(unlink("all/fifo") | rmdir("all"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(nothing_stands_there_before_publish, setup,
						teardown),
		cmocka_unit_test_setup_teardown(
			later_files_are_made_in_the_directory_that_was_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(nothing_has_a_name_before_publish, setup, teardown),
		cmocka_unit_test_setup_teardown(names_that_cannot_be_are_refused_at_once, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_temporary_name_that_is_taken_is_not_ours, setup,
						teardown),
		cmocka_unit_test_setup_teardown(discarded_files_leave_no_trace, setup, teardown),
		cmocka_unit_test_setup_teardown(nobody_else_may_read_what_is_written, setup,
						teardown),
		cmocka_unit_test_setup_teardown(links_are_never_written_through, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_no_file_stays, setup, teardown),
		cmocka_unit_test_setup_teardown(failed_writes_are_told, setup, teardown),
		cmocka_unit_test_setup_teardown(
			a_name_is_looked_up_in_the_directory_that_was_opened, setup, teardown),
		cmocka_unit_test_setup_teardown(only_what_was_written_is_put_in_place, setup,
						teardown),
		cmocka_unit_test_setup_teardown(hard_links_are_not_written_through, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_fifo_of_a_stranger_is_no_place, setup, teardown),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	named = OUTPUT_NAMED;
	return failed + cmocka_run_group_tests(tests, NULL, NULL);
}
