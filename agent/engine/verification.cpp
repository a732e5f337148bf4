// SPDX-License-Identifier: MIT
// Success is the cure, not the exit code: an attempt is effective when the backend answers and the
// unit keeps the same invocation through the soak. Anything else is ineffective and counts; harmful
// when something that worked before the act does not work after it.
#include "actions/settings.hpp"
#include "core/silence.hpp"
#include "diagnosis/objections.hpp"
#include "engine/context.hpp"
#include "policies/budget.hpp"
#include "policies/find_rule.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

constexpr core::Duration kLogLag = std::chrono::seconds{3};
constexpr core::Duration kRetryProbe = std::chrono::milliseconds{250};
// A look at the disks takes longer than a probe.
constexpr core::Duration kLookPatience = std::chrono::seconds{20};
constexpr std::uint32_t kBadProbesToBelieve = 2;

// How the success of an act shows.
enum class Cure {
    kAnswer,     // the service's backend answers through the soak
    kElsewhere,  // its backend answers at another address: the service's own unit is out of it
    kRoom,       // no disk is full any more; the rest of the ladder follows
    kConfig,     // the configuration passes its test; the rest of the ladder follows
    kEvidence,   // done is done
};

Cure cure_of(actions::ActId act) {
    using actions::ActId;
    switch (act) {
        case ActId::kStartUnit:
        case ActId::kRestartUnit:
        case ActId::kReloadUnit:
        case ActId::kRestartPm2App:
        case ActId::kFixSocketOwner:
        case ActId::kSetPoolListen:
        case ActId::kApplySuggestion:
            break;
        case ActId::kRepointBackend:
            return Cure::kElsewhere;
        case ActId::kVacuumJournal:
            return Cure::kRoom;
        case ActId::kRestoreConfig:
            return Cure::kConfig;
        case ActId::kDebugLog:
        case ActId::kCapturePort:
            return Cure::kEvidence;
    }
    return Cure::kAnswer;
}

Cure cure_of(const Trial& trial) {
    const Cure cure = cure_of(trial.plan.act);
    return cure == Cure::kAnswer && !trial.address.empty() ? Cure::kElsewhere : cure;
}

std::string invocation_of(const ServiceRecord* record) {
    return record == nullptr || !record->unit ? "" : record->unit->invocation_id;
}

// Of everything that must stay as it is through the soak.
std::string invocations(const Case& c) {
    const ServiceRecord* target =
        c.incident.trial ? c.context.find_service(c.incident.trial->plan.unit) : nullptr;
    return invocation_of(&c.record) + " " + invocation_of(target);
}

// By an act that was to end the very records that have opened the incident.
bool is_measured_by_records(const Incident& incident) {
    return incident.is_complaint && incident.trial.has_value();
}

void begin_soak(const Case& c) {
    Incident& incident = c.incident;
    const core::Duration soak = verify_terms(c.context.state, incident).soak;
    const std::string address = new_address(incident);
    incident.phase = Phase::kVerifying;
    incident.soak_until = c.context.now + soak;
    incident.soak_invocation = invocations(c);
    if (incident.trial) {
        incident.trial->is_heard = false;
    }
    incident.text = (address.empty() ? incident.unit + " answers again" : address + " answers") +
                    "; watching it for " + core::format_duration(soak);
    c.context.record(RecordKind::kVerifying, incident, incident.text);
    const core::Duration next =
        is_measured_by_records(incident) ? std::min(soak / 2, kLogLag) : soak;
    c.context.wake(incident.unit, c.record, c.context.now + next);
}

// What was said until the soak had begun is no news; logs are read a little later than written.
// False: it cannot all have been read yet.
bool has_heard_the_past(const Case& c) {
    Incident& incident = c.incident;
    if (!is_measured_by_records(incident) || incident.trial->is_heard) {
        return true;
    }
    const core::Duration soak = verify_terms(c.context.state, incident).soak;
    const core::TimePoint heard = *incident.soak_until - soak + std::min(soak / 2, kLogLag);
    if (c.context.now < heard) {
        c.context.wake(incident.unit, c.record, heard);
        return false;
    }
    incident.trial->said = c.record.sightings.all();
    incident.trial->is_heard = true;
    return true;
}

