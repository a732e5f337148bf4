#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long a site is away after PHP-FPM's master is killed, and what gatemend costs while nothing happens.

One disposable machine per run, three healers in turn, ten kills each, everything in the same run: ratios, no limits.
    heal_bench.py [--suite bookworm|trixie] [--kills N] [--idle SECONDS] [--package DEB]
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "container"))

import deb  # noqa: E402
import images  # noqa: E402
from gatemend import AGENT, EXECUTOR, Gatemend  # noqa: E402
from machine import Machine, sweep  # noqa: E402
from website import Website  # noqa: E402

POLL_SECONDS = 0.002


class Bench:
    def __init__(self, machine: Machine, site: Website, kills: int):
        self.machine, self.site, self.kills = machine, site, kills

    def heal_time(self, then: str) -> float:
        """Seconds from the kill to the start of the first good answer after a bad one."""
        visitors = self.site.visitors(interval=POLL_SECONDS)
        visitors.wait_for_good(5)
        pid = self.machine.main_pid(self.site.fpm)
        killed = float(self.machine.output("sh", "-c", f"date +%s.%N; kill -9 {pid}; {then}").split()[0])
        visitors.wait_for_good(20, deadline=60)
        answers = [answer for answer in visitors.stop() if answer.time >= killed]
        bad = [answer for answer in answers if not answer.is_good]
        if not bad:
            return 0.0  # back before any visitor met it
        good = next(answer for answer in answers if answer.is_good and answer.time > bad[-1].time)
        return good.time - killed

    def series(self, name: str, then: str = ":", between=lambda: None) -> float:
        times = []
        for _ in range(self.kills):
            times.append(self.heal_time(then))
            between()
        median = statistics.median(times)
        shown = " ".join(f"{seconds * 1000:.0f}" for seconds in times)
        print(f"{name:<34} median {median * 1000:6.1f} ms   each: {shown}", flush=True)
        return median


def pss_kib(machine: Machine, unit: str) -> int:
    rollup = machine.read(f"/proc/{machine.main_pid(unit)}/smaps_rollup")
    return next(int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:"))


def wakeups(machine: Machine, unit: str) -> int:
    """Voluntary context switches: each is the end of a wait."""
    status = machine.read(f"/proc/{machine.main_pid(unit)}/status")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("voluntary_ctxt"))


def idle(machine: Machine, seconds: int) -> None:
    units = (AGENT, EXECUTOR)
    before = {unit: wakeups(machine, unit) for unit in units}
    machine.run("sleep", str(seconds), timeout=seconds + 30)
    total = 0
    for unit in units:
        rate = (wakeups(machine, unit) - before[unit]) * 60 / seconds
        size = pss_kib(machine, unit)
        total += size
        print(f"idle {unit:<28} {rate:5.1f} wake-ups/min   PSS {size / 1024:.1f} MiB")
    print(f"idle together                     PSS {total / 1024:.1f} MiB (goal 12)")


def run(suite: images.Suite, package: pathlib.Path, kills: int, idle_seconds: int) -> None:
    machine = Machine(images.ensure(suite, "runtime"), f"bench on {suite.name}")
    site, gatemend = Website(machine, suite), Gatemend(machine)
    try:
        machine.prepare()
        site.lay_out(machine.root)
        machine.boot()
        bench = Bench(machine, site, kills)

        def reset_start_limit() -> None:
            machine.systemctl("reset-failed", site.fpm)  # systemd's own limit is not what is measured

        restart = bench.series("systemctl restart by hand", f"systemctl restart {site.fpm}", reset_start_limit)
        site.let_systemd_restart_it(after="100ms")
        own = bench.series("systemd's Restart=on-failure", between=reset_start_limit)
        machine.run("rm", f"/etc/systemd/system/{site.fpm}.d/20-restart.conf")
        machine.systemctl("daemon-reload")
        gatemend.install(package)
        gatemend.tune(max=100, cooldown="0s", soak="1s", backoff=1)
        gatemend.tune_settings("\n[limits.unit]\nmax = 100\n\n[limits.host]\nmax = 100\n")
        gatemend.enable()

        def wait_for_verdict() -> None:
            gatemend.wait_until_healed(site.fpm, 30, newer_than=wait_for_verdict.newest)
            wait_for_verdict.newest = gatemend.newest_id()
            reset_start_limit()

        wait_for_verdict.newest = 0
        healed = bench.series("gatemend", between=wait_for_verdict)
        print(f"gatemend / restart by hand        {healed / restart:.2f} (goal 1.3)")
        print(f"gatemend / Restart=on-failure     {healed / own:.2f}")
        idle(machine, idle_seconds)
    finally:
        site.close()
        machine.close()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=images.SUITES, default="bookworm")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--idle", type=int, default=60)
    parser.add_argument("--package", type=pathlib.Path, help="default: built for that release")
    options = parser.parse_args()
    suite = images.SUITES[options.suite]
    sweep()
    run(suite, options.package or deb.ensure(suite), options.kills, options.idle)
    return 0


if __name__ == "__main__":
    sys.exit(main())
