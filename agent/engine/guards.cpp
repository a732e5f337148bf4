// SPDX-License-Identifier: MIT
// What stands in the way of an act, as far as the engine can see it. The executor looks again, and
// at more; what it finds arrives as a refusal with its kind.
#include "actions/settings.hpp"
#include "core/text.hpp"
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

using core::HoldKind;

void guard(std::vector<core::Hold>& holds, HoldKind kind, std::string owner, std::string text) {
    holds.push_back(core::Hold{kind, std::move(owner), std::move(text), std::nullopt});
}

// The unit that is acted on: nobody else may be at work on it.
void guard_target(std::vector<core::Hold>& holds,
                  const std::string& unit,
                  const core::UnitState& state) {
    if (state.is_masked) {
        guard(holds, HoldKind::kMasked, "administrator", unit + " is masked");
    }
    if (core::is_restart_pending(state)) {
        guard(holds,
              HoldKind::kRestartPending,
              "systemd",
              "systemd is about to restart " + unit + " by itself");
    } else if (state.has_job) {
        guard(
            holds, HoldKind::kJobQueued, "systemd", "a job for " + unit + " is queued or running");
    }
}

// Whoever stopped a unit is obeyed, whatever the cause is called. `target`: the unit that the step
// would start.
void guard_intent(std::vector<core::Hold>& holds,
                  const Case& c,
                  const std::string& unit,
                  const ServiceRecord& target,
                  const policy::LadderStep* step) {
    const bool is_start = step == nullptr || actions::starts_unit(step->act);
    const bool is_down = target.unit && core::is_down(*target.unit);
    const core::Intent intent = is_start && is_down ? intent_of(target) : core::Intent::kNobody;
    const bool is_stopped = c.incident.diagnosis.cause == core::Cause::kUnitStopped;
    const core::Intent own = is_stopped ? intent_of(c.record) : core::Intent::kNobody;
    const char* const left_alone = "; it is left alone until somebody starts it";
    if (intent == core::Intent::kSomebody || own == core::Intent::kSomebody) {
        const bool is_targets = intent == core::Intent::kSomebody;
        const bool was_disabled = is_disabled_while_down(is_targets ? target : c.record);
        guard(holds,
              HoldKind::kAdminStopped,
              "administrator",
              (is_targets ? unit : c.service.unit) +
                  (was_disabled ? " was disabled while it was down; it is left alone until "
                                  "somebody starts or enables it"
                                : std::string{" was stopped on purpose"} + left_alone));
    } else if (is_stopped && own == core::Intent::kNobody) {
        guard(holds,
              HoldKind::kAdminStopped,
              "administrator",
              unit + " has ended by itself and without a fault" + left_alone);
    } else if (is_stopped || (intent == core::Intent::kUnknown && !target.unit->has_job)) {
        const bool is_disabled = target.unit && target.unit->was_perhaps_disabled;
        guard(holds,
              HoldKind::kIntentUnknown,
              "administrator",
              is_disabled
                  ? unit +
                        " is disabled, and nobody knows whether somebody did that while it was "
                        "down: links of units have changed since; it is left alone until "
                        "somebody starts or enables it"
                  : "nobody knows whether somebody stopped " + unit +
                        ": the journal does not tell" + left_alone);
    }
}

// systemd's answer to the newest start was no: what the unit needs is not there. It would say the
// same again.
void guard_answer(std::vector<core::Hold>& holds,
                  const std::string& unit,
                  const core::UnitState& state,
                  const policy::LadderStep* step) {
    const std::string& result = state.job_result;
    const bool is_no = result == "dependency" || result == "assert" || result == "unsupported";
    const bool is_start = step == nullptr || actions::starts_unit(step->act);
    if (is_start && core::is_down(state) && state.has_ended_job && is_no) {
        guard(holds,
              HoldKind::kCauseElsewhere,
              "systemd",
              "systemd has not started " + unit + ": " + core::sanitize(result) +
                  "; it is left alone until somebody starts it");
    }
}

void guard_cause(std::vector<core::Hold>& holds, const Case& c, const policy::LadderStep* step) {
    const core::Cause cause = c.incident.diagnosis.cause;
    const bool is_start = step != nullptr && step->act == actions::ActId::kStartUnit;
    if (is_start && core::is_up(*c.record.unit)) {
        guard(holds, HoldKind::kUnitIsUp, "gatemend", c.service.unit + " is up: nothing to start");
    }
    // What does not listen yet may be at work on what comes before: a migration, a cache.
    const bool is_restart = step != nullptr && step->act == actions::ActId::kRestartUnit;
    if (is_restart && cause == core::Cause::kAppDown && core::is_up(*c.record.unit)) {
        guard(holds,
              HoldKind::kContraryEvidence,
              "gatemend",
              c.service.unit + " is up and does not listen yet: it is not restarted for that");
    }
    // nginx would look the name up again and learn as little.
    const bool is_reload = step != nullptr && step->act == actions::ActId::kReloadUnit;
    if (is_reload && cause == core::Cause::kNameUnresolved && c.record.resolved.empty()) {
        guard(holds,
              HoldKind::kCauseElsewhere,
              "name resolution",
              "the name does not resolve now; a reload would change nothing");
    }
}

