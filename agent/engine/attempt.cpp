// SPDX-License-Identifier: MIT
// An act from its plan to the executor's answer. One at a time, the most certain first; the next
// one follows when this one has ended and its first probe is in.
#include "engine/context.hpp"
#include "policies/find_rule.hpp"

#include <algorithm>
#include <tuple>

namespace gatemend::engine {

namespace {

constexpr core::Duration kFirstRetry = std::chrono::seconds{1};
constexpr core::Duration kLongestRetry = std::chrono::minutes{5};
// Somebody else is at work on the machine and will be done: then every second counts again.
constexpr core::Duration kGuardRetry = std::chrono::seconds{5};
// Ten minutes of guards. Visitors who are served all the time may hold an act for ever.
constexpr std::uint32_t kManyRefusals = 120;

bool is_guard(core::HoldKind kind) {
    using core::HoldKind;
    switch (kind) {
        case HoldKind::kJobQueued:
        case HoldKind::kRestartPending:
        case HoldKind::kShuttingDown:
        case HoldKind::kPackageManager:
        case HoldKind::kBooting:
        case HoldKind::kDeploying:
        case HoldKind::kStartBudget:
        case HoldKind::kPressure:
        case HoldKind::kContraryEvidence:  // a visitor is being served: a moment later perhaps
                                           // nobody
            return true;
        case HoldKind::kAdminStopped:
        case HoldKind::kMasked:
        case HoldKind::kConfigInvalid:
        case HoldKind::kConfigUnknown:
        case HoldKind::kPaused:
        case HoldKind::kCoolingDown:
        case HoldKind::kBudgetExhausted:
        case HoldKind::kLatched:
        case HoldKind::kSingleWitness:
        case HoldKind::kObserveOnly:
        case HoldKind::kNeedsApproval:
        case HoldKind::kActRunning:
        case HoldKind::kNoRule:
        case HoldKind::kUnitNotAllowed:
        case HoldKind::kRecordUnreadable:
        case HoldKind::kRecordDiskFull:
        case HoldKind::kLadderExhausted:
        case HoldKind::kExecutorRefused:
        case HoldKind::kUnitIsUp:
        case HoldKind::kMaintenance:
        case HoldKind::kCauseElsewhere:
        case HoldKind::kTooBrief:
        case HoldKind::kTooUncertain:
        case HoldKind::kDemoted:
        case HoldKind::kNoTarget:
        case HoldKind::kIntentUnknown:
            return false;
    }
    return false;
}

core::Duration retry_delay(std::uint32_t refusals) {
    core::Duration delay = kFirstRetry;
    for (std::uint32_t i = 1; i < refusals && delay < kLongestRetry; ++i) {
        delay *= 2;
    }
    return std::min(delay, kLongestRetry);
}

bool is_answering(const ServiceRecord& record) {
    return has_fresh_probe(record) && record.probe->outcome == core::ProbeOutcome::kGood;
}

// What the verdict on the act will be compared with.
void remember_before(const Context& context, const Incident& incident, Trial& trial) {
    const ServiceRecord* target = context.find_service(trial.plan.unit);
    trial.was_target_up = target != nullptr && target->unit && core::is_up(*target->unit);
    if (const ServiceRecord* own = context.find_service(incident.unit)) {
        trial.said = own->sightings.all();
    }
    if (trial.plan.role != core::ServiceRole::kNginx || !trial.was_target_up) {
        return;  // bringing up what was down takes nothing from anybody
    }
    for (const core::Service& service : context.state.topology.services) {
        const ServiceRecord* record = context.find_service(service.unit);
        const bool is_other = service.unit != incident.unit && service.unit != trial.plan.unit;
        if (is_other && record != nullptr && is_answering(*record) &&
            trial.answering.size() < kMaxNeighbours) {
            auto& addresses = trial.answering[service.unit];
            for (const core::Backend& backend : service.backends) {
                addresses.insert(backend.address);
            }
        }
    }
}

bool is_more_certain(const Incident* a, const Incident* b) {
    const auto rank = [](const Incident& incident) {
        return std::tuple{-static_cast<std::int64_t>(incident.diagnosis.confidence_permille),
                          actions::spec(incident.ready->plan.act).risk,
                          incident.opened,
                          incident.id};
    };
    return rank(*a) < rank(*b);
}

void begin_act(Context& context, Incident& incident, std::size_t candidates) {
    incident.trial = std::move(incident.ready);
    incident.ready.reset();
    incident.phase = Phase::kActing;
    incident.text = incident.decision.reason;
    if (candidates > 1) {
        incident.text += "; the most certain of " + std::to_string(candidates) +
                         " that could act now, one at a time";
    }
    incident.trial->asked_at = context.now;
    incident.trial->diagnosis = incident.diagnosis;
    incident.trial->address =
        address_after(incident.trial->plan, context.find_service(incident.unit));
    remember_before(context, incident, *incident.trial);
    context.state.acting = incident.id;
    ++context.state.counters.acts;
    if (!incident.refusal || !is_guard(incident.refusal->kind)) {
        record_decision(context, incident, incident.text);  // else it has been said
    }
    context.emit(RequestAct{incident.id, incident.trial->plan});
}

void start_most_certain(Context& context) {
    std::vector<Incident*> ready;
    for (auto& [id, incident] : context.state.incidents) {
        if (incident.ready && incident.phase == Phase::kOpen) {
            ready.push_back(&incident);
        }
    }
    if (ready.empty()) {
        return;
    }
    Incident* best = *std::min_element(ready.begin(), ready.end(), is_more_certain);
    begin_act(context, *best, ready.size());
    for (const Incident* other : ready) {
        if (other != best) {
            evaluate(context, std::string{other->unit});  // holds now, and says why
        }
    }
}

void evaluate_waiting(Context& context) {
    std::vector<std::string> waiting;
    for (const auto& [id, incident] : context.state.incidents) {
        if (incident.phase != Phase::kClosed &&
            has_hold(incident.decision, core::HoldKind::kActRunning)) {
            waiting.push_back(incident.unit);
        }
    }
    for (const std::string& unit : waiting) {
        evaluate(context, unit);
    }
}

// Where there is no room to be made, what is down is not kept waiting for it: the next step
// follows.
void skip_making_room(Context& context, Incident& incident, core::HoldKind kind) {
    if (kind != core::HoldKind::kExecutorRefused || !incident.trial || incident.trial->is_offer) {
        return;
    }
    const Trial& trial = *incident.trial;
    const policy::Rule* rule = policy::find_rule_by_name(context.state.policy, trial.plan.rule);
    const bool makes_room =
        actions::class_of(trial.plan.act, trial.plan.expected_active) == actions::ActClass::kRoom;
    if (makes_room && rule != nullptr && trial.step + 1 < rule->ladder.size()) {
        incident.steps[trial.plan.rule] = trial.step + 1;
        incident.refusals = 0;
        incident.refusal.reset();
        incident.retry_after.reset();
    }
}

void on_refused(Context& context, Incident& incident, const core::ActAnswered& answer) {
    const core::HoldKind kind = answer.hold.value_or(core::HoldKind::kExecutorRefused);
    const bool is_news = !is_guard(kind) || !incident.refusal || incident.refusal->kind != kind;
    ++incident.refusals;
    incident.retry_after =
        context.now + (is_guard(kind) ? kGuardRetry : retry_delay(incident.refusals));
    incident.refusal =
        core::Hold{kind, std::string{hold_owner(kind)}, answer.detail, incident.retry_after};
    incident.refused_act = kind == core::HoldKind::kExecutorRefused && incident.trial
                               ? std::optional{incident.trial->plan.act}
                               : std::nullopt;
    incident.phase = Phase::kOpen;
    incident.text = answer.detail;
    if (kind == core::HoldKind::kNeedsApproval && incident.trial) {
        withdraw(incident, incident.trial->plan);  // the files are others than were approved
    }
    if (kind == core::HoldKind::kAdminStopped && incident.trial) {
        // It has heard what we have not.
        if (ServiceRecord* target = context.find_service(incident.trial->plan.unit)) {
            target->was_stop_requested = true;
        }
    }
    skip_making_room(context, incident, kind);
    incident.trial.reset();
    if (is_news) {
        context.record(RecordKind::kActed, incident, "nothing was done: " + answer.detail);
    }
    if (kind == core::HoldKind::kContraryEvidence && incident.refusals % kManyRefusals == 0) {
        context.record(
            RecordKind::kEscalated,
            incident,
            "held for minutes, which a person may end, and still tried: " + answer.detail);
    }
}

void note_attempt(Context& context, const Incident& incident, const core::ActAnswered& answer) {
    core::Ledger& ledger = context.state.ledger;
    const bool is_known = std::any_of(
        ledger.attempts.begin(), ledger.attempts.end(), [&answer](const core::Attempt& item) {
            return item.id == answer.attempt;
        });
    if (is_known) {
        return;
    }
    const actions::Plan& plan = incident.trial->plan;
    core::Attempt attempt;
    attempt.id = answer.attempt;
    attempt.time = context.now;
    attempt.rule = plan.rule;
    attempt.act = actions::spec(plan.act).name;
    attempt.unit = plan.unit;
    attempt.incident = incident.id;
    attempt.outcome = answer.outcome;
    attempt.act_class = actions::act_class_id(actions::class_of(plan.act, plan.expected_active));
    const policy::Policy& policy = context.state.policy;
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    attempt.is_uncounted =
        incident.trial->is_offer ||
        (rule != nullptr && std::min(policy.settings.mode, rule->mode) == policy::Mode::kAsk);
    const bool is_provisional = actions::spec(plan.act).trace == actions::Trace::kProvisional &&
                                answer.outcome == core::ActOutcome::kSucceeded;
    attempt.undo = is_provisional ? core::UndoState::kProvisional : core::UndoState::kNothing;
    if (plan.act == actions::ActId::kRepointBackend) {
        attempt.parameters = plan.parameters;  // as the executor's ledger has them
    }
    ledger.attempts.push_back(std::move(attempt));
}

// News of a unit may be so long behind the executor's answer.
constexpr core::Duration kUnitNews = std::chrono::seconds{1};

void on_done(Context& context, Incident& incident, const core::ActAnswered& answer) {
    incident.refusals = 0;
    incident.refusal.reset();
    incident.retry_after.reset();
    incident.phase = Phase::kOpen;
    incident.attempts.push_back(answer.attempt);
    incident.unverified_attempt = answer.attempt;
    incident.acted_at = context.now;
    const Trial& trial = *incident.trial;
    const policy::Rule* rule = policy::find_rule_by_name(context.state.policy, trial.plan.rule);
    incident.verify_by = context.now + (rule == nullptr ? policy::Verify{} : rule->verify).within;
    withdraw(incident, trial.plan);
    note_attempt(context, incident, answer);
    context.record(RecordKind::kActed,
                   incident,
                   std::string{core::act_outcome_id(answer.outcome)} + ": " + answer.detail);
    if (answer.outcome == core::ActOutcome::kFailed) {
        incident.trial->failure = answer.detail;
        incident.verify_by = context.now + kUnitNews;
    } else if (is_evidence(trial.plan.act)) {
        conclude_attempt(context, incident, core::ActVerdict::kEffective, answer.detail);
    } else {
        const auto neighbours = trial.answering;
        for (const auto& [unit, addresses] : neighbours) {
            const core::Service* service = context.state.topology.find_by_unit(unit);
            if (ServiceRecord* record = context.find_service(unit);
                record != nullptr && service != nullptr) {
                ask_probe(context, *service, *record);
            }
        }
    }
}

void on_lost(Context& context, Incident& incident, const core::ActAnswered& answer) {
    ++incident.refusals;
    incident.retry_after = context.now + retry_delay(incident.refusals);
    incident.refusal = core::Hold{
        core::HoldKind::kExecutorRefused, "executor", answer.detail, incident.retry_after};
    incident.refused_act.reset();
    incident.phase = Phase::kOpen;
    incident.awaits_ledger = true;
    incident.text = answer.detail;
    context.record(
        RecordKind::kActed,
        incident,
        "no answer from the executor, asking its record what happened: " + answer.detail);
}

}  // namespace

std::optional<actions::Plan> plan_of(const Case& c,
                                     const policy::LadderStep& step,
                                     const std::string& target,
                                     const actions::Parameters& parameters) {
    actions::Plan plan;
    plan.act = step.act;
    plan.unit = target.empty() ? c.service.unit : target;
    plan.rule = c.incident.decision.rule;
    plan.cause = c.incident.diagnosis.cause;
    plan.deadline = std::min(step.within, actions::spec(step.act).timeout);
    plan.parameters = parameters;
    if (plan.unit == actions::kJournalUnit) {
        // Always there and not watched: nobody compares its run.
        plan.role = core::ServiceRole::kOther;
        plan.expected_active = core::ActiveState::kActive;
        return plan;
    }
    const core::Service* service = c.context.state.topology.find_by_unit(plan.unit);
    const ServiceRecord* record = c.context.find_service(plan.unit);
    if (service == nullptr || record == nullptr || !record->unit) {
        return std::nullopt;
    }
    plan.role = service->role;
    plan.expected_active = record->unit->active;
    plan.expected_invocation = record->unit->invocation_id;
    return plan;
}

std::optional<std::uint64_t> busy_with(const State& state, core::TimePoint now) {
    if (state.acting) {
        return state.acting;
    }
    for (const auto& [id, incident] : state.incidents) {
        const bool is_awaited = incident.unverified_attempt && incident.trial &&
                                !incident.trial->is_looked_at && now < *incident.verify_by;
        if (is_awaited && incident.phase != Phase::kClosed) {
            return id;
        }
    }
    return std::nullopt;
}

void settle(Context& context) {
    State& state = context.state;
    if (state.busy && !busy_with(state, context.now)) {
        evaluate_waiting(context);
    }
    start_most_certain(context);
    state.busy = busy_with(state, context.now);
}

void on_act_answered(Context& context, const core::ActAnswered& answer) {
    if (context.state.acting == answer.incident) {
        context.state.acting.reset();
    }
    context.has_evaluated = true;  // whatever became of it, others may have waited for their turn
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
    evaluate(context, std::string{incident.unit});
    evaluate_waiting(context);  // what they wait for now has an end
}

void on_act_undone(Context& context, const core::ActUndone& undone) {
    const auto found = context.state.incidents.find(undone.incident);
    if (found == context.state.incidents.end()) {
        return;
    }
    for (core::Attempt& attempt : context.state.ledger.attempts) {
        if (attempt.id == undone.attempt && undone.is_undone) {
            attempt.undo = core::UndoState::kUndone;
        }
    }
    context.record(RecordKind::kActed,
                   found->second,
                   "attempt " + std::to_string(undone.attempt) +
                       (undone.is_undone ? " undone: " : " not undone: ") + undone.detail);
}

}  // namespace gatemend::engine
