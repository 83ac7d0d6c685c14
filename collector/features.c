// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "features.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>

#include "rights.h"

#define BTF_PATH "/sys/kernel/btf/vmlinux"

/* Arguments of a tracepoint, its context apart; -ENOENT if the kernel has none of that name. */
static int tracepoint_args(const struct btf *btf, const char *name)
{
	char typedef_name[64];
	const struct btf_type *t;
	int id;

	snprintf(typedef_name, sizeof(typedef_name), "btf_trace_%s", name);
	id = btf__find_by_name_kind(btf, typedef_name, BTF_KIND_TYPEDEF);
	if (id < 0)
		return -ENOENT;
	t = btf__type_by_id(btf, btf__type_by_id(btf, id)->type); /* typedef -> pointer */
	if (!t || !btf_is_ptr(t))
		return -ENOENT;
	t = btf__type_by_id(btf, t->type);
	return t && btf_is_func_proto(t) ? (int)btf_vlen(t) - 1 : -ENOENT;
}

void features__tracepoints(const char *const *names, bool *there, size_t cnt)
{
	struct btf *btf = btf__load_vmlinux_btf();

	for (size_t i = 0; i < cnt; i++)
		there[i] = btf && tracepoint_args(btf, names[i]) >= 0;
	btf__free(btf);
}

/* Byte offset of a member, looked for through nameless structs and unions; -1 if there is none. */
static int64_t member_off(const struct btf *btf, const struct btf_type *t, const char *name)
{
	const struct btf_member *m = btf_members(t);

	for (int i = 0; i < btf_vlen(t); i++, m++) {
		const char *member = btf__name_by_offset(btf, m->name_off);
		int64_t off = btf_member_bit_offset(t, i) / 8, sub;
		const struct btf_type *inner;

		if (member && !strcmp(member, name))
			return off;
		if (member && *member)
			continue;
		inner = btf__type_by_id(btf, m->type);
		if (inner && btf_is_composite(inner)) {
			sub = member_off(btf, inner, name);
			if (sub >= 0)
				return off + sub;
		}
	}
	return -1;
}

static bool has_member(const struct btf *btf, const char *type, const char *member)
{
	int id = btf__find_by_name_kind(btf, type, BTF_KIND_STRUCT);

	return id > 0 && member_off(btf, btf__type_by_id(btf, id), member) >= 0;
}

/* Offset of a variable within the kernel's per-CPU area; -1 if it is not there. */
static int64_t percpu_off(const struct btf *btf, const char *name)
{
	int sec_id = btf__find_by_name_kind(btf, ".data..percpu", BTF_KIND_DATASEC);
	int var_id = btf__find_by_name_kind(btf, name, BTF_KIND_VAR);
	const struct btf_var_secinfo *info;
	const struct btf_type *sec;

	if (sec_id < 0 || var_id < 0)
		return -1;
	sec = btf__type_by_id(btf, sec_id);
	info = btf_var_secinfos(sec);
	for (int i = 0; i < btf_vlen(sec); i++)
		if (info[i].type == (uint32_t)var_id)
			return info[i].offset;
	return -1;
}

/* The preempt count is a per-CPU variable of its own, or (6.2 to 6.14 on x86) a member of pcpu_hot.
 */
static void find_preempt(const struct btf *btf, struct cpt_kernel_facts *facts)
{
	int64_t rq = percpu_off(btf, "runqueues"), off = percpu_off(btf, "__preempt_count"), member;

	if (off < 0) {
		int id = btf__find_by_name_kind(btf, "pcpu_hot", BTF_KIND_STRUCT);

		member = id > 0 ? member_off(btf, btf__type_by_id(btf, id), "preempt_count") : -1;
		off = percpu_off(btf, "pcpu_hot");
		if (off >= 0)
			off = member >= 0 ? off + member : -1;
	}
	facts->preempt_known = rq >= 0 && off >= 0 && has_member(btf, "sched_entity", "cfs_rq") &&
			       has_member(btf, "cfs_rq", "rq");
	facts->preempt_off = facts->preempt_known ? off - rq : 0;
#ifdef __aarch64__
	facts->preempt_known =
		true; /* in the task's thread_info, where the probe reads it: no offset */
#endif
}

