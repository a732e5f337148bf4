"""An act that fails in the middle: undone or never begun, on record, never half-done."""

from __future__ import annotations

import signal
from typing import Callable

import stories
from acted import DEADLINE, Acted
from gatemend import AGENT, AUDIT, EXECUTOR, MENDER, SNAPSHOTS, Record
from gatemend import digest_of, held_because, proposal_of, undo_by, undo_state
from machine import Machine
from moment import APPEARS, CHANGES, GETS_OTHER_OWNER, Moment
from rule import rule
from stories import SITE_FILE

_USE_UP = 320  # entries of some 800 bytes: more than the 256 KiB that are set aside
SITE_FOLDER, _, SITE_NAME = SITE_FILE.rpartition("/")


class DurableFirst(stories.PoolSaysRoot):
    """On a machine whose owner wants the pool file mended, not the socket."""

    within = "5s"

    def rules(self) -> dict[str, str]:
        text = rule("durable-first", self.cause, self.act, mode="ask", within=self.within, on_failure="rollback")
        return {"05-durable.toml": text}


class PatientlyDurable(DurableFirst):
    within = "60s"


class _Halfway(Acted):
    is_same_everywhere = True

    kind = stories.OldSocketPath
    can_be_bare = False
    tuned = {**Acted.tuned, "within": "5s", "max": 20}

    def approve_in_vain(self) -> None:
        """Yes, and it fails: what it was is what it is, and the record has no loose end."""
        incident = self.play.proposed()
        self.gatemend.approve(incident, self.story.act, check=False)
        self.machine.wait_until(lambda: self.failures() or self.refusals(), DEADLINE, "the failure on record")
        self.assert_all_resolved()
        self.assertEqual([r for r in self.gatemend.records("outcome") if r["outcome"] == "succeeded"], [])
        self.assert_as_before()
        self.assert_leaves_nothing_behind()

    def failures(self) -> list[Record]:
        return [record for record in self.gatemend.records("outcome") if record["outcome"] == "failed"]

    def refusals(self) -> list[Record]:
        return [record for record in self.gatemend.records("refused") if record["act"] == self.story.act]

    def assert_leaves_nothing_behind(self) -> None:
        self.assertEqual(self.machine.output("find", "/etc", "-newer", "/root/broken", "-name", "*gatemend*"), "")

    def break_it(self) -> None:
        self.play.break_it()
        self.machine.write("/root/broken", "")

    def give_own_disk(self, folder: str, size: str) -> None:
        """With what is in it."""
        self.story.run(
            f"""
            cp -a {folder} /root/kept
            mount -t tmpfs -o size={size},mode=755 tmpfs {folder}
            cp -a /root/kept/. {folder}
            """
        )

    def fill(self, folder: str) -> None:
        self.story.run(f"cat /dev/zero >{folder}/.full || true")


class ToolMissing(_Halfway):
    def test_gatemends_own(self) -> None:
        self.break_it()
        self.play.proposed()
        self.machine.run("mv", MENDER, f"{MENDER}.away")
        self.approve_in_vain()
        self.machine.run("mv", f"{MENDER}.away", MENDER)

    def test_nginx(self) -> None:
        self.break_it()
        self.play.proposed()
        self.machine.run("mv", "/usr/sbin/nginx", "/usr/sbin/nginx.away")
        self.approve_in_vain()
        self.machine.run("mv", "/usr/sbin/nginx.away", "/usr/sbin/nginx")


