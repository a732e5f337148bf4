#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""How long each class of act takes to heal a site, against the bare commands of a person who knows exactly what to type.

By hand: from the first key of the commands to the first good answer. gatemend: from the fault to the first good answer,
noticing and finding out why included; where it asks first, from the yes. A machine of its own for each fault and each
healer, in turn, everything in the same run: ratios, no limits.
    act_bench.py [--suite bookworm|trixie] [--runs N] [--only ACT] [--package DEB]
"""

from __future__ import annotations

import argparse
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "container"))

import deb  # noqa: E402
import images  # noqa: E402
import stories  # noqa: E402
from machine import MachineError, sweep  # noqa: E402
from play import on_stage  # noqa: E402
from stories import Story  # noqa: E402

# What each class of act is measured with.
CLASSES: tuple[type[Story], ...] = (
    stories.CrashedFpm,
    stories.DeletedSocket,
    stories.MovedName,
    stories.OwnedByRoot,
    stories.OldSocketPath,
    stories.PoolSaysRoot,
    stories.BrokenSite,
    stories.BigHeader,
    stories.FullDisk,
)
POLL_SECONDS = 0.005


def by_hand(kind: type[Story], suite: images.Suite) -> float:
    with on_stage(kind, suite, None) as play:
        play.story.interval = POLL_SECONDS
        play.break_it()
        began = time.time()
        play.story.run(play.story.by_hand())
        return play.seconds_until_good(began)


def by_gatemend(kind: type[Story], suite: images.Suite, package: pathlib.Path) -> float:
    with on_stage(kind, suite, package) as play:
        play.story.interval = POLL_SECONDS
        if not kind.asks:
            play.break_it()
            return play.seconds_until_good(play.broken_at)
        play.break_it()
        incident = play.proposed()
        began = time.time()
        play.gatemend.approve(incident, kind.act)
        return play.seconds_until_good(began)


def measure(kind: type[Story], suite: images.Suite, package: pathlib.Path, runs: int) -> None:
    hand, healed = [], []
    for _ in range(runs):
        hand.append(by_hand(kind, suite))
        healed.append(by_gatemend(kind, suite, package))
    ours, theirs = statistics.median(healed), statistics.median(hand)
    each = " ".join(f"{a * 1000:.0f}/{b * 1000:.0f}" for a, b in zip(healed, hand))
    counted = "from the yes" if kind.asks else "from the fault"
    print(
        f"{kind.act:<18} {kind.name():<16} {ours * 1000:7.0f} ms {counted:<14} by hand {theirs * 1000:6.0f} ms"
        f"  ratio {ours / theirs:5.2f}   each: {each}",
        flush=True,
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=images.SUITES, default="bookworm")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", default="", help="an act, a cause or a story")
    parser.add_argument("--package", type=pathlib.Path, help="default: built for that release")
    options = parser.parse_args()
    suite = images.SUITES[options.suite]
    sweep()
    package = options.package or deb.ensure(suite)
    failed = 0
    for kind in CLASSES:
        if options.only not in ("", kind.act, kind.cause, kind.name()):
            continue
        try:
            measure(kind, suite, package, options.runs)
        except MachineError as error:
            failed += 1
            print(f"{kind.act:<18} {kind.name():<16} not measured: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
