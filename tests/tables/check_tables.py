#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_tables.py - what `export` writes loads into SQLite and DuckDB as it is, and queries over it
give the report's figures, exactly.

    check_tables.py --cpartrace PROGRAM [--duckdb DIR] [--sqlite] TRACE...

Every table as csv and jsonl: its columns are those the help explains, sqlite3's `.import --csv` and
DuckDB's readers take it without an option, and both hold as many rows. Of intervals, threads, ledger
and locks: sums against `report --json`, of the whole run and of parts of it. The database of
-f sqlite: its tables, its views, its own explanation. The openmetrics text: a strict parser, and sums.
"""

import argparse
import csv
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "live"))

import openmetrics  # noqa: E402

FILTERS = ((), ("--comm", "worker"), ("--time", "0.1,0.7"), ("--cpu", "0"), ("--in-progress", "sleep"))

# SQL that SQLite and DuckDB understand alike. {intervals}, {threads} ...: the tables. Numbers that sqlite3
# imported from csv are text until something is computed with them: + 0.
RUNNING = "(state = 'running')"
QUERIES = {
    "cpu_time": "SELECT SUM(end_ns - start_ns) AS ns FROM {intervals} WHERE state = 'running'",
    "runnable": "SELECT SUM(duration_ns) AS ns FROM {intervals} WHERE state = 'runnable'",
    "reasons": "SELECT state, reason, SUM(duration_ns) AS ns FROM {intervals} "
               "WHERE state IN ('waiting', 'parked') GROUP BY state, reason",
    "threads": "SELECT id + 0 AS id, state, SUM(duration_ns) AS ns FROM {intervals} GROUP BY 1, 2",
    "profile": "WITH step AS (SELECT t, SUM(d) AS d FROM (SELECT start_ns + 0 AS t, 1 AS d FROM "
               "{intervals} WHERE state = 'running' UNION ALL SELECT end_ns + 0, -1 FROM {intervals} "
               "WHERE state = 'running') AS e GROUP BY t), span AS (SELECT SUM(d) OVER (ORDER BY t) "
               "AS cpus, LEAD(t) OVER (ORDER BY t) - t AS ns FROM step) SELECT cpus, SUM(ns) AS ns "
               "FROM span WHERE cpus > 0 GROUP BY cpus ORDER BY cpus",
    "switched": "SELECT SUM(voluntary) AS voluntary, SUM(involuntary) AS involuntary FROM {threads}",
    "life": "SELECT SUM(life_ns) AS ns FROM {threads}",
    "ledger": "SELECT SUM(parallel_ns) AS parallel, SUM(concurrent_ns) AS concurrent, "
              "SUM(serial_ns) AS serial, SUM(idle_ns) AS idle, SUM(unknown_ns) AS \"unknown\", "
              "SUM(span_ns) AS span, SUM(running_ns) AS running, SUM(runnable_ns) AS runnable "
              "FROM {ledger}",
    "accounts": "SELECT account, item, SUM(ns) AS ns FROM {accounts} GROUP BY account, item",
    "locks": "SELECT COUNT(*) AS n, SUM(blocked_ns) AS ns, SUM(waits) AS waits FROM {locks}",
    "run": "SELECT window_ns + 0 AS \"window\", work_ns + 0 AS work, span_ns + 0 AS span, "
           "critical_path_known_ns + 0 AS \"known\" FROM {run}",
    "limits": "SELECT rank + 0 AS rank, cause, account, cost_ns + 0 AS ns, evidence FROM {limits} "
              "ORDER BY 1",
    "latency": "SELECT after, count + 0 AS n, sum_ns + 0 AS sum, p50_ns + 0 AS p50, p99_ns + 0 AS p99, "
               "max_ns + 0 AS max, migrated + 0 AS migrated FROM {latency}",
    "ceilings": "SELECT COUNT(*) AS n, SUM(turns) AS turns FROM {ceilings}",
    "strangers": "SELECT COUNT(*) AS n FROM {wakes} AS w LEFT JOIN {threads} AS t ON w.id = t.id "
                 "WHERE t.id IS NULL AND w.id + 0 > 0",
}

# Answers where a table has no rows. DuckDB reads its csv, by the head alone (check_without_rows), but has nothing
# to guess types from: it takes all columns for text, and refuses to sum them up.
EMPTY = {"locks": [{"n": 0, "ns": 0, "waits": 0}], "strangers": [{"n": 0}], "run": [], "limits": [],
         "latency": [], "ceilings": [{"n": 0, "turns": 0}],
         "cpu_time": [{"ns": 0}], "runnable": [{"ns": 0}], "life": [{"ns": 0}],
         "switched": [{"voluntary": 0, "involuntary": 0}], "reasons": [], "threads": [],
         "profile": [], "accounts": [],
         "ledger": [dict.fromkeys(("parallel", "concurrent", "serial", "idle", "unknown", "span",
                                   "running", "runnable"), 0)]}

VIEWS = ("where_time_went", "busy_cpus", "blocked_on", "thread_states", "by_name", "worst_locks",
         "longest_waits", "who_wakes_whom", "over_time", "why_idle", "account_bounds", "ran_alone", "critical_path",
         "event_loops", "serial_phases")


class Checker:
    def __init__(self, program, duckdb, trace, directory):
        self.program, self.duckdb, self.trace, self.dir = program, duckdb, trace, directory
        self.findings = []
        self.without_rows = 0

    def check(self, what, true, detail=""):
        if not true:
            self.findings.append(f"{os.path.basename(self.trace)}: {what}: {detail}")

    def equal(self, what, found, expected):
        self.check(what, found == expected, f"found {found!r}, expected {expected!r}")

    def run(self, *argv, stdin=None, status=(0, 4)):
        result = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=120,
                                env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"}, check=False)
        if result.returncode not in status:
            sys.exit(f"{' '.join(argv)}: status {result.returncode}: {result.stderr.strip()}")
        return result.stdout

    def export(self, name, *options):
        path = os.path.join(self.dir, name)
        self.run(self.program, "export", "-i", self.trace, "-o", path, *options)
        return path

    # ---- the two databases

    def sqlite(self, database, *statements):
        """Rows of the last statement."""
        out = self.run("sqlite3", "-json", database, *statements, status=(0,))
        return json.loads(out) if out.strip() else []

    def ask_duckdb(self, queries):
        out = self.run("node", os.path.join(HERE, "query.js"), self.duckdb,
                       stdin=json.dumps({"queries": queries}), status=(0,))
        return [[named(row) for row in rows] for rows in json.loads(out)]


def named(row):
    """DuckDB gives sums as text, for they may be larger than a number of JavaScript."""
    if isinstance(row, dict):
        return {key: whole(value) for key, value in row.items()}
    return [whole(value) for value in row]


def whole(value):
    return int(value) if isinstance(value, str) and re.fullmatch(r"-?\d+", value) else value


def tables_of(checker):
    """Names and documented columns, by the help."""
    text = checker.run(checker.program, "export", "--help")
    found = {}
    for name, body in re.findall(r"^Table (\w+): [^\n]*\n((?:  [^\n]*\n)+)", text, re.M):
        found[name] = re.findall(r"^  (\w+) ", body, re.M)
    return found


def check_forms(checker, tables, filters):
    """Each table in both forms; returns the csv files by table."""
    files = {}
    for name, columns in tables.items():
        files[name] = checker.export(name + ".csv", "-f", "csv", "--table", name, *filters)
        lines = checker.export(name + ".jsonl", "-f", "jsonl", "--table", name, *filters)
        with open(files[name], encoding="utf-8", newline="") as source:
            rows = list(csv.DictReader(io.StringIO(source.read(), newline="")))
        with open(files[name], encoding="utf-8") as source:
            head = source.readline().strip().split(",")
        checker.equal(f"columns of {name} as documented", head, columns)
        with open(lines, encoding="utf-8") as source:
            objects = [json.loads(line) for line in source]
        checker.equal(f"rows of {name} as jsonl", len(objects), len(rows))
        for row, one in zip(rows, objects):
            same = {key: text_of(value) for key, value in one.items()}
            # Names that do harm stand in csv escaped, and as they are in jsonl: check_hostile.py judges those.
            plain = {key for key, value in same.items() if value.isprintable() and "\ufffd" not in value}
            if list(row) != list(same) or any(row[key] != same[key] for key in plain):
                checker.check(f"{name}: a row of csv is that of jsonl", False, f"{row} {same}")
                break
    return files


def text_of(value):
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    return str(value)


def check_answers(checker, what, answers, report):
    """Queries' answers, by name, against the report."""
    sums = {name: rows for name, rows in zip(QUERIES, answers)}
    checker.equal(f"{what}: CPU time", sums["cpu_time"][0]["ns"] or 0, report["cpu_time_ns"])
    checker.equal(f"{what}: runnable", sums["runnable"][0]["ns"] or 0, report["runnable_ns"])
    for state in ("waiting", "parked"):
        checker.equal(f"{what}: {state} by reason",
                      {row["reason"]: row["ns"] for row in sums["reasons"]
                       if row["state"] == state}, report[f"{state}_ns"])
    for thread in report["threads"]:
        states = {row["state"]: row["ns"] for row in sums["threads"] if row["id"] == thread["id"]}
        expected = {"running": thread["running_ns"], "runnable": thread["runnable_ns"],
                    "unknown": thread["unknown_ns"], "waiting": sum(thread["waiting_ns"].values()),
                    "parked": sum(thread["parked_ns"].values())}
        checker.equal(f"{what}: states of thread {thread['id']}", states,
                      {state: ns for state, ns in expected.items() if ns})
    profile = {int(row["cpus"]): row["ns"] for row in sums["profile"] if row["ns"]}
    checker.equal(f"{what}: profile of CPUs busy", profile,
                  {k: ns for k, ns in enumerate(report["parallelism"]["profile_ns"]) if k and ns})
    for key in ("voluntary", "involuntary"):
        checker.equal(f"{what}: {key} switches", sums["switched"][0][key] or 0,
                      sum(thread["switches"][key] for thread in report["threads"]))
    checker.equal(f"{what}: lives", sums["life"][0]["ns"] or 0,
                  sum(thread["life_ns"] for thread in report["threads"]))
    ledger = sums["ledger"][0]
    for name in ("parallel", "concurrent", "serial", "idle", "unknown"):
        checker.equal(f"{what}: {name}", ledger[name] or 0, report["ledger_ns"][name])
    checker.equal(f"{what}: the steps", ledger["span"] or 0, report["window_ns"])
    checker.equal(f"{what}: running, by steps", ledger["running"] or 0, report["cpu_time_ns"])
    checker.equal(f"{what}: runnable, by steps", ledger["runnable"] or 0, report["runnable_ns"])
    for account in ("budget", "demand"):
        checker.equal(f"{what}: {account}",
                      {row["item"]: row["ns"] for row in sums["accounts"]
                       if row["account"] == account},
                      {key: ns for key, ns in report[f"{account}_ns"].items() if key != "total"})
    checker.equal(f"{what}: tenants", sum(row["ns"] for row in sums["accounts"]
                                          if row["account"] == "tenants"),
                  sum(tenant["cpu_ns"] for tenant in report.get("tenants", [])))
    checker.equal(f"{what}: woken that are no threads", sums["strangers"][0]["n"], 0)
    locks = sums["locks"][0]
    checker.equal(f"{what}: locks", (locks["n"], locks["ns"] or 0, locks["waits"] or 0),
                  (len(report["locks"]), sum(lock["blocked_ns"] for lock in report["locks"]),
                   sum(lock["waits"] for lock in report["locks"])))
    check_answers_of_run(checker, what, sums, report)


