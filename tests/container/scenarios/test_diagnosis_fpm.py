"""What befalls PHP-FPM and its socket, each by its own name."""

from __future__ import annotations

import pathlib

from diagnosis import Diagnosed

_CRASH = "<?php posix_kill(getmypid(), 11); usleep(500000);\n"
_BIG_HEADER = '<?php header("X-Session: " . str_repeat("x", 16000)); echo "ok";\n'
_EATS = '<?php ini_set("memory_limit", "8M"); $all = str_repeat("x", 64 << 20); echo "ok";\n'
_SPINS = "<?php set_time_limit(1); while (true) {}\n"
_THROWS = '<?php function pay(int $euros): void { throw new RuntimeException("no such account"); } pay(7);\n'


class Unit(Diagnosed):
    def test_stopped_by_the_administrator(self) -> None:
        self.visit_steadily()
        self.machine.systemctl("stop", self.fpm)
        self.assert_turned_away(502, r"\(2: No such file or directory\) while connecting to upstream")
        self.assert_diagnosed("unit-stopped", self.fpm, ["unit-state"])
        self.machine.systemctl("start", self.fpm)
        self.assert_closes()

    def test_restarted_with_a_broken_pool_file(self) -> None:
        self.visit_steadily()
        line = self.site.break_pool()
        self.machine.systemctl("restart", self.fpm, check=False)
        self.assert_turned_away(502, r"\(2: No such file or directory\) while connecting to upstream")
        self.assert_in_journal("status=78", self.fpm)
        self.assert_diagnosed(
            "fpm-config-invalid", self.fpm, ["config-test"], [f"{self.site.pool_file}:{line}", "pm.max_childern"]
        )
        self.site.repair_pool()
        self.machine.systemctl("start", self.fpm)
        self.assert_closes()

    def test_restarted_too_often(self) -> None:
        """By a script that means well; systemd has had enough."""
        self.visit_steadily()
        for _ in range(6):
            self.machine.systemctl("restart", self.fpm, check=False)
        self.assert_turned_away(502, r"\(2: No such file or directory\) while connecting to upstream")
        self.assert_diagnosed("unit-start-limit", self.fpm, ["unit-state"])
        self.machine.systemctl("reset-failed", self.fpm)
        self.machine.systemctl("start", self.fpm)
        self.assert_closes()

    def test_nginx_restarted_with_a_broken_configuration(self) -> None:
        self.visit_steadily()
        self.site.break_nginx()
        self.machine.systemctl("restart", self.site.nginx, check=False)
        nobody_there = 0
        self.assert_turned_away(nobody_there)
        self.assert_in_journal("unknown directive \"this_is_no_directive\"", self.site.nginx)
        self.assert_diagnosed(
            "nginx-config-invalid", self.site.nginx, ["config-test"], ["conf.d/broken.conf:1", "this_is_no_directive"]
        )
        self.site.repair_nginx()
        self.machine.systemctl("start", self.site.nginx)
        self.assert_closes()


class Socket(Diagnosed):
    def test_deleted_under_a_running_fpm(self) -> None:
        self.visit_steadily()
        self.machine.path(self.suite.fpm_socket).unlink()
        self.assert_turned_away(502, r"\(2: No such file or directory\) while connecting to upstream")
        self.assert_diagnosed("socket-deleted", self.fpm)
        self.machine.systemctl("restart", self.fpm)
        self.assert_closes()

    def test_of_another_version_of_php(self) -> None:
        self.visit_steadily()
        self.site.point_php_to("/run/php/php7.4-fpm.sock")
        self.assert_turned_away(502, r"connect\(\) to unix:/run/php/php7\.4-fpm\.sock failed \(2: ")
        self.assert_diagnosed(
            "socket-path-mismatch", "unix:/run/php/php7.4-fpm.sock", told=[self.suite.fpm_socket, "php7.4-fpm.sock"]
        )
        self.machine.write("/etc/nginx/sites-available/default", self.healthy_site)
        self.site.reload_nginx()
        self.assert_closes()

    def furnish(self, root: pathlib.Path) -> None:
        self.healthy_site = (root / "etc/nginx/sites-available/default").read_text()

    def test_closed_to_everybody(self) -> None:
        self.visit_steadily()
        self.machine.run("chmod", "000", self.suite.fpm_socket)
        self.assert_turned_away(502, r"\(13: Permission denied\) while connecting to upstream")
        self.assert_diagnosed("socket-ownership", self.fpm, told=[self.suite.fpm_socket])
        self.machine.run("chmod", "660", self.suite.fpm_socket)
        self.assert_closes()

    def test_of_root_alone(self) -> None:
        self.visit_steadily()
        self.machine.run("sh", "-c", f"chown root:root {self.suite.fpm_socket} && chmod 600 {self.suite.fpm_socket}")
        self.assert_turned_away(502, r"\(13: Permission denied\) while connecting to upstream")
        self.assert_diagnosed("socket-ownership", self.fpm, told=[self.suite.fpm_socket])
        owned = f"chown www-data:www-data {self.suite.fpm_socket} && chmod 660 {self.suite.fpm_socket}"
        self.machine.run("sh", "-c", owned)
        self.assert_closes()


