"""The executor's boundary on the real system bus: a hostile peer in place of the agent, as its user; and everybody else."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import threading
import xml.etree.ElementTree as ElementTree
from typing import Any

from gatemend import AGENT, AUDIT, EXECUTOR
from scenario import Scenario

Deed = dict[str, Any]

_HERE = pathlib.Path(__file__).resolve()
_PEER = _HERE.parents[1] / "hostile_peer.py"
_INTERFACE = _HERE.parents[3] / "sandbox/dbus/org.gatemend.Executor1.xml"
_PLAN = "sssssst" + "a{ss}"
_ROOT_ONLY = ("Pause", "Resume", "Approve", "Reveal", "Lift", "Acknowledge")
_DIGEST = "f" * 64


def methods() -> dict[str, str]:
    """Name and signature of what goes in, as the interface file has it."""
    found = ElementTree.parse(_INTERFACE).getroot().iter("method")
    return {
        str(method.get("name")): "".join(str(a.get("type")) for a in method.iter("arg") if a.get("direction") == "in")
        for method in found
    }


def call(member: str, types: str = "", *body: Any, **more: Any) -> Deed:
    return {"do": "call", "member": member, "types": types, "body": list(body), **more}


def plan(unit: str, act: str = "start-unit", member: str = "Plan", **changes: Any) -> Deed:
    words = {"rule": "start-crashed-backend", "cause": "unit-failed", "active": "failed", "invocation": ""}
    words |= {key: value for key, value in changes.items() if key in words}
    usec = changes.get("usec", 5_000_000)
    return call(member, _PLAN, act, unit, *words.values(), usec, changes.get("parameters", {}))


class Boundary(Scenario):
    is_enabled = False  # the peer takes the agent's place; the executor is started by the first call

    def prepare(self) -> None:
        self.machine.copy_in(_PEER, "/usr/local/lib/hostile_peer.py")

    def perform(self, *deeds: Deed, user: str = "gatemend") -> list[str]:
        """Error names without what all of ours begin with."""
        told = self.machine.run(
            *("runuser", "--user", user, "--", "python3", "/usr/local/lib/hostile_peer.py"),
            stdin=json.dumps(deeds),
            timeout=300,
        )
        return [str(answer).rpartition(".")[2] for answer in json.loads(told.stdout)]

    def denials(self) -> list[dict[str, Any]]:
        return self.gatemend.records("denied")

    def assert_unharmed(self) -> None:
        """The same process still answers, nothing was done, and the record holds."""
        self.assertEqual(self.perform(call("Ledger")), ["ok"])
        self.assertEqual(self.machine.unit(EXECUTOR, "NRestarts")["NRestarts"], "0")
        self.assertEqual(self.gatemend.intents(), [])
        self.gatemend.verify_audit()

    def crash(self) -> str:
        """The invocation that failed."""
        self.machine.kill(self.machine.main_pid(self.fpm), signal.SIGKILL)
        self.machine.wait_until(lambda: self.machine.unit(self.fpm)["ActiveState"] == "failed", 10, "the crash")
        return self.machine.unit(self.fpm)["InvocationID"]


class WrongArguments(Boundary):
    def test_wrong_types_for_every_method(self) -> None:
        deeds, named = [], []
        for name, types in methods().items():
            if name in _ROOT_ONLY:
                continue
            for wrong, body in (("", []), ("u", [7]), ("as", [["x"]]), (types + "s", None), ("a{sv}", [{}])):
                if wrong != types and body is not None:
                    deeds.append(call(name, wrong, *body))
                    named.append(f"{name}({wrong})")
        for what, answer in zip(named, self.perform(*deeds), strict=True):
            self.assertEqual(answer, "InvalidArgs", what)
        self.assertEqual(self.perform(call("Shell", "s", "id"), call("Ledger", interface="org.evil")), ["UnknownMethod"] * 2)
        self.assert_unharmed()

    def test_wrong_sizes_and_words(self) -> None:
        long = "x" * 1_000_000
        many = {f"p{i}": "x" for i in range(20_000)}
        deeds = [
            *(plan(unit) for unit in ("", ".", "..", "/", "x", f"{long}.service", "a b.service", "a\nb.service", "-f.service")),
            *(plan(self.fpm, member=member, parameters=many) for member in ("Plan", "Propose")),
            *(plan(self.fpm, **{key: long}) for key in ("rule", "cause", "active", "invocation")),
            *(plan(self.fpm, usec=usec) for usec in (0, 2**64 - 1)),
            *(plan(self.fpm, act) for act in ("", "stop-unit", "mask-unit", "reboot", long)),
            plan(self.fpm, parameters={"socket": "unix:/run/php/" + "x" * 108}),
            *(call("Execute", "st", digest, 1) for digest in ("", "*", _DIGEST.upper(), _DIGEST + "0", long)),
            *(call("Confirm", "tss", 1, verdict, "") for verdict in ("", "pending", "fine", long)),
            call("Confirm", "tss", 1, "effective", long),
            *(call("TestConfig", "s", unit) for unit in ("", "../x.service", long)),
            *(call("Inspect", "ss", unit, "") for unit in ("--help", "/", long)),
            *(call("Probe", "ssst", kind, "127.0.0.1:80", "", 1) for kind in ("", "shell", long)),
            *(call("Probe", "ssst", "connect", "127.0.0.1:80", "", usec) for usec in (0, 2**64 - 1)),
            *(call("OpenLog", "s", path) for path in ("var/log/x", "/var/log/" + long, "/var/log//x", "/var/log/a/../b")),
        ]
        answers = self.perform(*deeds)
        for deed, answer in zip(deeds, answers, strict=True):
            wanted = ("NotAllowed",) if deed["member"] == "OpenLog" and deed["body"] == ["var/log/x"] else ("BadArgument",)
            self.assertIn(answer, wanted, str(deed)[:200])
        self.assertEqual({denial["error"] for denial in self.denials()}, {"BadArgument", "NotAllowed"})
        self.assert_unharmed()

    def test_units_outside_the_allowlist(self) -> None:
        units = ("ssh.service", "dbus.service", "systemd-logind.service", "gatemend.service", EXECUTOR, "php9.9-fpm@x.service")
        deeds = [
            *(plan(unit, member=member) for unit in units for member in ("Plan", "Propose")),
            *(call("TestConfig", "s", unit) for unit in units),
            *(call("Latch", "ss", unit, "start-crashed-backend") for unit in units),
        ]
        for deed, answer in zip(deeds, self.perform(*deeds), strict=True):
            self.assertEqual(answer, "NotAllowed", str(deed))
        self.assertGreaterEqual(len(self.gatemend.records("refused")), len(units))
        self.assert_unharmed()

    def test_what_is_for_root_is_for_root(self) -> None:
        """Also without the name of the interface, which the rules of the bus match."""
        deeds = []
        for interface in ("org.gatemend.Executor1", ""):
            for name, body in (("Pause", [60, "x"]), ("Resume", []), ("Approve", [_DIGEST]), ("Lift", [self.fpm])):
                deeds.append(call(name, methods()[name], *body, interface=interface))
        for deed, answer in zip(deeds, self.perform(*deeds), strict=True):
            self.assertIn(answer, ("AccessDenied", "NotAllowed"), str(deed))
        for kind in ("paused", "resumed", "approved", "lifted"):
            self.assertEqual(self.gatemend.records(kind), [], kind)
        self.assert_unharmed()


class Paths(Boundary):
    """Whoever owns a folder of logs plays tricks in it; the agent is on his side."""

    FOLDER = "/var/log/site"

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        folder = root / self.FOLDER[1:]
        (folder / "real").mkdir(parents=True)
        (folder / "real/shadow").write_text("a log\n")
        (folder / "good.log").write_text("a log\n")
        (folder / "link.log").symlink_to("/etc/shadow")
        (folder / "folder").symlink_to("/etc")
        (folder / "up").symlink_to("../../../etc")
        (folder / "proc").symlink_to("/proc/self/fd")
        (folder / "hard.log").write_text("a log\n")
        os.link(folder / "hard.log", folder / "hard2.log")
        os.mkfifo(folder / "fifo.log")
        os.mknod(folder / "zero.log", 0o020666, os.makedev(1, 5))

    def test_every_detour_to_a_file(self) -> None:
        names = ("link.log", "folder/shadow", "up/shadow", "proc/0", "hard.log", "hard2.log", "fifo.log", "zero.log", "real")
        for name, answer in zip(names, self.perform(*(call("OpenLog", "s", f"{self.FOLDER}/{n}") for n in names)), strict=True):
            self.assertEqual(answer, "NotAllowed", name)
        outside = ("/etc/shadow", "/var/log/../../etc/shadow", "/var/logs/x", "/proc/self/mem", "/var/log")
        for path, answer in zip(outside, self.perform(*(call("OpenLog", "s", path) for path in outside)), strict=True):
            self.assertIn(answer, ("NotAllowed", "BadArgument"), path)
        self.assertEqual(self.perform(call("OpenLog", "s", f"{self.FOLDER}/good.log")), ["ok"])
        self.assert_unharmed()

    def test_a_folder_that_changes_places_with_a_link(self) -> None:
        folder = self.machine.path(self.FOLDER)
        (folder / "trap").symlink_to("/etc")
        is_over = threading.Event()

        def swap() -> None:
            while not is_over.is_set():
                for source, target in (("real", "away"), ("trap", "real"), ("real", "trap"), ("away", "real")):
                    (folder / source).rename(folder / target)

        swapper = threading.Thread(target=swap)
        swapper.start()
        try:
            opened = self.perform({"do": "race", "count": 300, "path": f"{self.FOLDER}/real/shadow"})[0]
        finally:
            is_over.set()
            swapper.join()
        self.assertNotIn("/etc", opened)
        self.assert_unharmed()

    def test_sockets_that_nginx_does_not_know(self) -> None:
        addresses = ("unix:/run/dbus/system_bus_socket", "unix:/run/systemd/private", "unix:/run/php/../dbus/system_bus_socket")
        addresses += ("unix:/" + "x" * 107, "unix:/" + "x" * 108, "unix:", "unix:@abstract", "10.0.0.1:22", "[::1]:22 x")
        deeds = [
            *(call("Probe", "ssst", kind, a, "", 100_000) for kind in ("connect", "fastcgi", "http") for a in addresses),
            *(call("Inspect", "ss", "", address) for address in addresses if address.startswith("unix:")),
            *(call("Probe", "ssst", "fastcgi", "127.0.0.1:22", "", 100_000),),
            *(call("Probe", "ssst", "resolve", name, "", 100_000) for name in ("example.com", "attacker.example", "-x", "a b")),
        ]
        for deed, answer in zip(deeds, self.perform(*deeds), strict=True):
            self.assertIn(answer, ("NotAllowed", "BadArgument"), str(deed))
        self.assert_unharmed()


class Replay(Boundary):
    tuned = {"soak": "2s", "cooldown": "0s", "max": 3}

    def test_digests_are_good_once_and_only_for_what_was_planned(self) -> None:
        invocation = self.crash()
        honest = plan(self.fpm, invocation=invocation)
        self.assertEqual(self.perform(plan(self.fpm, member="Propose", invocation=invocation)), ["ok"])
        executed = [call("Execute", "st", _DIGEST, 1), call("Rollback", "t", 1), call("Confirm", "tss", 1, "effective", "")]
        self.assertEqual(self.perform(*executed), ["NotFound"] * 3)
        self.assertEqual(self.gatemend.intents(), [])
        self.assertEqual(self.perform(honest, plan(self.fpm, invocation="0" * 32)), ["ok", "Refused"])
        digest = json.loads(
            self.gatemend.call_executor("Propose", _PLAN, *self._words(invocation), "0").stdout
        )["data"][0]
        again = [call("Execute", "st", digest, 7)] * 3
        self.assertEqual(self.perform(*again), ["ok", "NotFound", "NotFound"])
        self.assertEqual(self.perform(honest), ["Refused"], "the unit is up")
        verdicts = [call("Confirm", "tss", 1, "effective", "")] * 2 + [call("Confirm", "tss", 1, "harmful", "")]
        self.assertEqual(self.perform(*verdicts), ["ok", "Refused", "Refused"])
        self.assertEqual(len(self.gatemend.intents()), 1)
        self.assert_record_complete()

    def _words(self, invocation: str) -> list[str]:
        return ["start-unit", self.fpm, "start-crashed-backend", "unit-failed", "failed", invocation, "5000000"]

    def test_allowed_acts_at_the_allowed_rate(self) -> None:
        """The most a taken-over agent can do: what a rule allows, while the unit is down, until the budget is spent.

        It gives no verdicts, so its acts are no cures; nor are they failures as long as one may come.
        """
        answers = []
        for _ in range(6):
            invocation = self.crash()
            digest = json.loads(
                self.gatemend.call_executor("Propose", _PLAN, *self._words(invocation), "0").stdout
            )["data"][0]
            answers += self.perform(plan(self.fpm, invocation=invocation), call("Execute", "st", digest, 1))
            self.machine.run("systemctl", "reset-failed", self.fpm)
            self.machine.run("systemctl", "start", self.fpm)
        self.assertEqual(answers[:2], ["ok", "ok"])
        self.assertEqual(answers[-2:], ["Refused", "NotFound"])
        self.assertEqual(len(self.gatemend.intents()), 3)
        self.assertIn("has no verdict yet; it may be the last of 3", self.gatemend.records("refused")[-1]["detail"])
        self.gatemend.verify_audit()


class Flood(Boundary):
    MOST_MEMORY = 64 * 1024 * 1024
    MOST_RECORDS = 150  # a burst of 100, and one in ten seconds

    def resident(self) -> int:
        status = self.machine.read(f"/proc/{self.machine.main_pid(EXECUTOR)}/status")
        line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024

    def test_calls_nobody_waits_for(self) -> None:
        calls = [
            call("Execute", "st", _DIGEST, 1),
            call("Execute", "st", "x", 1),
            call("OpenLog", "s", "/etc/shadow"),
            call("Inspect", "ss", "", "unix:/run/x"),
            call("Confirm", "tss", 1, "effective", "x" * 10_000),
            plan(self.fpm),
            call("NginxDump"),
            call("Reload"),
            *(plan(f"unit{i}.service") for i in range(500)),
        ]
        self.perform(call("Ledger"))
        for _ in range(3):
            self.perform({"do": "flood", "count": 5_000, "calls": calls})
        self.machine.wait_until(lambda: self.perform(call("Ledger")) == ["ok"], 60, "an answer after the flood")
        records = self.gatemend.records()
        self.assertLessEqual(len(records), self.MOST_RECORDS)
        told = sum(record["count"] + record.get("others", 0) for record in records if record["kind"] in ("refused", "denied"))
        self.assertGreater(told, 50)
        self.assertLess(len(self.machine.read(AUDIT)), 200_000)
        self.assertLess(self.resident(), self.MOST_MEMORY)
        self.assert_unharmed()

    def test_callers_who_leave_in_the_middle(self) -> None:
        calls = [call("Ledger"), call("NginxDump"), plan(self.fpm), call("Inspect", "ss", "", ""), call("TestConfig", "s", self.fpm)]
        self.perform(
            {"do": "leave", "count": 200, "calls": calls},
            {"do": "half", "count": 200, "calls": calls},
            {"do": "hang", "count": 200},
            call("Ledger"),
        )
        descriptors = self.machine.output("ls", f"/proc/{self.machine.main_pid(EXECUTOR)}/fd").split()
        self.assertLess(len(descriptors), 64)
        self.assert_unharmed()


class Strangers(Boundary):
    def test_other_users_get_nothing_at_all(self) -> None:
        self.perform(call("Ledger"))
        bodies: dict[str, list[Any]] = {
            "": [], "s": ["x"], "ss": ["x", "x"], "t": [1], "ts": [1, "x"], "st": [_DIGEST, 1], "tss": [1, "effective", ""],
            "ta(sss)": [0, []], "ssst": ["connect", "127.0.0.1:80", "", 1], _PLAN: plan(self.fpm)["body"],
        }
        deeds = [
            call(name, types, *bodies[types], interface=interface)
            for name, types in methods().items()
            for interface in ("org.gatemend.Executor1", "")
        ]
        deeds += [call(name, interface="org.freedesktop.DBus.Peer") for name in ("Ping", "GetMachineId")]
        deeds += [call("Introspect", interface="org.freedesktop.DBus.Introspectable")]
        before = self.machine.read(AUDIT)
        for user in ("www-data", "nobody"):
            for deed, answer in zip(deeds, self.perform(*deeds, user=user), strict=True):
                self.assertEqual(answer, "AccessDenied", f"{user} {deed}")
        self.assertEqual(self.machine.read(AUDIT), before)
        self.assert_unharmed()

    def test_files_are_closed_to_them(self) -> None:
        self.perform(call("Ledger"))
        for user in ("www-data", "nobody"):
            for path in (AUDIT, "/var/lib/gatemend/snapshots", "/var/lib/gatemend/agent"):
                for test in ("-r", "-w"):
                    told = self.machine.run("runuser", "--user", user, "--", "test", test, path, check=False)
                    self.assertNotEqual(told.returncode, 0, f"{user} {test} {path}")


__all__ = ["AGENT", "Boundary"]