void conclude_healed(const Case& c) {
    const std::string address = new_address(c.incident);
    conclude_attempt(c.context,
                     c.incident,
                     core::ActVerdict::kEffective,
                     "backend good and unit stable through the soak");
    close(c.context,
          c.incident,
          "healed",
          (address.empty() ? c.incident.unit : address) + " answers and stayed up" +
              (c.incident.flapping.empty() ? "" : "; " + c.incident.flapping));
}

// What a record says neither undoes an act nor counts against it: visitors and scripts can write
// records, and what they are about is another incident's matter. Only an act that was to end the
// very records that have opened the incident, which no probe can show, is measured by them: by
// those that are nginx's own for certain.
std::optional<diagnosis::Sighting> find_complaint_against(const Case& c) {
    const Incident& incident = c.incident;
    if (!is_measured_by_records(incident)) {
        return std::nullopt;
    }
    auto complaint = find_complaint_since(c.context, c.record, incident.trial->said);
    const bool is_evidence_enough =
        complaint && complaint->is_trusted && complaint->symptom != core::Symptom::kScriptFatal;
    return is_evidence_enough ? complaint : std::nullopt;
}

void on_good_probe(const Case& c) {
    Incident& incident = c.incident;
    if (!incident.soak_until || incident.soak_invocation != invocations(c)) {
        begin_soak(c);
        return;
    }
    if (!has_heard_the_past(c)) {
        return;
    }
    if (const auto complaint = find_complaint_against(c)) {
        conclude_attempt(c.context,
                         incident,
                         core::ActVerdict::kIneffective,
                         "the probe is good, but " + diagnosis::describe(*complaint));
        return;
    }
    if (c.context.now < *incident.soak_until) {
        c.context.wake(incident.unit, c.record, *incident.soak_until);
    } else if (c.record.probe_asked < *incident.soak_until) {
        ask_probe(c.context, c.service, c.record);  // the soak's last question
    } else {
        conclude_healed(c);
    }
}

// Whether answers come in time is what the act was about; of all others it is enough that nginx
// reaches the backend again: how fast that answers is another matter, of another incident.
bool depends_on_answers(core::Cause cause) {
    return core::is_about_answers(cause) || cause == core::Cause::kUnknown;
}

// An application whose unit is "active" as soon as its process is may load for a while before it
// listens.
bool is_coming_up(const Case& c) {
    const core::ProbeOutcome outcome = c.record.probe->outcome;
    const bool is_refused =
        outcome == core::ProbeOutcome::kRefused || outcome == core::ProbeOutcome::kMissing;
    const actions::Plan& plan = c.incident.trial->plan;
    return is_refused && !c.incident.soak_until && plan.cause == core::Cause::kAppDown &&
           actions::starts_unit(plan.act) && c.record.unit && core::is_up(*c.record.unit);
}

// Slow is not down: what nginx would still wait for is waited for, a while. Less than the executor
// leaves us before it undoes what is not confirmed.
core::Duration patience_with(const Case& c) {
    constexpr core::Duration kLongest = std::chrono::seconds{40};
    if (is_coming_up(c)) {
        return kLongest;
    }
    const bool is_slow = core::is_slow(c.record.probe->outcome);
    return is_slow
               ? std::min(diagnosis::longest_wait(c.service.backends).value_or(kLongest), kLongest)
               : core::Duration::zero();
}

// nginx gets through again, and the unit has stayed up; no more can be said of who is that busy.
bool is_reached_again(const Case& c) {
    const core::ProbeOutcome outcome = c.record.probe->outcome;
    const bool is_connected = outcome == core::ProbeOutcome::kResponseTimeout ||
                              outcome == core::ProbeOutcome::kSaturated;
    const bool is_same_run = !c.incident.soak_until || c.incident.soak_invocation == invocations(c);
    return is_connected && is_same_run && c.incident.trial &&
           !depends_on_answers(c.incident.trial->plan.cause);
}

void conclude_reached(const Case& c) {
    const std::string text = c.record.probe_address +
                             " accepts connections again; its answers take longer than a probe "
                             "waits";
    conclude_attempt(c.context, c.incident, core::ActVerdict::kEffective, text);
    close(c.context, c.incident, "healed", text);
}

