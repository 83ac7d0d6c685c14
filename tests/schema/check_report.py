#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Checks JSON reports: against report.schema.json, and against every identity a report must
satisfy exactly.

Owns: the identities, as functions of the JSON alone. Must not know: how a report came about.

    check_report.py FILE...      one line per finding; status 1 if there was any
    check_report.py --self-test  the checks themselves, on a report drawn by hand
"""

import copy
import json
import os
import sys

import jsonschema

SCHEMA_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "report.schema.json")

# Printed averages carry at least this many decimals.
RATIO_TOLERANCE = 0.001


def load_schema():
    with open(SCHEMA_PATH, encoding="utf-8") as schema:
        return json.load(schema)


def schema_findings(report):
    """What of the report the schema does not allow, one line each."""
    validator = jsonschema.Draft202012Validator(load_schema())
    findings = []
    for error in sorted(validator.iter_errors(report), key=lambda e: [str(p) for p in e.path]):
        where = ".".join(str(part) for part in error.path) or "report"
        findings.append(f"schema: {where}: {error.message[:200]}")
    return findings


def identity_findings(report):
    """Which identities the report breaks, one line each. The report satisfies the schema."""
    found = []

    def same(what, left, right):
        if left != right:
            found.append(f"identity: {what}: {left} != {right} (off by {left - right})")

    def near(what, left, right, tolerance):
        if abs(left - right) > tolerance:
            found.append(f"identity: {what}: {left} and {right} differ by more than {tolerance}")

    def holds(what, true):
        if not true:
            found.append(f"identity: {what}")

    ledger, window = report["ledger_ns"], report["window_ns"]
    profile = report["parallelism"]["profile_ns"]
    level = report["concurrency"]["profile_ns"]
    threads = report["threads"]
    cpu_time = report["cpu_time_ns"]
    classes = ("parallel", "concurrent", "serial", "idle", "unknown")

    same("ledger sums to window_ns", sum(ledger[name] for name in classes), window)
    for name in classes[:-1]:
        same(f"{name}_split sums to {name}", sum(ledger[f"{name}_split"].values()), ledger[name])

    phases = report.get("phases", [])
    for name in classes if phases else ():
        same(f"the phases' {name} sums to the ledger's",
             sum(phase["ledger_ns"][name] for phase in phases), ledger[name])
    for phase in phases:
        same("a phase's ledger sums to its span",
             sum(phase["ledger_ns"][name] for name in classes), phase["span_ns"])
    if phases:
        marks = report["marks"]
        # Of chosen phases (--phase) the first span begins with its mark. A run begins in "(start)", and what is
        # kept of its end in the midst of a span.
        chosen = (all(phase["name"] != "(start)" for phase in phases)
                  and bool(marks) and marks[0]["at_ns"] == 0)
        spans = sum(phase["spans"] for phase in phases)
        holds(f"the phases' {spans} spans are those that {len(marks)} marks begin, and what comes before",
              spans == len(marks) + 1 or chosen and spans == len(marks))
    work = sum(k * ns for k, ns in enumerate(profile))
    same("sum of k * profile_ns[k] is cpu_time_ns", work, cpu_time)
    same("threads' running_ns sum to cpu_time_ns", sum(t["running_ns"] for t in threads), cpu_time)
    if ledger["unknown"] == 0:
        same("parallelism.profile_ns sums to window_ns", sum(profile), window)
        same("profile_ns[2..] is ledger parallel", sum(profile[2:]), ledger["parallel"])
        same("concurrency.profile_ns sums to window_ns", sum(level), window)
        same("concurrency.profile_ns[0] is ledger idle", level[0], ledger["idle"])
        same("concurrency.profile_ns[1] is ledger serial", sum(level[1:2]), ledger["serial"])
    else:
        holds("parallelism.profile_ns sums to no more than window_ns", sum(profile) <= window)

    if "demand_ns" in report:
        demand = report["demand_ns"]
        same("threads' runnable_ns sum to demand_ns.total",
             sum(t["runnable_ns"] for t in threads), demand["total"])
        same("demand_ns sums to its total",
             sum(ns for key, ns in demand.items() if key != "total"), demand["total"])
    if "budget_ns" in report:
        budget = report["budget_ns"]
        same("budget_ns.used is cpu_time_ns", budget["used"], cpu_time)
        same("budget_ns sums to its total",
             sum(ns for key, ns in budget.items() if key != "total"), budget["total"])

    for t in threads:
        states = (t["running_ns"] + t["runnable_ns"] + t["unknown_ns"]
                  + sum(t["waiting_ns"].values()) + sum(t["parked_ns"].values()))
        same(f"states of thread {t['id']} sum to its life", states, t["life_ns"])
        same(f"thread {t['id']} runs parallel or alone",
             t["parallel_ns"] + t["alone_ns"], t["running_ns"])
        holds(f"thread {t['id']} lives inside the window", t["life_ns"] <= window)
        holds(f"thread {t['id']} uses CPUs that are online",
              t["cpus_used"] <= report["cpus"]["online"])
    holds("numbers of threads are unique", len({t["id"] for t in threads}) == len(threads))
    same("tasks.threads counts the rows of threads", report["tasks"]["threads"], len(threads))
    if ledger["unknown"] == 0:
        # Each height is rounded to a whole ns.
        near("heights of the bottle graph sum to the time anything ran",
             sum(t["bottle"]["height_ns"] for t in threads), sum(profile[1:]), len(threads) + 1)

    if window:
        near("parallelism.average", report["parallelism"]["average"], cpu_time / window,
             RATIO_TOLERANCE)
    if sum(profile[1:]):
        near("parallelism.tlp", report["parallelism"]["tlp"], work / sum(profile[1:]),
             RATIO_TOLERANCE)
    same("parallelism.peak is the last filled entry",
         report["parallelism"]["peak"], max([k for k, ns in enumerate(profile) if ns], default=0))
    holds("no more CPUs busy than online",
          report["parallelism"]["peak"] <= report["cpus"]["online"])

    lock_findings(report, same, holds)
    loop_findings(report, same, holds)
    if "critical_path" in report:
        path_findings(report, same, holds)
    if "run_queue_latency_ns" in report:
        latency_findings(report, same, holds)

    overlap = report["overlap"]
    size = len(overlap["names"])
    square = len(overlap["ns"]) == size and all(len(row) == size for row in overlap["ns"])
    holds("overlap.ns is square over overlap.names", square)
    if square:
        holds("overlap.ns is symmetric and within the window", all(
            overlap["ns"][i][j] == overlap["ns"][j][i] <= window
            for i in range(size) for j in range(i, size)))
        holds("two names overlap only where the run was parallel", all(
            overlap["ns"][i][j] <= sum(profile[2:]) for i in range(size) for j in range(size)))
    return found


LOCK_REASONS = ("lock", "handoff", "kernel_lock")


def lock_findings(report, same, holds):
    """What the holders did sums to what was waited, and the locks to the threads' waiting."""
    if "locks" not in report:
        return
    window = report["window_ns"]
    blocked = dict.fromkeys(LOCK_REASONS, 0)
    for lock in report["locks"]:
        name = lock["symbol"] or lock["address"]
        holder = lock["holder"]
        same(f"lock {name}: its holder's states sum to blocked_ns",
             sum(holder[f"{state}_ns"] for state in ("running", "runnable", "blocked", "unknown")),
             lock["blocked_ns"])
        same(f"lock {name}: blocked_by sums to the holder's blocked_ns",
             sum(holder["blocked_by"].values()), holder["blocked_ns"])
        holds(f"lock {name}: longest_ns and waited_ns are within blocked_ns and the window",
              max(lock["longest_ns"], lock["waited_ns"]) <= min(lock["blocked_ns"], window))
        holds(f"lock {name}: no more waited at its sites than in all",
              sum(site["blocked_ns"] for site in lock.get("sites", ())) <= lock["blocked_ns"])
        holds(f"lock {name}: no more waiters than waits", lock["waiters"] <= lock["waits"])
        holds(f"lock {name}: no more than blocked_ns while some task held it",
              sum(top["blocked_ns"] for top in lock["top_holders"]) <= lock["blocked_ns"])
        blocked[lock["reason"]] += lock["blocked_ns"]
    for reason in LOCK_REASONS:
        same(f"locks of reason {reason} sum to the threads' time in it", blocked[reason],
             sum(t["waiting_ns"].get(reason, 0) for t in report["threads"]))
    for ceiling in report["ceilings"]:
        holds("a ceiling's evidence lies within the window",
              ceiling["one_ns"] + ceiling["overlap_ns"] <= ceiling["wanted_ns"] <= window)


