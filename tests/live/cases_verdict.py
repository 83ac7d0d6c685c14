# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The one sentence a user reads, and the limits under it: what is known by construction to hold a
workload back is what the verdict names, with the figures of the same report as evidence."""

import os
import re

from cases_accounts import beside, half_a_cpu, run_json
from harness import Failed, group
from known_answers import FOREIGN

PYTHON_THREADS = """
import threading
def work():
    x = 0
    for i in range(5_000_000):
        x += i * i
ts = [threading.Thread(target=work) for _ in range(2)]
[t.start() for t in ts]; [t.join() for t in ts]
"""

verdict, cases = group()


def first_limit(report):
    """The dearest limit of our own making: where others took CPUs from us that is said too, and is no
    fault of the verdict."""
    limits = report["verdict"]["limits"]
    costs = [limit["cost_ns"] for limit in limits]
    if costs != sorted(costs, reverse=True):
        raise Failed(f"limits are not in order: {limits}")
    ours = [limit for limit in limits if limit["cause"] not in FOREIGN]
    if not ours:
        raise Failed(f"no limit of its own: {report['verdict']}")
    return ours[0]


def check_text(case, report, *parts):
    """The report for people says the same: its sentence is the first limit's evidence."""
    text = " ".join(case.cpt("report", "-i", case.path("r.trace"), "--width", "200").out.split())
    first = report["verdict"]["limits"][0]
    case.check("the sentence under the verdict", f"Limit: {first['evidence']}." in text, text[:600])
    case.equal("verdict.limit", report["verdict"]["limit"], f"Limit: {first['evidence']}.")
    for part in parts:
        case.check(f"{part!r} in the report", part in text, text[:1500])
    explained = case.cpt("report", "-i", case.path("r.trace"), "--explain").out
    for rank, limit in enumerate(report["verdict"]["limits"], 1):
        label = f"limit {rank}" if rank > 1 else "limit"
        case.check(f"--explain names limit {rank}",
                   re.search(rf"^ +{label} +{limit['cause']} ", explained, re.M), explained[-1500:])


@verdict("a handler that blocks its loop")
def blocked_loop(case):
    """16 clients have a request open on one loop, which sleeps in each 25th handler: most of its time."""
    _, report = run_json(case, f"{case.workloads}/epoll", "blocking-handler")
    limit = first_limit(report)
    case.equal("cause", limit["cause"], "blocked_loop")
    case.equal("by", limit["account"], "loops")
    loop = next(loop for loop in report["event_loops"] if loop["name"] == "ep-server")
    stall = next(stall for stall in loop["stalls"] if stall["syscall"] == "clock_nanosleep")
    case.check("the thread and the call", f"`ep-server` ({loop['tid']}) blocked {stall['count']} times in "
               "clock_nanosleep (sleep): " in limit["evidence"], limit["evidence"])
    case.check("how many it held up, and how long", re.search(
        rf" (up to|at least) {stall['held_up']} operations in flight behind it, delayed by (at least )?\d",
        limit["evidence"]), limit["evidence"])
    # No more than what was idle or others', and no less than the loop's own time.
    case.within("cost", limit["cost_ns"], min(stall["behind_ns"], stall["unused_cpu_ns"]),
                stall["unused_cpu_ns"])
    case.within("blocked with operations behind it", stall["behind_ns"], 0.5 * stall["total_ns"],
                stall["total_ns"])
    case.within("CPU time not used meanwhile", stall["unused_cpu_ns"], 0.9 * stall["behind_ns"],
                report["cpus"]["allowed"] * stall["behind_ns"])
    case.check("what to look at", "clock_nanosleep" in (limit["look_at"] or ""), limit["look_at"])
    check_text(case, report, "a blocked event loop")


