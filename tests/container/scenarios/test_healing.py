"""A crashed unit is started again: once, verified, recorded; within its budget and no further."""

from __future__ import annotations

import pathlib
import time

from gatemend import AGENT, is_open
from scenario import QUIET, Scenario
from website import outage_seconds


class ShippedPolicy(Scenario):
    tuned = {}

    def test_sigkill_under_steady_requests(self) -> None:
        visitors = self.site.visitors()
        visitors.wait_for_good()
        starts = self.machine.count_starts(self.fpm)

        self.site.kill_fpm()
        incident = self.gatemend.wait_until_healed(self.fpm, deadline=60)

        answers = visitors.stop()
        self.assertEqual(incident["cause"], "unit-failed")
        self.assertEqual(self.machine.count_starts(self.fpm) - starts, 1)
        self.assertEqual(len(self.gatemend.intents(self.fpm)), 1)
        self.assertEqual([r["verdict"] for r in self.gatemend.records("confirm")], ["effective"])
        self.assert_record_complete()
        self.assertTrue(answers[-1].is_good)
        print(f"{self.suite.name}: the site was away for {outage_seconds(answers) * 1000:.0f} ms")


class HealedEachTime(Scenario):
    """Cures count for nothing: what crashes again and again is flapping, not given up."""

    takes = 90.0
    tuned = {"max": 2, "per": "1h", "cooldown": "0s", "soak": "1s"}
    settings = "[limits.unit]\nmax = 2\n[limits.host]\nmax = 2\n"

    def test_six_crashes_are_healed_six_times(self) -> None:
        for crash in range(1, 7):
            with self.subTest(crash=crash):
                seen = self.gatemend.newest_id()
                self.site.kill_fpm()
                healed = self.gatemend.wait_until_healed(self.fpm, 60, newer_than=seen)
                self.assertEqual(len(self.gatemend.intents(self.fpm)), crash)
                self.assertEqual("flapping: healed" in healed["text"], crash >= 3, healed["text"])
        self.assertEqual(len(self.gatemend.records("latched")), 0)
        service = next(item for item in self.gatemend.status()["services"] if item["unit"] == self.fpm)
        self.assertIn("flapping: healed 6 times", service["flapping"])
        self.assertIn("flapping: healed 6 times", self.gatemend.run("status").stdout)
        self.assert_record_complete()


class CuredAmongErrors(Scenario):
    """What a script, or whoever can write to nginx's log, says during the soak changes no verdict."""

    takes = 60.0
    tuned = {"max": 2, "per": "1h", "cooldown": "0s", "soak": "10s"}

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.add_page(root, "fatal.php", "<?php\nthrow new Exception('as it always did');\n")

    def test_a_script_that_fails_makes_no_cure_a_failure(self) -> None:
        for crash in (1, 2, 3):
            with self.subTest(crash=crash):
                errors = self.site.visitors(interval=0.2, path="/fatal.php")
                self.site.kill_fpm()
                # In an incident of its own, or in that of the errors.
                self.machine.wait_until(lambda so_many=crash: len(self.gatemend.records("confirm")) == so_many, 60, "the verdict")
                errors.stop()
        self.assertEqual({r["verdict"] for r in self.gatemend.records("confirm")}, {"effective"})


class FasterThanTheSoak(Scenario):
    limit = 3
    tuned = {"max": limit, "per": "10m", "cooldown": "0s", "soak": "20s"}

    def is_latched(self) -> bool:
        return bool(self.gatemend.records("latched"))

    def crash_until_latched(self) -> None:
        """Down again as soon as it is up, so that nothing is a cure."""
        for number in range(1, self.limit + 1):
            self.assertFalse(self.is_latched())
            self.site.kill_fpm()
            self.machine.wait_until(
                lambda: len(self.gatemend.intents(self.fpm)) >= number and self.machine.is_active(self.fpm), 30, "a start"
            )
        self.site.kill_fpm()

    def test_the_budget_stops_it_loudly_until_it_is_lifted(self) -> None:
        self.crash_until_latched()
        self.machine.wait_until(self.is_latched, 20, "the latch")
        self.assertTrue(any(self.fpm in message for message in self.gatemend.loud_messages()))
        incident = self.gatemend.wait_for_incident(self.fpm, is_open, 10, "open")
        self.assertEqual(incident["phase"], "escalated")
        self.assert_quiet(self.fpm)
        clear = f"clear with `gatemend resume {self.fpm}`"
        number = str(incident["id"])
        for command in (("status",), ("show", number), ("why", number)):
            self.assertIn(clear, " ".join(self.gatemend.run(*command).stdout.split()), command)
        self.assertTrue(any(clear in message for message in self.gatemend.loud_messages()))

        self.gatemend.kill_agent()  # forgetting is no way round the latch
        self.gatemend.kill_executor()
        self.machine.wait_until(lambda: self.machine.is_active(AGENT), 10, "the agent to be back")
        self.assert_quiet(self.fpm, QUIET)
        self.assertNotEqual(self.site.visit().status, 200)

        self.gatemend.run("resume", self.fpm)
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), 20, "FPM to be started after the lift")
        self.assertEqual(len(self.gatemend.records("lifted")), 1)
        self.gatemend.wait_until_healed(self.fpm, newer_than=incident["id"] - 1)  # the outcome is on record by then
        self.assert_record_complete()


class Nginx(Scenario):
    def test_killed_nginx_is_started(self) -> None:
        self.site.kill_nginx()
        incident = self.gatemend.wait_until_healed(self.site.nginx)
        self.assertEqual(incident["cause"], "nginx-down")
        self.assert_answers()
        self.assert_record_complete()


class StaleSocket(Scenario):
    def test_socket_file_without_a_listener_is_healed_by_starting_the_unit(self) -> None:
        self.machine.systemctl("stop", AGENT)
        self.site.kill_fpm()
        self.machine.wait_until(lambda: not self.machine.is_active(self.fpm), 10, "FPM to be dead")
        self.machine.systemctl("reset-failed", self.fpm)
        self.assertTrue(self.machine.exists(self.suite.fpm_socket), "the fault was not set up: no stale socket")

        self.machine.systemctl("start", AGENT)
        self.site.visit()
        incident = self.gatemend.wait_until_healed(self.fpm)

        self.assertEqual(incident["cause"], "socket-stale")
        self.assert_answers()
        self.assert_record_complete()
