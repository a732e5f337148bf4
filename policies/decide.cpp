// SPDX-License-Identifier: MIT
// Holds are collected in a fixed order, all of them: what the engine saw (guards), the allowlist,
// the mode, witnesses, ladder, budget. A rule without a ladder has nothing that could be held back
// further, so it is asked for its mode only.
#include "policies/decide.hpp"

#include "core/text.hpp"
#include "policies/budget.hpp"

#include <algorithm>

namespace gatemend::policy {
namespace {

using core::Hold;
using core::HoldKind;

constexpr std::string_view kSettingsOwner = "gatemend.toml";

struct Case {
    const Policy& policy;
    const core::Ledger& ledger;
    const Question& question;
    const Rule& rule;
};

std::string owner_of(const Rule& rule) {
    return "policy " + rule.name;
}

std::optional<Hold> check_allowlist(const Case& c) {
    if (is_unit_allowed(c.policy.settings, c.question.unit)) {
        return std::nullopt;
    }
    return Hold{HoldKind::kUnitNotAllowed,
                std::string{kSettingsOwner},
                c.question.unit + " is not among the units that may be acted on",
                std::nullopt};
}

std::optional<Hold> check_mode(const Case& c) {
    const Mode machine = c.policy.settings.mode;
    const Mode mode = std::min(machine, c.rule.mode);
    const bool is_capped = machine < c.rule.mode;
    const std::string subject = is_capped ? "this machine" : owner_of(c.rule);
    const std::string owner = is_capped ? std::string{kSettingsOwner} : owner_of(c.rule);
    switch (mode) {
        case Mode::kObserve:
            return Hold{HoldKind::kObserveOnly, owner, subject + " only observes", std::nullopt};
        case Mode::kAsk:
            return Hold{HoldKind::kNeedsApproval,
                        owner,
                        subject + " acts only after approval",
                        std::nullopt};
        case Mode::kAct:
            break;
    }
    return std::nullopt;
}

// "log, unit-state"; each kind once, in order of appearance.
std::string list_witnesses(const std::vector<core::Evidence>& evidence) {
    std::vector<core::Witness> kinds;
    std::string text;
    for (const core::Evidence& item : evidence) {
        if (item.supports && std::ranges::find(kinds, item.witness) == kinds.end()) {
            kinds.push_back(item.witness);
            text += (text.empty() ? "" : ", ") + std::string{core::witness_id(item.witness)};
        }
    }
    return text;
}

std::optional<Hold> check_witnesses(const Case& c) {
    const unsigned count = core::count_witnesses(c.question.evidence);
    if (count >= c.rule.witnesses) {
        return std::nullopt;
    }
    const std::string kinds = list_witnesses(c.question.evidence);
    std::string text = "no witness";
    if (count > 0) {
        text = std::to_string(count) + (count == 1 ? " witness (" : " witnesses (") + kinds + ")";
        text += ", " + std::to_string(c.rule.witnesses) + " needed";
    } else if (!kinds.empty()) {
        text = "the only witness is a log";
    }
    return Hold{HoldKind::kSingleWitness, owner_of(c.rule), std::move(text), std::nullopt};
}

std::optional<Hold> check_ladder(const Case& c) {
    const std::size_t steps = c.rule.ladder.size();
    if (c.question.ladder_step < steps) {
        return std::nullopt;
    }
    std::string text = "all " + std::to_string(steps) + " steps have been tried";
    if (steps == 1) {
        text = "the only step has been tried";
    }
    return Hold{HoldKind::kLadderExhausted, owner_of(c.rule), std::move(text), std::nullopt};
}

std::optional<Hold> check_account(const Case& c) {
    auto verdict =
        check_budget(c.policy.settings, c.rule, c.question.unit, c.ledger, c.question.now);
    const auto hold = [&verdict](HoldKind kind, std::string owner) {
        return Hold{kind, std::move(owner), std::move(verdict.reason), verdict.retry_at};
    };
    switch (verdict.state) {
        case BudgetState::kAllowed:
            return std::nullopt;
        case BudgetState::kCoolingDown:
            return hold(HoldKind::kCoolingDown, "budget");
        case BudgetState::kExhausted:
            return hold(HoldKind::kBudgetExhausted, "budget");
        case BudgetState::kLatched:
            return hold(HoldKind::kLatched, "breaker");
        case BudgetState::kPaused:
            return hold(HoldKind::kPaused, core::sanitize(c.ledger.pause->by));
        case BudgetState::kUnreadable:
            return hold(HoldKind::kRecordUnreadable, "executor");
    }
    return hold(HoldKind::kRecordUnreadable, "executor");
}

std::vector<Hold> collect_holds(const Case& c) {
    std::vector<Hold> holds = c.question.guards;
    using Check = std::optional<Hold> (*)(const Case&);
    const auto run = [&](Check check) {
        if (auto hold = check(c)) {
            holds.push_back(std::move(*hold));
        }
    };
    if (c.rule.ladder.empty()) {
        run(check_mode);
        return holds;
    }
    for (const Check check :
         {check_allowlist, check_mode, check_witnesses, check_ladder, check_account}) {
        run(check);
    }
    return holds;
}

DecisionKind kind_of(const Case& c, const std::vector<Hold>& holds) {
    const bool has_step = c.question.ladder_step < c.rule.ladder.size();
    switch (std::min(c.policy.settings.mode, c.rule.mode)) {
        case Mode::kObserve:
            return DecisionKind::kObserve;
        case Mode::kAsk:
            return has_step ? DecisionKind::kAsk : DecisionKind::kHold;
        case Mode::kAct:
            break;
    }
    return holds.empty() && has_step ? DecisionKind::kAct : DecisionKind::kHold;
}

// Only when every hold ends by itself can time alone change the answer, and not before the last
// ends.
std::optional<core::TimePoint> retry_time(const std::vector<Hold>& holds) {
    std::optional<core::TimePoint> latest;
    for (const Hold& hold : holds) {
        if (!hold.until) {
            return std::nullopt;
        }
        latest = latest ? std::max(*latest, *hold.until) : *hold.until;
    }
    return latest;
}

std::string join_holds(const std::vector<Hold>& holds) {
    std::string text;
    for (const Hold& hold : holds) {
        text += (text.empty() ? "" : "; ") + hold.text;
    }
    return text;
}

std::string describe(const Decision& decision, const Case& c) {
    const std::string holds = join_holds(decision.holds);
    if (!decision.step) {
        return holds.empty() ? owner_of(c.rule) + " has no step to take" : holds;
    }
    std::string plan = std::string{actions::spec(decision.step->act).name} + " " + c.question.unit +
                       ": step " + std::to_string(c.question.ladder_step + 1) + " of " +
                       std::to_string(c.rule.ladder.size()) + " of " + owner_of(c.rule);
    return decision.kind == DecisionKind::kAsk ? plan + "; " + holds : plan;
}

}  // namespace

std::string_view decision_kind_id(DecisionKind kind) {
    switch (kind) {
        case DecisionKind::kAct:
            return "act";
        case DecisionKind::kAsk:
            return "ask";
        case DecisionKind::kObserve:
            return "observe";
        case DecisionKind::kHold:
            return "hold";
    }
    return "hold";
}

Decision decide(const Policy& policy, const core::Ledger& ledger, const Question& question) {
    Decision decision;
    const Rule* rule = find_rule(policy, question.cause);
    if (rule == nullptr) {
        decision.holds = question.guards;
        std::string text = "no rule for cause " + std::string{core::cause_id(question.cause)};
        decision.holds.push_back(Hold{HoldKind::kNoRule, "policy", std::move(text), std::nullopt});
        decision.reason = join_holds(decision.holds);
        return decision;
    }
    const Case c{policy, ledger, question, *rule};
    decision.rule = rule->name;
    decision.holds = collect_holds(c);
    decision.kind = kind_of(c, decision.holds);
    if (decision.kind == DecisionKind::kAct || decision.kind == DecisionKind::kAsk) {
        decision.step = rule->ladder[question.ladder_step];
    }
    decision.reason = describe(decision, c);
    decision.retry_at = retry_time(decision.holds);
    return decision;
}

const Rule* find_rule(const Policy& policy, core::Cause cause) {
    const auto rule = std::ranges::find_if(
        policy.rules, [cause](const Rule& item) { return item.match.cause == cause; });
    return rule == policy.rules.end() ? nullptr : &*rule;
}

const Rule* find_rule_by_name(const Policy& policy, std::string_view name) {
    const auto rule = std::ranges::find(policy.rules, name, &Rule::name);
    return rule == policy.rules.end() ? nullptr : &*rule;
}

}  // namespace gatemend::policy
