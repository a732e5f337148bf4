// SPDX-License-Identifier: MIT
// Asking for what is not known yet: probes, configuration tests, timers; and the lookups they need.
#include "diagnosis/objections.hpp"
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

namespace {

// systemd's entries reach the journal in no time, or it is not to be had.
constexpr core::Duration kJobsSoon = std::chrono::milliseconds{500};
constexpr core::Duration kJobsLater = std::chrono::minutes{1};
constexpr core::Duration kJobsPatience = std::chrono::seconds{5};

}  // namespace

ServiceRecord* Context::find_service(std::string_view unit) const {
    const auto found = state.services.find(unit);
    return found == state.services.end() ? nullptr : &found->second;
}

Incident* Context::find_open_incident(const ServiceRecord& service) const {
    if (!service.incident) {
        return nullptr;
    }
    const auto found = state.incidents.find(*service.incident);
    return found == state.incidents.end() ? nullptr : &found->second;
}

void Context::wake(const std::string& unit, ServiceRecord& service, core::TimePoint at) {
    if (service.wake && *service.wake <= at) {
        return;  // it will be looked at before, and asks again if that was too early
    }
    service.wake = at;
    const std::uint64_t timer = state.next_timer++;
    state.timers.emplace(timer, unit);
    emit(SetTimer{timer, at});
}

void Context::record(RecordKind kind, const Incident& incident, std::string text) {
    Record entry;
    entry.kind = kind;
    entry.incident = incident.id;
    entry.unit = incident.unit;
    entry.cause = core::cause_id(told_diagnosis(incident).cause);
    entry.rule = incident.decision.rule;
    entry.attempt = incident.attempts.empty() ? 0 : incident.attempts.back();
    entry.text = std::move(text);
    emit(std::move(entry));
}

bool has_fresh_probe(const ServiceRecord& service) {
    return service.probe && service.probe_asked >= service.unit_seen;
}

bool is_bad(const core::ProbeResult& result) {
    return result.outcome != core::ProbeOutcome::kGood &&
           result.outcome != core::ProbeOutcome::kUnknown;
}

core::Backend suspected_backend(const core::Service& service, const ServiceRecord& record) {
    const auto find = [&service](const std::string& address) {
        return std::find_if(service.backends.begin(),
                            service.backends.end(),
                            [&](const auto& backend) { return backend.address == address; });
    };
    for (const std::string& address : {record.suspected_address, record.probe_address}) {
        if (const auto found = find(address); !address.empty() && found != service.backends.end()) {
            return *found;
        }
    }
    return service.backends.empty() ? core::Backend{} : service.backends.front();
}

namespace {

core::ProbeKind kind_for(const core::Service& service, const core::Backend& backend) {
    if (service.role == core::ServiceRole::kNginx) {
        return core::ProbeKind::kConnect;
    }
    switch (backend.scheme) {
        case core::Scheme::kFastcgi:
            return core::ProbeKind::kFastcgi;
        case core::Scheme::kHttp:
            return core::ProbeKind::kHttp;
        case core::Scheme::kHttps:
            return core::ProbeKind::kHttps;
        case core::Scheme::kUwsgi:
        case core::Scheme::kScgi:
        case core::Scheme::kGrpc:
        case core::Scheme::kGrpcs:
        case core::Scheme::kMemcached:
            break;
    }
    return core::ProbeKind::kConnect;
}

// An open incident keeps what was said around its beginning, or around the unit's last change after
// that: a fault that nobody runs into for a minute has not another cause now.
core::TimePoint oldest_evidence(const Context& context, const ServiceRecord& record) {
    const Incident* incident = context.find_open_incident(record);
    const core::TimePoint from =
        incident == nullptr ? context.now
                            : std::min(context.now, std::max(incident->opened, record.unit_seen));
    return from - diagnosis::kSightingWindow;
}

// Anybody can write a name into a log: it explains no unit that is down, one that could not be
// looked up is not asked for again and again, and whether an act has cured is asked of the backend.
bool is_worth_a_lookup(const Incident* incident,
                       const ServiceRecord& record,
                       const std::string& name) {
    const bool is_verified = incident != nullptr && incident->unverified_attempt &&
                             incident->diagnosis.cause != core::Cause::kNameUnresolved;
    const bool was_vain = record.probe && record.probe->outcome == core::ProbeOutcome::kUnknown &&
                          record.probe_address == name;
    const bool is_down = record.unit && core::is_down(*record.unit);
    return !name.empty() && !is_down && !is_verified && !was_vain;
}

// A name that nginx cannot resolve is looked up; everything else is connected to.
StartProbe probe_of(const Context& context,
                    const core::Service& service,
                    const ServiceRecord& record) {
    const core::Backend backend = suspected_backend(service, record);
    const core::TimePoint oldest = oldest_evidence(context, record);
    const Incident* incident = context.find_open_incident(record);
    const std::string moved = incident == nullptr ? "" : new_address(*incident);
    StartProbe probe;
    probe.unit = service.unit;
    probe.address = moved.empty() ? backend.address : moved;
    probe.kind = kind_for(service, backend);
    probe.name = probe.kind == core::ProbeKind::kHttps ? backend.host : "";
    if (!moved.empty()) {
        return probe;
    }
    for (const diagnosis::Sighting& sighting : record.sightings.since(oldest)) {
        const std::string name = sighting.subject.name_to_look_up();
        if (sighting.symptom == core::Symptom::kNameUnresolved &&
            is_worth_a_lookup(incident, record, name)) {
            probe.address = name;
            probe.kind = core::ProbeKind::kResolve;
        }
    }
    return probe;
}

}  // namespace