def check_answers_of_run(checker, what, sums, report):
    """What is said of the run as a whole."""
    checker.equal(f"{what}: run", sums["run"],
                  [{"window": report["window_ns"], "work": report["work_span"]["work_ns"],
                    "span": report["work_span"]["span_ns"],
                    "known": report["critical_path"]["known_waker_ns"]}])
    checker.equal(f"{what}: limits", sums["limits"],
                  [{"rank": rank, "cause": limit["cause"], "account": limit["account"],
                    "ns": limit["cost_ns"], "evidence": limit["evidence"]}
                   for rank, limit in enumerate(report["verdict"]["limits"], 1)])
    keys = {"n": "count", "sum": "sum", "p50": "p50", "p99": "p99", "max": "max", "migrated": "migrated"}
    checker.equal(f"{what}: latency",
                  {row["after"]: {key: row[key] for key in keys} for row in sums["latency"]},
                  {after: {key: latency[name] for key, name in keys.items()}
                   for after, latency in report["run_queue_latency_ns"].items()})
    ceilings = sums["ceilings"][0]
    checker.equal(f"{what}: ceilings", (ceilings["n"], ceilings["turns"] or 0),
                  (len(report["ceilings"]), sum(one["turns"] for one in report["ceilings"])))


def check_csv(checker, files, tables, report):
    """The files as they are in both databases."""
    database = os.path.join(checker.dir, "imported.db")
    statements = [f".import --csv {path} {name}" for name, path in files.items()]
    # What .import leaves empty is an empty text; a table without rows has no types to guess from.
    checker.run("sqlite3", database, *statements, status=(0,))
    plain = {name: f'"{name}"' for name in tables}
    check_answers(checker, "sqlite3 .import",
                  [checker.sqlite(database, query.format(**plain)) for query in QUERIES.values()],
                  report)
    rows = {}
    for name, path in files.items():
        with open(path, encoding="utf-8") as source:
            rows[name] = sum(1 for _ in source) - 1
    check_without_rows(checker, database, tables,
                       {name: path for name, path in files.items() if not rows[name]})
    os.unlink(database)
    for form, reader in (("csv", "read_csv"), ("jsonl", "read_json")) if checker.duckdb else ():
        views = [f"CREATE VIEW \"{name}\" AS SELECT * FROM {reader}('{path[:-3]}{form}')"
                 for name, path in files.items() if rows[name]]
        asked = {name: query.format(**plain) for name, query in QUERIES.items()
                 if all(rows[table] for table in re.findall(r"{(\w+)}", query))}
        answers = dict(zip(asked, checker.ask_duckdb([*views, *asked.values()])[len(views):]))
        answers = [answers.get(name) or EMPTY[name] for name in QUERIES]
        check_answers(checker, f"DuckDB {form}", answers, report)


