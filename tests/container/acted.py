"""Base of the scenarios about acts: a story with all that is promised of its act.

The plan of a dry run, the plan that is shown and the plan that is performed are one; visitors are served again; the
record is complete; the act undone leaves every file byte for byte, mode, owner and attributes included, as it found it.

With `run.py --faults-only` the same story is told with its cure by hand.
"""

from __future__ import annotations

import pathlib
from typing import Sequence

import fingerprint
import images
from gatemend import (
    DIGEST,
    OWN_POLICIES,
    Record,
    changes_of,
    digest_of,
    is_healed,
    outcome_of,
    parameters_of,
    proposal_of,
    undo_state,
)
from machine import MachineError
from play import DEADLINE, TUNED, Play
from scenario import Scenario
from stories import Story


class Acted(Scenario):
    kind: type[Story]
    story: Story
    play: Play

    can_be_bare = True
    tuned = TUNED

    # -- the machine ------------------------------------------------------------------------------------------------

    def trees_above(self) -> list[pathlib.Path]:
        try:
            return self.kind.trees_above()
        except images.ImageError as error:
            self.skipTest(str(error))

    def furnish(self, root: pathlib.Path) -> None:
        self.story = self.kind(self.machine, self.site)
        self.story.furnish(root)
        self.settings = self.story.gatemend_toml()

    def prepare(self) -> None:
        self.story.prepare()
        self.play = Play(self.machine, self.site, self.story)

    def install(self) -> None:
        self.gatemend.install(self.package)
        for name, text in self.story.rules().items():
            self.machine.write(f"{OWN_POLICIES}/{name}", text)
        self.gatemend.tune(**{**self.tuned, **self.story.tuned})
        self.gatemend.tune_settings(self.settings)
        if self.is_enabled:
            self.gatemend.enable()
            self.play.wait_until_known()

    # A dry run looks for a few seconds; what takes longer to be sure of it does not plan.
    is_seen_at_once = True

    # -- the story --------------------------------------------------------------------------------------------------

    def tell(self) -> None:
        """The whole story."""
        if not self.needs_package:
            self.tell_bare()
            return
        plan = self.plan_first() if self.is_seen_at_once else self.play.break_it()
        if self.story.asks:
            self.play.proposed()
            self.assert_unchanged("asking")
        intent = self.act()
        if plan is not None:
            self.assertEqual(digest_of(intent), digest_of(plan), "the dry run's plan is another than the one performed")
        self.assert_cured(intent)
        self.assert_told(intent)
        self.assert_undone(intent)

    def plan_first(self) -> Record:
        """Without the agent, so that there is time to ask for the plan."""
        self.play.stop_agent()
        self.play.break_it()
        plan = self.planned()
        self.assert_unchanged("the dry run")
        self.play.start_agent()
        return plan

    def tell_bare(self) -> None:
        self.play.break_it()
        self.story.run(self.story.by_hand())
        self.play.visitors.wait_for_good(5, DEADLINE)

    def planned(self) -> Record:
        """What a dry run would do about it, or ask for."""

        def found() -> Record | None:
            plans = self.gatemend.dry_run()["proposals" if self.story.asks else "plans"]
            return next((plan for plan in plans if plan["act"] == self.story.act), None)

        plan = self.machine.wait_until(found, DEADLINE, f"a dry run that plans {self.story.act}")
        self.assertRegex(digest_of(plan), DIGEST)
        return plan

    def act(self) -> Record:
        """By itself, or after a yes to exactly this; the intent."""
        if not self.story.asks:
            return self.play.act()
        incident = self.play.proposed()
        proposal = proposal_of(incident, self.story.act)
        if self.is_seen_at_once:
            self.assertEqual(digest_of(self.planned()), digest_of(proposal), "the dry run's plan is not the proposal")
        self.gatemend.approve(incident, self.story.act)
        intent = self.play.next_intent()
        self.assertEqual(digest_of(intent), digest_of(proposal), "not the plan that was approved")
        return intent

    # -- what is promised -------------------------------------------------------------------------------------------

    def assert_unchanged(self, what: str) -> None:
        self.assertEqual(self.play.changes(), [], f"{what} has changed something")

    def assert_stays_unchanged(self, seconds: float = 3.0) -> None:
        """Nothing is done, and nothing is changed."""
        intents = len(self.gatemend.intents())

        def nothing_happened() -> bool:
            return not self.play.changes() and len(self.gatemend.intents()) == intents

        self.machine.holds_for(nothing_happened, seconds, "nothing is done")

    def assert_cured(self, intent: Record) -> None:
        """Visitors are served, gatemend has seen it, and it stays that way."""
        self.play.visitors.wait_for_good(5, DEADLINE)
        incident = self.play.outcome(intent)
        self.assertTrue(is_healed(incident), f"closed as {incident['outcome']}: {incident['text']}")

    def assert_told(self, intent: Record) -> None:
        """The record says what was meant, with what, and what became of it."""
        self.assert_record_complete()
        outcome = outcome_of(self.gatemend, intent)
        self.assertEqual(outcome["outcome"], "succeeded", outcome)
        self.assertEqual(self.verdicts(intent), ["effective"])
        if self.story.folders == fingerprint.CONFIGURATION:
            self.assert_changes_told(intent)

    def verdicts(self, intent: Record) -> Sequence[str]:
        return [record["verdict"] for record in self.gatemend.records("confirm") if record["attempt"] == intent["attempt"]]

    def assert_changes_told(self, intent: Record) -> None:
        self.assertTrue(parameters_of(intent))
        changes, now = changes_of(intent), self.play.look()
        for change in changes:
            self.assertIn(change["before"], self.play.broken.get(change["path"], ""))
            self.assertIn(change["after"], now[change["path"]])
        changed = {path for path in {*self.play.broken, *now} if self.play.broken.get(path) != now.get(path)}
        self.assertEqual(changed, {change["path"] for change in changes}, "not the files that the record names")

    def assert_undone(self, intent: Record) -> None:
        """Byte for byte. gatemend is paused from here on."""
        if not self.story.folders:
            return
        self.assertEqual(self.play.undo(intent), [], "not undone")
        self.assertEqual(undo_state(self.gatemend, intent), "undone")
        self.assert_record_complete()

    # -- what became of an act that did not come to its end ------------------------------------------------------------

    def assert_as_before(self, deadline: float = DEADLINE) -> None:
        """Undone by gatemend itself, in time."""
        try:
            self.machine.wait_until(lambda: not self.play.changes(), deadline)
        except MachineError:
            self.assertEqual(self.play.changes(), [], "half-done")

    def assert_all_resolved(self, deadline: float = DEADLINE) -> None:
        """No intent stays without its outcome, and the chain holds."""

        def is_resolved() -> bool:
            intended = {record["attempt"] for record in self.gatemend.intents()}
            return intended == {record["attempt"] for record in self.gatemend.records("outcome")}

        self.machine.wait_until(is_resolved, deadline, "every intent to have its outcome")
        self.gatemend.verify_audit()


__all__ = ["DEADLINE", "Acted"]
