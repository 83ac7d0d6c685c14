# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Locks: names, waits, and what holders did, against what the workloads measured themselves; locks in
the hands of those who end, change or multiply; and the same account for programs that are not ours.

Nothing here rests on how fast the machine is: lengths are compared with lengths the workload measured in
the same run, and a holder's state with its own clocks.
"""

import collections
import os
import re
import signal
import time

from cases_workloads import read_truth
from harness import ANY_SHARE, Failed, children_of, group, traced

MS = 1_000_000

# Blocked and wake-up delay against the workload's own measurement of its waits, and how much a short
# wait may be off by the way into the kernel and out of it.
AGREEMENT = 0.02
PER_WAIT_NS = 5_000

# Two recorders of one switch look at the clock one after the other.
RECORDED_NS = 2_000

# A holder's state, as a share of the time others were blocked: the moments between one holder and the
# next, and the difference of the kernel's clocks to the time on a CPU, are in it.
SHARE = 0.1

STOPS, STOP_SECONDS = 5, 0.2

lock_case, cases = group()


# ---------------------------------------------------------------- what the cases share


def run(case, argv, options=(), name="locks", **kwargs):
    """(result, report) of a traced command; report's identities hold, for locks too."""
    result = case.cpt("run", "-o", case.path(f"{name}.trace"), "--json", case.path(f"{name}.json"),
                      *options, "--", *argv, **kwargs)
    if result.status:
        raise Failed(str(result))
    report = case.load_json(f"{name}.json")
    case.check_report("run", report)
    check_sums(case, report)
    return result, report


def check_sums(case, report):
    """The locks' times are the threads' times, and each lock's are its holders'."""
    blocked = collections.Counter()
    for lock in report["locks"]:
        blocked[lock["reason"]] += lock["blocked_ns"]
        holder = lock["holder"]
        case.equal(f"holder's times of {called(lock)}",
                   sum(holder[key] for key in ("running_ns", "runnable_ns", "blocked_ns",
                                               "unknown_ns")), lock["blocked_ns"])
        case.equal(f"what the holder of {called(lock)} was blocked by",
                   sum(holder["blocked_by"].values()), holder["blocked_ns"])
    for reason in ("lock", "handoff", "kernel_lock"):
        case.equal(f"blocked for {reason}, over the locks",
                   blocked[reason], sum(row["waiting_ns"].get(reason, 0)
                                        for row in report["threads"]))


def called(lock):
    return lock["symbol"] or f"{lock['word']} {lock['address']}"


def locks_of(report, **wanted):
    return [lock for lock in report["locks"]
            if all(lock[key] == value for key, value in wanted.items())]


def the_lock(case, report, **wanted):
    """The one lock that is so; there is one, or the case fails."""
    found = locks_of(report, **wanted)
    if len(found) != 1:
        raise Failed(f"{len(found)} locks have {wanted}: "
                     f"{[(called(lock), lock['word'], lock['blocked_ns']) for lock in report['locks']]}")
    return found[0]


def most_waited(case, report, **wanted):
    """The lock most was waited for, and it is so."""
    locks = locks_of(report, rest=False)
    if not locks:
        raise Failed("no lock was waited for")
    lock = max(locks, key=lambda found: found["blocked_ns"])
    for key, value in wanted.items():
        case.equal(f"{key} of the lock most waited for", lock[key], value)
    return lock


def named(case, lock, symbol, module):
    case.equal("symbol", lock["symbol"], symbol)
    case.equal("module", lock["module"], module)


def truth_run(case, program, *argv, options=()):
    result, report = run(case, [os.path.join(case.workloads, program), *argv, "--truth"], options,
                         cwd=case.dir)
    return read_truth(result.out)["facts"], report


