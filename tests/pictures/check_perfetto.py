#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_perfetto.py - `export -f perfetto` says what the report says.

    check_perfetto.py --cpartrace PROGRAM TRACE...

Each trace is exported, as a whole and filtered, decoded by the public schema (perfetto_trace.py), and
summed up: states of each thread, CPUs, counters, flows, named locks and the critical path have to give the
JSON report's figures to the nanosecond. Debian packages: protobuf-compiler.
"""

import argparse
import collections
import csv
import io
import json
import os
import subprocess
import sys
import tempfile

import perfetto_trace

STATES = ("running", "runnable", "waiting", "parked", "unknown")
FILTERS = ((), ("--time", "0.001,0.3"), ("--comm", "worker"), ("--cpu", "0"))


def run(program, *arguments):
    result = subprocess.run([program, *arguments], capture_output=True, timeout=120, check=False,
                            stdin=subprocess.DEVNULL)
    if result.returncode not in (0, 4) or result.stderr:
        raise AssertionError(f"{arguments}: status {result.returncode}, {result.stderr.decode()}")
    return result.stdout


def same(what, seen, expected):
    if seen != expected:
        raise AssertionError(f"{what}: {seen}, the report says {expected}")


def by_name(trace, name):
    (uuid,) = [u for u, track in trace.tracks.items() if track["name"] == [name]]
    return uuid


def check_threads(trace, report):
    threads = {track["thread"][0]["tid"][0]: uuid for uuid, track in trace.tracks.items()
               if track["thread"]}
    same("tids", sorted(threads), sorted(str(t["tid"]) for t in report["threads"]))
    for thread in report["threads"]:
        uuid = threads[str(thread["tid"])]
        descriptor = trace.tracks[uuid]["thread"][0]
        sums, reasons, last = collections.Counter(), collections.Counter(), None
        for piece in trace.slices[uuid]:
            same("the order of slices", last is None or piece.start >= last, True)
            sums[piece.category] += piece.end - piece.start
            if piece.category in ("waiting", "parked"):
                reasons[piece.name.split(" ")[0]] += piece.end - piece.start
            last = piece.end
        blocked = {**thread["waiting_ns"], **thread["parked_ns"]}
        same("name", descriptor["thread_name"], [thread["name"]])
        same("pid", descriptor["pid"], [str(thread["pid"])])
        same(f"states of {thread['tid']}", {s: sums[s] for s in STATES},
             {"running": thread["running_ns"], "runnable": thread["runnable_ns"],
              "unknown": thread["unknown_ns"], "waiting": sum(thread["waiting_ns"].values()),
              "parked": sum(thread["parked_ns"].values())})
        same(f"reasons of {thread['tid']}", dict(reasons), {k: v for k, v in blocked.items() if v})
    pids = {track["process"][0]["pid"][0] for track in trace.tracks.values() if track["process"]}
    same("processes", pids, {str(t["pid"]) for t in report["threads"]})


def check_cpus(trace, report):
    total = 0
    for uuid, track in trace.tracks.items():
        if not (track["name"] or [""])[0].startswith("CPU "):
            continue
        same("the CPU's parent", track["parent_uuid"], [by_name(trace, "CPUs")])
        pieces = sorted(trace.slices[uuid])
        for before, after in zip(pieces, pieces[1:]):
            same("one thread at a time on a CPU", after.start >= before.end, True)
        total += sum(p.end - p.start for p in pieces)
    same("time on CPUs", total, report["cpu_time_ns"])


def integral(points):
    return sum(value * (after - time) for (time, value), (after, _) in zip(points, points[1:]))


def check_most(most, busy, report):
    """Never below what certainly ran, and in all the upper bound of the CPU time, where that has no other cause.
    Returns whether it was so."""
    steps = sorted({time for time, _ in busy} | {time for time, _ in most})
    at = [dict(points) for points in (busy, most)]
    now = [0, 0]
    for time in steps:
        now = [points.get(time, before) for points, before in zip(at, now)]
        same("at least as many may run", now[1] >= now[0], True)
    low, high = report["bounds"]["window_ns"]
    if low != high or report["bounds"]["parallelism"]["profile_ns"][0] == [0, high]:
        return False
    same("CPU time at most", integral(most), report["bounds"]["cpu_time_ns"][1])
    return True


def check_counters(trace, report):
    """Returns whether the bounds of the CPU time were there to be held against a counter."""
    busy = trace.counters[by_name(trace, "CPUs busy")]
    progress = trace.counters[by_name(trace, "in progress")]
    profile = report["concurrency"]["profile_ns"]
    same("counted CPU time", integral(busy), report["cpu_time_ns"])
    same("peak of R", max((v for _, v in busy), default=0), report["parallelism"]["peak"])
    if not report["ledger_ns"]["unknown"]:
        same("counted in progress", integral(progress), sum(k * n for k, n in enumerate(profile)))
    open_counters = [by_name(trace, name) for name in ("CPUs busy, at most (events lost)",
                                                       "threads in unknown state (events lost)")
                     if report["bounds"]["open"]]
    bounded = [check_most(trace.counters[uuid], busy, report) for uuid in open_counters[:1]]
    for points in (busy, progress, *(trace.counters[uuid] for uuid in open_counters)):
        same("values that differ", [a for a, b in zip(points, points[1:]) if a[1] == b[1]], [])
    return any(bounded)


def check_flows(trace, wakes):
    begins, ends = {}, {}
    for uuid, instants in trace.instants.items():
        for instant in instants:
            same("category of a wake-up", instant.category, "wake")
            (flow,) = instant.flows_out
            same("flow begins once", begins.setdefault(flow, (instant.time, uuid)),
                 (instant.time, uuid))
    for uuid, pieces in trace.slices.items():
        for piece in pieces:
            same("flows that begin at slices", piece.flows_out, [])
            for flow in piece.flows_in:
                same("what a wake-up leads to", piece.category in ("runnable", "running"), True)
                same("flow ends once", flow in ends, False)
                ends[flow] = (piece.start, uuid)
    same("flows that begin and end", sorted(begins), sorted(ends))
    for flow, (time, waker) in begins.items():
        same("a flow's time", ends[flow][0], time)
        same("a flow to another thread", ends[flow][1] != waker, True)
    known = sum(int(row["wakes"]) for row in wakes
                if row["by"] == "task" and row["reason"] != "unknown")
    same("wake-ups by threads of the workload", len(begins), known)


def check_locks(trace, report):
    """A lock with a name has it in its slices, which sum up to its blocked time."""
    sums = collections.Counter()
    for pieces in trace.slices.values():
        for piece in pieces:
            sums[piece.name] += piece.end - piece.start
    expected = collections.Counter()  # names that are no text can become the same
    for lock in report["locks"]:
        if lock.get("python_gil"):
            expected[f"{lock['reason']} CPython's GIL"] += lock["blocked_ns"]
        elif lock.get("python_gil_switch"):
            expected[f"{lock['reason']} GIL, let go"] += lock["blocked_ns"]
        elif lock["symbol"] and not lock["rest"]:
            expected[f"{lock['reason']} {lock['module']}:{lock['symbol']}"] += lock["blocked_ns"]
    for name, ns in expected.items():
        same(name, sums[name], ns)
    return sum(bool(lock["symbol"]) for lock in report["locks"]), \
        sum(lock["shared"] and bool(lock["symbol"]) for lock in report["locks"])


def check_path(trace, report):
    pieces = trace.slices[by_name(trace, "critical path")]
    path = report["critical_path"]
    sums = collections.Counter()
    for before, after in zip(pieces, pieces[1:]):
        same("the path goes on", after.start >= before.end, True)
    for piece in pieces:
        sums[piece.name] += piece.end - piece.start
    same("length of the path", sum(sums.values()),
         path["length_ns"] - path["by_state"]["absent"])
    same("the path by thread", dict(sums),
         {f"{t['name']} {t['tid']}": t["total_ns"] for t in path["by_thread"] if t["total_ns"]})


def check_phases(trace, report):
    """One after the other, from the window's start to its end; each name as long as its row. Returns the phases."""
    known = report.get("phases", [])
    tracks = [uuid for uuid, track in trace.tracks.items() if track["name"] == ["phases"]]
    same("tracks of phases", len(tracks), int(bool(known)))
    sums, expected, last = collections.Counter(), collections.Counter(), report["window_start_ns"]
    for piece in trace.slices[tracks[0]] if known else []:
        same("phases leave no gap", piece.start, last)
        same("category of a phase", piece.category, "phase")
        sums[piece.name] += piece.end - piece.start
        last = piece.end
    for phase in known:  # names that are no text can become the same
        expected[phase["name"]] += phase["span_ns"]
    same("phases", +sums, +expected)
    return len(known)


