"""Whoever stopped a unit is obeyed, in whatever order things happen; what crashed is started."""

from __future__ import annotations

from apps import enable, put, put_unit
from gatemend import AGENT, EXECUTOR, Record, held_because, is_open
from scenario import Scenario
from test_boundary import Boundary, plan

DEADLINE = 30.0
# Its stop times out, so that the unit ends as failed; its start takes its time once it has been told so.
_UNRULY = """\
[Service]
ExecStartPre=/bin/sh -c 'test ! -e /run/slow-start || sleep 20'
ExecStop=/bin/sh -c 'test ! -e /run/slow-stop || sleep 60'
TimeoutStopSec=1s
"""
# What systemd says of the unit below a warning, its jobs among it, is not written.
_MUTED = "[Service]\nLogLevelMax=notice\n"
_SHOP = """\
import http.server, os, signal
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "3")
        self.end_headers()
        self.wfile.write(b"ok\\n")
    do_HEAD = do_GET
signal.signal(signal.SIGTERM, lambda *_: os._exit(143))
http.server.ThreadingHTTPServer(("127.0.0.1", 3000), Page).serve_forever()
"""


class Obeyed(Scenario):
    takes = 40.0

    def furnish(self, root) -> None:  # type: ignore[no-untyped-def]
        super().furnish(root)
        self.site.drop_in(root, "unruly", _UNRULY)

    def state(self) -> str:
        return str(self.machine.unit(self.fpm)["ActiveState"])

    def wait_for_state(self, state: str) -> None:
        self.machine.wait_until(lambda: self.state() == state, DEADLINE, f"{self.fpm} to be {state}")

    def stop_without_grace(self) -> None:
        self.machine.write("/run/slow-stop", "")
        self.machine.systemctl("stop", self.fpm, check=False)
        self.assertEqual(self.state(), "failed", "a stop that times out")

    def assert_obeyed(self, reason: str = "admin-stopped", acts: int = 0) -> Record:
        incident = self.gatemend.wait_for_incident(self.fpm, held_because(reason), DEADLINE, f"held by {reason}")
        self.assert_quiet(self.fpm)
        self.assertEqual(len(self.gatemend.intents()), acts)
        told = self.gatemend.dry_run()
        self.assertEqual(told["plans"], [], "a dry run says the same")
        return incident

    def assert_healed_after_a_start(self) -> None:
        """Who has started it again wants it to run."""
        self.machine.run("rm", "-f", "/run/slow-start", "/run/slow-stop")
        self.machine.systemctl("start", self.fpm)
        self.gatemend.wait_for_incident(self.fpm, lambda i: not is_open(i), DEADLINE, "closed")
        newest = self.gatemend.newest_id()
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, DEADLINE, newest)
        self.assert_answers()


class DisabledWhileItIsDown(Obeyed):
    def test_it_is_left_alone_until_it_is_enabled_again(self) -> None:
        """`systemctl disable` alone makes no job: nothing but the unit's standing changes."""
        self.machine.systemctl("enable", self.fpm)
        self.assert_answers()
        self.gatemend.pause()
        self.site.kill_fpm()
        self.gatemend.wait_for_incident(self.fpm, held_because("paused"), DEADLINE, "the crash, paused")
        self.machine.systemctl("disable", self.fpm)
        self.gatemend.wait_for_incident(self.fpm, held_because("admin-stopped"), DEADLINE, "it is disabled")
        self.gatemend.resume()
        incident = self.assert_obeyed()
        self.assertIn("was disabled while it was down", str(incident))
        self.machine.systemctl("enable", self.fpm)
        self.gatemend.wait_until_healed(self.fpm, DEADLINE)


