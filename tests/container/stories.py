"""Faults and what gatemend must make of each: told once, here, for the scenarios, the drill and the benchmark alike.

A story knows how its machine is furnished, how the fault comes about, what visitors then meet, which cause is the true
one, which act cures it, and what a person who knows the guides would type instead.
"""

from __future__ import annotations

import pathlib
import time

import fingerprint
import images
from apps import PORT, App, Gunicorn, Node, Pm2
from machine import Machine
from rule import rule
from website import NGINX_LOG, Visitors, Website

MIB = 1 << 20
TOPOLOGY = "/var/lib/gatemend/agent/topology.json"
GOOD_COPIES = "/var/lib/gatemend/good"
_LOOKS_AGAIN_SOON = '[probe]\nsuspicion_cooldown = "1s"\n'  # ten seconds as shipped


class Story:
    """One fault on one machine."""

    cause = ""
    act = ""  # of the catalogue; "": nothing may be done about it but to tell
    asks = False  # the act waits for a person
    status = 502  # what visitors get; 0: no answer
    path = "/index.php"
    interval = 0.05  # of visitors, in seconds
    settings = ""  # of gatemend.toml, before its tables
    is_found = False  # by an agent that was not there when it happened
    gathers = False  # the act cures nothing: it collects evidence for some seconds, and ends by itself
    proof_seconds = 0.0  # until gatemend can be sure of the cause
    tuned: dict[str, str | int] = {}  # numbers of the rules that the story depends on
    # What is as it was after the act is undone. Empty: the act leaves nothing behind.
    folders: tuple[str, ...] = ()

    def __init__(self, machine: Machine, site: Website):
        self.machine, self.site = machine, site
        self.suite = site.suite

    @classmethod
    def name(cls) -> str:
        """DeletedSocket: "deleted-socket" """
        return "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in cls.__name__).lstrip("-")

    @classmethod
    def trees_above(cls) -> list[pathlib.Path]:
        """What is laid over the release's own tree; raises images.ImageError where that cannot be had."""
        return []

    # -- the machine ------------------------------------------------------------------------------------------------

    def furnish(self, root: pathlib.Path) -> None:
        """Before boot."""

    def prepare(self) -> None:
        """After boot, before gatemend is there."""

    def gatemend_toml(self) -> str:
        return f"{self.settings}\n{_LOOKS_AGAIN_SOON}"

    def rules(self) -> dict[str, str]:
        """Policies beside the shipped ones, by file name."""
        return {}

    def is_known(self) -> bool:
        """gatemend has seen of the healthy machine what it must remember once it is broken."""
        return True

    # -- the fault --------------------------------------------------------------------------------------------------

    @property
    def about(self) -> str:
        """A unit or an address that the incident has to name."""
        return self.site.fpm

    def visitors(self) -> Visitors:
        """Those who notice; the site is well when they come."""
        return self.site.visitors(self.path, self.interval)

    def inject(self) -> None:
        raise NotImplementedError

    def has_gathered(self) -> bool:
        """Of an act that collects evidence: it is there."""
        raise NotImplementedError

    def by_hand(self) -> str:
        """Commands that cure it, for a shell inside the machine."""
        raise NotImplementedError

    def run(self, script: str) -> None:
        self.machine.run("sh", "-ec", script)

    def wait_until_dead(self, unit: str) -> None:
        self.machine.wait_until(lambda: not self.machine.is_active(unit), 10, f"{unit} to be dead")


# -- a unit is down, or must be started again -----------------------------------------------------------------------


class CrashedFpm(Story):
    cause, act = "unit-failed", "start-unit"

    def inject(self) -> None:
        self.site.kill_fpm()

    def by_hand(self) -> str:
        return f"systemctl start {self.site.fpm}"


class CrashedNginx(Story):
    cause, act, status = "nginx-down", "start-unit", 0

    @property
    def about(self) -> str:
        return self.site.nginx

    def inject(self) -> None:
        self.site.kill_nginx()

    def by_hand(self) -> str:
        return "systemctl start nginx"


class StaleSocket(Story):
    """As after a power cut: the socket file is there, nobody listens, and nothing says that the unit failed."""

    cause, act = "socket-stale", "start-unit"
    is_found = True  # who saw it happen saw a unit fail, which is another story

    def inject(self) -> None:
        unit = self.site.fpm
        self.site.kill_fpm()
        self.wait_until_dead(unit)
        self.machine.systemctl("reset-failed", unit)

    def by_hand(self) -> str:
        return f"systemctl start {self.site.fpm}"


