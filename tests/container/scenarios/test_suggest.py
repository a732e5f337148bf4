"""`gatemend suggest`: on a real pool, with diffs that nginx and PHP-FPM take."""

from __future__ import annotations

import json
import pathlib
from typing import Any

from scenario import Scenario

_WORKERS = 4
_EATS = '<?php $all = str_repeat("x", 40 << 20); usleep(200000); echo strlen($all);\n'
_BIG_HEADER = '<?php header("X-Session: " . str_repeat("x", 9000)); echo "ok";\n'


def apply_diff(text: str, diff: str) -> str:
    """Each hunk where its old lines stand, which must be one place."""
    hunks: list[tuple[list[str], list[str]]] = []
    for line in diff.splitlines():
        if line.startswith("@@"):
            hunks.append(([], []))
        elif hunks and line[:1] in (" ", "-", "+") and not line.startswith(("---", "+++")):
            old, new = hunks[-1]
            if line[0] != "+":
                old.append(line[1:])
            if line[0] != "-":
                new.append(line[1:])
    assert hunks, f"no hunk in {diff}"
    for old, new in hunks:
        before, after = ("".join(f"{line}\n" for line in lines) for lines in (old, new))
        assert text.count(before) == 1, f"{text.count(before)} times in the file: {before}"
        text = text.replace(before, after)
    return text


def changed_file(diff: str) -> str:
    header = next(line for line in diff.splitlines() if line.startswith("+++ "))
    return header.removeprefix("+++ ").split("\t")[0]


