"""kill -9 at one step after the other of an act, first to last: never half-done, never twice, nothing forgotten.

A step is a system call that begins something which outlives the process: a line of the record, its fsync, a message. All
that concern the record are walked; of the messages those that follow the intent, and so many of all, evenly spread:
GATEMEND_TEST_MESSAGES, 0 for every single one.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime
import json
import os
import pathlib

from gatemend import AGENT, EXECUTOR, OWN_POLICIES, Record, undo_state
from rule import rule
from scenario import Scenario
from steps import OUTLIVING, Call, Step, Stepper
from stories import SITE_FILE, OldSocketPath

MESSAGES = int(os.environ.get("GATEMEND_TEST_MESSAGES", "2"))
DEADLINE = 30.0
# The intent is on disk; then word of it to the journal, the job or the tool asked of systemd, looks at what came of it.
AFTER_INTENT = [Step("sendmsg", number, after="fdatasync") for number in range(1, 5)]
_OUTCOMES = ("not begun", "completed", "done anew", "rolled back", "no kill")


@dataclasses.dataclass(frozen=True)
class Mark:
    """The machine before a fault."""

    intents: int
    starts: int


class _Walk(Scenario):
    is_same_everywhere = True
    is_deep = True

    # Budgets are counted at the end, and must not end the walk before.
    tuned = {"soak": "1s", "cooldown": "0s", "max": 100, "per": "1h"}
    settings = (
        '[limits.unit]\nmax = 100\nper = "1h"\n[limits.host]\nmax = 100\nper = "1h"\n[probe]\nsuspicion_cooldown = "1s"\n'
    )
    act = ""
    starts = 1  # of PHP-FPM, by one act

    def prepare(self) -> None:
        # FPM's own start limit is systemd's business.
        self.machine.write(f"/etc/systemd/system/{self.fpm}.d/often.conf", "[Unit]\nStartLimitIntervalSec=0\n")
        self.machine.systemctl("daemon-reload")

    def install(self) -> None:
        super().install()
        self.tallies: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.site.visitors(interval=0.05)  # nobody notices a fault that no visitor meets

    def inject(self) -> None:
        raise NotImplementedError

    # -- one step ---------------------------------------------------------------------------------------------------

    def mark(self) -> Mark:
        return Mark(len(self.gatemend.intents()), self.machine.count_starts(self.fpm))

    def is_calm(self) -> bool:
        """Served, nothing open, nothing without its outcome and its verdict, everybody there."""
        intended = self.attempts("intent")
        if any(set(self.attempts(kind)) != set(intended) for kind in ("outcome", "confirm")):
            return False
        told = self.gatemend.run("status", "--json", check=False)
        if told.returncode != 0 or not all(self.machine.is_active(unit) for unit in (AGENT, EXECUTOR)):
            return False
        return all(i["phase"] == "closed" for i in self.gatemend.incidents()) and self.site.visit().status == 200

    def attempts(self, kind: str) -> list[int]:
        """That records of this kind are about."""
        return sorted(record["attempt"] for record in self.gatemend.records(kind))

    def is_over(self, before: Mark) -> bool:
        return len(self.gatemend.intents()) > before.intents and self.is_calm()

    def perform(self, unit: str, kill_at: Step | None) -> Stepper:
        """The fault and its cure, with a kill on the way."""
        self.machine.wait_until(self.is_calm, DEADLINE, "the machine to be calm")
        before = self.mark()
        stepper = Stepper(self.machine, unit, kill_at)
        try:
            self.inject()
            if kill_at is not None and kill_at.after:
                self.machine.wait_until(stepper.count_from_here, DEADLINE, f"{unit}: {kill_at.after}")
            self.machine.wait_until(
                lambda: stepper.killed_at() or self.is_over(before), DEADLINE, f"{unit}: {kill_at} or the end of the act"
            )
            self.machine.wait_until(lambda: self.is_over(before), DEADLINE, f"{unit} killed at {kill_at}: the cure")
        finally:
            stepper.stop()
        verdict = self.judge(before, stepper, f"{unit}, {kill_at}")
        if kill_at is not None:
            self.tallies[unit][verdict] += 1
        return stepper

    def judge(self, before: Mark, stepper: Stepper, where: str) -> str:
        """What the kill has left, by the record; each promise is asserted on the way."""
        intents = self.gatemend.intents()
        for kind in ("outcome", "confirm"):
            self.assertEqual(self.attempts(kind), self.attempts("intent"), f"{where}: one {kind} each")
        self.gatemend.verify_audit()
        self.assertEqual(self.counted_attempts(), self.attempts("intent"), where)
        new = intents[before.intents :]
        self.assertEqual(new[0]["act"], self.act, where)  # what is done anew is the next step of the ladder
        self.assertEqual(self.machine.count_starts(self.fpm) - before.starts, self.starts, f"{where}: {new}")
        killed = stepper.killed_at()
        self.assertLessEqual(len(new), 1 if killed is None else 2, f"{where}: {new}")
        if killed is None:
            return "no kill"
        if seconds(new[0]) > killed:
            return "not begun"
        if len(new) == 1:
            return "completed"
        return "rolled back" if self.is_undone(new[0]) else "done anew"

    def is_undone(self, intent: Record) -> bool:
        return undo_state(self.gatemend, intent) == "undone"

    def counted_attempts(self) -> list[int]:
        """What the executor that lives now counts against its budgets."""
        reply = self.gatemend.call_executor("Ledger", "")
        self.assertEqual(reply.returncode, 0, reply.stderr)
        return sorted(attempt[0] for attempt in json.loads(reply.stdout)["data"][0])

    # -- the walk ---------------------------------------------------------------------------------------------------

    def walk(self, unit: str) -> None:
        reference = self.perform(unit, None).calls()
        for step in [*steps_of(reference), *(AFTER_INTENT if unit == EXECUTOR else [])]:
            self.perform(unit, step)

    def table(self) -> str:
        rows = [f"{'act':16} {'killed':28} {'tried':>5}" + "".join(f" {name:>11}" for name in _OUTCOMES)]
        for unit, tally in self.tallies.items():
            tried = sum(tally[name] for name in _OUTCOMES)
            rows.append(f"{self.act:16} {unit:28} {tried:5}" + "".join(f" {tally[name]:11}" for name in _OUTCOMES))
        return "\n".join(rows)

    def assert_budget_knows_all(self) -> None:
        """As many as there were are allowed: one more is refused."""
        done = len(self.gatemend.intents())
        self.gatemend.tune(**{**self.tuned, "max": done})
        self.machine.systemctl("restart", EXECUTOR, AGENT)
        self.machine.wait_until(self.is_calm, DEADLINE, "the machine to be calm")
        self.inject()
        self.machine.wait_until(lambda: self.gatemend.records("latched"), DEADLINE, "the budget to be spent")
        self.assertEqual(len(self.gatemend.intents()), done)

    def walk_all(self, *units: str) -> None:
        for unit in units:
            self.walk(unit)
        print(self.table(), flush=True)
        for unit, tally in self.tallies.items():
            self.assertGreater(min(tally["not begun"], tally["completed"]), 0, f"{unit}: not walked from end to end")
            self.assertLess(tally["no kill"], sum(tally.values()) / 3, f"{unit}: too few kills")
        self.assert_budget_knows_all()


def seconds(record: Record) -> float:
    return datetime.datetime.fromisoformat(record["time"].replace("Z", "+00:00")).timestamp()


def steps_of(calls: list[Call]) -> list[Step]:
    """To be walked, from the calls of an act that nobody disturbed."""
    steps = []
    for name in OUTLIVING:
        count = sum(1 for call in calls if call.name == name)
        numbers = set(range(1, count + 1))
        if name == "sendmsg" and MESSAGES > 0:
            numbers = {round(count * part / (MESSAGES + 1)) for part in range(1, MESSAGES + 1)}
        steps += [Step(name, number) for number in sorted(numbers)]
    return steps


class WalkStart(_Walk):
    act = "start-unit"

    def inject(self) -> None:
        self.site.kill_fpm()

    def test_executor_and_agent(self) -> None:
        self.walk_all(EXECUTOR, AGENT)


class WalkRestart(_Walk):
    act = "restart-unit"

    def inject(self) -> None:
        self.machine.path(self.suite.fpm_socket).unlink()

    def test_executor(self) -> None:
        self.walk_all(EXECUTOR)


class WalkOwner(_Walk):
    """Leaves something behind: what was not done to its end is undone first."""

    act = "fix-socket-owner"
    starts = 0

    def inject(self) -> None:
        socket = self.suite.fpm_socket
        self.machine.run("sh", "-ec", f"chown root:root {socket} && chmod 600 {socket}")

    def test_executor(self) -> None:
        self.walk_all(EXECUTOR)


class WalkRepoint(_Walk):
    """Edits nginx's configuration: staged, tested, swapped in, reloaded."""

    act = "repoint-backend"
    starts = 0

    def furnish(self, root: pathlib.Path) -> None:
        self.story = OldSocketPath(self.machine, self.site)
        self.story.furnish(root)

    def install(self) -> None:
        self.allow(100)
        super().install()

    def allow(self, most: int) -> None:
        """Without asking: nobody says yes so often."""
        text = rule("repoint-alone", self.story.cause, self.act, limit=(most, "1h"), soak="1s")
        self.machine.write(f"{OWN_POLICIES}/05-repoint-alone.toml", text)

    def inject(self) -> None:
        self.story.inject()

    def judge(self, before: Mark, stepper: Stepper, where: str) -> str:
        self.assertEqual(self.machine.path(SITE_FILE).read_bytes().decode(), self.story.healthy, where)
        left = [path.name for path in self.machine.path(SITE_FILE).parent.iterdir() if path.name.startswith(".")]
        self.assertEqual(left, [], f"{where}: left behind")
        return super().judge(before, stepper, where)

    def assert_budget_knows_all(self) -> None:
        self.allow(len(self.gatemend.intents()))
        super().assert_budget_knows_all()

    def test_executor(self) -> None:
        self.walk_all(EXECUTOR)