class DeletedSocket(Story):
    cause, act = "socket-deleted", "restart-unit"

    def inject(self) -> None:
        self.machine.path(self.suite.fpm_socket).unlink()

    def by_hand(self) -> str:
        return f"systemctl restart {self.site.fpm}"


class FrozenFpm(Story):
    cause, act, status = "backend-hung", "restart-unit", 504
    proof_seconds = 90.0  # nothing may have moved for so long that no visitor was ever as patient

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_nginx(root, "fastcgi_read_timeout 1s;")

    def inject(self) -> None:
        self.machine.systemctl("kill", "--signal=STOP", self.site.fpm)

    def by_hand(self) -> str:
        return f"systemctl restart {self.site.fpm}"


class _AppStory(Story):
    app: App

    def new_app(self) -> App:
        return Node()

    def furnish(self, root: pathlib.Path) -> None:
        self.app = self.new_app()
        self.path = self.app.path
        self.settings = f'units = ["{self.app.unit}", "php*-fpm.service", "nginx.service"]'
        self.app.lay_out(self.site, root)

    def is_known(self) -> bool:
        return self.machine.exists(TOPOLOGY) and f'"{self.app.unit}"' in self.machine.read(TOPOLOGY)

    @property
    def about(self) -> str:
        return self.app.unit


class CrashedApp(_AppStory):
    cause, act = "app-down", "start-unit"

    def new_app(self) -> App:
        return Gunicorn()

    def inject(self) -> None:
        # Its children as well: a socket that a worker still holds open would be another story.
        self.machine.systemctl("kill", "--signal=KILL", self.app.unit)

    def by_hand(self) -> str:
        return f"systemctl start {self.app.unit}"


PM2_LOG = f"{Pm2.home}/.pm2/pm2.log"


class ErroredPm2App(_AppStory):
    """systemd sees a healthy daemon; pm2 has given its app up, for a reason that has passed."""

    cause, act = "app-down", "restart-pm2-app"

    @classmethod
    def trees_above(cls) -> list[pathlib.Path]:
        return [images.pm2()]

    def new_app(self) -> App:
        return Pm2()

    def inject(self) -> None:
        source = "/srv/pm2/app.js"
        text = self.machine.read(source)
        said = len(self.machine.read(PM2_LOG))
        self.machine.append(source, "throw new Error('out of luck');\n")
        self.machine.run("pkill", "--full", f"^node {source}")
        self.machine.wait_until(lambda: "too many unstable restarts" in self.machine.read(PM2_LOG)[said:], 20, "pm2 to give up")
        self.machine.write(source, text)

    def by_hand(self) -> str:
        return f"runuser --user www-data -- env PM2_HOME={Pm2.home}/.pm2 {Pm2.command} restart shop"


class MovedName(_AppStory):
    """nginx looks a name up when it loads its configuration, and never again."""

    cause, act = "name-unresolved", "reload-unit"
    host = "shop.internal"
    homes = ("127.0.0.1", "127.0.0.2")  # the second is where it moves to, and the first is where it moves back

    def new_app(self) -> App:
        app = Node()
        app.route = f"proxy_pass http://{self.host}:{PORT}; proxy_connect_timeout 1s;"
        return app

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        (root / "etc/hosts").write_text(f"127.0.0.1 localhost\n127.0.0.1 {self.host}\n")

    @property
    def about(self) -> str:
        return f"127.0.0.1:{PORT}"

    def inject(self) -> None:
        self.homes = self.homes[::-1]
        drop_in = f"/etc/systemd/system/{self.app.unit}.d/host.conf"
        self.machine.write(drop_in, f"[Service]\nEnvironment=HOST={self.homes[0]}\n")
        self.machine.write("/etc/hosts", f"127.0.0.1 localhost\n{self.homes[0]} {self.host}\n")
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", self.app.unit)

    def by_hand(self) -> str:
        return "nginx -t && systemctl reload nginx"


# -- who may open the socket ----------------------------------------------------------------------------------------


