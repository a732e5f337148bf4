#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""client_text.py: what a visitor wrote leaves its type (agent/core/client_text.hpp) in two ways only:
as part of a sentence for people, and as a name to look up. Each file that does so is named here; the
compiler refuses all other ways, see tests/policy."""

import re
import sys

import tree

SENTENCE = re.compile(r"[.>]in_sentence\(")
LOOK_UP = re.compile(r"[.>]name_to_look_up\(")
# Diagnoses, their evidence and suggestions are sentences; so is what explain prints.
TELLERS = re.compile(r"agent/(diagnosis|cli)/\w+\.cpp")
ASKERS = re.compile(r"agent/engine/witnesses\.cpp")
# Even there no sentence becomes what an act is told.
PARAMETER = re.compile(r"\b(remedy|parameters|plan)\b")


def check(path, text):
    for number, line in enumerate(tree.without_comments(text).splitlines(), 1):
        if SENTENCE.search(line) and not TELLERS.fullmatch(path):
            yield f"{path}:{number}: makes a sentence of what a visitor wrote"
        if LOOK_UP.search(line) and not ASKERS.fullmatch(path):
            yield f"{path}:{number}: looks up what a visitor wrote"
        if (SENTENCE.search(line) or LOOK_UP.search(line)) and PARAMETER.search(line):
            yield f"{path}:{number}: hands what a visitor wrote to an act"


def main():
    findings = []
    for path in tree.sources(folders=("agent", "policies", "actions", "sandbox")):
        findings += check(path.as_posix(), tree.read(path))
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main())
