# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Marks of phases: who may set them in whose recording, when they stand, what becomes of their names.

Independent account: a program that looks at the clock right before and right behind each of its marks
(helpers/marks.c), as these cases do around each `cpartrace mark`. A mark's time must lie between the two.
"""

import contextlib
import csv
import io
import json
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time

from cases_attach import await_true
from cases_flight import Flight, most_kept, window
from cases_privileges import BEHIND, NOBODY, for_all, theirs, unprivileged
from harness import HERE, Failed, group

MARKS_MAX = 65536
NAME_MAX = 63

THIRD = ["setpriv", "--reuid=1", "--regid=1", "--clear-groups"]
CONTAINER = ["unshare", "--fork", "--pid", "--mount-proc", "--kill-child"]

marks, cases = group()


# ---------------------------------------------------------------- what the cases share


class Recorder:
    """One at work, until it is told to end."""

    def __init__(self, case, *options, binary=None, name="t", **popen):
        self.case, self.trace = case, case.path(name)
        self.process = case.spawn([binary or case.cpartrace, "record", "-o", self.trace, *options],
                                  stdin=subprocess.PIPE, **popen)

    def ready(self):
        """The trace has its name once the probes are attached."""
        await_true("the recording", lambda: os.path.exists(self.trace) or self.process.poll() is not None)
        if self.process.poll() is not None:
            raise Failed(f"the recorder ended: {self.process.communicate()}")
        return self

    def tell(self, line):
        """To its command, which answers on its standard output, line for line."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def end(self, *options):
        """Its report."""
        self.process.send_signal(signal.SIGINT)
        out, err = self.process.communicate(timeout=60)
        if self.process.returncode not in (0, 128 + signal.SIGINT):
            raise Failed(f"status {self.process.returncode}: {out} {err}")
        report = self.case.report_json(self.trace, *options)
        check_phases(self.case, os.path.basename(self.trace), report)
        return report


# A command that does what it is told by its standard input.
TOLD = 'while read line; do eval "$line" </dev/null; echo "$?"; done'


def told(case, *options, **kwargs):
    return Recorder(case, *options, "--", "sh", "-c", TOLD, **kwargs)


def mark(case, name, *options, binary=None, prefix=(), status=0):
    """(before, behind) of `cpartrace mark`, and what it said."""
    before = time.monotonic_ns()
    result = case.run([*prefix, binary or case.cpartrace, "mark", *options, name])
    case.equal(f"{result}: status", result.status, status)
    return before, time.monotonic_ns(), result.err


def set_marks(report):
    """[(when by CLOCK_MONOTONIC, name, id, tid)]"""
    return [(report["window_start_ns"] + m["at_ns"], m["name"], m["id"], m["tid"]) for m in report.get("marks", [])]


def names(report):
    return [m["name"] for m in report.get("marks", [])]


def check_stamps(case, what, report, stamps):
    """stamps: [(before, behind, name)]. The same marks, each at its time. Returns the widest of these bounds."""
    found = set_marks(report)
    case.equal(f"{what}: marks", [m[1] for m in found], [s[2] for s in stamps])
    for (at, name, _, _), (before, behind, _) in zip(found, stamps):
        case.within(f"{what}: when {name!r} was set", at - before, 0, behind - before)
    return max((behind - before for before, behind, _ in stamps), default=0)


def check_phases(case, what, report):
    """Whatever the marks are, phases are the run and nothing else."""
    phases, start = report.get("phases", []), report["window_start_ns"]
    if not phases:
        case.equal(f"{what}: no phases, no marks", report.get("marks", []), [])
        return
    for of_phase, of_run in (("span_ns", report["window_ns"]), ("cpu_time_ns", report["cpu_time_ns"])):
        case.equal(f"{what}: {of_phase} of the phases", sum(p[of_phase] for p in phases), of_run)
    spans, begun, name = {}, start, phases[0]["name"]
    for at, following, _, _ in [*set_marks(report), (start + report["window_ns"], None, 0, 0)]:
        spans[name] = spans.get(name, 0) + at - begun
        begun, name = at, following
    if len({p["name"] for p in phases}) == len(phases):  # names that are no text may become the same
        case.equal(f"{what}: what lies between the marks", {p["name"]: p["span_ns"] for p in phases}, spans)


