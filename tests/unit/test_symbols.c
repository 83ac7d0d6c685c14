// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * From link-time addresses to names, in programs compiled for it: what nm says of the unstripped file
 * is what must be found, however the symbols are stored; and no file may harm the one who asks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../collector/late_names.h"
#include "../../collector/symbols.h"

/* An address inside inlined code is known by the label there. */
static const char program[] = "int queue_lock = 5;\n"
			      "static long cache[16] = {1};\n"
			      "int zeroed[100000];\n"
			      "volatile int sink;\n"
			      "static inline __attribute__((always_inline)) void inner(int x)\n"
			      "{\n"
			      "#line 100 \"prog.c\"\n"
			      "	sink = x; __asm__ volatile(\"inner_mark: nop\");\n"
			      "}\n"
			      "__attribute__((noinline)) void outer(int x)\n"
			      "{\n"
			      "#line 200 \"prog.c\"\n"
			      "	inner(x);\n"
			      "	sink = 7;\n"
			      "}\n"
			      "int main(int argc, char **argv)\n"
			      "{\n"
			      "	outer(argc + (int)cache[argc] + queue_lock);\n"
			      "	return zeroed[argc];\n"
			      "}\n";

static char dir[64];
static struct symbols *symbols;
static struct modules *modules;

static int setup(void **state)
{
	FILE *f;

	strcpy(dir, "/tmp/cpartrace-test-XXXXXX");
	if (!mkdtemp(dir) || chdir(dir))
		return -1;
	f = fopen("prog.c", "w");
	if (!f || fputs(program, f) < 0 || fclose(f))
		return -1;
	symbols = symbols__new();
	modules = modules__new();
	return symbols && modules ? 0 : -1;
}

static int teardown(void **state)
{
	DIR *d = opendir(dir);

	for (struct dirent *e = d ? readdir(d) : NULL; e; e = readdir(d))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			unlink(e->d_name);
	if (d)
		closedir(d);
	symbols__free(symbols);
	modules__free(modules);
	return chdir("/") || rmdir(dir) ? -1 : 0;
}

static void sh(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void sh(const char *fmt, ...)
{
	char command[512];
	va_list args;

	va_start(args, fmt);
	vsnprintf(command, sizeof(command), fmt, args);
	va_end(args);
	if (system(command))
		fail_msg("failed: %s", command);
}

static struct module *module_of(const char *name)
{
	struct stat st;
	char path[128];
	uint32_t module;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(stat(path, &st), 0);
	module = modules__of_exe(modules, 0, path,
				 (uint32_t)((st.st_dev >> 8 & 0xfff) << 20 | (st.st_dev & 0xff)),
				 st.st_ino);
	assert_true(module);
	return modules__at(modules, module - 1);
}

/* By nm, of a file that has its symbols. */
static uint64_t address_of(const char *file, const char *symbol)
{
	unsigned long addr = 0;
	char command[256], line[64] = "";
	FILE *f;

	snprintf(command, sizeof(command), "nm %s | awk '$3 == \"%s\" {print $1}'", file, symbol);
	f = popen(command, "r");
	assert_non_null(f);
	if (fgets(line, sizeof(line), f))
		addr = strtoul(line, NULL, 16);
	pclose(f);
	if (!addr)
		fail_msg("%s has no %s", file, symbol);
	return addr;
}

static void expect_object(const char *name, uint64_t addr, const char *expected)
{
	char found[CPT_SYMBOL_MAX + 32] = "";

	(void)symbols__object(symbols, module_of(name), addr, found, sizeof(found));
	assert_string_equal(found, expected);
}

static void expect_all(const char *name, const char *full)
{
	uint64_t cache = address_of(full, "cache"), zeroed = address_of(full, "zeroed");

	expect_object(name, address_of(full, "queue_lock"), "queue_lock");
	expect_object(name, cache, "cache");
	expect_object(name, cache + 0x40, "cache+0x40");
	expect_object(name, zeroed + 399996, "zeroed+0x61a7c");
	expect_object(name, zeroed + 400000 + (1 << 20), ""); /* beyond its end */
	expect_object(name, address_of(full, "outer"), "");   /* no data */
}

static void expect_frames(const char *name, const char *full)
{
	struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX];
	uint64_t addr = address_of(full, "inner_mark");

	assert_int_equal(symbols__frames(symbols, module_of(name), addr, frames), 2);
	assert_string_equal(frames[0].function, "inner");
	assert_int_equal(frames[0].inlined, 1);
	assert_int_equal(frames[0].line, 100);
	assert_string_equal(frames[1].function, "outer");
	assert_int_equal(frames[1].inlined, 0);
	assert_int_equal(frames[1].line, 200);
	assert_non_null(strstr(frames[0].file, "prog.c"));
	assert_non_null(strstr(frames[1].file, "prog.c"));
}