def check_waits(case, lock, facts, waits=True, preempted=0):
    """How long and how often, as the workload measured it. preempted: ns for which its threads were kept from
    their CPUs between two looks at its clock, at most; it is in what was measured, and no wait for the lock."""
    told = lock["blocked_ns"] + lock["wake_delay_ns"]
    measured = facts["lock_wait_ns"]
    slack = AGREEMENT * measured + PER_WAIT_NS * facts.get("lock_waits", 0)
    case.check(f"{called(lock)}: blocked and wake-up delay",
               -slack - preempted <= told - measured <= slack,
               f"{told} here, {measured} by the workload: {100 * (told - measured) / measured:+.2f} %")
    case.note(f"{called(lock)} off the workload's waits by {100 * (told - measured) / measured:+.2f} %")
    if waits:
        # Woken before it slept, or taken in between: a wait the one counts and the other does not.
        case.within(f"{called(lock)}: waits", lock["waits"], 0.97 * facts["lock_waits"] - 2,
                    1.03 * facts["lock_waits"] + 2)
        case.equal(f"{called(lock)}: waiters", lock["waiters"], facts["lock_waiters"])


def share(lock, state):
    return lock["holder"][state] / lock["blocked_ns"] if lock["blocked_ns"] else 0


def handing_over(lock, facts):
    """Share of the blocked time in which the next holder has been woken and does not run yet: the
    others, one less than those that do not hold, wait meanwhile."""
    return max(facts["workers"] - 2, 0) * lock["wake_delay_ns"] / lock["blocked_ns"]


def check_holder(case, lock, facts):
    """What the holder did while others waited, against its own clocks."""
    held, cpu, delay = (facts[key] for key in ("hold_ns", "hold_cpu_ns", "hold_delay_ns"))
    expected = {"running_ns": cpu / held, "runnable_ns": delay / held,
                "blocked_ns": max(1 - (cpu + delay) / held, 0)}
    between = SHARE + handing_over(lock, facts)
    for state, part in expected.items():
        case.within(f"{called(lock)}: holder {state}", share(lock, state), part - between,
                    part + between)
    # Let go, and not taken yet by who was woken: nobody holds it.
    case.within(f"{called(lock)}: holder unknown", share(lock, "unknown_ns"), 0,
                0.05 + handing_over(lock, facts))


def check_holders_are(case, report, lock, name):
    """Those the lock is said to have been held by are threads of that name."""
    names = {row["id"]: row["name"] for row in report["threads"]}
    case.equal(f"{called(lock)}: holders", {names.get(row["id"]) for row in lock["top_holders"]},
               {name})


# ---------------------------------------------------------------- mutexes


@lock_case("a convoy's mutex is named, and its holder runs")
def convoy(case):
    facts, report = truth_run(case, "threads", "mutex", "--work-ms=800")
    lock = most_waited(case, report, kind="mutex")
    named(case, lock, "queue_lock", "threads")
    facts["lock_waits"], facts["lock_waiters"] = lock["waits"], 4
    check_waits(case, lock, facts)
    # Ready without a CPU, just woken or preempted in the lock: as long as that the others wait for one
    # that does not run.
    ready = 3 * facts["worker_run_delay_ns"] / lock["blocked_ns"]
    case.within("holder running", share(lock, "running_ns"), 0.9 - ready, 1)
    check_holders_are(case, report, lock, "worker")


def mutex_mode(name, mode, word, check):
    def body(case):
        facts, report = truth_run(case, "locks", mode)
        lock = most_waited(case, report, word=word)
        named(case, lock, "the_lock", "locks")
        check_waits(case, lock, facts)
        check_holder(case, lock, facts)
        check_holders_are(case, report, lock, "worker")
        check(case, lock, facts)
    lock_case(name)(body)


def runs(case, lock, facts):
    case.within("holder running", share(lock, "running_ns"),
                min(0.9, facts["hold_cpu_ns"] / facts["hold_ns"] - 0.03) - handing_over(lock, facts), 1)


def blocked_by(reason, least):
    def check(case, lock, facts):
        blocked = lock["holder"]["blocked_ns"]
        by = lock["holder"]["blocked_by"].get(reason, 0)
        case.check(f"the holder was blocked by {reason}", blocked and by >= least * blocked,
                   lock["holder"])
    return check


def kept_from_cpu(case, lock, facts):
    case.within("holder runnable", share(lock, "runnable_ns"), 0.5, 1)


