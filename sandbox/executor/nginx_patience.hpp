// SPDX-License-Identifier: MIT
// How long nginx waits for an answer: the longest `*_read_timeout` that stands anywhere in what
// nginx -T prints, and its own default unless one surely stands around every place where it asks.
// Which location leads where is not asked.
// Called by work_guard and examination, which need not believe the agent then.
#pragma once

#include "core/time.hpp"
#include "core/topology.hpp"

#include <optional>
#include <string_view>

namespace gatemend::sandbox {

// nginx's own, where no directive says otherwise.
inline constexpr core::Duration kDefaultPatience = std::chrono::minutes{1};
// Longer waits are not measured out.
inline constexpr core::Duration kLongestPatience = std::chrono::minutes{30};

// Of PHP-FPM only FastCGI's counts: it speaks nothing else. nullopt: a value or the text cannot be
// read, or a value is longer than kLongestPatience.
[[nodiscard]] std::optional<core::Duration> nginx_patience(std::string_view dump,
                                                           core::ServiceRole role);

// A reload ends visitors who stay too long with the old workers (worker_shutdown_timeout). Also
// where the text cannot be read.
[[nodiscard]] bool is_reload_cutting(std::string_view dump);

}  // namespace gatemend::sandbox
