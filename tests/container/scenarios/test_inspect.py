"""What the executor tells about the machine, asked over the bus as the agent asks it."""

from __future__ import annotations

import json
import subprocess
import urllib.parse

from scenario import Scenario

_NAME = "org.gatemend.Executor1"
Line = dict[str, str]


class Inspect(Scenario):
    is_enabled = False  # the executor is started by the call

    def call(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.machine.run(
            *("busctl", "--json=short", "call", _NAME, "/org/gatemend/Executor1", _NAME, *arguments), check=check
        )

    def inspect(self, unit: str, address: str) -> dict[str, list[Line]]:
        text = json.loads(self.call("Inspect", "ss", unit, address).stdout)["data"][0]
        found: dict[str, list[Line]] = {}
        for line in text.splitlines():
            word, *fields = line.split(" ")
            pairs = (field.split("=", 1) for field in fields)
            found.setdefault(word, []).append({name: urllib.parse.unquote(value) for name, value in pairs})
        self.assertEqual(text.splitlines()[-1], "end")
        return found

    @property
    def address(self) -> str:
        return f"unix:{self.site.suite.fpm_socket}"

    def listener(self, found: dict[str, list[Line]], address: str) -> Line:
        return next(line for line in found["listener"] if line["address"] == address)

    def test_a_healthy_site(self) -> None:
        found = self.inspect(self.fpm, self.address)
        backend = self.listener(found, self.address)
        self.assertEqual((backend["unit"], backend["reachable"]), (self.fpm, "1"))
        self.assertEqual(int(backend["pid"]), self.machine.main_pid(self.fpm))
        self.assertEqual(self.listener(found, "0.0.0.0:80")["unit"], "nginx.service")
        self.assertEqual([step["open"] for step in found["step"]], ["1"] * len(found["step"]))
        self.assertEqual(found["step"][-1]["kind"], "socket")
        root = next(line for line in found["file_system"] if line["path"] == "/")
        self.assertEqual(root["read_only"], "0")  # as the machine sees it, not the tool's confinement
        workers = found["worker"]
        self.assertGreaterEqual(sum(line["nginx"] == "1" for line in workers), 2)
        self.assertGreaterEqual(sum(line["nginx"] == "0" for line in workers), 2)
        for worker in workers:
            for field in ("own_bytes", "peak_bytes", "open_files", "open_files_limit"):
                self.assertGreater(int(worker[field]), 0, worker)
        self.assertEqual(len(found["load"]), 1)

    def test_a_deleted_socket_and_a_closed_directory(self) -> None:
        self.machine.run("rm", self.site.suite.fpm_socket)
        found = self.inspect(self.fpm, self.address)
        self.assertEqual(self.listener(found, self.address)["reachable"], "0")
        self.assertEqual(found["step"][-1]["kind"], "missing")
        self.machine.run("chmod", "0700", "/run/php")
        self.machine.run("chown", "root:root", "/run/php")
        steps = {step["path"]: step["open"] for step in self.inspect(self.fpm, self.address)["step"]}
        self.assertEqual(steps["/run/php"], "0")

    def test_only_what_nginx_is_configured_with(self) -> None:
        refused = self.call("Inspect", "ss", "", "unix:/root/secret.sock", check=False)
        self.assertIn("not in nginx's configuration", refused.stdout + refused.stderr)

    def test_the_packet_filter_and_its_absence(self) -> None:
        self.machine.run("nft", "add table inet filter")
        self.machine.run("nft", "add chain inet filter input { type filter hook input priority 0; }")
        self.machine.run("nft", "add rule inet filter input tcp dport 9000 drop")
        kind, text = json.loads(self.call("PacketFilter").stdout)["data"]
        self.assertEqual(kind, "nft-json")
        self.assertIn('"drop"', text)
        self.machine.run("mv", "/usr/sbin/nft", "/usr/sbin/nft.away")
        self.assertEqual(json.loads(self.call("PacketFilter").stdout)["data"], ["none", ""])
