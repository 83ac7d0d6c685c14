# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Every wait reason on the real kernel: helpers/wait_reasons blocks in each way, in a thread of that
mode's name, and its blocked time has to be of the one reason.

What is judged is how the time a thread was blocked divides up, so that a busy machine, which lengthens
waits and adds runnable time, changes nothing.
"""

import json
import os
import re
import socket
import threading
import time

from cases_accounts import beside
from harness import Failed

MS = 1_000_000

# A page, and at most how far before its futex word a library's object begins.
PAGE, BEFORE = 4096, 64

# Blocked for another reason than its mode's: a page of its program, a lock of its address space, a
# moment on the way to the wait.
OTHER_REASONS = 0.05

# A wait measured by the thread's own clock, against all the tracer says of it: what the thread did
# before its first look at the clock and after its last comes on top.
AROUND = 4 * MS

# How long a mode has to be blocked at least; those made of waits as short as a disk makes them, how
# often (helpers/reasons_disk.c: 60 pages at least; some may be there in time); those at a lock of the
# kernel, which are fewer where its holder has a CPU for less of the time, how long in all.
BLOCKED = 60 * MS
WAITS = {"fsync": 40, "direct_read": 40, "cold_read": 40, "file_fault": 40}
AT_LOCKS = {"mmap_lock": 1 * MS, "fault_lock": 5 * MS}

FAMILIES = {
    "mutexes": {
        "lock": ["mutex", "recursive", "errorcheck", "adaptive", "mutex_shared", "mutex_mapped",
                 "mutex_nested", "mutex_forked", "pi", "pi_shared", "pi_timed", "robust",
                 "robust_shared", "robust_pi", "robust_timed", "mutex_timed", "mutex_clocked",
                 "mutex_in_vain"],
    },
    "file locks": {"lock": ["flock", "ofd_lock", "record_lock"]},
    "locks of other layouts": {"lock": ["rwlock_read", "rwlock_write", "rwlock_writers", "once"]},
    "words that one look does not tell": {
        "condvar": ["condvar", "cond_turns", "sem", "sem_mapped"],
        "sleep": ["cond_timedout", "cond_timedmono", "sem_timedout", "sem_timedmono"],
        "barrier": ["barrier"],
        "other": ["futex_raw", "futex_waitv", "futex_wait2"],
        "join": ["join"],
    },
    "locks that are no mutex": {"lock": ["rwlock_read", "rwlock_write", "rwlock_writers", "once"]},
    "condition variables, semaphores, barriers": {
        "queue": ["cond_jobs", "sem_jobs"],
        "condvar": ["condvar", "sem", "sem_mapped"],
        "sleep": ["cond_timedout", "cond_timedmono", "sem_timedout", "sem_timedmono"],
        "barrier": ["barrier"],
    },
    "pipes, terminals and descriptors of the kernel": {
        "peer": ["pipe_read", "fifo_open_read", "fifo_open_write", "eventfd_read"],
        "pipe": ["pipe_write"],
        "sleep": ["timerfd"],
        "signal": ["signalfd"],
        "event_loop": ["inotify"],
        "terminal": ["tty_read"],
        "other": ["eventfd_write", "ptmx_read", "tty_write"],
    },
    "messages": {"peer": ["msgrcv", "mq_receive"], "other": ["semop"]},
    "sockets": {
        "peer": ["tcp_client", "unix_pair", "unix_client", "udp_client", "udp_server"],
        "request": ["tcp_server", "unix_server"],
        "socket": ["tcp_write", "unix_write", "unix_connect", "tcp_connect"],
        "accept": ["accept"],
    },
    "poll and select": {
        "sleep": ["poll_none", "ppoll_none", "select_none"],
        "peer": ["poll_one", "poll_two", "poll_timer", "poll_negative", "ppoll_one", "select_one",
                 "select_two", "select_old", "pselect_one"],
        "event_loop": ["poll_three", "poll_listener", "select_three", "poll_epoll"],
    },
    "epoll and io_uring": {
        "event_loop": ["epoll", "epoll_timedout", "epoll_pwait2", "io_uring"],
    },
    "time and signals": {
        "sleep": ["sleep", "nanosleep", "clock_nanosleep"],
        "signal": ["sigwait", "sigtimedwait", "sigsuspend", "pause"],
    },
    "processes": {
        "join": ["wait4", "waitid", "pidfd", "vfork", "spawn"],
        "stopped": ["stopped", "traced"],
    },
    "disk and page faults": {
        "disk": ["fsync", "direct_read", "cold_read"],
        "page_fault": ["file_fault", "userfault"],
    },
    "an address space's lock": {"kernel_lock": ["mmap_lock", "fault_lock"]},
}

WAITING = {"lock", "handoff", "kernel_lock", "disk", "socket", "pipe", "page_fault", "other"}


def cases(_workloads):
    found = [(name, _family(modes)) for name, modes in FAMILIES.items()]
    return found + [
        ("a condition variable on which each waits and wakes", turns),
        ("a sleep that a stop interrupts goes on as a sleep", restarted),
        ("what begins a mapping is read without a fault", mapped),
        ("a process frozen by its cgroup in a sleep", frozen),
        ("a pipe and a socket that others write", outside),
        ("a time-out that hits a task in a system call", busy_timer),
        ("every mode of wait_reasons is expected", complete),
    ]


def blocked(row):
    """Nanoseconds by (state, reason)."""
    return {**{("waiting", reason): ns for reason, ns in row["waiting_ns"].items()},
            **{("parked", reason): ns for reason, ns in row["parked_ns"].items()}}


def trace(case, modes, **kwargs):
    """{mode: (its thread's row, its own clock's figures)}"""
    result = case.cpt("run", "-o", case.path("waits.trace"), "--json", case.path("waits.json"), "--",
                      case.helper("wait_reasons"), *modes, **kwargs)
    if result.status:
        raise Failed(str(result))
    return rows_of(case, modes, result.out)


def rows_of(case, modes, out):
    report = case.load_json("waits.json")
    case.check_report("run", report)
    case.equal("lost_events", report["data_quality"]["lost_events"], 0)
    said = json.loads(out)
    found = {}
    for mode in modes:
        rows = [row for row in report["threads"] if row["name"] == mode]
        if case.equal(f"threads called {mode}", len(rows), 1):
            found[mode] = rows[0], said[mode]
    return found


def check_mode(case, mode, row, said, expected):
    """expected: {reason: least share of the blocked time}. The mutex of a condition variable does not
    count: it is waited for as long as whoever signals is kept from its CPU with it."""
    times = blocked(row)
    total = sum(times.values())
    judged = total - (times.get(("waiting", "lock"), 0) if mode.startswith("cond") else 0)
    for reason, share in expected.items():
        state = "waiting" if reason in WAITING else "parked"
        part = times.get((state, reason), 0)
        case.check(f"{mode} is {state}: {reason}", total and part >= share * judged,
                   f"{part} of {judged} ns: {times}")
    case.check(f"{mode} waits for its mutex less than for its signal", judged >= 0.5 * total, times)
    if mode in WAITS:
        case.check(f"{mode} blocks", total and row["switches"]["voluntary"] >= WAITS[mode],
                   f"{total} ns, {row['switches']}")
    else:
        case.check(f"{mode} blocks", total >= AT_LOCKS.get(mode, BLOCKED), f"{total} ns")
    told = total + row["running_ns"] + row["runnable_ns"] + row["unknown_ns"]
    case.within(f"{mode}: the thread's time less its own account of it", told - said["wait_ns"],
                -0.002 * said["wait_ns"],
                AROUND + row["runnable_ns"] + 0.002 * said["wait_ns"])


def _family(by_reason):
    modes = {mode: reason for reason, names in by_reason.items() for mode in names}

    def body(case):
        rows = trace(case, list(modes))
        for mode, (row, said) in rows.items():
            check_mode(case, mode, row, said, {modes[mode]: 1 - OTHER_REASONS})
        case.note(f"{len(rows)} modes")
    return body


def turns(case):
    """It sleeps between its turns."""
    for row, said in trace(case, ["cond_turns"]).values():
        check_mode(case, "cond_turns", row, said, {"condvar": 0.85})


def restarted(case):
    for row, said in trace(case, ["restarted"]).values():
        check_mode(case, "restarted", row, said, {"sleep": 0.9})
        case.check("it was stopped meanwhile", row["parked_ns"].get("stopped", 0) >= 4 * MS,
                   row["parked_ns"])


def mapped(case):
    """A read of what is not there, before the object, is a fault in the time of the task that waits. Only a
    mutex locked nine times may be a part of something that begins there."""
    modes, data = ["mutex_mapped", "sem_mapped", "mutex_nested"], case.path("faults.data")
    result = case.run(["perf", "record", "-q", "-e", "exceptions:page_fault_kernel", "-o", data, "--",
                       case.cpartrace, "run", "-o", case.path("waits.trace"), "--",
                       case.helper("wait_reasons"), *modes])
    if result.status:
        raise Failed(str(result))
    script = case.run(["perf", "script", "-i", data, "-F", "comm,event,trace"])
    found = set()
    for name, address in re.findall(r"^ *(\S+) .*\baddress=0x([0-9a-f]+)", script.out, re.M):
        if name in modes and int(address, 16) % PAGE >= PAGE - BEFORE:
            found.add(name)
    case.equal("for whom the page before is looked at", found, {"mutex_nested"})


def frozen(case):
    """Asleep for half of HOLD_MS's double, then held until twice that is over."""
    for row, said in trace(case, ["frozen"]).values():
        check_mode(case, "frozen", row, said, {"stopped": 0.5, "sleep": 0.25})


