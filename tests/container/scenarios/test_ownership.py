"""Whose an address is: the unit that listens, was seen to listen, or that systemd has in use; never a file or a name."""

from __future__ import annotations

import pathlib

from gatemend import AGENT, is_open, record_text
from scenario import Scenario

OLD = "7.4"
OLD_UNIT = "php7.4-fpm.service"
PORT_OF_SCRIPT = 3001

# As www-data, in PHP-FPM's control group, under names of its choice.
_LISTENER = """\
<?php
$python = <<<'PYTHON'
import ctypes, socket, sys, time
ctypes.CDLL(None).prctl(15, sys.argv[2].encode(), 0, 0, 0)
server = socket.socket()
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
server.bind(("127.0.0.1", int(sys.argv[1])))
server.listen()
time.sleep(600)
PYTHON;
$command = "setsid python3 -c " . escapeshellarg($python) . " %d %s </dev/null >/dev/null 2>&1 &";
shell_exec(sprintf($command, (int)$_GET["port"], escapeshellarg($_GET["name"])));
echo "ok\\n";
"""


class _TwoVersions(Scenario):
    """Files of 7.4 define a pool with the socket that 8.2 serves, as they do where it was copied at an upgrade."""

    is_old_installed = False

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        new = f"etc/php/{self.suite.php}/fpm"
        for name in ("php-fpm.conf", "pool.d/www.conf"):
            text = (root / new / name).read_text().replace(f"/etc/php/{self.suite.php}/", f"/etc/php/{OLD}/")
            old = root / f"etc/php/{OLD}/fpm/{name}"
            old.parent.mkdir(parents=True, exist_ok=True)
            old.write_text(text)
        if self.is_old_installed:
            unit = (root / f"usr/lib/systemd/system/{self.fpm}").read_text()
            text = unit.replace(f"php-fpm{self.suite.php}", f"php-fpm{OLD}").replace(
                f"/php/{self.suite.php}/", f"/php/{OLD}/"
            )
            (root / f"etc/systemd/system/{OLD_UNIT}").write_text(text)
            (root / f"usr/sbin/php-fpm{OLD}").symlink_to(f"php-fpm{self.suite.php}")

    def watched(self) -> set[str]:
        return {str(service["unit"]) for service in self.gatemend.status()["services"]}

    def crash(self) -> None:
        """All of it at once: nobody is left who could answer."""
        self.machine.systemctl("kill", "--signal=KILL", self.fpm)

    def assert_right_one_is_healed(self) -> None:
        self.assertIn(self.fpm, self.watched())
        self.assertNotIn(OLD_UNIT, self.watched())
        self.crash()
        self.gatemend.wait_until_healed(self.fpm)
        self.assert_answers()
        self.assertEqual(self.machine.count_starts(OLD_UNIT), 0)
        self.assertEqual(self.gatemend.intents(OLD_UNIT), [])
        self.assert_record_complete()


class LeftOverFiles(_TwoVersions):
    def test_of_a_removed_version_name_no_owner(self) -> None:
        self.assert_right_one_is_healed()

    def test_name_none_after_a_restart_of_the_agent_while_all_is_down(self) -> None:
        self.machine.systemctl("stop", "gatemend.service")
        self.crash()
        self.machine.systemctl("start", "gatemend.service")
        self.gatemend.wait_until_healed(self.fpm)
        self.assert_answers()


class LeftOverFilesFirst(_TwoVersions):
    """Nobody was ever seen: gatemend comes to a site that is down already."""

    is_enabled = False

    def test_name_no_owner_where_nobody_was_seen(self) -> None:
        self.crash()
        self.machine.systemctl("enable", "--now", "gatemend.service")
        self.machine.wait_until(lambda: self.site.visit().status == 200, 60, "the site to answer")
        self.assertEqual(self.machine.count_starts(OLD_UNIT), 0)
        self.assertEqual(self.gatemend.intents(OLD_UNIT), [])


class SwitchedOffVersion(_TwoVersions):
    is_old_installed = True

    def test_that_never_ran_is_not_started_for_the_other(self) -> None:
        self.assert_right_one_is_healed()
        self.assertFalse(self.machine.is_active(OLD_UNIT))


