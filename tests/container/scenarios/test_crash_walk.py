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

import fingerprint
import stories
from acted import Acted
from fingerprint import Fingerprint
from gatemend import AGENT, EXECUTOR, OWN_POLICIES, Record, undo_state
from play import TUNED
from rule import rule
from steps import OUTLIVING, Call, Step, Stepper

MESSAGES = int(os.environ.get("GATEMEND_TEST_MESSAGES", "2"))
DEADLINE = 100.0  # what is healed again and again is healed after a pause, of up to a minute
# The intent is on disk; then word of it to the journal, the job or the tool asked of systemd, looks at what came of it.
AFTER_INTENT = [Step("sendmsg", number, after="fdatasync") for number in range(1, 5)]
_OUTCOMES = ("not begun", "completed", "done anew", "rolled back", "no kill")
# Budgets are counted at the end, and must not end the walk before.
PLENTY = 100  # as much as a rule may allow
_LIMITS = "".join(f'[limits.{of}]\nmax = {PLENTY}\nper = "1h"\n' for of in ("unit", "host"))


@dataclasses.dataclass(frozen=True)
class Mark:
    """The machine before a fault."""

    intents: int
    times: int


class _Walk(Acted):
    is_same_everywhere = True
    is_deep = True
    can_be_bare = False
    takes = 300

    tuned = {**TUNED, "soak": "1s", "max": PLENTY}
    deadline = DEADLINE
    by_fault = 0  # what `times_done` counts of the fault itself
    followed_by: tuple[str, ...] = ()  # acts of another rule, which the cure needs as well

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.settings += _LIMITS

    def prepare(self) -> None:
        super().prepare()
        # Start limits are systemd's business.
        self.machine.write("/etc/systemd/system/service.d/often.conf", "[Unit]\nStartLimitIntervalSec=0\n")
        self.machine.systemctl("daemon-reload")

    def install(self) -> None:
        self.allow(PLENTY)
        super().install()
        self.tally: collections.Counter[str] = collections.Counter()
        self.reference: Fingerprint | None = None
        self.visitors = self.story.visitors()  # nobody notices a fault that no visitor meets
        self.visitors.wait_for_good(1)

    def allow(self, most: int) -> None:
        """What people are asked for is allowed: nobody says yes so often."""
        if self.story.asks or self.story.gathers:
            given = {"seconds": stories.EVIDENCE_SECONDS} if self.story.gathers else None
            text = rule("walk", self.story.cause, self.story.act, given, limit=(most, "1h"), soak="1s")
            self.machine.write(f"{OWN_POLICIES}/01-walk.toml", text)

    # -- the story, again and again ---------------------------------------------------------------------------------

    def set_back(self) -> None:
        """From what an act has left to where the fault can come about again."""

    def times_done(self) -> int:
        """How often the machine, not gatemend's record, says that it was done."""
        return self.machine.count_starts(self.fpm)

    def times_since(self, before: Mark) -> int:
        return self.times_done() - before.times - self.by_fault

    def assert_done_once(self, before: Mark, intents: list[Record], where: str) -> None:
        self.assertEqual(self.times_since(before), 1, f"{where}: {intents}")

    # -- one step ---------------------------------------------------------------------------------------------------

    def mark(self) -> Mark:
        return Mark(len(self.gatemend.intents()), self.times_done())

    def is_settled(self) -> bool:
        """Nothing without its outcome and its verdict, everybody there."""
        intended = self.attempts("intent")
        if any(set(self.attempts(kind)) != set(intended) for kind in ("outcome", "confirm")):
            return False
        told = self.gatemend.run("status", "--json", check=False)
        return told.returncode == 0 and all(self.machine.is_active(unit) for unit in (AGENT, EXECUTOR))

    def is_calm(self) -> bool:
        """And nothing open, and visitors are served."""
        return self.is_settled() and self.are_closed() and self.visitors.answers[-1].is_good

    def attempts(self, kind: str) -> list[int]:
        """That records of this kind are about."""
        return sorted(record["attempt"] for record in self.gatemend.records(kind))

    def is_over(self, before: Mark) -> bool:
        return len(self.gatemend.intents()) > before.intents and self.is_calm()

    def perform(self, unit: str, kill_at: Step | None) -> Stepper:
        """The fault and its cure, with a kill on the way."""
        self.set_back()
        self.machine.wait_until(self.is_calm, self.deadline, "the machine to be calm")
        before = self.mark()
        stepper = Stepper(self.machine, unit, kill_at)
        try:
            self.story.inject()
            if kill_at is not None and kill_at.after:
                self.machine.wait_until(stepper.count_from_here, DEADLINE, f"{unit}: {kill_at.after}")
            self.machine.wait_until(
                lambda: stepper.killed_at() or self.is_over(before), DEADLINE, f"{unit}: {kill_at} or the end of the act"
            )
            self.machine.wait_until(lambda: self.is_over(before), self.deadline, f"{unit} killed at {kill_at}: the cure")
        finally:
            stepper.stop()
        self.machine.wait_until(stepper.is_settled, DEADLINE, f"{unit} to be back")
        verdict = self.judge(before, stepper, f"{unit}, {kill_at}")
        if kill_at is not None:
            self.tally[verdict] += 1
        return stepper

    def judge(self, before: Mark, stepper: Stepper, where: str) -> str:
        """What the kill has left, by the record; each promise is asserted on the way."""
        intents = self.gatemend.intents()
        for kind in ("outcome", "confirm"):
            self.assertEqual(self.attempts(kind), self.attempts("intent"), f"{where}: one {kind} each")
        self.gatemend.verify_audit()
        self.assertEqual(self.counted_attempts(), self.attempts("intent"), where)
        new = [intent for intent in intents[before.intents :] if intent["act"] not in self.followed_by]
        self.assertEqual(new[0]["act"], self.story.act, where)  # what is done anew is the next step of the ladder
        self.assert_done_once(before, new, where)
        self.assert_leaves_the_same(where)
        killed = stepper.killed_at()
        self.assertLessEqual(len(new), 1 if killed is None else 2, f"{where}: {new}")
        if killed is None:
            return "no kill"
        if seconds(new[0]) > killed:
            return "not begun"
        if len(new) == 1:
            return "completed"
        return "rolled back" if self.is_undone(new[0]) else "done anew"

    def assert_leaves_the_same(self, where: str) -> None:
        """Byte for byte what nobody disturbed has left."""
        now = fingerprint.take(self.machine, *self.story.folders)
        if self.reference is None:
            self.reference = now
        self.assertEqual(fingerprint.difference(self.reference, now), [], where)

    def is_undone(self, intent: Record) -> bool:
        return undo_state(self.gatemend, intent) == "undone"

    def counted_attempts(self) -> list[int]:
        """What the executor that lives now counts against its budgets."""
        reply = self.gatemend.call_executor("Ledger", "")
        self.assertEqual(reply.returncode, 0, reply.stderr)
        return sorted(attempt[0] for attempt in json.loads(reply.stdout)["data"][0])

    # -- the walk ---------------------------------------------------------------------------------------------------

    def walk(self, unit: str) -> None:
        self.perform(unit, None)  # the first is not like the others: nothing was mended before it
        reference = self.perform(unit, None).calls()
        for step in [*steps_of(reference), *(AFTER_INTENT if unit == EXECUTOR else [])]:
            self.perform(unit, step)
        print(self.table(unit), flush=True)
        self.assertGreater(min(self.tally["not begun"], self.tally["completed"]), 0, f"{unit}: not walked from end to end")
        self.assertLess(self.tally["no kill"], self.tally.total() / 3, f"{unit}: too few kills")
        self.assert_budget_knows_all()

    def table(self, unit: str) -> str:
        head = f"{'act':17} {'killed':26} {'tried':>5}" + "".join(f" {name:>11}" for name in _OUTCOMES)
        row = f"{self.story.act:17} {unit:26} {self.tally.total():5}" + "".join(f" {self.tally[name]:11}" for name in _OUTCOMES)
        return f"{head}\n{row}"

    def assert_budget_knows_all(self) -> None:
        """As many as there were are allowed: one more is refused."""
        self.set_back()
        self.machine.wait_until(self.is_calm, self.deadline, "the machine to be calm")
        rules = [intent["rule"] for intent in self.gatemend.intents() if intent["act"] == self.story.act]
        spent = sum(intent["rule"] == rules[-1] for intent in self.gatemend.intents())
        self.allow(spent)
        self.gatemend.tune(**{**self.tuned, "max": spent})
        self.machine.systemctl("restart", EXECUTOR, AGENT)
        self.machine.wait_until(self.is_calm, self.deadline, "the machine to be calm")
        done = len(self.gatemend.intents())
        self.story.inject()
        self.machine.wait_until(lambda: self.gatemend.records("latched"), DEADLINE, "the budget to be spent")
        self.assertEqual(len(self.gatemend.intents()), done)


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


