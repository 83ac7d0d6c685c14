#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The suite under valgrind: what reads memory that was never written, reads or writes beyond its own, or loses some.

    tests/builds/memcheck.py                   all of it; builds build-memcheck first (-g -O1, no sanitizers)
    tests/builds/memcheck.py --build build -k '^test_cli$'       some of it, of a build that is there
    sudo tests/builds/memcheck.py --live       recordings, too

A test is any of ctest's that is a program of this project, or is told where cpartrace is; each of those processes runs
under valgrind's memcheck, with what it forks. Not run are tests that measure time or memory, or look at the program's
file, and what records: valgrind 3.19 has no pidfd_open(), so no command can be recorded under it, nor -p be given. What
is left of recording (-a, stat, doctor) is --live.

One line for each test. The status is 0 if all of them passed and valgrind had nothing to say of any process.
"""

import argparse
import concurrent.futures
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
VALGRIND = ["valgrind", "--leak-check=full", "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=none",
            "--error-exitcode=99", "--num-callers=24",
            f"--suppressions={os.path.join(HERE, 'memcheck.supp')}"]
OPTIONS = ["-DCMAKE_C_COMPILER=gcc", "-DCMAKE_BUILD_TYPE=Debug", "-DCMAKE_C_FLAGS_DEBUG=-g -O1", "-DCPT_WITH_BPF=ON",
           "-DCPT_WITH_TESTS=ON"]
LABELS_NOT = {"live", "kernels", "browser", "package", "inject", "build", "counters"}
# Bounds of time and memory; a database that is not ours; who looks for itself in /proc and finds valgrind; what opens
# pidfds; signals so often that valgrind comes to nothing else; a closed output, which valgrind opens again.
TESTS_NOT = {"fuzz_bounds", "tables", "workloads_selfcheck", "perfetto", "sinks", "test_places", "test_spawn",
             "test_write_all"}
SECONDS = 3600    # for one test; the longest, tables_plain, takes 860 on a busy machine
CASES = "200"     # of each property: as few as hold enough of each kind
RUNS_PART = 20    # of the changes that a fuzz target makes; all inputs are tried
LIVE = [["doctor"], ["stat", "-a", "-d", "0.3", "-o", "OUT"], ["record", "-q", "-a", "-d", "0.3", "-o", "OUT"],
        ["record", "-q", "-a", "--stacks", "--sample", "-d", "0.3", "-o", "OUT"],
        ["record", "-q", "-a", "--flight", "1s", "-d", "0.3", "-o", "OUT"]]
ERRORS = re.compile(r"ERROR SUMMARY: [1-9]|Process terminating with default action of signal (?:4|7|8|11) ")
LOST = re.compile(r"(?:definitely|indirectly) lost: [1-9]")


def is_program(build, path):
    return path.startswith(build + os.sep) and os.path.isfile(path) and os.access(path, os.X_OK) and \
        open(path, "rb").read(4) == b"\x7fELF"


def tests_of(build, pattern):
    """[(name, argv, environment, folder)] of the tests that run programs of the build."""
    shown = subprocess.run(["ctest", "--test-dir", build, "--show-only=json-v1"], capture_output=True, text=True,
                           check=True, timeout=60).stdout
    found = []
    for test in json.loads(shown)["tests"]:
        properties = {p["name"]: p["value"] for p in test.get("properties", [])}
        argv = test.get("command", [])
        if set(properties.get("LABELS", [])) & LABELS_NOT or test["name"] in TESTS_NOT or not re.search(
                pattern, test["name"]):
            continue
        if argv and (is_program(build, argv[0]) or os.path.join(build, "cpartrace") in argv):
            environment = dict(line.split("=", 1) for line in properties.get("ENVIRONMENT", []))
            found.append((test["name"], argv, environment, properties.get("WORKING_DIRECTORY", build)))
    return found


class Work:
    """Where logs go, and the program that stands for cpartrace in tests that start it themselves."""

    def __init__(self, build, work):
        self.build, self.work = build, work

    def begin(self, name):
        logs = os.path.join(self.work, name)
        os.mkdir(logs)
        return logs, [*VALGRIND, f"--log-file={logs}/%p"]

    def argv(self, name, argv):
        logs, valgrind = self.begin(name)
        real = os.path.join(self.build, "cpartrace")
        argv = [re.sub(r"^-runs=(\d+)$", lambda runs: f"-runs={max(1, int(runs[1]) // RUNS_PART)}", word)
                for word in argv]
        argv = [f"-timeout={SECONDS}" if word.startswith("-timeout=") else word for word in argv]
        if is_program(self.build, argv[0]):
            return logs, [*valgrind, *argv]
        stand_in = os.path.join(logs, "cpartrace")
        with open(stand_in, "w", encoding="utf-8") as file:
            file.write("#!/bin/sh\nexec " + " ".join(valgrind) + f" {real} \"$@\"\n")
        os.chmod(stand_in, stat.S_IRWXU)
        return logs, [stand_in if word == real else word for word in argv]


def read_logs(logs):
    """(processes, what valgrind said of those it found something in). One that was forked need not free what it has:
    it ends by _exit(), or is killed."""
    texts = {}
    for name in sorted(os.listdir(logs)):
        if name.isdigit():
            with open(os.path.join(logs, name), encoding="utf-8", errors="replace") as file:
                texts[name] = file.read()
    said = []
    for text in texts.values():
        parent = re.search(r"Parent PID: (\d+)", text)
        if ERRORS.search(text) or LOST.search(text) and not (parent and parent[1] in texts):
            said.append(re.sub(r"^--\d+-- WARNING: unhandled eBPF.*\n", "", text, flags=re.M))
    return len(texts), said


def run_test(work, name, argv, environment, folder):
    """(name, seconds, processes, [what is wrong])"""
    logs, argv = work.argv(name, argv)
    began = time.monotonic()
    try:
        done = subprocess.run(argv, cwd=folder, env={**os.environ, "CPT_CASES": CASES, **environment},
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              errors="replace", timeout=SECONDS, check=False)
        wrong = [f"status {done.returncode}: {done.stdout[-3000:]}"] if done.returncode else []
    except subprocess.TimeoutExpired:
        wrong = [f"not done after {SECONDS} s"]
    processes, said = read_logs(logs)
    if not processes:
        wrong.append("nothing of it ran under valgrind")
    return name, time.monotonic() - began, processes, wrong + said


def run_live(work, number, words):
    logs, valgrind = work.begin(f"live-{number}")
    began = time.monotonic()
    argv = [*valgrind, os.path.join(work.build, "cpartrace"),
            *(os.path.join(logs, "out") if word == "OUT" else word for word in words)]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          errors="replace", timeout=SECONDS, check=False)
    wrong = [f"status {done.returncode}: {done.stdout[-3000:]}"] if done.returncode else []
    if words[0] == "record":
        read = subprocess.run([argv[len(valgrind)], "report", "--json", "-i", os.path.join(logs, "out")],
                              capture_output=True, text=True, timeout=SECONDS, check=False)
        if read.returncode or not json.loads(read.stdout)["threads"]:
            wrong.append(f"what it recorded reads with status {read.returncode}: {read.stderr}")
    processes, said = read_logs(logs)
    return " ".join(words), time.monotonic() - began, processes, wrong + said


def make_build():
    build = os.path.join(SOURCE, "build-memcheck")
    for argv in (["cmake", "-S", SOURCE, "-B", build, *OPTIONS],
                 ["cmake", "--build", build, "-j", str(os.cpu_count())]):
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        if done.returncode:
            sys.exit(done.stdout[-3000:])
    return build


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--build", help="that is there (default: build-memcheck, made anew)")
    parser.add_argument("-k", dest="pattern", default="", help="only the tests whose name matches")
    parser.add_argument("-j", dest="jobs", type=int, default=os.cpu_count())
    parser.add_argument("--live", action="store_true", help="recordings of the whole machine, too (root)")
    args = parser.parse_args()
    build = os.path.abspath(args.build) if args.build else make_build()
    cnt = processes = bad = 0
    with tempfile.TemporaryDirectory(prefix="cpt_memcheck_") as place, \
            concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        work = Work(build, place)
        jobs = [pool.submit(run_test, work, *test) for test in tests_of(build, args.pattern)]
        if args.live:
            concurrent.futures.wait(jobs)
            with concurrent.futures.ThreadPoolExecutor(1) as one:
                jobs += [one.submit(run_live, work, *numbered) for numbered in enumerate(LIVE)]
        for job in concurrent.futures.as_completed(jobs):
            name, seconds, under, wrong = job.result()
            cnt, processes, bad = cnt + 1, processes + under, bad + bool(wrong)
            print(f"{'FAILED' if wrong else 'clean '} {seconds:7.1f} s  {name}: {under} processes", flush=True)
            for text in wrong:
                print("    " + text.strip().replace("\n", "\n    ")[:6000], flush=True)
    print(f"memcheck: {cnt} tests, {processes} processes under valgrind, {bad} with something to say")
    return bad > 0 or not cnt


if __name__ == "__main__":
    sys.exit(main())