namespace {

// Who has not answered in time is asked again with the patience that nginx has, up to what a probe
// may take at all.
core::Duration patience_of(const Context& context,
                           const core::Service& service,
                           const ServiceRecord& record) {
    constexpr core::Duration kLongest = std::chrono::seconds{10};
    const core::Duration usual = context.state.policy.settings.probe_timeout;
    const bool was_slow = has_fresh_probe(record) && core::is_slow(record.probe->outcome);
    const core::Duration nginx =
        diagnosis::longest_wait(service.backends).value_or(core::Duration::zero());
    return was_slow ? std::max(usual, std::min(nginx, kLongest)) : usual;
}

LookBudget::Class class_of(const core::Service& service) {
    return service.role == core::ServiceRole::kUnowned ? LookBudget::Class::kUnowned
                                                       : LookBudget::Class::kUnit;
}

// A unit that is down waits for its start, and an act for its verdict: neither waits for others.
bool is_urgent(const Context& context, const ServiceRecord& record) {
    const Incident* incident = context.find_open_incident(record);
    const bool is_acted_on = incident != nullptr && (incident->phase == Phase::kActing ||
                                                     incident->unverified_attempt.has_value());
    return is_acted_on || (record.unit && core::is_down(*record.unit));
}

void time_the_next(Context& context) {
    State& state = context.state;
    if (state.is_look_timed || !state.looks.is_anybody_waiting()) {
        return;
    }
    state.is_look_timed = true;
    const std::uint64_t timer = state.next_timer++;
    state.timers.emplace(timer, "");  // of no service
    context.emit(SetTimer{timer, state.looks.next_turn(context.now)});
}

void start_probe(Context& context, const core::Service& service, ServiceRecord& record) {
    StartProbe probe = probe_of(context, service, record);
    if (probe.address.empty()) {
        return;
    }
    probe.probe = context.state.next_probe++;
    probe.timeout = patience_of(context, service, record);
    record.running_probe = probe.probe;
    record.running_probe_asked = context.now;
    ++context.state.counters.probes;
    context.state.looks.note_begun(class_of(service), probe.probe, context.now);
    context.emit(std::move(probe));
}

bool is_asked_already(const ServiceRecord& record) {
    // An answer that was asked for before the unit's last change is of no use: ask again, ignore
    // it.
    return record.running_probe && record.running_probe_asked >= record.unit_seen;
}

}  // namespace

void ask_probe(Context& context, const core::Service& service, ServiceRecord& record) {
    if (is_asked_already(record)) {
        return;
    }
    const bool is_free = is_urgent(context, record);
    if (!is_free && record.waits_for_look) {
        return;
    }
    if (is_free || context.state.looks.take(class_of(service), context.now)) {
        start_probe(context, service, record);
        return;
    }
    record.waits_for_look = true;
    context.state.looks.wait(class_of(service), service.unit);
    time_the_next(context);
}

void look_again(Context& context, const core::Service& service, ServiceRecord& record) {
    ask_probe(context, service, record);
    if (!record.waits_for_look) {
        ask_logs(context, service, record);
    }
}

void serve_waiting(Context& context) {
    while (const auto unit = context.state.looks.next(context.now)) {
        const core::Service* service = context.state.topology.find_by_unit(*unit);
        ServiceRecord* record = context.find_service(*unit);
        if (record == nullptr || service == nullptr) {
            continue;  // no longer configured
        }
        record->waits_for_look = false;
        if (!is_asked_already(*record)) {
            start_probe(context, *service, *record);
            ask_logs(context, *service, *record);
        }
    }
    time_the_next(context);
}

