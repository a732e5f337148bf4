// SPDX-License-Identifier: MIT
// From a service that does not answer to a decision, and the decision carried out: plan, hold, or
// give up.
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

constexpr core::Duration kFirstRetry = std::chrono::seconds{1};
constexpr core::Duration kLongestRetry = std::chrono::minutes{5};

void guard(std::vector<core::Hold>& holds,
           core::HoldKind kind,
           std::string owner,
           std::string text) {
    holds.push_back(core::Hold{kind, std::move(owner), std::move(text), std::nullopt});
}

void guard_unit(std::vector<core::Hold>& holds,
                const ServiceRecord& record,
                const Incident& incident) {
    using core::HoldKind;
    if (!record.unit) {
        return;  // nothing that could be acted on, and the allowlist says so
    }
    if (record.unit->is_masked) {
        guard(holds, HoldKind::kMasked, "administrator", incident.unit + " is masked");
    }
    if (incident.diagnosis.cause == core::Cause::kUnitStopped) {
        guard(holds,
              HoldKind::kAdminStopped,
              "administrator",
              incident.unit + " was stopped on purpose; it is left alone until somebody starts it");
    }
    if (incident.diagnosis.cause == core::Cause::kOomKilled && core::is_up(*record.unit)) {
        guard(holds, HoldKind::kUnitIsUp, "gatemend", incident.unit + " is up: nothing to start");
    }
    if (core::is_restart_pending(*record.unit)) {
        guard(holds,
              HoldKind::kRestartPending,
              "systemd",
              "systemd is about to restart " + incident.unit + " by itself");
    } else if (record.unit->has_job) {
        guard(holds,
              HoldKind::kJobQueued,
              "systemd",
              "a job for " + incident.unit + " is queued or running");
    }
}

// Before any start or restart the configuration must pass its test.
void guard_config(std::vector<core::Hold>& holds,
                  const core::Service& service,
                  const ServiceRecord& record,
                  const policy::Rule* rule) {
    const bool may_act = rule != nullptr && !rule->ladder.empty();
    const bool is_asked = (record.unit && core::is_down(*record.unit)) || may_act;
    if (!has_config_test(service) || !is_asked) {
        return;
    }
    const std::string owner =
        std::string{core::service_role_id(service.role)} + " configuration test";
    if (!record.test || record.test->verdict == core::ConfigVerdict::kUnknown) {
        guard(holds,
              core::HoldKind::kConfigUnknown,
              owner,
              record.test ? "the test could not run: " + record.test->message
                          : "the configuration has not been tested yet");
    } else if (record.test->verdict == core::ConfigVerdict::kInvalid) {
        guard(holds, core::HoldKind::kConfigInvalid, owner, core::describe(*record.test));
    }
}

void guard_engine(std::vector<core::Hold>& holds,
                  const Context& context,
                  const Incident& incident) {
    using core::HoldKind;
    const State& state = context.state;
    if (!state.has_ledger) {
        guard(holds,
              HoldKind::kRecordUnreadable,
              "executor",
              "the record of past acts is not known yet; without it no budget can be kept");
    }
    if (state.acting && *state.acting != incident.id) {
        guard(
            holds,
            HoldKind::kActRunning,
            "gatemend",
            "an act for incident " + std::to_string(*state.acting) + " is running; one at a time");
    }
    if (incident.retry_after && context.now < *incident.retry_after) {
        holds.push_back(core::Hold{
            HoldKind::kExecutorRefused, "executor", incident.text, incident.retry_after});
    }
}