class DisabledWhileNobodyListens(Obeyed):
    """No job, no state and no entry of the journal tells of it: nothing but the links' folder."""

    def crash_unseen(self) -> None:
        self.machine.systemctl("stop", AGENT)
        self.site.kill_fpm()
        self.wait_for_state("failed")

    def test_it_is_left_alone(self) -> None:
        self.machine.systemctl("enable", self.fpm)
        self.assert_answers()
        self.crash_unseen()
        self.machine.systemctl("disable", self.fpm)
        self.machine.systemctl("start", AGENT)
        incident = self.assert_obeyed("intent-unknown")
        self.assertIn("is disabled, and nobody knows", str(incident))
        self.assert_healed_after_a_start()

    def test_what_was_disabled_while_it_ran_is_healed(self) -> None:
        self.machine.systemctl("disable", self.fpm)
        self.assert_answers()
        self.crash_unseen()
        self.machine.systemctl("start", AGENT)
        self.gatemend.wait_until_healed(self.fpm, DEADLINE)


class StopWhileItWaitsForItsRestart(Obeyed):
    def test_from_auto_restart(self) -> None:
        self.site.let_systemd_restart_it(after="60s")
        self.site.kill_fpm()
        self.wait_for_state("activating")
        self.machine.systemctl("stop", self.fpm)
        self.assert_obeyed()
        self.assert_healed_after_a_start_by_hand()

    def assert_healed_after_a_start_by_hand(self) -> None:
        self.machine.path(f"/etc/systemd/system/{self.fpm}.d/20-restart.conf").unlink()
        self.machine.systemctl("daemon-reload")
        self.assert_healed_after_a_start()


class StopThatTimesOut(Obeyed):
    def test_is_still_known_after_restarts_of_both_services(self) -> None:
        self.stop_without_grace()
        self.assert_obeyed()
        self.machine.systemctl("restart", AGENT)
        self.assert_obeyed()
        self.machine.systemctl("restart", EXECUTOR)
        self.machine.systemctl("restart", AGENT)
        self.assert_obeyed()
        self.machine.systemctl("daemon-reexec")
        self.assert_obeyed()


class StopWhileNobodyListens(Obeyed):
    def test_agent_down(self) -> None:
        self.machine.systemctl("stop", AGENT)
        self.stop_without_grace()
        self.machine.systemctl("start", AGENT)
        self.assert_obeyed()

    def test_both_down(self) -> None:
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        self.stop_without_grace()
        self.machine.systemctl("start", AGENT)
        self.assert_obeyed()
        self.assert_healed_after_a_start()

    def test_the_bus_is_restarted_afterwards(self) -> None:
        self.stop_without_grace()
        self.assert_obeyed()
        self.machine.systemctl("restart", "dbus.service", check=False)
        self.machine.wait_until(self.gatemend.is_watching, DEADLINE, "the agent on the new bus")
        self.assert_obeyed()


class StopOfWhatHasFailed(Obeyed):
    """systemd writes nothing about it, and the unit stays as it is: heard or never known."""

    def test_is_heard(self) -> None:
        self.stop_what_has_failed()
        self.assert_left_alone()

    def test_is_not_forgotten_where_systemd_executes_itself_anew(self) -> None:
        self.stop_what_has_failed()
        for _ in range(2):
            self.machine.systemctl("daemon-reexec")
            self.assert_left_alone()
        self.machine.systemctl("restart", "dbus.service", check=False)
        self.machine.wait_until(self.gatemend.is_watching, DEADLINE, "the agent on the new bus")
        self.assert_left_alone()
        self.assert_healed_after_a_start()

    def test_is_not_displaced_by_a_reload_that_finds_nothing(self) -> None:
        """As a hook of certbot or logrotate does it; systemd ends that job as invalid."""
        self.stop_what_has_failed()
        self.machine.systemctl("reload", self.fpm, check=False)
        self.assert_left_alone()
        self.machine.systemctl("restart", AGENT)
        self.assert_left_alone()

    def stop_what_has_failed(self) -> None:
        self.gatemend.pause()
        self.site.kill_fpm()
        self.gatemend.wait_for_incident(self.fpm, held_because("paused"), DEADLINE, "paused")
        self.machine.systemctl("stop", self.fpm)
        self.gatemend.resume()

    def assert_left_alone(self) -> None:
        incident = self.gatemend.wait_for_incident(self.fpm, held_because("admin-stopped"), DEADLINE, "stopped")
        self.assert_quiet(self.fpm)
        self.assertEqual(self.gatemend.intents(), [], incident["text"])
        self.assertEqual(self.state(), "failed")