def check_without_rows(checker, database, tables, files):
    """A csv with a head and no rows is a table with these columns; a jsonl without lines has no rows."""
    checker.without_rows += len(files)
    for name in files:
        checker.equal(f"sqlite3 .import: columns of the empty {name}",
                      [row["name"] for row in checker.sqlite(database, f'PRAGMA table_info("{name}")')],
                      tables[name])
        checker.equal(f"sqlite3 .import: rows of the empty {name}",
                      checker.sqlite(database, f'SELECT COUNT(*) AS n FROM "{name}"'), [{"n": 0}])
    if not checker.duckdb or not files:
        return
    answers = checker.ask_duckdb([query for path in files.values() for query in (
        f"DESCRIBE SELECT * FROM read_csv('{path}')", f"SELECT COUNT(*) AS n FROM read_csv('{path}')",
        f"SELECT COUNT(*) AS n FROM read_json('{path[:-3]}jsonl')")])
    for i, name in enumerate(files):
        columns, in_csv, in_json = answers[3 * i:3 * i + 3]
        checker.equal(f"DuckDB csv: columns of the empty {name}",
                      [row["column_name"] for row in columns], tables[name])
        checker.equal(f"DuckDB: rows of the empty {name}", (in_csv, in_json), ([{"n": 0}], [{"n": 0}]))


