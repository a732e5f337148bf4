"""More than anybody should bear: floods, giants, a machine that comes apart. Bounded, and well again by itself.

CPU shares, peak memory and lost lines are printed; only what is a promise is asserted. GATEMEND_TEST_SECONDS makes the
floods longer.
"""

from __future__ import annotations

import os
import pathlib
import threading
import time

from gatemend import AGENT, DECISIONS, EXECUTOR, is_open, record_text
from processes import Gauge
from scenario import Scenario
from website import NGINX_LOG

SECONDS = float(os.environ.get("GATEMEND_TEST_SECONDS", "15"))
LINES_PER_SECOND = 10_000
BATCH = 100
PEAK_KIB = 64 * 1024  # whatever is thrown at it
GIANT = 100 << 20


class Flood(threading.Thread):
    """nginx's error log, as fast as asked for; with a new file every second where `replaces`."""

    def __init__(self, scenario: Scenario, replaces: bool):
        super().__init__(daemon=True)
        machine = scenario.machine
        self.path = machine.path(NGINX_LOG)
        self.replaces = replaces
        self.lines = 0
        self.files = 1
        socket = scenario.suite.fpm_socket
        stamp = machine.output("date", "+%Y/%m/%d %H:%M:%S")
        line = (
            f'{stamp} [error] 77#77: *1 open() "/var/www/html/a.png" failed (2: No such file or directory), client: 127.0.0.1, '
            'server: _, request: "GET /a.png HTTP/1.1", host: "127.0.0.1"\n'
            f"{stamp} [error] 77#77: *2 connect() to unix:{socket} failed (111: Connection refused) while connecting to upstream, "
            f'client: 127.0.0.1, server: _, request: "GET / HTTP/1.1", upstream: "fastcgi://unix:{socket}:", host: "127.0.0.1"\n'
        )
        self.batch = line.encode() * (BATCH // 2)
        self.ends = threading.Event()

    def run(self) -> None:
        file = self.path.open("ab", buffering=0)
        began = replaced = time.monotonic()
        while not self.ends.is_set():
            if self.replaces and time.monotonic() - replaced >= 1.0:
                self.path.rename(self.path.with_suffix(".log.1"))
                file.close()
                file = self.path.open("ab", buffering=0)
                os.chmod(self.path, 0o640)
                adm = os.stat(self.path.with_suffix(".log.1"))
                os.chown(self.path, adm.st_uid, adm.st_gid)
                self.files += 1
                replaced = time.monotonic()
            file.write(self.batch)
            self.lines += BATCH
            ahead = self.lines / LINES_PER_SECOND - (time.monotonic() - began)
            if ahead > 0:
                self.ends.wait(ahead)
        file.close()

    def stop(self) -> None:
        self.ends.set()
        self.join()


class Load(Scenario):
    is_same_everywhere = True

    def log_counter(self, name: str) -> int:
        logs = [log for log in self.gatemend.status()["logs"] if log["path"] == NGINX_LOG]
        return int(logs[0][name])

    def assert_still_heals(self) -> None:
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, 60)
        self.assert_record_complete()

    def flood(self, replaces: bool) -> None:
        gauge, before = Gauge(self.machine), self.log_counter("lines")
        flood = Flood(self, replaces)
        flood.start()
        self.machine.holds_for(lambda: not self.gatemend.intents(), SECONDS, "nothing is done for a log's sake")
        flood.stop()

        def is_read() -> bool:
            return self.log_counter("lines") - before >= flood.lines

        self.machine.wait_until(is_read, 60, f"all of {flood.lines} lines to be read")
        lost = flood.lines - (self.log_counter("lines") - before)
        print(f"{flood.lines} lines in {flood.files} files in {SECONDS:.0f} s, {lost} lost; {gauge.report()}")
        self.assertEqual(lost, 0)
        self.assertLess(gauge.peak_kib(), PEAK_KIB)
        self.assert_still_heals()

    def test_flood(self) -> None:
        self.flood(replaces=False)

    def test_flood_into_a_log_that_is_replaced_every_second(self) -> None:
        self.flood(replaces=True)

    def test_line_of_a_hundred_megabytes(self) -> None:
        gauge = Gauge(self.machine)
        before = self.log_counter("bytes")
        with self.machine.path(NGINX_LOG).open("ab") as file:
            for _ in range(GIANT >> 20):
                file.write(b"A" * (1 << 20))
            file.write(b"\n")
        self.machine.wait_until(lambda: self.log_counter("bytes") - before >= GIANT, 60, "the line to be read")
        print(f"a line of {GIANT >> 20} MiB; {gauge.report()}")
        self.assertLess(gauge.peak_kib(), PEAK_KIB)
        self.assert_still_heals()