@verdict("a mutex by its name, with what its holder did")
def mutex(case):
    _, report = run_json(case, f"{case.workloads}/threads", "mutex")
    limit = first_limit(report)
    case.equal("cause", limit["cause"], "lock")
    case.check("the lock's symbol", "threads:queue_lock" in limit["evidence"], limit["evidence"])
    case.check("what the holder did", "holder was running" in limit["evidence"], limit["evidence"])
    case.check("what to look at", "while it is held" in (limit["look_at"] or ""), limit["look_at"])
    check_text(case, report, "threads:queue_lock")


@verdict("the GIL by its name")
def gil(case):
    script = case.write("gil.py", PYTHON_THREADS)
    _, report = run_json(case, "/usr/bin/python3", script)
    limit = first_limit(report)
    case.equal("cause", limit["cause"], "handoff")
    case.check("the GIL", "CPython's GIL" in limit["evidence"], limit["evidence"])
    case.check("what to look at", "processes instead of threads" in (limit["look_at"] or ""),
               limit["look_at"])
    case.equal("class", report["verdict"]["class"], "concurrent")
    check_text(case, report, "CPython's GIL")


@verdict("an affinity mask")
def mask(case):
    _, report = run_json(case, f"{case.workloads}/threads", "parallel",
                         before=("taskset", "-c", "0"))
    limit = first_limit(report)
    case.equal("cause", limit["cause"], "mask")
    case.check("the CPUs allowed", "allowed 1 of" in limit["evidence"], limit["evidence"])
    case.check("what to look at", "taskset" in (limit["look_at"] or ""), limit["look_at"])
    check_text(case, report, "CPU affinity")


@verdict("a CPU quota")
def quota(case):
    with half_a_cpu(f"cpartrace-verdict-{os.getpid()}") as group:
        _, report = run_json(
            case, "sh", "-c", f"echo $$ > {group}/cgroup.procs; "
            f"exec {case.workloads}/threads parallel --workers 1 --work-ms 1000")
    quotas = [limit for limit in report["verdict"]["limits"] if limit["cause"] == "quota"]
    if not case.check("the quota is a limit", quotas, report["verdict"]["limits"]):
        return
    case.check("what to look at", "cpu.max" in quotas[0]["look_at"], quotas[0])


@verdict("other tenants by their names")
def tenants(case):
    with beside(case, "stress-ng", "--cpu", "2", "--timeout", "60"):
        _, report = run_json(case, f"{case.workloads}/threads", "parallel", "--work-ms", "3000")
    limits = {limit["cause"]: limit for limit in report["verdict"]["limits"]}
    if case.check("others are a limit", "others" in limits, report["verdict"]["limits"]):
        case.check("stress-ng is named", "`stress-ng" in limits["others"]["evidence"],
                   limits["others"]["evidence"])


@verdict("too little in progress, and who ran alone")
def serial(case):
    _, report = run_json(case, f"{case.workloads}/threads", "serial")
    limit = first_limit(report)
    case.equal("cause", limit["cause"], "no_work")
    case.check("who ran alone", "`worker`" in limit["evidence"], limit["evidence"])
    check_text(case, report, "too little in progress")


@verdict("nothing but the number of CPUs where all of them were used")
def cpus(case):
    _, report = run_json(case, "stress-ng", "--cpu", "4", "--cpu-method", "int64", "--timeout",
                         "2s", "--quiet")
    own = [limit for limit in report["verdict"]["limits"] if limit["cause"] not in FOREIGN]
    case.equal("limits of its own", [limit["cause"] for limit in own], [])
    if not report["verdict"]["limits"] and report["parallelism"]["efficiency"] >= 0.9:
        case.check("the sentence", "the number of CPUs" in report["verdict"].get("limit", ""),
                   report["verdict"])


@verdict("nobody selected, nothing limited")
def nobody_selected(case):
    _, report = run_json(case, f"{case.workloads}/threads", "mutex")
    nobody = case.report_json(case.path("r.trace"), "--comm", "nobody")
    case.equal("limits of nobody", nobody["verdict"].get("limits", []), [])
    case.check("the whole has one", report["verdict"]["limits"])