int features__facts(struct cpt_kernel_facts *facts, char *err, size_t err_sz)
{
	struct btf *btf = btf__load_vmlinux_btf();
	int args;

	memset(facts, 0, sizeof(*facts));
	if (!btf) {
		int ret = features__load_error(-errno);

		if (ret == -ENOMEM) {
			snprintf(err, err_sz,
				 "cannot read the kernel's type information, most likely for want "
				 "of memory: %s",
				 strerror(ENOMEM));
			return ret;
		}
		snprintf(err, err_sz,
			 "this kernel carries no type information (%s: %s); it must be built with "
			 "CONFIG_DEBUG_INFO_BTF",
			 BTF_PATH, strerror(errno));
		return ret == -EPERM || ret == -EACCES ? ret : -EOPNOTSUPP;
	}
	args = tracepoint_args(btf, "sched_switch");
	if (args < 3) {
		snprintf(err, err_sz,
			 "this kernel's type information has no tracepoint sched_switch; Linux 6.1 "
			 "or "
			 "later is needed");
		btf__free(btf);
		return -EOPNOTSUPP;
	}
	facts->switch_has_state = args >= 4;
	find_preempt(btf, facts);
	facts->delay_known = has_member(btf, "sched_info", "last_queued") &&
			     has_member(btf, "sched_entity", "cfs_rq") &&
			     has_member(btf, "cfs_rq", "rq");
	btf__free(btf);
	return 0;
}

/* ---- the list for doctor ----------------------------------------------------------------------
 */

struct list {
	struct cpt_feature *items;
	size_t cnt;
};

static void add(struct list *l, enum cpt_feature_state state, const char *name, const char *mend,
		const char *fmt, ...) __attribute__((format(printf, 5, 6)));
static void add(struct list *l, enum cpt_feature_state state, const char *name, const char *mend,
		const char *fmt, ...)
{
	struct cpt_feature *f;
	va_list args;

	if (l->cnt >= CPT_FEATURE_MAX)
		return;
	f = &l->items[l->cnt++];
	f->state = state;
	f->name = name;
	snprintf(f->mend, sizeof(f->mend), "%s", state == CPT_FEATURE_OK ? "" : mend);
	va_start(args, fmt);
	vsnprintf(f->text, sizeof(f->text), fmt, args);
	va_end(args);
}

enum kernel_age { AGE_UNKNOWN, AGE_TESTED, AGE_BEST_EFFORT, AGE_TOO_OLD };

static enum kernel_age kernel_age(struct utsname *u)
{
	unsigned int major = 0, minor = 0;

	if (uname(u) || sscanf(u->release, "%u.%u", &major, &minor) != 2)
		return AGE_UNKNOWN;
	if (major > 6 || (major == 6 && minor >= 1))
		return AGE_TESTED;
	return major == 6 || (major == 5 && minor >= 15) ? AGE_BEST_EFFORT : AGE_TOO_OLD;
}

static bool has_cap(unsigned int cap)
{
	return rights__effective() & RIGHT(cap);
}

/* CAP_SYS_ADMIN stands for both, as in the kernel. */
static bool may_load(void)
{
	return has_cap(CAP_SYS_ADMIN) || (has_cap(CAP_BPF) && has_cap(CAP_PERFMON));
}

/* Are our capabilities those of the machine? Those of a user namespace (a container of one's own) do not count. */
static bool in_user_namespace(void)
{
	unsigned long first = 0, above = 0, cnt = UINT32_MAX;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool all;

	if (!f)
		return false; /* a kernel without them */
	all = fscanf(f, "%lu %lu %lu", &first, &above, &cnt) != 3 ||
	      (!first && !above && cnt == UINT32_MAX);
	fclose(f);
	return !all;
}

/* "none [integrity] confidentiality". False: there is no such mechanism, or it is not to be seen. */
static bool read_lockdown(char *text, size_t sz)
{
	FILE *f = fopen("/sys/kernel/security/lockdown", "re");
	bool read;

	if (!f)
		return false;
	read = fgets(text, (int)sz, f) != NULL;
	fclose(f);
	return read;
}

int features__load_error(int ret)
{
	if (ret == -LIBBPF_ERRNO__LIBELF)
		return -ENOMEM;
	return ret == -ESRCH && !access(BTF_PATH, R_OK) ? -ENOMEM : ret;
}