policy::Question question_of(const Context& context,
                             const core::Service& service,
                             const ServiceRecord& record,
                             const Incident& incident) {
    policy::Question question;
    question.cause = incident.diagnosis.cause;
    question.unit = service.unit;
    question.evidence = incident.diagnosis.evidence;
    question.now = context.now;
    const policy::Rule* rule = policy::find_rule(context.state.policy, question.cause);
    guard_unit(question.guards, record, incident);
    guard_config(question.guards, service, record, rule);
    guard_engine(question.guards, context, incident);
    // The last rung repeats until the budget ends it: the budget says how often, the ladder says
    // what.
    if (rule != nullptr && !rule->ladder.empty()) {
        question.ladder_step = std::min(incident.failed_steps, rule->ladder.size() - 1);
    }
    return question;
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

bool has_hold(const policy::Decision& decision, core::HoldKind kind) {
    return std::any_of(decision.holds.begin(),
                       decision.holds.end(),
                       [kind](const core::Hold& hold) { return hold.kind == kind; });
}

void record_decision(Context& context, const Incident& incident) {
    Record record;
    record.kind = RecordKind::kDecided;
    record.incident = incident.id;
    record.unit = incident.unit;
    record.cause = core::cause_id(incident.diagnosis.cause);
    record.decision = policy::decision_kind_id(incident.decision.kind);
    record.rule = incident.decision.rule;
    record.act = incident.decision.step ? actions::spec(incident.decision.step->act).name : "";
    record.holds = incident.decision.holds;
    record.text = incident.decision.reason;
    context.emit(std::move(record));
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

actions::Plan plan_of(const core::Service& service,
                      const ServiceRecord& record,
                      const Incident& incident) {
    const policy::LadderStep& step = *incident.decision.step;
    actions::Plan plan;
    plan.act = step.act;
    plan.unit = service.unit;
    plan.role = service.role;
    plan.rule = incident.decision.rule;
    plan.cause = incident.diagnosis.cause;
    plan.expected_active = record.unit->active;
    plan.expected_invocation = record.unit->invocation_id;
    plan.deadline = std::min(step.within, actions::spec(step.act).timeout);
    return plan;
}

void begin_act(Context& context,
               const core::Service& service,
               const ServiceRecord& record,
               Incident& incident) {
    incident.phase = Phase::kActing;
    incident.text = incident.decision.reason;
    context.state.acting = incident.id;
    ++context.state.counters.acts;
    record_decision(context, incident);
    context.emit(RequestAct{incident.id, plan_of(service, record, incident)});
}

// Giving up is the loudest event there is; it is said once.
void escalate(Context& context, Incident& incident) {
    incident.phase = Phase::kEscalated;
    if (incident.is_escalated) {
        return;
    }
    incident.is_escalated = true;
    context.record(RecordKind::kEscalated,
                   incident,
                   "giving up on " + incident.unit + ": " + incident.decision.reason +
                       "; `gatemend resume " + incident.unit +
                       "` lifts this once the reason is gone");
}

void hold(Context& context, ServiceRecord& record, Incident& incident, bool is_news) {
    incident.phase = Phase::kHolding;
    if (!has_hold(incident.decision, core::HoldKind::kExecutorRefused)) {
        incident.text = incident.decision.reason;
    }
    if (is_news) {
        record_decision(context, incident);
    }
    if (has_hold(incident.decision, core::HoldKind::kBudgetExhausted)) {
        if (is_news) {
            context.emit(LatchBreaker{incident.unit, incident.decision.rule});
        }
        escalate(context, incident);
    } else if (has_hold(incident.decision, core::HoldKind::kLatched)) {
        escalate(context, incident);
    } else {
        incident.is_escalated = false;  // lifted: a later giving-up is news again
    }
    if (incident.decision.retry_at) {
        context.wake(incident.unit, record, *incident.decision.retry_at);
    }
}

core::Duration retry_delay(std::uint32_t refusals) {
    core::Duration delay = kFirstRetry;
    for (std::uint32_t i = 1; i < refusals && delay < kLongestRetry; ++i) {
        delay *= 2;
    }
    return std::min(delay, kLongestRetry);
}

void on_refused(Context& context, Incident& incident, const core::ActAnswered& answer) {
    ++incident.refusals;
    incident.retry_after = context.now + retry_delay(incident.refusals);
    incident.phase = Phase::kOpen;
    incident.text = answer.detail;
    context.record(RecordKind::kActed, incident, "nothing was done: " + answer.detail);
}

void on_done(Context& context, Incident& incident, const core::ActAnswered& answer) {
    incident.refusals = 0;
    incident.retry_after.reset();
    incident.phase = Phase::kOpen;
    incident.attempts.push_back(answer.attempt);
    incident.unverified_attempt = answer.attempt;
    incident.acted_at = context.now;
    const policy::Rule* rule =
        policy::find_rule_by_name(context.state.policy, incident.decision.rule);
    incident.verify_by = context.now + (rule == nullptr ? policy::Verify{} : rule->verify).within;
    auto& attempts = context.state.ledger.attempts;
    const bool is_known =
        std::any_of(attempts.begin(), attempts.end(), [&](const core::Attempt& item) {
            return item.id == answer.attempt;
        });
    if (!is_known) {
        attempts.push_back(
            core::Attempt{answer.attempt,
                          context.now,
                          incident.decision.rule,
                          std::string{actions::spec(incident.decision.step->act).name},
                          incident.unit,
                          incident.id,
                          answer.outcome,
                          core::ActVerdict::kPending});
    }
    context.record(RecordKind::kActed,
                   incident,
                   std::string{core::act_outcome_id(answer.outcome)} + ": " + answer.detail);
    if (answer.outcome == core::ActOutcome::kFailed) {
        conclude_attempt(context, incident, core::ActVerdict::kIneffective, answer.detail);
    }
}

void on_lost(Context& context, Incident& incident, const core::ActAnswered& answer) {
    ++incident.refusals;
    incident.retry_after = context.now + retry_delay(incident.refusals);
    incident.phase = Phase::kOpen;
    incident.awaits_ledger = true;
    incident.text = answer.detail;
    context.record(
        RecordKind::kActed,
        incident,
        "no answer from the executor, asking its record what happened: " + answer.detail);
}

}  // namespace

void decide_and_apply(Context& context,
                      const core::Service& service,
                      ServiceRecord& record,
                      Incident& incident) {
    core::Diagnosis diagnosis = core::diagnose(findings_of(context, service, record));
    const bool is_new_diagnosis =
        diagnosis.cause != incident.diagnosis.cause || diagnosis.text != incident.diagnosis.text;
    incident.diagnosis = std::move(diagnosis);
    if (is_new_diagnosis) {
        record_diagnosis(context, incident);
    }
    const policy::Decision previous = std::move(incident.decision);
    incident.decision = policy::decide(context.state.policy,
                                       context.state.ledger,
                                       question_of(context, service, record, incident));
    if (incident.decision.kind == policy::DecisionKind::kAct) {
        begin_act(context, service, record, incident);
    } else {
        hold(context,
             record,
             incident,
             is_new_diagnosis || !says_the_same(previous, incident.decision));
    }
}

void on_act_answered(Context& context, const core::ActAnswered& answer) {
    if (context.state.acting == answer.incident) {
        context.state.acting.reset();
    }
    const auto found = context.state.incidents.find(answer.incident);
    if (found == context.state.incidents.end() || found->second.phase != Phase::kActing) {
        return;
    }
    Incident& incident = found->second;
    switch (answer.reply) {
        case core::ActReply::kDone:
            on_done(context, incident, answer);
            break;
        case core::ActReply::kRefused:
            on_refused(context, incident, answer);
            break;
        case core::ActReply::kLost:
            on_lost(context, incident, answer);
            break;
    }
    evaluate_all(context);  // others may have waited for their turn
}

void on_act_proposed(Context& context, const core::ActProposed& proposed) {
    const auto found = context.state.incidents.find(proposed.incident);
    if (found != context.state.incidents.end() && found->second.proposal) {
        found->second.proposal->digest = proposed.digest;
        found->second.proposal->preview = proposed.preview;
    }
}

void on_act_undone(Context& context, const core::ActUndone& undone) {
    const auto found = context.state.incidents.find(undone.incident);
    if (found != context.state.incidents.end()) {
        context.record(RecordKind::kActed, found->second, undone.detail);
    }
}

void on_ledger(Context& context, const core::LedgerLearnt& learnt) {
    context.state.ledger = learnt.ledger;
    context.state.has_ledger = true;
    for (auto& [id, incident] : context.state.incidents) {
        incident.awaits_ledger = false;
    }
    adopt_attempts(context);
    evaluate_all(context);
}

}  // namespace gatemend::engine
