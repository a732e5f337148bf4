// SPDX-License-Identifier: MIT
// The life of an incident: opened when a service is down or its backend fails twice, evaluated
// after every event, closed when it answers again.
#include "diagnosis/objections.hpp"
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

constexpr core::Duration kSecondLook = std::chrono::seconds{1};  // before a bad probe is believed
constexpr std::uint32_t kBadProbesToBelieve = 2;
constexpr core::Duration kUnknownProbeRetry = std::chrono::seconds{2};
constexpr core::Duration kUnknownTestRetry = std::chrono::seconds{10};
constexpr core::Duration kInvalidTestRetry = std::chrono::minutes{1};
// How long an application may take to listen after its unit became active.
constexpr core::Duration kStartUp = std::chrono::seconds{10};
// A restart passes through "inactive"; its job is over in less than this, or it is stuck.
constexpr core::Duration kRestartJob = std::chrono::seconds{15};
// How old a look at the machine may be when a cause is concluded from it.
constexpr core::Duration kInspectionAge = std::chrono::seconds{15};
// A look that does not come is not waited for any longer.
constexpr core::Duration kInspectionPatience = std::chrono::seconds{5};

std::string state_sentence(const core::Service& service, const ServiceRecord& record) {
    return record.unit ? service.unit + " is " + core::describe(*record.unit)
                       : "no unit is known for " + suspected_backend(service, record).address;
}

Incident& open_incident(Context& context, const core::Service& service, ServiceRecord& record) {
    const std::uint64_t id = context.state.next_incident++;
    Incident incident;
    incident.id = id;
    incident.unit = service.unit;
    incident.opened = context.now;
    record.incident = id;
    Incident& stored = context.state.incidents.emplace(id, std::move(incident)).first->second;
    record.is_filter_asked = false;
    record.packet_rule.clear();
    record.is_name_asked = false;
    record.resolved.clear();
    return stored;
}

void announce(Context& context,
              const core::Service& service,
              Incident& incident,
              std::string text) {
    ServiceRecord* record = context.find_service(service.unit);
    incident.text = std::move(text);
    context.record(RecordKind::kOpened, incident, incident.text);
    ask_logs(context, service, *record);
    if (record->unit && !record->unit->invocation_id.empty()) {
        context.emit(ReadJournal{service.unit, record->unit->invocation_id});
    } else {
        incident.is_journal_read = true;  // nothing to read
    }
}

void prune_closed(State& state) {
    std::size_t closed = 0;
    for (const auto& [id, incident] : state.incidents) {
        closed += incident.phase == Phase::kClosed ? 1U : 0U;
    }
    for (auto it = state.incidents.begin();
         closed > kMaxClosedIncidents && it != state.incidents.end();) {
        if (it->second.phase == Phase::kClosed) {
            it = state.incidents.erase(it);
            --closed;
        } else {
            ++it;
        }
    }
}

bool has_known_config(const core::Service& service, const ServiceRecord& record) {
    return !has_config_test(service) ||
           (record.test && record.test->verdict != core::ConfigVerdict::kUnknown);
}

// nginx that ended by itself may have met what is no file of its configuration: a name that no
// longer resolves. Its last test says nothing about that.
bool is_test_outdated(const core::Service& service, const ServiceRecord& record) {
    return service.role == core::ServiceRole::kNginx && record.unit && record.test &&
           record.test->verdict == core::ConfigVerdict::kValid &&
           record.unit->result == core::UnitResult::kExitCode &&
           record.test_time < record.unit_seen;
}

// What the test found wrong may pass without an edit: a name, an account, a mount.
void renew_invalid_test(Context& context, const core::Service& service, ServiceRecord& record) {
    if (!record.test || record.test->verdict != core::ConfigVerdict::kInvalid) {
        return;
    }
    if (context.now - record.test_time >= kInvalidTestRetry) {
        ask_config_test(context, service, record);
    } else {
        context.wake(service.unit, record, record.test_time + kInvalidTestRetry);
    }
}

