// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PATH_SZ	   4352
#define CPU_FOLDER "/sys/devices/system/cpu"

static long read_long(const char *path, long otherwise)
{
	FILE *f = fopen(path, "re");
	long value;

	if (!f)
		return otherwise;
	if (fscanf(f, "%ld", &value) != 1)
		value = otherwise;
	fclose(f);
	return value;
}

/* First CPU of a list such as "0-3,8": the name of a set of siblings. */
static long cpu_long(uint32_t cpu, const char *file)
{
	char path[128];

	snprintf(path, sizeof(path), CPU_FOLDER "/cpu%u/topology/%s", cpu, file);
	return read_long(path, -1);
}

/* The NUMA node is a link nodeN in the CPU's folder. */
static int32_t cpu_node(uint32_t cpu)
{
	char path[128];

	for (int node = 0; node < 64; node++) {
		snprintf(path, sizeof(path), CPU_FOLDER "/cpu%u/node%d", cpu, node);
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

/* Calls of a list file ("0-3,8") per CPU; false if it cannot be read. */
static bool for_each_listed(const char *path, bool *set, uint32_t cap)
{
	unsigned int first, last;
	FILE *f = fopen(path, "re");
	int sep;

	if (!f)
		return false;
	while (fscanf(f, "%u", &first) == 1) {
		last = first;
		sep = fgetc(f);
		if (sep == '-') {
			if (fscanf(f, "%u", &last) != 1)
				break;
			sep = fgetc(f);
		}
		for (unsigned int cpu = first; cpu <= last && cpu < cap; cpu++)
			set[cpu] = true;
		if (sep != ',')
			break;
	}
	fclose(f);
	return true;
}

struct cpt_cpu_info *machine__cpus(uint32_t *cnt)
{
	bool present[CPT_TRACE_MAX_CPUS] = {}, online[CPT_TRACE_MAX_CPUS] = {};
	struct cpt_cpu_info *cpus;
	long online_cnt;

	if (!for_each_listed(CPU_FOLDER "/online", online, CPT_TRACE_MAX_CPUS)) {
		online_cnt = sysconf(_SC_NPROCESSORS_ONLN);
		for (long cpu = 0; cpu < online_cnt && cpu < CPT_TRACE_MAX_CPUS; cpu++)
			online[cpu] = true;
	}
	if (!for_each_listed(CPU_FOLDER "/present", present, CPT_TRACE_MAX_CPUS))
		memcpy(present, online, sizeof(present));
	cpus = calloc(CPT_TRACE_MAX_CPUS, sizeof(*cpus));
	if (!cpus)
		return NULL;
	*cnt = 0;
	for (uint32_t cpu = 0; cpu < CPT_TRACE_MAX_CPUS; cpu++) {
		struct cpt_cpu_info *info = &cpus[*cnt];

		if (!present[cpu] && !online[cpu])
			continue;
		info->cpu = cpu;
		info->online = online[cpu];
		/* core_id repeats in every package; the first sibling does not. */
		info->core = cpu_long(cpu, "thread_siblings_list");
		info->package = cpu_long(cpu, "physical_package_id");
		info->node = cpu_node(cpu);
		(*cnt)++;
	}
	return cpus;
}

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts = {};

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

uint64_t machine__now_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

void machine__clocks(uint64_t *mono, uint64_t *real, uint64_t *boot)
{
	uint64_t before, after, best = UINT64_MAX;

	/* Of a few tries the one that was not interrupted. */
	for (int i = 0; i < 5; i++) {
		uint64_t r, b;

		before = clock_ns(CLOCK_MONOTONIC);
		r = clock_ns(CLOCK_REALTIME);
		b = clock_ns(CLOCK_BOOTTIME);
		after = clock_ns(CLOCK_MONOTONIC);
		if (after - before >= best)
			continue;
		best = after - before;
		*mono = before + best / 2;
		*real = r;
		*boot = b;
	}
}

/* Columns of the first line of /proc/stat: user nice system idle iowait irq softirq steal. */
static uint64_t stat_ns(unsigned int first, unsigned int last)
{
	FILE *f = fopen("/proc/stat", "re");
	long hz = sysconf(_SC_CLK_TCK);
	unsigned long long value;
	uint64_t sum = 0;
	int n = 1;

	if (!f)
		return UINT64_MAX;
	if (fscanf(f, "cpu") < 0)
		n = 0;
	for (unsigned int i = 0; n == 1 && i <= last; i++) {
		n = fscanf(f, "%llu", &value);
		sum += n == 1 && i >= first ? value : 0;
	}
	fclose(f);
	return n == 1 && hz > 0 ? sum * (1000000000ULL / hz) : UINT64_MAX;
}

uint64_t machine__steal_ns(void)
{
	return stat_ns(7, 7);
}

uint64_t machine__irq_ns(void)
{
	return stat_ns(5, 6);
}

/* ---- cgroups ------------------------------------------------------------------------------------ */

struct group {
	char path[PATH_SZ]; /* folder of the group under the mount of the cpu controller */
	size_t root_len;    /* length of the mount's part of it */
	bool v2;
};

/* Where the CPU controller of the given version is mounted. */
static bool find_mount(bool v2, char *mount, size_t sz)
{
	FILE *f = fopen("/proc/self/mounts", "re");
	char dir[1024], type[64], opts[1024];
	bool found = false;

	if (!f)
		return false;
	while (!found && fscanf(f, "%*s %1023s %63s %1023s %*[^\n]", dir, type, opts) == 3) {
		char wrapped[1026];

		snprintf(wrapped, sizeof(wrapped), ",%s,", opts);
		found = v2 ? !strcmp(type, "cgroup2")
			   : !strcmp(type, "cgroup") && strstr(wrapped, ",cpu,");
	}
	fclose(f);
	return found && (size_t)snprintf(mount, sz, "%s", dir) < sz;
}

/* The line of /proc/PID/cgroup: "0::/path" in v2, "4:cpu,cpuacct:/path" in v1. */
static bool find_path(pid_t pid, bool v2, char *path, size_t sz)
{
	char file[64], line[PATH_SZ];
	bool found = false;
	FILE *f;

	snprintf(file, sizeof(file), "/proc/%d/cgroup", pid);
	f = fopen(file, "re");
	if (!f)
		return false;
	while (!found && fgets(line, sizeof(line), f)) {
		char *controllers = strchr(line, ':'), *group, wrapped[512];

		line[strcspn(line, "\n")] = 0;
		group = controllers ? strchr(controllers + 1, ':') : NULL;
		if (!group)
			continue;
		*group++ = 0;
		snprintf(wrapped, sizeof(wrapped), ",%.500s,", controllers + 1);
		found = v2 ? !controllers[1] : strstr(wrapped, ",cpu,") != NULL;
		if (found)
			found = (size_t)snprintf(path, sz, "%s", group) < sz;
	}
	fclose(f);
	return found;
}

static bool group__find(struct group *g, pid_t pid, bool v2)
{
	char mount[1024], path[2048], probe[PATH_SZ + 32];

	if (!find_mount(v2, mount, sizeof(mount)) || !find_path(pid, v2, path, sizeof(path)))
		return false;
	g->v2 = v2;
	g->root_len = strlen(mount);
	snprintf(g->path, sizeof(g->path), "%s%s", mount, strcmp(path, "/") ? path : "");
	/* The path may be another cgroup namespace's: then only the root can be looked at. */
	if (access(g->path, F_OK))
		g->path[g->root_len] = 0;
	/* v2 without its cpu controller has cpu.stat, but the quota is v1's. */
	snprintf(probe, sizeof(probe), "%s/%s", g->path, v2 ? "cpu.stat" : "cpu.cfs_quota_us");
	return !access(probe, F_OK);
}

/* The group's parent, false at the top. */
static bool group__up(struct group *g)
{
	char *slash;

	if (strlen(g->path) <= g->root_len)
		return false;
	slash = strrchr(g->path, '/');
	if (!slash || (size_t)(slash - g->path) < g->root_len)
		return false;
	*slash = 0;
	return true;
}

static double group__quota(const struct group *g)
{
	char file[PATH_SZ + 32];
	double quota = 0;
	long max, period;
	FILE *f;

	if (!g->v2) {
		snprintf(file, sizeof(file), "%s/cpu.cfs_quota_us", g->path);
		max = read_long(file, -1);
		snprintf(file, sizeof(file), "%s/cpu.cfs_period_us", g->path);
		period = read_long(file, 0);
		return max > 0 && period > 0 ? (double)max / period : 0;
	}
	snprintf(file, sizeof(file), "%s/cpu.max", g->path);
	f = fopen(file, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%ld %ld", &max, &period) == 2 && max > 0 && period > 0)
		quota = (double)max / period;
	fclose(f);
	return quota;
}

double machine__quota_cpus(pid_t pid)
{
	double tightest = 0;
	struct group g;

	for (int v2 = 0; v2 < 2; v2++) {
		if (!group__find(&g, pid, v2))
			continue;
		do {
			double quota = group__quota(&g);

			if (quota > 0 && (tightest <= 0 || quota < tightest))
				tightest = quota;
		} while (group__up(&g));
	}
	return tightest;
}

/* Adds what one group's cpu.stat says; false if it says nothing of quotas. */
static bool group__add_stat(const struct group *g, struct machine_quota *sum)
{
	char file[PATH_SZ + 32], key[64];
	unsigned long long value;
	bool known = false;
	FILE *f;

	snprintf(file, sizeof(file), "%s/cpu.stat", g->path);
	f = fopen(file, "re");
	if (!f)
		return false;
	while (fscanf(f, "%63s %llu", key, &value) == 2) {
		if (!strcmp(key, "throttled_usec"))
			sum->throttled_ns += value * 1000;
		else if (!strcmp(key, "throttled_time"))
			sum->throttled_ns += value;
		else if (!strcmp(key, "nr_periods"))
			sum->periods += value;
		else if (!strcmp(key, "nr_throttled"))
			sum->throttled_periods += value;
		else
			continue;
		known = true;
	}
	fclose(f);
	return known;
}

struct machine_quota machine__quota(pid_t pid)
{
	struct machine_quota sum = {};
	bool known = false;
	struct group g;

	for (int v2 = 0; v2 < 2; v2++) {
		if (!group__find(&g, pid, v2))
			continue;
		do
			known |= group__add_stat(&g, &sum);
		while (group__up(&g));
	}
	if (!known)
		sum.throttled_ns = sum.periods = sum.throttled_periods = UINT64_MAX;
	return sum;
}