class Suggest(Scenario):
    is_enabled = False

    def furnish(self, root: pathlib.Path) -> None:
        self.site.tune_pool(root, f"pm = static\npm.max_children = {_WORKERS}\nlisten.backlog = 8")
        (root / "var/www/html/eats.php").write_text(_EATS)
        (root / "var/www/html/big_header.php").write_text(_BIG_HEADER)

    def suggest(self, *arguments: str) -> dict[str, Any]:
        return json.loads(self.gatemend.run("suggest", "--json", *arguments).stdout)

    def pool_place(self, *arguments: str) -> dict[str, Any]:
        document = self.suggest("--unit", self.fpm, *arguments)
        self.assertEqual(document["problems"], [])
        return next(place for place in document["places"] if place["pool"] == "www")

    def is_cpu_busy(self) -> bool:
        """As gatemend reads it; other work on the host counts."""
        load = float(pathlib.Path("/proc/loadavg").read_text().split()[0])
        return load >= 0.5 * len([line for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                                  if line.startswith("processor")])

    def warm_up(self) -> None:
        """Every worker has served a request that takes forty megabytes."""
        crowd = self.site.crowd(_WORKERS, "/eats.php")
        crowd.wait_for_good(_WORKERS * 4)
        crowd.stop()

    def test_a_healthy_pool_is_measured_and_left_alone(self) -> None:
        self.warm_up()
        place = self.pool_place()
        (suggestion,) = place["suggestions"]
        self.assertEqual(suggestion["settings"], [])
        self.assertIn("may, and no record says that anybody was turned away", suggestion["text"])
        measured = "\n".join(suggestion["arithmetic"])
        self.assertRegex(measured, rf"workers of pool www: {_WORKERS}, of which {_WORKERS} have served requests")
        self.assertRegex(measured, r"reckoned with (4\d|5\d) MiB per worker \(the 95th percentile\)")
        self.assertIn("nothing to suggest: ", self.gatemend.run("suggest").stdout)

    def test_fresh_workers_are_no_measure(self) -> None:
        self.assert_answers()
        (suggestion,) = self.pool_place("--cause", "pool-saturated")["suggestions"]
        self.assertEqual(suggestion["settings"], [])
        self.assertIn("too few workers of pool www could be measured", suggestion["text"])

    def test_a_saturated_pool_gets_more_workers_unless_the_cpu_is_the_limit(self) -> None:
        self.warm_up()
        busy_before = self.is_cpu_busy()
        visitors = self.site.crowd(32, "/slow.php?ms=300")
        self.machine.wait_until(lambda: any(a.status == 502 for a in visitors.answers), 15, "visitors to be turned away")
        place = self.pool_place()
        visitors.stop()
        suggestion = next(s for s in place["suggestions"] if s["cause"] == "pool-saturated")
        if not suggestion["settings"]:
            self.assertIn("the CPU is the limit", suggestion["text"])
            self.assertTrue(busy_before or self.is_cpu_busy(), suggestion)
            return
        self.assertEqual(suggestion["settings"][0]["name"], "pm.max_children")
        self.assertEqual(suggestion["settings"][0]["value"], str(_WORKERS + _WORKERS // 2))
        self.assertEqual(changed_file(suggestion["diff"]), self.site.pool_file)
        self.take(suggestion["diff"])
        self.machine.run(f"/usr/sbin/{self.fpm.removesuffix('-fpm.service').replace('php', 'php-fpm')}", "-t")
        self.machine.systemctl("reload", self.fpm)
        self.assert_answers()

    def take(self, diff: str) -> None:
        path = changed_file(diff)
        self.machine.write(path, apply_diff(self.machine.read(path), diff))

    def test_a_header_that_does_not_fit_gets_buffers_that_nginx_takes(self) -> None:
        self.assertEqual(self.site.visit("/big_header.php").status, 502)
        place = self.pool_place()
        suggestion = next(s for s in place["suggestions"] if s["cause"] == "header-too-big")
        names = [setting["name"] for setting in suggestion["settings"]]
        self.assertEqual(names, ["fastcgi_buffer_size", "fastcgi_buffers", "fastcgi_busy_buffers_size"])
        self.assertRegex(suggestion["digest"], r"^[0-9a-f]{64}$")
        self.assertIn(f"gatemend apply {suggestion['digest']}", self.gatemend.run("suggest").stdout)
        self.take(suggestion["diff"])
        self.machine.run("nginx", "-t")
        self.site.reload_nginx()
        self.machine.wait_until(lambda: self.site.visit("/big_header.php").status == 200, 10, "the header to fit")

    def test_a_printed_digest_is_applied_without_an_incident(self) -> None:
        self.gatemend.tune(soak="2s")
        self.assertEqual(self.site.visit("/big_header.php").status, 502)
        suggestion = self.pool_place("--cause", "header-too-big")["suggestions"][0]
        before = self.gatemend.records("intent")
        other = self.gatemend.apply("0" * 64, check=False)
        self.assertEqual((other.returncode, self.gatemend.records("intent")), (1, before))
        self.assertIn("nothing like it is suggested", other.stderr)

        self.gatemend.apply(suggestion["digest"])
        self.assertEqual(self.site.visit("/big_header.php").status, 200)
        (intent,) = self.gatemend.records("intent")
        self.assertEqual((intent["act"], intent["digest"]), ("apply-suggestion", suggestion["digest"]))
        self.assertEqual([r["verdict"] for r in self.gatemend.records("confirm")], ["effective"])
        again = self.gatemend.apply(suggestion["digest"], check=False)
        self.assertEqual(again.returncode, 1, "that plan was for files as they were")
        self.gatemend.roll_back(intent)
        # A worker of before may take one more visitor while it goes.
        self.machine.wait_until(
            lambda: self.site.visit("/big_header.php").status == 502, 10, "nginx to work with the old buffers"
        )
        self.gatemend.verify_audit()

    def test_the_same_machine_gives_the_same_digest_and_nothing_is_changed(self) -> None:
        before = self.machine.run("sh", "-c", "find /etc -type f -exec sha256sum {} + | sort").stdout
        first = self.pool_place("--cause", "header-too-big")["suggestions"]
        second = self.pool_place("--cause", "header-too-big")["suggestions"]
        self.assertTrue(first[0]["digest"])
        # What is measured anew, free memory for one, may read otherwise.
        self.assertEqual([item["digest"] for item in first], [item["digest"] for item in second])
        self.assertEqual(self.machine.run("sh", "-c", "find /etc -type f -exec sha256sum {} + | sort").stdout, before)

    def test_wrong_arguments_are_named(self) -> None:
        result = self.gatemend.run("suggest", "--cause", "unit-failed", check=False)
        self.assertEqual(result.returncode, 2)
        self.assertIn("--cause must be", result.stderr)
        result = self.gatemend.run("suggest", "--unit", "absent.service", check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn("absent.service serves no backend", result.stderr)
