#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""check_sinks.py - places that cannot be written to: a full disk, one that is read-only, a pipe nobody reads.

    check_sinks.py --cpartrace PROGRAM --hostile PROGRAM [--without NAME...]

Whatever is written (each format of export, report, script, diff, as text and as JSON): the status is 1, one
line says what failed, on what and why; where a file was to be written, what stood there before is still
there, and nothing new, whole or half, under any name. A pipe that is closed ends the program by SIGPIPE, as
it does others; where that signal is ignored the line says so. As root the disks are real ones: small tmpfs.
"""

import argparse
import os
import re
import resource
import signal
import subprocess
import sys
import tempfile

LIMIT = 512  # bytes; every output here is larger

OUTPUTS = {
    "csv": ("export", "-f", "csv", "--table", "intervals"),
    "jsonl": ("export", "-f", "jsonl", "--table", "intervals"),
    "openmetrics": ("export", "-f", "openmetrics"),
    "folded": ("export", "-f", "folded"),
    "html": ("export", "-f", "html"),
    "svg": ("export", "-f", "svg"),
    "perfetto": ("export", "-f", "perfetto"),
    "sqlite": ("export", "-f", "sqlite"),
}
PRINTED = {
    "report": ("report",),
    "report --json": ("report", "--json"),
    "report --timeline": ("report", "--timeline"),
    "script": ("script",),
    "diff": ("diff",),
    "diff --json": ("diff", "--json"),
    "help": ("help", "export"),
    "version": ("version", "--build-options"),
}
BY_NAME = {"sqlite"}  # never to standard output


class Checker:
    def __init__(self, program, trace, directory):
        self.program, self.trace, self.dir = program, trace, directory
        self.findings, self.checks = [], 0

    def check(self, what, true, detail=""):
        self.checks += 1
        if not true:
            self.findings.append(f"{what}: {detail}"[:500])

    def argv(self, words):
        if words[0] in ("help", "version"):
            return [self.program, *words]
        if words[0] == "diff":
            return [self.program, *words, self.trace, self.trace]
        return [self.program, words[0], "-i", self.trace, *words[1:]]

    def run(self, words, stdout=subprocess.DEVNULL, limit=None, ignore_pipe=False):
        def prepare():
            signal.signal(signal.SIGPIPE, signal.SIG_IGN if ignore_pipe else signal.SIG_DFL)
            if limit is not None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        return subprocess.run(self.argv(words), stdin=subprocess.DEVNULL, stdout=stdout,
                              stderr=subprocess.PIPE, text=True, timeout=60, check=False,
                              preexec_fn=prepare, restore_signals=False,
                              env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})

    def refused(self, what, result, why):
        """Status 1 and one line with the reason."""
        line = rf"cpartrace: (?:\w+: )?cannot [^\n]*{why}[^\n]*\n"
        self.check(f"{what}: status 1", result.returncode == 1, result.returncode)
        self.check(f"{what}: one line that says why", re.fullmatch(line, result.stderr), result.stderr)


# ---- standard output


def check_streams(checker, outputs):
    for name, words in outputs.items():
        with open("/dev/full", "wb") as full:
            checker.refused(f"{name} > /dev/full", checker.run(words, full),
                            "standard output: No space left on device")
        for ignore in (False, True):
            ends = os.pipe()
            os.close(ends[0])
            result = checker.run(words, ends[1], ignore_pipe=ignore)
            os.close(ends[1])
            if ignore:
                checker.refused(f"{name} | (closed, SIGPIPE ignored)", result,
                                "standard output: Broken pipe")
            else:
                checker.check(f"{name} | (closed)", (result.returncode, result.stderr) ==
                              (-signal.SIGPIPE, ""), (result.returncode, result.stderr))


def check_device(checker, outputs):
    for name, words in outputs.items():
        result = checker.run([*words, "-o", "/dev/full"])
        checker.refused(f"{name} -o /dev/full", result,
                        "regular file" if name in BY_NAME else "No space left on device")


# ---- files


OLD = "precious"


def directory_with(path):
    """One in which `old` is a file."""
    os.makedirs(path, exist_ok=True)
    with open(os.path.join(path, "old"), "w", encoding="utf-8") as file:
        file.write(OLD)
    return path


def check_file(checker, what, words, directory, why, limit=None):
    """-o into a directory, where nothing is and where something is."""
    names = sorted(os.listdir(directory))
    for name in ("new", "old"):
        result = checker.run([*words, "-o", os.path.join(directory, name)], limit=limit)
        checker.refused(f"{what} ({name})", result, why)
    checker.check(f"{what}: nothing is left", sorted(os.listdir(directory)) == names,
                  os.listdir(directory))
    with open(os.path.join(directory, "old"), encoding="utf-8") as file:
        checker.check(f"{what}: what was there is still there", file.read() == OLD)


def small_disk(path):
    os.makedirs(path)
    result = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "cpartrace-test", path],
                            capture_output=True, text=True, check=False)
    if result.returncode:
        sys.exit(f"cannot mount a small disk: {result.stderr.strip()}")
    return directory_with(path)


def fill(path):
    with open(os.path.join(path, "taken"), "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass


def check_disks(checker, outputs):
    """They are of a mount namespace of our own."""
    full, fixed = (small_disk(os.path.join(checker.dir, name)) for name in ("full", "fixed"))
    fill(full)
    subprocess.run(["mount", "-o", "remount,ro", fixed], check=True)
    for name, words in outputs.items():
        check_file(checker, f"{name} onto a full disk", words, full,
                   "(?:No space left on device|disk is full)")
        check_file(checker, f"{name} onto a read-only disk", words, fixed, "Read-only file system")


def check_closed(checker):
    """A stream that is closed stays closed, and is no file of ours, also where there is no /dev/null."""
    for prepare in ("true", "mount -t tmpfs none /dev"):
        for closed, out in (("<&-", "cpartrace "), ("<&- 2>&-", "cpartrace "), (">&-", "")):
            result = subprocess.run(["unshare", "-m", "sh", "-c", f"{prepare} && exec {checker.program} "
                                     f"version {closed}"], capture_output=True, text=True, check=False)
            what = f"version {closed} after {prepare}"
            checker.check(what, result.stdout.startswith(out), result)
            checker.check(f"{what}: status", result.returncode == (0 if out else 1), result)
            if not out:
                checker.check(f"{what}: why", re.fullmatch(
                    r"cpartrace: cannot write to standard output: Bad file descriptor\n", result.stderr), result)


def check_limit(checker, outputs):
    """Files may not grow beyond a size: much the same without root."""
    directory = directory_with(os.path.join(checker.dir, "limit"))
    for name, words in outputs.items():
        check_file(checker, f"{name} beyond the limit of files", words, directory,
                   "(?:File too large|disk I/O error|disk is full)", LIMIT)


def check_trace(checker, outputs):
    """The trace that is read, by whatever name, is not written over."""
    with open(checker.trace, "rb") as file:
        before = file.read()
    for name, words in outputs.items():
        for path in (checker.trace, os.path.join(checker.dir, ".", "trace")):
            result = checker.run([*words, "-o", path])
            checker.check(f"{name} -o the trace: status", result.returncode == 2, result.returncode)
            checker.check(f"{name} -o the trace: it is said", "is the trace that is read" in result.stderr,
                          result.stderr)
    with open(checker.trace, "rb") as file:
        checker.check("the trace is what it was", file.read() == before)


def check_no_directory(checker, outputs):
    for name, words in outputs.items():
        result = checker.run([*words, "-o", os.path.join(checker.dir, "no", "out")])
        checker.refused(f"{name} into no directory", result, "No such file or directory")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--without", nargs="*", default=[], help="formats that were not built")
    parser.add_argument("--hostile", required=True, help="program that writes a trace that has it all")
    options = parser.parse_args()
    if os.geteuid() == 0 and "CPT_OWN_MOUNTS" not in os.environ:
        os.environ["CPT_OWN_MOUNTS"] = "1"
        os.execvp("unshare", ["unshare", "--mount", "--propagation", "private", sys.executable, "-B",
                              *sys.argv])
    outputs = {name: words for name, words in OUTPUTS.items() if name not in options.without}
    streams = {name: words for name, words in outputs.items() if name not in BY_NAME}
    with tempfile.TemporaryDirectory(prefix="cpartrace-sinks-") as directory:
        checker = Checker(options.cpartrace, os.path.join(directory, "trace"), directory)
        subprocess.run([options.hostile, checker.trace], check=True)
        check_streams(checker, {**streams, **PRINTED})
        check_device(checker, outputs)
        check_no_directory(checker, outputs)
        check_trace(checker, outputs)
        check_limit(checker, outputs)
        if os.geteuid() == 0:
            check_closed(checker)
            check_disks(checker, outputs)
            for name in ("full", "fixed"):
                subprocess.run(["umount", os.path.join(directory, name)], check=True)
    for finding in checker.findings:
        print(finding)
    print(f"{checker.checks} checks, {len(checker.findings)} findings"
          f"{'' if os.geteuid() == 0 else '; not root: no disk was full'}")
    return 1 if checker.findings or not checker.checks else 0


if __name__ == "__main__":
    sys.exit(main())