int features__refused(int ret, char *err, size_t err_sz)
{
	struct utsname u;
	char text[64];

	ret = features__load_error(ret);
	if (ret == -ENOMEM) {
		snprintf(err, err_sz, "cannot load the probes, most likely for want of memory: %s",
			 strerror(ENOMEM));
		return ret;
	}
	if (read_lockdown(text, sizeof(text)) && strstr(text, "[confidentiality]")) {
		snprintf(err, err_sz,
			 "kernel lockdown forbids BPF programs to read kernel memory: boot without "
			 "lockdown=confidentiality");
		return -EOPNOTSUPP;
	}
	if ((ret == -EPERM || ret == -EACCES) && may_load()) {
		snprintf(err, err_sz,
			 "not allowed to load BPF programs, though CAP_BPF and CAP_PERFMON are "
			 "there: %s",
			 in_user_namespace() ? "they are of a user namespace; run outside of it"
					     : "a container's seccomp profile, a security module "
					       "or lockdown forbids it");
		return ret;
	}
	if (ret == -EPERM || ret == -EACCES) {
		snprintf(err, err_sz,
			 "not allowed to load BPF programs: run as root (sudo), or with the "
			 "capabilities CAP_BPF and CAP_PERFMON");
		return ret;
	}
	if (kernel_age(&u) == AGE_TOO_OLD) {
		snprintf(err, err_sz,
			 "this kernel, Linux %s, is too old for the probes: 6.1 or later is needed",
			 u.release);
		return -EOPNOTSUPP;
	}
	snprintf(err, err_sz,
		 "the kernel refused the probes: %s; `cpartrace doctor` says what is missing",
		 strerror(-ret));
	return ret;
}

static void list_kernel(struct list *l)
{
	struct utsname u;

	switch (kernel_age(&u)) {
	case AGE_UNKNOWN:
		add(l, CPT_FEATURE_DEGRADED, "kernel version", "", "cannot be told");
		break;
	case AGE_TESTED:
		add(l, CPT_FEATURE_OK, "kernel version", "", "%s", u.release);
		break;
	case AGE_BEST_EFFORT:
		add(l, CPT_FEATURE_DEGRADED, "kernel version",
		    "nothing if it works; what is tested is 6.1 and later", "%s, best effort",
		    u.release);
		break;
	case AGE_TOO_OLD:
		add(l, CPT_FEATURE_MISSING, "kernel version", "use Linux 6.1 or later",
		    "%s, too old", u.release);
		break;
	}
}

static void list_caps(struct list *l)
{
	bool admin = has_cap(CAP_SYS_ADMIN);
	bool bpf = admin || has_cap(CAP_BPF), perfmon = admin || has_cap(CAP_PERFMON);

	if (!may_load())
		add(l, CPT_FEATURE_MISSING, "privileges",
		    "run as root (sudo), or give the program CAP_BPF and CAP_PERFMON",
		    "missing:%s%s", bpf ? "" : " CAP_BPF", perfmon ? "" : " CAP_PERFMON");
	else if (in_user_namespace())
		add(l, CPT_FEATURE_MISSING, "privileges",
		    "run outside of the user namespace (a container of root's own, not a rootless "
		    "one)",
		    "those of a user namespace, which do not count for BPF");
	else
		add(l, CPT_FEATURE_OK, "privileges", "", "%s",
		    geteuid() ? "CAP_BPF and CAP_PERFMON" : "root");
}

/* What works without, and what it is for. */
static void list_more_caps(struct list *l)
{
	static const struct {
		unsigned int cap;
		const char *name, *word, *without;
	} more[] = {
		{CAP_SYS_PTRACE, "others' address spaces", "CAP_SYS_PTRACE",
		 "give it CAP_SYS_PTRACE too; without it locks and code of programs of other "
		 "users, or "
		 "that have changed user, have no names"},
		{CAP_SYS_NICE, "priority of the recorder", "CAP_SYS_NICE",
		 "give it CAP_SYS_NICE too; without it records can be lost where more is to run "
		 "than "
		 "there are CPUs"},
	};

	for (size_t i = 0; i < sizeof(more) / sizeof(*more); i++) {
		const bool there = has_cap(more[i].cap);

		add(l, there ? CPT_FEATURE_OK : CPT_FEATURE_DEGRADED, more[i].name, more[i].without,
		    "%s%s", there ? "" : "without ", more[i].word);
	}
	if (geteuid() != 0)
		add(l, CPT_FEATURE_DEGRADED, "names of tasks", "run as root (sudo)",
		    "those of other users are `another user`");
	add(l, CPT_FEATURE_OK, "tracefs, locked memory", "",
	    "not needed; RLIMIT_MEMLOCK stays as it is");
}

