// SPDX-License-Identifier: MIT
// Holds are collected in a fixed order, all of them: what the engine saw (guards), the target, the
// allowlist, the mode, witnesses, time, windows, dependencies, ladder, budget. A rule without a
// ladder has nothing that could be held back further, so it is asked for its mode only.
#include "policies/decide.hpp"

#include "actions/settings.hpp"
#include "core/text.hpp"
#include "policies/budget.hpp"
#include "policies/glob.hpp"
#include "policies/window.hpp"

#include <algorithm>

namespace gatemend::policy {
namespace {

using core::Hold;
using core::HoldKind;

constexpr std::string_view kSettingsOwner = "gatemend.toml";
constexpr std::string_view kUnixPrefix = "unix:";

// What is to be done to whom; `missing` names the parameter that nobody knows.
struct Move {
    const LadderStep* step = nullptr;  // nullptr: the ladder has no further one
    std::string target;
    actions::Parameters parameters;
    std::string missing;
    std::size_t index = 0;  // on the ladder
    bool is_offer = false;
};

struct Case {
    const Policy& policy;
    const core::Ledger& ledger;
    const Question& question;
    const Rule& rule;
    Move move;
};

std::string owner_of(const Rule& rule) {
    return "policy " + rule.name;
}

bool fits(const std::string& pattern, std::string_view name) {
    return pattern.empty() || matches_glob(pattern, name);
}

bool fits(const Match& match, const Question& question) {
    return match.cause == question.cause && fits(match.unit, question.unit) &&
           fits(match.backend, question.backend);
}

bool is_certain_enough(const Match& match, const Question& question) {
    return question.confidence_permille >= match.min_confidence_permille;
}

// What the diagnosis knows, as far as the act takes it; what the rule sets wins. An address is the
// suspected backend's own unless the diagnosis names one.
actions::Parameters parameters_of(const LadderStep& step, const Question& question) {
    actions::Parameters parameters;
    for (const actions::ParameterSpec& parameter : actions::spec(step.act).parameters) {
        const auto known = question.remedy.find(parameter.name);
        if (!parameter.is_policy && known != question.remedy.end()) {
            parameters.insert(*known);
        } else if (parameter.name == "address" && !question.backend.starts_with(kUnixPrefix) &&
                   !question.backend.empty()) {
            parameters.emplace(parameter.name, question.backend);
        }
    }
    for (const auto& [name, value] : step.with) {
        parameters.insert_or_assign(name, value);
    }
    return parameters;
}

std::string target_of(const LadderStep& step,
                      const actions::Parameters& parameters,
                      const Question& question) {
    switch (actions::target_of(step.act, question.cause, parameters)) {
        case actions::Target::kService:
            return question.unit;
        case actions::Target::kNginx:
            return question.nginx_unit;
        case actions::Target::kHost:
            break;
    }
    return std::string{actions::kJournalUnit};
}

Move move_of(const LadderStep& step, const Question& question) {
    Move move;
    move.step = &step;
    move.parameters = parameters_of(step, question);
    move.target = target_of(step, move.parameters, question);
    for (const actions::ParameterSpec& parameter : actions::spec(step.act).parameters) {
        if (move.missing.empty() && !parameter.is_optional &&
            !move.parameters.contains(parameter.name)) {
            move.missing = parameter.name;
        }
    }
    return move;
}

// The offer that was approved, else the step of the ladder whose turn it is. A step whose
// parameters nobody knows is passed over where a later one can be done.
Move find_move(const Rule& rule, const Question& question) {
    const auto offer = std::ranges::find_if(
        rule.offers, [&](const LadderStep& item) { return item.act == question.approved_offer; });
    if (offer != rule.offers.end()) {
        Move move = move_of(*offer, question);
        move.is_offer = true;
        return move;
    }
    Move move;
    move.target = question.unit;
    for (std::size_t i = question.ladder_step; i < rule.ladder.size(); ++i) {
        Move next = move_of(rule.ladder[i], question);
        next.index = i;
        if (next.missing.empty()) {
            return next;
        }
        if (move.step == nullptr) {
            move = std::move(next);
        }
    }
    return move;
}

std::optional<Hold> check_target(const Case& c) {
    if (c.move.step == nullptr) {
        return std::nullopt;
    }
    const std::string act{actions::spec(c.move.step->act).name};
    if (!c.move.missing.empty()) {
        return Hold{HoldKind::kNoTarget,
                    "diagnosis",
                    act + " has to know \"" + c.move.missing + "\", which nothing seen here tells",
                    std::nullopt};
    }
    if (c.move.target.empty()) {
        return Hold{HoldKind::kNoTarget,
                    "diagnosis",
                    act + " is for nginx, whose unit is not known",
                    std::nullopt};
    }
    return std::nullopt;
}

std::optional<Hold> check_allowlist(const Case& c) {
    if (c.move.target.empty() || is_unit_allowed(c.policy.settings, c.move.target)) {
        return std::nullopt;  // no target at all has been said already
    }
    return Hold{HoldKind::kUnitNotAllowed,
                std::string{kSettingsOwner},
                c.move.target + " is not among the units that may be acted on",
                std::nullopt};
}

// An act that a person asked for needs no more than a machine that may act at all.
Mode mode_of(const Case& c) {
    const Mode machine = c.policy.settings.mode;
    if (c.move.is_offer) {
        return machine == Mode::kObserve ? Mode::kObserve : Mode::kAct;
    }
    const Mode mode = std::min(machine, c.rule.mode);
    return mode == Mode::kAsk && c.question.is_approved ? Mode::kAct : mode;
}

std::optional<Hold> check_mode(const Case& c) {
    const Mode machine = c.policy.settings.mode;
    const bool is_capped = machine < c.rule.mode;
    const std::string subject = is_capped ? "this machine" : owner_of(c.rule);
    const std::string owner = is_capped ? std::string{kSettingsOwner} : owner_of(c.rule);
    switch (mode_of(c)) {
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

// Somebody other than a log says so, and is contradicted.
bool has_contradiction(const std::vector<core::Evidence>& evidence) {
    return std::ranges::any_of(evidence, [](const core::Evidence& item) {
        return item.supports && !core::is_forgeable(item.witness);
    });
}

// Not asked for an offer: who approved it has read its preview and the evidence.
std::optional<Hold> check_witnesses(const Case& c) {
    const unsigned count = core::count_witnesses(c.question.evidence);
    if (count >= c.rule.witnesses || c.move.is_offer) {
        return std::nullopt;
    }
    const std::string kinds = list_witnesses(c.question.evidence);
    std::string text = "no witness";
    if (count > 0) {
        text = std::to_string(count) + (count == 1 ? " witness (" : " witnesses (") + kinds + ")";
        text += ", " + std::to_string(c.rule.witnesses) + " needed";
    } else if (has_contradiction(c.question.evidence)) {
        text = "as much speaks against it as for it (" + kinds + ")";
    } else if (!kinds.empty()) {
        text = "the only witness is a log";
    }
    return Hold{HoldKind::kSingleWitness, owner_of(c.rule), std::move(text), std::nullopt};
}

// Not asked for an offer: who approved it has read its preview and the evidence.
std::optional<Hold> check_objections(const Case& c) {
    if (c.move.step == nullptr || c.move.is_offer) {
        return std::nullopt;
    }
    std::string text;
    for (const core::Objected& item : c.question.objections) {
        if (is_unless(c.rule, *c.move.step, item.kind)) {
            text += (text.empty() ? "" : "; ") + std::string{core::objection_id(item.kind)} + ": " +
                    item.text;
        }
    }
    if (text.empty()) {
        return std::nullopt;
    }
    return Hold{HoldKind::kContraryEvidence, owner_of(c.rule), std::move(text), std::nullopt};
}

std::optional<Hold> check_lasting(const Case& c) {
    const core::Duration wanted = c.rule.match.lasting;
    if (c.question.age >= wanted) {
        return std::nullopt;
    }
    return Hold{HoldKind::kTooBrief,
                owner_of(c.rule),
                "not yet for " + core::format_duration(wanted),
                c.question.now + (wanted - c.question.age)};
}

std::optional<Hold> check_times(const Case& c) {
    const Match& match = c.rule.match;
    const auto seen = static_cast<std::size_t>(std::ranges::count_if(
        c.question.bad_looks,
        [&](core::TimePoint time) { return c.question.now - time < match.within; }));
    if (match.times == 0 || seen >= match.times) {
        return std::nullopt;
    }
    return Hold{HoldKind::kTooBrief,
                owner_of(c.rule),
                "seen " + std::to_string(seen) + " of " + std::to_string(match.times) +
                    " times within " + core::format_duration(match.within),
                std::nullopt};
}

// Whoever approves an offer has chosen the time.
std::optional<Hold> check_windows(const Case& c) {
    if (c.move.is_offer || is_any_open(c.rule.windows, c.question.now)) {
        return std::nullopt;
    }
    std::string text = "acts only";
    for (const TimeWindow& window : c.rule.windows) {
        text += (text == "acts only" ? " " : " or ") + describe(window);
    }
    return Hold{HoldKind::kMaintenance,
                owner_of(c.rule),
                std::move(text),
                next_opening(c.rule.windows, c.question.now)};
}

std::optional<Hold> check_needs(const Case& c) {
    const auto& down = c.question.units_down;
    const auto missing = std::ranges::find_if(c.rule.needs, [&down](const std::string& unit) {
        return std::ranges::find(down, unit) != down.end();
    });
    if (missing == c.rule.needs.end()) {
        return std::nullopt;
    }
    return Hold{HoldKind::kCauseElsewhere,
                owner_of(c.rule),
                *missing + " is down, and " + c.question.unit + " needs it",
                std::nullopt};
}

std::optional<Hold> check_ladder(const Case& c) {
    const std::size_t steps = c.rule.ladder.size();
    if (c.move.step != nullptr) {
        return std::nullopt;
    }
    std::string text = "all " + std::to_string(steps) + " steps have been tried";
    if (steps == 1) {
        text = "the only step has been tried";
    }
    return Hold{HoldKind::kLadderExhausted, owner_of(c.rule), std::move(text), std::nullopt};
}

// To restart what is down is to start it.
Charge charge_of(const Case& c) {
    if (c.move.step == nullptr) {
        return {c.move.target, actions::ActClass::kStart};
    }
    const auto& down = c.question.units_down;
    const bool is_down = std::ranges::find(down, c.move.target) != down.end();
    return {c.move.target,
            actions::class_of(c.move.step->act,
                              is_down ? core::ActiveState::kFailed : core::ActiveState::kActive)};
}

// Counted for whom the plan names, as the executor does. What a person approved, or is asked about,
// is not for the breaker to hold back.
std::optional<Hold> check_account(const Case& c) {
    const core::TimePoint now = c.question.now;
    const bool is_persons =
        c.move.is_offer || std::min(c.policy.settings.mode, c.rule.mode) == Mode::kAsk;
    auto verdict = is_persons
                       ? check_chosen(c.rule, c.move.target, c.ledger, now)
                       : check_budget(c.policy.settings, c.rule, charge_of(c), c.ledger, now);
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
        case BudgetState::kDemoted:
            return hold(HoldKind::kDemoted, "budget");
        case BudgetState::kUnreadable:
            break;
    }
    return hold(HoldKind::kRecordUnreadable, "executor");
}

// The engine looks at the machine before it is known which act it will be; not every guard is meant
// for every act. An administrator's stop stands unless the policy says otherwise; a mask always
// does.
bool is_meant(const Hold& guard, const Case& c) {
    const auto is_act = [&c](actions::ActId act) {
        return c.move.step != nullptr && c.move.step->act == act;
    };
    if (guard.kind == HoldKind::kAdminStopped || guard.kind == HoldKind::kIntentUnknown) {
        return !c.rule.is_reviving_stopped;
    }
    if (guard.kind == HoldKind::kConfigInvalid) {
        // Which is there to mend just that, if it is known how.
        return !is_act(actions::ActId::kRestoreConfig) || !c.move.missing.empty();
    }
    if (guard.kind == HoldKind::kUnitIsUp) {
        return c.move.step == nullptr || is_act(actions::ActId::kStartUnit);
    }
    return true;
}

std::vector<Hold> guards_of(const Case& c) {
    std::vector<Hold> guards = c.question.guards;
    std::erase_if(guards, [&c](const Hold& guard) { return !is_meant(guard, c); });
    return guards;
}

std::vector<Hold> collect_holds(const Case& c) {
    std::vector<Hold> holds = guards_of(c);
    using Check = std::optional<Hold> (*)(const Case&);
    const auto run = [&](Check check) {
        if (auto hold = check(c)) {
            holds.push_back(std::move(*hold));
        }
    };
    if (c.rule.ladder.empty() && !c.move.is_offer) {
        run(check_mode);
        return holds;
    }
    for (const Check check : {check_target,
                              check_allowlist,
                              check_mode,
                              check_witnesses,
                              check_objections,
                              check_lasting,
                              check_times,
                              check_windows,
                              check_needs,
                              check_ladder,
                              check_account}) {
        run(check);
    }
    return holds;
}

bool has_hold(const std::vector<Hold>& holds, std::initializer_list<HoldKind> kinds) {
    return std::ranges::any_of(holds, [kinds](const Hold& hold) {
        return std::ranges::find(kinds, hold.kind) != kinds.end();
    });
}

DecisionKind kind_of(const Case& c, const std::vector<Hold>& holds) {
    const bool has_step = c.move.step != nullptr;
    if (has_hold(holds, {HoldKind::kDemoted})) {
        return DecisionKind::kObserve;
    }
    switch (mode_of(c)) {
        case Mode::kObserve:
            return DecisionKind::kObserve;
        case Mode::kAsk:
            // Nobody is asked for what cannot be done, is not due yet or would not help.
            return has_step && !has_hold(holds,
                                         {HoldKind::kNoTarget,
                                          HoldKind::kTooBrief,
                                          HoldKind::kCauseElsewhere,
                                          HoldKind::kContraryEvidence})
                       ? DecisionKind::kAsk
                       : DecisionKind::kHold;
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
    std::string plan = std::string{actions::spec(decision.step->act).name} + " " + decision.target;
    plan += c.move.is_offer ? ": suggested by "
                            : ": step " + std::to_string(c.move.index + 1) + " of " +
                                  std::to_string(c.rule.ladder.size()) + " of ";
    plan += owner_of(c.rule);
    return decision.kind == DecisionKind::kAsk ? plan + "; " + holds : plan;
}

// What a person may have for the asking, now: not while it is too early to say that it would help.
std::vector<Offer> offers_of(const Case& c) {
    std::vector<Offer> offers;
    if (c.policy.settings.mode == Mode::kObserve || check_lasting(c) || check_times(c)) {
        return offers;
    }
    for (const LadderStep& step : c.rule.offers) {
        Move move = move_of(step, c.question);
        if (move.missing.empty() && is_unit_allowed(c.policy.settings, move.target)) {
            offers.push_back({step, std::move(move.target), std::move(move.parameters)});
        }
    }
    return offers;
}

Decision decide_without_rule(const Policy& policy, const Question& question) {
    Decision decision;
    decision.holds = question.guards;
    const std::string cause{core::cause_id(question.cause)};
    const auto uncertain = std::ranges::find_if(
        policy.rules, [&](const Rule& rule) { return fits(rule.match, question); });
    if (uncertain != policy.rules.end()) {
        decision.kind = DecisionKind::kHold;
        decision.rule = uncertain->name;
        decision.holds.push_back(Hold{
            HoldKind::kTooUncertain,
            owner_of(*uncertain),
            cause + " is " + std::to_string(question.confidence_permille) + " permille certain, " +
                std::to_string(uncertain->match.min_confidence_permille) + " needed",
            std::nullopt});
    } else {
        const bool is_known = find_rule(policy, question.cause) != nullptr;
        decision.holds.push_back(
            Hold{HoldKind::kNoRule,
                 "policy",
                 "no rule for cause " + cause + (is_known ? " on " + question.unit : ""),
                 std::nullopt});
    }
    decision.reason = join_holds(decision.holds);
    return decision;
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
    const Rule* rule = find_rule(policy, question);
    if (rule == nullptr) {
        return decide_without_rule(policy, question);
    }
    Case c{policy, ledger, question, *rule, find_move(*rule, question)};
    Decision decision;
    decision.rule = rule->name;
    decision.holds = collect_holds(c);
    decision.kind = kind_of(c, decision.holds);
    decision.offers = offers_of(c);
    decision.target = c.move.target;
    if (decision.kind == DecisionKind::kAct || decision.kind == DecisionKind::kAsk) {
        decision.step = *c.move.step;
        decision.parameters = std::move(c.move.parameters);
    }
    decision.reason = describe(decision, c);
    decision.retry_at = retry_time(decision.holds);
    return decision;
}

const LadderStep* find_step(const Rule& rule, const Question& question) {
    return find_move(rule, question).step;
}

const Rule* find_rule(const Policy& policy, const Question& question) {
    const auto rule = std::ranges::find_if(policy.rules, [&](const Rule& item) {
        return fits(item.match, question) && is_certain_enough(item.match, question);
    });
    return rule == policy.rules.end() ? nullptr : &*rule;
}

const Rule* find_rule(const Policy& policy, core::Cause cause) {
    const auto rule = std::ranges::find_if(
        policy.rules, [cause](const Rule& item) { return item.match.cause == cause; });
    return rule == policy.rules.end() ? nullptr : &*rule;
}

}  // namespace gatemend::policy