class JournalWithGaps(Obeyed):
    """A start that failed is written; the good one after it and the stop are not."""

    def furnish(self, root) -> None:  # type: ignore[no-untyped-def]
        super().furnish(root)
        self.site.drop_in(root, "muted", _MUTED)

    def test_is_no_leave_to_start(self) -> None:
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        self.site.break_pool()
        self.machine.systemctl("restart", self.fpm, check=False)
        self.site.repair_pool()
        self.machine.systemctl("start", self.fpm)
        self.assert_answers()
        self.stop_without_grace()
        self.machine.systemctl("start", AGENT)
        self.assert_obeyed("intent-unknown")
        self.assert_healed_after_a_start()

    def test_an_earlier_run_says_nothing_of_the_one_that_ended(self) -> None:
        """The unit may speak again by now."""
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        self.site.break_pool()
        self.machine.systemctl("restart", self.fpm, check=False)
        self.site.repair_pool()
        self.machine.systemctl("start", self.fpm)
        self.stop_without_grace()
        self.machine.path(f"/etc/systemd/system/{self.fpm}.d/muted.conf").unlink()
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("start", AGENT)
        self.assert_obeyed("intent-unknown")

    def test_a_crash_that_was_heard_needs_no_journal(self) -> None:
        self.assert_answers()
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, DEADLINE)


class StopInTheMiddleOfAStart(Obeyed):
    def test_of_ours(self) -> None:
        self.machine.write("/run/slow-start", "")
        self.site.kill_fpm()
        self.wait_for_state("activating")
        self.machine.systemctl("stop", self.fpm)
        self.assert_obeyed(acts=1)
        outcome = self.gatemend.records("outcome")[-1]
        self.assertEqual(outcome["outcome"], "failed")
        self.assertIn("canceled", outcome["detail"])
        self.assert_healed_after_a_start()

    def test_of_somebody_else(self) -> None:
        self.machine.systemctl("stop", self.fpm)
        self.machine.write("/run/slow-start", "")
        self.machine.systemctl("start", "--no-block", self.fpm)
        self.wait_for_state("activating")
        self.machine.systemctl("stop", self.fpm)
        self.assert_obeyed()


class Disabled(Obeyed):
    def test_disable_now(self) -> None:
        self.machine.systemctl("disable", "--now", self.fpm)
        self.assert_obeyed()
        self.machine.systemctl("restart", AGENT)
        self.assert_obeyed()


class EndedWell(Obeyed):
    def test_by_a_signal_of_a_person(self) -> None:
        self.machine.systemctl("kill", "--signal=TERM", "--kill-whom=main", self.fpm)
        self.wait_for_state("inactive")
        incident = self.assert_obeyed()
        self.assertIn("ended by itself", incident["diagnosis"])


