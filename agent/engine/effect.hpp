// SPDX-License-Identifier: MIT
// Effect: everything step() can ask of the outside. The driver carries them out in order; the
// answer comes back as an event. Dry-run and replay are drivers that record instead of acting.
#pragma once

#include "actions/catalogue.hpp"
#include "core/hold.hpp"
#include "core/ledger.hpp"
#include "core/probe.hpp"
#include "core/time.hpp"
#include "core/topology.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gatemend::engine {

struct StartProbe {
    std::uint64_t probe = 0;
    std::string unit;
    std::string address;
    core::ProbeKind kind{};
    core::Duration timeout{};
    std::string name{};  // https: the name the certificate should be for; "": not looked at
};

struct TestConfig {
    std::string unit;
};

struct ReadJournal {
    std::string unit;
    std::string invocation_id;
};

// What has systemd written about the unit's jobs? Answered by JobsRead.
struct ReadJobs {
    std::string unit;
    std::string id;  // the unit's own name
};

// Read what the service's own log, its journal and the kernel have said since the last time; each
// record is a SymptomSeen, then comes LogsRead.
struct ReadLogs {
    std::string unit;
};

// What does the name behind this backend ("app.internal:8080") mean now? Answered by NameResolved.
struct ResolveName {
    std::string unit;
    std::string host;
};

// One look at sockets, paths, disks and processes; answered by Inspected. `unit` "" for a backend
// without one.
struct Inspect {
    std::string unit;  // the service's name
    std::string address;
};

// Is there a packet filter rule for this address? Answered by FilterRead.
struct ReadFilter {
    std::string unit;
    std::string address;
};

// Which applications does this pm2 unit supervise? Answered by AppsListed.
struct ReadApps {
    std::string unit;
};

struct RequestAct {
    std::uint64_t incident = 0;
    actions::Plan plan;
};

// Make the exact plan (changes, digest) without doing anything; answered by ActProposed.
struct ProposeAct {
    std::uint64_t incident = 0;
    std::uint64_t proposal = 0;
    actions::Plan plan;
};

// Undo a provisional act; answered by ActUndone.
struct UndoAct {
    std::uint64_t incident = 0;
    std::uint64_t attempt = 0;
};

// The budget is used up: ask the executor to latch the breaker (it checks for itself). Asking for
// less is always allowed.
struct LatchBreaker {
    std::string unit;
    std::string rule;
};

struct ConfirmAct {
    std::uint64_t attempt = 0;
    core::ActVerdict verdict{};
    std::string detail;
};

struct SetTimer {
    std::uint64_t timer = 0;
    core::TimePoint at{};
};

// One line of decisions.jsonl.
enum class RecordKind {
    kSuspicion,  // a log line made us look
    kOpened,     // incident opened
    kDiagnosed,  // cause found or changed
    kDecided,    // act | ask | observe | hold, with reasons
    kActed,      // the executor's answer
    kVerifying,  // first good probe; soak begins
    kConfirmed,  // verdict on an attempt
    kEscalated,  // giving up, loud
    kClosed,
    kRestored,  // continued after a restart of the agent
};
[[nodiscard]] std::string_view record_kind_id(RecordKind kind);

struct Record {
    RecordKind kind{};
    std::uint64_t incident = 0;  // 0 for suspicions
    std::string unit;
    std::string cause;     // identifier or ""
    std::string decision;  // identifier or ""
    std::string rule;
    std::string act;
    std::uint64_t attempt = 0;
    std::vector<core::Evidence> evidence;
    std::vector<core::Hold> holds;
    std::string text;  // a sentence for people
};

using Effect = std::variant<StartProbe,
                            TestConfig,
                            ReadJournal,
                            ReadJobs,
                            ReadLogs,
                            Inspect,
                            ReadFilter,
                            ResolveName,
                            ReadApps,
                            RequestAct,
                            ProposeAct,
                            UndoAct,
                            LatchBreaker,
                            ConfirmAct,
                            SetTimer,
                            Record>;
using Effects = std::vector<Effect>;

}  // namespace gatemend::engine
