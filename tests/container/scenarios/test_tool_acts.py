"""Acts that run somebody else's tool, asked of the executor as its agent asks: journals, pm2, tcpdump, all real."""

from __future__ import annotations

import json
import pathlib
import re
import stat
import time

import images
from apps import App, Node, Pm2
from diagnosis import Diagnosed
from gatemend import OWN_POLICIES
from machine import CommandError, Machine
from rule import rule
from scenario import Scenario

MIB = 1024 * 1024
JOURNALD = "systemd-journald.service"
CAPTURES = "/var/lib/gatemend/captures"
_EXECUTOR = ("org.gatemend.Executor1", "/org/gatemend/Executor1", "org.gatemend.Executor1")
_RULES_TO_SAY = ("keep_bytes", "keep_seconds", "seconds")


class Asked:
    """The agent is not there: root asks in its place, over the same bus. To be mixed into a scenario."""

    is_same_everywhere = True

    machine: Machine

    is_enabled = False
    acts: dict[str, str] = {}  # act: cause

    def allow(self, act: str, parameters: dict[str, str | int]) -> None:
        """A rule that gives the act what only a rule may give it."""
        given = {key: value for key, value in parameters.items() if key in _RULES_TO_SAY}
        text = rule(f"test-{act}", self.acts[act], act, given, within="50s")
        self.machine.write(f"{OWN_POLICIES}/05-{act}.toml", text)
        self.assertEqual(self.call("Reload"), [""])

    def call(self, method: str, *arguments: str) -> list[object]:
        answer = self.machine.output("busctl", "--json=short", "--timeout=60", "call", *_EXECUTOR, method, *arguments)
        return json.loads(answer)["data"] if answer else []

    def plan(self, act: str, unit: str, **parameters: str | int) -> str:
        self.allow(act, parameters)
        state = self.machine.unit(unit, "ActiveState", "InvocationID")
        flat = [word for key, value in sorted(parameters.items()) for word in (key, str(value))]
        usec = str(50_000_000)
        about = [act, unit, f"test-{act}", self.acts[act], state["ActiveState"], state["InvocationID"], usec]
        return str(self.call("Plan", "sssssst" + "a{ss}", *about, str(len(parameters)), *flat)[0])

    def act(self, act: str, unit: str, **parameters: str | int) -> tuple[str, str]:
        """Outcome and detail."""
        _, outcome, detail = self.call("Execute", "st", self.plan(act, unit, **parameters), "1")
        return str(outcome), str(detail)


