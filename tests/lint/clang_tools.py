# SPDX-License-Identifier: MIT
"""Finds the one version of the clang tools that the project is formatted and linted with."""

import shutil
import subprocess

VERSION = "14"
SKIPPED = 77


def find(name):
    """Path of the tool, or None, said aloud, when this version is not installed."""
    for candidate in (f"{name}-{VERSION}", name):
        path = shutil.which(candidate)
        if path is None:
            continue
        words = subprocess.run([path, "--version"], check=True, capture_output=True, text=True)
        if f"version {VERSION}." in words.stdout:
            return path
    print(f"skipped: {name} {VERSION} is not installed")
    return None
