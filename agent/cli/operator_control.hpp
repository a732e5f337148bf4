// SPDX-License-Identifier: MIT
// `gatemend pause` and `gatemend resume`: the operator's say, passed to the executor, which checks
// that it comes from root and records it.
#pragma once

#include <string>

namespace gatemend::cli {

// `duration`: "1h", "30m" ...
[[nodiscard]] int run_pause(const std::string& duration, const std::string& reason);
// Ends the pause, or with a unit lifts its latch.
[[nodiscard]] int run_resume(const std::string& unit);

}  // namespace gatemend::cli
