"""A job of gatemend's concerns one unit. What systemd would start, stop or restart with it is other people's."""

from __future__ import annotations

import pathlib

from apps import enable, put_unit
from gatemend import held_because
from scenario import Scenario

_SLEEP = "ExecStart=/bin/sleep infinity"


class _Company(Scenario):
    is_same_everywhere = True
    others: tuple[str, ...] = ()
    words = ""  # in the [Unit] section of PHP-FPM's

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        for name in self.others:
            put_unit(root, name, name, _SLEEP)
        self.site.drop_in(root, "company", f"[Unit]\n{self.words}\n")

    def run_of(self, unit: str) -> str:
        return self.machine.unit(unit, "InvocationID")["InvocationID"]

    def crash_while_paused(self) -> None:
        self.assert_answers()
        self.gatemend.pause()
        self.site.kill_fpm()
        self.gatemend.wait_for_incident(self.fpm, held_because("paused"), 30, "the crash, paused")


class WantedAndStopped(_Company):
    others = ("cache.service",)
    words = "Wants=cache.service\nAfter=cache.service"

    def test_what_somebody_stopped_is_not_started_with_what_crashed(self) -> None:
        self.assert_answers()
        self.machine.systemctl("stop", "cache.service")
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, 30)
        self.assertFalse(self.machine.is_active("cache.service"))


class RequiredAndStopped(_Company):
    others = ("cache.service",)
    words = "Requires=cache.service\nAfter=cache.service"

    def test_it_is_not_started_and_the_reason_names_it(self) -> None:
        self.crash_while_paused()
        self.machine.systemctl("stop", "cache.service")
        self.gatemend.resume()
        incident = self.gatemend.wait_for_incident(self.fpm, held_because("executor-refused"), 30, "a hold")
        self.assertIn("requires cache.service", str(incident["decision"]))
        self.assertFalse(self.machine.is_active("cache.service"))
        self.machine.systemctl("start", "cache.service")
        self.gatemend.wait_until_healed(self.fpm, 60)


class OpposedAndUp(_Company):
    others = ("maintenance.service",)
    words = "Conflicts=maintenance.service"

    def test_maintenance_goes_on(self) -> None:
        self.crash_while_paused()
        self.machine.systemctl("start", "maintenance.service")
        run = self.run_of("maintenance.service")
        self.gatemend.resume()
        self.gatemend.wait_for_incident(self.fpm, held_because("executor-refused"), 30, "a hold")
        self.assertTrue(self.machine.is_active("maintenance.service"))
        self.assertEqual(self.run_of("maintenance.service"), run)
        self.machine.systemctl("stop", "maintenance.service")
        self.gatemend.wait_until_healed(self.fpm, 60)


class OnceAndDone(_Company):
    words = "Requires=warm.service\nAfter=warm.service"

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        put_unit(root, "warm.service", "A job that runs once", "Type=oneshot\nExecStart=/bin/true")

    def test_a_required_job_that_has_run_again_since_is_no_obstacle(self) -> None:
        self.assert_answers()
        self.machine.systemctl("start", "warm.service")
        run = self.run_of("warm.service")
        self.site.kill_fpm()
        self.gatemend.wait_until_healed(self.fpm, 30)
        self.assertEqual(self.run_of("warm.service"), run)


class PartOfIt(_Company):
    others = ("queue.service", "exporter.service")

    def furnish(self, root: pathlib.Path) -> None:
        super().furnish(root)
        for unit, relation in zip(self.others, ("PartOf={0}", "BindsTo={0}\nAfter={0}"), strict=True):
            folder = root / f"etc/systemd/system/{unit}.d"
            folder.mkdir()
            (folder / "part.conf").write_text(f"[Unit]\n{relation.format(self.fpm)}\n")
            enable(root, unit)

    def test_a_restart_for_a_lost_socket_leaves_them_alone(self) -> None:
        self.assert_answers()
        runs = [self.run_of(unit) for unit in self.others]
        self.machine.run("rm", self.suite.fpm_socket)
        self.site.visitors(interval=0.3)
        self.gatemend.wait_until_healed(self.fpm, 60)
        self.assertEqual([intent["act"] for intent in self.gatemend.intents()], ["restart-unit"])
        self.assertEqual([self.run_of(unit) for unit in self.others], runs)
