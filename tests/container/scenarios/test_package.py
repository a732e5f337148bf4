"""The package: installing starts nothing, upgrading goes on, removing stops, purging leaves nothing."""

from __future__ import annotations

import pathlib
import re
import subprocess
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

    def test_every_program_is_hardened(self) -> None:
        """What `hardening=+all` promises, read from what was linked."""
        self.gatemend.install(self.package)
        root = self.machine.root
        programs = [root / "usr/bin/gatemend", *sorted((root / "usr/lib/gatemend").iterdir())]
        self.assertGreater(len(programs), 6)
        told = {program.name: self.linked(program) for program in programs}
        for name, text in told.items():
            with self.subTest(name):
                self.assert_hardened(text)
        # The small ones call nothing that there is a fortified twin of.
        self.assertTrue(all(re.search(r"\b__\w+_chk\b", told[name]) for name in ("gatemend", "gatemend-agent", "gatemend-executor")))

    def linked(self, program: pathlib.Path) -> str:
        command = ["readelf", "--wide", "--file-header", "--segments", "--dynamic", "--dyn-syms", str(program)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def assert_hardened(self, told: str) -> None:
        self.assertRegex(told, r"Type: +DYN ", "not position independent")
        self.assertIn("GNU_RELRO", told)
        self.assertRegex(told, r"\(FLAGS_1\) .*\bNOW\b", "symbols are bound lazily: the relocation table stays writable")
        self.assertRegex(told, r"GNU_STACK .* RW +0x", "the stack can be executed")
        self.assertIn("__stack_chk_fail", told, "no stack protector")

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
