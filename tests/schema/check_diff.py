#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Checks `diff --json`: against diff.schema.json, and what must hold between its figures.

Owns: these rules, as functions of the JSON alone. Must not know: how a comparison came about.

    check_diff.py FILE...      one line per finding; status 1 if there was any
"""

import json
import os
import statistics
import sys

import jsonschema

SCHEMA_PATH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "diff.schema.json")
TOLERANCE = 1e-6


def schema_findings(diff):
    with open(SCHEMA_PATH, encoding="utf-8") as schema:
        validator = jsonschema.Draft202012Validator(json.load(schema))
    return [f"schema: {'.'.join(str(p) for p in error.path)}: {error.message[:200]}"
            for error in validator.iter_errors(diff)]


def near(left, right):
    return abs(left - right) <= TOLERANCE * max(1, abs(left), abs(right))


def key(figure):
    return (figure["group"], figure["name"], figure.get("what"))


def figure_findings(diff, figure):
    judged, method = diff["method"]["judged"], diff["method"]
    what = " ".join(filter(None, key(figure)))
    for side in ("a", "b"):
        runs = figure[side]["runs"]
        if len(runs) != diff[side]["runs"]:
            yield f"{what}: {len(runs)} values of {diff[side]['runs']} runs"
        if not near(statistics.fmean(runs), figure[side]["mean"]):
            yield f"{what}: the mean of side {side} is not that of its runs"
        if len(runs) > 1 and not near(statistics.stdev(runs), figure[side]["deviation"]):
            yield f"{what}: the deviation of side {side} is not that of its runs"
    if ("undisturbed" in figure["a"]) != ("undisturbed" in figure["b"]):
        yield f"{what}: one side alone is without what others took"
    elif method["statistic"] == "covariance" and "undisturbed" in figure["a"]:
        means = [statistics.fmean(figure[side]["undisturbed"]) for side in ("a", "b")]
        if not near(means[1] - means[0], figure["adjusted"]):
            yield f"{what}: the difference is not that of the runs without what others took"
    if not near(figure["b"]["mean"] - figure["a"]["mean"], figure["difference"]):
        yield f"{what}: the difference is not that of the means"
    if figure["changed"] and not judged:
        yield f"{what}: called a change although nothing can be"
    if not judged and (figure["margin"] is not None or figure["p"] is not None):
        yield f"{what}: a margin although none is known"
    if figure["changed"] and figure["margin"] is not None:
        if abs(figure["adjusted"]) <= figure["margin"]:
            yield f"{what}: called a change inside its margin"
        least = method["resolution_undisturbed" if "undisturbed" in figure["a"] else "resolution"]
        if figure["unit"] in ("share", "average") and abs(figure["adjusted"]) <= least:
            yield f"{what}: called a change below the resolution"
    if figure["margin"] is not None and figure["margin"] + TOLERANCE < figure["noise"]:
        yield f"{what}: a margin smaller than the noise"


def findings(diff):
    """One line for each rule that is broken."""
    found = schema_findings(diff)
    if found:
        return found
    for side in ("a", "b"):
        if len(diff[side]["files"]) != diff[side]["runs"]:
            found.append(f"side {side}: files are not as many as runs")
    for figure in diff["figures"]:
        found += figure_findings(diff, figure)
    changed = {key(figure) for figure in diff["figures"] if figure["changed"]}
    listed = [key(name) for name in diff["changes"]]
    if set(listed) != changed or len(listed) != len(changed):
        found.append("the list of changes is not that of the figures")
    names = [key(figure) for figure in diff["figures"]]
    if len(set(names)) != len(names):
        found.append("a figure twice")
    for side in ("a", "b"):
        ledger = sum(figure[side]["mean"] for figure in diff["figures"]
                     if figure["group"] == "ledger" and "." not in figure["name"])
        if abs(ledger - 1) > 1e-6:
            found.append(f"side {side}: the classes of the ledger come to {ledger}")
    return found


def main(paths):
    failed = False
    for path in paths:
        with open(path, encoding="utf-8") as source:
            for finding in findings(json.load(source)):
                print(f"{path}: {finding}")
                failed = True
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
