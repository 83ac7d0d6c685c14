#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The live tests: cpartrace on this machine's kernel, as root, against the workloads' own truth,
perf's recording of the same runs, and the kernel's accounts.

    CPARTRACE=build/cpartrace WORKLOADS=build/workloads HELPERS=build/tests/live/helpers \\
        sudo -E tests/live/live.py [--list] [--strict] [-k PATTERN] [GROUP...]

Groups: locks, loopledger, ceilings, newer, workloads, programs, behaviour, loss, loops, loopfds, servers, accounts,
verdict, waits, stat, attach, stacks, symbols, paths, privileges, diff, examples, endings, faults, disk, flight, marks,
odd. One line for each run of a case; the last line counts the cases.
Nothing is skipped: what a case needs and does not find makes it fail. Within one, what is recorded beside perf is
recorded again, TRIES times in all, where perf lost events or others took much of the machine (harness.traced); what is
judged is one of these runs.

There are some 390 cases, most of which compare figures that a machine under a guest can bend: where one in a thousand
is bent, a third of all runs of the suite has one. A case that fails is therefore run AGAIN times more and fails unless
all of these pass; what it found the first time is printed, the last line names it, and the file LIVE_DOUBTS, if the
environment names one, gets both. More than DOUBTED_MAX such cases of a group are no accident: the next fails at once.
At once fails also what no machine bends: a report that breaks its schema or an identity, a test that ends in an
exception, processes that do not end, and any case of FINAL_GROUPS. --strict: every failed judgement is final.
"""

import argparse
import os
import re
import shutil
import signal
import sys
import time
import traceback

import cases_accounts
import cases_attach
import cases_behaviour
import cases_ceilings
import cases_diff
import cases_disk
import cases_endings
import cases_examples
import cases_faults
import cases_flight
import cases_locks
import cases_loopfds
import cases_loopledger
import cases_loops
import cases_loss
import cases_marks
import cases_newer
import cases_odd
import cases_paths
import cases_privileges
import cases_programs
import cases_servers
import cases_stacks
import cases_stat
import cases_symbols
import cases_verdict
import cases_waits
import cases_workloads
import harness

GROUPS = {"locks": cases_locks, "loopledger": cases_loopledger,
          "ceilings": cases_ceilings,
          "workloads": cases_workloads, "programs": cases_programs,
          "behaviour": cases_behaviour, "loss": cases_loss, "newer": cases_newer,
          "endings": cases_endings, "loops": cases_loops, "loopfds": cases_loopfds, "servers": cases_servers,
          "accounts": cases_accounts, "attach": cases_attach, "verdict": cases_verdict,
          "waits": cases_waits, "stat": cases_stat, "diff": cases_diff,
          "examples": cases_examples, "stacks": cases_stacks,
          "symbols": cases_symbols, "paths": cases_paths, "privileges": cases_privileges,
          "faults": cases_faults, "disk": cases_disk, "flight": cases_flight, "marks": cases_marks, "odd": cases_odd}

CASE_SECONDS = int(os.environ.get("CASE_SECONDS", "120"))

FINDINGS_SHOWN = 25

AGAIN = 2
DOUBTED_MAX = 2
# They look for what is rare, and measure next to nothing.
FINAL_GROUPS = ("privileges", "faults", "disk", "endings")

TOOLS = ("perf", "xz", "pigz", "make", "cc", "stress-ng", "redis-server", "redis-benchmark",
         "redis-cli", "nginx", "wrk", "memcached", "node", "taskset", "unshare", "strace",
         "/usr/bin/python3")


def out_of_time(_number, _frame):
    raise harness.CaseTimeout()


def run_case(function, places):
    """(findings, notes, seconds, whether that is final) of one case; whatever it does, nothing of it is left."""
    begun = time.monotonic()
    case = harness.Case(*places)
    signal.signal(signal.SIGALRM, out_of_time)
    signal.alarm(CASE_SECONDS)
    try:
        function(case)
        if not case.checks:
            case.findings.append("the case checked nothing")
    except harness.Failed as err:
        case.findings.append(str(err))
    except harness.CaseTimeout:
        case.findings.append(f"took longer than {CASE_SECONDS} s")
    except Exception:
        case.findings.append(traceback.format_exc().rstrip().replace("\n", "\n       "))
        case.final = True
    finally:
        signal.alarm(0)
        try:
            case.close()
        except harness.Failed as err:
            case.findings.append(str(err))
            case.final = True
    if case.deviation[1]:
        share, name = case.deviation
        case.note(f"off perf's recording by {100 * share:+.4f} % at most, in {name}")
    return case.findings, case.notes, time.monotonic() - begun, case.final


def judge(function, places, label, again):
    """Whether a case holds, and whether that is in doubt: it failed first, and was run again."""
    findings, notes, seconds, final = run_case(function, places)
    again = 0 if final else again
    said = say(label, findings, notes, seconds, "DOUBT" if again else "FAIL")
    if not findings or not again:
        return not findings, False
    for _ in range(again):
        findings, notes, seconds, _ = run_case(function, places)
        said += say(label, findings, notes, seconds)
        if findings:
            break
    keep_doubt(said)
    return not findings, True


def keep_doubt(said):
    """For who runs this where nothing is shown of a test that passes."""
    name = os.environ.get("LIVE_DOUBTS")
    if name:
        with open(name, "a", encoding="utf-8", errors="replace") as out:
            out.write(said)


def say(label, findings, notes, seconds, failed="FAIL"):
    """Prints what came of a run, and returns it."""
    note = f"  ({'; '.join(notes)})" if notes else ""
    lines = [f"{failed if findings else 'ok  '} {label}  {seconds:.1f} s{note}"]
    lines += [f"     - {printable(finding)}" for finding in findings[:FINDINGS_SHOWN]]
    if len(findings) > FINDINGS_SHOWN:
        lines.append(f"     - and {len(findings) - FINDINGS_SHOWN} more")
    text = "\n".join(lines) + "\n"
    print(text, end="", flush=True)
    return text


def printable(text):
    return "".join(c if c.isprintable() or c == "\n" else repr(c)[1:-1] for c in text)


def places_from_environment():
    """Where cpartrace, the workloads and the helpers are; None with a message where they are not."""
    found = []
    for name, probe in (("CPARTRACE", None), ("WORKLOADS", "threads"),
                        ("HELPERS", "many_threads")):
        value = os.environ.get(name)
        target = value and (os.path.join(value, probe) if probe else value)
        if not target or not os.access(target, os.X_OK):
            print(f"live: {name}={value or ''} does not lead to {probe or 'cpartrace'}; "
                  "build the project and point it there", file=sys.stderr)
            return None
        found.append(os.path.abspath(value))
    return found


def prepared(group, places):
    """What a group needs and takes longer than a case may: once, before its first."""
    try:
        getattr(group, "prepare", lambda *_: None)(*places)
    except harness.Failed as err:
        print(f"FAIL {group.__name__}: {printable(str(err))}", flush=True)
        return False
    return True


def main(argv):
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("groups", nargs="*", metavar="GROUP", help="default: all")
    parser.add_argument("--list", action="store_true", help="print the names of the cases")
    parser.add_argument("-k", metavar="PATTERN", default="", help="only cases whose name matches")
    parser.add_argument("--strict", action="store_true", help="no case that fails is run again")
    args = parser.parse_args(argv)
    unknown = set(args.groups) - set(GROUPS)
    if unknown:
        parser.error(f"unknown group {', '.join(sorted(unknown))}; there are {', '.join(GROUPS)}")
    places = places_from_environment()
    if places is None:
        return 2
    if os.geteuid() != 0 and not args.list:
        print("live: the live tests load eBPF programs and need root", file=sys.stderr)
        return 2
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing and not args.list:
        print(f"live: not installed: {', '.join(missing)}; bootstrap.sh installs them",
              file=sys.stderr)
        return 2
    harness.become_subreaper()
    harness.take_signals()
    passed = failed = 0
    doubted = []
    for group in args.groups or GROUPS:
        doubts = 0
        if not args.list and not prepared(GROUPS[group], places):
            failed += 1
            continue
        for name, function in GROUPS[group].cases(places[1]):
            label = f"{group}: {name}"
            if not re.search(args.k, label):
                continue
            if args.list:
                print(label)
                continue
            final = args.strict or group in FINAL_GROUPS or doubts == DOUBTED_MAX
            holds, doubt = judge(function, places, label, 0 if final else AGAIN)
            doubts += doubt
            passed += holds
            failed += not holds
            if holds and doubt:
                doubted.append(label)
    if args.list:
        return 0
    if not passed and not failed:
        print("live: no case matches", file=sys.stderr)
        return 2
    first = f"; failed first and passed {AGAIN} times since: {', '.join(doubted)}" if doubted else ""
    print(f"{passed} passed, {failed} failed{first}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
