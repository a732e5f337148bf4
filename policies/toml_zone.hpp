// SPDX-License-Identifier: MIT
// Time zones as a table of offsets, read from the machine's zoneinfo (TZif, RFC 8536) when a policy
// is loaded, so that decisions need neither a clock nor a file. Called by the reader of rules;
// `folder` is the machine's own data, yet nothing in it is taken on trust.
#pragma once

#include "core/result.hpp"
#include "policies/policy.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

inline constexpr std::size_t kMaxZoneFileBytes = std::size_t{64} * 1024;
inline constexpr std::size_t kMaxZoneOffsets = 512;

// The content of a zoneinfo file -> what its clocks show from kZoneFromYear to kZoneUntilYear. The
// first entry holds for all time before the second.
[[nodiscard]] core::Result<std::vector<ZoneOffset>> parse_zone(std::string_view bytes);

// "Europe/Berlin"; "UTC" is known without a file and is an empty table.
[[nodiscard]] core::Result<std::vector<ZoneOffset>> read_zone(
    std::string_view name, const std::string& folder = "/usr/share/zoneinfo");

// `did you mean "Europe/Berlin"?` or "".
[[nodiscard]] std::string suggest_zone(std::string_view name,
                                       const std::string& folder = "/usr/share/zoneinfo");

}  // namespace gatemend::policy
