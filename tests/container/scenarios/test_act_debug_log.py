"""nginx's error log at level debug, for some seconds."""

from __future__ import annotations

import re

import fingerprint
import stories
from acted import DEADLINE, Acted
from gatemend import AGENT
from website import NGINX_LOG

_SECONDS = 4
_RULE = f"""\
[[rule]]
name       = "look-closer"
when       = {{ cause = "header-too-big" }}
witnesses  = 2
mode       = "act"
ladder     = [ {{ act = "debug-log", within = "10s", with = {{ seconds = {_SECONDS} }} }} ]
limit      = {{ max = 1, per = "1h", cooldown = "0s", backoff = 1 }}
verify     = {{ probe = "backend", within = "5s", soak = "2s" }}
on_failure = "escalate"
"""


class _CloserLook(stories.BigHeader):
    act, asks = "debug-log", False
    folders = fingerprint.CONFIGURATION

    def rules(self) -> dict[str, str]:
        return {"05-look-closer.toml": _RULE}


class DebugLog(Acted):
    kind = _CloserLook
    can_be_bare = False

    def write_for_a_while(self) -> None:
        self.play.break_it()
        self.play.next_intent()
        self.machine.wait_until(self.count_debug_lines, DEADLINE, "debug lines")
        self.assertNotEqual(self.play.look(), self.play.broken)

    def count_debug_lines(self) -> int:
        return len(re.findall(r" \[debug\] ", self.machine.read(NGINX_LOG)))

    def assert_over(self) -> None:
        """Back byte for byte, nginx runs with it, and the record says so."""
        self.assert_as_before(_SECONDS + DEADLINE)
        self.machine.wait_until(lambda: self.gatemend.records("undone"), DEADLINE, "the end on record")
        workers = self.site.nginx_workers()
        self.assertTrue(workers)
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
