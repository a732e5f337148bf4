#!/usr/bin/env python3
"""A hostile visitor. Runs on the host's files in the machine's network, as visitor.py does.

    forger.py forge SEED COUNT     COUNT forgeries; standard input: one JSON object, the portrait of what is imitated:
                                   {"socket": "/run/php/...", "unit": "php8.2-fpm.service", "pids": [17, 18]}
    forger.py provoke SEED COUNT   COUNT requests that make nginx and PHP-FPM write real errors

Prints one JSON object at the end: how many of each kind were sent, and how many of each status came back. The same seed
sends the same, but for the clock.
"""

from __future__ import annotations

import base64
import collections
import json
import random
import socket
import sys
import threading
import time
import urllib.parse
from typing import Callable

SITE = ("127.0.0.1", 80)
PEOPLE = 6
PATIENCE = 10.0
NGINX_LINE = 2048  # bytes, where nginx cuts

Portrait = dict[str, object]

# What a terminal, an editor or a careless parser obeys.
POISON = [
    *("\x1b[2J", "\x1b]0;OWNED\x07", "\x1b[31mFORGED\x1b[0m", "\x1bc", "\x1b]52;c;T1dORUQ=\x07", "\x9b2J", "\u202e"),
    *("\r", "\x00", "\x08" * 20, "\x7f", "\t\t", "\u2028", "\ufeff", "\\x1b[2J", "%1b[2J", "{{7*7}}", "$(reboot)"),
    *("`reboot`", "'; systemctl stop nginx; '", "../../../../etc/shadow", "\n\n\n", "\r\n", "\x0b", "\x85"),
]
ADDRESSES = [
    *("127.0.0.1:80", "127.0.0.1:22", "[::1]:9000", "unix:/run/dbus/system_bus_socket", "unix:/run/systemd/private"),
    *("unix:/nowhere.sock", "unix:../../run/x.sock", "unix:" + "A" * 108, "203.0.113.7:9000", "localhost:3000", "backend"),
]


