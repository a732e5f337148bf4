// SPDX-License-Identifier: MIT
// What systemd has written about a unit's jobs since the machine came up, from its own entries in
// the journal. Used by gatemend-inspect for the executor, and by the agent and the dry run for
// themselves. Opens the journal anew each time; limited in entries and time.
#pragma once

#include "core/intent.hpp"
#include "core/result.hpp"

#include <cstddef>
#include <string>

namespace gatemend::journal {

inline constexpr std::size_t kMaxEntries = 1000;
inline constexpr core::Duration kMaxTime = std::chrono::milliseconds{500};

// `unit`: its own name, no alias.
[[nodiscard]] core::Result<core::LastJob> read_last_job(const std::string& unit);

}  // namespace gatemend::journal
