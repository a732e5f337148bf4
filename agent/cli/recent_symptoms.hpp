// SPDX-License-Identifier: MIT
// The symptoms of the last few minutes in nginx's error logs, for --dry-run: the service would have
// seen these lines arrive; and of the last day, FPM's own log included, for suggest. Reads the end
// of each log only.
#pragma once

#include "core/event.hpp"

#include <ctime>
#include <string>
#include <vector>

namespace gatemend::cli {

inline constexpr std::size_t kRecentBytes = std::size_t{256} * 1024;
inline constexpr std::time_t kRecentSeconds = 300;

// `now`: to compare the log's local time with; `seconds`: how far back.
[[nodiscard]] std::vector<core::SymptomSeen> recent_symptoms(const std::vector<std::string>& logs,
                                                             std::time_t now,
                                                             std::time_t seconds = kRecentSeconds);

// What a service's FPM has written into its log; root's alone to read.
[[nodiscard]] std::vector<core::SymptomSeen> recent_fpm_symptoms(const core::Service& service,
                                                                 std::time_t since);

}  // namespace gatemend::cli
