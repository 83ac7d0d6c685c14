// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where addresses of real processes lie: this one's, its forks', and copies of it that were executed.
 * What the kernel would report of them is written here by hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../collector/word_names.h"
#include "../../probes/cpt_abi.h"

static int in_data = 1;
static int in_bss[1 << 18];

static struct places *places;

static int setup(void **state)
{
	places = places__new();
	return places ? 0 : -1;
}

static int teardown(void **state)
{
	places__free(places);
	return 0;
}

static uint64_t address(const volatile void *p)
{
	return (uint64_t)(uintptr_t)p;
}

/* ---- records by hand --------------------------------------------------------------------------------- */

static void born(uint32_t id, uint32_t parent, pid_t tid, uint32_t flags, uint64_t ts)
{
	struct cpt_rec_task rec = {
		.head = {.type = CPT_REC_NEW, .sz = sizeof(rec), .ts_ns = ts, .id = id},
		.parent = parent,
		.tid = (uint32_t)tid,
		.flags = flags,
	};

	assert_int_equal(places__life(places, &rec, sizeof(rec)), 0);
}

static void executed(uint32_t id, pid_t tid, const char *path, uint64_t start_code, uint64_t ts)
{
	struct cpt_rec_exec rec = {
		.head = {.type = CPT_REC_EXEC, .sz = sizeof(rec), .ts_ns = ts, .id = id},
		.tid = (uint32_t)tid,
		.start_code = start_code,
	};
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	rec.exe_dev = major(st.st_dev) << 20 | minor(st.st_dev);
	rec.exe_ino = st.st_ino;
	assert_true(snprintf(rec.interp, sizeof(rec.interp), "%s", path) < CPT_PATH_LEN);
	assert_int_equal(places__life(places, &rec, sizeof(rec)), 0);
}

static void waited(uint32_t task, uint64_t ts, uint64_t addr)
{
	struct cpt_rec_switch rec = {
		.type = CPT_REC_SWITCH,
		.flags = CPT_SW_PREV_BLOCKED,
		.sysno = SYS_futex,
		.prev = task,
		.ts_ns = ts,
		.arg0 = addr,
	};

	places__records(places, &rec, 1);
}

static char self_path[4096];

static const char *self(void)
{
	ssize_t n = readlink("/proc/self/exe", self_path, sizeof(self_path) - 1);

	assert_true(n > 0);
	self_path[n] = '\0';
	return self_path;
}

/* This process, as task 1, which began with its exec at 100. */
static void be_traced(void)
{
	born(1, 0, getpid(), 0, 100);
	executed(1, getpid(), self(), maps__start_code(getpid()), 100);
}

/* What waits for as many processes: the time of a tick may be over after the first (by sanitizers, on a slow
 * machine), and each looks at one at least. */
static void tick_for(int processes)
{
	while (processes--)
		places__tick(places, false);
}

static uint64_t reads(void)
{
	struct places_stats stats;

	places__stats(places, &stats);
	return stats.reads;
}

/* ---- what the loader says ------------------------------------------------------------------------------ */

struct loaded {
	uint64_t addr, bias;
	char name[256];
	bool found;
};

static int on_object(struct dl_phdr_info *info, size_t sz, void *ctx)
{
	struct loaded *l = ctx;

	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *seg = &info->dlpi_phdr[i];

		if (seg->p_type != PT_LOAD ||
		    l->addr - (info->dlpi_addr + seg->p_vaddr) >= seg->p_memsz)
			continue;
		l->bias = info->dlpi_addr;
		snprintf(l->name, sizeof(l->name), "%s", info->dlpi_name);
		l->found = true;
	}
	return 0;
}

static void expect_in_object(uint32_t proc, uint32_t space, uint64_t addr, const char *module)
{
	struct loaded l = {.addr = addr};
	struct place place = {};

	dl_iterate_phdr(on_object, &l);
	assert_true(l.found);
	assert_true(places__find(places, proc, space, addr, &place));
	assert_string_equal(place.module, module);
	assert_non_null(place.file);
	assert_int_equal(place.offset, addr - l.bias);
	assert_false(place.shared);
}

