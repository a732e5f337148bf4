// SPDX-License-Identifier: MIT
// The events one by one: each only notes what was learnt, then evaluate() draws the conclusions.
#include "engine/step.hpp"

#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

// Symptoms of a script or of nginx itself say nothing about whether a backend answers.
bool raises_suspicion(core::Symptom symptom) {
    using core::Symptom;
    switch (symptom) {
        case Symptom::kConnectRefused:
        case Symptom::kSocketMissing:
        case Symptom::kConnectDenied:
        case Symptom::kBackendSaturated:
        case Symptom::kConnectTimeout:
        case Symptom::kResponseTimeout:
        case Symptom::kClosedEarly:
        case Symptom::kInvalidResponse:
        case Symptom::kNoLiveUpstreams:
        case Symptom::kUnreachable:
        case Symptom::kUpstreamTls:
            return true;
        case Symptom::kNone:
        case Symptom::kScriptFatal:
        case Symptom::kHeaderTooBig:
        case Symptom::kNameUnresolved:
        case Symptom::kNginxLimit:
        case Symptom::kDiskFull:
        case Symptom::kScriptNotFound:
        case Symptom::kOomKill:
        case Symptom::kConfigError:
            return false;
    }
    return false;
}

void record_suspicion(Context& context,
                      const core::Service& service,
                      const core::SymptomSeen& seen) {
    Record record;
    record.kind = RecordKind::kSuspicion;
    record.unit = service.unit;
    record.evidence.push_back(core::Evidence{
        seen.witness, context.now, std::string{core::symptom_id(seen.symptom)}, true});
    record.text = seen.source + " says " + std::string{core::symptom_id(seen.symptom)} + " for " +
                  (seen.address.empty() ? service.unit : seen.address) +
                  (seen.is_trusted ? "" : " (could be forged)") +
                  "; a log line alone proves nothing, probing";
    context.emit(std::move(record));
}

// Whom a record is about. What names nobody is about nginx and the machine.
const core::Service* find_subject(const State& state, const core::SymptomSeen& seen) {
    if (!seen.unit.empty()) {
        return state.topology.find_by_unit(seen.unit);
    }
    return seen.address.empty() ? state.topology.find_nginx()
                                : state.topology.find_by_address(seen.address);
}

void suspect(Context& context,
             const core::Service& service,
             ServiceRecord& record,
             const core::SymptomSeen& seen) {
    const Incident* incident = context.find_open_incident(record);
    const bool is_old_news =
        incident != nullptr && service.role == core::ServiceRole::kUnowned;  // nobody heals it
    const core::Duration cooldown = is_old_news ? patience(context, service, *incident)
                                                : context.state.policy.settings.suspicion_cooldown;
    if (record.suspected && context.now - *record.suspected < cooldown) {
        return;  // at most one probe per service and cooldown, however many lines there are
    }
    record.suspected = context.now;
    record.suspected_address = seen.address;
    record_suspicion(context, service, seen);
    look_again(context, service, record);
}

void on_symptom(Context& context, const core::SymptomSeen& seen) {
    if (!core::is_telling(seen)) {
        return;
    }
    Counters& counters = context.state.counters;
    counters.symptoms += raises_suspicion(seen.symptom) ? 1U : 0U;
    counters.symptoms_untrusted += raises_suspicion(seen.symptom) && !seen.is_trusted ? 1U : 0U;
    const core::Service* service = find_subject(context.state, seen);
    ServiceRecord* record = service == nullptr ? nullptr : context.find_service(service->unit);
    if (record == nullptr) {
        counters.symptoms_unmatched += raises_suspicion(seen.symptom) ? 1U : 0U;
        return;
    }
    record->sightings.note(seen, context.now);
    if (raises_suspicion(seen.symptom) && !seen.address.empty()) {
        suspect(context, *service, *record, seen);
    }
    // An open incident looks again when its timer says so, not at every line.
    if (find_complaint(context, *record)) {
        note_bad_look(*record, context.now);
        if (!record->incident) {
            evaluate(context, service->unit);
        }
    }
}

