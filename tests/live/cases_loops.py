# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Event loops of the workloads: operations in flight, latencies and blocked loops against the time
stamps that the programs themselves keep, however a server is built, and whatever becomes of it.

What is judged holds on a machine that others use, too: counts exactly, averages and percentiles
against those of the same run.
"""

import json
import os
import re
import signal
import time

from cases_workloads import check_row, modes, read_truth, span_reports
from harness import Failed, Traced, figure, stolen_ns, unclocked_ns

PROGRAMS = ("epoll", "webserver", "loops")

# Where a row rests on more runs or time than a case has, or on a part of the rows alone.
SIZES = {"epoll frames": ["--frames", "60"]}

# No recording stands beside these runs, so nothing loosens a bound.
UNDISTURBED = {"disturbed_cpu_ns": 0, "window_ns": 1}

NS = 10 ** 9


def cases(workloads):
    found = [(f"{name} {arguments[-1]}", _mode(name, arguments))
             for name, arguments in modes(workloads, PROGRAMS)]
    return found + [
        ("the same requests, served by threads, processes and a loop", same_level),
        ("one loop is concurrent, two are parallel", classes),
        ("a pool whose connections are spread unevenly", uneven),
        ("on, auto and off", on_auto_off),
        ("on and auto, of a server that asks another one", on_auto_other),
        ("auto sees a loop soon", auto_soon),
        ("a program without loops", without_loops),
        ("a poll that is no loop", no_loop),
        ("a client that polls", polling_client),
        ("a server killed in the middle of its work", killed),
        ("10,000 connections do not stay", connections_do_not_stay),
        ("io_uring: reads done at once", _ring("inline")),
        ("io_uring: reads with a poll armed", _ring("armed")),
        ("io_uring: reads by workers of the kernel", _ring("punted")),
        ("io_uring: submitted by a thread of the kernel", _ring("polled")),
        ("100,000 registrations do not slow it down", registrations),
    ]


def loops_run(case, argv, name="run", how="on", status=0, options=()):
    """A run with its report and trace, nothing recorded beside it."""
    trace = case.path(f"{name}.trace")
    result = case.cpt("run", "-o", trace, "--json", case.path(f"{name}.json"), "--loops", how,
                      *options, "--", *argv)
    if result.status != status:
        raise Failed(f"expected status {status}: {result}")
    report = case.load_json(f"{name}.json")
    case.check_report(name, report)
    case.equal(f"{name}: lost_events", report["data_quality"]["lost_events"], 0)
    return Traced(result, trace, report, None)


def workload(case, name, *arguments):
    return [os.path.join(case.workloads, name), *map(str, arguments)]


def _mode(name, arguments):
    def body(case):
        label = f"{name} {arguments[-1]}"
        run = loops_run(case, workload(case, name, *arguments, *SIZES.get(label, []), "--truth"))
        check_loop_rows(case, run)
        if name == "webserver" and "epoll" not in arguments[-1]:
            report = case.report_json(run.trace, "--comm", "ws-server")
            case.equal("loops that its server is said to have", report["event_loops"], [])
            case.equal("and instances", report["epoll_instances"], [])
    return body


def check_loop_rows(case, run):
    """The rows of the run's truth that are about loops."""
    truth = read_truth(run.result.out)
    span = span_reports(case, run, *truth["span_ns"])
    judged = 0
    for row in truth["expect"]:
        if row.get("needs") != "loops":
            continue
        judged += 1
        comm = row.get("filter")
        if row["scope"] == "span":
            report = span(comm)
        else:
            report = case.report_json(run.trace, "--comm", comm) if comm else run.report
        try:
            check_row(case, row, report, UNDISTURBED)
        except Failed as err:
            case.check(row["figure"], False, err)
    case.check("the truth has rows about loops", judged > 0)
    case.note(f"{judged} rows")
    return truth


# ---------------------------------------------------------------- the same work, other ways


def span_of(case, run, comm):
    truth = read_truth(run.result.out)
    return span_reports(case, run, *truth["span_ns"])(comm)


