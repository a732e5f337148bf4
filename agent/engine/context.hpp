// SPDX-License-Identifier: MIT
// What the engine's functions pass to each other during one step: the state, the event's time and
// the effects so far. Internal to agent/engine.
#pragma once

#include "engine/effect.hpp"
#include "engine/state.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::engine {

struct Context {
    State& state;
    core::TimePoint now;
    Effects& effects;

    // nullptr for units that are not in the topology: nothing is ever done for those
    [[nodiscard]] ServiceRecord* find_service(std::string_view unit) const;
    [[nodiscard]] Incident* find_open_incident(const ServiceRecord& service) const;

    void emit(Effect effect) { effects.push_back(std::move(effect)); }

    // Makes sure that the service is looked at again at `at` or before.
    void wake(const std::string& unit, ServiceRecord& service, core::TimePoint at);

    // A record about an incident, filled with what is known of it.
    void record(RecordKind kind, const Incident& incident, std::string text);
};

// --- witnesses.cpp: asking for what is not known yet ---

// A probe answer counts only if it was asked for after the unit's last change.
[[nodiscard]] bool has_fresh_probe(const ServiceRecord& service);
[[nodiscard]] bool is_bad(const core::ProbeResult& result);
void ask_probe(Context& context, const core::Service& service, ServiceRecord& record);
void ask_config_test(Context& context, const core::Service& service, ServiceRecord& record);
// True when a new probe should be asked for: none under way, and the newest answer is stale or
// older than `interval`.
[[nodiscard]] bool is_probe_due(const ServiceRecord& service,
                                core::TimePoint now,
                                core::Duration interval);
// One look at the machine, unless one is under way or the newest is younger than `max_age`.
void ask_inspection(Context& context,
                    const core::Service& service,
                    ServiceRecord& record,
                    core::Duration max_age);
void ask_logs(Context& context, const core::Service& service, ServiceRecord& record);
void ask_filter(Context& context, const core::Service& service, ServiceRecord& record);
// Nothing where nginx was given an address.
void ask_name(Context& context, const core::Service& service, ServiceRecord& record);
// --- pm2_apps.cpp: what runs under a unit that supervises applications ---

// Asks pm2 where that could tell why nobody listens. True: all that can be known is known, or is
// not waited for any longer.
[[nodiscard]] bool gather_apps(Context& context,
                               const core::Service& service,
                               ServiceRecord& record,
                               const Incident& incident);
void on_apps_listed(Context& context, const core::AppsListed& listed);

// The backend that records or probes point at; the first one otherwise.
[[nodiscard]] core::Backend suspected_backend(const core::Service& service,
                                              const ServiceRecord& record);
[[nodiscard]] bool has_config_test(const core::Service& service);
[[nodiscard]] core::Findings findings_of(const Context& context,
                                         const core::Service& service,
                                         const ServiceRecord& record);

// --- complaints.cpp: records that are enough for an incident of their own ---

[[nodiscard]] std::optional<core::Sighting> find_complaint(const Context& context,
                                                           const ServiceRecord& record);

// --- decision.cpp: from a service that is down to a decision, and the decision carried out ---

void decide_and_apply(Context& context,
                      const core::Service& service,
                      ServiceRecord& record,
                      Incident& incident);

// --- verification.cpp: is the symptom gone? ---

// Both return true when the incident waits for verification and nothing else is to be done now.
bool verify_down(Context& context, ServiceRecord& record, Incident& incident);
void verify_up(Context& context,
               const core::Service& service,
               ServiceRecord& record,
               Incident& incident);
void conclude_attempt(Context& context,
                      Incident& incident,
                      core::ActVerdict verdict,
                      const std::string& text);
// Takes over attempts of open incidents whose verdict is still pending (after a restart, a lost
// reply).
void adopt_attempts(Context& context);

// --- lifecycle.cpp: the life of an incident ---

// Looks at one service with everything known now and does what follows from it. Idempotent.
void evaluate(Context& context, const std::string& unit);
void evaluate_all(Context& context);
void close(Context& context, Incident& incident, std::string outcome, std::string text);

void on_act_answered(Context& context, const core::ActAnswered& answer);
void on_act_proposed(Context& context, const core::ActProposed& proposed);
void on_act_undone(Context& context, const core::ActUndone& undone);
void on_ledger(Context& context, const core::LedgerLearnt& learnt);
void on_restored(Context& context, const core::IncidentRestored& restored);

}  // namespace gatemend::engine
