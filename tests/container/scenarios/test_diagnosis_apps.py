"""Applications behind nginx other than PHP-FPM: down, elsewhere, waiting for a database, or answering 502 themselves."""

from __future__ import annotations

import pathlib

import images
from apps import Apache, App, Gunicorn, Node, Pm2, Uwsgi, enable, put, put_unit
from diagnosis import Diagnosed
from website import UPSTREAM_LOG

# What ORMs do: connect while starting, end when that fails, or when the connection breaks.
_NEEDS_DATABASE = """\
const net = require('net');
const http = require('http');
const database = net.connect(5432, '127.0.0.1', () => {
    http.createServer((request, response) => response.end('hello\\n')).listen(process.env.PORT, '127.0.0.1');
});
database.on('error', (error) => { throw error; });
database.on('close', () => { throw new Error('Connection terminated unexpectedly'); });
"""
_DATABASE = "require('net').createServer(() => {}).listen(5432, '127.0.0.1');\n"
_PDO = '<?php new PDO("mysql:host=127.0.0.1;dbname=shop", "shop", "secret"); echo "ok";\n'


class _App(Diagnosed):
    app: App

    def lay_out(self, app: App) -> None:
        self.app = app
        self.settings = f'units = ["{app.unit}", "php*-fpm.service", "nginx.service"]\n{Diagnosed.settings}'
        app.lay_out(self.site, self.machine.root)


class Server(_App):
    """One app of a kind, killed."""

    def furnish(self, root: pathlib.Path) -> None:
        kinds = {kind.name: kind for kind in (Gunicorn, Uwsgi, Node, Apache)}
        self.lay_out(kinds[self._testMethodName.removeprefix("test_killed_")]())

    def tell(self, pattern: str) -> None:
        self.visit_steadily(self.app.path)
        # Its children as well: a socket that a worker still holds open would be another story.
        self.machine.systemctl("kill", "--signal=KILL", self.app.unit)
        self.assert_turned_away(502, pattern)
        self.assert_diagnosed("app-down", self.app.unit, ["unit-state"])
        self.machine.systemctl("start", self.app.unit)
        self.assert_recovers()

    def test_killed_gunicorn(self) -> None:
        self.tell(r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")

    def test_killed_uwsgi(self) -> None:
        self.tell(r"connect\(\) to unix:/run/uwsgi-shop/app.sock failed \((111|2): .*\) while connecting to upstream")

    def test_killed_node(self) -> None:
        self.tell(r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")

    def test_killed_apache(self) -> None:
        self.tell(r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")


class UnderPm2(_App):
    def trees_above(self) -> list[pathlib.Path]:
        try:
            return [images.pm2()]
        except images.ImageError as error:
            self.skipTest(str(error))

    def furnish(self, root: pathlib.Path) -> None:
        self.lay_out(Pm2())

    def test_killed_until_pm2_gives_up(self) -> None:
        """systemd sees a healthy daemon; the app is not coming back by itself."""
        self.visit_steadily(self.app.path)
        self.machine.append("/srv/pm2/app.js", "throw new Error('out of luck');\n")
        self.machine.run("pkill", "--full", "^node /srv/pm2/app.js")
        self.assert_turned_away(502, r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")
        self.assert_logged(r"too many unstable restarts", "/srv/pm2/.pm2/pm2.log", 120)  # after sixteen of them
        self.assertTrue(self.machine.is_active(self.app.unit))
        self.assert_diagnosed("app-down", self.app.unit, told=["pm2 restart"])
        self.machine.write("/srv/pm2/app.js", self.machine.read("/srv/pm2/app.js").replace("throw", "//"))
        self.machine.systemctl("restart", self.app.unit)
        self.assert_recovers()


class Elsewhere(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.lay_out(self.site, root)

    def test_app_on_another_port_than_nginx_asks(self) -> None:
        self.visit_steadily(self.app.path)
        self.move_to(3001)
        self.assert_turned_away(502, r"connect\(\) failed \(111: .*upstream: \"http://127\.0\.0\.1:3000/")
        self.assert_diagnosed("port-mismatch", "127.0.0.1:3000", told=["3000", "3001", self.app.unit])
        self.move_to(3000)
        self.assert_recovers()

    def move_to(self, port: int) -> None:
        self.machine.write(f"/etc/systemd/system/{self.app.unit}.d/port.conf", f"[Service]\nEnvironment=PORT={port}\n")
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", self.app.unit)

    def test_app_answers_502_itself(self) -> None:
        self.visit_steadily(self.app.path)
        self.visitors.stop()
        self.visitors = self.site.visitors(f"{self.app.path}bad-gateway", 0.1)
        connected_and_answered = r'" 502 .* uct="[0-9.]+" uht="[0-9.]+"'
        self.assert_turned_away(502, connected_and_answered, UPSTREAM_LOG)
        self.assert_diagnosed("app-answers-502", "127.0.0.1:3000")
        self.visitors.stop()
        self.visit_steadily(self.app.path)
        self.assert_recovers()


class Database(Diagnosed):
    """Restarting who waits for it would change nothing."""

    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.lay_out(self.site, root)
        put(root, "srv/node/app.js", _NEEDS_DATABASE)
        put(root, "srv/postgresql.js", _DATABASE)
        put_unit(root, "postgresql.service", "The database", "ExecStart=/usr/bin/node /srv/postgresql.js")
        enable(root, "postgresql.service")
        put(root, f"etc/systemd/system/{self.app.unit}.d/order.conf", "[Service]\nRestart=on-failure\nRestartSec=200ms\n")
        self.site.add_page(root, "accounts.php", _PDO)

    def test_down_and_the_app_does_not_start_without_it(self) -> None:
        self.visit_steadily(self.app.path)
        self.machine.systemctl("stop", "postgresql.service")
        self.assert_turned_away(502, r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")
        self.assert_in_journal(r"connect ECONNREFUSED 127\.0\.0\.1:5432", self.app.unit)
        self.assert_diagnosed("dependency-down", self.app.unit, told=["5432"])
        self.machine.systemctl("start", "postgresql.service")
        self.machine.systemctl("reset-failed", self.app.unit, check=False)
        self.machine.systemctl("start", self.app.unit)
        self.assert_recovers()

    def test_refused_to_php(self) -> None:
        self.assert_answers()
        self.visitors = self.site.visitors("/accounts.php", 0.1)
        self.assert_turned_away(500, r"PDOException: SQLSTATE\[HY000\] \[2002\] Connection refused")
        self.assert_diagnosed("dependency-down", self.fpm)
        self.visitors.stop()
        self.visit_steadily()
        self.assert_recovers()
