# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Stacks and samples: known functions in wait stacks and in those of wakers, sums that agree with
the report, serial code in front of parallel code, busy-waiting near its truth, what it costs.

The programs are compiled here, with frame pointers and debug information: what the stacks must
say is in their source.
"""

import collections
import os
import re
import signal
import time

from cases_workloads import read_truth
from harness import TRIES, Failed

# Samples are a lottery: a share may be off by its own error, and effective parallelism by as much
# as the workload's truth allows for.
SAMPLE_SLACK = 0.12

# A wait deep in functions of known names, ended by a thread deep in others. System calls are made
# in line: a library without frame pointers would hide its caller.
WAITS = r"""
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define DEEP __attribute__((noinline, noclone))

static int word;

static inline __attribute__((always_inline)) long call(long nr, long a, long b, long c, long d)
{
	long ret;
#if defined(__x86_64__)
	register long r10 __asm__("r10") = d;
	__asm__ volatile("syscall" : "=a"(ret) : "0"(nr), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
#else
	ret = syscall(nr, a, b, c, d);
#endif
	return ret;
}

DEEP void innermost_wait(int seen)
{
	call(SYS_futex, (long)&word, FUTEX_WAIT_PRIVATE, seen, 0);
	__asm__ volatile("");
}

DEEP void middle_wait(int seen)
{
	innermost_wait(seen);
	__asm__ volatile("");
}

DEEP void wake_the_waiter(void)
{
	__atomic_add_fetch(&word, 1, __ATOMIC_SEQ_CST);
	call(SYS_futex, (long)&word, FUTEX_WAKE_PRIVATE, 1, 0);
	__asm__ volatile("");
}

DEEP void pause_a_while(void)
{
	struct timespec ts = {0, 5000000};

	call(SYS_nanosleep, (long)&ts, 0, 0, 0);
	__asm__ volatile("");
}

static void *waiter_body(void *arg)
{
	pthread_setname_np(pthread_self(), "waiter");
	for (int i = 0; i < 100; i++)
		middle_wait(i);
	return arg;
}

int main(void)
{
	pthread_t t;

	pthread_create(&t, NULL, waiter_body, NULL);
	for (int i = 0; i < 100; i++) {
		pause_a_while();
		wake_the_waiter();
	}
	pthread_join(t, NULL);
	return 0;
}
"""

# Serial for longer than parallel, though the parallel part uses more CPU time.
PHASES = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <time.h>

#define DEEP __attribute__((noinline, noclone))

static double used(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

DEEP void serial_part(double seconds)
{
	volatile unsigned long x = 0;

	for (double end = used() + seconds; used() < end;)
		for (int i = 0; i < 1000000; i++)
			x += i;
}

DEEP void parallel_part(double seconds)
{
	volatile unsigned long x = 0;

	for (double end = used() + seconds; used() < end;)
		for (int i = 0; i < 1000000; i++)
			x += i;
}

static void *body(void *arg)
{
	parallel_part(0.9);
	return arg;
}

int main(void)
{
	pthread_t t[2];

	serial_part(1.3);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, body, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return 0;
}
"""

# Two threads on one CPU that let each other run, again and again.
YIELDS = r"""
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <time.h>

static void *body(void *arg)
{
	struct timespec ts;
	double end;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	end = ts.tv_sec + ts.tv_nsec / 1e9 + 0.5;
	do {
		for (int i = 0; i < 100; i++)
			sched_yield();
		clock_gettime(CLOCK_MONOTONIC, &ts);
	} while (ts.tv_sec + ts.tv_nsec / 1e9 < end);
	return arg;
}

int main(void)
{
	cpu_set_t one;
	pthread_t t[2];

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, body, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	return 0;
}
"""


def cases(_workloads):
    """(name, function) of every case of this group."""
    return [("known functions wait and wake", known_functions),
            ("a lock says where it was waited for", lock_sites),
            ("folded waits sum to the report's", folded_sums),
            ("serial code comes first", serial_first),
            ("spinning is not parallel work", spinning),
            ("computing is not spinning", computing),
            ("storms of sched_yield", yielding),
            ("execs and short lives", short_lives),
            ("a recorder that is killed", killed_recorder),
            ("a ring too small: switches have priority", small_ring),
            ("traces without stacks say so", without_stacks),
            ("what it costs", overhead)]


def build(case, name, source, optimize="-O1"):
    """Compiled with frame pointers; where it optimizes, gcc leaves them out of leaf functions all the
    same."""
    case.write(f"{name}.c", source)
    result = case.run(["cc", optimize, "-g", "-fno-omit-frame-pointer", "-pthread", "-o",
                       case.path(name), case.path(f"{name}.c")])
    if result.status:
        raise Failed(str(result))
    return case.path(name)


def record(case, argv, *options, name="run"):
    """Runs argv under `cpartrace run` with options; (report, trace, result)."""
    trace = case.path(f"{name}.trace")
    result = case.cpt("run", "-o", trace, "--json", case.path(f"{name}.json"), *options, "--", *argv)
    if result.status:
        raise Failed(str(result))
    report = case.load_json(f"{name}.json")
    case.check_report(name, report)
    case.equal("lost_events", report["data_quality"]["lost_events"], 0)
    if "stacks_lost" in report:
        lost = report["stacks_lost"]
        case.equal("records of stacks and samples lost", lost["stack_records"] + lost["samples"], 0)
    return report, trace, result


def names(frames):
    return [frame["name"] for frame in frames]


def folded(case, trace, weight, *filters):
    """{(frame, ...): n} of an export."""
    result = case.cpt("export", "-i", trace, "-f", "folded", "--weight", weight, *filters)
    if result.status:
        raise Failed(str(result))
    stacks = {}
    for line in result.out.splitlines():
        match = re.fullmatch(r"(.+) (\d+)", line)
        if case.check("a folded line is frames, a space, a number", match, repr(line)):
            key = tuple(match[1].split(";"))
            case.check("each stack is one line", key not in stacks, line)
            stacks[key] = int(match[2])
    return stacks


def known_functions(case):
    report, trace, result = record(case, [build(case, "waits", WAITS, "-O0")], "--stacks")
    sites = [site for site in report["wait_sites"] if site["name"] == "waiter"
             and "innermost_wait" in names(site["user"])]
    if not case.check("the waiter's site is there", sites, report["wait_sites"][:2]):
        return
    site = max(sites, key=lambda one: one["wait_ns"])
    want = ["innermost_wait", "middle_wait", "waiter_body"]
    case.equal("its stack, leaf first", names(site["user"])[:4], ["call", *want])
    leaf = site["user"][0]
    case.check("the innermost one is inlined", leaf.get("inlined"), leaf)
    case.check("source and line", leaf.get("file", "").endswith("waits.c") and leaf["line"] > 10, leaf)
    case.within("waits there", sum(one["waits"] for one in sites), 90, 100)
    case.check("the kernel's side", any("futex" in name for name in names(site["kernel"])),
               names(site["kernel"]))
    case.check("frames of the tracer are not shown",
               not any("bpf_" in name or "__traceiter" in name for name in
                       names(site["kernel"]) + names(site["wakers"][0]["kernel"])))
    case.equal("who woke it, leaf first", names(site["wakers"][0]["user"])[:3],
               ["call", "wake_the_waiter", "main"])
    sleeps = [one for one in report["wait_sites"] if one["reason"] == "sleep"]
    case.check("main sleeps in pause_a_while",
               sleeps and names(sleeps[0]["user"])[1:3] == ["pause_a_while", "main"],
               sleeps and names(sleeps[0]["user"]))
    case.check("the text shows it", "innermost_wait < middle_wait < waiter_body" in result.err,
               result.err[-600:])
    case.equal("report prints what run printed", case.cpt("report", "-i", trace).out in result.err,
               True)
    lines = case.cpt("script", "-i", trace).out.splitlines()
    case.check("script shows where it blocked, leaf first",
               any(re.search(r"\] stacks +waiter/.* blocked at user=call<innermost_wait<middle_wait<"
                             r"waiter_body.* kernel=", line) for line in lines),
               [line for line in lines if " stacks " in line][:3])
    case.check("and from where it was woken",
               any(re.search(r"waiter/\S+ woken from user=call<wake_the_waiter<main", line)
                   for line in lines), [line for line in lines if "woken from" in line][:3])
    case.check("and samples", any(re.search(r"\] sample +\S+ in=(user|kernel)", line)
                                  for line in lines), len(lines))
    flames = folded(case, trace, "wait")
    case.check("folded from the outermost on",
               any(key[0] == "waiter" and ("waiter_body", "middle_wait", "innermost_wait") ==
                   tuple(frame for frame in key if frame in want) for key in flames), list(flames)[:3])


def lock_sites(case):
    report, _, result = record(case, [os.path.join(os.environ["WORKLOADS"], "threads"), "mutex"], "--stacks")
    lock = report["locks"][0]
    case.equal("the lock", lock["symbol"], "queue_lock")
    if not case.check("it has sites", lock["sites"], lock):
        return
    site = lock["sites"][0]
    case.equal("whose", site["name"], "worker")
    # A switch that fired no event has no stack, however long its wait was.
    untold = sum(one["wait_ns"] for one in report["wait_sites"]
                 if one["name"] == "worker" and one["reason"] == "lock" and not one["user"])
    case.within("of what was waited at known stacks",
                sum(one["blocked_ns"] for one in lock["sites"] if one["user"]) /
                (lock["blocked_ns"] - untold), 0.9, 1)
    case.check("in the C library's lock", any("lock" in name or "futex" in name
                                              for name in names(site["user"])), site["user"])
    case.check("the text shows it", "Where threads:queue_lock was waited for" in result.err,
               result.err[-900:])


def folded_sums(case):
    _, trace, _ = record(case, [os.path.join(case.workloads, "threads"), "pool"], "--stacks")
    for filters in ((), ("--comm", "worker"), ("--time", "0.05,0.2")):
        report = case.report_json(trace, *filters)
        blocked = sum(sum(thread[key].values()) for thread in report["threads"]
                      for key in ("waiting_ns", "parked_ns"))
        waits = folded(case, trace, "wait", *filters)
        case.equal(f"sum of waits {' '.join(filters)}", sum(waits.values()), blocked)
        case.check("most of it has a stack",
                   sum(ns for key, ns in waits.items() if "[no stack]" not in key) > 0.9 * blocked)
        lost = folded(case, trace, "lost", *filters)
        case.check("lost is no more than the waits", sum(lost.values()) <= blocked + len(lost))
        samples = report["hot"]["samples"]
        case.check("cpu: a period a sample",
                   abs(sum(folded(case, trace, "cpu", *filters).values()) - samples * 1e9 / 997)
                   < 1000 + samples)


def perf_first(case, program):
    """The function most samples fall on by perf's plain profile of the CPU clock."""
    data = case.path("perf.data")
    result = case.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "997", "-o", data, "--",
                       program])
    if result.status:
        raise Failed(str(result))
    script = case.run(["perf", "script", "-i", data, "-F", "ip,sym"])
    counts = collections.Counter(line.split()[1] for line in script.out.splitlines()
                                 if len(line.split()) > 1)
    return counts.most_common(1)[0][0]