void ask_neighbours(Context& context, const std::string& unit) {
    std::size_t asked = 0;
    for (const core::Service& service : context.state.topology.services) {
        ServiceRecord* record = context.find_service(service.unit);
        if (service.unit != unit && record != nullptr && !record->incident &&
            asked < kMaxNeighbours) {
            ask_probe(context, service, *record);
            ++asked;
        }
    }
}

bool has_config_test(const core::Service& service) {
    return service.role == core::ServiceRole::kPhpFpm || service.role == core::ServiceRole::kNginx;
}

namespace {

// Of a TCP address nothing is looked at that is not told of all.
bool is_served_by_common_look(const core::Service& service) {
    return service.role == core::ServiceRole::kUnowned && !service.backends.empty() &&
           !service.backends.front().address.starts_with("unix:");
}

void ask_common_look(Context& context,
                     const core::Service& service,
                     ServiceRecord& record,
                     core::Duration max_age) {
    State& state = context.state;
    const bool is_young = state.common_look_time > core::TimePoint{} &&
                          context.now - state.common_look_time < max_age;
    record.inspection_asked = context.now;
    if (is_young) {
        record.inspection = state.common_look;
        record.inspection_time = state.common_look_time;
        return;
    }
    record.is_inspecting = true;
    const bool is_under_way =
        !state.common_look_asker.empty() && context.now - state.common_look_asked < kLookLost;
    if (!is_under_way) {
        state.common_look_asker = service.unit;
        state.common_look_asked = context.now;
        context.emit(Inspect{service.unit, suspected_backend(service, record).address});
    }
}

}  // namespace

void ask_inspection(Context& context,
                    const core::Service& service,
                    ServiceRecord& record,
                    core::Duration max_age) {
    const bool is_young = record.inspection_time > core::TimePoint{} &&
                          context.now - record.inspection_time < max_age;
    if (record.is_inspecting || is_young) {
        return;
    }
    const std::string address = suspected_backend(service, record).address;
    if (is_served_by_common_look(service)) {
        ask_common_look(context, service, record, max_age);
        return;
    }
    record.is_inspecting = true;
    record.inspection_asked = context.now;
    context.emit(Inspect{service.unit, address});
}

namespace {

// What the unit's processes have done since the look before.
void note_work(const Context& context, const std::string& unit, ServiceRecord& record) {
    const core::Service* service = context.state.topology.find_by_unit(unit);
    if (!record.inspection || service == nullptr) {
        record.work = {};
        return;
    }
    core::note_look(record.work,
                    {.inspection = *record.inspection,
                     .unit = unit,
                     .role = service->role,
                     .asked = record.inspection_asked,
                     .answered = context.now});
}

}  // namespace

std::vector<std::string> take_inspection(Context& context, const core::Inspected& inspected) {
    State& state = context.state;
    std::vector<std::string> served{inspected.unit};
    if (inspected.unit == state.common_look_asker) {
        state.common_look_asker.clear();
        state.common_look = inspected.inspection;
        state.common_look_time = context.now;
        for (const core::Service& service : state.topology.services) {
            const ServiceRecord* record = context.find_service(service.unit);
            if (service.unit != inspected.unit && is_served_by_common_look(service) &&
                record != nullptr && record->is_inspecting) {
                served.push_back(service.unit);
            }
        }
    }
    for (const std::string& unit : served) {
        if (ServiceRecord* record = context.find_service(unit)) {
            record->is_inspecting = false;
            record->inspection = inspected.inspection;
            record->inspection_time = context.now;
            note_work(context, unit, *record);
        }
    }
    return served;
}

bool is_disabled_while_down(const ServiceRecord& record) {
    return record.was_disabled && record.unit && core::is_down(*record.unit) &&
           !core::is_restart_pending(*record.unit);
}

core::Intent intent_of(const ServiceRecord& record) {
    if (!record.unit) {
        return core::Intent::kUnknown;
    }
    if (is_disabled_while_down(record)) {
        return core::Intent::kSomebody;
    }
    const bool is_heard = record.unit->has_job ||
                          (record.unit->has_ended_job && core::has_tried(record.unit->job_result));
    if (record.was_stop_requested && !is_heard && core::is_down(*record.unit)) {
        return core::Intent::kSomebody;  // seen with our own eyes
    }
    const bool is_told =
        record.last_job && record.jobs_time &&
        core::is_settled(*record.unit, *record.last_job, record.unit_seen, *record.jobs_time);
    return core::intent_of(*record.unit, is_told ? record.last_job : std::nullopt);
}

