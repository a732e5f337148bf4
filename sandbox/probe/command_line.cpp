// SPDX-License-Identifier: MIT
#include "sandbox/probe/command_line.hpp"

#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

namespace gatemend::probe {
namespace {

using core::Error;
using core::Result;

constexpr std::size_t kArguments = 6;

std::optional<core::Duration> parse_timeout(std::string_view text) {
    std::uint32_t usec = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), usec);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return core::Duration{usec};
}

std::optional<Reach> parse_reach(std::string_view text) {
    if (text == "local") {
        return Reach::kLocal;
    }
    return text == "remote" ? std::optional{Reach::kRemote} : std::nullopt;
}

}  // namespace

Result<Task> parse_arguments(std::span<char* const> arguments) {
    if (arguments.size() != kArguments) {
        return Error{"usage: gatemend-probe KIND ADDRESS TIMEOUT_USEC local|remote NAME"};
    }
    const auto kind = core::probe_kind_from_id(arguments[1]);
    const auto timeout = parse_timeout(arguments[3]);
    const auto reach = parse_reach(arguments[4]);
    if (!kind || !timeout || !reach) {
        return Error{"unknown kind, timeout or reach"};
    }
    Task task{{*kind, arguments[2], arguments[5], *timeout}, *reach};
    if (const std::string problem = check_target(task.question, *reach); !problem.empty()) {
        return Error{"bad target: " + problem};
    }
    return task;
}

bool print(const core::ProbeResult& result) {
    const std::string line = core::encode(result);
    return write(STDOUT_FILENO, line.data(), line.size()) == static_cast<ssize_t>(line.size());
}

void complain(std::string_view problem) {
    const std::string line = "gatemend-probe: " + std::string{problem} + "\n";
    (void)!write(STDERR_FILENO, line.data(), line.size());  // nobody left to tell
}

}  // namespace gatemend::probe