mutex_mode("a holder that sleeps", "sleep", "mutex", blocked_by("sleep", 0.99))
mutex_mode("a holder that waits for the disk", "fsync", "mutex", blocked_by("disk", 0.95))
mutex_mode("a holder that hogs keep from its CPU", "preempted", "mutex", kept_from_cpu)
mutex_mode("a mutex that lends priority", "pi", "pi_mutex", runs)
mutex_mode("a robust mutex", "robust", "robust_mutex", runs)


def shared_mode(name, *options):
    def body(case):
        facts, report = truth_run(case, "locks", "shared", *options)
        lock = the_lock(case, report, kind="mutex", shared=True)
        case.equal("it is a lock of none of the processes alone",
                   [called(other) for other in locks_of(report, kind="mutex")
                    if other["blocked_ns"] > 0.01 * lock["blocked_ns"] and other is not lock], [])
        check_waits(case, lock, facts)
        check_holder(case, lock, facts)
        pids = {row["pid"] for row in report["threads"]
                if row["waiting_ns"].get("lock", 0) > 100 * MS}
        case.equal("processes whose threads waited", len(pids), 2)
        owners = {row["id"]: row["pid"] for row in report["threads"]}
        case.equal("holders are of both",
                   {owners.get(row["id"]) for row in lock["top_holders"]}, pids)
    lock_case(name)(body)


shared_mode("a mutex shared across a fork is one lock")
shared_mode("a mutex mapped at two addresses is one lock", "--remap")


@lock_case("a PID namespace's tids find the holder")
def namespace(case):
    result, report = run(case, ["unshare", "--fork", "--pid",
                                os.path.join(case.workloads, "locks"), "sleep", "--truth"])
    facts = read_truth(result.out)["facts"]
    lock = most_waited(case, report, word="mutex")
    named(case, lock, "the_lock", "locks")
    check_holder(case, lock, facts)
    check_holders_are(case, report, lock, "worker")


# ---------------------------------------------------------------- what is no mutex


@lock_case("an rwlock")
def rwlock(case):
    facts, report = truth_run(case, "locks", "rwlock")
    lock = most_waited(case, report, kind="rwlock")
    named(case, lock, "the_rwlock", "locks")
    check_waits(case, lock, facts)


@lock_case("flock and record locks")
def file_locks(case):
    facts, report = truth_run(case, "locks", "filelock")
    locks = locks_of(report, kind="file_lock")
    told = sum(lock["blocked_ns"] + lock["wake_delay_ns"] for lock in locks)
    # Each worker has a descriptor of its own, and it is one file.
    lock = max(locks, key=lambda one: one["blocked_ns"])
    case.check("the lock is called by its file",
               re.fullmatch(re.escape(case.dir) + r"/locks\.\w+ \(deleted\)", lock["module"] or ""),
               lock["module"])
    case.within("waits that are for it", lock["blocked_ns"] /
                sum(one["blocked_ns"] for one in locks), 0.99, 1)
    case.equal("waiters", lock["waiters"], facts["workers"])
    case.within("blocked and wake-up delay", told / facts["lock_wait_ns"], 1 - AGREEMENT,
                1 + AGREEMENT)