def check_database(checker, tables, report, filters):
    database = checker.export("run.db", "-f", "sqlite", *filters)
    plain = {name: name for name in tables}
    checker.equal("integrity", checker.sqlite(database, "PRAGMA integrity_check"),
                  [{"integrity_check": "ok"}])
    check_answers(checker, "-f sqlite",
                  [checker.sqlite(database, query.format(**plain)) for query in QUERIES.values()],
                  report)
    run = checker.sqlite(database, "SELECT * FROM run")[0]
    for key in ("window_ns", "cpu_time_ns", "window_start_ns"):
        checker.equal(f"run.{key}", run[key], report[key])
    checker.equal("run.summary", run["summary"], report["verdict"]["summary"])
    checker.equal("run.filters", run["filters"] is not None, bool(filters))
    for key, found in (("speedup_bound", report["work_span"]["speedup_bound"]),
                       ("span_parallelism", report["work_span"]["parallelism"]),
                       ("effective", report["parallelism"]["effective"])):
        checker.check(f"run.{key}", abs(run[key] - (found or 0)) < 1e-6, (run[key], found))
    for item in ("budget", "demand"):
        checker.equal(item, {row["item"]: row["ns"] for row in
                             checker.sqlite(database, f"SELECT item, ns FROM {item}")},
                      {key: ns for key, ns in report[f"{item}_ns"].items()
                       if isinstance(ns, int) and key != "total"})
    profile = [row["ns"] for row in
               checker.sqlite(database, "SELECT ns FROM parallelism_profile ORDER BY cpus")]
    checker.equal("parallelism_profile", profile, report["parallelism"]["profile_ns"])
    if not report["ledger_ns"]["unknown"]:
        busy = {row["cpus"]: row["ns"] for row in
                checker.sqlite(database, "SELECT * FROM busy_cpus") if row["ns"]}
        checker.equal("view busy_cpus", busy, {k: ns for k, ns in enumerate(profile) if ns})
    check_views(checker, database, report)
    check_answers_of_views(checker, database, report)
    check_explanation(checker, database)