void on_bad_probe(const Case& c) {
    Incident& incident = c.incident;
    const core::Duration patience = patience_with(c);
    const bool is_slow = patience > core::Duration::zero();
    const core::TimePoint ends =
        (is_slow && incident.soak_until ? *incident.soak_until : *incident.verify_by) + patience;
    const bool is_out_of_time = (incident.soak_until && !is_slow) || c.context.now >= ends;
    if (is_out_of_time && c.record.bad_probes > 1 && is_reached_again(c)) {
        conclude_reached(c);
        return;
    }
    if (is_out_of_time && c.record.bad_probes > 1) {
        conclude_attempt(c.context,
                         incident,
                         core::ActVerdict::kIneffective,
                         (c.record.unit ? "unit is up but the probe of " : "the probe of ") +
                             c.record.probe_address + " says " + core::describe(*c.record.probe));
        return;
    }
    if (is_probe_due(c.record, c.context.now, kRetryProbe)) {
        ask_probe(c.context, c.service, c.record);
    } else {
        c.context.wake(incident.unit, c.record, c.context.now + kRetryProbe);
    }
}

// The disks are the machine's: what one service's look has found is true for all.
void share_disks(Context& context, const ServiceRecord& source) {
    for (auto& [unit, record] : context.state.services) {
        if (record.inspection && &record != &source) {
            record.inspection->file_systems = source.inspection->file_systems;
        }
    }
}

// What was said while it was full is answered by the look that found room.
void forget_full_disk(Context& context) {
    for (auto& [unit, record] : context.state.services) {
        record.sightings.forget(core::Symptom::kDiskFull);
    }
}

void verify_room(const Case& c) {
    Incident& incident = c.incident;
    const bool is_fresh = c.record.inspection_asked >= *incident.acted_at &&
                          c.record.inspection_time >= c.record.inspection_asked &&
                          !c.record.is_inspecting;
    if (!is_fresh && c.context.now < *incident.acted_at + kLookPatience) {
        ask_inspection(c.context, c.service, c.record, core::Duration::zero());
        c.context.wake(incident.unit, c.record, *incident.acted_at + kLookPatience);
        return;
    }
    incident.trial->is_looked_at = true;
    if (!is_fresh || !c.record.inspection) {
        conclude_attempt(c.context,
                         incident,
                         core::ActVerdict::kEffective,
                         "done; no look at the disks could be had");
        return;
    }
    share_disks(c.context, c.record);
    const diagnosis::Diagnosis now =
        diagnosis::diagnose(findings_of(c.context, c.service, c.record));
    const bool is_full = now.cause == core::Cause::kDiskFull;
    if (!is_full) {
        forget_full_disk(c.context);
    }
    conclude_attempt(c.context,
                     incident,
                     is_full ? core::ActVerdict::kIneffective : core::ActVerdict::kEffective,
                     is_full ? now.text : "no file system is full any more");
}

void verify_config(const Case& c) {
    Incident& incident = c.incident;
    const core::Service* target = c.context.state.topology.find_by_unit(incident.trial->plan.unit);
    ServiceRecord* record = c.context.find_service(incident.trial->plan.unit);
    const bool is_fresh = record != nullptr && record->test && !record->is_test_running &&
                          record->test_time > *incident.acted_at;
    if (!is_fresh && record != nullptr && c.context.now < *incident.acted_at + kLookPatience) {
        ask_config_test(c.context, *target, *record);
        c.context.wake(incident.unit, c.record, *incident.acted_at + kLookPatience);
        return;
    }
    incident.trial->is_looked_at = true;
    const bool is_valid = is_fresh && record->test->verdict == core::ConfigVerdict::kValid;
    conclude_attempt(c.context,
                     incident,
                     is_valid ? core::ActVerdict::kEffective : core::ActVerdict::kIneffective,
                     is_valid ? "the configuration passes its test"
                              : "the configuration does not pass its test");
}

// News of the unit may be a moment behind the executor's answer.
bool is_settled(const Incident& incident, const ServiceRecord& record, core::TimePoint now) {
    return record.unit_seen >= *incident.acted_at || now >= *incident.verify_by;
}

std::string up_before(const std::string& unit, const core::UnitState& state) {
    return unit + " was up before the act and is " + core::describe(state) + " after it";
}

// By nginx's configuration: a name that a record mentions is looked up, too.
bool is_backend_of(const core::Topology& topology,
                   const std::string& unit,
                   const std::string& address) {
    const core::Service* service = topology.find_by_unit(unit);
    return service != nullptr &&
           std::ranges::find(service->backends, address, &core::Backend::address) !=
               service->backends.end();
}