def stamps_of(text, called):
    """Of helpers/marks.c, which knows names by their index."""
    return [(int(before), int(behind), called[int(index)])
            for before, behind, index in (line.split() for line in text.splitlines())]


def run_marks(case, *words, options=(), name="t", status=0, prefix=()):
    """`run` of helpers/marks.c: (result, trace, report)."""
    trace = case.path(name)
    result = case.cpt("run", "-o", trace, *options, "--", *prefix, case.helper("marks"), *words)
    if result.status != status:
        raise Failed(f"expected status {status}: {result}")
    report = case.report_json(trace)
    check_phases(case, "run", report)
    return result, trace, report


# ---------------------------------------------------------------- a program's own


@marks("a program's marks: each at its time by the program's own clock, in every output")
def of_program(case):
    result, trace, report = run_marks(case, "-n", "5", "load", "b8", "work", "s10", "load", "0", "@memory", "b1", "@nowhere", "0")
    stamps = stamps_of(result.out, ["load", "work", "load", "by hand", "(unreadable)"])
    case.equal("marks it set", len(stamps), 25)
    widest = check_stamps(case, "run", report, stamps)
    case.note(f"25 marks, each within the {widest / 1e3:.0f} us of its own two looks or less")
    case.equal("who set them", {m[2:] for m in set_marks(report)}, {(1, report["root_pid"])})
    phases = {p["name"]: p for p in report["phases"]}
    case.equal("phases", [p["name"] for p in report["phases"]], ["(start)", "load", "work", "by hand", "(unreadable)"])
    case.equal("spans", [p["spans"] for p in report["phases"]], [1, 10, 5, 5, 5])
    # By the kernel's clock of the thread 40 ms, and what no such clock has.
    case.check("CPU time of what computes", phases["load"]["cpu_time_ns"] >= 39.5e6, phases["load"])
    case.check("and of what sleeps", phases["work"]["cpu_time_ns"] <= phases["work"]["span_ns"] - 49.5e6
               and phases["work"]["ledger_ns"]["idle"] >= 49e6, phases["work"])
    case.check("the text has them", re.search(r"^ *load +10 ", result.err, re.M)
               and re.search(r"^ *by hand +5 ", result.err, re.M), result.err)
    check_outputs(case, trace, report)
    check_alone(case, trace, report)


def table(case, trace, name):
    return list(csv.DictReader(io.StringIO(case.cpt("export", "-i", trace, "-f", "csv", "--table", name).out)))


def check_outputs(case, trace, report):
    rows = table(case, trace, "marks")
    case.equal("marks in csv", [(int(r["at_ns"]), r["name"], int(r["id"]), int(r["tid"])) for r in rows], set_marks(report))
    rows = table(case, trace, "phases")
    case.equal("phases in csv", [(r["name"], int(r["spans"]), int(r["span_ns"]), int(r["serial_ns"])) for r in rows],
               [(p["name"], p["spans"], p["span_ns"], p["ledger_ns"]["serial"]) for p in report["phases"]])
    database = case.path("t.db")
    case.equal("sqlite", case.cpt("export", "-i", trace, "-f", "sqlite", "-o", database).status, 0)
    with sqlite3.connect(database) as db:
        case.equal("phases in sqlite", db.execute("SELECT name, span_ns FROM phases ORDER BY phase").fetchall(),
                   [(p["name"], p["span_ns"]) for p in report["phases"]])
        case.equal("marks in sqlite", db.execute("SELECT at_ns, name FROM marks ORDER BY at_ns").fetchall(),
                   [m[:2] for m in set_marks(report)])
    lines = [line for line in case.cpt("script", "-i", trace).out.splitlines() if re.search(r"\] mark\b", line)]
    case.equal("lines of script", [re.search(r"phase[= ](.*)$", line)[1].strip() for line in lines],
               [n.replace("(unreadable)", "unreadable") for n in names(report)])