static void expect_module(uint64_t addr, const char *module)
{
	struct place place = {};

	assert_true(places__find(places, 1, 1, addr, &place));
	assert_string_equal(place.module, module);
}

/* ---- a process that lives ------------------------------------------------------------------------------ */

static void data_and_bss_of_program_and_library_have_their_link_time_addresses(void **state)
{
	be_traced();
	waited(1, 200, address(&in_data));
	waited(1, 200, address(&in_bss[(1 << 18) - 1]));
	waited(1, 200, address(stderr));
	places__tick(places, false);
	expect_in_object(1, 1, address(&in_data), "test_places");
	expect_in_object(1, 1, address(&in_bss[(1 << 18) - 1]), "test_places");
	expect_in_object(1, 1, address(stderr), "libc.so.6");
	assert_int_equal(reads(), 1);
}

static void memory_without_a_file_says_what_it_is(void **state)
{
	void *anon = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	void *heap = malloc(64);
	struct place place = {};
	int on_stack;

	assert_true(anon != MAP_FAILED && shared != MAP_FAILED && heap);
	be_traced();
	waited(1, 200, address(anon));
	places__tick(places, false);
	expect_module(address(anon), "[anon]");
	expect_module(address(&on_stack), "[stack]");
	expect_module(address(shared) + 4100, "[shared]");
	assert_true(places__find(places, 1, 1, address(shared) + 4100, &place));
	assert_true(place.shared);
	assert_true(place.ino);
	assert_int_equal(place.file_off, 4100);
	assert_true(places__find(places, 1, 1, address(heap), &place));
	assert_false(place.shared);
	/* Sanitizers have a heap of their own. */
	if (address(heap) - address(sbrk(0)) > (uint64_t) - (1 << 20))
		assert_string_equal(place.module, "[heap]");
	free(heap);
	munmap(anon, 8192);
	munmap(shared, 8192);
}

static void nothing_is_read_of_a_process_that_names_no_address(void **state)
{
	struct cpt_rec_switch rec = {.type = CPT_REC_SWITCH, .sysno = SYS_futex, .prev = 1};

	be_traced();
	places__records(places, &rec, 1); /* not blocked: preempted inside the call */
	rec.flags = CPT_SW_PREV_BLOCKED;
	rec.sysno = SYS_read;
	rec.arg0 = address(&in_data);
	places__records(places, &rec, 1);
	places__tick(places, false);
	places__tick(places, true);
	assert_int_equal(reads(), 0);
}