// A run that was up and now goes down under a job was asked to. The job of a run that never came up
// may as well be its own start, about to fail; and whoever asked for the end of one run did not ask
// for the end of the next. A run that was not seen from its beginning may have been up.
void note_stop_request(ServiceRecord& record, const core::UnitState& state) {
    if (!record.unit || record.unit->invocation_id != state.invocation_id) {
        record.has_run = !record.unit;
        record.was_stop_requested = false;
    }
    if (core::is_up(state) || state.active == core::ActiveState::kActivating) {
        record.has_run = core::is_up(state);
        record.was_stop_requested = false;
    } else if (state.active == core::ActiveState::kDeactivating && state.has_job) {
        record.was_stop_requested = record.was_stop_requested || record.has_run;
    }
}

// Who takes back what would start it at the next boot, of what is down already, wants it to stay
// down, and no job tells of that. What is masked is held for that, and a file that is gone may be
// on its way back.
void note_disabling(ServiceRecord& record, const core::UnitState& state) {
    if (core::is_up(state) || state.is_enabled) {
        record.was_enabled = state.is_enabled;
        record.was_disabled = false;
    } else if (state.is_loaded && !state.is_masked) {
        record.was_disabled = record.was_enabled;
    }
}

// What the journal told before is older than that.
bool has_new_job(const core::UnitState& before, const core::UnitState& now) {
    return before.changed != now.changed || before.has_ended_job != now.has_ended_job ||
           before.ended_job != now.ended_job || before.has_missed_jobs != now.has_missed_jobs;
}

// What was stopped when an earlier life looked last, and has not changed since, is stopped: also
// where it heard of it and nobody has written it down.
void recall_stop(State& state, ServiceRecord& record, const core::UnitSeen& seen) {
    const auto known = state.known_stops.find(seen.unit);
    if (known == state.known_stops.end()) {
        return;
    }
    record.was_stop_requested = record.was_stop_requested ||
                                (core::is_down(seen.state) && seen.state.changed <= known->second);
    state.known_stops.erase(known);
}

void on_unit(Context& context, const core::UnitSeen& seen) {
    ServiceRecord* record = context.find_service(seen.unit);
    if (record == nullptr) {
        return;
    }
    note_stop_request(*record, seen.state);
    recall_stop(context.state, *record, seen);
    note_disabling(*record, seen.state);
    const bool is_new = !record->unit || record->unit->active != seen.state.active ||
                        record->unit->invocation_id != seen.state.invocation_id;
    if (is_new) {
        record->unit_seen = context.now;
        record->bad_probes = 0;
    }
    // What a job or a reload does to its processes says nothing of what they did before or do
    // after.
    if (is_new || seen.state.has_job || seen.state.active == core::ActiveState::kReloading) {
        record->work = {};
    }
    if (is_new || has_new_job(*record->unit, seen.state)) {
        record->last_job.reset();
        record->jobs_time.reset();
        record->is_jobs_answer_old = record->is_reading_jobs;
    }
    record->unit = seen.state;
    evaluate_concerned(context, seen.unit);
    evaluate(context, seen.unit);
}

void on_probe(Context& context, const core::ProbeAnswered& answer) {
    context.state.looks.note_ended(answer.probe);
    serve_waiting(context);
    ServiceRecord* record = context.find_service(answer.unit);
    if (record == nullptr || record->running_probe != answer.probe) {
        return;
    }
    record->running_probe.reset();
    record->probe = answer.result;
    record->probe_asked = record->running_probe_asked;
    record->probe_time = context.now;
    record->probe_address = answer.address;
    record->bad_since = record->bad_probes == 0 ? context.now : record->bad_since;
    record->bad_probes = is_bad(answer.result) ? record->bad_probes + 1 : 0;
    if (answer.result.outcome == core::ProbeOutcome::kGood) {
        record->work = {};
    }
    if (is_bad(answer.result)) {
        note_bad_look(*record, context.now);
    }
    evaluate_concerned(context, answer.unit);
    evaluate(context, answer.unit);
}

