"""When gatemend holds back: somebody else's decision, or an act that could not help."""

from __future__ import annotations

from gatemend import held_because, is_closed, is_open, record_text
from scenario import Scenario


class Administrator(Scenario):
    def test_a_stopped_unit_stays_stopped_and_a_manual_start_closes_the_incident(self) -> None:
        visitors = self.site.visitors(interval=0.1)
        visitors.wait_for_good(3)

        self.machine.systemctl("stop", self.fpm)
        self.gatemend.wait_for_incident(self.fpm, held_because("admin-stopped"), 20, "held as stopped by the admin")
        self.assert_quiet(self.fpm)

        self.machine.systemctl("start", self.fpm)
        incident = self.gatemend.wait_for_incident(self.fpm, is_closed, 20, "closed")
        self.assertEqual(incident["outcome"], "recovered")
        self.assertEqual(self.gatemend.intents(), [])
        self.gatemend.verify_audit()


class SystemdsOwnRestart(Scenario):
    def test_it_is_left_to_systemd_and_the_incident_closes(self) -> None:
        self.site.let_systemd_restart_it(after="4s")
        visitors = self.site.visitors(interval=0.1)
        visitors.wait_for_good(3)

        self.site.kill_fpm()
        self.gatemend.wait_for_incident(self.fpm, held_because("restart-pending"), 10, "held for systemd's restart")
        incident = self.gatemend.wait_for_incident(self.fpm, is_closed, 20, "closed")
        self.assertEqual(incident["outcome"], "recovered")
        self.assertEqual(self.gatemend.intents(), [])
        self.assert_answers()


class BrokenPoolFile(Scenario):
    def test_no_start_is_tried_before_the_file_is_repaired(self) -> None:
        line = self.site.break_pool()
        self.site.kill_fpm()

        incident = self.gatemend.wait_for_incident(
            self.fpm, lambda i: is_open(i) and i["cause"] == "fpm-config-invalid", 20, "fpm-config-invalid"
        )
        told = record_text(incident)
        self.assertIn(f"{self.site.pool_file}:{line}", told)
        self.assertIn("pm.max_childern", told)
        self.assert_quiet(self.fpm)
        self.assertEqual(self.gatemend.intents(), [])

        self.site.repair_pool()
        self.gatemend.wait_until_healed(self.fpm, deadline=45)
        self.assert_answers()
        self.assert_record_complete()


class BrokenNginxConfiguration(Scenario):
    def test_fpm_is_healed_and_nginx_is_left_alone(self) -> None:
        before = self.machine.unit(self.site.nginx, "MainPID", "InvocationID", "StateChangeTimestampMonotonic")
        self.site.break_nginx()
        self.site.kill_fpm()

        self.gatemend.wait_until_healed(self.fpm)

        after = self.machine.unit(self.site.nginx, "MainPID", "InvocationID", "StateChangeTimestampMonotonic")
        self.assertEqual(after, before)
        self.assertEqual(self.gatemend.intents(self.site.nginx), [])
        self.assert_answers()
        self.assert_record_complete()


class BrokenPolicy(Scenario):
    def test_reload_keeps_the_last_good_set(self) -> None:
        name = self.machine.output("ls", "/usr/share/gatemend/policies").split()[0]
        self.machine.write(f"/etc/gatemend/policies.d/{name}", '[[rule]]\nname = "x"\nwitneses = 2\n')

        checked = self.gatemend.run("policy", "check", check=False)
        self.assertEqual(checked.returncode, 1)
        self.assertRegex(checked.stdout + checked.stderr, rf"{name}:3:1: error")
        self.assertIn('did you mean "witnesses"?', checked.stdout + checked.stderr)

        self.machine.systemctl("reload", "gatemend.service")
        self.machine.wait_until(
            lambda: any(name in message for message in self.gatemend.loud_messages()), 10, "the error in the journal"
        )
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)
