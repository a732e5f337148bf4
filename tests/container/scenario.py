"""Base of all scenarios: a fresh machine per test with the site running and the built package installed.

The runner sets `suite` and `package` before a test runs. A test reads as a story: fault, what must follow, what must
not. Waits are conditions with a deadline; only "must not happen" takes its full time.
"""

from __future__ import annotations

import pathlib
import unittest

import images
from gatemend import AGENT, AUDIT, DECISIONS, EXECUTOR, Gatemend, is_closed
from machine import Machine
from website import DEAD_END, Website

# Long enough for an act that would be wrong to show itself: acts take place within milliseconds of their cause.
QUIET = 5.0
# Two seconds of soak keep the suite short; one scenario runs the shipped numbers.
SHORT = {"soak": "2s", "cooldown": "1s"}


class Scenario(unittest.TestCase):
    suite: images.Suite
    package: pathlib.Path

    needs_package = True
    # What no release does differently: the first one will do, unless a release is asked for by name.
    is_same_everywhere = False
    is_deep = False  # too long for every day: only with `run.py --deep`, or by name
    takes = 20.0  # seconds, roughly; who takes long begins first
    can_be_bare = False  # tells the same story without gatemend where the runner takes `needs_package` away
    keep_logs: pathlib.Path | None = None  # where the machine's logs go when the test is over
    is_enabled = True  # the service runs before the test begins
    tuned: dict[str, str | int] = SHORT
    settings = ""  # appended to gatemend.toml

    def setUp(self) -> None:
        tree = images.ensure(self.suite, "runtime")
        self.machine = Machine(tree, f"{self.suite.name} {self.id()}", self.trees_above())
        self.addCleanup(self.machine.close)
        self.site = Website(self.machine, self.suite)
        self.gatemend = Gatemend(self.machine)
        self.fpm = self.site.fpm
        self.machine.prepare()
        self.site.lay_out(self.machine.root)
        self.furnish(self.machine.root)
        self.machine.boot()
        self.addCleanup(self._keep_logs)
        self.addCleanup(self.site.close)
        self.prepare()
        if self.needs_package:
            self.install()

    def trees_above(self) -> list[pathlib.Path]:
        """What is laid over the release's own tree."""
        return []

    def furnish(self, root: pathlib.Path) -> None:
        """Before boot: what else is on the machine's disk."""
        self.site.add_dead_end(root)

    def prepare(self) -> None:
        """After boot, before gatemend is there."""

    def install(self) -> None:
        self.gatemend.install(self.package)
        if self.tuned:
            self.gatemend.tune(**self.tuned)
        if self.settings:
            self.gatemend.tune_settings(self.settings)
        if self.is_enabled:
            self.gatemend.enable()

    # -- what it says -----------------------------------------------------------------------------------------------

    def are_closed(self) -> bool:
        """All incidents, but for the backend that never was: found missing when a neighbour's fault was looked at."""
        return all(is_closed(item) or item["unit"] == f"(unix:{DEAD_END})" for item in self.gatemend.incidents())

    # -- assertions -------------------------------------------------------------------------------------------------

    def assert_answers(self) -> None:
        self.assertEqual(self.site.visit().status, 200)

    def assert_quiet(self, unit: str, seconds: float = QUIET) -> None:
        """No start of `unit`, no new intent on record."""
        starts, intents = self.machine.count_starts(unit), len(self.gatemend.intents())

        def nothing_happened() -> bool:
            return self.machine.count_starts(unit) == starts and len(self.gatemend.intents()) == intents

        self.machine.holds_for(nothing_happened, seconds, f"nothing starts {unit}")

    def assert_record_complete(self) -> None:
        """Every intent has its outcome, and the chain holds."""
        intended = [record["attempt"] for record in self.gatemend.intents()]
        resolved = [record["attempt"] for record in self.gatemend.records("outcome")]
        self.assertEqual(sorted(intended), sorted(resolved))
        self.gatemend.verify_audit()

    def _keep_logs(self) -> None:
        if self.keep_logs is not None:
            folder = self.keep_logs / self.suite.name / self.id()
            folder.mkdir(parents=True, exist_ok=True)
            for log in self.site.logs():
                if text := self.machine.read(log):
                    (folder / log.rpartition("/")[2]).write_text(text)
            journal = self.machine.output("journalctl", "--no-pager", "--output=short-iso")
            (folder / "journal").write_text(journal)

    # -- when a test fails ------------------------------------------------------------------------------------------

    def describe_machine(self) -> str:
        parts = []
        for title, command in (
            ("units", ["systemctl", "--no-pager", "--all", "list-units", "gatemend*", "php*", "nginx*"]),
            ("journal", ["journalctl", "--no-pager", "-o", "short-precise", "-n", "60"]),
            ("incidents", ["gatemend", "incidents"]),
            ("audit", ["tail", "-n", "30", AUDIT]),
            ("decisions", ["tail", "-n", "30", DECISIONS]),
            ("nginx", ["tail", "-n", "5", "/var/log/nginx/error.log"]),
        ):
            try:
                result = self.machine.run(*command, check=False, timeout=10)
                parts.append(f"--- {title}\n{result.stdout}{result.stderr}")
            except Exception as error:  # a description that fails must not hide the failure it describes
                parts.append(f"--- {title}\n{error}")
        return "\n".join(parts)


__all__ = ["AGENT", "AUDIT", "DECISIONS", "EXECUTOR", "QUIET", "SHORT", "Scenario"]
