# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Recordings of what runs already: processes, a cgroup, the machine.

Independent accounts of the same window:

    perf's recording of the machine, of which the window is cut out by its times in the report
    programs that write down, again and again, the time and their own CPU time by the kernel: what they
    used in the window lies between two differences of such lines, whatever the machine does meanwhile
    a second recording, of the same program as a command from its start
"""

import bisect
import json
import os
import shutil
import signal
import subprocess
import time

import oracle
from cases_servers import NGINX, free_port
from cases_stat import cgroup_mount, gated, let_go, pidfds, remove_group
from harness import HERE, Failed, check_agreement, come_first, group, stolen_ns

PYTHON = "/usr/bin/python3"
ROUNDS = int(os.environ.get("ATTACH_ROUNDS", "24"))  # of attaching and detaching
EXEC_ROUNDS = 20
LOOPS_AGREE = 0.05

attach, cases = group()


# ---------------------------------------------------------------- what the cases share

# Says how much CPU time it has used, and when, until it is told to end.
METER = """\
import os, signal, sys, threading, time
out = open(sys.argv[1], "w")
threads, kids = int(sys.argv[2]), int(sys.argv[3])
over = False
def end(*_):
    global over
    over = True
signal.signal(signal.SIGTERM, end)
def spin():
    while not over:
        sum(range(200))
for _ in range(threads):
    threading.Thread(target=spin, daemon=True).start()
for _ in range(kids):
    if not os.fork():
        out = open(sys.argv[1] + ".%d" % os.getpid(), "w")
        break
lines, due = [], 0
while not over:
    now = time.monotonic_ns()
    if now >= due:
        before = time.monotonic_ns()
        cpu = time.process_time_ns()
        out.write("%d %d %d\\n" % (before, time.monotonic_ns(), cpu))
        out.flush()
        due = time.monotonic_ns() + 300000
    sum(range(200))
out.write("%d %d %d\\n" % (time.monotonic_ns(), time.monotonic_ns(), time.process_time_ns()))
out.flush()
"""


def await_true(what, true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise Failed(f"{what}: not after {seconds} s")
        time.sleep(0.005)


def has_lines(path):
    return os.path.exists(path) and os.path.getsize(path) > 0


def meter(case, name, threads=0, kids=0, prefix=()):
    """A program that measures itself, running: (process, the file of its lines)."""
    path = case.path(name)
    process = case.spawn([*prefix, PYTHON, "-I", "-c", METER, path, threads, kids])
    await_true("the program's first line", lambda: has_lines(path))
    return process, path


def used(path, start, end):
    """What a meter used in [start, end], by the kernel: (at least, at most)."""
    with open(path, encoding="ascii") as lines:
        rows = [tuple(map(int, line.split())) for line in lines if line.count(" ") == 2]
    begun, done, cpu = zip(*rows)
    before, after = bisect.bisect_right(done, start) - 1, bisect.bisect_left(begun, start)
    last, behind = bisect.bisect_right(done, end) - 1, bisect.bisect_left(begun, end)
    if before < 0 or behind >= len(rows):
        raise Failed(f"{path} does not span the window")
    return max(0, cpu[last] - cpu[after]), cpu[behind] - cpu[before]


def record(case, *options, name="attach", status=0, command="record", timeout=60):
    """`record` (or `run`) of what runs, to its end: (result, trace)."""
    trace = case.path(f"{name}.trace")
    result = case.cpt(command, "-o", trace, *options, timeout=timeout)
    if result.status != status:
        raise Failed(f"expected status {status}: {result}")
    return result, trace


def sound(case, report, mends=True):
    """What every recording of what runs already must satisfy."""
    quality = report["data_quality"]
    case.equal("lost_events", quality["lost_events"], 0)
    case.equal("odd_events", quality["odd_events"], 0)
    case.check("no command", report["command"] == [] and "exit" not in report, report["command"])
    case.equal("nothing is unknown", report["ledger_ns"]["unknown"], 0)
    case.check("the end is no loss", not report["data_quality"]["incomplete"])


def check_audit(case, report, bound=0.02):
    """Ours and what the kernel charged the same tasks between being found and the end. A task on its CPU is
    charged up to the last tick."""
    error = report["data_quality"]["audit"]["cpu_time_error"]
    if case.check("the kernel's account of the tasks is there", error is not None):
        case.within("CPU time against the kernel's account", error, -bound, bound)
        case.note(f"kernel's account off by {100 * error:+.2f} %")


def check_used(case, report, rows, path, what):
    """The CPU time of these rows is what the program itself measured. The kernel does not charge what the
    hypervisor takes, nor the switch itself."""
    start = report["window_start_ns"]
    low, high = used(path, start, start + report["window_ns"])
    ours = sum(row["running_ns"] for row in rows)
    slack = 0.01 * report["window_ns"]
    case.within(f"CPU time of {what}", ours, low - slack,
                high + slack + stolen_ns(report))
    case.note(f"{what}: {ours / 1e6:.2f} ms, by its own account {low / 1e6:.2f} to {high / 1e6:.2f}")


def end(process):
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=20)


class Attached(oracle.Account):
    """The oracle's figures of the tasks that a report names, in its window."""

    def __init__(self, events, report):
        self.events = events
        self.occ = oracle.Occupancy(events)
        self.root_pid, self.unbound, self.wait_all = 0, False, False
        self.start_ns = report["window_start_ns"]
        self.end_ns = self.start_ns + report["window_ns"]
        tids = {row["tid"] for row in report["threads"]}
        self.family = [task for task in self.occ.tasks if task.tid in tids]
        for task in self.family:
            task.family = True