def loop_findings(report, same, holds):
    """A loop's times sum to its life, its stalls to what it was blocked, the levels to the time with
    loops."""
    lives = {}
    for loop in report.get("event_loops", []):
        name = f"loop {loop['tid']}/{loop['epfd']}"
        same(f"{name}: its times sum to its life",
             sum(loop[f"{what}_ns"] for what in ("waiting", "on_cpu", "runnable", "blocked", "unknown")),
             loop["life_ns"])
        same(f"{name}: its stalls sum to blocked_ns",
             sum(stall["total_ns"] for stall in loop["stalls"]), loop["blocked_ns"])
        holds(f"{name}: no stall is longer than all of its kind",
              all(stall["longest_ns"] <= stall["total_ns"] for stall in loop["stalls"]))
        holds(f"{name}: woken is part of runnable", loop["woken_ns"] <= loop["runnable_ns"])
        if loop["iterations_at_least"]:
            holds(f"{name}: no more waits than iterations and one",
                  loop["waits"] <= loop["iterations"] + 1)
        lives[loop["id"]] = lives.get(loop["id"], 0) + loop["life_ns"]
    threads = {t["id"]: t["life_ns"] for t in report["threads"]}
    for number, life in lives.items():
        holds(f"loops of thread {number} live within its life", life <= threads.get(number, 0))
    for instance in report.get("epoll_instances", []):
        name, flight = f"instance {instance['id']}", instance["in_flight"]
        known = instance["span_ns"] - instance["unknown_ns"]
        holds(f"{name}: its known span is inside the window",
              0 <= known <= instance["span_ns"] <= report["window_ns"])
        holds(f"{name}: its average is the integral over its known span", known == 0 or abs(
            flight["average"] - flight["integral_ns"] / known) <= RATIO_TOLERANCE)
        holds(f"{name}: an average is at most its peak", flight["average"] <= flight["peak"])
        took = [one["service_ns"] for one in instance.get("services", [])]
        holds(f"{name}: those that took most come first", took == sorted(took, reverse=True))
        holds(f"{name}: a part of what one took", all(
            one["longest_ns"] <= one["service_ns"] <= one["times"] * one["longest_ns"]
            for one in instance.get("services", [])))
    if "in_flight" in report and report["window_ns"]:
        every = sum(one["in_flight"]["integral_ns"] for one in report.get("epoll_instances", []))
        holds("L is that of all instances", report["in_flight"]["operations_integral_ns"] == every)
        holds("A is in progress", report["in_flight"]["average"]
              <= report["concurrency"]["average"] + RATIO_TOLERANCE)
    if "loop_parallelism" in report:
        levels = report["loop_parallelism"]
        same("loop_parallelism sums to with_loops_ns",
             sum(levels["profile_ns"]) + levels["unknown_ns"], levels["with_loops_ns"])
        holds("loops live within the window", levels["with_loops_ns"] <= report["window_ns"])
        holds("some loop lives where there are loops",
              max(lives.values(), default=0) <= levels["with_loops_ns"] <= sum(lives.values()))
        if not levels["unknown_ns"] and all(not loop["unknown_ns"] for loop in report["event_loops"]):
            same("sum of k * loop_parallelism.profile_ns[k] is what loops ran",
                 sum(k * ns for k, ns in enumerate(levels["profile_ns"])),
                 sum(loop["on_cpu_ns"] for loop in report["event_loops"]))


