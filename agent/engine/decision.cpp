// SPDX-License-Identifier: MIT
// From a service that does not answer to a decision: ready to act, propose, hold, or give up.
#include "diagnosis/objections.hpp"
#include "engine/context.hpp"
#include "policies/budget.hpp"
#include "policies/find_rule.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

std::vector<std::string> units_down(const State& state) {
    std::vector<std::string> down;
    for (const auto& [unit, record] : state.services) {
        if (record.unit && core::is_down(*record.unit)) {
            down.push_back(unit);
        }
    }
    return down;
}

policy::Question question_of(const Case& c) {
    const State& state = c.context.state;
    policy::Question question;
    question.cause = c.incident.diagnosis.cause;
    question.unit = c.service.unit;
    const core::Service* nginx = state.topology.find_nginx();
    question.nginx_unit = nginx == nullptr ? "" : nginx->unit;
    question.backend = suspected_backend(c.service, c.record).address;
    question.confidence_permille = c.incident.diagnosis.confidence_permille;
    question.age = c.context.now - c.incident.opened;
    question.bad_looks = c.record.bad_looks;
    question.units_down = units_down(state);
    question.remedy = c.incident.diagnosis.remedy;
    question.evidence = c.incident.diagnosis.evidence;
    question.objections = diagnosis::find_objections(findings_of(c.context, c.service, c.record));
    question.now = c.context.now;
    return question;
}

std::size_t next_step(const Incident& incident, const policy::Rule* rule) {
    const auto used = rule == nullptr ? incident.steps.end() : incident.steps.find(rule->name);
    return used == incident.steps.end() ? 0 : used->second;
}

struct Answer {
    policy::Decision decision;
    const policy::LadderStep* step = nullptr;  // that guards were collected for
    bool is_offer = false;
};

// A rule that has given up leaves the rest to a person, and here a person has decided.
void lift_given_up(std::vector<core::Hold>& guards) {
    std::erase_if(guards, [](const core::Hold& hold) {
        return hold.kind == core::HoldKind::kLadderExhausted;
    });
}

// The rule's step as proposed, or one of its offers, once a person has said yes to it.
void take_approval(const Case& c,
                   const policy::Rule& rule,
                   policy::Question& question,
                   Answer& answer) {
    const policy::Decision asked = answer.decision;
    const auto is_yes = [&c](const policy::LadderStep& step,
                             const std::string& target,
                             const actions::Parameters& parameters) {
        const auto plan = plan_of(c, step, target, parameters);
        return plan && is_approved(c.context, c.incident, *plan);
    };
    const bool is_step_approved = asked.kind == policy::DecisionKind::kAsk && asked.step &&
                                  is_yes(*asked.step, asked.target, asked.parameters);
    if (is_step_approved) {
        question.is_approved = true;
        lift_given_up(question.guards);
        answer.decision = policy::decide(c.context.state.policy, c.context.state.ledger, question);
        return;
    }
    const auto offer =
        std::find_if(asked.offers.begin(), asked.offers.end(), [&is_yes](const auto& item) {
            return is_yes(item.step, item.target, item.parameters);
        });
    if (offer == asked.offers.end()) {
        return;
    }
    answer.is_offer = true;
    question.approved_offer = offer->step.act;
    question.guards = guards_of(c, &rule, &offer->step);
    lift_given_up(question.guards);
    answer.decision = policy::decide(c.context.state.policy, c.context.state.ledger, question);
}

Answer ask_policy(const Case& c) {
    const policy::Policy& policy = c.context.state.policy;
    policy::Question question = question_of(c);
    const policy::Rule* rule = policy::find_rule(policy, question);
    question.ladder_step = next_step(c.incident, rule);
    Answer answer;
    answer.step = rule == nullptr ? nullptr : policy::find_step(*rule, question);
    question.guards = guards_of(c, rule, answer.step);
    answer.decision = policy::decide(policy, c.context.state.ledger, question);
    if (rule != nullptr) {
        c.incident.decision.rule = rule->name;  // plans name it
        take_approval(c, *rule, question, answer);
    }
    return answer;
}

// The same decision for the same reasons, however the clock has moved on.
bool says_the_same(const policy::Decision& a, const policy::Decision& b) {
    return a.kind == b.kind && a.rule == b.rule &&
           std::equal(a.holds.begin(),
                      a.holds.end(),
                      b.holds.begin(),
                      b.holds.end(),
                      [](const core::Hold& x, const core::Hold& y) {
                          return x.kind == y.kind && x.owner == y.owner;
                      });
}

void record_diagnosis(Context& context, const Incident& incident) {
    Record record;
    record.kind = RecordKind::kDiagnosed;
    record.incident = incident.id;
    record.unit = incident.unit;
    record.cause = core::cause_id(incident.diagnosis.cause);
    record.evidence = incident.diagnosis.evidence;
    record.text = incident.diagnosis.text + (incident.diagnosis.advice.empty() ? "" : " ") +
                  incident.diagnosis.advice;
    context.emit(std::move(record));
}

