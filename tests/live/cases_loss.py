# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Nothing is lost at full rate, and what is lost is counted, located and said.

The load is a pair of processes per CPU, pinned there, that pass a byte to and fro as fast as they
can (perf bench sched pipe): two switches each time. How many there were is known three times over:
by the load's operations, by the kernel's account of its tasks (getrusage), and by the recording.
"""

import json
import os
import re
import signal
import subprocess
import time

from harness import Failed, Result

FULL_RATE_SECONDS = 10
CALIBRATE_OPS = 50_000
LOSSY_OPS = 300_000
SMALLEST_BUFFER = "64K"
STOPS, STOP_SECONDS = 8, 0.02  # at full rate that buffer is full after 2 ms

# The kernel's account of CPU time may be off ours by this much of the window: it charges a task from
# its wake-up on, and what runs outside the window, too.
ACCOUNT_SHARE = 0.03

# Of the rate without a recorder, the slower of before and after. A switch takes 700 ns, recording it 200,
# and the recorder has some per cent of both CPUs; the rest is for others who come and go on the machine.
RATE_SHARE = 0.5

# Switches that fire no event on either side of a visit leave no trace for anyone.
UNSEEN_SHARE = 1e-4

# Starts the pairs, waits, and writes what perf bench and the kernel say of them.
PAIRS = """\
import json, re, resource, subprocess, sys
out, *pairs = sys.argv[1:]
started = [subprocess.Popen(["taskset", "-c", cpu, "perf", "bench", "sched", "pipe", "-l", ops],
                            stdout=subprocess.PIPE, text=True)
           for cpu, ops in (pair.split(":") for pair in pairs)]
said = [one.communicate()[0] for one in started]
usage = [resource.getrusage(who) for who in (resource.RUSAGE_CHILDREN, resource.RUSAGE_SELF)]
with open(out, "w") as target:
    json.dump({"status": [one.returncode for one in started],
               "ops": [int(re.search(r"Executed (\\d+) pipe operations", text)[1])
                       for text in said],
               "usecs_per_op": [float(re.search(r"([\\d.]+) usecs/op", text)[1]) for text in said],
               "switches": sum(one.ru_nvcsw + one.ru_nivcsw for one in usage),
               "cpu_s": sum(one.ru_utime + one.ru_stime for one in usage)}, target)
