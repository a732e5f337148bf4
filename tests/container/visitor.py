#!/usr/bin/env python3
"""Visitors of the site under test. Runs on the host's files in the machine's network, so the machine needs no Python.

    visitor.py steady INTERVAL PATH [N] one GET after another until standard input closes; or POSTs of N bytes
    visitor.py crowd PEOPLE PATH        so many at a time, each one GET after another, until standard input closes
    visitor.py script                   one request per JSON line on standard input: {"path": ..., "headers": {...}};
                                        with "body": N it is a POST of so many bytes
    visitor.py patient PEOPLE PATH      so many at once, each one GET, however long the answer takes
    visitor.py abort TIMES PATH         sends the request and hangs up before the answer
    visitor.py crawl PATH               a client on a bad line: sends and reads a few bytes at a time

All but `abort` print one JSON line per answer: {"time": seconds since 1970, "status": 200, "seconds": 0.002};
status 0 = no answer.
"""

from __future__ import annotations

import http.client
import json
import select
import socket
import sys
import threading
import time

SITE = ("127.0.0.1", 80)
ANSWER_DEADLINE = 10.0
PATIENCE = 900.0
CRAWL_INTERVAL = 0.05


def visit(
    path: str, headers: dict[str, str] | None = None, body: int | None = None, deadline: float = ANSWER_DEADLINE
) -> dict[str, float]:
    began = time.time()
    connection = http.client.HTTPConnection(*SITE, timeout=deadline)
    try:
        sent = None if body is None else b"x" * body
        connection.request("GET" if sent is None else "POST", path, sent, {"Connection": "close", **(headers or {})})
        answer = connection.getresponse()
        answer.read()
        status = answer.status
    except (OSError, http.client.HTTPException):
        status = 0
    finally:
        connection.close()
    return {"time": began, "status": status, "seconds": round(time.time() - began, 6)}


def report(answer: dict[str, float]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")  # in one piece: a crowd writes side by side
    sys.stdout.flush()


def is_dismissed(within: float) -> bool:
    return bool(select.select([sys.stdin], [], [], within)[0])


def steady(interval: float, path: str, body: int | None) -> None:
    while not is_dismissed(interval):
        report(visit(path, body=body))


def crowd(people: int, path: str) -> None:
    def insist() -> None:
        while True:
            answer = visit(path)
            report(answer)
            if answer["status"] != 200:
                time.sleep(CRAWL_INTERVAL)  # a visitor turned away at once must not become a flood

    for _ in range(people):
        threading.Thread(target=insist, daemon=True).start()
    while not is_dismissed(60):
        pass


def patient(people: int, path: str) -> None:
    threads = [
        threading.Thread(target=lambda: report(visit(path, deadline=PATIENCE))) for _ in range(people)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def script() -> None:
    for line in sys.stdin:
        request = json.loads(line)
        report(visit(request["path"], request.get("headers"), request.get("body")))


def request_bytes(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()


def abort(times: int, path: str) -> None:
    for _ in range(times):
        with socket.create_connection(SITE, ANSWER_DEADLINE) as connection:
            connection.sendall(request_bytes(path))


def crawl(path: str) -> None:
    began = time.time()
    received = b""
    with socket.create_connection(SITE, ANSWER_DEADLINE) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        request = request_bytes(path)
        for start in range(0, len(request), 8):
            connection.sendall(request[start : start + 8])
            time.sleep(CRAWL_INTERVAL)
        while chunk := connection.recv(16384):
            received += chunk
            time.sleep(CRAWL_INTERVAL)
    status = int(received.split()[1]) if received else 0
    report({"time": began, "status": status, "seconds": round(time.time() - began, 6)})


if __name__ == "__main__":
    mode, *arguments = sys.argv[1:]
    if mode == "steady":
        steady(float(arguments[0]), arguments[1], int(arguments[2]) if len(arguments) > 2 else None)
    elif mode == "crowd":
        crowd(int(arguments[0]), arguments[1])
    elif mode == "patient":
        patient(int(arguments[0]), arguments[1])
    elif mode == "abort":
        abort(int(arguments[0]), arguments[1])
    elif mode == "crawl":
        crawl(arguments[0])
    else:
        script()