def check_views(checker, database, report):
    views = {row["name"] for row in checker.sqlite(
        database, "SELECT name FROM sqlite_master WHERE type = 'view'")}
    checker.equal("views", views, set(VIEWS))
    for view in VIEWS:
        checker.sqlite(database, f"SELECT * FROM {view}")
    classes = {}
    for row in checker.sqlite(database, "SELECT * FROM where_time_went"):
        classes[row["class"]] = classes.get(row["class"], 0) + row["ns"]
        if row["class"] != "unknown":
            checker.equal(f"split {row['split']}", row["ns"],
                          report["ledger_ns"][row["class"] + "_split"][row["split"]])
    checker.equal("view where_time_went", classes,
                  {name: ns for name, ns in report["ledger_ns"].items()
                   if isinstance(ns, int) and ns})
    blocked = {(row["state"], row["reason"]): row["ns"] for row in
               checker.sqlite(database, "SELECT * FROM blocked_on")}
    checker.equal("view blocked_on", blocked,
                  {(state, reason): ns for state in ("waiting", "parked")
                   for reason, ns in report[state + "_ns"].items()})
    locks = checker.sqlite(database, "SELECT * FROM worst_locks")
    checker.equal("view worst_locks", [row["blocked_ns"] for row in locks],
                  sorted((lock["blocked_ns"] for lock in report["locks"]), reverse=True))
    bounds = {(row["account"], row["item"]): (row["ns"], row["low_ns"], row["high_ns"]) for row in
              checker.sqlite(database, "SELECT * FROM account_bounds")}
    checker.equal("view account_bounds", bounds,
                  {(account, item): (report[account + "_ns"].get(item, 0), *pair)
                   for account in ("budget", "demand")
                   for item, pair in report["bounds"].get(account + "_ns", {}).items()})
    waits = checker.sqlite(database, "SELECT * FROM longest_waits")
    checker.equal("view longest_waits", sum(row["duration_ns"] for row in waits),
                  sum(report["waiting_ns"].values()))


