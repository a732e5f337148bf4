// SPDX-License-Identifier: MIT
// Hold: one reason not to act, with its owner. Every hold is recorded. Identifiers are public.
// Witness: a kind of evidence. Only kLog can be written by a remote client.
#pragma once

#include "core/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::core {

enum class HoldKind {
    kAdminStopped,  // "admin-stopped"
    kMasked,
    kJobQueued,
    kRestartPending,  // systemd's own Restart= is about to do it
    kShuttingDown,
    kConfigInvalid,
    kConfigUnknown,  // the test has not run or could not run
    kPaused,
    kCoolingDown,
    kBudgetExhausted,
    kLatched,
    kSingleWitness,
    kObserveOnly,  // the rule's or the machine's mode
    kNeedsApproval,
    kActRunning,  // one act at a time
    kNoRule,
    kUnitNotAllowed,
    kRecordUnreadable,
    kRecordDiskFull,
    kLadderExhausted,
    kExecutorRefused,
    kUnitIsUp,          // the cause is known, but nothing is down that could be started
    kPackageManager,    // dpkg, apt or unattended-upgrades holds its lock
    kBooting,           // the machine or the unit has only just come up
    kDeploying,         // somebody's deploy marker is there, and fresh
    kStartBudget,       // systemd would soon refuse to start the unit (start-limit-hit)
    kMaintenance,       // outside the times in which the rule may act
    kPressure,          // memory or disks so busy that the act would make it worse
    kCauseElsewhere,    // what the unit needs is down
    kTooBrief,          // not yet for as long, or as often, as the rule asks
    kTooUncertain,      // less confidence than the rule asks
    kDemoted,           // the rule did harm here before
    kNoTarget,          // the act needs something that is not known: nothing to act on
    kContraryEvidence,  // something that was seen speaks against the act (core/objection.hpp)
    kIntentUnknown,     // it is down, and nobody knows whether somebody stopped or disabled it
};
[[nodiscard]] std::string_view hold_kind_id(HoldKind kind);
[[nodiscard]] std::optional<HoldKind> hold_kind_from_id(std::string_view id);

struct Hold {
    HoldKind kind{};
    std::string owner;  // who holds: "systemd", "administrator", "policy start-crashed-backend" ...
    std::string text;   // a sentence
    std::optional<TimePoint> until;

    friend bool operator==(const Hold&, const Hold&) = default;
};

enum class Witness {
    kLog,  // nginx's logs and texts of applications
    kUnitState,
    kProbe,
    kConfigTest,
    kJournal,
    kKernel,
    kServiceLog,  // what PHP-FPM's master writes about its own children
    kInspection,  // one look at sockets, paths, disks, processes
    kPacketFilter,
};
[[nodiscard]] std::string_view witness_id(Witness witness);  // "log", "unit-state", "probe" ...
[[nodiscard]] bool is_forgeable(Witness witness);            // true for kLog only
// By the name of a record's source: "kernel" -> kKernel, "php-fpm" -> kServiceLog, "systemd" ->
// kJournal; everything that carries texts of clients or applications is kLog.
[[nodiscard]] Witness witness_of_source(std::string_view source);

struct Evidence {
    Witness witness{};
    TimePoint time{};
    std::string text;      // already sanitized
    bool supports = true;  // false: speaks against the cause

    friend bool operator==(const Evidence&, const Evidence&) = default;
};

// Number of different witness kinds for the cause less those against it; 0 when all of the
// supporting ones are forgeable.
[[nodiscard]] unsigned count_witnesses(const std::vector<Evidence>& evidence);

}  // namespace gatemend::core
