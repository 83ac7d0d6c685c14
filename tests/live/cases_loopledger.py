# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""The ledger of event loops against accounts that are none of ours: perf's recording of the same
threads, what the workloads measured, and Node's own eventLoopUtilization.

What a loop's thread did is compared over its life as a loop: from its first wait for events to its last
return, which the export of intervals tells.
"""

import json
import os
import re

from cases_workloads import read_truth
from harness import Failed, group, traced
from oracle import _clip, _sweep

# Of a loop's life: perf's events and ours stand at the two ends of the same switch.
AGREEMENT = 0.01
# And at a wake-up: two recorders of it look at the clock one after the other, 1.7 us on a slow machine.
WOKEN_NS = 2_000
# Node reads its clocks outside of the system call it may wait in: to it it is idle from before the call to behind
# it, to us where it sleeps. That is 1 to 9 us of a turn that does sleep, by the machine.
NODE_AGREEMENT = 0.01
NODE_TURN_NS = 10_000
MS = 1_000_000
# A record of the last return stands up to 80 us behind it, and where it lost its CPU meanwhile more: that
# is behind the life of the loop.
RECORD_NS = 100_000

ledger_case, cases = group()


# ---------------------------------------------------------------- what the cases share


def the_loop(report, **wanted):
    found = [loop for loop in report["event_loops"]
             if all(loop[key] == value for key, value in wanted.items())]
    if len(found) != 1:
        raise Failed(f"{len(found)} loops have {wanted}: "
                     f"{[(loop['name'], loop['tid'], loop['epfd']) for loop in report['event_loops']]}")
    return found[0]


LOOP_LINE = re.compile(r"^ *(\d+)\.(\d{9}) \[\d+\] loop +\S*/\d+#(\d+) .* turns=")


def lives(case, trace, report):
    """{thread: (start, end)} of loops' lives, CLOCK_MONOTONIC: from the first event_loop interval or record
    of a return to the last one, or what is runnable behind the last interval."""
    ids = {loop["id"] for loop in report["event_loops"]}
    result = case.cpt("export", "-i", trace, "-f", "jsonl", "--table", "intervals")
    found, waits = {}, {}

    def lived(number, start, end):
        before = found.get(number, (start, end))
        found[number] = (min(before[0], start), max(before[1], end))

    for line in result.out.splitlines():
        row = json.loads(line)
        if row["id"] not in ids:
            continue
        if row["reason"] == "event_loop" or row["state"] == "runnable" and waits.get(row["id"]):
            lived(row["id"], row["start_ns"], row["end_ns"])
            waits[row["id"]] = True
        else:
            waits[row["id"]] = False
    for line in case.cpt("script", "-i", trace).out.splitlines():
        record = LOOP_LINE.match(line)
        if record and int(record[3]) in ids:
            when = int(record[1]) * 1_000_000_000 + int(record[2])
            lived(int(record[3]), when, when)
    return found


def perf_tasks(run, report):
    """{id: perf's task} of the threads that are loops."""
    by_tid = {}
    for task in run.account.family:
        by_tid.setdefault(task.tid, []).append(task)
    return {loop["id"]: by_tid[loop["tid"]][-1] for loop in report["event_loops"]
            if loop["tid"] in by_tid}


def check_against_perf(case, run):
    """Each loop's times, and how many ran at once, as perf's recording has them."""
    report = run.report
    spans, tasks = lives(case, run.trace, report), perf_tasks(run, report)
    changes, worst = [], 0.0
    for number, task in tasks.items():
        loops = [loop for loop in report["event_loops"] if loop["id"] == number]
        start, end = spans[number]
        ours = {key: sum(loop[f"{key}_ns"] for loop in loops)
                for key in ("life", "on_cpu", "runnable", "waiting", "blocked")}
        runs, ready = _clip(task.runs, start, end), _clip(task.ready, start, end)
        running = sum(piece[1] - piece[0] for piece in runs)
        runnable = sum(piece[1] - piece[0] for piece in ready)
        changes += [(piece[0], 0, 1) for piece in runs] + [(piece[1], 0, -1) for piece in runs]
        case.within(f"life of loop {loops[0]['name']}", ours["life"], end - start - RECORD_NS,
                    end - start)
        slack = AGREEMENT * ours["life"] + 20_000
        woken = WOKEN_NS * len(_clip(task.asleep, start, end))
        for name, found, should, more in (
                ("on a CPU", ours["on_cpu"], running, 0), ("runnable", ours["runnable"], runnable, woken),
                ("blocked or waiting", ours["blocked"] + ours["waiting"],
                 end - start - running - runnable, woken)):
            worst = max(worst, abs(found - should) / ours["life"])
            case.check(f"loop {loops[0]['name']} {name}, by perf", abs(found - should) <= slack + more,
                       f"{found} here, {should} by perf, of {ours['life']}, {woken} for wake-ups")
    levels = report["loop_parallelism"]
    profile, _mixed = _sweep(changes, min(span[0] for span in spans.values()),
                             max(span[1] for span in spans.values()))
    for level in range(1, max(len(profile), len(levels["profile_ns"]))):
        ours = levels["profile_ns"][level] if level < len(levels["profile_ns"]) else 0
        perfs = profile[level] if level < len(profile) else 0
        worst = max(worst, abs(ours - perfs) / levels["with_loops_ns"])
        case.check(f"time with {level} loops on CPUs, by perf",
                   abs(ours - perfs) <= AGREEMENT * levels["with_loops_ns"],
                   f"{ours} here, {perfs} by perf, of {levels['with_loops_ns']}")
    case.note(f"off perf by {100 * worst:.3f} % of a life at most")


def truth_run(case, program, *argv, options=(), unbound=False):
    run = traced(case, [os.path.join(case.workloads, program), *argv, "--truth"], options,
                 cwd=case.dir, unbound=unbound)
    return read_truth(run.result.out)["facts"], run


# ---------------------------------------------------------------- workloads


@ledger_case("frames: a loop that computes and waits, as perf and its clock have it")
def frames(case):
    facts, run = truth_run(case, "epoll", "frames", options=["--loops", "on"])
    loop = the_loop(run.report, name="frames")
    check_against_perf(case, run)
    case.within("turns", loop["iterations"], 0.98 * facts["frames"], 1.02 * (facts["frames"] + 1))
    case.within("on a CPU", loop["on_cpu_ns"] / facts["frame_cpu_ns"], 0.96, 1.03)
    case.within("dispatches", loop["dispatch"]["count"], facts["frames"] - 1, facts["frames"])


@ledger_case("one loop and its client: shares of their lives, as perf has them")
def one_loop(case):
    facts, run = truth_run(case, "epoll", "one-loop")
    check_against_perf(case, run)
    loop = the_loop(run.report, name="ep-server")
    case.check("at least the turns that blocked", loop["waits"] <= facts["iterations"] + 1,
               f"{loop['waits']} waits, {facts['iterations']} turns")
    case.equal("never two loops of the server at once", 1,
               len([one for one in run.report["event_loops"] if one["name"] == "ep-server"]))


@ledger_case("work handed to threads and back is told")
def offload(case):
    facts, run = truth_run(case, "epoll", "offload", unbound=True)
    check_against_perf(case, run)
    loop = the_loop(run.report, name="loop")
    found = [row for row in run.report["loop_offload"] if row["id"] == loop["id"]]
    if len(found) != 1:
        raise Failed(f"the loop hands work to nobody: {run.report['loop_offload']}")
    case.equal("workers", found[0]["workers"], facts["workers"])
    case.equal("name of a worker", found[0]["worker_name"], "worker")
    case.within("what the workers ran", found[0]["workers_on_cpu_ns"] / facts["worker_cpu_ns"], 0.95,
                1.04)
    case.check("work came back", found[0]["returned"] > 0, found[0])


@ledger_case("a handler that blocks is found: its call, how often, how long, what it held up")
def blocking_handler(case):
    facts, run = truth_run(case, "epoll", "blocking-handler", options=["--loops", "on"])
    check_against_perf(case, run)
    loop = the_loop(run.report, name="ep-server")
    case.equal("turns", loop["iterations"], facts["iterations"])
    if not loop["stalls"]:
        raise Failed("the loop was never blocked")
    worst = loop["stalls"][0]
    case.equal("system call", worst["syscall"], "clock_nanosleep")
    case.equal("reason", worst["reason"], "sleep")
    case.equal("times", worst["count"], facts["blocks"])
    # Its clock goes on until it runs again, which is the loop's time without a CPU.
    case.within("how long in all", worst["total_ns"],
                0.98 * (facts["blocked_ns"] - loop["runnable_ns"]), facts["blocked_ns"])
    case.within("the longest", worst["longest_ns"], 20 * MS, min(facts["longest_block_ns"], 20.4 * MS))
    case.within("operations behind it", worst["held_up"], 8, 16)
    case.within("delay to others", worst["delay_ns"] / worst["total_ns"], 4, 16)
    case.check("it is said under the verdict",
               "clock_nanosleep" in run.report["verdict"].get("blocked_loop", ""),
               run.report["verdict"])
    # Node's kind of utilisation takes the blocked handler for work, the other does not.
    use = loop["utilisation"]
    case.check("the two utilisations differ by what blocked it", use["event_loop"] - use["on_cpu"]
               >= loop["blocked_ns"] / loop["life_ns"] - 0.001, use)


@ledger_case("two loops that are always busy are parallel, and both are seen")
def loop_pool(case):
    facts, run = truth_run(case, "epoll", "loop-pool", options=["--loops", "on"])
    check_against_perf(case, run)
    servers = [one for one in run.report["event_loops"] if one["name"] == "ep-server"]
    case.equal("loops", len(servers), facts["loops"])
    case.equal("turns", sum(one["iterations"] for one in servers), facts["iterations"])
    case.equal("turns that are only lower bounds", [one["tid"] for one in servers
                                                    if one["iterations_at_least"]], [])
    pool = [one for one in run.report["loop_pools"] if one["name"] == "ep-server"]
    if len(pool) != 1:
        raise Failed(f"they are no pool: {run.report['loop_pools']}")
    case.check("the pool is certain", pool[0]["certain"], pool)
    case.equal("what the pool ran", pool[0]["on_cpu_ns"], sum(one["on_cpu_ns"] for one in servers))


@ledger_case("cut in two, the halves' loops make the whole's")
def halves(case):
    _facts, run = truth_run(case, "epoll", "one-loop")
    middle = f"{run.report['window_ns'] / 2e9:.9f}"
    left = case.report_json(run.trace, "--time", f"0,{middle}")
    right = case.report_json(run.trace, "--time", f"{middle},1000")
    for loop in run.report["event_loops"]:
        for key in ("life_ns", "waiting_ns", "on_cpu_ns", "runnable_ns", "blocked_ns", "waits"):
            parts = [sum(one[key] for one in half["event_loops"] if one["id"] == loop["id"])
                     for half in (left, right)]
            case.equal(f"{key} of {loop['name']}", sum(parts), loop[key])
    case.equal("time with loops", sum(half["loop_parallelism"]["with_loops_ns"]
                                      for half in (left, right)),
               run.report["loop_parallelism"]["with_loops_ns"])


# ---------------------------------------------------------------- Node

NODE_SERVER = """
const http = require('http');
const { performance } = require('perf_hooks');
const { spawn } = require('child_process');
let answered = 0, first, begin;
const server = http.createServer((request, response) => {
  if (!first) {
    first = performance.eventLoopUtilization();
    begin = process.hrtime.bigint();
  }
  const begun = performance.now();
  while (performance.now() - begun < 0.3);
  setTimeout(() => {
    response.end('done');
    if (++answered < 1600) return;
    const use = performance.eventLoopUtilization(first);
    const span = [Number(begin), Number(process.hrtime.bigint())];
    console.log(JSON.stringify({ use, span }));
    setTimeout(() => process.exit(0), 20);
  }, 5);
});
server.listen(0, '127.0.0.1', () =>
  spawn('/usr/bin/python3', [process.argv[2], String(server.address().port)], { stdio: 'ignore' }));
"""

CLIENT = """
import socket, sys, threading
def ask():
    try:
        with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
            while True:
                s.sendall(b"GET / HTTP/1.1\\r\\nHost: h\\r\\n\\r\\n")
                got = b""
                while b"done" not in got:
                    more = s.recv(4096)
                    if not more:
                        return
                    got += more
    except OSError:
        pass
threads = [threading.Thread(target=ask) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


@ledger_case("Node's event loop utilisation is what Node says")
def node(case):
    server, client = case.write("server.js", NODE_SERVER), case.write("client.py", CLIENT)
    result = case.cpt("run", "-o", case.path("node.trace"), "--json", case.path("node.json"), "--",
                      "node", server, client)
    if result.status:
        raise Failed(str(result))
    said = json.loads(result.out.strip().splitlines()[-1])
    theirs, base = said["use"], case.load_json("node.json")["window_start_ns"]
    span = ",".join(f"{(when - base) / 1e9:.9f}" for when in said["span"])
    report = case.report_json(case.path("node.trace"), "--time", span)
    loops = [one for one in report["event_loops"] if one["pid"] == report["root_pid"]
             and one["tid"] == one["pid"]]
    loop = max(loops, key=lambda one: one["waits"])
    calls = NODE_TURN_NS * loop["waits"]
    case.within("utilisation", loop["utilisation"]["event_loop"], theirs["utilization"] - NODE_AGREEMENT,
                theirs["utilization"] + NODE_AGREEMENT + calls / loop["life_ns"])
    case.within("idle", (loop["waiting_ns"] + loop["woken_ns"]) / (theirs["idle"] * MS),
                0.97 - calls / (theirs["idle"] * MS), 1.03)
    case.check("a loop that computes beside others is not on a CPU all the time it is active",
               loop["utilisation"]["on_cpu"] <= loop["utilisation"]["event_loop"], loop)
    case.note(f"utilisation {loop['utilisation']['event_loop']:.4f} here, {theirs['utilization']:.4f} "
              f"by Node, on a CPU {loop['utilisation']['on_cpu']:.4f}; {calls / loop['life_ns']:.4f} for its "
              f"{loop['waits']} calls that slept, of {loop['iterations']}")