// What worked before the act and does not now; "" = nothing.
std::string find_harm(const Case& c) {
    const Trial& trial = *c.incident.trial;
    const ServiceRecord* target = c.context.find_service(trial.plan.unit);
    const bool is_other = trial.plan.unit != c.incident.unit;
    if (is_other && trial.was_target_up && target != nullptr && target->unit &&
        core::is_down(*target->unit) && is_settled(c.incident, *target, c.context.now)) {
        return up_before(trial.plan.unit, *target->unit);
    }
    for (const auto& [unit, addresses] : trial.answering) {
        const ServiceRecord* record = c.context.find_service(unit);
        // One that falls silent where it was has its own reason: nginx only says where to ask.
        const bool is_led_astray =
            record != nullptr && !addresses.contains(record->probe_address) &&
            is_backend_of(c.context.state.topology, unit, record->probe_address);
        const bool is_silent = is_led_astray && has_fresh_probe(*record) &&
                               record->bad_probes >= kBadProbesToBelieve &&
                               !core::is_slow(record->probe->outcome) &&
                               record->bad_since >= *c.incident.acted_at &&
                               (!record->unit || core::is_up(*record->unit));
        if (is_silent) {
            return unit + " answered before the act; now nginx asks " + record->probe_address +
                   " for it, and the probe says " + core::describe(*record->probe);
        }
    }
    return "";
}

void note_verdict(core::Ledger& ledger, std::uint64_t attempt, core::ActVerdict verdict) {
    for (core::Attempt& item : ledger.attempts) {
        if (item.id == attempt) {
            item.verdict = verdict;
        }
    }
}

// Nothing is left of it: the executor died in the middle of it, or the object of an edit that needs
// no reload was exchanged under its hands and it took back what it had done. That it did not help
// says nothing about its worth. How often it is tried again is the budget's matter.
bool is_void(const core::Ledger& ledger, std::uint64_t attempt, const actions::Plan& plan) {
    const bool is_edit = actions::spec(plan.act).trace == actions::Trace::kProvisional &&
                         !actions::effect_of(plan.act, plan.parameters);
    return std::ranges::any_of(ledger.attempts, [&](const core::Attempt& item) {
        const bool is_broken_off = item.outcome == core::ActOutcome::kInterrupted ||
                                   (is_edit && item.outcome == core::ActOutcome::kFailed);
        const bool is_gone =
            item.undo == core::UndoState::kUndone || item.undo == core::UndoState::kNothing;
        return item.id == attempt && is_broken_off && is_gone;
    });
}

// Steps that are used up. The last rung repeats until the budget ends it: the ladder says what, the
// budget says how often. What only prepares or collects is done once.
void count_step(const State& state, Incident& incident, core::ActVerdict verdict) {
    const Trial& trial = *incident.trial;
    const policy::Rule* rule = policy::find_rule_by_name(state.policy, trial.plan.rule);
    if (trial.is_offer || rule == nullptr || rule->ladder.empty()) {
        return;
    }
    const bool is_repeated =
        verdict != core::ActVerdict::kEffective && !is_evidence(trial.plan.act);
    const std::size_t last = is_repeated ? rule->ladder.size() - 1 : rule->ladder.size();
    incident.steps[rule->name] = std::min(trial.step + 1, last);
}

void apply_on_failure(Context& context, Incident& incident, const std::string& text) {
    const std::string& name = incident.trial->plan.rule;
    const policy::Rule* rule = policy::find_rule_by_name(context.state.policy, name);
    if (rule == nullptr || rule->on_failure != policy::OnFailure::kRollBack) {
        return;  // escalate: when the budget is spent; observe: the ledger tells decide()
    }
    incident.given_up[name] = context.now;
    escalate(context, incident, "policy " + name + " did not help and is undone: " + text);
}

std::string verdict_words(const Incident& incident, core::ActVerdict verdict) {
    const bool is_undone =
        verdict != core::ActVerdict::kEffective &&
        actions::spec(incident.trial->plan.act).trace == actions::Trace::kProvisional;
    return is_undone ? "; the executor undoes it" : "";
}

// A failed act has cured nothing; it may have left its target worse than it was.
void verify_failed(const Case& c) {
    const Trial& trial = *c.incident.trial;
    const ServiceRecord* target = c.context.find_service(trial.plan.unit);
    const bool has_state = trial.was_target_up && target != nullptr && target->unit;
    const bool is_harm = has_state && core::is_down(*target->unit);
    if (has_state && !is_harm && c.context.now < *c.incident.verify_by) {
        c.context.wake(c.incident.unit, c.record, *c.incident.verify_by);
        return;
    }
    const std::string words = *trial.failure;
    conclude_attempt(c.context,
                     c.incident,
                     is_harm ? core::ActVerdict::kHarmful : core::ActVerdict::kIneffective,
                     words);
}

}  // namespace