// Acts that start, restart or reload a program that has a configuration test.
bool needs_config(actions::ActId act) {
    using actions::ActId;
    switch (act) {
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kFixSocketOwner:
        case ActId::kSetPoolListen:
        case ActId::kRepointBackend:
        case ActId::kApplySuggestion:
        case ActId::kDebugLog:
            return true;
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
        case ActId::kRestoreConfig:  // exists to mend a configuration that fails
        case ActId::kCapturePort:
            return false;
    }
    return true;
}

// Before any start or restart the configuration must pass its test.
void guard_config(std::vector<core::Hold>& holds,
                  const core::Service& service,
                  const ServiceRecord& record) {
    if (!has_config_test(service)) {
        return;
    }
    const std::string owner =
        std::string{core::service_role_id(service.role)} + " configuration test";
    if (!record.test || record.test->verdict == core::ConfigVerdict::kUnknown) {
        guard(holds,
              HoldKind::kConfigUnknown,
              owner,
              record.test ? "the test could not run: " + record.test->message
                          : "the configuration has not been tested yet");
    } else if (record.test->verdict == core::ConfigVerdict::kInvalid) {
        guard(holds, HoldKind::kConfigInvalid, owner, core::describe(*record.test));
    }
}

// What the executor would not do now. That it refused the rule's own step is no reason to wait with
// another act, to which a person has said yes.
void guard_refusal(std::vector<core::Hold>& holds, const Case& c, const policy::LadderStep* step) {
    const Incident& incident = c.incident;
    const bool is_recent =
        incident.refusal && incident.retry_after && c.context.now < *incident.retry_after;
    if (!is_recent ||
        (incident.refused_act && step != nullptr && step->act != *incident.refused_act)) {
        return;
    }
    holds.push_back(*incident.refusal);
    holds.back().until = incident.retry_after;
}

void guard_engine(std::vector<core::Hold>& holds, const Case& c) {
    const State& state = c.context.state;
    if (!state.has_ledger) {
        guard(holds,
              HoldKind::kRecordUnreadable,
              "executor",
              "the record of past acts is not known yet; without it no budget can be kept");
    }
    const auto busy = busy_with(state, c.context.now);
    if (busy && *busy != c.incident.id) {
        const bool is_running = state.acting == busy;
        holds.push_back(
            core::Hold{HoldKind::kActRunning,
                       "gatemend",
                       "an act for incident " + std::to_string(*busy) +
                           (is_running ? " is running; one at a time"
                                       : " has ended and is not verified yet; one at a time"),
                       is_running ? std::nullopt : state.incidents.at(*busy).verify_by});
    }
}

void guard_given_up(std::vector<core::Hold>& holds, const Case& c, const policy::Rule* rule) {
    if (rule != nullptr && c.incident.given_up.contains(rule->name)) {
        guard(holds,
              HoldKind::kLadderExhausted,
              "policy " + rule->name,
              "what it did was undone, and it leaves the rest to a person");
    }
}

// What an act would be told: the diagnosis' own words and the rule's.
bool is_same_act(const core::Attempt& attempt, const Case& c, const policy::LadderStep& step) {
    return attempt.act == actions::spec(step.act).name && !attempt.parameters.empty() &&
           std::all_of(attempt.parameters.begin(), attempt.parameters.end(), [&](const auto& item) {
               const auto with = step.with.find(item.first);
               const auto known = c.incident.diagnosis.remedy.find(item.first);
               return (with != step.with.end() && with->second == item.second) ||
                      (known != c.incident.diagnosis.remedy.end() && known->second == item.second);
           });
}

