"""Settings that are too small: computed, shown, and written after a yes."""

from __future__ import annotations

import stories
from acted import DEADLINE, Acted
from gatemend import Record, parameters_of


class Children(Acted):
    kind = stories.SmallPool
    is_seen_at_once = False  # one probe among many gets through

    def test_pool_too_small_for_its_visitors(self) -> None:
        self.tell()

    def assert_told(self, intent: Record) -> None:
        super().assert_told(intent)
        told = parameters_of(intent)
        name = next(name for name, setting in told.items() if setting == "pm.max_children")
        value = int(told[name.replace("setting", "value")])
        self.assertGreater(value, stories.SmallPool.workers)
        effective = self.machine.run(self.suite.fpm_binary, "-tt").stderr
        self.assertRegex(effective, rf"pm\.max_children = {value}\b")
        self.assertEqual(len(self.site.fpm_workers()), value, "PHP-FPM does not run with it")

    def assert_cured(self, intent: Record) -> None:
        """While they all go on visiting."""
        super().assert_cured(intent)
        self.story.crowd.stop()  # type: ignore[attr-defined]


class Buffers(Acted):
    kind = stories.BigHeader

    def test_header_too_big_for_the_buffer(self) -> None:
        self.tell()

    def assert_cured(self, intent: Record) -> None:
        super().assert_cured(intent)
        self.machine.run("nginx", "-t")