class AskedToEnd(Scenario):
    """Java and Node answer SIGTERM with exit code 143, which systemd calls a failure."""

    settings = 'units = ["shop.service", "php*-fpm.service", "nginx.service"]\n'
    shop = "shop.service"

    def furnish(self, root) -> None:  # type: ignore[no-untyped-def]
        super().furnish(root)
        put(root, "srv/shop.py", _SHOP)
        put_unit(root, self.shop, "The shop", "User=www-data\nExecStart=/usr/bin/python3 /srv/shop.py")
        enable(root, self.shop)
        self.site.add_route(root, "shop", "location /shop/ { proxy_pass http://127.0.0.1:3000; }\n")

    def test_systemctl_kill_is_obeyed_and_a_crash_is_healed(self) -> None:
        self.machine.wait_until(lambda: self.site.visit("/shop/").is_good, DEADLINE, "the shop")
        self.machine.systemctl("kill", self.shop)
        incident = self.gatemend.wait_for_incident(self.shop, held_because("admin-stopped"), DEADLINE, "held")
        self.assertIn("was asked to end by a signal", incident["diagnosis"])
        self.assert_quiet(self.shop)
        self.assertEqual(self.gatemend.intents(), [])
        self.assertEqual(self.machine.unit(self.shop)["ActiveState"], "failed")
        self.machine.systemctl("start", self.shop)
        self.gatemend.wait_for_incident(self.shop, lambda i: not is_open(i), DEADLINE, "closed")
        newest = self.gatemend.newest_id()
        self.machine.systemctl("kill", "--signal=KILL", self.shop)
        self.gatemend.wait_until_healed(self.shop, DEADLINE, newest)


class NginxStopped(Obeyed):
    def test_nginx_is_obeyed_as_well(self) -> None:
        nginx = self.site.nginx
        self.machine.systemctl("stop", nginx)
        self.gatemend.wait_for_incident(nginx, held_because("admin-stopped"), DEADLINE, "held")
        self.machine.systemctl("restart", AGENT)
        self.gatemend.wait_for_incident(nginx, held_because("admin-stopped"), DEADLINE, "held")
        self.assert_quiet(nginx)


class CrashWhileNobodyListens(Obeyed):
    def test_agent_down(self) -> None:
        self.machine.systemctl("stop", AGENT)
        self.crash()
        self.machine.systemctl("start", AGENT)
        self.gatemend.wait_until_healed(self.fpm, DEADLINE)

    def test_both_down(self) -> None:
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        self.crash()
        self.machine.systemctl("start", AGENT)
        self.gatemend.wait_until_healed(self.fpm, DEADLINE)
        self.assert_record_complete()

    def test_the_journal_does_not_tell(self) -> None:
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        self.crash()
        self.machine.run("sh", "-ec", "journalctl --rotate; journalctl --vacuum-time=1us; rm -rf /var/log/journal/*/*@*")
        self.machine.systemctl("start", AGENT)
        self.assert_obeyed("intent-unknown")
        self.assert_healed_after_a_start()

    def crash(self) -> None:
        self.site.kill_fpm()
        self.wait_for_state("failed")


class HostilePeer(Boundary):
    """What the agent says about it does not matter."""

    def test_does_not_start_what_was_stopped(self) -> None:
        self.machine.systemctl("stop", self.fpm)
        states = [self.machine.unit(self.fpm)]
        deeds = [
            plan(self.fpm, act, rule=rule, cause=cause, active="inactive", invocation=states[0]["InvocationID"])
            for act in ("start-unit", "restart-unit")
            for rule, cause in (("start-crashed-backend", "unit-failed"), ("start-stale-socket", "socket-stale"))
        ]
        self.assertNotIn("ok", self.perform(*deeds))
        held = {record["hold"] for record in self.gatemend.records("refused")}
        self.assertIn("admin-stopped", held)
        self.assertEqual(self.machine.unit(self.fpm)["ActiveState"], "inactive")

    def test_does_not_start_what_was_disabled_while_it_was_down(self) -> None:
        self.machine.systemctl("enable", self.fpm)
        invocation = self.crash()
        self.machine.systemctl("disable", self.fpm)
        self.assertNotIn("ok", self.perform(plan(self.fpm, invocation=invocation)))
        self.assertIn("intent-unknown", {record["hold"] for record in self.gatemend.records("refused")})
        self.assertEqual(self.machine.unit(self.fpm)["ActiveState"], "failed")

    def test_starts_what_has_crashed(self) -> None:
        invocation = self.crash()
        self.assertEqual(self.perform(plan(self.fpm, invocation=invocation)), ["ok"])
