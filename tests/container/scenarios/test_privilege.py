"""Who may talk to whom, and what the agent could do if it were taken over."""

from __future__ import annotations

from gatemend import AGENT, AUDIT, EXECUTOR
from scenario import Scenario

_NAMES = ("org.gatemend.Agent1", "org.gatemend.Executor1")


class Bus(Scenario):
    def call(self, user: str, name: str, method: str) -> str:
        path = "/" + name.replace(".", "/")
        result = self.machine.run(
            *("runuser", "--user", user, "--", "busctl", "call", name, path, name, method), check=False
        )
        return (result.stdout + result.stderr).strip()

    def test_strangers_are_denied(self) -> None:
        for user in ("nobody", "www-data"):
            for name, method in ((_NAMES[0], "Status"), (_NAMES[1], "Ledger")):
                with self.subTest(user=user, name=name):
                    self.assertIn("Access denied", self.call(user, name, method))

    def test_strangers_cannot_take_the_names(self) -> None:
        self.machine.systemctl("stop", AGENT, EXECUTOR)
        for name in _NAMES:
            asked = self.machine.run(
                *("runuser", "--user", "www-data", "--", "busctl", "call", "org.freedesktop.DBus"),
                *("/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName", "su", name, "0"),
                check=False,
            )
            self.assertNotEqual(asked.returncode, 0, name)

    def test_the_group_may_look_but_not_touch(self) -> None:
        self.machine.run("useradd", "--groups", "gatemend", "helpdesk")
        self.assertIn(self.fpm, self.call("helpdesk", _NAMES[0], "Status"))
        self.assertIn("Access denied", self.call("helpdesk", _NAMES[1], "Ledger"))

    def test_the_agent_cannot_lift_its_own_latch(self) -> None:
        lift = self.machine.run(
            *("runuser", "--user", "gatemend", "--", "busctl", "call", _NAMES[1], "/org/gatemend/Executor1"),
            *(_NAMES[1], "Lift", "s", self.fpm),
            check=False,
        )
        self.assertNotEqual(lift.returncode, 0)
        self.assertEqual(self.gatemend.records("lifted"), [])


class Agent(Scenario):
    def process_status(self, unit: str) -> dict[str, str]:
        lines = self.machine.read(f"/proc/{self.machine.main_pid(unit)}/status").splitlines()
        return {key: value.strip() for key, value in (line.split(":", 1) for line in lines)}

    def as_agent(self, *command: str) -> int:
        """With the very user and groups of the running agent."""
        status = self.process_status(AGENT)
        user, group = status["Uid"].split()[0], status["Gid"].split()[0]
        groups = ",".join(status["Groups"].split()) or group
        return self.machine.run(
            *("setpriv", f"--reuid={user}", f"--regid={group}", f"--groups={groups}", "--bounding-set=-all"),
            *("--inh-caps=-all", "--", *command),
            check=False,
        ).returncode

    def test_it_has_no_capabilities(self) -> None:
        status = self.process_status(AGENT)
        for capabilities in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[capabilities], 16), 0, capabilities)
        self.assertNotIn("0", status["Uid"].split())
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def test_the_executor_has_few(self) -> None:
        status = self.process_status(EXECUTOR)
        dac_read_search = 1 << 2
        self.assertEqual(int(status["CapEff"], 16) & ~dac_read_search, 0)
        self.assertEqual((status["NoNewPrivs"], status["Seccomp"]), ("1", "2"))

    def test_it_cannot_connect_to_fpm(self) -> None:
        could_not_connect = 7
        self.assertEqual(
            self.as_agent("curl", "--silent", "--unix-socket", self.suite.fpm_socket, "http://x/"), could_not_connect
        )

    def test_it_cannot_change_the_audit(self) -> None:
        self.assertNotEqual(self.as_agent("test", "-w", AUDIT), 0)
        self.assertNotEqual(self.as_agent("test", "-w", "/var/log/gatemend"), 0)
        self.assertEqual(self.as_agent("test", "-r", AUDIT), 0)


class CommandLine(Scenario):
    is_enabled = False

    def test_wrong_usage_is_one_clear_line_and_status_2(self) -> None:
        for arguments in (("no-such-command",), ("--no-such-option",), ("audit", "--no-such-option")):
            with self.subTest(arguments=arguments):
                result = self.gatemend.run(*arguments, check=False)
                self.assertEqual(result.returncode, 2)
                self.assertEqual(len(result.stderr.strip().splitlines()), 1, result.stderr)

    def test_help_everywhere(self) -> None:
        for command in ("", "status", "incidents", "explain", "replay", "audit", "policy", "pause", "resume", "hold", "drill"):
            with self.subTest(command=command):
                result = self.gatemend.run(*command.split(), "--help")
                self.assertTrue(result.stdout.strip())

    def test_status_without_the_service_says_so(self) -> None:
        result = self.gatemend.run("status", check=False)
        self.assertEqual(result.returncode, 3)
        self.assertIn("gatemend", result.stderr)
