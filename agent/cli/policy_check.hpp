// SPDX-License-Identifier: MIT
// `gatemend policy check [PATH]`: reads policy files as the services would and says what is wrong
// with them. Called by the command line; needs no service and no privilege, changes nothing.
#pragma once

#include "policies/toml_reader.hpp"

#include <optional>
#include <string>

namespace gatemend::cli {

struct PolicyCheckOptions {
    policy::PolicyPaths paths;         // the installed set, as the services read it
    std::optional<std::string> draft;  // this file or folder instead
    bool is_json = false;
};

// Findings to stderr (--json: everything to stdout). Exit status: 0, or 1 when there are errors.
[[nodiscard]] int run_policy_check(const PolicyCheckOptions& options);

}  // namespace gatemend::cli
