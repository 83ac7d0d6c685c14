# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""Servers and runtimes that others wrote, under a load whose concurrency is known: class, number of
loops and completed operations, and by Little's law the number in flight: rate times latency, both
by the load's own word.

Each runs with its load in one traced tree, on loopback. Servers are filtered by name.
"""

import json
import re
import socket

from cases_loops import loops_run
from harness import ANY_SHARE, HERE, Failed, traced
from oracle import _clip, _sweep

PYTHON = "/usr/bin/python3"
CLIENT = f"{HERE}/closed_loop.py"


def cases(_workloads):
    return [("redis-server and redis-benchmark", redis),
            ("nginx with two workers under wrk", nginx),
            ("nginx, answers after a timer", nginx_delayed),
            ("memcached with two threads", memcached),
            ("python3 asyncio, answers after a timer", asyncio_server),
            ("node http, answers after a timer", node_server)]


# ---------------------------------------------------------------- what they share


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def serve(case, start, load, end, before="", status=0, recorded=False):
    """Traces a server with its load: shell commands; $server is what `start` started. The case needs
    the server's answer before the load begins. recorded: perf records it, too."""
    script = case.write("serve.sh", f"""
{before}
{start} &
server=$!
{load}
{end}
wait $server
exit 0
""")
    if not recorded:
        return loops_run(case, ["sh", script], status=status)
    run = traced(case, ["sh", script], ["--loops", "on"], quiet_share=ANY_SHARE, unbound=True, status=status)
    case.check_report("run", run.report)
    case.equal("lost_events", run.report["data_quality"]["lost_events"], 0)
    return run


def wait_for_port(port):
    return (f"{PYTHON} -c 'import socket, time\n"
            "for _ in range(200):\n"
            "    try:\n"
            f"        socket.create_connection((\"127.0.0.1\", {port})).close()\n"
            "        break\n"
            "    except OSError:\n"
            "        time.sleep(0.02)'")


def instances(case, run, comm, direction, filters=()):
    """Of one program, those that had operations."""
    report = case.report_json(run.trace, "--comm", comm, *filters)
    return report, [one for one in report["epoll_instances"]
                    if one["direction"] == direction and one["in_flight"]["peak"]]


def total(found, key):
    return sum(one["in_flight"][key] for one in found)


# Of the window: perf's events and ours stand at the two ends of the same switch.
AT_ONCE_AGREES = 0.01


def check_class(case, run, report, what, wanted, threads, known=None):
    """A program's class against perf's recording: how long two of its threads or more were on CPUs at once,
    which is never where it has one. It is parallel if that is more than each of the other classes has.
    known: its class where its load says so, for that many requests are open."""
    account = run.account
    tasks = [task for task in account.family if wanted(task) and task.runs]
    changes = []
    for task in tasks:
        for start, end, *_ in _clip(task.runs, account.start_ns, account.end_ns):
            changes += [(start, 0, 1), (end, 0, -1)]
    profile, _mixed = _sweep(changes, account.start_ns, account.end_ns)
    at_once = sum(profile[2:])
    ledger, found = report["ledger_ns"], report["verdict"]["class"]
    case.note(f"{what} {found}: parallel {ledger['parallel'] / 1e6:.1f} ms, by perf "
              f"{at_once / 1e6:.1f} ms of {report['window_ns'] / 1e6:.0f} ms")
    case.check(f"{what}: perf saw its threads", len(tasks) >= threads, [task.name for task in tasks])
    case.check(f"{what}: two at once, by perf",
               abs(ledger["parallel"] - at_once) <= AT_ONCE_AGREES * report["window_ns"],
               (ledger["parallel"], at_once))
    if threads == 1:
        case.check(f"{what}: never two, by perf", not at_once, at_once)
        # Threads that it starts have its name until they take their own.
        middle, _ = instances(case, run, what, "", middle_of(case, run, what))
        case.equal(f"{what}: peak", middle["parallelism"]["peak"], 1)
    others = max(ledger["concurrent"], ledger["serial"])
    if abs(at_once - others) > AT_ONCE_AGREES * report["window_ns"]:
        case.equal(f"{what}: it is parallel", found == "parallel", at_once > others)
    if known:
        case.equal(f"{what}: class", found, known)