def check_upstream(case, run):
    """Each request is one to the backend, too: of those the server's latencies hold none."""
    facts = read_truth(run.result.out)["facts"]
    server = case.report_json(run.trace, "--comm", "ws-server")
    served = [one for one in server["epoll_instances"] if one["direction"] == "inbound"]
    for way in ("in_flight", "upstream"):
        done = sum(one[way]["completed"] for one in served)
        case.equal(f"{way}: completed", done, facts["completed"])
        case.equal(f"{way}: latencies", sum(one[way]["latency_ns"]["count"] for one in served), done)
    case.check("the backend's part is the smaller one",
               all(one["upstream"]["latency_ns"]["p50"] < one["in_flight"]["latency_ns"]["p50"]
                   for one in served), served)


def same_level(case):
    """16 requests open at a time, most of their time with the backend: as many things in progress,
    whoever keeps them."""
    levels, starved = {}, 0
    for model in ("threads", "processes", "epoll"):
        run = loops_run(case, workload(case, "webserver", "--model", model, "--cpu-us", 200,
                                       "--requests", 1000, "--truth"), model)
        report = span_of(case, run, "ws-server")
        levels[model] = figure(report, "concurrency.average")
        if model == "epoll":
            check_upstream(case, run)
            # What comes while its one thread waits for a CPU is not seen until it has one.
            starved = max(row["runnable_ns"] for row in report["threads"]) / report["window_ns"]
    case.note(", ".join(f"{model} {level:.2f}" for model, level in levels.items()) +
              f", loop starved {100 * starved:.2f} %")
    case.within("largest / smallest", max(levels.values()) / min(levels.values()), 1,
                1.05 / (1 - starved))


def classes(case):
    run = loops_run(case, workload(case, "epoll", "one-loop", "--truth"), "one")
    report = span_of(case, run, "ep-server")
    case.equal("one loop", report["verdict"]["class"], "concurrent")
    case.equal("its peak parallelism", report["parallelism"]["peak"], 1)
    case.equal("its parallel time", report["ledger_ns"]["parallel"], 0)
    level, flown = report["concurrency"]["average"], read_truth(run.result.out)["facts"]["in_flight_mean"]
    case.note(f"level {level:.2f}, by the server itself {flown:.2f}")
    case.within("its level / in flight by the server itself", level / flown, 0.98, 1.02)
    case.within("most are in flight", level, 45, 64.5)
    served = [one for one in report["epoll_instances"] if one["direction"] == "inbound"]
    case.equal("instances", len(served), 1)
    flight = served[0]["in_flight"]
    # Each request but those being read or answered has its timerfd armed.
    case.within("timers armed / in flight", served[0]["timers"]["average"] / flight["average"],
                0.9, 1.01)
    case.equal("connections", served[0]["connections"]["peak"], 64)
    case.within("arrivals / answers", flight["arrivals_per_second"] /
                flight["completed_per_second"], 0.98, 1.02)
    case.within("L / that of the instance", report["in_flight"]["operations_average"] *
                report["window_ns"] / flight["integral_ns"], 0.999999, 1.000001)
    run = loops_run(case, workload(case, "epoll", "loop-pool", "--truth"), "two")
    report = span_of(case, run, None)
    case.equal("two loops", report["verdict"]["class"], "parallel")
    case.equal("loops of the server",
               sum(row["name"] == "ep-server" for row in run.report["event_loops"]), 2)


# What a thread computes before it is a loop and behind it: 0.2 to 0.8 ms were seen.
OLDER_NS = 2_000_000


def uneven_run(case):
    """A run in which one loop had more to do, and how much each did: how uneven it gets is the machine's choice."""
    for _ in range(5):
        run = loops_run(case, workload(case, "epoll", "loop-pool", "--connections", 3, "--cpu-us", 100,
                                       "--requests", 5000, "--truth"))
        facts = read_truth(run.result.out)["facts"]
        requests = [facts[f"loop_{k}_requests"] for k in (0, 1)]
        if max(requests) * 2 > 1.02 * sum(requests):
            return run, facts, requests
    raise Failed(f"even five times: {requests} requests")


