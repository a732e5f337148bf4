"""Who is busy is not ill: nothing is restarted while work is done, whatever visitors write into logs. And who is ill, is."""

from __future__ import annotations

import json
import pathlib
import subprocess
import time
from typing import Callable

from apps import enable, put, put_unit
from gatemend import OWN_POLICIES, held_because
from rule import rule
from scenario import Scenario
from website import Answer, Visitors, forge

_MARK = "/run/php/exporting"
_FORGERY_PAUSE = 11.0  # seconds; suspicion_cooldown's default lets one through every ten
_STREAM = '<?php for ($i = 0; $i < 40; $i++) { echo str_repeat("x", 8192), "\\n"; flush(); sleep(1); }\n'


class Busy(Scenario):
    """One release tells: what is measured is the kernel's, not PHP's."""

    is_same_everywhere = True
    tuned: dict[str, str | int] = {}
    takes = 80.0
    forged = 0.0

    def assert_left_alone(self, unit: str, people: Visitors, count: int, deadline: float) -> None:
        """Forged lines all the while; everybody is served, by the run of before."""
        before = self.machine.unit(unit, "InvocationID")
        self.machine.wait_until(lambda: self.is_over(people, count), deadline, f"{count} answers")
        self.assert_all_served(people.answers)
        self.assertEqual(self.machine.unit(unit, "InvocationID"), before)
        self.assertEqual(self.gatemend.intents(), [])

    def is_over(self, people: Visitors, count: int) -> bool:
        if time.monotonic() - self.forged > _FORGERY_PAUSE:
            self.forged = time.monotonic()
            self.forge()
        return len(people.answers) >= count

    def forge(self) -> None:
        forge(self.site)

    def assert_all_served(self, answers: list[Answer]) -> None:
        self.assertEqual([answer for answer in answers if not answer.is_good], [])


class Pool(Busy):
    def test_exports_on_an_idle_site(self) -> None:
        self.assert_answers()
        exports = self.site.patient(5, "/slow.php?ms=55000")
        self.assert_left_alone(self.fpm, exports, 5, 90)

    def test_a_crowd_that_is_all_served(self) -> None:
        self.assert_answers()
        people = self.site.crowd(30, "/slow.php?ms=1000")
        people.wait_for_good(30, 60)
        self.assert_left_alone(self.fpm, people, 300, 120)

    def test_an_answer_that_streams(self) -> None:
        self.assert_answers()
        streams = self.site.patient(5, "/stream.php")
        self.assert_left_alone(self.fpm, streams, 5, 80)

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.add_page(root, "stream.php", _STREAM)


class PatientLocation(Busy):
    """nginx waits ten minutes for exports, and five seconds for everything else."""

    takes = 110.0

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_nginx(root, "fastcgi_read_timeout 5s;")
        passed = f"include snippets/fastcgi-php.conf; fastcgi_pass unix:{self.suite.fpm_socket};"
        self.site.add_route(root, "export", f"location = /slow.php {{ {passed} fastcgi_read_timeout 600s; }}\n")

    def test_an_impatient_visitor_elsewhere(self) -> None:
        self.assert_answers()
        exports = self.site.patient(5, "/slow.php?ms=85000")
        self.machine.wait_until(lambda: self.site.visit().status == 504, 20, "a 504")
        self.assert_left_alone(self.fpm, exports, 5, 120)


class GracefulReload(Busy):
    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        config = root / f"etc/php/{self.suite.php}/fpm/php-fpm.conf"
        self.site.add_page(root, "export.php", f'<?php touch("{_MARK}"); sleep(58); echo "ok";\n')
        config.write_text(config.read_text().replace("[global]", "[global]\nprocess_control_timeout = 180s", 1))

    def test_an_export_that_the_reload_waits_for(self) -> None:
        self.assert_answers()
        export = self.site.patient(1, "/export.php")
        self.machine.wait_until(lambda: self.machine.exists(_MARK), 10, "the export to begin")
        self.machine.systemctl("reload", self.fpm)
        self.assert_left_alone(self.fpm, export, 1, 90)


