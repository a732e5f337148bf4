// SPDX-License-Identifier: MIT
// What an earlier life of the agent has begun: its incidents go on, and an attempt without a
// verdict is verified as if it had been asked for now. The executor's record says what has been
// asked for.
#include "engine/context.hpp"
#include "policies/find_rule.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

bool is_unverified(const core::Attempt& attempt) {
    return attempt.verdict == core::ActVerdict::kPending &&
           attempt.undo != core::UndoState::kUndone && attempt.undo != core::UndoState::kUndoFailed;
}

const core::Attempt* find_attempt(const core::Ledger& ledger, std::uint64_t id) {
    const auto found = std::find_if(ledger.attempts.begin(),
                                    ledger.attempts.end(),
                                    [id](const core::Attempt& item) { return item.id == id; });
    return found == ledger.attempts.end() ? nullptr : &*found;
}

Trial adopted_trial(const State& state, const core::Attempt& attempt) {
    Trial trial;
    trial.plan.act = actions::act_from_name(attempt.act).value_or(actions::ActId::kStartUnit);
    trial.plan.unit = attempt.unit;
    trial.plan.rule = attempt.rule;
    trial.plan.parameters = attempt.parameters;
    trial.address = address_after(trial.plan, nullptr);
    if (const policy::Rule* rule = policy::find_rule_by_name(state.policy, attempt.rule)) {
        const auto step = std::find_if(
            rule->ladder.begin(), rule->ladder.end(), [&trial](const policy::LadderStep& item) {
                return item.act == trial.plan.act;
            });
        trial.is_offer = step == rule->ladder.end();
        trial.step = static_cast<std::size_t>(step - rule->ladder.begin());
    }
    return trial;
}

bool is_same_act(const Trial& trial, const core::Attempt& attempt) {
    return trial.plan.unit == attempt.unit && trial.plan.rule == attempt.rule &&
           actions::spec(trial.plan.act).name == attempt.act;
}

void adopt(Context& context, Incident& incident, const core::Attempt& attempt) {
    incident.decision.rule = attempt.rule;
    if (!incident.trial || !is_same_act(*incident.trial, attempt)) {
        incident.trial = adopted_trial(context.state, attempt);
    }
    withdraw(incident, incident.trial->plan);  // what was approved for it is used up
    if (attempt.outcome == core::ActOutcome::kPending) {
        incident.running_attempt = attempt.id;
        incident.phase = Phase::kActing;
        context.state.acting = incident.id;
        return;
    }
    incident.attempts.push_back(attempt.id);
    incident.unverified_attempt = attempt.id;
    incident.acted_at = attempt.time;
    incident.verify_by = context.now + verify_terms(context.state, incident).within;
}

// Acts that nobody here waits for end with the record that says so.
void end_running(Context& context) {
    State& state = context.state;
    for (auto& [id, incident] : state.incidents) {
        if (!incident.running_attempt) {
            continue;
        }
        const core::Attempt* attempt = find_attempt(state.ledger, *incident.running_attempt);
        if (attempt != nullptr && attempt->outcome == core::ActOutcome::kPending) {
            continue;
        }
        incident.running_attempt.reset();
        if (incident.phase == Phase::kActing) {
            incident.phase = Phase::kOpen;
        }
        if (state.acting == id) {
            state.acting.reset();
        }
    }
}

bool can_adopt(const State& state, const Incident& incident, const core::Attempt& attempt) {
    const bool is_known =
        std::find(incident.attempts.begin(), incident.attempts.end(), attempt.id) !=
        incident.attempts.end();
    const bool is_idle = incident.phase != Phase::kActing && incident.phase != Phase::kClosed &&
                         !incident.unverified_attempt;
    const bool is_turn = attempt.outcome != core::ActOutcome::kPending || !state.acting;
    return is_idle && is_turn && !is_known;
}

// nginx names the service no longer, on account of the very act that is to be verified: it answers
// at the new address now, or not. False: no such act.
bool keep_repointed(Context& context, const Incident& incident) {
    State& state = context.state;
    const auto attempt = std::find_if(
        state.ledger.attempts.begin(), state.ledger.attempts.end(), [&incident](const auto& item) {
            return item.incident == incident.id && is_unverified(item) &&
                   item.act == actions::spec(actions::ActId::kRepointBackend).name;
        });
    if (attempt == state.ledger.attempts.end() || state.topology.services.size() >= kMaxServices) {
        return false;
    }
    const auto to = attempt->parameters.find("to");
    const core::Service* there =
        to == attempt->parameters.end() ? nullptr : state.topology.find_by_address(to->second);
    if (there == nullptr) {
        return false;
    }
    const auto backend =
        std::find_if(there->backends.begin(), there->backends.end(), [&to](const auto& item) {
            return item.address == to->second;
        });
    core::Service service{incident.unit, core::ServiceRole::kUnowned, {*backend}};
    state.topology.services.push_back(std::move(service));
    state.services[incident.unit].is_kept = true;
    return true;
}