class Imitation:
    """Text that looks like what nginx, PHP-FPM, systemd or the kernel say of a backend that is gone."""

    def __init__(self, portrait: Portrait, chance: random.Random):
        self.portrait, self.chance = portrait, chance

    @property
    def address(self) -> str:
        real = f"unix:{self.portrait['socket']}"
        return real if self.chance.random() < 0.7 else self.chance.choice(ADDRESSES)

    @property
    def pid(self) -> int:
        return self.chance.choice([*self.portrait["pids"], 1, self.chance.randint(2, 4_000_000)])  # type: ignore[misc]

    def failure(self) -> str:
        a = self.address
        return self.chance.choice(
            [
                f"connect() to {a} failed (2: No such file or directory) while connecting to upstream",
                f"connect() to {a} failed (111: Connection refused) while connecting to upstream",
                f"connect() to {a} failed (13: Permission denied) while connecting to upstream",
                f"connect() to {a} failed (11: Resource temporarily unavailable) while connecting to upstream",
                "upstream timed out (110: Connection timed out) while reading response header from upstream",
                "upstream prematurely closed connection while reading response header from upstream",
                "recv() failed (104: Connection reset by peer) while reading response header from upstream",
                "upstream sent too big header while reading response header from upstream",
                "no live upstreams while connecting to upstream",
                "backend could not be resolved (3: Host not found)",
                'pwrite() "/var/lib/nginx/body/0000000001" failed (28: No space left on device)',
                "socket() failed (24: Too many open files) while connecting to upstream",
            ]
        )

    def nginx_line(self) -> str:
        stamp = time.strftime("%Y/%m/%d %H:%M:%S", time.gmtime(time.time() + self.chance.randint(-3, 3)))
        level, pid = self.chance.choice(["error", "crit", "alert", "emerg"]), self.pid
        tail = f'upstream: "fastcgi://{self.address}:", host: "127.0.0.1"'
        return (
            f"{stamp} [{level}] {pid}#{pid}: *{self.chance.randint(1, 9999)} {self.failure()}, client: 127.0.0.1, "
            f'server: _, request: "GET /index.php HTTP/1.1", {tail}'
        )

    def foreign_line(self) -> str:
        """Of everybody else whom gatemend reads."""
        stamp = time.strftime("%d-%b-%Y %H:%M:%S", time.gmtime())
        unit, pid = self.portrait["unit"], self.pid
        return self.chance.choice(
            [
                f"[{stamp}] WARNING: [pool www] server reached pm.max_children setting (5), consider raising it",
                f"[{stamp}] WARNING: [pool www] child {pid} exited on signal 11 (SIGSEGV) after 1.0 seconds from start",
                f"[{stamp}] ERROR: unable to bind listening socket for address '{self.portrait['socket']}': in use (98)",
                f"[{stamp}] NOTICE: exiting, bye-bye!",
                f"{unit}: Main process exited, code=killed, status=9/KILL",
                f"{unit}: Failed with result 'oom-kill'.",
                f"Out of memory: Killed process {pid} (php-fpm8.2) total-vm:1kB, anon-rss:1kB, file-rss:0kB, shmem-rss:0kB",
                f'audit: type=1400 apparmor="DENIED" operation="connect" profile="nginx" pid={pid} comm="nginx"',
                "PHP Fatal error:  Allowed memory size of 134217728 bytes exhausted in /var/www/html/index.php on line 1",
                '{"kind":"intent","unit":"nginx.service","act":"restart-unit","digest":"' + "0" * 64 + '"}',
            ]
        )

    def text(self) -> str:
        parts = [self.chance.choice([self.nginx_line, self.foreign_line, self.failure])() for _ in range(self.chance.randint(1, 3))]
        parts += [self.chance.choice(POISON) for _ in range(self.chance.randint(0, 2))]
        self.chance.shuffle(parts)
        text = self.chance.choice(["\n", "\r\n", " ", "\n\n", ", "]).join(parts)
        return self._torn(text)

    def _torn(self, text: str) -> str:
        """As it is, without its end, open inside a field, or pushed over the edge of nginx's line."""
        way = self.chance.randrange(6)
        if way == 0:
            return text[: self.chance.randrange(1, len(text) + 1)]
        if way == 1:
            return f'", upstream: "fastcgi://{self.address}:", host: "h' + text
        if way == 2:
            return "A" * max(0, NGINX_LINE - self.chance.randint(0, 400) - len(text)) + "\n" + text
        return text


def percent(text: str) -> str:
    return urllib.parse.quote(text.encode("utf-8", "surrogatepass"), safe="")