const policy::Verify& verify_terms(const State& state, const Incident& incident) {
    static constexpr policy::Verify kDefault{};
    const std::string& name = incident.trial ? incident.trial->plan.rule : incident.decision.rule;
    const policy::Rule* rule = policy::find_rule_by_name(state.policy, name);
    return rule == nullptr ? kDefault : rule->verify;
}

bool is_evidence(actions::ActId act) {
    return cure_of(act) == Cure::kEvidence;
}

std::string address_after(const actions::Plan& plan, const ServiceRecord* record) {
    if (plan.act == actions::ActId::kRepointBackend) {
        const auto to = plan.parameters.find("to");
        return to == plan.parameters.end() ? "" : to->second;
    }
    // nginx has looked the name up again.
    const bool is_renamed = plan.act == actions::ActId::kReloadUnit &&
                            plan.cause == core::Cause::kNameUnresolved && record != nullptr &&
                            !record->resolved.empty();
    return is_renamed ? record->resolved.front() : "";
}

std::string new_address(const Incident& incident) {
    const bool is_done = incident.unverified_attempt || incident.phase == Phase::kActing;
    return is_done && incident.trial ? incident.trial->address : "";
}

bool verify_apart(const Case& c) {
    Incident& incident = c.incident;
    if (incident.trial->failure) {
        verify_failed(c);
        return true;
    }
    if (const std::string harm = find_harm(c); !harm.empty()) {
        conclude_attempt(c.context, incident, core::ActVerdict::kHarmful, harm);
        return true;
    }
    switch (cure_of(*incident.trial)) {
        case Cure::kAnswer:
            return false;
        case Cure::kElsewhere:
            if (new_address(incident).empty()) {
                conclude_attempt(c.context,
                                 incident,
                                 core::ActVerdict::kIneffective,
                                 "after a restart of the agent nothing is known of it that could "
                                 "be verified");
            } else {
                verify_up(c.context, c.service, c.record, incident);
            }
            break;
        case Cure::kRoom:
            verify_room(c);
            break;
        case Cure::kConfig:
            verify_config(c);
            break;
        case Cure::kEvidence:
            conclude_attempt(c.context, incident, core::ActVerdict::kEffective, "done");
            break;
    }
    return true;
}

bool verify_down(Context& context, ServiceRecord& record, Incident& incident) {
    if (incident.awaits_ledger) {
        context.wake(incident.unit, record, context.now + std::chrono::seconds{2});
        return true;
    }
    if (!incident.unverified_attempt) {
        return false;
    }
    if (cure_of(*incident.trial) == Cure::kElsewhere ||
        !is_settled(incident, record, context.now)) {
        context.wake(
            incident.unit, record, *incident.verify_by);  // news of the start is on its way
        return true;
    }
    if (record.was_stop_requested && incident.soak_until) {
        // A deploy, for instance: that says nothing against the act.
        conclude_attempt(context,
                         incident,
                         core::ActVerdict::kEffective,
                         "it answered until somebody stopped " + incident.unit);
        return false;
    }
    const bool is_worse =
        incident.trial->was_target_up && incident.trial->plan.unit == incident.unit;
    conclude_attempt(context,
                     incident,
                     is_worse ? core::ActVerdict::kHarmful : core::ActVerdict::kIneffective,
                     is_worse ? up_before(incident.unit, *record.unit)
                              : "unit is " + core::describe(*record.unit) + " after the act");
    return false;
}

// Asked after the act was done, or after the unit's change that is the act's.
bool is_probed_since(const Incident& incident, const ServiceRecord& record) {
    const bool has_changed = record.unit_seen >= incident.trial->asked_at;
    return has_fresh_probe(record) && (has_changed || record.probe_asked >= *incident.acted_at);
}