class Journal(Asked, Scenario):
    settings = f'units = ["{JOURNALD}"]\n'
    acts = {"vacuum-journal": "disk-full"}

    def prepare(self) -> None:
        """The journal on a disk of its own, which each test fills."""
        self.machine.run(
            "sh",
            "-c",
            "mkdir -p /var/log/journal && mount -t tmpfs -o size=96m,mode=2755 tmpfs /var/log/journal"
            " && systemctl restart systemd-journald && journalctl --flush",
        )

    def vacuum(self, keep_bytes: int, keep_seconds: int) -> tuple[str, str]:
        """On a full disk; afterwards there is room again."""
        full = "/var/log/journal/fill"
        self.machine.run("sh", "-c", f"cat /dev/zero >{full} 2>/dev/null; true")
        try:
            return self.act(
                "vacuum-journal", JOURNALD, journal="/var/log/journal", keep_bytes=keep_bytes, keep_seconds=keep_seconds
            )
        finally:
            self.machine.run("rm", "-f", full)

    def refused(self, keep_bytes: int, keep_seconds: int) -> str:
        with self.assertRaises(CommandError) as caught:
            self.vacuum(keep_bytes, keep_seconds)
        return str(caught.exception)

    @property
    def folder(self) -> str:
        return f"/var/log/journal/{self.machine.read('/etc/machine-id').strip()}"

    def archived(self) -> list[str]:
        """Oldest first."""
        names = self.machine.output("ls", self.folder).split()
        return sorted((name for name in names if "@" in name), key=lambda name: name.rsplit("-", 1)[1])

    def size(self) -> int:
        total = 0
        for name in self.machine.output("ls", self.folder).split():
            total += self.machine.path(f"{self.folder}/{name}").stat().st_blocks * 512
        return total

    def blocks(self, name: str) -> int:
        return self.machine.path(f"{self.folder}/{name}").stat().st_blocks * 512

    def fill(self, files: int) -> None:
        for number in range(files):
            words = "".join(f"{number} {line} of the chatter {'x' * 500}\n" for line in range(400))
            self.machine.run("systemd-cat", "--identifier=chatter", "cat", stdin=words)
            self.machine.run("journalctl", "--sync")
            self.machine.run("journalctl", "--rotate")

    def test_vacuumed_down_to_the_floor_and_no_further(self) -> None:
        self.fill(5)
        before = self.archived()
        self.assertGreaterEqual(len(before), 5)
        floor = self.size() - self.blocks(before[0]) - self.blocks(before[1])
        oldest = json.loads(self.machine.output("journalctl", "--output=json", "--no-pager").splitlines()[0])["__CURSOR"]
        self.machine.wait_until(lambda: self._is_old(before[1]), 10, "the second file to be older than a second")

        outcome, detail = self.vacuum(floor - 4096, 1)
        self.assertEqual(outcome, "succeeded", detail)
        self.assertEqual(self.archived(), before[2:])
        self.assertGreaterEqual(self.size(), floor - 4096)

        was, now = re.findall(r"(s=[0-9a-f]{32};i=[0-9a-f]+;t=[0-9a-f]+)", detail)
        self.assertEqual([part for part in oldest.split(";") if part[0] in "sit"], was.split(";"))
        first = json.loads(self.machine.output("journalctl", "--output=json", "--no-pager").splitlines()[0])["__CURSOR"]
        self.assertEqual([part for part in first.split(";") if part[0] in "sit"], now.split(";"))
        self.assertIn(detail, [record["detail"] for record in self.gatemend.records("outcome")])
        self.assert_record_complete()

    def _is_old(self, name: str) -> bool:
        return time.time() - self.machine.path(f"{self.folder}/{name}").stat().st_mtime > 2

    def test_what_is_young_stays_however_large(self) -> None:
        self.fill(3)
        before = self.archived()
        self.assertIn("nothing to vacuum above the floor", self.refused(1, 3600))
        self.assertEqual(self.archived(), before)

    def test_what_is_below_the_floor_stays_however_old(self) -> None:
        self.fill(2)
        before = self.archived()
        self.assertIn("nothing to vacuum above the floor", self.refused(1 << 40, 1))
        self.assertEqual(self.archived(), before)

    def test_a_disk_with_room_is_no_reason(self) -> None:
        self.fill(3)
        before = self.archived()
        self.machine.wait_until(lambda: self._is_old(before[0]), 10, "the first file to be older than a second")
        with self.assertRaises(CommandError) as caught:
            self.act("vacuum-journal", JOURNALD, journal="/var/log/journal", keep_bytes=1, keep_seconds=1)
        self.assertIn("does not lie on a full disk", str(caught.exception))
        self.assertEqual(self.archived(), before)

    def test_journalctl_missing(self) -> None:
        self.fill(3)
        before = self.archived()
        self.machine.wait_until(lambda: self._is_old(before[0]), 10, "the first file to be older than a second")
        self.machine.run("mv", "/usr/bin/journalctl", "/usr/bin/journalctl.away")
        try:
            outcome, detail = self.vacuum(1, 1)
        finally:
            self.machine.run("mv", "/usr/bin/journalctl.away", "/usr/bin/journalctl")
        self.assertEqual(outcome, "failed", detail)
        self.assertEqual(self.archived(), before)
        self.assert_record_complete()


class _Under(Diagnosed):
    app: App

    def trees_above(self) -> list[pathlib.Path]:
        try:
            return [images.pm2()]
        except images.ImageError as error:
            self.skipTest(str(error))

    def furnish(self, root: pathlib.Path) -> None:
        self.app = Pm2()
        self.settings = f'units = ["{self.app.unit}", "php*-fpm.service", "nginx.service"]\n{Diagnosed.settings}'
        self.app.lay_out(self.site, root)

    def pm2(self, *arguments: str) -> str:
        environment = ["runuser", "--user", "www-data", "--", "env", f"PM2_HOME={Pm2.home}/.pm2"]
        return self.machine.output(*environment, *Pm2.command.split(), *arguments)

    def break_app(self) -> None:
        self.machine.append("/srv/pm2/app.js", "throw new Error('out of luck');\n")
        self.machine.run("pkill", "--full", "^node /srv/pm2/app.js")
        self.machine.wait_until(lambda: "errored" in self.pm2("list", "-m"), 30, "pm2 to give up")

    def mend_app(self) -> None:
        self.machine.write("/srv/pm2/app.js", self.machine.read("/srv/pm2/app.js").replace("throw", "//"))


