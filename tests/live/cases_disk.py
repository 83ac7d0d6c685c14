# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Disks that fill up, cannot be written to or go away while something is recorded, and outputs that nobody takes.

What holds each time: the workload runs to its end and its status is returned, or it is not run at all; one line says
what failed and why; what was captured reads, and is whole up to there.
"""

import os
import re
import subprocess

from cases_flight import Disk
from cases_privileges import BEHIND, NOBODY, for_all, unprivileged
from harness import Failed, group

STATUS = 5
LARGE = "taskset -c 0 perf bench sched pipe -l 40000 > /dev/null"  # a trace of some 600 KB
LARGER = LARGE.replace("40000", "160000")

disk, cases = group()


def said(result):
    return [line for line in result.err.split("\n") if line.startswith("cpartrace: ")]


def command(case, work):
    """The workload, which leaves a mark as the last thing it does."""
    case.marks = getattr(case, "marks", 0) + 1
    mark = case.path(f"ended-{case.marks}")
    return ["--", "sh", "-c", f"{work}; echo > {mark}; exit {STATUS}"], lambda: os.path.exists(mark)


def one_line(case, what, result, text):
    lines = said(result)
    case.check(f"{what}: one line says why", len(lines) == 1 and text in lines[0], lines)


def check_ran(case, what, options, work, why, status=STATUS):
    argv, ended = command(case, work)
    result = case.run([case.cpartrace, *options, *argv])
    case.equal(f"{what}: status", result.status, status)
    case.equal(f"{what}: it ran to its end", ended(), status != 125)
    one_line(case, what, result, why)
    return result


@disk("a disk that fills up while it is recorded: the trace ends there, the command does not")
def fills_up(case):
    with Disk(case, "1m") as small:
        small.leave(128 << 10)
        trace = case.path("disk/t")
        for form in ("run", "record"):
            check_ran(case, form, [form, "-q", "-o", trace], LARGE, "No space left on device; the trace ends there")
            report = case.report_json(trace, status=4)
            case.check(f"{form}: what came before is there", report["cpu_time_ns"] > 0 and
                       report["data_quality"]["incomplete"], report["data_quality"])
            os.unlink(trace)
        # The report itself has no room, the trace has.
        small.clear()
        small.leave(64 << 10)
        result = check_ran(case, "--json", ["run", "-q", "-o", case.path("t"), "--json", case.path("disk/j")],
                           f"head -c 70000 /dev/zero > {case.path('disk/more')} 2> /dev/null", "No space left on device")
        case.check("--json: nothing half is there", not os.path.exists(case.path("disk/j")), result)
        case.equal("--json: the trace is whole", case.report_json(case.path("t"))["exit"], {"code": STATUS})


@disk("a disk that is full or read-only from the beginning: no command is run that could not be recorded")
def not_at_all(case):
    with Disk(case, "1m") as small:
        small.leave(0)
        for what, why in (("full", "No space left on device"), ("read-only", "Read-only file system")):
            if what == "read-only":
                subprocess.run(["mount", "-o", "remount,ro", small.place], check=True)
            before = sorted(os.listdir(small.place))
            for form in (["run"], ["record"], ["record", "--flight", "1s"]):
                check_ran(case, f"{what}: {' '.join(form)}", [*form, "-o", case.path("disk/t")], "true", why, 125)
            case.equal(f"{what}: nothing is left there", sorted(os.listdir(small.place)), before)
            # What only counts can do without the file that has no room yet.
            check_ran(case, f"{what}: stat", ["stat", "-o", case.path("disk/s")], "true", why,
                      STATUS if what == "full" else 125)
            for name in ("disk/t", "disk/s"):
                if what == "full" and os.path.exists(case.path(name)):
                    os.unlink(case.path(name))


class Quota:
    """A btrfs of its own in a file, with a limit for all that is in it; the folder is nobody's. (The quotas that other
    file systems have for each user are modules, where a kernel has them; the error is the same.)"""

    def __init__(self, case, more):
        """more: so many bytes may still be written."""
        image, self.place = case.path("image"), case.path("quota")
        os.makedirs(self.place, exist_ok=True)
        with open(image, "wb") as out:
            out.truncate(128 << 20)
        self.do("mkfs.btrfs", "-q", "-f", image)
        self.do("mount", "-o", "loop", image, self.place)
        try:
            self.limit(more)
        except BaseException:
            self.do("umount", self.place)
            raise

    def limit(self, more):
        os.chown(self.place, NOBODY, NOBODY)
        self.do("btrfs", "quota", "enable", self.place)
        self.do("btrfs", "quota", "rescan", "-w", self.place)  # of what is there; it goes on by itself
        used = re.search(r"^0/5 +(\d+)", self.do("btrfs", "qgroup", "show", "--raw", self.place), re.M)
        self.do("btrfs", "qgroup", "limit", str(int(used[1]) + more), self.place)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.do("umount", self.place)  # the loop device goes with it

    @staticmethod
    def do(*argv):
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(f"{' '.join(argv)}: {done.stderr}")
        return done.stdout


def check_over_quota(case, what, before, form, env):
    """The trace of a command that runs to its end, of which only the beginning had room."""
    trace = case.path("quota/t")
    case.write("ended", "", 0o666)
    os.chmod(case.path("ended"), 0o666)
    result = case.run([*before, case.path("cpartrace"), *form.split(), "-q", "-o", trace, "--", "sh", "-c",
                       f"{LARGER}; echo ended > {case.path('ended')}; exit {STATUS}"], env=env)
    case.equal(f"{what}: status", result.status, STATUS)
    with open(case.path("ended"), encoding="utf-8") as ended:
        case.equal(f"{what}: it ran to its end", ended.read(), "ended\n")
    one_line(case, what, result, "cannot write the trace: Disk quota exceeded; the trace ends there")
    if "--flight" in form:
        # The parts are there, the trace of all of them is not.
        one_line(case, f"{what}, what to do", result, f"what was recorded is kept; once there is room: cpartrace "
                 f"recover -o {trace} {trace}.ring.?")
        trace = case.path("had")
        case.cpt("recover", "-o", trace, *(entry.path for entry in os.scandir(case.path("quota"))
                                           if ".ring." in entry.name))
    report = case.report_json(trace, status=4)
    case.check(f"{what}: what came before is there", report["cpu_time_ns"] > 0 and
               report["data_quality"]["incomplete"], report["data_quality"])


@disk("a quota that is used up, of a user himself and behind sudo: the trace ends there, the command does not")
def over_quota(case):
    binary = for_all(case)
    for who, before, env, forms in (  # of 60 s nothing is written over: what fills the quota stays
            ("a user", unprivileged("bpf", "perfmon"), None, ("run", "record --flight 60s")),
            ("behind sudo", [], BEHIND, ("record",))):
        for form in forms:
            with Quota(case, 512 << 10):
                check_over_quota(case, f"{who}: {form}", before, form, env)
        # Nothing at all may be had.
        with Quota(case, 0) as quota:
            result = case.run([*before, binary, "record", "-q", "-o", f"{quota.place}/t", "--", "true"], env=env)
            case.equal(f"{who}, nothing: status", result.status, 125)
            one_line(case, f"{who}, nothing", result, "Disk quota exceeded")
            case.equal(f"{who}, nothing: nothing is left", os.listdir(quota.place), [])


@disk("a directory that is removed while it is recorded: what is lost is said, the report is still made")
def removed(case):
    place = case.path("place")
    for what, options in (
            ("run", ["run", "-o", f"{place}/t"]), ("run --strict", ["run", "--strict", "-o", f"{place}/t"]),
            ("record", ["record", "-o", f"{place}/t"]),
            ("record --flight", ["record", "--flight", "1s", "-o", f"{place}/t"]),
            ("stat", ["stat", "-o", f"{place}/s"])):
        os.mkdir(place)
        argv, ended = command(case, f"sleep 0.3; rm -r {place}")
        result = case.run([case.cpartrace, *options, *argv])
        case.equal(f"{what}: status", result.status, 125 if "--strict" in options else STATUS)
        case.check(f"{what}: the command ran to its end", ended())
        one_line(case, what, result, f"{place}/")
        case.check(f"{what}: and not to read what is gone", "cpartrace report" not in result.err, result.err)
        if options[0] == "run":
            case.check(f"{what}: the report is made", "CPUs busy" in result.err, result.err[-300:])
        case.check(f"{what}: nothing is made anew", not os.path.exists(place))


@disk("standard output full or closed: who records goes on, and says so in one line")
def no_output(case):
    for what, argv, status in (
            ("run --json -", ["run", "-q", "--json", "-", "-o", case.path("t")], STATUS),
            ("run --strict --json -", ["run", "-q", "--strict", "--json", "-", "-o", case.path("t")], 125),
            ("stat --openmetrics -", ["stat", "-o", case.path("s"), "--openmetrics", "-"], STATUS)):
        for name, end in (("full", "> /dev/full"), ("closed", ">&-")):
            words, ended = command(case, "sleep 0.05")
            result = case.run(["sh", "-c", f'exec "$@" {end}', "sh", case.cpartrace, *argv, *words])
            case.equal(f"{what}, {name}: status", result.status, status)
            case.check(f"{what}, {name}: the command ran to its end", ended())
            one_line(case, f"{what}, {name}", result, "No space left on device" if name == "full" else
                     "Bad file descriptor")
            if argv[0] == "run":
                case.equal(f"{what}, {name}: the trace is whole", case.report_json(case.path("t"))["exit"],
                           {"code": STATUS})
    # Who counts for nobody ends.
    with open("/dev/full", "wb") as full:
        counting = case.spawn([case.cpartrace, "stat", "-a", "-I", "20"], stdout=full)
        try:
            _, err = counting.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            raise Failed("stat -a goes on although its lines go nowhere") from None
    case.equal(f"stat -a > /dev/full, {err!r}", (counting.returncode, err.count("\n")), (1, 1))
