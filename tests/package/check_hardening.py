#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_hardening.py PROGRAM - what readelf sees of the program's hardening.

    PIE            it lies at another address in every run
    RELRO, NOW     tables of functions are read-only once it runs
    no W and X     nothing that can be written can be run, the stack least of all
    stack          functions with buffers check that nobody wrote beyond them
    FORTIFY        so do functions of the C library, where the size is known
    no RPATH       libraries come from the system alone
"""

import re
import subprocess
import sys


def readelf(*args):
    return subprocess.run(["readelf", "-W", *args], stdout=subprocess.PIPE, check=True,
                          encoding="utf-8", env={"LC_ALL": "C", "PATH": "/usr/bin:/bin"}).stdout


def breaches(program):
    """Each rule that does not hold, as a line."""
    head, segments = readelf("-h", program), readelf("-l", program)
    dynamic, symbols = readelf("-d", program), readelf("--dyn-syms", program)
    flags = {m[1]: m[2].replace(" ", "") for m in re.finditer(
        r"^ +([A-Z_]+) +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([R ][W ][E ]) ", segments, re.M)}
    loads = re.findall(r"^ +LOAD +0x\w+ 0x\w+ 0x\w+ 0x\w+ 0x\w+ ([R ][W ][E ]) ", segments, re.M)
    imported = set(re.findall(r" UND (\w+)", symbols))
    fortified = {name for name in imported if re.fullmatch(r"__\w+_chk", name)}
    rules = {
        "not a PIE": "DYN" in head and re.search(r"FLAGS_1\).*\bPIE\b", dynamic),
        "no RELRO": "GNU_RELRO" in flags,
        "functions are bound while it runs": re.search(r"FLAGS_1\).*\bNOW\b", dynamic),
        "the stack can be run": flags.get("GNU_STACK") == "RW",
        "a segment is writable and can be run": loads and not any("W" in f and "E" in f
                                                                 for f in loads),
        "code is written to when it is loaded": "TEXTREL" not in dynamic,
        "no stack protector": "__stack_chk_fail" in imported,
        "no FORTIFY": len(fortified - {"__stack_chk_fail"}) >= 5,
        "libraries come from a folder it names": not re.search(r"\((RPATH|RUNPATH)\)", dynamic),
    }
    return [what for what, holds in rules.items() if not holds]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    found = breaches(sys.argv[1])
    for what in found:
        print(f"{sys.argv[1]}: {what}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
