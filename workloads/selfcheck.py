#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runs every mode of every workload for a moment, as any user, and checks that it keeps its side of the contract:

exit statuses, one line for people or one line of truth, the truth's form, and no process left behind, whether the run
ends by itself or by a signal. Whether a truth is true is for the live tests to say, which trace the same programs.

usage: selfcheck.py DIRECTORY-OF-THE-PROGRAMS
"""
import json
import math
import os
import signal
import subprocess
import sys
import time

SHORT = {
    "threads": [
        ["parallel", "--work-ms=60", "--workers=1"],
        ["one-cpu", "--work-ms=40"],
        ["mutex", "--work-ms=60"],
        ["handoff", "--work-ms=30"],
        ["handoff", "--work-ms=30", "--plain-symbol"],
        ["barrier", "--rounds=4"],
        ["pool", "--images=1", "--tiles=6"],
        ["serial", "--work-ms=20"],
        ["spin", "--rounds=3", "--slow-us=2000", "--fast-us=500"],
        ["forkjoin", "--depth=2", "--leaf-us=2000", "--split-us=500"],
    ],
    "locks": [
        ["sleep", "--holds=4"],
        ["fsync", "--holds=4"],
        ["preempted", "--holds=6", "--hold-us=3000"],
        ["shared", "--holds=12"],
        ["shared", "--holds=12", "--remap"],
        ["pi", "--holds=12"],
        ["robust", "--holds=12"],
        ["condvar", "--holds=12"],
        ["rwlock", "--holds=12"],
        ["semaphore", "--holds=12"],
        ["filelock", "--holds=12"],
        ["mmap", "--holds=8"],
        ["jointree", "--depth=2"],
        ["pipechain", "--holds=6"],
    ],
    "processes": [
        ["fanout", "--workers=1", "--work-ms=50"],
        ["pipeline", "--items=6", "--slow-us=5000", "--fast-us=500"],
        ["pingpong", "--rounds=1000"],
        ["pingpong", "--rounds=1000", "--cpus=2"],
        ["exec-tree", "--depth=2", "--fan=4", "--work-us=1000"],
    ],
    "epoll": [
        ["one-loop", "--requests=300"],
        ["loop-pool", "--loops=1", "--requests=300"],
        ["blocking-handler", "--requests=60"],
        ["offload", "--requests=30"],
        ["frames", "--frames=6"],
        ["poll", "--requests=300"],
        ["select", "--requests=300"],
    ],
    "loops": [
        ["edge", "--requests=200"],
        ["oneshot", "--requests=200"],
        ["exclusive", "--requests=200"],
        ["nested", "--requests=200"],
        ["forked", "--requests=200"],
        ["twin", "--requests=200"],
        ["number-reused", "--requests=200"],
        ["reopened", "--requests=100", "--rounds=2"],
        ["writers", "--requests=200"],
        ["reconnect", "--requests=200"],
        ["leak", "--requests=200"],
        ["churn", "--requests=200"],
        ["generations", "--requests=100", "--rounds=2"],
        ["many-fds", "--requests=200", "--fds=200"],
    ],
    "webserver": [
        ["--model=sequential", "--connections=4", "--requests=12"],
        ["--model=threads", "--requests=40"],
        ["--model=processes", "--requests=40"],
        ["--model=epoll", "--requests=40"],
        ["--model=epoll-threads", "--requests=40"],
    ],
}
CLASSES = {"parallel", "concurrent", "serial", "idle", None}
NEEDS = {"futex", "loops", "holders", "samples", "accounts"}
failures = []


def check(what, true, detail=""):
    if not true:
        failures.append(what)
        print(f"FAILED {what} {detail}".rstrip())


def number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def strict(text):
    def refuse(constant):
        raise ValueError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def check_row(what, row):
    allowed = {"figure", "of", "scope", "min", "max", "filter", "needs"}
    check(f"{what}: only known keys", set(row) <= allowed, row)
    check(f"{what}: figure is a path", isinstance(row.get("figure"), str) and row["figure"], row)
    of = row.get("of", 1)
    check(f"{what}: of is a path or a positive number", isinstance(of, str) or number(of) and of > 0, row)
    check(f"{what}: scope", row.get("scope") in ("run", "span"), row)
    check(f"{what}: needs", row.get("needs", "loops") in NEEDS, row)
    check(f"{what}: filter", isinstance(row.get("filter", ""), str), row)
    bounds = [row[key] for key in ("min", "max") if key in row]
    check(f"{what}: has a bound", bounds and all(number(bound) for bound in bounds), row)
    check(f"{what}: min <= max", bounds == sorted(bounds), row)


def check_truth(what, program, mode, line, began_ns, ended_ns):
    try:
        truth = strict(line)
    except ValueError as error:
        check(f"{what}: valid JSON", False, error)
        return
    check(f"{what}: keys", set(truth) == {"workload", "mode", "class", "span_ns", "expect", "facts"}, list(truth))
    check(f"{what}: names itself", (truth["workload"], truth["mode"]) == (program, mode))
    check(f"{what}: class", truth["class"] in CLASSES, truth["class"])
    start, end = truth["span_ns"]
    check(f"{what}: span lies in the run", began_ns < start < end < ended_ns, (began_ns, start, end, ended_ns))
    for row in truth["expect"]:
        check_row(what, row)
    check(f"{what}: some rows hold in any version", any("needs" not in row for row in truth["expect"]))
    check(f"{what}: has facts", truth["facts"] and all(isinstance(v, str) or number(v) for v in truth["facts"].values()))


def in_session(session, reaped_by_us=True):
    """Processes of a session that are alive or, where the workload could have reaped them, not reaped."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                fields = stat.read().rpartition(")")[2].split()
            if int(fields[3]) == session and (reaped_by_us or fields[0] != "Z"):
                found.append(int(pid))
        except OSError:
            pass
    return found


