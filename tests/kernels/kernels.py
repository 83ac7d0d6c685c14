#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""cpartrace on other kernels and other machines, in guests that qemu emulates (no KVM, no root).

    tests/kernels/kernels.py [--build build] [--kernel 6.1 ...] [--machine smt ...] [--rounds 3]
    tests/kernels/kernels.py --short     what the test suite runs: the oldest kernel, the newest, one too old

Kernels are Debian's, by series (5.10 must be refused in one line), fetched with apt into --cache and
unpacked there. Machines: smt (4 CPUs, two siblings a core) is asked all; what CPUs have a part in also
eight (8 CPUs), numa (2 nodes), isolated (isolcpus) and two (CPUs, and the cases of privileges); many (72
CPUs), with the newest kernel, of masks beyond the 64th; mixed (2 nodes, each one core of two siblings), by
--short or by name; arm64, with 6.1 alone and only by name. Guests run --jobs at a time. One line per boot
and per case that failed; the last line counts.
Exit status 0: all passed; 1: some did not; 2: a kernel or program that this needs could not be had.
"""

import argparse
import concurrent.futures
import os
import shutil
import subprocess
import sys
import tempfile
import time

import arm64
import case as forms
import cases
import image
import packages

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))

# qemu's arguments, number of CPUs, siblings, additions to the kernel's command line
MACHINES = {
    "smt": (("-smp", "4,sockets=1,cores=2,threads=2"), 4, True, ""),
    "eight": (("-smp", "8,sockets=1,cores=8,threads=1"), 8, False, ""),
    "numa": (("-smp", "4,sockets=2,cores=2,threads=1",
              "-object", "memory-backend-ram,id=m0,size=320M", "-numa", "node,nodeid=0,cpus=0-1,memdev=m0",
              "-object", "memory-backend-ram,id=m1,size=320M", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"),
             4, False, ""),
    "isolated": (("-smp", "4,sockets=1,cores=4,threads=1"), 4, False, "isolcpus=3"),
    "two": (("-smp", "2"), 2, False, ""),
    "arm64": (("-smp", "4"), 4, False, ""),
    "many": (("-smp", "72,sockets=1,cores=72,threads=1", "-m", "2048"), 72, False, ""),
    # What the suite boots: two nodes, each one core of two siblings.
    "mixed": (("-smp", "4,sockets=2,cores=1,threads=2",
               "-object", "memory-backend-ram,id=m0,size=320M", "-numa", "node,nodeid=0,cpus=0-1,memdev=m0",
               "-object", "memory-backend-ram,id=m1,size=320M", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"),
              4, True, ""),
}
FAILED_CHARS = 6000
SUPPORTED = ("6.1", "6.12", "6.18", "newest")
EACH = ("smt", "eight", "numa", "isolated", "two")
# The suite: what cannot be had on the machine it runs on. (series, machine) and the cases.
SHORT = {
    ("6.1", "mixed"): ("parallel", "siblings", "quota", "hotplug", "clocks", "marks"),
    ("newest", "isolated"): ("doctor", "isolated", "quota", "stacks"),
    ("5.10", "two"): ("refused",),
}
PROGRAMS = ("cpartrace", "workloads/threads", "workloads/processes", "workloads/locks",
            "workloads/epoll", "tests/live/helpers/ring_load")
TOOLS = ("setpriv",)  # beside busybox's applets, with their libraries


def plan(arguments):
    """The guest of each boot, the longest first. Of -k, those alone that it leaves something to be asked."""
    if arguments.short:
        boots = list(SHORT)
    elif arguments.machine == ["arm64"]:
        boots = [("6.1", "arm64")]
    else:
        boots = [(series, machine) for machine in arguments.machine or EACH
                 for series in arguments.kernel or SUPPORTED]
        if not arguments.kernel and not arguments.machine:
            boots += [("newest", "many"), ("5.10", "two")]
    guests = []
    for series, machine in boots:
        _, cpus, siblings, _ = MACHINES[machine]
        guests.append(forms.Guest(series, machine, cpus, siblings, series != "5.10"))
    return [guest for guest in guests if not arguments.k or asked(guest, arguments)]


def asked(guest, arguments):
    """The names of its cases."""
    names = SHORT[guest.kernel, guest.machine] if arguments.short else [case.name for case in cases.fitting(guest)]
    return [name for name in names if any(text in name for text in arguments.k.split(","))]


def left(value, whole):
    """What a case left, as text: of one that failed unasked no more than a screen of each stream."""
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
    if whole or len(text) <= FAILED_CHARS:
        return text
    half = FAILED_CHARS // 2
    return f"{text[:half]} ... ({len(text)} characters) ... {text[-half:]}"


def run_boot(guest, kernel, host, base, arguments):
    """One guest; how many of its cases passed and failed, and what is to be said of it."""
    package, vmlinuz = kernel
    qemu, _, _, append = MACHINES[guest.machine]
    where, wanted = f"{guest.kernel} {guest.machine}", asked(guest, arguments)
    todo = [case for case in cases.CASES if case.name in wanted]
    lines = [f"FAIL {where} {name}: there is no such case" for name in wanted
             if name not in {case.name for case in todo}]
    if not wanted:
        lines.append(f"FAIL {where}: nothing is asked of it")
    bad = len(lines)
    names = {f"{i:02}-{case.name}": case for i, case in enumerate(todo)}
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cpartrace-kernels-") as directory:
        initrd = image.build(directory, base, {name: case.text for name, case in names.items()})
        results, closed, console = image.boot(directory, vmlinuz, initrd, qemu, host, append)
    for name, case in names.items():
        result = results.get(name)
        found = forms.findings(case, result, guest)
        bad += bool(found)
        lines += [f"FAIL {where} {case.name}: {finding}" for finding in found]
        if (arguments.verbose or found) and result:
            lines.append(f"     {case.name}: {result.get('took', -1):.1f} s")
            lines += [f"--- {case.name} {stream}: {left(text, arguments.verbose)}"
                      for stream, text in sorted(result.items())]
    if not closed:
        lines.append(f"     the guest's console ended with: {console.strip()[-600:]}")
    good = max(len(wanted) - bad, 0)
    lines.append(f"{'ok  ' if not bad and closed else 'FAIL'} {guest.kernel} ({package}) on {guest.machine}: "
                 f"{good} of {len(wanted)} cases, {time.monotonic() - start:.0f} s")
    return good, bad + (not closed and not bad), lines


def run_all(boots, kernels, host, programs, arguments):
    """Every boot, some at a time; how many cases passed and failed."""
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="cpartrace-kernels-") as directory:
        base = image.base(directory, programs, host)
        with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as jobs:
            waiting = [jobs.submit(run_boot, guest, kernels[guest.kernel], host, base, arguments)
                       for guest in boots]
            for done in concurrent.futures.as_completed(waiting):
                good, bad, lines = done.result()
                print("\n".join(lines), flush=True)
                passed, failed = passed + good, failed + bad
    return passed, failed


def of_here(boots, build, cache, suites):
    """({series: kernel}, host, programs) of this machine's architecture."""
    programs = [os.path.join(build, path) for path in PROGRAMS] + [shutil.which(tool) for tool in TOOLS]
    return packages.kernels(sorted({guest.kernel for guest in boots}), cache, suites), image.Host(), programs


