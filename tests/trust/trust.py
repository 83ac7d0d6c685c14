#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every promise of README's section "Security", and the figures of the tests that hold it.

    sudo tests/trust/trust.py [--build build] [--full] [-k TEXT]    runs them, some minutes; --full: hours
    tests/trust/trust.py --check                                    only: is there such a test for each?

A row of the table there names its tests in backticks: of ctest by name (`hardening`) or label (`ctest -L fuzz`), or a
script of tests/ with its arguments. One line for each test that was run: how it ended, and what it says of itself
in its last line. With --full scripts are run as the README has them, and tests that generate cases generate many.
Exit status 0: every promise held; 1: one did not; 2: it could not be asked.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
CASES = "10000"  # of each property with --full
SECONDS = 6 * 3600


class Wrong(Exception):
    """The README names what is not there."""


def promises(readme):
    """(promise, [what is in backticks]) of each row of the table in "Security"."""
    with open(readme, encoding="utf-8") as file:
        text = file.read()
    section = re.search(r"^## Security$(.*?)^## ", text, re.M | re.S)
    rows = re.findall(r"^\| (?!promise )([^|]+) \| ([^|]+) \|$", section[1] if section else "", re.M)
    return [(promise.strip(), re.findall(r"`([^`]+)`", by)) for promise, by in rows]


def tests_of(build):
    """Names of ctest's tests, and the labels of each."""
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True,
                           text=True, check=True, timeout=60).stdout
    known = {}
    for test in json.loads(shown)["tests"]:
        labels = [p["value"] for p in test.get("properties", []) if p["name"] == "LABELS"]
        known[test["name"]] = set(labels[0] if labels else [])
    return known


def resolve(named, known):
    """What to run for a name in backticks: ("test", NAME), ("label", NAME), ("script", ARGV); None: it is no test."""
    words = named.split()
    if words[:2] == ["ctest", "-L"]:
        if not any(words[2] in labels for labels in known.values()):
            raise Wrong(f"no test has the label {words[2]}")
        return "label", words[2]
    if named in known:
        return "test", named
    if words[0].startswith("tests/"):
        if not os.path.exists(os.path.join(SOURCE, words[0])):
            raise Wrong(f"there is no {words[0]}")
        return ("script", tuple(words)) if os.access(os.path.join(SOURCE, words[0]), os.X_OK) else None
    if re.fullmatch(r"\w+", named):
        raise Wrong(f"there is no test {named}")
    return None


NOISE = re.compile(r"\[|Start +\d|Test command|Working Dir|Test timeout|\d+/\d+ Test|Total Test|\d+% tests|\w+ +=|"
                   r"Added \d|test \d+$|Environment|UpdateCTest|Constructing|Updating")


def said(output):
    """What its tests say of how much they tried: the last line of one, or the sum over those that say the same."""
    lines = [re.sub(r"^\d+: ", "", line).strip() for line in output.splitlines()]
    told = [line for line in lines if re.search(r"\d", line) and not NOISE.match(line)]
    inputs = [re.match(r"(\d+) inputs and (\d+) changes of them", line) for line in told]
    if any(inputs):
        first, second = (sum(int(found[i]) for found in inputs if found) for i in (1, 2))
        told = [f"{first} inputs and {second} changes of them"]
    passed = [re.search(r"(\d+) test\(s\)", line) for line in lines if line.startswith("[  PASSED  ]")]
    parts = [f"{sum(int(found[1]) for found in passed if found)} cases"] if any(passed) else []
    return "; ".join(told[-1:] + parts) or "passed"


def run(what, build, full):
    """(passed, seconds, what it says)"""
    kind, name = what
    environment = dict(os.environ, **({"CPT_CASES": CASES} if full else {}))
    if kind == "script":
        argv = [os.path.join(SOURCE, name[0]), *name[1:]]
    else:
        argv = ["ctest", "--test-dir", build, "-V", "--no-tests=error", "--timeout", str(SECONDS if full else 1800),
                "-R" if kind == "test" else "-L", f"^{re.escape(name)}$"]
    start = time.monotonic()
    try:
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
                              cwd=SOURCE, env=environment, timeout=SECONDS, stdin=subprocess.DEVNULL, check=False)
    except subprocess.TimeoutExpired:
        return False, SECONDS, "did not end"
    if done.returncode:
        sys.stdout.write(done.stdout[-4000:])
    summary = re.findall(r"tests passed, \d+ tests failed out of (\d+)", done.stdout)
    text = said(done.stdout)
    if kind == "label" and summary:
        text = f"{summary[-1]} tests; {text}"
    return done.returncode == 0, time.monotonic() - start, text


def name_of(what):
    kind, name = what
    return " ".join(name) if kind == "script" else f"ctest -L {name}" if kind == "label" else name


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", default=os.path.join(SOURCE, "build"))
    parser.add_argument("--readme", default=os.path.join(SOURCE, "README.md"))
    parser.add_argument("--check", action="store_true", help="only: is there such a test for each promise?")
    parser.add_argument("--full", action="store_true", help="scripts and generated cases at their full length")
    parser.add_argument("-k", default="", metavar="TEXT", help="promises and tests with TEXT in them")
    arguments = parser.parse_args()
    try:
        known = tests_of(arguments.build)
        table = []
        for promise, names in promises(arguments.readme):
            held_by = [what for what in (resolve(name, known) for name in names) if what]
            if not any(kind != "script" for kind, _ in held_by):
                raise Wrong(f"no test of the suite holds: {promise}")
            table.append((promise, held_by))
        if not table:
            raise Wrong(f"{arguments.readme} promises nothing")
    except (Wrong, OSError, subprocess.SubprocessError) as error:
        print(f"trust: {error}")
        return 1 if isinstance(error, Wrong) else 2
    tests = {what for _, held_by in table for what in held_by}
    if arguments.check:
        print(f"trust: {len(table)} promises, {len(tests)} tests and scripts that hold them")
        return 0
    results = {}
    failed = 0
    for promise, held_by in table:
        wanted = [what for what in held_by if (what[0] != "script" or arguments.full)
                  and arguments.k.lower() in f"{promise} {name_of(what)}".lower()]
        if not wanted:
            continue
        print(f"\n{promise}", flush=True)
        for what in wanted:
            if what not in results:
                results[what] = run(what, arguments.build, arguments.full)
            passed, seconds, text = results[what]
            failed += not passed
            print(f"  {'held  ' if passed else 'BROKEN'} {seconds:7.0f} s  {name_of(what)}: {text}", flush=True)
    print(f"\ntrust: {len(results)} tests run, {len(results) - sum(not r[0] for r in results.values())} held, "
          f"{sum(not r[0] for r in results.values())} broken")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
