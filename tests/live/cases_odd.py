# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs that do what few programs do, and many tracers at once. Each against an account of its own: what it
counted itself, what the kernel charged it, what another tracer saw."""

import os
import re
import shutil
import signal
import time

from cases_attach import end, meter, sound, under_perf
from cases_behaviour import finish, run_json, thread_rows
from cases_privileges import BEHIND, NOBODY, tracer
from cases_stat import remove_group
from harness import Failed, check_agreement, group, stolen_ns

PYTHON = "/usr/bin/python3"
MS = 1_000_000
AT_ONCE = (2, 10)  # of us

odd, cases = group()


def complete(case, what, report):
    case.equal(f"{what}: lost_events", report["data_quality"]["lost_events"], 0)
    case.check(f"{what}: whole", not report["data_quality"]["incomplete"], report["data_quality"])


# ---------------------------------------------------------------- no more processes to be had


def limited_group(limit):
    """A cgroup in which there may be so many tasks: its directory."""
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        found = [line.split() for line in mounts]
    for fields in found:
        if fields[2] == "cgroup" and "pids" in fields[3].split(","):
            place = fields[1]
            break
        if fields[2] == "cgroup2" and os.path.exists(os.path.join(fields[1], "cgroup.controllers")):
            with open(os.path.join(fields[1], "cgroup.subtree_control"), "r+", encoding="ascii") as control:
                if "pids" not in control.read():
                    control.write("+pids")
            place = fields[1]
            break
    else:
        raise Failed("no cgroup limits how many processes there are")
    path = os.path.join(place, f"cpartrace-odd-{os.getpid()}")
    os.mkdir(path)
    with open(os.path.join(path, "pids.max"), "w", encoding="ascii") as file:
        file.write(str(limit))
    return path


@odd("a fork bomb within a limit: every process it made is there, whether the limit is the tracer's too")
def fork_bomb(case):
    path = limited_group(60)
    try:
        enter = ["/bin/sh", "-c", f'echo $$ > {path}/cgroup.procs; exec "$@"', "sh"]
        bomb = [case.helper("fork_bomb"), "150"]
        for what, before, within in (("the bomb's", [], enter), ("the tracer's, too", enter, [])):
            result = case.run([*before, case.cpartrace, "run", "-o", case.path("t"), "--", *within, *bomb])
            case.equal(f"{what}: status", result.status, 0)
            made, refused, used_us = map(int, result.out.split())
            report = case.report_json(case.path("t"))
            complete(case, what, report)
            case.check(f"{what}: it was a bomb", made > 59 and refused > 0, result.out)
            case.equal(f"{what}: processes", report["tasks"]["processes"], made + 1)
            case.within(f"{what}: at once", report["tasks"]["peak_alive"], 30, 60)
            case.note(f"{what}: {made} processes, {refused} refused, {report['cpu_time_ns'] / 1e6:.0f} ms, "
                      f"{used_us / 1e3:.0f} by the kernel")
    finally:
        remove_group(path)


# ---------------------------------------------------------------- ptrace


@odd("a program that traces another by ptrace: it is `stopped` for as long as it was held")
def holds_child(case):
    result, report = run_json(case, case.helper("holds_child"), "5", "60")
    child, held_ns = map(int, result.out.split())
    complete(case, "run", report)
    rows = [row for row in report["threads"] if row["tid"] == child]
    if not case.equal("rows of the child", len(rows), 1):
        return
    # It is stopped from before its tracer is told to behind its letting go.
    stopped = rows[0]["parked_ns"].get("stopped", 0)
    others = rows[0]["life_ns"] - stopped
    case.check("stopped", held_ns <= stopped, (held_ns, stopped))
    case.check("and at work else", others >= 50 * MS and rows[0]["running_ns"] >= 49 * MS, rows[0])
    case.note(f"held for {held_ns / 1e6:.1f} ms, stopped for {stopped / 1e6:.1f}")


def pids_of(log):
    """Who an `strace -f -o` log is about."""
    with open(log, encoding="utf-8", errors="replace") as lines:
        return {int(line.split()[0]) for line in lines}


@odd("strace below us, beside us, and on us")
def straced(case):
    log, work = case.path("log"), "for i in 1 2 3 4 5 6; do /bin/true; done; exit 5"
    _, report = run_json(case, "strace", "-qq", "-f", "-e", "trace=none", "-e", "signal=none", "-o", log, "sh", "-c",
                         work + " # below", status=5, name="below")
    complete(case, "below", report)
    case.equal("below: strace makes processes that it does not trace itself",
               len([row for row in report["threads"] if row["name"] == "true"]), 6)
    # One attaches to a program that is traced by us, and leaves it again.
    proc = case.spawn([case.cpartrace, "run", "-o", case.path("beside.trace"), "--", "sh", "-c",
                       f"echo $$ > {case.path('pid')}; i=0; while [ $i -lt 60 ]; do /bin/sleep 0.01; "
                       "i=$((i + 1)); done; exit 5"])
    while not os.path.exists(case.path("pid")) or not os.path.getsize(case.path("pid")):
        time.sleep(0.01)
    with open(case.path("pid"), encoding="ascii") as pid:
        beside = case.run(["timeout", "0.3", "strace", "-f", "-o", log, "-p", pid.read().strip()])
    case.check("beside: it could attach", re.search("attached", beside.err), beside)
    finish(case, proc)
    case.equal("beside: status", proc.returncode, 5)
    report = case.report_json(case.path("beside.trace"))
    complete(case, "beside", report)
    tids = {row["tid"] for row in report["threads"]}
    case.equal("beside: processes", report["tasks"]["processes"], 61)
    case.check("beside: all that strace has seen are there", pids_of(log) <= tids, pids_of(log) - tids)
    case.check("beside: its stops are `stopped`", sum(row["parked_ns"].get("stopped", 0)
                                                     for row in report["threads"]) > 0)
    # The tracer itself, with all that it starts.
    result = case.run(["strace", "-f", "-o", log, case.cpartrace, "run", "-o", case.path("on.trace"), "--", "sh",
                       "-c", work])
    case.equal("on us: status", result.status, 5)
    report = case.report_json(case.path("on.trace"))
    complete(case, "on us", report)
    case.equal("on us: processes", report["tasks"]["processes"], 7)


# ---------------------------------------------------------------- BPF


@odd("a program with a BPF program of its own where ours are: all count the same switches")
def uses_bpf(case):
    result, report = run_json(case, case.helper("uses_bpf"), "300")
    counted, between, whole = map(int, result.out.split())
    complete(case, "run", report)
    rows = [row for row in report["threads"] if row["tid"] == report["root_pid"]]
    ours = sum(rows[0]["switches"].values()) if rows else 0
    case.check("it slept", between >= 300, between)
    # Some switches fire no event for anybody (2 in 100 at most); what is rebuilt has one for us.
    case.within("its own program's count against the kernel's", counted, 0.97 * between, between + 1)
    # Behind its last look it only ends: that, and waiting for what the kernel frees.
    case.within("ours against the kernel's", ours, 0.97 * whole, whole + 12)
    case.note(f"{counted} by its own program, {ours - whole + between} by us, {between} by the kernel")


# ---------------------------------------------------------------- other users


@odd("a command that becomes root by a set-user-ID program")
def becomes_root(case):
    where = next((place for place in (case.dir, "/var/tmp", "/root")
                  if not os.statvfs(place).f_flag & os.ST_NOSUID), None)
    if not where:
        raise Failed("no directory where set-user-ID counts")
    program = os.path.join(where, f"becomes-root-{os.getpid()}")
    try:
        shutil.copy("/usr/bin/setpriv", program)
        os.chmod(program, 0o4755)
        # As root, as somebody else then, as su and sudo do.
        work = (f"id -u; {program} id -u; {program} --reuid=0 --clear-groups sh -c 'id -u; {PYTHON} -I -c "
                "\"import time\nwhile time.process_time() < 0.12: pass\"'; "
                f"{program} --reuid=2 --clear-groups sleep 0.1; exit 9")
        result, report = run_json(case, "sh", "-c", work, options=["--user", "nobody"], status=9)
        case.equal("who it was", result.out.split(), [str(NOBODY), "0", "0"])
        complete(case, "run", report)
        names = [row["name"] for row in report["threads"]]
        case.equal("all of it is there", sorted(name for name in names if name in ("python3", "sleep")),
                   ["python3", "sleep"])
        spun = [row for row in report["threads"] if row["name"] == "python3"]
        case.within("what root computed", spun[0]["running_ns"], 119 * MS, 400 * MS + stolen_ns(report))
    finally:
        os.unlink(program)


@odd("behind sudo a signal still reaches root's command")
def handed_on(case):
    os.chown(case.dir, NOBODY, NOBODY)
    for number in (signal.SIGTERM, signal.SIGHUP):
        proc = tracer(case, ["run", "-q", "-o", case.path("t")], env=BEHIND)
        proc.send_signal(number)
        finish(case, proc)
        case.equal(f"{number.name}: status", proc.returncode, 128 + number)
        case.equal(f"{number.name}: exit", case.report_json(case.path("t"))["exit"], {"signal": int(number)})


# ---------------------------------------------------------------- several of us


def own_account(name, ms, threads):
    """A command that computes for so long in each of its threads, and writes down what the kernel charged it."""
    return [PYTHON, "-I", "-c", f"""
