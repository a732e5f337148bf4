// SPDX-License-Identifier: MIT
// Work as a list of steps, each of which finds on the disk where it stands: whatever was
// interrupted between two of them is done again from the beginning. Tests stop after each.
#pragma once

#include "core/result.hpp"

#include <functional>
#include <vector>

namespace gatemend::mend {

struct Step {
    std::function<core::Status()> run;
};

using Steps = std::vector<Step>;

// Stops at the first that fails.
[[nodiscard]] core::Status run_steps(const Steps& steps);

}  // namespace gatemend::mend