def latency_findings(report, same, holds):
    """Run-queue latency: stretches ready that ended in running."""
    for kind, found in report["run_queue_latency_ns"].items():
        what = f"run_queue_latency_ns.{kind}"
        same(f"{what}: its histogram holds every stretch",
             sum(count for _, count in found["histogram"]), found["count"])
        holds(f"{what}: the sum is no less than the buckets' lower edges",
              sum(start * count for start, count in found["histogram"]) <= found["sum"])
        holds(f"{what}: p50 <= p99 <= max", found["p50"] <= found["p99"] <= found["max"])
        holds(f"{what}: parts are parts", found["migrated"] <= found["count"]
              and found["short_count"] <= found["count"] and found["short_sum"] <= found["sum"])
    total = sum(found["sum"] for found in report["run_queue_latency_ns"].values())
    runnable = sum(t["runnable_ns"] for t in report["threads"])
    holds("run_queue_latency_ns: no more than was runnable", total <= runnable)
    # Cut off is only what lost events or a filter left out (work_span bounds nothing there), and what
    # is still ready when the window ends.
    whole = report.get("work_span", {}).get("parallelism") is not None
    if whole and not any(t["alive_at_end"] for t in report["threads"]):
        same("run_queue_latency_ns is the threads' runnable_ns", total, runnable)