class Pm2Apps(Asked, _Under):
    acts = {"restart-pm2-app": "app-down"}
    can_be_bare = False

    def test_errored_is_restarted_as_its_user(self) -> None:
        self.assertEqual(self.site.visit(self.app.path).status, 200)
        before = self.machine.unit(self.app.unit)
        self.break_app()
        self.assertEqual(self.site.visit(self.app.path).status, 502)
        self.assertRegex(str(self.call("Pm2Apps", "s", self.app.unit)[0]), r"\+--- shop\n(.*\n)*status : errored\n")
        self.mend_app()

        outcome, detail = self.act("restart-pm2-app", self.app.unit, app="shop")
        self.assertEqual(outcome, "succeeded", detail)
        self.machine.wait_until(lambda: self.site.visit(self.app.path).status == 200, 10, "the app to answer")
        self.assertEqual(self.machine.unit(self.app.unit), before, "the daemon and its other apps were left alone")
        running = [line.split(None, 1) for line in self.machine.output("ps", "-eo", "user:20=,args=").splitlines()]
        self.assertEqual({user for user, command in running if command.startswith("node /srv/pm2/app.js")}, {"www-data"})
        self.assert_record_complete()

    def test_unknown_app_is_a_failure_and_changes_nothing(self) -> None:
        listed = self.pm2("list", "-m")
        outcome, detail = self.act("restart-pm2-app", self.app.unit, app="nosuchapp")
        self.assertEqual(outcome, "failed", detail)
        self.assertEqual(_stable(self.pm2("list", "-m")), _stable(listed))

    def test_all_is_no_application(self) -> None:
        outcome, detail = self.act("restart-pm2-app", self.app.unit, app="all")
        self.assertEqual((outcome, detail[:17]), ("failed", "nothing was done:"))

    def test_a_dead_daemon_is_not_replaced(self) -> None:
        """pm2's command line starts a daemon where it finds none; ours would die with the act, its sockets left behind."""
        digest = self.plan("restart-pm2-app", self.app.unit, app="shop")
        socket = f"{Pm2.home}/.pm2/rpc.sock"
        self.machine.run("mv", socket, f"{socket}.away")
        _, outcome, detail = self.call("Execute", "st", digest, "1")
        self.assertEqual(outcome, "failed", detail)
        self.assertFalse(self.machine.exists(socket))
        self.machine.run("mv", f"{socket}.away", socket)
        self.assertIn("online", self.pm2("list", "-m"))


def _stable(listing: str) -> list[str]:
    return [line for line in listing.splitlines() if not line.startswith(("uptime", "memory"))]