// The witnesses a down service needs. True: all that can be known is known.
bool gather(Context& context, const core::Service& service, ServiceRecord& record) {
    if (!has_known_config(service, record)) {
        const bool was_tested = record.test.has_value();
        if (!was_tested || context.now - record.test_time >= kUnknownTestRetry) {
            ask_config_test(context, service, record);
        }
    }
    renew_invalid_test(context, service, record);
    const bool is_outdated = is_test_outdated(service, record);
    if (is_outdated) {
        ask_config_test(context, service, record);
    }
    const bool is_unknown = record.probe && record.probe->outcome == core::ProbeOutcome::kUnknown;
    if (!has_fresh_probe(record) ||
        (is_unknown && is_probe_due(record, context.now, kUnknownProbeRetry))) {
        ask_probe(context, service, record);
    }
    if (is_unknown || !has_known_config(service, record)) {
        context.wake(service.unit, record, context.now + kUnknownProbeRetry);
    }
    const bool waits_for_first_test = record.is_test_running && !record.test;
    const bool is_probed = service.backends.empty() || has_fresh_probe(record);
    return is_probed && !waits_for_first_test && !is_outdated;
}

// Inactive with a job still on it: somebody restarts or starts the unit.
bool is_being_restarted(Context& context, const core::Service& service, ServiceRecord& record) {
    const core::TimePoint patience_ends = record.unit_seen + kRestartJob;
    const bool is_restart = record.unit->active == core::ActiveState::kInactive &&
                            record.unit->has_job && context.now < patience_ends;
    if (is_restart) {
        context.wake(service.unit, record, patience_ends);
    }
    return is_restart;
}

// True: the machine has been looked at since, or the look does not come.
bool has_looked(Context& context,
                const core::Service& service,
                ServiceRecord& record,
                const Incident& incident) {
    ask_inspection(context, service, record, kInspectionAge);
    const bool is_patient = context.now - record.inspection_asked < kInspectionPatience;
    if (record.is_inspecting && record.inspection_time < incident.opened && is_patient) {
        context.wake(service.unit, record, record.inspection_asked + kInspectionPatience);
        return false;
    }
    return true;
}

// Which disk is full decides whether room can be made first; a line of a log does not tell.
bool has_looked_for_room(Context& context,
                         const core::Service& service,
                         ServiceRecord& record,
                         const Incident& incident) {
    return diagnosis::diagnose(findings_of(context, service, record)).cause !=
               core::Cause::kDiskFull ||
           has_looked(context, service, record, incident);
}

void evaluate_down(Context& context, const core::Service& service, ServiceRecord& record) {
    Incident* incident = context.find_open_incident(record);
    if (incident == nullptr && is_being_restarted(context, service, record)) {
        return;
    }
    if (incident == nullptr) {
        incident = &open_incident(context, service, record);
        announce(context, service, *incident, state_sentence(service, record));
    }
    if (incident->phase == Phase::kActing || verify_down(context, record, *incident)) {
        return;
    }
    // An application's last words may name what it misses: then starting it is forbidden.
    const bool waits_for_journal =
        service.role == core::ServiceRole::kOther && !incident->is_journal_read;
    // Both are asked for at once.
    const bool is_gathered = gather(context, service, record);
    const bool is_intent_known = gather_intent(context, service, record);
    if (is_gathered && is_intent_known && !waits_for_journal &&
        has_looked_for_room(context, service, record, *incident)) {
        decide_and_apply(context, service, record, *incident);
    }
    if (incident->phase == Phase::kHolding || incident->phase == Phase::kEscalated) {
        ask_inspection(context, service, record, kInspectionAge);
    }
}

bool is_connect_failure(const core::ProbeResult& probe) {
    return probe.outcome == core::ProbeOutcome::kRefused ||
           probe.outcome == core::ProbeOutcome::kDenied ||
           probe.outcome == core::ProbeOutcome::kUnreachable ||
           probe.outcome == core::ProbeOutcome::kConnectTimeout;
}

