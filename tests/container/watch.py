"""One heal to watch: FPM is killed under steady requests; timeline, incident and record are shown as they are.

Uses the shipped policies unchanged, so that it takes their half minute of good answers.
"""

from __future__ import annotations

import datetime
import pathlib
import time

import images
from gatemend import AGENT, Gatemend
from machine import Machine
from website import Answer, Website, outage_seconds

HEAL_DEADLINE = 90.0


def say(text: str) -> None:
    print(text, flush=True)


def clock(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).strftime("%H:%M:%S.%f")[:-3]


def timeline(answers: list[Answer], killed: float) -> list[str]:
    bad = [answer for answer in answers if not answer.is_good]
    lines = [f"{clock(killed)}  PHP-FPM's master process gets SIGKILL"]
    if bad:
        lines.append(f"{clock(bad[0].time)}  first visitor turned away ({bad[0].status})")
        good = next(answer for answer in answers if answer.is_good and answer.time > bad[-1].time)
        lines.append(f"{clock(good.time)}  first good answer again")
    lines.append(
        f"{len(answers)} requests, {len(bad)} of them failed; "
        f"the site was away for {outage_seconds(answers) * 1000:.0f} ms"
    )
    return lines


def watch(suite: images.Suite, package: pathlib.Path) -> None:
    machine = Machine(images.ensure(suite, "runtime"), f"drill on {suite.name}")
    site, gatemend = Website(machine, suite), Gatemend(machine)
    try:
        machine.prepare()
        site.lay_out(machine.root)
        machine.boot()
        say(f"A {suite.name} machine with nginx and {suite.fpm_unit} is up ({machine.boot_seconds:.1f} s).")
        gatemend.install(package)
        gatemend.enable()
        say(f"gatemend is installed; systemctl enable --now {AGENT.removesuffix('.service')}: done.")

        visitors = site.visitors()
        visitors.wait_for_good()
        killed = time.time()
        site.kill_fpm()
        visitors.wait_for_good(deadline=HEAL_DEADLINE)
        say("PHP-FPM was killed under steady requests and the site answers again; now it must stay good for a while ...")
        gatemend.wait_until_healed(suite.fpm_unit, deadline=HEAL_DEADLINE)
        answers = visitors.stop()

        say("\n-- timeline (UTC)")
        say("\n".join(timeline(answers, killed)))
        for title, command in (("incident", ["incidents"]), ("record", ["audit"]), ("its chain", ["audit", "--verify"])):
            say(f"\n-- {title}: gatemend {' '.join(command)}")
            say(gatemend.run(*command).stdout.rstrip())
    finally:
        site.close()
        machine.close()
    say("\nThe machine is gone; nothing of it is left here.")