def named(comm):
    return lambda task: task.name == comm


def loops_of(report, comm):
    return {(row["tid"], row["epfd"]) for row in report["event_loops"]
            if row["name"] == comm and row["kind"] == "epoll"}


def client_facts(run):
    for line in run.result.out.split("\n"):
        if line.startswith('{"completed"'):
            return json.loads(line)
    raise Failed(f"the client did not do its work: {run.result}: {run.result.out[-300:]!r}")


def cut(run, start, end):
    base = run.report["window_start_ns"]
    return ["--time", f"{(start - base) / 1e9:.9f},{(end - base) / 1e9:.9f}"]


def check_client(case, run, comm):
    """The closed loop of the client: its own count, and its number in flight, which is also the rate
    times the latency."""
    facts = client_facts(run)
    start, end = facts["span_ns"]
    _, whole = instances(case, run, comm, "outbound")
    case.equal("the client's loops", len(whole), 1)
    case.equal("completed by the client", total(whole, "completed"), facts["completed"])
    _, span = instances(case, run, comm, "outbound", cut(run, start, end))
    average = total(span, "average")
    little = facts["begun"] / (end - start) * facts["latency_ns"]
    case.within("client: in flight / rate x latency", average / little, 0.9, 1.1)
    case.within("client: in flight / its own time stamps", average / facts["in_flight"], 0.95, 1.05)
    return facts


def check_delayed_server(case, run, comm, facts):
    """A server that answers after a timer has nearly all of it in flight itself."""
    start, end = facts["span_ns"]
    report, span = instances(case, run, comm, "inbound", cut(run, start, end))
    little = facts["begun"] / (end - start) * facts["latency_ns"]
    case.within("server: in flight / rate x latency", total(span, "average") / little, 0.9, 1.05)
    case.within("server: level / in flight", report["concurrency"]["average"] /
                total(span, "average"), 0.97, 1.1)
    case.equal("server: class", report["verdict"]["class"], "concurrent")
    whole_report, whole = instances(case, run, comm, "inbound")
    case.equal("server: loops with operations", len(whole), 1)
    case.equal("completed by the server", total(whole, "completed"), facts["completed"])
    case.note(f"in flight {total(span, 'average'):.2f}, rate x latency {little:.2f}")
    return whole_report


# ---------------------------------------------------------------- servers


def redis(case):
    """-c 50: fifty requests under way at a time, by the loop of redis-benchmark."""
    sock, requests = case.path("redis.sock"), 60000
    run = serve(case, f"redis-server --port 0 --unixsocket {sock} --save '' --appendonly no "
                f"--daemonize no --logfile {case.path('redis.log')} --dir {case.dir}",
                f"for i in $(seq 100); do [ -S {sock} ] && break; sleep 0.05; done\n"
                f"redis-benchmark -s {sock} --csv -n {requests} -c 50 -t get,set",
                f"redis-cli -s {sock} info commandstats\nredis-cli -s {sock} shutdown nosave",
                recorded=True)
    rows = re.findall(r'^"(?:GET|SET)","([\d.]+)","([\d.]+)"', run.result.out, re.M)
    calls = re.findall(r"^cmdstat_(\w+)(?:\|\w+)?:calls=(\d+)", run.result.out, re.M)
    if len(rows) != 2 or not calls:
        raise Failed(f"redis-benchmark did not do its work: {run.result}: {run.result.out[-400:]}")
    benchmark, client = instances(case, run, "redis-benchmark", "outbound")
    case.equal("completed by redis-benchmark", total(client, "completed"), 2 * requests)
    # Rate and latency of each test, by redis-benchmark itself; both tests are as long.
    little = sum(float(rate) * float(ms) / 1000 for rate, ms in rows) / 2
    _, span = instances(case, run, "redis-benchmark", "outbound",
                        middle_of(case, run, "redis-benchmark"))
    case.note(f"rate x latency {little:.1f}, in flight {total(span, 'average'):.1f}")
    case.within("in flight / rate x latency", total(span, "average") / little, 0.9, 1.1)
    report, server = instances(case, run, "redis-server", "inbound")
    case.equal("loops of the server", len(server), 1)
    # By its own count; the two of redis-cli among them, of which the first was not yet counted.
    counted = sum(int(count) for _, count in calls)
    done = total(server, "completed")
    case.check("completed by the server", counted <= done <= counted + 2,
               f"{done} completed, {counted} commands by its own count")
    check_class(case, run, report, "redis-server", named("redis-server"), 1)
    check_class(case, run, benchmark, "redis-benchmark", named("redis-benchmark"), 1, "concurrent")