@lock_case("an address space's lock")
def kernel_lock(case):
    """Its waiters sleep where nothing else of theirs does, uninterruptibly: perf's recording of the same run
    says for how long each did."""
    one = traced(case, [os.path.join(case.workloads, "locks"), "mmap", "--truth"], quiet_share=ANY_SHARE)
    report = one.report
    workers = {row["tid"]: row for row in report["threads"] if row["name"] == "worker"}
    waited = {tid: row["waiting_ns"].get("kernel_lock", 0) for tid, row in workers.items()}
    slept = {task.tid: one.account.held_up_ns(task) for task in one.account.family
             if task.tid in workers}
    off = {tid: f"{waited[tid]} here, {ns} there" for tid, ns in slept.items()
           if abs(waited[tid] - ns) > AGREEMENT * ns +
           RECORDED_NS * workers[tid]["switches"]["voluntary"]}
    facts = read_truth(one.result.out)["facts"]
    case.check_report("run", report)
    check_sums(case, report)
    lock = max(locks_of(report, kind="kernel_lock"), key=lambda found: found["blocked_ns"])
    case.equal("workers that perf saw", sorted(slept), sorted(workers))
    case.equal("workers whose waits for it are not perf's recording of their sleep", off, {})
    total, theirs = sum(waited.values()), sum(slept.values())
    case.note(f"off perf's sleep by {100 * (total - theirs) / theirs:+.3f} % of {theirs / 1e6:.0f} ms")
    case.check("most of the wait for kernel locks is for it", lock["blocked_ns"] > 0.9 * total,
               (lock, total))
    case.check("it was waited for", total > 20 * MS, total)
    # By its own clocks: the time of its calls less the CPU time in them, of which the kernel begins a
    # part at the wake-up already. What it was ready in those is at most all it was ready.
    ready = sum(row["runnable_ns"] for row in workers.values())
    case.within("the calls' time without a CPU, by the workload itself",
                facts["lock_wait_ns"] - facts["lock_wait_cpu_ns"], (1 - AGREEMENT) * total,
                (1 + AGREEMENT) * (total + ready) + PER_WAIT_NS * facts["lock_waits"])


def interpreter(report):
    """What an interpreter lock is made of as one: the workload measures how long it takes to have the whole,
    and that is waits on both condition variables and on the mutexes that guard them."""
    words = [lock for lock in report["locks"] if (lock["symbol"] or "").startswith("_PyRuntime")]
    return {"symbol": "_PyRuntime", **{key: sum(lock[key] for lock in words)
                                       for key in ("blocked_ns", "wake_delay_ns", "waits")}}


def check_interpreting(case, lock, facts):
    """While the lock is held its holder interprets, or waits for a CPU: as long as all of them computed, and
    at most all others are blocked then."""
    waiters = facts["workers"] - 1
    ready = waiters * facts["worker_run_delay_ns"] / lock["blocked_ns"]
    case.within("holder running", share(lock, "running_ns"), 0.9 - ready,
                1.02 * waiters * facts["worker_cpu_ns"] / lock["blocked_ns"])
    case.within("holder without a CPU", share(lock, "runnable_ns"), 0, SHARE + ready)
    case.within("holder blocked", share(lock, "blocked_ns"), 0, 0.02)


@lock_case("an interpreter lock is a hand-off by its symbol")
def handoff(case):
    facts, report = truth_run(case, "threads", "handoff")
    if not case.check("there is a hand-off", locks_of(report, kind="handoff"),
                      [called(lock) for lock in report["locks"]]):
        return
    lock = max(locks_of(report, kind="handoff"), key=lambda found: found["blocked_ns"])
    case.check("its symbol", lock["symbol"].startswith("_PyRuntime"), lock["symbol"])
    whole = interpreter(report)
    facts["lock_waits"] = whole["waits"]
    # Who lets go wakes another while it holds the mutex, and loses its CPU to that one now and then.
    check_waits(case, whole, facts, waits=False,
                preempted=max(facts["worker_run_delay_ns"] - whole["wake_delay_ns"], 0))
    check_interpreting(case, lock, facts)
    waiting = sum(row["waiting_ns"].get("handoff", 0) for row in report["threads"])
    case.check("waits for it are waiting", waiting > 0.5 * report["window_ns"], waiting)
    case.check("no thread's time went to condvar",
               sum(row["parked_ns"].get("condvar", 0) for row in report["threads"])
               < 0.02 * waiting)