class _Both:
    """Each on a machine of its own; to be mixed into a walk."""

    def test_executor(self) -> None:
        self.walk(EXECUTOR)  # type: ignore[attr-defined]

    def test_agent(self) -> None:
        self.walk(AGENT)  # type: ignore[attr-defined]


class WalkStart(_Both, _Walk):
    kind = stories.CrashedFpm


class WalkRestart(_Both, _Walk):
    kind = stories.DeletedSocket


class WalkReload(_Both, _Walk):
    kind = stories.MovedName

    def times_done(self) -> int:
        return self.machine.count_reloads(self.site.nginx)


class WalkPm2(_Both, _Walk):
    kind = stories.ErroredPm2App

    def times_done(self) -> int:
        """Since it was given up."""
        log = self.machine.read(stories.PM2_LOG).rpartition("too many unstable restarts")[2]
        return log.count("App [shop:0] starting in ")

    def assert_done_once(self, before: Mark, intents: list[Record], where: str) -> None:
        self.assertEqual(self.times_done(), 1, f"{where}: {intents}")


class _WalkIdempotent(_Walk):
    """Done twice it is what it is done once, and the machine keeps no count of it."""

    def times_done(self) -> int:
        return int(self.machine.unit(self.fpm, "ActiveEnterTimestampMonotonic")["ActiveEnterTimestampMonotonic"])

    def assert_done_once(self, before: Mark, intents: list[Record], where: str) -> None:
        self.assertEqual(self.times_since(before), 0, f"{where}: PHP-FPM was started")