def run(command):
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                               start_new_session=True)
    try:
        out, err = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        out, err = process.communicate()
    return process.returncode, out, err, in_session(process.pid)


def check_mode(path, program, mode, arguments):
    what = " ".join([program, *arguments])
    status, out, err, left = run([path, *arguments])
    check(f"{what}: exit status 0", status == 0, err)
    check(f"{what}: one line for people", out.count("\n") == 1 and out.startswith(f"{program} {mode}: "), repr(out))
    check(f"{what}: nothing on stderr", not err, repr(err))
    check(f"{what}: no process left", not left, left)
    began_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    status, out, err, left = run([path, *arguments, "--truth"])
    ended_ns = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    check(f"{what}: exit status 0 with --truth", status == 0, err)
    check(f"{what}: one line of truth", out.count("\n") == 1 and out.endswith("\n"), repr(out))
    check(f"{what}: no process left with --truth", not left, left)
    check_truth(what, program, mode, out, began_ns, ended_ns)


def check_signal(path, program, arguments, number_of_signal):
    what = f"{' '.join([program, *arguments])} after {signal.Signals(number_of_signal).name}"
    process = subprocess.Popen([path, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                               start_new_session=True)
    time.sleep(0.15)
    check(f"{what}: still running before it", process.poll() is None)
    process.send_signal(number_of_signal)
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    # A process killed together with its parent may be a moment away from being gone.
    for _ in range(20):
        left = in_session(process.pid, number_of_signal != signal.SIGKILL)
        if not left:
            break
        time.sleep(0.05)
    check(f"{what}: ended by it", process.returncode == -number_of_signal, process.returncode)
    check(f"{what}: no process left", not left, left)


def check_command_line(path, program, first):
    status, out, _, _ = run([path, "--help"])
    check(f"{program} --help: exit status 0", status == 0)
    check(f"{program} --help: lists the first mode", f"\n  {first}: " in out)
    for wrong in (["--no-such-option"], ["--timeout", "soon"], ["--timeout"], ["--workers=1e9"], ["--truth=yes"]):
        status, out, err, _ = run([path, *wrong])
        check(f"{program} {' '.join(wrong)}: exit status 2", status == 2, status)
        check(f"{program} {' '.join(wrong)}: one line on stderr", not out and err.count("\n") == 1, repr(err))


def main():
    if len(sys.argv) != 2:
        print("usage: selfcheck.py DIRECTORY-OF-THE-PROGRAMS", file=sys.stderr)
        return 2
    runs = 0
    for program, modes in SHORT.items():
        path = os.path.join(sys.argv[1], program)
        names = []
        for arguments in modes:
            mode = arguments[0].partition("=")[2] or arguments[0]
            names.append(mode)
            check_mode(path, program, mode, arguments)
            runs += 1
        check_command_line(path, program, names[0])
        for mode, arguments in {name: modes[names.index(name)][:1] for name in names}.items():
            sent = (signal.SIGTERM, signal.SIGINT, signal.SIGKILL)
            check_signal(path, program, arguments, sent[list(dict.fromkeys(names)).index(mode) % len(sent)])
    status, _, err, _ = run([os.path.join(sys.argv[1], "threads"), "serial", "--work-ms=2000", "--timeout=1"])
    check("threads --timeout: ended by SIGALRM", status == -signal.SIGALRM, status)
    check("threads --timeout: says so", "gave up" in err, repr(err))
    print(f"{runs} runs checked, {len(failures)} failures")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
