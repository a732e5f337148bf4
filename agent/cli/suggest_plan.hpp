// SPDX-License-Identifier: MIT
// A suggestion as the plan that approval would perform: what the policies offer against its cause,
// exactly as the engine would propose it in an incident, so that the digest is the same. Pure.
#pragma once

#include "actions/catalogue.hpp"
#include "diagnosis/suggestion.hpp"
#include "policies/policy.hpp"

#include <map>
#include <optional>
#include <string>

namespace gatemend::cli {

struct PlanSources {
    const policy::Policy& policy;
    const core::Topology& topology;
    const std::map<std::string, core::UnitState>& units;  // by name, as far as known
    core::TimePoint now{};
};

// An error says why nobody could approve it: no rule offers it, its target may not be acted on.
[[nodiscard]] core::Result<actions::Plan> plan_of(const PlanSources& sources,
                                                  const diagnosis::Findings& findings,
                                                  const diagnosis::Suggestion& suggestion);

}  // namespace gatemend::cli