def check_alone(case, trace, report):
    for phase in report["phases"]:
        alone = case.report_json(trace, "--phase", phase["name"])
        case.equal(f"--phase {phase['name']}", (alone["window_ns"], alone["cpu_time_ns"], alone["ledger_ns"]["serial"]),
                   (phase["span_ns"], phase["cpu_time_ns"], phase["ledger_ns"]["serial"]))
    result = case.cpt("report", "-i", trace, "--phase", "none")
    case.check("a phase that is not there", result.status == 1 and "no phase of that name" in result.err, result)


@marks("--mark-usdt: a program that is run later, by a command that has no marks; and a file without any")
def of_named_file(case):
    script = f"{case.helper('marks')} before b1; exec {case.helper('marks')} behind b1"
    for options, found in (((), False), (("--mark-usdt", case.helper("marks")), True)):
        result = case.cpt("run", "-q", "-o", case.path("t"), *options, "--", "sh", "-c", script)
        if result.status:
            raise Failed(str(result))
        report = case.report_json(case.path("t"))
        check_phases(case, "run", report)
        check_stamps(case, f"named: {found}", report,
                     [(a, b, n) for (a, b, _), n in zip(stamps_of(result.out, ["?"]), ("before", "behind"))] if found else [])
    _, _, report = run_marks(case, "one", "b1", "two", "0", options=("--mark-usdt", case.helper("marks")))
    case.equal("named, and the command: each mark once", names(report), ["one", "two"])
    for file, why in (("/bin/true", "has no mark"), (case.path("none"), "No such file"), (case.dir, "cannot listen"),
                      ("/dev/null", "cannot listen")):
        result = case.cpt("run", "-o", case.path("none.trace"), "--mark-usdt", file, "--", "touch", case.path("ran"))
        case.check(f"{file}: one line, and nothing is run", result.status == 125 and result.err.count("\n") == 1
                   and why in result.err and not os.path.exists(case.path("ran"))
                   and not os.path.exists(case.path("none.trace")), result)


def marked_after(process, since):
    """It has set three marks since that time."""
    for _ in range(3):
        while int((process.stdout.readline() or "0").split()[0]) < since:
            if process.poll() is not None:
                raise Failed(f"it ended: {process.communicate()}")


@marks("the same program once more: its marks are not those of the one that is recorded, unless its file is named")
def instances(case):
    argv = [case.helper("marks"), "-n", "10000"]
    one, two, other = [case.spawn([*argv, name, "s20"]) for name in ("one", "two", "other")]
    named = ("--mark-usdt", case.helper("marks"))
    for options, expected in ((("-p", f"{one.pid},{two.pid}"), {"one", "two"}), (("-p", one.pid, *named), {"one", "two", "other"})):
        recorder = Recorder(case, *options).ready()
        since = time.monotonic_ns()
        for process in (one, two, other):
            marked_after(process, since)
        report = recorder.end()
        os.unlink(recorder.trace)
        case.equal(f"{options}: whose marks there are", set(names(report)), expected)
        # Each sets one every 20 ms at most. Were one taken twice, both would be of the same instant, or nearly so.
        found = set_marks(report)
        for name in expected:
            at = [m[0] for m in found if m[1] == name]
            case.check(f"{options}: each mark of {name} once", all(b - a >= 20e6 for a, b in zip(at, at[1:])), at)
    for process in (one, two, other):
        process.terminate()