class TwoPools(Busy):
    """One site's pool is stuck, the other's serves."""

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        pool = (root / self.site.pool_file[1:]).read_text().replace("[www]", "[other]", 1)
        pool = pool.replace(self.suite.fpm_socket, "/run/php/other.sock")
        (root / f"{self.suite.fpm_pool_dir[1:]}/other.conf").write_text(pool)
        passed = "include snippets/fastcgi-php.conf; fastcgi_pass unix:/run/php/other.sock;"
        self.site.add_page(root, "other.php", "<?php usleep(100000); echo \"ok\";\n")
        self.site.add_route(root, "other", f"location = /other.php {{ {passed} }}\n")

    def test_the_busy_one_is_not_cut_for_the_stuck_one(self) -> None:
        self.assert_answers()
        self.site.patient(5, "/slow.php?ms=200000")
        people = self.site.visitors("/other.php", 0.2)
        people.wait_for_good(3)
        self.assert_left_alone(self.fpm, people, 400, 150)


# Answers at once, and goes on for `s` seconds without a visitor.
_JOB = """\
<?php
echo "ok";
fastcgi_finish_request();
sleep((int)$_GET["s"]);
touch("/run/php/job-done" . $_GET["n"]);
"""

# Works for some seconds, for nobody who waits.
_EXPORT = """\
import hashlib, time
end = time.monotonic() + 20
while time.monotonic() < end:
    hashlib.sha256(bytes(1 << 20)).digest()
open("/run/php/exported", "w").close()
"""

# A client of FastCGI without nginx: prints how the answer ended and what it was.
_DIRECT = """\
import socket, struct

def pair(key, value):
    return bytes([len(key), len(value)]) + key.encode() + value.encode()

def record(kind, body):
    return struct.pack("!BBHHBB", 1, kind, 1, len(body), 0, 0) + body

names = {"SCRIPT_FILENAME": "/var/www/html/slow.php", "SCRIPT_NAME": "/slow.php", "REQUEST_METHOD": "GET",
         "QUERY_STRING": "ms=170000"}
client = socket.create_connection(("127.0.0.1", 9001))
parameters = b"".join(pair(*item) for item in names.items())
client.sendall(record(1, struct.pack("!HB5x", 1, 0)) + record(4, parameters) + record(4, b"") + record(5, b""))
answer = b""
try:
    while part := client.recv(4096):
        answer += part
except OSError as error:
    answer += str(error).encode()
print(answer)
"""


class OtherWork(Busy):
    """Visitors wait until nginx gives up, and nothing moves; but a worker works for somebody else."""

    takes = 190.0

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_nginx(root, "fastcgi_read_timeout 30s;")
        self.site.add_page(root, "job.php", _JOB)
        add_port_pool(self, root)

    def assert_not_cut(self, is_over: Callable[[], bool]) -> None:
        before = self.machine.unit(self.fpm, "InvocationID")
        end = time.monotonic() + 220
        while not is_over():
            self.assertLess(time.monotonic(), end, "it never came to its end")
            self.site.patient(3, "/index.php")
            time.sleep(5)
        self.assertEqual(self.machine.unit(self.fpm, "InvocationID"), before)
        self.assertEqual(self.gatemend.intents(), [])

    def test_jobs_that_go_on_after_their_answers(self) -> None:
        self.assert_answers()
        for number in range(5):
            self.assertEqual(self.site.visit(f"/job.php?s=150&n={number}").status, 200)
        self.assert_not_cut(lambda: all(self.machine.exists(f"/run/php/job-done{n}") for n in range(5)))

    def test_a_client_of_a_pool_that_nginx_does_not_name(self) -> None:
        self.assert_answers()
        client = self.machine.popen("python3", "-c", _DIRECT, only_network=True, stdout=subprocess.PIPE, text=True)
        self.site.patient(5, "/slow.php?ms=200000")
        self.assert_not_cut(lambda: client.poll() is not None)
        self.assertIn("slow", client.communicate()[0])


