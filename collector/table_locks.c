// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* table_locks.c - see table_locks.h. */
#include "table_locks.h"

#include <inttypes.h>

#include "analysis/words.h"

struct lock_row {
	struct cpt_lock lock;
	char address_text[24];
	const char *address, *symbol, *module, *word, *reason;
	uint32_t holder;
	uint64_t holder_ns;
};

#define R(member) offsetof(struct lock_row, member)
#define L(member) offsetof(struct lock_row, lock.member)
#define HOLDER_COL(name, str, text)                                                                \
	{"holder_" str "_ns", "of blocked_ns: its holder was blocked on " text, TABLE_U64,         \
	 L(holder_blocked_ns) + CPT_REASON_##name * sizeof(uint64_t)},

const struct table_col lock_cols[] = {
	{"pid", "process, the first that waited; 0: all locks not told apart", TABLE_U32, L(pid)},
	{"address", "of the object; file_lock: the descriptor", TABLE_STRING, R(address)},
	{"symbol", "its name, where one is known", TABLE_STRING, R(symbol)},
	{"module", "file or mapping it lies in; file_lock: the file", TABLE_STRING, R(module)},
	{"word", "mutex, robust_mutex, pi_mutex, rwlock, condvar ...", TABLE_STRING, R(word)},
	{"reason", "lock, handoff or kernel_lock", TABLE_STRING, R(reason)},
	{"shared", "more than one process waited for it", TABLE_BOOL, L(shared)},
	{"python_gil", "it is CPython's interpreter lock", TABLE_BOOL, L(python_gil)},
	{"python_gil_switch", "threads wait there that let that lock go, until it is taken",
	 TABLE_BOOL, L(python_gil_switch)},
	{"waits", "times a thread blocked on it", TABLE_U64, L(waits)},
	{"waiters", "different threads", TABLE_U32, L(waiters)},
	{"blocked_ns", "until the wake-up, summed over threads; the holder columns sum to it",
	 TABLE_U64, L(blocked_ns)},
	{"wake_delay_ns", "from the wake-up until they ran again", TABLE_U64, L(wake_delay_ns)},
	{"longest_ns", "the longest wait, until the wake-up", TABLE_U64, L(longest_ns)},
	{"waited_ns", "time in which at least one waited", TABLE_U64, L(waited_ns)},
	{"holder_running_ns", "of blocked_ns: its holder was on a CPU", TABLE_U64,
	 L(holder_running_ns)},
	{"holder_runnable_ns", "of blocked_ns: its holder wanted a CPU and had none", TABLE_U64,
	 L(holder_runnable_ns)},
	{"holder_unknown_ns", "of blocked_ns: who held it, or what it did, is not known", TABLE_U64,
	 L(holder_unknown_ns)},
	CPT_WAITING_REASONS(HOLDER_COL) CPT_PARKED_REASONS(HOLDER_COL){
		"top_holder", "number of the thread others waited for longest, 0 not known",
		TABLE_U32, R(holder)},
	{"top_holder_ns", "of blocked_ns: while that one held it", TABLE_U64, R(holder_ns)},
	{NULL, NULL, TABLE_U64, 0},
};

int write_locks(struct table_out *out, const struct cpt_report *r)
{
	struct lock_row row;
	uint32_t i;
	int err = 0;

	for (i = 0; i < r->locks_cnt && !err; i++) {
		row = (struct lock_row){.lock = r->locks[i]};
		snprintf(row.address_text, sizeof(row.address_text), "0x%" PRIx64, row.lock.addr);
		row.address = row.address_text;
		row.symbol = *row.lock.symbol ? row.lock.symbol : NULL;
		row.module = *row.lock.module ? row.lock.module : NULL;
		row.word = word_kind_name(row.lock.kind);
		row.reason = reason_name((enum cpt_reason)row.lock.reason);
		row.holder = row.lock.top_cnt ? row.lock.top[0].id : 0;
		row.holder_ns = row.lock.top_cnt ? row.lock.top[0].ns : 0;
		err = table_out__row(out, &row);
	}
	return err;
}
