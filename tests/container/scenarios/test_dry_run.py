"""--dry-run is the same program up to the last step, and changes nothing."""

from __future__ import annotations

from scenario import Scenario

# Logs of nginx aside, as the promise says; the journal is journald's own record of what PID 1 did.
_HASH_EVERYTHING = r"""
look() {
    find /etc /var /run \
        \( -path /var/log/nginx -o -path /var/log/journal -o -path /run/log/journal -o -path /run/systemd/journal \
           -o -path /var/lib/systemd/timers \) -prune -o "$@"
}
{ look -type f -exec sha256sum {} +; look -printf '%p %y %m %U:%G %l\n'; } | sort
"""


class DryRun(Scenario):
    is_enabled = False

    def everything(self) -> list[str]:
        return self.machine.run("sh", "-c", _HASH_EVERYTHING, check=False).stdout.splitlines()

    def settle(self) -> None:
        """Until two looks a moment apart are the same: systemd writes its own notes after a crash.

        systemd keeps an empty mount point below /run/systemd from its first sandboxed unit on; every machine but one
        as bare as this has run such a unit long ago.
        """
        self.machine.run("systemd-run", "--quiet", "--wait", "--property=ProtectSystem=full", "true")
        seen: list[list[str]] = [[]]

        def is_settled() -> bool:
            seen.append(self.everything())
            return seen[-1] == seen[-2]

        self.machine.wait_until(is_settled, 20, "the machine to settle")

    def test_during_an_outage_it_names_cause_evidence_act_and_digest_and_changes_nothing(self) -> None:
        self.site.kill_fpm()
        self.machine.wait_until(lambda: not self.machine.is_active(self.fpm), 10, "FPM to be dead")
        self.site.visit()
        self.settle()
        before = self.everything()

        for_people = self.gatemend.run("--dry-run").stdout
        plan = self.gatemend.dry_run()

        self.assertEqual(self.everything(), before)
        self.assertFalse(self.machine.is_active(self.fpm))
        incident = next(i for i in plan["incidents"] if i["unit"] == self.fpm)
        self.assertEqual(incident["cause"], "unit-failed")
        self.assertTrue(incident["evidence"])
        step = next(p for p in plan["plans"] if p["unit"] == self.fpm)
        self.assertEqual(step["act"], "start-unit")
        self.assertRegex(step["digest"], r"^[0-9a-f]{64}$")
        for word in ("unit-failed", "start-unit", self.fpm, step["digest"][:12]):
            self.assertIn(word, for_people)

    def test_on_a_healthy_machine_there_is_nothing_to_do(self) -> None:
        self.assert_answers()
        self.settle()
        before = self.everything()
        self.assertEqual(self.gatemend.run("--dry-run", "--fail-if-needed").returncode, 0)
        self.assertEqual(self.gatemend.dry_run()["plans"], [])
        self.assertEqual(self.everything(), before)

    def test_fail_if_needed_tells_scripts(self) -> None:
        self.site.kill_fpm()
        self.machine.wait_until(lambda: not self.machine.is_active(self.fpm), 10, "FPM to be dead")
        self.assertEqual(self.gatemend.run("--dry-run", "--fail-if-needed", check=False).returncode, 1)

    def test_the_same_fault_gives_the_same_digest(self) -> None:
        self.site.kill_fpm()
        self.machine.wait_until(lambda: not self.machine.is_active(self.fpm), 10, "FPM to be dead")
        first, second = self.gatemend.dry_run(), self.gatemend.dry_run()
        self.assertEqual(first["plans"][0]["digest"], second["plans"][0]["digest"])
