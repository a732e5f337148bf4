#!/usr/bin/env python3
"""A fire drill: in throwaway containers with nginx and PHP-FPM, one fault each, and gatemend has to cope with it.

Nothing of this machine is touched: each container has a disk of its own and no network but its own loopback. What is
tried is the package that is installed here. The scorecard says of each fault whether it was detected, whether its true
cause was named, whether it was healed (by itself, or after a yes) and in how many seconds, and whether what was changed
could be undone byte for byte. Exit status: 0 only where all of it is as it should be.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile

_HERE = pathlib.Path(__file__).resolve().parent
_IS_INSTALLED = not (_HERE / "deb.py").exists()  # the source tree builds its package instead
if _IS_INSTALLED:
    os.environ.setdefault("GATEMEND_TEST_CACHE", "/var/cache/gatemend-drill")
    sys.dont_write_bytecode = True  # /usr is the package's
sys.path.insert(0, str(_HERE))

import images  # noqa: E402
import machine  # noqa: E402
import own_package  # noqa: E402
import scorecard  # noqa: E402
import stories  # noqa: E402
import watch  # noqa: E402

_TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "ip": "iproute2",
    "nsenter": "util-linux",
    "dpkg-deb": "dpkg",
}


class UsageError(Exception):
    """Wrong usage, or a machine on which no drill can take place."""


def this_suite() -> str:
    release = pathlib.Path("/etc/os-release").read_text()
    fields = dict(line.split("=", 1) for line in release.splitlines() if "=" in line)
    return fields.get("VERSION_CODENAME", "").strip('"')


def choose_suite(wish: str | None) -> images.Suite:
    name = wish or (this_suite() if _IS_INSTALLED else "bookworm")
    if name not in images.SUITES:
        raise UsageError(f"drills are made for {' and '.join(images.SUITES)}, this is {name or 'something else'}; see --suite")
    return images.SUITES[name]


def choose_stories(words: list[str]) -> list[type[stories.Story]]:
    chosen = []
    for word in words or [""]:
        found = stories.find(word)
        if not found:
            raise UsageError(f"no drill is called {word!r}; see --list")
        chosen += [story for story in found if story not in chosen]
    return chosen


def check_machine() -> None:
    if os.geteuid() != 0:
        raise UsageError("needs root: it boots containers")
    missing = sorted({package for tool, package in _TOOLS.items() if shutil.which(tool) is None})
    if missing:
        raise UsageError(f"missing here: apt-get install --no-install-recommends {' '.join(missing)} debian-archive-keyring")


def ensure_package(options: argparse.Namespace, suite: images.Suite, folder: pathlib.Path) -> pathlib.Path:
    if options.package is not None:
        if not options.package.is_file():
            raise UsageError(f"--package {options.package}: no such file")
        return options.package
    if _IS_INSTALLED:
        return own_package.rebuild(folder)
    import deb  # only the source tree has it

    return deb.ensure(suite)


def hold_drills(options: argparse.Namespace, suite: images.Suite, package: pathlib.Path) -> int:
    chosen = choose_stories(options.only)
    rows = []
    for row in scorecard.run(chosen, suite, package, options.jobs):
        rows.append(row)
        if not options.json:
            word = "skip" if row.skipped else ("ok" if row.is_good else "FAIL")
            print(f"{len(rows):2}/{len(chosen)} {word:4} {row.drill}", file=sys.stderr, flush=True)
    rows.sort(key=lambda row: [story.name() for story in chosen].index(row.drill))
    is_good = all(row.is_good for row in rows)
    if options.json:
        documents = [{**dataclasses.asdict(row), "ok": row.is_good} for row in rows]
        print(json.dumps({"suite": suite.name, "ok": is_good, "drills": documents}))
    else:
        print(scorecard.table(rows))
    return 0 if is_good else 1


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="gatemend drill" if _IS_INSTALLED else None,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--suite", help=f"{' or '.join(images.SUITES)}; default: this machine's own")
    parser.add_argument("--only", action="append", default=[], metavar="X", help="a drill, a cause or an act; may be repeated")
    parser.add_argument("--list", action="store_true", help="names of the drills, with their causes")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="so many containers at a time")
    parser.add_argument("--package", type=pathlib.Path, metavar="DEB", help="try this package instead of the installed one")
    parser.add_argument("--watch", action="store_true", help="one heal with its timeline and its record, shipped policies")
    return parser.parse_args()


def run(options: argparse.Namespace) -> int:
    if options.list:
        for story in stories.STORIES:
            print(f"{story.name():22} {story.cause:22} {story.act or '-'}")
        return 0
    suite = choose_suite(options.suite)
    choose_stories(options.only)
    check_machine()
    machine.sweep()
    print("Preparing (about half a minute the first time) ...", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="gatemend-drill-") as folder:
        package = ensure_package(options, suite, pathlib.Path(folder))
        if options.watch:
            watch.watch(suite, package)
            return 0
        return hold_drills(options, suite, package)


def main() -> int:
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return run(parse_arguments())
    except UsageError as error:
        print(f"drill: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        machine.close_all()
        os._exit(130)  # threads still wait for machines that no longer exist
    except Exception as error:
        if type(error).__name__ not in ("ImageError", "BuildError", "MachineError", "CommandError", "PackageError"):
            raise
        print(f"drill: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
