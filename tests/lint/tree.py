# SPDX-License-Identifier: MIT
"""What the checks look at: the project's own files, told from build trees and packages by name."""

import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
SOURCE_FOLDERS = ("agent", "policies", "actions", "sandbox", "tests")
SKIPPED_FOLDERS = {"__pycache__", ".build", "CMakeFiles"}


def walk(folder):
    """(folder, files) below `folder`, relative to the project, build trees left out."""
    for path, folders, files in os.walk(ROOT / folder):
        folders[:] = sorted(name for name in folders if name not in SKIPPED_FOLDERS)
        yield pathlib.Path(path).relative_to(ROOT), sorted(files)


def sources(suffixes=(".cpp", ".hpp"), folders=SOURCE_FOLDERS):
    """C++ files, as paths relative to the project."""
    for top in folders:
        for folder, files in walk(top):
            for name in files:
                if name.endswith(suffixes):
                    yield folder / name


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def without_comments(text):
    """The same lines, comments blanked. Strings that hold // lose their end, which hides nothing
    the checks look for."""

    def blank(match):
        return "\n" * match.group().count("\n")

    return re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.DOTALL)


def report(findings):
    """Prints findings and returns the exit status."""
    for finding in findings:
        print(finding)
    return 1 if findings else 0