// An earlier agent knew where the backend answers after its reload: what the name means now.
// False: that is being looked up.
bool has_learnt_address(const Case& c) {
    Trial& trial = *c.incident.trial;
    const bool is_adopted = trial.asked_at == core::TimePoint{};
    if (!is_adopted || trial.plan.act != actions::ActId::kReloadUnit ||
        suspected_backend(c.service, c.record).host.empty()) {
        return true;
    }
    if (!c.incident.is_name_read) {
        ask_name(c.context, c.service, c.record);
        return false;
    }
    trial.address = c.record.resolved.empty() ? "" : c.record.resolved.front();
    return true;
}

void verify_up(Context& context,
               const core::Service& service,
               ServiceRecord& record,
               Incident& incident) {
    const Case c{context, service, record, incident};
    if (!has_learnt_address(c)) {
        return;
    }
    const std::string address = new_address(incident);
    if (!is_probed_since(incident, record) ||
        (!address.empty() && record.probe_address != address)) {
        ask_probe(context, service, record);
        return;
    }
    incident.trial->is_looked_at = true;
    if (record.probe->outcome == core::ProbeOutcome::kGood) {
        on_good_probe(c);
    } else if (is_bad(*record.probe)) {
        on_bad_probe(c);
    } else if (is_probe_due(record, context.now, kRetryProbe)) {
        ask_probe(context, service, record);
    } else {
        context.wake(incident.unit, record, context.now + kRetryProbe);
    }
}

void conclude_attempt(Context& context,
                      Incident& incident,
                      core::ActVerdict verdict,
                      const std::string& text) {
    const std::uint64_t attempt = *incident.unverified_attempt;
    note_verdict(context.state.ledger, attempt, verdict);
    incident.flapping =
        policy::flapping_words(incident.trial->plan.unit, context.state.ledger, context.now);
    context.emit(ConfirmAct{attempt, verdict, text});
    context.record(RecordKind::kConfirmed,
                   incident,
                   std::string{core::act_verdict_id(verdict)} + ": " + text +
                       verdict_words(incident, verdict) +
                       (incident.flapping.empty() ? "" : "; " + incident.flapping));
    const bool is_proof = verdict == core::ActVerdict::kEffective ||
                          !is_void(context.state.ledger, attempt, incident.trial->plan);
    if (is_proof) {
        count_step(context.state, incident, verdict);
    }
    const bool is_cure = !is_evidence(incident.trial->plan.act);
    const bool is_told = incident.trial->diagnosis.cause != core::Cause::kUnknown;
    if (verdict == core::ActVerdict::kEffective && is_cure && is_told && !incident.cured) {
        incident.cured = incident.trial->diagnosis;
    }
    if (verdict == core::ActVerdict::kHarmful) {
        escalate(context, incident, "policy " + incident.trial->plan.rule + " did harm: " + text);
    } else if (verdict == core::ActVerdict::kIneffective && is_cure && is_proof) {
        apply_on_failure(context, incident, text);
    }
    incident.is_mended = incident.is_mended || (is_cure && verdict == core::ActVerdict::kEffective);
    incident.trial.reset();
    incident.unverified_attempt.reset();
    incident.acted_at.reset();
    incident.verify_by.reset();
    incident.soak_until.reset();
    incident.soak_invocation.clear();
    incident.phase = Phase::kOpen;
}

void note_undone(Context& context) {
    for (const core::Attempt& attempt : context.state.ledger.attempts) {
        const auto found = context.state.incidents.find(attempt.incident);
        const bool is_undone = attempt.undo == core::UndoState::kUndone ||
                               attempt.undo == core::UndoState::kUndoFailed;
        if (!is_undone || found == context.state.incidents.end() ||
            found->second.unverified_attempt != attempt.id) {
            continue;
        }
        if (attempt.undo == core::UndoState::kUndoFailed) {
            escalate(context,
                     found->second,
                     "attempt " + std::to_string(attempt.id) +
                         " could not be undone: a person has to look");
        }
        conclude_attempt(context,
                         found->second,
                         core::ActVerdict::kIneffective,
                         "it was to be undone before it could be verified");
    }
}

void evaluate_concerned(Context& context, const std::string& unit) {
    std::vector<std::string> concerned;
    for (const auto& [id, incident] : context.state.incidents) {
        if (incident.phase == Phase::kClosed || !incident.unverified_attempt || !incident.trial ||
            incident.unit == unit) {
            continue;
        }
        if (incident.trial->plan.unit == unit || incident.trial->answering.contains(unit)) {
            concerned.push_back(incident.unit);
        }
    }
    for (const std::string& other : concerned) {
        evaluate(context, other);
    }
}

}  // namespace gatemend::engine