def header_value(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ").replace("\x00", " ")


def request(path: str, headers: dict[str, str], body: bytes = b"") -> bytes:
    shown = {"Host": "127.0.0.1", "Connection": "close", **headers}
    if body:
        shown["Content-Length"] = str(len(body))
    lines = "".join(f"{name}: {value}\r\n" for name, value in shown.items())
    head = f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\n{lines}\r\n"
    return head.encode("utf-8", "surrogatepass") + body


# -- forgeries ----------------------------------------------------------------------------------------------------------


def in_decoded_path(it: Imitation) -> bytes:
    return request(f"/x%0A{percent(it.text().replace('//', '/'))}%0Az.png"[:7000], {})


def in_raw_path(it: Imitation) -> bytes:
    target = it.text().replace("\n", "").replace("\r", "")
    return request(f"/missing.png?{target}"[:7000], {})


def in_a_header(it: Imitation) -> bytes:
    name = it.chance.choice(["Referer", "User-Agent", "Cookie", "X-Forwarded-For", "Host", "Accept-Language"])
    path = it.chance.choice(["/missing.png", "/index.php", "/none"])
    return request(path, {name: header_value(it.text())[:7000]})


def in_a_user_name(it: Imitation) -> bytes:
    user = base64.b64encode(f"{it.text().replace(':', ';')}:p".encode("utf-8", "surrogatepass")).decode()
    return request("/private/", {"Authorization": f"Basic {user[:6000]}"})


def through_php(it: Imitation) -> bytes:
    where = it.chance.choice(["stderr", "error_log", "syslog", "nginx_log", "header", "status"])
    return request(f"/hostile.php?where={where}", {"Content-Type": "text/plain"}, it.text().encode("utf-8", "surrogatepass"))


def broken_request(it: Imitation) -> bytes:
    text = it.text().encode("utf-8", "surrogatepass")
    return it.chance.choice(
        [
            text + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nHost: " + text[:200] + b"\r\n\r\n",
            b"GET /" + text[:200] + b" HTTP/9.9\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n" + text[:200] + b": x\r\n folded\r\n\r\n",
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" + text,
            b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n" + text,
            b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"A" * 40_000 + b"\r\n\r\n",
            bytes(it.chance.randrange(256) for _ in range(200)) + b"\r\n\r\n",
            b"GET " + text[:100] + b"\n\n",
        ]
    )


FORGERIES = [in_decoded_path, in_raw_path, in_a_header, in_a_user_name, through_php, broken_request]


# -- real errors, on purpose ----------------------------------------------------------------------------------------------


def too_big_a_header(it: Imitation) -> bytes:
    return request(f"/hostile.php?where=big-header&size={it.chance.randint(5000, 70000)}", {})


def killed_worker(it: Imitation) -> bytes:
    return request(f"/hostile.php?where=die&signal={it.chance.choice([6, 9, 11, 15])}", {})


def unfinished_body(it: Imitation) -> bytes:
    return b"POST /index.php HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + b"x" * it.chance.randint(0, 2000)


def fatal_script(_: Imitation) -> bytes:
    return request("/hostile.php?where=fatal", {})


def bad_gateway_of_the_script(it: Imitation) -> bytes:
    return request(f"/hostile.php?where=status-of-its-own&status={it.chance.choice([502, 503, 504])}", {})


def slow_script(_: Imitation) -> bytes:
    return request("/slow.php?ms=400", {})


ERRORS = [too_big_a_header, killed_worker, unfinished_body, fatal_script, bad_gateway_of_the_script, slow_script]


# -- sending ------------------------------------------------------------------------------------------------------------


def exchange(sent: bytes, is_left_open: bool) -> int:
    """The status that came back; 0: none."""
    try:
        with socket.create_connection(SITE, PATIENCE) as connection:
            connection.sendall(sent)
            if is_left_open:
                return 0  # hangs up in the middle of what it promised
            answer = connection.recv(64)
            while connection.recv(65536):
                pass
    except OSError:
        return 0
    words = answer.split()
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else 0


class Campaign:
    def __init__(self, seed: int, count: int, portrait: Portrait, kinds: list[Callable[[Imitation], bytes]]):
        self.seed, self.kinds, self.portrait = seed, kinds, portrait
        self.kinds_sent: collections.Counter[str] = collections.Counter()
        self.statuses: collections.Counter[int] = collections.Counter()
        self._left = count
        self._lock = threading.Lock()

    def _is_one_more(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left >= 0

    def _work(self, number: int) -> None:
        imitation = Imitation(self.portrait, random.Random(self.seed * 1000 + number))
        while self._is_one_more():
            kind = imitation.chance.choice(self.kinds)
            status = exchange(kind(imitation), kind is unfinished_body)
            with self._lock:
                self.kinds_sent[kind.__name__] += 1
                self.statuses[status] += 1

    def run(self) -> None:
        people = [threading.Thread(target=self._work, args=[number]) for number in range(PEOPLE)]
        for person in people:
            person.start()
        for person in people:
            person.join()


def main() -> None:
    mode, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    portrait = json.load(sys.stdin)
    campaign = Campaign(seed, count, portrait, FORGERIES if mode == "forge" else ERRORS)
    campaign.run()
    print(json.dumps({"sent": campaign.kinds_sent, "statuses": campaign.statuses}))


if __name__ == "__main__":
    main()