static void it_is_read_again_for_what_is_new_and_only_then(void **state)
{
	void *anon;

	be_traced();
	waited(1, 200, address(&in_data));
	places__tick(places, false);
	waited(1, 300, address(&in_data));
	waited(1, 300, address(&in_bss));
	places__tick(places, false);
	assert_int_equal(reads(), 1);
	/* Far from everything, lest it grow a mapping that is known. */
	anon = mmap((void *)0x10000000000, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_true(anon != MAP_FAILED);
	waited(1, 400, address(anon));
	places__tick(places, false);
	assert_int_equal(reads(), 2);
	munmap(anon, 4096);
	expect_module(address(anon), "[anon]");
}

static void an_address_in_nothing_does_not_make_it_read_for_ever(void **state)
{
	struct timespec begun, ended;
	struct place place;

	be_traced();
	clock_gettime(CLOCK_MONOTONIC, &begun);
	for (uint64_t i = 0; i < 2000; i++) {
		waited(1, 200, 4096 + i * 8);
		places__tick(places, false);
	}
	clock_gettime(CLOCK_MONOTONIC, &ended);
	/* Eight, and then five a second. */
	assert_true(reads() <= 9 + 5 * (uint64_t)(ended.tv_sec - begun.tv_sec + 1));
	assert_false(places__find(places, 1, 1, 4096, &place));
}

/* ---- processes that are gone --------------------------------------------------------------------------- */

static pid_t ended_child(void)
{
	pid_t pid = fork();

	if (!pid)
		_exit(0);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	return pid;
}

static void a_fork_that_is_gone_is_known_by_its_creators_mappings(void **state)
{
	struct timespec now;

	be_traced();
	waited(1, 200, address(&in_data));
	places__tick(places, false);
	clock_gettime(CLOCK_MONOTONIC, &now);
	born(2, 1, ended_child(), 0, (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec);
	waited(2, UINT64_MAX, address(stderr));
	places__tick(places, false);
	expect_in_object(2, 0, address(stderr), "libc.so.6");
	/* And so is a fork of the fork. */
	born(3, 2, ended_child(), 0, UINT64_MAX);
	expect_in_object(3, 0, address(stderr), "libc.so.6");
}

static void of_mappings_seen_after_the_fork_only_the_program_is_believed(void **state)
{
	struct place place;

	be_traced();
	born(2, 1, ended_child(), 0, 150); /* before the creator was looked at */
	waited(1, 200, address(&in_data));
	waited(2, 200, address(stderr));
	waited(2, 200, address(&in_bss[5]));
	tick_for(2);
	assert_false(places__find(places, 2, 0, address(stderr), &place));
	expect_in_object(2, 0, address(&in_bss[5]), "test_places");
}

static void a_program_that_is_gone_is_known_by_its_file(void **state)
{
	struct place place;

	be_traced();
	born(2, 1, ended_child(), 0, 150);
	executed(2, ended_child(), self(), maps__start_code(getpid()), 160);
	waited(2, 200, address(&in_data));
	places__tick(places, true);
	expect_in_object(2, 1, address(&in_data), "test_places");
	assert_false(places__find(places, 2, 1, address(stderr), &place));
	assert_false(places__find(places, 2, 2, address(&in_data), &place));
	assert_false(places__find(places, 7, 1, address(&in_data), &place));
}

static void a_process_that_is_another_program_by_now_is_not_believed(void **state)
{
	struct place place;

	born(1, 0, getpid(), 0, 100);
	executed(1, getpid(), "/bin/true", 0x5555000, 100); /* what it was; then came what it is */
	waited(1, 200, address(&in_data));
	places__tick(places, false);
	assert_false(places__find(places, 1, 1, address(&in_data), &place));
}

static void before_and_after_an_exec_are_two_spaces(void **state)
{
	struct place place;

	born(1, 0, getpid(), 0, 100);
	executed(1, getpid(), "/bin/true", 0x5555000, 100);
	executed(1, getpid(), self(), maps__start_code(getpid()), 150);
	waited(1, 120, address(&in_data)); /* of the program before */
	waited(1, 200, address(&in_bss));
	places__tick(places, false);
	assert_false(places__find(places, 1, 1, address(&in_data), &place));
	expect_in_object(1, 2, address(&in_data), "test_places");
}

static void threads_are_of_their_leaders_process(void **state)
{
	be_traced();
	born(2, 1, ended_child(), CPT_TASK_THREAD, 150); /* it is gone, its process is not */
	waited(2, 200, address(&in_data));
	places__tick(places, false);
	expect_in_object(1, 1, address(&in_data), "test_places");
}

static void a_wait_may_come_before_the_birth_of_its_task(void **state)
{
	waited(1, 200, address(&in_data));
	places__tick(places, false);
	be_traced();
	places__tick(places, false);
	assert_int_equal(reads(), 1);
	expect_in_object(1, 1, address(&in_data), "test_places");
}

/* ---- files that change --------------------------------------------------------------------------------- */

static void copy(const char *from, const char *to)
{
	char buf[65536];
	ssize_t n;
	int in = open(from, O_RDONLY), out = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	assert_true(in >= 0 && out >= 0);
	while ((n = read(in, buf, sizeof(buf))) > 0)
		assert_int_equal(write(out, buf, (size_t)n), n);
	close(in);
	close(out);
}

/* A program that stays until it is killed. */
static pid_t start(const char *path)
{
	struct stat exe, file;
	char at[32];
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, "1000", NULL);
		_exit(127);
	}
	assert_true(pid > 0);
	assert_int_equal(stat(path, &file), 0);
	snprintf(at, sizeof(at), "/proc/%d/exe", (int)pid);
	for (int i = 0; i < 10000; i++) {
		if (!stat(at, &exe) && exe.st_ino == file.st_ino && maps__start_code(pid))
			return pid;
		usleep(1000);
	}
	fail_msg("%s did not start", path);
	return 0;
}

