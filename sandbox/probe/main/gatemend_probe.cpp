// SPDX-License-Identifier: MIT
// gatemend-probe KIND ADDRESS TIMEOUT_USEC: prints one line (core::encode) and ends. Started by the
// executor as a transient unit, as nginx's worker user. Exit 2 on wrong usage, 1 when it cannot
// confine itself or print.
#include "sandbox/probe/probe.hpp"
#include "sandbox/seccomp/filters.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace {

using gatemend::core::Duration;

void say(std::string_view text) {
    (void)!write(STDERR_FILENO, text.data(), text.size());
}

bool print(std::string_view line) {
    return write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

bool parse_timeout(std::string_view text, Duration& timeout) {
    std::uint32_t usec = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), usec);
    timeout = Duration{usec};
    return error == std::errc{} && end == text.data() + text.size() && !text.empty();
}

}  // namespace

int main(int argc, char** argv) {
    const std::span<char*> arguments{argv, static_cast<std::size_t>(argc)};
    Duration timeout{};
    if (arguments.size() != 4 || !parse_timeout(arguments[3], timeout)) {
        say("usage: gatemend-probe connect|fastcgi ADDRESS TIMEOUT_USEC\n");
        return 2;
    }
    const auto kind = gatemend::core::probe_kind_from_id(arguments[1]);
    const std::string problem = gatemend::probe::check_address(arguments[2]);
    if (!kind || !problem.empty()) {
        say(kind ? "gatemend-probe: bad address: " + problem + "\n"
                 : "gatemend-probe: unknown kind\n");
        return 2;
    }
    if (const auto confined = gatemend::sandbox::install_probe_filter(); !confined) {
        say("gatemend-probe: " + confined.error().text + "\n");
        return 1;
    }
    const auto result = gatemend::probe::run_probe(*kind, arguments[2], timeout);
    return print(gatemend::core::encode(result)) ? 0 : 1;
}