def parked_mode(name, program, mode, thread, reason, *options, least=0.2):
    """Waits that no one holds are none for a lock. A timed wait for a condition variable that times out
    is a sleep by definition: how many do is up to the machine. least: that they wait, in windows."""
    reasons = (reason, "sleep") if reason == "condvar" else (reason,)

    def body(case):
        _, report = truth_run(case, program, mode, *options)
        parked = sum(row["parked_ns"].get(each, 0) for row in report["threads"]
                     for each in reasons if row["name"] == thread)
        case.check(f"some of it is {reason}", any(row["parked_ns"].get(reason)
                                                  for row in report["threads"]))
        locked = sum(row["waiting_ns"].get(other, 0) for row in report["threads"]
                     for other in ("lock", "handoff"))
        other = sum(row["waiting_ns"].get("other", 0) for row in report["threads"])
        # To make a thread takes the address space's lock, whose holder may be without a CPU for long.
        blocked = sum(ns for row in report["threads"] if row["name"] == thread
                      for kind, ns in (row["parked_ns"] | row["waiting_ns"]).items()
                      if kind not in ("kernel_lock", "page_fault"))
        case.check(f"{thread} is parked: {reason}", parked > least * report["window_ns"],
                   [row["parked_ns"] for row in report["threads"]])
        case.check("and hardly for anything else", parked > 0.9 * blocked,
                   (parked, blocked, [(row["parked_ns"], row["waiting_ns"]) for row in report["threads"]
                                      if row["name"] == thread]))
        case.check("hardly a wait is one for a lock", locked < 0.05 * parked, locked)
        case.check("hardly a wait is not told", other < 0.02 * parked, other)
    lock_case(name)(body)


parked_mode("a barrier is no lock", "threads", "barrier", "worker", "barrier")
parked_mode("workers of a pool wait for work", "threads", "pool", "worker", "queue")
parked_mode("a hand-off without a symbol is a condition variable", "threads", "handoff", "worker",
            "condvar", "--plain-symbol")
parked_mode("a lock made of a condition variable is not guessed", "locks", "condvar", "worker",
            "condvar")
parked_mode("a lock made of a semaphore is not guessed", "locks", "semaphore", "worker", "condvar")
# Who joins threads that have ended already waits for none: 0.1 to 2.2 windows were seen, by who had the CPUs.
parked_mode("a tree of joins", "locks", "jointree", "node", "join", least=0.02)
parked_mode("a ring of pipes", "locks", "pipechain", "stage", "peer")


# ---------------------------------------------------------------- trouble


def trouble(case, mode, options=()):
    _, report = run(case, [case.helper("lock_trouble"), mode], options)
    return report


def check_no_wrong_holder(case, report, allowed):
    """Whoever is said to have held a lock is one of the threads of those names."""
    names = {row["id"]: row["name"] for row in report["threads"]}
    for lock in locks_of(report, reason="lock"):
        case.equal(f"{called(lock)}: others than {allowed} held it",
                   {names.get(row["id"]) for row in lock["top_holders"]} - allowed, set())


@lock_case("4,000 short threads and one mutex")
def short_threads(case):
    report = trouble(case, "threads")
    case.equal("tasks.threads", report["tasks"]["threads"], 4001)
    check_no_wrong_holder(case, report, {"waiter"})


@lock_case("a process killed while it holds a robust mutex")
def killed(case):
    report = trouble(case, "killed")
    check_no_wrong_holder(case, report, {"holder", "waiter"})
    lock = the_lock(case, report, word="robust_mutex")
    names = {row["id"]: row["name"] for row in report["threads"]}
    case.equal("the one killed held it longest", names.get(lock["top_holders"][0]["id"]), "holder")
    case.equal("waiters", lock["waiters"], 4)
    case.check("of two processes", lock["shared"])


@lock_case("an exec while threads wait for a mutex")
def exec_waiting(case):
    report = trouble(case, "exec")
    check_no_wrong_holder(case, report, {"holder", "waiter"})
    locks = [lock for lock in locks_of(report, word="mutex") if lock["blocked_ns"] > 10 * MS]
    case.equal("before and after it are two locks", len(locks), 2)
    case.equal("at one address", len({lock["address"] for lock in locks}), 1)
    names = {row["id"]: row["name"] for row in report["threads"]}
    for lock in locks:
        named(case, lock, "lock", "lock_trouble")
        case.equal("waiters", lock["waiters"], 3)
        case.equal("who held it longest", names.get(lock["top_holders"][0]["id"]), "holder")


