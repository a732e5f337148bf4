// SPDX-License-Identifier: MIT
// Maintenance windows: may a rule act now, and if not, from when on? Asked by decide and by the
// executor. Pure: what a zone's clocks show stands in the window itself.
#pragma once

#include "core/time.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::policy {

[[nodiscard]] bool is_open(const TimeWindow& window, core::TimePoint now);

// No windows at all are always open.
[[nodiscard]] bool is_any_open(const std::vector<TimeWindow>& windows, core::TimePoint now);

// The first moment after `now` at which one of them opens; nullopt when none does within ten days,
// which is never.
[[nodiscard]] std::optional<core::TimePoint> next_opening(const std::vector<TimeWindow>& windows,
                                                          core::TimePoint now);

// "mon-fri 08:00-18:00 Europe/Berlin"
[[nodiscard]] std::string describe(const TimeWindow& window);

}  // namespace gatemend::policy
