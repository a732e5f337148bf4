// SPDX-License-Identifier: MIT
// What the executor asks of a policy: the rule that a plan names, and which of its steps the plan
// carries out. It weighs nothing: that is decide(), which no privileged program needs. Pure.
#pragma once

#include "policies/policy.hpp"

#include <string_view>

namespace gatemend::policy {

[[nodiscard]] const Rule* find_rule_by_name(const Policy& policy, std::string_view name);

// Which step of the rule a plan carries out: its act with the parameters that the rule sets, for a
// unit that the rule is about. Asked by the executor, who takes nothing on trust.
struct PlannedStep {
    const LadderStep* step = nullptr;  // nullptr: none
    bool is_offer = false;             // of `suggest`: only with approval
};

[[nodiscard]] PlannedStep find_planned_step(const Rule& rule, const actions::Plan& plan);

}  // namespace gatemend::policy