static void replaced(const char *dir, const char *newer)
{
	char path[128], next[128];
	struct place place;
	uint64_t text;
	struct stat st;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/program", dir);
	snprintf(next, sizeof(next), "%s/next", dir);
	copy("/bin/sleep", path);
	assert_int_equal(stat(path, &st), 0);
	pid = start(path);
	text = maps__start_code(pid);
	born(1, 0, pid, 0, 100);
	executed(1, pid, path, text, 100);
	if (newer) {
		copy(newer, next);
		assert_int_equal(rename(next, path), 0);
	} else {
		assert_int_equal(unlink(path), 0);
	}
	waited(1, 200, text);
	places__tick(places, false);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_true(places__find(places, 1, 1, text, &place));
	assert_string_equal(place.module, "program");
	/* The file behind a mapping is only opened for who may (CAP_CHECKPOINT_RESTORE); without it, no
	 * other file is taken for it. */
	if (!place.file && geteuid()) {
		unlink(path);
		return;
	}
	assert_non_null(place.file);
	assert_int_equal(place.file->st.st_ino, st.st_ino);
	assert_int_equal(place.file->st.st_size, st.st_size);
	assert_int_equal(place.offset, place.file->elf.text_vaddr);
	unlink(path);
}

static void a_file_that_was_replaced_or_deleted_is_the_one_that_runs(void **state)
{
	char dir[] = "/tmp/cpartrace-test-XXXXXX";

	assert_non_null(mkdtemp(dir));
	replaced(dir, "/bin/ls");
	places__free(places);
	places = places__new();
	assert_non_null(places);
	replaced(dir, NULL);
	rmdir(dir);
}

static void a_file_replaced_after_its_program_is_gone_names_nothing(void **state)
{
	char dir[] = "/tmp/cpartrace-test-XXXXXX", path[64], next[64];
	struct place place;

	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/program", dir);
	snprintf(next, sizeof(next), "%s/next", dir);
	copy("/bin/sleep", path);
	born(1, 0, ended_child(), 0, 100);
	executed(1, ended_child(), path, 0x555555555000, 100);
	copy("/bin/sleep", next);
	assert_int_equal(rename(next, path), 0);
	waited(1, 200, 0x555555555000);
	places__tick(places, true);
	assert_false(places__find(places, 1, 1, 0x555555555000, &place));
	unlink(path);
	rmdir(dir);
}

/* ---- words --------------------------------------------------------------------------------------------- */

static uint32_t add_word(struct cpt_words *ws, uint32_t proc, uint32_t space, uint8_t flags,
			 const volatile void *addr)
{
	struct cpt_word w = {.proc = proc, .space = space, .flags = flags, .addr = address(addr)};

	assert_int_equal(words__add(ws, &w), 0);
	return words__cnt(ws) - 1;
}

