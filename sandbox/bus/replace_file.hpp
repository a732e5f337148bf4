// SPDX-License-Identifier: MIT
// State files, replaced whole or not at all. Used by both halves for what they want to know again
// after a restart. Never for a record: see sandbox/audit.
#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace gatemend::bus {

// Writes PATH.new and renames it over PATH: a crash leaves the old content or the new one. Not
// synced to disk: losing the newest state in a power failure costs a re-read, not correctness.
[[nodiscard]] core::Status replace_file(const std::string& path, std::string_view content);

}  // namespace gatemend::bus
