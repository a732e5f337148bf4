"""gatemend-mend killed at each system call that changes a file, first to last; and what a power cut would leave.

Whatever is left then: undoing gives the tree before, byte for byte, and doing it again the finished one.
"""

from __future__ import annotations

import collections
import pathlib
import re

import fingerprint
from gatemend import MENDER, SNAPSHOTS
from scenario import Scenario
from steps import Step
from stories import SITE_FILE, OldSocketPath

CHANGING = ("mkdirat", "write", "fsync", "renameat", "renameat2", "unlinkat", "fchown", "fchmod", "fsetxattr", "utimensat")
FOLDERS = (*fingerprint.CONFIGURATION, SNAPSHOTS)
SECOND_FILE = "/etc/nginx/routes/second.conf"
ATTEMPT = "1"
_LOG = "/root/mend-calls"
_CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+)", re.MULTILINE)
_MANIFEST = "manifest"  # says that all of a snapshot is there
_OPEN_FILE = re.compile(r"^\d+<(/[^>]*)>")
_NAME = re.compile(r'"([^"]*)"')


class WalkMend(Scenario):
    is_same_everywhere = True
    is_deep = True
    is_enabled = False  # nobody but the test acts
    tuned = {}

    def furnish(self, root: pathlib.Path) -> None:
        """Two files to change, so that there is a middle."""
        self.story = OldSocketPath(self.machine, self.site)
        (root / SITE_FILE[1:]).write_bytes(self.story.text(self.story.dead).encode())
        passed = f"include snippets/fastcgi-php.conf; fastcgi_pass unix:{self.story.dead};"
        (root / SECOND_FILE[1:]).write_text(f"location = /second.php {{ {passed} }}\n")

    def words(self, command: str) -> list[str]:
        if command != "stage":
            return [MENDER, command, ATTEMPT]
        ends = (f"from=unix:{self.story.dead}", f"to=unix:{self.suite.fpm_socket}")
        return [MENDER, command, ATTEMPT, "repoint-backend", "nginx.service", "www-data", *ends]

    def mend(self, *commands: str) -> None:
        for command in commands:
            self.machine.run(*self.words(command))

    def traced(self, command: str, *options: str) -> int:
        """Its exit status, 137 where it was killed."""
        tracer = ("strace", "--quiet=all", f"--output={_LOG}", "--decode-fds=path", "--string-limit=200")
        trace = ("-e", f"trace={','.join(CHANGING)}", *options)
        return self.machine.run(*tracer, *trace, *self.words(command), check=False).returncode

    def calls(self) -> list[tuple[str, str, bool]]:
        """Name, arguments, success."""
        return [(name, text, int(result) >= 0) for name, text, result in _CALL.findall(self.machine.read(_LOG))]

    def look(self) -> fingerprint.Fingerprint:
        return fingerprint.take(self.machine, *FOLDERS)

    # -- killed -----------------------------------------------------------------------------------------------------

    def steps_of(self, command: str) -> list[Step]:
        self.assertEqual(self.traced(command), 0)
        counts = collections.Counter(name for name, _, _ in self.calls())
        return [Step(name, number) for name in CHANGING for number in range(1, counts[name] + 1)]

    def kill(self, command: str, step: Step) -> None:
        status = self.traced(command, "-e", f"inject={step.call}:signal=KILL:when={step.number}")
        self.assertIn(status, (137, -9), f"{command} was not killed at {step}")

    def assert_like(self, wanted: fingerprint.Fingerprint, what: str) -> None:
        self.assertEqual(fingerprint.difference(wanted, self.look()), [], what)

    def walk(self, command: str, *before: str) -> tuple[int, int]:
        """Steps tried, and at how many of them something was half-done."""
        untouched = self.look()
        self.mend("stage", "commit")
        finished = self.look()
        self.mend("undo", "forget")
        self.assert_like(untouched, "undone after nothing has happened")
        self.mend(*before)
        start = self.look()
        steps = self.steps_of(command)
        end = self.look()
        self.mend("undo", "forget")
        halves = 0
        for step in steps:
            where = f"{command} killed at {step}"
            self.mend(*before)
            self.kill(command, step)
            halves += self.look() not in (start, end)
            self.mend("undo", "forget")
            self.assert_like(untouched, f"{where}, undone")
            self.mend(*before)
            self.kill(command, step)
            self.mend(command)
            self.assert_like(end, f"{where}, done again")
            if command != "undo":
                self.mend("commit")
                self.assert_like(finished, f"{where}, finished")
            self.mend("undo", "forget")
            self.assert_like(untouched, f"{where}, done again and undone")
        return len(steps), halves

    def test_killed_at_each_step(self) -> None:
        rows = [f"{'gatemend-mend':14} {'steps':>5} {'half-done':>10} {'undone':>7} {'done again':>11}"]
        for command, before in (("stage", ()), ("commit", ("stage",)), ("undo", ("stage", "commit"))):
            tried, halves = self.walk(command, *before)
            rows.append(f"{command:14} {tried:5} {halves:10} {tried:7} {tried:11}")
        print("\n".join(rows), flush=True)

    # -- a save at the worst moment -----------------------------------------------------------------------------------

    def test_a_save_between_look_and_exchange_is_kept(self) -> None:
        """An editor replaces the last file when all has been looked at: nothing is undone, nothing is lost."""
        self.mend("stage", "commit")
        finished = self.look()
        saved = "# saved just then\n"
        # The second exchange of names waits long enough for an editor.
        delay = ("-e", "inject=renameat2:delay_enter=3000000:when=2")
        save = f"sleep 1.5; printf '{saved.strip()}\\n' >{SECOND_FILE}.swp; mv {SECOND_FILE}.swp {SECOND_FILE}"
        words = " ".join(self.words("undo"))
        trace = f"strace --quiet=all --output={_LOG} -e trace=renameat2 {' '.join(delay)} {words}"
        last = self.last_exchanged()
        script = f"({save.replace(SECOND_FILE, last)}) & {trace}; echo $? >/root/status; wait"
        done = self.machine.run("sh", "-c", script, check=False)
        self.assertNotEqual(self.machine.read("/root/status").strip(), "0", done.stderr)
        self.assertIn(f"{last}: changed by somebody else since", done.stderr)
        self.assertEqual(self.machine.read(last), saved)
        self.machine.run("rm", last)
        different = fingerprint.difference(finished, self.look())
        self.assertEqual([line for line in different if last not in line], [], "the other file is half undone")

    def last_exchanged(self) -> str:
        """The file whose turn comes second."""
        return max(SITE_FILE, SECOND_FILE, key=self.order_of)

    def order_of(self, path: str) -> int:
        manifest = self.machine.read(f"{SNAPSHOTS}/{ATTEMPT}/{_MANIFEST}")
        return manifest.index(path)

    # -- a power cut ------------------------------------------------------------------------------------------------

    def test_only_what_is_synced_survives(self) -> None:
        """At each name that changes its content is on disk; at the end of a command each name is."""
        for command in ("stage", "commit", "undo"):
            self.assertEqual(self.traced(command), 0)
            calls = [(name, text) for name, text, is_done in self.calls() if is_done]
            disk = _Disk(calls)
            print(f"{command}: {disk.changes} changes, {len(disk.useful)} syncs that matter", flush=True)
            self.assertGreater(disk.changes, 0, command)
            self.assertEqual(disk.lost(), [], command)
            self.assert_each_sync_matters(calls, disk.useful)

    def assert_each_sync_matters(self, calls: list[tuple[str, str]], useful: list[int]) -> None:
        """The check sees each of them missing."""
        for left_out in useful:
            shorter = calls[:left_out] + calls[left_out + 1 :]
            self.assertNotEqual(_Disk(shorter).lost(), [], f"without {calls[left_out]}")


