"""nginx's error log at level debug, for some seconds."""

from __future__ import annotations

import json
import re

import stories
from acted import DEADLINE, Acted
from gatemend import AGENT
from website import NGINX_LOG


class DebugLog(Acted):
    kind = stories.DebugLines
    can_be_bare = False

    def write_for_a_while(self) -> None:
        self.play.break_it()
        self.play.next_intent()
        self.machine.wait_until(self.play.changes, DEADLINE, "the other configuration")
        before = self.count_debug_lines()  # `nginx -t` has written some, too
        self.machine.wait_until(lambda: self.count_debug_lines() > before, DEADLINE, "debug lines")

    def count_debug_lines(self) -> int:
        return len(re.findall(r" \[debug\] ", self.machine.read(NGINX_LOG)))

    def is_silent(self) -> bool:
        """Workers that wrote debug lines write some when they end, too."""
        talkers = set(re.findall(r" \[debug\] (\d+)#", self.machine.read(NGINX_LOG)))
        return not talkers & set(self.machine.output("pgrep", "--full", "nginx: worker", check=False).split())

    def assert_over(self) -> None:
        """Back byte for byte, nginx runs with it, and the record says so."""
        self.assert_as_before(stories.EVIDENCE_SECONDS + DEADLINE)
        self.machine.wait_until(lambda: self.gatemend.records("undone"), DEADLINE, "the end on record")
        self.assertTrue(self.site.nginx_workers())
        self.machine.wait_until(self.is_silent, DEADLINE, "the last worker that writes debug lines to end")
        written = self.count_debug_lines()
        self.play.visitors.wait_for_bad()
        self.machine.holds_for(lambda: self.count_debug_lines() == written, 1.0, "no more debug lines")
        self.assert_all_resolved()

    def test_it_ends_by_itself(self) -> None:
        self.write_for_a_while()
        self.assert_over()

    def test_it_ends_without_the_agent(self) -> None:
        self.write_for_a_while()
        self.machine.systemctl("mask", "--runtime", AGENT)
        self.gatemend.kill_agent()
        self.assert_over()


class OpenDebugLog(Acted):
    """What visitors send is written nowhere where everybody may read it."""

    kind = stories.DebugLines
    can_be_bare = False

    def test_a_log_that_everybody_may_read_is_left_as_it_is(self) -> None:
        self.machine.run("chmod", "644", NGINX_LOG)
        self.play.break_it()
        self.play.incident(lambda incident: "everybody may read it" in json.dumps(incident))
        self.assert_stays_unchanged()
        self.assertEqual(self.play.intents(), [])
