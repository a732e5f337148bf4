"""Starting, restarting, reloading: what nginx and the applications behind it need when they are down or out of date."""

from __future__ import annotations

import stories
from acted import DEADLINE, Acted
from apps import Gunicorn
from gatemend import Record, digest_of, held_because, is_closed
from scenario import QUIET


class Start(Acted):
    kind = stories.CrashedFpm

    def test_crashed_fpm(self) -> None:
        self.tell()


class StartNginx(Acted):
    kind = stories.CrashedNginx

    def test_crashed_nginx(self) -> None:
        self.tell()


class StartAfterPowerCut(Acted):
    kind = stories.StaleSocket

    def test_socket_without_a_listener(self) -> None:
        self.tell()


class StartApp(Acted):
    kind = stories.CrashedApp

    def test_crashed_gunicorn(self) -> None:
        self.tell()


class Restart(Acted):
    kind = stories.DeletedSocket

    def test_socket_deleted_under_a_running_fpm(self) -> None:
        self.tell()


class RestartFrozen(Acted):
    kind = stories.FrozenFpm
    is_seen_at_once = False

    def test_fpm_that_answers_nobody(self) -> None:
        self.tell()


class Reload(Acted):
    kind = stories.MovedName

    def test_name_that_means_another_address(self) -> None:
        invocation = self.machine.unit(self.site.nginx, "InvocationID")
        self.tell()
        self.assertEqual(self.machine.unit(self.site.nginx, "InvocationID"), invocation, "a reload is no restart")


class Unfinished(Acted):
    """Somebody is in the middle of an edit: what passes the test need not be finished."""

    kind = stories.MovedName
    can_be_bare = False

    def test_an_edit_that_nginx_has_not_read_is_not_put_into_force(self) -> None:
        edited = "/etc/nginx/conf.d/unfinished.conf"
        self.machine.write(edited, "map $uri $unfinished { default yes; }\n")
        workers = self.machine.run("pgrep", "-f", "nginx: worker").stdout
        self.play.break_it()
        self.play.incident(lambda incident: edited in str(incident))
        self.assertEqual(self.play.intents(), [])
        self.assertEqual(self.machine.run("pgrep", "-f", "nginx: worker").stdout, workers, "nginx has been reloaded")
        self.site.reload_nginx()
        self.play.visitors.wait_for_good(5, DEADLINE)


class UnfinishedPool(Acted):
    """The same of a pool's file: what PHP-FPM has not read is not put into force by a restart."""

    kind = stories.DeletedSocket
    can_be_bare = False

    def test_an_edit_that_fpm_has_not_read_is_not_put_into_force(self) -> None:
        edited = self.site.pool_file
        self.machine.write(edited, self.machine.read(edited) + "; not finished yet\n")
        invocation = self.machine.unit(self.fpm, "InvocationID")
        self.play.break_it()
        self.play.incident(lambda incident: "was changed after" in str(incident))
        self.assertEqual(self.play.intents(), [])
        self.assertEqual(self.machine.unit(self.fpm, "InvocationID"), invocation, "FPM has been restarted")
        self.machine.systemctl("reload", self.fpm)  # reads the file, and makes no socket
        self.play.visitors.wait_for_good(5, 2 * DEADLINE)


class Ineffective(Acted):
    """The unit starts, and dies again a second later, every time."""

    kind = stories.CrashedFpm
    can_be_bare = False
    tuned = {"soak": "4s", "cooldown": "0s", "max": 3, "per": "1h", "backoff": 1}

    def test_three_tries_then_escalation_and_silence(self) -> None:
        self.site.drop_in(self.machine.path("/"), "short-lived", "[Service]\nRuntimeMaxSec=1s\nTimeoutStopSec=1s\n")
        self.machine.systemctl("daemon-reload")  # the first second is over at once

        incident = self.incident_of_unit(lambda i: i["phase"] == "escalated")
        self.assertEqual(len(self.gatemend.intents()), 3, incident["text"])
        self.machine.wait_until(lambda: len(self.gatemend.records("confirm")) == 3, DEADLINE, "three verdicts")
        self.assertEqual({record["verdict"] for record in self.gatemend.records("confirm")}, {"ineffective"})
        self.assertTrue(any(self.fpm in message for message in self.gatemend.loud_messages()))
        self.assert_quiet(self.fpm, QUIET)
        self.assert_record_complete()

    def incident_of_unit(self, matches) -> Record:  # type: ignore[no-untyped-def]
        return self.gatemend.wait_for_incident(self.fpm, matches, 60, "escalated")