def path_findings(report, same, holds):
    """Critical path, work and span."""
    path, window = report["critical_path"], report["window_ns"]
    states = path["by_state"]
    waits = sum(path["waiting_ns"].values()) + sum(path["parked_ns"].values())
    same("critical_path.length_ns is window_ns", path["length_ns"], window)
    same("critical_path.by_state sums to its length", sum(states.values()), window)
    same("critical_path runs alone or beside others",
         path["serial_ns"] + path["parallel_ns"], states["running"])
    same("critical_path.waiting_ns sums to its state", sum(path["waiting_ns"].values()),
         states["waiting"])
    same("critical_path.parked_ns sums to its state", sum(path["parked_ns"].values()),
         states["parked"])
    same("critical_path.waits_ended_by_ns sums to its waits",
         sum(path["waits_ended_by_ns"].values()), waits)
    same("critical_path.known_waker_ns is the rest", path["known_waker_ns"],
         window - states["unknown"] - states["absent"] - path["waits_ended_by_ns"]["nobody"])
    same("critical_path.by_thread sums to its length",
         sum(t["total_ns"] for t in path["by_thread"]) + path["other_threads_ns"]
         + states["absent"], window)
    same("critical_path.by_name sums to its length",
         sum(t["total_ns"] for t in path["by_name"]) + states["absent"], window)
    for row in path["by_thread"] + path["by_name"]:
        same(f"critical_path of {row['name']} sums to its total",
             sum(row[f"{key}_ns"] for key in ("serial", "parallel", "runnable", "blocked",
                                              "unknown")), row["total_ns"])
    if "work_span" in report:
        found = report["work_span"]
        same("work_span.work_ns is cpu_time_ns", found["work_ns"], report["cpu_time_ns"])
        holds("work_span.span_ns is at most the window and the work",
              found["span_ns"] <= min(window, found["work_ns"]))
        holds("work_span bounds nothing where time is unknown",
              report["ledger_ns"]["unknown"] == 0 and states["unknown"] == 0
              or found["parallelism"] is None and found["speedup_bound"] is None)
        if found["parallelism"] is not None:
            holds("work_span's ratios are those of its members",
                  abs(found["parallelism"] - found["work_ns"] / found["span_ns"])
                  <= RATIO_TOLERANCE
                  and abs(found["speedup_bound"] - window / found["span_ns"]) <= RATIO_TOLERANCE)
        holds("critical_path runs no longer than the span",
              states["running"] <= found["span_ns"])
        holds("work_span.span_ns holds what each thread ran",
              all(t["running_ns"] <= found["span_ns"] for t in report["threads"]))


def findings(report):
    """All findings; identities are judged only where the schema is met."""
    return schema_findings(report) or identity_findings(report)


# ---------------------------------------------------------------- self-test


