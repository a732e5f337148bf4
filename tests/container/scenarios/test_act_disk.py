"""A full disk: journals are vacuumed down to the floor, then what failed is started."""

from __future__ import annotations

import pathlib

import stories
from acted import DEADLINE, Acted
from gatemend import AGENT, Record, outcome_of
from scenario import QUIET, Scenario
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


class AnotherDiskIsFull(Scenario):
    """A full /dev/shm is no reason to delete the journal, which lies elsewhere."""

    is_same_everywhere = True

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_nginx(root, "client_body_temp_path /dev/shm/nginx;\nclient_body_in_file_only on;\n")

    def prepare(self) -> None:
        self.machine.run("mount", "-t", "tmpfs", "-o", "size=4m,mode=1777", "tmpfs", "/dev/shm")
        self.machine.systemctl("restart", self.site.nginx)

    def journal(self) -> list[str]:
        return sorted(self.machine.output("sh", "-c", "ls /var/log/journal/* /run/log/journal/* 2>/dev/null; true").split())

    def test_the_journal_is_not_touched(self) -> None:
        self.machine.run("sh", "-c", "journalctl --rotate; cat /dev/zero >/dev/shm/fill 2>/dev/null; true")
        before = self.journal()
        visitors: Visitors = self.site.posters("/index.php", 200_000)
        visitors.wait_for_bad(DEADLINE)
        incident = self.gatemend.wait_for_incident(
            self.site.nginx, lambda found: found["cause"] == "disk-full", DEADLINE, "of a full disk"
        )
        self.machine.holds_for(lambda: not self.gatemend.intents("systemd-journald.service"), QUIET, "nothing is vacuumed")
        incident = next(item for item in self.gatemend.incidents() if item["id"] == incident["id"])
        self.assertIn("/dev/shm", incident["diagnosis"])
        self.assertNotIn("vacuum", incident["advice"])
        self.assertLessEqual(set(before), set(self.journal()))


class NothingIsFull(Scenario):
    """An agent in strange hands asks for the journal's deletion with nothing full."""

    is_same_everywhere = True

    def test_the_executor_looks_itself(self) -> None:
        self.machine.run("sh", "-c", "mkdir -p /var/log/journal && journalctl --flush && journalctl --rotate")
        self.machine.systemctl("stop", AGENT)
        parameters = ["3", "journal", "/var/log/journal", "keep_bytes", str(128 << 20), "keep_seconds", "172800"]
        for folder in ("/var/log/journal", "/run/log/journal", "/var/log", "/etc"):
            parameters[2] = folder
            answer = self.gatemend.call_executor(
                "Plan",
                "ssssssta{ss}",
                *("vacuum-journal", "systemd-journald.service", "make-room", "disk-full", "active", "", "60000000"),
                *parameters,
            )
            self.assertNotEqual(answer.returncode, 0, folder)
            self.assertRegex(answer.stderr, "does not lie on a full disk|no journal is kept|No such file", folder)
        self.assertEqual(self.gatemend.intents(), [])
