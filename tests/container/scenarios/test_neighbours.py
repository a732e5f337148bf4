"""What gatemend leans on may be restarted under it: it goes on."""

from __future__ import annotations

from gatemend import AGENT
from scenario import Scenario
from website import NGINX_LOG


class Restarts(Scenario):
    def assert_goes_on_after(self, unit: str) -> None:
        self.machine.systemctl("restart", unit)
        self.machine.wait_until(lambda: self.machine.is_active(unit), 20, f"{unit} to be back")
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)
        self.assert_answers()
        self.assertEqual(len(self.gatemend.intents()), 1)
        self.assert_record_complete()

    def test_message_bus(self) -> None:
        self.assert_goes_on_after("dbus.service")

    def test_journal(self) -> None:
        self.assert_goes_on_after("systemd-journald.service")

    def test_nginx(self) -> None:
        self.assert_goes_on_after("nginx.service")

    def test_system_manager(self) -> None:
        self.machine.systemctl("daemon-reexec")
        self.assert_goes_on_after("nginx.service")


class LogRotation(Scenario):
    """Each visit of dead-end.php is one genuine failure line: counting what was read shows loss and repetition."""

    def fail_times(self, count: int) -> None:
        self.site.visit_all([{"path": "/dead-end.php"}] * count)

    def assert_counted(self, expected: int) -> None:
        self.machine.wait_until(lambda: self.gatemend.counter("symptoms") >= expected, 15, f"{expected} symptoms")
        self.machine.holds_for(lambda: self.gatemend.counter("symptoms") == expected, 1.0, f"exactly {expected}")

    def test_rename(self) -> None:
        self.fail_times(5)
        self.assert_counted(5)
        self.machine.run("mv", NGINX_LOG, f"{NGINX_LOG}.1")
        self.fail_times(5)  # nginx still writes to the old file
        self.machine.run("nginx", "-s", "reopen")
        self.machine.wait_until(lambda: self.machine.exists(NGINX_LOG), 10, "nginx to have reopened its log")
        self.fail_times(5)
        self.assert_counted(15)

    def test_logrotate_as_shipped(self) -> None:
        self.fail_times(5)
        self.assert_counted(5)
        self.machine.run("logrotate", "--force", "/etc/logrotate.d/nginx")
        self.fail_times(5)
        self.assert_counted(10)

    def test_copytruncate(self) -> None:
        self.fail_times(5)
        self.assert_counted(5)
        self.machine.run("sh", "-c", f"cp {NGINX_LOG} {NGINX_LOG}.1 && truncate --size=0 {NGINX_LOG}")
        self.fail_times(3)
        self.assert_counted(8)

    def test_restart_of_the_agent_reads_what_came_meanwhile_and_nothing_twice(self) -> None:
        self.fail_times(5)
        self.assert_counted(5)
        self.machine.systemctl("stop", AGENT)
        self.fail_times(4)
        self.machine.systemctl("start", AGENT)
        self.assert_counted(4)
