/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * rights.h - whose rights are used for what, and which are given up.
 *
 * Owns:     who is behind sudo; acting on files as that user; giving up what is no longer needed.
 * Must not: know what is done with them, print.
 *
 *   as root under sudo   files are made, replaced and removed as the user behind it (rights__as_user);
 *                        once the probes are attached the process becomes that user (rights__keep)
 *   as root              once the probes are attached all capabilities go but those that are still needed
 *   as a user            likewise
 *
 * All threads of a program share what rights__keep leaves only if there is one: call it before others start.
 */
#ifndef CPT_RIGHTS_H
#define CPT_RIGHTS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define RIGHT(cap) (UINT64_C(1) << (cap)) /* cap: CAP_* of linux/capability.h */

/* A user, with the groups that the system's files give it. */
struct rights_user {
	uid_t uid;
	gid_t gid;
	gid_t *groups; /* owned */
	int group_cnt;
};

/* The user behind sudo, for a program that runs as root: by SUDO_UID and SUDO_GID, or the one whose program is
 * root's by its mode. False: there is none (or it is root), or we are not root. */
bool rights__behind(uid_t *uid, gid_t *gid);

/* The user whose recording it is: the one behind sudo, else who runs us. */
uid_t rights__owner(void);

/* Is this the user that SUDO_UID names? Also once we have become that user. */
bool rights__is_behind(uid_t uid);

/* Fills in the user behind sudo; group_cnt 0: there is none. 0 or -ENOMEM. The system's lists of users may be those
 * of a server, which takes its time: ask before probes are attached, whose records would not be fetched meanwhile. */
int rights__user(struct rights_user *u);
void rights__user_free(struct rights_user *u); /* zeroed is fine */

/* What a thread was before rights__as_user. */
struct rights_before {
	bool changed;
	uid_t uid;
	gid_t gid;
	gid_t *groups;
	int group_cnt;
};

/* From here on files are looked up, made and removed by this thread as that user: with its user and group numbers
 * and its groups, and without root's capabilities over files. Where there is none, or we have become that user,
 * nothing changes. 0, or -errno: then nothing has changed. */
int rights__as_user(const struct rights_user *u, struct rights_before *before);
void rights__as_before(struct rights_before *before);

/* Capabilities that can be used now (the effective set). */
uint64_t rights__effective(void);

/* Gives up, for good, all capabilities but those of `kept` (RIGHT()) that we have; a program that was executed from
 * here on would gain none. Root under sudo becomes the user behind it, u, for good too. 0, or -errno: some of it
 * failed. */
int rights__keep(uint64_t kept, const struct rights_user *u);

/* Does the kernel let programs be looked at, and maps be read, without CAP_BPF? (5.19 on; asked of it.) */
bool rights__bpf_needs_none(void);

#endif /* CPT_RIGHTS_H */