@marks("more marks than are taken, faster than they are fetched: what is missing is counted and said")
def flood(case):
    times = MARKS_MAX + 1000
    result = case.cpt("run", "-o", case.path("t"), "--json", case.path("json"), "--", case.helper("marks"), "-q", "-n", times,
                      "flood", "0")
    if result.status:
        raise Failed(str(result))
    report = case.load_json("json")  # that it is what the schema says would take ten times as long as the rest
    check_phases(case, "run", report)
    lost = re.search(r"([\d,]+) marks? ", " ".join(report["data_quality"]["warnings"]))
    taken = len(report["marks"])
    case.check("it is said", lost, report["data_quality"]["warnings"])
    case.equal("taken and lost", taken + (int(lost[1].replace(",", "")) if lost else 0), times)
    case.check("most were taken or too many", taken <= MARKS_MAX, taken)
    case.equal("one phase beside the start", [p["name"] for p in report["phases"]], ["(start)", "flood"])
    case.check("the text says so too", "mark" in result.err, result.err[-500:])
    case.note(f"{taken} of {times} marks taken")


# ---------------------------------------------------------------- from the other terminal


@marks("`cpartrace mark` in the command, in another one, and from the other terminal; four recorders at once")
def from_outside(case):
    other = case.spawn(["sleep", "60"])
    recorders = [told(case, name="command"), told(case, name="other command"),
                 Recorder(case, "-p", other.pid, name="process"), Recorder(case, "-a", name="machine")]
    command, another, process, machine = [one.ready() for one in recorders]
    stamps = []
    for name, by in (("first", None), ("inside", command), ("middle", None), ("within the other", another), ("last", None)):
        if by is None:
            before, behind, said = mark(case, name, "--strict")
            case.equal(f"{name}: nothing is said", said, "")
        else:
            before = time.monotonic_ns()
            case.equal(f"{name}: status", by.tell(f"{case.cpartrace} mark --strict '{name}'"), "0")
            behind = time.monotonic_ns()
        stamps.append((before, behind, name))
    for one, without in ((command, "within the other"), (another, "inside"), (process, "inside|within the other"),
                         (machine, None)):
        report = one.end()
        check_stamps(case, os.path.basename(one.trace), report,
                     [s for s in stamps if not without or s[2] not in without.split("|")])
        if one is machine:
            continue
        for _, name, number, tid in set_marks(report):
            inside = name in ("inside", "within the other")
            case.check(f"{one.trace}: who set {name}", tid > 0 and (number is not None) == inside, (number, tid))
    # Nobody records any more.
    _, _, said = mark(case, "late")
    case.check("that nobody records is said", "no recording takes marks here" in said and said.count("\n") == 1, said)
    mark(case, "late", "--strict", status=1)
    _, _, said = mark(case, "late", "-q")
    case.equal("-q", said, "")


def listens_at_programs(pid):
    """Whether it has a probe at an instruction, which costs each start and end of a recording the time that the kernel
    waits for all CPUs."""
    for fd in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):  # it opens and closes others meanwhile
            if "perf_event" in os.readlink(f"/proc/{pid}/fd/{fd}"):
                return True
    return False


