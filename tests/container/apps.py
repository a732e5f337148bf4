"""Application servers behind nginx, each as people run it: a unit of its own, its usual configuration, a route.

An app answers on `/NAME/...`: `/NAME/` with 200, `/NAME/bad-gateway` with a 502 of its own.
"""

from __future__ import annotations

import os
import pathlib

from website import Website

PORT = 3000

_UNIT = """\
[Unit]
Description={description}
After=network.target

[Service]
{service}

[Install]
WantedBy=multi-user.target
"""

_PYTHON_APP = """\
def application(environ, start_response):
    bad = environ["PATH_INFO"].endswith("/bad-gateway")
    start_response("502 Bad Gateway" if bad else "200 OK", [("Content-Type", "text/plain")])
    return [b"hello\\n"]
"""

_NODE_APP = """\
const http = require('http');
http.createServer((request, response) => {
    response.writeHead(request.url.endsWith('/bad-gateway') ? 502 : 200, {'Content-Type': 'text/plain'});
    response.end('hello\\n');
}).listen(process.env.PORT || 3000, process.env.HOST || '127.0.0.1');
"""

_PASS = "proxy_pass http://127.0.0.1:{port}; proxy_connect_timeout 1s; proxy_read_timeout 2s;"


class App:
    """Lay out before boot. `unit` is the unit whose start brings the app back."""

    name = ""
    unit = ""
    description = "The shop"
    # nginx's side; {port} is the app's own
    route = _PASS

    def __init__(self, port: int = PORT):
        self.port = port

    def lay_out(self, site: Website, root: pathlib.Path) -> None:
        site.add_route(root, self.name, f"location /{self.name}/ {{ {self.route.format(port=self.port)} }}\n")
        self.install(root)
        enable(root, self.unit)

    def install(self, root: pathlib.Path) -> None:
        raise NotImplementedError

    @property
    def path(self) -> str:
        return f"/{self.name}/"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


class Gunicorn(App):
    name, unit = "gunicorn", "gunicorn.service"

    def install(self, root: pathlib.Path) -> None:
        put(root, "srv/gunicorn/app.py", _PYTHON_APP)
        service = (
            "Type=notify\nUser=www-data\nWorkingDirectory=/srv/gunicorn\n"
            f"ExecStart=/usr/bin/gunicorn --workers 2 --bind 127.0.0.1:{self.port} app:application\n"
            "ExecReload=/bin/kill -s HUP $MAINPID\nKillMode=mixed\nTimeoutStopSec=5"
        )
        put_unit(root, self.unit, self.description, service)


class Uwsgi(App):
    name, unit = "uwsgi", "uwsgi-shop.service"
    route = "include uwsgi_params; uwsgi_pass unix:/run/uwsgi-shop/app.sock;"

    def install(self, root: pathlib.Path) -> None:
        put(root, "srv/uwsgi/app.py", _PYTHON_APP)
        put(
            root,
            "etc/uwsgi/shop.ini",
            "[uwsgi]\nplugin = python3\nchdir = /srv/uwsgi\nwsgi-file = app.py\nmaster = true\nprocesses = 2\n"
            "socket = /run/uwsgi-shop/app.sock\nchmod-socket = 660\ndie-on-term = true\n",
        )
        service = (
            "Type=notify\nUser=www-data\nRuntimeDirectory=uwsgi-shop\nNotifyAccess=all\nKillSignal=SIGQUIT\n"
            "ExecStart=/usr/bin/uwsgi-core --ini /etc/uwsgi/shop.ini"
        )
        put_unit(root, self.unit, self.description, service)

    @property
    def address(self) -> str:
        return "unix:/run/uwsgi-shop/app.sock"


class Node(App):
    name, unit = "node", "node-shop.service"

    def install(self, root: pathlib.Path) -> None:
        put(root, "srv/node/app.js", self.source())
        service = f"User=www-data\nEnvironment=PORT={self.port}\nExecStart=/usr/bin/node /srv/node/app.js"
        put_unit(root, self.unit, self.description, service)

    def source(self) -> str:
        return _NODE_APP


class Apache(App):
    name, unit = "apache", "apache2.service"

    def install(self, root: pathlib.Path) -> None:
        put(root, "etc/apache2/ports.conf", f"Listen 127.0.0.1:{self.port}\n")
        put(
            root,
            "etc/apache2/sites-available/000-default.conf",
            f"<VirtualHost 127.0.0.1:{self.port}>\n    ServerName shop\n    DocumentRoot /srv/apache\n"
            "    ErrorLog ${APACHE_LOG_DIR}/error.log\n    CustomLog ${APACHE_LOG_DIR}/access.log combined\n"
            "    <Directory /srv/apache>\n        Require all granted\n    </Directory>\n</VirtualHost>\n",
        )
        put(root, "srv/apache/apache/index.html", "hello\n")
        (root / "etc/systemd/system/apache2.service.d").mkdir(parents=True, exist_ok=True)
        # As for FPM: Debian's unit has Restart=on-abort.
        put(root, "etc/systemd/system/apache2.service.d/10-stay-down.conf", "[Service]\nRestart=no\n")


class Pm2(App):
    """pm2 as `pm2 startup` sets it up: the daemon is a unit, the app is its child. Needs the tree of `images.pm2()`."""

    name, unit = "pm2", "pm2-www-data.service"
    home = "/srv/pm2"
    command = "/usr/bin/node /opt/pm2/node_modules/pm2/bin/pm2"

    def install(self, root: pathlib.Path) -> None:
        put(root, "srv/pm2/app.js", _NODE_APP)
        put(
            root,
            "srv/pm2/ecosystem.config.js",
            "module.exports = {apps: [{name: 'shop', script: '/srv/pm2/app.js', max_restarts: 3, min_uptime: '60s', "
            f"env: {{PORT: {self.port}}}}}]}};\n",
        )
        www_data = 33
        for path in (root / "srv/pm2", *(root / "srv/pm2").rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
            os.chown(path, www_data, www_data)
        service = (
            "Type=forking\nUser=www-data\nLimitNOFILE=infinity\n"
            f"Environment=PM2_HOME={self.home}/.pm2\nPIDFile={self.home}/.pm2/pm2.pid\nRestart=on-failure\n"
            f"ExecStart={self.command} start {self.home}/ecosystem.config.js\n"
            f"ExecReload={self.command} reload all\nExecStop={self.command} kill"
        )
        put_unit(root, self.unit, "PM2 process manager", service)


def put(root: pathlib.Path, inside: str, text: str) -> None:
    path = root / inside
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def put_unit(root: pathlib.Path, unit: str, description: str, service: str) -> None:
    put(root, f"etc/systemd/system/{unit}", _UNIT.format(description=description, service=service))


def enable(root: pathlib.Path, unit: str) -> None:
    """What `systemctl enable` does, before there is a systemd to ask."""
    own = f"/etc/systemd/system/{unit}"
    target = own if (root / own[1:]).exists() else f"/lib/systemd/system/{unit}"
    link = root / f"etc/systemd/system/multi-user.target.wants/{unit}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(target)
