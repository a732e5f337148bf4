"""What gatemend's own processes take: processor time, memory, descriptors; read where the kernel counts them."""

from __future__ import annotations

import dataclasses
import os
import re
import time

from gatemend import AGENT, EXECUTOR
from machine import Machine

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclasses.dataclass(frozen=True)
class Use:
    pid: int
    time: float
    cpu_seconds: float
    pss_kib: int
    peak_kib: int  # resident, ever
    descriptors: int


def use_of(machine: Machine, unit: str) -> Use:
    pid = machine.main_pid(unit)
    process = f"/proc/{pid}"
    fields = machine.read(f"{process}/stat").rpartition(")")[2].split()
    return Use(
        pid,
        time.monotonic(),
        (int(fields[11]) + int(fields[12])) / _TICKS,
        _number(machine.output("cat", f"{process}/smaps_rollup"), "Pss"),
        _number(machine.read(f"{process}/status"), "VmHWM"),
        len(machine.output("ls", f"{process}/fd").split()),
    )


def _number(text: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) if found else 0


def cpu_share(before: Use, after: Use) -> float:
    """Of one processor; from the process's start where it is not the same process any more."""
    used = after.cpu_seconds - (before.cpu_seconds if before.pid == after.pid else 0.0)
    return used / max(after.time - before.time, 0.001)


class Gauge:
    """Both services, from the moment it is made."""

    def __init__(self, machine: Machine):
        self._machine = machine
        self._before = self._look()

    def _look(self) -> dict[str, Use]:
        return {unit: use_of(self._machine, unit) for unit in (AGENT, EXECUTOR)}

    def peak_kib(self) -> int:
        return max(use.peak_kib for use in self._look().values())

    def agent(self) -> Use:
        return use_of(self._machine, AGENT)

    def report(self) -> str:
        now = self._look()
        return "; ".join(
            f"{unit.removesuffix('.service')}: {cpu_share(self._before[unit], use):.1%} of a processor, "
            f"peak {use.peak_kib / 1024:.1f} MiB, {use.descriptors} descriptors"
            for unit, use in now.items()
        )


__all__ = ["Gauge", "Use", "cpu_share", "use_of"]