def add_port_pool(scenario: Scenario, root: pathlib.Path) -> None:
    """A second pool of the same unit, on a port that nginx does not name."""
    pool = (root / scenario.site.pool_file[1:]).read_text().replace("[www]", "[port]", 1)
    pool = pool.replace(scenario.suite.fpm_socket, "127.0.0.1:9001")
    (root / f"{scenario.suite.fpm_pool_dir[1:]}/port.conf").write_text(pool)


class LostSocket(Scenario):
    """The restart that makes the file anew cuts nobody, and waits for nothing else."""

    is_same_everywhere = True
    takes = 60.0

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.add_page(root, "job.php", _JOB)
        put(root, "srv/export.py", _EXPORT)
        command = "nohup python3 /srv/export.py > /dev/null 2>&1 &"
        self.site.add_page(root, "export.php", f'<?php exec("{command}"); echo "ok";\n')
        add_port_pool(self, root)

    def lose_it(self) -> Visitors:
        self.machine.run("rm", self.suite.fpm_socket)
        return self.site.visitors(interval=0.3)

    def assert_healed(self, people: Visitors) -> None:
        self.gatemend.wait_until_healed(self.fpm, 90)
        people.wait_for_good(3)
        self.assertEqual([intent["cause"] for intent in self.gatemend.intents()], ["socket-deleted"])

    def test_an_idle_pool_on_a_port_is_no_obstacle(self) -> None:
        self.assert_answers()
        self.assert_healed(self.lose_it())

    def test_a_job_that_goes_on_after_its_answer(self) -> None:
        self.assert_answers()
        self.assertEqual(self.site.visit("/job.php?s=20&n=0").status, 200)
        self.assert_healed(self.lose_it())
        self.assertTrue(self.machine.exists("/run/php/job-done0"))

    def test_a_command_that_a_page_has_left_behind(self) -> None:
        self.assert_answers()
        self.assertEqual(self.site.visit("/export.php").status, 200)
        people = self.lose_it()
        self.gatemend.wait_for_incident(self.fpm, held_because("contrary-evidence"), 15, "a reason to wait")
        self.assert_healed(people)
        self.assertTrue(self.machine.exists("/run/php/exported"))


class OnDemand(Busy):
    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_pool(root, "pm = ondemand\npm.process_idle_timeout = 1s")

    def test_a_pool_without_workers(self) -> None:
        self.assert_answers()
        self.machine.wait_until(lambda: not self.site.fpm_workers(), 20, "the workers to go")
        people = self.site.visitors("/index.php", 3.0)
        self.assert_left_alone(self.fpm, people, 10, 60)


_APP = """\
import http.server, socketserver, sys, threading, time

class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path.endswith("/stuck"):
            threading.Lock().acquire() and time.sleep(100000)
        time.sleep({seconds})
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\\n")

    do_HEAD = do_GET

http.server.{server}(("127.0.0.1", 3000), Page).serve_forever()
"""


class Shop(Busy):
    unit = "shop.service"
    settings = 'units = ["shop.service", "php*-fpm.service", "nginx.service"]\n'
    server, seconds, wait = "ThreadingHTTPServer", 4.0, "60s"

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        put(root, "srv/shop.py", _APP.format(server=self.server, seconds=self.seconds))
        put_unit(root, self.unit, "The shop", "User=www-data\nExecStart=/usr/bin/python3 /srv/shop.py")
        enable(root, self.unit)
        route = f"proxy_pass http://127.0.0.1:3000; proxy_read_timeout {self.wait};"
        self.site.add_route(root, "shop", f"location /shop/ {{ {route} }}\n")

    def forge(self) -> None:
        forge(self.site, "http:/127.0.0.1:3000/", "127.0.0.1:3000")


class SlowShop(Shop):
    def test_each_answer_takes_four_seconds(self) -> None:
        people = self.site.visitors("/shop/", 0.5)
        people.wait_for_good(2, 30)
        self.assert_left_alone(self.unit, people, 15, 90)


class SingleFile(Shop):
    """One request after the other, as many a small application does."""

    server, seconds = "HTTPServer", 25.0

    def test_one_long_request_at_a_time(self) -> None:
        people = self.site.patient(2, "/shop/")
        self.assert_left_alone(self.unit, people, 2, 110)


