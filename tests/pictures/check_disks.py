#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_disks.py - pages, pictures and Perfetto traces where there is no room for them.

    check_disks.py --cpartrace PROGRAM TRACE

Written to a device that is full, to standard output that is, and to a file that may not grow so far: status 1, one
line that says what and why, and what was there before is still there, with nothing beside it.
"""

import argparse
import os
import resource
import signal
import subprocess
import sys
import tempfile

FORMATS = (("html",), ("svg",), ("svg", "--picture", "bottle"), ("svg", "--picture", "ledger"),
           ("perfetto",))
ROOM = 2000  # bytes: less than any of them takes


def small_files():
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, ROOM))


def refused(what, result, said):
    lines = result.stderr.decode().splitlines()
    if result.returncode != 1 or len(lines) != 1 or not lines[0].startswith("cpartrace: ") or \
            not all(word in lines[0] for word in said):
        raise AssertionError(f"{what}: status {result.returncode}, {lines}, not one line of {said}")
    print(f"{what}: {lines[0]}")


def check(program, trace, words, folder):
    export = [program, "export", "-i", trace, "-f", *words]
    what = " ".join(words)
    run = lambda command, **more: subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                                 timeout=120, check=False, **more)
    refused(f"{what} to a full device", run([*export, "-o", "/dev/full"], stdout=subprocess.DEVNULL),
            ("/dev/full", "No space left on device"))
    with open("/dev/full", "wb") as full:
        refused(f"{what} to full output", run(export, stdout=full), ("standard output", "No space left on device"))
    path = os.path.join(folder, "kept")
    with open(path, "wb") as file:
        file.write(b"before")
    refused(f"{what} to a file without room",
            run([*export, "-o", path], stdout=subprocess.DEVNULL, preexec_fn=small_files), ("File too large",))
    with open(path, "rb") as file:
        if file.read() != b"before" or os.listdir(folder) != ["kept"]:
            raise AssertionError(f"{what}: what was there before is gone, or something else came")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--without-perfetto", action="store_true")
    parser.add_argument("trace")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for words in FORMATS:
            if words[0] != "perfetto" or not options.without_perfetto:
                check(options.cpartrace, options.trace, words, folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