class SmallPool(Diagnosed):
    """One worker and two places to wait."""

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_pool(root, "pm = static\npm.max_children = 1\nlisten.backlog = 2")

    def test_too_many_visitors_for_too_few_workers(self) -> None:
        self.assert_answers()
        self.visitors = self.site.crowd(8, "/slow.php?ms=300")
        self.assert_turned_away(502, r"\(11: Resource temporarily unavailable\) while connecting to upstream")
        self.assert_diagnosed("pool-saturated", self.fpm, told=["pm.max_children"])
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()


class ImpatientSite(Diagnosed):
    """nginx waits a second for PHP."""

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_nginx(root, "fastcgi_read_timeout 1s;")

    def test_one_slow_script(self) -> None:
        self.assert_answers()
        self.visitors = self.site.visitors("/slow.php?ms=2500", 0.1)
        self.assert_turned_away(504, r"upstream timed out \(110: .*\) while reading response header from upstream")
        self.assert_diagnosed("slow-backend", self.fpm)
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()

    def test_all_workers_in_slow_scripts(self) -> None:
        self.assert_answers()
        self.visitors = self.site.crowd(6, "/slow.php?ms=2500")
        self.assert_turned_away(504, r"upstream timed out \(110: .*\) while reading response header from upstream")
        self.assert_diagnosed("slow-backend|pool-saturated", self.fpm)
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()

    def test_frozen_fpm(self) -> None:
        self.visit_steadily()
        self.machine.systemctl("kill", "--signal=STOP", self.fpm)
        self.assert_turned_away(504, r"upstream timed out \(110: .*\) while reading response header from upstream")
        self.assert_diagnosed("backend-hung", self.fpm, ["probe"])
        self.machine.systemctl("kill", "--signal=CONT", self.fpm)
        self.assert_recovers()


class Script(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        for name, text in (("crash", _CRASH), ("header", _BIG_HEADER), ("eats", _EATS), ("spins", _SPINS), ("throws", _THROWS)):
            self.site.add_page(root, f"{name}.php", text)

    def tell(self, page: str, status: int, pattern: str, cause: str, told: list[str]) -> None:
        """Only this page is ill; the others never stop working."""
        self.assert_answers()
        self.visitors = self.site.visitors(page, 0.1)
        self.assert_turned_away(status, pattern)
        self.assert_diagnosed(cause, self.fpm, told=told)
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()

    def test_crashing_worker(self) -> None:
        self.tell("/crash.php", 502, r"recv\(\) failed \(104: .*\) while reading response header", "worker-crash", ["SIGSEGV"])
        self.assert_logged(r"exited on signal 11 \(SIGSEGV", self.site.fpm_log)

    def test_memory_limit(self) -> None:
        self.tell(
            "/eats.php", 500, r"PHP Fatal error:  Allowed memory size of 8388608 bytes", "script-fatal",
            ["memory_limit", "eats.php"],
        )

    def test_time_limit(self) -> None:
        self.tell(
            "/spins.php", 500, r"PHP Fatal error:  Maximum execution time of 1 second", "script-fatal",
            ["max_execution_time", "spins.php"],
        )

    def test_uncaught_exception(self) -> None:
        self.tell("/throws.php", 500, r"PHP Fatal error:  Uncaught RuntimeException: no such", "script-fatal", ["throws.php"])

    def test_header_too_big(self) -> None:
        self.tell(
            "/header.php", 502, r"upstream sent too big header while reading", "header-too-big", ["fastcgi_buffer_size"]
        )
