// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* rights.c - see rights.h. */
#include "rights.h"

#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli.h"

#define CAPS_MAX 64

/* ---- who is behind sudo ------------------------------------------------------------------------ */

static bool number_of(const char *name, uint32_t *id)
{
	const char *s = getenv(name);
	uint64_t n;

	if (!s || cli_parse_number(s, strlen(s), &n) < 0 || n >= UINT32_MAX)
		return false;
	*id = (uint32_t)n;
	return true;
}

bool rights__behind(uid_t *uid, gid_t *gid)
{
	if (geteuid() != 0)
		return false;
	/* Nobody is to make this program root's for all; who does is not to be fooled by a variable. */
	if (getuid() != 0) {
		*uid = getuid();
		*gid = getgid();
		return true;
	}
	return number_of("SUDO_UID", uid) && number_of("SUDO_GID", gid) && *uid != 0;
}

uid_t rights__owner(void)
{
	uid_t uid;
	gid_t gid;

	return rights__behind(&uid, &gid) ? uid : getuid();
}

bool rights__is_behind(uid_t uid)
{
	uint32_t id;

	return uid != 0 && number_of("SUDO_UID", &id) && id == uid;
}

int rights__user(struct rights_user *u)
{
	struct passwd *pw;

	*u = (struct rights_user){0};
	if (!rights__behind(&u->uid, &u->gid))
		return 0;
	pw = getpwuid(u->uid);
	/* One that is in no file has the group that sudo names. */
	if (pw)
		getgrouplist(pw->pw_name, u->gid, NULL, &u->group_cnt);
	else
		u->group_cnt = 1;
	u->groups = calloc((size_t)u->group_cnt + 1, sizeof(*u->groups));
	if (!u->groups)
		return -ENOMEM;
	u->groups[0] = u->gid;
	if (pw && getgrouplist(pw->pw_name, u->gid, u->groups, &u->group_cnt) < 0)
		u->group_cnt = 1;
	return 0; /* NOLINT(clang-analyzer-unix.Malloc): rights__user_free frees it */
}

void rights__user_free(struct rights_user *u)
{
	free(u->groups);
	*u = (struct rights_user){0};
}

/* ---- acting on files as that user ---------------------------------------------------------------- */

/* Of this thread alone: the C library's setgroups() changes all of them. */
static int set_groups(int cnt, const gid_t *groups)
{
	return syscall(SYS_setgroups, cnt, groups) ? -errno : 0;
}

static int note_groups(struct rights_before *b)
{
	int cnt = getgroups(0, NULL);

	if (cnt < 0)
		return -errno;
	b->groups = calloc((size_t)cnt + 1, sizeof(*b->groups));
	if (!b->groups)
		return -ENOMEM;
	b->group_cnt = getgroups(cnt, b->groups);
	return b->group_cnt < 0 ? -errno : 0; /* NOLINT(clang-analyzer-unix.Malloc) */
}

/* Is somebody to be become? Once we have, we are not root any more. */
static bool is_behind(const struct rights_user *u)
{
	return u->group_cnt && geteuid() == 0;
}

int rights__as_user(const struct rights_user *u, struct rights_before *b)
{
	int err;

	*b = (struct rights_before){0};
	if (!is_behind(u))
		return 0;
	err = note_groups(b);
	if (!err)
		err = set_groups(u->group_cnt, u->groups);
	if (!err) {
		b->changed = true;
		b->gid = (gid_t)setfsgid(u->gid);
		/* With the number the kernel takes root's capabilities over files off, and gives them back with it. */
		b->uid = (uid_t)setfsuid(u->uid);
		/* Neither says whether it could. */
		if ((uid_t)setfsuid((uid_t)-1) != u->uid || (gid_t)setfsgid((gid_t)-1) != u->gid)
			err = -EPERM;
	}
	if (err)
		rights__as_before(b);
	return err;
}

void rights__as_before(struct rights_before *b)
{
	if (b->changed) {
		setfsuid(b->uid);
		setfsgid(b->gid);
		(void)set_groups(b->group_cnt, b->groups);
	}
	free(b->groups);
	*b = (struct rights_before){0};
}

/* ---- giving up ------------------------------------------------------------------------------------ */

struct caps {
	struct __user_cap_header_struct head;
	struct __user_cap_data_struct data[2];
};

static int get_caps(struct caps *c)
{
	*c = (struct caps){.head = {.version = _LINUX_CAPABILITY_VERSION_3}};
	return syscall(SYS_capget, &c->head, c->data) ? -errno : 0;
}

static uint64_t both(uint32_t low, uint32_t high)
{
	return low | (uint64_t)high << 32;
}

uint64_t rights__effective(void)
{
	struct caps c;

	return get_caps(&c) ? 0 : both(c.data[0].effective, c.data[1].effective);
}

static int set_caps(uint64_t kept)
{
	struct caps c;
	int err = get_caps(&c);

	if (err)
		return err;
	kept &= both(c.data[0].permitted, c.data[1].permitted);
	for (int half = 0; half < 2; half++) {
		const uint32_t bits = (uint32_t)(kept >> 32 * half);

		c.data[half] =
			(struct __user_cap_data_struct){.effective = bits, .permitted = bits};
	}
	return syscall(SYS_capset, &c.head, c.data) ? -errno : 0;
}

static int become(const struct rights_user *u)
{
	if (setgroups((size_t)u->group_cnt, u->groups) || setresgid(u->gid, u->gid, u->gid) ||
	    setresuid(u->uid, u->uid, u->uid))
		return -errno;
	return 0;
}

int rights__keep(uint64_t kept, const struct rights_user *u)
{
	int err = 0, ret;

	/* We execute nothing any more: what root executes would have all of these. */
	if (rights__effective() & RIGHT(CAP_SETPCAP))
		for (int cap = 0; cap < CAPS_MAX; cap++)
			(void)prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (is_behind(u)) {
		(void)prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
		err = become(u);
		(void)prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	}
	/* Also where that failed: less is better than more. */
	ret = set_caps(kept);
	return err ? err : ret;
}

bool rights__bpf_needs_none(void)
{
	const uint64_t bpf = RIGHT(CAP_BPF) | RIGHT(CAP_SYS_ADMIN);
	union bpf_attr attr = {.map_fd = (uint32_t)-1};
	struct caps c, less;
	bool refused;

	if (get_caps(&c))
		return false;
	less = c;
	for (int half = 0; half < 2; half++)
		less.data[half].effective &= (uint32_t)(~bpf >> 32 * half);
	if (syscall(SYS_capset, &less.head, less.data))
		return false;
	/* There is no such map: any other error means that it got so far as to look for it. */
	refused = syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) && errno == EPERM;
	return !syscall(SYS_capset, &c.head, c.data) && !refused;
}