def under_perf(case, work, tries=3):
    """work() while perf records the machine; its report and the oracle's account."""
    for attempt in range(tries):
        directory = case.path(f"perf{attempt}")
        os.mkdir(directory)
        case.recording = oracle.Recording(directory, preexec_fn=come_first).start()
        try:
            # So that it has seen every task that computes on its CPU.
            time.sleep(0.1)
            report = work(attempt)
            case.recording.stop()
            return report, Attached(oracle.read_recording(directory), report)
        except oracle.EventsLost as err:
            case.note(str(err))
        except oracle.OracleError as err:
            raise Failed(str(err)) from None
        finally:
            case.recording.kill()
            case.recording = None
            shutil.rmtree(directory)
    raise Failed(f"perf lost events {tries} times")


def record_under_perf(case, pid, seconds="0.6"):
    def work(attempt):
        _, trace = record(case, "-p", pid, "-d", seconds, name=f"attach{attempt}")
        return case.report_json(trace)
    report, account = under_perf(case, work)
    sound(case, report)
    check_agreement(case, report, account.figures())
    return report


def workload(case, name, *what, threads):
    """One of ours with so many threads, and a moment for it to be at its work, of which it has more than
    is recorded however often that is done again: what is left ends with the case."""
    process = case.spawn([os.path.join(case.workloads, name), *what])
    await_true("its threads", lambda: len(os.listdir(f"/proc/{process.pid}/task")) == threads)
    time.sleep(0.25)
    return process


# ---------------------------------------------------------------- processes


@attach("threads that compute, half way, by perf")
def computing(case):
    process = workload(case, "threads", "parallel", "--work-ms", "20000", threads=3)
    report = record_under_perf(case, process.pid)
    case.equal("target", report["target"], {"pids": [process.pid]})
    case.equal("threads", report["tasks"]["threads"], 3)
    check_audit(case, report)
    main = [row for row in report["threads"] if row["tid"] == process.pid]
    case.check("the first thread joins the others",
               main and main[0]["parked_ns"].get("join", 0) > 0.9 * main[0]["life_ns"], main)


@attach("threads behind one lock, half way, by perf")
def locking(case):
    process = workload(case, "threads", "mutex", "--work-ms", "20000", threads=5)
    report = record_under_perf(case, process.pid)
    case.equal("class", report["verdict"]["class"], "concurrent")
    case.check("the lock has its name", any(lock["symbol"] == "queue_lock"
                                            for lock in report["locks"]), report["locks"])


@attach("an event loop and its client, half way, by perf")
def event_loop(case):
    process = workload(case, "epoll", "one-loop", "--requests", "100000", threads=1)
    report = record_under_perf(case, process.pid)
    case.check("its loop is there", report["event_loops"])


POLLS = """\
import os, select, sys, time
ends = [os.pipe() for _ in range(4)]
poll = select.poll()
for one, _ in ends: poll.register(one, select.POLLIN)
open(sys.argv[1], "w").write("there")
while True: poll.poll(20)
"""


@attach("a thread that polls has done so before")
def polls(case):
    there = case.path("there")
    process = case.spawn([PYTHON, "-I", "-c", POLLS, there])
    await_true("the program", lambda: has_lines(there))
    time.sleep(0.1)
    for how in ("on", "auto"):
        _, trace = record(case, "-p", process.pid, "-d", "0.8", "--loops", how, name=how)
        report = case.report_json(trace)
        sound(case, report)
        rows = [one for one in report["epoll_instances"] if one["iterations"]]
        case.equal(f"{how}: its loop is there", len(rows), 1)
        case.check(f"{how}: but not from its start", rows and rows[0]["loops_since"] > 0, rows)
    process.kill()
    process.communicate()


@attach("an interpreter with threads, half way, by its own account")
def interpreter(case):
    process, path = meter(case, "meter", threads=3)
    _, trace = record(case, "-p", process.pid, "-d", "0.8")
    end(process)
    report = case.report_json(trace)
    sound(case, report)
    check_used(case, report, report["threads"], path, "the interpreter")
    case.within("degree of parallelism", report["parallelism"]["average"], 0, 1.1)
    case.equal("threads", report["tasks"]["threads"], 4)
    check_audit(case, report)


