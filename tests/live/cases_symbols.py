# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What locks are called: symbols, modules and offsets as nm and the program itself know them, in
the trace as it was recorded; and what finding that out costs."""

import collections
import os
import re
import shutil
import subprocess
import time

from harness import Failed, group

NOBODY = 65534

symbols, cases = group()

Word = collections.namedtuple("Word", "kind reason waits proc space addr same module build_id "
                                      "offset symbol")


# ---------------------------------------------------------------- what the cases share


def record(case, argv, name="r", status=0, binary=None, **kwargs):
    """(words of the trace, what -v said). The words with the most waits first."""
    trace = case.path(f"{name}.trace")
    result = case.run([binary or case.cpartrace, "record", "-v", "-o", trace, "--", *argv],
                      **kwargs)
    if result.status != status:
        raise Failed(f"expected status {status}: {result}")
    dump = case.run([case.helper("dump_words"), trace])
    if dump.status:
        raise Failed(str(dump))
    words = [Word(*line.split("\t")) for line in dump.out.splitlines()]
    words = [w._replace(waits=int(w.waits), same=int(w.same), addr=int(w.addr, 16),
                        offset=int(w.offset, 16)) for w in words]
    return words, result.err


def busiest(case, words, at_least=20):
    """The word most waited on."""
    if not words:
        raise Failed("the trace has no words")
    top = max(words, key=lambda w: w.waits)
    case.check("it is waited on", top.waits >= at_least, f"{top}")
    return top


def nm(path, symbol):
    out = subprocess.run(["nm", path], capture_output=True, text=True, check=True).stdout
    found = re.search(rf"^([0-9a-f]+) \w {re.escape(symbol)}$", out, re.M)
    if not found:
        raise Failed(f"nm {path} has no {symbol}")
    return int(found[1], 16)


def build_id(path):
    out = subprocess.run(["readelf", "-n", path], capture_output=True, text=True,
                         check=True).stdout
    return re.search(r"Build ID: ([0-9a-f]+)", out)[1]


def reads(said):
    found = re.search(r"mappings read ([\d,]+) times", said)
    if not found:
        raise Failed(f"-v says nothing of mappings: {said[-400:]!r}")
    return int(found[1].replace(",", ""))


def expect(case, word, symbol, module, path=None, at=None):
    case.equal("symbol", word.symbol, symbol)
    case.equal("module", word.module, module)
    if path:
        case.equal("build-id", word.build_id, build_id(path))
        case.equal("offset", hex(word.offset), hex(nm(path, at or symbol)))


def strip(case, name):
    """A copy of named_locks without symbols, and the file they are in."""
    program, debug, full = case.path(name), case.path(f"{name}.debug"), case.helper("named_locks")
    for argv in (["objcopy", "--only-keep-debug", full, debug],
                 ["strip", "-s", "-o", program, full],
                 ["objcopy", f"--add-gnu-debuglink={debug}", program]):
        subprocess.run(argv, check=True)
    return program, debug


# ---------------------------------------------------------------- in programs and libraries


@symbols("the convoy's mutex is queue_lock")
def _workload(case):
    program = os.path.join(case.workloads, "threads")
    words, said = record(case, [program, "mutex"])
    expect(case, busiest(case, words), "queue_lock", "threads", program)
    case.equal("processes looked at", reads(said), 1)


@symbols("an interpreter's lock is known by _PyRuntime")
def _handoff(case):
    words, _ = record(case, [os.path.join(case.workloads, "threads"), "handoff"])
    word = busiest(case, words)
    case.check("symbol", re.fullmatch(r"_PyRuntime(\+0x[0-9a-f]+)?", word.symbol), word.symbol)
    case.equal("reason", word.reason, "handoff")


@symbols("a lock in initialised data, far inside zeroed memory, and in a library")
def _program(case):
    program = case.helper("named_locks")
    library = os.path.join(case.helpers, "liblock_library.so")
    words, _ = record(case, [program, "data"])
    expect(case, busiest(case, words), "data_lock", "named_locks", program)
    words, _ = record(case, [program, "zeroed"])
    word = busiest(case, words)
    expect(case, word, f"zeroed_locks+0x{9000 * 40:x}", "named_locks")
    case.equal("offset", word.offset, nm(program, "zeroed_locks") + 9000 * 40)
    words, _ = record(case, [program, "library"])
    expect(case, busiest(case, words), "library_lock", "liblock_library.so", library)


@symbols("a stripped program: the symbols are in a file of their own, or nowhere")
def _stripped(case):
    full = case.helper("named_locks")
    program, debug = strip(case, "stripped")
    words, _ = record(case, [program, "data"])
    expect(case, busiest(case, words), "data_lock", "stripped")
    os.unlink(debug)
    words, _ = record(case, [program, "data"], name="bare")
    word = busiest(case, words)
    expect(case, word, "", "stripped")
    case.equal("build-id", word.build_id, build_id(full))
    case.equal("offset", word.offset, nm(full, "data_lock"))


@symbols("memory without a file says what it is")
def _memory(case):
    program = case.helper("named_locks")
    for where in ("heap", "stack", "anon"):
        words, _ = record(case, [program, where], name=where)
        expect(case, busiest(case, words), "", f"[{where}]")


# ---------------------------------------------------------------- processes


@symbols("one lock shared by two processes is one")
def _shared(case):
    program = case.helper("named_locks")
    words, _ = record(case, [program, "shared"])
    ours = sorted((w for w in words if w.module == "[shared]"), key=lambda w: w.same)
    if case.equal("words in shared memory", len(ours), 2):
        case.check("of two processes", ours[0].proc != ours[1].proc, f"{ours}")
        case.equal("the second is the first", words[ours[1].same - 1], ours[0])
        case.equal("and the first no other", ours[0].same, 0)
        case.equal("offset", ours[0].offset, 4096 + 64)
    words, _ = record(case, [program, "file"], name="file")
    ours = sorted((w for w in words if w.module.startswith("cpartrace-live-shared-")),
                  key=lambda w: w.same)
    if case.equal("words in the file", len(ours), 2):
        case.check("at two addresses", ours[0].addr != ours[1].addr, f"{ours}")
        case.equal("the second is the first", words[ours[1].same - 1], ours[0])
        case.equal("offset", {w.offset for w in ours}, {4096 + 64})


@symbols("processes of a few milliseconds have their own program's names")
def _short(case):
    program = case.helper("named_locks")
    script = f"for i in $(seq 40); do {program} data 5; done"
    words, said = record(case, ["sh", "-c", script])
    waited = [w for w in words if w.kind == "mutex"]
    case.check("most of them had to wait", len(waited) >= 30, f"{len(waited)} of 40")
    named = [w for w in waited if w.symbol == "data_lock" and w.module == "named_locks"]
    case.equal("named", len(named), len(waited))
    case.note(f"{len(named)} of {len(waited)} named, {reads(said)} looked at")


@symbols("a program that replaces or removes itself is still the one that runs")
def _replaced(case):
    full = case.helper("named_locks")
    shutil.copy(os.path.join(case.helpers, "liblock_library.so"), case.dir)
    for mode, name in (("replaced", "first"), ("removed", "second")):
        program, other = case.path(name), case.path("other")
        shutil.copy(full, program)
        # Another build of it: the same names at other addresses.
        shutil.copy(os.path.join(case.workloads, "threads"), other)
        extra = [other] if mode == "replaced" else []
        words, _ = record(case, [program, mode, "200", *extra], name=name)
        word = busiest(case, words)
        expect(case, word, "data_lock", name)
        case.equal("build-id", word.build_id, build_id(full))
        case.equal("its file is another by now", os.path.exists(program), mode == "replaced")


@symbols("a program on a file system that only it sees, and that is unmounted after it")
def _namespaces(case):
    private = case.path("private")
    os.mkdir(private)
    script = (f"mount -t tmpfs none {private} && cp {case.helper('named_locks')} "
              f"{private}/hidden && {private}/hidden data 300 && umount {private}")
    words, _ = record(case, ["unshare", "--mount", "--pid", "--fork", "sh", "-c", script],
                      env={"LD_LIBRARY_PATH": case.helpers})
    word = busiest(case, [w for w in words if w.kind == "mutex"])
    expect(case, word, "data_lock", "hidden")


@symbols("a program that is executed again has two spaces")
def _exec_again(case):
    program = case.helper("named_locks")
    script = f"import os, threading, subprocess; subprocess.run(['{program}', 'data']); " \
             f"os.execv('{program}', ['{program}', 'zeroed'])"
    words, _ = record(case, ["/usr/bin/python3", "-c", script])
    found = {w.symbol: w for w in words if w.kind == "mutex" and w.waits >= 20}
    case.equal("locks", set(found), {"data_lock", f"zeroed_locks+0x{9000 * 40:x}"})
    if len(found) == 2:
        spaces = {w.space for w in found.values()}
        case.equal("spaces", spaces, {"1", "2"})


# ---------------------------------------------------------------- Python


@symbols("CPU-bound Python threads wait inside _PyRuntime")
def _python(case):
    script = ("import threading\n"
              "def work():\n"
              "    x = 0\n"
              "    for i in range(4000000): x += i\n"
              "threads = [threading.Thread(target=work) for _ in range(4)]\n"
              "[t.start() for t in threads]\n"
              "[t.join() for t in threads]\n")
    words, _ = record(case, ["/usr/bin/python3", "-c", script])
    word = busiest(case, words)
    case.check("symbol", re.fullmatch(r"_PyRuntime\+0x[0-9a-f]+", word.symbol), word.symbol)
    case.equal("reason", word.reason, "handoff")
    case.check("module", re.match(r"(lib)?python3\.", word.module), word.module)
    case.note(f"{word.symbol} in {word.module}, {word.waits} waits")


# ---------------------------------------------------------------- cost


@symbols("a program without futexes is never looked at")
def _unread(case):
    for name, argv in (("pipe", ["perf", "bench", "sched", "pipe", "-l", "20000"]),
                       ("pair", [os.path.join(case.workloads, "processes"), "pingpong",
                                 "--rounds", "2000"])):
        _, said = record(case, argv, name=name)
        case.equal(f"{name}: mappings read", reads(said), 0)


@symbols("ten thousand locks in memory that grows cost a bounded number of looks")
def _many(case):
    script = ("import threading, mmap, ctypes\n"
              "libc = ctypes.CDLL(None, use_errno=True)\n"
              "class timespec(ctypes.Structure):\n"
              "    _fields_ = [('s', ctypes.c_long), ('ns', ctypes.c_long)]\n"
              "short, kept = timespec(0, 1000), []\n"
              "for _ in range(3000):\n"
              "    m = mmap.mmap(-1, 1 << 21, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)\n"
              "    word = ctypes.c_uint32.from_buffer(m)\n"
              "    libc.syscall(202, ctypes.byref(word), 128, 0, ctypes.byref(short), 0, 0)\n"
              "    kept.append(word)\n")
    began = time.monotonic()
    words, said = record(case, ["/usr/bin/python3", "-c", script])
    case.check("words", len(words) > 100, f"{len(words)}")
    case.check("looks", reads(said) <= 10 + 6 * (time.monotonic() - began), said[-300:])
    case.note(f"{len(words)} words, {reads(said)} looks")


@symbols("files are read with the rights of the user behind sudo")
def _user(case):
    program, debug = strip(case, "stripped")
    user = {"SUDO_UID": str(NOBODY), "SUDO_GID": str(NOBODY)}
    os.chmod(debug, 0o644)
    os.chown(case.dir, NOBODY, NOBODY)  # the trace is written as that user
    words, _ = record(case, [program, "data"], env=user)
    expect(case, busiest(case, words), "data_lock", "stripped")
    os.chmod(debug, 0o600)
    words, _ = record(case, [program, "data"], name="closed", env=user)
    expect(case, busiest(case, words), "", "stripped")
