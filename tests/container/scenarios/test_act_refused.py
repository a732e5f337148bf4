"""Asked for what the machine does not need, or must not have: the executor refuses, and changes nothing."""

from __future__ import annotations

import dataclasses
import json

import fingerprint
from gatemend import OWN_POLICIES
from rule import rule
from scenario import Scenario

_GIVEN = {
    "vacuum-journal": {"keep_bytes": str(1 << 40), "keep_seconds": "600000"},
    "debug-log": {"seconds": "5"},
    "capture-port": {"seconds": "5"},
}
_ACTS = (
    *("start-unit", "restart-unit", "reload-unit", "restart-pm2-app", "vacuum-journal", "fix-socket-owner"),
    *("set-pool-listen", "repoint-backend", "restore-config", "apply-suggestion", "debug-log", "capture-port"),
)


@dataclasses.dataclass
class Wish:
    """What is wished for, and what is wrong with it."""

    act: str
    unit: str
    wrong: str
    parameters: dict[str, str] = dataclasses.field(default_factory=dict)
    active: str = "active"
    invocation: str = ""  # "": the unit's


class Refused(Scenario):
    is_same_everywhere = True

    is_enabled = False
    tuned = {}

    def install(self) -> None:
        super().install()
        for act in _ACTS:
            text = rule(f"test-{act}", "unknown", act, _GIVEN.get(act), within="10s", limit=(100, "1h"))
            self.machine.write(f"{OWN_POLICIES}/90-test-{act}.toml", text)

    def look(self) -> fingerprint.Fingerprint:
        return fingerprint.take(self.machine, *fingerprint.CONFIGURATION, "/run/php")

    def plan(self, wish: Wish) -> tuple[int, str]:
        invocation = wish.invocation or self.machine.unit(wish.unit, "InvocationID")["InvocationID"]
        given = {**_GIVEN.get(wish.act, {}), **wish.parameters}
        flat = [word for pair in given.items() for word in pair]
        asked = (wish.act, wish.unit, f"test-{wish.act}", "unknown", wish.active, invocation, "10000000")
        result = self.gatemend.call_executor("Plan", "sssssst" + "a{ss}", *asked, str(len(given)), *flat)
        return result.returncode, result.stdout + result.stderr

    def is_refused(self, wish: Wish) -> tuple[bool, str]:
        """When it is planned, or at the latest before anything is done."""
        status, said = self.plan(wish)
        if status != 0:
            return True, said
        result = self.gatemend.call_executor("Execute", "st", json.loads(said)["data"][0], "1")
        said = result.stdout + result.stderr
        return result.returncode != 0 or "nothing was done" in said, said

    def wishes(self) -> list[Wish]:
        nginx, socket, pool = self.site.nginx, f"unix:{self.suite.fpm_socket}", self.site.pool_file
        dead, journal = "unix:/run/php/nobody-listens.sock", "systemd-journald.service"
        return [
            Wish("start-unit", self.fpm, "it runs"),
            Wish("start-unit", self.fpm, "it has not failed", active="failed"),
            Wish("start-unit", "dbus.service", "not on the list"),
            Wish("restart-unit", self.fpm, "another invocation", invocation="0" * 32),
            Wish("restart-unit", "systemd-journald.service", "not on the list"),
            Wish("reload-unit", self.fpm, "it is not inactive", active="inactive"),
            Wish("restart-pm2-app", self.fpm, "no pm2", {"app": "shop"}),
            Wish("vacuum-journal", journal, "nothing is full", {"journal": "/var/log/journal"}),
            Wish("vacuum-journal", journal, "no journal's folder", {"journal": "/etc"}),
            Wish("vacuum-journal", journal, "a parameter it does not have", {"path": "/etc"}),
            Wish("fix-socket-owner", self.fpm, "the owner is right", {"socket": socket}),
            Wish("fix-socket-owner", self.fpm, "no socket", {"socket": f"unix:{pool}"}),
            Wish("fix-socket-owner", self.fpm, "not a plain path", {"socket": "unix:/run/php/../../etc/shadow"}),
            Wish("fix-socket-owner", self.fpm, "another's socket", {"socket": "unix:/run/systemd/private"}),
            Wish("set-pool-listen", self.fpm, "no pool has it", {"socket": dead}),
            Wish("repoint-backend", nginx, "the old one is alive", {"from": socket, "to": socket}),
            Wish("repoint-backend", nginx, "nobody listens there", {"from": socket, "to": dead}),
            Wish("repoint-backend", nginx, "nginx names no such address", {"from": "127.0.0.1:1", "to": socket}),
            Wish("restore-config", self.fpm, "it passes", {"file": pool}),
            Wish("restore-config", self.fpm, "not its file", {"file": "/etc/passwd"}),
            Wish("apply-suggestion", self.fpm, "no such setting", {"setting": "user", "value": "root", "pool": "www"}),
            Wish("apply-suggestion", self.fpm, "no number", {"setting": "pm.max_children", "value": "many", "pool": "www"}),
            Wish("apply-suggestion", self.fpm, "no such pool", {"setting": "pm.max_children", "value": "9", "pool": "shop"}),
            Wish("debug-log", self.fpm, "not nginx"),
            Wish("capture-port", self.fpm, "no port", {"address": socket}),
            Wish("capture-port", self.fpm, "not nginx's", {"address": "127.0.0.1:22"}),
        ]

    def test_what_the_machine_does_not_need(self) -> None:
        self.assertEqual(self.gatemend.run("policy", "check", check=False).returncode, 0)
        before = self.look()
        invocation = self.machine.unit(self.fpm, "InvocationID", "MainPID")
        wishes = self.wishes()
        self.assertEqual({wish.act for wish in wishes}, set(_ACTS))
        for wish in wishes:
            with self.subTest(act=wish.act, wrong=wish.wrong):
                is_refused, said = self.is_refused(wish)
                self.assertTrue(is_refused, said)
                self.assertNotRegex(said, r"(?i)no such rule|unknown rule|no rule|timed out|NoReply|Invalid arguments")
        self.assertEqual(fingerprint.difference(before, self.look()), [])
        self.assertEqual(self.machine.unit(self.fpm, "InvocationID", "MainPID"), invocation)
        self.assertEqual([record for record in self.gatemend.records("outcome") if record["outcome"] == "succeeded"], [])
        self.assert_record_complete()
        self.assert_answers()

    def test_a_configuration_that_does_not_pass_forbids_reload_and_restart(self) -> None:
        self.site.break_nginx()
        self.site.break_pool()
        for wish in (
            Wish("reload-unit", self.site.nginx, "broken"),
            Wish("restart-unit", self.site.nginx, "broken"),
            Wish("reload-unit", self.fpm, "broken"),
            Wish("restart-unit", self.fpm, "broken"),
        ):
            with self.subTest(act=wish.act, unit=wish.unit):
                status, said = self.plan(wish)
                self.assertNotEqual(status, 0)
                self.assertIn("config-invalid", said)