BIRTHS = """\
import os, sys, threading, time
log = open(sys.argv[1], "w")
def work(seconds):
    end = time.thread_time() + seconds
    while time.thread_time() < end: pass
def note(what):
    log.write("%s %d %d\\n" % (what, threading.get_native_id(), time.monotonic_ns())); log.flush()
def short():
    note("born"); work(0.002); note("gone")
threading.Thread(target=lambda: (note("born"), time.sleep(60)), daemon=True).start()
while True:
    one = threading.Thread(target=short); one.start(); one.join()
    forked = time.monotonic_ns()
    if not os.fork():
        log.write("born %d %d\\n" % (os.getpid(), forked)); work(0.001); note("gone"); os._exit(0)
    os.wait(); time.sleep(0.004)
"""


@attach("threads and processes born before, during and after, each once")
def born(case):
    log = case.path("births")
    process = case.spawn([PYTHON, "-I", "-c", BIRTHS, log])
    await_true("the first births", lambda: has_lines(log) and os.path.getsize(log) > 200)
    reports = []
    for number in range(4):
        _, trace = record(case, "-p", process.pid, "-d", "0.25", name=f"attach{number}")
        reports.append(case.report_json(trace))
    time.sleep(0.05)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    with open(log, encoding="ascii") as lines:
        rows = [line.split() for line in lines if line.endswith("\n")]
    births = [(int(tid), int(when)) for what, tid, when in rows if what == "born"]
    for report in reports:
        sound(case, report)
        start, stop = report["window_start_ns"], report["window_start_ns"] + report["window_ns"]
        tids = [row["tid"] for row in report["threads"]]
        # A number is used again at last after some 32,768 births.
        case.equal("each is there once", len(tids), len(set(tids)))
        # Of the processes, those started from then on; of the threads all.
        inside = {tid for tid, when in births if start < when < stop - 5_000_000}
        case.check("one that was there and sleeps is there", births[0][0] in tids, births[0])
        case.check("all that lived are there", inside <= set(tids), sorted(inside - set(tids)))
        after = {tid for tid, when in births if when > stop + 20_000_000}
        case.check("none that came behind it is", not after & set(tids), sorted(after & set(tids)))
        case.check("several were born meanwhile", len(inside) > 10, inside)
        case.check("each has a name", all(row["name"] for row in report["threads"]))


@attach("what is forked while it is looked for, by perf")
def forked_meanwhile(case):
    process = case.spawn(["/bin/sh", "-c", "while :; do /bin/true; done"])
    for number in range(3):
        holder = {}

        def work(attempt):
            _, trace = record(case, "-p", process.pid, "-d", "0.15", name=f"attach{number}{attempt}")
            holder["report"] = case.report_json(trace)
            return holder["report"]
        report, account = under_perf(case, work)
        sound(case, report)
        # Whom the shell made within the window; what it had made before had ended, but for one.
        made = {event[4] for event in account.events
                if event[3] == oracle.NEWTASK and event[2] == process.pid and
                account.start_ns < event[0] < account.end_ns}
        tids = [row["tid"] for row in report["threads"]]
        case.equal("each is there once", len(tids), len(set(tids)))
        case.check("every child of the window is there", made <= set(tids),
                   sorted(made - set(tids))[:5])
        case.check("and nobody else but one that was there", len(set(tids) - made) <= 2,
                   sorted(set(tids) - made)[:5])
        check_agreement(case, report, account.figures())
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


@attach("several processes, and one that ends")
def several(case):
    one, path = meter(case, "one")
    other, _ = meter(case, "other")
    recorder = case.spawn([case.cpartrace, "record", "-o", case.path("two.trace"), "-p",
                           f"{one.pid},{other.pid}"])
    time.sleep(0.6)
    end(other)
    time.sleep(0.3)
    recorder.send_signal(signal.SIGINT)
    _, err = recorder.communicate(timeout=20)
    end(one)
    case.equal("status", recorder.returncode, 0)
    case.check("it says what it recorded", "recorded" in err, err)
    report = case.report_json(case.path("two.trace"))
    sound(case, report)
    case.equal("target", report["target"], {"pids": [one.pid, other.pid]})
    case.equal("processes", {row["pid"] for row in report["threads"]}, {one.pid, other.pid})
    check_used(case, report, [row for row in report["threads"] if row["pid"] == one.pid], path,
               "the one that goes on")
    gone = [row for row in report["threads"] if row["pid"] == other.pid]
    case.check("the other has ended", gone and not gone[0]["alive_at_end"], gone)


