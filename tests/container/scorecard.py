"""One row a story: performed on a machine of its own, with gatemend at work there."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import pathlib
import time
from typing import Iterator, Sequence

import images
from gatemend import is_about, is_healed
from machine import MachineError
from play import Play, on_stage
from stories import Story

QUIET = 3.0  # long enough for an act that would be wrong: acts follow their cause within milliseconds


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
    deadline = 60.0

    def __init__(self, kind: type[Story], suite: images.Suite, package: pathlib.Path):
        self._kind, self._suite, self._package = kind, suite, package
        cures = kind.act and not kind.gathers
        self.row = Row(kind.name(), kind.cause, kind.act, kind.asks, healed=False if cures else None)
        if kind.folders:
            self.row.undone = False

    def run(self) -> Row:
        try:
            with on_stage(self._kind, self._suite, self._package) as play:
                self._perform(play)
        except images.ImageError as error:
            self.row.skipped = str(error).splitlines()[0]
        except (MachineError, AssertionError) as error:
            self.row.problem = str(error) or type(error).__name__
        return self.row

    def _perform(self, play: Play) -> None:
        if play.story.is_found:
            play.let_it_be_found()
        else:
            play.break_it()
        self._diagnose(play)
        if not play.story.act:
            self._leave_alone(play)
        elif play.story.gathers:
            self._gather(play)
        else:
            self._heal(play)
        play.gatemend.verify_audit()

    def _heal(self, play: Play) -> None:
        began = play.broken_at
        if play.story.asks:
            play.proposed()
            began = time.time()
        intent = play.act()
        self.row.seconds = play.seconds_until_good(began, self.deadline)
        self.row.healed = is_healed(play.outcome(intent))
        if play.story.folders:
            differences = play.undo(intent)
            self.row.undone = not differences
            self.row.problem = "; ".join(differences)

    def _gather(self, play: Play) -> None:
        """Evidence is there, and what it took ends by itself."""
        play.act()
        play.machine.wait_until(play.story.has_gathered, self.deadline, "the evidence")
        self.row.seconds = time.time() - play.broken_at
        if play.story.folders:
            play.machine.wait_until(lambda: not play.changes(), self.deadline, f"the end of it: {play.changes()}")
            self.row.undone = True

    def _diagnose(self, play: Play) -> None:
        def is_seen() -> bool:
            return any(is_about(incident, play.story.about) for incident in play.gatemend.incidents())

        play.machine.wait_until(is_seen, self.deadline, f"an incident about {play.story.about}")
        self.row.detected = True
        play.incident(deadline=self.deadline)
        self.row.correct = True

    def _leave_alone(self, play: Play) -> None:
        """No act is right here: none is done, and what cures it is left to a person."""
        play.machine.holds_for(lambda: not play.gatemend.intents(), QUIET, "nothing is done")
        play.story.run(play.story.by_hand())
        play.visitors.wait_for_good(5, self.deadline)


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
