// SPDX-License-Identifier: MIT
// State: all that the agent knows and remembers between two events. Plain values, copied freely.
// Only step() changes it (the driver may replace `policy` and must then send PolicyChanged).
#pragma once

#include "core/config_test.hpp"
#include "core/event.hpp"
#include "core/hold.hpp"
#include "core/intent.hpp"
#include "diagnosis/diagnosis.hpp"
#include "engine/effect.hpp"
#include "engine/look_budget.hpp"
#include "policies/decide.hpp"
#include "policies/policy.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace gatemend::engine {

enum class Phase {
    kOpen,       // gathering witnesses
    kHolding,    // knows the cause, must not or cannot act now
    kActing,     // the executor is at work
    kVerifying,  // symptom gone, soaking
    kEscalated,  // gave up; waits for a person
    kClosed,
};
[[nodiscard]] std::string_view phase_id(Phase phase);

// What a person is asked to approve: the step of the ladder, or an act that the rule offers beside
// it.
struct Proposal {
    std::uint64_t id = 0;  // ProposeAct's
    actions::Plan plan;
    bool is_offer = false;
    core::TimePoint asked{};
    std::string digest;   // "" until the executor has made it, or when it could not
    std::string preview;  // of the change, or why there is none
};

inline constexpr std::size_t kMaxProposals = 4;  // of one incident

// The act that an incident has asked for last, and what was true before it.
struct Trial {
    actions::Plan plan;
    std::size_t step = 0;        // of the rule's ladder
    core::TimePoint asked_at{};  // when it was asked for; the epoch where an earlier agent did
    bool is_offer = false;
    std::string address;  // where the backend is to answer after it; "" = where it always did
    bool was_target_up = false;
    // Other services that had answered before, and the addresses they had then.
    std::map<std::string, std::set<std::string, std::less<>>, std::less<>> answering;
    std::vector<diagnosis::Sighting> said;  // what records had said before, or while it was done
    bool is_heard = false;                  // `said` is complete
    diagnosis::Diagnosis diagnosis;         // that has led to it
    bool is_looked_at = false;              // the first probe (or look) after it has been answered
    std::optional<std::string> failure;     // the executor's words, where it has failed
};

struct Incident {
    std::uint64_t id = 0;
    std::string unit;
    core::TimePoint opened{};
    std::optional<core::TimePoint> closed;
    Phase phase = Phase::kOpen;
    diagnosis::Diagnosis diagnosis;
    policy::Decision decision;
    std::string target;               // the unit that the decision's act names or would name
    std::vector<Proposal> proposals;  // at most kMaxProposals
    std::vector<std::uint64_t> attempts;
    std::map<std::string, std::size_t, std::less<>> steps;  // ladder steps used up, by rule
    // Rules that have undone what they did and leave the rest to a person; since when.
    std::map<std::string, core::TimePoint, std::less<>> given_up;
    std::optional<Trial> ready;  // may act, until the end of the step that found it
    std::optional<Trial> trial;  // asked for, until its verdict
    std::optional<std::uint64_t> unverified_attempt;
    // Asked for by an earlier life of the agent, and not done yet: the record will tell.
    std::optional<std::uint64_t> running_attempt;
    std::string soak_invocation;               // of service and target when the soak began
    std::optional<core::TimePoint> acted_at;   // when the executor's answer came
    std::optional<core::TimePoint> verify_by;  // deadline of the first good probe
    std::optional<core::TimePoint> soak_until;
    std::uint32_t refusals = 0;                  // executor's, in a row: spaces the retries
    std::optional<core::Hold> refusal;           // the newest of them, until an act has been done
    std::optional<core::TimePoint> retry_after;  // no new plan before this moment
    std::optional<actions::ActId> refused_act;   // of this act alone; none: of any
    bool awaits_ledger = false;                  // a reply was lost: ask the record what happened
    std::optional<core::TimePoint> latch_asked;  // until the ledger shows it, now and then again
    bool is_escalated = false;                   // said loudly, once
    bool is_mended = false;                      // an act of ours was effective
    std::vector<std::string> journal;            // the unit's last words
    bool is_journal_read = false;
    bool is_filter_read = false;
    bool is_name_read = false;
    // What the first act that was effective had been for. What is left of it afterwards is another
    // matter, and no news about what had happened.
    std::optional<diagnosis::Diagnosis> cured;
    bool is_restored = false;   // opened before the agent's last start
    bool is_complaint = false;  // opened by records, not by a unit or a probe
    std::string flapping;       // "flapping: healed 5 times in 20m", where it was
    std::string outcome;        // once closed: "healed", "recovered" ...
    std::string text;           // the newest sentence for people
};

