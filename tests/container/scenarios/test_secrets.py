"""Planted secrets: nobody sees through gatemend what they could not read themselves.

Unique words stand in files that only root may read, in a request, in the environment and on the command line of a unit.
What gatemend says to a member of its group, hands to its own agent and writes down is searched for them.
"""

from __future__ import annotations

import json
import pathlib
from typing import Callable

import stories
from acted import DEADLINE, Acted
from gatemend import AGENT, AUDIT, DECISIONS, EXECUTOR, Record, find_proposal
from scenario import Scenario

_EXECUTOR = "org.gatemend.Executor1"
_AGENT = "org.gatemend.Agent1"
_SNIPPET = "/etc/nginx/snippets/private.conf"
_PRIVATE_LOG = "/var/log/letsencrypt/letsencrypt.log"
_WORDS = {
    "pool": "PLANTED-pool-q8w7e6r5",
    "broken": "PLANTED_broken_entry_u1i2o3",
    "snippet": "PLANTED-snippet-z9x8c7v6",
    "map": "PLANTED-map-entry-m5n4b3",
    "query": "PLANTED-query-k4j3h2g1",
    "environment": "PLANTED-environment-p0o9i8",
    "command": "PLANTED-command-l7k6j5",
    "htpasswd": "PLANTED-htpasswd-y5t4r3",
    "log": "PLANTED-log-a1s2d3f4",
}
# Reads what a process has in its memory; prints the words that are there.
_SEARCH = """
import re, sys
pid, words = sys.argv[1], [w.encode() for w in sys.argv[2:]]
found = set()
with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
    for line in maps:
        area = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
        if area:
            begin, end = (int(part, 16) for part in area.groups())
            try:
                memory.seek(begin)
                content = memory.read(end - begin)
            except OSError:
                continue
            found |= {word.decode() for word in words if word in content}
print(" ".join(sorted(found)))
"""


def _hide(root: pathlib.Path, path: str, text: str) -> None:
    file = root / path[1:]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o600)


