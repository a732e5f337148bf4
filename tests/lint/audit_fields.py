#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Every kind and every field that a writer of the two records can emit is in gatemend-audit(5), and
every kind that the page describes is written by somebody."""

import re
import sys

import tree

PAGE = "debian/gatemend-audit.5"
WRITERS = (
    "sandbox/audit/audit_file.cpp",
    "sandbox/audit/audit_line.cpp",
    "sandbox/audit/ledger_carry.cpp",
    "sandbox/executor/record.cpp",
)
# The agent's records are made by these functions of the file.
DOCUMENTS = "agent/app/documents.cpp"
AGENT_FUNCTIONS = ("evidence_list", "hold_list", "record_fields")
AGENT_KINDS = "agent/engine/identifiers.cpp"

FIELD = re.compile(r"\.?\badd(?:_number|_json|_if)?\(\s*\"(\w+)\"")
LINE_KEY = re.compile(r'k\w+Key = "[^;]*?\\"(\w+)\\":')
MEMBER = re.compile(r"\{\s*\"(\w+)\"\s*,|fields\[\"(\w+)\"\]")
KIND = re.compile(r"write\(\s*now,\s*\"(\w+)\"|append\(time,\s*\"(\w+)\"|push_back\(\{\"(\w+)\",")


def function_text(text, name):
    start = text.index(f" {name}(")
    return text[start : text.index("\n}\n", start)]


def found(pattern, text):
    for match in pattern.finditer(text):
        yield next(group for group in match.groups() if group)


def written():
    """(name, where) of fields, and the kinds."""
    fields, kinds = {}, {}
    for path in WRITERS:
        text = tree.without_comments(tree.read(path))
        fields.update((name, path) for name in found(FIELD, text))
        fields.update((name, path) for name in found(LINE_KEY, text))
        kinds.update((name, path) for name in found(KIND, text))
    text = tree.read(DOCUMENTS)
    for function in AGENT_FUNCTIONS:
        body = function_text(text, function)
        fields.update((name, DOCUMENTS) for name in found(MEMBER, body))
        fields.update((name, DOCUMENTS) for name in found(FIELD, body))
    for constant in re.finditer(r'string_view k\w+ = "(\w+)"', tree.read("sandbox/audit/audit_line.hpp")):
        kinds[constant.group(1)] = WRITERS[0]
    identifiers = function_text(tree.read(AGENT_KINDS), "record_kind_id")
    kinds.update((name, AGENT_KINDS) for name in re.findall(r'return "(\w+)";', identifiers))
    return fields, kinds


def main():
    page = tree.read(PAGE)
    # what stands in bold, alone or between others
    bold = set()
    for line in page.splitlines():
        if re.match(r"\.(B|BR|RB) ", line):
            bold.update(re.findall(r"\w+", line))
    fields, kinds = written()
    problems = [f"{PAGE}: field {name} of {path} is missing" for name, path in fields.items() if name not in bold]
    problems += [f"{PAGE}: kind {name} of {path} is missing" for name, path in kinds.items() if name not in bold]
    described = page[page.index(".SH KINDS IN BOTH") : page.index(".SH KINDS IN decisions")]
    for name in re.findall(r"\.TP\n\.B (\w+)\n", described):
        if name not in kinds:
            problems.append(f"{PAGE}: nobody writes kind {name}")
    if len(fields) < 40 or len(kinds) < 25:
        problems.append(f"only {len(fields)} fields and {len(kinds)} kinds were found: this check looks in the wrong place")
    print("\n".join(problems), end="\n" if problems else "")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