class _Disk:
    """What a power cut would take away: contents and names that nobody has synced."""

    def __init__(self, calls: list[tuple[str, str]]) -> None:
        self.loose_files: set[str] = set()
        self.loose_folders: set[str] = set()
        self.problems: list[str] = []
        self.useful: list[int] = []  # which calls made something durable
        self.changes = 0
        for index, (name, text) in enumerate(calls):
            if self._take(name, text):
                self.useful.append(index)

    def lost(self) -> list[str]:
        """What is wrong, with a power cut at the worst moment or at the end."""
        return [*self.problems, *(f"{path}: never synced" for path in sorted(self.loose_files | self.loose_folders))]

    def _take(self, call: str, text: str) -> bool:
        """Whether it made something durable."""
        opened = _OPEN_FILE.match(text)
        if opened is None or not opened[1].startswith(FOLDERS):
            return False  # what it says to its caller
        path, names = opened[1], _NAME.findall(text)
        if call == "fsync":
            is_useful = path in self.loose_files | self.loose_folders
            self.loose_files.discard(path)
            self.loose_folders.discard(path)
            return is_useful
        self.changes += 1
        if call in ("write", "fchown", "fchmod", "fsetxattr", "utimensat"):
            self.loose_files.add(path)
        elif call in ("renameat", "renameat2"):
            self._rename(path, names[0])
        elif call == "unlinkat" and names[0].endswith(".ready") and path in self.loose_folders:
            self.problems.append(f"{path}/{names[0]} is removed before the exchange is on disk")
        else:
            self.loose_folders.add(path)
        return False

    def _rename(self, folder: str, name: str) -> None:
        if f"{folder}/{name}" in self.loose_files:
            self.problems.append(f"{folder}/{name} takes its place before its content is on disk")
        # What counts on all before it: a snapshot's manifest, and each file of the configuration.
        is_last = _MANIFEST in name or not folder.startswith(SNAPSHOTS)
        awaited = self.loose_files | (self.loose_folders - {SNAPSHOTS} if _MANIFEST in name else self.loose_folders)
        self.problems += [f"{loose}: not synced before {folder}/{name} takes its place" for loose in awaited if is_last]
        self.loose_folders.add(folder)