def check_loops(trace, report):
    """Operations in flight, and iterations: from a wait for events to the next. Returns the instances."""
    instances = {int(uuid) & 0xffffffff: uuid for uuid, track in trace.tracks.items()
                 if (track["name"] or [""])[0].startswith("in flight: ")}
    known = report.get("epoll_instances", [])
    same("instances", sorted(instances), sorted(i["id"] for i in known))
    for instance in known:
        points = trace.counters[instances[instance["id"]]]
        # Where records were lost the track keeps the last level, and the report counts nothing.
        drawn, told = integral(points), instance["in_flight"]["integral_ns"]
        same(f"in flight in {instance['id']}, {instance['unknown_ns']} ns unknown",
             told <= drawn <= told + instance["in_flight"]["peak"] * instance["unknown_ns"], True)
        same("no more than the peak", max([0] + [v for _, v in points])
             <= instance["in_flight"]["peak"], True)
    threads = {uuid: track["thread"][0]["tid"][0] for uuid, track in trace.tracks.items()
               if track["thread"]}
    sums, turns, slices, whole = (collections.Counter() for _ in range(4))
    for uuid, track in trace.tracks.items():
        if track["name"] == ["event loop"]:
            tid = int(threads[track["parent_uuid"][0]])
            sums[tid] += sum(p.end - p.start for p in trace.slices[uuid])
            slices[tid] += len(trace.slices[uuid])
            turns[tid] += sum(int((p.note or "iterations=1").split("=")[1])
                              for p in trace.slices[uuid])
            same("the name of iterations", {p.name for p in trace.slices[uuid]}, {"iteration"})
    for loop in report["event_loops"]:
        whole[loop["tid"]] += loop["dispatch"]["count"]
        sums[loop["tid"]] -= loop["dispatch"]["total_ns"]
    for tid in set(sums) | set(whole):
        # Those that were recorded as one share its time in whole ns, and are counted up to 64 of them.
        same(f"time of iterations of {tid}", 0 <= sums[tid] <= turns[tid], True)
        same(f"iterations of {tid}", slices[tid] <= whole[tid] <= turns[tid], True)
    return len(known)