// Back to its service, or closed when there is none.
void place(Context& context, Incident& incident) {
    ServiceRecord* record = context.find_service(incident.unit);
    if (record == nullptr && keep_repointed(context, incident)) {
        record = context.find_service(incident.unit);
    }
    if (record == nullptr || record->incident) {
        close(
            context, incident, "gone", incident.unit + " no longer serves any configured backend");
        return;
    }
    record->incident = incident.id;
    context.record(RecordKind::kRestored, incident, "continued after a restart of the agent");
    adopt_attempts(context);
    evaluate(context, std::string{incident.unit});
}

void drop_service(State& state, const std::string& unit) {
    std::erase_if(state.topology.services,
                  [&unit](const core::Service& service) { return service.unit == unit; });
    state.services.erase(unit);
}

void place_anew(Context& context, const std::vector<std::uint64_t>& ids) {
    for (const std::uint64_t id : ids) {
        const auto found = context.state.incidents.find(id);
        if (found == context.state.incidents.end()) {
            continue;
        }
        const ServiceRecord* record = context.find_service(found->second.unit);
        if (record != nullptr && record->is_kept && record->incident == id) {
            drop_service(context.state, found->second.unit);
        }
        place(context, found->second);
    }
}

// Until the record was known, nobody could tell why their services were gone.
void place_the_rest(Context& context) {
    std::vector<std::uint64_t> homeless;
    for (const auto& [id, incident] : context.state.incidents) {
        const ServiceRecord* record = context.find_service(incident.unit);
        const bool is_placed = record != nullptr && record->incident == id;
        const bool is_kept = is_placed && record->is_kept;
        if (incident.phase == Phase::kClosed || (is_placed && !is_kept)) {
            continue;
        }
        homeless.push_back(id);
    }
    place_anew(context, homeless);
}

// Their fate was to be read in the record.
std::vector<std::uint64_t> take_awaiting(State& state) {
    std::vector<std::uint64_t> awaiting;
    for (auto& [id, incident] : state.incidents) {
        if (incident.awaits_ledger) {
            awaiting.push_back(id);
        }
        incident.awaits_ledger = false;
    }
    return awaiting;
}

// Kept only while nobody knew whether an act of ours had taken them out of the configuration. Where
// it has, and is being undone, they stay: nginx's own words bring them back.
void let_go(Context& context, std::vector<std::uint64_t> awaiting) {
    std::erase_if(awaiting, [&context](std::uint64_t id) {
        const auto found = context.state.incidents.find(id);
        if (found == context.state.incidents.end()) {
            return true;
        }
        const Incident& incident = found->second;
        const ServiceRecord* record = context.find_service(incident.unit);
        const bool is_pending = incident.unverified_attempt || incident.phase == Phase::kActing;
        return record == nullptr || !record->is_kept || record->incident != id || is_pending;
    });
    place_anew(context, awaiting);
}

}  // namespace

void adopt_attempts(Context& context) {
    end_running(context);
    for (const core::Attempt& attempt : context.state.ledger.attempts) {
        const auto found = context.state.incidents.find(attempt.incident);
        if (attempt.verdict == core::ActVerdict::kPending &&
            found != context.state.incidents.end() &&
            can_adopt(context.state, found->second, attempt)) {
            adopt(context, found->second, attempt);
        }
    }
}

void on_ledger(Context& context, const core::LedgerLearnt& learnt) {
    const bool is_first = !context.state.has_ledger;
    context.state.ledger = learnt.ledger;
    context.state.has_ledger = true;
    const auto awaiting = take_awaiting(context.state);
    if (is_first) {
        place_the_rest(context);
    }
    adopt_attempts(context);
    let_go(context, awaiting);
    note_undone(context);
    evaluate_all(context);
}

void on_restored(Context& context, const core::IncidentRestored& restored) {
    Incident incident;
    incident.id = restored.incident;
    incident.unit = restored.unit;
    incident.opened = restored.opened;
    incident.is_restored = true;
    if (restored.stopped && context.state.known_stops.size() < kMaxServices) {
        context.state.known_stops.insert_or_assign(restored.unit, *restored.stopped);
    }
    context.state.next_incident = std::max(context.state.next_incident, restored.incident + 1);
    Incident& stored =
        context.state.incidents.insert_or_assign(restored.incident, std::move(incident))
            .first->second;
    if (context.state.has_ledger || context.find_service(restored.unit) != nullptr) {
        place(context, stored);
    }
}

}  // namespace gatemend::engine
