# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Programs of a newer Debian on this machine's kernel: condition variables as glibc has them since 2.41,
and CPython 3.13, whose interpreter lock is in the interpreter's state: the main one's, and one on the heap.

Owns: the cases of this group, and the tree of packages they run from, through its own loader; nothing is
installed. Waits are judged by how a thread's blocked time divides up, which a busy machine does not change.

CPARTRACE_NEWER=forky:3.14 takes another suite and interpreter. CPARTRACE_FREE_PYTHON names an interpreter
that was built without the lock (--disable-gil; Debian has none), for one more case.
"""

import os
import sys

import cases_ceilings
import cases_locks
import cases_verdict
import cases_waits
from harness import HERE, Failed, group

sys.path.insert(0, os.path.join(HERE, "..", "kernels"))

import packages  # noqa: E402

SUITE, VERSION = os.environ.get("CPARTRACE_NEWER", "trixie:3.13").split(":")
FREE_PYTHON = os.environ.get("CPARTRACE_FREE_PYTHON")
PACKAGES = ("libc6", "libexpat1", "zlib1g", f"python{VERSION}-minimal", f"libpython{VERSION}-minimal",
            f"libpython{VERSION}-stdlib")

newer_case, always = group()


def cases(_workloads):
    return always() + ([("CPython without the lock has none", free_threaded)] if FREE_PYTHON else [])


def prepare(_binary, _workloads, helpers):
    """Fetches the packages; kept beside the helpers."""
    try:
        packages.tree(SUITE, PACKAGES, os.path.join(helpers, "newer"))
    except packages.Unavailable as error:
        raise Failed(f"no packages of {SUITE}: {error}") from error


def tree(case):
    return os.path.join(case.helpers, "newer", SUITE)


def through_loader(case, program, *argv):
    """The command that runs a program with the newer libraries."""
    root = tree(case)
    libraries = os.path.join(root, "usr/lib/x86_64-linux-gnu")
    return [os.path.join(libraries, "ld-linux-x86-64.so.2"), "--library-path", libraries, program,
            *argv]


def python(case, script):
    """(command, environment) of the newer interpreter."""
    root = tree(case)
    return (through_loader(case, os.path.join(root, f"usr/bin/python{VERSION}"), script),
            {"PYTHONHOME": os.path.join(root, "usr")})


# ---------------------------------------------------------------- glibc

FUTEXES = {"queue": ["cond_jobs", "sem_jobs"], "condvar": ["condvar", "sem", "sem_mapped"],
           "sleep": ["cond_timedout", "cond_timedmono", "sem_timedout", "sem_timedmono"],
           "barrier": ["barrier"],
           "lock": ["mutex", "mutex_mapped", "rwlock_read", "rwlock_write", "robust", "pi"],
           "join": ["join"], "other": ["futex_raw", "futex_waitv"]}


@newer_case("its condition variables, semaphores, barriers and locks are told apart")
def words(case):
    modes = {mode: reason for reason, names in FUTEXES.items() for mode in names}
    result = case.cpt("run", "-o", case.path("waits.trace"), "--json", case.path("waits.json"), "--",
                      *through_loader(case, case.helper("wait_reasons"), *modes))
    if result.status:
        raise Failed(str(result))
    for mode, (row, said) in cases_waits.rows_of(case, list(modes), result.out).items():
        cases_waits.check_mode(case, mode, row, said, {modes[mode]: 1 - cases_waits.OTHER_REASONS})


@newer_case("a hand-off on one of them is known by its symbol")
def handoff(case):
    _, report = cases_locks.run(case, through_loader(
        case, os.path.join(case.workloads, "threads"), "handoff"))
    lock = cases_locks.most_waited(case, report, kind="handoff")
    case.equal("word", lock["word"], "condvar")
    case.check("its symbol", lock["symbol"].startswith("_PyRuntime"), lock["symbol"])


@newer_case("workers of a pool wait at a queue")
def pool(case):
    _, report = cases_locks.run(case, through_loader(
        case, os.path.join(case.workloads, "threads"), "pool"))
    for row in report["threads"]:
        if row["name"] == "worker":
            parked = row["parked_ns"]
            case.check("a worker's parking is for work", parked.get("queue", 0) >
                       0.9 * sum(parked.values()), parked)


# ---------------------------------------------------------------- CPython

SPIN = """
import threading
def spin():
    n = 0
    while n < 3_000_000:
        n += 1
threads = [threading.Thread(target=spin) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
"""

# An interpreter with a lock of its own, and threads in it.
ISOLATED = f"""
import _interpreters
_interpreters.exec(_interpreters.create("isolated"), {SPIN!r})
"""


def run_python(case, code, interpreter=None):
    script = case.write("code.py", code)
    argv, env = ([interpreter, script], {}) if interpreter else python(case, script)
    result = case.cpt("run", "-o", case.path("newer.trace"), "--json", case.path("newer.json"), "--",
                      *argv, env=env)
    if result.status:
        raise Failed(str(result))
    report = case.load_json("newer.json")
    case.check_report("run", report)
    cases_locks.check_sums(case, report)
    return report, result.err


def gils(report):
    return [lock for lock in report["locks"] if lock.get("python_gil")]


@newer_case("the lock of CPython 3.13 is named")
def gil(case):
    report, text = run_python(case, SPIN)
    found = [c for c in report["ceilings"] if c["kind"] == "cpython_gil"]
    if not case.equal("it is found once", len(found), 1):
        return
    case.equal("certain", found[0]["certain"], True)
    case.check("its symbol", found[0]["symbol"].startswith("_PyRuntime"), found[0]["symbol"])
    case.within("some thread waited for it", found[0]["waited_ns"] / report["window_ns"], 0.5, 1)
    case.equal("locks that are it", [lock["address"] for lock in gils(report)],
               [found[0]["address"]])
    # Behind it lies where those wait that let go on request.
    for lock in report["locks"]:
        if lock.get("python_gil_switch"):
            case.equal("distance", int(lock["address"], 16) - int(found[0]["address"], 16), 88)
    limit = cases_verdict.first_limit(report)
    case.check("the verdict names it", "CPython's GIL" in limit["evidence"], limit)
    case.check("the text names it", "CPython's GIL" in text, text[-1500:])
    case.note(limit["evidence"])


@newer_case("an interpreter's own lock on the heap is offered, and not called the GIL")
def heap(case):
    report, _ = run_python(case, ISOLATED)
    case.equal("locks called so", [lock["symbol"] for lock in gils(report)
                                   if not lock["symbol"].startswith("_PyRuntime")], [])
    case.equal("ceilings", [(c["kind"], c["word"], c["symbol"]) for c in report["ceilings"]],
               [("one_of_n", "condvar", None)])
    case.note(str([(c["kind"], c["module"]) for c in report["ceilings"]]))


def free_threaded(case):
    report, text = run_python(case, SPIN, FREE_PYTHON)
    case.equal("ceilings", [c["kind"] for c in report["ceilings"]], [])
    case.equal("locks", gils(report), [])
    case.check("nor does the text name it", "GIL" not in text, text[-1500:])
    case.note(f"{report['parallelism']['average']:.2f} CPUs busy")
