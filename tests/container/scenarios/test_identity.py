"""What an act touches is what configuration and systemd mean, whatever lies under its name.

Debian's /run/php belongs to www-data: whoever runs code there may move, link and replace what lies in it. However that is
done, a file of another user keeps its owner; and what can be put right is put right all the same.
"""

from __future__ import annotations

import json
import os
import pathlib
import stat
import threading
import time
from typing import Any, Callable

from gatemend import DECISIONS, Record, find_proposal, held_because, is_open
from test_boundary import Boundary, call, plan

_FOLDER = "/run/php"
_ADMIN = f"{_FOLDER}/admin.sock"
_OWN_FOLDER = "/srv/shop/run"
_SHOP = f"{_OWN_FOLDER}/shop.sock"
_HEALED = 40.0

_POOL = """\
[{name}]
user = {name}
group = {name}
listen = {listen}
listen.owner = {name}
listen.group = {group}
listen.mode = 0660
pm = static
pm.max_children = 1
"""

# Binds a socket of its own to the pool's name, calls itself what the pool is called, and lets nobody in.
_IMPOSTOR = """\
import ctypes, os, socket, sys, time
path = sys.argv[1]
ctypes.CDLL(None).prctl(15, b"php-fpm8.2", 0, 0, 0)
os.rename(path, os.path.dirname(path) + "/parked")
server = socket.socket(socket.AF_UNIX)
server.bind(path)
server.listen(16)
os.chmod(path, 0)
time.sleep(600)
"""

# Exchanges two names again and again, and leaves them as they were.
_SWAPPER = """\
import ctypes, sys, time
a, b, seconds = sys.argv[1].encode(), sys.argv[2].encode(), float(sys.argv[3])
libc, end, count = ctypes.CDLL(None), time.monotonic() + seconds, 0
while time.monotonic() < end or count % 2:
    assert libc.renameat2(-100, a, -100, b, 2) == 0
    count += 1
    if count % 50 == 0:
        time.sleep(0.01)
print(count)
"""


class Owners:
    """Looks at the sockets of a folder all the time: whose they were, they stay."""

    def __init__(self, folder: pathlib.Path, uid: int):
        self._folder, self._uid = folder, uid
        self._theirs: set[int] = set()
        self.taken: list[str] = []
        self.looks = 0
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.look()
        self._thread.start()

    def look(self) -> None:
        self.looks += 1
        for entry in os.scandir(self._folder):
            try:
                info = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISSOCK(info.st_mode):
                continue
            if info.st_uid == self._uid:
                self._theirs.add(info.st_ino)
            elif info.st_ino in self._theirs:
                self.taken.append(f"{entry.name}: inode {info.st_ino} now belongs to {info.st_uid}:{info.st_gid}")

    def _watch(self) -> None:
        while not self._is_over.is_set():
            try:
                self.look()
            except FileNotFoundError:  # the folder itself
                pass
            time.sleep(0.002)

    def stop(self) -> list[str]:
        self._is_over.set()
        self._thread.join()
        self.look()
        return self.taken


class TwoPools(Boundary):
    """A second pool, of a private user whose socket is closed to www-data."""

    is_enabled = True

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        script = f"nohup python3 /usr/local/lib/impostor.py {self.suite.fpm_socket} > /dev/null 2>&1 &"
        self.site.add_page(root, "run.php", f'<?php shell_exec("{script}");\n')
        for name, text in (("impostor", _IMPOSTOR), ("swapper", _SWAPPER)):
            (root / f"usr/local/lib/{name}.py").write_text(text)

    def prepare(self) -> None:
        super().prepare()
        self.add_pool("padmin", _ADMIN, "padmin")
        self.owners = self.watch_owners("padmin")

    def add_pool(self, user: str, listen: str, group: str) -> None:
        self.machine.run("useradd", "--system", "--user-group", user)
        pool = _POOL.format(name=user, listen=listen, group=group)
        self.machine.write(f"{self.suite.fpm_pool_dir}/{user}.conf", pool)
        self.machine.systemctl("restart", self.fpm)
        self.machine.wait_until(lambda: self.machine.exists(listen), 10, f"{listen}")

    def watch_owners(self, user: str) -> Owners:
        uid = int(self.machine.output("id", "-u", user).strip())
        owners = Owners(self.machine.path(_FOLDER), uid)
        self.addCleanup(owners.stop)
        return owners

    # -- what the attacker does ----------------------------------------------------------------------------------------

    def as_www_data(self, command: str) -> None:
        self.machine.run("runuser", "--user", "www-data", "--", "sh", "-ec", f"cd {_FOLDER}; {command}")

    def as_root(self, command: str) -> None:
        self.machine.run("sh", "-ec", command)

    def shut(self, socket: str = "") -> None:
        path = socket or self.suite.fpm_socket
        self.as_root(f"chown root:root {path}; chmod 600 {path}")

    def swap(self) -> None:
        self.as_www_data(f"mv {self.socket} parked; mv admin.sock {self.socket}")

    @property
    def socket(self) -> str:
        return self.suite.fpm_socket.rpartition("/")[2]

    # -- what must follow ----------------------------------------------------------------------------------------------

    def causes(self) -> set[str]:
        return {str(record["cause"]) for record in self.gatemend.records(file=DECISIONS) if record.get("cause")}

    def assert_nothing_taken(self) -> None:
        self.assertEqual(self.owners.stop(), [], "a socket of another user has changed hands")
        self.assertGreater(self.owners.looks, 100)
        self.assertEqual([r["act"] for r in self.gatemend.intents() if r["act"] == "fix-socket-owner"], [])
        admin = self.machine.path(_ADMIN)
        if admin.exists():
            self.assertEqual(stat.S_IMODE(admin.stat().st_mode), 0o660)
        self.assert_record_complete()

    def assert_restarted_and_told(self, break_it: Callable[[], None]) -> None:
        """The path was taken from the pool: a restart makes it anew, of this pool and of the other."""
        break_it()
        visitors = self.site.visitors(interval=0.05)
        visitors.wait_for_bad()
        visitors.wait_for_good(10, _HEALED)
        self.assertIn("socket-deleted", self.causes())
        self.assertNotIn("socket-ownership", self.causes())
        self.assertEqual({r["act"] for r in self.gatemend.intents()}, {"restart-unit"})
        self.assert_nothing_taken()


