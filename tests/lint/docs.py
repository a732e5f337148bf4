#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Documentation that can be found and that names what exists: every folder with sources has a
README.md or is named by the nearest one above it; no path in a README.md leads nowhere; nothing
unexpected at the top."""

import re
import subprocess
import sys

import tree

TOP_FOLDERS = ("agent", "policies", "actions", "sandbox", "tests", "debian")
TOP_FILES = ("CMakeLists.txt", "CMakePresets.json", "README.md")
DOCUMENTED = (".cpp", ".hpp", ".py", ".xml")
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)|\]\(([^)\s]+)\)")
PATH = re.compile(r"(\./)?[\w.*-]+(/[\w.*{},-]+)*/?")
SUFFIXES = (".cpp", ".hpp", ".py", ".md", ".xml", ".cmake", ".toml", "CMakeLists.txt")


def tracked_files():
    """What git knows; in an unpacked source package everything but dot-files and build trees."""
    listing = subprocess.run(
        ["git", "-C", tree.ROOT, "ls-files"], capture_output=True, text=True, check=False
    )
    if listing.returncode == 0 and listing.stdout:
        return listing.stdout.splitlines()
    return [
        (folder / name).as_posix()
        for top in TOP_FOLDERS
        for folder, names in tree.walk(top)
        for name in names
    ]


def check_top(files):
    for name in sorted({path.split("/")[0] for path in files}):
        if not name.startswith(".") and name not in TOP_FOLDERS + TOP_FILES:
            yield f"{name}: does not belong at the top level"


def is_documented(folder, files):
    name = folder
    while "/" in name and f"{name}/README.md" not in files:
        name = name.rpartition("/")[0]
    readme = f"{name}/README.md"
    if readme not in files:
        return False
    return name == folder or f"`{folder.removeprefix(name + '/')}/`" in tree.read(readme)


def check_folders(files):
    folders = {path.rpartition("/")[0] for path in files if path.endswith(DOCUMENTED)}
    for folder in sorted(folders | set(TOP_FOLDERS)):
        # A main() of its own is described where its layer is.
        if not folder.endswith("/main") and not is_documented(folder, files):
            yield f"{folder}: has no README.md and the one above does not name it"


def named_paths(text):
    """Paths in `code` or as link targets; commands count by their first word if it is ./path."""
    for code, link in CODE.findall(re.sub(r"```.*?```", "", text, flags=re.DOTALL)):
        word = (code or link).split("#")[0]
        if word.startswith("./"):
            word = word.split()[0]
        if PATH.fullmatch(word) and ("/" in word or word.endswith(SUFFIXES)):
            yield word


def exists(word, folder, files):
    plain = word.removeprefix("./").rstrip("/")
    if plain.startswith("."):
        return True  # made by tools, not kept
    # Only what claims to be in this tree: `php*-fpm` or `start/stop` does not.
    top = plain.split("/")[0]
    claims = word.endswith(SUFFIXES) or (folder / top).exists() or (tree.ROOT / top).exists()
    if not claims or "{" in plain:
        return True
    if "/" not in plain and "*" not in plain:
        by_name = any(path.rpartition("/")[2] == plain for path in files)
        return by_name or (folder / plain).exists() or (tree.ROOT / plain).exists()
    return any(list(base.glob(plain)) for base in (folder, tree.ROOT))


def check_paths(files):
    for readme in (path for path in files if path.endswith("README.md")):
        if not (tree.ROOT / readme).exists():
            continue
        folder = (tree.ROOT / readme).parent
        for word in named_paths(tree.read(readme)):
            if not exists(word, folder, files):
                yield f"{readme}: names {word}, which does not exist"


def main():
    files = tracked_files()
    return tree.report([*check_top(files), *check_folders(files), *check_paths(files)])


if __name__ == "__main__":
    sys.exit(main())