@attach("a process that ends by itself, or is killed, ends the recording")
def dying(case):
    for name, action in (("ended", "exec sleep 0.4"), ("killed", "sleep 0.4; kill -9 $$")):
        process, pid, gate = gated(case, ["/bin/sh", "-c", action], name=name)
        recorder = case.spawn([case.cpartrace, "run", "-o", case.path(f"{name}.trace"), "-p", pid])
        await_true("the recording", lambda: os.path.exists(case.path(f"{name}.trace")))
        let_go(gate)
        process.communicate()
        begun = time.monotonic()
        _, err = recorder.communicate(timeout=20)
        case.within(f"{name}: seconds to the end", time.monotonic() - begun, 0, 3)
        case.equal(f"{name}: status", recorder.returncode, 0)
        case.check(f"{name}: the report is printed", f"process {pid}" in err, err[:300])
        case.check(f"{name}: without a command's end", "exit status" not in err, err[:300])
        sound(case, case.report_json(case.path(f"{name}.trace")))


@attach("a process that becomes another program all the time, attached to again and again")
def becoming(case):
    script = case.write("again", '#!/bin/sh\nexec "$0"\n')
    os.chmod(script, 0o755)
    process = case.spawn([script])
    programs = 0
    for number in range(EXEC_ROUNDS):
        _, trace = record(case, "-p", process.pid, "-d", "0.02", name=f"attach{number}")
        report = case.report_json(trace)
        sound(case, report)
        case.equal("it alone is there", [row["tid"] for row in report["threads"]], [process.pid])
        programs += report["threads"][0]["name"] == "again"
    case.check("it has its name", programs > EXEC_ROUNDS / 2, programs)
    process.kill()
    process.communicate()


@attach("of several processes one ends before it is found, or all do")
def ended_before(case):
    one, path = meter(case, "one")
    for reaped in (True, False):
        gone, last = case.spawn(["/bin/sleep", "60"]), case.spawn(["/bin/sleep", "60"])
        held = []
        # Stopped once it holds both processes, what takes long comes yet. One after the other: where two of these
        # load their probes at once they may leave us no CPU until they have looked.
        for other, *options in ((one, "-d", "0.2", "-o", case.path("late.trace")),
                                (last, "-o", case.path("nobody.trace"))):
            held.append(case.spawn([case.cpartrace, "record", "--delay", "0.5", *options, "-p",
                                    f"{gone.pid},{other.pid}"]))
            await_true("the names", lambda: len(pidfds(held[-1].pid)) >= 2)
            held[-1].send_signal(signal.SIGSTOP)
        recorder, nobody = held
        for process in (gone, last):
            process.kill()
            if reaped:
                process.wait()
        for each in held:
            each.send_signal(signal.SIGCONT)
        _, err = recorder.communicate(timeout=20)
        case.equal("status", recorder.returncode, 0)
        case.check("it says who has ended", f"process {gone.pid} ended before" in err, err)
        report = case.report_json(case.path("late.trace"))
        sound(case, report)
        case.equal("who is there", [row["tid"] for row in report["threads"]], [one.pid])
        check_used(case, report, report["threads"], path, "the one that goes on")
        _, err = nobody.communicate(timeout=20)
        case.equal("nobody left: status", nobody.returncode, 1)
        case.check("nobody left: in one line", len(err.strip().split("\n")) == 1 and
                   "ended before it could be recorded" in err, err)
        for process in (gone, last):
            process.wait()
    end(one)


@attach("names that lead nowhere")
def nowhere(case):
    gone = case.spawn(["/bin/true"])
    gone.communicate()
    thread, _ = meter(case, "thread", threads=1)
    tids = [int(tid) for tid in os.listdir(f"/proc/{thread.pid}/task") if int(tid) != thread.pid]
    old = case.write("attach.trace", "an older trace")
    for what, options, status, words in (
            ("no such process", ["-p", gone.pid], 1, f"there is no process {gone.pid}"),
            ("a thread", ["-p", tids[0]], 1, "is a thread, not a process"),
            ("no cgroup", ["--cgroup", case.dir], 3, "is no cgroup"),
            ("nothing there", ["--cgroup", "/nonexistent/group"], 1, "cannot open cgroup"),
            ("no number", ["-p", "1x"], 125, "'1x' is not a process number"),
            ("two ways", ["-a", "-p", thread.pid], 125, "not several at once"),
            ("a command, too", ["-p", thread.pid, "--", "true"], 125, "not several at once"),
            ("a user", ["-p", thread.pid, "-u", "nobody"], 125, "--user is for a command"),
            ("all of it", ["-p", thread.pid, "--wait-all"], 125, "--wait-all is for a command"),
            ("nothing at all", [], 125, "nothing to record")):
        result = case.cpt("record", "-o", case.path("attach.trace"), *options)
        case.equal(f"{what}: status", result.status, status)
        case.check(f"{what}: says so", words in result.err, result.err)
        if status != 125:
            case.equal(f"{what}: in one line", len(result.err.strip().split("\n")), 1)
    with open(old, encoding="ascii") as source:
        case.equal("an older trace is left alone", source.read(), "an older trace")
    result = case.cpt("run", "-r", "2", "-p", thread.pid)
    case.equal("--repeat: status", result.status, 125)
    os.chmod(case.dir, 0o777)
    result = case.cpt("record", "-p", thread.pid, "-d", "0.1", user="nobody", extra_groups=[])
    case.equal("without privileges: status", result.status, 3)
    case.equal("without privileges: in one line", len(result.err.strip().split("\n")), 1)
    end(thread)