class Pm2Diagnosis(_Under):
    def test_the_errored_app_is_named(self) -> None:
        self.visit_steadily(self.app.path)
        self.break_app()
        self.assert_turned_away(502, r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")
        self.assert_diagnosed("app-down", self.app.unit)
        # pm2's list may take its time
        self.machine.wait_until(
            lambda: "pm2 restart shop" in self.gatemend.run("show", "1").stdout, 60, "the application to be named"
        )
        self.mend_app()
        self.pm2("restart", "shop")
        self.assert_recovers()

    def test_what_a_person_stopped_stays_stopped(self) -> None:
        self.visit_steadily(self.app.path)
        self.pm2("stop", "shop")
        self.assert_turned_away(502)
        self.assert_diagnosed("app-down", self.app.unit, told=["shop (stopped"])
        self.assert_quiet(self.app.unit)
        self.assertIn("stopped", self.pm2("list", "-m"))
        self.pm2("restart", "shop")
        self.assert_recovers()

    def test_what_was_left_down_long_ago_is_not_blamed(self) -> None:
        """One application is errored on purpose; the one that nginx asks is stopped for a deploy."""
        self.visit_steadily(self.app.path)
        self.machine.write("/srv/pm2/worker.js", "throw new Error('left down');\n")
        # What takes longer than min_uptime to fail, on a slow machine as well, would not be given up.
        worker = "{name: 'worker', script: '/srv/pm2/worker.js', max_restarts: 1, min_uptime: '60s'}"
        self.machine.write("/srv/pm2/worker.config.js", f"module.exports = {{apps: [{worker}]}};\n")
        self.pm2("start", "/srv/pm2/worker.config.js")
        self.machine.wait_until(lambda: "errored" in self.pm2("list", "-m"), 60, "pm2 to give up")
        self.pm2("stop", "shop")
        self.assert_turned_away(502)
        self.assert_diagnosed("app-down", self.app.unit, told=["shop (stopped", "worker (errored"])
        self.assert_quiet(self.app.unit)
        self.assertNotIn("pm2 restart worker", self.gatemend.run("show", "1").stdout)
        self.pm2("restart", "shop")
        self.assert_recovers()


class Capture(Asked, Scenario):
    acts = {"capture-port": "slow-backend"}

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.app = Node()
        self.settings = f'units = ["{self.app.unit}"]\n'
        self.app.lay_out(self.site, root)

    def test_ends_by_itself_and_can_be_read(self) -> None:
        outcome, detail = self.act("capture-port", self.app.unit, address=self.app.address, seconds=10)
        self.assertEqual(outcome, "succeeded", detail)
        self.assertFalse(self._is_over(), "nobody waits for its end")
        file = f"{CAPTURES}/1.pcap"
        self.assertIn(file, detail)
        self.assertEqual(self.site.visit(self.app.path).status, 200)
        self.machine.wait_until(lambda: self._is_over(), 40, "the capture to end")
        listed = self.machine.output("tcpdump", "-n", "-r", file)
        self.assertRegex(listed, rf"127\.0\.0\.1\.\d+ > 127\.0\.0\.1\.{self.app.port}: Flags \[S\]")
        self.assertNotIn(".80:", listed, "no other port's packets")
        info = self.machine.path(file).stat()
        self.assertEqual((stat.S_IMODE(info.st_mode), info.st_uid), (0o600, 0))
        self.assert_record_complete()

    def _is_over(self) -> bool:
        return self.machine.run("pgrep", "-x", "tcpdump", check=False).returncode != 0

    def test_other_acts_do_not_wait_for_it_and_the_oldest_gives_way(self) -> None:
        for number in range(100, 109):
            self.machine.write(f"{CAPTURES}/{number}.pcap", "of another day\n")
        for _ in range(3):
            outcome, detail = self.act("capture-port", self.app.unit, address=self.app.address, seconds=30)
            self.assertEqual(outcome, "succeeded", detail)
        self.assertEqual(self.machine.output("pgrep", "-c", "-x", "tcpdump"), "3")
        kept = sorted(int(name.split(".")[0]) for name in self.machine.output("ls", CAPTURES).split())
        self.assertEqual(len(kept), 10)
        self.assertEqual(kept[-7:], list(range(102, 109)), kept)

    def test_goes_on_without_the_executor_and_still_ends(self) -> None:
        outcome, detail = self.act("capture-port", self.app.unit, address=self.app.address, seconds=10)
        self.assertEqual(outcome, "succeeded", detail)
        self.gatemend.kill_executor()
        self.assertEqual(self.site.visit(self.app.path).status, 200)
        self.machine.wait_until(lambda: self._is_over(), 40, "the capture to end")
        self.assertIn("Flags [S]", self.machine.output("tcpdump", "-n", "-r", f"{CAPTURES}/1.pcap"))

    def test_tcpdump_missing(self) -> None:
        self.machine.run("rm", self.machine.output("which", "tcpdump"))
        with self.assertRaisesRegex(CommandError, "tcpdump is not installed"):
            self.plan("capture-port", self.app.unit, address=self.app.address, seconds=10)
        self.assertEqual(self.machine.output("ls", CAPTURES), "")

    def test_only_what_is_local(self) -> None:
        with self.assertRaisesRegex(CommandError, "not a TCP address of this machine"):
            self.plan("capture-port", self.app.unit, address="192.0.2.1:80", seconds=3)
