"""Every guard: while it is in force nothing is done, `why` names it and its owner; once it is lifted the site is healed.

Which guard is shown where, also in other files: README.md.
"""

from __future__ import annotations

import json
import pathlib
import re
import subprocess
import time

from gatemend import AGENT, EXECUTOR, OWN_POLICIES, SETTINGS, SHIPPED_POLICIES, Record, is_closed, is_open, record_text
from scenario import Scenario

HOLDS = "/run/gatemend/hold.d"
# It looks again after one second, then after two, four ...; and the soak.
LIFTED = 60.0

_LOCKING_PROCESS = r"""
use Fcntl;
$0 = $ARGV[0];  # the process's name as the kernel tells it
sysopen(my $file, $ARGV[1], O_RDWR | O_CREAT, 0640) or die;
my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);  # struct flock
fcntl($file, F_SETLK, $lock) or die;
print "locked\n"; close(STDOUT);
<STDIN>;
"""

_SLOW_PACKAGE = """Package: slow
Version: 1
Architecture: all
Maintainer: nobody <nobody@example.org>
Description: takes its time to be installed
"""


class Guarded(Scenario):
    is_same_everywhere = True

    def assert_held(self, kind: str, *words: str) -> Record:
        """An incident of FPM names the guard, `words` (its owner among them) stand in the answer to `why`, and nothing is done."""

        def is_held(incident: Record) -> bool:
            holds = [hold for hold in incident["decision"]["holds"] if kind in record_text(hold)]
            return is_open(incident) and any(all(word in record_text(hold) for word in words) for hold in holds)

        incident = self.gatemend.wait_for_incident(self.fpm, is_held, 20, f"held: {kind}, {words}")
        why = self.gatemend.run("why", str(incident["id"])).stdout
        for word in (kind, *words):
            self.assertIn(word, why)
        intents = len(self.gatemend.intents())
        self.assert_quiet(self.fpm)
        self.assertEqual(len(self.gatemend.intents()), intents)
        return incident

    def assert_heals(self, newer_than: int = 0) -> None:
        self.gatemend.wait_until_healed(self.fpm, deadline=LIFTED, newer_than=newer_than)
        self.assert_answers()
        self.assert_record_complete()

    def set_guards(self, text: str) -> None:
        """A [guards] table in place of the one that is there."""
        settings = re.sub(r"(?ms)^\[guards\]\n.*?(?=^\[|\Z)", "", self.machine.read(SETTINGS))
        self.machine.write(SETTINGS, settings + "\n[guards]\n" + text)
        self.machine.systemctl("reload", AGENT)

    def override(self, name: str, text: str) -> None:
        self.machine.write(f"{OWN_POLICIES}/{name}", text)
        self.machine.systemctl("reload", AGENT)


class Gate:
    """A pipe in the machine at which a command waits."""

    def __init__(self, scenario: Scenario, path: str = "/run/gate"):
        self.machine = scenario.machine
        self.path = path
        self.machine.run("mkfifo", path)
        scenario.addCleanup(self.open)
        self._is_open = False

    def open(self) -> None:
        if not self._is_open:
            self._is_open = True
            self.machine.run("timeout", "5", "sh", "-c", f"echo > {self.path}", check=False)


