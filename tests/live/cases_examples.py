# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The examples of help and manual that record: each is run as it stands there. Those that need no root are
run by tests/package/check_manual.py."""

import os
import re

from harness import Failed

APP = """#!/bin/sh
exec {workload} parallel --work-ms 30
"""


def examples(case):
    """Lines that begin with sudo, of all commands."""
    text = case.cpt("help").out
    for command in re.findall(r"^  ([a-z]+) ", text.partition("\nCommands:\n")[2], re.M):
        shown = case.cpt("help", command).out.partition("\nExamples:\n")[2]
        yield from re.findall(r"^  sudo (\S[^\n]*)$", shown, re.M)


def case_examples_that_record_run_as_they_stand(case):
    case.write("app", APP.format(workload=os.path.join(case.workloads, "threads")), 0o755)
    os.symlink(case.cpartrace, case.path("cpartrace"))
    env = {"PATH": f"{case.dir}:{os.environ['PATH']}"}
    lines = list(examples(case))
    if len(lines) < 8:
        raise Failed(f"only {len(lines)} examples: {lines}")
    # What would go on for days is ended, and what mends a recording that was killed gets one.
    endless = [line for line in lines if " -a " in line and " --flight " in line and " -d " not in line]
    for line in lines:
        end = "exec timeout --preserve-status -s INT 5 " if line in endless else ""
        if line.startswith("cpartrace recover "):
            case.run(["sh", "-c", f"exec timeout -s KILL 5 {endless[0]}"], env=env)
        result = case.run(["sh", "-c", end + line], env=env)
        case.equal(f"status of {line}", result.status, 0)
    for name in ("cpartrace.data", "app.data", "app.json", "before.1", "before.5"):
        case.check(f"{name} was written", os.path.getsize(case.path(name)) > 0)
    case.note(f"{len(lines)} examples")


def cases(_workloads):
    return [(name[5:].replace("_", " "), function) for name, function in globals().items()
            if name.startswith("case_")]
