# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Signals, and readers that go away: to the tracer, to what it traces, to both. The random ones are those of
faults.py, a few of them by a fixed seed."""

import os
import re
import signal
import subprocess
import time

import faults
from cases_behaviour import run_json, thread_rows
from harness import Failed, group

MS = 1_000_000
KILLS, OTHERS = 7, 7

fault, cases = group()


@fault("signals at random moments leave nothing behind, corrupt nothing, and are never lost")
def at_random(case):
    tally = faults.series((case.cpartrace, case.workloads, case.helpers), KILLS, OTHERS, "d",
                          say=case.findings.append)
    case.equal("rounds", (tally.kills, tally.rounds), (KILLS, KILLS + OTHERS))
    case.equal("left behind", tally.left, 0)
    case.note(tally.line())


def stopped(pid):
    facts = faults.process_facts(pid)
    return facts and facts[0] == "T"


@fault("Ctrl-Z stops the tracer and what it traces, fg lets both go on")
def job_control(case):
    """By a shell that has job control and a terminal."""
    trace, marker, hold = case.path("t"), case.path("pid"), 0.6
    work = f"echo $$ > {marker}; i=0; while [ $i -lt 40 ]; do /bin/sleep 0.02; i=$((i + 1)); done; exit 5"
    terminal = faults.Terminal(case, hold, [case.cpartrace, "run", "-o", trace, "--", "sh", "-c", work])
    faults.await_true("the command", lambda: faults.lines_of(marker))
    time.sleep(0.2)
    terminal.type(b"\x1a")
    terminal.await_said("stopped")
    child = int(faults.lines_of(marker)[0])
    case.check("both are stopped", stopped(terminal.pid) and stopped(child),
               (faults.process_facts(terminal.pid), faults.process_facts(child)))
    case.equal("the command's status in the end", terminal.await_end(), 5)
    report = case.report_json(trace)
    shell = [row for row in thread_rows(report, "sh") if row["tid"] == child]
    # Who waits for a child when it is stopped wakes up to stop.
    case.check("the time it was stopped is `stopped`", shell and
               shell[0]["parked_ns"].get("stopped", 0) > 0.8 * hold * 1e9, shell)
    case.check("and counts in the window", report["window_ns"] > (0.8 + hold) * 0.9e9, report["window_ns"])


def read_a_line(argv, ignored):
    """argv with a reader that goes away after a line, or before the first: (status, stderr)."""
    found = []
    for lines in (1, 0):
        process = subprocess.Popen([str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.PIPE, restore_signals=not ignored)
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        err = process.stderr.read().decode("utf-8", "replace")
        process.stderr.close()
        found.append((process.wait(60), err))
    return found


@fault("a reader that goes away in the middle of an output")
def reader_gone(case):
    run_json(case, "taskset", "-c", "0", "perf", "bench", "sched", "pipe", "-l", "20000")
    trace = case.path("r.trace")
    for argv in (["script"], ["export", "-f", "csv", "--table", "intervals"],
                 ["export", "-f", "jsonl", "--table", "intervals"], ["export", "-f", "html"],
                 ["export", "-f", "perfetto"], ["report"], ["report", "--json"], ["report", "--timeline"]):
        what = " ".join(argv)
        long = argv[0] != "report"  # the others fit into a pipe, and are written before anybody reads
        command = [case.cpartrace, *argv, "-i", trace]
        first, none = read_a_line(command, ignored=False)
        for one in (first, none) if long else (none,):
            case.equal(f"{what}: ends as any filter", one, (-signal.SIGPIPE, ""))
        first, none = read_a_line(command, ignored=True)
        for status, err in (first, none) if long else (none,):
            case.check(f"{what}, told to ignore it: one line", status == 1 and
                       re.fullmatch(r"cpartrace: [^\n]*Broken pipe[^\n]*\n", err), (status, err))


def on_closed_pipe(case, argv, stream):
    """Runs argv with one of its streams a pipe that nobody reads: its status."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = case.spawn(argv, **{"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, stream: writer})
    finally:
        os.close(writer)
    try:
        return process.wait(60)
    except subprocess.TimeoutExpired:
        raise Failed(f"{argv}: goes on although nobody reads it") from None


@fault("who records goes on to the end when nobody reads the report")
def nobody_reads(case):
    trace = case.path("t")
    command = ["--", "sh", "-c", "sleep 0.1; exit 7"]
    for what, options, stream, status in (
            ("run", ["run", "-o", trace], "stderr", 7),
            ("run --strict", ["run", "--strict", "-o", trace], "stderr", 125),
            ("run --json -", ["run", "--json", "-", "-o", trace], "stdout", 7),
            ("record", ["record", "-o", trace], "stderr", 7),
            ("stat", ["stat"], "stderr", 7),
            ("stat -I", ["stat", "-I", "20"], "stderr", 7)):
        case.equal(what, on_closed_pipe(case, [case.cpartrace, *options, *command], stream), status)
        if "-o" in options:
            report = case.report_json(trace)
            case.equal(f"{what}: the trace is whole", report["exit"], {"code": 7})
    case.equal("the command gets the signal as without us", on_closed_pipe(
        case, [case.cpartrace, "run", "-o", trace, "--", "sh", "-c", "exec cat /dev/zero"], "stdout"),
               128 + signal.SIGPIPE)
    # Who counts for nobody ends.
    case.equal("stat -a -I", on_closed_pipe(case, [case.cpartrace, "stat", "-a", "-I", "20"], "stdout"), 1)


@fault("a limit on the size of files is no more than a full disk")
def file_size(case):
    trace = case.path("t")
    work = "taskset -c 0 perf bench sched pipe -l 60000 > /dev/null; ulimit -f; exit 5"
    result = case.run(["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", case.cpartrace, "run", "-o", trace, "--", "sh",
                       "-c", work])
    case.equal("status", result.status, 5)
    case.equal("the command has the limit", result.out, "64\n")
    said = [line for line in result.err.split("\n") if line.startswith("cpartrace: ")]
    case.check("one line says why the trace ends", len(said) == 1 and "File too large" in said[0], said)
    report = case.report_json(trace, status=4)
    case.check("what came before is there", report["cpu_time_ns"] > 0, report["cpu_time_ns"])
    died = case.run(["sh", "-c", 'ulimit -f 64; exec "$@"', "sh", case.cpartrace, "record", "-q", "-o", trace, "--",
                     "sh", "-c", f"exec cat /dev/zero > {case.path('big')}"])
    case.equal("the command dies of it as without us", died.status, 128 + signal.SIGXFSZ)