def outside(case):
    """The other end is this program, no task of the workload."""
    kinds = {"pipe": os.pipe(), "socket": None}
    left, right = socket.socketpair()
    kinds["socket"] = left.fileno(), right.fileno()
    for reason, (ours, theirs) in kinds.items():
        reader, writer = (ours, theirs) if reason == "pipe" else (theirs, ours)
        proc = case.spawn([case.cpartrace, "run", "-o", case.path("waits.trace"), "--json",
                           case.path("waits.json"), "--", case.helper("wait_reasons"), "stdin_read"],
                          stdin=reader)
        answer = threading.Thread(target=answer_reader, args=(proc.pid, writer))
        answer.start()
        out, err = proc.communicate(timeout=30)
        answer.join()
        if proc.returncode:
            raise Failed(f"status {proc.returncode}: {err}")
        for row, said in rows_of(case, ["stdin_read"], out).values():
            check_mode(case, "stdin_read", row, said, {reason: 1 - OTHER_REASONS})
    left.close()
    right.close()
    for fd in kinds["pipe"]:
        os.close(fd)


def busy_timer(case):
    """CPUs that others' system calls keep busy when the recording begins: the interrupt that ends the
    wait hits one of them, which is no waker."""
    modes = ["cond_timedout", "cond_timedmono", "sem_timedout", "sem_timedmono"]
    with beside(case, "stress-ng", "--switch", "2", "--timeout", "6"):
        for _ in range(2):
            for mode, (row, said) in trace(case, modes).items():
                check_mode(case, mode, row, said, {"sleep": 1 - OTHER_REASONS})


def answer_reader(tracer, fd):
    """Writes a while after a thread of the workload has begun to read."""
    until = time.monotonic() + 20
    while time.monotonic() < until and not reads(tracer):
        time.sleep(0.01)
    time.sleep(0.2)
    os.write(fd, b"x")


def reads(tracer):
    """Is there a thread called stdin_read among the children's of a process?"""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
                if int(stat.read().rpartition(")")[2].split()[1]) != tracer:
                    continue
            for tid in os.listdir(f"/proc/{pid}/task"):
                with open(f"/proc/{pid}/task/{tid}/comm", encoding="utf-8") as comm:
                    if comm.read() == "stdin_read\n":
                        return True
        except OSError:
            pass
    return False


def complete(case):
    listed = set(case.run([case.helper("wait_reasons")]).out.split())
    expected = {mode for family in FAMILIES.values() for names in family.values() for mode in names}
    case.equal("modes without an expectation",
               listed - expected - {"restarted", "frozen", "stdin_read", "cond_turns"}, set())
    case.equal("expected modes that are none", expected - listed, set())