class OwnedByRoot(Story):
    cause, act = "socket-ownership", "fix-socket-owner"
    folders = ("/run/php",)

    def inject(self) -> None:
        self.run(f"chown root:root {self.suite.fpm_socket} && chmod 600 {self.suite.fpm_socket}")

    def by_hand(self) -> str:
        return f"nginx -t && chown www-data:www-data {self.suite.fpm_socket}"


class PoolSaysRoot(Story):
    """The owner comes from the pool file, and the operator wants it mended there or not at all."""

    cause, act, asks = "socket-ownership", "set-pool-listen", True
    folders = fingerprint.CONFIGURATION

    def rules(self) -> dict[str, str]:
        text = rule(
            "mend-pool-file", self.cause, self.act, mode="ask", within="60s", limit=(2, "1h"), on_failure="rollback"
        )
        return {"05-mend-pool-file.toml": text}

    def inject(self) -> None:
        text = self.machine.read(self.site.pool_file)
        for old in ("listen.owner = www-data", "listen.group = www-data"):
            assert f"\n{old}\n" in text, f"{self.site.pool_file} does not say {old}"
            text = text.replace(f"\n{old}\n", f"\n{old.replace('www-data', 'root')}\n")
        mode = "\n;listen.mode = 0660\n"
        assert mode in text, f"{self.site.pool_file} does not mention listen.mode"
        self.machine.write(self.site.pool_file, text.replace(mode, f"{mode}listen.mode = 0600\n"))
        self.restart_fpm()

    def restart_fpm(self) -> None:
        self.machine.systemctl("reset-failed", self.site.fpm)  # systemd's own limit is another story
        self.machine.systemctl("restart", self.site.fpm)

    def by_hand(self) -> str:
        edit = r"s/^(listen\.(owner|group)) = root$/\1 = www-data/; s/^listen\.mode = 0600$/listen.mode = 0660/"
        return f"sed -i -E '{edit}' {self.site.pool_file} && {self.suite.fpm_binary} -t && systemctl restart {self.site.fpm}"


class PoolSaysRootAsShipped(PoolSaysRoot):
    """With the shipped rule: what the pool file says is not overruled, and its mend is offered."""

    def rules(self) -> dict[str, str]:
        return {}


# -- where nginx looks for it ---------------------------------------------------------------------------------------

SITE_FILE = "/etc/nginx/sites-available/default"

# As people's files look: tabs, Windows' line ends, comments that name what is no more, quotes, a directive over two lines.
_ODD_SITE = """\
#\tThe shop. It used to be: fastcgi_pass unix:{dead};
upstream  php_pool   {{
\tserver   unix:{socket}   max_fails=0 ;   # not unix:{dead} any more?\r
}}

server {{ listen 80 default_server; server_name _;
    root /var/www/html; index index.php index.html;
    location / {{ try_files $uri $uri/ =404; }}
    include /etc/nginx/routes/*.conf;
\tlocation ~ \\.php$ {{ include snippets/fastcgi-php.conf; fastcgi_pass\tunix:{socket}; }}
}}
server
{{
    listen 127.0.0.1:8080;
    root /var/www/html;
    location ~ \\.php$
    {{
        include snippets/fastcgi-php.conf;
        fastcgi_pass
            "unix:{socket}"  ;   # quoted; {dead} is not
    }}
    location = /pooled.php {{ include snippets/fastcgi-php.conf; fastcgi_pass php_pool; }}
}}
"""


class OldSocketPath(Story):
    """PHP was upgraded: nginx goes on to ask the version that is no more."""

    cause, act, asks = "socket-path-mismatch", "repoint-backend", True
    folders = fingerprint.CONFIGURATION
    dead = "/run/php/php8.1-fpm.sock"

    def text(self, socket: str) -> str:
        return _ODD_SITE.format(socket=socket, dead=self.dead)

    @property
    def healthy(self) -> str:
        return self.text(self.suite.fpm_socket)

    @property
    def about(self) -> str:
        return f"unix:{self.dead}"

    def furnish(self, root: pathlib.Path) -> None:
        (root / SITE_FILE[1:]).write_bytes(self.healthy.encode())

    def inject(self) -> None:
        self.machine.path(SITE_FILE).write_bytes(self.text(self.dead).encode())
        self.site.reload_nginx()

    def by_hand(self) -> str:
        edit = f"s#unix:{self.dead}#unix:{self.suite.fpm_socket}#g"
        return f"sed -i '{edit}' {SITE_FILE} && nginx -t && systemctl reload nginx"


