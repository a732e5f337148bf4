// SPDX-License-Identifier: MIT
// The time of a log line as a moment, for putting kept logs in order. Called by replay. A stamp
// without a zone is read as UTC: all sources of one machine mean the same zone, and the order is
// what matters. Pure; any input.
#pragma once

#include "core/time.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// nginx `2026/11/21 14:33:28`, its access log `21/Nov/2026:14:33:28 +0000`, PHP-FPM
// `21-Nov-2026 14:29:57.123456 UTC`, ISO `2026-11-21T14:33:28.5Z` / `2026-11-21 14:33:28,123
// +0100`, Apache and dmesg -T `Sat Nov 21 14:33:28.123 2026`, syslog `Nov 21 14:33:28`: that one
// has no year and takes `year`. nullopt: none of these.
[[nodiscard]] std::optional<core::TimePoint> log_time(std::string_view text, int year);

[[nodiscard]] int year_of(core::TimePoint time);

}  // namespace gatemend::parse
