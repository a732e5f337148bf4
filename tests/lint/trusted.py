#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""trusted.py BUILD MAP...: how much of ours runs in each privileged program. Read from what the linker
took (its map, one per program) and from the headers that these objects include: what came along through
an include is counted, whatever the source says. Fails where a program has grown beyond its bound, or
holds what it must not."""

import collections
import pathlib
import re
import subprocess
import sys

import tree

# program: lines of ours at most. They go down; who raises one says why in the commit.
BOUNDS = {
    "gatemend-executor": 29140,
    "gatemend-mend": 12010,
    "gatemend-inspect": 4985,
}
# Parts of the source that no privileged program may hold.
FORBIDDEN = ("agent/diagnosis/", "agent/parse/", "agent/engine/", "agent/io/", "agent/app/", "agent/cli/")
# As GNU ld and lld both write them.
MEMBER = re.compile(r"\blib(gatemend_\w+)\.a\(([^)]+\.o)\)")
LOADED = re.compile(r"\bCMakeFiles/gatemend-\w+\.dir/[^\s:()]+\.o\b")


def objects_of(build, text):
    """The object files of ours that the linker took, relative to the build folder."""
    for library, name in set(MEMBER.findall(text)):
        found = sorted((build / "CMakeFiles" / f"{library}.dir").rglob(name))
        if len(found) != 1:
            sys.exit(f"{library}: {len(found)} objects are called {name}")
        yield found[0].relative_to(build).as_posix()
    yield from set(LOADED.findall(text))


def files_behind(build, objects):
    """Sources and headers of ours, relative to the project."""
    command = ["ninja", "-C", build, "-t", "deps", *objects]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if listing.count("#deps") != len(objects):
        sys.exit("ninja does not know what all objects were made of")
    for line in listing.splitlines():
        path = (build / line.strip()).resolve()
        is_ours = line.startswith(" ") and path.is_relative_to(tree.ROOT)
        if is_ours and path.relative_to(tree.ROOT).parts[0] in tree.SOURCE_FOLDERS:
            yield path.relative_to(tree.ROOT)


def layer_of(path):
    return "/".join(path.parts[:2]) if path.parts[0] in ("agent", "sandbox") else path.parts[0]


def measure(build, linker_map):
    objects = sorted(set(objects_of(build, linker_map.read_text(encoding="utf-8"))))
    lines = collections.Counter()
    files = sorted(set(files_behind(build, objects)))
    for path in files:
        lines[layer_of(path)] += tree.read(path).count("\n")
    return objects, files, lines


def check(build, linker_map):
    program = linker_map.name.removesuffix(".map")
    objects, files, lines = measure(build, linker_map)
    total = lines.total()
    parts = "; ".join(f"{layer} {count}" for layer, count in lines.most_common())
    print(f"{program}: {len(objects)} objects, {total} lines of at most {BOUNDS[program]} ({parts})")
    if total > BOUNDS[program]:
        yield f"{program} has {total} lines of ours, more than {BOUNDS[program]}"
    for path in files:
        if path.as_posix().startswith(FORBIDDEN):
            yield f"{program} holds {path}"


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    findings = [finding for name in sys.argv[2:] for finding in check(build, pathlib.Path(name))]
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main())
