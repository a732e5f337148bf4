"""nginx asks where nobody listens any more, and one living backend listens elsewhere: with a yes, it asks there."""

from __future__ import annotations

import re

import fingerprint
import stories
from acted import DEADLINE, Acted
from gatemend import Record, find_proposal, is_healed, is_open, preview_of, proposal_of, undo_state
from stories import SITE_FILE


class Repoint(Acted):
    kind = stories.OldSocketPath

    def test_after_an_upgrade_of_php(self) -> None:
        if self.needs_package:
            fingerprint.mark(self.machine, SITE_FILE, 0o640, 4)
        self.tell()

    def assert_cured(self, intent: Record) -> None:
        super().assert_cured(intent)
        self.machine.run("nginx", "-t")
        text = self.machine.path(SITE_FILE).read_bytes().decode()
        healthy = self.story.healthy  # type: ignore[attr-defined]
        self.assertEqual(text, healthy, "comments and formatting are the administrator's")
        link = self.machine.path("/etc/nginx/sites-enabled/default")
        self.assertTrue(link.is_symlink(), "the link has become a file")


class RepointUnapproved(Acted):
    kind = stories.OldSocketPath
    can_be_bare = False

    def test_nobody_says_yes_and_the_preview_is_the_edit(self) -> None:
        self.play.break_it()
        proposal = proposal_of(self.play.proposed(), self.story.act)
        added = [line for line in preview_of(proposal).splitlines() if re.match(r"\+(?!\+\+)", line)]
        removed = [line for line in preview_of(proposal).splitlines() if re.match(r"-(?!--)", line)]
        self.assertEqual((len(added), len(removed)), (3, 3), preview_of(proposal))
        self.assert_stays_unchanged()


class RepointUndone(Acted):
    """A person pointed nginx elsewhere and took it back: that is her word, and the owner is still known."""

    kind = stories.MovedPort
    can_be_bare = False

    def test_is_not_offered_again_by_itself(self) -> None:
        self.play.break_it()
        incident = self.play.proposed()
        self.gatemend.approve(incident, self.story.act)
        self.gatemend.wait_for_incident(incident["unit"], is_healed, DEADLINE, "healed")
        intent = self.gatemend.intents()[-1]
        self.gatemend.roll_back(intent)
        self.assertEqual(undo_state(self.gatemend, intent), "undone")
        self.site.visit(self.story.app.path)  # type: ignore[attr-defined]
        again = self.gatemend.wait_for_incident(
            incident["unit"],
            lambda i: is_open(i) and i["cause"] == self.story.cause,
            DEADLINE,
            "told again",
            newer_than=incident["id"],
        )
        self.machine.holds_for(
            lambda: all(find_proposal(i, self.story.act) is None for i in self.gatemend.incidents()),
            5.0,
            "the same is not offered",
        )
        why = self.gatemend.run("why", str(again["id"])).stdout
        self.assertIn(f"attempt {intent['attempt']} did exactly this and was undone", why)
        self.assertIn("gatemend resume nginx.service", why)
        app = self.story.app.unit  # type: ignore[attr-defined]
        self.assertEqual((incident["unit"], again["unit"]), (app, app), "the owner is still known")
        self.assertIn(app, {service["unit"] for service in self.gatemend.status()["services"]})
        self.gatemend.resume("nginx.service")
        self.play.proposed()


class RepointPort(Acted):
    kind = stories.MovedPort

    def test_an_app_on_another_port(self) -> None:
        self.tell()


class RepointInVain(Acted):
    """What nginx will not take is not written; what it does not take up is taken back."""

    kind = stories.OldSocketPath
    can_be_bare = False
    tuned = {**Acted.tuned, "within": "4s"}

    def test_another_error_in_the_configuration_forbids_it(self) -> None:
        self.play.break_it()
        incident = self.play.proposed()
        self.site.break_nginx()
        self.play.broken = self.play.look()
        self.gatemend.approve(incident, self.story.act, check=False)
        self.machine.holds_for(lambda: self.play.look() == self.play.broken, 3.0, "nothing is written")
        succeeded = [record for record in self.gatemend.records("outcome") if record["outcome"] == "succeeded"]
        self.assertEqual(succeeded, [])
        self.assert_all_resolved()