def serial_first(case):
    program = build(case, "phases", PHASES)
    for _ in range(TRIES):
        report, trace, _ = record(case, [program], "--sample")
        rows = {row["symbol"]: row for row in report["hot"]["symbols"]}
        serial, parallel = rows["serial_part"], rows["parallel_part"]
        # Where others hold a CPU the parallel part is not.
        if report["ledger_ns"]["parallel"] > 0.3 * report["window_ns"]:
            break
    case.equal("first by wall time", report["hot"]["symbols"][0]["symbol"], "serial_part")
    case.check("by CPU time it is not", serial["cpu_share"] < parallel["cpu_share"],
               f"{serial['cpu_share']} and {parallel['cpu_share']}")
    case.check("the parallel part weighs less for it",
               parallel["latency_share"] < parallel["cpu_share"] - 0.05, parallel)
    case.equal("first by perf's plain profile", perf_first(case, program), "parallel_part")
    hot = case.cpt("report", "-i", trace, "--hot")
    lines = [line.split()[0] for line in hot.out.splitlines() if line.split()]
    case.check("--hot puts it first",
               "serial_part" in lines and lines.index("serial_part") < lines.index("parallel_part"),
               hot.out[:400])
    case.note(f"serial {serial['latency_share']:.3f} of the wall time, "
              f"{serial['cpu_share']:.3f} of the CPU time")