NGINX = """
daemon off; master_process on; worker_processes 2; pid {dir}/nginx.pid; error_log {dir}/error.log;
user root;
events {{ worker_connections 256; use epoll; }}
http {{
  access_log off; keepalive_requests 10000000; client_body_temp_path {dir}; proxy_temp_path {dir};
  fastcgi_temp_path {dir}; uwsgi_temp_path {dir}; scgi_temp_path {dir};
  limit_req_zone $server_port zone=all:1m rate=2000r/s; root {dir};
  server {{ listen 127.0.0.1:{port} reuseport; location / {{ return 200 "answer"; }}
           location = /later {{ limit_req zone=all burst=100; try_files /file =404; }} }}
}}
"""


def wrk_run(case, port, path, seconds, recorded=False):
    """nginx with two workers under wrk with 64 connections. (run, requests, rate, latency in s)."""
    case.write("file", "answer")
    config = case.write("nginx.conf", NGINX.format(dir=case.dir, port=port))
    run = serve(case, f"nginx -e {case.path('error.log')} -c {config}",
                f"{wait_for_port(port)}\nwrk -t1 -c64 -d{seconds}s http://127.0.0.1:{port}{path}",
                "kill -QUIT $server", recorded=recorded)
    found = re.search(r"(\d+) requests in", run.result.out)
    latency = re.search(r"Latency\s+([\d.]+)(us|ms)", run.result.out)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", run.result.out)
    if not (found and latency and rate) or "Non-2xx" in run.result.out:
        raise Failed(f"wrk did not do its work: {run.result}: {run.result.out[-400:]}")
    return (run, int(found[1]), float(rate[1]),
            float(latency[1]) * (1e-6 if latency[2] == "us" else 1e-3))


def check_counts(case, run, requests):
    """What is under way as wrk ends is answered, and not counted by it."""
    _, client = instances(case, run, "wrk", "outbound")
    case.equal("loops of wrk with operations", len(client), 1)
    done = total(client, "completed")
    case.check("completed by wrk", requests <= done <= requests + 64, f"{done}, wrk: {requests}")
    report, server = instances(case, run, "nginx", "inbound")
    case.equal("loops of nginx", len(loops_of(report, "nginx")), 2)
    case.equal("processes of them",
               len({row["pid"] for row in report["event_loops"] if row["name"] == "nginx"}), 2)
    done = total(server, "completed")
    case.check("completed by nginx", requests <= done <= requests + 64, f"{done}, wrk: {requests}")
    return report


def nginx(case):
    """Two processes, each with one loop; wrk keeps 64 connections busy."""
    run, requests, _, _ = wrk_run(case, free_port(), "/", 1, recorded=True)
    report = check_counts(case, run, requests)
    case.check("parallel, but for what wrk leaves of two CPUs",
               report["ledger_ns"]["parallel"] > 0, report["ledger_ns"])
    check_class(case, run, report, "nginx", named("nginx"), 2)
    # Its first thread only waits for the one that asks.
    client = case.report_json(run.trace, "--comm", "wrk")
    check_class(case, run, client, "wrk", named("wrk"), 2, "concurrent")


