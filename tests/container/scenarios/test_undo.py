"""Undoing is all or nothing, and nothing old is undone unasked: two files changed by one act, and an administrator."""

from __future__ import annotations

import pathlib
import subprocess

import stories
from acted import DEADLINE, Acted
from gatemend import AGENT, EXECUTOR, SNAPSHOTS, Record, undo_state
from machine import Machine
from stories import SITE_FILE
from test_act_halfway import CommitConfirm

SECOND_FILE = "/etc/nginx/routes/second.conf"
_NOTE = "# mine\n"


def texts_of(machine: Machine) -> dict[str, bytes]:
    """Byte for byte: the site's file has line ends of both kinds."""
    return {path: machine.path(path).read_bytes() for path in (SITE_FILE, SECOND_FILE)}


def write_again(machine: Machine, path: str, text: bytes) -> None:
    """As it was before the administrator's note."""
    machine.path(path).write_bytes(text.removesuffix(_NOTE.encode()))


class TwoFiles(stories.OldSocketPath):
    """The dead socket is named in two files, each of which visitors need."""

    def second_text(self, socket: str) -> str:
        return (
            "location = /second.php { include snippets/fastcgi-php.conf; "
            f"fastcgi_pass unix:{socket}; }}\n"
        )

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        (root / SECOND_FILE[1:]).write_text(self.second_text(self.suite.fpm_socket))

    def inject(self) -> None:
        self.machine.write(SECOND_FILE, self.second_text(self.dead))
        super().inject()


class _Undo(Acted):
    is_same_everywhere = True

    kind = TwoFiles
    can_be_bare = False

    def change_both(self) -> Record:
        """Approved, in effect and confirmed."""
        self.play.break_it()
        intent = self.play.act()
        self.assert_cured(intent)
        self.assertEqual({change["path"] for change in intent["changes"]}, {SITE_FILE, SECOND_FILE})
        self.after = self.texts()
        return intent

    def texts(self) -> dict[str, bytes]:
        return texts_of(self.machine)

    def roll_back(self, intent: Record, *options: str) -> subprocess.CompletedProcess[str]:
        return self.gatemend.run("rollback", "--attempt", str(intent["attempt"]), *options, check=False)

    def fail_to_roll_back(self) -> Record:
        """One file edited since."""
        intent = self.change_both()
        self.machine.append(SITE_FILE, _NOTE)
        self.after = self.texts()
        done = self.roll_back(intent)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{SITE_FILE}: changed by somebody else since", done.stderr)
        self.assertIn(f"{SECOND_FILE}: as the act left it", done.stderr)
        self.assertNotIn(r"\x0A", done.stderr)
        self.assertEqual(self.texts(), self.after, "half undone")
        self.assertEqual(undo_state(self.gatemend, intent), "undo-failed")
        return intent

    def assert_answers_after_a_reload(self) -> None:
        self.site.reload_nginx()
        self.assertEqual(self.site.visit().status, 200)

    def assert_keeps_as_it_is(self, seconds: float = 4.0) -> None:
        texts = self.texts()
        self.machine.holds_for(lambda: self.texts() == texts, seconds, "nobody undoes it")

    def restart_executor(self) -> None:
        starts = len(self.gatemend.records("start"))
        self.machine.systemctl("restart", EXECUTOR)
        self.machine.wait_until(lambda: len(self.gatemend.records("start")) > starts, DEADLINE, "the executor to be back")


class UndoWithOneFileEdited(_Undo):
    def test_neither_is_put_back_and_the_site_stays_up(self) -> None:
        intent = self.fail_to_roll_back()
        self.assert_answers_after_a_reload()
        number = str(intent["attempt"])
        status = self.gatemend.run("status").stdout
        self.assertIn(f"NOT UNDONE: attempt {number}", status)
        self.assertIn(f"{SITE_FILE}: changed by somebody else since", status, "as it is now")
        write_again(self.machine, SITE_FILE, self.after[SITE_FILE])
        review = self.roll_back(intent, "--dry-run")
        self.assertEqual(review.returncode, 0, review.stderr)
        self.assertIn(f"put back {SITE_FILE}", review.stdout)
        self.assertIn(f"put back {SECOND_FILE}", review.stdout)
        self.assertEqual(undo_state(self.gatemend, intent), "undo-failed", "a look changes nothing")
        self.assertEqual(self.play.undo(intent), [], "tried again, it is undone")
        self.assertEqual(undo_state(self.gatemend, intent), "undone")
        self.assertEqual(self.site.visit().status, self.story.status, "nginx runs with what is on disk")
        self.assertNotIn("NOT UNDONE", self.gatemend.run("status").stdout)
        self.assert_all_resolved()


class UndoFailedAndLeft(_Undo):
    """The administrator decides for the new address, with the very words of the plan."""

    def test_is_not_tried_again_at_a_start(self) -> None:
        intent = self.fail_to_roll_back()
        for path, text in self.after.items():
            write_again(self.machine, path, text)
        self.assert_answers_after_a_reload()
        for _ in range(2):
            self.restart_executor()
            self.assert_keeps_as_it_is()
        self.machine.systemctl("restart", AGENT)
        self.assert_keeps_as_it_is()
        self.assert_answers_after_a_reload()
        self.assertEqual(undo_state(self.gatemend, intent), "undo-failed")
        self.gatemend.run("audit", "acknowledge", "--attempt", str(intent["attempt"]))
        self.assertNotIn("NOT UNDONE", self.gatemend.run("status").stdout)
        self.assertNotEqual(self.roll_back(intent).returncode, 0, "closed is closed")
        self.gatemend.verify_audit()