class MovedPort(_AppStory):
    """The app listens on another port than nginx asks."""

    cause, act, asks = "port-mismatch", "repoint-backend", True
    folders = fingerprint.CONFIGURATION
    new_port = PORT + 1

    @property
    def about(self) -> str:
        return self.app.address

    @property
    def route_file(self) -> str:
        return f"/etc/nginx/routes/{self.app.name}.conf"

    def inject(self) -> None:
        drop_in = f"/etc/systemd/system/{self.app.unit}.d/port.conf"
        self.machine.write(drop_in, f"[Service]\nEnvironment=PORT={self.new_port}\n")
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", self.app.unit)

    def by_hand(self) -> str:
        return f"sed -i s/127.0.0.1:{PORT}/127.0.0.1:{self.new_port}/ {self.route_file} && nginx -t && systemctl reload nginx"


# -- a configuration that does not pass -----------------------------------------------------------------------------


class BrokenPool(Story):
    """Somebody edited the pool file and restarted."""

    cause, act, asks = "fpm-config-invalid", "restore-config", True
    folders = fingerprint.CONFIGURATION
    copy = "/root/www.conf.good"

    def prepare(self) -> None:
        self.run(f"cp -a {self.site.pool_file} {self.copy}")

    def is_known(self) -> bool:
        return self.machine.exists(f"{GOOD_COPIES}/{self.site.fpm}{self.site.pool_file}")

    def inject(self) -> None:
        self.site.break_pool()
        self.machine.systemctl("restart", self.site.fpm, check=False)

    def by_hand(self) -> str:
        return f"cp -a {self.copy} {self.site.pool_file} && {self.suite.fpm_binary} -t && systemctl start {self.site.fpm}"


class BrokenSite(Story):
    """Somebody edited a site's file and restarted nginx."""

    cause, act, asks, status = "nginx-config-invalid", "restore-config", True, 0
    folders = fingerprint.CONFIGURATION
    copy = "/root/default.good"

    @property
    def about(self) -> str:
        return self.site.nginx

    def prepare(self) -> None:
        self.run(f"cp -a {SITE_FILE} {self.copy}")

    def is_known(self) -> bool:
        return self.machine.exists(f"{GOOD_COPIES}/{self.site.nginx}{SITE_FILE}")

    def inject(self) -> None:
        text = self.machine.read(SITE_FILE)
        self.machine.write(SITE_FILE, text.replace("listen 80 default_server;", "listen 80 defualt_server;", 1))
        self.machine.systemctl("restart", self.site.nginx, check=False)

    def by_hand(self) -> str:
        return f"cp -a {self.copy} {SITE_FILE} && nginx -t && systemctl start nginx"


# -- too small ------------------------------------------------------------------------------------------------------


class SmallPool(Story):
    """Ten workers and three places to wait, for more visitors than that; half as many workers again are enough."""

    cause, act, asks = "pool-saturated", "apply-suggestion", True
    folders = fingerprint.CONFIGURATION
    workers, people = 10, 14

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_pool(root, f"pm = static\npm.max_children = {self.workers}\nlisten.backlog = 2")
        # What takes no memory is no measure of a worker.
        self.site.add_page(root, "large.php", '<?php $all = str_repeat("x", 8 << 20); usleep(300000); echo strlen($all);\n')

    def prepare(self) -> None:
        # A CPU that others use is a reason to suggest nothing, and tests share theirs.
        self.machine.write("/run/calm", "0.10 0.10 0.10 1/100 100\n")
        self.machine.run("mount", "--bind", "/run/calm", "/proc/loadavg")

    def inject(self) -> None:
        """The fault is there already; what is missing are visitors."""
        self.crowd = self.site.crowd(self.people, "/large.php")

    def by_hand(self) -> str:
        edit = f"s/^pm.max_children = {self.workers}$/pm.max_children = 12/"
        return f"sed -i '{edit}' {self.site.pool_file} && {self.suite.fpm_binary} -t && systemctl reload {self.site.fpm}"


