"""kill -9 at any instant leaves either no act or a recorded one that the next start resolves."""

from __future__ import annotations

from gatemend import AGENT, EXECUTOR, is_closed
from scenario import Scenario

SLOW_START_SECONDS = 3


class AgentKilled(Scenario):
    tuned = {"soak": "5s", "cooldown": "1s"}

    def finish(self) -> None:
        """Whatever was interrupted: one start, a closed incident, a complete record."""
        self.machine.wait_until(lambda: self.machine.is_active(AGENT), 10, "the agent to be back")
        self.gatemend.wait_for_incident(self.fpm, is_closed, 40, "closed")
        self.assert_answers()
        self.assertEqual(len(self.gatemend.intents(self.fpm)), 1)
        self.assertEqual(len(self.gatemend.records("confirm")), 1)
        self.assert_record_complete()

    def test_while_it_verifies(self) -> None:
        self.site.kill_fpm()
        self.gatemend.wait_for_incident(self.fpm, lambda i: i["phase"] == "verifying", 20, "verifying")
        self.gatemend.kill_agent()
        self.finish()

    def test_while_the_executor_acts(self) -> None:
        self.site.slow_down_start(SLOW_START_SECONDS)
        self.site.kill_fpm()
        self.machine.wait_until(
            lambda: self.machine.unit(self.fpm, "ActiveState")["ActiveState"] == "activating", 20, "the act to begin"
        )
        self.gatemend.kill_agent()
        self.finish()

    def test_while_nothing_happens(self) -> None:
        self.gatemend.kill_agent()
        self.machine.wait_until(lambda: self.machine.is_active(AGENT), 10, "the agent to be back")
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)
        self.finish()


class ExecutorKilled(Scenario):
    def finish(self) -> None:
        self.gatemend.wait_for_incident(self.fpm, is_closed, 60, "closed")
        self.machine.wait_until(lambda: self.machine.is_active(EXECUTOR), 10, "the executor to be back")
        self.assert_answers()
        self.assertLessEqual(len(self.gatemend.intents(self.fpm)), 2)
        self.assert_record_complete()

    def test_between_intent_and_act(self) -> None:
        """No fsync returns, so the intent is on disk and the act has not begun when the kill comes."""
        holder = self.machine.hold_at(self.machine.main_pid(EXECUTOR), "fsync,fdatasync")
        self.addCleanup(holder.let_go)
        starts = self.machine.count_starts(self.fpm)

        self.site.kill_fpm()
        self.machine.wait_until(lambda: self.gatemend.intents(self.fpm), 30, "the intent to be on disk")
        self.assertEqual(self.machine.count_starts(self.fpm), starts, "the act began before its intent was safe")
        self.gatemend.kill_executor()
        holder.let_go()

        self.finish()
        self.assertEqual(self.machine.count_starts(self.fpm), starts + 1)

    def test_between_act_and_outcome(self) -> None:
        self.site.slow_down_start(SLOW_START_SECONDS)
        self.site.kill_fpm()
        self.machine.wait_until(
            lambda: self.machine.unit(self.fpm, "ActiveState")["ActiveState"] == "activating", 20, "the act to begin"
        )
        starts = self.machine.count_starts(self.fpm)
        self.gatemend.kill_executor()

        self.finish()
        self.assertEqual(self.machine.count_starts(self.fpm), starts, "the act was repeated while it still ran")

    def test_while_nothing_happens(self) -> None:
        self.gatemend.kill_executor()
        self.site.kill_fpm()
        self.finish()
