// SPDX-License-Identifier: MIT
#include "sandbox/executor/gate.hpp"

#include "actions/act.hpp"
#include "policies/budget.hpp"
#include "policies/decide.hpp"
#include "policies/window.hpp"

#include <algorithm>

namespace gatemend::sandbox {
namespace {

using core::HoldKind;

std::optional<GateHold> hold(HoldKind kind, std::string text) {
    return GateHold{.kind = kind, .text = std::move(text)};
}

std::optional<GateHold> check_mode(const policy::Policy& policy, const policy::Rule& rule) {
    switch (std::min(policy.settings.mode, rule.mode)) {
        case policy::Mode::kAct:
            return std::nullopt;
        case policy::Mode::kAsk:
            return hold(HoldKind::kNeedsApproval, "rule " + rule.name + " asks a person first");
        case policy::Mode::kObserve:
            break;
    }
    return hold(HoldKind::kObserveOnly, "rule " + rule.name + " only observes here");
}

std::string state_words(core::ActiveState active, const std::string& invocation) {
    return std::string{core::active_state_id(active)} +
           (invocation.empty() ? ", never started" : ", invocation " + invocation);
}

}  // namespace

std::optional<GateHold> check_rule(const policy::Policy& policy, const actions::Plan& plan) {
    if (!actions::is_unit_name(plan.unit) || !policy::is_unit_allowed(policy.settings, plan.unit)) {
        return hold(HoldKind::kUnitNotAllowed, "the executor's policy does not list this unit");
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    if (rule == nullptr) {
        return hold(HoldKind::kNoRule, "the executor's policy has no such rule");
    }
    if (rule->match.cause != plan.cause) {
        return hold(HoldKind::kNoRule, "rule " + rule->name + " is for another cause");
    }
    const policy::PlannedStep planned = policy::find_planned_step(*rule, plan);
    const policy::LadderStep* step = planned.step;
    if (step == nullptr) {
        return hold(HoldKind::kNoRule, "rule " + rule->name + " does not contain this act");
    }
    const core::Duration longest = std::min(step->within, actions::spec(plan.act).timeout);
    if (plan.deadline <= core::Duration::zero() || plan.deadline > longest) {
        return hold(HoldKind::kExecutorRefused,
                    "the deadline is outside what rule " + rule->name + " gives the act");
    }
    if (planned.is_offer && policy.settings.mode != policy::Mode::kObserve) {
        return hold(HoldKind::kNeedsApproval, "rule " + rule->name + " suggests it to a person");
    }
    return check_mode(policy, *rule);
}

std::optional<GateHold> check_record(const policy::Policy& policy,
                                     const core::Ledger& ledger,
                                     const actions::Plan& plan,
                                     core::TimePoint now) {
    if (!ledger.unreadable.empty()) {
        return hold(HoldKind::kRecordUnreadable, ledger.unreadable);
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    if (rule == nullptr) {
        return hold(HoldKind::kNoRule, "the executor's policy has no such rule");
    }
    if (!policy::find_planned_step(*rule, plan).is_offer &&
        !policy::is_any_open(rule->windows, now)) {
        return hold(HoldKind::kMaintenance, "rule " + rule->name + " does not act at this time");
    }
    auto verdict = policy::check_budget(policy.settings, *rule, plan.unit, ledger, now);
    switch (verdict.state) {
        case policy::BudgetState::kAllowed:
            return std::nullopt;
        case policy::BudgetState::kCoolingDown:
            return hold(HoldKind::kCoolingDown, std::move(verdict.reason));
        case policy::BudgetState::kExhausted:
            return hold(HoldKind::kBudgetExhausted, std::move(verdict.reason));
        case policy::BudgetState::kLatched:
            return hold(HoldKind::kLatched, std::move(verdict.reason));
        case policy::BudgetState::kPaused:
            return hold(HoldKind::kPaused, std::move(verdict.reason));
        case policy::BudgetState::kDemoted:
            return hold(HoldKind::kDemoted, std::move(verdict.reason));
        case policy::BudgetState::kUnreadable:
            break;
    }
    return hold(HoldKind::kRecordUnreadable, std::move(verdict.reason));
}

std::optional<GateHold> check_unit(const actions::Plan& plan,
                                   const core::UnitState& state,
                                   std::string_view system_state) {
    if (system_state == "stopping") {
        return hold(HoldKind::kShuttingDown, "the machine is shutting down");
    }
    if (state.is_masked) {
        return hold(HoldKind::kMasked, "the unit is masked");
    }
    if (!state.is_loaded) {
        return hold(HoldKind::kExecutorRefused, "systemd does not know the unit");
    }
    if (core::is_restart_pending(state)) {
        return hold(HoldKind::kRestartPending, "systemd is about to restart the unit itself");
    }
    if (state.has_job) {
        return hold(HoldKind::kJobQueued, "another job for the unit is queued");
    }
    if (state.active != plan.expected_active || state.invocation_id != plan.expected_invocation) {
        return hold(HoldKind::kExecutorRefused,
                    "the unit is now " + state_words(state.active, state.invocation_id) +
                        "; the plan was made for " +
                        state_words(plan.expected_active, plan.expected_invocation));
    }
    const actions::Act* act = actions::find_act(plan.act);
    if (act == nullptr) {
        return hold(HoldKind::kExecutorRefused, "the act cannot be performed here");
    }
    if (auto obstacle = act->find_obstacle(state)) {
        return hold(HoldKind::kExecutorRefused, std::move(*obstacle));
    }
    return std::nullopt;
}

}  // namespace gatemend::sandbox
