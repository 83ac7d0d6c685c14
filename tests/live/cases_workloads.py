# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every workload and mode, against the truth it prints itself and against perf's recording.

A bound is loosened by nothing but the time the recording shows was taken away: time in which
others held a CPU that a ready task of the workload uses. Such time counts up to twice, once while
it is taken and once while the work is caught up that the others had already done. And by what a clock
cannot know: CPU time by threads' own clocks leaves out interrupts (check_row).
"""

import json
import os
import re
import subprocess

from harness import Failed, check_agreement, check_run, figure, traced

NAMES = ("threads", "locks", "processes", "epoll", "webserver")

# Whose tasks pin themselves to no CPU.
UNBOUND = {"epoll offload", "processes exec-tree", "locks sleep", "locks fsync", "locks jointree",
           "locks pipechain"}

# /proc/stat counts hard and soft interrupts apart, in ticks of 1/100 s.
IRQ_KINDS = 2
TICK_NS = 10_000_000

# Who maps and unmaps by the gigabyte.
SLOW_LOADS = {"locks mmap"}

# Fewer than by default where perf's recording would become too large to be read in time.
SIZES = {"processes pingpong": ["--rounds", "80000"]}

# Rows that rest on figures of the report which do not exist yet, or only with --sample (cases_stacks).
LATER = {"loops", "accounts", "samples"}

# Figures that count, so that no time taken away excuses them.
COUNTED = re.compile(r"^(tasks\.|parallelism\.peak|.*\.(waits|waiters|iterations|completed|"
                     r"voluntary|involuntary|migrations|cpus_used)$)")


def modes(workloads, programs=NAMES):
    """(name, arguments) of every mode that the programs' own --help lists."""
    found = []
    for name in programs:
        path = os.path.join(workloads, name)
        text = subprocess.run([path, "--help"], capture_output=True, text=True, timeout=10,
                              check=True).stdout
        header = re.search(r"^(Modes|Models)\b", text, re.M)
        if not header:
            raise Failed(f"{name} --help lists no modes")
        section = text[header.end():].split("\nOptions of all", 1)[0]
        names = re.findall(r"^  ([a-z][a-z0-9-]*): ", section, re.M)
        if not names:
            raise Failed(f"{name} --help lists no modes")
        for mode in names:
            found.append((name, ["--model", mode] if header[1] == "Models" else [mode]))
    return found


def cases(workloads):
    """(name, function) of every case of this group."""
    return [(f"{name} {arguments[-1]}", _case(name, arguments))
            for name, arguments in modes(workloads)]


def _case(name, arguments):
    def body(case):
        label = f"{name} {arguments[-1]}"
        run = traced(case, [os.path.join(case.workloads, name), *arguments,
                            *SIZES.get(label, []), "--truth"],
                     unbound=name == "webserver" or label in UNBOUND,
                     slow_loads=label in SLOW_LOADS)
        check_run(case, run)
        check_truth(case, run)
    return body


def check_truth(case, run):
    truth = read_truth(run.result.out)
    report = run.report
    start, end = truth["span_ns"]
    span = span_reports(case, run, start, end)
    check_agreement(case, span(None), run.account.figures(start, end), "span")
    if truth["class"] is not None:
        check_class(case, truth["class"], report, run.account.figures())
    later = judged = 0
    for row in truth["expect"]:
        if row.get("needs") in LATER:
            later += 1
            continue
        judged += 1
        comm = row.get("filter")
        if row["scope"] == "span":
            check_row(case, row, span(comm), run.account.figures(start, end))
        else:
            subset = case.report_json(run.trace, "--comm", comm) if comm else report
            check_row(case, row, subset, run.account.figures())
    case.check("the truth has rows for now", judged > 0)
    case.note(f"{judged} rows hold, {later} for later" if not case.findings
              else f"{judged} rows judged, {later} for later")


def check_class(case, expected, report, figures):
    """The verdict's class. Another may be found only where the expected one would hold more of the
    window than that but for what was taken away."""
    found, ledger = report["verdict"]["class"], report["ledger_ns"]
    taken = 2 * figures["disturbed_cpu_ns"]
    case.check("verdict.class", found == expected or ledger[expected] + taken > ledger[found],
               f"found {found!r}, expected {expected!r}; {taken} ns were taken away: {ledger}")


def read_truth(out):
    lines = [line for line in out.split("\n") if line.startswith('{"workload"')]
    if len(lines) != 1:
        raise Failed(f"expected one line of truth, found {out[-300:]!r}")
    return json.loads(lines[0])


def span_reports(case, run, start, end):
    """The reports cut to the span, by filter; each is made once."""
    base = run.report["window_start_ns"]
    cut = f"{(start - base) / 1e9:.9f},{(end - base) / 1e9:.9f}"
    made = {}

    def span(comm):
        if comm not in made:
            extra = ["--comm", comm] if comm else []
            made[comm] = case.report_json(run.trace, "--time", cut, *extra)
            if comm is None:
                case.equal("the cut has the span's length", made[comm]["window_ns"], end - start)
        return made[comm]
    return span


def check_row(case, row, report, figures):
    """One row of truth. The figure may be off by what was taken away and, above threads' own clocks, by what
    those leave out, and by nothing else."""
    value = figure(report, row["figure"])
    of = row.get("of")
    base = 1 if of is None else figure(report, of) if isinstance(of, str) else of
    if base == 0:
        raise Failed(f"{row['figure']}: its base {of} is 0")
    taken = 0.0
    if isinstance(of, (int, float)) or COUNTED.match(row["figure"]):
        taken = 0.0
    elif of is not None:
        taken = 2 * figures["disturbed_cpu_ns"] / base
    elif figures["window_ns"]:
        taken = 2 * figures["disturbed_cpu_ns"] / figures["window_ns"]
    low = row.get("min", float("-inf")) - taken
    high = row.get("max", float("inf")) + taken
    if isinstance(of, (int, float)) and row["figure"].endswith(".running_ns"):
        # `of` is a sum of threads' own clocks, and max allows for what was stolen from them. Interrupts they leave
        # out, too: told in whole ticks, of each kind, on each CPU that they may use.
        used = min(os.cpu_count(), report["tasks"]["threads"])
        high += ((report.get("irq_ns") or 0) + IRQ_KINDS * TICK_NS * used) / base
    what = f"{row['scope']} {row['figure']}" + (f" / {of}" if of is not None else "")
    if row.get("filter"):
        what += f" of {row['filter']}"
    case.check(what, low <= value / base <= high,
               f"{value / base:.6g} is not in [{row.get('min', '')}, {row.get('max', '')}]"
               f" loosened by {taken:.4f} taken away (value {value}, of {base})")
