"""The breaker: what trips it, which acts it forbids then, and how it re-arms by itself."""

from __future__ import annotations

import pathlib
import subprocess

import stories
from acted import DEADLINE, Acted
from gatemend import Record
from scenario import Scenario

_SEEN = 40.0


class _Breaker(Scenario):
    is_same_everywhere = True

    def is_latched(self) -> bool:
        return bool(self.gatemend.status()["latches"])

    def crash_until_latched(self, limit: int) -> None:
        """Down again within the soak each time."""
        for number in range(1, limit + 1):
            self.site.kill_fpm()
            self.machine.wait_until(
                lambda: len(self.gatemend.intents(self.fpm)) >= number and self.machine.is_active(self.fpm), _SEEN, "a start"
            )
        self.site.kill_fpm()
        self.machine.wait_until(self.is_latched, _SEEN, "the latch")


class AfterAHungBackend(_Breaker):
    """A restart that did not help forbids more restarts, and no start after a crash."""

    takes = 60.0
    tuned = {"soak": "5s", "cooldown": "0s", "max": 1, "per": "1h"}

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_nginx(root, "fastcgi_read_timeout 1s;")

    def freeze(self) -> None:
        self.machine.systemctl("kill", "--signal=STOP", self.fpm)

    def test_a_crash_is_healed_all_the_same(self) -> None:
        visitors = self.site.visitors()
        visitors.wait_for_good()
        self.freeze()
        self.machine.wait_until(lambda: self.gatemend.records("outcome"), 90, "the restart")
        self.assertEqual(self.gatemend.intents(self.fpm)[-1]["act"], "restart-unit")
        self.freeze()  # within the soak: it has not helped
        self.machine.wait_until(lambda: self.gatemend.records("latched"), 90, "the latch")
        latched = self.gatemend.records("latched")[-1]
        self.assertEqual(latched["class"], "disruption")

        self.machine.run("sh", "-c", "pkill --signal KILL php-fpm")
        self.machine.wait_until(lambda: self.gatemend.intents(self.fpm)[-1]["act"] == "start-unit", _SEEN, "the start")
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "FPM to be up")
        visitors.wait_for_good(5, _SEEN)


class ApprovedTwice(Acted):
    """What a person approved, and rolled back, is no reason to leave nginx down."""

    kind = stories.OldSocketPath
    can_be_bare = False
    tuned = {**Acted.tuned, "max": 1, "per": "1h"}

    def test_a_crash_of_nginx_is_healed_all_the_same(self) -> None:
        for number in range(2):
            if number > 0:  # what was undone is not offered again: another one
                self.story.dead = "/run/php/php8.0-fpm.sock"
                self.story.inject()
            intent = self.repoint()
            self.gatemend.roll_back(intent)
            self.machine.wait_until(
                lambda: len(self.gatemend.records("undone")) > number, DEADLINE, "the file to be as it was"
            )
        self.assertEqual(self.gatemend.records("latched"), [])
        self.site.kill_nginx()
        self.machine.wait_until(lambda: self.machine.is_active(self.site.nginx), DEADLINE, "nginx to be up")
        self.assertEqual(self.gatemend.status()["latches"], [])

    def repoint(self) -> Record:
        if not self.gatemend.intents(self.site.nginx):
            self.play.break_it()
        incident = self.play.proposed()
        done = len(self.gatemend.intents(self.site.nginx))
        self.gatemend.approve(incident, self.story.act)
        self.machine.wait_until(lambda: len(self.gatemend.intents(self.site.nginx)) > done, DEADLINE, "the act")
        return self.gatemend.intents(self.site.nginx)[-1]


class Rearmed(_Breaker):
    """Somebody else has brought the unit up, and it stayed up."""

    takes = 60.0
    tuned = {"soak": "20s", "cooldown": "0s", "max": 2, "per": "1h"}
    settings = '[limits]\nrearm_after = "10s"\n'

    def test_after_a_start_by_hand(self) -> None:
        self.crash_until_latched(2)
        self.gatemend.kill_executor()  # forgotten by nobody
        self.machine.systemctl("reset-failed", self.fpm)
        self.machine.systemctl("start", self.fpm)
        self.machine.wait_until(lambda: self.gatemend.records("rearmed"), 60, "the breaker to re-arm")
        record = self.gatemend.records("rearmed")[-1]
        self.assertEqual(record["unit"], self.fpm)
        self.assertIn("somebody else brought", record["why"])
        self.machine.wait_until(lambda: not self.is_latched(), _SEEN, "status to know")
        newest = self.gatemend.newest_id()
        self.site.kill_fpm()
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "the next crash to be healed")
        self.assertGreaterEqual(self.gatemend.newest_id(), newest)
        self.gatemend.verify_audit()


class DuringADeploy(_Breaker):
    """Nothing is given up while somebody deploys; afterwards the unit is started."""

    takes = 60.0
    tuned = {"soak": "20s", "cooldown": "0s", "max": 2, "per": "1h"}

    def test_a_hold_leaves_no_latch_behind(self) -> None:
        self.site.kill_fpm()
        self.machine.wait_until(lambda: self.gatemend.intents(self.fpm), _SEEN, "a start")
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "FPM to be up")
        command = ("gatemend", "hold", "--for", "10m", "--reason", "deploy", "--", "sh", "-c", "read line")
        deploy = self.machine.popen(*command, stdin=subprocess.PIPE)
        self.machine.wait_until(
            lambda: "deploy" in self.gatemend.run("hold", "--list", "--json").stdout, _SEEN, "the marker"
        )
        self.site.kill_fpm()
        self.machine.holds_for(lambda: not self.gatemend.records("latched"), 5.0, "no latch during the deploy")
        self.assertFalse(self.machine.is_active(self.fpm))
        deploy.communicate(b"\n", timeout=20)
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), _SEEN, "FPM to be up after the deploy")
        self.assertEqual(self.gatemend.records("latched"), [])
