"""A full disk: journals are vacuumed down to the floor, then what failed is started."""

from __future__ import annotations

import stories
from acted import DEADLINE, Acted
from gatemend import Record, outcome_of
from website import Visitors


class Vacuum(Acted):
    kind = stories.FullDisk

    def test_journals_down_to_the_floor(self) -> None:
        self.tell()

    def assert_told(self, intent: Record) -> None:
        super().assert_told(intent)
        self.assertEqual(self.story.archived(), [])  # type: ignore[attr-defined]
        self.machine.run("journalctl", "--verify", "--quiet")


class VacuumWithoutJournalctl(Acted):
    kind = stories.FullDisk
    can_be_bare = False

    def test_nothing_is_done_and_that_is_on_record(self) -> None:
        tool = "/usr/bin/journalctl"
        self.gatemend.pause()  # until all is broken
        self.play.break_it()
        self.machine.run("mv", tool, f"{tool}.away")
        self.gatemend.resume()
        try:
            intent = self.play.next_intent()
            self.machine.wait_until(lambda: self.gatemend.records("outcome"), DEADLINE, "the outcome")
        finally:
            self.machine.run("mv", f"{tool}.away", tool)
        self.assertEqual(outcome_of(self.gatemend, intent)["outcome"], "failed")
        self.assertNotEqual(self.story.archived(), [])  # type: ignore[attr-defined]
        self.assert_record_complete()


class VacuumThenStart(Acted):
    """PHP-FPM writes to the full disk when it starts, as many a service does."""

    kind = stories.FullDisk
    can_be_bare = False

    def test_in_that_order(self) -> None:
        self.site.drop_in(
            self.machine.path("/"), "cache", "[Service]\nExecStartPre=/bin/dd if=/dev/zero of=/var/lib/nginx/cache bs=64k count=4\n"
        )
        self.machine.systemctl("daemon-reload")
        self.gatemend.pause()  # until all is broken
        visitors: Visitors = self.site.visitors()
        visitors.wait_for_good(2)
        self.play.break_it()
        self.site.kill_fpm()
        visitors.wait_for_bad()
        self.gatemend.resume()

        visitors.wait_for_good(5, 2 * DEADLINE)
        done = [intent["act"] for intent in self.gatemend.intents()]
        self.assertEqual(done[0], "vacuum-journal", done)
        started = [record for record in self.gatemend.intents(self.fpm) if record["act"] in ("start-unit", "restart-unit")]
        self.assertTrue(started, done)
        self.gatemend.wait_until_healed(self.fpm, DEADLINE)
        self.assert_record_complete()
