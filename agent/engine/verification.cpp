// SPDX-License-Identifier: MIT
// Success is the cure, not the exit code: an attempt is effective when the backend answers and the
// unit keeps the same invocation through the soak; anything else is ineffective and counts.
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

constexpr core::Duration kRetryProbe = std::chrono::milliseconds{250};

const policy::Verify& verify_terms(const State& state, const Incident& incident) {
    static constexpr policy::Verify kDefault{};
    const policy::Rule* rule = policy::find_rule_by_name(state.policy, incident.decision.rule);
    return rule == nullptr ? kDefault : rule->verify;
}

void begin_soak(Context& context, ServiceRecord& record, Incident& incident) {
    const core::Duration soak = verify_terms(context.state, incident).soak;
    incident.phase = Phase::kVerifying;
    incident.soak_until = context.now + soak;
    incident.soak_invocation = record.unit->invocation_id;
    incident.text =
        incident.unit + " answers again; watching it for " + core::format_duration(soak);
    context.record(RecordKind::kVerifying, incident, incident.text);
    context.wake(incident.unit, record, *incident.soak_until);
}

void on_good_probe(Context& context,
                   const core::Service& service,
                   ServiceRecord& record,
                   Incident& incident) {
    if (!incident.soak_until || incident.soak_invocation != record.unit->invocation_id) {
        begin_soak(context, record, incident);
        return;
    }
    if (context.now < *incident.soak_until) {
        context.wake(incident.unit, record, *incident.soak_until);
        return;
    }
    if (record.probe_asked < *incident.soak_until) {
        ask_probe(context, service, record);  // the soak's last question
        return;
    }
    conclude_attempt(context,
                     incident,
                     core::ActVerdict::kEffective,
                     "backend good and unit stable through the soak");
    close(context, incident, "healed", incident.unit + " answers and stayed up");
}

void on_bad_probe(Context& context,
                  const core::Service& service,
                  ServiceRecord& record,
                  Incident& incident) {
    const bool is_out_of_time = incident.soak_until || context.now >= *incident.verify_by;
    if (is_out_of_time && record.bad_probes > 1) {
        conclude_attempt(context,
                         incident,
                         core::ActVerdict::kIneffective,
                         "unit is up but the probe of " + record.probe_address + " says " +
                             core::describe(*record.probe));
        decide_and_apply(context, service, record, incident);
        return;
    }
    if (is_probe_due(record, context.now, kRetryProbe)) {
        ask_probe(context, service, record);
    } else {
        context.wake(incident.unit, record, record.probe_time + kRetryProbe);
    }
}

void note_verdict(core::Ledger& ledger, std::uint64_t attempt, core::ActVerdict verdict) {
    for (core::Attempt& item : ledger.attempts) {
        if (item.id == attempt) {
            item.verdict = verdict;
        }
    }
}

bool is_attempt_open(const core::Attempt& attempt) {
    return attempt.verdict == core::ActVerdict::kPending &&
           attempt.outcome != core::ActOutcome::kPending;
}

}  // namespace

bool verify_down(Context& context, ServiceRecord& record, Incident& incident) {
    if (incident.awaits_ledger) {
        context.wake(incident.unit, record, context.now + std::chrono::seconds{2});
        return true;
    }
    if (!incident.unverified_attempt) {
        return false;
    }
    const bool went_down_again = record.unit_seen >= *incident.acted_at;
    if (!went_down_again && context.now < *incident.verify_by) {
        context.wake(
            incident.unit, record, *incident.verify_by);  // news of the start is on its way
        return true;
    }
    conclude_attempt(context,
                     incident,
                     core::ActVerdict::kIneffective,
                     "unit is " + core::describe(*record.unit) + " after the act");
    return false;
}

void verify_up(Context& context,
               const core::Service& service,
               ServiceRecord& record,
               Incident& incident) {
    if (!has_fresh_probe(record)) {
        ask_probe(context, service, record);
        return;
    }
    if (record.probe->outcome == core::ProbeOutcome::kGood) {
        on_good_probe(context, service, record, incident);
    } else if (is_bad(*record.probe)) {
        on_bad_probe(context, service, record, incident);
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
    context.emit(ConfirmAct{attempt, verdict, text});
    context.record(
        RecordKind::kConfirmed, incident, std::string{core::act_verdict_id(verdict)} + ": " + text);
    incident.failed_steps += verdict == core::ActVerdict::kEffective ? 0U : 1U;
    incident.unverified_attempt.reset();
    incident.acted_at.reset();
    incident.verify_by.reset();
    incident.soak_until.reset();
    incident.soak_invocation.clear();
    incident.phase = Phase::kOpen;
}

void adopt_attempts(Context& context) {
    for (const core::Attempt& attempt : context.state.ledger.attempts) {
        const auto found = context.state.incidents.find(attempt.incident);
        if (!is_attempt_open(attempt) || found == context.state.incidents.end()) {
            continue;
        }
        Incident& incident = found->second;
        if (incident.phase == Phase::kActing || incident.phase == Phase::kClosed ||
            incident.unverified_attempt || incident.unit != attempt.unit) {
            continue;
        }
        if (std::find(incident.attempts.begin(), incident.attempts.end(), attempt.id) ==
            incident.attempts.end()) {
            incident.attempts.push_back(attempt.id);
        }
        incident.decision.rule = attempt.rule;
        incident.unverified_attempt = attempt.id;
        incident.acted_at = attempt.time;
        incident.verify_by = context.now + verify_terms(context.state, incident).within;
    }
}

}  // namespace gatemend::engine