// A backend that is there and does not answer: is it at work? That takes several looks, one after
// the other, until it is certain either way.
void watch_work(Context& context, const core::Service& service, ServiceRecord& record) {
    constexpr core::Duration kShortest = std::chrono::seconds{5};
    constexpr core::Duration kLongest = std::chrono::minutes{1};
    constexpr int kLooks = 8;
    const bool is_silent = has_fresh_probe(record) && core::is_slow(record.probe->outcome);
    if (!is_silent || record.work.looks == 0) {
        return;
    }
    const core::WorkWatch& work = record.work;
    const core::Duration needed = diagnosis::stillness_needed(service.backends).value_or(kLongest);
    const core::TimePoint end = work.since + needed;
    core::TimePoint due =
        work.until + std::clamp<core::Duration>(needed / kLooks, kShortest, kLongest);
    if (work.stopped_looks > 0 && !core::is_proven_stopped(work)) {
        due = work.stopped_since + core::kStoppedProof;
    } else if (work.until < end) {
        due = std::min(due, end);
    }
    if (context.now >= due) {
        ask_inspection(context, service, record, core::Duration::zero());
    } else {
        context.wake(service.unit, record, due);
    }
}

// The unit is not to blame, so the machine is looked at before anything is concluded. True: all
// that can be known is known.
bool gather_around(Context& context,
                   const core::Service& service,
                   ServiceRecord& record,
                   const Incident& incident) {
    if (!has_looked(context, service, record, incident)) {
        return false;
    }
    const bool may_be_filtered = has_fresh_probe(record) && is_connect_failure(*record.probe) &&
                                 !suspected_backend(service, record).address.starts_with("unix:");
    if (!may_be_filtered) {
        return true;
    }
    ask_filter(context, service, record);
    ask_name(context, service, record);
    return incident.is_filter_read && (incident.is_name_read || !record.is_name_asked);
}

void conclude_up(Context& context,
                 const core::Service& service,
                 ServiceRecord& record,
                 Incident& incident) {
    watch_work(context, service, record);
    if (gather_around(context, service, record, incident) &&
        gather_apps(context, service, record, incident)) {
        decide_and_apply(context, service, record, incident);
    }
}

// Records that would be enough for an incident, and a probe that was asked for after the first.
bool is_complaint_due(Context& context,
                      const core::Service& service,
                      ServiceRecord& record,
                      const diagnosis::Sighting& complaint) {
    const bool is_probed = has_fresh_probe(record) && record.probe_asked >= complaint.first;
    if (!is_probed && !service.backends.empty()) {
        ask_probe(context, service, record);
        return !record.running_probe && !record.waits_for_look;
    }
    return true;
}

// A unit that systemd calls active need not listen yet, unless it tells systemd itself when it is
// ready, as PHP-FPM and nginx do.
core::TimePoint listens_by(const core::Service& service, const ServiceRecord& record) {
    const bool is_told = service.role != core::ServiceRole::kOther || !record.unit;
    if (is_told) {
        return record.unit_seen;
    }
    // Nobody may have looked when it came up.
    const core::TimePoint up_since = record.unit->last_active;
    const bool is_known = up_since != core::TimePoint{};
    return (is_known ? std::min(up_since, record.unit_seen) : record.unit_seen) + kStartUp;
}

