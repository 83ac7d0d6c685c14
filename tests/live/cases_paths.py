# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Critical path, work and span, wake graph: on workloads whose path, T1 and T-infinity are known, and
against a second walk along the intervals of the same trace.

Shares are judged, not lengths: a machine that is busy stretches runnable time on the path, which has a
share of its own and is taken out.
"""

import csv
import io
import json
import os
import re

from cases_workloads import read_truth
from harness import Failed, unclocked_ns

# T1 / T-infinity against the known value.
PARALLELISM = 0.05
HANDOVER_NS = 60_000  # of a mutex, on a slow machine: half of it in each of the two calls

# The walk along intervals against the report's path, as a share of the window: a wake-up that caught a
# thread about to block leaves no interval.
WALK = 0.002


def cases(_workloads):
    return [(name[5:].replace("_", " "), function) for name, function in globals().items()
            if name.startswith("case_")]


def recorded(case, *argv):
    """(report, trace path) of a workload; the report's identities are checked."""
    return recorded_command(case, os.path.join(case.workloads, argv[0]), *argv[1:])


def recorded_command(case, *argv):
    trace, out = case.path("trace"), case.path("report.json")
    result = case.cpt("run", "-o", trace, "--json", out, "--", *argv)
    if result.status != 0:
        raise Failed(f"expected status 0: {result}")
    with open(out, encoding="utf-8") as source:
        report = json.load(source)
    case.check_report("run", report)
    case.equal("lost_events", report["data_quality"]["lost_events"], 0)
    return report, trace


def table(case, trace, name):
    result = case.cpt("export", "-i", trace, "-f", "csv", "--table", name)
    if result.status != 0:
        raise Failed(f"expected status 0: {result}")
    return list(csv.DictReader(io.StringIO(result.out)))


def part(report, name):
    """What threads of a name add to the path."""
    for row in report["critical_path"]["by_name"]:
        if row["name"] == name:
            return row
    return dict.fromkeys(("total_ns", "serial_ns", "parallel_ns", "runnable_ns", "blocked_ns"), 0)


def ready_ns(report):
    """The path without the time in which no CPU ran it."""
    path = report["critical_path"]
    return path["length_ns"] - path["by_state"]["runnable"]


def ran(report, name):
    """On-CPU times of the threads of a name."""
    return [row["running_ns"] for row in report["threads"] if row["name"] == name]


def parked(report, name):
    """For how long each of the threads of a name waited for work."""
    return [sum(row["parked_ns"].get(reason, 0) for reason in ("queue", "condvar"))
            for row in report["threads"] if row["name"] == name]


def walk(case, trace):
    """The path by going back from the thread that ended last, along the intervals: ns by state."""
    lanes, born = {}, {}
    for row in table(case, trace, "intervals"):
        lanes.setdefault(int(row["id"]), []).append(
            (int(row["start_ns"]), int(row["end_ns"]), row["state"], int(row["waker"] or 0)))
    for row in table(case, trace, "threads"):
        born[int(row["id"])] = int(row["parent"] or 0)
    now = max(lane[-1][1] for lane in lanes.values())
    at = next(number for number, lane in lanes.items() if lane[-1][1] == now)
    found = {}
    while True:
        for start, end, state, waker in reversed(lanes[at]):
            if start >= now:
                continue
            if state in ("waiting", "parked") and end <= now and waker in lanes:
                now, at = end, waker
                break
            found[state] = found.get(state, 0) + min(end, now) - start
            now = start
        else:
            if not born[at]:
                return found
            at = born[at]


def check_walk(case, report, trace):
    states, found = report["critical_path"]["by_state"], walk(case, trace)
    for state in ("running", "runnable", "waiting", "parked"):
        off = (found.get(state, 0) - states[state]) / report["window_ns"]
        case.within(f"{state} on the path, by another walk", off, -WALK, WALK)


def case_forkjoin_tree(case):
    report, trace = recorded(case, "threads", "forkjoin")
    span = report["work_span"]
    # 8 leaves of 100 ms below 3 levels of forks, 30 ms on both sides of each, by the threads' own clocks:
    # what these leave out may all lie on the path.
    more = unclocked_ns(report)
    case.within("T1", span["work_ns"] / 1220e6, 0.98, 1.05 + more / 1220e6)
    case.within("T-infinity", span["span_ns"] / 280e6, 0.98, 1.05 + more / 280e6)
    case.within("T1 / T-infinity", span["parallelism"] * 280 / 1220,
                1 - PARALLELISM - more / 280e6, 1 + PARALLELISM + more / 1220e6)
    check_walk(case, report, trace)


