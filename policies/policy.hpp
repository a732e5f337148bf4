// SPDX-License-Identifier: MIT
// Policy as plain structs: what the TOML files say once they are read, validated and layered.
// Made by toml_reader (the only file that sees toml++) or by tests; read by decide, find_rule and
// budget.
#pragma once

#include "actions/catalogue.hpp"
#include "core/cause.hpp"
#include "core/guard_limits.hpp"
#include "core/objection.hpp"
#include "core/time.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

enum class Mode { kObserve, kAsk, kAct };  // ordered: the weaker of two wins
[[nodiscard]] std::string_view mode_id(Mode mode);

struct LadderStep {
    actions::ActId act{};
    core::Duration within{};     // deadline of the act
    actions::Parameters with{};  // the act's parameters that a rule sets (ParameterSpec::is_policy)

    friend bool operator==(const LadderStep&, const LadderStep&) = default;
};

// At most `max` attempts that did not cure in any window of `per`; `cooldown` between two; after n
// such attempts in a row, cooldown * backoff^n. The count of `max` reached = the breaker latches.
struct Limit {
    std::uint32_t max = 3;
    core::Duration per = std::chrono::minutes{15};
    core::Duration cooldown = std::chrono::seconds{5};
    std::uint32_t backoff = 2;

    friend bool operator==(const Limit&, const Limit&) = default;
};

struct Verify {
    core::Duration within = std::chrono::seconds{5};  // first good probe after the act
    core::Duration soak = std::chrono::seconds{30};   // then this long without a new symptom

    friend bool operator==(const Verify&, const Verify&) = default;
};

// A rule's own test, in the event language of replay cases (agent/engine/event_text).
struct RuleTest {
    std::vector<std::string> given;
    std::string expect;  // "act start-unit php8.2-fpm.service" | "hold admin-stopped" | "observe"
    int line = 0;

    friend bool operator==(const RuleTest&, const RuleTest&) = default;
};

// `when`: all of it must be true for the rule to be the one that decides; what only time can make
// true (lasting, times) is waited for.
struct Match {
    core::Cause cause{};
    std::string unit{};     // pattern with * and ?; "" = every unit
    std::string backend{};  // pattern of the canonical address; "" = every backend
    std::uint32_t min_confidence_permille = 0;
    core::Duration lasting{};  // the incident is at least this old
    std::uint32_t times = 0;   // bad looks of this service ...
    core::Duration within{};   // ... within this; 0 = not asked for

    friend bool operator==(const Match&, const Match&) = default;
};

enum class OnFailure {
    kEscalate,  // tell a person, as loudly as it can be said
    kRollBack,  // undo the act, then escalate (acts that leave something behind)
    kObserve,   // from now on the rule only observes this unit, until it is lifted
};
[[nodiscard]] std::string_view on_failure_id(OnFailure value);

// From this moment on a zone's clocks are this much ahead of UTC.
struct ZoneOffset {
    core::TimePoint from{};
    core::Duration ahead{};

    friend bool operator==(const ZoneOffset&, const ZoneOffset&) = default;
};

// Times in which a rule may act. Minutes of the day in `zone`; `until` <= `from` passes midnight.
struct TimeWindow {
    std::uint32_t days = 0x7f;  // bit 0 = Monday; the day on which the window opens
    std::uint32_t from = 0;     // minute of the day
    std::uint32_t until = 0;    // exclusive
    std::string zone = "UTC";   // IANA name
    // What the zone's name meant when the file was read, oldest first, from kZoneFrom to
    // kZoneUntil; empty: UTC. So that a decision needs neither a clock nor a file.
    std::vector<ZoneOffset> offsets{};

    friend bool operator==(const TimeWindow&, const TimeWindow&) = default;
};

inline constexpr int kZoneFromYear = 2020;
inline constexpr int kZoneUntilYear = 2040;  // the last one known; its last offset goes on

struct Rule {
    std::string name;
    Match match;
    std::uint32_t witnesses = 2;
    std::vector<LadderStep> ladder;  // empty only when mode is observe
    Mode mode = Mode::kObserve;
    Limit limit;
    Verify verify;
    OnFailure on_failure = OnFailure::kEscalate;
    std::vector<TimeWindow> windows{};      // empty: always
    bool is_reviving_stopped = false;       // `revive_stopped`: also start what somebody stopped
    std::vector<std::string> needs{};       // units that must be up before the act makes sense
    std::vector<core::Objection> unless{};  // evidence that forbids the ladder's acts
    // `suggest`: acts that are prepared for approval beside whatever mode and ladder do.
    std::vector<LadderStep> offers{};
    std::string runbook;
    std::string origin;  // "/usr/share/gatemend/policies/10-backend-down.toml:3"
    std::vector<RuleTest> tests;

    friend bool operator==(const Rule&, const Rule&) = default;
};

// gatemend.toml
struct BackendOverride {
    std::string address;
    std::string unit;

    friend bool operator==(const BackendOverride&, const BackendOverride&) = default;
};

struct Settings {
    Mode mode = Mode::kAct;  // upper bound for every rule
    Limit unit_limit{6, std::chrono::hours{1}, core::Duration::zero(), 1};
    Limit host_limit{20, std::chrono::hours{1}, core::Duration::zero(), 1};
    // A unit that somebody else has brought up and that stayed up for so long: its breaker re-arms.
    core::Duration rearm_after = std::chrono::minutes{10};
    // the executor's allowlist: patterns with * and ?, matched against whole unit names
    // (systemd-journald.service: acts on the machine count for it, see actions::kJournalUnit)
    std::vector<std::string> units{
        "php*-fpm.service", "nginx.service", std::string{actions::kJournalUnit}};
    // at most one probe per backend and this long on account of log lines
    core::Duration suspicion_cooldown = std::chrono::seconds{10};
    core::Duration probe_timeout = std::chrono::seconds{2};
    std::vector<BackendOverride> backends;
    core::GuardLimits guards{};

    friend bool operator==(const Settings&, const Settings&) = default;
};

struct Policy {
    Settings settings;
    std::vector<Rule> rules;  // in file-name order; the first rule that matches a cause decides

    friend bool operator==(const Policy&, const Policy&) = default;
};

// Does this evidence forbid the step? What the rule names does, and, for a step that can interrupt
// requests, some does whatever the rule says.
[[nodiscard]] bool is_unless(const Rule& rule, const LadderStep& step, core::Objection objection);

[[nodiscard]] bool is_unit_allowed(const Settings& settings, std::string_view unit);

}  // namespace gatemend::policy