class UndoByHand(_Undo):
    def test_what_somebody_has_put_back_is_nothing_to_undo(self) -> None:
        intent = self.change_both()
        self.gatemend.pause()
        self.machine.write(SECOND_FILE, self.story.second_text(self.story.dead))
        self.machine.path(SITE_FILE).write_bytes(self.story.text(self.story.dead).encode())
        done = self.roll_back(intent)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("nothing was left to undo", done.stdout)
        self.assertEqual(self.site.visit().status, 200, "nginx was not reloaded for it")
        self.assertEqual(undo_state(self.gatemend, intent), "undone")


class UndoOfWhatDoesNotPass(_Undo):
    def test_is_not_put_back_before_it_does(self) -> None:
        """Somebody has broken a third file: nginx could not reload."""
        intent = self.change_both()
        self.gatemend.pause()
        self.machine.write("/etc/nginx/conf.d/broken.conf", "nonsense on;\n")
        done = self.roll_back(intent)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nothing was put back", done.stderr)
        self.assertIn("nonsense", done.stderr)
        self.assertNotIn(r"\x0A", done.stderr)
        self.assertEqual(self.texts(), self.after)
        self.machine.run("rm", "/etc/nginx/conf.d/broken.conf")
        self.assertEqual(self.play.undo(intent), [])
        self.assertEqual(self.site.visit().status, self.story.status)


class UndoWithoutItsSnapshot(_Undo):
    def test_says_so_and_changes_nothing(self) -> None:
        intent = self.change_both()
        self.gatemend.pause()
        snapshot = f"{SNAPSHOTS}/{intent['attempt']}"
        self.machine.write(f"{snapshot}/1.old", "# damaged\n")
        done = self.roll_back(intent)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("damaged or missing", done.stderr)
        self.assertEqual(self.texts(), self.after)
        self.machine.run("rm", "-r", snapshot)
        done = self.roll_back(intent)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("is gone", done.stderr)
        self.assertEqual(self.texts(), self.after)
        self.assert_answers_after_a_reload()


class UndoOnAFullDisk(_Undo):
    def test_is_all_or_nothing(self) -> None:
        """The second file lies where no room is left."""
        intent = self.change_both()
        self.gatemend.pause()
        folder = SECOND_FILE.rpartition("/")[0]
        self.story.run(
            f"""
            cp -a {folder} /root/kept
            mount -t tmpfs -o size=256k,mode=755 tmpfs {folder}
            cp -a /root/kept/. {folder}
            cat /dev/zero >{folder}/.full || true
            """
        )
        done = self.roll_back(intent)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(self.texts(), self.after, "half undone")
        self.assertIn(f"{SITE_FILE}: as the act left it", done.stderr)
        self.machine.run("rm", f"{folder}/.full")
        self.assertEqual(self.roll_back(intent).returncode, 0)
        self.assertIn(self.story.dead, self.machine.read(SECOND_FILE))


class DeadlineWithOneFileEdited(CommitConfirm):
    """Nobody confirms, nobody is there to ask, and somebody has edited one of the files."""

    kind = TwoFiles

    def test_an_edit_is_undone_when_its_time_is_over(self) -> None:
        """Not here: the edit stays, and so does the other file."""
        self.break_it()
        self.act_and_lose_the_agent()
        intent = self.play.intents()[-1]
        self.machine.append(SECOND_FILE, _NOTE)
        texts = texts_of(self.machine)
        self.machine.wait_until(lambda: undo_state(self.gatemend, intent) == "undo-failed", 120, "the end on record")
        self.assertEqual(texts_of(self.machine), texts, "half undone")
        detail = self.gatemend.records("undone")[-1]["detail"]
        self.assertIn(f"{SECOND_FILE}: changed by somebody else since", detail)
        self.assertIn(f"{SITE_FILE}: as the act left it", detail)
        # The edit is taken away again: even so nobody tries once more.
        write_again(self.machine, SECOND_FILE, texts[SECOND_FILE])
        texts = texts_of(self.machine)
        self.machine.systemctl("restart", EXECUTOR)
        self.machine.holds_for(
            lambda: texts_of(self.machine) == texts, 4.0, "nobody undoes it"
        )
        self.site.reload_nginx()
        self.assertEqual(self.site.visit().status, 200)

    def test_also_by_an_executor_that_was_killed_meanwhile(self) -> None:
        """While nobody is there the administrator writes the same once more: that is a decision."""
        self.break_it()
        self.act_and_lose_the_agent()
        intent = self.play.intents()[-1]
        self.machine.systemctl("stop", EXECUTOR)
        texts = texts_of(self.machine)
        for path, text in texts.items():
            self.machine.run("rm", path)
            write_again(self.machine, path, text)
        self.machine.systemctl("start", EXECUTOR)
        self.machine.wait_until(lambda: undo_state(self.gatemend, intent) == "undo-failed", 120, "the end on record")
        self.assertEqual(texts_of(self.machine), texts)
        self.assertIn("written again by somebody else since", self.gatemend.records("undone")[-1]["detail"])