def uneven(case):
    """An odd number of connections on two loops by SO_REUSEPORT: one has more to do, and how much more is
    what the program counted for each."""
    run, facts, requests = uneven_run(case)
    pools = [one for one in run.report["loop_pools"] if one["name"] == "ep-server"]
    case.equal("pools", len(pools), 1)
    case.equal("loops of it", pools[0]["loops"], 2)
    rows = sorted((row for row in run.report["event_loops"] if row["name"] == "ep-server"),
                  key=lambda row: row["on_cpu_ns"])
    busy = [row["on_cpu_ns"] for row in rows]
    imbalance = pools[0]["imbalance"]
    case.within("imbalance / by its rows", imbalance * sum(busy) / max(busy) / 2, 0.999999, 1.000001)
    # A thread's clock leaves out what interrupts took (2 % of it on a quiet machine, and the count of ticks
    # is coarse) and the hypervisor, begins at the wake-up, and is older than the loop.
    clocks = sorted(facts[f"loop_{k}_cpu_ns"] for k in (0, 1))
    for row, clock in zip(rows, clocks):
        case.within("its clock", clock, 0.97 * row["on_cpu_ns"] - unclocked_ns(run.report),
                    OLDER_NS + row["on_cpu_ns"] + row["runnable_ns"])
    by_requests = max(requests) * 2 / sum(requests)
    # What interrupts took, those of its packets too, is on whose CPU they came, and goes by no request.
    others = unclocked_ns(run.report) / sum(busy)
    case.note(f"imbalance {imbalance:.3f}; by its CPU clocks {max(clocks) * 2 / sum(clocks):.3f}, "
              f"by requests {by_requests:.3f}, {others:.3f} of it interrupts or stolen")
    case.within("imbalance / by its requests", imbalance / by_requests, 0.93 - others, 1.07 + others)


# ---------------------------------------------------------------- when it is looked at


