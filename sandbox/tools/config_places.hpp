// SPDX-License-Identifier: MIT
// From which files and folders a server reads its configuration: from its first files along their
// includes, links followed all the way. Looks for `include` alone, as nginx and PHP-FPM write it,
// and takes too much rather than too little. Reads what root has configured, nothing else. Called
// by facts.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxConfigPlaces = 20'000;
inline constexpr std::size_t kMaxConfigText = std::size_t{64} * 1024 * 1024;

// Files, links on the way to them, and, last, folders in which a file that comes or goes changes
// what is read. `first`: absolute names or patterns; relative includes are meant from the folder of
// the first one. An error when a limit is reached.
[[nodiscard]] core::Result<std::vector<std::string>> find_config_places(
    const std::vector<std::string>& first);

}  // namespace gatemend::sandbox
