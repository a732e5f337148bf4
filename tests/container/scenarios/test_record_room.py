"""The record's disk is full: what is down is started all the same, and nothing of the record is lost."""

from __future__ import annotations

from gatemend import is_open
from scenario import Scenario

_SEEN = 40.0
_FILL = "/var/log/fill"


class _SmallLogDisk(Scenario):
    """/var/log on a disk of its own, with what was in it."""

    is_same_everywhere = True
    takes = 60.0

    def prepare(self) -> None:
        self.machine.run(
            "sh",
            "-c",
            "cp -a /var/log /var/old && mount -t tmpfs -o size=40m,mode=755 tmpfs /var/log && cp -a /var/old/. /var/log/"
            f" && systemctl restart systemd-journald {self.site.fpm} {self.site.nginx}",
        )

    def fill(self) -> None:
        self.machine.run("sh", "-c", f"cat /dev/zero >{_FILL} 2>/dev/null; cat /dev/zero >{_FILL}.2 2>/dev/null; true")
        self.assertEqual(self.machine.output("df", "--output=avail", "/var/log").split()[-1], "0")

    def empty(self) -> None:
        self.machine.run("rm", "-f", _FILL, f"{_FILL}.2")

    def crash_and_start(self) -> None:
        starts = self.machine.count_starts(self.fpm)
        self.site.kill_fpm()
        self.machine.wait_until(
            lambda: self.machine.count_starts(self.fpm) > starts and self.machine.is_active(self.fpm), _SEEN, "FPM to be up"
        )
        self.machine.wait_until(lambda: self.site.visit().status == 200, _SEEN, "an answer")
        # A crash before that is no cure, and three of them are enough for the breaker.
        self.machine.wait_until(lambda: not any(map(is_open, self.gatemend.incidents(self.fpm))), _SEEN, "the verdict")

    def assert_complete(self, acts: int) -> None:
        """With room again, the record holds every act."""
        self.empty()
        self.crash_and_start()
        self.machine.wait_until(lambda: len(self.gatemend.intents(self.fpm)) == acts + 1, _SEEN, "all of the record")
        self.machine.wait_until(
            lambda: len(self.gatemend.records("outcome", self.fpm)) == acts + 1, _SEEN, "all outcomes"
        )
        numbers = [intent["attempt"] for intent in self.gatemend.intents()]
        self.assertEqual(numbers, sorted(set(numbers)), "each number once")
        self.gatemend.verify_audit()
        self.assertEqual(self.gatemend.records("acknowledged"), [])


class FillsAfterTheStart(_SmallLogDisk):
    def test_again_and_again(self) -> None:
        self.fill()
        for _ in range(3):
            self.crash_and_start()
        self.empty()
        self.fill()
        self.crash_and_start()
        self.assert_complete(4)


class FullBeforeTheStart(_SmallLogDisk):
    is_enabled = False

    def test_a_crash_is_healed_and_the_record_follows(self) -> None:
        self.fill()
        self.gatemend.enable()
        self.crash_and_start()
        self.gatemend.kill_executor()
        self.machine.wait_until(self.gatemend.is_watching, _SEEN, "the agent to know its services again")
        self.crash_and_start()
        self.assert_complete(2)
