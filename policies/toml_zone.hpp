// SPDX-License-Identifier: MIT
// Time zones as a table of offsets, read by libcctz from the machine's zoneinfo when a policy is
// loaded, so that decisions need neither a clock nor a file. Called by the reader of rules. What a
// name has meant once it means until the process ends.
#pragma once

#include "core/result.hpp"
#include "policies/policy.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

inline constexpr std::size_t kMaxZoneOffsets = 512;

// What its clocks show from kZoneFromYear to kZoneUntilYear; the first entry holds for all time
// before the second. "Europe/Berlin"; "UTC" is known without a file and is an empty table.
[[nodiscard]] core::Result<std::vector<ZoneOffset>> read_zone(
    std::string_view name, const std::string& folder = "/usr/share/zoneinfo");

// `did you mean "Europe/Berlin"?` or "".
[[nodiscard]] std::string suggest_zone(std::string_view name,
                                       const std::string& folder = "/usr/share/zoneinfo");

}  // namespace gatemend::policy
