"""One machine, one site with visitors, and a fault after the other, at random: what gatemend makes of each, and whether
it stays as it was. The same seed gives the same faults in the same order.
"""

from __future__ import annotations

import collections
import dataclasses
import random
import time
from typing import Callable

from gatemend import AGENT, EXECUTOR, Gatemend
from machine import Machine, MachineError
from processes import use_of
from website import Website

DEADLINE = 45.0
QUIET = 4.0  # long enough for an act that would be wrong
WARM_UP = 8  # faults, before memory and descriptors are measured for the first time


@dataclasses.dataclass
class Tally:
    tried: int = 0
    right: int = 0
    seconds: list[float] = dataclasses.field(default_factory=list)  # until the site answered again
    problems: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Fault:
    """`is_healed`: gatemend cures it. Otherwise it must leave it alone, until `by_hand` ends it."""

    name: str
    inject: Callable[[], object]
    is_healed: bool = True
    by_hand: Callable[[], object] = lambda: None
    hurts: bool = True  # visitors are turned away


class Soak:
    def __init__(self, machine: Machine, site: Website, seed: int):
        self.machine, self.site, self.gatemend = machine, site, Gatemend(machine)
        self.chance = random.Random(seed)
        self.tallies: dict[str, Tally] = collections.defaultdict(Tally)
        self.measures: list[dict[str, tuple[int, int]]] = []
        self._last = "nothing"

    def faults(self) -> list[Fault]:
        machine, site = self.machine, self.site
        socket = site.suite.fpm_socket
        systemctl = machine.systemctl
        return [
            Fault("FPM is killed", site.kill_fpm),
            Fault("nginx is killed", site.kill_nginx),
            Fault("FPM's socket file is deleted", lambda: machine.path(socket).unlink()),
            Fault("FPM is frozen", lambda: systemctl("kill", "--signal=STOP", site.fpm)),
            Fault("FPM and the agent are killed", lambda: (self.gatemend.kill_agent(), site.kill_fpm())),
            Fault("FPM and the executor are killed", lambda: (self.gatemend.kill_executor(), site.kill_fpm())),
            Fault("FPM is killed, the bus restarts", lambda: (site.kill_fpm(), systemctl("restart", "dbus.service"))),
            Fault("FPM is killed, the journal restarts", lambda: (systemctl("restart", "systemd-journald"), site.kill_fpm())),
            Fault("FPM is killed, logs are rotated", lambda: (self._rotate(), site.kill_fpm())),
            Fault(
                "FPM is stopped by its administrator",
                lambda: systemctl("stop", site.fpm),
                is_healed=False,
                by_hand=lambda: systemctl("start", site.fpm),
            ),
            Fault(
                "FPM is killed, its pool file is broken",
                lambda: (site.break_pool(), site.kill_fpm()),
                is_healed=False,
                by_hand=lambda: (site.repair_pool(), systemctl("start", site.fpm)),
            ),
            Fault("nginx is reloaded", lambda: systemctl("reload", "nginx"), is_healed=False, hurts=False),
            Fault("FPM is restarted by its administrator", lambda: systemctl("restart", site.fpm), is_healed=False, hurts=False),
            Fault("the agent is killed", self.gatemend.kill_agent, is_healed=False, hurts=False),
        ]

    def _rotate(self) -> None:
        self.machine.run("logrotate", "--force", "/etc/logrotate.d/nginx")

    def run(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        faults, done = self.faults(), 0
        while time.monotonic() < end:
            fault = self.chance.choice(faults)
            self._perform(fault)
            done += 1
            if done >= WARM_UP:
                self._measure()

    def _perform(self, fault: Fault) -> None:
        tally = self.tallies[fault.name]
        tally.tried += 1
        self._settle()
        intents = len(self.gatemend.intents())
        try:
            began = time.monotonic()
            fault.inject()
            if fault.is_healed:
                self.machine.wait_until(lambda: self._is_well(intents), DEADLINE, "an act, and the site to answer")
                tally.seconds.append(time.monotonic() - began)
            else:
                left_alone = lambda: len(self.gatemend.intents()) == intents  # noqa: E731
                self.machine.holds_for(left_alone, QUIET, "it is left alone")
            tally.right += 1
        except MachineError as error:
            tally.problems.append(str(error))
        fault.by_hand()
        self._last = fault.name

    def _is_well(self, intents: int) -> bool:
        status = self.site.visit().status  # nobody notices a fault that no visitor meets
        return status == 200 and len(self.gatemend.intents()) > intents

    def _settle(self) -> None:
        """Until nothing is open any more: every fault is a story of its own."""

        def is_calm() -> bool:
            status = self.gatemend.run("status", "--json", check=False)
            is_told = status.returncode == 0
            return is_told and self.site.visit().status == 200 and all(i["phase"] == "closed" for i in self.gatemend.incidents())

        self.machine.wait_until(is_calm, 3 * DEADLINE, f"the machine to be calm after: {self._last}")

    def _measure(self) -> None:
        """Proportional memory in KiB and descriptors, of those that live since the last measure or not."""
        try:
            found = {unit: use_of(self.machine, unit) for unit in (AGENT, EXECUTOR)}
        except (MachineError, OSError):
            return  # it is just being started
        self.measures.append({unit: (use.pss_kib, use.descriptors) for unit, use in found.items()})

    def grown(self, unit: str, which: int) -> float:
        """The last quarter of the measures against the first, by their medians; 1 is flat."""
        values = [measure[unit][which] for measure in self.measures]
        part = max(1, len(values) // 4)
        return _median(values[-part:]) / max(1.0, _median(values[:part]))

    def table(self) -> str:
        rows = [f"{'fault':42} {'tried':>5} {'right':>5}  {'median':>7}"]
        for name, tally in sorted(self.tallies.items()):
            median = f"{_median(tally.seconds):6.2f}s" if tally.seconds else "       "
            rows.append(f"{name:42} {tally.tried:5} {tally.right:5}  {median}")
            rows += [f"    {problem}" for problem in tally.problems]
        for unit in (AGENT, EXECUTOR):
            if self.measures:
                pss, descriptors = self.measures[-1][unit]
                rows.append(
                    f"{unit}: {pss} KiB (x{self.grown(unit, 0):.2f}), {descriptors} descriptors (x{self.grown(unit, 1):.2f})"
                )
        return "\n".join(rows)

    def problems(self) -> list[str]:
        return [f"{name}: {problem}" for name, tally in self.tallies.items() for problem in tally.problems]


def _median(values: list[float] | list[int]) -> float:
    ordered = sorted(values)
    return float(ordered[len(ordered) // 2]) if ordered else 0.0