static void every_kind_of_program_has_its_names(void **state)
{
	static const struct {
		const char *name, *flags;
	} kinds[] = {
		{"pie", "-fPIE -pie"},
		{"no-pie", "-fno-pie -no-pie"},
		{"static-pie", "-fPIE -static-pie"},
		{"static", "-fno-pie -static"},
		{"clumped", "-fPIE -pie -Wl,-z,noseparate-code"},
		{"early-debug", "-fPIE -pie -gdwarf-4"},
	};

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		sh("%s -g -O2 %s -o %s prog.c", CC, kinds[i].flags, kinds[i].name);
		expect_all(kinds[i].name, kinds[i].name);
		expect_frames(kinds[i].name, kinds[i].name);
		assert_true(module_of(kinds[i].name)->elf.load_cnt >= 2);
	}
}

static void a_stripped_program_has_its_names_in_a_file_of_their_own(void **state)
{
	sh("%s -g -O2 -o full prog.c", CC);
	sh("objcopy --only-keep-debug full linked.debug && cp full linked && strip -s linked && "
	   "objcopy --add-gnu-debuglink=linked.debug linked");
	expect_all("linked", "full");
	expect_frames("linked", "full");
}

static void a_debug_file_of_another_build_is_not_believed(void **state)
{
	sh("%s -g -O2 -o full prog.c", CC);
	sh("objcopy --only-keep-debug full other.debug && cp full other && strip -s other && "
	   "objcopy --add-gnu-debuglink=other.debug other");
	sh("sed 's/queue_lock/other_lock/' prog.c >other.c && %s -g -O2 -o full2 other.c && "
	   "objcopy --only-keep-debug full2 other.debug",
	   CC);
	expect_object("other", address_of("full", "queue_lock"), "");
}

static void a_stripped_program_has_what_it_exports(void **state)
{
	sh("%s -g -O2 -rdynamic -o full prog.c && cp full stripped && strip -s stripped", CC);
	expect_object("stripped", address_of("full", "queue_lock"), "queue_lock");
	expect_object("stripped", address_of("full", "zeroed") + 4, "zeroed+0x4");
	/* What has no symbol is not called by its neighbour's, nor by that of a section's end. */
	expect_object("stripped", address_of("full", "cache"), "");
}

static void a_library_has_its_names(void **state)
{
	sh("%s -g -O2 -fPIC -shared -o libx.so prog.c", CC);
	expect_all("libx.so", "libx.so");
	expect_frames("libx.so", "libx.so");
}

static void the_build_id_is_the_linkers(void **state)
{
	sh("%s -Wl,--build-id=0x00112233445566778899aabbccddeeff -o with-id prog.c", CC);
	assert_string_equal(module_of("with-id")->elf.build_id, "00112233445566778899aabbccddeeff");
	sh("%s -Wl,--build-id=none -o without-id prog.c", CC);
	assert_string_equal(module_of("without-id")->elf.build_id, "");
}

static void a_long_name_is_cut(void **state)
{
	char found[CPT_SYMBOL_MAX + 32] = "";

	sh("awk 'BEGIN {printf \"int \"; for (i = 0; i < 500; i++) printf \"long_\"; "
	   "print \" = 1; int main() {}\"}' >long.c && %s -o long long.c",
	   CC);
	sh("nm long | awk '$3 ~ /^long_/ {print $1}' >long.addr");
	{
		FILE *f = fopen("long.addr", "r");
		unsigned long addr = 0;

		assert_non_null(f);
		assert_int_equal(fscanf(f, "%lx", &addr), 1);
		fclose(f);
		assert_true(
			symbols__object(symbols, module_of("long"), addr, found, sizeof(found)));
	}
	assert_int_equal(strlen(found), CPT_SYMBOL_MAX - 1);
}

