"""What lies between nginx and a backend: names, routes, packet filters, TLS, and two sides that speak different languages."""

from __future__ import annotations

import pathlib

from apps import PORT, Node, enable, put, put_unit
from diagnosis import Diagnosed

HOSTS = "/etc/hosts"
NAME = "shop.internal"
REMOTE = "203.0.113.7"
_LOCALHOST = "127.0.0.1 localhost\n"

# Answers for the one name while /srv/zone holds its address, and that there is no such name while it does not.
_NAME_SERVER = """\
const fs = require('fs');
const socket = require('dgram').createSocket('udp4');
socket.on('message', (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const address = fs.readFileSync('/srv/zone', 'utf8').trim();
    const isA = query.readUInt16BE(end - 4) === 1;
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(address ? 0x8180 : 0x8183, 2);
    head.writeUInt16BE(address && isA ? 1 : 0, 6);
    head.writeUInt16BE(0, 10);
    const record = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, ...address.split('.').map(Number)]);
    socket.send(address && isA ? Buffer.concat([head, record]) : head, from.port, from.address);
});
socket.bind(53, '127.0.0.1');
"""

_AUTHORITY = """\
cd /srv/tls && touch index.txt && echo 01 >serial
cat >ca.cnf <<END
[ca]
default_ca = own
[own]
database = /srv/tls/index.txt
new_certs_dir = /srv/tls
serial = /srv/tls/serial
default_md = sha256
policy = any
unique_subject = no
x509_extensions = names
[any]
commonName = supplied
[names]
subjectAltName = DNS:shop.internal
END
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj "/CN=Test authority" -days 30
openssl req -newkey rsa:2048 -nodes -keyout shop.key -out shop.csr -subj /CN=shop.internal
sign() { openssl ca -batch -config ca.cnf -cert ca.pem -keyfile ca.key -in shop.csr -notext -out "$1" -startdate "$2" -enddate "$3"; }
sign good.pem 20200101000000Z 20400101000000Z
sign expired.pem 20200101000000Z 20210101000000Z
cp good.pem shop.pem
"""

_TLS_APP = """\
const fs = require('fs');
const options = {key: fs.readFileSync('/srv/tls/shop.key'), cert: fs.readFileSync('/srv/tls/shop.pem')};
require('https').createServer(options, (request, response) => response.end('hello\\n')).listen(3000, '127.0.0.1');
"""


class Name(Diagnosed):
    """nginx looks a name up when it loads its configuration, and never again."""

    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.route = f"proxy_pass http://{NAME}:{PORT}; proxy_connect_timeout 1s;"
        self.app.lay_out(self.site, root)
        (root / HOSTS[1:]).write_text(f"{_LOCALHOST}127.0.0.1 {NAME}\n")

    def test_of_an_app_that_has_moved(self) -> None:
        self.visit_steadily(self.app.path)
        self.machine.write(f"/etc/systemd/system/{self.app.unit}.d/host.conf", "[Service]\nEnvironment=HOST=127.0.0.2\n")
        self.machine.write(HOSTS, f"{_LOCALHOST}127.0.0.2 {NAME}\n")
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", self.app.unit)
        self.assert_turned_away(502, rf"connect\(\) failed \(111: .*upstream: \"http://127\.0\.0\.1:{PORT}/")
        self.assert_diagnosed("name-unresolved", f"127.0.0.1:{PORT}", told=[NAME, "127.0.0.2"])
        self.site.reload_nginx()
        self.assert_recovers()

    def test_gone_when_nginx_is_restarted(self) -> None:
        self.visit_steadily(self.app.path)
        self.machine.write(HOSTS, _LOCALHOST)
        self.machine.systemctl("restart", self.site.nginx, check=False)
        nobody_there = 0
        self.assert_turned_away(nobody_there)
        self.assert_in_journal(f'host not found in upstream "{NAME}" in /etc/nginx/routes/node.conf:1', self.site.nginx)
        self.assert_diagnosed("name-unresolved", self.site.nginx, told=[NAME, "/etc/nginx/routes/node.conf:1"])
        self.machine.write(HOSTS, f"{_LOCALHOST}127.0.0.1 {NAME}\n")
        self.machine.systemctl("start", self.site.nginx)
        self.assert_recovers()


