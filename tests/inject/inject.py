#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Makes each allocation and each system call that writes, of the real program, fail in turn; see inject.c.

A command is run once to count them, with the chain of callers of each. Then it is run once for each chain that
is new, and there the call fails: once, or from there on. A site is such a chain.

Owns: what the program is asked to do, and what must hold at every site:
  - no crash, no hang, nothing that a sanitizer has to say
  - a status that is one of the README's; success only with the whole output, byte for byte
  - of a failure one line, which gives the reason that was injected; nothing on stderr of a fault that did no harm
  - an older output file stays as it was; no temporary one is left
Must not: know how a fault comes about.
"""

import argparse
import contextlib
import errno
import mmap
import os
import random
import re
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
README = os.path.join(HERE, "..", "readme")

ALLOCATION, WRITING = 0, 1
LOG_MAX, DEPTH_MAX, SHORTENED = 1 << 17, 32, 1000
ORDER = struct.Struct("<IIQQII")
RESULT = struct.Struct(f"<QQII{DEPTH_MAX}QQIi")
ENTRY = struct.Struct("<QIi")
MEMORY_SZ = ORDER.size + RESULT.size + 2 * LOG_MAX * ENTRY.size

HANG_SECONDS = 60     # longer than any run takes: one that does is a finding
PROGRESS_SECONDS = 20  # between two lines of how far it is
OLD = b"an older file, whole\n"

CALLS = {1: "write", 18: "pwrite64", 20: "writev", 296: "pwritev", 74: "fsync", 75: "fdatasync", 3: "close",
         82: "rename", 264: "renameat", 316: "renameat2", 86: "link", 265: "linkat", 77: "ftruncate",
         285: "fallocate", 2: "open", 85: "creat", 257: "openat", 91: "fchmod", 93: "fchown", 319: "memfd_create",
         321: "bpf", 298: "perf_event_open", 293: "pipe2", 291: "epoll_create1", 434: "pidfd_open"}
OF_DATA = {"write", "pwrite64", "writev", "pwritev"}
OF_NAMES = {"rename", "renameat", "renameat2", "link", "linkat"}

# What calls fail with. EINTR and a write of half of it must do no harm at all.
FAULTS = {call: ["ENOSPC", "EIO", "EDQUOT", "EINTR", "SHORT"] for call in OF_DATA}
FAULTS.update({call: ["ENOSPC", "EROFS", "EIO"] for call in OF_NAMES})
FAULTS.update({"fsync": ["EIO"], "fdatasync": ["EIO"], "close": ["EIO", "ENOSPC"], "ftruncate": ["EIO", "ENOSPC"],
               "fallocate": ["ENOSPC"], "open": ["EIO", "EROFS"], "openat": ["EIO", "EROFS", "EDQUOT"],
               "creat": ["ENOSPC", "EROFS"], "fchmod": ["EROFS"], "fchown": ["EROFS"]})
HARMLESS = {"EINTR", "SHORT"}

# The sanitizer itself, out of memory.
OWN_CHECK = "AddressSanitizer: CHECK failed: sanitizer_"
# The C library's own: "utf8", of a locale that it cannot load. Out of memory its frames have no names.
OWN_LEAK = re.compile(r"leak of 5 byte\(s\) in 1 object\(s\) allocated from:\n +#0 [^\n]*\n"
                      r" +#1 [^\n]*(?:in _nl_normalize_codeset|libc\.so\.6)")
SANITIZERS = ("detect_leaks=1:abort_on_error=0:exitcode=99:allocator_may_return_null=1:"
              "verify_asan_link_order=0:handle_segv=1")


class Target:
    """A command, run again and again. OUT in its words is the file it writes."""
    live = False  # what it does is not the same each time
    good = (0, 4)

    def __init__(self, name, words, out=None, statuses=(1,), env=None):
        self.name, self.words, self.out, self.statuses, self.env = name, words, out, statuses, env or {}

    def prepare(self, server):
        """Before each run: an older file stands where output goes."""
        for name in os.listdir(server.out_dir):
            os.unlink(os.path.join(server.out_dir, name))
        if self.out:
            with open(server.out_path, "wb") as file:
                file.write(OLD)

    def judge(self, _server, run, base, fault):
        return judge(self, run, base, fault)

    def open(self):
        """Before the first run."""

    def close(self):
        """After the last."""


class Server:
    """The program before its main(): each order makes it run once."""

    def __init__(self, args, target, work):
        self.work, self.target, self.places = work, target, {}
        self.out_dir = os.path.join(work, "out")
        shutil.rmtree(self.out_dir, ignore_errors=True)
        os.mkdir(self.out_dir)
        self.out_path = os.path.join(self.out_dir, "file")
        memory = os.path.join(work, "memory")
        with open(memory, "wb") as file:
            file.truncate(MEMORY_SZ)
        with open(memory, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), MEMORY_SZ)
        self.stdout = open(os.path.join(work, "stdout"), "w+b")
        self.stderr = open(os.path.join(work, "stderr"), "w+b")
        ours, theirs = socket.socketpair()
        self.orders = ours
        env = {"PATH": os.environ["PATH"], "HOME": work, "LC_ALL": "C.UTF-8", "TZ": "UTC",
               "ASAN_OPTIONS": SANITIZERS, "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:exitcode=99",
               "LD_PRELOAD": args.inject, "INJECT_MEMORY": memory, "INJECT_ORDERS": str(theirs.fileno()),
               **target.env}
        words = [word.replace("OUT", self.out_path) if word.startswith("OUT") else word for word in target.words]
        self.proc = subprocess.Popen([args.cpartrace, *words], stdin=subprocess.DEVNULL, stdout=self.stdout,
                                     stderr=self.stderr, env=env, pass_fds=[theirs.fileno()], cwd=work,
                                     start_new_session=True)
        theirs.close()

    def close(self):
        self.orders.close()
        self.proc.wait()
        self.memory.close()
        self.stdout.close()
        self.stderr.close()

    def receive(self, until):
        data = b""
        while len(data) < 4:
            ready, _, _ = select.select([self.orders], [], [], max(0, until - time.monotonic()))
            if not ready:
                return None
            more = self.orders.recv(4 - len(data))
            if not more:
                raise RuntimeError(f"{self.target.name}: the program does not take orders "
                                   f"({self.proc.wait()}): {self.read(self.stderr)[-2000:]}")
            data += more
        return struct.unpack("<i", data)[0]

    @staticmethod
    def read(file):
        file.seek(0)
        return file.read()

    def run(self, order):
        """A Run of the command under that order: (class, errno, at, site, lasting, depth)."""
        for file in (self.stdout, self.stderr):
            file.seek(0)
            file.truncate()
        self.target.prepare(self)
        self.memory[:ORDER.size + RESULT.size] = ORDER.pack(*order) + bytes(RESULT.size)
        self.orders.send(b"x")
        pid = self.receive(time.monotonic() + HANG_SECONDS)
        status = self.receive(time.monotonic() + HANG_SECONDS)
        hangs = status is None
        if hangs:
            where = stacks(pid)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, signal.SIGKILL)
            status = self.receive(time.monotonic() + HANG_SECONDS)
            if status is None:
                raise RuntimeError(f"{self.target.name}: process {pid} cannot be killed: {where}")
        return Run(self, pid, status, hangs and where)

    def log(self, kind):
        """[(site, call's name, fd)] of the counted run, in order."""
        cnt = struct.unpack_from("<QQ", self.memory, ORDER.size)[kind]
        if cnt > LOG_MAX:
            raise RuntimeError(f"{self.target.name}: {cnt} calls, more than can be kept")
        first = ORDER.size + RESULT.size + kind * LOG_MAX * ENTRY.size
        found = []
        for i in range(cnt):
            site, call, fd = ENTRY.unpack_from(self.memory, first + i * ENTRY.size)
            found.append((site, CALLS.get(call, ""), fd))
        return found

    def callers(self, pcs):
        """Where the chain of the fault is, for people."""
        maps = []
        with open(f"/proc/{self.proc.pid}/maps", encoding="utf-8") as file:
            for line in file:
                fields = line.split()
                if len(fields) >= 6:
                    low, high = (int(x, 16) for x in fields[0].split("-"))
                    maps.append((low, high, int(fields[2], 16), fields[5]))
        found = []
        for pc in pcs:
            for low, high, offset, path in maps:
                if low <= pc < high and pc not in self.places:
                    place = subprocess.run(["addr2line", "-f", "-s", "-e", path, hex(pc - 1 - low + offset)],
                                           capture_output=True, text=True, check=False).stdout.split("\n")
                    self.places[pc] = f"{place[0]} ({place[1] if len(place) > 1 else ''}) {os.path.basename(path)}"
            found.append(self.places.get(pc, hex(pc)))
        return found


def stacks(pid):
    """What each task of a process that hangs waits for."""
    found, tids = [], []
    with contextlib.suppress(OSError):  # it may end just now
        tids = sorted(os.listdir(f"/proc/{pid}/task"))
    for tid in tids:
        here = []
        with contextlib.suppress(OSError):
            for name in ("comm", "wchan", "syscall"):
                with open(f"/proc/{pid}/task/{tid}/{name}", encoding="utf-8") as file:
                    here.append(file.read().strip())
        found.append(" ".join(here))
    return "; ".join(found)


class Run:
    def __init__(self, server, pid, status, hangs):
        self.hangs, self.pid = hangs, pid
        self.signal = os.WTERMSIG(status) if os.WIFSIGNALED(status) else None
        self.status = None if self.signal else os.WEXITSTATUS(status)
        self.out, self.err = server.read(server.stdout), server.read(server.stderr).decode("utf-8", "replace")
        self.left = sorted(os.listdir(server.out_dir))
        self.file = None
        if server.target.out and os.path.exists(server.out_path):
            with open(server.out_path, "rb") as file:
                self.file = file.read()
        result = RESULT.unpack_from(server.memory, ORDER.size)
        self.hits, self.pcs = result[2], result[4:4 + result[3]]
        self.site, self.call, self.fd = result[-3], CALLS.get(result[-2], ""), result[-1]
        self.server = server

    def callers(self):
        return self.server.callers(self.pcs)

    def whole(self):
        return self.status, self.out, self.file, self.left


def reasons(fault):
    """What a line may give as the reason."""
    if fault == "ENOMEM":
        return ["out of memory", os.strerror(errno.ENOMEM), os.strerror(errno.EAGAIN)]
    return [os.strerror(getattr(errno, fault))]


def judge(target, run, base, fault):
    """What is wrong with a run in which that failed, or None."""
    if run.hangs:
        return f"hangs ({HANG_SECONDS} s)"
    if run.signal:
        return f"is ended by signal {run.signal}"
    if fault == "ENOMEM" and (OWN_CHECK in run.err or
                              run.err.count("leak of ") == len(OWN_LEAK.findall(run.err)) > 0):
        return None
    if run.status == 99 or "Sanitizer" in run.err or "runtime error" in run.err:
        return "a sanitizer found something"
    if target.out and run.left != ["file"]:
        return f"leaves {run.left}"
    if run.status == base.status:
        if run.whole() == base.whole() and (run.err == base.err or fault not in HARMLESS):
            return None if run.err == base.err or one_line(run.err) else "says too much of what did no harm"
        if run.err == base.err:
            # Without a locale it is written in ASCII.
            return None if any("setlocale" in caller for caller in run.callers()) else \
                "another output, and nothing is said of it"
        return None if target.out is None and run.out != base.out and one_line(run.err) and \
            fault not in HARMLESS else "another output with the status of success"
    # stdio does not go on where a signal came; of commands that have handlers, what they write goes another way.
    if fault in HARMLESS and not (fault == "EINTR" and any(c.startswith("_IO_") for c in run.callers())):
        return f"fails (status {run.status}) where it need not"
    if run.status not in target.statuses:
        return f"status {run.status}"
    if target.out and run.file != OLD:
        return "an older file is gone"
    if run.call in OF_DATA and run.fd == 2:
        return None
    if not one_line(run.err):
        return "does not say it in one line"
    # sqlite opens for reading alone what it cannot open for writing, and forgets why.
    if run.call == "openat" and "attempt to write a readonly database" in run.err:
        return None
    if not any(reason in run.err for reason in reasons(fault)):
        return f"gives another reason than {fault}"
    return None


def one_line(err):
    return re.fullmatch(r"cpartrace: [^\n]+\n", err) is not None


class Findings:
    def __init__(self, args):
        self.args, self.cnt, self.crashed, self.left, self.runs = args, 0, 0, 0, 0
        self.sites = [set(), set()]
        self.kinds = {}

    def add(self, server, run, fault, lasting, what):
        self.cnt += 1
        self.crashed += bool(run.hangs or run.signal or run.status == 99)
        self.left += what.startswith("leaves") or what.startswith("an older")
        key = (what, server.target.name.split(",")[0], re.sub(r"\d+", "N", run.err) or run.site)
        self.kinds[key] = self.kinds.get(key, 0) + 1
        if self.kinds[key] > 1 and not self.args.all:
            return
        if run.hangs:
            print(f"    it waits in: {run.hangs}")
        callers = run.callers()
        print(f"FAILED {server.target.name}: {what}: {run.call or 'allocation'}"
              f"{f' of fd {run.fd}' if run.call else ''} with {fault}{' from there on' if lasting else ''}")
        print(f"    status {run.status}, stderr {run.err[-1500 if 'anitizer' in run.err else -300:]!r}"
              f"{f', left {run.left}' if server.target.out else ''}")
        for caller in callers[:self.args.callers]:
            print(f"    {caller}")
        sys.stdout.flush()


def number(fault):
    return SHORTENED if fault == "SHORT" else getattr(errno, fault)


def choose(items, share, rng):
    """That share of them, at least one, in their order."""
    if share >= 1 or not items:
        return items
    picked = rng.sample(range(len(items)), max(1, round(len(items) * share)))
    return [items[i] for i in sorted(picked)]


def plan(server, depth, share, rng):
    """[(class, at, site, fault, lasting)]: each site of a command once with each fault."""
    todo = []
    for kind in (ALLOCATION, WRITING):
        seen, firsts = set(), []
        for at, (site, call, fd) in enumerate(server.log(kind), 1):
            if site not in seen:
                seen.add(site)
                firsts.append((at, site, call, fd))
        faults = [(kind, at, site, fault, lasting)
                  for at, site, call, fd in firsts
                  for fault in (["ENOMEM"] if kind == ALLOCATION else FAULTS[call])
                  for lasting in ((0, 1) if fault in ("ENOMEM", "ENOSPC") else (0,))]
        todo += choose(faults, share, rng)
    return todo


def part_of(text):
    """(which, of how many), from 1: "2/5"."""
    which, _, cnt = text.partition("/")
    if not 1 <= int(which) <= int(cnt):
        raise ValueError
    return int(which), int(cnt)


class Progress:
    """A line now and then, so that a long run is not silent."""

    def __init__(self, target, cnt, findings):
        self.name, self.cnt, self.findings = target.name, cnt, findings
        self.began, self.before, self.done, self.said = time.monotonic(), findings.cnt, 0, time.monotonic()

    def step(self):
        self.done += 1
        if time.monotonic() - self.said >= PROGRESS_SECONDS:
            self.said = time.monotonic()
            print(f"{self.name}: {self.done} of {self.cnt} faults, {self.findings.cnt - self.before} findings, "
                  f"{self.said - self.began:.0f} s", flush=True)


def try_target(args, target, work, findings, rng):
    server = Server(args, target, work)
    try:
        try_faults(args, server, target, findings, rng)
    finally:
        server.close()


def try_faults(args, server, target, findings, rng):
    base = server.run((CLASS_NONE, 0, 0, 0, 0, args.depth))
    if base.status == 3 and base.err.startswith("cpartrace: this cpartrace was built without"):
        print(f"{target.name}: {base.err.strip()}")
        return
    if base.hangs or base.signal or base.status not in target.good:
        raise RuntimeError(f"{target.name}: status {base.status}, signal {base.signal} without a fault: {base.err}")
    todo = plan(server, args.depth, args.share, rng)[args.part[0] - 1::args.part[1]]
    again = base if target.live else server.run((CLASS_NONE, 0, 0, 0, 0, args.depth))
    if again.whole() != base.whole():
        raise RuntimeError(f"{target.name}: two runs without a fault differ")
    before, began = findings.cnt, time.monotonic()
    missed, progress = 0, Progress(target, len(todo), findings)
    for kind, at, site, fault, lasting in todo:
        progress.step()
        run = server.run((kind, number(fault), 0 if target.live else at, site if target.live else 0, lasting,
                          args.depth))
        if run.site != site and not target.live:  # with threads the order is not always the same
            run = server.run((kind, number(fault), 0, site, lasting, args.depth))
        if not run.hits:
            missed += 1
            continue
        findings.runs += 1
        findings.sites[kind].add(run.site)
        what = target.judge(server, run, base, fault)
        if what:
            findings.add(server, run, fault, lasting, what)
    print(f"{target.name}: {len(todo)} faults, {missed} not met again, {findings.cnt - before} findings, "
          f"{time.monotonic() - began:.1f} s", flush=True)


CLASS_NONE = 9


def offline_targets():
    """Commands that need no rights: outputs of traces."""
    mutex, loops, parallel = (os.path.join(README, f"{name}.cptrace") for name in ("mutex", "loops", "parallel"))
    tables = ["threads", "ledger", "intervals", "overlap", "locks", "loops", "instances", "services", "wakes",
              "accounts", "path", "sites", "run", "limits", "latency", "ceilings"]
    found = [Target("report", ["report", "-i", mutex]),
             Target("report of loops", ["report", "-i", loops, "--explain"]),
             Target("report --json", ["report", "-i", loops, "--json"]),
             Target("report --hot", ["report", "-i", mutex, "--hot"]),
             Target("report --timeline", ["report", "-i", mutex, "--timeline"]),
             Target("report, filtered", ["report", "-i", mutex, "--time", "0.01,0.5", "--comm", "mutex",
                                         "--cpu", "0-1", "--in-progress", "sleep", "--by", "name"]),
             Target("report of a trace that is cut", ["report", "-i", os.path.join(HERE, "..", "golden",
                                                                                   "1.4-killed.cptrace")]),
             Target("script", ["script", "-i", mutex]),
             Target("script, filtered", ["script", "-i", loops, "--time", "0,0.1", "--cpu", "0"]),
             Target("diff", ["diff", parallel, mutex]),
             Target("diff --json", ["diff", "--json", parallel, parallel, "--", mutex, loops]),
             Target("version", ["version", "--build-options"]),
             Target("help", ["help", "export"])]
    for table in tables:
        for form in ("csv", "jsonl"):
            found.append(Target(f"export {form}, {table}", ["export", "-i", loops if table in (
                "loops", "instances", "services", "latency") else mutex, "-f", form, "--table", table, "-o", "OUT"],
                out=True))
    found.append(Target("export csv to standard output", ["export", "-i", mutex, "-f", "csv", "--table", "intervals"]))
    for form in ("perfetto", "svg", "sqlite", "openmetrics", "html"):
        found.append(Target(f"export {form}", ["export", "-i", mutex, "-f", form, "-o", "OUT"], out=True))
        found.append(Target(f"export {form} of loops", ["export", "-i", loops, "-f", form, "-o", "OUT"], out=True))
    for picture in ("bottle", "ledger"):
        found.append(Target(f"export svg, {picture}", ["export", "-i", mutex, "-f", "svg", "--picture", picture,
                                                       "-o", "OUT"], out=True))
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--cpartrace", required=True)
    parser.add_argument("--inject", required=True, help="the shared object")
    parser.add_argument("-k", dest="pattern", default="", help="only the targets whose name matches")
    parser.add_argument("--share", type=float, default=1, help="of the faults, drawn by --seed")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--part", type=part_of, default=(1, 1), metavar="I/N", help="every N-th of them, from the I-th")
    parser.add_argument("--depth", type=int, default=DEPTH_MAX, help="callers that make up a site")
    parser.add_argument("--live", action="store_true", help="what needs root: recording")
    parser.add_argument("--callers", type=int, default=12, help="shown of a finding")
    parser.add_argument("--all", action="store_true", help="show findings of the same kind, too")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # what is ours ends, too
    args.cpartrace, args.inject = os.path.abspath(args.cpartrace), os.path.abspath(args.inject)
    findings, rng = Findings(args), random.Random(args.seed)
    for target in live.targets(args) if args.live else offline_targets():
        if re.search(args.pattern, target.name):
            with tempfile.TemporaryDirectory(prefix="cpt_inject_") as work:
                target.open()
                try:
                    try_target(args, target, work, findings, rng)
                finally:
                    target.close()
    print(f"inject: {len(findings.sites[ALLOCATION])} sites of allocation, {len(findings.sites[WRITING])} of writing, "
          f"{findings.crashed} crashed, {findings.left} left behind")
    print(f"{findings.runs} faults, {findings.cnt} findings")
    return findings.cnt > 0 or not findings.runs


if __name__ == "__main__":
    sys.modules["inject"] = sys.modules["__main__"]
    import live
    sys.exit(main())
