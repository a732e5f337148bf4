// SPDX-License-Identifier: MIT
// The last words of one run of a unit, from the journal: its own messages and systemd's about it.
// Used by the agent when an incident opens. Opens the journal anew each time, so that it holds no
// deleted file and needs no journald; limited in entries, bytes and time.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::io {

inline constexpr std::size_t kMaxJournalLines = 10;
inline constexpr core::Duration kMaxJournalTime = std::chrono::milliseconds{200};

// Oldest first, sanitized. `invocation_id`: 32 hex digits.
[[nodiscard]] core::Result<std::vector<std::string>> read_journal_excerpt(
    const std::string& unit, const std::string& invocation_id);

}  // namespace gatemend::io
