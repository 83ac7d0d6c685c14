# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""What becomes of the descriptors of event loops: closed by ranges, by exec, by the end of their
process, copied without end; rings one after the other. A number that is used again must not be taken
for what it was, and nothing that is gone may stay. And the ways to answer that are no write: by sendfile, by
splice, by a shutdown not at all; one thread in turns at two instances.
"""

import json
import os
import subprocess
import time

from cases_loops import loops_run

BPFTOOL = "/usr/sbin/bpftool"

# 16 requests are read and never answered; then what they came by is closed, as HOW says.
UNANSWERED = """
import os, select, socket, sys, time
listener = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(listener.getsockname()) for _ in range(16)]
epoll = select.epoll()
epoll.register(listener.fileno(), select.EPOLLIN)
served = []
for client in clients:
    epoll.poll()
    served.append(listener.accept()[0])
    epoll.register(served[-1].fileno(), select.EPOLLIN)
for client in clients:
    client.send(b"request")
    fd, _ = epoll.poll(maxevents=1)[0]
    assert os.read(fd, 100) == b"request"
time.sleep(0.2)
fds = sorted(one.detach() for one in served)
if sys.argv[1] == "range":
    for fd in fds:
        os.closerange(fd, fd + 1)
    for _ in fds:  # the same numbers, and nothing to do with a loop
        ends = os.pipe()
        os.write(ends[1], b"x")
    time.sleep(0.5)
else:
    last = f"import os, time\\nfor fd in {fds}:\\n os.dup2(1, fd); os.write(fd, b' ')\\ntime.sleep(0.5)"
    os.execv(sys.executable, [sys.executable, "-c", last])
"""

# Copies of a descriptor that a loop watches, in as many processes as a limit of files asks for: more
# than there is room for.
COPIES = """
import os, resource, select, socket, time
each = min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 262500) - 100
count = 262500 // each + 1
ready, tell_ready = os.pipe()
begin, tell_begin = os.pipe()
for _ in range(count):
    if os.fork():
        continue
    os.close(tell_begin)
    ours, theirs = socket.socketpair()
    epoll = select.epoll()
    epoll.register(ours.fileno(), select.EPOLLIN)
    os.write(tell_ready, b"x")
    os.read(begin, 1)  # till all have registered theirs
    for _ in range(each):
        os.dup(ours.fileno())
    os.write(tell_ready, b"x")
    time.sleep(1)
    os._exit(0)
for _ in range(count):
    os.read(ready, 1)
os.close(tell_begin)
for _ in range(count):
    os.read(ready, 1)
time.sleep(1)
"""

# Processes that end with an epoll instance each, together more than there are places for; those of one
# round end at about the same time.
AT_ONCE = """
import os, select, sys, time
processes, rounds = map(int, sys.argv[1:])
for _ in range(rounds):
    begin, tell = os.pipe()
    kids = []
    for _ in range(processes):
        kid = os.fork()
        if not kid:
            os.close(tell)
            epoll = select.epoll()
            epoll.register(begin, select.EPOLLIN)
            epoll.poll()
            os._exit(0)
        kids.append(kid)
    os.close(begin)
    os.close(tell)
    for kid in kids:
        os.waitpid(kid, 0)
    time.sleep(1.5)
"""


# 16 requests are read; then their connections are shut down as HOW says, stay open, and where that can be done
# are answered half a second later.
SHUT = """
import select, socket, sys, time
HOW = {"read": socket.SHUT_RD, "write": socket.SHUT_WR, "both": socket.SHUT_RDWR}[sys.argv[1]]
listener = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(listener.getsockname()) for _ in range(16)]
epoll = select.epoll()
epoll.register(listener.fileno(), select.EPOLLIN)
served = {}
for client in clients:
    epoll.poll()
    one = listener.accept()[0]
    served[one.fileno()] = one
    epoll.register(one.fileno(), select.EPOLLIN)
for client in clients:
    client.send(b"request")
    fd, _ = epoll.poll(maxevents=1)[0]
    assert served[fd].recv(100) == b"request"
time.sleep(0.2)
shut = time.monotonic_ns()
for one in served.values():
    one.shutdown(HOW)
time.sleep(0.4)
end = time.monotonic_ns()
if HOW == socket.SHUT_RD:
    for one in served.values():
        one.send(b"answer")