@attach("a thread of the kernel")
def kernel_thread(case):
    _, trace = record(case, "-p", "2", "-d", "0.2")
    report = case.report_json(trace)
    sound(case, report)
    row = report["threads"][0]
    case.equal("its name", row["name"], "kthreadd")
    case.equal("it waits for work", row["parked_ns"].get("queue", 0) + row["running_ns"] +
               row["runnable_ns"], report["window_ns"])


# ---------------------------------------------------------------- how long


@attach("-d and --delay, of what runs and of a command")
def how_long(case):
    process, path = meter(case, "meter")
    for seconds in (0.1, 0.5):
        _, trace = record(case, "-p", process.pid, "-d", seconds)
        report = case.report_json(trace)
        case.within(f"window of -d {seconds}", report["window_ns"] / 1e9, seconds, seconds + 0.1)
    begun = time.monotonic_ns()
    _, trace = record(case, "-p", process.pid, "-d", "0.2", "--delay", "0.4")
    report = case.report_json(trace)
    case.check("--delay: begins later", report["window_start_ns"] - begun >= 400_000_000)
    check_used(case, report, report["threads"], path, "the process")
    end(process)
    command = [PYTHON, "-I", "-c", METER, case.path("own"), 1, 0]
    runner = case.spawn([case.cpartrace, "run", "-o", case.path("own.trace"), "--delay", "0.4", "-d",
                         "0.3", "--json", case.path("own.json"), "--", *command])
    await_true("the report of a command that goes on", lambda: has_lines(case.path("own.json")))
    case.equal("the command goes on", runner.poll(), None)
    runner.send_signal(signal.SIGTERM)
    runner.communicate(timeout=20)
    case.equal("and its status is returned", runner.returncode, 0)
    report = case.report_json(case.path("own.trace"))
    case.within("window", report["window_ns"] / 1e9, 0.3, 0.45)
    check_used(case, report, report["threads"], case.path("own"), "the command behind its delay")
    result = case.cpt("run", "-o", case.path("early.trace"), "--delay", "5", "--", "/bin/true")
    case.equal("a command that ends within its delay", result.status, 0)


# ---------------------------------------------------------------- cgroups, the machine, containers


def move(pid, group):
    with open(os.path.join(group, "cgroup.procs"), "w", encoding="ascii") as procs:
        procs.write(f"{pid}\n")


def in_group(case, group):
    below = os.path.join(group, "below")
    os.mkdir(group)
    os.mkdir(below)
    started = []
    try:
        early, early_path = meter(case, "early")
        late, late_path = meter(case, "late")
        other, _ = meter(case, "other")
        started += [early, late, other]
        move(early.pid, below)
        recorder = case.spawn([case.cpartrace, "record", "-o", case.path("group.trace"), "--cgroup",
                               group])
        await_true("the recording", lambda: os.path.exists(case.path("group.trace")))
        time.sleep(0.4)
        asked_ns = time.monotonic_ns()
        move(late.pid, group)
        moved_ns = time.monotonic_ns()  # for which the kernel waits for all CPUs: no time is set
        time.sleep(0.6)
        case.equal("a mark is taken", case.cpt("mark", "--strict", "moved").status, 0)
        recorder.send_signal(signal.SIGINT)
        _, err = recorder.communicate(timeout=30)
        if recorder.returncode:
            raise Failed(f"status {recorder.returncode}: {err}")
        for process in started:
            end(process)
        report = case.report_json(case.path("group.trace"))
        sound(case, report)
        case.equal("target", report["target"], {"cgroup": group})
        case.equal("marks", [mark["name"] for mark in report["marks"]], ["moved"])
        rows = {row["tid"]: row for row in report["threads"]}
        case.equal("who is there", set(rows), {early.pid, late.pid})
        check_used(case, report, [rows[early.pid]], early_path, "one below it")
        stop = report["window_start_ns"] + report["window_ns"]
        row = rows[late.pid]
        case.within("one that came later lives from then on", row["life_ns"],
                    stop - moved_ns - 50_000_000, stop - asked_ns)
        low, high = used(late_path, stop - row["life_ns"], stop)
        case.within("its CPU time", row["running_ns"], low - 0.01 * row["life_ns"],
                    high + 0.01 * row["life_ns"] + stolen_ns(report))
        case.note(f"{(stop - row['life_ns'] - moved_ns) / 1e6:+.1f} ms behind the move")
    finally:
        for process in started:
            if process.poll() is None:
                process.kill()
                process.communicate()
        remove_group(below)
        remove_group(group)