def of_arm64(cache):
    """Likewise, cross-built."""
    if arm64.missing():
        raise packages.Unavailable(f"{arm64.missing()} is missing: sudo apt-get install qemu-system-arm "
                                   "gcc-aarch64-linux-gnu libc6-dev-arm64-cross")
    directory = os.path.join(cache, "arm64")
    kernel = arm64.fetch(directory)
    build = arm64.build(SOURCE, directory)
    root = os.path.join(directory, "root")
    programs = [os.path.join(build, path) for path in arm64.PROGRAMS] + arm64.tools(root)
    return {"6.1": kernel}, arm64.Arm64(root), programs


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"))
    parser.add_argument("--kernel", action="append", choices=tuple(packages.SUITES))
    parser.add_argument("--machine", action="append", choices=tuple(MACHINES))
    parser.add_argument("--short", action="store_true", help="what the test suite runs")
    parser.add_argument("--rounds", type=int, default=1, help="the whole so many times")
    parser.add_argument("--jobs", type=int, default=2, help="guests at a time; each keeps one CPU busy (default: 2)")
    parser.add_argument("-k", default="", metavar="TEXT,...", help="cases with one of the TEXTs in their name")
    parser.add_argument("-v", "--verbose", action="store_true",
                        help="print what all cases left, not the beginnings of what those that failed did")
    parser.add_argument("--cache", default=None, metavar="DIR", help="where kernels are kept "
                        "(default: BUILD/kernels)")
    arguments = parser.parse_args()
    alone = "arm64" in (arguments.machine or ())
    if alone and (len(arguments.machine) > 1 or arguments.kernel or arguments.short):
        parser.error("arm64 has a kernel of its own: no other --machine, no --kernel and no --short beside it")
    boots = plan(arguments)
    if not boots:
        parser.error(f"no case has one of {arguments.k} in its name")
    for tool in ("qemu-system-x86_64", "cpio", "busybox", "strip"):
        if not shutil.which(tool):
            print(f"kernels: {tool} is missing: sudo apt-get install qemu-system-x86 "
                  "busybox-static cpio binutils")
            return 2
    cache = arguments.cache or os.path.join(arguments.build, "kernels")
    try:
        kernels, host, programs = of_arm64(cache) if alone else \
            of_here(boots, arguments.build, cache, packages.QUICK if arguments.short else packages.SUITES)
    except (packages.Unavailable, OSError, subprocess.SubprocessError) as error:
        print(f"kernels: {error}")
        return 2
    passed = failed = 0
    for number in range(arguments.rounds):
        start = time.monotonic()
        good, bad = run_all(boots, kernels, host, programs, arguments)
        passed, failed = passed + good, failed + bad
        if arguments.rounds > 1:
            print(f"round {number + 1}: {good} cases passed, {bad} failed, {time.monotonic() - start:.0f} s",
                  flush=True)
    print(f"kernels: {passed} cases passed, {failed} failed, {len(boots) * arguments.rounds} boots, "
          "none skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
