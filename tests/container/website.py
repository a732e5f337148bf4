"""The patient: nginx and PHP-FPM as Debian ships them, with a small site, and its visitors."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import subprocess
import threading
import urllib.parse
from typing import Sequence

import images
from machine import Machine, MachineError

NGINX_LOG = "/var/log/nginx/error.log"
ACCESS_LOG = "/var/log/nginx/access.log"
UPSTREAM_LOG = "/var/log/nginx/upstream.log"
DEAD_END = "/run/php/nobody-listens.sock"
_VISITOR = pathlib.Path(__file__).with_name("visitor.py")

# `location ~* \.png$` answers a miss from the static handler, which logs the decoded path: where a forged line gets in.
_NGINX_SITE = """\
server {{
    listen 80 default_server;
    server_name _;
    root /var/www/html;
    index index.php index.html;
    location / {{ try_files $uri $uri/ =404; }}
    location ~* \\.(png|css|js)$ {{ }}
    include /etc/nginx/routes/*.conf;
    location ~ \\.php$ {{ include snippets/fastcgi-php.conf; fastcgi_pass unix:{socket}; }}
}}
"""

# The form that most guides give: connect and header time tell nginx's own 502 from one of the application.
_ACCESS_LOG = """\
log_format upstreams '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" '
    '"$http_user_agent" rt=$request_time uct="$upstream_connect_time" uht="$upstream_header_time" '
    'urt="$upstream_response_time" us="$upstream_status" ua="$upstream_addr"';
access_log /var/log/nginx/upstream.log upstreams;
"""

_PAGES = {
    "index.php": '<?php echo "ok ", getmypid(), "\\n";\n',
    "dead-end.php": "",  # must exist to be passed on
    "slow.php": '<?php usleep((int)($_GET["ms"] ?? 1000) * 1000); echo "slow\\n";\n',
    # What many an application does: it logs what a visitor sent.
    "forge.php": '<?php error_log("visitor said: " . $_GET["text"]); echo "noted\\n";\n',
}


@dataclasses.dataclass(frozen=True)
class Answer:
    time: float
    status: int
    seconds: float

    @property
    def is_good(self) -> bool:
        return self.status == 200


class Visitors:
    """Requests from a second process until `stop`, which returns every answer in order. `mode` as in visitor.py."""

    def __init__(self, machine: Machine, *mode: str):
        self.answers: list[Answer] = []
        self._machine = machine
        self._process = machine.popen(
            *("python3", str(_VISITOR), *mode),
            only_network=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.answers.append(Answer(**json.loads(line)))

    def wait_for_good(self, count: int = 10, deadline: float = 30.0) -> None:
        """The last `count` answers are all good, and all newer than this call."""
        since = len(self.answers)
        self._machine.wait_until(
            lambda: len(self.answers) - since >= count and all(a.is_good for a in self.answers[-count:]),
            deadline,
            f"{count} good answers in a row; the last: {self.answers[-3:]}",
        )

    def wait_for_bad(self, deadline: float = 30.0) -> Answer:
        since = len(self.answers)
        return self._machine.wait_until(
            lambda: next((a for a in self.answers[since:] if not a.is_good), None), deadline, "a bad answer"
        )

    def wait_for_all(self, count: int, deadline: float) -> list[Answer]:
        self._machine.wait_until(lambda: len(self.answers) >= count, deadline, f"{count} answers; {self.answers}")
        return self.answers

    def stop(self) -> list[Answer]:
        if self._process.stdin is not None and not self._process.stdin.closed:
            self._process.stdin.close()
        try:
            self._process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(timeout=5)
        return self.answers


def outage_seconds(answers: Sequence[Answer]) -> float:
    """From the first bad answer to the first good one after the last bad one; 0 where all were good."""
    bad = [answer for answer in answers if not answer.is_good]
    if not bad:
        return 0.0
    healed = [answer for answer in answers if answer.is_good and answer.time > bad[-1].time]
    if not healed:
        raise MachineError("the site never answered again")
    return healed[0].time + healed[0].seconds - bad[0].time


class Website:
    def __init__(self, machine: Machine, suite: images.Suite):
        self.machine = machine
        self.suite = suite
        self.fpm = suite.fpm_unit
        self.nginx = "nginx.service"
        self.pool_file = f"{suite.fpm_pool_dir}/www.conf"
        self.fpm_log = f"/var/log/php{suite.php}-fpm.log"
        self._visitors: list[Visitors] = []

    def lay_out(self, root: pathlib.Path) -> None:
        """Before boot."""
        site = _NGINX_SITE.format(socket=self.suite.fpm_socket)
        (root / "etc/nginx/sites-available/default").write_text(site)
        (root / "etc/nginx/conf.d/access-log.conf").write_text(_ACCESS_LOG)
        (root / "etc/nginx/routes").mkdir()
        # Debian 13's FPM unit has Restart=on-failure, Debian 12's has none: make both stay down when they fall.
        self.drop_in(root, "10-stay-down", "[Service]\nRestart=no\n")
        for name, text in _PAGES.items():
            self.add_page(root, name, text)

    def add_dead_end(self, root: pathlib.Path) -> None:
        """A page whose backend never was: one failure line per visit, at any time."""
        passed = f"include snippets/fastcgi-php.conf; fastcgi_pass unix:{DEAD_END};"
        self.add_route(root, "dead-end", f"location = /dead-end.php {{ {passed} }}\n")

    def add_route(self, root: pathlib.Path, name: str, text: str) -> None:
        (root / f"etc/nginx/routes/{name}.conf").write_text(text)

    def add_page(self, root: pathlib.Path, name: str, text: str) -> None:
        (root / "var/www/html" / name).write_text(text)

    def tune_nginx(self, root: pathlib.Path, text: str) -> None:
        """Directives for all of http."""
        with (root / "etc/nginx/conf.d/tuned.conf").open("a") as file:
            file.write(text + "\n")

    def tune_pool(self, root: pathlib.Path, text: str) -> None:
        """The last of two equal directives counts."""
        with (root / self.pool_file[1:]).open("a") as file:
            file.write(text + "\n")

    def drop_in(self, root: pathlib.Path, name: str, text: str) -> None:
        path = root / f"etc/systemd/system/{self.fpm}.d/{name}.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def visit(self, path: str = "/index.php", **headers: str) -> Answer:
        return self.visit_all([{"path": path, "headers": headers}])[0]

    def visit_all(self, requests: Sequence[dict[str, object]], timeout: float = 120.0) -> list[Answer]:
        lines = "".join(json.dumps(request) + "\n" for request in requests)
        result = subprocess.run(
            self.machine.argv("python3", str(_VISITOR), "script", only_network=True),
            input=lines,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=True,
        )
        return [Answer(**json.loads(line)) for line in result.stdout.splitlines()]

    def visitors(self, path: str = "/index.php", interval: float = 0.01) -> Visitors:
        return self._send(Visitors(self.machine, "steady", str(interval), path))

    def posters(self, path: str, size: int, interval: float = 0.1) -> Visitors:
        return self._send(Visitors(self.machine, "steady", str(interval), path, str(size)))

    def crowd(self, people: int, path: str) -> Visitors:
        """So many at a time, until stopped."""
        return self._send(Visitors(self.machine, "crowd", str(people), path))

    def patient(self, people: int, path: str) -> Visitors:
        """So many at once, one request each, until every one of them is answered."""
        return self._send(Visitors(self.machine, "patient", str(people), path))

    def _send(self, visitors: Visitors) -> Visitors:
        self._visitors.append(visitors)
        return visitors

    def abort(self, times: int, path: str) -> None:
        """Visitors who hang up before the answer."""
        argv = self.machine.argv("python3", str(_VISITOR), "abort", str(times), path, only_network=True)
        subprocess.run(argv, check=True, timeout=120)

    def crawl(self, path: str) -> Answer:
        """A visitor on a bad line."""
        argv = self.machine.argv("python3", str(_VISITOR), "crawl", path, only_network=True)
        return Answer(**json.loads(subprocess.run(argv, capture_output=True, text=True, check=True, timeout=120).stdout))

    def close(self) -> None:
        for visitors in self._visitors:
            visitors.stop()

    def logs(self) -> list[str]:
        folders = ("/var/log/nginx", "/var/log/apache2", "/srv/pm2/.pm2", "/srv/pm2/.pm2/logs")
        found = [f"{folder}/{name}" for folder in folders for name in self._files_in(folder)]
        return [*found, self.fpm_log] if self.machine.exists(self.fpm_log) else found

    def _files_in(self, folder: str) -> list[str]:
        path = self.machine.path(folder)
        return sorted(file.name for file in path.iterdir() if file.is_file()) if path.is_dir() else []

    def fpm_workers(self) -> list[str]:
        return self.machine.output("pgrep", "--full", "^php-fpm: pool ", check=False).split()

    # -- faults -----------------------------------------------------------------------------------------------------

    def kill_fpm(self) -> None:
        self.machine.kill(self.machine.main_pid(self.fpm))

    def kill_nginx(self) -> None:
        self.machine.kill(self.machine.main_pid(self.nginx))

    def break_pool(self) -> int:
        """Add a line that `php-fpm -t` rejects; its line number."""
        text = self.machine.read(self.pool_file)
        self.machine.write(self.pool_file, text + "pm.max_childern = 5\n")
        return text.count("\n") + 1

    def repair_pool(self) -> None:
        text = self.machine.read(self.pool_file)
        self.machine.write(self.pool_file, text.replace("pm.max_childern = 5\n", ""))

    def break_nginx(self) -> None:
        self.machine.write("/etc/nginx/conf.d/broken.conf", "this_is_no_directive on;\n")

    def repair_nginx(self) -> None:
        self.machine.path("/etc/nginx/conf.d/broken.conf").unlink()

    def point_php_to(self, socket: str) -> None:
        """As after an upgrade of PHP: nginx goes on to ask the other version."""
        site = "/etc/nginx/sites-available/default"
        text = self.machine.read(site)
        self.machine.write(site, text.replace(f"unix:{self.suite.fpm_socket};", f"unix:{socket};"))
        self.reload_nginx()

    def reload_nginx(self) -> None:
        """Until the workers with the old configuration accept no more."""
        before = set(self.nginx_workers())
        self.machine.systemctl("reload", self.nginx)
        self.machine.wait_until(lambda: not before & set(self.nginx_workers()), 10, "nginx's new workers")

    def nginx_workers(self) -> list[str]:
        """Their pids, without those that are shutting down."""
        return self.machine.output("pgrep", "--full", "nginx: worker process$", check=False).split()

    def slow_down_start(self, seconds: int) -> str:
        """The file that appears when the next start has begun."""
        mark = "/run/fpm-starts"
        steps = (f"/bin/touch {mark}", f"/bin/sleep {seconds}")
        self.drop_in(self.machine.path("/"), "slow", "[Service]\n" + "".join(f"ExecStartPre={step}\n" for step in steps))
        self.machine.systemctl("daemon-reload")
        return mark

    def let_systemd_restart_it(self, after: str) -> None:
        text = f"[Service]\nRestart=on-failure\nRestartSec={after}\n"
        self.drop_in(self.machine.path("/"), "20-restart", text)
        self.machine.systemctl("daemon-reload")


def forged_line(website: Website) -> str:
    """What nginx itself would write if FPM's socket were gone: right worker, right time, right address."""
    machine = website.machine
    worker = machine.output("pgrep", "--oldest", "--full", "nginx: worker")
    stamp = machine.output("date", "+%Y/%m/%d %H:%M:%S")
    socket = website.suite.fpm_socket
    return (
        f"{stamp} [crit] {worker}#{worker}: *7 connect() to unix:{socket} failed (2: No such file or directory) "
        "while connecting to upstream, client: 127.0.0.1, server: _, "
        f'request: "GET /index.php HTTP/1.1", upstream: "fastcgi://unix:{socket}:", host: "127.0.0.1"'
    )


def forge(website: Website, upstream: str = "", address: str = "") -> None:
    """One GET that makes nginx log it, about FPM's socket or another backend."""
    line = forged_line(website).replace("://", ":/")  # nginx merges slashes
    if address:
        socket = f"unix:{website.suite.fpm_socket}"
        line = line.replace(f"fastcgi:/{socket}:", upstream).replace(socket, address)
    website.visit(f"/x%0A{percent(line)}%0Az.png")


def percent(text: str) -> str:
    return urllib.parse.quote(text, safe="")
