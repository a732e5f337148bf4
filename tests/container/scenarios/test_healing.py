"""A crashed unit is started again: once, verified, recorded; within its budget and no further."""

from __future__ import annotations

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
        self.assertLess(outage_seconds(answers), 2.0)
        print(f"{self.suite.name}: the site was away for {outage_seconds(answers) * 1000:.0f} ms")


class SlowerThanTheWindow(Scenario):
    window = 4.0
    tuned = {"max": 1, "per": "4s", "cooldown": "0s", "soak": "1s"}
    settings = "[limits.unit]\nmax = 100\n[limits.host]\nmax = 100\n"

    def test_ten_crashes_are_healed_ten_times(self) -> None:
        for crash in range(1, 11):
            with self.subTest(crash=crash):
                killed = time.monotonic()
                seen = self.gatemend.newest_id()
                self.site.kill_fpm()
                self.gatemend.wait_until_healed(self.fpm, newer_than=seen)
                self.assertEqual(len(self.gatemend.intents(self.fpm)), crash)
                self.machine.wait_until(lambda: time.monotonic() > killed + self.window + 1.0, 30, "the window to pass")
        self.assertEqual(len(self.gatemend.records("latched")), 0)
        self.assert_record_complete()


class FasterThanTheWindow(Scenario):
    limit = 3
    tuned = {"max": limit, "per": "10m", "cooldown": "0s", "soak": "1s"}

    def is_latched(self) -> bool:
        return bool(self.gatemend.records("latched"))

    def test_the_budget_stops_it_loudly_until_it_is_lifted(self) -> None:
        for _ in range(self.limit):
            self.assertFalse(self.is_latched())
            seen = self.gatemend.newest_id()
            self.site.kill_fpm()
            self.gatemend.wait_until_healed(self.fpm, newer_than=seen)
        self.site.kill_fpm()
        self.machine.wait_until(self.is_latched, 20, "the latch")
        self.assertTrue(any(self.fpm in message for message in self.gatemend.loud_messages()))
        incident = self.gatemend.wait_for_incident(self.fpm, is_open, 10, "open")
        self.assertEqual(incident["phase"], "escalated")
        self.assert_quiet(self.fpm)

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