class Replaced(TwoPools):
    def test_another_pools_socket_moved_into_its_place(self) -> None:
        self.assert_restarted_and_told(self.swap)

    def test_a_second_name_of_another_pools_socket_in_its_place(self) -> None:
        """By root's hand: as where the kernel lets anybody link what is not theirs (fs.protected_hardlinks = 0)."""
        self.assert_restarted_and_told(
            lambda: self.as_root(f"cd {_FOLDER}; mv {self.socket} parked; ln admin.sock {self.socket}")
        )

    def test_a_link_to_another_pools_socket_in_its_place(self) -> None:
        self.assert_restarted_and_told(lambda: self.as_www_data(f"mv {self.socket} parked; ln -s admin.sock {self.socket}"))

    def test_a_plain_file_in_its_place(self) -> None:
        self.assert_restarted_and_told(lambda: self.as_www_data(f"mv {self.socket} parked; : > {self.socket}"))

    def test_a_script_of_the_site_that_listens_under_its_name(self) -> None:
        """In PHP-FPM's control group, as the pool's user, called php-fpm: it ends with the restart."""
        self.assert_restarted_and_told(self.run_impostor)

    def run_impostor(self) -> None:
        self.site.visit("/run.php")
        self.machine.wait_until(lambda: self.machine.exists(f"{_FOLDER}/parked"), 10, "the script to listen")


class Blocked(TwoPools):
    """Where a restart would fail, or remove what is another service's, nothing is done."""

    def assert_left_alone(self, break_it: Callable[[], None]) -> Record:
        starts = self.machine.count_starts(self.fpm)
        break_it()
        visitors = self.site.visitors(interval=0.05)
        visitors.wait_for_bad()
        incident = self.gatemend.wait_for_incident(self.fpm, is_blocked, 20, "socket-blocked")
        self.assert_quiet(self.fpm)
        self.assertEqual(self.machine.count_starts(self.fpm), starts)
        self.assertEqual(self.gatemend.intents(), [])
        self.assert_nothing_taken()
        return incident

    def test_a_folder_in_its_place(self) -> None:
        """PHP-FPM could not bind, and the other pool would be lost with this one."""
        incident = self.assert_left_alone(lambda: self.as_www_data(f"mv {self.socket} parked; mkdir {self.socket}"))
        self.assertIn("is a folder now", json.dumps(incident))
        self.as_www_data(f"rmdir {self.socket}")
        self.site.visitors(interval=0.05).wait_for_good(10, _HEALED)

    def test_the_socket_of_another_service_in_its_place(self) -> None:
        """The service listens on; its socket has been moved here from a folder that www-data may write."""
        self.machine.write(
            "/etc/systemd/system/cache.service",
            "[Service]\nUser=www-data\nExecStart=python3 -c 'import socket, os, time; s = socket.socket(socket.AF_UNIX); "
            f's.bind("{_FOLDER}/cache.sock"); s.listen(); os.chmod("{_FOLDER}/cache.sock", 0); time.sleep(600)\'\n',
        )
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("start", "cache.service")
        self.machine.wait_until(lambda: self.machine.exists(f"{_FOLDER}/cache.sock"), 10)
        inode = self.machine.path(f"{_FOLDER}/cache.sock").lstat().st_ino
        incident = self.assert_left_alone(lambda: self.as_www_data(f"mv {self.socket} parked; mv cache.sock {self.socket}"))
        self.assertIn("cache.service", json.dumps(incident))
        self.assertEqual(self.machine.path(self.suite.fpm_socket).lstat().st_ino, inode)

    def test_a_socket_that_only_its_server_sees(self) -> None:
        """As PrivateTmp= does to a socket in /tmp: the file is there, and a restart would put it there again."""
        drop_in = f"[Service]\nTemporaryFileSystem={_FOLDER}\n"
        self.machine.write(f"/etc/systemd/system/{self.fpm}.d/view.conf", drop_in)
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", self.fpm)
        incident = self.assert_left_alone(lambda: None)
        self.assertIn("see different file systems", json.dumps(incident))