class ManyBackends(Load):
    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        servers = "".join(f"server 127.0.0.1:{20000 + number};\n" for number in range(2000))
        self.site.add_route(root, "many", "location /many/ { proxy_pass http://many; }\n")
        (root / "etc/nginx/conf.d/many.conf").write_text(f"upstream many {{\n{servers}}}\n")

    def test_flood(self) -> None:
        self.skipTest("told by Load")

    test_flood_into_a_log_that_is_replaced_every_second = test_flood
    test_line_of_a_hundred_megabytes = test_flood

    def test_two_thousand(self) -> None:
        gauge = Gauge(self.machine)
        self.site.visit_all([{"path": "/many/"}] * 20)
        self.assert_still_heals()
        print(f"2000 backends; {gauge.report()}")
        self.assertLess(gauge.peak_kib(), PEAK_KIB)


class ComesApart(Scenario):
    is_same_everywhere = True

    def assert_recovers(self) -> None:
        self.machine.wait_until(lambda: self.machine.is_active(AGENT), 30, "the agent")
        self.machine.wait_until(self.gatemend.is_watching, 30, "the agent to know its services")
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, 60)
        self.assert_answers()
        self.assert_record_complete()

    def restart_for_ever(self, unit: str, times: int = 10) -> None:
        for _ in range(times):
            self.machine.systemctl("restart", unit)
        self.machine.wait_until(lambda: self.machine.is_active(unit), 20, unit)
        self.assertEqual(self.gatemend.intents(), [])
        self.assert_recovers()

    def test_message_bus_restarting_for_ever(self) -> None:
        put = "[Unit]\nStartLimitIntervalSec=0\n"
        self.machine.write("/etc/systemd/system/dbus.service.d/often.conf", put)
        self.machine.systemctl("daemon-reload")
        self.restart_for_ever("dbus.service")

    def test_journal_restarting_for_ever(self) -> None:
        put = "[Unit]\nStartLimitIntervalSec=0\n"
        self.machine.write("/etc/systemd/system/systemd-journald.service.d/often.conf", put)
        self.machine.systemctl("daemon-reload")
        self.restart_for_ever("systemd-journald.service")

    def test_read_only_var(self) -> None:
        """What cannot be recorded is not done; when it can be again, it is."""
        for unit in (AGENT, EXECUTOR):
            text = "[Service]\nReadOnlyPaths=/var/log/gatemend /var/lib/gatemend\nReadWritePaths=\n"
            self.machine.write(f"/etc/systemd/system/{unit}.d/read-only.conf", text)
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", EXECUTOR, AGENT, check=False)
        starts = self.machine.count_starts(self.fpm)
        self.site.kill_fpm()
        self.machine.holds_for(lambda: self.machine.count_starts(self.fpm) == starts, 8.0, "nothing starts FPM")
        for unit in (AGENT, EXECUTOR):
            self.machine.path(f"/etc/systemd/system/{unit}.d/read-only.conf").unlink()
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", EXECUTOR, AGENT)
        self.machine.wait_until(lambda: self.site.visit().status == 200, 30, "FPM to be started after all")
        self.gatemend.wait_until_healed(self.fpm, 60)
        self.assert_record_complete()

    def is_left_alone(self, unit: str) -> bool:
        incident = self.gatemend.wait_for_incident(unit, is_open, 20, "an open incident")
        return self.is_latched(unit) or "config-unknown" in self.gatemend.run("why", str(incident["id"])).stdout

    def is_latched(self, unit: str) -> bool:
        return bool(self.gatemend.records("latched", unit))

    def test_missing_programs(self) -> None:
        """Nobody can test a configuration without its program: nothing is started. What had been tested before is tried as
        often as the rule allows. With the program back it is started."""
        for unit, program in ((self.fpm, f"/usr/sbin/php-fpm{self.suite.php}"), (self.site.nginx, "/usr/sbin/nginx")):
            with self.subTest(program):
                self.machine.run("mv", program, f"{program}.away")
                self.machine.kill(self.machine.main_pid(unit))
                self.machine.wait_until(lambda unit=unit: self.is_left_alone(unit), 60, f"{unit} to be left alone")
                self.assertLessEqual(len(self.gatemend.intents(unit)), 3)
                self.machine.run("mv", f"{program}.away", program)
                if self.is_latched(unit):
                    self.gatemend.resume(unit)
                self.gatemend.wait_until_healed(unit, 60)
        self.assert_answers()
        self.assert_record_complete()

    def test_no_descriptors(self) -> None:
        """An agent that can open next to nothing says so, and is well when it can again."""
        self.machine.write(f"/etc/systemd/system/{AGENT}.d/few.conf", "[Service]\nLimitNOFILE=6\n")
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", AGENT, check=False)
        self.machine.wait_until(self.gatemend.loud_messages, 20, "a word about it in the journal")
        self.assertEqual(self.gatemend.intents(), [])
        self.machine.path(f"/etc/systemd/system/{AGENT}.d/few.conf").unlink()
        self.machine.systemctl("daemon-reload")
        self.machine.systemctl("restart", AGENT)
        self.assert_recovers()

    def test_no_memory(self) -> None:
        """Killed by the kernel for want of a few pages: systemd brings it back, and it goes on."""
        limit = self.machine.limit_memory(AGENT, 32 << 10)
        flood = Flood(self, replaces=True)
        flood.start()

        def was_killed() -> bool:
            return self.machine.unit(AGENT, "NRestarts")["NRestarts"] != "0"

        try:
            self.machine.wait_until(was_killed, 30, "the kernel to kill the agent")
        finally:
            flood.stop()
            limit.remove()
        self.assert_recovers()


