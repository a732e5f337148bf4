#!/usr/bin/env python3
"""Visitors of the site under test. Runs on the host's files in the machine's network, so the machine needs no Python.

    visitor.py steady INTERVAL PATH     one GET after another until standard input closes
    visitor.py script                   one GET per JSON line on standard input: {"path": ..., "headers": {...}}

Prints one JSON line per answer: {"time": seconds since 1970, "status": 200, "seconds": 0.002}; status 0 = no answer.
"""

from __future__ import annotations

import http.client
import json
import select
import sys
import time

ANSWER_DEADLINE = 10.0


def visit(path: str, headers: dict[str, str] | None = None) -> dict[str, float]:
    began = time.time()
    connection = http.client.HTTPConnection("127.0.0.1", 80, timeout=ANSWER_DEADLINE)
    try:
        connection.request("GET", path, headers={"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return {"time": began, "status": status, "seconds": round(time.time() - began, 6)}


def report(answer: dict[str, float]) -> None:
    print(json.dumps(answer), flush=True)


def steady(interval: float, path: str) -> None:
    while not select.select([sys.stdin], [], [], interval)[0]:
        report(visit(path))


def script() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        report(visit(request["path"], request.get("headers")))


if __name__ == "__main__":
    if sys.argv[1] == "steady":
        steady(float(sys.argv[2]), sys.argv[3])
    else:
        script()
