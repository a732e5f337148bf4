// SPDX-License-Identifier: MIT
// Time as the core knows it: UTC instants and durations in microseconds. There is no clock here;
// time enters only inside events. Format: RFC 3339 UTC, always six decimals and a Z.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

using Duration = std::chrono::microseconds;
using TimePoint = std::chrono::sys_time<Duration>;

// "2026-11-21T14:38:48.000123Z"
[[nodiscard]] std::string format_time(TimePoint time);

// Accepts what format_time prints, with 0 to 6 decimals. nullopt for anything else.
[[nodiscard]] std::optional<TimePoint> parse_time(std::string_view text);

// "30s", "1m30s", "250ms": for people, exact to the millisecond.
[[nodiscard]] std::string format_duration(Duration duration);

}  // namespace gatemend::core
