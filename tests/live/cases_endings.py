# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Recordings that end otherwise than their workload does: nobody waits any more, or nothing more can be
taken. What was captured is there, and says why there is no more of it."""

import json
import os
import re
import resource
import signal
import time

from harness import Failed, group

ending, cases = group()

# The command ends and leaves a daemon that would go on for a minute.
DAEMON = "echo ready; setsid sleep 60 >/dev/null 2>&1 & exit 7"

# Quiet at first; then, once it is let go, more switches a second than the memory of a quiet recording
# can hold back; and it is seen to its end.
STORM = """\
echo ready
read -r go
taskset -c 0 perf bench sched pipe -l 150000 >/dev/null
exit 5
"""


def ready(process):
    line = process.stdout.readline()
    if line != "ready\n":
        raise Failed(f"the workload said {line!r}: {process.stderr.read()!r}")


def ends_by(case, what, process, number):
    """The tracer ends soon after this signal, which reaches it alone."""
    process.send_signal(number)
    begun = time.monotonic()
    try:
        process.communicate(timeout=20)
    except Exception as err:
        raise Failed(f"{what} did not end within 20 s of {signal.Signals(number).name}") from err
    case.within(f"{what} ends, s", time.monotonic() - begun, 0, 10)


@ending("a signal ends --wait-all once the command is gone")
def wait_all(case):
    for number in (signal.SIGINT, signal.SIGTERM):
        trace = case.path(f"{number}.trace")
        for what, argv in (("run", ["run", "-o", trace, "--json", case.path("r.json")]),
                           ("stat", ["stat", "-o", case.path("stat.txt")])):
            process = case.spawn([case.cpartrace, *argv, "--wait-all", "--", "sh", "-c", DAEMON])
            ready(process)
            time.sleep(0.5)
            case.equal(f"{what} waits for the daemon", process.poll(), None)
            ends_by(case, what, process, number)
            case.equal(f"{what}: the command's status", process.returncode, 7)
        report = case.report_json(trace)
        case.equal("run: exit", report["exit"], {"code": 7})
        case.equal("run: alive at the end",
                   [row["name"] for row in report["threads"] if row["alive_at_end"]], ["sleep"])


@ending("a recorder without memory keeps what it had")
def no_memory(case):
    trace = case.path("trace")
    process = case.spawn([case.cpartrace, "record", "-o", trace, "--", "sh", "-c", STORM],
                         stdin=-1)
    ready(process)
    time.sleep(0.6)
    with open(f"/proc/{process.pid}/statm", encoding="ascii") as statm:
        size = int(statm.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    # Not a page more: the tables of what is held back cannot grow.
    unlimited = resource.prlimit(process.pid, resource.RLIMIT_AS, (size, resource.RLIM_INFINITY))
    process.stdin.write("go\n")
    process.stdin.close()
    process.stdin = None
    time.sleep(0.4)
    resource.prlimit(process.pid, resource.RLIMIT_AS, unlimited)
    _, err = process.communicate(timeout=60)
    case.equal("the command is seen to its end: status", process.returncode, 5)
    # Whichever asks first: the tables, or who writes what they have held back.
    case.check("the line says what happened",
               re.search(r"cannot (record|write the trace): Cannot allocate memory", err), err)
    report = case.report_json(trace, status=4)
    case.equal("exit", report["exit"], {"code": 5})
    case.check("what came before is there", report["window_ns"] > 0.4e9, report["window_ns"])
    case.check("what came behind is not claimed", not report["verdict"].get("certain") or
               report["window_ns"] < 2e9, json.dumps(report["verdict"]))
    text = case.cpt("report", "-i", trace)
    case.check("the report says why it is not whole",
               "the recorder could not go on: Cannot allocate memory" in " ".join(text.out.split()),
               text.out)