print(shut, end)
"""

# A client in a child asks on every connection, has all answers, asks again. Each request is read, and answered
# some milliseconds later by HOW: from a file, or by what was spliced into a pipe.
MOVED = """
import json, os, select, socket, sys, tempfile, time
HOW, CNT, ROUNDS = sys.argv[1], 12, 40
listener = socket.create_server(("127.0.0.1", 0))
if not os.fork():
    socks = [socket.create_connection(listener.getsockname()) for _ in range(CNT)]
    for _ in range(ROUNDS):
        for one in socks:
            one.send(b"request")
        for one in socks:
            assert one.recv(100) == b"request"
    os._exit(0)
epoll = select.epoll()
epoll.register(listener.fileno(), select.EPOLLIN)
served, took, now = {}, [], time.monotonic_ns
for _ in range(CNT):
    epoll.poll(maxevents=1)
    one = listener.accept()[0]
    served[one.fileno()] = one
for fd in served:
    epoll.register(fd, select.EPOLLIN)
text = tempfile.TemporaryFile()
text.write(b"request")
text.flush()
pipes = {fd: os.pipe() for fd in served}
for _ in range(ROUNDS):
    begun = {}
    while len(begun) < CNT:
        found = epoll.poll()
        at = now()
        for fd, _ in found:
            begun[fd] = at
            if HOW == "splice":
                assert os.splice(fd, pipes[fd][1], 100) == 7
            else:
                assert os.read(fd, 100) == b"request"
    time.sleep(0.004)
    for fd in served:
        before = now()
        if HOW == "splice":
            assert os.splice(pipes[fd][0], fd, 7) == 7
        else:
            assert os.sendfile(fd, text.fileno(), 0, 7) == 7
        took.append((before - begun[fd], now() - begun[fd]))