class BigHeader(Story):
    """One page whose header does not fit into nginx's buffer."""

    cause, act, asks = "header-too-big", "apply-suggestion", True
    folders = fingerprint.CONFIGURATION
    path = "/header.php"
    size = "/var/www/header-size"
    bytes = 16_000

    def furnish(self, root: pathlib.Path) -> None:
        page = f'<?php header("X-Session: " . str_repeat("x", (int) file_get_contents("{self.size}"))); echo "ok";\n'
        self.site.add_page(root, "header.php", page)
        (root / self.size[1:]).write_text("10")

    def inject(self) -> None:
        self.machine.write(self.size, str(self.bytes))

    def relent(self) -> None:
        """The page is small again."""
        self.machine.write(self.size, "10")

    def by_hand(self) -> str:
        buffers = "fastcgi_buffer_size 32k; fastcgi_buffers 8 32k; fastcgi_busy_buffers_size 64k;"
        return f"echo '{buffers}' >/etc/nginx/conf.d/buffers.conf && nginx -t && systemctl reload nginx"


# -- the disk -------------------------------------------------------------------------------------------------------


class FullDisk(Story):
    """Journals and what visitors send share a disk, and it is full."""

    cause, act, status = "disk-full", "vacuum-journal", 500
    disk = "/disk"
    size = 64 * MIB
    journal_bytes = 16 * MIB  # of text; twice that archived, and so free to go
    keep_seconds = 1.0  # the floor in time that the play tunes

    @property
    def about(self) -> str:
        return "/var/lib/nginx"

    def prepare(self) -> None:
        self.machine.write(
            "/etc/systemd/journald.conf.d/much.conf",
            "[Journal]\nStorage=persistent\nSystemMaxUse=60M\nSystemKeepFree=1M\nSystemMaxFileSize=8M\n"
            "RateLimitIntervalSec=0\n",
        )
        self.run(
            f"""
            mkdir -p {self.disk} /var/log/journal
            mount -t tmpfs -o size={self.size},mode=755 tmpfs {self.disk}
            for folder in /var/log/journal /var/lib/nginx; do
                cp -a $folder {self.disk}/
                mount --bind {self.disk}/$(basename $folder) $folder
            done
            install --directory --owner=www-data /var/lib/nginx/body /var/lib/nginx/fastcgi
            systemctl restart systemd-journald
            journalctl --flush
            """
        )

    def visitors(self) -> Visitors:
        return self.site.posters("/index.php", 200_000)

    def inject(self) -> None:
        lines = self.journal_bytes // 400
        self.run(
            f"""
            head -c {lines * 300} /dev/urandom | base64 -w 400 | systemd-cat --identifier=chatter
            journalctl --sync
            journalctl --rotate
            """
        )
        rotated = time.time()
        self.machine.wait_until(
            lambda: time.time() > rotated + self.keep_seconds, 5, "the archived journals to be older than the floor"
        )
        # What a visitor's request takes for a moment is free again when it ends.
        self.machine.wait_until(lambda: all(self.backup() == self.backup() for _ in range(5)), 10, "the disk to be full")

    def backup(self) -> str:
        """As much as fits, added to what is there; its size."""
        file = f"{self.disk}/backup.tar"
        return self.machine.output("sh", "-c", f"cat /dev/zero >>{file} 2>/dev/null; stat --format=%s {file}")

    def by_hand(self) -> str:
        return "journalctl --vacuum-size=4M --vacuum-time=1s"

    def archived(self) -> list[str]:
        """Names of the journal files that are no longer written to."""
        return self.machine.output("sh", "-c", "ls /var/log/journal/*/*@*.journal* 2>/dev/null || true").split()


# -- evidence ---------------------------------------------------------------------------------------------------------

EVIDENCE_SECONDS = 4


def look_closer(cause: str, act: str) -> dict[str, str]:
    """No shipped rule collects evidence by itself; an operator's own comes before them."""
    given = {"seconds": EVIDENCE_SECONDS}
    return {"05-look-closer.toml": rule("look-closer", cause, act, given, within="10s", limit=(1, "1d"), soak="1s")}


class DebugLines(BigHeader):
    """nginx says more, for a while."""

    act, asks, gathers = "debug-log", False, True

    def prepare(self) -> None:
        super().prepare()
        self.run(f"chmod o-r {NGINX_LOG}")  # as its package makes it

    def rules(self) -> dict[str, str]:
        return look_closer(self.cause, self.act)

    def has_gathered(self) -> bool:
        return " [debug] " in self.machine.read(NGINX_LOG)


# -- only to be told ------------------------------------------------------------------------------------------------