@marks("`cpartrace mark` is told the truth: recorders that end, are killed, leave a command behind; from containers, without /proc")
def told_the_truth(case):
    def strict(status, *prefix):
        mark(case, "x", "--strict", "-q", status=status, prefix=prefix)

    strict(1)
    one, two = told(case, name="one").ready(), told(case, name="two").ready()
    case.check("it listens at no program", not listens_at_programs(one.process.pid))
    strict(0)
    case.equal("in a container, from outside", mark(case, "outside", "--strict", prefix=CONTAINER)[2], "")
    case.equal("and within: status", one.tell(f"{' '.join(CONTAINER)} {case.cpartrace} mark --strict within"), "0")
    hidden = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /proc && exec "$@"', "sh"]
    case.equal("without /proc nothing is denied", mark(case, "hidden", "--strict", prefix=hidden)[2], "")
    case.equal("one's marks", names(one.end()), ["x", "outside", "within", "hidden"])
    strict(0)
    two.process.kill()
    two.process.wait()
    strict(1)
    recorder = case.cpt("record", "-q", "-o", case.path("left"), "--", "sh", "-c", "sleep 60 >&- 2>&- & echo $!")
    try:
        strict(1)
    finally:
        os.kill(int(recorder.out), signal.SIGKILL)
    # The recorder's own number is another there than the kernel's.
    result = case.run([*CONTAINER, case.cpartrace, "run", "-q", "-o", case.path("contained"), "--", "sh", "-c",
                       f"{case.cpartrace} mark --strict first; sh -c '{case.cpartrace} mark --strict second'"])
    case.equal(f"{result}: status", result.status, 0)
    secret = for_all(case)
    os.chmod(secret, 0o711)
    _, _, said = mark(case, "x", "--strict", binary=secret, prefix=[*THIRD, "env", "-C", "/"])
    case.equal("who may not read the program's file cannot tell, and says nothing", said, "")
    # Nor can who may read it that there is none: one who may not could be recording.
    case.equal("nor does who may", mark(case, "x", "--strict", binary=secret)[2], "")
    taken_without_lock(case, secret)
    case.equal("a recorder in a container", names(case.report_json(case.path("contained"))), ["first", "second"])


def taken_without_lock(case, secret):
    """By one who may execute the program and not read it, from root, who may."""
    trace = os.path.join(theirs(case), "t")
    recorder = case.spawn([*unprivileged("bpf", "perfmon", "sys_ptrace"), secret, "record", "-o", trace, "--",
                           "sh", "-c", TOLD], stdin=subprocess.PIPE, cwd=os.path.dirname(trace))
    recorder.stdin.write("true\n")
    recorder.stdin.flush()
    case.equal("recorded without the lock", recorder.stdout.readline(), "0\n")
    mark(case, "root's", "--strict", binary=secret)
    recorder.stdin.close()
    case.equal("the recorder's status", recorder.wait(timeout=60), 0)
    case.equal("without the lock: it is taken", names(case.report_json(trace)), ["root's"])


@marks("who calls himself as `cpartrace mark` does: no mark but of that program; names that are none, too long, no text, a flood")
def called_so(case):
    def run(words, *argv):
        result = case.cpt("run", "-q", "-o", case.path("t"), "--json", case.path("json"), "--", *argv,
                          env={"NAME_CALLS": words})
        case.equal(f"{words}: status", result.status, 0)
        report = case.load_json("json")
        check_phases(case, words, report)
        case.equal(f"{words}: nothing of who a task is is lost", report["data_quality"]["lost_events"], 0)
        return report

    every = "plain empty long binary end file thread near"
    report = run(every, case.helper("name_calls"))
    case.equal("another program: no marks", report.get("marks", []), [])
    renamed = re.findall(r"renamed_to=(.*)", case.cpt("script", "-i", case.path("t")).out)
    case.equal("but names", renamed, ["cpartrace: mark"] * 7 + ["cpartrace: mare"])
    preload = f"LD_PRELOAD={case.helper('libname_calls.so')} exec {case.cpartrace}"
    # What the shell is called by, it has no marks of; its variable is for the one program alone.
    report = run("", "sh", "-c", f"NAME_CALLS='{every}' {preload} mark -q last")
    binary = bytes([*range(1, 32), *range(128, 256)])[:NAME_MAX]
    case.equal("this program", names(report), ["plain", "(unreadable)", "x" * NAME_MAX, binary.decode(errors="replace"),
                                              "(unreadable)", "last"])
    renamed = re.findall(r"renamed_to=(.*)", case.cpt("script", "-i", case.path("t")).out)
    case.equal("what is no mark is a name", renamed[-3:], ["cpartrace: mark"] * 2 + ["cpartrace: mare"])
    report = run("", "sh", "-c", f"NAME_CALLS=flood {preload} mark -q last")
    lost = re.search(r"([\d,]+) marks? ", " ".join(report["data_quality"]["warnings"]))
    taken = names(report).count("flood")
    case.equal("marks taken and lost", len(report["marks"]) + (int(lost[1].replace(",", "")) if lost else 0), 20001)
    case.note(f"{taken} of 20,000 marks taken that came at once")


