#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_bounds.py --cpartrace PROGRAM --bomb BOMB - what a trace can cost whoever reads it.

Of the worst files that are known (bomb.c), in two sizes each, the dearest commands must keep to

    memory    at most MEMORY_MB + MEMORY_PER_BYTE for each byte of the file
    CPU time  at most TIME_S + TIME_PER_BYTE for each byte of the file

so that no number in a file decides alone what is allocated, and nothing grows faster than the file. Prints
the worst of each kind. Memory is what the kernel says of the process (peak RSS), and does not depend on the
machine. The bound of time is ten times what was measured, for slower and busier ones.
"""

import argparse
import os
import subprocess
import sys
import tempfile

# A file of any size may name 32,768 tasks, and one more for each 8 bytes: 1.2 to 1.7 kB each. Task numbers may be
# 65,536 more than the bytes: 8 bytes each, twice while a table grows.
MEMORY_MB = 128
MEMORY_PER_BYTE = 300
TIME_S = 5
TIME_PER_BYTE = 200e-6

KINDS = ("spread", "crowd", "tasks", "words", "stacks", "loops", "services", "marks", "events",
         "packed", "cpus")
SIZES = (20_000, 150_000)
# Where what a task costs is nearly all.
LARGE = {"tasks": 600_000}
COMMANDS = (("report", "--json"), ("report", "--timeline"), ("export", "-f", "html"),
            ("export", "-f", "perfetto"), ("export", "-f", "csv", "--table", "intervals"))
# Reported; not whole. Perfetto's traces cannot be had without protobuf-c.
STATUSES = (0, 4)
WITHOUT_PROTOBUF = 3


def cost(argv):
    """(status, peak MB, CPU seconds) of a command whose output nobody wants."""
    with open(os.devnull, "r+b") as null:
        # A shell of its own: a process' peak includes what the one that forked it had.
        child = subprocess.Popen(["/bin/sh", "-c", 'exec "$@"', "sh", *argv], stdin=null,
                                 stdout=null, stderr=null)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    return child.returncode, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--bomb", required=True)
    args = parser.parse_args()
    failures = 0
    print(f"{'kind':8} {'bytes':>8} {'MB':>7} {'of MB':>7} {'CPU s':>7} {'of s':>7}  dearest")
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, "bomb.cptrace")
        for kind in KINDS:
            for asked in (*SIZES, *([LARGE[kind]] if kind in LARGE else [])):
                subprocess.run([args.bomb, kind, str(asked), path], check=True)
                size = os.path.getsize(path)
                most_mb = MEMORY_MB + MEMORY_PER_BYTE * size / 1e6
                most_s = TIME_S + TIME_PER_BYTE * size
                worst_mb = worst_s = 0
                dearest = ""
                for command in COMMANDS:
                    status, mb, seconds = cost([args.cpartrace, *command, "-i", path])
                    well = status in STATUSES or ("perfetto" in command and status == WITHOUT_PROTOBUF)
                    if not well or mb > most_mb or seconds > most_s:
                        failures += 1
                        print(f"FAILED: {kind} of {size} bytes: {' '.join(command)}: status {status}, "
                              f"{mb:.0f} MB of {most_mb:.0f}, {seconds:.2f} s of {most_s:.1f}")
                    if mb > worst_mb:
                        worst_mb, dearest = mb, " ".join(command)
                    worst_s = max(worst_s, seconds)
                print(f"{kind:8} {size:8} {worst_mb:7.0f} {most_mb:7.0f} {worst_s:7.2f} {most_s:7.1f}"
                      f"  {dearest}", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