def example():
    """Two threads for 100 ns: both run for 40, the first alone for 50, then it waits for 10. For 9 of
    the 50 the second is ready."""
    def thread(number, running, runnable, parallel, waiting, height):
        return {"id": number, "tid": 10 + number, "pid": 11, "name": "w", "command": "w",
                "life_ns": running + runnable + waiting, "running_ns": running,
                "runnable_ns": runnable,
                "unknown_ns": 0, "waiting_ns": {"lock": waiting}, "parked_ns": {},
                "parallel_ns": parallel, "alone_ns": running - parallel,
                "bottle": {"height_ns": height, "width": 1.4},
                "switches": {"voluntary": 1, "involuntary": 0}, "migrations": 0,
                "cpus_used": 1, "alive_at_end": False}
    def path_part(**who):
        return {**who, "name": "w", "total_ns": 100, "serial_ns": 50, "parallel_ns": 40,
                "runnable_ns": 0, "blocked_ns": 10, "unknown_ns": 0}
    ledger = {
        "parallel": 40, "concurrent": 9, "serial": 51, "idle": 0, "unknown": 0,
        "parallel_split": {"multi_core": 40, "smt_only": 0},
        "concurrent_split": {"interleaved": 9, "contended": 0, "overlapped": 0, "starved": 0,
                             "all_waiting": 0},
        "serial_split": {"running": 41, "runnable": 0, "waiting": 10, "in_flight": 0},
        "idle_split": {"asleep": 0, "quiet": 0}}
    def phase(name, span, cpu_time, its):
        return {"name": name, "spans": 1, "first_ns": 0, "span_ns": span, "cpu_time_ns": cpu_time,
                "runnable_ns": 0, "in_progress_ns": 0, "in_flight_ns": 0, "parallelism": 1, "concurrency": 1,
                "class": "serial", "summary": "w", "ledger_ns": its}
    def nothing(of):
        return {key: nothing(value) if isinstance(value, dict) else 0 for key, value in of.items()}
    return {
        "schema": 1, "cpartrace_version": "0.1.0", "command": ["w"], "root_pid": 11,
        "exit": {"code": 0}, "started_at": "2026-01-02T03:04:05Z", "kernel": "6.1",
        "hostname": "h", "window_start_ns": 5, "window_ns": 100, "cpu_time_ns": 130,
        "cpus": {"online": 2, "allowed": 2, "physical_cores": 2, "quota_cpus": None},
        "tasks": {"processes": 1, "threads": 2, "peak_alive": 2, "peak_asleep": 0},
        "ledger_ns": ledger,
        # A mark at the first instant: what comes before it has a span, of no length.
        "phases": [phase("(start)", 0, 0, nothing(ledger)), phase("work", 100, 130, copy.deepcopy(ledger))],
        "marks": [{"name": "work", "at_ns": 0, "id": 1, "tid": 11}],
        "parallelism": {"average": 1.3, "tlp": 130 / 90, "peak": 2, "efficiency": 0.65,
                        "effective": None, "profile_ns": [10, 50, 40]},
        "concurrency": {"average": 1.49, "peak": 2, "profile_ns": [0, 51, 49]},
        "threads": [thread(1, 90, 0, 40, 10, 70), thread(2, 40, 9, 40, 0, 20)],
        "overlap": {"by": "name", "names": ["w"], "ns": [[40]]},
        "locks": [{"address": "0x1000", "symbol": "m", "module": "w", "kind": "mutex",
                   "word": "mutex", "reason": "lock", "pid": 11, "shared": False, "rest": False,
                   "waits": 1, "blocked_ns": 10, "wake_delay_ns": 0, "longest_ns": 10,
                   "waited_ns": 10, "waiters": 1,
                   "holder": {"running_ns": 4, "runnable_ns": 0, "blocked_ns": 5, "unknown_ns": 1,
                              "blocked_by": {"disk": 2, "sleep": 3}},
                   "top_holders": [{"id": 2, "blocked_ns": 9}]}],
        "ceilings": [{"kind": "one_of_n", "certain": False, "address": "0x2000", "symbol": None,
                      "module": None, "word": "condvar", "pid": 11, "threads": 2, "waited_ns": 0,
                      "wanted_ns": 50, "one_ns": 48, "overlap_ns": 1, "turns": 20,
                      "free_cpus": 0.9}],
        "event_loops": [{
            "id": 2, "tid": 12, "pid": 11, "name": "w", "kind": "epoll", "epfd": 5, "iterations": 3,
            "iterations_at_least": True, "waits": 2, "life_ns": 30, "waiting_ns": 10,
            "on_cpu_ns": 11, "runnable_ns": 4, "woken_ns": 1, "blocked_ns": 5, "unknown_ns": 0,
            "elsewhere_ns": 0, "not_back_ns": 0, "utilisation": {"on_cpu": 0.37, "event_loop": 0.6},
            "dispatch": {"count": 2, "total_ns": 18, "p50_ns": 8, "p99_ns": 10, "max_ns": 10},
            "stalls": [{"syscall": "read", "reason": "disk", "rest": False, "count": 1,
                        "total_ns": 5, "longest_ns": 5, "longest_start_ns": 7}]}],
        "loop_parallelism": {"with_loops_ns": 30, "unknown_ns": 0, "profile_ns": [19, 11],
                             "peak_alive": 1},
        "loop_pools": [], "loop_offload": [],
        "in_flight": {"average": 0.3, "peak": 2, "integral_ns": 30,
                      "operations_average": 0.4, "operations_integral_ns": 40},
        "epoll_instances": [{
            "id": 1, "pid": 11, "kind": "epoll", "epfd": 5, "loops_since": 0, "span_ns": 80,
            "unknown_ns": 0, "fds_peak": 3, "direction": "inbound", "iterations": 3, "events": 4,
            "in_flight": {"average": 0.5, "peak": 2, "completed": 2, "opened": 2, "cancelled": 0,
                          "completed_per_second": 2.5e7, "arrivals_per_second": 2.5e7,
                          "integral_ns": 40,
                          "latency_ns": {"count": 2, "p50": 19, "p99": 22, "max": 22}},
            "connections": {"average": 2.5, "peak": 3}, "timers": {"average": 0.1, "peak": 1},
            "services": [{"fd": 7, "kind": "inbound", "times": 2, "service_ns": 12,
                          "longest_ns": 9},
                         {"fd": 8, "kind": "listener", "times": 1, "service_ns": 5,
                          "longest_ns": 5}]}],
        "critical_path": {
            "length_ns": 100, "end_thread": 1, "known_waker_ns": 99, "serial_ns": 50,
            "parallel_ns": 40,
            "by_state": {"running": 90, "runnable": 0, "waiting": 10, "parked": 0, "unknown": 0,
                         "absent": 0},
            "waiting_ns": {"disk": 10}, "parked_ns": {},
            "waits_ended_by_ns": {"timer": 0, "device": 9, "interrupt": 0, "outside": 0,
                                  "nobody": 1},
            "by_thread": [path_part(id=1, tid=11, pid=11)], "other_threads_ns": 0,
            "by_name": [path_part()]},
        "run_queue_latency_ns": {
            "after_wakeup": {"count": 1, "sum": 9, "p50": 9, "p99": 9, "max": 9, "migrated": 1,
                             "short_count": 1, "short_sum": 9, "histogram": [[9, 1]]}},
        "work_span": {"work_ns": 130, "span_ns": 90, "parallelism": 130 / 90,
                      "speedup_bound": 100 / 90},
        "verdict": {"class": "serial", "summary": "One thing at a time."},
        "data_quality": {"lost_events": 0, "steal_ns": None, "audit": {"cpu_time_error": None},
                         "warnings": []},
    }


