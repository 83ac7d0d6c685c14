# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Comparing runs: nothing is called between runs of the same, a change of ten points in the parallel share
is found, a lock that is new is named first.

The trials are functions of their own, for diff_trials.py makes many of them.
"""

import os
import sys

from harness import HERE, Failed

sys.path.insert(0, os.path.join(HERE, "..", "schema"))

import check_diff  # noqa: E402

RUNS = 5

# Trials of a case; diff_trials.py makes twenty. What must be right in 18 of those is right in two of
# three in 97 of 100 cases.
TRIALS = 3

SAME = ("threads", "parallel", "--work-ms", "250")

# Two leaves side by side between a fork and a join that one thread computes: parallel for 720 of 800 ms,
# and for 640 of 800.
MORE = ("threads", "forkjoin", "--depth", "1", "--leaf-us", "720000", "--split-us", "40000")
LESS = ("threads", "forkjoin", "--depth", "1", "--leaf-us", "640000", "--split-us", "80000")
CHANGE = -0.1

LOCKED = ("threads", "mutex", "--work-ms", "300")


def record(case, name, argv):
    """RUNS runs as NAME.1, ..."""
    result = case.cpt("run", "-q", "-r", str(RUNS), "-o", case.path(name), "--report-file",
                      case.path(name + ".txt"), os.path.join(case.workloads, argv[0]), *argv[1:],
                      timeout=100)
    if result.status != 0:
        raise Failed(f"expected status 0: {result}")


def diff(case, a, b):
    result = case.cpt("diff", "--json", a, b)
    if result.status != 0:
        raise Failed(f"expected status 0: {result}")
    comparison = case.json_of(result)
    for finding in check_diff.findings(comparison):
        case.check("diff", False, finding)
    case.checks += 1
    return comparison


def compare(case, argv_a, argv_b):
    record(case, "a", argv_a)
    record(case, "b", argv_b)
    return diff(case, case.path("a"), case.path("b"))


def figure(comparison, group, name, what=None):
    for one in comparison["figures"]:
        if (one["group"], one["name"], one.get("what")) == (group, name, what):
            return one
    raise Failed(f"no figure {group} {name} {what or ''}")


def same_trial(case):
    """(right, what was found): no change between runs of the same."""
    comparison = compare(case, SAME, SAME)
    changes = [f"{one['group']} {one['name']} {one['adjusted']:+.4g} margin {one['margin']:.4g}"
               for one in comparison["figures"] if one["changed"]]
    disturbed = ", ".join(f"{comparison[side]['disturbed']:.2f}" for side in ("a", "b"))
    return not changes, f"{'; '.join(changes) or 'no change'} (disturbed {disturbed})"


def change_trial(case):
    """The change of ten points is called, and as large as it is within what the comparison claims."""
    comparison = compare(case, MORE, LESS)
    parallel = figure(comparison, "ledger", "parallel")
    off = abs(parallel["adjusted"] - CHANGE)
    return (parallel["changed"] and
            off <= parallel["margin"] + comparison["method"]["resolution_undisturbed"],
            f"{100 * parallel['adjusted']:+.1f} points, margin {100 * parallel['margin']:.1f}")


def lock_trial(case):
    """`threads parallel` against `threads mutex`: the lock is named first."""
    comparison = compare(case, SAME, LOCKED)
    first = comparison["changes"][0] if comparison["changes"] else {"name": "no change"}
    return ((first.get("group"), first["name"]) == ("lock", "threads:queue_lock"),
            comparison["verdict"]["cause_text"] or first["name"])


TRIALS_BY_NAME = {"same": same_trial, "change": change_trial, "lock": lock_trial}


def trials(case, trial, needed):
    right, said = 0, []
    for _ in range(TRIALS):
        good, found = trial(case)
        right += good
        said.append(found)
    case.note("; ".join(said))
    case.check(f"right in {needed} of {TRIALS}", right >= needed, f"{right}: {'; '.join(said)}")


def case_the_same_against_itself_calls_no_change(case):
    trials(case, same_trial, TRIALS)


def case_ten_points_of_the_parallel_share_are_found(case):
    trials(case, change_trial, TRIALS - 1)


def case_a_lock_that_is_new_is_named_first(case):
    good, found = lock_trial(case)
    case.check("the lock comes first", good, found)


def case_one_run_a_side_shows_and_calls_nothing(case):
    for name, argv in (("a", SAME), ("b", LOCKED)):
        result = case.cpt("run", "-q", "-o", case.path(name), "--report-file", "/dev/null", "--",
                          os.path.join(case.workloads, argv[0]), *argv[1:])
        if result.status != 0:
            raise Failed(f"expected status 0: {result}")
    comparison = diff(case, case.path("a"), case.path("b"))
    case.equal("changes", comparison["changes"], [])
    case.equal("judged", comparison["method"]["judged"], False)
    parallel = figure(comparison, "ledger", "parallel")
    for side in ("a", "b"):
        report = case.report_json(case.path(side))
        share = report["ledger_ns"]["parallel"] / report["window_ns"]
        case.within(f"side {side} is the report's", parallel[side]["mean"], share - 1e-9,
                    share + 1e-9)
    text = case.cpt("diff", case.path("a"), case.path("b"))
    case.equal("status of the text", text.status, 0)
    case.check("it says that none is called", "No difference is called a change" in text.out,
               text.out)


def case_the_end_of_an_older_series_is_not_taken_in(case):
    workload = os.path.join(case.workloads, "threads")
    for count in ("3", "2"):
        result = case.cpt("run", "-q", "-r", count, "-o", case.path("s"), "--report-file",
                          "/dev/null", "--", workload, "parallel", "--work-ms", "20")
        if result.status != 0:
            raise Failed(f"expected status 0: {result}")
    comparison = diff(case, case.path("s"), case.path("s.1"))
    case.equal("runs of side A", comparison["a"]["runs"], 2)


def case_mistakes_in_the_command_line_are_said(case):
    for argv, said in (((), "two traces"), (("a",), "two traces"), (("a", "b", "c"), "two traces"),
                       (("a", "b", "--"), "two traces")):
        result = case.cpt("diff", *argv)
        case.equal(f"status of diff {argv}", result.status, 2)
        case.check(f"diff {argv} says what is wrong", said in result.err, result.err)
    missing = case.cpt("diff", "a", "b")
    case.equal("status without the traces", missing.status, 1)
    case.check("which one is missing", "no trace at a" in missing.err, missing.err)


def cases(_workloads):
    return [(name[5:].replace("_", " "), function) for name, function in globals().items()
            if name.startswith("case_")]