def check_answers_of_views(checker, database, report):
    """The further views: their figures are the report's."""
    why = checker.sqlite(database, "SELECT * FROM why_idle")
    checker.equal("view why_idle", {row["item"]: row["ns"] for row in why},
                  {item: ns for item, ns in report["budget_ns"].items()
                   if item not in ("total", "used") and ns})
    checker.equal("view ran_alone", {row["id"]: row["alone_ns"] for row in
                                     checker.sqlite(database, "SELECT * FROM ran_alone")},
                  {thread["id"]: thread["alone_ns"] for thread in report["threads"]
                   if thread["running_ns"]})
    path = checker.sqlite(database, "SELECT * FROM critical_path")
    by_name = {part["name"]: part["total_ns"] for part in report["critical_path"]["by_name"]}
    # What is no plain text is escaped in a database (check_hostile.py).
    plain = {name for name in by_name if name.isprintable()}
    checker.equal("view critical_path", {row["name"]: row["ns"] for row in path if row["name"] in plain},
                  {name: by_name[name] for name in plain})
    checker.equal("view critical_path: times", sorted(row["ns"] for row in path), sorted(by_name.values()))
    loops = checker.sqlite(database, "SELECT * FROM event_loops")
    checker.equal("view event_loops", len(loops), len(report.get("event_loops", [])))
    phases = checker.sqlite(database, "SELECT * FROM serial_phases")
    steps = checker.sqlite(database, "SELECT SUM(span_ns) AS ns FROM ledger "
                                     "WHERE running_ns <= span_ns")
    checker.equal("view serial_phases", sum(row["ns"] for row in phases), steps[0]["ns"] or 0)


def check_explanation(checker, database):
    """The table `columns` knows every table, column and view, and the indexes are there."""
    told = {(row["table"], row["column"]) for row in
            checker.sqlite(database, 'SELECT "table", "column" FROM columns')}
    for row in checker.sqlite(database, "SELECT type, name FROM sqlite_master "
                                        "WHERE type IN ('table', 'view') AND name <> 'columns'"):
        if row["type"] == "view":
            checker.check(f"view {row['name']} is explained", (row["name"], None) in told)
            continue
        for column in checker.sqlite(database, f"PRAGMA table_info({row['name']})"):
            checker.check(f"{row['name']}.{column['name']} is explained",
                          (row["name"], column["name"]) in told)
    plan = checker.run("sqlite3", database, "EXPLAIN QUERY PLAN SELECT * FROM intervals "
                       "WHERE id = 3 ORDER BY start_ns", status=(0,))
    checker.check("an index finds a thread's intervals", "USING INDEX intervals_id" in plan, plan)


def check_account_bounds(checker, families, bounds, filters):
    """Pairs of the budget and of the demand: as many in each output, and the same."""
    with open(checker.export("accounts.csv", "-f", "csv", "--table", "accounts", *filters),
              encoding="utf-8", newline="") as source:
        rows = {(row["account"], row["item"]): int(row["ns"]) for row in csv.DictReader(source)}
    for account in ("budget", "demand"):
        told = bounds.get(account + "_ns", {})
        ends = {(f"{account}_{end}", item): pair[i] for item, pair in told.items()
                for i, end in enumerate(("low", "high")) if pair[i] is not None}
        checker.equal(f"accounts: bounds of the {account}",
                      {key: ns for key, ns in rows.items() if key[0].startswith(account + "_")}, ends)
        family = families.get(f"cpartrace_run_{account}_bound_seconds")
        samples = {(sample.labels["item"], sample.labels["bound"]): sample.value
                   for sample in family.samples} if family else {}
        told = {(item, end): float("inf") if pair[i] is None else pair[i] / 1e9
                for item, pair in told.items() if item != "total"
                for i, end in enumerate(("low", "high"))}
        checker.check(f"openmetrics: bounds of the {account}", samples.keys() == told.keys() and
                      all(samples[key] == told[key] or abs(samples[key] - told[key]) <= 1e-8
                          for key in told), f"found {samples}, expected {told}")


