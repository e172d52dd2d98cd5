"""Ask a server over connections that stay open, each in a thread of its own.

served_calls.py ANSWER.json PORT INPUT.npy COUNT CLIENTS
"""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from edgekit_runtime.stats import quantile

body = Path(sys.argv[3]).read_bytes()
head = "POST /v1/predict HTTP/1.1\r\nHost: bench\r\nContent-Type: application/x-npy\r\nContent-Length: "
request = (head + f"{len(body)}\r\nAccept: application/x-npy\r\n\r\n").encode() + body
count, clients = int(sys.argv[4]), int(sys.argv[5])
times: list[int] = []
statuses: Counter[str] = Counter()


def ask(connection: socket.socket) -> str:
    """Ask once; the status of the answer."""
    connection.sendall(request)
    answer = connection.recv(65536)
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    top, _, rest = answer.partition(b"\r\n\r\n")
    length = int(top.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
    while len(rest) < length:
        rest += connection.recv(65536)
    return top[9:12].decode()


def client(share: int) -> None:
    """Ask a number of times."""
    with socket.create_connection(("127.0.0.1", int(sys.argv[2])), timeout=120) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(100 if clients == 1 else 0):
            ask(connection)
        for _ in range(share):
            started = time.perf_counter_ns()
            statuses[ask(connection)] += 1
            times.append(time.perf_counter_ns() - started)


threads = [threading.Thread(target=client, args=(count // clients,)) for _ in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
answer = {
    "p50_ns": quantile(times, 0.5),
    "p99_ns": quantile(times, 0.99),
    "answered": sum(statuses.values()),
    "ok": statuses["200"],
    "busy": statuses["503"],
}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