class DiskFull(_Halfway):
    def test_where_the_snapshots_are(self) -> None:
        self.break_it()
        self.play.proposed()
        self.give_own_disk(SNAPSHOTS, "256k")
        self.fill(SNAPSHOTS)
        self.approve_in_vain()

    def test_where_the_configuration_is(self) -> None:
        self.break_it()
        self.play.proposed()
        self.give_own_disk(SITE_FOLDER, "256k")
        self.fill(SITE_FOLDER)
        self.play.broken = self.play.look()
        self.approve_in_vain()

    def test_where_the_record_is(self) -> None:
        """What could not be recorded to its end is not begun, and the incident says so. With room again it is done."""
        folder = AUDIT.rpartition("/")[0]
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        self.give_own_disk(folder, "1m")
        self.machine.systemctl("start", AGENT)
        self.break_it()
        incident = self.play.proposed()
        self.fill(folder)
        # What a person says uses up what was set aside for the record, and no more can be had.
        for _ in range(_USE_UP):
            self.gatemend.run("pause", "--for", "1m", "--reason", "x" * 500)
        self.gatemend.resume()
        self.gatemend.approve(incident, self.story.act, check=False)
        # It stops acting before it stops recording.
        self.play.incident(held_because("record-disk-full"))
        self.assert_stays_unchanged()
        self.assertEqual(self.gatemend.intents(), [])
        self.gatemend.verify_audit()
        self.machine.run("rm", f"{folder}/.full")
        self.gatemend.approve(self.play.proposed(), self.story.act)
        self.assertEqual(len(self.gatemend.intents()), 1)
        self.gatemend.verify_audit()


class DeadlinePassed(_Halfway):
    def test_a_start_that_never_ends(self) -> None:
        """The unit is left to systemd; that it did not start in time is on record."""
        self.site.slow_down_start(60)
        self.site.kill_fpm()
        self.machine.wait_until(self.failures, DEADLINE, "the failure on record")
        self.assert_all_resolved()


class DeadlineOfRestartPassed(_Halfway):
    kind = DurableFirst

    def test_a_restart_that_never_ends_is_undone(self) -> None:
        self.break_it()
        self.play.proposed()
        self.site.slow_down_start(60)
        self.play.broken = self.play.look()
        self.approve_in_vain()


class _Killed(_Halfway):
    """kill -9 at exact points, then whatever was meant is either done and confirmed, or undone; and still can be done."""

    tuned = {**Acted.tuned, "max": 20}
    victim = EXECUTOR

    def kill_when(self, folder: str, kind: int, has_come: Callable[[], bool] = lambda: True, name: str = "") -> Moment:
        pid = self.machine.host_pid(self.machine.main_pid(self.victim))

        def kill() -> bool:
            if not has_come():
                return False
            Machine.kill_on_host(pid, signal.SIGKILL)
            return True

        moment = Moment(self.machine.path(folder), kind, kill, name)
        self.addCleanup(moment.close)
        return moment

    def kill_when_recorded(self, kind: str) -> Moment:
        return self.kill_when(
            AUDIT.rpartition("/")[0], CHANGES, lambda: self.last_record() == (kind, self.story.act), AUDIT.rpartition("/")[2]
        )

    def last_record(self) -> tuple[str, str]:
        last = self.gatemend.records()[-1]
        return last["kind"], last.get("act", "")

    def kill_while_it_acts(self, moment: Moment) -> None:
        if self.story.asks:
            self.play.approve(check=False)  # who waits for the outcome is told that one of the two went away
        moment.wait(DEADLINE)
        self.machine.wait_until(lambda: self.machine.is_active(self.victim), 15, f"{self.victim} to be back")
        self.assert_all_resolved()
        self.machine.wait_until(self.is_settled, DEADLINE, f"done or undone: {self.play.changes()}")
        self.finish()

    def is_settled(self) -> bool:
        return not self.play.changes() or self.play.visitors.answers[-1].is_good

    def finish(self) -> None:
        """Where it was undone it is proposed again, and works."""
        if self.play.intents():
            self.machine.wait_until(lambda: self.is_confirmed() or self.is_undone(), 2 * DEADLINE, "confirmed or undone")
        if self.story.asks and not self.is_confirmed():
            self.play.approve()
        self.play.visitors.wait_for_good(5, DEADLINE)
        self.machine.wait_until(self.is_confirmed, DEADLINE, "the last attempt to be confirmed")
        self.assert_record_complete()
        self.assert_leaves_nothing_behind()

    def is_confirmed(self) -> bool:
        last = [intent["attempt"] for intent in self.play.intents()][-1:]
        return any(r["attempt"] in last and r["verdict"] == "effective" for r in self.gatemend.records("confirm"))

    def is_undone(self) -> bool:
        return undo_state(self.gatemend, self.play.intents()[-1]) == "undone"


