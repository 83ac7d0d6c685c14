# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
"""A client that keeps a number of requests open, on one event loop, and knows it:

    closed_loop.py PORT CONNECTIONS REQUESTS KIND [GO]   KIND: echo, http, memcached, redis

One connection each; the first request goes out when there is a file GO, the next when the answer is there.
Prints one line of JSON: completed; and of the time in which all connections had their request open, from
the first round's last answer on (CLOCK_MONOTONIC, ns): span_ns, the requests begun in it, their mean
latency_ns, and the mean number in flight by the time stamps taken beside each send and receive. In the
first round the server still wakes up; its requests, begun before the span, would be in flight without being of its rate.
"""

import json
import os
import selectors
import socket
import sys
import time

REQUESTS = {"echo": b"a request of 24 bytes..\n",
            "http": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "memcached": b"get a-key\r\n", "redis": b"PING\r\n"}
ENDS = {"echo": b"\n", "http": b"answer", "memcached": b"END\r\n", "redis": b"PONG\r\n"}


def connect(port):
    for attempt in range(100):
        try:
            sock = socket.create_connection(("127.0.0.1", port), timeout=20)
        except ConnectionRefusedError:
            if attempt == 99:
                raise
            time.sleep(0.05)
            continue
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    return None


def main(argv):
    port, connections, requests, kind = int(argv[0]), int(argv[1]), int(argv[2]), argv[3]
    message, end = REQUESTS[kind], ENDS[kind]
    selector = selectors.EpollSelector()
    socks = [connect(port) for _ in range(connections)]
    for sock in socks:
        selector.register(sock, selectors.EVENT_READ)
    while argv[4:] and not os.path.exists(argv[4]):
        time.sleep(0.01)
    now = time.monotonic_ns
    begun, ops, sent = {}, [], 0
    for sock in socks:
        begun[sock] = now()
        sock.sendall(message)
        sent += 1
    start = last = 0
    while len(ops) < requests:
        for key, _ in selector.select():
            sock = key.fileobj
            answer = sock.recv(65536)
            if not answer.endswith(end):
                sys.exit(f"an answer in parts, or none: {answer[-80:]!r}")
            ops.append((begun.pop(sock), now()))
            if sent < requests:
                begun[sock] = now()
                sock.sendall(message)
                sent += 1
                last = now()
            if len(ops) == connections:
                start = last = now()
    inside = [b - a for a, b in ops if a >= start and a <= last]
    flight = sum(max(0, min(b, last) - max(a, start)) for a, b in ops)
    print(json.dumps({"completed": len(ops), "span_ns": [start, last], "begun": len(inside),
                      "latency_ns": sum(inside) / max(1, len(inside)),
                      "in_flight": flight / (last - start)}))


if __name__ == "__main__":
    main(sys.argv[1:])
