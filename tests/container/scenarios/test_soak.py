"""Faults at random for a while, on one machine: each is healed or rightly left alone, and gatemend does not grow.

GATEMEND_SOAK_SECONDS=3600 for an hour of it; GATEMEND_SOAK_SEED for another order.
"""

from __future__ import annotations

import os
import pathlib

from gatemend import AGENT, EXECUTOR
from scenario import Scenario
from soak import Soak

SECONDS = float(os.environ.get("GATEMEND_SOAK_SECONDS", "100"))
SEED = int(os.environ.get("GATEMEND_SOAK_SEED", "502"))
FLAT = 1.25  # one quarter more, at most


class RandomFaults(Scenario):
    is_same_everywhere = True
    takes = SECONDS
    # Budgets are another promise: here every fault shall have its cure. FPM's own start limit is systemd's.
    tuned = {"soak": "1s", "cooldown": "0s", "max": 100, "per": "5m"}
    settings = '[limits.unit]\nmax = 100\nper = "5m"\n[limits.host]\nmax = 100\nper = "5m"\n[probe]\nsuspicion_cooldown = "1s"\n'

    def furnish(self, root: pathlib.Path) -> None:
        # A minute as shipped: so long nginx would wait for a frozen PHP-FPM before it says a word.
        self.site.tune_nginx(root, "fastcgi_read_timeout 2s;")

    def prepare(self) -> None:
        for unit in (self.fpm, "nginx.service", "dbus.service", "systemd-journald.service"):
            self.machine.write(f"/etc/systemd/system/{unit}.d/often.conf", "[Unit]\nStartLimitIntervalSec=0\n")
        self.machine.systemctl("daemon-reload")

    def test_each_is_healed_or_left_alone(self) -> None:
        soak = Soak(self.machine, self.site, SEED)
        soak.run(SECONDS)
        print(soak.table())
        self.assertEqual(soak.problems(), [])
        for unit in (AGENT, EXECUTOR):
            self.assertLess(soak.grown(unit, 0), FLAT, f"{unit}: memory")
            self.assertLess(soak.grown(unit, 1), FLAT, f"{unit}: descriptors")
        self.assert_record_complete()