def check_lossy(program, path):
    """Of a trace that was made to lose events: states, CPUs and counters. How many views had the CPU time's bounds."""
    bounded = 0
    for view in FILTERS:
        trace = perfetto_trace.decode(run(program, "export", "-f", "perfetto", "-i", path, *view))
        report = json.loads(run(program, "report", "--json", "-i", path, *view))
        check_threads(trace, report)
        check_cpus(trace, report)
        bounded += check_counters(trace, report)
    return bounded


def check(program, path, view):
    data = run(program, "export", "-f", "perfetto", "-i", path, *view)
    report = json.loads(run(program, "report", "--json", "-i", path, *view))
    rows = run(program, "export", "-f", "csv", "--table", "wakes", "-i", path, *view).decode()
    trace = perfetto_trace.decode(data)
    loops, phases = 0, check_phases(trace, report)
    same("clocks", sorted(trace.clocks), ["1", "3", "6"])
    check_threads(trace, report)
    check_cpus(trace, report)
    check_counters(trace, report)
    locks = check_locks(trace, report)
    if "--cpu" not in view:  # a wait that ends where the filter does not look has no end there
        check_flows(trace, list(csv.DictReader(io.StringIO(rows))))
        check_path(trace, report)
        loops = check_loops(trace, report)
    return sum(map(len, trace.slices.values())), *locks, loops, phases


def peak_memory(*command):
    """Of a program that ends well, in kB."""
    with open(os.devnull, "wb") as null, subprocess.Popen(command, stdout=null) as child:
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    same("status", child.returncode, 0)
    return usage.ru_maxrss


def check_memory(program, page_trace, work):
    """However long a trace is, what it takes to write it is the same."""
    peaks = []
    for switches in (100_000, 800_000):
        path = os.path.join(work, f"long-{switches}")
        run(page_trace, path, "50", str(switches), "2")
        peaks.append(peak_memory(program, "export", "-f", "perfetto", "-i", path))
        print(f"{switches} switches: {peaks[-1]} kB at most")
    same("memory does not grow with the trace", peaks[1] < 1.15 * peaks[0] + 1024, True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--hostile", help="program that writes a trace with hostile names")
    parser.add_argument("--shared", help="program that writes a trace with a lock of two processes")
    parser.add_argument("--lossy", help="program that writes a trace with as many losses as asked for")
    parser.add_argument("--long", help="program that writes a trace as long as asked for")
    parser.add_argument("traces", nargs="+")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        for program in filter(None, (options.hostile, options.shared)):
            options.traces.append(os.path.join(work, os.path.basename(program) + ".cptrace"))
            run(program, options.traces[-1])
        if options.lossy:
            lossy = os.path.join(work, "lossy.cptrace")
            run(options.lossy, lossy, "20", "20000", "2", "40")
            bounded = check_lossy(options.cpartrace, lossy)
            print(f"{bounded} views of a trace with losses: CPU time at most")
            same("some view's CPU time is open", bounded > 0, True)
        if options.long:
            check_memory(options.cpartrace, options.long, work)
        return check_all(options)


def check_all(options):
    failed, locks, shared, loops, phases = 0, 0, 0, 0, 0
    for path in options.traces:
        for view in FILTERS:
            what = " ".join([os.path.basename(path), *view])
            try:
                slices, named, of_two, instances, in_phases = check(options.cpartrace, path, view)
                locks += named
                shared += of_two
                loops += instances
                phases += in_phases
                print(f"{what}: {slices} slices, {named} locks with a name, {instances} instances, {in_phases} phases")
            except (AssertionError, perfetto_trace.Malformed, ValueError) as error:
                print(f"{what}: {error}")
                failed += 1
    if not locks or not loops or not phases or (options.shared and not shared):
        print("no trace has a lock with a name, or a shared one, or an epoll instance, or phases: that is not tested")
        failed += 1
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