def nginx_delayed(case):
    """It lets 2,000 requests a second pass, and the others wait: 64 are in flight, in its two loops
    and in that of wrk."""
    run, requests, rate, seconds = wrk_run(case, free_port(), "/later", 2)
    check_counts(case, run, requests)
    middle = middle_of(case, run, "wrk")
    little = rate * seconds
    for comm, direction in (("wrk", "outbound"), ("nginx", "inbound")):
        report, span = instances(case, run, comm, direction, middle)
        case.note(f"{comm}: in flight {total(span, 'average'):.1f}, rate x latency {little:.1f}")
        case.within(f"{comm}: in flight / rate x latency", total(span, "average") / little,
                    0.9, 1.1)
        case.equal(f"{comm}: class", report["verdict"]["class"], "concurrent")


def middle_of(case, run, comm):
    """The filter of the middle half of a program's life."""
    result = case.cpt("export", "-i", run.trace, "-f", "jsonl")
    rows = [json.loads(line) for line in result.out.split("\n") if line]
    start, end = max(((row["start_ns"], row["end_ns"]) for row in rows if row["name"] == comm),
                     key=lambda life: life[1] - life[0])
    return cut(run, start + (end - start) // 4, end - (end - start) // 4)


MEMCACHED_STATS = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1]))) as s:
    s.sendall(b"stats\\r\\n")
    got = b""
    while not got.endswith(b"END\\r\\n"):
        got += s.recv(65536)
print(got.decode())
"""


def memcached(case):
    """A loop that accepts and two that serve."""
    ask = case.write("stats.py", MEMCACHED_STATS)
    port = free_port()
    run = serve(case, f"memcached -l 127.0.0.1 -p {port} -U 0 -t 2 -m 16 -u root",
                f"{wait_for_port(port)}\n{PYTHON} {CLIENT} {port} 32 6000 memcached",
                f"{PYTHON} {ask} {port}\nkill $server", recorded=True)
    facts = check_client(case, run, "python3")
    own = dict(re.findall(r"^STAT (cmd_get|threads|total_connections) (\d+)", run.result.out, re.M))
    case.equal("commands by its own count", int(own["cmd_get"]), facts["completed"])
    # Its threads have names of their own.
    pid = next(row["pid"] for row in run.report["threads"] if row["name"] == "memcached")
    report = case.report_json(run.trace, "--pid", str(pid))
    server = [one for one in report["epoll_instances"] if one["in_flight"]["peak"]]
    # The last one asked for its own count.
    case.equal("completed by memcached", total(server, "completed"), int(own["cmd_get"]) + 1)
    check_class(case, run, report, "memcached", lambda task: task.tgid == pid, 3)
    case.equal("its threads that serve, by its own count", int(own["threads"]), 2)
    case.equal("their direction", {one["direction"] for one in server}, {"inbound"})
    case.equal("instances that serve", len(server), 2)
    serving = {one["epfd"] for one in server}
    case.equal("threads that serve",
               len({row["tid"] for row in report["event_loops"] if row["epfd"] in serving}), 2)


ASYNCIO = """
import asyncio, signal, sys
async def serve(reader, writer):
    while line := await reader.readline():
        await asyncio.sleep(0.02)
        writer.write(line)
    writer.close()
async def main():
    server = await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]), backlog=128)
    stop = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set_result, None)
    await stop
open("/proc/self/comm", "w").write("asyncio-server")
asyncio.run(main())
"""

NODE = """
process.title = 'node-server';
const server = require('http').createServer((request, response) => {
  setTimeout(() => response.end('answer'), 20);
});
server.listen(+process.argv[2], '127.0.0.1');
"""


def asyncio_server(case):
    port = free_port()
    script = case.write("server.py", ASYNCIO)
    run = serve(case, f"{PYTHON} {script} {port}", f"{PYTHON} {CLIENT} {port} 32 2000 echo",
                "kill $server")
    facts = check_client(case, run, "python3")
    check_delayed_server(case, run, "asyncio-server", facts)


def node_server(case):
    port = free_port()
    script = case.write("server.js", NODE)
    run = serve(case, f"node {script} {port}", f"{PYTHON} {CLIENT} {port} 32 2000 http",
                "kill $server")
    facts = check_client(case, run, "python3")
    check_delayed_server(case, run, "node-server", facts)
