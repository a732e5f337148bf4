#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""linear.py BUILD_FOLDER NAME...: twice the input is at most twice the work, in executed instructions.

Every fuzz target of that name is built plain, and runs under callgrind on hostile shapes of a size and of four times the
size: one byte repeated, one opening bracket repeated, and seeds of its corpus repeated. Counts do not depend on the
machine's load.
"""

from __future__ import annotations

import pathlib
import re
import subprocess
import sys
import tempfile
from typing import Iterator

HERE = pathlib.Path(__file__).parent
SIZE = 4096
MANY_SEEDS = 12
PATTERNS = [
    *(b'"', b"{", b"[", b"(", b"<", b",", b" ", b"\n", b"\\", b"0", b"9", b"A", b";", b"\xff", b"\x00", b"#", b"=", b":"),
    *(b"{\n", b"[[", b'{"a":', b'["', b"a=1\n", b"a {\n", b"a;\n", b'", upstream: "', b"(1: ", b"include *;\n", b"\r\n\r\n"),
    *(b"[a]\n", b"[[rule]]\n", b"--- a\n+++ b\n", b"a b c ", b"'", b'\\"', b"$a", b"1.", b"::"),
]
TIMES = 4
# Tables grow in steps, and more numbers have more digits. What is quadratic takes sixteen times the work.
TOLERANCE = 5.0
NOISE = 20_000  # instructions


def shapes(name: str) -> Iterator[tuple[str, bytes]]:
    for pattern in PATTERNS:
        yield repr(pattern), pattern
    seeds = sorted((HERE / "corpus" / name).iterdir(), key=lambda seed: (seed.stat().st_size, seed.name))
    for seed in [seed for seed in seeds if 0 < seed.stat().st_size <= SIZE][:MANY_SEEDS]:
        yield seed.name, seed.read_bytes()


def repeated(pattern: bytes, size: int) -> bytes:
    return (pattern * (size // len(pattern) + 1))[:size]


def counts(program: pathlib.Path, inputs: list[pathlib.Path], folder: pathlib.Path) -> list[int]:
    out = folder / "out"
    subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", str(program), *map(str, inputs)],
        check=True,
        capture_output=True,
        timeout=900,
    )
    found: dict[str, int] = {}
    for file in folder.glob("out.*"):
        text = file.read_text()
        trigger = re.search(r"^desc: Trigger: Client Request: (.*)$", text, re.MULTILINE)
        total = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
        if trigger and total:
            found[trigger.group(1)] = int(total.group(1))
    return [found[str(name)] for name in inputs]


def growth_of(program: pathlib.Path, pattern: bytes, sizes: list[int]) -> list[float]:
    """From each size to the next."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        inputs = [folder / str(size) for size in sizes]
        for size, path in zip(sizes, inputs):
            path.write_bytes(repeated(pattern, size))
        work = counts(program, inputs, folder)
    return [many / max(one, NOISE) for one, many in zip(work, work[1:])]


def check(name: str, program: pathlib.Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary)
        inputs, tried = [], list(shapes(name))
        for number, (_, pattern) in enumerate(tried):
            for times in (1, TIMES):
                path = folder / f"{number}-{times}"
                path.write_bytes(repeated(pattern, SIZE * times))
                inputs.append(path)
        work = counts(program, inputs, folder)
    steepest = 0.0
    for (label, pattern), one, many in zip(tried, work[0::2], work[1::2]):
        growth = many / max(one, NOISE)
        if growth > TOLERANCE:
            # Cut elsewhere the same shape may be wrong or right, and be read to its end or not. What is steep is so twice.
            growth = min(growth, *growth_of(program, pattern, [SIZE * TIMES**power for power in range(4)])[1:])
        steepest = max(steepest, growth)
        if growth > TOLERANCE:
            yield f"{name}: {label} repeated: {one} instructions for {SIZE} bytes, {many} for {TIMES * SIZE}"
    print(f"{name}: {len(tried)} shapes; {TIMES} times the input is at most {steepest:.2f} times the work")


def main() -> int:
    build, names = pathlib.Path(sys.argv[1]), sys.argv[2:]
    subprocess.run(["cmake", "--build", str(build), "--target", *(f"{name}_work" for name in names)], check=True)
    findings = [finding for name in names for finding in check(name, build / "tests/fuzz" / f"{name}_work")]
    print(*findings, sep="\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