@lock_case("a fork while a mutex is held: the copy has no holder")
def forked(case):
    report = trouble(case, "forked")
    child = {row["pid"] for row in report["threads"]} - {report["root_pid"]}
    case.equal("processes", len(child), 1)
    copy = the_lock(case, report, word="mutex", pid=child.pop())
    named(case, copy, "lock", "lock_trouble")
    case.equal("holders of the child's copy", copy["top_holders"], [])
    case.equal("its holder is unknown", copy["holder"]["unknown_ns"], copy["blocked_ns"])
    case.check("it was waited for", copy["blocked_ns"] > 150 * MS, copy["blocked_ns"])
    original = the_lock(case, report, word="mutex", pid=report["root_pid"])
    check_holders_are(case, report, original, "holder")


@lock_case("a thread that ends with a mutex locked")
def gone(case):
    report = trouble(case, "gone")
    check_no_wrong_holder(case, report, {"holder"})
    lock = most_waited(case, report, word="mutex")
    # At most 100 of the 200 ms of each of three: from its end on nobody holds it. It ends later where
    # others have its CPU.
    case.within("unknown holder", share(lock, "unknown_ns"), 0.1, 0.65)


def workers_of(process, least):
    """Returns when a child of a tracer has so many threads: until then it has nothing to lose."""
    for _ in range(3000):
        if process.poll() is not None:
            raise Failed(f"status {process.returncode} before its workload had {least} threads")
        for child in children_of(process.pid):
            try:
                if len(os.listdir(f"/proc/{child}/task")) >= least:
                    return
            except OSError:
                pass
        time.sleep(0.01)
    raise Failed(f"its workload never had {least} threads")


@lock_case("lost events, and no wrong holder")
def lost(case):
    """The recorder is stopped until its rings are full: what is lost is unknown."""
    argv = [os.path.join(case.workloads, "locks"), "robust", "--hold-us=20", "--holds=20000",
            "--workers=8"]
    process = case.spawn([case.cpartrace, "run", "-o", case.path("lost.trace"), "--json",
                          case.path("lost.json"), "--buffer-size", "64K", "--", *argv])
    workers_of(process, 9)
    for _ in range(STOPS):
        time.sleep(STOP_SECONDS / 2)
        process.send_signal(signal.SIGSTOP)
        time.sleep(STOP_SECONDS)
        process.send_signal(signal.SIGCONT)
    out, err = process.communicate(timeout=60)
    if process.returncode:
        raise Failed(f"status {process.returncode}: {out} {err}")
    report = case.load_json("lost.json")
    case.check_report("run", report)
    case.check("events were lost", report["data_quality"]["lost_events"] > 0)
    check_sums(case, report)
    check_no_wrong_holder(case, report, {"worker"})
    unknown = sum(row["unknown_ns"] for row in report["threads"])
    case.check("time is unknown", unknown > 0)
    case.note(f"{report['data_quality']['lost_events']} events lost")


@lock_case("filters cut locks as they cut threads")
def filters(case):
    _, report = truth_run(case, "locks", "sleep")
    trace = case.path("locks.trace")
    half = report["window_ns"] / 2e9
    parts = []
    for cut in (f"0,{half:.9f}", f"{half:.9f},{report['window_ns'] / 1e9:.9f}"):
        part = case.report_json(trace, "--time", cut)
        check_sums(case, part)
        parts.append(most_waited(case, part, word="mutex")["blocked_ns"])
    whole = most_waited(case, report, word="mutex")["blocked_ns"]
    case.check("two halves make the whole", abs(sum(parts) - whole) <= 2000, (parts, whole))
    worker = next(row for row in report["threads"] if row["name"] == "worker")
    one = case.report_json(trace, "--tid", str(worker["tid"]))
    check_sums(case, one)
    lock = most_waited(case, one, word="mutex")
    case.equal("one thread's waits", lock["blocked_ns"], worker["waiting_ns"]["lock"])
    case.equal("waiters", lock["waiters"], 1)
    case.within("its holders are others", share(lock, "unknown_ns"), 0, 0.05)