class PackageManager(Guarded):
    def build_slow_package(self) -> Gate:
        """Its installation waits at the gate, in the middle of a real dpkg."""
        gate = Gate(self)
        self.machine.write("/root/slow/DEBIAN/control", _SLOW_PACKAGE)
        waits = f"#!/bin/sh\nset -e\ntouch /run/is-installing\ncat {gate.path}\n"
        self.machine.write("/root/slow/DEBIAN/preinst", waits, 0o755)
        self.machine.run("dpkg-deb", "--build", "/root/slow", "/root/slow.deb")
        return gate

    def install_slowly(self, *command: str, owner: str) -> None:
        gate = self.build_slow_package()
        installer = self.machine.popen(*command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        self.machine.wait_until(lambda: self.machine.exists("/run/is-installing"), 30, "the installation to begin")

        self.site.kill_fpm()
        self.assert_held("package-manager", owner, "/var/lib/dpkg/lock")

        gate.open()
        self.assertEqual(installer.wait(30), 0)
        self.assert_heals()

    def test_dpkg(self) -> None:
        self.install_slowly("dpkg", "--install", "/root/slow.deb", owner="dpkg (pid")

    def test_apt(self) -> None:
        self.install_slowly("apt-get", "install", "--yes", "/root/slow.deb", owner="apt-get (pid")

    def test_unattended_upgrades(self) -> None:
        """Between two runs of dpkg: only its own lock is held, taken here as python-apt takes it."""
        upgrade = self.machine.popen(
            *("perl", "-e", _LOCKING_PROCESS, "unattended-upgr", "/run/unattended-upgrades.lock"),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert upgrade.stdout is not None and upgrade.stdin is not None
        self.assertEqual(upgrade.stdout.readline(), b"locked\n")
        upgrade.stdout.close()

        self.site.kill_fpm()
        self.assert_held("package-manager", "unattended-upgr (pid", "/run/unattended-upgrades.lock")

        upgrade.stdin.close()
        self.assertEqual(upgrade.wait(10), 0)
        self.assert_heals()


class Shutdown(Guarded):
    def test_scheduled_within_a_minute_and_cancelled(self) -> None:
        self.machine.run("shutdown", "--reboot", "+1")
        self.site.kill_fpm()
        self.assert_held("shutting-down", "reboot is scheduled")
        self.machine.run("shutdown", "-c")
        self.assert_heals()


class BootGrace(Guarded):
    """FPM did not come up at boot; what it waited for may still be on its way."""

    settings = '[guards]\nboot_grace = "1h"\n'

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.drop_in(root, "wait", "[Service]\nExecStartPre=/usr/bin/test ! -e /etc/not-yet\n")
        (root / "etc/not-yet").touch()

    def test_what_has_not_been_up_yet_is_left_to_boot(self) -> None:
        self.assertFalse(self.machine.is_active(self.fpm), "the fault was not set up: FPM is up")
        self.machine.path("/etc/not-yet").unlink()
        self.assert_held("booting", self.fpm, "has not been active since")

        self.set_guards('boot_grace = "0s"\n')
        self.assert_heals()


class CrashAfterBoot(Guarded):
    settings = '[guards]\nboot_grace = "1h"\n'

    def test_is_healed_within_the_grace(self) -> None:
        self.site.kill_fpm()
        self.assert_heals()


class Deploy(Guarded):
    def hold(self, *options: str, command: str) -> "subprocess.Popen[str]":
        holder = self.machine.popen(
            *("gatemend", "hold", *options, "--", "sh", "-c", command),
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.machine.wait_until(self.holds, 10, "the marker")
        return holder

    def holds(self) -> list[Record]:
        return json.loads(self.gatemend.run("hold", "--list", "--json").stdout)["holds"]

    def test_by_gatemend_hold_until_its_command_ends(self) -> None:
        gate = Gate(self)
        deploy = self.hold("--for", "10m", "--reason", "release 42", command=f"cat {gate.path}; exit 5")
        self.site.kill_fpm()
        self.assert_held("deploying", "root", "release 42")
        planned = self.gatemend.dry_run()
        self.assertEqual(planned["plans"], [])
        self.assertIn("release 42", record_text(planned["incidents"]))

        gate.open()
        self.assertEqual(deploy.wait(10), 5)
        self.assertEqual(self.holds(), [])
        self.assert_heals()

    def test_that_takes_longer_than_it_said(self) -> None:
        gate = Gate(self)
        deploy = self.hold("--for", "3s", command=f"cat {gate.path}")
        self.site.kill_fpm()
        self.assert_heals()
        self.assertIsNone(deploy.poll(), "the command was ended")
        gate.open()
        _, said = deploy.communicate(timeout=10)
        self.assertIn("the hold is over after 3s", said)
        self.assertEqual(deploy.returncode, 0)

    def test_that_is_interrupted_leaves_no_marker(self) -> None:
        gate = Gate(self)
        deploy = self.hold("--for", "10m", command=f"exec cat {gate.path}")
        self.machine.kill(int(self.holds()[0]["pid"]), 15)
        self.assertEqual(deploy.wait(10), 128 + 15)
        self.assertEqual(self.holds(), [])

    def test_without_a_command_until_it_is_ended(self) -> None:
        self.gatemend.run("hold", "--for", "10m", "--reason", "moving the database")
        self.site.kill_fpm()
        self.assert_held("deploying", "root", "moving the database")
        self.gatemend.run("hold", "--end")
        self.assert_heals()

    def test_by_a_touched_file(self) -> None:
        self.machine.run("touch", f"{HOLDS}/capistrano")
        self.site.kill_fpm()
        self.assert_held("deploying", "capistrano", "touched, says nothing")
        self.machine.path(f"{HOLDS}/capistrano").unlink()
        self.assert_heals()

    def test_that_is_not_of_root_does_not_count(self) -> None:
        self.machine.run("install", "--owner=www-data", "--mode=0644", "/dev/null", f"{HOLDS}/mine")
        self.site.kill_fpm()
        self.assert_heals()


class Masked(Guarded):
    def test_until_it_is_unmasked(self) -> None:
        self.machine.systemctl("mask", "--runtime", self.fpm)
        self.site.kill_fpm()
        self.assert_held("masked")
        self.machine.systemctl("unmask", "--runtime", self.fpm)
        self.assert_heals()


class QueuedJob(Guarded):
    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        gate = "[Service]\nType=oneshot\nExecStart=/bin/cat /run/gate\n"
        (root / "etc/systemd/system/gate.service").write_text(gate)
        self.site.drop_in(root, "after-gate", "[Unit]\nAfter=gate.service\n")

    def test_is_left_to_who_has_queued_it(self) -> None:
        gate = Gate(self)
        self.machine.systemctl("stop", AGENT)
        self.site.kill_fpm()
        self.machine.wait_until(lambda: not self.machine.is_active(self.fpm), 10, "FPM to be dead")
        self.machine.systemctl("start", "--no-block", "gate.service")
        self.machine.systemctl("start", "--no-block", self.fpm)
        self.machine.systemctl("start", AGENT)
        self.assert_held("job-queued", "systemd")

        gate.open()
        incident = self.gatemend.wait_for_incident(self.fpm, is_closed, LIFTED, "closed")
        self.assertEqual(incident["outcome"], "recovered")
        self.assertEqual(self.gatemend.intents(), [])
        self.assert_answers()


class StartBudget(Guarded):
    """systemd allows two starts in twelve seconds; one is spent, so the other is for a person."""

    interval = 12.0

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        limit = f"[Unit]\nStartLimitBurst=2\nStartLimitIntervalSec={self.interval:.0f}\n"
        self.site.drop_in(root, "start-limit", limit)

    def spend_one(self) -> None:
        def is_new() -> bool:
            entered = self.machine.unit(self.fpm, "ActiveEnterTimestampMonotonic")["ActiveEnterTimestampMonotonic"]
            return time.monotonic() < int(entered) / 1e6 + self.interval + 1

        self.machine.wait_until(lambda: not is_new(), 60, "systemd to have forgotten the start at boot")
        self.machine.systemctl("restart", self.fpm)

    def test_nearly_spent(self) -> None:
        self.spend_one()
        self.site.kill_fpm()
        self.assert_held("start-budget", "systemd allows 2 starts in 12s")
        self.assert_heals()

    def test_a_person_can_still_start_it(self) -> None:
        self.spend_one()
        self.site.kill_fpm()
        self.assert_held("start-budget", "systemd allows 2 starts in 12s")
        self.machine.systemctl("start", self.fpm)
        incident = self.gatemend.wait_for_incident(self.fpm, is_closed, 20, "closed")
        self.assertEqual(incident["outcome"], "recovered")
        self.assertEqual(self.gatemend.intents(), [])


class Pressure(Guarded):
    """What the kernel would say: recorded text in the place of its files; real pressure would disturb all machines."""

    settings = '[probe]\nsuspicion_cooldown = "1s"\n'

    def install(self) -> None:
        super().install()
        # systemd has given the executor a /proc of its own, which what was mounted over the machine's does not reach
        executor = str(self.machine.main_pid(EXECUTOR))
        for resource in ("memory", "io"):
            mount = ("mount", "--bind", f"/var/lib/load-of-this-machine/{resource}", f"/proc/pressure/{resource}")
            self.machine.run("nsenter", "--target", executor, "--mount", *mount)

    def press(self, resource: str, percent: float) -> None:
        lines = (f"{kind} avg10={percent:.2f} avg60=0.00 avg300=0.00 total=1\n" for kind in ("some", "full"))
        self.machine.write(f"/var/lib/load-of-this-machine/{resource}", "".join(lines))

    def no_restart(self, resource: str, percent: float) -> None:
        self.press(resource, percent)
        visitors = self.site.visitors(interval=0.1)
        visitors.wait_for_good(2)
        self.machine.path(self.suite.fpm_socket).unlink()  # only a restart brings it back
        self.assert_held("pressure", f"waited for {resource}", "limit")
        self.press(resource, 0)
        self.assert_heals()

    def test_of_memory_forbids_a_restart(self) -> None:
        self.no_restart("memory", 55.0)

    def test_of_disks_forbids_a_restart(self) -> None:
        self.no_restart("io", 93.0)

    def test_does_not_forbid_to_start_what_is_down(self) -> None:
        self.press("memory", 55.0)
        self.site.kill_fpm()
        self.assert_heals()


class Pause(Guarded):
    def test_until_it_is_resumed(self) -> None:
        self.gatemend.run("pause", "--for", "10m", "--reason", "moving house")
        self.site.kill_fpm()
        self.assert_held("paused", "moving house")
        self.gatemend.run("resume")
        self.assert_heals()


class BackOff(Guarded):
    tuned = {"soak": "1s", "cooldown": "15s"}

    def test_the_second_crash_waits_for_the_cooldown(self) -> None:
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)
        seen = self.gatemend.newest_id()
        self.site.kill_fpm()
        self.assert_held("cooling-down", "budget")
        self.assert_heals(newer_than=seen)


class MaintenanceWindow(Guarded):
    rules = "10-backend-down.toml"

    def allow(self, hours: range) -> None:
        """Acts of these hours of the machine's day alone."""
        text = self.machine.read(f"{SHIPPED_POLICIES}/{self.rules}")
        now = int(self.machine.output("date", "--utc", "+%H"))
        window = f'windows = [ {{ from = "{(now + hours.start) % 24:02}:00", until = "{(now + hours.stop) % 24:02}:00" }} ]'
        text = text.replace('mode       = "act"', f'mode       = "act"\n{window}', 1)
        self.override(self.rules, re.sub(r'soak = "\w+"', 'soak = "1s"', text))

    def test_outside_it_nothing_is_done(self) -> None:
        self.allow(range(3, 4))
        checked = self.gatemend.run("policy", "check", check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)
        self.site.kill_fpm()
        self.assert_held("maintenance", "start-crashed-backend")
        self.allow(range(0, 3))
        self.assert_heals()
