"""Settings that are too small: computed, shown, and written after a yes."""

from __future__ import annotations

import re

import stories
from acted import DEADLINE, Acted
from gatemend import Record, parameters_of, preview_of, proposal_of


class Children(Acted):
    kind = stories.SmallPool

    def test_pool_too_small_for_its_visitors(self) -> None:
        self.tell()

    def assert_told(self, intent: Record) -> None:
        super().assert_told(intent)
        told = parameters_of(intent)
        name = next(name for name, setting in told.items() if setting == "pm.max_children")
        value = told[name.replace("setting", "value")]
        self.assertGreater(int(value), 1)
        effective = self.machine.run(self.suite.fpm_binary, "-tt").stderr
        self.assertRegex(effective, rf"pm\.max_children = {value}\b")
        self.assertGreater(len(self.site.fpm_workers()), 1, "PHP-FPM does not run with it")

    def assert_cured(self, intent: Record) -> None:
        crowd = self.story.crowd  # type: ignore[attr-defined]
        crowd.wait_for_good(20, DEADLINE)
        crowd.stop()
        super().assert_cured(intent)


class Buffers(Acted):
    kind = stories.BigHeader

    def test_header_too_big_for_the_buffer(self) -> None:
        self.tell()

    def assert_cured(self, intent: Record) -> None:
        super().assert_cured(intent)
        self.machine.run("nginx", "-t")


class Suggest(Acted):
    """`gatemend suggest`: the same plan, to be read: what would change, and the arithmetic."""

    kind = stories.BigHeader
    can_be_bare = False

    def test_what_is_suggested_is_what_is_proposed(self) -> None:
        self.play.break_it()
        proposal = proposal_of(self.play.proposed(), self.story.act)
        text = self.gatemend.run("suggest").stdout
        added = re.findall(r"(?m)^\+\s*(fastcgi_\w+ .*;)$", preview_of(proposal))
        self.assertTrue(added, preview_of(proposal))
        for line in added:
            self.assertIn(line, text)
        self.assert_unchanged("a suggestion")
