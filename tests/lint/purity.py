#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""purity.py LIBRARY...: the object files of a pure layer import nothing that reads a clock, the
environment or a file, talks to somebody, waits, or draws a random number. C functions are allowed by
name; of the C++ library only what is named here is forbidden."""

import re
import subprocess
import sys

import tree

ALLOWED_C = re.compile(
    r"_?_?(mem(cpy|move|set|cmp|chr|rchr)|str(len|cmp|ncmp|chr))(_chk)?$|__assert_fail$|"
    r"__stack_chk_fail$|__cxa_|__gxx_personality_v0$|_Unwind_Resume$|__dso_handle$|"
    r"_GLOBAL_OFFSET_TABLE_$|__(asan|ubsan|sanitizer|sanitize|sancov)_|__(start|stop)___sancov_|__popcountdi2$|__tls_get_addr$|inet_(pton|ntop)$"
)
# nlohmann/json reads its numbers with the C library; nothing of ours sets another locale than "C".
ALLOWED_IN = {
    "nft_ruleset.cpp.o": re.compile(
        r"__errno_location$|localeconv$|(__)?snprintf(_chk)?$|(__isoc23_)?strto(d|ll|ull)$"
    )
}
FORBIDDEN_CPP = re.compile(
    r"std::chrono::.*(::now|tzdb|zone)|std::c(out|in|err|log)$|"
    r"std::(basic_(i|o|)(f?stream|stringstream)|basic_filebuf|filesystem|thread|this_thread|mutex|"
    r"condition_variable|random_device|locale|call_once|future|__once)|std::__cxx11::basic_\w*stream|"
    r"(spdlog|fmt|sdbus|toml|nlohmann)::"
)
CPP = re.compile(r"::|^operator (new|delete)|^(vtable|typeinfo|VTT|guard variable|construction)")


def undefined_symbols(library):
    listing = subprocess.run(
        ["nm", "-uC", "--no-sort", library], check=True, capture_output=True, text=True
    ).stdout
    member = library
    for line in listing.splitlines():
        if line.endswith(":"):
            member = line[:-1]
        elif match := re.match(r"\s+[Uwv] (.*)$", line):
            yield member, match.group(1)


def is_pure(member, symbol):
    by_file = ALLOWED_IN.get(member.rsplit("/", 1)[-1])
    if by_file and by_file.match(symbol):
        return True
    if CPP.search(symbol):
        return FORBIDDEN_CPP.search(symbol) is None
    return ALLOWED_C.match(symbol) is not None


def main():
    findings = set()
    for library in sys.argv[1:]:
        for member, symbol in undefined_symbols(library):
            if not is_pure(member, symbol):
                findings.add(f"{library.rsplit('/', 1)[-1]}: {member} imports {symbol}")
    return tree.report(sorted(findings))


if __name__ == "__main__":
    sys.exit(main())