def is_blocked(incident: Record) -> bool:
    return is_open(incident) and incident.get("cause") == "socket-blocked"


class Swapping(TwoPools):
    takes = 60.0

    def test_exchanged_again_and_again_while_the_owner_is_to_be_mended(self) -> None:
        """The pool's own socket is shut (an honest fault), and its name leads to another's every other moment."""
        visitors = self.site.visitors(interval=0.02)
        visitors.wait_for_good(3)
        self.shut()
        swapped = self.machine.run(
            *("runuser", "--user", "www-data", "--", "python3", "/usr/local/lib/swapper.py"),
            *(self.suite.fpm_socket, _ADMIN, "20"),
            timeout=60,
        )
        self.assertGreater(int(swapped.stdout), 100)
        self.assertEqual(self.owners.stop(), [], "a socket of another user has changed hands")
        visitors.wait_for_good(10, 2 * _HEALED)


class Peer(TwoPools):
    """A compromised agent that asks for the act by itself, with code execution as www-data."""

    is_enabled = False

    def ask(self, path: str, member: str = "Plan", act: str = "fix-socket-owner", **changes: Any) -> str:
        deed = plan(
            self.fpm,
            act,
            member,
            rule=changes.get("rule", "mend-socket-owner"),
            cause=changes.get("cause", "socket-ownership"),
            active="active",
            invocation=self.machine.unit(self.fpm)["InvocationID"],
            parameters={} if act == "restart-unit" else {"socket": f"unix:{path}"},
        )
        return self.perform(deed)[0]

    def test_it_gets_no_plan_for_what_is_not_the_pools(self) -> None:
        self.assertEqual(self.ask(self.suite.fpm_socket), "Refused", "nothing is wrong with it")
        self.shut()
        self.assertEqual(self.ask(self.suite.fpm_socket), "ok", "the honest case")
        for path in (_ADMIN, "/run/dbus/system_bus_socket", f"{_FOLDER}/none.sock"):
            for member in ("Plan", "Propose"):
                self.assertEqual(self.ask(path, member), "Refused", path)
        self.swap()
        for member in ("Plan", "Propose"):
            self.assertEqual(self.ask(self.suite.fpm_socket, member), "Refused")
            self.assertEqual(self.ask(f"{_FOLDER}/parked", member), "Refused")
        self.assertEqual(self.owners.stop(), [])
        self.assert_unharmed()

    def test_a_plan_that_was_honest_is_refused_when_the_socket_is_another(self) -> None:
        self.shut()
        proposed = self.propose()
        self.assertTrue(proposed, "the honest case")
        self.swap()
        self.assertNotEqual(self.perform(call("Execute", "st", proposed, 1)), ["ok"])
        self.as_www_data(f"mv {self.socket} admin.sock; mv parked {self.socket}")
        self.machine.systemctl("restart", self.fpm)
        self.shut()
        self.assertNotEqual(self.perform(call("Execute", "st", proposed, 1)), ["ok"], "of the run before")
        self.assertEqual(self.owners.stop(), [])
        self.assert_unharmed()

    def propose(self) -> str:
        """As root, who may ask as the agent does: the digest of a plan that was permitted."""
        words = ("fix-socket-owner", self.fpm, "mend-socket-owner", "socket-ownership", "active")
        words += (self.machine.unit(self.fpm)["InvocationID"], "5000000", "1", "socket", f"unix:{self.suite.fpm_socket}")
        answer = self.gatemend.call_executor("Plan", "sssssst" + "a{ss}", *words)
        return str(json.loads(answer.stdout)["data"][0]) if answer.returncode == 0 else ""

    def test_it_gets_no_restart_for_a_socket_that_is_where_it_belongs(self) -> None:
        asked = {"act": "restart-unit", "rule": "restart-for-deleted-socket", "cause": "socket-deleted"}
        self.assertEqual(self.ask("", **asked), "Refused")
        self.as_www_data(f"mv {self.socket} parked")
        self.assertEqual(self.ask("", **asked), "ok", "the honest case")