@marks("where the command is in PATH: a directory of its name is passed by, as by who executes it")
def in_path(case):
    os.makedirs(case.path("first/marks"))
    case.write("second", "")
    path = ":".join([case.path("first"), case.path("second"), os.path.dirname(case.helper("marks")), os.environ["PATH"]])
    result = case.cpt("run", "-q", "-o", case.path("t"), "--", "marks", "one", "b1", env={"PATH": path})
    case.equal(f"{result}: status", result.status, 0)
    case.equal("its marks", names(case.report_json(case.path("t"))), ["one"])
    # Of another user: root would find another file of the name.
    os.chmod(case.dir, 0o755)
    for place, mode in (("closed", 0o700), ("open", 0o755)):
        os.mkdir(case.path(place))
        shutil.copy(case.helper("marks"), case.path(place))
        os.chmod(case.path(place), mode)
    path = ":".join([case.path("closed"), case.path("open"), os.environ["PATH"]])
    result = case.cpt("run", "-q", "-o", case.path("t"), "--user", str(NOBODY), "--", "marks", "two", "b1", env={"PATH": path})
    case.equal(f"{result}: status", result.status, 0)
    case.equal("its marks for another user", names(case.report_json(case.path("t"))), ["two"])


@marks("a stranger marks nobody's recording but where what is recorded is his own program")
def strangers(case):
    binary = for_all(case)
    his = case.spawn([*unprivileged(), "sh", "-c", f"read line; exec {case.helper('marks')} his s1 'his too' s60000"],
                     stdin=subprocess.PIPE, cwd="/")
    his_trace = os.path.join(theirs(case), "trace")
    recorders = [told(case, binary=binary, name="command"), Recorder(case, "-a", binary=binary, name="machine"),
                 Recorder(case, "-p", his.pid, "--mark-usdt", case.helper("marks"), binary=binary, name="process"),
                 told(case, binary=binary, name=his_trace, env=BEHIND)]
    command, machine, process, behind_sudo = [one.ready() for one in recorders]
    everyone = unprivileged()
    mark(case, "nobody's", binary=binary, prefix=everyone)
    mark(case, "a third one's", binary=binary, prefix=THIRD)
    his.stdin.write("\n")
    his.stdin.flush()
    for _ in range(2):
        his.stdout.readline()
    mark(case, "root's", binary=binary)
    # What came before it is in no ring any more: the ring has an order.
    found = {os.path.basename(one.trace): names(one.end()) for one in recorders}
    case.equal("whose marks there are", found,
               {"command": ["root's"], "machine": ["root's"], "process": ["his", "his too", "root's"],
                "trace": ["nobody's", "root's"]})


# ---------------------------------------------------------------- names


def unprintable(text):
    return sorted({c for c in text if (ord(c) < 32 or 127 <= ord(c) < 160) and c != "\n"
                   or 0xdc80 <= ord(c) <= 0xdcff})