// Up, no incident: one bad probe is no news, two in a row are; nor is one complaint of a visitor.
void evaluate_quiet(Context& context, const core::Service& service, ServiceRecord& record) {
    if (has_fresh_probe(record) && is_bad(*record.probe)) {
        if (context.now < listens_by(service, record)) {
            record.bad_probes = 0;
            context.wake(service.unit, record, listens_by(service, record));
        } else if (record.bad_probes >= kBadProbesToBelieve) {
            Incident& incident = open_incident(context, service, record);
            announce(context,
                     service,
                     incident,
                     state_sentence(service, record) + ", but the probe of " +
                         record.probe_address + " says " + core::describe(*record.probe));
            conclude_up(context, service, record, incident);
        } else if (is_probe_due(record, context.now, kSecondLook)) {
            ask_probe(context, service, record);
        } else if (!record.running_probe) {
            context.wake(service.unit, record, record.probe_time + kSecondLook);
        }
        return;
    }
    const auto complaint = find_complaint(context, record);
    if (complaint && is_complaint_due(context, service, record, *complaint)) {
        Incident& incident = open_incident(context, service, record);
        incident.is_complaint = true;
        announce(context, service, incident, diagnosis::describe(*complaint));
        conclude_up(context, service, record, incident);
    }
}

// The unit came up after the incident had begun and has been left alone since: all that can be
// known where no probe can be had.
bool has_stayed_up(const Context& context,
                   const core::Service& service,
                   const ServiceRecord& record,
                   const Incident& incident) {
    constexpr core::Duration kLongEnough = std::chrono::minutes{1};
    const bool is_unprobed =
        service.backends.empty() ||
        (has_fresh_probe(record) && record.probe->outcome == core::ProbeOutcome::kUnknown);
    return record.unit && is_unprobed && record.unit_seen > incident.opened &&
           context.now - record.unit_seen >= kLongEnough;
}

// Up, with an incident that we have not acted on: a good probe ends it, once nobody complains any
// more.
void evaluate_recovery(Context& context,
                       const core::Service& service,
                       ServiceRecord& record,
                       Incident& incident) {
    const auto complaint = find_complaint(context, record);
    const bool is_good =
        has_fresh_probe(record) && record.probe->outcome == core::ProbeOutcome::kGood;
    const bool is_doubtful = has_fresh_probe(record) && is_bad(*record.probe);
    // What began with complaints ends with them, also where no probe can be had.
    const bool is_over = incident.is_complaint || has_stayed_up(context, service, record, incident);
    if (!complaint && (is_good || (is_over && !is_doubtful))) {
        close(context,
              incident,
              incident.is_mended ? "healed" : "recovered",
              is_good                 ? service.unit + " answers again"
              : incident.is_complaint ? "nobody complains any more"
                                      : service.unit + " is up again, and nobody complains");
        return;
    }
    const core::Duration interval = patience(context, service, incident);
    if (is_probe_due(record, context.now, interval)) {
        look_again(context, service, record);
    }
    context.wake(service.unit, record, context.now + interval);
    if (!complaint && context.now < listens_by(service, record)) {
        context.wake(service.unit, record, listens_by(service, record));
    } else if (complaint || is_doubtful) {
        conclude_up(context, service, record, incident);
    }
}

void evaluate_up(Context& context, const core::Service& service, ServiceRecord& record) {
    Incident* incident = context.find_open_incident(record);
    if (incident == nullptr) {
        evaluate_quiet(context, service, record);
    } else if (incident->phase == Phase::kActing) {
        // Looked at again when the executor has answered; one probe can be under way meanwhile.
        if (!has_fresh_probe(record)) {
            ask_probe(context, service, record);
        }
    } else if (incident->awaits_ledger || !context.state.has_ledger) {
        context.wake(service.unit, record, context.now + kUnknownProbeRetry);
    } else if (incident->unverified_attempt) {
        verify_up(context, service, record, *incident);
        incident = context.find_open_incident(record);
        if (incident != nullptr && !incident->unverified_attempt) {
            decide_and_apply(context, service, record, *incident);  // it did not help
        }
    } else {
        evaluate_recovery(context, service, record, *incident);
    }
}

}  // namespace

// What has lasted is looked at less often; what nobody here can heal, less often still.
core::Duration patience(const Context& context,
                        const core::Service& service,
                        const Incident& incident) {
    constexpr int kPartOfAge = 6;
    const core::Duration longest = service.role == core::ServiceRole::kUnowned
                                       ? std::chrono::minutes{5}
                                       : std::chrono::minutes{1};
    const core::Duration shortest = context.state.policy.settings.suspicion_cooldown;
    return std::max(
        shortest, std::min<core::Duration>((context.now - incident.opened) / kPartOfAge, longest));
}

