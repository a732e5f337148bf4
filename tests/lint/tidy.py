#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""tidy.py BUILD_DIR [FILE...]: clang-tidy over every C++ file of the product (tests only when named: they
cost as much as the product, for the assertion macros). A file that was clean is not looked at again until it, a header of ours that it includes, its compile command or
the configuration changes. The path-sensitive analyzer costs as much as everything else together, so it
runs where memory and descriptors are handled by hand; the rest has sanitizers and fuzzing. Without
clang-tidy 14 the check is skipped (exit 77)."""

import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import resource
import subprocess
import sys
import time

import clang_tools
import tree

ANALYZED = ("sandbox/mend/", "sandbox/audit/", "sandbox/bus/", "agent/io/")
SHALLOW = [f"--extra-arg={word}" for word in ("-Xclang", "-analyzer-config", "-Xclang", "mode=shallow")]
INCLUDE = re.compile(rb'^\s*#\s*include\s+["<]([^">]+)[">]', re.MULTILINE)


class Cache:
    """Digests of what was clean, as empty files in the build directory."""

    def __init__(self, build):
        self.folder = build / "lint-tidy"
        self.folder.mkdir(exist_ok=True)
        self.bases = (tree.ROOT, tree.ROOT / "agent", build / "generated", build / "generated/dbus")
        configs = (".clang-tidy", "tests/.clang-tidy", "tests/lint/tidy.py")
        self.config = b"".join((tree.ROOT / name).read_bytes() for name in configs)
        self.contents = {}

    def content(self, path):
        if path not in self.contents:
            self.contents[path] = path.read_bytes()
        return self.contents[path]

    def closure(self, path, seen):
        """`path` and the headers of this project below it."""
        if path in seen:
            return
        seen.add(path)
        for name in INCLUDE.findall(self.content(path)):
            for base in (path.parent, *self.bases):
                if (header := base / os.fsdecode(name)).is_file():
                    self.closure(header, seen)
                    break

    def key(self, entry):
        seen = set()
        self.closure(pathlib.Path(entry["file"]), seen)
        digest = hashlib.sha256(self.config + entry["command"].encode())
        for path in sorted(seen):
            digest.update(hashlib.sha256(self.content(path)).digest())
        return self.folder / digest.hexdigest()


def run(tool, build, entry):
    start = time.monotonic()
    path = pathlib.Path(entry["file"]).relative_to(tree.ROOT).as_posix()
    depth = SHALLOW if path.startswith(ANALYZED) else ["--checks=-clang-analyzer-*"]
    check = subprocess.run(
        [tool, "-p", build, "--quiet", *depth, entry["file"]],
        check=False,
        capture_output=True,
        text=True,
    )
    return entry, check.returncode, check.stdout.strip(), check.stderr, time.monotonic() - start


def selected(entries, wanted):
    wanted = {str(pathlib.Path(name).resolve()) for name in wanted}
    own = [entry for entry in entries if pathlib.Path(entry["file"]).is_relative_to(tree.ROOT)]
    own = [entry for entry in own if not entry["file"].startswith(str(tree.ROOT / ".build"))]
    if wanted:
        return [entry for entry in own if entry["file"] in wanted]
    return [entry for entry in own if not entry["file"].startswith(str(tree.ROOT / "tests"))]


def main():
    tool = clang_tools.find("clang-tidy")
    if tool is None:
        return clang_tools.SKIPPED
    build = pathlib.Path(sys.argv[1]).resolve()
    cache = Cache(build)
    entries = selected(json.loads((build / "compile_commands.json").read_text()), sys.argv[2:])
    keys = {entry["file"]: cache.key(entry) for entry in entries}
    todo = [entry for entry in entries if not keys[entry["file"]].exists()]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for entry, status, words, trouble, seconds in pool.map(lambda e: run(tool, build, e), todo):
            if status == 0:
                keys[entry["file"]].touch()
            else:
                failed += 1
                print(words or trouble)
            if "-v" in os.environ.get("LINT_FLAGS", ""):
                print(f"{seconds:6.1f}s {entry['file']}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    known = len(entries) - len(todo)
    print(f"{len(entries)} files, {known} known to be clean, {failed} with findings, {spent:.0f} s CPU")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
