"""Settings that are too small: computed, shown, and written after a yes."""

from __future__ import annotations

import stories
from acted import Acted
from gatemend import Record


class Buffers(Acted):
    kind = stories.BigHeader

    def test_header_too_big_for_the_buffer(self) -> None:
        self.tell()

    def assert_cured(self, intent: Record) -> None:
        super().assert_cured(intent)
        self.machine.run("nginx", "-t")