def case_independent_tiles_in_a_pool_of_two(case):
    """Each worker does its 50 tiles one after another: with these two threads it is 2, not 100."""
    report, trace = recorded(case, "threads", "pool", "--images", "1", "--tiles", "100", "--tile-us",
                             "8000", "--decode-us", "10")
    # Who gets how many tiles the queue decides: 50 each, unless one is kept from its CPU. A tile may
    # take longer than its 8 ms of the thread's clock by what interrupts it, never be shorter.
    times = ran(report, "worker")
    tiles = 100 * max(times) / sum(times)
    case.within("100 tiles of 8 ms", sum(times) / 800e6, 0.98, 1.05)
    case.within(f"T1 / T-infinity, of 100 / {tiles:.1f}",
                report["work_span"]["parallelism"] * tiles / 100, 1 - PARALLELISM, 1 + PARALLELISM)
    case.note(f"T1 / T-infinity {report['work_span']['parallelism']:.3f}, at most {tiles:.1f} tiles a worker")
    case.within("workers on the path", part(report, "worker")["total_ns"] / report["window_ns"],
                0.9, 1)
    check_walk(case, report, trace)


def case_decoder_before_tiles(case):
    """Decoding alone, then tiles in a pool of two: with 8 of 16 each, 250 + 80 of 410 ms."""
    report, _ = recorded(case, "threads", "pool", "--images", "1", "--decode-us", "250000")
    decoded, drawn = sum(ran(report, "main")), max(ran(report, "worker"))
    # A worker that was kept from its CPU until there were tiles has not waited for the decoder.
    case.within("T-infinity", report["work_span"]["span_ns"], 0.99 * max(decoded, drawn),
                1.01 * (decoded + drawn))
    if all(parked(report, "worker")):
        case.within("T-infinity is the decoder and the worker with most tiles",
                    report["work_span"]["span_ns"] / (decoded + drawn), 0.99, 1.01)
    main = part(report, "main")
    case.within("the decoder on the path", (main["serial_ns"] + main["parallel_ns"]) / decoded,
                0.98, 1)
    case.within("of that alone", main["serial_ns"] / decoded, 0.95, 1)


def case_ring_of_pipes(case):
    """Each stage is woken through the pipe it reads, by the one before it."""
    report, trace = recorded(case, "locks", "pipechain", "--stages", "4", "--holds", "50")
    stages = {row["id"] for row in report["threads"] if row["name"] == "stage"}
    through = {}
    for edge in report["wakes"]:
        if edge["waker"] in stages and edge["woken"] in stages and edge["reason"] == "peer":
            through.setdefault(edge["woken"], []).append(edge)
    case.equal("stages that others woke", set(through), stages)
    case.check("each through one pipe, of its process", all(
        len(edges) == 1 and edges[0]["descriptor"]["kind"] == "pipe" and
        edges[0]["descriptor"]["pid"] == report["root_pid"] for edges in through.values()), through)
    case.equal("pipes", len({edges[0]["descriptor"]["fd"] for edges in through.values()}), 4)
    case.equal("each stage wakes one", len({edges[0]["waker"] for edges in through.values()}), 4)
    fds = {(edge["waker"], edge["woken"]): edge["descriptor"]["fd"]
           for edges in through.values() for edge in edges}
    rows = [row for row in table(case, trace, "wakes")
            if row["descriptor"] == "pipe" and row["waker_name"] == "stage"]
    case.equal("in the table", {(int(row["waker"]), int(row["id"])): int(row["fd"]) for row in rows}, fds)
    text = case.cpt("report", "-i", trace, "--explain").out
    case.check("in text", re.search(r"stage +stage .* peer: pipe", text), text[-1500:])
    lines = re.findall(r"wake +stage/\d+#(\d+) woken by=stage/\d+#(\d+) .* from=read\(\d+\) "
                       r"on=pipe\(\d+\) fd=(\d+)", case.cpt("script", "-i", trace).out)
    case.equal("in script", {(int(by), int(woken)): int(fd) for woken, by, fd in lines}, fds)


def case_slow_stage_of_a_pipeline(case):
    report, trace = recorded(case, "processes", "pipeline")
    slow = part(report, "slow")
    ran = slow["serial_ns"] + slow["parallel_ns"]
    case.within("the slow stage on the path", ran / ready_ns(report), 0.93, 1)
    slow_ns = sum(t["running_ns"] for t in report["threads"] if t["name"] == "slow")
    case.within("T-infinity is the slow stage's CPU time", report["work_span"]["span_ns"] / slow_ns,
                1, 1.05)
    only = case.report_json(trace, "--comm", "slow")
    case.equal("names on the path of the slow stage alone",
               [row["name"] for row in only["critical_path"]["by_name"]], ["slow"])
    check_walk(case, report, trace)
    edges = {(row["waker_name"], row["name"]) for row in table(case, trace, "wakes")
             if row["by"] == "task" and int(row["wakes"]) > 5}
    case.check("the slow stage wakes the sink", ("slow", "sink") in edges, edges)


