"""Nothing is wrong: what happens on every busy machine is no incident, and no reason to act."""

from __future__ import annotations

import pathlib
import signal

from apps import Node, put
from scenario import QUIET, Scenario
from website import ACCESS_LOG, NGINX_LOG

RESTARTS = 10

_WARNS = '<?php for ($i = 0; $i < 50; $i++) { trigger_error("stock of article $i is low", E_USER_WARNING); } echo "ok";\n'
_LONG = '<?php echo str_repeat("a long page\\n", 5000);\n'


class Quiet(Scenario):
    can_be_bare = True

    def furnish(self, root: pathlib.Path) -> None:
        self.site.add_page(root, "warns.php", _WARNS)
        self.site.add_page(root, "long.php", _LONG)
        self.site.add_route(
            root, "bare", "location ^~ /bare/ { include fastcgi.conf; fastcgi_pass unix:" f"{self.suite.fpm_socket}; }}\n"
        )
        self.site.tune_nginx(root, "limit_req_zone $binary_remote_addr zone=each:1m rate=5r/s;")
        limited = f"limit_req zone=each; include fastcgi.conf; fastcgi_pass unix:{self.suite.fpm_socket};"
        self.site.add_route(root, "limited", f"location = /limited.php {{ {limited} }}\n")
        self.site.add_page(root, "limited.php", '<?php echo "ok";\n')
        self.app = Node()
        self.app.lay_out(self.site, root)
        # Ten in a row are more than systemd likes by itself.
        for unit in (self.app.unit, self.fpm):
            put(root, f"etc/systemd/system/{unit}.d/often.conf", "[Unit]\nStartLimitIntervalSec=0\n")

    def assert_no_incident(self) -> None:
        """Now, and as long as an incident could take to come of what has just happened."""
        self.assert_answers()
        self.assertEqual(self.site.visit(self.app.path).status, 200)
        if not self.needs_package:
            return

        def is_quiet() -> bool:
            self.assertEqual([(i["cause"], i["unit"], i["diagnosis"]) for i in self.gatemend.incidents()], [])
            return not self.gatemend.intents()

        self.machine.holds_for(is_quiet, QUIET, "no act")

    def pid_in(self, file: str) -> str:
        return self.machine.read(file).strip() if self.machine.exists(file) else ""

    def logged(self, text: str) -> int:
        return self.machine.read(NGINX_LOG).count(text)

    # -- upkeep -----------------------------------------------------------------------------------------------------

    def test_rotation_of_all_logs(self) -> None:
        visitors = self.site.visitors()
        visitors.wait_for_good()
        for name in ("nginx", f"php{self.suite.php}-fpm"):
            self.machine.run("logrotate", "--force", f"/etc/logrotate.d/{name}")
            visitors.wait_for_good()
        self.assertTrue(self.machine.exists(f"{ACCESS_LOG}.1"))
        self.assert_no_incident()

    def test_reload_of_nginx(self) -> None:
        visitors = self.site.visitors()
        for _ in range(3):
            visitors.wait_for_good()
            self.site.reload_nginx()
        visitors.wait_for_good()
        self.assert_no_incident()

    def test_upgrade_of_nginx_without_a_pause(self) -> None:
        visitors = self.site.visitors()
        visitors.wait_for_good()
        old = self.machine.main_pid(self.site.nginx)
        self.machine.kill(old, signal.SIGUSR2)
        self.machine.wait_until(lambda: self.pid_in("/run/nginx.pid") not in ("", str(old)), 10, "the new nginx")
        visitors.wait_for_good()
        self.machine.kill(old, signal.SIGQUIT)
        self.machine.wait_until(lambda: not self.machine.exists(f"/proc/{old}"), 10, "the old nginx to be gone")
        visitors.wait_for_good()
        self.assertTrue(self.machine.is_active(self.site.nginx))
        self.assert_no_incident()

    def test_reload_of_fpm(self) -> None:
        visitors = self.site.visitors()
        for _ in range(3):
            visitors.wait_for_good()
            before = self.site.fpm_workers()
            self.machine.systemctl("reload", self.fpm)
            self.machine.wait_until(lambda: not set(before) & set(self.site.fpm_workers()), 10, "new workers")
        visitors.wait_for_good()
        self.assert_no_incident()

    def test_deploys_that_restart_the_app(self) -> None:
        visitors = self.site.visitors(self.app.path)
        visitors.wait_for_good()
        for _ in range(RESTARTS):
            self.machine.systemctl("restart", self.app.unit)
            visitors.wait_for_good(3)
        visitors.stop()
        self.assert_no_incident()

    def test_deploys_that_restart_fpm(self) -> None:
        visitors = self.site.visitors()
        visitors.wait_for_good()
        for _ in range(RESTARTS):
            self.machine.systemctl("restart", self.fpm)
            visitors.wait_for_good(3)
        visitors.stop()
        self.assert_no_incident()

    # -- visitors ---------------------------------------------------------------------------------------------------

    def test_visitors_who_hang_up(self) -> None:
        self.site.abort(1500, "/slow.php?ms=5")
        self.machine.wait_until(lambda: self.site.visit().is_good, 30, "an answer")
        self.assert_no_incident()

    def test_pages_that_do_not_exist(self) -> None:
        pages = [{"path": f"/{page}"} for page in ("missing.png", "missing.php", "bare/missing.php", "missing/")]
        answers = self.site.visit_all(pages * 250)
        self.assertEqual({answer.status for answer in answers}, {404})
        self.assertGreaterEqual(self.logged("Primary script unknown"), 250)
        self.assert_no_incident()

    def test_visitors_sent_away_by_a_limit(self) -> None:
        answers = self.site.visit_all([{"path": "/limited.php"}] * 300)
        self.assertEqual({answer.status for answer in answers}, {200, 503})
        self.assertGreater(self.logged("limiting requests, excess"), 250)
        self.assert_no_incident()

    def test_visitor_on_a_bad_line(self) -> None:
        visitors = self.site.visitors(interval=0.05)
        self.assertTrue(self.site.crawl("/long.php").is_good)
        visitors.wait_for_good()
        self.assert_no_incident()

    def test_warnings_by_the_thousand(self) -> None:
        answers = self.site.visit_all([{"path": "/warns.php"}] * 100)
        self.assertEqual({answer.status for answer in answers}, {200})
        self.assertGreaterEqual(self.logged("PHP Warning:  stock of article"), 1000)
        self.assert_no_incident()
