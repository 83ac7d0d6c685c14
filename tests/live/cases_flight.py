# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Recordings that keep their end alone (`record --flight`): what they keep, when, and on how much disk.

Independent accounts: a whole recording of the same run, restricted to the same time; the sizes of the files while
it lasts; what the program was told to do, and when.
"""

import os
import re
import select
import signal
import subprocess
import time

from cases_attach import PYTHON, await_true, workload
from harness import Failed, group

# Two recorders' probes of one switch read the clock one after the other.
AGREE = 0.005
# Two turns of the scheduler at least, which is how long one that was woken waits here.
TAIL_SECONDS = 0.02
PARTS = 9  # CPT_FLIGHT_PARTS, flight.h

flight, cases = group()


class Flight:
    """A recorder at work."""

    def __init__(self, case, *options, name="flight"):
        self.case = case
        self.file = case.path(f"{name}.data")
        self.process = case.spawn([case.cpartrace, "record", "-o", self.file, *options])
        await_true("the recording's parts", self.has_begun)

    def has_begun(self):
        if self.process.poll() is not None:
            raise Failed(f"the recorder ended: {self.process.communicate()}")
        return os.path.exists(f"{self.file}.ring.0") and os.path.getsize(f"{self.file}.ring.0") > 0

    def dump(self, number):
        return f"{self.file}.{number}"

    def ask(self, number):
        """SIGUSR2, and what it brings."""
        self.process.send_signal(signal.SIGUSR2)
        await_true(f"dump {number}", lambda: os.path.exists(self.dump(number)))
        return self.dump(number)

    def said(self, text):
        """Its messages up to a line with the text."""
        got, stream = "", self.process.stderr.fileno()
        while text not in got or not got.endswith("\n"):
            if not select.select([stream], [], [], 60)[0]:
                raise Failed(f"the recorder does not say {text!r}: {got!r}")
            byte = os.read(stream, 1)  # what follows is read at the end
            if not byte:
                raise Failed(f"the recorder ended without saying {text!r}: {got!r}")
            got += byte.decode()
        return got

    def end(self, status=0, how=signal.SIGTERM):
        self.process.send_signal(how)
        _, err = self.process.communicate(timeout=60)
        self.case.equal(f"status, {err!r}", self.process.returncode, status)
        return err

    def parts(self):
        return [path for path in (f"{self.file}.ring.{n}" for n in range(9)) if os.path.exists(path)]

    def bytes(self):
        """What the parts take; one may be begun anew at any moment."""
        return sum(os.stat(path).st_blocks * 512 for path in self.parts())


def window(report):
    return report["window_start_ns"], report["window_start_ns"] + report["window_ns"]


def most_kept(span):
    """s. A part is an eighth of the span, and one drain late at most, which others may hold up."""
    return 1.125 * span + 1


def check_kept(case, what, report, span):
    quality = report["data_quality"]
    case.equal(f"{what}: lost_events", quality["lost_events"], 0)
    case.equal(f"{what}: odd_events", quality["odd_events"], 0)
    case.equal(f"{what}: nothing is unknown", report["ledger_ns"]["unknown"], 0)
    case.check(f"{what}: what lies before is forgotten, which is said", quality["forgotten_ns"] > 0
               and any("forgotten" in line for line in quality["warnings"]), quality)
    case.within(f"{what}: the window", report["window_ns"] / 1e9, span, most_kept(span))


def check_same(case, what, ours, whole, tail):
    """Every figure of the window, by a whole recording of the same run. tail: its last moments by that one. Who has
    not run since he was woken is told to be ready by the whole alone: that is at most all he was ready then."""
    slack = AGREE * ours["window_ns"]
    unknown = {row["tid"]: row["runnable_ns"] for row in tail["threads"]}
    for name in ("parallel", "concurrent", "serial", "idle", "unknown"):
        case.within(f"{what}: {name}", ours["ledger_ns"][name] - whole["ledger_ns"][name], -slack, slack)
    case.within(f"{what}: CPU time", ours["cpu_time_ns"] - whole["cpu_time_ns"], -slack, slack)
    rows = {row["tid"]: row for row in whole["threads"]}
    case.equal(f"{what}: who there is", {(row["tid"], row["name"]) for row in ours["threads"]},
               {(row["tid"], row["name"]) for row in whole["threads"]})
    for row in ours["threads"]:
        other, woken = rows.get(row["tid"], row), unknown.get(row["tid"], 0)
        for state in ("life_ns", "running_ns", "runnable_ns"):
            case.within(f"{what}: {state} of {row['tid']}", row[state] - other[state],
                        -slack - (woken if state == "runnable_ns" else 0), slack)
        for state in ("waiting_ns", "parked_ns"):
            for reason in row[state].keys() | other[state].keys():
                case.within(f"{what}: {reason} of {row['tid']}",
                            row[state].get(reason, 0) - other[state].get(reason, 0), -slack, slack + woken)


@flight("a dump says what a whole recording of the same run says of that time")
def agrees(case):
    process = workload(case, "threads", "mutex", "--work-ms", "30000", threads=5)
    whole = case.path("whole.data")
    recorder = case.spawn([case.cpartrace, "record", "-o", whole, "-p", process.pid])
    await_true("the whole recording", lambda: os.path.exists(whole))
    one = Flight(case, "-p", process.pid, "--flight", "1s")
    time.sleep(1.6)
    dump = one.ask(1)
    one.end()
    recorder.send_signal(signal.SIGINT)
    recorder.communicate(timeout=60)
    start, _ = window(case.report_json(whole))
    for path in (dump, one.file):
        report = case.report_json(path)
        check_kept(case, path, report, 1)
        begin, end = window(report)
        cut = f"{(begin - start) / 1e9:.9f},{(end - start) / 1e9:.9f}"
        tail = f"{(end - start) / 1e9 - TAIL_SECONDS:.9f},{(end - start) / 1e9:.9f}"
        check_same(case, path, report, case.report_json(whole, "--time", cut),
                   case.report_json(whole, "--time", tail))
        case.check("the lock has its name", any(lock["symbol"] == "queue_lock" for lock in report["locks"]),
                   report["locks"])
    for command in (["script", "-i", dump], ["export", "-i", dump, "-f", "csv"],
                    ["export", "-i", dump, "-f", "html", "-o", case.path("dump.html")],
                    ["diff", dump, one.file]):
        result = case.cpt(*command)
        case.equal(str(result)[:200], result.status, 0)
    case.equal("the parts are gone", one.parts(), [])


@flight("asked for ten dumps, one after the other: each is whole, the latest stay, nothing is lost")
def ten(case):
    process = workload(case, "threads", "mutex", "--work-ms", "30000", "--hold-us", "100", threads=5)
    one = Flight(case, "-p", process.pid, "--flight", "0.5s", "--dumps", "3", "-q")
    time.sleep(0.7)
    ends = []
    for number in range(1, 11):
        report = case.report_json(one.ask(number))
        check_kept(case, f"dump {number}", report, 0.5)
        ends.append(window(report)[1])
    case.equal("nothing is said", one.end(), "")
    case.equal("each is later", ends, sorted(set(ends)))
    case.equal("the latest stay", [n for n in range(1, 11) if os.path.exists(one.dump(n))], [8, 9, 10])
    check_kept(case, "the end", case.report_json(one.file), 0.5)
    case.note("10 dumps asked for, 10 whole")


@flight("a command: nothing forgotten yet, then its end; its status")
def command(case):
    short = Flight(case, "--flight", "60s", "--", PYTHON, "-c", "import time; time.sleep(0.6); raise SystemExit(7)",
                   name="short")
    _, err = short.process.communicate(timeout=60)
    case.equal(f"the command's status, {err!r}", short.process.returncode, 7)
    report = case.report_json(short.file)
    case.check("all of it is there", "forgotten_ns" not in report["data_quality"], report["data_quality"])
    case.equal("its exit", report["exit"], {"code": 7})
    long = Flight(case, "--flight", "0.5s", "--", PYTHON, "-c",
                  "import time\nfor _ in range(30): time.sleep(0.05)", name="long")
    long.process.communicate(timeout=60)
    report = case.report_json(long.file)
    case.check("the end of it is", report["data_quality"]["forgotten_ns"] > 0, report["data_quality"])
    case.equal("the command is named", report["command"][0], PYTHON)
    case.check("it slept", report["threads"][0]["parked_ns"].get("sleep", 0) > 0.5 * report["window_ns"],
               report["threads"])


SWITCHES = """\
import signal, sys
turns = {signal.SIGUSR1, signal.SIGUSR2}
signal.pthread_sigmask(signal.SIG_BLOCK, turns)
open(sys.argv[1], "w").write("there")
while True:
    # It does not wake in between: on a machine with more to run than CPUs it would wait for one, and not be idle.
    number = signal.sigwait(turns)
    while number == signal.SIGUSR1:
        sum(range(100000))
        if signal.sigpending(): number = signal.sigwait(turns)
