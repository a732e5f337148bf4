// SPDX-License-Identifier: MIT
// `gatemend policy list`: one line per rule of the effective set. `gatemend policy show [RULE]`:
// every value that is in effect, and the file and line it comes from, or that it is the default.
#pragma once

#include "cli/policy_options.hpp"

#include <string>

namespace gatemend::cli {

// Exit status 1: the set has errors.
[[nodiscard]] int run_policy_list(const PolicyOptions& options);

// `rule` "": all of them and the settings. Exit status 1 also where there is no such rule.
[[nodiscard]] int run_policy_show(const PolicyOptions& options, const std::string& rule);

}  // namespace gatemend::cli
