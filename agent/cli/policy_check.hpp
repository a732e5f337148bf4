// SPDX-License-Identifier: MIT
// `gatemend policy check [PATH]`: reads policy files as the services would and says what is wrong
// with them, and what may surprise their author.
#pragma once

#include "cli/policy_options.hpp"

namespace gatemend::cli {

// Findings to stderr (--json: everything to stdout). Exit status: 0, or 1 when there are errors.
[[nodiscard]] int run_policy_check(const PolicyOptions& options);

}  // namespace gatemend::cli