class ExecutorKilledInEdit(_Killed):
    def test_with_the_intent_on_record(self) -> None:
        self.break_it()
        self.kill_while_it_acts(self.kill_when_recorded("intent"))

    def test_with_the_new_file_staged(self) -> None:
        self.break_it()
        self.kill_while_it_acts(self.kill_when(SNAPSHOTS, APPEARS))

    def test_with_the_new_file_in_place_and_nginx_not_yet_told(self) -> None:
        self.break_it()
        self.kill_while_it_acts(self.kill_when(SITE_FOLDER, APPEARS, name=SITE_NAME))

    def test_with_the_outcome_on_record(self) -> None:
        self.break_it()
        self.kill_while_it_acts(self.kill_when_recorded("outcome"))


class AgentKilledInEdit(_Killed):
    victim = AGENT

    def test_while_a_plan_waits_for_approval(self) -> None:
        self.break_it()
        self.play.proposed()
        self.gatemend.kill_agent()
        self.machine.wait_until(lambda: self.machine.is_active(AGENT), 15, "the agent to be back")
        self.assert_unchanged("a restart of the agent")
        self.finish()

    def test_while_the_file_is_replaced(self) -> None:
        self.break_it()
        self.kill_while_it_acts(self.kill_when(SITE_FOLDER, APPEARS, name=SITE_NAME))

    def test_while_it_verifies(self) -> None:
        """The next agent takes it over: it has worked, and stays."""
        self.break_it()
        self.kill_while_it_acts(self.kill_when_recorded("outcome"))
        self.assertEqual(len(self.play.intents()), 1, "done again")


class ExecutorKilledInRestart(_Killed):
    """The pool file is changed and PHP-FPM is on its way up with it."""

    kind = PatientlyDurable

    def test_while_fpm_starts(self) -> None:
        self.break_it()
        self.play.proposed()
        mark = self.site.slow_down_start(2)
        self.play.broken = self.play.look()
        folder, _, name = mark.rpartition("/")
        self.kill_while_it_acts(self.kill_when(folder, APPEARS, name=name))


class ExecutorKilledInChown(_Killed):
    kind = stories.OwnedByRoot

    def test_with_the_owner_changed(self) -> None:
        folder, _, name = self.suite.fpm_socket.rpartition("/")
        self.play.stop_agent()
        self.break_it()
        moment = self.kill_when(folder, GETS_OTHER_OWNER, name=name)
        self.play.start_agent()
        self.kill_while_it_acts(moment)


class CommitConfirm(_Killed):
    """Nobody confirms: the agent is gone and does not come back. The executor undoes it alone."""

    takes = 100
    victim = AGENT
    tuned = {**_Killed.tuned, "within": "5s"}

    def test_an_edit_is_undone_when_its_time_is_over(self) -> None:
        self.break_it()
        self.act_and_lose_the_agent()
        self.assert_undone_alone()
        self.assertEqual(self.site.visit().status, self.story.status, "nginx runs with the file that is there")

    def act_and_lose_the_agent(self) -> None:
        moment = self.kill_when_recorded("outcome")
        self.machine.systemctl("mask", "--runtime", AGENT)
        digest = digest_of(proposal_of(self.play.proposed(), self.story.act))
        self.assertEqual(self.gatemend.call_executor("Approve", "s", digest).returncode, 0)
        moment.wait(DEADLINE)
        self.play.visitors.wait_for_good(3)

    def assert_undone_alone(self) -> None:
        intent = self.play.intents()[-1]
        self.assertTrue(undo_by(intent))
        self.assert_as_before(120)  # a minute more than the verification takes
        self.machine.wait_until(lambda: undo_state(self.gatemend, intent) == "undone", 10, "the end on record")
        self.assertFalse(self.machine.is_active(AGENT))
        self.assertEqual(self.gatemend.records("confirm"), [])
        self.assert_all_resolved()

    def test_also_by_an_executor_that_was_killed_meanwhile(self) -> None:
        self.break_it()
        self.act_and_lose_the_agent()
        self.gatemend.kill_executor()
        self.assert_undone_alone()