class DeadUpstreams(Scenario):
    """Three hundred upstreams that nobody listens at, each asked every four seconds: cheap, told once, in nobody's way."""

    is_same_everywhere = True
    takes = 120.0
    COUNT = 300
    WARM_UP = 30.0

    def furnish(self, root: pathlib.Path) -> None:
        routes = (f"location = /dead/{n} {{ proxy_pass http://127.0.0.1:{4000 + n}; }}\n" for n in range(self.COUNT))
        self.site.add_route(root, "dead", "".join(routes))

    def ask(self, ends: threading.Event) -> None:
        script = (
            "import http.client, sys, time\n"
            f"n = {self.COUNT}\n"
            "began = time.monotonic()\n"
            "for i in range(10**9):\n"
            "    connection = http.client.HTTPConnection('127.0.0.1', 80, timeout=5)\n"
            "    connection.request('GET', f'/dead/{i % n}')\n"
            "    connection.getresponse().read()\n"
            "    connection.close()\n"
            "    time.sleep(max(0, (i + 1) * 4 / n - (time.monotonic() - began)))\n"
        )
        process = self.machine.popen("python3", "-c", script, only_network=True)
        ends.wait()
        process.kill()
        process.wait()

    def cpu(self) -> dict[str, float]:
        """Seconds of processor time since boot: of the services, and of PID 1 with all tools that it has waited for."""
        used = {}
        for unit in (AGENT, EXECUTOR, "dbus.service"):
            ticks = self.machine.read(f"/proc/{self.machine.main_pid(unit)}/stat").rpartition(") ")[2].split()
            used[unit] = sum(map(int, ticks[11:13])) / os.sysconf("SC_CLK_TCK")
        ticks = self.machine.output("cat", "/proc/1/stat").rpartition(") ")[2].split()
        used["systemd"] = sum(map(int, ticks[11:13])) / os.sysconf("SC_CLK_TCK")
        used["tools"] = sum(map(int, ticks[13:15])) / os.sysconf("SC_CLK_TCK")
        return used

    def test_three_hundred_of_them(self) -> None:
        ends = threading.Event()
        asking = threading.Thread(target=self.ask, args=(ends,), daemon=True)
        asking.start()
        self.addCleanup(asking.join, 10)
        self.addCleanup(ends.set)
        time.sleep(self.WARM_UP)
        before, began, size = self.cpu(), time.monotonic(), len(self.machine.read(DECISIONS))
        probes = self.gatemend.counter("probes")
        time.sleep(max(SECONDS, 30))
        after, passed = self.cpu(), time.monotonic() - began
        shares = {name: (after[name] - before[name]) / passed for name in after}
        print("CPU, of one core: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items()))
        asked = (self.gatemend.counter("probes") - probes) / passed
        print(f"{asked:.2f} probes/s, decisions.jsonl +{(len(self.machine.read(DECISIONS)) - size) / passed * 3600 / 1024:.0f} KiB/h")
        self.assertLess(asked, 3, "probes a second, over all of them")

        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, 60)
        healed = [record for record in self.gatemend.records(file=DECISIONS) if record.get("unit") == self.fpm]
        self.assertIn("acted", [record["kind"] for record in healed])
        offers = [
            proposal
            for incident in self.gatemend.incidents()
            for proposal in incident["proposals"]
            if proposal["act"] == "debug-log" and is_open(incident)
        ]
        self.assertLessEqual(len(offers), 1, "one debug log of nginx tells of all of them")
        self.assertLess(len(self.gatemend.run("status").stdout.splitlines()), 80, "what a person can take in")
        said = [entry.get("MESSAGE", "") for entry in self.machine.journal(f"_SYSTEMD_UNIT={AGENT}")]
        self.assertEqual([text for text in said if "too many" in text], [])
        self.assert_record_complete()