class StuckShop(Shop):
    """The honest case: its only thread never comes back."""

    server, seconds, wait = "HTTPServer", 0.0, "5s"
    takes = 140.0

    def test_it_is_restarted_once_that_is_certain(self) -> None:
        self.machine.wait_until(lambda: self.site.visit("/shop/").is_good, 30, "the shop")
        stuck = self.site.patient(1, "/shop/stuck")
        self.assertEqual(stuck.wait_for_all(1, 30)[0].status, 504)
        people = self.site.visitors("/shop/", 1.0)
        self.machine.wait_until(lambda: self.gatemend.intents(self.unit), 150, "a restart")
        people.wait_for_good(3, 30)
        self.gatemend.wait_until_healed(self.unit, 60)
        self.assertEqual([intent["cause"] for intent in self.gatemend.intents()], ["backend-hung"])


class FrozenFpm(Busy):
    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_nginx(root, "fastcgi_read_timeout 2s;")

    def test_stopped_processes_are_ended(self) -> None:
        people = self.site.visitors(interval=0.2)
        people.wait_for_good(3)
        self.machine.systemctl("kill", "--signal=STOP", self.fpm)
        self.gatemend.wait_until_healed(self.fpm, 90)
        people.wait_for_good(3)
        self.assertEqual([intent["act"] for intent in self.gatemend.intents()], ["restart-unit"])


class Asking(Scenario):
    """As an agent that somebody else has taken over."""

    is_same_everywhere = True
    is_enabled = False
    tuned: dict[str, str | int] = {}

    def ask(self, name: str, cause: str) -> str:
        invocation = self.machine.unit(self.fpm, "InvocationID")["InvocationID"]
        asked = ("restart-unit", self.fpm, name, cause, "active", invocation, "10000000", "0")
        planned = self.gatemend.call_executor("Plan", "sssssst" + "a{ss}", *asked)
        if planned.returncode != 0:
            return planned.stdout + planned.stderr
        done = self.gatemend.call_executor("Execute", "st", json.loads(planned.stdout)["data"][0], "1")
        return done.stdout + done.stderr


class CompromisedAgent(Asking):
    """Whoever asks: the executor looks for itself."""

    def test_a_healthy_pool_is_not_restarted(self) -> None:
        self.assert_answers()
        self.machine.write(f"{OWN_POLICIES}/90-own.toml", rule("own", "slow-backend", "restart-unit", {}, within="20s"))
        before = self.machine.unit(self.fpm, "InvocationID")
        for name, cause, reason in (
            ("restart-hung-backend", "backend-hung", "contrary-evidence: nothing has moved for"),
            ("restart-for-deleted-socket", "socket-deleted", "executor-refused: no socket of the unit has lost its file"),
            ("start-crashed-backend", "unit-failed", "unit-is-up"),
        ):
            self.assertIn(reason, self.ask(name, cause))
        people = self.site.crowd(5, "/slow.php?ms=100")
        people.wait_for_good(10)
        self.assertIn("contrary-evidence", self.ask("own", "slow-backend"))
        self.assertEqual(self.machine.unit(self.fpm, "InvocationID"), before)
        self.assertEqual(self.gatemend.intents(), [])


class PatientNginx(Asking):
    """A pool that sleeps moves as little as one that hangs; its visitors still get their answers."""

    takes = 150.0

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_nginx(root, "fastcgi_read_timeout 300s;")
        self.site.tune_pool(root, "pm = static\npm.max_children = 2")

    def test_a_pool_that_sleeps_is_not_restarted(self) -> None:
        self.assert_answers()
        people = self.site.patient(3, "/slow.php?ms=150000")
        for _ in range(13):  # nginx's default would have been waited out then
            time.sleep(10)
            self.gatemend.call_executor("Inspect", "ss", self.fpm, "")
        answer = self.ask("restart-hung-backend", "backend-hung")
        self.assertRegex(answer, "contrary-evidence: nothing has moved for .* of 10m")
        self.assertEqual(self.gatemend.intents(), [])
        self.assertTrue(people.wait_for_all(2, 40)[0].is_good)