/* Whether unprivileged programs may use BPF is no matter here, but it is asked for when loading fails. */
static void list_unprivileged(struct list *l)
{
	FILE *f = fopen("/proc/sys/kernel/unprivileged_bpf_disabled", "re");
	int value = 0;

	if (!f)
		return;
	if (fscanf(f, "%d", &value) == 1)
		add(l, CPT_FEATURE_OK, "unprivileged BPF", "",
		    "%s (kernel.unprivileged_bpf_disabled=%d): %s", value ? "off" : "on", value,
		    value ? "no matter with CAP_BPF" : "probes need CAP_BPF all the same");
	fclose(f);
}

/* Their addresses, for --stacks and --sample: zeroes for whom the kernel does not trust. */
static void list_kernel_symbols(struct list *l)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	unsigned long long addr = 0;

	/* Per-CPU symbols, at 0 by right, come first on some kernels. */
	for (int i = 0; f && i < 100000 && !addr; i++)
		if (fscanf(f, "%llx%*[^\n]", &addr) != 1)
			break;
	if (f)
		fclose(f);
	add(l, addr ? CPT_FEATURE_OK : CPT_FEATURE_DEGRADED, "kernel's symbols",
	    f ? "run as root, or give it CAP_SYSLOG too, with sysctl kernel.kptr_restrict=1 or 0; "
		"without "
		"them frames of the kernel in --stacks have no names"
	      : "use a kernel with CONFIG_KALLSYMS",
	    "%s",
	    addr ? "can be read"
	    : f	 ? "addresses are hidden"
		 : "not in this kernel");
}

/* The stamps and words the probes read where they exist, and what is lost without. */
static const struct {
	const char *type, *member, *name, *without;
} optional[] = {
	{"sched_info", "last_arrival", "kernel's arrival stamps",
	 "switches that fire no event are timed less well (CONFIG_SCHED_INFO)"},
	{"sched_entity", "cfs_rq", "run queue of a task",
	 "wake-ups from interrupts are not told from tasks' own (CONFIG_FAIR_GROUP_SCHED)"},
	{"cfs_rq", "throttle_count", "CPU quota state",
	 "time held back by a CPU quota is not told apart (CONFIG_CFS_BANDWIDTH)"},
};

/* Rings have come and gone: what a kernel lacks is left out, and said. */
static void list_rings(struct list *l, const struct btf *btf)
{
	static const char *const wanted[] = {"io_uring_create", "io_uring_complete",
					     "io_uring_poll_arm", "io_uring_queue_async_work"};
	char missing[128] = "";

	if (tracepoint_args(btf, "io_uring_submit_req") < 0 &&
	    tracepoint_args(btf, "io_uring_submit_sqe") < 0)
		snprintf(missing, sizeof(missing), " io_uring_submit_req");
	for (size_t i = 0; i < sizeof(wanted) / sizeof(*wanted); i++) {
		if (tracepoint_args(btf, wanted[i]) >= 0)
			continue;
		strncat(missing, " ", sizeof(missing) - strlen(missing) - 1);
		strncat(missing, wanted[i], sizeof(missing) - strlen(missing) - 1);
	}
	add(l, *missing ? CPT_FEATURE_DEGRADED : CPT_FEATURE_OK, "operations of io_uring",
	    *missing ? "what these tell of rings is left out" : "",
	    *missing ? "missing:%s" : "followed%s", missing);
}