// What is known of one service.
struct ServiceRecord {
    std::optional<core::UnitState> unit;
    core::TimePoint unit_seen{};
    bool has_run = false;             // the unit's present run has been up
    bool was_stop_requested = false;  // its way down began with a stop job
    bool was_enabled = false;         // when it was up last, or at some look since it went down
    bool was_disabled = false;        // that was taken back while it was down
    std::optional<core::LastJob> last_job;     // as the journal tells
    std::optional<core::TimePoint> jobs_time;  // of the answer, also when it was none
    bool is_reading_jobs = false;
    bool is_jobs_answer_old = false;  // asked before the unit's last change
    std::optional<core::ConfigTest> test;
    core::TimePoint test_time{};
    bool is_test_running = false;
    std::optional<core::ProbeResult> probe;  // newest answer
    core::TimePoint probe_asked{};           // when the newest answer was asked for
    core::TimePoint probe_time{};
    std::string probe_address;
    std::optional<std::uint64_t> running_probe;
    core::TimePoint running_probe_asked{};
    bool waits_for_look = false;  // a probe is wanted, and the budget of all of them is used up
    std::optional<core::TimePoint> suspected;  // newest probe on account of a record
    std::string suspected_address;
    diagnosis::Sightings sightings;  // what records said lately
    std::uint32_t bad_probes = 0;    // in a row, while the unit was up
    core::TimePoint bad_since{};     // the first of them
    // Bad probes and complaints, oldest first; at most kMaxBadLooks, and one in a second.
    std::vector<core::TimePoint> bad_looks;
    std::optional<core::Inspection> inspection;
    core::TimePoint inspection_asked{};
    core::TimePoint inspection_time{};  // of the newest answer, also when it was none
    bool is_inspecting = false;
    core::WorkWatch work;  // of looks since the unit's last change and the last good probe
    bool is_reading_logs = false;
    std::string packet_rule;
    core::TimePoint packet_time{};
    bool is_filter_asked = false;
    std::vector<std::string> resolved;  // of the backend's host name, while an incident is open
    bool is_name_asked = false;
    std::vector<core::Pm2App> apps;  // of a pm2 unit, newest answer
    core::TimePoint apps_asked{};
    core::TimePoint apps_time{};  // of the newest answer, also when it was none
    bool is_listing_apps = false;
    std::optional<core::TimePoint> wake;    // earliest timer pending for this service
    std::optional<std::uint64_t> incident;  // the open one
    // No longer configured, and kept until the verdict on the act that has changed the
    // configuration.
    bool is_kept = false;
};

// What happened, for people and records: the cause that an act has cured. Where what is left waits
// for a person it is that.
[[nodiscard]] inline const diagnosis::Diagnosis& told_diagnosis(const Incident& incident) {
    const bool is_left = incident.phase == Phase::kHolding || incident.phase == Phase::kEscalated;
    return incident.cured && !is_left ? *incident.cured : incident.diagnosis;
}

inline constexpr std::size_t kMaxBadLooks = 64;

inline constexpr std::size_t kMaxClosedIncidents = 200;
inline constexpr std::size_t kMaxServices = 4096;

struct Counters {
    std::uint64_t symptoms = 0;            // log symptoms seen
    std::uint64_t symptoms_untrusted = 0;  // of these, possibly forged
    std::uint64_t symptoms_unmatched = 0;  // of these, for no configured backend
    std::uint64_t probes = 0;
    std::uint64_t acts = 0;
};

struct State {
    policy::Policy policy;
    core::Topology topology;
    core::Ledger ledger;
    bool has_ledger = false;
    std::map<std::string, ServiceRecord, std::less<>> services;  // by unit
    std::map<std::uint64_t, Incident> incidents;                 // open and the last closed ones
    // Units that an earlier life of the agent knew to be stopped, and until when.
    std::map<std::string, core::TimePoint, std::less<>> known_stops;
    std::map<std::uint64_t, std::string> timers;  // timer id -> unit
    std::uint64_t next_incident = 1;
    std::uint64_t next_probe = 1;
    std::uint64_t next_timer = 1;
    std::uint64_t next_proposal = 1;
    std::optional<std::uint64_t> acting;  // the incident whose act is running: one at a time
    std::optional<std::uint64_t> busy;    // busy_with() at the end of the last step
    Counters counters;
    LookBudget looks;
    bool is_look_timed = false;  // a timer is set for those that wait for a probe
    // The last look at the machine for backends without a unit on TCP: it tells of all listeners,
    // so one serves all that ask meanwhile.
    std::optional<core::Inspection> common_look;
    core::TimePoint common_look_time{};
    std::string common_look_asker;  // for whom one is under way, since:
    core::TimePoint common_look_asked{};
};

}  // namespace gatemend::engine
