#!/usr/bin/env python3
"""Runs the scenarios: real machines, the built package, several side by side.

    run.py                                  everything, both Debian releases
    run.py --suite bookworm --only Forgery  the scenarios whose name contains "Forgery"
    run.py --list                           names, one a line
    run.py --package DIR                    use DIR/SUITE/*.deb or a .deb instead of building one
    run.py --faults-only                    the stories of the faults alone, without gatemend
    run.py --keep-logs DIR                  keep each machine's logs in DIR/SUITE/TEST
"""

from __future__ import annotations

import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import signal
import sys
import time
import traceback
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import deb  # noqa: E402
import images  # noqa: E402
import machine  # noqa: E402
from scenario import Scenario  # noqa: E402

# Scenarios mostly wait, so more of them run than there are processors.
MOST_AGAIN = 10
DEFAULT_JOBS = 2 + 2 * (os.cpu_count() or 1)


@dataclasses.dataclass
class Verdict:
    name: str
    seconds: float
    problems: list[str] = dataclasses.field(default_factory=list)
    skipped: str = ""

    @property
    def word(self) -> str:
        return "FAIL" if self.problems else ("skip" if self.skipped else "ok")


class _Result(unittest.TestResult):
    """Describes the machine at the moment of the first failure, while it still runs."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: list[str] = []

    def _note(self, test: unittest.TestCase, error: object) -> None:
        text = "".join(traceback.format_exception(*error))  # type: ignore[misc]
        if not self.problems and isinstance(test, Scenario):
            text += test.describe_machine()
        self.problems.append(text)

    def addError(self, test, err):  # type: ignore[no-untyped-def]  # noqa: N802
        super().addError(test, err)
        self._note(test, err)

    def addFailure(self, test, err):  # type: ignore[no-untyped-def]  # noqa: N802
        super().addFailure(test, err)
        self._note(test, err)

    def addSubTest(self, test, subtest, err):  # type: ignore[no-untyped-def]  # noqa: N802
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._note(test, err)
            self.problems[-1] = f"{subtest.id()}\n{self.problems[-1]}"


def discover() -> list[type[Scenario]]:
    loader = unittest.TestLoader()
    folder = pathlib.Path(__file__).resolve().parent / "scenarios"
    loader.discover(str(folder), pattern="test_*.py", top_level_dir=str(folder))
    if loader.errors:
        raise SystemExit("\n".join(loader.errors))
    # Once each, however many bases a kind has.
    return [kind for kind in dict.fromkeys(_subclasses(Scenario)) if loader.getTestCaseNames(kind)]


def _subclasses(kind: type) -> list[type]:
    return [found for child in kind.__subclasses__() for found in (child, *_subclasses(child))]


def tests_of(suite: str, only: str, *, is_named: bool, is_deep: bool) -> list[Scenario]:
    tests = []
    is_first = suite == next(iter(images.SUITES))
    for kind in discover():
        if kind.is_same_everywhere and not (is_first or is_named):
            continue
        if kind.is_deep and not (is_deep or only):
            continue
        for method in unittest.TestLoader().getTestCaseNames(kind):
            if only.lower() in f"{suite} {kind.__module__} {kind.__name__}.{method}".lower():
                test = kind(method)
                test.suite = images.SUITES[suite]
                tests.append(test)
    return tests


def without_gatemend(tests: list[Scenario]) -> list[Scenario]:
    chosen = [test for test in tests if test.can_be_bare or not test.needs_package]
    for test in chosen:
        test.needs_package = False
    return chosen


def name_of(test: Scenario) -> str:
    return f"{test.suite.name} {type(test).__name__}.{test._testMethodName}"


def run_one(test: Scenario) -> Verdict:
    began = time.monotonic()
    result = _Result()
    test.run(result)
    skipped = result.skipped[0][1] if result.skipped else ""
    return Verdict(name_of(test), time.monotonic() - began, result.problems, skipped)


def prepare(suite: str, tests: list[Scenario], given: pathlib.Path | None) -> None:
    """Everything slow, once: the tree to run on and the package, where a test needs it."""
    images.ensure(images.SUITES[suite], "runtime")
    if any(test.needs_package for test in tests):
        package = deb.ensure(images.SUITES[suite]) if given is None else _given_package(suite, given)
        for test in tests:
            test.package = package


def _given_package(suite: str, given: pathlib.Path) -> pathlib.Path:
    if given.is_file():
        return given
    found = sorted((given / suite).glob("gatemend_*.deb"))
    if not found:
        raise deb.BuildError(f"no package in {given / suite}")
    return found[-1]


def run_all(tests: list[Scenario], jobs: int) -> list[Verdict]:
    verdicts = []
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        waiting = [pool.submit(run_one, test) for test in tests]
        try:
            for done in concurrent.futures.as_completed(waiting):
                verdict = done.result()
                verdicts.append(verdict)
                print(f"{verdict.word:4} {verdict.seconds:6.1f} s  {verdict.name}{verdict.skipped}", flush=True)
                for problem in verdict.problems:
                    print("\n".join(f"     | {line}" for line in problem.splitlines()), flush=True)
        except KeyboardInterrupt:
            machine.close_all()
            print("interrupted; all machines are gone", file=sys.stderr, flush=True)
            os._exit(130)  # threads still wait for machines that no longer exist
    return verdicts


def longest_first(tests: list[Scenario]) -> list[Scenario]:
    """So that nobody waits for one that began last."""
    return sorted(tests, key=lambda test: -test.takes)


def again_alone(verdicts: list[Verdict], tests: list[Scenario]) -> list[Verdict]:
    """A deadline missed among many machines may be the load's doing: what failed is told once more, alone.

    Both results are printed. More than a few are no accident and stay as they are.
    """
    failed = {verdict.name for verdict in verdicts if verdict.problems}
    chosen = [test for test in tests if name_of(test) in failed]
    if not 0 < len(chosen) <= MOST_AGAIN:
        return verdicts
    print(f"again, alone: {', '.join(map(name_of, chosen))}", flush=True)
    fresh = []
    for test in chosen:
        twin = type(test)(test._testMethodName)
        twin.__dict__.update({key: test.__dict__[key] for key in ("suite", "package", "keep_logs") if key in test.__dict__})
        fresh.append(twin)
    known = {name_of(test) for test in fresh}
    return [verdict for verdict in verdicts if verdict.name not in known] + run_all(fresh, 1)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--suite", choices=images.SUITES, action="append", help="default: all")
    parser.add_argument("--only", default="", metavar="PATTERN", help="part of a name as --list prints it, or of its file")
    parser.add_argument("--jobs", type=int, default=DEFAULT_JOBS)
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--deep", action="store_true", help="also what takes minutes each")
    parser.add_argument("--retry", action="store_true", help=f"tell what failed once more, alone, where it is at most {MOST_AGAIN}")
    parser.add_argument("--package", type=pathlib.Path, help="do not build")
    parser.add_argument("--faults-only", action="store_true", help="without gatemend")
    parser.add_argument("--keep-logs", type=pathlib.Path, metavar="DIR", help="DIR/SUITE/TEST gets the machine's logs")
    parser.add_argument("--summary", type=pathlib.Path, help="write {\"passed\": N, \"failed\": N} there")
    options = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)

    is_named = bool(options.suite)
    tests = {suite: tests_of(suite, options.only, is_named=is_named, is_deep=options.deep) for suite in options.suite or images.SUITES}
    if options.faults_only:
        tests = {suite: without_gatemend(chosen) for suite, chosen in tests.items()}
    for test in (test for chosen in tests.values() for test in chosen):
        test.keep_logs = options.keep_logs
    if options.list:
        print("\n".join(name_of(test) for chosen in tests.values() for test in chosen))
        return 0
    if not any(tests.values()):
        print(f"run.py: nothing is called {options.only!r}; see --list", file=sys.stderr)
        return 2

    machine.sweep()
    broken: list[Verdict] = []
    ready: list[Scenario] = []
    for suite, chosen in tests.items():
        try:
            prepare(suite, chosen, options.package)
        except (deb.BuildError, images.ImageError) as error:
            broken += [Verdict(f"{suite} package", 0.0, [str(error)])]
            print(f"FAIL {suite}: {error}", flush=True)
            continue
        ready += chosen
    verdicts = broken + run_all(longest_first(ready), options.jobs)
    if options.retry:
        verdicts = again_alone(verdicts, ready)
    failed = [verdict.name for verdict in verdicts if verdict.problems]
    passed = sum(1 for verdict in verdicts if not verdict.problems and not verdict.skipped)
    for name in sorted(failed):
        print(f"failed: {name}")
    if options.summary is not None:
        options.summary.write_text(json.dumps({"passed": passed, "failed": len(failed)}))
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