static void add_word(struct cpt_words *ws, const char *build_id, uint64_t offset)
{
	struct cpt_word w = {
		.proc = 1,
		.addr = 0x1000 + offset,
		.symbol = "",
		.module = "late",
		.build_id = build_id,
		.offset = offset,
	};

	assert_int_equal(words__add(ws, &w), 0);
}

static void names_are_completed_later_from_the_same_build_alone(void **state)
{
	struct cpt_words *ws = words__new("x86_64");
	uint64_t lock, cache;

	assert_non_null(ws);
	sh("%s -g -O2 -Wl,--build-id=0xaabb -o late prog.c", CC);
	lock = address_of("late", "queue_lock");
	cache = address_of("late", "cache");
	add_word(ws, "aabb", lock);
	add_word(ws, "aabc", cache); /* of another build */
	add_word(ws, "", cache + 8);
	add_word(ws, "../../aabb", cache + 16);
	add_word(ws, "aabb", 1);
	assert_int_equal(late_names__complete(ws, "./none"), 0);
	assert_int_equal(late_names__complete(ws, "late"), 1);
	assert_string_equal(words__at(ws, 0)->symbol, "queue_lock");
	assert_string_equal(words__at(ws, 0)->module, "late");
	assert_string_equal(words__at(ws, 0)->build_id, "aabb");
	for (uint32_t i = 1; i < 5; i++)
		assert_string_equal(words__at(ws, i)->symbol, "");
	words__free(ws);
}

/* ---- files that mean harm --------------------------------------------------------------------------- */

static char *slurp(const char *name, size_t *sz)
{
	int fd = open(name, O_RDONLY);
	struct stat st;
	char *buf;

	assert_true(fd >= 0 && !fstat(fd, &st));
	buf = malloc((size_t)st.st_size);
	assert_non_null(buf);
	assert_int_equal(read(fd, buf, (size_t)st.st_size), st.st_size);
	close(fd);
	*sz = (size_t)st.st_size;
	return buf;
}

static int put(const char *name, const char *buf, size_t sz)
{
	int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, buf, sz), sz);
	return fd;
}

static void headers_that_make_no_sense_are_refused_or_harmless(void **state)
{
	struct elf_file elf;
	char *buf, was;
	size_t sz;
	int fd;

	sh("%s -g -O2 -o victim prog.c", CC);
	buf = slurp("victim", &sz);
	for (size_t len = 0; len < 1024; len++) {
		fd = put("cut", buf, len);
		(void)elf_file__read(fd, &elf);
		close(fd);
	}
	/* File header and program headers, each byte to all that is odd about numbers. */
	for (size_t i = 0; i < 64 + 13 * 56; i++) {
		static const char odd[] = {0, 1, 0x7f, (char)0x80, (char)0xff};

		was = buf[i];
		for (size_t k = 0; k < sizeof(odd); k++) {
			buf[i] = odd[k];
			fd = put("odd", buf, 4096);
			if (!elf_file__read(fd, &elf))
				for (uint32_t n = 0; n < elf.load_cnt; n++)
					assert_true(elf.loads[n].vaddr + elf.loads[n].memsz >=
						    elf.loads[n].vaddr);
			close(fd);
		}
		buf[i] = was;
	}
	free(buf);
}

static void a_damaged_file_costs_its_own_names_alone(void **state)
{
	char name[32], found[CPT_SYMBOL_MAX + 32];
	struct symbol_frame frames[CPT_SYMBOL_FRAMES_MAX];
	uint64_t seed = 12345, data, code;
	char *buf, *copy;
	size_t sz;

	sh("%s -g -O2 -o victim prog.c", CC);
	data = address_of("victim", "queue_lock");
	code = address_of("victim", "inner_mark");
	buf = slurp("victim", &sz);
	copy = malloc(sz);
	assert_non_null(copy);
	for (int i = 0; i < 60; i++) {
		memcpy(copy, buf, sz);
		for (int k = 0; k < 40; k++) {
			seed = seed * 6364136223846793005ull + 1442695040888963407ull;
			copy[(seed >> 20) % sz] = (char)(seed >> 56);
		}
		snprintf(name, sizeof(name), "damaged-%d", i);
		/* The half of them are cut off too. */
		close(put(name, copy, i & 1 ? sz : (seed >> 30) % sz));
		(void)symbols__object(symbols, module_of(name), data, found, sizeof(found));
		(void)symbols__frames(symbols, module_of(name), code, frames);
	}
	free(copy);
	free(buf);
	expect_object("victim", data, "queue_lock");
}