class NameServer(Diagnosed):
    """nginx with a resolver asks again and again."""

    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.route = (
            f"resolver 127.0.0.1 valid=1s ipv6=off; resolver_timeout 2s; set $shop {NAME}; "
            f"proxy_pass http://$shop:{PORT};"
        )
        self.app.lay_out(self.site, root)
        put(root, "srv/zone", "127.0.0.1\n")
        put(root, "srv/name-server.js", _NAME_SERVER)
        put_unit(root, "name-server.service", "Name server", "ExecStart=/usr/bin/node /srv/name-server.js")
        enable(root, "name-server.service")
        (root / "etc/resolv.conf").unlink(missing_ok=True)
        put(root, "etc/resolv.conf", "nameserver 127.0.0.1\n")

    def test_that_no_longer_knows_the_name(self) -> None:
        self.visit_steadily(self.app.path)
        self.machine.write("/srv/zone", "")
        self.assert_turned_away(502, rf"{NAME} could not be resolved \(3: Host not found\)")
        self.assert_diagnosed("name-unresolved", NAME, told=[NAME])
        self.machine.write("/srv/zone", "127.0.0.1\n")
        self.assert_recovers()


class Remote(Diagnosed):
    """A backend on another host: a network namespace of its own, behind a cable."""

    def furnish(self, root: pathlib.Path) -> None:
        app = Node()
        app.install(root)
        self.site.add_route(
            root, "remote", f"location /remote/ {{ proxy_pass http://{REMOTE}:{PORT}; proxy_connect_timeout 1s; }}\n"
        )

    def prepare(self) -> None:
        self.machine.run(
            "sh", "-ec", f"""
            ip netns add elsewhere
            ip link add cable type veth peer name eth0 netns elsewhere
            ip addr add 203.0.113.1/24 dev cable
            ip link set cable up
            ip -n elsewhere addr add {REMOTE}/24 dev eth0
            ip -n elsewhere link set lo up
            ip -n elsewhere link set eth0 up
            """
        )
        self.start_app()

    def start_app(self) -> None:
        """From outside of any unit: this machine does not know that host's services."""
        app = self.machine.popen(
            "ip", "netns", "exec", "elsewhere", "env", "HOST=0.0.0.0", f"PORT={PORT}", "node", "/srv/node/app.js"
        )
        self.addCleanup(app.wait)
        self.addCleanup(self.stop_app)
        self.machine.wait_until(lambda: self.site.visit("/remote/").is_good, 10, "the other host to answer")

    def stop_app(self) -> None:
        self.machine.run("pkill", "--full", "^node /srv/node/app.js", check=False)

    def test_app_over_there_is_down(self) -> None:
        self.visit_steadily("/remote/")
        self.stop_app()
        self.assert_turned_away(502, r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")
        self.assert_diagnosed("remote-upstream-down", f"{REMOTE}:{PORT}", told=[REMOTE])
        self.start_app()
        self.assert_recovers()

    def test_host_is_gone(self) -> None:
        self.visit_steadily("/remote/")
        self.machine.run("ip", "-n", "elsewhere", "link", "set", "eth0", "down")
        self.assert_turned_away(504, r"upstream timed out \(110: .*\) while connecting to upstream")
        self.assert_diagnosed("remote-upstream-down", f"{REMOTE}:{PORT}", told=[REMOTE])
        self.machine.run("ip", "-n", "elsewhere", "link", "set", "eth0", "up")
        self.assert_recovers()

    def test_no_way_there(self) -> None:
        self.visit_steadily("/remote/")
        self.machine.run("ip", "link", "set", "cable", "down")
        self.assert_turned_away(502, rf"connect\(\) to {REMOTE}:{PORT} failed \(101: Network is unreachable\)")
        self.assert_diagnosed("remote-upstream-down", f"{REMOTE}:{PORT}", told=[REMOTE])
        self.machine.run("ip", "link", "set", "cable", "up")
        self.assert_recovers()

    def test_way_is_closed(self) -> None:
        self.visit_steadily("/remote/")
        self.machine.run("ip", "route", "add", "unreachable", f"{REMOTE}/32")
        self.assert_turned_away(502, rf"connect\(\) to {REMOTE}:{PORT} failed \(113: No route to host\)")
        self.assert_diagnosed("remote-upstream-down", f"{REMOTE}:{PORT}", told=[REMOTE])
        self.machine.run("ip", "route", "del", "unreachable", f"{REMOTE}/32")
        self.assert_recovers()


class Firewall(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.lay_out(self.site, root)

    def block(self, verdict: str) -> None:
        chain = f"chain input {{\ntype filter hook input priority 0\ntcp dport {PORT} counter {verdict}\n}}"
        self.machine.run("nft", "--file", "-", stdin=f"table inet filter {{\n{chain}\n}}\n")

    def unblock(self) -> None:
        self.machine.run("nft", "delete", "table", "inet", "filter")

    def test_that_drops(self) -> None:
        self.visit_steadily(self.app.path)
        self.block("drop")
        self.assert_turned_away(504, r"upstream timed out \(110: .*\) while connecting to upstream")
        self.assert_diagnosed("firewall-blocked", self.app.unit, told=["tcp dport 3000"])
        self.unblock()
        self.assert_recovers()

    def test_that_rejects(self) -> None:
        self.visit_steadily(self.app.path)
        self.block("reject with tcp reset")
        self.assert_turned_away(502, r"connect\(\) failed \(111: Connection refused\) while connecting to upstream")
        self.assert_diagnosed("firewall-blocked", self.app.unit, told=["tcp dport 3000"])
        self.unblock()
        self.assert_recovers()


class Protocol(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.lay_out(self.site, root)
        pool = "[tcp]\nuser = www-data\nlisten = 127.0.0.1:9000\npm = static\npm.max_children = 1\n"
        put(root, f"{self.suite.fpm_pool_dir[1:]}/tcp.conf", pool)

    def set_route(self, upstream: str) -> None:
        route = f"location {self.app.path} {{ proxy_pass {upstream}; proxy_connect_timeout 1s; proxy_read_timeout 1s; }}\n"
        self.machine.write("/etc/nginx/routes/node.conf", route)
        self.site.reload_nginx()

    def tell(self, upstream: str, pattern: str, address: str) -> None:
        self.visit_steadily(self.app.path)
        self.set_route(upstream)
        self.assert_turned_away(502, pattern)
        self.assert_diagnosed("protocol-mismatch", address, ["probe"])
        self.set_route(f"http://127.0.0.1:{PORT}")
        self.assert_recovers()

    def test_http_spoken_to_fastcgi(self) -> None:
        self.tell("http://127.0.0.1:9000", r"recv\(\) failed \(104: .*\"http://127.0.0.1:9000/", "127.0.0.1:9000")

    def test_tls_spoken_to_plain_http(self) -> None:
        self.tell(
            f"https://127.0.0.1:{PORT}", r"SSL_do_handshake\(\) failed .*wrong version number.* while SSL handshaking",
            f"127.0.0.1:{PORT}",
        )


class Certificate(Diagnosed):
    def furnish(self, root: pathlib.Path) -> None:
        self.app = Node()
        self.app.route = (
            f"proxy_pass https://127.0.0.1:{PORT}; proxy_ssl_verify on; proxy_ssl_name {NAME}; proxy_ssl_server_name on; "
            "proxy_ssl_trusted_certificate /srv/tls/ca.pem;"
        )
        self.app.lay_out(self.site, root)
        put(root, "srv/node/app.js", _TLS_APP)
        put(root, "srv/tls/make", _AUTHORITY)
        make = "[Unit]\nBefore=nginx.service\n[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -ec '. /srv/tls/make; chmod a+r *'\n"
        put(root, "etc/systemd/system/certificates.service", make)
        for unit in ("nginx.service", self.app.unit):
            needs = "[Unit]\nRequires=certificates.service\nAfter=certificates.service\n"
            put(root, f"etc/systemd/system/{unit}.d/certificates.conf", needs)

    def test_has_expired(self) -> None:
        self.visit_steadily(self.app.path)
        self.use("expired.pem")
        self.assert_turned_away(502, r"upstream SSL certificate verify error: \(10:certificate has expired\)")
        self.assert_diagnosed("upstream-tls", f"127.0.0.1:{PORT}", ["probe"], ["2021"])
        self.use("good.pem")
        self.assert_recovers()

    def use(self, certificate: str) -> None:
        self.machine.run("cp", f"/srv/tls/{certificate}", "/srv/tls/shop.pem")
        self.machine.systemctl("restart", self.app.unit)