class NeverStarted(Scenario):
    """Nobody stopped what never ran; and nothing happened in 1970."""

    settings = '[[backend]]\naddress = "127.0.0.1:3000"\nunit = "shop.service"\n'

    def furnish(self, root: pathlib.Path) -> None:
        self.site.add_route(root, "shop", "location /shop/ { proxy_pass http://127.0.0.1:3000; }\n")
        unit = "[Service]\nExecStart=/usr/bin/sleep infinity\n[Install]\nWantedBy=multi-user.target\n"
        (root / "etc/systemd/system/shop.service").write_text(unit)

    def test_is_told_as_that(self) -> None:
        self.site.visit("/shop/")
        incident = self.gatemend.wait_for_incident(
            "shop.service", lambda i: is_open(i) and i["cause"] == "unit-not-started", 30, "unit-not-started"
        )
        self.assertNotIn("1970", record_text(incident))
        self.assertNotIn("on purpose", record_text(incident))
        self.assertNotIn("1970", self.gatemend.run("--dry-run", check=False).stdout)
        self.assert_quiet("shop.service")


class ScriptInTheServersGroup(Scenario):
    """A visitor's PHP listens on a port near by, by the name that nginx's backend would have."""

    settings = '[probe]\nsuspicion_cooldown = "1s"\n'

    def furnish(self, root: pathlib.Path) -> None:
        self.site.add_page(root, "listen.php", _LISTENER)
        self.site.add_route(root, "shop", "location /shop/ { proxy_pass http://127.0.0.1:3000; }\n")
        self.site.add_route(root, "blog", f"location /blog/ {{ proxy_pass http://127.0.0.1:{PORT_OF_SCRIPT}; }}\n")

    def listen(self, port: int, name: str) -> None:
        self.assertEqual(self.site.visit(f"/listen.php?port={port}&name={name}").status, 200)
        self.machine.wait_until(lambda: f":{port} " in self.machine.output("ss", "-Hltn"), 10, f"port {port}")

    def test_is_neither_owner_nor_target(self) -> None:
        for port, name in ((PORT_OF_SCRIPT, "php-fpm8.2"), (3002, "node")):
            self.listen(port, name)
        self.site.visit("/shop/")
        self.site.visit("/blog/")
        incident = self.gatemend.wait_for_incident("(127.0.0.1:3000)", is_open, 30, "about the port that nobody has")
        self.machine.holds_for(
            lambda: all(p["act"] != "repoint-backend" for i in self.gatemend.incidents() for p in i["proposals"]),
            5.0,
            "nothing is offered to be pointed there",
        )
        for told in (record_text(incident), self.gatemend.run("--dry-run", check=False).stdout):
            self.assertNotIn("3002", told)
        owners = {s["unit"] for s in self.gatemend.status()["services"] if str(PORT_OF_SCRIPT) in record_text(s)}
        self.assertEqual({unit for unit in owners if "php" in unit}, set())
        self.assertEqual(self.gatemend.intents(), [])


class UwsgiBesidePhp(Scenario):
    """uwsgi_pass to a socket that is gone; PHP-FPM lives, at the same path but for the version."""

    settings = '[probe]\nsuspicion_cooldown = "1s"\n'
    is_enabled = False

    def furnish(self, root: pathlib.Path) -> None:
        passed = "location /shop/ { include uwsgi_params; uwsgi_pass unix:/run/php/php8.1-fpm.sock; }\n"
        self.site.add_route(root, "shop", passed)
        # nothing else asks PHP-FPM
        site = root / "etc/nginx/sites-available/default"
        site.write_text(site.read_text().replace(f"fastcgi_pass unix:{self.suite.fpm_socket};", "return 204;"))

    def test_is_not_pointed_at_php(self) -> None:
        self.machine.systemctl("enable", "--now", AGENT)
        self.site.visit("/shop/")
        about = "(unix:/run/php/php8.1-fpm.sock)"
        incident = self.gatemend.wait_for_incident(about, lambda i: is_open(i) and i["cause"] != "unknown", 30, "told")
        self.assertEqual([p for p in incident["proposals"] if p["act"] == "repoint-backend"], [])
        self.assertNotIn(self.suite.fpm_socket, record_text(incident))