static void words_get_module_offset_build_id_and_symbol(void **state)
{
	struct cpt_words *ws = words__new("x86_64");
	struct symbols *symbols = symbols__new();
	uint32_t data, bss, unknown;
	const struct cpt_word *w;

	assert_true(ws && symbols);
	be_traced();
	waited(1, 200, address(&in_data));
	places__tick(places, false);
	data = add_word(ws, 1, 1, 0, &in_data);
	bss = add_word(ws, 1, 1, 0, &in_bss[4]);
	unknown = add_word(ws, 1, 2, 0, &in_data); /* no such space */
	assert_int_equal(word_names__set(ws, places, symbols), 0);
	w = words__at(ws, data);
	assert_string_equal(w->module, "test_places");
	assert_string_equal(w->symbol, symbols__available() ? "in_data" : "");
	assert_true(strlen(w->build_id) >= 16 || !*w->build_id);
	w = words__at(ws, bss);
	assert_string_equal(w->symbol, symbols__available() ? "in_bss+0x10" : "");
	assert_string_equal(words__at(ws, unknown)->module, "");
	symbols__free(symbols);
	words__free(ws);
}

/* Stays until its parent ends it. */
static pid_t waiting_child(void)
{
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that fails does not get to end us */
		for (;;)
			pause();
	}
	assert_true(pid > 0);
	return pid;
}

static void what_processes_share_is_one_word(void **state)
{
	char *mem = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct cpt_words *ws = words__new("x86_64");
	struct symbols *symbols = symbols__new();
	uint32_t a, b, other, private, ours;
	pid_t pid = waiting_child();

	assert_true(mem != MAP_FAILED && ws && symbols);
	be_traced();
	born(2, 1, pid, 0, 150);
	waited(1, 200, address(mem));
	waited(2, 200, address(mem));
	tick_for(2);
	a = add_word(ws, 1, 1, CPT_WORD_SHARED, mem + 64);
	other = add_word(ws, 1, 1, CPT_WORD_SHARED, mem + 128);
	b = add_word(ws, 2, 0, CPT_WORD_SHARED, mem + 64);
	private = add_word(ws, 2, 0, 0, mem + 128); /* the kernel keeps it apart, so do we */
	ours = add_word(ws, 2, 0, CPT_WORD_SHARED, &in_data);
	add_word(ws, 1, 1, CPT_WORD_SHARED, &in_data); /* a copy of its own since the fork */
	assert_int_equal(word_names__set(ws, places, symbols), 0);
	assert_int_equal(words__at(ws, a)->same, 0);
	assert_int_equal(words__at(ws, b)->same, a + 1);
	assert_int_equal(words__at(ws, other)->same, 0);
	assert_int_equal(words__at(ws, private)->same, 0);
	assert_int_equal(words__at(ws, ours)->same, 0);
	assert_int_equal(words__at(ws, ours + 1)->same, 0);
	assert_string_equal(words__at(ws, b)->module, "[shared]");
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	munmap(mem, 8192);
	symbols__free(symbols);
	words__free(ws);
}

/* ---- files that are locked --------------------------------------------------------------------------- */

/* A process that waits for the lock of the file at path, which somebody else has, on descriptor fd. */
static pid_t locker(const char *path, int fd)
{
	char at[32], text[64] = "";
	pid_t pid = fork();

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open(path, O_RDWR), fd);
		flock(fd, LOCK_EX);
		_exit(0);
	}
	assert_true(pid > 0);
	snprintf(at, sizeof(at), "/proc/%d/syscall", (int)pid);
	for (int i = 0; i < 5000; i++) {
		int file = open(at, O_RDONLY);
		ssize_t n = read(file, text, sizeof(text) - 1);

		close(file);
		text[n > 0 ? n : 0] = '\0';
		if (n > 0 && strtol(text, NULL, 10) == SYS_flock)
			return pid;
		usleep(1000);
	}
	fail_msg("nobody waits for the lock of %s", path);
	return 0;
}

