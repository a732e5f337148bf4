#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Who may include what: one row per layer. CMake links by the same table; this also catches a header
that another layer's include path happens to make visible."""

import re
import sys

import tree

# Headers of the system that do something outside the process or ask for it. A pure layer has none.
IMPURE = re.compile(
    r"<(fstream|iostream|filesystem|thread|mutex|shared_mutex|condition_variable|future|random|"
    r"cstdio|cstdlib|ctime|csignal|semaphore|latch|barrier|.*\.h)>"
)
PURE = "pure"
POSIX = "posix"
BUS = ("<sdbus-c++/", "<systemd/")

CATALOGUE = r"actions/(catalogue|settings|mending).hpp"

# layer: (its files, system headers, what else may be included). First match decides.
LAYERS = (
    ("core", r"agent/core/", PURE, ("core/",)),
    ("diagnosis", r"agent/diagnosis/", PURE, ("core/", "diagnosis/")),
    ("catalogue", r"actions/(catalogue|settings|mending)\.", PURE, ("core/", CATALOGUE)),
    # arpa/inet.h: addresses from and to text, which touches nothing
    (
        "parse",
        r"agent/parse/",
        PURE,
        ("core/", "parse/", "<arpa/inet.h>", "<netinet/in.h>", "<nlohmann/"),
    ),
    (
        "policy reader",
        r"policies/toml_",
        POSIX,
        ("core/", CATALOGUE, "policies/", "<toml++/", "<cctz/"),
    ),
    ("policy", r"policies/", PURE, ("core/", CATALOGUE, "policies/[^t]")),
    (
        "engine",
        r"agent/engine/",
        PURE,
        ("(core|diagnosis|engine)/", CATALOGUE, "policies/(policy|decide|find_rule|budget|glob).hpp"),
    ),
    ("audit", r"sandbox/audit/", POSIX, ("core/", CATALOGUE, "sandbox/audit/", "<nlohmann/")),
    ("secrecy", r"sandbox/secrecy/", POSIX, ("core/", "sandbox/secrecy/")),
    ("bus", r"sandbox/bus/", POSIX, ("core/", "sandbox/bus/", *BUS)),
    (
        "tools",
        r"sandbox/tools/",
        POSIX,
        ("core/", CATALOGUE, "sandbox/(tools|bus|audit|secrecy)/", *BUS),
    ),
    ("seccomp", r"sandbox/seccomp/", POSIX, ("core/", "sandbox/seccomp/")),
    ("journal", r"sandbox/journal/", POSIX, ("core/", "sandbox/journal/", "<systemd/")),
    (
        "inspect",
        r"sandbox/inspect/",
        POSIX,
        ("core/", "sandbox/(inspect|seccomp|journal)/", "sandbox/bus/(unique_fd|folder_stream).hpp", "<fmt/"),
    ),
    # permissions are computed, and sockets asked for, as inspect does
    (
        "mend",
        r"sandbox/mend/",
        POSIX,
        (
            "core/",
            CATALOGUE,
            "sandbox/(mend|seccomp|audit|secrecy)/",
            "sandbox/inspect/(permission|identity|proc_text|sockets).hpp",
            "sandbox/bus/unique_fd.hpp",
        ),
    ),
    # the one place that sees OpenSSL
    (
        "TLS probe",
        r"sandbox/probe/(tls/|main/gatemend_probe_tls)",
        POSIX,
        ("core/", "sandbox/(probe|seccomp)/", "<openssl/"),
    ),
    ("probe", r"sandbox/probe/", POSIX, ("core/", "sandbox/(probe|seccomp)/")),
    (
        "acts and executor",
        r"(actions|sandbox/executor)/",
        POSIX,
        ("core/", "actions/", "policies/", "sandbox/", "<spdlog/", "<fmt/", "<nlohmann/", *BUS),
    ),
    (
        "io",
        r"agent/io/",
        POSIX,
        (
            "(core|parse|engine|io)/",
            CATALOGUE,
            "policies/",
            "sandbox/(bus|audit|secrecy)/",
            "<spdlog/",
            "<fmt/",
            "<nlohmann/",
            *BUS,
        ),
    ),
    (
        "app",
        r"agent/app/",
        POSIX,
        (
            "(core|diagnosis|parse|engine|io|app)/",
            CATALOGUE,
            "policies/",
            "sandbox/(bus|audit|seccomp|journal)/",
            "<spdlog/",
            "<fmt/",
            "<nlohmann/",
            *BUS,
        ),
    ),
    (
        "cli",
        r"agent/cli/",
        POSIX,
        (
            "(core|diagnosis|parse|engine|io|app|cli)/",
            CATALOGUE,
            "policies/",
            "sandbox/(bus|audit|tools|journal)/",
            # a dry run reads the audit as the executor would, without the executor
            "sandbox/executor/ledger_builder.hpp",
            "<spdlog/",
            "<fmt/",
            "<nlohmann/",
            "<CLI/",
            *BUS,
        ),
    ),
)
THIRD_PARTY = ("<toml++/", "<cctz/", "<sdbus-c++/", "<systemd/", "<spdlog/", "<fmt/", "<nlohmann/", "<CLI/", "<openssl/")
GENERATED = re.compile(r'"org\.gatemend\.\w+\.(adaptor|proxy)\.hpp"')
GENERATED_SEEN_BY = {"bus", "tools", "acts and executor", "io", "app", "cli"}
INCLUDE = re.compile(r'^\s*#\s*include\s+(<[^>]+>|"[^"]+")', re.MULTILINE)


def matches(pattern, include):
    if pattern.startswith("<"):
        return include.startswith(pattern)
    return re.match('"' + pattern, include) is not None


def is_allowed(layer, include):
    name, _, kind, allowed = layer
    if any(matches(pattern, include) for pattern in allowed):
        return True
    if GENERATED.match(include) or include.startswith('<org.gatemend.'):
        return name in GENERATED_SEEN_BY
    if include.startswith('"') or include.startswith(THIRD_PARTY):
        return False
    return kind == POSIX or not IMPURE.match(include)


def main():
    findings = []
    for path in tree.sources(folders=("agent", "policies", "actions", "sandbox")):
        layer = next((row for row in LAYERS if re.match(row[1], path.as_posix())), None)
        if layer is None:
            findings.append(f"{path}: belongs to no layer; see LAYERS in tests/lint/layering.py")
            continue
        for match in INCLUDE.finditer(tree.read(path)):
            if not is_allowed(layer, match.group(1)):
                line = tree.read(path)[: match.start(1)].count("\n") + 1
                findings.append(
                    f"{path}:{line}: layer '{layer[0]}' must not include {match.group(1)}"
                )
    return tree.report(findings)


if __name__ == "__main__":
    sys.exit(main())
