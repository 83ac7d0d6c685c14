// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sqlite_views.c - see sqlite_views.h.
 *
 * Where a view sums intervals or steps its figures are the report's, exactly.
 */
#include "sqlite_views.h"

#include <stddef.h>

#include "analysis/states.h"

#define SPLIT_SUM(class, name, str, text)                                                          \
	" UNION ALL SELECT '" class##_WORD "', '" str "', SUM(" class##_WORD "_" str               \
									     "_ns) FROM ledger"
#define PARALLEL_WORD	"parallel"
#define CONCURRENT_WORD "concurrent"
#define SERIAL_WORD	"serial"
#define IDLE_WORD	"idle"

const struct sqlite_view sqlite_views[] = {
	{"where_time_went", "the classes of the wall-clock ledger and their splits",
	 "SELECT class, split, ns, ROUND(100.0 * ns / (SELECT window_ns FROM run), 3) AS percent "
	 "FROM (SELECT 'unknown' AS class, 'unknown' AS split, SUM(unknown_ns) AS ns FROM ledger"
	 /* the list of the definitions */
	 CPT_SPLITS(SPLIT_SUM) ") WHERE ns > 0 ORDER BY ns DESC"},
	{"busy_cpus", "for how long exactly so many CPUs ran the workload at once",
	 "WITH step AS (SELECT t, SUM(d) AS d FROM ("
	 "SELECT start_ns AS t, 1 AS d FROM intervals WHERE state = 'running' UNION ALL "
	 "SELECT end_ns, -1 FROM intervals WHERE state = 'running') GROUP BY t), "
	 "span AS (SELECT SUM(d) OVER (ORDER BY t) AS cpus, LEAD(t) OVER (ORDER BY t) - t AS ns "
	 "FROM step), "
	 "busy AS (SELECT cpus, SUM(ns) AS ns FROM span WHERE cpus > 0 GROUP BY cpus) "
	 "SELECT 0 AS cpus, (SELECT window_ns FROM run) - COALESCE((SELECT SUM(ns) FROM busy), 0) "
	 "AS ns UNION ALL SELECT cpus, ns FROM busy ORDER BY 1"},
	{"blocked_on", "what threads waited for or were parked in",
	 "SELECT state, reason, COUNT(DISTINCT id) AS threads, COUNT(*) AS stretches, "
	 "SUM(duration_ns) AS ns, MAX(duration_ns) AS longest_ns FROM intervals "
	 "WHERE reason IS NOT NULL GROUP BY state, reason ORDER BY ns DESC"},
	{"thread_states", "time of each thread in each state, summed over its intervals",
	 "SELECT id, name, state, reason, COUNT(*) AS stretches, SUM(duration_ns) AS ns "
	 "FROM intervals GROUP BY id, state, reason ORDER BY id, ns DESC"},
	{"by_name", "threads of one name together",
	 "SELECT name, COUNT(*) AS threads, SUM(life_ns) AS life_ns, SUM(running_ns) AS "
	 "running_ns, SUM(runnable_ns) AS runnable_ns, SUM(parallel_ns) AS parallel_ns, "
	 "SUM(voluntary + involuntary) AS switches, SUM(migrations) AS migrations "
	 "FROM threads GROUP BY name ORDER BY running_ns DESC"},
	{"worst_locks", "locks by the time threads were blocked for them, and their holders",
	 "SELECT COALESCE(symbol, word || ' ' || address) AS lock, module, reason, waits, "
	 "waiters, blocked_ns, ROUND(100.0 * holder_running_ns / blocked_ns, 1) AS "
	 "holder_ran_percent, t.name AS top_holder FROM locks LEFT JOIN threads t ON t.id = "
	 "top_holder ORDER BY blocked_ns DESC"},
	{"longest_waits", "single waits, the longest first",
	 "SELECT (start_ns - (SELECT window_start_ns FROM run)) / 1e9 AS at_s, duration_ns, name, "
	 "tid, reason, syscall, waker FROM intervals WHERE state = 'waiting' "
	 "ORDER BY duration_ns DESC"},
	{"who_wakes_whom", "whose waits end by whom",
	 "SELECT COALESCE(waker_name, by) AS waker, name, reason, SUM(wakes) AS wakes, "
	 "SUM(waited_ns) AS waited_ns FROM wakes GROUP BY 1, 2, 3 ORDER BY waited_ns DESC"},
	{"over_time", "CPUs busy and things in progress, step by step",
	 "SELECT (start_ns - (SELECT window_start_ns FROM run)) / 1e9 AS at_s, "
	 "1.0 * running_ns / span_ns AS cpus_busy, 1.0 * in_progress_ns / span_ns AS in_progress, "
	 "1.0 * runnable_ns / span_ns AS runnable, 1.0 * waiting_ns / span_ns AS waiting "
	 "FROM ledger WHERE span_ns > 0 ORDER BY start_ns"},
	{"why_idle", "what became of the CPU time allowed that did not run the workload",
	 "SELECT item, meaning, ns, ROUND(100.0 * ns / (SELECT SUM(ns) FROM budget), 3) AS percent "
	 "FROM budget WHERE item <> 'used' AND ns > 0 ORDER BY ns DESC"},
	{"account_bounds",
	 "between what the true figures of both accounts lie, high_ns NULL: nothing limits it; no "
	 "rows where lost events leave none of them open",
	 "SELECT SUBSTR(low.account, 1, 6) AS account, low.item, "
	 "COALESCE((SELECT SUM(ns) FROM accounts f WHERE f.account = SUBSTR(low.account, 1, 6) AND "
	 "(f.item = low.item OR low.item = 'total')), 0) AS ns, low.ns AS low_ns, "
	 "(SELECT ns FROM accounts h WHERE h.account = SUBSTR(low.account, 1, 6) || '_high' AND "
	 "h.item = low.item) AS high_ns "
	 "FROM accounts low WHERE low.account IN ('budget_low', 'demand_low') ORDER BY 1, 3 DESC"},
	{"ran_alone", "threads by the time they ran while no other did: the serial work",
	 "SELECT id, name, alone_ns, parallel_ns, ROUND(100.0 * alone_ns / (SELECT window_ns FROM "
	 "run), 3) AS percent_of_run FROM threads WHERE running_ns > 0 ORDER BY alone_ns DESC"},
	{"critical_path", "whose running and waiting took the whole run",
	 "SELECT name, COUNT(*) AS threads, SUM(total_ns) AS ns, ROUND(100.0 * SUM(total_ns) / "
	 "(SELECT window_ns FROM run), 3) AS percent, SUM(serial_ns) AS alone_ns, "
	 "SUM(parallel_ns) AS with_others_ns, SUM(runnable_ns) AS runnable_ns, "
	 "SUM(blocked_ns) AS blocked_ns FROM path GROUP BY name ORDER BY ns DESC"},
	{"event_loops", "what event loops did, and what blocked them most",
	 "SELECT name, tid, kind, epfd, life_ns, ROUND(100.0 * on_cpu, 3) AS on_cpu_percent, "
	 "ROUND(100.0 * blocked_ns / NULLIF(life_ns - unknown_ns, 0), 3) AS blocked_percent, "
	 "iterations, "
	 "stall_syscall, stall_count, stall_ns, stall_held_up FROM loops ORDER BY blocked_ns DESC"},
	{"serial_phases", "stretches of steps in which at most one CPU was busy, the longest first",
	 "WITH step AS (SELECT start_ns, span_ns, running_ns <= span_ns AS one, ROW_NUMBER() OVER "
	 "(ORDER BY start_ns) AS n FROM ledger WHERE span_ns > 0), "
	 "phased AS (SELECT *, n - ROW_NUMBER() OVER (PARTITION BY one ORDER BY n) AS phase "
	 "FROM step) "
	 "SELECT (MIN(start_ns) - (SELECT window_start_ns FROM run)) / 1e9 AS at_s, "
	 "SUM(span_ns) AS ns FROM phased WHERE one GROUP BY phase ORDER BY ns DESC"},
	{NULL, NULL, NULL},
};

const char *const sqlite_indexes[] = {
	"CREATE UNIQUE INDEX threads_id ON threads (id)",
	"CREATE INDEX threads_name ON threads (name)",
	"CREATE INDEX intervals_id ON intervals (id, start_ns)",
	"CREATE INDEX intervals_start ON intervals (start_ns)",
	"CREATE INDEX intervals_state ON intervals (state, reason, duration_ns)",
	"CREATE INDEX ledger_start ON ledger (start_ns)",
	"CREATE INDEX wakes_id ON wakes (id)",
	"CREATE INDEX wakes_waker ON wakes (waker)",
	NULL,
};