static void waited_for_file(uint32_t task, uint64_t ts, int fd)
{
	const struct cpt_rec_switch rec = {
		.type = CPT_REC_SWITCH,
		.flags = CPT_SW_PREV_BLOCKED,
		.sysno = SYS_flock,
		.prev = task,
		.ts_ns = ts,
		.arg0 = (uint64_t)fd,
	};

	places__records(places, &rec, 1);
}

static void a_locked_file_is_known_while_it_is_waited_for(void **state)
{
	char path[] = "/tmp/cpartrace-places-XXXXXX";
	int fd = mkstemp(path);
	struct file_lock file, other;
	struct stat st;
	pid_t pids[2];

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	for (uint32_t i = 0; i < 2; i++) {
		pids[i] = locker(path, 20 + (int)i);
		born(2 + i, 1, pids[i], 0, 100);
		waited_for_file(2 + i, 200, 20 + (int)i);
	}
	waited_for_file(4, 200, 20); /* nobody knows that task */
	places__tick(places, false);
	assert_true(places__locked_file(places, 2, 0, 20, &file));
	assert_string_equal(file.path, path);
	assert_int_equal(file.ino, st.st_ino);
	assert_true(places__locked_file(places, 3, 0, 21, &other));
	assert_int_equal(other.ino, file.ino);
	assert_int_equal(other.dev, file.dev);
	assert_false(places__locked_file(places, 2, 0, 21, &other));
	assert_false(places__locked_file(places, 2, 1, 20, &other));
	assert_false(places__locked_file(places, 4, 0, 20, &other));
	/* It waits on another descriptor than that record says: an old wait is no evidence. */
	waited_for_file(2, 300, 0);
	places__tick(places, false);
	assert_false(places__locked_file(places, 2, 0, 0, &other));
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kill(pids[i], SIGKILL), 0);
		assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);
	}
	close(fd);
	unlink(path);
}

static void records_of_no_sense_are_harmless(void **state)
{
	struct place place;
	char raw[sizeof(struct cpt_rec_exec)];

	for (size_t sz = 0; sz < sizeof(raw); sz++) {
		memset(raw, (int)sz, sizeof(raw));
		assert_int_equal(places__life(places, raw, sz), 0);
	}
	memset(raw, 0xff, sizeof(raw));
	for (uint32_t type = CPT_REC_NEW; type <= CPT_REC_EXEC; type++) {
		memcpy(raw, &type, sizeof(type));
		assert_int_equal(places__life(places, raw, sizeof(raw)), 0);
	}
	waited(UINT32_MAX, 200, 1);
	waited(0, 200, 1);
	for (int i = 0; i < 10; i++)
		places__tick(places, i == 9);
	assert_false(places__find(places, UINT32_MAX, 1, 1, &place));
	assert_false(places__find(places, 0, 0, 1, &place));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(data_and_bss_of_program_and_library_have_their_link_time_addresses),
		TEST(memory_without_a_file_says_what_it_is),
		TEST(nothing_is_read_of_a_process_that_names_no_address),
		TEST(it_is_read_again_for_what_is_new_and_only_then),
		TEST(an_address_in_nothing_does_not_make_it_read_for_ever),
		TEST(a_fork_that_is_gone_is_known_by_its_creators_mappings),
		TEST(of_mappings_seen_after_the_fork_only_the_program_is_believed),
		TEST(a_program_that_is_gone_is_known_by_its_file),
		TEST(a_process_that_is_another_program_by_now_is_not_believed),
		TEST(before_and_after_an_exec_are_two_spaces),
		TEST(threads_are_of_their_leaders_process),
		TEST(a_wait_may_come_before_the_birth_of_its_task),
		TEST(a_file_that_was_replaced_or_deleted_is_the_one_that_runs),
		TEST(a_file_replaced_after_its_program_is_gone_names_nothing),
		TEST(words_get_module_offset_build_id_and_symbol),
		TEST(what_processes_share_is_one_word),
		TEST(a_locked_file_is_known_while_it_is_waited_for),
		TEST(records_of_no_sense_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
