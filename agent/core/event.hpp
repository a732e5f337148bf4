// SPDX-License-Identifier: MIT
// Event: everything that can reach step(), already parsed, bounded and validated by its source.
// Live operation, replay, dry-run, policy tests and fuzzing differ only in who makes these.
#pragma once

#include "core/client_text.hpp"
#include "core/clue.hpp"
#include "core/config_test.hpp"
#include "core/hold.hpp"
#include "core/inspection.hpp"
#include "core/intent.hpp"
#include "core/ledger.hpp"
#include "core/pm2_app.hpp"
#include "core/probe.hpp"
#include "core/symptom.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"
#include "core/unit_state.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gatemend::core {

// A record said something: a symptom, a clue, or both. `address` is canonical, or "" when the
// record named none; `unit` is set by sources that know it (a unit's own log or journal). Both only
// ever select among configured services by exact match and never become a target themselves.
// Without either the record is about nginx or the machine.
struct SymptomSeen {
    Symptom symptom = Symptom::kNone;
    int error_number = 0;
    std::string address{};
    bool is_trusted = false;
    std::string source{};  // "nginx-error"
    Clue clue = Clue::kNone;
    int number = 0;  // of the clue: signal, limit
    std::string unit{};
    ClientText subject{};  // "/srv/app/index.php:12", "[pool www]", a host name: for people alone
    Witness witness = Witness::kLog;
};

// It says something at all.
[[nodiscard]] inline bool is_telling(const SymptomSeen& seen) {
    return seen.symptom != Symptom::kNone || seen.clue != Clue::kNone;
}

struct UnitSeen {
    std::string unit;
    UnitState state;
};

struct ProbeAnswered {
    std::uint64_t probe = 0;  // StartProbe's id
    std::string unit;
    std::string address;
    ProbeResult result;
};

struct ConfigTested {
    std::string unit;
    ConfigTest test;
};

// What a service's own log, its journal and the kernel said lately has been told.
struct LogsRead {
    std::string unit;
};

// `inspection`: absent when the look could not be had.
struct Inspected {
    std::string unit;
    std::optional<Inspection> inspection;
};

// The packet filter's rule that surely matches the backend's address, in words; "" when none does.
struct FilterRead {
    std::string unit;
    std::string address;
    std::string rule;
};

// What the host name behind a backend means now, as addresses with the backend's port; empty when
// it means nothing or could not be looked up.
struct NameResolved {
    std::string unit;
    std::vector<std::string> addresses;
};

// The applications that a pm2 unit supervises; nothing when they could not be listed.
struct AppsListed {
    std::string unit;
    std::vector<Pm2App> apps;
};

// The unit's own last words, sanitized, oldest first.
struct JournalRead {
    std::string unit;
    std::string invocation_id;
    std::vector<std::string> lines;
};

enum class ActReply {
    kDone,     // the act ran; `attempt` names it, outcome says how
    kRefused,  // the executor's own checks said no; nothing was done
    kLost,     // no answer (executor died or the bus broke): unknown whether it ran
};

struct ActAnswered {
    std::uint64_t incident = 0;
    ActReply reply = ActReply::kLost;
    std::uint64_t attempt = 0;
    ActOutcome outcome = ActOutcome::kPending;
    std::string detail;
    // kRefused: what stood in the way, when the executor named it
    std::optional<HoldKind> hold{};
};

// The executor's answer to ProposeAct: the exact plan, as it could be approved. `digest` "": it
// could not be made, `preview` says why.
struct ActProposed {
    std::uint64_t incident = 0;
    std::uint64_t proposal = 0;  // ProposeAct's
    std::string digest{};
    std::string preview{};  // a unified diff or sentences, sanitized line by line
};

// The executor's answer to UndoAct.
struct ActUndone {
    std::uint64_t incident = 0;
    std::uint64_t attempt = 0;
    bool is_undone = false;
    std::string detail{};
};

struct LedgerLearnt {
    Ledger ledger;
};

struct TimerFired {
    std::uint64_t timer = 0;
};

struct TopologyLearnt {
    Topology topology;
};

// What systemd's journal entries tell of the unit's jobs; nothing when they could not be read.
struct JobsRead {
    std::string unit;
    std::optional<LastJob> last;
};

// State::policy was replaced by the driver, or the executor has started and read its own anew; look
// at everything again.
struct PolicyChanged {};

// An incident that was open when the agent last stopped.
struct IncidentRestored {
    std::uint64_t incident = 0;
    std::string unit;
    TimePoint opened{};
    // When it was last held because somebody had stopped the unit, where that was its newest
    // decision.
    std::optional<TimePoint> stopped{};
};

using EventBody = std::variant<SymptomSeen,
                               UnitSeen,
                               ProbeAnswered,
                               ConfigTested,
                               JournalRead,
                               JobsRead,
                               LogsRead,
                               Inspected,
                               FilterRead,
                               NameResolved,
                               AppsListed,
                               ActAnswered,
                               ActProposed,
                               ActUndone,
                               LedgerLearnt,
                               TimerFired,
                               TopologyLearnt,
                               PolicyChanged,
                               IncidentRestored>;

struct Event {
    TimePoint time{};
    EventBody body;
};

}  // namespace gatemend::core
