// SPDX-License-Identifier: MIT
#include "cli/operator_control.hpp"

#include "actions/catalogue.hpp"
#include "cli/bus_call.hpp"
#include "cli/exit_code.hpp"
#include "policies/toml_reader.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>

namespace gatemend::cli {

namespace {

constexpr std::chrono::seconds kDeadline{20};

int wrong(const std::string& text) {
    (void)std::fprintf(stderr, "gatemend: %s\n", text.c_str());
    return kExitUsage;
}

}  // namespace

int run_pause(const std::string& duration, const std::string& reason) {
    const auto length = policy::parse_duration(duration);
    if (!length) {
        return wrong("pause --for " + duration + ": " + length.error().text);
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*length).count();
    if (seconds < 1) {
        return wrong("pause --for " + duration + ": less than a second");
    }
    const int code = call_service(kExecutor, [&](sdbus::IProxy& executor) {
        executor.callMethod("Pause")
            .onInterface(kExecutor.interface)
            .withTimeout(kDeadline)
            .withArguments(static_cast<std::uint64_t>(seconds), reason);
    });
    if (code == kExitOk) {
        (void)std::printf(
            "paused for %s: %s\n", core::format_duration(*length).c_str(), reason.c_str());
    }
    return code;
}

int run_resume(const std::string& unit) {
    if (!unit.empty() && !actions::is_unit_name(unit)) {
        return wrong(
            "resume: not a service's unit name (expected something like "
            "php8.2-fpm.service)");
    }
    const int code = call_service(kExecutor, [&](sdbus::IProxy& executor) {
        if (unit.empty()) {
            executor.callMethod("Resume").onInterface(kExecutor.interface).withTimeout(kDeadline);
        } else {
            executor.callMethod("Lift")
                .onInterface(kExecutor.interface)
                .withTimeout(kDeadline)
                .withArguments(unit);
        }
    });
    if (code == kExitOk) {
        (void)std::printf("%s\n", unit.empty() ? "resumed" : ("lifted " + unit).c_str());
    }
    return code;
}

}  // namespace gatemend::cli