class Honest(TwoPools):
    """What is the pool's own is mended, whoever may write the folder."""

    def prepare(self) -> None:
        super().prepare()
        self.machine.run("mkdir", "-p", _OWN_FOLDER)
        self.add_pool("shop", _SHOP, "www-data")
        self.as_root(f"chown shop:shop {_OWN_FOLDER}; chmod 711 {_OWN_FOLDER}")

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        passed = f"include snippets/fastcgi-php.conf; fastcgi_pass unix:{_SHOP};"
        self.site.add_route(root, "shop", f"location = /shop.php {{ {passed} }}\n")
        self.site.add_page(root, "shop.php", '<?php echo "ok\\n";\n')

    def assert_mended(self, path: str, socket: str) -> None:
        intents = len(self.gatemend.intents())
        visitors = self.site.visitors(path, interval=0.05)
        visitors.wait_for_good(3)
        self.shut(socket)
        visitors.wait_for_bad()
        visitors.wait_for_good(10, _HEALED)
        visitors.stop()
        self.assertEqual([r["act"] for r in self.gatemend.intents()[intents:]], ["fix-socket-owner"])
        self.assertEqual(stat.S_IMODE(self.machine.path(socket).stat().st_mode), 0o600)

    def test_a_shut_socket_beside_another_pool_and_again_after_a_restart(self) -> None:
        self.assert_mended("/index.php", self.suite.fpm_socket)
        self.gatemend.wait_until_healed(self.fpm, _HEALED)
        self.machine.systemctl("restart", self.fpm)
        self.assert_mended("/index.php", self.suite.fpm_socket)
        self.assertEqual(self.owners.stop(), [])

    def test_a_shut_socket_in_a_folder_of_the_pools_user(self) -> None:
        self.assert_mended("/shop.php", _SHOP)
        self.assertEqual(self.owners.stop(), [])


class PrivatePool(TwoPools):
    """nginx has a location for a pool whose file gives the socket to a user of its own: that is configuration."""

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        passed = f"include snippets/fastcgi-php.conf; fastcgi_pass unix:{_ADMIN};"
        self.site.add_route(root, "admin", f"location = /admin.php {{ {passed} }}\n")
        self.site.add_page(root, "admin.php", '<?php echo "ok\\n";\n')

    def test_its_socket_is_not_opened_to_nginx_unasked(self) -> None:
        before = self.machine.path(_ADMIN).stat()
        visitors = self.site.visitors("/admin.php", interval=0.2)
        visitors.wait_for_bad()
        held = self.gatemend.wait_for_incident(self.fpm, held_because("executor-refused"), 30, "a refusal that says why")
        self.assertIn("gives the socket to padmin:padmin", json.dumps(held))
        self.gatemend.wait_for_incident(
            self.fpm, lambda i: is_open(i) and find_proposal(i, "set-pool-listen") is not None, 30, "the offer"
        )
        after = self.machine.path(_ADMIN).stat()
        self.assertEqual((after.st_ino, after.st_uid, after.st_gid), (before.st_ino, before.st_uid, before.st_gid))
        self.assert_nothing_taken()


class Alternatives(TwoPools):
    """Debian's own way: nginx names /run/php/php-fpm.sock, which links to /etc/alternatives and on to the pool's socket."""

    named = f"{_FOLDER}/php-fpm.sock"

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        site = root / "etc/nginx/sites-available/default"
        site.write_text(site.read_text().replace(self.suite.fpm_socket, self.named))

    def prepare(self) -> None:
        super().prepare()
        chosen = "/etc/alternatives/php-fpm.sock"
        self.as_root(f"ln -sfn {self.suite.fpm_socket} {chosen}; ln -sfn {chosen} {self.named}")

    def test_a_shut_socket_behind_links_of_roots_is_healed(self) -> None:
        visitors = self.site.visitors(interval=0.05)
        visitors.wait_for_good(3)
        self.shut()
        visitors.wait_for_bad()
        visitors.wait_for_good(10, _HEALED)
        self.assertEqual({r["act"] for r in self.gatemend.intents()}, {"fix-socket-owner"})
        self.assertEqual(self.owners.stop(), [])

    def test_a_link_of_www_datas_to_another_pools_socket_opens_nothing(self) -> None:
        visitors = self.site.visitors(interval=0.05)
        visitors.wait_for_good(3)
        self.as_www_data(f"rm -f {self.named}; ln -s admin.sock {self.named}")
        visitors.wait_for_bad()
        incident = self.gatemend.wait_for_incident(self.fpm, is_open, 20, "open")
        self.assertNotIn("Until then `chown`", json.dumps(incident))
        self.machine.holds_for(lambda: not self.gatemend.intents(), 5.0, "nothing is done")
        self.assert_nothing_taken()