@marks("names that would do harm, are too long or none: in text, JSON, tables, page")
def hostile(case):
    long = "long " + "\u00e9" * 40  # its 63rd byte is the first of two
    result, trace, report = run_marks(case, "@hostile", "b1", long, "b1", "", "b1", options=["--top", "100"])
    with open(os.path.join(HERE, "../support/hostile_names.h"), encoding="utf-8") as header:
        count = len(re.findall(r"^\tX\(", header.read(), re.M))
    case.equal("marks", len(report["marks"]), count + 2)
    called = names(report)
    for name in ("\x1b]0;owned\x07", "a\nb\rc\td", "=cmd()", "'); DROP--", "</script><b>", "\"&amp;<&>'"):
        case.check(f"{name!r} as it is", name in called, called)
    case.equal("too long", called[-2], long.encode()[:NAME_MAX].decode(errors="replace"))
    case.equal("empty", called[-1], "(unreadable)")
    outputs = {"run": result.err, "report": case.cpt("report", "-i", trace, "--top", "100").out,
               "one phase": case.cpt("report", "-i", trace, "--phase", "\x1b]0;owned\x07").out,
               "none": case.cpt("report", "-i", trace, "--phase", "\x1b[31m\u202e").err,
               "script": case.cpt("script", "-i", trace).out}
    for what, text in outputs.items():
        case.check(f"{what} says something", text)
        case.equal(f"{what}: no control characters, all UTF-8", unprintable(text), [])
        case.check(f"{what}: nothing that turns the line around", "\u202e" not in text)
    for name in ("phases", "marks"):
        text = case.cpt("export", "-i", trace, "-f", "csv", "--table", name).out
        rows = list(csv.reader(io.StringIO(text)))
        case.equal(f"columns of {name} in csv", {len(row) for row in rows}, {len(rows[0])})
        case.equal(f"rows of {name}", len(rows), 1 + len(report[name]))
        lines = case.cpt("export", "-i", trace, "-f", "jsonl", "--table", name).out.splitlines()
        case.equal(f"lines of {name}", len([json.loads(line) for line in lines]), len(report[name]))
    page = case.cpt("export", "-i", trace, "-f", "html", "-o", "-").out
    case.equal("scripts of the page", len(re.findall(r"(?i)</script", page)), len(re.findall(r"(?i)<script", page)))
    for markup in ("<b>", "<!--<script", "</text>"):
        case.check(f"no {markup} of a name in the page", markup not in page)


@marks("what `mark` refuses, and what it leaves be")
def usage(case):
    for argv, why in (([], "needs a name"), ([""], "needs a name"), (["x" * (NAME_MAX + 1)], "at most 63 bytes"),
                      (["two", "words"], "quoted")):
        result = case.cpt("mark", *argv)
        case.check(f"{argv}: one line", result.status == 2 and why in result.err and not unprintable(result.err), result)
    for name in ("x" * NAME_MAX, "\x1b[31mred", "</script>", b"\xff\xfe".decode(errors="surrogateescape")):
        _, _, said = mark(case, name)
        case.check(f"{name!r}: nobody records", said.count("\n") == 1 and not unprintable(said), said)


# ---------------------------------------------------------------- with other ways to record


@marks("a recording that keeps its end: the phase it begins in, and each mark of the time it kept")
def flight(case):
    process = case.spawn([case.helper("marks"), "-n", "100000", "one", "s7", "two", "s11", "three", "b2"],
                         stdout=subprocess.PIPE)
    one = Flight(case, "-p", process.pid, "--flight", "0.5s")
    time.sleep(most_kept(0.5))  # what there was at first is forgotten
    before, behind, _ = mark(case, "from outside", "--strict")
    dump = one.ask(1)
    time.sleep(0.6)  # that mark may be forgotten again
    one.end()
    lines, ended = [], time.monotonic_ns()
    while not lines or int(lines[-1].split()[0]) < ended:  # what it says of a mark comes behind it
        lines.append(process.stdout.readline())
    process.terminate()
    stamps = sorted([*stamps_of("".join(lines), ["one", "two", "three"]), (before, behind, "from outside")])
    for path in (dump, one.file):
        report = case.report_json(path)
        check_phases(case, path, report)
        check_kept_marks(case, os.path.basename(path), report, stamps)


