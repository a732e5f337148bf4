"""One row a story: performed on a machine of its own, with gatemend at work there."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import time
from typing import Iterator, Sequence

import images
from gatemend import OWN_POLICIES, SETTINGS, Gatemend, is_about, is_healed
from machine import Machine, MachineError
from play import Play
from stories import Story
from website import Answer, Website

QUIET = 3.0  # long enough for an act that would be wrong: acts follow their cause within milliseconds
HEAL_DEADLINE = 60.0
# Two seconds of good answers prove the cure here; half a minute as shipped. The floor of the journals is small, as the disk is.
TUNED: dict[str, str | int] = {"soak": "2s", "cooldown": "0s", "keep_bytes": 4 << 20, "keep_seconds": 1}


@dataclasses.dataclass
class Row:
    """None: does not apply. A row that should not be healed is as it should be when nothing was done."""

    drill: str
    cause: str
    act: str
    asks: bool
    detected: bool = False
    correct: bool = False
    healed: bool | None = False
    seconds: float | None = None  # from the fault, or from the yes to it, to the first good answer
    undone: bool | None = None
    problem: str = ""
    skipped: str = ""

    @property
    def is_good(self) -> bool:
        done = self.detected and self.correct and self.healed is not False and self.undone is not False
        return bool(self.skipped) or (done and not self.problem)


class Drill:
    def __init__(self, kind: type[Story], suite: images.Suite, package: pathlib.Path):
        self._kind, self._suite, self._package = kind, suite, package
        self.row = Row(kind.name(), kind.cause, kind.act, kind.asks, healed=False if kind.act else None)
        if kind.folders:
            self.row.undone = False

    def run(self) -> Row:
        try:
            above = self._kind.trees_above()
        except images.ImageError as error:
            self.row.skipped = str(error).splitlines()[0]
            return self.row
        machine = Machine(images.ensure(self._suite, "runtime"), f"{self._suite.name} {self.row.drill}", above)
        site = Website(machine, self._suite)
        try:
            self._perform(self._stage(machine, site))
        except (MachineError, AssertionError) as error:
            self.row.problem = str(error) or type(error).__name__
        finally:
            site.close()
            machine.close()
        return self.row

    def _stage(self, machine: Machine, site: Website) -> Play:
        """A healthy site with gatemend at work."""
        story = self._kind(machine, site)
        machine.prepare()
        site.lay_out(machine.root)
        story.furnish(machine.root)
        machine.boot()
        story.prepare()
        gatemend = Gatemend(machine)
        gatemend.install(self._package)
        for name, text in story.rules().items():
            machine.write(f"{OWN_POLICIES}/{name}", text)
        gatemend.tune(**TUNED)
        machine.write(SETTINGS, story.gatemend_toml())  # the shipped one says the defaults; that of this host may say more
        gatemend.enable()
        return Play(machine, site, story)

    def _perform(self, play: Play) -> None:
        began = time.time()
        if play.story.is_found:
            began = play.let_it_be_found()
        else:
            play.break_it()
        self._diagnose(play)
        if not play.story.act:
            self._leave_alone(play)
            return
        if play.story.asks:
            play.proposed()
            began = time.time()
        intent = play.act()
        self.row.seconds = self._wait_until_good(play, began)
        self.row.healed = is_healed(play.outcome(intent))
        play.gatemend.verify_audit()
        if play.story.folders:
            differences = play.undo(intent)
            self.row.undone = not differences
            self.row.problem = "; ".join(differences)

    def _diagnose(self, play: Play) -> None:
        def is_seen() -> bool:
            return any(is_about(incident, play.story.about) for incident in play.gatemend.incidents())

        play.machine.wait_until(is_seen, HEAL_DEADLINE, f"an incident about {play.story.about}")
        self.row.detected = True
        play.incident(deadline=HEAL_DEADLINE)
        self.row.correct = True

    @staticmethod
    def _leave_alone(play: Play) -> None:
        """No act is right here: none is done, and what cures it closes the incident."""
        play.machine.holds_for(lambda: not play.gatemend.intents(), QUIET, "nothing is done")
        play.story.run(play.story.by_hand())
        play.visitors.wait_for_good(5, HEAL_DEADLINE)

    @staticmethod
    def _wait_until_good(play: Play, began: float) -> float:
        play.visitors.wait_for_good(5, HEAL_DEADLINE)
        answers: Sequence[Answer] = play.visitors.answers
        bad = [answer for answer in answers if not answer.is_good and answer.time >= began]
        since = bad[-1].time if bad else began
        return next(answer.time for answer in answers if answer.is_good and answer.time > since) - began


def run(kinds: Sequence[type[Story]], suite: images.Suite, package: pathlib.Path, jobs: int) -> Iterator[Row]:
    """As they are done."""
    images.ensure(suite, "runtime")
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(Drill(kind, suite, package).run) for kind in kinds]
        for done in concurrent.futures.as_completed(waiting):
            yield done.result()


_HEADINGS = ("drill", "cause", "act", "detected", "correct", "healed", "seconds", "undone")


def table(rows: Sequence[Row]) -> str:
    """For people, one line a row; what went wrong below."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
    notes = [f"{row.drill}: {row.problem or row.skipped}" for row in rows if row.problem or row.skipped]
    good = sum(row.is_good and not row.skipped for row in rows)
    skipped = sum(bool(row.skipped) for row in rows)
    total = f"{good} of {len(rows) - skipped} as they should be" + (f", {skipped} skipped" if skipped else "")
    return "\n".join([*shown, "", *notes, total])


def _cells(row: Row) -> tuple[str, ...]:
    if row.skipped:
        return (row.drill, row.cause, row.act, *("skipped",), "", "", "", "")
    act = f"{row.act} (asked)" if row.asks else row.act or "(none is right)"
    seconds = "-" if row.seconds is None else f"{row.seconds:.2f}"
    return (row.drill, row.cause, act, _word(row.detected), _word(row.correct), _word(row.healed), seconds, _word(row.undone))


def _word(value: bool | None) -> str:
    return "-" if value is None else ("yes" if value else "NO")