def spinning(case):
    report, trace, result = record(case, [os.path.join(case.workloads, "threads"), "spin", "--truth"],
                                   "--sample")
    truth = read_truth(result.out)
    start, end = (ns - report["window_start_ns"] for ns in truth["span_ns"])
    span = case.report_json(trace, "--time", f"{start / 1e9:.9f},{end / 1e9:.9f}")
    effective, average = span["parallelism"]["effective"], span["parallelism"]["average"]
    facts = truth["facts"]
    case.within("effective parallelism", effective, facts["effective"] - SAMPLE_SLACK,
                facts["effective"] + SAMPLE_SLACK)
    case.check("it is clearly below R", effective < 0.8 * average, f"{effective} and {average}")
    share = facts["spin_ns"] / facts["worker_cpu_ns"]
    error = span["spin"]["share_error"]
    case.within("share that spins", span["spin"]["share"], share - 2 * error - 0.02,
                share + 2 * error + 0.02)
    case.check("its function is known", any(row["symbol"] == "spin_until" and row["spin_samples"]
                                            for row in span["hot"]["symbols"]))
    case.check("the text says so", re.search(r"effective [\d.]+ ± .* waits busily", result.err),
               result.err[-800:])
    case.note(f"effective {effective:.3f}, truth {facts['effective']:.3f}, average {average:.3f}; "
              f"spinning {span['spin']['share']:.3f} ± {error:.3f}, truth {share:.3f}")


