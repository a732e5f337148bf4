"""A disposable Debian machine: systemd-nspawn booted from an overlay on a cached tree (see images.py).

`with Machine(tree) as machine:` boots in about half a second, has no network but its own loopback, and leaves nothing
behind, also after Ctrl-C or a failed test. Commands run inside through nsenter; files are reached through
/proc/LEADER/root, so a test must not follow absolute symbolic links there.
"""

from __future__ import annotations

import atexit
import itertools
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import uuid
from typing import Any, Callable, Iterator, Sequence, TypeVar

import cgroup
import images

T = TypeVar("T")

BOOT_DEADLINE = 60.0
POLL_INTERVAL = 0.02
# Whoever waits leaves the processors to those that are waited for: it pauses for so many times as long as it looks.
PAUSE_PER_LOOK = 5
LONGEST_PAUSE = 0.5
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", "HOME": "/root", "TERM": "dumb"}

_counter = itertools.count(1)
_running: set["Machine"] = set()
_running_lock = threading.Lock()
_is_closing = False


class MachineError(Exception):
    """The machine itself failed: boot, a command that had to succeed, a wait that ran out."""


class CommandError(MachineError):
    def __init__(self, result: subprocess.CompletedProcess[str]):
        self.result = result
        super().__init__(f"{result.args} exited {result.returncode}\n{result.stdout}{result.stderr}".rstrip())


