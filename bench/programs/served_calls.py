"""Ask a server over connections that stay open, each in a thread of its own.

served_calls.py ANSWER.json PORT INPUT.npy COUNT CLIENTS
"""

from __future__ import annotations

import json
import sys
import threading
from collections import Counter
from pathlib import Path

from asking import ask, connect, request_of

port, request = int(sys.argv[2]), request_of(Path(sys.argv[3]))
count, clients = int(sys.argv[4]), int(sys.argv[5])
statuses: Counter[str] = Counter()


def client(share: int) -> None:
    """Ask a number of times."""
    with connect(port) as connection:
        for _ in range(share):
            statuses[ask(connection, request)] += 1


threads = [threading.Thread(target=client, args=(count // clients,)) for _ in range(clients)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
answer = {"answered": sum(statuses.values()), "ok": statuses["200"], "busy": statuses["503"]}
Path(sys.argv[1]).write_text(json.dumps(answer), encoding="utf-8")
