// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* word_ref.c - see word_ref.h. */
#include "word_ref.h"

#include "wait_class.h"
#include "words.h"

#define FUTEX_CMD_MASK	      0x7f
#define FUTEX_CMD_WAIT	      0
#define FUTEX_CMD_WAIT_BITSET 9
#define FUTEX_PRIVATE	      0x80

/* Where glibc's objects have the words they are waited on by; the objects are 8-aligned, so of two
 * words side by side the lower one is too. futex.bpf.h draws them. */
#define CONDVAR_REFS	    0x10
#define CONDVAR_LOCK	    0x20 /* its two low bits */
#define CONDVAR_SIGNALS	    0x28
#define CONDVAR_241_LOCK    0x18
#define CONDVAR_241_SIGNALS 0x20
#define RWLOCK_PHASE	    0x8
#define BARRIER_ROUND	    0x4

static uint64_t pair_start(uint64_t addr, uint64_t off)
{
	return (addr & ~UINT64_C(7)) - off;
}

static uint32_t command(const struct cpt_wait *wait)
{
	return (uint32_t)wait->arg1 & FUTEX_CMD_MASK;
}

static uint64_t condvar_start(const struct cpt_wait *wait)
{
	if (command(wait) != FUTEX_CMD_WAIT)
		return pair_start(wait->arg0, CONDVAR_SIGNALS);
	if (wait->arg1 >> 32 & 1)
		return pair_start(wait->arg0, CONDVAR_REFS);
	return wait->arg0 - CONDVAR_LOCK;
}

static uint64_t condvar_241_start(const struct cpt_wait *wait)
{
	if (command(wait) != FUTEX_CMD_WAIT)
		return pair_start(wait->arg0, CONDVAR_241_SIGNALS);
	return wait->arg0 - CONDVAR_241_LOCK;
}

static void ref_futex(const struct cpt_wait *wait, struct word_ref *ref)
{
	ref->addr = wait->arg0;
	ref->shared = !(wait->arg1 & FUTEX_PRIVATE);
	ref->unread = wait->object == CPT_FUTEX_UNREAD;
	switch (wait->object) {
	case CPT_FUTEX_MUTEX:
	case CPT_FUTEX_MUTEX_NO_OWNER:
		ref->kind = CPT_WORD_MUTEX;
		break;
	case CPT_FUTEX_MUTEX_ROBUST:
		ref->kind = CPT_WORD_ROBUST;
		break;
	case CPT_FUTEX_MUTEX_PI:
		ref->kind = CPT_WORD_PI;
		break;
	case CPT_FUTEX_SEM:
		ref->kind = CPT_WORD_SEM;
		break;
	case CPT_FUTEX_CONDVAR:
		ref->kind = CPT_WORD_CONDVAR;
		ref->addr = condvar_start(wait);
		break;
	case CPT_FUTEX_CONDVAR_241:
		ref->kind = CPT_WORD_CONDVAR;
		ref->addr = condvar_241_start(wait);
		break;
	case CPT_FUTEX_RWLOCK:
		ref->kind = CPT_WORD_RWLOCK;
		ref->addr = pair_start(wait->arg0, RWLOCK_PHASE);
		break;
	case CPT_FUTEX_BARRIER:
		ref->kind = CPT_WORD_BARRIER;
		ref->addr = wait->arg0 - BARRIER_ROUND;
		break;
	default:
		ref->kind = CPT_WORD_FUTEX;
		break;
	}
}

bool word_ref__of(const struct cpt_wait *wait, enum cpt_sys sys, struct word_ref *ref)
{
	*ref = (struct word_ref){.kind = CPT_WORD_FUTEX};
	if (wait_is_on_mmap_lock(wait, sys)) {
		ref->kind = CPT_WORD_KERNEL;
		return true;
	}
	if (wait_is_file_lock(wait, sys)) {
		ref->kind = CPT_WORD_FILE_LOCK;
		ref->addr = wait->arg0;
		return true;
	}
	if (sys_group(sys) != CPT_SYS_GROUP_FUTEX)
		return false;
	ref_futex(wait, ref);
	return true;
}

unsigned int word_ref__candidates(const struct cpt_wait *wait, struct word_ref refs[WORD_REFS_MAX])
{
	const uint32_t val = (uint32_t)(wait->arg1 >> 32);
	unsigned int cnt = 0;

	if (command(wait) == FUTEX_CMD_WAIT_BITSET && !val)
		refs[cnt++] =
			(struct word_ref){.addr = condvar_start(wait), .kind = CPT_WORD_CONDVAR};
	if (command(wait) == FUTEX_CMD_WAIT_BITSET && (val == 2 || val == 3))
		refs[cnt++] = (struct word_ref){.addr = pair_start(wait->arg0, RWLOCK_PHASE),
						.kind = CPT_WORD_RWLOCK};
	if (command(wait) == FUTEX_CMD_WAIT_BITSET)
		refs[cnt++] = (struct word_ref){.addr = condvar_241_start(wait),
						.kind = CPT_WORD_CONDVAR};
	if (command(wait) == FUTEX_CMD_WAIT)
		refs[cnt++] = (struct word_ref){.addr = wait->arg0 - BARRIER_ROUND,
						.kind = CPT_WORD_BARRIER};
	return cnt;
}
