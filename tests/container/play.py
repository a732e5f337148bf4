"""A story performed with gatemend on the machine: what a person at the keyboard would wait for, see and type.

Shared by the scenarios, which assert, and by the drill, which keeps the score. Fails with MachineError.
"""

from __future__ import annotations

import contextlib
import pathlib
import time
from typing import Callable, Iterator

import fingerprint
import images
from fingerprint import Fingerprint
from gatemend import AGENT, OWN_POLICIES, SETTINGS, Gatemend, Record
from gatemend import find_proposal, is_about, is_closed, proposal_of
from machine import Machine, MachineError
from stories import Story
from website import Visitors, Website

DEADLINE = 30.0
# Two seconds of good answers prove the cure here, half a minute as shipped. The floor of the journals is small, as is
# their disk.
TUNED: dict[str, str | int] = {
    **{"soak": "2s", "cooldown": "0s", "max": 10, "per": "1h"},
    **{"keep_bytes": "4M", "keep_seconds": "1s"},
}


def anything(_: Record) -> bool:
    return True


class Play:
    visitors: Visitors
    broken: Fingerprint  # the machine with its fault, before anybody acts
    broken_at: float  # seconds since 1970

    def __init__(self, machine: Machine, site: Website, story: Story):
        self.machine, self.site, self.story = machine, site, story
        self.gatemend = Gatemend(machine)
        self._seen = 0  # acts of earlier breaks

    def install(self, package: pathlib.Path) -> None:
        self.gatemend.install(package)
        for name, text in self.story.rules().items():
            self.machine.write(f"{OWN_POLICIES}/{name}", text)
        self.gatemend.tune(**{**TUNED, **self.story.tuned})
        # The shipped file says nothing but defaults; one of another host may say more.
        self.machine.write(SETTINGS, self.story.gatemend_toml())
        self.gatemend.enable()
        self.wait_until_known()

    def wait_until_known(self) -> None:
        self.machine.wait_until(self.story.is_known, DEADLINE, "gatemend to know the healthy machine")

    def look(self) -> Fingerprint:
        return fingerprint.take(self.machine, *self.story.folders)

    def changes(self) -> list[str]:
        """How the machine differs from what it was with its fault."""
        return fingerprint.difference(self.broken, self.look())

    def break_it(self) -> None:
        """From a healthy site to one that turns visitors away."""
        self.visitors = self.story.visitors()
        self.visitors.wait_for_good(2)
        self._seen = len(self.intents())
        self.broken_at = time.time()
        self.story.inject()
        self.broken = self.look()
        self.machine.wait_until(
            self._is_turned_away, 15, f"{self.story.status} for a visitor; the last: {self.visitors.answers[-3:]}"
        )

    def let_it_be_found(self) -> None:
        """As `break_it`, while the agent is away."""
        self.stop_agent()
        self.break_it()
        self.broken_at = time.time()  # for an agent that sees it from now on
        self.start_agent()

    def _is_turned_away(self) -> bool:
        return any(answer.status == self.story.status for answer in self.visitors.answers)

    def incident(
        self, matches: Callable[[Record], bool] = anything, newer_than: int = 0, deadline: float = DEADLINE
    ) -> Record:
        """The one that this story is about."""
        what = f"an incident {self.story.cause} of {self.story.about}"
        try:
            return self.machine.wait_until(
                lambda: self.find(matches, newer_than), deadline + self.story.proof_seconds, what
            )
        except MachineError as error:
            instead = [(i["cause"], i["unit"], i["phase"], i["outcome"], i["text"]) for i in self.gatemend.incidents()]
            raise MachineError(f"{error}; instead: {instead or 'no incident'}") from None

    def find(self, matches: Callable[[Record], bool] = anything, newer_than: int = 0) -> Record | None:
        mine = [i for i in self.gatemend.incidents() if i["cause"] == self.story.cause and is_about(i, self.story.about)]
        return next((i for i in mine if i["id"] > newer_than and matches(i)), None)

    def intents(self) -> list[Record]:
        """Of the story's own act."""
        return [record for record in self.gatemend.intents() if record["act"] == self.story.act]

    def proposed(self, newer_than: int = 0, deadline: float = DEADLINE) -> Record:
        """The incident, once it shows the plan that waits for a person."""
        return self.incident(self._is_proposed, newer_than, deadline)

    def _is_proposed(self, incident: Record) -> bool:
        return find_proposal(incident, self.story.act) is not None

    def approve(self, newer_than: int = 0, check: bool = True) -> Record:
        """Say yes to what is proposed; the proposal."""
        incident = self.proposed(newer_than)
        self.gatemend.approve(incident, self.story.act, check)
        return proposal_of(incident, self.story.act)

    def act(self) -> Record:
        """By itself, or after a yes; the intent."""
        if self.story.asks:
            self.approve()
        return self.next_intent()

    def next_intent(self) -> Record:
        """Of the story's act, since it broke or since the last one told here."""
        deadline = DEADLINE + self.story.proof_seconds
        found = self.machine.wait_until(lambda: self.intents()[self._seen :], deadline, f"the intent {self.story.act}")
        self._seen += 1
        return found[0]

    def seconds_until_good(self, began: float, deadline: float = DEADLINE) -> float:
        """From `began` to the first visitor of many who are served."""
        self.visitors.wait_for_good(5, deadline)
        answers = list(self.visitors.answers)
        bad = [answer for answer in answers if not answer.is_good and answer.time >= began]
        since = bad[-1].time if bad else began
        return next(answer.time for answer in answers if answer.is_good and answer.time > since) - began

    def outcome(self, intent: Record, deadline: float = 2 * DEADLINE) -> Record:
        """The incident in which it was done, when that is over."""
        def found() -> Record | None:  # its cause may be another by then: what was mended is not wrong any more
            mine = (i for i in self.gatemend.incidents() if i["id"] == intent["incident"])
            return next((i for i in mine if is_closed(i)), None)

        return self.machine.wait_until(found, deadline, f"the end of incident {intent['incident']}")

    def undo(self, intent: Record) -> list[str]:
        """While nothing else may act; what is not as it was."""
        self.gatemend.pause()
        self.gatemend.roll_back(intent)
        return self.changes()

    def stop_agent(self) -> None:
        self.machine.systemctl("stop", AGENT)

    def start_agent(self) -> None:
        self.machine.systemctl("start", AGENT)


@contextlib.contextmanager
def on_stage(kind: type[Story], suite: images.Suite, package: pathlib.Path | None) -> Iterator[Play]:
    """A machine with a healthy site, and with gatemend at work where there is a package."""
    machine = Machine(images.ensure(suite, "runtime"), f"{suite.name} {kind.name()}", kind.trees_above())
    site = Website(machine, suite)
    story = kind(machine, site)
    try:
        machine.prepare()
        site.lay_out(machine.root)
        story.furnish(machine.root)
        machine.boot()
        story.prepare()
        play = Play(machine, site, story)
        if package is not None:
            play.install(package)
        yield play
    finally:
        site.close()
        machine.close()