class Machine:
    def __init__(self, tree: pathlib.Path, label: str = "machine", above: Sequence[pathlib.Path] = ()):
        self.name = f"gm{os.getpid()}-{next(_counter)}"
        self.label = label
        self._tree = tree
        self._overlay = images.Overlay(tree, images.cache_dir() / "machines" / self.name, above)
        self.root = self._overlay.root
        self._groups = cgroup.OwnGroups(self.name)
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._leader: int | None = None
        self.boot_seconds = 0.0

    # -- life -------------------------------------------------------------------------------------------------------

    def __enter__(self) -> "Machine":
        self.prepare()
        self.boot()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def prepare(self) -> None:
        """Mount the overlay. Files may be written below `root` before `boot`."""
        with _running_lock:
            if _is_closing:
                raise MachineError("the tests are being stopped")
            _running.add(self)
        self._overlay.mount()
        (self.root / "etc/machine-id").write_text(uuid.uuid4().hex + "\n")
        (self.root / "etc/hostname").write_text("gatemend-test\n")

    def boot(self) -> None:
        began = time.monotonic()
        environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"} if self._needs_unified() else None
        self._groups.create()
        with self.console.open("wb") as console:
            self._nspawn = subprocess.Popen(
                self._groups.command(
                    *("setpriv", "--pdeathsig", "KILL", "--"),  # no nspawn outlives the tests
                    *("systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit", "--private-network"),
                    *(f"--machine={self.name}", f"--directory={self.root}", "--link-journal=no"),
                ),
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                env=environment,
                start_new_session=True,  # Ctrl-C is for the tests, which then close the machine in order
            )
        self._leader = self.wait_until(self._find_leader, BOOT_DEADLINE, "the container's first process")
        self.wait_until(self._is_up, BOOT_DEADLINE, f"boot to finish (see {self.console})")
        self.boot_seconds = time.monotonic() - began
        self._hide_load_of_host()

    def _hide_load_of_host(self) -> None:
        """The host is busy with other machines; that is nothing a diagnosis in this one may lean on."""
        files = ("/proc/loadavg", *(f"/proc/pressure/{resource}" for resource in ("cpu", "memory", "io")))
        mounts = []
        for file in (file for file in files if self.exists(file)):
            self.write(self._load_file(file), "")
            mounts.append(f"mount --bind {self._load_file(file)} {file}")
        self.set_load(0)
        self.run("sh", "-ec", "\n".join(mounts))

    def set_load(self, percent: int, load: float = 0.1) -> None:
        """What the kernel says about waiting for the processors; memory and disks are idle."""
        self.write(self._load_file("/proc/loadavg"), f"{load:.2f} {load:.2f} {load:.2f} 1/100 1000\n")
        for resource, share in (("cpu", percent), ("memory", 0), ("io", 0)):
            lines = (f"{kind} avg10={share:.2f} avg60={share:.2f} avg300={share:.2f} total=1\n" for kind in ("some", "full"))
            self.write(self._load_file(f"/proc/pressure/{resource}"), "".join(lines))

    @staticmethod
    def _load_file(file: str) -> str:
        return f"/var/lib/load-of-this-machine/{file.rpartition('/')[2]}"

    def close(self) -> None:
        self._groups.kill()
        if self._nspawn is not None:
            try:
                self._nspawn.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._nspawn.kill()
                self._nspawn.wait()
        self._leader = self._nspawn = None
        self._groups.remove()
        self._overlay.close()
        with _running_lock:
            _running.discard(self)

    @property
    def console(self) -> pathlib.Path:
        return self._overlay.home / "console"

    @property
    def leader(self) -> int:
        if self._leader is None:
            raise MachineError(f"{self.label}: not running")
        return self._leader

    def _needs_unified(self) -> bool:
        """From systemd 256 on, a container refuses a host with the old cgroup hierarchies."""
        return not (self._tree / "usr/lib/systemd/libsystemd-shared-252.so").exists() and not (
            self._tree / "usr/lib/x86_64-linux-gnu/systemd/libsystemd-shared-252.so"
        ).exists()

    def _find_leader(self) -> int | None:
        assert self._nspawn is not None
        if self._nspawn.poll() is not None:
            raise MachineError(f"{self.label}: systemd-nspawn ended:\n{self.console.read_text(errors='replace')}")
        for child in _children(self._nspawn.pid):
            if _pid_inside(child) == 1:
                return child
        return None

    def _is_up(self) -> bool:
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    # -- inside -----------------------------------------------------------------------------------------------------

    def argv(self, *command: str, only_network: bool = False) -> list[str]:
        """The host's command line that runs `command` inside; `only_network`: host's files, machine's loopback."""
        spaces = ["--net"] if only_network else ["--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        return ["nsenter", "--target", str(self.leader), *spaces, "--", *command]

    def run(
        self, *command: str, check: bool = True, stdin: str = "", timeout: float = 60.0
    ) -> subprocess.CompletedProcess[str]:
        try:
            result = subprocess.run(
                self.argv(*command),
                input=stdin,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=timeout,
                env=_ENVIRONMENT,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise MachineError(f"{' '.join(command)}: no end after {timeout:.0f} s") from error
        result.args = " ".join(command)
        if check and result.returncode != 0:
            raise CommandError(result)
        return result

    def output(self, *command: str, **options: Any) -> str:
        return self.run(*command, **options).stdout.strip()

    def popen(self, *command: str, only_network: bool = False, **options: Any) -> subprocess.Popen[Any]:
        return subprocess.Popen(self.argv(*command, only_network=only_network), env=_ENVIRONMENT, **options)

    def path(self, inside: str) -> pathlib.Path:
        return pathlib.Path(f"/proc/{self.leader}/root{inside}")

    def read(self, inside: str) -> str:
        return self.path(inside).read_text(errors="replace")

    def write(self, inside: str, text: str, mode: int | None = None) -> None:
        """As an editor: what is there keeps its mode."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        is_new = not path.exists()
        path.write_text(text)
        if mode is not None or is_new:
            path.chmod(0o644 if mode is None else mode)

    def append(self, inside: str, text: str) -> None:
        with self.path(inside).open("a") as file:
            file.write(text)

    def exists(self, inside: str) -> bool:
        return os.path.lexists(self.path(inside))

    def copy_in(self, host: pathlib.Path, inside: str) -> None:
        shutil.copyfile(host, self.path(inside))

    def limit_memory(self, unit: str, limit: int) -> cgroup.MemoryLimit:
        """A real one, in force until it is removed."""
        memory = cgroup.MemoryLimit(self.name, unit, limit)
        memory.apply()
        return memory

    # -- systemd ----------------------------------------------------------------------------------------------------

    def systemctl(self, *arguments: str, check: bool = True) -> str:
        return self.run("systemctl", *arguments, check=check).stdout.strip()

    def unit(self, unit: str, *properties: str) -> dict[str, str]:
        wanted = ",".join(properties or ("ActiveState", "SubState", "Result", "MainPID", "InvocationID", "NRestarts"))
        lines = self.systemctl("show", unit, f"--property={wanted}").splitlines()
        return dict(line.split("=", 1) for line in lines)

    def main_pid(self, unit: str) -> int:
        """As seen inside; 0 where nothing runs."""
        return int(self.unit(unit, "MainPID")["MainPID"])

    def is_active(self, unit: str) -> bool:
        return self.unit(unit, "ActiveState")["ActiveState"] == "active"

    def kill(self, pid: int, number: int = signal.SIGKILL) -> None:
        """A pid as seen inside."""
        if pid <= 1:
            raise MachineError(f"refusing to signal pid {pid}: the service is not running")
        self.run("kill", f"-{int(number)}", str(pid))

    def host_pid(self, pid: int) -> int:
        """What the host calls it: for what must be quicker than a command inside."""
        space = os.readlink(f"/proc/{self.leader}/ns/pid")
        for process in pathlib.Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(process / "ns/pid") == space and _innermost_pid(process) == pid:
                    return int(process.name)
            except OSError:  # it has just ended, or is none of ours
                continue
        raise MachineError(f"no process {pid} in {self.label}")

    @staticmethod
    def kill_on_host(pid: int, number: int = signal.SIGKILL) -> None:
        """A pid as `host_pid` tells it."""
        os.kill(pid, number)

    def journal(self, *matches: str) -> list[dict[str, Any]]:
        text = self.output("journalctl", "--output=json", "--no-pager", "--quiet", *matches)
        return [json.loads(line) for line in text.splitlines()]

    def count_starts(self, unit: str) -> int:
        """How often systemd began to start the unit since boot, from its own journal entries."""
        return self._count_messages("7d4958e842da4a758f6c1cdc7b36dcc5", unit)  # SD_MESSAGE_UNIT_STARTING

    def count_reloads(self, unit: str) -> int:
        return self._count_messages("d34d037fff1847e6ae669a370e694725", unit)  # SD_MESSAGE_UNIT_RELOADING

    def _count_messages(self, kind: str, unit: str) -> int:
        return len(self.journal(f"MESSAGE_ID={kind}", f"UNIT={unit}"))

    def hold_at(self, pid: int, system_calls: str) -> "Holder":
        """From now on `pid` (as seen inside) does not come back from any of these system calls until it is let go."""
        return Holder(self, pid, system_calls)

    # -- waiting ----------------------------------------------------------------------------------------------------

    def wait_until(self, predicate: Callable[[], T | None], deadline: float, what: str = "") -> T:
        """The first true value of `predicate`; a MachineError after `deadline` seconds."""
        end = time.monotonic() + deadline
        while True:
            began = time.monotonic()
            value = predicate()
            if value:
                return value
            if time.monotonic() >= end:
                description = what or getattr(predicate, "__name__", "condition")
                raise MachineError(f"{self.label}: waited {deadline:.0f} s in vain for {description}")
            time.sleep(_pause_after(time.monotonic() - began))

    def holds_for(self, predicate: Callable[[], bool], seconds: float, what: str) -> None:
        """A MachineError as soon as `predicate` is false within `seconds`: for things that must *not* happen."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            began = time.monotonic()
            if not predicate():
                raise MachineError(f"{self.label}: did not stay true for {seconds:.0f} s: {what}")
            time.sleep(max(0.1, _pause_after(time.monotonic() - began)))


class Holder:
    """strace, delaying the return of system calls: stops a program at an exact point without any hook in it."""

    def __init__(self, machine: Machine, pid: int, system_calls: str):
        self._machine = machine
        self._pid = pid
        self._process = machine.popen(
            *("strace", "--follow-forks", "--quiet=attach", f"--attach={pid}", "--output=/dev/null"),
            *("-e", f"trace={system_calls}", "-e", f"inject={system_calls}:delay_exit=600000000"),
            stderr=subprocess.DEVNULL,
        )
        machine.wait_until(self._is_attached, 10, "strace to be attached")

    def _is_attached(self) -> bool:
        return "TracerPid:\t0\n" not in self._machine.read(f"/proc/{self._pid}/status")

    def let_go(self) -> None:
        """A process that was killed meanwhile ends now."""
        self._machine.run("pkill", "-KILL", "--exact", "strace", check=False)
        self._process.wait(timeout=10)


def _pause_after(look: float) -> float:
    return min(max(POLL_INTERVAL, PAUSE_PER_LOOK * look), LONGEST_PAUSE)


def close_all() -> None:
    global _is_closing
    with _running_lock:
        _is_closing = True
        machines = list(_running)
    for machine in machines:
        machine.close()


def sweep() -> None:
    """Remove what test runs left that were killed too hard to clean up."""
    for home in (images.cache_dir() / "machines").glob("gm*-*"):
        owner = int(home.name[2:].split("-")[0])
        if not pathlib.Path(f"/proc/{owner}").exists():
            cgroup.OwnGroups(home.name).remove()
            images.remove_tree(home)


def _children(pid: int) -> Iterator[int]:
    for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            yield from (int(child) for child in task.read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue


def _pid_inside(pid: int) -> int | None:
    """The pid in the innermost namespace, once the process is the systemd of a container (not nspawn's stub)."""
    try:
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() != "systemd":
            return None
        return _innermost_pid(pathlib.Path(f"/proc/{pid}"))
    except (FileNotFoundError, ProcessLookupError):
        return None


def _innermost_pid(process: pathlib.Path) -> int | None:
    """None where it is the host's own."""
    status = (process / "status").read_text()
    namespaced = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[1:]
    return int(namespaced[-1]) if len(namespaced) > 1 else None


atexit.register(close_all)