// Where nginx points is a person's decision. What was pointed there and taken back is not offered
// again until the addresses are others, or a person asks for it.
void guard_undone(std::vector<core::Hold>& holds,
                  const Case& c,
                  const policy::LadderStep* step,
                  const std::string& unit) {
    if (step == nullptr || step->act != actions::ActId::kRepointBackend) {
        return;
    }
    const core::Ledger& ledger = c.context.state.ledger;
    const auto newest = std::find_if(
        ledger.attempts.rbegin(), ledger.attempts.rend(), [&](const core::Attempt& attempt) {
            return attempt.outcome == core::ActOutcome::kSucceeded &&
                   is_same_act(attempt, c, *step);
        });
    if (newest == ledger.attempts.rend() || newest->undo != core::UndoState::kUndone) {
        return;
    }
    const bool is_lifted =
        std::any_of(ledger.forgiven.begin(), ledger.forgiven.end(), [&](const auto& forgiven) {
            return forgiven.first == unit && forgiven.second >= newest->time;
        });
    if (!is_lifted) {
        guard(holds,
              HoldKind::kLadderExhausted,
              std::string{kOwnerOfUndo},
              "attempt " + std::to_string(newest->id) +
                  " did exactly this and was undone; it is offered again once the addresses are "
                  "others, or after `gatemend resume " +
                  unit + "`");
    }
}

}  // namespace

std::string target_of(const Case& c, const policy::LadderStep& step) {
    actions::Parameters parameters = c.incident.diagnosis.remedy;
    for (const auto& [name, value] : step.with) {
        parameters.insert_or_assign(name, value);
    }
    switch (actions::target_of(step.act, c.incident.diagnosis.cause, parameters)) {
        case actions::Target::kService:
            break;
        case actions::Target::kNginx: {
            const core::Service* nginx = c.context.state.topology.find_nginx();
            return nginx == nullptr ? "" : nginx->unit;
        }
        case actions::Target::kHost:
            return std::string{actions::kJournalUnit};
    }
    return c.service.unit;
}

std::vector<core::Hold> guards_of(const Case& c,
                                  const policy::Rule* rule,
                                  const policy::LadderStep* step) {
    std::vector<core::Hold> holds;
    const std::string unit = step == nullptr ? c.service.unit : target_of(c, *step);
    const core::Service* target = c.context.state.topology.find_by_unit(unit);
    const ServiceRecord* record = c.context.find_service(unit);
    // Without a unit there is nothing that could be acted on, and the allowlist says so.
    if (record != nullptr && record->unit) {
        guard_target(holds, unit, *record->unit);
        guard_intent(holds, c, unit, *record, step);
        guard_answer(holds, unit, *record->unit, step);
    }
    if (c.record.unit) {
        guard_cause(holds, c, step);
    }
    const bool is_asked =
        step == nullptr ? c.record.unit && core::is_down(*c.record.unit) : needs_config(step->act);
    if (is_asked && target != nullptr && record != nullptr) {
        guard_config(holds, *target, *record);
    }
    guard_engine(holds, c);
    guard_refusal(holds, c, step);
    guard_given_up(holds, c, rule);
    guard_undone(holds, c, step, unit);
    return holds;
}

std::string_view hold_owner(core::HoldKind kind) {
    switch (kind) {
        case HoldKind::kAdminStopped:
        case HoldKind::kIntentUnknown:
        case HoldKind::kMasked:
            return "administrator";
        case HoldKind::kJobQueued:
        case HoldKind::kRestartPending:
        case HoldKind::kShuttingDown:
        case HoldKind::kStartBudget:
        case HoldKind::kBooting:
            return "systemd";
        case HoldKind::kPackageManager:
            return "package manager";
        case HoldKind::kDeploying:
            return "operator's deploy marker";
        case HoldKind::kConfigInvalid:
        case HoldKind::kConfigUnknown:
            return "configuration test";
        case HoldKind::kPaused:
            return "operator";
        case HoldKind::kCoolingDown:
        case HoldKind::kBudgetExhausted:
            return "budget";
        case HoldKind::kLatched:
            return "breaker";
        case HoldKind::kPressure:
        case HoldKind::kCauseElsewhere:
        case HoldKind::kContraryEvidence:
            return "machine";
        case HoldKind::kSingleWitness:
        case HoldKind::kObserveOnly:
        case HoldKind::kNeedsApproval:
        case HoldKind::kNoRule:
        case HoldKind::kUnitNotAllowed:
        case HoldKind::kLadderExhausted:
        case HoldKind::kMaintenance:
        case HoldKind::kTooBrief:
        case HoldKind::kTooUncertain:
        case HoldKind::kDemoted:
        case HoldKind::kNoTarget:
            return "policy";
        case HoldKind::kActRunning:
        case HoldKind::kUnitIsUp:
            return "gatemend";
        case HoldKind::kRecordUnreadable:
        case HoldKind::kRecordDiskFull:
        case HoldKind::kExecutorRefused:
            break;
    }
    return "executor";
}

bool has_hold(const policy::Decision& decision, core::HoldKind kind) {
    return std::any_of(decision.holds.begin(),
                       decision.holds.end(),
                       [kind](const core::Hold& hold) { return hold.kind == kind; });
}

}  // namespace gatemend::engine
