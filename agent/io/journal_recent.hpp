// SPDX-License-Identifier: MIT
// What the journal has about one unit since a moment: the unit's own words, systemd's about it, and
// the kernel's and the audit system's about anybody. Used by the agent while an incident is looked
// into, never all the time: following the journal would wake it at everybody's every line. Limited
// in entries, bytes and time.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "parse/journal_record.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace gatemend::io {

inline constexpr std::size_t kMaxRecentRecords = 500;
inline constexpr core::Duration kMaxRecentTime = std::chrono::milliseconds{200};

// Oldest first; of more than kMaxRecentRecords the newest. `unit` "": the kernel and audit only.
[[nodiscard]] core::Result<std::vector<parse::JournalRecord>> read_recent_journal(
    const std::string& unit, core::TimePoint since);

}  // namespace gatemend::io
