// SPDX-License-Identifier: MIT
// Work as a list of steps, each of which finds on the disk where it stands: whatever was
// interrupted between two of them is done again from the beginning. Tests stop after each.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <functional>
#include <vector>

namespace gatemend::mend {

struct Step {
    std::size_t part = 0;  // steps of one part depend on each other
    std::function<core::Status()> run;
};

using Steps = std::vector<Step>;

// Stops at the first that fails.
[[nodiscard]] core::Status run_steps(const Steps& steps);

// Leaves out the rest of a part that failed and goes on with the next; all errors in one.
[[nodiscard]] core::Status run_every_part(const Steps& steps);

}  // namespace gatemend::mend