def check_kept_marks(case, what, report, stamps):
    """All marks of the window that the dump says it has, and the phase in which that begins."""
    start, end = window(report)
    case.check(f"{what}: what lies before is forgotten", report["data_quality"]["forgotten_ns"] > 0)
    found = [m[:2] for m in set_marks(report)]
    # One that was being set when the window began, or ended, may be within or not.
    within = [s for s in stamps if s[0] >= start and s[1] <= end]
    case.check(f"{what}: there are some", len(within) > 5, len(within))
    kept, at = set(), set()
    for stamp in (s for s in stamps if s[1] >= start and s[0] <= end):
        before, behind, name = stamp
        match = [m for m in found if before <= m[0] <= behind and m[1] == name]
        case.check(f"{what}: {name} of {before}", len(match) == 1 or not match and stamp not in within, match)
        kept |= {stamp} if match else set()
        at.update(match)
    case.equal(f"{what}: and no others", [m for m in found if m not in at], [])
    # The last one before. Of two that were being set at the same time, either may be.
    gone = [s for s in stamps if s[0] <= start and s not in kept]
    last = {name for _, behind, name in gone if all(s[0] <= behind for s in gone)}
    case.check(f"{what}: the phase it begins in", report["phases"][0]["name"] in (last or {"(start)"}),
               (report["phases"][0]["name"], last))
    case.note(f"{what}: {len(found)} marks, {[m[1] for m in found].count('from outside')} of them from outside")


@marks("without root: `cpartrace mark` is taken; a program's own marks are refused, which is said where there are any")
def without_root(case):
    binary, directory = for_all(case), theirs(case)
    trace = os.path.join(directory, "t")
    rights = unprivileged("bpf", "perfmon", "sys_ptrace")

    def run(*argv):
        return case.run([*rights, binary, "run", "-o", trace, *argv], cwd=directory)

    told_so = r"CAP_SYS_ADMIN: .*; what the program marks itself is not recorded"
    result = run("--", case.helper("marks"), "a", "b2", "b", "0")
    case.check("a program that has marks: that none are taken, and why", result.status == 0
               and re.search(told_so, result.err), result)
    report = case.report_json(trace)
    case.equal("there are none", report.get("marks", []), [])
    case.check("and nothing is lost by it", report["data_quality"]["lost_events"] == 0 and report["cpu_time_ns"] > 1e6)
    for options in (("-q",), (), ("-v",)):
        result = run(*options, "--", "true")
        case.check(f"one that has none, {options}: nothing is said", result.status == 0
                   and "mark" not in result.err.lower(), result.err)
    his = case.spawn([*unprivileged(), case.helper("marks"), "a", "s60000"], cwd="/")
    result = case.run([*rights, binary, "record", "-o", trace, "-p", his.pid, "-d", "0.1"], cwd=directory)
    case.check("one that runs", result.status == 0 and re.search(told_so, result.err), result)
    result = run("--mark-usdt", case.helper("marks"), "--", "touch", "ran")
    case.check("asked for: one line, and nothing is run", result.status == 125 and result.err.count("\n") == 1
               and "CAP_SYS_ADMIN" in result.err and not os.path.exists(os.path.join(directory, "ran")), result)
    # From inside, by himself, by root; not by a third one.
    recorder = case.spawn([*rights, binary, "record", "-o", trace, "--", "sh", "-c", TOLD], stdin=subprocess.PIPE, cwd=directory)
    recorder.stdin.write(f"{binary} mark --strict inside\n")
    recorder.stdin.flush()
    case.equal("inside: status", recorder.stdout.readline(), "0\n")
    for name, prefix in (("his own", unprivileged()), ("a third one's", THIRD), ("root's", ())):
        _, _, said = mark(case, name, "--strict", binary=binary, prefix=prefix)
        case.equal(f"{name}: nothing is said", said, "")
    recorder.stdin.close()
    case.equal("the recorder's status", recorder.wait(timeout=60), 0)
    report = case.report_json(trace)
    check_phases(case, "his", report)
    case.equal("`cpartrace mark` is taken", names(report), ["inside", "his own", "root's"])
    result = case.run([*rights, binary, "doctor"], cwd=directory)
    case.check("doctor says so, and the mend", result.status == 0 and re.search(
        r" less marks of phases `cpartrace mark` is taken; cannot attach .*CAP_SYS_ADMIN: .* to mend: run it as root",
        " ".join(result.out.split())), result.out)
    case.check("doctor as root", re.search(r"ok +marks of phases", case.cpt("doctor").out))