@attach("a cgroup of version 2: what is in it, below it, and comes later")
def group_v2(case):
    mount, ours = cgroup_mount(case)
    try:
        in_group(case, os.path.join(mount, f"cpartrace-attach-{os.getpid()}"))
    finally:
        if ours:
            case.run(["umount", mount])


@attach("a cgroup of version 1, likewise")
def group_v1(case):
    mount, ours = None, False
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        for line in mounts:
            fields = line.split()
            if fields[2] == "cgroup" and "cpuacct" in fields[3] and os.access(fields[1], os.W_OK):
                mount = fields[1]
    if not mount:
        mount, ours = case.path("cgroup1"), True
        os.mkdir(mount)
        # What version 2 has taken cannot be had; one controller is mostly free.
        if all(case.run(["mount", "-t", "cgroup", "-o", name, "none", mount]).status != 0
               for name in ("perf_event", "freezer", "net_cls", "misc", "debug", "devices")):
            raise Failed("no controller can be mounted by version 1")
    try:
        in_group(case, os.path.join(mount, f"cpartrace-attach-{os.getpid()}"))
    finally:
        if ours:
            case.run(["umount", mount])


@attach("the whole machine: each process by its own account")
def whole_machine(case):
    one, one_path = meter(case, "one")
    two, two_path = meter(case, "two", threads=2)
    trace = case.path("attach.trace")
    recorder = case.spawn([case.cpartrace, "record", "-o", trace, "-a", "-d", "0.8"])
    _, err = recorder.communicate(timeout=60)
    if recorder.returncode:
        raise Failed(f"status {recorder.returncode}: {err}")
    end(one)
    end(two)
    report = case.report_json(trace)
    sound(case, report)
    case.equal("target", report["target"], {"all_cpus": True})
    for process, path, name in ((one, one_path, "one"), (two, two_path, "the other")):
        check_used(case, report, [row for row in report["threads"] if row["pid"] == process.pid],
                   path, name)
    case.check("no more CPUs than there are",
               len(report["parallelism"]["profile_ns"]) <= report["cpus"]["online"] + 1)
    names = {row["name"] for row in report["threads"]}
    case.check("threads of the kernel, too", "kthreadd" in names, sorted(names)[:20])
    case.check("but not the recorder", recorder.pid not in {row["pid"] for row in report["threads"]})
    idle = sum(row["waiting_ns"].get("other", 0) for row in report["threads"]
               if row["name"].startswith("kworker"))
    case.equal("kernel workers without work wait for it", idle, 0)
    text = case.cpt("report", "-i", trace, "--by", "process")
    case.check("the report says what it is of", "the whole machine" in text.out, text.out[:200])
    text = case.cpt("diff", trace, trace)
    case.check("diff, too", " B  the whole machine" in text.out, text.out[:200])


@attach("a process in a PID namespace of its own")
def namespace(case):
    process, _ = meter(case, "meter", threads=1,
                       prefix=["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"])
    inner = [int(pid) for pid in
             open(f"/proc/{process.pid}/task/{process.pid}/children", encoding="ascii").read().split()]
    case.equal("one process in it", len(inner), 1)
    result, trace = record(case, "-p", inner[0], "-d", "0.3", command="run")
    report = case.report_json(trace)
    sound(case, report)
    rows = sorted(report["threads"], key=lambda row: row["tid"])
    case.equal("their numbers inside", [row["ns_tid"] for row in rows], [1, 2])
    case.equal("and outside", rows[0]["tid"], inner[0])
    case.check("the text has both", f"{inner[0]}/1" in result.err, result.err)
    again = case.report_json(trace, "--tid", "2")
    case.equal("a filter takes either", [row["ns_tid"] for row in again["threads"]], [2])
    process.kill()
    process.communicate()


# In a PID namespace: two loops, one of them by poll(), that turn for as long as their process lives; another process
# that ends before it is found; a recording of both.
INSIDE = """\
import json, os, select, subprocess, sys, threading, time
cpartrace, trace = sys.argv[1:]
def turn(wait, ends):
    while True:
        os.write(ends[1], b"x")
        wait()
        os.read(ends[0], 1)
        time.sleep(0.01)
told = os.pipe()
server = os.fork()
if not server:
    one, two, quiet, still = (os.pipe() for _ in range(4))
    epoll, poll = select.epoll(), select.poll()
    epoll.register(one[0], select.EPOLLIN)
    for ends in two, quiet, still:
        poll.register(ends[0], select.POLLIN)
    thread = threading.Thread(target=turn, args=(epoll.poll, one), daemon=True)
    thread.start()
    os.write(told[1], b"%d" % thread.native_id)
    turn(poll.poll, two)
gone = subprocess.Popen(["/bin/sleep", "60"])
recorder = subprocess.Popen([cpartrace, "record", "-o", trace, "--loops", "on", "--delay", "0.5", "-d", "3.5",
                             "-p", f"{server},{gone.pid}"], stderr=subprocess.PIPE, text=True)
time.sleep(0.25)
gone.kill()
err = recorder.communicate()[1]
os.kill(server, 9)
print(json.dumps({"server": server, "thread": int(os.read(told[0], 20)), "gone": gone.pid,
                  "status": recorder.returncode, "err": err}))
"""


