"""Who may open PHP-FPM's socket: the owner of the socket itself, and the pool file that it comes from."""

from __future__ import annotations

import json

import stories
from acted import DEADLINE, Acted
from gatemend import Record, held_because


class SocketOwner(Acted):
    kind = stories.OwnedByRoot

    def test_the_owner_is_set_and_the_mode_kept(self) -> None:
        self.tell()
        if self.needs_package:
            self.assert_heals_again_and_keeps_the_mode()

    def assert_heals_again_and_keeps_the_mode(self) -> None:
        """After the rollback of the story the fault is there again."""
        self.gatemend.resume()
        self.play.visitors.wait_for_good(5, DEADLINE)
        socket = self.machine.path(self.suite.fpm_socket).stat()
        self.assertEqual(socket.st_mode & 0o777, 0o600, "the mode is not gatemend's to widen")
        self.assertNotEqual(socket.st_uid, 0)


class SocketLink(Acted):
    """Whoever can write to the folder may wish that another file belonged to nginx."""

    kind = stories.OwnedByRoot
    can_be_bare = False
    victim = "/etc/shadow"

    def test_a_link_in_the_sockets_place_is_not_followed(self) -> None:
        before = self.owner()
        self.machine.run("ln", "-sf", self.victim, self.suite.fpm_socket)
        visitors = self.site.visitors(interval=0.05)
        visitors.wait_for_bad()
        self.machine.holds_for(
            lambda: not self.play.intents() and self.owner() == before, 3.0, f"{self.victim} keeps its owner"
        )

    def owner(self) -> tuple[int, int]:
        info = self.machine.path(self.victim).stat()
        return info.st_uid, info.st_gid


class PoolListen(Acted):
    kind = stories.PoolSaysRoot

    def test_only_the_durable_fix_outlives_a_restart(self) -> None:
        if not self.needs_package:
            self.tell_bare()
            return
        self.play.break_it()
        intent = self.act()
        self.assert_cured(intent)
        self.assert_told(intent)

        self.story.restart_fpm()  # type: ignore[attr-defined]
        self.play.visitors.wait_for_good(5)
        self.assertEqual(len(self.play.intents()), 1)

        self.assert_undone(intent)
        self.assertEqual(self.site.visit().status, 502, "PHP-FPM runs with the pool file that it has")


class PoolListenAsShipped(Acted):
    """The pool file shuts nginx out: the socket is as it says, and only the mend of the file is offered."""

    kind = stories.PoolSaysRootAsShipped
    can_be_bare = False

    def test_the_socket_is_left_and_the_approved_mend_lasts(self) -> None:
        self.play.break_it()
        self.assert_told_and_left()
        self.play.approve()
        self.assert_cured(self.play.next_intent())
        self.assert_lasts()

    def test_suggest_has_the_same_mend_as_long_as_it_is_needed(self) -> None:
        self.play.break_it()
        self.assert_told_and_left()
        suggestion = self.suggested()
        assert suggestion is not None
        self.assertIn("+listen.owner = www-data", suggestion["diff"])
        self.gatemend.apply(suggestion["digest"])
        self.assert_lasts()
        self.assertEqual(self.suggested(), None)
        why = json.loads(self.gatemend.run("suggest", "--cause", "socket-ownership", "--json").stdout)
        self.assertIn("as it is written", why["places"][0]["suggestions"][0]["text"])

    def assert_told_and_left(self) -> None:
        incident = self.play.incident(held_because("executor-refused"))
        self.assertIn("gives the socket to root:root", json.dumps(incident))
        self.play.proposed()
        self.assert_stays_unchanged()
        self.assertEqual(self.gatemend.intents(), [])
        socket = self.machine.path(self.suite.fpm_socket).stat()
        self.assertEqual((socket.st_uid, socket.st_gid, socket.st_mode & 0o777), (0, 0, 0o600))

    def assert_lasts(self) -> None:
        self.play.visitors.wait_for_good(5, DEADLINE)
        self.story.restart_fpm()  # type: ignore[attr-defined]
        self.play.visitors.wait_for_good(5, DEADLINE)
        self.assertEqual({record["act"] for record in self.gatemend.intents()}, {"set-pool-listen"})

    def suggested(self) -> Record | None:
        places = json.loads(self.gatemend.run("suggest", "--json").stdout)["places"]
        found = [item for place in places for item in place["suggestions"] if item["cause"] == self.story.cause]
        return found[0] if found else None
