// SPDX-License-Identifier: MIT
// What the engine's functions pass to each other during one step: the state, the event's time and
// the effects so far. Internal to agent/engine.
#pragma once

#include "engine/effect.hpp"
#include "engine/state.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::engine {

// Who holds what was done before and taken back: not even proposed.
inline constexpr std::string_view kOwnerOfUndo = "undo";

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

    bool has_evaluated = false;  // something may have changed that others wait for
};

// One service with an open incident.
struct Case {
    Context& context;
    const core::Service& service;
    ServiceRecord& record;
    Incident& incident;
};

// --- witnesses.cpp: asking for what is not known yet ---

// A probe answer counts only if it was asked for after the unit's last change.
[[nodiscard]] bool has_fresh_probe(const ServiceRecord& service);
[[nodiscard]] bool is_bad(const core::ProbeResult& result);
// Where the budget of all probes is used up, the service waits for its turn.
void ask_probe(Context& context, const core::Service& service, ServiceRecord& record);
// A probe and, once its turn has come, what logs have said.
void look_again(Context& context, const core::Service& service, ServiceRecord& record);
// Those whose turn has come.
void serve_waiting(Context& context);
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
// Hands the answer to all that it is for; the names of those.
[[nodiscard]] std::vector<std::string> take_inspection(Context& context,
                                                       const core::Inspected& inspected);
// Did somebody want the unit down, as far as it is known? Known for sure once gather_intent() says
// so.
[[nodiscard]] core::Intent intent_of(const ServiceRecord& record);
// Enabled before, and disabled since it went down: that is somebody's will, whatever its jobs say.
[[nodiscard]] bool is_disabled_while_down(const ServiceRecord& record);
// Asks the journal where nobody has heard. True: all that can be known is known.
[[nodiscard]] bool gather_intent(Context& context,
                                 const core::Service& service,
                                 ServiceRecord& record);
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
[[nodiscard]] diagnosis::Findings findings_of(const Context& context,
                                              const core::Service& service,
                                              const ServiceRecord& record);

// The other backends behind the same nginx, to know whether they answer; at most kMaxNeighbours.
void ask_neighbours(Context& context, const std::string& unit);

inline constexpr std::size_t kMaxNeighbours = 16;

// --- complaints.cpp: records that are enough for an incident of their own ---

[[nodiscard]] std::optional<diagnosis::Sighting> find_complaint(const Context& context,
                                                                const ServiceRecord& record);
// Counting only what has been said since `before` was.
[[nodiscard]] std::optional<diagnosis::Sighting> find_complaint_since(
    const Context& context,
    const ServiceRecord& record,
    const std::vector<diagnosis::Sighting>& before);
void note_bad_look(ServiceRecord& record, core::TimePoint now);

// --- guards.cpp: what stands in the way of an act, as far as it can be seen from here ---

// The unit that the step's plan would name; "" when that is not known.
[[nodiscard]] std::string target_of(const Case& c, const policy::LadderStep& step);
// `step`: what would be done; nullptr: nothing.
[[nodiscard]] std::vector<core::Hold> guards_of(const Case& c,
                                                const policy::Rule* rule,
                                                const policy::LadderStep* step);
[[nodiscard]] std::string_view hold_owner(core::HoldKind kind);
[[nodiscard]] bool has_hold(const policy::Decision& decision, core::HoldKind kind);

// --- proposals.cpp: exact plans for a person to approve ---

// Asks for the plans of the decision's step and offers that are not known yet, and forgets those
// that it no longer contains.
void propose(const Case& c);
// A person has said yes to exactly this plan.
[[nodiscard]] bool is_approved(const Context& context,
                               const Incident& incident,
                               const actions::Plan& plan);
// What was proposed for this plan no longer holds, or is used up.
void withdraw(Incident& incident, const actions::Plan& plan);

// --- attempt.cpp: an act asked for, and the executor's answers; one at a time ---

// nullopt: the state of the unit it would name is not known.
[[nodiscard]] std::optional<actions::Plan> plan_of(const Case& c,
                                                   const policy::LadderStep& step,
                                                   const std::string& target,
                                                   const actions::Parameters& parameters);
// The incident whose act is running, or has ended a moment ago and is not looked at yet.
[[nodiscard]] std::optional<std::uint64_t> busy_with(const State& state, core::TimePoint now);
// At the end of a step: lets those go on that have waited for their turn, and of all that could act
// now starts the most certain one.
void settle(Context& context);

// --- decision.cpp: from a service that is down to a decision ---

void decide_and_apply(Context& context,
                      const core::Service& service,
                      ServiceRecord& record,
                      Incident& incident);
void record_decision(Context& context, const Incident& incident, std::string text);
// Giving up is the loudest event there is; it is said once.
void escalate(Context& context, Incident& incident, const std::string& why);

// --- verification.cpp: is the symptom gone? ---

// Of acts whose success is not the unit's own answer, and of harm done to others: true when it has
// been dealt with here. What it leaves unverified waits; otherwise the incident goes on (or is
// closed).
[[nodiscard]] bool verify_apart(const Case& c);
// True when the incident waits for verification and nothing else is to be done now.
bool verify_down(Context& context, ServiceRecord& record, Incident& incident);
void verify_up(Context& context,
               const core::Service& service,
               ServiceRecord& record,
               Incident& incident);
void conclude_attempt(Context& context,
                      Incident& incident,
                      core::ActVerdict verdict,
                      const std::string& text);
// Of the rule that the trial, or else the decision, comes from.
[[nodiscard]] const policy::Verify& verify_terms(const State& state, const Incident& incident);
// The record says that an attempt was undone before it had a verdict.
void note_undone(Context& context);
// Success of the act is no cure by itself: evidence, or room for the next step.
[[nodiscard]] bool is_evidence(actions::ActId act);
// Where the backend is to answer after the plan; "" = where it always did. `record`: its service's.
[[nodiscard]] std::string address_after(const actions::Plan& plan, const ServiceRecord* record);
// Likewise, of the act that the incident has asked for last.
[[nodiscard]] std::string new_address(const Incident& incident);
// Evaluates incidents whose act concerns this unit, although it is not their own.
void evaluate_concerned(Context& context, const std::string& unit);

// --- lifecycle.cpp: the life of an incident ---

// Looks at one service with everything known now and does what follows from it. Idempotent.
void evaluate(Context& context, const std::string& unit);
void evaluate_all(Context& context);
void close(Context& context, Incident& incident, std::string outcome, std::string text);
// How often an open incident is looked at, whoever asks.
[[nodiscard]] core::Duration patience(const Context& context,
                                      const core::Service& service,
                                      const Incident& incident);

void on_act_answered(Context& context, const core::ActAnswered& answer);
void on_act_proposed(Context& context, const core::ActProposed& proposed);
void on_act_undone(Context& context, const core::ActUndone& undone);

// --- adoption.cpp: what an earlier life of the agent has begun ---

// Takes over attempts of open incidents whose verdict is still pending (after a restart, a lost
// reply), also those that the executor is still at.
void adopt_attempts(Context& context);
void on_ledger(Context& context, const core::LedgerLearnt& learnt);
void on_restored(Context& context, const core::IncidentRestored& restored);

}  // namespace gatemend::engine