/* The only child that we have. */
static pid_t helper_pid(void)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	if (!f)
		return 0;
	if (fscanf(f, "%d", &pid) != 1)
		pid = 0;
	fclose(f);
	return pid;
}

static void a_helper_that_dies_is_replaced(void **state)
{
	pid_t pid;

	sh("%s -g -O2 -o mortal prog.c && cp mortal next", CC);
	expect_object("mortal", address_of("mortal", "queue_lock"), "queue_lock");
	pid = helper_pid();
	assert_true(pid > 0);
	assert_int_equal(kill(pid, SIGKILL), 0);
	expect_object("mortal", address_of("mortal", "cache"),
		      ""); /* the file is to blame, for all we know */
	expect_object("next", address_of("mortal", "cache"), "cache");
}

/* A child asks, its helper stands still as one busy with a monstrous file would, the child is killed. */
static pid_t orphaned_helper(uint64_t addr)
{
	int pipe_fds[2], status;
	char name[64];
	pid_t asker, helper = 0;

	assert_int_equal(pipe(pipe_fds), 0);
	asker = fork();
	if (!asker) {
		struct symbols *own = symbols__new();

		(void)symbols__object(own, module_of("deserted"), addr, name, sizeof(name));
		helper = helper_pid();
		if (helper > 0)
			kill(helper, SIGSTOP);
		(void)!write(pipe_fds[1], &helper, sizeof(helper));
		raise(SIGKILL);
	}
	assert_true(asker > 0);
	close(pipe_fds[1]);
	assert_int_equal(waitpid(asker, &status, 0), asker);
	assert_int_equal(read(pipe_fds[0], &helper, sizeof(helper)), sizeof(helper));
	close(pipe_fds[0]);
	assert_true(helper > 0);
	return helper;
}

static void helper_ends_with_its_asker(bool behind_sudo)
{
	uint64_t addr = address_of("deserted", "queue_lock");
	const struct timespec step = {.tv_nsec = 10000000};
	pid_t helper;

	if (behind_sudo) {
		setenv("SUDO_UID", "65534", 1);
		setenv("SUDO_GID", "65534", 1);
	}
	helper = orphaned_helper(addr);
	unsetenv("SUDO_UID");
	unsetenv("SUDO_GID");
	for (int i = 0; i < 500 && !waitpid(helper, NULL, WNOHANG); i++)
		nanosleep(&step, NULL);
	if (!kill(helper, 0)) {
		kill(helper, SIGKILL);
		fail_msg("the helper has outlived who asked it");
	}
}

static void the_helper_does_not_outlive_its_asker(void **state)
{
	sh("%s -g -O2 -o deserted prog.c", CC);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), 0);
	helper_ends_with_its_asker(false);
	helper_ends_with_its_asker(true);
	assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0), 0);
}

static void no_more_files_are_held_than_there_is_room_for(void **state)
{
	char name[32];
	uint64_t addr;

	sh("%s -g -O2 -o many prog.c && for i in $(seq 150); do cp many many-$i; done", CC);
	addr = address_of("many", "queue_lock");
	for (int round = 0; round < 2; round++) {
		for (int i = 1; i <= 150; i++) {
			snprintf(name, sizeof(name), "many-%d", i);
			expect_object(name, addr, "queue_lock");
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_kind_of_program_has_its_names),
		cmocka_unit_test(a_stripped_program_has_its_names_in_a_file_of_their_own),
		cmocka_unit_test(a_debug_file_of_another_build_is_not_believed),
		cmocka_unit_test(a_stripped_program_has_what_it_exports),
		cmocka_unit_test(a_library_has_its_names),
		cmocka_unit_test(the_build_id_is_the_linkers),
		cmocka_unit_test(a_long_name_is_cut),
		cmocka_unit_test(names_are_completed_later_from_the_same_build_alone),
		cmocka_unit_test(headers_that_make_no_sense_are_refused_or_harmless),
		cmocka_unit_test(a_damaged_file_costs_its_own_names_alone),
		cmocka_unit_test(a_helper_that_dies_is_replaced),
		cmocka_unit_test(the_helper_does_not_outlive_its_asker),
		cmocka_unit_test(no_more_files_are_held_than_there_is_room_for),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