def computing(case):
    report, _, result = record(case, [os.path.join(case.workloads, "threads"), "parallel"], "--sample")
    case.check("samples were taken", report["hot"]["samples"] > 200, report["hot"]["samples"])
    case.check("hardly one spins", report["spin"]["share"] < 0.01, report["spin"])
    case.check("R is what is effective",
               abs(report["parallelism"]["effective"] - report["parallelism"]["average"]) < 0.02)
    case.check("and the text has no line for it", "waits busily" not in result.err)


def yielding(case):
    program = build(case, "yields", YIELDS)
    report, _, result = record(case, [program])
    case.equal("no samples, no figure", report["parallelism"]["effective"], None)
    case.equal("threads that yield", report["spin"]["yielding_threads"], 2)
    case.check("the text warns", "2 threads busy in sched_yield" in result.err, result.err[-900:])
    report, _, _ = record(case, [program], "--sample", name="sampled")
    case.check("with samples most of it spins", report["spin"]["share"] > 0.5, report["spin"])


def short_lives(case):
    script = "for i in 1 2 3 4 5 6 7 8 9 10; do /bin/true; (sleep 0.01); done; exec env sleep 0.05"
    report, trace, _ = record(case, ["sh", "-c", script], "--stacks")
    folded(case, trace, "wait")
    case.check("wait sites are there", report["wait_sites"])
    modules = {frame["module"] for site in report["wait_sites"] for frame in site["user"]}
    case.check("modules are files of the processes", "libc.so.6" in modules, modules)