os.wait()
least, most = (sorted(one[i] for one in took)[len(took) // 2] for i in (0, 1))
print(json.dumps({"completed": len(took), "peak": CNT, "least": least, "most": most}))
"""

# One thread, two instances that have nothing to do with each other, waited on in turns. Of one it answers 8
# clients, of the other 4; those are threads of a child.
TURNS = """
import json, os, select, socket, time
CNTS, ROUNDS = (8, 4), 60
listeners = [socket.create_server(("127.0.0.1", 0)) for _ in CNTS]
if not os.fork():
    socks = [[socket.create_connection(at.getsockname()) for _ in range(cnt)]
             for at, cnt in zip(listeners, CNTS)]
    for _ in range(ROUNDS):
        for group in socks:
            time.sleep(0.002)
            for one in group:
                one.send(b"request")
        for group in socks:
            for one in group:
                assert one.recv(100) == b"answer"
    os._exit(0)
epolls = [select.epoll() for _ in CNTS]
served, turns = [{}, {}], [0, 0]
for at in (0, 1):
    for _ in range(CNTS[at]):
        one = listeners[at].accept()[0]
        served[at][one.fileno()] = one
        epolls[at].register(one.fileno(), select.EPOLLIN)
begin = time.monotonic_ns()
for _ in range(ROUNDS):
    for at in (0, 1):
        got = 0
        while got < CNTS[at]:
            for fd, _ in epolls[at].poll():
                served[at][fd].recv(100)
                got += 1
            turns[at] += 1
            last = time.monotonic_ns()
    time.sleep(0.002)
    for group in served:
        for one in group.values():
            one.send(b"answer")
os.wait()
print(json.dumps({"fds": [one.fileno() for one in epolls], "turns": turns, "life_ns": last - begin,
                  "completed": [cnt * ROUNDS for cnt in CNTS], "peak": CNTS}))
"""


# Eight connections of one loop: at one the handler sleeps, at another one it computes. It tells what each took
# by its own clock: from its first call on it, or the wait before that, to that on another one or the next wait.
SERVICES = """
import json, os, select, socket, time
ROUNDS = 20
listener = socket.create_server(("127.0.0.1", 0))
address = listener.getsockname()
if not os.fork():
    clients = [socket.create_connection(address) for _ in range(8)]
    for _ in range(ROUNDS):
        for client in clients:
            client.send(b"request")
        for client in clients:
            assert client.recv(100)
    os._exit(0)
served, took, at, mark = [], {}, None, 0
epoll = select.epoll()
epoll.register(listener.fileno(), select.EPOLLIN)

def turn_to(fd):
    global at, mark
    now = time.monotonic_ns()
    if at is not None:
        took.setdefault(at, []).append(now - mark)
    if at is not None or fd is None:
        mark = now
    at = fd

answers = 0
while answers < 8 * ROUNDS:
    ready = epoll.poll()
    mark = time.monotonic_ns()
    for fd, _ in ready:
        if fd == listener.fileno():
            served.append(listener.accept()[0])
            turn_to(fd)
            epoll.register(served[-1].fileno(), select.EPOLLIN)
            continue
        one = [one.fileno() for one in served].index(fd)
        asked = served[one].recv(100)
        turn_to(fd)
        if not asked:
            epoll.unregister(fd)
            continue
        begin = time.monotonic_ns()
        if one == 2:
            time.sleep(0.02)
        while one == 5 and time.monotonic_ns() < begin + 2e7:
            pass
        served[one].send(b"answer")
        answers += 1
    turn_to(None)
epoll.poll(0)
os.wait()
print(json.dumps({"took": took, "listener": listener.fileno(),
                  "slow": [served[2].fileno(), served[5].fileno()]}))
"""


def services(case):
    """What each connection took of the loop, by the loop's own clock."""
    script = case.write("services.py", SERVICES)
    run = loops_run(case, ["/usr/bin/python3", "-I", script], how="fds")
    facts = json.loads(run.result.out)
    took = {int(fd): turns for fd, turns in facts["took"].items()}
    found = {one["fd"]: one for instance in run.report["epoll_instances"]
             for one in instance.get("services", [])}
    case.equal("descriptors", len(found), min(len(took), 8))
    for fd, one in found.items():
        case.equal(f"times of {fd}", one["times"], len(took[fd]))
        case.equal(f"kind of {fd}", one["kind"], "listener" if fd == facts["listener"] else "inbound")
    # Time between a call's end and the clock that is read behind it is the one's here and the other's
    # there: what it waited for a CPU, and 1 % for the rest.
    waited = next(one["runnable_ns"] for one in run.report["event_loops"])
    for fd in facts["slow"]:
        case.within(f"{fd} by the loop's clock", found[fd]["service_ns"], 0.99 * sum(took[fd]) - waited,
                    1.01 * sum(took[fd]) + waited)
        case.within(f"longest of {fd}", found[fd]["longest_ns"], 2e7, found[fd]["service_ns"] - 19 * 2e7)
    rows = case.cpt("export", "-i", run.trace, "--table", "services", "-f", "csv").out
    case.equal("rows of the table", len(rows.split()) - 1, len(found))
    text = " ".join(case.cpt("report", "-i", run.trace).out.split())
    case.check("the text names them", f"took most of its turns: {list(found)[0]} (inbound)" in text,
               text[-2000:])


# A connection that one instance's loop serves, then another's, then that one by a copy while the first number
# is closed; and a listener that both have, in turns. What each took is told by the loop's own clock.
PASSED_ON = """
import json, os, select, socket, time
ends = socket.socketpair()
listener = socket.create_server(("127.0.0.1", 0))
address = listener.getsockname()
go, tell = os.pipe()
if not os.fork():
    client = socket.create_connection(address)
    for _ in range(25):
        client.send(b"request")
        assert client.recv(100)
    for _ in range(6):
        os.read(go, 1)
        socket.create_connection(address)
    os._exit(0)
epolls = [select.epoll(), select.epoll()]
took = [{}, {}]

def serve(at, fd, call, busy_ns):
    epolls[at].poll()
    before = time.monotonic_ns()
    assert epolls[at].poll()[0][0] == fd  # it is ready still: this is the wait that the turn begins behind
    mark = time.monotonic_ns()
    result = call()
    while time.monotonic_ns() < mark + busy_ns:
        pass
    if result == b"request":
        os.write(fd, b"answer")
    inner = time.monotonic_ns() - mark
    epolls[at].poll(0)
    took[at].setdefault(fd, []).append([inner, time.monotonic_ns() - before])
    return result

for epoll in epolls:
    epoll.register(listener.fileno(), select.EPOLLIN)
one = serve(0, listener.fileno(), listener.accept, 0)[0].detach()
for epoll in epolls:
    epoll.unregister(listener.fileno())
epolls[0].register(one, select.EPOLLIN)
for _ in range(10):
    serve(0, one, lambda: os.read(one, 100), 10_000_000)
epolls[0].unregister(one)
epolls[1].register(one, select.EPOLLIN)
for _ in range(10):
    serve(1, one, lambda: os.read(one, 100), 2_000_000)
copy = os.dup(one)
epolls[1].unregister(one)
epolls[1].register(copy, select.EPOLLIN)
os.close(one)
for _ in range(5):
    serve(1, copy, lambda: os.read(copy, 100), 4_000_000)
epolls[1].unregister(copy)
took[1][copy] += took[1].pop(one)
for epoll in epolls:
    epoll.register(listener.fileno(), select.EPOLLIN)
for i in range(6):
    os.write(tell, b"x")
    serve(i % 2, listener.fileno(), listener.accept, 5_000_000)
print(json.dumps([[epoll.fileno(), of] for epoll, of in zip(epolls, took)]))
"""


def passed_on(case):
    """What a loop did for a descriptor is its own instance's, whichever has it later, and by its number."""
    script = case.write("passed_on.py", PASSED_ON)
    run = loops_run(case, ["/usr/bin/python3", "-I", script], how="fds")
    for epfd, took in json.loads(run.result.out):
        found = {one["fd"]: one for instance in run.report["epoll_instances"]
                 if instance["epfd"] == epfd for one in instance.get("services", [])}
        case.equal(f"descriptors of {epfd}", sorted(found), sorted(int(fd) for fd in took))
        for fd, turns in took.items():
            one = found[int(fd)]
            case.equal(f"times of {fd} by {epfd}", one["times"], len(turns))
            # Between the clock's readings within the turn and those around it, however busy the machine is.
            case.within(f"{fd} by {epfd}", one["service_ns"], sum(inner for inner, _ in turns),
                        sum(outer for _, outer in turns))


# A loop's handler blocks 20 x 10 ms in the very call its loop waits by, for other things.
SAME_CALL = """
import os, select, socket, sys
ends = [socket.socketpair() for _ in range(3)]
if not os.fork():
    for i in range(20):
        ends[0][1].send(b"request")
        assert ends[0][1].recv(100)
    os._exit(0)
idle = os.pipe()[0]
loop, other = select.poll(), select.poll()
for end, _ in ends:
    loop.register(end, select.POLLIN)
other.register(idle, select.POLLIN)
for i in range(20):
    if sys.argv[1] == "poll":
        loop.poll()
    else:
        select.select([end for end, _ in ends], [], [])
    assert ends[0][0].recv(100)
    if sys.argv[1] == "poll":
        other.poll(10)
    else:
        select.select([], [], [], 0.01)
    ends[0][0].send(b"answer")
print(ends[0][0].fileno())
"""


def _same_call(how):
    def body(case):
        """What a handler waits for in the loop's own system call is time at its descriptor."""
        script = case.write("same_call.py", SAME_CALL)
        run = loops_run(case, ["/usr/bin/python3", "-I", script, how], how="fds")
        found = [one for instance in run.report["epoll_instances"]
                 for one in instance.get("services", []) if one["fd"] == int(run.result.out)]
        case.equal("instances that serve it", len(found), 1)
        # The first turns of a loop are over when it is known to be one.
        case.check("each wait of a handler", found[0]["times"] >= 12 and
                   found[0]["service_ns"] >= found[0]["times"] * 10_000_000, found[0])
    return body


# A loop reads from six descriptors, once each, 10 ms, and lets go of each by HOW before it goes on with another one.
LET_GO = """
import ctypes, os, select, socket, sys, time
HOW = sys.argv[1]
ends = [socket.socketpair() for _ in range(6)]
epoll = select.epoll()
fds = [end.detach() for end, _ in ends]
for fd in fds:
    epoll.register(fd, select.EPOLLIN)
nothing = os.open("/dev/null", os.O_RDWR)
last, other = socket.socketpair()
epoll.register(last.fileno(), select.EPOLLIN)
epoll.poll(0)
for fd, (_, end) in zip(fds, ends):
    end.send(b"request")
    assert epoll.poll()[0][0] == fd
    os.read(fd, 100)
    time.sleep(0.01)
    if HOW == "dup2":
        os.dup2(nothing, fd)
    elif HOW == "range":
        assert not ctypes.CDLL(None).syscall(436, fd, fd, 0)
    else:
        os.close(fd)
    last.send(b"x")
    other.recv(1)
epoll.poll(0)
print(*fds)
"""


def _let_go(how):
    def body(case):
        """Time at a descriptor counts to the moment it is let go of, by whatever call."""
        script = case.write("let_go.py", LET_GO)
        run = loops_run(case, ["/usr/bin/python3", "-I", script, how], how="fds")
        found = {one["fd"]: one for instance in run.report["epoll_instances"]
                 for one in instance.get("services", [])}
        for fd in (int(word) for word in run.result.out.split()):
            one = found.get(fd, {"times": 0, "service_ns": 0})
            case.equal(f"times of {fd}, {one}", one["times"], 1)
            case.check(f"what {fd} took", one["service_ns"] >= 10_000_000, one)
    return body


def cases(_workloads):
    return [
        *((f"the last of a descriptor, let go of by {how}", _let_go(how)) for how in ("close", "dup2", "range")),
        ("what single descriptors took of the turns", services),
        ("a descriptor served by two instances, and by a copy", passed_on),
        ("handlers that block in poll as their loop does", _same_call("poll")),
        ("handlers that block in select as their loop does", _same_call("select")),
        ("closed by close_range, and the numbers used again", _unanswered("range")),
        ("closed by exec, and the numbers used again", _unanswered("exec")),
        ("shut down for writing: never answered", _shut("write")),
        ("shut down altogether: never answered", _shut("both")),
        ("shut down for reading: answered all the same", _shut("read")),
        ("answered by sendfile", _moved("sendfile")),
        ("read and answered by splice", _moved("splice")),
        ("one thread in turns at two instances", turns),
        ("processes that end leave nothing", nothing_is_left),
        ("processes that end all at once, and others in their place", all_at_once),
        ("more copies than there is room for", copies),
        ("thousands of rings, one after the other", rings),
    ]


def _unanswered(how):
    def body(case):
        script = case.write("unanswered.py", UNANSWERED)
        run = loops_run(case, ["/usr/bin/python3", script, how])
        whole = run.report
        used = [one for one in whole["epoll_instances"] if one["iterations"]]
        case.equal("instances", len(used), 1)
        flight = used[0]["in_flight"]
        case.equal("peak", flight["peak"], 16)
        case.equal("completed", flight["completed"], 0)
        end = whole["window_ns"] / 1e9
        last = case.report_json(run.trace, "--time", f"{end - 0.4:.3f},{end - 0.1:.3f}")
        case.equal("in flight when all is closed",
                   sum(one["in_flight"]["average"] for one in last["epoll_instances"]), 0)
    return body


def _shut(how):
    def body(case):
        script = case.write("shut.py", SHUT)
        run = loops_run(case, ["/usr/bin/python3", script, how])
        shut, end = map(int, run.result.out.split())
        used = [one for one in run.report["epoll_instances"] if one["iterations"]]
        case.equal("instances", len(used), 1)
        flight = used[0]["in_flight"]
        case.equal("peak", flight["peak"], 16)
        case.equal("completed", flight["completed"], 16 if how == "read" else 0)
        case.equal("cancelled", flight["cancelled"], 0 if how == "read" else 16)
        base = run.report["window_start_ns"]
        behind = case.report_json(run.trace, "--time", f"{(shut + 100e6 - base) / 1e9:.9f},"
                                                       f"{(end - base) / 1e9:.9f}")
        case.equal("in flight behind it",
                   sum(one["in_flight"]["average"] for one in behind["epoll_instances"]),
                   16 if how == "read" else 0)
    return body


def _moved(how):
    def body(case):
        script = case.write("moved.py", MOVED)
        run = loops_run(case, ["/usr/bin/python3", script, how])
        facts = json.loads(run.result.out)
        served = [one for one in run.report["epoll_instances"] if one["iterations"]]
        case.equal("instances", len(served), 1)
        flight = served[0]["in_flight"]
        case.equal("direction", served[0]["direction"], "inbound")
        case.equal("completed", flight["completed"], facts["completed"])
        case.equal("peak", flight["peak"], facts["peak"])
        case.within("median latency", flight["latency_ns"]["p50"], 0.95 * facts["least"],
                    1.05 * facts["most"])
    return body


def turns(case):
    """The lives of its two loops add up to what the thread was a loop; turns and operations are each one's."""
    script = case.write("turns.py", TURNS)
    run = loops_run(case, ["/usr/bin/python3", script])
    facts = json.loads(run.result.out)
    loops = {one["epfd"]: one for one in run.report["event_loops"]}
    found = {one["epfd"]: one for one in run.report["epoll_instances"]}
    case.equal("loops", sorted(loops), sorted(facts["fds"]))
    case.equal("threads they are on", len({one["tid"] for one in loops.values()}), 1)
    for at, fd in enumerate(facts["fds"]):
        flight = found[fd]["in_flight"]
        case.equal(f"turns of {fd}", loops[fd]["iterations"], facts["turns"][at])
        case.equal(f"completed by {fd}", flight["completed"], facts["completed"][at])
        case.equal(f"peak of {fd}", flight["peak"], facts["peak"][at])
        case.check(f"{fd} lost time to the other", loops[fd]["elsewhere_ns"] > 0, loops[fd])
    lives = sum(one["life_ns"] for one in loops.values())
    case.within("both lives / by the thread's clock", lives / facts["life_ns"], 0.98, 1.01)


def entries(name):
    """How many there are of a map of the probes; None while it is not there."""
    result = subprocess.run([BPFTOOL, "-j", "map", "dump", "name", name[:15]],
                            capture_output=True, text=True, timeout=20, check=False)
    try:
        found = json.loads(result.stdout)
    except ValueError:
        return None
    return len(found) if isinstance(found, list) else None


def nothing_is_left(case):
    """Servers that end with connections, copies and cookies: soon none of them is known any more."""
    script = case.write("end.sh", f"{os.path.join(case.workloads, 'loops')} generations --rounds 2\n"
                                  "sleep 4\n")
    with open(case.path("out"), "w", encoding="utf-8") as out:
        proc = case.spawn([case.cpartrace, "run", "-o", case.path("trace"), "--loops", "on", "--",
                           "sh", script], stdout=out, stderr=out)
        most = {"cpt_loop_cookies": 0, "cpt_loop_fds": 0}
        left = {}
        while proc.poll() is None:
            left = {name: entries(name) for name in most}
            if None in left.values():
                left = {}
                time.sleep(0.05)
                continue
            most = {name: max(most[name], left[name]) for name in most}
            if min(most.values()) > 30 and not any(left.values()):
                break
            time.sleep(0.1)
        proc.wait()
    case.note(f"at most {most}")
    for name, count in most.items():
        case.check(f"{name} was used", count > 30, count)
        case.equal(f"{name}, left", left.get(name), 0)


def all_at_once(case):
    """The places of those that have ended are there for the next, however many they are."""
    script = case.write("at_once.py", AT_ONCE)
    run = loops_run(case, ["/usr/bin/python3", "-I", script, 450, 3])
    case.equal("instances", len(run.report["epoll_instances"]), 3 * 450)
    case.equal("warnings of loops", [text for text in run.report["data_quality"]["warnings"]
                                     if "instances" in text], [])


def copies(case):
    script = case.write("copies.py", COPIES)
    run = loops_run(case, ["/usr/bin/python3", script])
    case.check("it is said", any("descriptors than are followed" in text
                                 for text in run.report["data_quality"]["warnings"]),
               run.report["data_quality"]["warnings"])


def rings(case):
    """More than are known at a time, each used and closed: all that each did is told."""
    run = loops_run(case, [case.helper("many_rings"), 300, 6])
    facts = json.loads(run.result.out)
    found = [one for one in run.report["epoll_instances"] if one["kind"] == "io_uring"]
    case.equal("rings", len(found), facts["rings"])
    case.equal("completed", sum(one["in_flight"]["completed"] for one in found),
               facts["completed"])
    case.equal("warnings of loops",
               [text for text in run.report["data_quality"]["warnings"] if "loop" in text], [])