class Planted(Scenario):
    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        _hide(
            root,
            _SNIPPET,
            f"map $host $planted {{ default {_WORDS['map']}; }}\n"
            f"server {{\n    listen 8081;\n    server_name private.example;\n    set $key \"{_WORDS['snippet']}\";\n"
            f"    # {_WORDS['snippet']}\n    auth_basic_user_file /etc/nginx/htpasswd;\n"
            f"    location /{_WORDS['snippet']}/ {{ return 200 {_WORDS['snippet']}; }}\n"
            "    location = /dead { fastcgi_pass unix:/run/private-dead.sock; }\n}\n",
        )
        _hide(root, "/etc/nginx/htpasswd", f"admin:{_WORDS['htpasswd']}\n")
        self.site.tune_nginx(root, f"include {_SNIPPET};")
        self.site.tune_pool(root, f"env[DB_PASSWORD] = {_WORDS['pool']}")
        (root / self.site.pool_file[1:]).chmod(0o600)
        self.site.drop_in(root, "20-secret", f"[Service]\nEnvironment=API_TOKEN={_WORDS['environment']}\n")
        _hide(root, _PRIVATE_LOG, f"{_WORDS['log']}\n")
        (root / _PRIVATE_LOG[1:]).parent.chmod(0o700)
        (root / "etc/systemd/system/tool.service").write_text(
            f"[Service]\nExecStart=/bin/sh -c 'while :; do :; done' --password={_WORDS['command']}\n"
        )

    def install(self) -> None:
        super().install()
        self.machine.run("useradd", "--groups", "gatemend", "helpdesk")
        self.machine.systemctl("start", "tool.service")

    def as_user(self, user: str, *command: str) -> str:
        result = self.machine.run("runuser", "--user", user, "--", *command, check=False, timeout=120)
        return result.stdout + result.stderr

    def said_to_the_group(self) -> str:
        """All that a member of the group can get."""
        ids = [str(incident["id"]) for incident in self.gatemend.incidents()]
        commands = [("status",), ("incidents",), ("audit",), ("suggest",), *(("show", i) for i in ids), *(("why", i) for i in ids)]
        told = [self.as_user("helpdesk", "gatemend", *command, *more) for command in commands for more in ((), ("--json",))]
        told += [
            self.as_user("helpdesk", "busctl", "call", _AGENT, "/org/gatemend/Agent1", _AGENT, method)
            for method in ("Status", "Incidents")
        ]
        files = self.as_user("helpdesk", "sh", "-c", "cat $(find /var/log/gatemend /var/lib/gatemend -type f 2>&1) 2>&1")
        return "\n".join([*told, files])

    def said_to_the_agent(self) -> str:
        """What the executor answers user gatemend, and what that user has on disk."""
        calls = [("Ledger",), ("PacketFilter",), ("TestConfig", "s", self.fpm), ("TestConfig", "s", self.site.nginx)]
        calls += [("Inspect", "ss", self.fpm, ""), ("Reveal", "s", "0" * 64), ("OpenLog", "s", _PRIVATE_LOG)]
        told = [self.as_user("gatemend", "busctl", "call", _EXECUTOR, "/org/gatemend/Executor1", _EXECUTOR, *c) for c in calls]
        files = self.as_user("gatemend", "sh", "-c", "cat $(find /var/log/gatemend /var/lib/gatemend -type f 2>&1) 2>&1")
        return "\n".join([*told, files])

    def written_down(self) -> str:
        own = self.machine.output("journalctl", "--no-pager", "--output=json", "-u", AGENT, "-u", EXECUTOR)
        return own + self.machine.read(AUDIT) + self.machine.read(DECISIONS)

    def assert_no_secret(self) -> None:
        for name, said in (
            ("to the group", self.said_to_the_group()),
            ("to the agent", self.said_to_the_agent()),
            ("in its records", self.written_down()),
        ):
            for word in _WORDS.values():
                at = said.find(word)
                self.assertEqual(at, -1, f"{name}: {said[max(0, at - 300) : at + 100]}")

    def in_memory(self, unit: str) -> str:
        pid = str(self.machine.main_pid(unit))
        return self.machine.output("python3", "-c", _SEARCH, pid, _WORDS["snippet"], _WORDS["map"], _WORDS["pool"])

    def wait_for_proposal(self, unit: str, deadline: float = 30.0) -> Record:
        matches: Callable[[Record], bool] = lambda i: bool((find_proposal(i, "restore-config") or {}).get("digest"))
        return self.gatemend.wait_for_incident(unit, matches, deadline, "asking")