def check_bounds(checker, families, report, filters):
    """What the report hedges, the other outputs do."""
    bounds, found = report["bounds"], {}
    for family in ("parallelism_bound", "tlp_bound", "concurrency_bound", "cpu_bound_seconds"):
        for sample in families["cpartrace_run_" + family].samples if bounds["open"] else ():
            found.setdefault(family, []).append(sample.value)
    checker.equal("openmetrics: there are bounds where something is in doubt",
                  "cpartrace_run_parallelism_bound" in families, bounds["open"])
    for family, pair, unit in (("parallelism_bound", bounds["parallelism"]["average"], 1),
                               ("tlp_bound", bounds["parallelism"]["tlp"], 1),
                               ("concurrency_bound", bounds["concurrency"]["average"], 1),
                               ("cpu_bound_seconds", bounds["cpu_time_ns"], 1e9)):
        pair = [float("inf") if end is None else end / unit for end in pair]
        said = found.get(family, pair)
        checker.check(f"openmetrics: {family}",
                      all(a == b or abs(a - b) <= 1e-8 * max(1, b) for a, b in zip(said, pair)),
                      f"found {said}, expected {pair}")
    check_account_bounds(checker, families, bounds, filters)
    with open(checker.export("run.csv", "-f", "csv", "--table", "run", *filters),
              encoding="utf-8", newline="") as source:
        row = list(csv.DictReader(source))[0]
    for column, pair in (("parallelism", bounds["parallelism"]["average"]),
                         ("tlp", bounds["parallelism"]["tlp"]),
                         ("concurrency", bounds["concurrency"]["average"])):
        for end, value in zip(("low", "high"), pair):
            said = float(row[f"{column}_{end}"])
            checker.check(f"run: {column}_{end}", abs(said - (-1 if value is None else value)) <= 1e-6,
                          f"found {said}, expected {value}")


def check_openmetrics(checker, report, filters):
    path = checker.export("run.prom", "-f", "openmetrics", *filters)
    checker.equal("mode of the openmetrics file", os.stat(path).st_mode & 0o777, 0o644)
    with open(path, encoding="utf-8", newline="") as source:
        try:
            families = openmetrics.parse(source.read())
        except openmetrics.Invalid as err:
            checker.check("openmetrics", False, str(err))
            return

    def nanoseconds(family):
        return [(sample.labels, round(sample.value * 1e9))
                for sample in families["cpartrace_run_" + family].samples]

    checker.equal("openmetrics: window", nanoseconds("window_seconds")[0][1], report["window_ns"])
    checker.equal("openmetrics: CPU time", nanoseconds("cpu_seconds")[0][1], report["cpu_time_ns"])
    checker.equal("openmetrics: classes",
                  {labels["class"]: ns for labels, ns in nanoseconds("class_seconds")},
                  {name: ns for name, ns in report["ledger_ns"].items() if isinstance(ns, int)})
    checker.equal("openmetrics: profile", [ns for _, ns in nanoseconds("busy_seconds")],
                  report["parallelism"]["profile_ns"])
    checker.equal("openmetrics: budget", sum(ns for _, ns in nanoseconds("budget_seconds")),
                  report["budget_ns"]["total"])

    def number(family):
        found = families.get("cpartrace_run_" + family)
        return found.samples[0].value if found else None

    known, loops = report["parallelism"]["effective"], bool(report["epoll_instances"])
    for family, value in (
            ("effective_parallelism", known), ("spin_ratio", report["spin"]["share"]),
            ("effective_parallelism_error", report["spin"]["effective_error"]),
            ("spin_error_ratio", report["spin"]["share_error"]),
            ("in_flight", report["in_flight"]["operations_average"] if loops else None),
            ("in_flight_beyond_threads", report["in_flight"]["average"] if loops else None)):
        found = number(family)
        checker.check(f"openmetrics: {family}", found == value or
                      (None not in (found, value) and abs(found - value) <= 1e-8 * max(1, value)),
                      f"found {found}, expected {value}")
    checker.equal("openmetrics: verdict",
                  [sample.labels["class"] for sample in
                   families["cpartrace_run_verdict"].samples if sample.value],
                  [report["verdict"]["class"]])
    check_bounds(checker, families, report, filters)


