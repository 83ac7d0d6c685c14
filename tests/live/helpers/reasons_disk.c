// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * reasons_disk.c - waits inside the kernel: for a disk, for a page, for the lock of an address space.
 *
 * These are made of many waits, as long as the disk or the lock makes them: HOLD_MS in all. Files are
 * in the current directory, which has to be on a disk.
 */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "helper.h"
#include "reasons.h"

#define FILE_SZ	 (32 << 20)
#define RANGE_SZ (128 << 20)
#define PAGE_SZ	 4096
#define AREAS	 4096

static int file;
static char *memory;
static atomic_bool ended;

static bool time_left(uint64_t begun)
{
	return now_ns() - begun < HOLD_MS * NS_PER_MS;
}

static void open_file(int flags)
{
	file = open("wait_reasons.data", flags | O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	must(file >= 0 && !unlink("wait_reasons.data"), "open a file on disk");
}

/* On a machine that is busy, or a disk that is slow, its time is over after a few pages: then until there were
 * enough of them. */
#define PAGES_MIN 60

static bool goes_on(uint64_t begun, off_t at)
{
	return time_left(begun) || at < PAGES_MIN * PAGE_SZ;
}

/* A file of which nothing is in memory. */
static void make_cold_file(void)
{
	static char bytes[1 << 20];

	open_file(0);
	for (int i = 0; i < FILE_SZ; i += (int)sizeof(bytes)) {
		memset(bytes, i >> 20, sizeof(bytes));
		must(write(file, bytes, sizeof(bytes)) == sizeof(bytes), "write a file");
	}
	must(!fsync(file), "sync a file");
	must_zero(posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED), "drop a file's pages");
	must_zero(posix_fadvise(file, 0, 0, POSIX_FADV_RANDOM), "turn read-ahead off");
}

static void make_empty_file(void)
{
	open_file(0);
}

static void sync_often(void)
{
	uint64_t begun = now_ns();

	for (off_t at = 0; goes_on(begun, at); at += PAGE_SZ)
		must(pwrite(file, "x", 1, at) == 1 && !fsync(file), "sync a file");
}

static void make_direct_file(void)
{
	make_cold_file();
	must(!fcntl(file, F_SETFL, O_DIRECT), "read past the cache");
}

static void read_pages(void)
{
	static char page[PAGE_SZ] __attribute__((aligned(PAGE_SZ)));
	uint64_t begun = now_ns();

	for (off_t at = 0; goes_on(begun, at) && at < FILE_SZ; at += PAGE_SZ)
		must(pread(file, page, sizeof(page), at) == sizeof(page), "read a file");
}

static void map_cold_file(void)
{
	make_cold_file();
	memory = mmap(NULL, FILE_SZ, PROT_READ, MAP_SHARED, file, 0);
	must(memory != MAP_FAILED && !madvise(memory, FILE_SZ, MADV_RANDOM), "map a file");
}

static void touch_pages(void)
{
	uint64_t begun = now_ns();

	for (int at = 0; goes_on(begun, at) && at < FILE_SZ; at += PAGE_SZ)
		(void)*(volatile char *)(memory + at);
}

/* A page that another thread has to bring. */
static void make_userfault(void)
{
	struct uffdio_api api = {.api = UFFD_API};
	struct uffdio_register area = {.mode = UFFDIO_REGISTER_MODE_MISSING};

	file = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	memory = mmap(NULL, PAGE_SZ, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area.range = (struct uffdio_range){(uintptr_t)memory, PAGE_SZ};
	must(file >= 0 && memory != MAP_FAILED && !ioctl(file, UFFDIO_API, &api) &&
		     !ioctl(file, UFFDIO_REGISTER, &area),
	     "make a userfaultfd");
}

static void touch_page(void)
{
	(void)*(volatile char *)memory;
}

static void bring_page(void)
{
	struct uffdio_zeropage page = {.range = {(uintptr_t)memory, PAGE_SZ}};

	must(!ioctl(file, UFFDIO_ZEROPAGE, &page), "bring a page");
}

/*
 * The address space's lock: one thread changes the protection of much memory over and over, and holds
 * the lock for writing as long. Who wants it for writing spins while it sees the holder run: it is put
 * on the holder's CPU. Who wants it for reading sleeps at once, and is put on another.
 */
static void pin(int nth)
{
	cpu_set_t set;
	int cpu = -1;

	must(!sched_getaffinity(0, sizeof(set), &set), "read the affinity");
	for (int left = nth % CPU_COUNT(&set); left >= 0; left -= CPU_ISSET(cpu, &set))
		cpu++;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(!sched_setaffinity(0, sizeof(set), &set), "pin a thread");
}

static void *change_protection(void *arg)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	char *range = mmap(NULL, RANGE_SZ, PROT_READ | PROT_WRITE, flags, -1, 0);

	must(range != MAP_FAILED && !madvise(range, RANGE_SZ, MADV_NOHUGEPAGE) &&
		     !madvise(range, RANGE_SZ, MADV_POPULATE_WRITE),
	     "map memory");
	pin(0);
	while (!atomic_load(&ended))
		must(!mprotect(range, RANGE_SZ, PROT_READ) &&
			     !mprotect(range, RANGE_SZ, PROT_READ | PROT_WRITE),
		     "change protection");
	must(!munmap(range, RANGE_SZ), "unmap memory");
	return arg;
}

static void hold_mmap_lock(void)
{
	atomic_store(&ended, false);
	start_other("other", change_protection);
	sleep_ms(HOLD_MS);
}

/* Areas of their own, as neighbours differ; none has had a page yet. */
static void make_areas(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE;

	memory = mmap(NULL, AREAS * 2 * PAGE_SZ, PROT_READ, flags, -1, 0);
	must(memory != MAP_FAILED, "map memory");
	for (int i = 0; i < AREAS; i++)
		must(!mprotect(memory + 2 * PAGE_SZ * i, PAGE_SZ, PROT_READ | PROT_WRITE),
		     "make an area");
	hold_mmap_lock();
}

static void map_and_unmap(void)
{
	const int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	uint64_t begun = now_ns();

	pin(0);
	while (time_left(begun)) {
		char *page = mmap(NULL, PAGE_SZ, PROT_READ | PROT_WRITE, flags, -1, 0);

		must(page != MAP_FAILED && !munmap(page, PAGE_SZ), "map memory");
	}
}

static void touch_areas(void)
{
	uint64_t begun = now_ns();

	pin(1);
	for (int i = 0; i < AREAS && time_left(begun); i++)
		*(volatile char *)(memory + 2 * PAGE_SZ * i) = 1;
}

static void end_holder(void)
{
	atomic_store(&ended, true);
	join_other();
}

const struct mode disk_modes[] = {
	{"fsync", make_empty_file, sync_often, NULL, false},
	{"direct_read", make_direct_file, read_pages, NULL, false},
	{"cold_read", make_cold_file, read_pages, NULL, false},
	{"file_fault", map_cold_file, touch_pages, NULL, false},
	{"userfault", make_userfault, touch_page, bring_page, false},
	{"mmap_lock", hold_mmap_lock, map_and_unmap, end_holder, false},
	{"fault_lock", make_areas, touch_areas, end_holder, false},
	{0},
};