@attach("from within a PID namespace: who lives is neither said to have ended nor forgotten")
def inside_namespace(case):
    trace = case.path("inside.trace")
    result = case.run(["unshare", "--fork", "--pid", "--mount-proc", "--kill-child", PYTHON, "-I", "-c",
                       INSIDE, case.cpartrace, trace])
    facts = json.loads(result.out)
    case.equal("status", facts["status"], 0)
    ended = [line for line in facts["err"].split("\n") if "ended before" in line]
    case.equal("said to have ended", len(ended), 1)
    case.check("and rightly", f"process {facts['gone']} ended" in ended[0], ended)
    report = case.report_json(trace)
    sound(case, report)
    case.equal("their numbers inside", sorted(row["ns_tid"] for row in report["threads"]),
               [facts["server"], facts["thread"]])
    case.equal("instances, each found once", len(report["epoll_instances"]), 2)
    # A census is taken each second; each loop goes on through all of them.
    for row in report["event_loops"]:
        case.within("a loop's life, of the window", row["life_ns"] / report["window_ns"], 0.9, 1)


# ---------------------------------------------------------------- servers


@attach("redis-server: from its start, and found half way")
def redis(case):
    sock = case.path("redis.sock")
    first = case.path("start.trace")
    whole = case.spawn([case.cpartrace, "record", "-o", first, "--", "redis-server", "--port", "0",
                        "--unixsocket", sock, "--save", "", "--appendonly", "no", "--daemonize", "no",
                        "--logfile", case.path("redis.log"), "--dir", case.dir])
    await_true("redis-server's socket", lambda: os.path.exists(sock))
    load = case.spawn(["redis-benchmark", "-s", sock, "-n", "100000000", "-c", "50", "-t", "get"])
    time.sleep(0.5)
    pid = int(case.run(["redis-cli", "-s", sock, "info", "server"]).out.partition("process_id:")[2]
              .split()[0])
    _, trace = record(case, "-p", pid, "-d", "1.5")
    load.kill()
    load.communicate()
    case.run(["redis-cli", "-s", sock, "shutdown", "nosave"])
    whole.communicate(timeout=20)
    found = case.report_json(trace)
    sound(case, found)
    # The connections that were there are looked up; a moment later the two see the same. It is told since when, of
    # what begins with them: 0.1 to 0.4 s.
    since = max((one["loops_since"] for one in found["epoll_instances"]), default=0)
    case.check("the loop is met in time", since < 700_000_000, since)
    skip = max(300_000_000, since + 50_000_000)
    start, stop = found["window_start_ns"] + skip, found["window_start_ns"] + found["window_ns"]
    base = case.report_json(first)["window_start_ns"]

    def cut(name, origin):
        report = case.report_json(name, "--comm", "redis-server", "--time",
                                  f"{(start - origin) / 1e9:.9f},{(stop - origin) / 1e9:.9f}")
        rows = [one for one in report["epoll_instances"] if one["in_flight"]["peak"]]
        case.equal("instances with operations", len(rows), 1)
        loops = [one for one in report["event_loops"] if one["name"] == "redis-server"]
        return rows[0], loops[0], report
    (ours, loop, report), (theirs, their_loop, their_report) = cut(trace, found["window_start_ns"]), \
        cut(first, base)
    case.check("loops_since says when it was met", ours["loops_since"] > 0, ours)
    for what, a, b in (
            ("in flight, average", ours["in_flight"]["average"], theirs["in_flight"]["average"]),
            ("completed", ours["in_flight"]["completed"], theirs["in_flight"]["completed"]),
            ("on a CPU", loop["on_cpu_ns"], their_loop["on_cpu_ns"]),
            ("concurrency", report["concurrency"]["average"],
             their_report["concurrency"]["average"])):
        case.within(f"{what}, of that traced from its start", a / b if b else 0, 1 - LOOPS_AGREE,
                    1 + LOOPS_AGREE)
        case.note(f"{what} {a:.4g} and {b:.4g}")


def redis_clients(case, port):
    return int(case.run(["redis-cli", "-p", port, "info", "clients"]).out
               .partition("connected_clients:")[2].split()[0])


