"""A program's system calls counted from outside, and the program killed at exactly one of them: strace, no hook in it."""

from __future__ import annotations

import dataclasses
import itertools
import re
import signal
import subprocess

from machine import Machine

# Whatever outlives the process is begun by one of these: a word to somebody else, or a change on disk.
OUTLIVING = ("fallocate", "write", "fdatasync", "fsync", "rename", "sendmsg")
_CALL = re.compile(r"^(?:\d+ +)?(?P<time>\d+\.\d+) (?P<name>\w+)\((?P<rest>.*)$", re.MULTILINE)
_KILLED = re.compile(r"^(?:\d+ +)?(?P<time>\d+\.\d+) \+\+\+ killed by SIGKILL", re.MULTILINE)
_STOPPED = re.compile(r"--- stopped by SIGSTOP ---")
_counter = itertools.count(1)


@dataclasses.dataclass(frozen=True)
class Step:
    """The n-th such call from now on, or from `after` on; the program dies before the kernel has done anything about it."""

    call: str
    number: int
    after: str = ""  # the first call of this name

    def __str__(self) -> str:
        return f"{self.call} {self.number}" + (f" after {self.after}" if self.after else "")


@dataclasses.dataclass(frozen=True)
class Call:
    time: float  # seconds since 1970
    name: str
    text: str


class Stepper:
    """Watches the main process of `unit` from here on, and kills it at `kill_at`."""

    def __init__(self, machine: Machine, unit: str, kill_at: Step | None = None):
        self._machine, self._unit = machine, unit
        self._pid = machine.main_pid(unit)
        self._log = f"/root/steps-{next(_counter)}"
        self._kill_at = kill_at
        if kill_at is None:
            self._attach()
        elif kill_at.after:
            self._attach(f"inject={kill_at.after}:signal=STOP:when=1")
        else:
            self._attach(self._deadly())

    def _deadly(self) -> str:
        assert self._kill_at is not None
        return f"inject={self._kill_at.call}:signal=KILL:when={self._kill_at.number}"

    def _attach(self, injection: str = "") -> None:
        self._process = self._machine.popen(
            *("strace", "--follow-forks", "--quiet=attach", f"--attach={self._pid}", f"--output={self._log}"),
            *("--decode-fds=path", "--string-limit=80", "--absolute-timestamps=format:unix,precision:us"),
            *("-e", f"trace={','.join(OUTLIVING)}", *(["-e", injection] if injection else [])),
            stderr=subprocess.DEVNULL,
        )
        self._machine.wait_until(self._is_attached, 10, "strace to be attached")

    def _is_attached(self) -> bool:
        try:
            return "TracerPid:\t0\n" not in self._machine.read(f"/proc/{self._pid}/status")
        except (FileNotFoundError, ProcessLookupError):
            return True  # and killed already

    def _text(self) -> str:
        return self._machine.read(self._log) if self._machine.exists(self._log) else ""

    def count_from_here(self) -> bool:
        """Where it stands still after the call that was waited for: from there on its calls are counted."""
        if self._kill_at is None or not self._kill_at.after or not _STOPPED.search(self._text()):
            return False
        self.stop()
        self._attach(self._deadly())
        self._machine.kill(self._pid, signal.SIGCONT)
        return True

    def killed_at(self) -> float | None:
        found = _KILLED.search(self._text())
        return float(found["time"]) if found else None

    def is_settled(self) -> bool:
        """The process lives, or it was killed and there is another."""
        return (self._machine.main_pid(self._unit) not in (0, self._pid)) == (self.killed_at() is not None)

    def calls(self) -> list[Call]:
        return [Call(float(m["time"]), m["name"], m["rest"]) for m in _CALL.finditer(self._text())]

    def stop(self) -> None:
        """A process that still lives goes on alone."""
        if self._process.poll() is None:
            self._machine.run("pkill", "-TERM", "--exact", "strace", check=False)
        self._process.wait(timeout=10)
