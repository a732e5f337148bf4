// SPDX-License-Identifier: MIT
// What decisions.jsonl says about incidents before this start of the agent: which are still open,
// and the last number given. Reads no more than the tail of it and of its older parts.
#pragma once

#include "core/event.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::app {

inline constexpr std::size_t kMaxHistoryBytes = std::size_t{4} * 1024 * 1024;

struct IncidentHistory {
    std::uint64_t last_incident = 0;
    std::vector<core::IncidentRestored> open;  // oldest first
};

// `text`: lines of decisions.jsonl; the first may be cut, and lines that are no records are
// skipped.
[[nodiscard]] IncidentHistory read_history(std::string_view text);

[[nodiscard]] core::Result<IncidentHistory> load_history(const std::string& path);

}  // namespace gatemend::app