def case_longest_part_of_each_barrier_stage(case):
    """Two workers take turns with the long part, which is the path; half of it nothing else runs."""
    report, trace = recorded(case, "threads", "barrier")
    worker = part(report, "worker")
    ready = ready_ns(report)
    case.within("workers running on the path",
                (worker["serial_ns"] + worker["parallel_ns"]) / ready, 0.95, 1)
    # Where a worker is kept from its CPU the other one is alone for longer; whenever both run, the
    # path is with one of them.
    case.within("of it alone", worker["serial_ns"] / ready, 0.46, 1)
    case.within("of it beside the other", (worker["parallel_ns"] - report["ledger_ns"]["parallel"])
                / ready, -0.02, 0.02)
    each = [row["total_ns"] / report["window_ns"] for row in report["critical_path"]["by_thread"]
            if row["name"] == "worker"]
    case.check("each is the longest half of the time",
               len(each) == 2 and all(0.42 < share < 0.56 for share in each), each)
    case.within("T1 / T-infinity", report["work_span"]["parallelism"] / 1.5, 1 - PARALLELISM,
                1 + PARALLELISM)
    check_walk(case, report, trace)


def case_convoy_behind_a_mutex(case):
    trace, out = case.path("trace"), case.path("report.json")
    result = case.cpt("run", "-o", trace, "--json", out, "--",
                      os.path.join(case.workloads, "threads"), "mutex", "--truth")
    if result.status != 0:
        raise Failed(f"expected status 0: {result}")
    report, facts = case.load_json("report.json"), read_truth(result.out)["facts"]
    case.check_report("run", report)
    case.equal("lost_events", report["data_quality"]["lost_events"], 0)
    # One chain, but for what each does outside of the lock: it computes until the next has it, and where
    # others have that one's CPU, for a millisecond. That is up to 0.3 of the chain beside others that
    # compute, and so was T1 / T-infinity up to 1.2. All that ran inside of the lock is one chain, but for the end
    # of the call that wakes the next one, and the beginning of that in which it then waits.
    span = report["work_span"]
    inside = span["work_ns"] - facts["outside_cpu_ns"]
    most = 1.01 + HANDOVER_NS * facts["holds"] / span["span_ns"]
    case.within("T1 / T-infinity", span["parallelism"], 1, most * span["work_ns"] / inside)
    case.note(f"T1 / T-infinity {span['parallelism']:.3f}, inside of the lock "
              f"{inside / span['span_ns']:.3f} of T-infinity")
    through = {row["lock"]: int(row["waited_ns"]) for row in table(case, trace, "wakes")
               if row["reason"] == "lock"}
    case.check("the wake graph's edges of the lock are named by it", set(through) ==
               {"threads:queue_lock"}, through)
    edges = [edge for edge in report["wakes"] if edge["reason"] == "lock"]
    case.check("in JSON they lead to the lock", edges and all(
        report["locks"][edge["lock"]]["symbol"] == "queue_lock" for edge in edges), edges[:2])
    ended = sum(edge["waited_ns"] for edge in edges)
    case.within("waits for it that somebody ended", ended / report["locks"][0]["blocked_ns"], 0.99, 1)
    case.within("serial section of the workers", part(report, "worker")["serial_ns"] /
                ready_ns(report), 0.93, 1)
    check_walk(case, report, trace)


def case_one_thread_after_another(case):
    report, trace = recorded(case, "threads", "serial")
    case.within("T1 / T-infinity", report["work_span"]["parallelism"], 1, 1.01)
    case.within("window / T-infinity", report["work_span"]["speedup_bound"] * ready_ns(report) /
                report["window_ns"], 0.99, 1.05)
    check_walk(case, report, trace)


def case_threads_side_by_side(case):
    report, _ = recorded(case, "threads", "parallel")
    case.within("T1 / T-infinity", report["work_span"]["parallelism"] / 2, 1 - PARALLELISM, 1.01)


def case_sleep_on_the_path(case):
    """What only sleeps is its own path, and the clock its waker."""
    report, _ = recorded_command(case, "sleep", "0.3")
    path = report["critical_path"]
    case.within("sleep on the path", path["parked_ns"].get("sleep", 0) / 300e6, 0.99, 1.05)
    case.equal("ended by the clock", path["waits_ended_by_ns"]["timer"],
               path["parked_ns"].get("sleep", 0))