void on_config_test(Context& context, const core::ConfigTested& tested) {
    ServiceRecord* record = context.find_service(tested.unit);
    if (record == nullptr) {
        return;
    }
    record->is_test_running = false;
    record->test = tested.test;
    record->test_time = context.now;
    evaluate_concerned(context, tested.unit);
    evaluate(context, tested.unit);
}

void on_journal(Context& context, const core::JournalRead& read) {
    ServiceRecord* record = context.find_service(read.unit);
    Incident* incident = record == nullptr ? nullptr : context.find_open_incident(*record);
    if (incident != nullptr) {
        incident->journal = read.lines;
        incident->is_journal_read = true;
        evaluate(context, read.unit);
    }
}

void on_jobs_read(Context& context, const core::JobsRead& read) {
    ServiceRecord* record = context.find_service(read.unit);
    if (record == nullptr) {
        return;
    }
    record->is_reading_jobs = false;
    if (!record->is_jobs_answer_old) {
        record->last_job = read.last;
        record->jobs_time = context.now;
    }
    record->is_jobs_answer_old = false;
    evaluate_concerned(context, read.unit);
    evaluate(context, read.unit);
}

void on_inspected(Context& context, const core::Inspected& inspected) {
    for (const std::string& unit : take_inspection(context, inspected)) {
        evaluate(context, unit);
    }
}

void on_logs_read(Context& context, const core::LogsRead& read) {
    if (ServiceRecord* record = context.find_service(read.unit)) {
        record->is_reading_logs = false;
        evaluate(context, read.unit);
    }
}

void on_filter(Context& context, const core::FilterRead& read) {
    ServiceRecord* record = context.find_service(read.unit);
    if (record == nullptr) {
        return;
    }
    record->packet_rule = read.rule;
    record->packet_time = context.now;
    if (Incident* incident = context.find_open_incident(*record)) {
        incident->is_filter_read = true;
        evaluate(context, read.unit);
    }
}

void on_timer(Context& context, const core::TimerFired& fired) {
    const auto timer = context.state.timers.find(fired.timer);
    if (timer == context.state.timers.end()) {
        return;
    }
    const std::string unit = timer->second;
    context.state.timers.erase(timer);
    if (unit.empty()) {
        context.state.is_look_timed = false;
        serve_waiting(context);
        return;
    }
    if (ServiceRecord* record = context.find_service(unit);
        record != nullptr && record->wake && *record->wake <= context.now) {
        record->wake.reset();
    }
    evaluate(context, unit);
}

// Backends without a unit are watched by their records and probes alone.
void add_unowned(core::Topology& topology) {
    for (const core::Backend& backend : topology.unowned) {
        if (topology.services.size() >= kMaxServices) {
            break;
        }
        if (topology.find_by_address(backend.address) == nullptr) {
            topology.services.push_back(core::unowned_service(backend));
        }
    }
}

// An act that changes nginx's configuration may take its own service out of it: it stays until the
// verdict, at the address where it is to answer now.
std::vector<core::Service> kept_services(const Context& context, const core::Topology& learnt) {
    std::vector<core::Service> kept;
    for (const auto& [id, incident] : context.state.incidents) {
        const core::Service* service = context.state.topology.find_by_unit(incident.unit);
        const bool may_be_pending = incident.is_restored && !context.state.has_ledger;
        const bool is_pending = incident.phase == Phase::kActing || incident.unverified_attempt ||
                                incident.awaits_ledger || may_be_pending;
        if (!is_pending || incident.phase == Phase::kClosed || service == nullptr ||
            learnt.find_by_unit(incident.unit) != nullptr) {
            continue;
        }
        kept.push_back(*service);
        if (const std::string address = new_address(incident); !address.empty()) {
            for (core::Backend& backend : kept.back().backends) {
                backend.address = address;
            }
        }
    }
    return kept;
}