class LargeConfiguration(Scenario):
    """nginx -T prints more than ten thousand ordinary sites do."""

    is_same_everywhere = True
    is_enabled = False
    MIB = 9

    def fill(self, mib: int) -> None:
        line = "# " + "x" * 97 + "\n"
        for part in range(mib):
            self.machine.write(f"/etc/nginx/conf.d/filler-{part}.conf", line * (1024 * 1024 // len(line) + 1))

    def test_nine_mebibytes_are_read(self) -> None:
        self.fill(self.MIB)
        self.gatemend.enable()
        self.machine.wait_until(lambda: any(s["unit"] == self.site.nginx for s in self.gatemend.status()["services"]), 60, "nginx")
        self.assertEqual(self.gatemend.status()["problems"], [])
        self.site.kill_nginx()
        self.gatemend.wait_until_healed(self.site.nginx)
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)

    def test_beyond_the_limit_nginx_itself_is_still_watched(self) -> None:
        self.fill(66)
        self.gatemend.enable()
        self.machine.wait_until(
            lambda: any("of nginx only its unit is watched" in problem for problem in self.gatemend.status()["problems"]),
            90,
            "a loud word",
        )
        # Where it listens is not known, so that no probe can be the second witness: a person is told.
        self.site.kill_nginx()
        incident = self.gatemend.wait_for_incident(self.site.nginx, lambda found: found["cause"] == "nginx-down", 30, "told")
        self.assertIn("systemctl start nginx.service", record_text(incident))
        self.site.kill_fpm()
        self.machine.wait_until(lambda: self.machine.is_active(self.fpm), 30, "FPM to be started")
