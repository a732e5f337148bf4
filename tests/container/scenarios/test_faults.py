"""The faults themselves, without gatemend: each does what its scenario assumes, and nothing else cures it."""

from __future__ import annotations

import subprocess

from moment import APPEARS, Moment
from scenario import Scenario
from website import DEAD_END, NGINX_LOG, forged_line, outage_seconds, percent


class Faults(Scenario):
    needs_package = False

    def wait_until_dead(self, unit: str) -> None:
        self.machine.wait_until(
            lambda: self.machine.unit(unit, "ActiveState")["ActiveState"] in ("failed", "inactive"), 10, f"{unit} to be dead"
        )

    def test_killed_fpm_stays_down(self) -> None:
        visitors = self.site.visitors()
        visitors.wait_for_good()
        self.site.kill_fpm()
        self.wait_until_dead(self.fpm)
        self.assertEqual(visitors.wait_for_bad().status, 502)
        self.assertEqual(self.machine.unit(self.fpm, "ActiveState", "Result"), {"ActiveState": "failed", "Result": "signal"})
        self.assertTrue(self.machine.exists(self.suite.fpm_socket))
        self.assertIn("(111: Connection refused) while connecting to upstream", self.machine.read(NGINX_LOG))
        self.machine.systemctl("start", self.fpm)
        visitors.wait_for_good()
        self.assertGreater(outage_seconds(visitors.stop()), 0)

    def test_killed_nginx_stays_down(self) -> None:
        self.site.kill_nginx()
        self.wait_until_dead(self.site.nginx)
        self.assertEqual(self.site.visit().status, 0)

    def test_broken_pool_file(self) -> None:
        line = self.site.break_pool()
        tested = self.machine.run(self.suite.fpm_binary, "-t", check=False)
        self.assertEqual(tested.returncode, 78)
        self.assertIn(f"[{self.site.pool_file}:{line}] unknown entry 'pm.max_childern'", tested.stderr)
        self.site.repair_pool()
        self.machine.run(self.suite.fpm_binary, "-t")

    def test_broken_nginx_configuration(self) -> None:
        self.machine.run("nginx", "-t")
        self.site.break_nginx()
        self.assertNotEqual(self.machine.run("nginx", "-t", check=False).returncode, 0)

    def test_slow_start(self) -> None:
        self.site.slow_down_start(1)
        self.site.kill_fpm()
        self.wait_until_dead(self.fpm)
        self.machine.systemctl("start", "--no-block", self.fpm)
        self.machine.wait_until(
            lambda: self.machine.unit(self.fpm, "ActiveState")["ActiveState"] == "activating", 5, "activating"
        )
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), 10, "active")
        self.assertEqual(self.machine.count_starts(self.fpm), 2)

    def test_forged_lines_look_genuine(self) -> None:
        line = forged_line(self.site)
        self.site.visit(f"/x%0A{percent(line)}%0Az.png")
        self.site.visit(f"/forge.php?text={percent(f'x{chr(10)}{line}{chr(10)}y')}")
        lines = self.machine.read(NGINX_LOG).splitlines()
        self.assertIn(line, lines)
        self.assertIn(line.replace("://", ":/"), lines)
        self.assert_answers()

    def test_dead_end_is_one_line_per_visit(self) -> None:
        self.site.visit_all([{"path": "/dead-end.php"}] * 3)
        self.assertEqual(self.machine.read(NGINX_LOG).count(f"connect() to unix:{DEAD_END} failed"), 3)

    def test_strace_holds_a_process_in_its_system_call(self) -> None:
        process = self.machine.popen("sh", "-c", "read go; exec sync /etc/hostname", stdin=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        pid = int(self.machine.wait_until(lambda: self.machine.output("pgrep", "-f", "read go;", check=False), 5))
        holder = self.machine.hold_at(pid, "fsync,fdatasync")
        self.addCleanup(holder.let_go)

        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        self.machine.holds_for(lambda: process.poll() is None, 1.0, "the system call does not return")

        self.machine.kill(pid)
        holder.let_go()
        self.assertNotEqual(process.wait(timeout=5), 0)

    def test_a_moment_is_soon_enough(self) -> None:
        """What is killed when a file appears does nothing more."""
        script = "read go; echo 1 >/srv/.new; mv /srv/.new /srv/seen; sleep 0.01; echo 1 >/srv/later"
        process = self.machine.popen("sh", "-c", script, stdin=subprocess.PIPE)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        pid = int(self.machine.wait_until(lambda: self.machine.output("pgrep", "-f", "^sh -c read go;", check=False), 5))
        host_pid = self.machine.host_pid(pid)

        def kill() -> bool:
            self.machine.kill_on_host(host_pid)
            return True

        moment = Moment(self.machine.path("/srv"), APPEARS, kill, "seen")
        self.addCleanup(moment.close)
        assert process.stdin is not None
        process.stdin.write(b"go\n")
        process.stdin.flush()
        moment.wait(5)
        self.assertNotEqual(process.wait(timeout=5), 0)
        self.assertTrue(self.machine.exists("/srv/seen"))
        self.assertFalse(self.machine.exists("/srv/later"))

    def test_two_machines_do_not_see_each_other(self) -> None:
        self.site.kill_nginx()
        self.wait_until_dead(self.site.nginx)
        other = type(self)("test_killed_nginx_stays_down")
        other.suite = self.suite
        self.addCleanup(other.doCleanups)
        other.setUp()
        other.assert_answers()
        self.assertEqual(self.site.visit().status, 0)