class Secrets(Planted):
    takes = 60.0

    def is_kept(self, unit: str, path: str) -> bool:
        return self.machine.exists(f"/var/lib/gatemend/good/{unit}{path}")

    def test_a_broken_pool_file_that_only_root_may_read(self) -> None:
        self.machine.wait_until(lambda: self.is_kept(self.fpm, self.site.pool_file), DEADLINE, "a kept copy")
        text = self.machine.read(self.site.pool_file)
        self.machine.write(
            self.site.pool_file, text.replace(_WORDS["pool"], _WORDS["pool"] + "-new") + f"{_WORDS['broken']} = 1\n", 0o600
        )
        self.site.visit(f"/dead-end.php?token={_WORDS['query']}")
        self.machine.systemctl("restart", self.fpm, check=False)
        self.site.visit(f"/index.php?token={_WORDS['query']}")
        incident = self.wait_for_proposal(self.fpm)
        self.assert_no_secret()
        shown = self.as_user("helpdesk", "gatemend", "show", str(incident["id"]))
        self.assertIn("-env[DB_PASSWORD] = (hidden)", shown)
        self.assertIn("+env[DB_PASSWORD] = (hidden)", shown)
        self.assertIn("not everybody may read", shown)
        self.assertNotIn("pm.max_children", shown, "context is nobody's business")
        whole = self.gatemend.run("show", str(incident["id"])).stdout
        self.assertIn(f"-env[DB_PASSWORD] = {_WORDS['pool']}-new", whole)
        self.assertIn(f"+env[DB_PASSWORD] = {_WORDS['pool']}", whole)
        self.gatemend.approve(incident, "restore-config")
        self.assertEqual(self.machine.read(self.site.pool_file), text)
        self.assert_answers()
        self.assert_no_secret()

    def test_lines_of_a_private_file_that_only_look_like_plain_directives(self) -> None:
        file = "/etc/nginx/conf.d/secret.conf"
        text = (
            "map $remote_user $token {\n    default none;\n    user PLANTED;\n}\nserver {\n    listen 127.0.0.1:8083;\n"
            "    location = /x {\n        return https://files.example/PLANTED/;\n    }\n"
            '    set $lines "first\nlisten PLANTED;\nlast";\n}\n'
        )
        self.machine.write(file, text, 0o600)
        self.machine.systemctl("reload", self.site.nginx)
        self.machine.wait_until(lambda: self.is_kept(self.site.nginx, file), DEADLINE, "a kept copy")
        broken = text.replace("user PLANTED", "user other").replace("return https://files.example/PLANTED", "retrun x")
        broken = broken.replace("listen PLANTED", "listen other").replace(":8083", ":8084")
        self.machine.write(file, broken, 0o600)
        self.machine.systemctl("restart", self.site.nginx, check=False)
        incident = self.wait_for_proposal(self.site.nginx)
        shown = self.as_user("helpdesk", "gatemend", "show", str(incident["id"]))
        self.assertIn("+    listen 127.0.0.1:8083;", shown)
        self.assertNotIn("PLANTED", shown)
        self.assertIn("PLANTED", self.gatemend.run("show", str(incident["id"])).stdout)

    def test_a_broken_snippet_that_only_root_may_read(self) -> None:
        self.machine.wait_until(lambda: self.is_kept(self.site.nginx, _SNIPPET), DEADLINE, "a kept copy")
        text = self.machine.read(_SNIPPET)
        self.machine.write(_SNIPPET, text + f"{_WORDS['broken']} on;\n", 0o600)
        self.machine.systemctl("restart", self.site.nginx, check=False)
        incident = self.wait_for_proposal(self.site.nginx)
        self.assertIn(_SNIPPET, json.dumps(incident))
        self.assert_no_secret()
        self.gatemend.approve(incident, "restore-config")
        self.assertEqual(self.machine.read(_SNIPPET), text)
        self.assert_answers()

    def test_what_the_agent_knows_of_nginx(self) -> None:
        self.machine.wait_until(
            lambda: any(b["address"] == "unix:/run/private-dead.sock" for b in self.gatemend.status()["unowned"]),
            DEADLINE,
            "the backend that a private file names",
        )
        self.assertEqual(self.in_memory(AGENT), "")

    def test_logs_that_only_root_may_read(self) -> None:
        def opened(path: str) -> str:
            call = ("busctl", "call", _EXECUTOR, "/org/gatemend/Executor1", _EXECUTOR, "OpenLog", "s", path)
            return self.as_user("gatemend", *call).strip()

        self.assertIn("no log of nginx's", opened(_PRIVATE_LOG))
        self.assertTrue(opened(self.site.fpm_log).startswith("h "), "root's, and FPM's configuration names it")
        self.assertTrue(opened("/var/log/nginx/error.log").startswith("h "))
        self.machine.write("/etc/nginx/conf.d/comment.conf", f"# error_log {_PRIVATE_LOG};\n")
        self.site.reload_nginx()
        self.assertIn("no log of nginx's", opened(_PRIVATE_LOG), "a comment names it")
        folder = "/var/log/site"
        self.machine.run("install", "-d", "-o", "www-data", folder)
        self.machine.write(f"{folder}/key.log", f"{_WORDS['log']}\n", 0o600)
        self.machine.write("/etc/nginx/conf.d/comment.conf", f"error_log {folder}/error.log;\n")
        self.site.reload_nginx()
        self.machine.run("mv", f"{folder}/key.log", f"{folder}/error.log")
        self.assertIn("no log of nginx's", opened(f"{folder}/error.log"), "moved there by who owns the folder")


class HiddenPreview(Acted):
    """apply-suggestion and its undoing in a file that only root may read: the same bytes, another view."""

    kind = stories.BrokenPool

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        self.site.tune_pool(root, f"env[DB_PASSWORD] = {_WORDS['pool']}")
        (root / self.site.pool_file[1:]).chmod(0o600)

    def test_the_same_plan_is_approved_and_undone(self) -> None:
        self.tell()
        for file in (AUDIT, DECISIONS):
            self.assertNotIn(_WORDS["pool"], self.machine.read(file))
