// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* word_ref.c - see word_ref.h. */
#include "word_ref.h"

#include "words.h"

#define FUTEX_CMD_MASK	      0x7f
#define FUTEX_CMD_WAIT	      0
#define FUTEX_CMD_WAIT_BITSET 9
#define FUTEX_PRIVATE	      0x80
#define FUTEX_REALTIME	      0x100

/* Where glibc 2.36 puts the words of its objects; all objects below are 8-aligned, so the lower of
 * two neighbouring words is too. */
#define CONDVAR_SIGNALS 0x28 /* and +4: what pthread_cond_wait sleeps on */
#define CONDVAR_REFS	0x10 /* and +4: a group that is being closed */
#define RWLOCK_PHASE	0x8  /* and +4: write phase, writers */
#define BARRIER_ROUND	0x4

static uint64_t pair_start(uint64_t addr, uint64_t off)
{
	return (addr & ~UINT64_C(7)) - off;
}

static void ref_wait(struct word_ref *ref, uint32_t val)
{
	if (val == 1)
		ref->kind = CPT_WORD_ONCE;
	else if (val == 3 || val == 5 || val == 7) {
		ref->kind = CPT_WORD_CONDVAR;
		ref->addr = pair_start(ref->addr, CONDVAR_REFS);
	}
}

static void ref_bitset(struct word_ref *ref, uint32_t op, uint32_t val)
{
	if (!val) {
		ref->kind = CPT_WORD_CONDVAR;
		ref->addr = pair_start(ref->addr, CONDVAR_SIGNALS);
	} else if (op & FUTEX_REALTIME && (val == 2 || val == 3)) {
		ref->kind = CPT_WORD_RWLOCK;
		ref->addr = pair_start(ref->addr, RWLOCK_PHASE);
	}
}

static void ref_futex(const struct cpt_wait *wait, struct word_ref *ref)
{
	const uint32_t op = (uint32_t)wait->arg1, val = (uint32_t)(wait->arg1 >> 32);

	ref->addr = wait->arg0;
	ref->shared = !(op & FUTEX_PRIVATE);
	switch (wait->object) {
	case CPT_FUTEX_MUTEX:
	case CPT_FUTEX_MUTEX_NO_OWNER:
		ref->kind = CPT_WORD_MUTEX;
		return;
	case CPT_FUTEX_MUTEX_ROBUST:
		ref->kind = CPT_WORD_ROBUST;
		return;
	case CPT_FUTEX_MUTEX_PI:
		ref->kind = CPT_WORD_PI;
		return;
	case CPT_FUTEX_SEM:
		ref->kind = CPT_WORD_SEM;
		return;
	default:
		break;
	}
	ref->kind = CPT_WORD_FUTEX;
	if ((op & FUTEX_CMD_MASK) == FUTEX_CMD_WAIT)
		ref_wait(ref, val);
	else if ((op & FUTEX_CMD_MASK) == FUTEX_CMD_WAIT_BITSET)
		ref_bitset(ref, op, val);
}

bool word_ref__of(const struct cpt_wait *wait, enum cpt_sys sys, struct word_ref *ref)
{
	*ref = (struct word_ref){.kind = CPT_WORD_FUTEX};
	if (sys_group(sys) != CPT_SYS_GROUP_FUTEX)
		return false;
	ref_futex(wait, ref);
	return true;
}
