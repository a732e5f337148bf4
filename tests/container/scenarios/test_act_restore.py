"""A configuration that no longer passes its test, and an older version of the file that does."""

from __future__ import annotations

import stories
from acted import DEADLINE, Acted
from gatemend import find_proposal, is_open, record_text


class RestorePool(Acted):
    kind = stories.BrokenPool

    def test_pool_file_as_it_was_when_it_passed(self) -> None:
        self.tell()


class RestoreSite(Acted):
    kind = stories.BrokenSite

    def test_site_file_as_it_was_when_it_passed(self) -> None:
        self.tell()


class RestoreFromPackage(Acted):
    """gatemend has never seen a good one; dpkg has kept it."""

    kind = stories.BrokenPool
    can_be_bare = False
    is_enabled = False

    def test_version_that_dpkg_put_aside(self) -> None:
        healthy = self.machine.read(self.site.pool_file)
        self.machine.run("cp", "-a", self.site.pool_file, f"{self.site.pool_file}.dpkg-old")
        self.play.break_it()
        self.gatemend.enable()
        self.act()
        self.play.visitors.wait_for_good(5, DEADLINE)
        self.assertEqual(self.machine.read(self.site.pool_file), healthy)
        self.assertTrue(self.machine.exists(f"{self.site.pool_file}.dpkg-old"))
        self.assert_all_resolved()


class RestoreNothing(Acted):
    kind = stories.BrokenPool
    can_be_bare = False
    is_enabled = False

    def test_without_a_kept_version_it_says_so(self) -> None:
        self.play.break_it()
        self.gatemend.enable()
        self.play.broken = self.play.look()  # with the link that enables gatemend
        incident = self.play.incident(lambda i: is_open(i) and bool(i["decision"]["holds"]))
        self.assert_stays_unchanged()
        incident = self.play.incident(is_open)
        self.assertIsNone(find_proposal(incident, self.story.act))
        why = self.gatemend.run("why", str(incident["id"])).stdout
        self.assertRegex(why + record_text(incident), r"(?i)no (kept|older|earlier|other)? ?version")
