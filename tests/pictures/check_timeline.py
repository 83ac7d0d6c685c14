#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_timeline.py - `report --timeline` on terminals: width, colours, what the locale can show.

    check_timeline.py --cpartrace PROGRAM TRACE

Each case gives the program a terminal (pty) of some width and an environment.
"""

import argparse
import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

COLOUR = re.compile("\x1b\\[[0-9;]*m")


def on_terminal(program, trace, columns, environment):
    """What a terminal of so many columns is sent."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
    with subprocess.Popen([program, "report", "--timeline", "-i", trace], stdin=theirs,
                          stdout=theirs, stderr=theirs,
                          env={"PATH": "/usr/bin:/bin", "TERM": "xterm", **environment}) as child:
        os.close(theirs)
        data = b""
        try:
            while block := os.read(ours, 65536):
                data += block
        except OSError:  # EIO: the other end is closed
            pass
    os.close(ours)
    if child.returncode:
        raise AssertionError(f"status {child.returncode}: {data.decode()}")
    return data.decode("utf-8").replace("\r\n", "\n")


def lanes(text):
    """{thread id: marks} of lines as "   worker 1002    ##w.. 31.2 %"."""
    found = re.findall(r"^   (?!CPU )\S+ (\d+) +(\D*?) +>?<?[\d.]+ %$", COLOUR.sub("", text), re.M)
    return {int(tid): marks for tid, marks in found}


def check(name, condition, text):
    if not condition:
        raise AssertionError(f"{name}\n{text}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("trace")
    options = parser.parse_args()
    for columns in (60, 80, 100, 211):
        for environment in ({"LC_ALL": "C.UTF-8"}, {"LC_ALL": "C.UTF-8", "NO_COLOR": "1"},
                            {"LC_ALL": "C"}, {"LC_ALL": "C.UTF-8", "TERM": "dumb"},
                            {"LC_ALL": "C", "COLUMNS": "70"}):
            text = on_terminal(options.cpartrace, options.trace, columns, environment)
            plain = COLOUR.sub("", text)
            width = int(environment.get("COLUMNS", columns))
            what = f"{columns} columns, {environment}"
            coloured = "NO_COLOR" not in environment and environment.get("TERM") != "dumb"
            check(f"{what}: width", max(map(len, plain.splitlines())) <= width, plain)
            check(f"{what}: colours", (text != plain) == coloured, text)
            check(f"{what}: ASCII", plain.isascii() == (environment["LC_ALL"] == "C"), plain)
            check(f"{what}: other sequences", "\x1b" not in plain, text)
            marks = lanes(text)
            check(f"{what}: lanes", len(marks) == 5, plain)
            check(f"{what}: lanes use the width",
                  all(len(lane) > width - 22 - 9 - 3 for lane in marks.values()), plain)
            running = "#" if environment["LC_ALL"] == "C" else "\u2588"
            for lane in list(marks.values())[1:]:  # each of four workers ran for a quarter of it
                check(f"{what}: proportions", abs(lane.count(running) - len(lane) / 4) <= 2, plain)
    return 0


if __name__ == "__main__":
    sys.exit(main())