void on_topology(Context& context, const core::TopologyLearnt& learnt) {
    State& state = context.state;
    core::Topology topology = learnt.topology;
    add_unowned(topology);
    const std::vector<core::Service> kept = kept_services(context, topology);
    state.topology = std::move(topology);
    if (state.topology.services.size() > kMaxServices) {
        state.topology.services.resize(kMaxServices);
    }
    for (auto& [unit, record] : state.services) {
        record.is_kept = false;
    }
    for (const core::Service& service : kept) {
        state.topology.services.push_back(service);
        state.services[service.unit].is_kept = true;
    }
    std::erase_if(state.services, [&state](const auto& entry) {
        return state.topology.find_by_unit(entry.first) == nullptr && !entry.second.incident;
    });
    for (const core::Service& service : state.topology.services) {
        ask_config_test(context, service, state.services[service.unit]);
    }
    evaluate_all(context);
}

void on_name(Context& context, const core::NameResolved& name) {
    ServiceRecord* record = context.find_service(name.unit);
    if (record == nullptr) {
        return;
    }
    record->resolved = name.addresses;
    if (Incident* incident = context.find_open_incident(*record)) {
        incident->is_name_read = true;
        evaluate(context, name.unit);
    }
}

// What the executor would not plan by the old rules it is asked again. What it has planned, too: a
// new executor does not know it, and so nobody could approve it.
void on_policy(Context& context) {
    for (auto& [id, incident] : context.state.incidents) {
        std::erase_if(incident.proposals,
                      [](const Proposal& proposal) { return proposal.digest.empty(); });
        for (Proposal& proposal : incident.proposals) {
            proposal.asked = {};
        }
    }
    evaluate_all(context);
}

struct Visitor {
    Context& context;

    void operator()(const core::SymptomSeen& event) const { on_symptom(context, event); }

    void operator()(const core::UnitSeen& event) const { on_unit(context, event); }

    void operator()(const core::ProbeAnswered& event) const { on_probe(context, event); }

    void operator()(const core::ConfigTested& event) const { on_config_test(context, event); }

    void operator()(const core::JournalRead& event) const { on_journal(context, event); }

    void operator()(const core::JobsRead& event) const { on_jobs_read(context, event); }

    void operator()(const core::LogsRead& event) const { on_logs_read(context, event); }

    void operator()(const core::Inspected& event) const { on_inspected(context, event); }

    void operator()(const core::NameResolved& event) const { on_name(context, event); }

    void operator()(const core::AppsListed& event) const { on_apps_listed(context, event); }

    void operator()(const core::FilterRead& event) const { on_filter(context, event); }

    void operator()(const core::ActAnswered& event) const { on_act_answered(context, event); }

    void operator()(const core::ActProposed& event) const { on_act_proposed(context, event); }

    void operator()(const core::ActUndone& event) const { on_act_undone(context, event); }

    void operator()(const core::LedgerLearnt& event) const { on_ledger(context, event); }

    void operator()(const core::TimerFired& event) const { on_timer(context, event); }

    void operator()(const core::TopologyLearnt& event) const { on_topology(context, event); }

    void operator()(const core::PolicyChanged& /*event*/) const { on_policy(context); }

    void operator()(const core::IncidentRestored& event) const { on_restored(context, event); }
};

}  // namespace

Effects step(State& state, const core::Event& event) {
    Effects effects;
    Context context{state, event.time, effects, false};
    std::visit(Visitor{context}, event.body);
    if (context.has_evaluated) {
        settle(context);
    }
    return effects;
}

}  // namespace gatemend::engine
