"""Thousands of hostile requests against a healthy backend, with gatemend at work: nothing is done to anything.

The generator is forger.py. Text gets in wherever a visitor or a script can write: paths, headers, user names, PHP's
output, the journal, and (as code running in PHP-FPM's pool may) nginx's and PHP-FPM's own log files.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time

from gatemend import AUDIT, DECISIONS, Record
from scenario import Scenario
from website import NGINX_LOG

FORGER = pathlib.Path(__file__).parents[1] / "forger.py"
ROUNDS, IN_A_ROUND = 10, 1000
PROVOKED = 1500
CROWD, SATURATED_SECONDS = 20, 20.0
PROBE_COOLDOWN = 10.0  # seconds; suspicion_cooldown's default

_PAGE = r"""<?php
$text = file_get_contents("php://input");
switch ($_GET["where"] ?? "") {
case "stderr":    file_put_contents("php://stderr", $text); break;
case "error_log": error_log($text); break;
case "syslog":
    openlog(["systemd", "kernel", "nginx", "php-fpm8.2", "gatemend"][rand(0, 4)], 0, LOG_DAEMON);
    syslog(LOG_CRIT, $text);
    break;
case "nginx_log": file_put_contents("/var/log/nginx/error.log", $text . "\n", FILE_APPEND); break;
case "header":    @header("X-Echo: " . preg_replace("/[\r\n\\0]/", " ", substr($text, 0, 2000))); break;
case "status":    http_response_code(502); echo $text; exit;
case "status-of-its-own": http_response_code((int)$_GET["status"]); exit;
case "big-header": header("X-Big: " . str_repeat("x", (int)$_GET["size"])); break;
case "die":       posix_kill(getmypid(), (int)$_GET["signal"]); usleep(500000); break;
case "fatal":     ini_set("memory_limit", "8M"); $all = str_repeat("x", 64 << 20); break;
}
echo "noted\n";
"""
# The pool as an administrator who debugs it has it: what a script writes to standard error stands in PHP-FPM's log as it is.
_POOL = "catch_workers_output = yes\ndecorate_workers_output = no\n"

_COMMANDS = (
    *(["status"], ["incidents"], ["audit"], ["why"], ["suggest"], ["status", "--json"], ["incidents", "--json"]),
    ["explain", NGINX_LOG],
)
# Nothing that a terminal obeys: control characters but for the end of a line, and what turns text around.
_OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


class Campaign(Scenario):
    takes = 60

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.add_page(root, "hostile.php", _PAGE)
        self.site.tune_pool(root, _POOL)
        (root / "etc/nginx/users").write_text("somebody:{PLAIN}x\n")
        self.site.add_route(root, "private", 'location /private/ { auth_basic "p"; auth_basic_user_file users; }\n')

    def portrait(self) -> Record:
        pids = [*self.site.nginx_workers(), *self.site.fpm_workers(), *map(str, map(self.machine.main_pid, self.units()))]
        return {"socket": self.suite.fpm_socket, "unit": self.fpm, "pids": [int(pid) for pid in pids]}

    def units(self) -> tuple[str, str]:
        return self.fpm, self.site.nginx

    def runs(self) -> list[dict[str, str]]:
        return [self.machine.unit(unit, "MainPID", "InvocationID", "NRestarts") for unit in self.units()]

    def send(self, mode: str, seed: int, count: int) -> Record:
        argv = self.machine.argv("python3", str(FORGER), mode, str(seed), str(count), only_network=True)
        done = subprocess.run(
            argv, input=json.dumps(self.portrait()), capture_output=True, text=True, check=True, timeout=300
        )
        return json.loads(done.stdout)

    def assert_nothing_obeyed(self) -> None:
        """Whatever gatemend prints or keeps."""
        incidents = [[command, str(i["id"])] for i in self.gatemend.incidents()[:5] for command in ("show", "why")]
        for command in (*_COMMANDS, *incidents):
            told = self.machine.run("gatemend", *command, check=False, timeout=60)
            self.assertNotIn("terminate called", told.stderr)
            self.assert_harmless(" ".join(command), told.stdout + told.stderr)
        for file in (AUDIT, DECISIONS):
            self.assert_harmless(file, self.machine.read(file))
        for entry in self.machine.journal("-u", "gatemend.service", "-u", "gatemend-executor.service"):
            self.assert_harmless("journal", str(entry["MESSAGE"]))

    def assert_harmless(self, where: str, text: str) -> None:
        for line in text.split("\n"):
            found = _OBEYED.search(line)
            self.assertIsNone(found, f"{where}: {line!r}")

    def assert_no_act(self, runs: list[dict[str, str]]) -> None:
        self.assertEqual(self.gatemend.intents(), [])
        self.assertEqual(self.runs(), runs)
        self.assert_answers()

    def assert_still_heals(self) -> None:
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, 60)
        self.assertEqual([intent["act"] for intent in self.gatemend.intents()], ["start-unit"])
        self.gatemend.verify_audit()

    def test_ten_thousand_forgeries(self) -> None:
        runs, probes, began = self.runs(), self.gatemend.counter("probes"), time.monotonic()
        sent = 0
        for seed in range(ROUNDS):
            sent += sum(self.send("forge", seed, IN_A_ROUND)["sent"].values())
            self.assert_no_act(runs)
        self.assertEqual(sent, ROUNDS * IN_A_ROUND)
        forged = self.machine.read(NGINX_LOG).count(f"connect() to unix:{self.suite.fpm_socket} failed")
        self.assertGreater(forged, sent // 50, "the forgeries themselves failed")
        self.assert_quiet(self.fpm)
        # One look at each of the two services in each cooldown, and one for the window's edge.
        seen = self.gatemend.counter("probes") - probes
        allowed = 2 * (2 + int((time.monotonic() - began) / PROBE_COOLDOWN))
        self.assertLessEqual(seen, allowed)
        self.assert_no_act(runs)
        self.assert_nothing_obeyed()
        print(f"{sent} forgeries, {forged} failures forged, {seen} probes (at most {allowed}), 0 acts")
        self.assert_still_heals()

    def test_errors_provoked_on_purpose(self) -> None:
        """The errors are real, the backend is well: a person may be told, nothing is restarted."""
        runs, probes, began = self.runs(), self.gatemend.counter("probes"), time.monotonic()
        statuses = self.send("provoke", 1, PROVOKED)["statuses"]
        self.assertGreater(int(statuses.get("502", 0)), PROVOKED // 20, "nothing was provoked")
        self.assert_no_act(runs)
        # All workers busy and the queue full: a probe of ours has to wait like everybody else.
        crowd = self.site.crowd(CROWD, "/slow.php?ms=1500")
        self.machine.holds_for(lambda: not self.gatemend.intents(), SATURATED_SECONDS, "nothing is done")
        crowd.stop()
        self.machine.wait_until(lambda: self.site.visit().status == 200, 30, "the crowd to be gone")
        self.assert_no_act(runs)
        # An incident is looked at more often than a suspicion, but not more than four times a second.
        self.assertLessEqual(self.gatemend.counter("probes") - probes, 4 * (time.monotonic() - began) + 10)
        self.assert_nothing_obeyed()