class WalkVacuum(_Both, _WalkIdempotent):
    kind = stories.FullDisk
    deadline = 160.0  # what an agent was told before it was killed, the next one hears again: for a minute

    def set_back(self) -> None:
        self.machine.run("rm", "--force", f"{self.story.disk}/backup.tar")


class WalkOwner(_Both, _WalkIdempotent):
    """Leaves something behind: what was not done to its end is undone first."""

    kind = stories.OwnedByRoot


class _WalkEdit(_Walk):
    """A file is staged, tested, swapped in, and whoever reads it told; each rollback does the same the other way."""

    def assert_done_once(self, before: Mark, intents: list[Record], where: str) -> None:
        times = self.times_since(before)
        undone = [intent for intent in intents if self.is_undone(intent)]
        self.assertGreaterEqual(times, 1, f"{where}: {intents}")
        self.assertLessEqual(times, len(intents) + len(undone), f"{where}: {intents}")

    def assert_leaves_the_same(self, where: str) -> None:
        super().assert_leaves_the_same(where)
        left = self.machine.output("find", *self.story.folders, "-name", ".*gatemend*")
        self.assertEqual(left, "", f"{where}: left behind")


class WalkRepoint(_Both, _WalkEdit):
    kind = stories.OldSocketPath
    by_fault = 1

    def times_done(self) -> int:
        return self.machine.count_reloads(self.site.nginx)

    def assert_leaves_the_same(self, where: str) -> None:
        super().assert_leaves_the_same(where)
        self.assertEqual(self.machine.path(stories.SITE_FILE).read_bytes().decode(), self.story.healthy, where)


class WalkPoolListen(_Both, _WalkEdit):
    kind = stories.PoolSaysRoot
    by_fault = 1

    def install(self) -> None:
        self.healthy = self.machine.read(self.site.pool_file)
        super().install()

    def set_back(self) -> None:
        self.machine.write(self.site.pool_file, self.healthy)


class WalkRestore(_Both, _WalkEdit):
    kind = stories.BrokenPool
    by_fault = 1
    followed_by = ("start-unit", "restart-unit")


class WalkSuggestion(_Both, _WalkEdit):
    kind = stories.BigHeader

    def install(self) -> None:
        self.healthy = self.machine.read(stories.SITE_FILE)
        super().install()

    def set_back(self) -> None:
        self.story.relent()
        self.machine.write(stories.SITE_FILE, self.healthy)
        self.site.reload_nginx()
        self.machine.wait_until(
            lambda: '"16k"' not in self.machine.read(stories.TOPOLOGY), DEADLINE, "the agent to know the small buffers"
        )

    def times_done(self) -> int:
        return self.machine.count_reloads(self.site.nginx)


class _WalkEvidence(_Walk):
    """The fault stays until the test ends it; the incident would stay for a minute more."""

    def end_fault(self) -> None:
        raise NotImplementedError

    def set_back(self) -> None:
        self.end_fault()
        self.visitors.wait_for_good(5)
        self.machine.systemctl("restart", AGENT)

    def is_over(self, before: Mark) -> bool:
        is_settled = len(self.gatemend.intents()) > before.intents and self.is_settled()
        return is_settled and self.gatemend.records("confirm")[-1]["verdict"] == "effective"


class WalkDebugLog(_Both, _WalkEvidence):
    kind = stories.DebugLines

    def is_settled(self) -> bool:
        """And nginx writes what it always does."""
        return super().is_settled() and all(map(self.is_undone, self.gatemend.intents()))

    def end_fault(self) -> None:
        self.story.relent()

    def times_done(self) -> int:
        return self.machine.count_reloads(self.site.nginx)

    def assert_done_once(self, before: Mark, intents: list[Record], where: str) -> None:
        times = self.times_since(before)
        self.assertGreaterEqual(times, 2, f"{where}: on and off: {intents}")
        # An undoing that was cut short is done again.
        self.assertLessEqual(times, 2 * len(intents) + 1, f"{where}: {intents}")


class WalkCapture(_Both, _WalkEvidence, _WalkIdempotent):
    kind = stories.CapturedPort

    def end_fault(self) -> None:
        self.story.run(self.story.by_hand())
