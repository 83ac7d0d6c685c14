# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Where the CPU time went and why ready work did not run, against what is known by construction,
perf's recording, the cgroup's own counter and /proc/stat. That both accounts sum is checked of every
report there is (check_report.py)."""

import contextlib
import os
import re
import signal
import time

from harness import Failed, group, traced
from known_answers import FOREIGN, largest, one_cpu_of_several, quota_of_a_group

SECOND = 1_000_000_000

account, cases = group()


def run_json(case, *argv, before=(), name="r"):
    trace, out = case.path(f"{name}.trace"), case.path(f"{name}.json")
    result = case.run([*before, case.cpartrace, "run", "-o", trace, "--json", out, "--", *argv])
    if result.status:
        raise Failed(f"expected status 0: {result}")
    report = case.load_json(f"{name}.json")
    case.check_report("run", report)
    replayed = case.report_json(trace)
    for key in ("budget_ns", "demand_ns", "tenants", "run_queue_latency_ns"):
        case.equal(f"{key} by report from the trace", replayed[key], report[key])
    return result, report


def answers(case, findings):
    case.checks += 1
    for finding in findings:
        case.check(finding, False)


@contextlib.contextmanager
def beside(case, *argv):
    """A program that runs meanwhile, in a session of its own, and is gone afterwards."""
    proc = case.spawn(argv)
    try:
        time.sleep(0.5)
        yield proc
    finally:
        os.killpg(proc.pid, signal.SIGTERM)
        proc.communicate()


@account("a mask of one CPU is named")
def mask(case):
    _, report = run_json(case, f"{case.workloads}/threads", "parallel",
                         before=("taskset", "-c", "0"))
    demand = report["demand_ns"]
    answers(case, one_cpu_of_several(report))
    # Where others stood on the other CPU too, that CPU still did not run the workload.
    case.within("mask of what others left", demand["mask"],
                0.95 * (demand["total"] - demand["others"] - demand["tracer"]), demand["total"])


def cpu_controller():
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            _, where, kind, options, *_ = line.split()
            if kind == "cgroup" and "cpu" in options.split(","):
                return where
    raise Failed("no cgroup v1 cpu controller is mounted")


@contextlib.contextmanager
def half_a_cpu(name):
    group = os.path.join(cpu_controller(), name)
    os.mkdir(group)
    try:
        # With much weight, so that on a busy machine the quota is what holds it back.
        for knob, value in (("cpu.cfs_period_us", 100_000), ("cpu.cfs_quota_us", 50_000),
                            ("cpu.shares", 262_144)):
            with open(os.path.join(group, knob), "w", encoding="utf-8") as out:
                out.write(str(value))
        yield group
    finally:
        for _ in range(50):
            with contextlib.suppress(OSError):
                os.rmdir(group)
                break
            time.sleep(0.1)


def throttled_ns(group):
    with open(os.path.join(group, "cpu.stat"), encoding="utf-8") as stat:
        return int(dict(line.split() for line in stat)["throttled_time"])


@account("a quota of half a CPU is named, its time is the cgroup's")
def quota(case):
    with half_a_cpu(f"cpartrace-live-{os.getpid()}") as group:
        before = throttled_ns(group)
        # The tracer stays outside: what it does must not use up the quota.
        _, report = run_json(
            case, "sh", "-c", f"echo $$ > {group}/cgroup.procs; "
            f"exec {case.workloads}/threads parallel --workers 1 --work-ms 1000")
        theirs = throttled_ns(group) - before
    demand = report["demand_ns"]
    answers(case, quota_of_a_group(report, theirs))
    case.check("throttled stretches have a histogram of their own",
               report["run_queue_latency_ns"]["after_throttling"]["count"] >= 5)
    case.note(f"ours {demand['quota'] / SECOND:.3f} s, the cgroup's {theirs / SECOND:.3f} s")


@account("other tenants are named, their share is perf's")
def tenants(case):
    with beside(case, "stress-ng", "--cpu", "2", "--timeout", "60"):
        run = traced(case, [f"{case.workloads}/threads", "parallel"], quiet_share=2.0)
    report = run.report
    case.check_report("run", report)
    window = report["window_ns"]
    ours = sum(t["cpu_ns"] for t in report["tenants"] if t["name"].startswith("stress-ng"))
    start, end = run.account.start_ns, run.account.end_ns
    theirs = sum(max(0, min(r[1], end) - max(r[0], start)) for task in run.account.occ.tasks
                 if (task.name or "").startswith("stress-ng") for r in task.runs)
    case.check("the largest tenant is stress-ng",
               report["tenants"][0]["name"].startswith("stress-ng"), report["tenants"][:3])
    case.within("stress-ng's share of the window", ours / window, theirs / window - 0.02,
                theirs / window + 0.02)
    case.equal("largest item of the budget beside used",
               largest(report["budget_ns"], ("used",)), "others")
    case.equal("largest item of demand", largest(report["demand_ns"]), "others")
    case.note(f"{ours / window:.3f} CPUs, by perf {theirs / window:.3f}")


def idle_ns():
    with open("/proc/stat", encoding="utf-8") as stat:
        columns = stat.readline().split()
    return (int(columns[4]) + int(columns[5])) * SECOND // os.sysconf("SC_CLK_TCK")


@account("an idle machine has no work, and as much idle time as /proc/stat says")
def no_work(case):
    before, begun = idle_ns(), time.monotonic_ns()
    _, report = run_json(case, "sleep", "2")
    elsewhere = (time.monotonic_ns() - begun) - report["window_ns"]
    theirs = idle_ns() - before
    budget = report["budget_ns"]
    case.equal("unknown", budget["unknown"], 0)
    ours = budget["no_work"] + budget["placement"] + budget["other"]
    # Placement: woken, and not on its CPU yet.
    case.check("idle CPUs had no work", budget["no_work"] >= 0.95 * ours - 0.005 * budget["total"],
               budget)
    # Their time also holds what lies around the window, on at most two CPUs.
    cpus = report["cpus"]["online"]
    case.within("idle time", ours, theirs - cpus * elsewhere - 0.04 * budget["total"],
                theirs + 0.04 * budget["total"])
    case.within("idle and others", ours + budget["others"] + budget["tracer"],
                0.99 * budget["total"], budget["total"])


@account("a convoy at a mutex leaves CPUs idle for the lock")
def lock(case):
    _, report = run_json(case, f"{case.workloads}/threads", "mutex")
    # Of what is idle at all; placement: a thread that has been woken has its CPU late where others
    # are busy.
    budget = report["budget_ns"]
    idle = sum(budget[item] for item in budget
               if item not in ("total", "used", "placement", "unknown", *FOREIGN))
    case.check("idle CPUs are charged to the lock", budget["lock"] >= 0.9 * idle, budget)


@account("--no-budget says that it did not watch")
def no_budget(case):
    result = case.cpt("run", "--no-budget", "-o", case.path("n.trace"), "--json",
                      case.path("n.json"), "--", f"{case.workloads}/threads", "mutex")
    case.equal("status", result.status, 0)
    report = case.load_json("n.json")
    case.check_report("run", report)
    budget = report["budget_ns"]
    case.equal("known but used", budget["total"] - budget["used"] - budget["unknown"], 0)
    case.check("no tenants", "tenants" not in report)
    case.check("the report says so", "--no-budget" in result.err, result.err[-400:])


@account("a mask that changes while its task sleeps is seen")
def sleeping_mask(case):
    program = ("import os,threading,time\n"
               "main=threading.get_native_id()\n"
               "def move():\n"
               " time.sleep(0.3); before=time.monotonic_ns(); os.sched_setaffinity(main,{0})\n"
               " print(before,flush=True); time.sleep(0.6)\n"
               "os.sched_setaffinity(0,{0,1})\n"
               "t=threading.Thread(target=move); t.start(); time.sleep(1.2)\n"
               "print(time.monotonic_ns())\n")
    result, report = run_json(case, "/usr/bin/python3", "-c", program)
    trace = case.path("r.trace")
    script = case.cpt("script", "-i", trace)
    rows = [line for line in script.out.split("\n") if "affinity" in line.lower()]
    case.check("a change of affinity is in the trace while nothing switched", len(rows) >= 1, len(rows))
    case.check("the run is whole", report["window_ns"] > SECOND)
    main = next(row["id"] for row in report["threads"] if row["tid"] == row["pid"])
    changes = [row for row in report["affinity"]["rows"] if row["id"] == main]
    rows = [row for row in changes if row["to"] == "0"]
    if not case.equal("changes of the thread that slept, to CPU 0", len(rows), 1):
        return
    row, end = rows[0], report["window_ns"]
    # It is seen after it was asked for, and before the thread that slept runs again.
    before, awake = map(int, result.out.split())
    seen = report["window_start_ns"] + row["at_ns"]
    case.within("seen between the call and the end of the sleep", seen, before, awake)
    case.note(f"seen {(seen - before) / 1e6:.1f} ms after the call began")
    case.equal("before", row["from"], "0-1")
    # Where there are more than two CPUs it had another mask at its start.
    held = changes[0]["from_held_ns"] + sum(one["to_held_ns"] for one in changes)
    case.within("all together are its life", held / end, 0.98, 1.02)
    text = case.cpt("report", "-i", trace, "--width", "120").out
    case.check("the text says so", re.search(rf"{row['name']} {row['tid']} +[\d.]+ .?s +0-1 .* 0 ", text),
               text[-3000:])


@account("starting takes no time to speak of among many tasks")
def many_tasks(case):
    with beside(case, "/usr/bin/python3", "-c",
                "import threading,time\nthreading.stack_size(65536)\n"
                "for _ in range(5000):\n threading.Thread(target=time.sleep,args=(30,),"
                "daemon=True).start()\ntime.sleep(30)"):
        time.sleep(2)
        best = 60.0
        for turn in range(3):
            begun = time.monotonic()
            result = case.cpt("run", "-o", case.path(f"{turn}.trace"), "--", "true")
            case.equal("status", result.status, 0)
            best = min(best, time.monotonic() - begun)
        case.note(f"{best:.3f} s for all of a run of `true`")
        case.within("seconds for all of a run of `true`", best, 0, 1.0)