void close(Context& context, Incident& incident, std::string outcome, std::string text) {
    const bool is_left_behind =
        incident.unverified_attempt && incident.trial &&
        actions::spec(incident.trial->plan.act).trace == actions::Trace::kProvisional;
    if (is_left_behind) {
        context.emit(UndoAct{incident.id, *incident.unverified_attempt});  // nobody will confirm it
    }
    incident.phase = Phase::kClosed;
    incident.ready.reset();
    incident.proposals.clear();
    incident.closed = context.now;
    incident.outcome = std::move(outcome);
    incident.text = std::move(text);
    if (ServiceRecord* record = context.find_service(incident.unit)) {
        record->incident.reset();
        record->bad_probes = 0;
        record->sightings.forget();
    }
    context.record(RecordKind::kClosed, incident, incident.outcome + ": " + incident.text);
    prune_closed(context.state);
}

namespace {

void evaluate_state(Context& context, const core::Service& service, ServiceRecord& record) {
    if (!record.unit) {
        if (service.role == core::ServiceRole::kUnowned) {
            evaluate_up(context, service, record);
        }
    } else if (core::is_down(*record.unit)) {
        evaluate_down(context, service, record);
    } else if (core::is_up(*record.unit)) {
        evaluate_up(context, service, record);
    }
    // In between (activating, deactivating): systemd or a person is at work; the next state tells.
}

// True: what follows depends on an act that is not verified yet, or on news of its undoing.
bool waits_for_verdict(Context& context, const core::Service& service, ServiceRecord& record) {
    Incident* incident = context.find_open_incident(record);
    if (incident == nullptr) {
        return false;
    }
    const bool is_verified_now = incident->unverified_attempt && context.state.has_ledger &&
                                 !incident->awaits_ledger && incident->phase != Phase::kActing;
    if (is_verified_now) {
        const bool is_apart = verify_apart(Case{context, service, record, *incident});
        incident = context.find_open_incident(record);
        if (incident == nullptr || (is_apart && incident->unverified_attempt)) {
            return true;
        }
    }
    // Its place in nginx's configuration comes back when the act is undone, or it is gone.
    return record.is_kept && !incident->unverified_attempt && incident->phase != Phase::kActing;
}

void drop_kept(Context& context, const std::string& unit) {
    const ServiceRecord* record = context.find_service(unit);
    if (record != nullptr && record->is_kept && !record->incident) {
        std::erase_if(context.state.topology.services,
                      [&unit](const core::Service& service) { return service.unit == unit; });
        context.state.services.erase(unit);
    }
}

}  // namespace

void evaluate(Context& context, const std::string& unit) {
    ServiceRecord* record = context.find_service(unit);
    const core::Service* service = context.state.topology.find_by_unit(unit);
    if (record == nullptr || service == nullptr) {
        return;
    }
    context.has_evaluated = true;
    if (!waits_for_verdict(context, *service, *record)) {
        evaluate_state(context, *service, *record);
    }
    drop_kept(context, unit);
}

void evaluate_all(Context& context) {
    std::vector<std::string> gone;
    for (const auto& [unit, record] : context.state.services) {
        if (context.state.topology.find_by_unit(unit) == nullptr) {
            gone.push_back(unit);
        }
    }
    for (const std::string& unit : gone) {
        ServiceRecord* record = context.find_service(unit);
        if (Incident* incident = context.find_open_incident(*record)) {
            close(context, *incident, "gone", unit + " no longer serves any configured backend");
        }
        context.state.services.erase(unit);
    }
    std::vector<std::string> units;
    for (const core::Service& service : context.state.topology.services) {
        units.push_back(service.unit);
    }
    for (const std::string& unit : units) {
        evaluate(context, unit);
    }
}

}  // namespace gatemend::engine