def on_auto_off(case):
    """In the second half of a run it does not matter when the loops were found. `auto` comes to what
    was registered before it; `off` says nothing of operations."""
    argv = workload(case, "epoll", "one-loop", "--requests", 12000, "--truth")
    for how in ("on", "auto"):
        run = loops_run(case, argv, how, how)
        truth = read_truth(run.result.out)
        start, end = truth["span_ns"]
        half = span_reports(case, run, (start + end) // 2, end)("ep-server")
        mean = truth["facts"]["in_flight_mean"]
        row = "epoll_instances[direction=inbound].in_flight"
        case.within(f"{how}: average", figure(half, f"{row}.average") / mean, 0.95, 1.05)
        case.within(f"{how}: level", half["concurrency"]["average"] / mean, 0.95, 1.05)
        completed = figure(half, f"{row}.completed")
        # Requests come and go at one rate, 64 of them each delay of 10 ms and a little.
        rate = truth["facts"]["completed"] / (end - start)
        case.within(f"{how}: completed", completed / (rate * half["window_ns"]), 0.9, 1.1)
        since = [one["loops_since"] for one in run.report["epoll_instances"]
                 if one["direction"] == "inbound"]
        # Latencies are of all that was watched.
        watched = run.report["window_start_ns"] + max(since, default=0)
        tenth = min(4, max(0, (watched - start) * 10 // (end - start)))
        parts = [f"from_{k}_" for k in (tenth, tenth + 1)] if how == "auto" else [""]
        for p in ("p50", "p99"):
            case.within(f"{how}: {p}", figure(half, f"{row}.latency_ns.{p}"),
                        0.95 * min(truth["facts"][f"{part}latency_{p}_low_ns"] for part in parts),
                        1.05 * max(truth["facts"][f"{part}latency_{p}_high_ns"] for part in parts))
        case.check(f"{how}: loops_since", all(value == 0 for value in since) if how == "on"
                   else all(0 <= value < 0.5 * NS for value in since), since)
    off = loops_run(case, argv, "off", "off").report
    case.equal("off: instances", off.get("epoll_instances", []), [])
    case.equal("off: serial in flight", off["ledger_ns"]["serial_split"]["in_flight"], 0)
    case.equal("off: budget in flight", off["budget_ns"]["in_flight"], 0)
    case.check("off: its loops are known all the same",
               any(row["name"] == "ep-server" for row in off["event_loops"]))


def on_auto_other(case):
    """The second half of a run again, of a loop that has most of its operations with another server: by
    what it logged itself, and so one beside the other. How many it had differs from run to run, by a
    sixth beside three programs that compute: each is a share of its own log's."""
    argv = workload(case, "webserver", "--model", "epoll", "--cpu-us", 100, "--requests", 3000,
                    "--truth")
    seen = {}
    for how in ("on", "auto"):
        run = loops_run(case, argv, how, how)
        truth = read_truth(run.result.out)
        start, end = truth["span_ns"]
        half = span_reports(case, run, (start + end) // 2, end)("ws-server")
        row = "epoll_instances[direction=inbound].in_flight"
        mean = truth["facts"]["in_flight_mean"]
        seen[how] = {"in flight": figure(half, f"{row}.average") / mean,
                     "level": half["concurrency"]["average"] / mean}
        for what, value in seen[how].items():
            case.within(f"{how}: {what}, of its own", value, 0.95, 1.05)
        rate = truth["facts"]["completed"] / (end - start)
        case.within(f"{how}: completed", figure(half, f"{row}.completed") /
                    (rate * half["window_ns"]), 0.9, 1.1)
        case.within(f"{how}: p50", figure(half, f"{row}.latency_ns.p50"),
                    0.95 * truth["facts"]["latency_p50_low_ns"],
                    1.05 * truth["facts"]["latency_p50_high_ns"])
    for what, value in seen["on"].items():
        case.within(f"{what}: auto / on", seen["auto"][what] / value, 0.95, 1.05)


def auto_soon(case):
    """How long after its first wait a loop is followed: the load of the probes, and that alone. What
    that takes when it is asked for at the start is the measure on a machine that others use, too."""
    argv = workload(case, "epoll", "one-loop", "--requests", 6000)
    took = {}
    for how in ("off", "on"):
        runs = []
        for i in range(3):
            begun = time.monotonic()
            case.run([case.cpartrace, "run", "-o", case.path("start"), "--loops", how, "--", "true"])
            runs.append(time.monotonic() - begun)
        took[how] = min(runs)
    late = []
    for i in range(3):
        run = loops_run(case, argv, f"auto{i}", "auto")
        lines = case.cpt("script", "-i", run.trace).out.split("\n")
        first = {kind: next(float(line.split()[0]) for line in lines if re.search(pattern, line))
                 for kind, pattern in (("wait", r"epoll_wait"), ("seen", r" loop_new "))}
        late.append(first["seen"] - first["wait"])
    case.note(f"{min(late) * 1e3:.0f} ms behind the first wait ({max(late) * 1e3:.0f} ms at most); "
              f"--loops on starts {(took['on'] - took['off']) * 1e3:.0f} ms later than off")
    case.check("it is soon", min(late) < 0.15 + 2 * (took["on"] - took["off"]), (late, took))


def without_loops(case):
    """Nothing is attached for it, and nothing is said of loops."""
    for how in ("auto", "on"):
        run = loops_run(case, workload(case, "threads", "mutex", "--work-ms", 100), how, how)
        case.equal(f"{how}: loops", run.report["event_loops"], [])
        case.equal(f"{how}: instances", run.report["epoll_instances"], [])


# Polls as programs make them on their way: for an answer, for a name, for some descriptors once.
SINGLE_POLLS = """
import select, socket, threading, time
try:
    socket.getaddrinfo("name.invalid", 80)
except OSError:
    pass
pairs = [socket.socketpair() for _ in range(4)]
def write():
    for ours, theirs in pairs:
        time.sleep(0.02)
        theirs.send(b"x")
writer = threading.Thread(target=write)
writer.start()
for ours, theirs in pairs:  # one descriptor at a time, again and again
    poll = select.poll()
    poll.register(ours, select.POLLIN)
    poll.poll()
    ours.recv(1)
writer.join()
def later():
    time.sleep(0.05)
    pairs[0][1].send(b"x")
writer = threading.Thread(target=later)
writer.start()
select.select([ours for ours, theirs in pairs], [], [])
writer.join()
"""


def no_loop(case):
    script = case.write("polls.py", SINGLE_POLLS)
    for how in ("auto", "on"):
        run = loops_run(case, ["/usr/bin/python3", script], how, how)
        case.equal(f"{how}: instances", [one for one in run.report["epoll_instances"]
                                         if one["kind"] == "poll"], [])


# A client of CNT connections: a request on each, 200 times, polled for the answers of the other end,
# which come 5 ms later.
POLLING_CLIENT = """
import os, select, signal, socket, threading, time
CNT, TURNS = 8, 200
listener = socket.create_server(("127.0.0.1", 0))
server = os.fork()
if not server:
    def serve(conn):
        while conn.recv(10):
            time.sleep(0.005)
            conn.send(b"answer")
    for _ in range(CNT):
        threading.Thread(target=serve, args=(listener.accept()[0],)).start()
    signal.pause()
by_fd = {one.fileno(): one
         for one in (socket.create_connection(listener.getsockname()) for _ in range(CNT))}
poll = select.poll()
for fd in by_fd:
    poll.register(fd, select.POLLIN)
    by_fd[fd].send(b"request")
left = dict.fromkeys(by_fd, TURNS)
while left:
    for fd, _ in poll.poll():
        by_fd[fd].recv(10)
        left[fd] -= 1
        if left[fd]:
            by_fd[fd].send(b"request")
        else:
            poll.unregister(fd)
            del left[fd]
os.kill(server, signal.SIGKILL)
os.wait()
print(CNT * TURNS, CNT)
"""


def polling_client(case):
    """Its operations are outbound; those sent before it was known to poll are not seen."""
    script = case.write("client.py", POLLING_CLIENT)
    run = loops_run(case, ["/usr/bin/python3", script])
    done, connections = map(int, run.result.out.split())
    row = [one for one in run.report["epoll_instances"]
           if one["kind"] == "poll" and one["direction"] == "outbound"]
    case.equal("instances", len(row), 1)
    flight = row[0]["in_flight"]
    case.within("completed", flight["completed"], done - 3 * connections, done)
    case.within("peak", flight["peak"], connections - 1, connections)
    case.within("median latency", flight["latency_ns"]["p50"], 5e6, 8e6)


# ---------------------------------------------------------------- what becomes of it


def killed(case):
    """SIGKILL in the middle: what is known until then is told, and nothing is wrong."""
    script = case.write("kill.sh", f"""
{os.path.join(case.workloads, 'epoll')} one-loop --requests 1000000 & server=$!
sleep 0.8
kill -9 $server
wait $server
exit 0
""")
    run = loops_run(case, ["sh", script])
    server = case.report_json(run.trace, "--comm", "ep-server", "--time", "0.3,0.7")
    row = "epoll_instances[direction=inbound].in_flight"
    case.within("in flight", figure(server, f"{row}.average"), 55, 64.5)
    case.check("completed", figure(server, f"{row}.completed") > 500,
               figure(server, f"{row}.completed"))
    case.equal("class", server["verdict"]["class"], "concurrent")
    whole = case.report_json(run.trace, "--comm", "ep-server")
    case.within("peak", figure(whole, f"{row}.peak"), 64, 64)


def run_watched(case, argv, name):
    """(peak memory of the tracer in kB, its trace's size) of a run with --loops on."""
    trace = case.path(f"{name}.trace")
    with open(case.path(f"{name}.out"), "w+", encoding="utf-8") as out:
        proc = case.spawn([case.cpartrace, "run", "-o", trace, "--loops", "on", "--", *argv],
                          stdout=out, stderr=out)
        peak = 0
        while proc.poll() is None:
            try:
                with open(f"/proc/{proc.pid}/status", encoding="ascii", errors="replace") as text:
                    found = re.search(r"^VmHWM:\s+(\d+) kB", text.read(), re.M)
            except OSError:
                break
            peak = max(peak, int(found[1]) if found else 0)
            time.sleep(0.01)
        status = proc.wait()
        out.seek(0)
        text = out.read()
    if status != 0:
        raise Failed(f"{name}: status {status}: {text[-300:]}")
    return peak, os.path.getsize(trace), text


def connections_do_not_stay(case):
    """Ten times the connections, opened and closed, take no more memory; nor do those that are
    never closed, but for what is still registered."""
    few, _, _ = run_watched(case, workload(case, "loops", "reconnect", "--requests", 1000), "few")
    many, _, _ = run_watched(case, workload(case, "loops", "reconnect"), "many")
    leaked, _, text = run_watched(case, workload(case, "loops", "leak"), "leaked")
    case.note(f"peak {few} kB for 1,000, {many} kB for 10,000, {leaked} kB for 3,000 never closed")
    case.check("10,000 connections", many - few < 4096, f"{few} kB, {many} kB")
    case.check("3,000 leaked ones", leaked - few < 4096, f"{few} kB, {leaked} kB")
    case.check("no loss", "lost" not in text, text[-400:])


def registrations(case):
    """100,000 of them that are quiet, on eight instances: known within a second or two, and the
    program takes no longer than it does without cpartrace by more than that."""
    begun = time.monotonic()
    case.run(workload(case, "loops", "many-fds"))
    alone = time.monotonic() - begun
    begun = time.monotonic()
    peak, _, _ = run_watched(case, workload(case, "loops", "many-fds"), "fds")
    traced = time.monotonic() - begun
    case.note(f"{alone:.2f} s alone, {traced:.2f} s traced, peak {peak} kB")
    case.check("time", traced < alone + 3, f"{alone:.2f} s alone, {traced:.2f} s traced")
    case.check("memory", peak < 128 * 1024, f"{peak} kB")


# ---------------------------------------------------------------- io_uring


def check_spinning(case, run, report, facts):
    """The thread that polls is on a CPU all the while; what of it is work, the kernel counts itself."""
    threads = {row["id"]: row for row in run.report["threads"]}
    rows = run.report["spin"]["sqpoll"]
    case.equal("threads that poll", [threads[row["id"]]["name"][:8] for row in rows], ["iou-sqp-"])
    poller = threads[rows[0]["id"]]
    case.equal("whose it is", threads[poller["cause"]]["name"], "ring_load")
    # It has its name some microseconds after its first switch.
    case.within("what it ran", rows[0]["running_ns"] / poller["running_ns"], 0.99, 1)
    case.within("spinning / what it ran", rows[0]["spinning_ns"] / rows[0]["running_ns"], 0.6, 1)
    if facts["sq_total_us"]:
        idle = 1000 * (facts["sq_total_us"] - facts["sq_work_us"])
        case.within("spinning / by the kernel", rows[0]["spinning_ns"] / idle, 0.8,
                    1.02 + stolen_ns(run.report) / idle)
    window = run.report["window_ns"]
    effective = run.report["parallelism"]["effective"]
    case.within("effective + spinning", effective + rows[0]["spinning_ns"] / window,
                run.report["parallelism"]["average"] - 1e-6,
                run.report["parallelism"]["average"] + 1e-6)
    text = case.cpt("report", "-i", run.trace).out
    case.check("it is said", "That is no work." in re.sub(r"\s+", " ", text), text)
    named = case.report_json(run.trace, "--comm", "ring_load")
    case.equal("it is counted with the task that caused it",
               [row["id"] for row in named["spin"]["sqpoll"]], [rows[0]["id"]])
    case.note(f"spins {rows[0]['spinning_ns'] / 1e6:.1f} of {rows[0]['running_ns'] / 1e6:.1f} ms, "
              f"{facts['completed']} reads; effective {effective:.2f}")


def _ring(kind):
    def body(case):
        run = loops_run(case, [case.helper("ring_load"), kind, 16, 3000])
        facts = json.loads(run.result.out)
        rings = [one for one in run.report["epoll_instances"] if one["kind"] == "io_uring"]
        case.equal("rings", len(rings), 1)
        ring = rings[0]
        case.equal("completed", ring["in_flight"]["completed"], facts["completed"])
        case.equal("peak", ring["in_flight"]["peak"], facts["peak"])
        case.equal("direction", ring["direction"], "outbound")
        base = run.report["window_start_ns"]
        start, end = facts["span_ns"]
        cut = f"{(start - base) / 1e9:.9f},{(end - base) / 1e9:.9f}"
        report = case.report_json(run.trace, "--time", cut)
        average = figure(report, "epoll_instances[kind=io_uring].in_flight.average")
        armed = figure(report, "epoll_instances[kind=io_uring].armed.average")
        punted = figure(report, "epoll_instances[kind=io_uring].punted.average")
        case.note(f"in flight {average:.2f} and {facts['in_flight']:.2f} by itself, "
                  f"{armed:.2f} armed, {punted:.2f} punted")
        if kind == "inline":
            # Each is done within its submission; the program sees it when all of the batch are.
            case.equal("armed and punted", armed + punted, 0)
            return
        if kind != "polled":  # there a thread that must get a CPU first submits
            # It sees completions once it has a CPU, at most all of them that late.
            late = facts["delay_ns"] / (end - start)
            case.within("in flight / by itself", average / facts["in_flight"], 0.95 - late, 1.02)
            case.equal("class", report["verdict"]["class"], "concurrent")
        if kind == "polled":
            check_spinning(case, run, report, facts)
        # A worker that finds nothing to read arms a poll, too, where the file can be polled.
        most = armed if kind in ("armed", "polled") else punted
        # What is armed is told once for each window of 20 us, as it was at its end.
        case.within("its way", most / average, 0.5 if kind == "punted" else 0.8, 1.01)
    return body
