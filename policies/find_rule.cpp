// SPDX-License-Identifier: MIT
#include "policies/find_rule.hpp"

#include "actions/settings.hpp"
#include "policies/glob.hpp"

#include <algorithm>

namespace gatemend::policy {

PlannedStep find_planned_step(const Rule& rule, const actions::Plan& plan) {
    const bool is_about_service =
        actions::target_of(plan.act, plan.cause, plan.parameters) == actions::Target::kService;
    const std::string& pattern = rule.match.unit;
    if (is_about_service && !pattern.empty() && !matches_glob(pattern, plan.unit)) {
        return {};
    }
    const auto is_planned = [&plan](const LadderStep& step) {
        return step.act == plan.act && std::ranges::all_of(step.with, [&plan](const auto& set) {
                   const auto found = plan.parameters.find(set.first);
                   return found != plan.parameters.end() && found->second == set.second;
               });
    };
    if (const auto step = std::ranges::find_if(rule.ladder, is_planned);
        step != rule.ladder.end()) {
        return {&*step, false};
    }
    const auto offer = std::ranges::find_if(rule.offers, is_planned);
    return offer == rule.offers.end() ? PlannedStep{} : PlannedStep{&*offer, true};
}

const Rule* find_rule_by_name(const Policy& policy, std::string_view name) {
    const auto rule = std::ranges::find(policy.rules, name, &Rule::name);
    return rule == policy.rules.end() ? nullptr : &*rule;
}

}  // namespace gatemend::policy
