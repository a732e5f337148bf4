// SPDX-License-Identifier: MIT
// `gatemend policy test [PATH]`: runs every [[rule.test]] with the real engine. Tests of the
// package's rules run with default settings, all others with this machine's; its mode is left out,
// since a test is about what the rule does.
#pragma once

#include "cli/policy_options.hpp"

#include <string>
#include <vector>

namespace gatemend::cli {

struct RuleTestResult {
    std::string rule;
    std::string place;    // "/etc/gatemend/policies.d/10-shop.toml:17"
    std::string expect;   // as the rule has it
    std::string problem;  // "": passed
};

[[nodiscard]] std::vector<RuleTestResult> run_tests(const policy::LoadedPolicy& loaded,
                                                    const policy::PolicyPaths& paths);

// Exit status 1: a test failed, or the set has errors.
[[nodiscard]] int run_policy_test(const PolicyOptions& options);

}  // namespace gatemend::cli