import threading, time
def work():
    end = time.thread_time() + {ms / 1000}
    while time.thread_time() < end: sum(range(300))
all = [threading.Thread(target=work) for _ in range({threads})]
[one.start() for one in all]; [one.join() for one in all]
open({name!r}, "w").write(str(time.process_time_ns()))
"""]


@odd("two and ten of us at once, each on a command of its own")
def each_its_own(case):
    for count in AT_ONCE:
        all_of_them = []
        for number in range(count):
            name = case.path(f"{count}.{number}")
            all_of_them.append((name, number % 3 + 1, case.spawn(
                [case.cpartrace, "run", "-q", "-o", f"{name}.trace", "--",
                 *own_account(name, 30, number % 3 + 1)])))
        for name, threads, proc in all_of_them:
            finish(case, proc, 60)
            what = f"number {os.path.basename(name)}"
            case.equal(f"{what}: status", proc.returncode, 0)
            report = case.report_json(f"{name}.trace")
            complete(case, what, report)
            case.equal(f"{what}: threads", (report["tasks"]["processes"], report["tasks"]["threads"]),
                       (1, threads + 1))
            with open(name, encoding="ascii") as account:
                used = int(account.read())
            # Before its exec and behind its last look it has used some more; a tick is charged late.
            case.within(f"{what}: CPU time by its own account", report["cpu_time_ns"], 0.98 * used - 4 * MS,
                        1.02 * used + 15 * MS + stolen_ns(report))


@odd("ten of us at once on the same process, by perf")
def ten_on_the_same(case):
    """Its own account would not do: the kernel charges a task from its wake on, too, which beside ten tracers
    comes to 4 % of this program's time; perf's events and ours agree all the same."""
    process, _ = meter(case, "meter", threads=1)
    reports = []

    def work(attempt):
        names = [case.path(f"{attempt}.{n}") for n in range(10)]
        procs = [case.spawn([case.cpartrace, "record", "-q", "-o", one, "-p", process.pid, "-d", "0.3"])
                 for one in names]
        for number, proc in enumerate(procs):
            finish(case, proc, 60)
            case.equal(f"number {number}: status", proc.returncode, 0)
        reports[:] = [case.report_json(one) for one in names]
        return reports[0]
    _, account = under_perf(case, work)
    end(process)
    for number, report in enumerate(reports):
        sound(case, report)
        account.start_ns = report["window_start_ns"]
        account.end_ns = account.start_ns + report["window_ns"]
        check_agreement(case, report, account.figures(), f"number {number}")


@odd("cpartrace run cpartrace run: both are right, and each says what the other costs")
def nested(case):
    name = case.path("account")
    inner = [case.cpartrace, "run", "-q", "-o", case.path("inner"), "--", *own_account(name, 80, 2)]
    _, outer = run_json(case, *inner)
    within = case.report_json(case.path("inner"))
    for what, report in (("the outer one", outer), ("the inner one", within)):
        complete(case, what, report)
    # The inner one's life of it begins with its exec, the outer one's with its clone.
    begun = within["window_start_ns"] - outer["window_start_ns"]
    seconds = f"{begun / 1e9:.9f},{(begun + within['window_ns']) / 1e9:.9f}"
    rows = {row["tid"]: row for row in case.report_json(case.path("r.trace"), "--time", seconds)["threads"]}
    for row in within["threads"]:
        twin = rows.get(row["tid"])
        if not case.check("the outer one has every thread of the inner one's", twin, row):
            continue
        case.within(f"{row['name']}: CPU time in both", twin["running_ns"] - row["running_ns"],
                    -MS / 2, 0.01 * row["running_ns"] + MS / 2 + stolen_ns(outer))
    case.check("the window of the inner one lies within that of the outer one",
               outer["window_start_ns"] < within["window_start_ns"] and within["window_start_ns"] +
               within["window_ns"] < outer["window_start_ns"] + outer["window_ns"])
    tracers = thread_rows(outer, "cpartrace")
    case.check("what the inner one costs is there for the outer one",
               sum(row["running_ns"] for row in tracers) > 10 * MS, tracers)
    case.check("as others' or its own, never as the workload's", within["budget_ns"]["used"] ==
               within["cpu_time_ns"] and not thread_rows(within, "cpartrace"), within["budget_ns"])
    case.check("and what it costs itself", within["budget_ns"]["tracer"] > 0, within["budget_ns"])
