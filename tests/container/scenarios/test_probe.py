"""What a probe says about peers of every kind, asked over the bus as the agent asks it."""

from __future__ import annotations

import json
import subprocess

from scenario import Scenario

_NAME = "org.gatemend.Executor1"
_REMOTE = "192.0.2.1"
_PEERS = f"""
server {{ listen {_REMOTE}:8080; return 204; }}
server {{ listen 127.0.0.1:8081; return 503; }}
server {{
    listen 127.0.0.1:8443 ssl;
    ssl_certificate /etc/nginx/peer.pem;
    ssl_certificate_key /etc/nginx/peer.key;
    return 200;
}}
server {{
    listen 127.0.0.1:8082;
    location /remote {{ proxy_pass http://{_REMOTE}:8080; }}
    location /local {{ proxy_pass http://127.0.0.1:8081/; }}
    location /tls {{ proxy_pass https://127.0.0.1:8443; proxy_ssl_name app.lan; }}
    location /fastcgi {{ proxy_pass http://unix:%s:/; }}
    location /name {{ proxy_pass http://app.lan:8080; }}
    location /gone {{ proxy_pass http://127.0.0.1:8099; }}
}}
"""


class Probe(Scenario):
    is_enabled = False  # the executor is started by the call

    def prepare(self) -> None:
        super().prepare()
        self.machine.run("ip", "addr", "add", f"{_REMOTE}/32", "dev", "lo")
        self.machine.append("/etc/hosts", f"{_REMOTE} app.lan\n")
        self.make_certificate()
        self.machine.write("/etc/nginx/conf.d/peers.conf", _PEERS % self.site.suite.fpm_socket)
        self.machine.systemctl("restart", "nginx.service")

    def make_certificate(self) -> None:
        key, certificate = (str(self.machine.path(f"/etc/nginx/peer.{suffix}")) for suffix in ("key", "pem"))
        command = ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "7", "-subj", "/CN=app.lan")
        subprocess.run(
            (*command, "-keyout", key, "-out", certificate),
            check=True,
            capture_output=True,
        )

    def call(self, kind: str, address: str, name: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        return self.machine.run(
            *("busctl", "--json=short", "call", _NAME, "/org/gatemend/Executor1", _NAME),
            *("Probe", "ssst", kind, address, name, "3000000"),
            check=check,
        )

    def probe(self, kind: str, address: str, name: str = "") -> dict[str, str]:
        line: str = json.loads(self.call(kind, address, name).stdout)["data"][0]
        return dict(field.split("=", 1) for field in line.split())

    def assert_says(self, answer: dict[str, str], **expected: str) -> None:
        self.assertEqual({name: answer.get(name) for name in expected}, expected, answer)

    def test_every_kind_of_peer(self) -> None:
        fpm = f"unix:{self.site.suite.fpm_socket}"
        self.assert_says(self.probe("fastcgi", fpm), outcome="good", status="404")
        self.assert_says(self.probe("http", fpm), outcome="invalid-response", spoken="fastcgi")
        self.assert_says(self.probe("http", "127.0.0.1:8081"), outcome="good", status="503")
        self.assert_says(self.probe("fastcgi", "127.0.0.1:8081"), outcome="invalid-response", spoken="http")
        self.assert_says(self.probe("http", "127.0.0.1:8099"), outcome="refused", errno="111")
        tls = self.probe("https", "127.0.0.1:8443", "app.lan")
        self.assert_says(tls, outcome="good", status="200", tls="untrusted")
        self.assertIn("until", tls)
        self.assert_says(self.probe("https", "127.0.0.1:8081"), outcome="tls-failed", tls="not-tls", spoken="http")

    def test_what_is_not_on_this_machine(self) -> None:
        self.assert_says(self.probe("http", f"{_REMOTE}:8080"), outcome="good", status="204")
        self.assert_says(self.probe("resolve", "app.lan"), outcome="good", addresses=_REMOTE)
        refused = self.call("http", f"{_REMOTE}:8081", check=False)
        self.assertIn("not in nginx's configuration", refused.stdout + refused.stderr)
        refused = self.call("resolve", "elsewhere.lan", check=False)
        self.assertIn("not in nginx's configuration", refused.stdout + refused.stderr)