def check_refusals(checker):
    for argv, said in ((("-f", "sqlite"), "a database is a file"),
                       (("-f", "sqlite", "-o", "-"), "a database is a file"),
                       (("-f", "sqlite", "-o", "/dev/full"), "regular file"),
                       (("-f", "sqlite", "-o", os.path.join(checker.dir, "no", "x.db")),
                        "cannot create")):
        result = subprocess.run([checker.program, "export", "-i", checker.trace, *argv],
                                capture_output=True, text=True, timeout=60, check=False)
        checker.check(f"export {argv[2:]} is refused", result.returncode in (1, 2), result.stderr)
        checker.check(f"export {argv[2:]} says why", said in result.stderr, result.stderr)
    left = [name for name in os.listdir(checker.dir) if name.endswith(".tmp")]
    checker.equal("temporary files left", left, [])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--duckdb", help="where npm installed its module; without: SQLite alone")
    parser.add_argument("--sqlite", action="store_true", help="the program can write databases")
    parser.add_argument("--lossy", help="program that writes a trace with as many losses as asked for")
    parser.add_argument("traces", nargs="+")
    options = parser.parse_args()
    missing = [tool for tool in ("sqlite3", "node") if not shutil.which(tool)]
    if missing:
        sys.exit(f"not installed: {', '.join(missing)}; bootstrap.sh installs them")
    with tempfile.TemporaryDirectory(prefix="cpartrace-lossy-") as directory:
        if options.lossy:
            options.traces.append(os.path.join(directory, "lossy.cptrace"))
            subprocess.run([options.lossy, options.traces[-1], "20", "60000", "2", "10"], check=True, timeout=60)
        return check_traces(options)


def check_traces(options):
    findings, checks, without_rows, open_ones = [], 0, 0, 0
    for trace in options.traces:
        for filters in FILTERS:
            with tempfile.TemporaryDirectory(prefix="cpartrace-tables-") as directory:
                checker = Checker(options.cpartrace, options.duckdb, trace, directory)
                report = json.loads(checker.run(checker.program, "report", "-i", trace, "--json",
                                                *filters))
                open_ones += "budget_ns" in report["bounds"]
                tables = tables_of(checker)
                files = check_forms(checker, tables, filters)
                check_csv(checker, files, tables, report)
                if options.sqlite:
                    check_database(checker, tables, report, filters)
                    check_refusals(checker)
                check_openmetrics(checker, report, filters)
                findings += [f"{' '.join(filters)} {finding}" for finding in checker.findings]
                checks += 1
                without_rows += checker.without_rows
    for finding in findings:
        print(finding)
    print(f"{checks} exports checked, {without_rows} tables without rows, {len(findings)} findings")
    if options.lossy and not open_ones:
        print("no account is open: its bounds are not tested")
    return 1 if findings or not checks or not without_rows or (options.lossy and not open_ones) else 0


if __name__ == "__main__":
    sys.exit(main())