class StoppedFpm(Story):
    """By the administrator, who has a reason."""

    cause = "unit-stopped"

    def inject(self) -> None:
        self.machine.systemctl("stop", self.site.fpm)

    def by_hand(self) -> str:
        return f"systemctl start {self.site.fpm}"


class RestartedTooOften(Story):
    cause = "unit-start-limit"

    def inject(self) -> None:
        for _ in range(6):
            self.machine.systemctl("restart", self.site.fpm, check=False)

    def by_hand(self) -> str:
        return f"systemctl reset-failed {self.site.fpm}; systemctl start {self.site.fpm}"


class SlowScript(Story):
    cause, status = "slow-backend", 504
    path = "/sometimes-slow.php"

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_nginx(root, "fastcgi_read_timeout 1s;")
        page = '<?php if (file_exists("/var/www/slow")) { usleep(2500000); } echo "ok";\n'
        self.site.add_page(root, self.path[1:], page)

    def inject(self) -> None:
        self.machine.write("/var/www/slow", "")

    def by_hand(self) -> str:
        return "rm /var/www/slow"


class CrashingScript(Story):
    cause = "worker-crash"
    path = "/sometimes-crashes.php"

    def furnish(self, root: pathlib.Path) -> None:
        page = '<?php if (file_exists("/var/www/crash")) { posix_kill(getmypid(), 11); usleep(500000); } echo "ok";\n'
        self.site.add_page(root, self.path[1:], page)

    def inject(self) -> None:
        self.machine.write("/var/www/crash", "")

    def by_hand(self) -> str:
        return "rm /var/www/crash"


class FatalScript(Story):
    cause, status = "script-fatal", 500
    path = "/sometimes-fatal.php"

    def furnish(self, root: pathlib.Path) -> None:
        page = (
            '<?php if (file_exists("/var/www/fatal")) { ini_set("memory_limit", "8M"); $all = str_repeat("x", 64 << 20); } '
            'echo "ok";\n'
        )
        self.site.add_page(root, self.path[1:], page)

    def inject(self) -> None:
        self.machine.write("/var/www/fatal", "")

    def by_hand(self) -> str:
        return "rm /var/www/fatal"


class BlockedPort(_AppStory):
    cause = "firewall-blocked"

    def inject(self) -> None:
        chain = f"chain input {{\ntype filter hook input priority 0\ntcp dport {PORT} counter reject with tcp reset\n}}"
        self.machine.run("nft", "--file", "-", stdin=f"table inet filter {{\n{chain}\n}}\n")

    def by_hand(self) -> str:
        return "nft delete table inet filter"


class AppFailsItself(_AppStory):
    cause = "app-answers-502"

    def new_app(self) -> App:
        return Node()

    def inject(self) -> None:
        source = "/srv/node/app.js"
        self.machine.write(source, self.machine.read(source).replace("endsWith('/bad-gateway')", "endsWith('/')"))
        self.machine.systemctl("restart", self.app.unit)

    def by_hand(self) -> str:
        return f"""sed -i "s#endsWith('/')#endsWith('/bad-gateway')#" /srv/node/app.js && systemctl restart {self.app.unit}"""

    @property
    def about(self) -> str:
        return self.app.address


class CapturedPort(AppFailsItself):
    """What nginx and the app say to each other, for a while."""

    act, gathers = "capture-port", True
    folder = "/var/lib/gatemend/captures"

    def rules(self) -> dict[str, str]:
        return look_closer(self.cause, self.act)

    def has_gathered(self) -> bool:
        return bool(self.machine.output("sh", "-c", f"ls {self.folder}/*.pcap 2>/dev/null || true"))


STORIES: tuple[type[Story], ...] = (
    *(CrashedFpm, CrashedNginx, StaleSocket, DeletedSocket, FrozenFpm, CrashedApp, ErroredPm2App, MovedName),
    *(OwnedByRoot, PoolSaysRoot, OldSocketPath, MovedPort, BrokenPool, BrokenSite, SmallPool, BigHeader, FullDisk),
    *(DebugLines, CapturedPort),
    *(StoppedFpm, RestartedTooOften, SlowScript, CrashingScript, FatalScript, BlockedPort, AppFailsItself),
)


def find(word: str) -> list[type[Story]]:
    """By name, cause or act; "": all."""
    return [story for story in STORIES if word in ("", story.name(), story.cause, story.act)]
