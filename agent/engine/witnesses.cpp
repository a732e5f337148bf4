// SPDX-License-Identifier: MIT
// Asking for what is not known yet: probes, configuration tests, timers; and the lookups they need.
#include "engine/context.hpp"

#include <algorithm>

namespace gatemend::engine {

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
    entry.cause = core::cause_id(incident.diagnosis.cause);
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

void ask_probe(Context& context, const core::Service& service, ServiceRecord& record) {
    // An answer that was asked for before the unit's last change is of no use: ask again, ignore
    // it.
    const bool is_useful = record.running_probe && record.running_probe_asked >= record.unit_seen;
    if (is_useful || service.backends.empty()) {
        return;
    }
    const auto suspected =
        std::find_if(service.backends.begin(), service.backends.end(), [&](const auto& backend) {
            return backend.address == record.suspected_address;
        });
    const core::Backend& target =
        suspected == service.backends.end() ? service.backends.front() : *suspected;
    const std::uint64_t probe = context.state.next_probe++;
    record.running_probe = probe;
    record.running_probe_asked = context.now;
    ++context.state.counters.probes;
    context.emit(StartProbe{probe,
                            service.unit,
                            target.address,
                            service.role == core::ServiceRole::kPhpFpm ? core::ProbeKind::kFastcgi
                                                                       : core::ProbeKind::kConnect,
                            context.state.policy.settings.probe_timeout});
}

void ask_config_test(Context& context, const core::Service& service, ServiceRecord& record) {
    if (record.is_test_running || service.role == core::ServiceRole::kOther) {
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

core::Findings findings_of(const core::Service& service,
                           const ServiceRecord& record,
                           core::TimePoint now) {
    constexpr core::Duration kSuspicionMaxAge = std::chrono::minutes{1};
    core::Findings findings;
    findings.unit_name = service.unit;
    findings.role = service.role;
    findings.unit = record.unit;
    findings.unit_time = record.unit_seen;
    findings.was_stop_requested = record.was_stop_requested;
    if (has_fresh_probe(record)) {
        findings.probe = record.probe;
        findings.probe_time = record.probe_time;
        findings.probe_address = record.probe_address;
    }
    findings.test = record.test;
    findings.test_time = record.test_time;
    if (record.suspected && now - *record.suspected <= kSuspicionMaxAge) {
        findings.suspicion = record.suspected_symptom;
        findings.suspicion_time = *record.suspected;
    }
    return findings;
}

}  // namespace gatemend::engine