@attach("redis-server: latencies of the same operations, from its start and found with its connections")
def redis_latencies(case):
    """A histogram is of all that was watched: so the load begins when both watch, on connections that were
    there before the second."""
    port, go, traces = free_port(), case.path("go"), {}
    traces["start"] = case.path("start.trace")
    whole = case.spawn([case.cpartrace, "record", "-o", traces["start"], "--loops", "on", "--",
                        "redis-server", "--bind", "127.0.0.1", "--port", port, "--save", "",
                        "--appendonly", "no", "--daemonize", "no", "--logfile",
                        case.path("redis.log"), "--dir", case.dir])
    load = case.spawn([PYTHON, f"{HERE}/closed_loop.py", port, 50, 30000, "redis", go])
    await_true("its connections", lambda: case.run(["redis-cli", "-p", port, "ping"]).out == "PONG\n"
               and redis_clients(case, port) >= 51)
    pid = int(case.run(["redis-cli", "-p", port, "info", "server"]).out.partition("process_id:")[2]
              .split()[0])
    traces["found"] = case.path("found.trace")
    recorder = case.spawn([case.cpartrace, "record", "-o", traces["found"], "-p", pid])
    await_true("the recording", lambda: os.path.exists(traces["found"]))
    time.sleep(1)  # the server looks around ten times a second: its loop is known by then
    case.write("go", "")
    out, err = load.communicate(timeout=60)
    if load.returncode:
        raise Failed(f"the load: {err}")
    facts = json.loads(out)
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=20)
    case.run(["redis-cli", "-p", port, "shutdown", "nosave"])
    whole.communicate(timeout=20)
    seen = {}
    for name, trace in traces.items():
        rows = [one for one in case.report_json(trace, "--comm", "redis-server")["epoll_instances"]
                if one["in_flight"]["completed"] > 100]
        case.equal(f"{name}: instances with operations", len(rows), 1)
        seen[name] = rows[0]["in_flight"]
    case.equal("completed by the one found", seen["found"]["completed"], facts["completed"])
    # Beside them redis-cli asked some things, at the start.
    case.within("completed by the other", seen["start"]["completed"], facts["completed"],
                facts["completed"] + 1000)
    for figure in ("p50", "p99"):
        ours, theirs = (seen[name]["latency_ns"][figure] for name in ("found", "start"))
        case.note(f"{figure} {ours} and {theirs} ns")
        case.within(f"{figure}, of that traced from its start", ours,
                    theirs - max(LOOPS_AGREE * theirs, 10_000), theirs + max(LOOPS_AGREE * theirs, 10_000))


@attach("nginx: its master and workers")
def nginx(case):
    port = free_port()
    case.write("file", "answer")
    config = case.write("nginx.conf", NGINX.format(dir=case.dir, port=port))
    server = case.spawn(["nginx", "-e", case.path("error.log"), "-c", config])
    await_true("nginx's workers", lambda: len(workers_of(server.pid)) == 2)
    load = case.spawn(["wrk", "-t1", "-c16", "-d20s", f"http://127.0.0.1:{port}/"])
    time.sleep(0.4)
    pids = ",".join(map(str, [server.pid, *workers_of(server.pid)]))
    _, trace = record(case, "-p", pids, "-d", "0.8")
    load.kill()
    load.communicate()
    server.send_signal(signal.SIGQUIT)
    server.communicate(timeout=20)
    report = case.report_json(trace)
    sound(case, report)
    case.equal("processes", report["tasks"]["processes"], 3)
    master = [row for row in report["threads"] if row["tid"] == server.pid]
    case.check("the master waits for a signal",
               master and master[0]["parked_ns"].get("signal") == report["window_ns"], master)
    done = sum(one["in_flight"]["completed"] for one in report["epoll_instances"]
               if one["direction"] == "inbound")
    case.check("its workers answered", done > 100, report["epoll_instances"])


def workers_of(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
            return [int(child) for child in children.read().split()]
    except OSError:
        return []


# ---------------------------------------------------------------- nothing is left


def kernel_objects():
    """Programs, maps and links of ours in the kernel."""
    found = set()
    for kind in ("prog", "map", "link"):
        result = subprocess.run(["/usr/sbin/bpftool", "-j", kind, "show"], capture_output=True,
                                text=True, check=False)
        for one in json.loads(result.stdout or "[]"):
            if kind == "link" or one.get("name", "").startswith(("cpt_", "cpartrac")):
                found.add((kind, one["id"]))
    return found


@attach("attached and detached again and again, and killed: nothing is left")
def again(case):
    process, _ = meter(case, "meter", threads=1)
    before = kernel_objects()
    begun = time.monotonic()
    for number in range(ROUNDS):
        options = (["-p", process.pid], ["-a"])[number % 8 == 7]
        if number % 4 == 3:  # at some moment of its start, work or end
            one = case.spawn([case.cpartrace, "record", "-o", case.path("k.trace"), *options])
            time.sleep(0.02 + 0.011 * (number % 41))
            one.kill()
            one.communicate()
        else:
            record(case, *options, "-d", "0.01", name="n")
    case.note(f"{ROUNDS} rounds in {time.monotonic() - begun:.1f} s")
    left = set()
    for _ in range(100):  # the kernel frees what it no longer needs a little later
        left = kernel_objects() - before
        if not left:
            break
        time.sleep(0.05)
    case.equal("left in the kernel", sorted(left), [])
    case.equal("the process goes on", process.poll(), None)
    end(process)
    case.equal("and ends well", process.returncode, 0)
