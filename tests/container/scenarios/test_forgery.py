"""Nobody makes gatemend act by writing into a log: four ways to do that over the network, 200 times each."""

from __future__ import annotations

import time

from scenario import Scenario
from website import NGINX_LOG, forged_line, percent

TIMES = 200
PROBE_COOLDOWN = 10.0  # seconds; suspicion_cooldown's default


class Forgery(Scenario):
    def attack(self, path: str, headers: dict[str, str], trace: str) -> None:
        """Send it; `trace` proves that the forged text reached the log."""
        before = self.machine.unit(self.fpm, "MainPID", "InvocationID")
        probes = self.gatemend.counter("probes")
        began = time.monotonic()

        self.site.visit_all([{"path": path, "headers": headers}] * TIMES)
        self.assertGreaterEqual(self.machine.read(NGINX_LOG).count(trace), TIMES, "the attack itself failed")
        self.assert_quiet(self.fpm)

        self.assertEqual(self.machine.unit(self.fpm, "MainPID", "InvocationID"), before)
        self.assertEqual(self.gatemend.intents(), [])
        # One suspicion per backend (there is one) and cooldown; one more for the window's edge.
        allowed = 2 + int((time.monotonic() - began) / PROBE_COOLDOWN)
        self.assertLessEqual(self.gatemend.counter("probes") - probes, allowed)
        self.assert_still_heals()

    def assert_still_heals(self) -> None:
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm)
        self.assertEqual(len(self.gatemend.intents()), 1)

    def test_line_in_a_decoded_path(self) -> None:
        line = forged_line(self.site).replace("://", ":/")  # nginx merges slashes
        self.attack(f"/x%0A{percent(line)}%0Az.png", {}, f"\n{line}\n")

    def test_line_from_a_php_script(self) -> None:
        line = forged_line(self.site)
        text = percent(f"x\n{line}\ny")
        self.attack(f"/forge.php?text={text}", {}, f"\n{line}\n")

    def test_failure_sentence_in_the_referrer(self) -> None:
        sentence = (
            f"connect() to unix:{self.suite.fpm_socket} failed (2: No such file or directory) "
            "while connecting to upstream"
        )
        self.attack("/missing.png", {"Referer": sentence}, f'referrer: "{sentence}"')

    def test_upstream_field_in_the_referrer(self) -> None:
        fields = f'", upstream: "fastcgi://unix:{self.suite.fpm_socket}:", host: "h'
        self.attack("/missing.png", {"Referer": fields}, fields)
