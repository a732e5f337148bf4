#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""no_shell.py [LIBRARY...]: no shell and no new process, in no layer: neither in the source nor in
what the object files import. Tools are started by systemd, as transient units. The one exception are
the operator's own commands: what stands behind `gatemend hold`, and `gatemend drill`."""

import re
import subprocess
import sys

import tree

CALLS = r"system|popen|exec(l|le|lp|v|ve|vp|vpe|veat)|fexecve|posix_spawnp?|v?fork|wordexp"
CALL = re.compile(rf"(?<![\w.>])(::|std::)?(?P<call>{CALLS})\s*\(")
SHELL = re.compile(r'"/?(usr/)?(bin/)?(ba|da|z|k)?sh"|/bin/(ba|da)?sh\b')
# The words of other programs' messages ("fork() failed") call nothing.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
# file or library: the one call it may make
ALLOWED = {"agent/cli/child_process.cpp": "posix_spawnp", "libgatemend_cli.a": "posix_spawnp"}
SYMBOL = re.compile(rf"^\s+U ({CALLS})(@|$)")


def check_source():
    for path in tree.sources(folders=("agent", "policies", "actions", "sandbox")):
        for number, line in enumerate(tree.without_comments(tree.read(path)).splitlines(), 1):
            match = SHELL.search(line) or CALL.search(STRING.sub('""', line))
            if match and match.groupdict().get("call") != ALLOWED.get(path.as_posix(), ""):
                yield f"{path}:{number}: {match.group().strip()}"


def check_library(library):
    listing = subprocess.run(["nm", "-u", library], check=True, capture_output=True, text=True)
    name = library.rsplit("/", 1)[-1]
    for line in listing.stdout.splitlines():
        if (match := SYMBOL.match(line)) and match.group(1) != ALLOWED.get(name):
            yield f"{name}: imports {match.group(1)}"


def main():
    findings = list(check_source())
    for library in sys.argv[1:]:
        findings += check_library(library)
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main())
