"""A control group of its own for each machine.

Without one, all machines that nspawn starts side by side with --keep-unit share `/payload`: the systemd of one then
counts, moves and kills the services of another. It is also how a machine is killed for certain: nspawn's death is not.
"""

from __future__ import annotations

import os
import pathlib
import time

# Enters the groups named before "--", then becomes the command after it.
_ENTER = 'while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit 1; shift; done; shift; exec "$@"'


class OwnGroups:
    def __init__(self, name: str):
        self._groups = [hierarchy / name for hierarchy in _systemd_hierarchies()]

    def create(self) -> None:
        for group in self._groups:
            group.mkdir(exist_ok=True)

    def command(self, *command: str) -> list[str]:
        """The command line that runs `command` inside the groups."""
        return ["sh", "-c", _ENTER, "sh", *map(str, self._groups), "--", *command]

    def kill(self) -> None:
        for group in self._groups:
            switch = group / "cgroup.kill"  # the unified hierarchy has it
            if switch.exists():
                switch.write_text("1")

    def remove(self) -> None:
        """Kill what is left and remove the groups; the kernel may take a moment to notice the last exit."""
        self.kill()
        for group in self._groups:
            for _ in range(200):
                if not group.exists() or _remove_tree(group):
                    break
                time.sleep(0.02)


class MemoryLimit:
    """A real limit for the processes of one unit in a machine, set from outside: systemd inside is given no controllers.

    The group has the unit's name, so that the kernel's own record of a kill names it.
    """

    def __init__(self, machine: str, unit: str, limit: int):
        self._limit = limit
        self._members = [
            pathlib.Path(folder) / unit / "cgroup.procs"
            for top in _systemd_hierarchies()
            for folder, children, _ in os.walk(top / machine)  # says nothing of groups that go meanwhile
            if unit in children
        ]
        self._top = _memory_hierarchy() / machine
        self._group = self._top / "system.slice" / unit

    def apply(self) -> None:
        self._group.mkdir(parents=True)
        (self._group / "memory.limit_in_bytes").write_text(str(self._limit))
        for pid in self._pids():
            (self._group / "cgroup.procs").write_text(str(pid))

    def _pids(self) -> list[int]:
        """As the host counts them; whichever hierarchy systemd uses, the other knows nobody."""
        return sorted({int(pid) for file in self._members for pid in file.read_text().split()})

    def kills(self) -> int:
        words = (self._group / "memory.oom_control").read_text().split()
        return int(words[words.index("oom_kill") + 1])

    def remove(self) -> None:
        for pid in (self._group / "cgroup.procs").read_text().split():
            try:
                (_memory_hierarchy() / "cgroup.procs").write_text(pid)
            except ProcessLookupError:
                continue  # it has just ended
        _remove_tree(self._top)


def can_limit_memory() -> bool:
    return (_memory_hierarchy() / "memory.limit_in_bytes").exists() or (_memory_hierarchy() / "memory.stat").exists()


def _memory_hierarchy() -> pathlib.Path:
    return pathlib.Path("/sys/fs/cgroup/memory")


def _systemd_hierarchies() -> list[pathlib.Path]:
    """Where systemd keeps its tree: the unified hierarchy, and name=systemd beside it on older hosts."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        before, after = line.split(" - ", 1)
        kind, _, options = after.split(" ", 2)
        if kind == "cgroup2" or (kind == "cgroup" and "name=systemd" in options.split(",")):
            found.append(pathlib.Path(before.split()[4]))
    return found


def _remove_tree(group: pathlib.Path) -> bool:
    try:
        for child in sorted(group.glob("**/"), key=lambda path: len(path.parts), reverse=True):
            child.rmdir()
    except OSError:
        return False
    return not group.exists()