class Harmful(Acted):
    """The restart that should cure takes down what still ran."""

    kind = stories.DeletedSocket
    can_be_bare = False

    def test_the_rule_is_demoted_to_observe(self) -> None:
        self.site.drop_in(self.machine.path("/"), "broken", "[Service]\nExecStartPre=/bin/false\n")
        self.machine.systemctl("daemon-reload")
        self.play.break_it()
        self.machine.wait_until(lambda: self.gatemend.records("confirm"), DEADLINE, "a verdict")
        self.assertEqual(self.gatemend.records("confirm")[0]["verdict"], "harmful")

        self.machine.path(f"/etc/systemd/system/{self.fpm}.d/broken.conf").unlink()
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("reset-failed", self.fpm, check=False)
        self.machine.systemctl("start", self.fpm)
        self.play.visitors.wait_for_good(5, DEADLINE)
        # What the harm had left was an ordinary failed unit: another rule may have been first to start it.
        self.gatemend.wait_for_incident(self.fpm, is_closed, DEADLINE, "closed")
        newest, restarts = self.gatemend.newest_id(), len(self.play.intents())
        self.story.inject()
        self.play.incident(held_because("demoted"), newest)
        self.assert_quiet(self.fpm)
        self.assertEqual(len(self.play.intents()), restarts)
        self.assert_all_resolved()


class TwoAtOnce(Acted):
    """One thing at a time, and first what is most certain."""

    kind = stories.CrashedApp
    can_be_bare = False

    def test_one_act_at_a_time_the_most_certain_first(self) -> None:
        self.site.slow_down_start(2)  # so that another act had the time to begin
        self.play.stop_agent()
        others = self.site.visitors()
        others.wait_for_good(2)
        self.play.break_it()
        self.site.kill_fpm()
        others.wait_for_bad()
        certainty = {i["unit"]: i["confidence_permille"] for i in self.gatemend.dry_run()["incidents"]}

        self.play.start_agent()
        for unit in (self.fpm, Gunicorn.unit):
            self.gatemend.wait_until_healed(unit, deadline=DEADLINE)
        self.assert_one_by_one()
        served = [intent["unit"] for intent in self.gatemend.intents()]
        self.assertEqual(sorted(served), sorted([self.fpm, Gunicorn.unit]))
        self.assertGreaterEqual(certainty[served[0]], certainty[served[1]], f"{served} with {certainty}")
        others.wait_for_good(3)
        self.assert_record_complete()

    def assert_one_by_one(self) -> None:
        kinds = [record["kind"] for record in self.gatemend.records() if record["kind"] in ("intent", "outcome")]
        self.assertEqual(kinds, ["intent", "outcome"] * (len(kinds) // 2), "two acts at a time")


class Apply(Acted):
    """`gatemend apply DIGEST`: exactly a printed plan, or nothing. The service need not run."""

    kind = stories.CrashedFpm
    can_be_bare = False
    is_enabled = False

    def test_exactly_the_printed_plan(self) -> None:
        self.play.break_it()
        plan = self.planned()
        other = digest_of(plan)[::-1]
        self.assertNotEqual(self.gatemend.apply(other, check=False).returncode, 0)
        self.assertEqual(self.gatemend.intents(), [], "another plan than the printed one was performed")

        self.gatemend.apply(digest_of(plan))
        self.play.visitors.wait_for_good(5)
        self.assertEqual([digest_of(intent) for intent in self.gatemend.intents()], [digest_of(plan)])
        self.assert_all_resolved()
        self.assertNotEqual(self.gatemend.apply(digest_of(plan), check=False).returncode, 0, "there is nothing to do any more")
        self.assertEqual(len(self.gatemend.intents()), 1)


class ApplyEdit(Acted):
    kind = stories.OldSocketPath
    can_be_bare = False
    is_enabled = False

    def test_a_plan_whose_file_has_changed_meanwhile_is_refused(self) -> None:
        self.play.break_it()
        plan = self.planned()
        self.machine.append(stories.SITE_FILE, "# a person was here\n")
        self.play.broken = self.play.look()
        self.assertNotEqual(self.gatemend.apply(digest_of(plan), check=False).returncode, 0)
        self.assert_unchanged("a refused plan")

        self.gatemend.apply(digest_of(self.planned()))
        self.play.visitors.wait_for_good(5)
        self.assertTrue(self.machine.read(stories.SITE_FILE).endswith("# a person was here\n"))
        self.assert_all_resolved()
