// SPDX-License-Identifier: MIT
// `gatemend apply DIGEST`: perform exactly a plan that --dry-run or suggest has printed, or refuse.
// The same diagnosis or suggestion is made again; only if it leads to the same digest the plan is
// approved and handed to the executor, verified by the same engine as the service's, and confirmed
// or undone. Works without the agent's service.
#pragma once

#include "cli/dry_run.hpp"

#include <string>

namespace gatemend::cli {

struct ApplyOptions {
    std::string digest;
    DryRunOptions dry_run;
};

// 0 only when the act was effective.
[[nodiscard]] int run_apply(const ApplyOptions& options);

}  // namespace gatemend::cli
