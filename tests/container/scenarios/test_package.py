"""The package: installing starts nothing, upgrading goes on, removing stops, purging leaves nothing."""

from __future__ import annotations

import pathlib
import re
import tempfile

import deb
import images
from gatemend import AGENT, EXECUTOR
from scenario import Scenario


class Package(Scenario):
    is_enabled = False
    tuned = {"soak": "2s"}

    def install(self) -> None:
        pass  # each test does it

    def files(self) -> set[str]:
        found = self.machine.output("find", "/", "-xdev", "-name", "*gatemend*", "-not", "-path", "/proc/*")
        return {name for name in found.splitlines() if not name.startswith(("/root/", "/var/lib/dpkg/info/"))}

    def test_installing_starts_nothing_and_enabling_does(self) -> None:
        self.gatemend.install(self.package)
        for unit in (AGENT, EXECUTOR):
            self.assertFalse(self.machine.is_active(unit), unit)
        self.assertEqual(self.machine.systemctl("is-enabled", AGENT, check=False), "disabled")
        self.machine.run("systemd-analyze", "verify", "--man=no", AGENT, EXECUTOR)

        self.gatemend.enable()
        for unit in (AGENT, EXECUTOR):
            self.assertTrue(self.machine.is_active(unit), unit)

    def test_every_message_id_is_explained(self) -> None:
        self.gatemend.install(self.package)
        header = (images.REPOSITORY / "sandbox/audit/message_ids.hpp").read_text()
        identifiers = set(re.findall(r'"([0-9a-f]{32})"', header))
        self.assertTrue(identifiers)
        listed = {line.split()[0] for line in self.machine.output("journalctl", "--list-catalog").splitlines()}
        self.assertEqual(identifiers - listed, set())

    def test_an_upgrade_restarts_what_runs(self) -> None:
        super().install()
        self.gatemend.enable()
        before = self.machine.main_pid(AGENT), self.machine.main_pid(EXECUTOR)
        with tempfile.TemporaryDirectory() as folder:
            newer = deb.with_version(self.package, "+upgrade", pathlib.Path(folder))
            self.gatemend.install(newer)
        after = self.machine.main_pid(AGENT), self.machine.main_pid(EXECUTOR)
        self.assertTrue(all(after))
        self.assertTrue(all(old != new for old, new in zip(before, after)), f"{before} -> {after}")
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)

    def test_an_upgrade_leaves_a_stopped_service_stopped(self) -> None:
        super().install()
        with tempfile.TemporaryDirectory() as folder:
            self.gatemend.install(deb.with_version(self.package, "+upgrade", pathlib.Path(folder)))
        self.assertFalse(self.machine.is_active(AGENT))

    def test_removing_stops_and_purging_leaves_nothing(self) -> None:
        before = self.files()
        super().install()
        self.gatemend.enable()
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)

        self.machine.run("dpkg", "--remove", "gatemend")
        for unit in (AGENT, EXECUTOR):
            self.assertFalse(self.machine.is_active(unit), unit)
        self.assertTrue(self.machine.exists("/var/log/gatemend/audit.jsonl"), "the record outlives a removal")

        self.machine.run("dpkg", "--purge", "gatemend")
        self.assertEqual(self.files() - before, set())
        self.assertEqual(self.machine.systemctl("--failed", "--plain", "--no-legend"), "")
        self.assert_answers()