"""


def cases(_workloads):
    return [("full rate on two CPUs, nothing lost", full_rate),
            ("a buffer that is too small: counted, located, said", forced_loss),
            ("what really ran lies within its bounds, whatever is lost of it", lost_afterwards)]


def pairs(case, prefix, ops, name, stops=0):
    """Runs two pinned pairs, ops[i] operations each, behind a command line prefix, which is stopped
    so many times. (result, what the load says)."""
    cpus = sorted(os.sched_getaffinity(0))[:2]
    if len(cpus) < 2:
        raise Failed("two CPUs are needed")
    script = case.write("pairs.py", PAIRS)
    said = case.path(f"{name}.json")
    argv = [*prefix, "/usr/bin/python3", "-I", script, said,
            *(f"{cpu}:{cnt}" for cpu, cnt in zip(cpus, ops))]
    process = case.spawn(argv)
    for _ in range(stops):
        time.sleep(5 * STOP_SECONDS)
        process.send_signal(signal.SIGSTOP)
        time.sleep(STOP_SECONDS)
        process.send_signal(signal.SIGCONT)
    try:
        out, err = process.communicate(timeout=100)
    except subprocess.TimeoutExpired:
        raise Failed("the pairs did not end within 100 s") from None
    result = Result(argv, process.returncode, out, err)
    if result.status != 0:
        raise Failed(str(result))
    with open(said, encoding="utf-8") as source:
        truth = json.load(source)
    case.equal("the pairs did what they were told", truth["ops"], ops)
    return result, truth


def number_said(result, pattern):
    match = re.search(pattern, result.err)
    if not match:
        raise Failed(f"no {pattern!r} in {result}")
    return int(match[1].replace(",", ""))


def switch_outs(report, name=None):
    return sum(sum(thread["switches"].values()) for thread in report["threads"]
               if name is None or thread["name"] == name)


def full_rate(case):
    _, slow = pairs(case, [], [CALIBRATE_OPS] * 2, "calibrate")
    untraced = sum(2e6 / cost for cost in slow["usecs_per_op"])
    ops = [round(FULL_RATE_SECONDS * 1e6 / cost) for cost in slow["usecs_per_op"]]
    trace = case.path("full.trace")
    result, truth = pairs(case, [case.cpartrace, "record", "-v", "-o", trace, "--"], ops, "full")
    recorded = number_said(result, r"recorded ([\d,]+) context switches of")
    lost = number_said(result, r"records lost: ([\d,]+)")
    case.equal("records lost", lost, 0)
    report = case.report_json(trace, status=4 if lost else 0)
    seconds = report["window_ns"] / 1e9
    _, slow = pairs(case, [], [CALIBRATE_OPS] * 2, "calibrate-again")
    untraced = min(untraced, sum(2e6 / cost for cost in slow["usecs_per_op"]))
    case.note(f"{recorded / seconds / 1e6:.2f} M switches/s for {seconds:.1f} s, "
              f"{untraced / 1e6:.2f} M untraced")
    # Or it would be another rate at which nothing is lost.
    case.within("of the rate untraced", recorded / seconds / untraced, RATE_SHARE, 2)
    case.equal("lost_events", report["data_quality"]["lost_events"], 0)
    case.equal("unknown time", report["ledger_ns"]["unknown"], 0)
    # Preemption by others adds to the two switches of an operation, nothing takes from them.
    least = 2 * sum(ops)
    case.within("switches of the pairs, in their operations' own number",
                switch_outs(report, "sched-pipe") / least, 1 - UNSEEN_SHARE, 1.05)
    case.within("switches of all tasks, in the kernel's number",
                switch_outs(report) / truth["switches"], 1 - UNSEEN_SHARE, 1 + UNSEEN_SHARE)


class Rows:
    """What `script` shows of a trace, counted."""

    def __init__(self, text):
        self.switches = self.arrivals = self.kernel = 0
        self.holes, self.broken = [], []
        until = {}
        for line in text.split("\n"):
            fields = line.split(None, 4)
            if len(fields) < 4:
                continue
            stamp, cpu, kind = float(fields[0]), fields[1], fields[2]
            if kind == "loss":
                facts = dict(fact.split("=") for fact in " ".join(fields[3:]).split())
                self.holes.append((cpu, stamp, float(facts["until"]), int(facts["lost"])))
                until[cpu] = float(facts["until"])
            elif kind == "switch":
                self.switches += 1
                self.arrivals += fields[3] in ("(idle)", "(other)")
                if stamp < until.get(cpu, 0):
                    self.broken.append(line)
            elif kind == "exit":
                self.kernel += sum(map(int, re.findall(r"voluntary=(\d+)", line)))


def forced_loss(case):
    trace = case.path("loss.trace")
    result, truth = pairs(case, [case.cpartrace, "record", "-v", "--no-budget", "--buffer-size",
                                 SMALLEST_BUFFER, "-o", trace, "--"], [LOSSY_OPS] * 2, "loss",
                          STOPS)
    lost = number_said(result, r"records lost: ([\d,]+)")
    mends = number_said(result, r"without an event: ([\d,]+) rebuilt")
    if not case.check("a recorder that is stopped loses records", lost > 0, "none lost"):
        return
    rows = Rows(case.cpt("script", "-i", trace).out)
    located = sum(hole[3] for hole in rows.holes)
    case.note(f"{lost:,} of {rows.switches + lost:,} records lost in {len(rows.holes)} holes")
    case.equal("records located in holes, in those the kernel counted as dropped", located, lost)
    # A rebuilt switch is dated back, before the look that its hole begins with: nothing is left of it.
    back = [hole for hole in rows.holes if hole[1] > hole[2]]
    case.check("no hole ends before it begins", not back, back[:2])
    empty = sum(hole[3] for hole in rows.holes if hole[1] == hole[2])
    case.within("records lost in holes without a length", empty / lost, 0, 0.001)
    case.check("no record inside a hole of its CPU", not rows.broken, rows.broken[:2])
    # Each of the kernel's switches left a record or a loss; so did each arrival of ours after
    # others. Arrivals that were lost cannot be told from the rest of the loss.
    attempts = rows.switches + lost
    known = rows.kernel + rows.arrivals
    slack = mends + UNSEEN_SHARE * known
    case.within("attempts beyond the kernel's switches and arrivals after others",
                attempts - known, -slack, slack + rows.arrivals)
    said_of_loss(case, trace, lost, truth)


def said_of_loss(case, trace, lost, truth):
    """The report and its verdict when records were lost."""
    report = case.report_json(trace, status=4)
    ledger, window = report["ledger_ns"], report["window_ns"]
    case.equal("lost_events", report["data_quality"]["lost_events"], lost)
    case.check("unknown time", ledger["unknown"] > 0)
    # Two CPUs and so much CPU time leave this much room for the time both were in use.
    used, slack = truth["cpu_s"] * 1e9, ACCOUNT_SHARE * window
    case.check("parallel is not more than the kernel's CPU time allows",
               ledger["parallel"] <= used / 2 + slack, f"{ledger['parallel']}, {used} ns used")
    case.check("parallel and unknown are not less than it asks for",
               ledger["parallel"] + ledger["unknown"] >= used - window - slack,
               f"{ledger['parallel']} and {ledger['unknown']}, {used} ns used in {window}")
    # A class is certain when by the bounds no other one can be larger.
    verdict, bounds = report["verdict"], report["bounds"]["ledger_ns"]
    others = [bounds[name][1] for name in ("parallel", "concurrent", "serial")
              if name != verdict["class"]]
    case.check("no confident verdict that what was lost could turn",
               not verdict["certain"] or verdict["class"] in ("parallel", "concurrent", "serial") and
               bounds[verdict["class"]][0] >= max(others), json.dumps([verdict, bounds]))
    low, high = report["bounds"]["cpu_time_ns"]
    case.check("the kernel's CPU time is within the bounds", low - slack <= used <= high + slack,
               f"{used} ns, bounds {low} and {high}")
    text = case.cpt("report", "-i", trace)
    case.equal("report's status", text.status, 4)
    case.check("the report says so", f"{lost:,} events lost" in text.out, text.out[-300:])


# Short runs, each of another kind; `tests/live/bounds.sh` takes all there are.
RUNS = (("threads", "mutex", "--work-ms", "150"), ("processes", "fanout"), ("epoll", "one-loop", "--requests", "400"))


def lost_afterwards(case):
    """Any records of a recorded run are left out, again and again: the whole run's figures are the truth."""
    traces = []
    for i, argv in enumerate(RUNS):
        traces.append(case.path(f"{i}.cptrace"))
        result = case.cpt("record", "-o", traces[-1], "--", os.path.join(case.workloads, argv[0]), *argv[1:])
        if result.status != 0:
            raise Failed(str(result))
    program = os.path.join(os.path.dirname(case.cpartrace), "tests/properties/test_bounds")
    env = {**os.environ, "CPT_TRACES": ":".join(traces), "CPT_CASES": "100"}
    ran = subprocess.run([program], env=env, capture_output=True, text=True, timeout=120, check=False)
    case.equal("test_bounds", ran.returncode, 0)
    said = re.search(r"BOUNDS: 100 rounds of each of 3 real traces, (\d+) of them .*all inside", ran.stdout)
    case.check("all inside", said, ran.stdout + ran.stderr[-600:])
    case.check("mostly something was in doubt", said and int(said[1]) > 150, ran.stdout)
