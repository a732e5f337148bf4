"""The wall clock is set while everything runs: forward by an hour, and back again.

A machine's clock is everybody's, so it stays as it is. The two services are shown another one (libfaketime), and the kernel
wakes them as it always does: because this machine's clock is set, to what it shows.
"""

from __future__ import annotations

import datetime
import time
import unittest

from gatemend import AGENT, EXECUTOR, Record
from scenario import Scenario

_HOUR = 3600.0
_OFFSET = "/run/clock-offset"
_OTHER_CLOCK = f"""\
[Service]
Environment=LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1
Environment=FAKETIME_TIMESTAMP_FILE={_OFFSET} FAKETIME_NO_CACHE=1
Environment=FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_DISABLE_SHM=1
"""


def set_clock_to_itself() -> None:
    time.clock_settime(time.CLOCK_REALTIME, time.clock_gettime(time.CLOCK_REALTIME))


class ClockIsSet(Scenario):
    # A wait of an hour would show: the second crash comes seconds after the first.
    tuned = {"soak": "2s", "cooldown": "1s", "backoff": 1}

    def prepare(self) -> None:
        try:
            set_clock_to_itself()
        except PermissionError:
            raise unittest.SkipTest("needs CAP_SYS_TIME") from None
        self.show("+0")
        for unit in (AGENT, EXECUTOR):
            self.machine.write(f"/etc/systemd/system/{unit}.d/clock.conf", _OTHER_CLOCK)
        self.machine.systemctl("daemon-reload")

    def show(self, offset: str) -> None:
        self.machine.write(_OFFSET, f"{offset}\n")

    def set(self, offset: str, words: str) -> None:
        """Both say so, and start anew, once."""
        before = self.restarts()
        self.show(offset)
        set_clock_to_itself()
        for unit in (AGENT, EXECUTOR):
            self.machine.wait_until(lambda unit=unit: self.has_said(unit, words), 30, f"{unit} to say {words}")
        self.machine.wait_until(self.gatemend.is_watching, 30, "the agent to know its services")
        self.assertEqual([after - count for after, count in zip(self.restarts(), before)], [1, 1])

    def restarts(self) -> list[int]:
        return [int(self.machine.unit(unit, "NRestarts")["NRestarts"]) for unit in (AGENT, EXECUTOR)]

    def has_said(self, unit: str, words: str) -> bool:
        text = f"the clock was {words}; starting anew"
        return any(text in str(entry["MESSAGE"]) for entry in self.machine.journal(f"_SYSTEMD_UNIT={unit}"))

    def crash_and_heal(self) -> Record:
        """The intent of the act that healed it."""
        seen = self.gatemend.newest_id()
        self.site.kill_fpm()
        incident = self.gatemend.wait_until_healed(self.fpm, newer_than=seen)
        self.assertEqual(incident["cause"], "unit-failed")
        self.assert_answers()
        return self.gatemend.intents(self.fpm)[-1]

    def assert_dated(self, record: Record, ahead: float) -> None:
        dated = datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()
        self.assertAlmostEqual(dated, time.time() + ahead, delta=60.0)

    def test_forward_and_back(self) -> None:
        self.assert_dated(self.crash_and_heal(), 0)
        self.set("+1h", "set forward by 1h")
        self.assert_dated(self.crash_and_heal(), _HOUR)
        self.set("+0", "set back by 1h")
        self.assert_dated(self.crash_and_heal(), 0)
        self.assertEqual(len(self.gatemend.intents(self.fpm)), 3)
        self.assertEqual(self.gatemend.records("latched"), [])
        self.assert_record_complete()

    def test_a_clock_that_shows_the_same_is_no_reason_to_start_anew(self) -> None:
        before = self.restarts()
        set_clock_to_itself()
        self.crash_and_heal()
        self.assertEqual(self.restarts(), before)