def put(report, path, value):
    keys = path.split(".")
    for key in keys[:-1]:
        report = report[int(key) if key.isdigit() else key]
    last = int(keys[-1]) if keys[-1].isdigit() else keys[-1]
    report[last] = value


def self_test():
    """The example is clean; each one-figure change to it is found."""
    failures = [f"clean example: {f}" for f in findings(example())]
    chosen = example()
    del chosen["phases"][0]
    failures += [f"example of a chosen phase: {f}" for f in findings(chosen)]
    chosen["marks"][0]["at_ns"] = 1
    if not findings(chosen):
        failures.append("a span before the first mark that is of no phase was not found wrong")
    wrong = [
        ("phases.0.spans", 0), ("phases.1.spans", 2), ("phases.1.span_ns", 99), ("phases.1.ledger_ns.serial", 50),
        ("marks", []),
        ("ledger_ns.idle", 1), ("ledger_ns.serial_split.waiting", 9),
        ("parallelism.profile_ns", [11, 50, 40]), ("parallelism.profile_ns", [10, 50]),
        ("concurrency.profile_ns", [1, 50, 49]), ("cpu_time_ns", 129),
        ("threads.0.life_ns", 99), ("threads.0.alone_ns", 49), ("threads.1.cpus_used", 3),
        ("threads.1.id", 1), ("threads.0.bottle.height_ns", 60), ("tasks.threads", 3),
        ("parallelism.average", 1.2), ("parallelism.tlp", 1.3), ("parallelism.peak", 1),
        ("overlap.ns", [[41]]), ("overlap.ns", []), ("window_ns", 1.5), ("window_ns", -1),
        ("exit", {"code": 0, "signal": 9}), ("verdict.class", "fast"),
        ("threads.0.waiting_ns", {"lunch": 10}), ("threads.0.parked_ns", {"sleep": True}),
        ("demand_ns", {"total": 1, "cpus": 1, "mask": 0, "others": 0, "tracer": 0, "quota": 0,
                       "placement": 0, "unknown": 0}),
        ("critical_path.length_ns", 99), ("critical_path.by_state.parked", 1),
        ("critical_path.serial_ns", 51), ("critical_path.waiting_ns", {"disk": 9}),
        ("critical_path.parked_ns", {"sleep": 1}), ("critical_path.known_waker_ns", 100),
        ("critical_path.waits_ended_by_ns.timer", 1), ("critical_path.other_threads_ns", 1),
        ("critical_path.by_thread.0.total_ns", 99), ("critical_path.by_name.0.blocked_ns", 9),
        ("critical_path.by_name", []), ("critical_path.waiting_ns", {"lunch": 10}),
        ("work_span.parallelism", 1.5), ("work_span.speedup_bound", 1.2),
        ("run_queue_latency_ns.after_wakeup.count", 3),
        ("run_queue_latency_ns.after_wakeup.sum", 1),
        ("run_queue_latency_ns.after_wakeup.p50", 10),
        ("run_queue_latency_ns.after_wakeup.sum", 8), ("run_queue_latency_ns", {}),
        ("run_queue_latency_ns.after_wakeup.migrated", 2),
        ("run_queue_latency_ns.after_wakeup.histogram", [[10, 1]]),
        ("work_span.work_ns", 129), ("work_span.span_ns", 101), ("work_span.span_ns", 89),
        ("started_at", "today"), ("ledger_ns.surprise", 0),
        ("locks.0.blocked_ns", 11), ("locks.0.holder.running_ns", 5), ("locks.0.waiters", 2),
        ("locks.0.holder.blocked_by.disk", 3), ("locks.0.waited_ns", 11),
        ("locks.0.top_holders.0.blocked_ns", 11), ("locks.0.reason", "disk"), ("locks", []),
        ("event_loops.0.waiting_ns", 9), ("event_loops.0.blocked_ns", 6),
        ("event_loops.0.stalls.0.total_ns", 4), ("event_loops.0.woken_ns", 5),
        ("event_loops.0.waits", 5), ("event_loops.0.stalls.0.longest_ns", 6),
        ("epoll_instances.0.services.1.service_ns", 13),
        ("epoll_instances.0.services.0.longest_ns", 5), ("epoll_instances.0.span_ns", 101), ("epoll_instances.0.in_flight.integral_ns", 41),
        ("epoll_instances.0.in_flight.peak", 0), ("epoll_instances.0.id", 0),
        ("in_flight.average", 1.5),
        ("in_flight.operations_integral_ns", 41), ("epoll_instances.0.direction", "up"),
        ("loop_parallelism.with_loops_ns", 31), ("loop_parallelism.profile_ns", [18, 12]),
        ("loop_parallelism.profile_ns", [20, 11]), ("event_loops.0.kind", "select"),
        ("ceilings.0.wanted_ns", 40), ("ceilings.0.kind", "gil"),
    ]
    for path, value in wrong:
        report = copy.deepcopy(example())
        put(report, path, value)
        if not findings(report):
            failures.append(f"{path} = {value} was not found wrong")
    for key in load_schema()["required"]:
        report = example()
        del report[key]
        if not schema_findings(report):
            failures.append(f"{key} missing was not found wrong")
    for failure in failures:
        print(failure)
    print(f"{len(wrong)} wrong reports tried, {len(failures)} failures")
    return 1 if failures else 0


def main(argv):
    if argv == ["--self-test"]:
        return self_test()
    if not argv or argv[0].startswith("-"):
        print("usage: check_report.py FILE... | --self-test", file=sys.stderr)
        return 2
    status = 0
    for path in argv:
        try:
            with open(path, encoding="utf-8") as source:
                found = findings(json.load(source))
        except (OSError, ValueError) as err:
            found = [str(err)]
        for line in found:
            print(f"{path}: {line}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