static void list_btf(struct list *l)
{
	static const char *const needed[] = {"sched_switch", "sched_waking", "task_newtask",
					     "sched_process_exec", "task_rename"};
	char err[256], missing[128] = "";
	struct cpt_kernel_facts facts;
	struct btf *btf;

	if (features__facts(&facts, err, sizeof(err))) {
		add(l, CPT_FEATURE_MISSING, "type information (BTF)",
		    "use a kernel built with CONFIG_DEBUG_INFO_BTF=y, as distributions' are",
		    "%.150s", err);
		return;
	}
	btf = btf__load_vmlinux_btf();
	if (!btf)
		return;
	add(l, CPT_FEATURE_OK, "type information (BTF)", "", "%u types", btf__type_cnt(btf));
	for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
		if (tracepoint_args(btf, needed[i]) >= 0)
			continue;
		strncat(missing, " ", sizeof(missing) - strlen(missing) - 1);
		strncat(missing, needed[i], sizeof(missing) - strlen(missing) - 1);
	}
	if (*missing)
		add(l, CPT_FEATURE_MISSING, "tracepoints", "use Linux 6.1 or later", "missing:%s",
		    missing);
	else
		add(l, CPT_FEATURE_OK, "tracepoints", "", "all there, sched_switch %s",
		    facts.switch_has_state ? "with the outgoing state"
					   : "without the outgoing state");
	add(l, facts.preempt_known ? CPT_FEATURE_OK : CPT_FEATURE_DEGRADED, "context of wake-ups",
	    "none; wakes from interrupts are then credited to the task they interrupted",
	    facts.preempt_known ? "preempt count found" : "preempt count not found");
	for (size_t i = 0; i < sizeof(optional) / sizeof(*optional); i++) {
		bool there = has_member(btf, optional[i].type, optional[i].member);

		add(l, there ? CPT_FEATURE_OK : CPT_FEATURE_DEGRADED, optional[i].name,
		    optional[i].without, "%s", there ? "there" : "not in this kernel");
	}
	list_rings(l, btf);
	add(l, tracepoint_args(btf, "sys_exit") >= 0 ? CPT_FEATURE_OK : CPT_FEATURE_DEGRADED,
	    "event loops",
	    "use a kernel with CONFIG_FTRACE_SYSCALLS; without it --loops off is all there is",
	    tracepoint_args(btf, "sys_exit") >= 0 ? "followed" : "missing: sys_exit");
	btf__free(btf);
}

static void list_maps(struct list *l)
{
	int storage = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_TASK_STORAGE, NULL);
	int ring = libbpf_probe_bpf_map_type(BPF_MAP_TYPE_RINGBUF, NULL);

	/* Programs have no line: libbpf's probe for tracing ones wants fentry, which some kernels refuse
	 * while they take tp_btf. Loading our own, further down, is the proof. */
	add(l, storage > 0 && ring > 0 ? CPT_FEATURE_OK : CPT_FEATURE_MISSING,
	    "task storage and ring buffer", "run as root on Linux 6.1 or later",
	    storage > 0 && ring > 0 ? "can be created" : "cannot be created");
}

static void list_lockdown(struct list *l)
{
	char text[64];

	if (!read_lockdown(text, sizeof(text)))
		return;
	if (strstr(text, "[confidentiality]"))
		add(l, CPT_FEATURE_MISSING, "kernel lockdown",
		    "boot without lockdown=confidentiality: it forbids programs to read kernel "
		    "memory",
		    "confidentiality");
	else
		add(l, CPT_FEATURE_OK, "kernel lockdown", "", "%s",
		    strstr(text, "[integrity]") ? "integrity, which does not stand in the way"
						: "none");
}

static void list_stats(struct list *l)
{
	FILE *f = fopen("/proc/sys/kernel/bpf_stats_enabled", "re");
	int on = 0;

	if (!f)
		return;
	if (fscanf(f, "%d", &on) != 1)
		on = 0;
	fclose(f);
	if (on)
		add(l, CPT_FEATURE_DEGRADED, "BPF statistics", "sysctl kernel.bpf_stats_enabled=0",
		    "on: every switch costs some 130 ns more");
}

size_t features__list(struct cpt_feature *list)
{
	struct list l = {.items = list};

	libbpf_set_print(NULL);
	list_kernel(&l);
	list_caps(&l);
	list_more_caps(&l);
	list_unprivileged(&l);
	list_btf(&l);
	list_maps(&l);
	list_lockdown(&l);
	list_kernel_symbols(&l);
	list_stats(&l);
	return l.cnt;
}