"""


@flight("a trigger: met in its time, once, and again after it was not; not met, nothing is written")
def trigger(case):
    there = case.path("there")
    process = case.spawn([PYTHON, "-I", "-c", SWITCHES, there])
    await_true("the program", lambda: os.path.exists(there) and os.path.getsize(there))
    one = Flight(case, "-p", process.pid, "--flight", "2s", "--trigger", "idle<50%:500ms,parallelism>1.5:1s")
    for number in (1, 2):
        time.sleep(1.2)
        case.check(f"{number}: not before", not os.path.exists(one.dump(number)))
        since = time.monotonic_ns()
        process.send_signal(signal.SIGUSR1)
        await_true(f"dump {number}", lambda n=number: os.path.exists(one.dump(n)))
        _, end = window(case.report_json(one.dump(number)))
        # Half of the span is enough for the mean; the rest is how late a drain is that others hold up.
        case.within("written after", (end - since) / 1e9, 0.24, 2)
        time.sleep(1.2)
        case.check(f"{number}: once", not os.path.exists(one.dump(number + 1)))
        process.send_signal(signal.SIGUSR2)
    err = one.end()
    case.check("why is said", "idle was" in err and "below 50" in err, err)
    process.kill()


@flight("the disk and the memory it takes, at the highest rate of switches")
def bound(case):
    size = 2 << 20
    one = Flight(case, "--flight", "2M", "--", "perf", "bench", "sched", "pipe", "-T", "-l", "100000000")
    largest, resident, begun = 0, [], time.monotonic()
    # A part ends before what is open could be too much for it: late drains, beside others, leave the more of it empty.
    while time.monotonic() < begun + (6 if largest >= size // 2 else 30):
        largest = max(largest, one.bytes())
        with open(f"/proc/{one.process.pid}/status", encoding="ascii") as status:
            resident.append(next(int(line.split()[1]) for line in status if line.startswith("VmRSS")))
        time.sleep(0.005)
    one.end(status=128 + signal.SIGTERM)
    report = case.report_json(one.file)
    case.check("there was more than that", report["data_quality"]["forgotten_ns"] > 0, report["data_quality"])
    case.within("bytes of the parts", largest, size // 5, size)  # a quarter, where every drain is late
    case.within("bytes of the trace", os.path.getsize(one.file), 1, size)
    half = len(resident) // 2
    # A drain that comes late doubles what is held back: 0.1 s of 600,000 switches a second are 4 MB (5.4 and 5.7 MB were
    # seen). Bytes kept of each switch would be tens of MB in these 3 s.
    case.within("memory's growth, KiB", max(resident[half:]) - max(resident[:half]), -(1 << 20), 16 << 10)
    case.note(f"{report['data_quality']['switches'] / report['window_ns'] * 1e9:,.0f} switches a second, "
              f"{largest:,} of {size:,} bytes")


@flight("killed, it leaves what `recover` makes a trace of")
def killed(case):
    process = workload(case, "threads", "mutex", "--work-ms", "30000", threads=5)
    one = Flight(case, "-p", process.pid, "--flight", "1s")
    time.sleep(1.6)
    one.process.kill()
    killed_ns = time.monotonic_ns()
    one.process.communicate()
    parts = one.parts()
    case.check("there are parts", len(parts) > 2, parts)
    result = case.cpt("recover", "-o", case.path("left.data"), *parts)
    case.equal(str(result), result.status, 0)
    report = case.report_json(case.path("left.data"), status=4)
    case.check("it was not ended, which is said", report["data_quality"]["incomplete"])
    _, end = window(report)
    # 0.1 s are held back, 0.25 s of a block are not written yet; the last drain may be late.
    case.within("the last moments that are missing", (killed_ns - end) / 1e9, 0, 1.5)
    case.check("what was kept is there", report["window_ns"] > 5e8, report["window_ns"])
    case.equal("all of its threads", report["tasks"]["threads"], 5)
    starts = {}
    for path in parts:
        result = case.cpt("report", "-i", path, "--json")
        case.check("a part is a trace", result.status in (0, 4), str(result))
        starts[path] = window(case.json_of(result))[0]
    gap = [path for path in parts if path != sorted(parts, key=starts.get)[-2]]
    result = case.cpt("recover", "-o", case.path("gap.data"), *gap)
    case.check("a part that is missing", result.status == 0 and "is missing" in result.err, str(result))
    case.report_json(case.path("gap.data"), status=4)
    case.equal("the program goes on", process.poll(), None)


class Disk:
    """One of so many bytes."""

    def __init__(self, case, size):
        self.place = case.path("disk")
        os.makedirs(self.place, exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", self.place], check=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.place], check=True)

    def leave(self, free):
        """Others take all but so many bytes."""
        stat = os.statvfs(self.place)
        with open(os.path.join(self.place, "others"), "wb") as out:
            os.posix_fallocate(out.fileno(), 0, stat.f_bavail * stat.f_frsize - free)

    def clear(self):
        os.unlink(os.path.join(self.place, "others"))


@flight("killed while it removes its parts, at each: the trace is whole, and so is what the rest makes")
def killed_removing(case):
    whole = case.path("whole.data")
    for when in range(1, PARTS + 1):
        result = case.run(["strace", "-qq", "-o", case.path("log"), "-e", "trace=unlinkat", "-e",
                           f"inject=unlinkat:signal=SIGKILL:when={when}", case.cpartrace, "record", "-o", whole,
                           "--flight", "10s", "sh", "-c", "true; true"])
        case.check(f"killed at part {when}", result.status == -signal.SIGKILL, result)
        left = sorted(name for name in os.listdir(case.dir) if ".ring." in name)
        case.equal("parts left", len(left), PARTS - when + 1)
        made = case.cpt("recover", "-o", case.path("rest.data"), *(case.path(name) for name in left))
        case.equal(f"recover at part {when}: {made}", made.status, 0)
        report, rest = case.report_json(whole), case.report_json(case.path("rest.data"), status=4)
        case.equal("switches", rest["data_quality"]["switches"], report["data_quality"]["switches"])
        for name in [*(case.path(name) for name in left), whole, case.path("rest.data")]:
            os.unlink(name)


@flight("a full disk: a dump is not made, and the recording goes on")
def full_for_dump(case):
    with Disk(case, "64m") as disk:
        one = Flight(case, "--flight", "1s", "--", "perf", "bench", "sched", "pipe", "-T", "-l", "100000000",
                     name="disk/flight")
        time.sleep(1.6)
        # Less than a dump takes, and more than the parts still grow: each is written over.
        disk.leave(one.bytes() // 2)
        one.process.send_signal(signal.SIGUSR2)
        said = one.said("the recording goes on")
        case.check("no dump", not os.path.exists(one.dump(1)))
        disk.clear()
        check_kept(case, "the next", case.report_json(one.ask(2)), 1)
        err = said + one.end(status=128 + signal.SIGTERM)
        case.check("it is said", "flight.data.1: No space left on device; the recording goes on" in err, err)
        check_kept(case, "the end", case.report_json(one.file), 1)


@flight("a full disk: the parts end there, and are kept; `recover` makes a trace of them")
def full_for_parts(case):
    process = workload(case, "threads", "mutex", "--work-ms", "30000", threads=5)
    with Disk(case, "24k"):  # six pages, and there are nine parts
        one = Flight(case, "-p", process.pid, "--flight", "1s", name="disk/flight")
        _, err = one.process.communicate(timeout=60)
        case.equal(f"status, {err!r}", one.process.returncode, 1)
        case.check("it is said, in one line", "No space left on device" in err and "cpartrace recover" in err
                   and err.count("\n") == 1, err)
        case.check("and nothing else is offered", "cpartrace report" not in err, err)
        left = case.path("left.data")
        # What a recording before this one left is still there.
        os.link(one.parts()[0], one.parts()[0] + ".old")
        parts = re.search(r"cpartrace recover -o \S+ (\S+)\n", err).group(1)
        result = case.run(["sh", "-c", f"{case.cpartrace} recover -o {left} {parts}"])
        case.equal(str(result), result.status, 0)
        report = case.report_json(left, status=4)
        case.equal("its threads", report["tasks"]["threads"], 5)
        case.check("several parts of it", report["window_ns"] > 3e8, report["window_ns"])
    case.equal("the program goes on", process.poll(), None)


@flight("options that do not go together")
def options(case):
    for what, said in ((["--trigger", "idle<5"], "--flight"), (["--dumps", "3"], "--flight"),
                       (["--flight", "60s", "--stacks"], "stacks"),
                       (["--flight", "60s", "--delay", "3"], "-p"), (["--flight", "60"], ""),
                       (["--flight", "1K"], "2048K"), (["--flight", "60s", "--trigger", "idle"], "< or >"),
                       (["--flight", "60s", "--trigger", "speed>1"], "parallelism")):
        if not said:
            continue
        result = case.cpt("record", *what, "true")
        case.check(str(result), result.status == 125 and said in result.err)
