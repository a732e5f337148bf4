// SPDX-License-Identifier: MIT
// The files of one replay, told to one engine or to several side by side. Used by replay and its
// diff.
#pragma once

#include "cli/replay_log.hpp"
#include "core/result.hpp"

#include <string>
#include <vector>

namespace gatemend::cli {

// The first line tells what a file is. Event files are replayed in their order; all others are
// logs, and merged by time.
[[nodiscard]] core::Status replay_files(const std::vector<std::string>& files,
                                        const std::vector<ReplayTarget>& targets);

}  // namespace gatemend::cli