bool gather_intent(Context& context, const core::Service& service, ServiceRecord& record) {
    if (!record.unit || record.was_stop_requested || is_disabled_while_down(record) ||
        core::heard_intent(*record.unit)) {
        return true;
    }
    const bool is_known =
        record.jobs_time && record.last_job &&
        core::is_settled(*record.unit, *record.last_job, record.unit_seen, *record.jobs_time);
    if (is_known && intent_of(record) != core::Intent::kUnknown) {
        return true;
    }
    // It was not written yet, or could not be read: a while later it may tell.
    const bool is_over = is_known || context.now - record.unit_seen >= kJobsPatience;
    const core::TimePoint again =
        record.jobs_time ? *record.jobs_time + (is_over ? kJobsLater : kJobsSoon) : context.now;
    if (!record.is_reading_jobs && context.now >= again) {
        record.is_reading_jobs = true;
        context.emit(
            ReadJobs{service.unit, record.unit->id.empty() ? service.unit : record.unit->id});
    }
    context.wake(service.unit, record, std::max(again, context.now + kJobsSoon));
    return is_over;
}

void ask_logs(Context& context, const core::Service& service, ServiceRecord& record) {
    if (!record.is_reading_logs) {
        record.is_reading_logs = true;
        context.emit(ReadLogs{service.unit});
    }
}

void ask_filter(Context& context, const core::Service& service, ServiceRecord& record) {
    if (record.is_filter_asked) {
        return;
    }
    record.is_filter_asked = true;
    context.emit(ReadFilter{service.unit, suspected_backend(service, record).address});
}

void ask_name(Context& context, const core::Service& service, ServiceRecord& record) {
    const std::string host = suspected_backend(service, record).host;
    if (record.is_name_asked || host.empty()) {
        return;
    }
    record.is_name_asked = true;
    context.emit(ResolveName{service.unit, host});
}

void ask_config_test(Context& context, const core::Service& service, ServiceRecord& record) {
    if (record.is_test_running || !has_config_test(service)) {
        return;
    }
    record.is_test_running = true;
    context.emit(TestConfig{service.unit});
}

bool is_probe_due(const ServiceRecord& service, core::TimePoint now, core::Duration interval) {
    if (service.running_probe && service.running_probe_asked >= service.unit_seen) {
        return false;
    }
    return !has_fresh_probe(service) || now - service.probe_time >= interval;
}

namespace {

std::vector<std::string> configured_addresses(const core::Topology& topology) {
    std::vector<std::string> all;
    const auto add = [&all](const core::Backend& backend) {
        all.push_back(backend.address);
        if (!backend.real.empty()) {
            all.push_back(backend.real);
        }
    };
    for (const core::Service& service : topology.services) {
        std::for_each(service.backends.begin(), service.backends.end(), add);
    }
    std::for_each(topology.unowned.begin(), topology.unowned.end(), add);
    return all;
}

}  // namespace

diagnosis::Findings findings_of(const Context& context,
                                const core::Service& service,
                                const ServiceRecord& record) {
    diagnosis::Findings findings;
    findings.unit_name = service.unit;
    findings.role = service.role;
    findings.backend = suspected_backend(service, record);
    findings.backends = service.backends;
    findings.nginx_limits = context.state.topology.limits;
    findings.unit = record.unit;
    findings.unit_time = record.unit_seen;
    findings.intent = intent_of(record);
    findings.was_disabled = is_disabled_while_down(record);
    findings.has_ended_well = record.unit && core::has_ended_well(*record.unit, record.last_job);
    if (has_fresh_probe(record)) {
        findings.probe = record.probe;
        findings.probe_time = record.probe_time;
        findings.probe_address = record.probe_address;
        findings.bad_for =
            record.bad_probes > 0 ? context.now - record.bad_since : core::Duration{};
    }
    findings.test = record.test;
    findings.test_time = record.test_time;
    findings.sightings = record.sightings.since(oldest_evidence(context, record));
    findings.inspection = record.inspection;
    findings.inspection_time = record.inspection_time;
    findings.work = record.work;
    findings.now = context.now;
    findings.resolved = record.resolved;
    findings.apps = record.apps_time >= record.unit_seen ? record.apps : findings.apps;
    findings.packet_rule = record.packet_rule;
    findings.packet_time = record.packet_time;
    findings.configured = configured_addresses(context.state.topology);
    findings.topology = &context.state.topology;
    const core::Service* nginx = context.state.topology.find_nginx();
    const ServiceRecord* machine = nginx == nullptr || nginx->unit == service.unit
                                       ? nullptr
                                       : context.find_service(nginx->unit);
    if (machine != nullptr) {
        findings.machine = machine->sightings.since(oldest_evidence(context, record));
        findings.nginx_test = machine->test;
        findings.nginx_test_time = machine->test_time;
    }
    return findings;
}

}  // namespace gatemend::engine
