# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Runtimes that let one of their threads run at a time: found without any symbol, named where there is
one, and not found in pools, barriers and locks that are known as such.

Owns: the cases of this group. A busy machine makes threads wait for CPUs, which is no hand-off and
takes nothing from one: no bound here rests on time.
"""

import os

from harness import HERE, Failed, group

SOURCES = os.path.join(HERE, "..", "..", "workloads")

PYTHON = "/usr/bin/python3"

ceiling_case, cases = group()


def run(case, argv):
    """(report, text) of a traced command."""
    result = case.cpt("run", "-o", case.path("ceiling.trace"), "--json",
                      case.path("ceiling.json"), "--", *argv)
    if result.status:
        raise Failed(str(result))
    report = case.load_json("ceiling.json")
    case.check_report("run", report)
    return report, result.err


def static_threads(case):
    """The workload `threads` without a symbol, and with no library a tracer could look into."""
    binary = case.path("threads")
    sources = [os.path.join(SOURCES, name) for name in sorted(os.listdir(SOURCES))
               if name.endswith(".c") and name.startswith(("threads", "forkjoin", "common", "truth"))]
    for argv in (["cc", "-static", "-O2", "-D_GNU_SOURCE", "-o", binary, *sources, "-pthread",
                  "-lm"], ["strip", binary]):
        result = case.run(argv)
        if result.status:
            raise Failed(str(result))
    return binary


@ceiling_case("a static, stripped hand-off is offered, with its evidence")
def handoff(case):
    report, text = run(case, [static_threads(case), "handoff", "--workers=4"])
    found = report["ceilings"]
    if not case.equal("ceilings", [c["kind"] for c in found], ["one_of_n"]):
        return
    ceiling = found[0]
    case.equal("certain", ceiling["certain"], False)
    case.equal("word", ceiling["word"], "condvar")
    case.equal("threads", ceiling["threads"], 4)
    case.equal("symbol", ceiling["symbol"], None)
    case.within("overlap", ceiling["overlap_ns"] / ceiling["wanted_ns"], 0, 0.05)
    case.within("looked at", ceiling["wanted_ns"] / report["window_ns"], 0.5, 1)
    case.check("turns", ceiling["turns"] >= 20, ceiling["turns"])
    case.check("the text offers it", "Possibly one at a time" in text, text[-1500:])
    case.note(f"overlap {100 * ceiling['overlap_ns'] / ceiling['wanted_ns']:.2f} %, "
              f"{ceiling['turns']} turns")


def silent(name, argv):
    def body(case):
        report, text = run(case, argv(case))
        case.equal("ceilings", report["ceilings"], [])
        case.check("the text offers none", "one at a time" not in text, text[-1500:])
    ceiling_case(f"{name} is no ceiling")(body)


def threads(*argv):
    return lambda case: [os.path.join(case.workloads, "threads"), *argv]


silent("a pool", threads("pool"))
silent("a barrier", threads("barrier"))
silent("computing side by side", threads("parallel", "--work-ms=500"))
silent("a mutex", threads("mutex", "--work-ms=500"))
silent("taking turns on a CPU", threads("one-cpu", "--work-ms=300"))
silent("a pool that feeds itself", lambda case: [case.helper("feeding_pool"), "2"])
silent("a large pool that feeds itself", lambda case: [case.helper("feeding_pool"), "6"])


@ceiling_case("CPython's interpreter lock is named")
def gil(case):
    script = case.write("spin.py", """
import threading
def spin():
    n = 0
    while n < 4_000_000:
        n += 1
threads = [threading.Thread(target=spin) for _ in range(4)]
for t in threads: t.start()
for t in threads: t.join()
""")
    report, text = run(case, [PYTHON, script])
    found = [c for c in report["ceilings"] if c["kind"] == "cpython_gil"]
    if not case.equal("it is found once", len(found), 1):
        return
    case.check("its symbol", found[0]["symbol"].startswith("_PyRuntime"), found[0]["symbol"])
    case.equal("certain", found[0]["certain"], True)
    case.within("some thread waited for it", found[0]["waited_ns"] / report["window_ns"], 0.5, 1)
    locks = [lock for lock in report["locks"]
             if lock["kind"] == "handoff" and lock["address"] == found[0]["address"]]
    case.equal("locks that are it", len(locks), 1)
    case.check("the text names it", "CPython's GIL" in text, text[-1500:])