def killed_recorder(case):
    trace = case.path("killed.trace")
    process = case.spawn([case.cpartrace, "record", "--stacks", "-o", trace, "--",
                          os.path.join(case.workloads, "threads"), "mutex", "--work-ms", "5000"])
    time.sleep(2)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    report = case.report_json(trace, status=4)
    case.check("waits have stacks without names",
               report["wait_sites"] and all(not site["user"] for site in report["wait_sites"]))
    case.check("samples are there", report["hot"]["samples"] > 100, report["hot"]["samples"])
    case.check("folded does what it can", folded(case, trace, "cpu") != {} if
               case.cpt("export", "-i", trace, "-f", "folded", "--weight", "cpu").status == 0 else True)


def small_ring(case):
    """While the recorder is stopped the ring fills: its last part is left to switches, and what is not
    written of stacks is counted."""
    trace = case.path("small.trace")
    process = case.spawn([case.cpartrace, "record", "--stacks", "-m", "64K", "-o", trace, "--",
                          "taskset", "-c", "0", "perf", "bench", "sched", "pipe", "-l", "20000"])
    for _ in range(5):
        time.sleep(0.1)
        process.send_signal(signal.SIGSTOP)
        time.sleep(0.1)
        process.send_signal(signal.SIGCONT)
    process.communicate()
    report = case.report_json(trace, status=4)
    case.check("switches were lost", report["data_quality"]["lost_events"] > 0)
    lost = report["stacks_lost"]
    case.check("stacks were lost and counted", lost["stack_records"] > 0, lost)
    case.check("the text says so", "could not be recorded" in case.cpt("report", "-i", trace).out)


def without_stacks(case):
    trace = case.path("plain.trace")
    case.cpt("record", "-o", trace, "--", "true")
    for weight in ("wait", "lost", "cpu", "latency"):
        result = case.cpt("export", "-i", trace, "-f", "folded", "--weight", weight)
        case.equal(f"status for {weight}", result.status, 1)
        case.check("it says what to do", "--stacks" in result.err, result.err)
    hot = case.cpt("report", "-i", trace, "--hot")
    case.check("--hot says what to do", "--sample" in hot.out, hot.out)
    report = case.report_json(trace)
    case.check("no keys of what is not there", "hot" not in report and "wait_sites" not in report)


def pipe_seconds(case, *options):
    """Of perf's pipe benchmark pinned to one CPU, under `record` with options, or alone."""
    argv = ["taskset", "-c", "0", "perf", "bench", "-f", "simple", "sched", "pipe", "-l", "60000"]
    if options:
        argv = [case.cpartrace, "record", "-o", case.path("cost.trace"), *options[1:], "--", *argv]
    result = case.run(argv)
    if result.status:
        raise Failed(str(result))
    return float(result.out.split()[-1])


def overhead(case):
    kinds = {"untraced": (), "plain": ("record",), "sample": ("record", "--sample"),
             "stacks": ("record", "--stacks")}
    best = {kind: float("inf") for kind in kinds}
    for _ in range(4):
        for kind, options in kinds.items():
            best[kind] = min(best[kind], pipe_seconds(case, *options))
    per_switch = {kind: seconds / 120000 * 1e9 for kind, seconds in best.items()}
    ratio = best["stacks"] / best["plain"]
    case.check("stacks cost less than ten times the plain recording", ratio < 10, ratio)
    case.check("sampling alone hardly costs", best["sample"] < 1.25 * best["plain"], best)
    case.note(f"pinned pipe with stacks takes {ratio:.2f} times what it does without; ns a switch: "
              + ", ".join(f"{kind} {ns:.0f}" for kind, ns in per_switch.items()))
