// SPDX-License-Identifier: MIT
#include "cli/suggest_plan.hpp"

#include "actions/settings.hpp"
#include "policies/decide.hpp"

#include <algorithm>

namespace gatemend::cli {

namespace {

policy::Question question_of(const PlanSources& sources,
                             const diagnosis::Findings& findings,
                             const diagnosis::Suggestion& suggestion) {
    const core::Service* nginx = sources.topology.find_nginx();
    policy::Question question;
    question.cause = suggestion.cause;
    question.unit = findings.unit_name;
    question.nginx_unit = nginx == nullptr ? "" : nginx->unit;
    question.backend = findings.backend.address;
    constexpr std::uint32_t kCertain = 1000;  // whoever approves has read it
    question.confidence_permille = kCertain;
    question.remedy = diagnosis::remedy_of(suggestion);
    question.now = sources.now;
    return question;
}

}  // namespace

core::Result<actions::Plan> plan_of(const PlanSources& sources,
                                    const diagnosis::Findings& findings,
                                    const diagnosis::Suggestion& suggestion) {
    // What was done before does not change what is offered: the budget is asked when it is applied.
    const policy::Decision decision =
        policy::decide(sources.policy, {}, question_of(sources, findings, suggestion));
    const auto act = suggestion.socket.empty() ? actions::ActId::kApplySuggestion
                                               : actions::ActId::kSetPoolListen;
    const auto offer = std::ranges::find_if(
        decision.offers, [act](const policy::Offer& item) { return item.step.act == act; });
    if (offer == decision.offers.end()) {
        return core::Error{decision.rule.empty()
                               ? "no rule is about " + std::string{core::cause_id(suggestion.cause)}
                               : "policy " + decision.rule +
                                     " does not offer it, or its unit may not be acted on"};
    }
    if (act == actions::ActId::kApplySuggestion) {
        if (const auto fault = actions::find_setting_fault(offer->parameters)) {
            return core::Error{*fault};
        }
    }
    const core::Service* target = sources.topology.find_by_unit(offer->target);
    const auto state = sources.units.find(offer->target);
    if (target == nullptr || state == sources.units.end()) {
        return core::Error{"the state of " + offer->target + " is not known"};
    }
    actions::Plan plan;
    plan.act = offer->step.act;
    plan.unit = offer->target;
    plan.role = target->role;
    plan.rule = decision.rule;
    plan.cause = suggestion.cause;
    plan.expected_active = state->second.active;
    plan.expected_invocation = state->second.invocation_id;
    plan.deadline = std::min(offer->step.within, actions::spec(plan.act).timeout);
    plan.parameters = offer->parameters;
    return plan;
}

}  // namespace gatemend::cli
