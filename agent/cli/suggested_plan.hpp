// SPDX-License-Identifier: MIT
// A plan that `gatemend suggest` prints without an incident, found again by its digest: everything
// is measured and computed anew, so that what is applied is what would be suggested now.
#pragma once

#include "actions/catalogue.hpp"
#include "cli/suggest.hpp"
#include "core/topology.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>

namespace gatemend::cli {

struct SuggestedPlan {
    actions::Plan plan;
    std::string service;  // whose backends have to answer after it
    core::Topology topology;
    policy::Policy policy;
};

// nullopt: nothing that is suggested now has this digest, neither for what shows nor for a cause
// that can be asked for.
[[nodiscard]] core::Result<std::optional<SuggestedPlan>> find_suggestion(
    const SuggestOptions& options, const std::string& digest);

}  // namespace gatemend::cli