// True: everything is there to act, once it is this incident's turn.
bool make_ready(const Case& c, const Answer& answer) {
    Incident& incident = c.incident;
    if (incident.decision.kind != policy::DecisionKind::kAct) {
        return false;
    }
    auto plan =
        plan_of(c, *incident.decision.step, incident.decision.target, incident.decision.parameters);
    if (!plan) {
        incident.decision.kind = policy::DecisionKind::kHold;
        incident.decision.reason = "the state of " + incident.target + " is not known";
        incident.decision.holds.push_back(core::Hold{
            core::HoldKind::kNoTarget, "gatemend", incident.decision.reason, std::nullopt});
        return false;
    }
    const policy::Rule* rule =
        policy::find_rule_by_name(c.context.state.policy, incident.decision.rule);
    Trial trial;
    trial.plan = std::move(*plan);
    trial.step = next_step(incident, rule);
    trial.is_offer = answer.is_offer;
    incident.ready = std::move(trial);
    incident.phase = Phase::kOpen;
    return true;
}

// It would have been tried now: while something else holds it, nothing is given up.
bool is_exhausted(const policy::Decision& decision) {
    return decision.holds.size() == 1 && has_hold(decision, core::HoldKind::kBudgetExhausted);
}

// The executor may have refused: somebody was at work on the machine.
void ask_latch(const Case& c, bool is_news) {
    constexpr core::Duration kAgain = std::chrono::minutes{1};
    Incident& incident = c.incident;
    if (!is_exhausted(incident.decision)) {
        incident.latch_asked.reset();
        return;
    }
    if (is_news || !incident.latch_asked || c.context.now - *incident.latch_asked >= kAgain) {
        incident.latch_asked = c.context.now;
        c.context.emit(LatchBreaker{incident.target, incident.decision.rule});
    }
    c.context.wake(incident.unit, c.record, *incident.latch_asked + kAgain);
}

std::string reason_to_give_up(const Incident& incident) {
    using core::HoldKind;
    const bool is_given_up = incident.given_up.contains(incident.decision.rule);
    const bool is_over = is_given_up || is_exhausted(incident.decision) ||
                         has_hold(incident.decision, HoldKind::kLatched) ||
                         has_hold(incident.decision, HoldKind::kDemoted);
    return is_over ? incident.decision.reason : "";
}

void hold(const Case& c, bool is_news) {
    Incident& incident = c.incident;
    incident.phase = Phase::kHolding;
    if (!incident.refusal) {
        incident.text = incident.decision.reason;
    }
    if (is_news) {
        record_decision(c.context, incident, incident.decision.reason);
    }
    ask_latch(c, is_news);
    if (const std::string why = reason_to_give_up(incident); !why.empty()) {
        incident.phase = Phase::kEscalated;
        escalate(c.context, incident, why);
    } else {
        incident.is_escalated = false;  // lifted: a later giving-up is news again
    }
    if (incident.decision.retry_at) {
        c.context.wake(incident.unit, c.record, *incident.decision.retry_at);
    }
}

// An operator has lifted the breaker of a unit: what was left to a person is tried again.
void forget_lifted(const core::Ledger& ledger, Incident& incident) {
    std::erase_if(incident.given_up, [&](const auto& entry) {
        return std::any_of(
            ledger.forgiven.begin(), ledger.forgiven.end(), [&](const auto& forgiven) {
                return forgiven.first == incident.target && forgiven.second >= entry.second;
            });
    });
}

}  // namespace

void record_decision(Context& context, const Incident& incident, std::string text) {
    Record record;
    record.kind = RecordKind::kDecided;
    record.incident = incident.id;
    record.unit = incident.unit;
    record.cause = core::cause_id(incident.diagnosis.cause);
    record.decision = policy::decision_kind_id(incident.decision.kind);
    record.rule = incident.decision.rule;
    record.act = incident.decision.step ? actions::spec(incident.decision.step->act).name : "";
    record.holds = incident.decision.holds;
    record.text = std::move(text);
    context.emit(std::move(record));
}

void escalate(Context& context, Incident& incident, const std::string& why) {
    if (incident.is_escalated) {
        return;
    }
    incident.is_escalated = true;
    const std::string& lifted = incident.target.empty() ? incident.unit : incident.target;
    context.record(RecordKind::kEscalated,
                   incident,
                   "giving up on " + incident.unit + ": " + policy::with_clear_words(why, lifted));
}

void decide_and_apply(Context& context,
                      const core::Service& service,
                      ServiceRecord& record,
                      Incident& incident) {
    const Case c{context, service, record, incident};
    diagnosis::Diagnosis diagnosis = diagnosis::diagnose(findings_of(context, service, record));
    const bool is_new_diagnosis =
        diagnosis.cause != incident.diagnosis.cause || diagnosis.text != incident.diagnosis.text;
    incident.diagnosis = std::move(diagnosis);
    if (is_new_diagnosis) {
        record_diagnosis(context, incident);
    }
    incident.ready.reset();
    forget_lifted(context.state.ledger, incident);
    const policy::Decision previous = incident.decision;
    const Answer answer = ask_policy(c);
    incident.decision = answer.decision;
    incident.target = !answer.decision.target.empty() ? answer.decision.target
                      : answer.step != nullptr        ? target_of(c, *answer.step)
                                                      : service.unit;
    if (make_ready(c, answer)) {
        return;
    }
    hold(c, is_new_diagnosis || !says_the_same(previous, incident.decision));
    propose(c);
}

}  // namespace gatemend::engine
