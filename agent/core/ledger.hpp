// SPDX-License-Identifier: MIT
// Ledger: what has been attempted, latched and paused. The executor owns it: it is computed from
// the audit file, so it survives restarts of either service. The agent holds a copy to decide with;
// the executor checks again with its own.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::core {

// What became of the act itself.
enum class ActOutcome {
    kPending,      // intent on disk, no outcome yet
    kSucceeded,    // systemd's job finished "done"
    kFailed,       // job failed, timed out or was cancelled
    kInterrupted,  // the executor died in between; resolved at its next start
};
[[nodiscard]] std::string_view act_outcome_id(ActOutcome outcome);
[[nodiscard]] std::optional<ActOutcome> act_outcome_from_id(std::string_view id);

// What became of the symptom: success is the cure, not the exit code.
enum class ActVerdict { kPending, kEffective, kIneffective, kHarmful };
[[nodiscard]] std::string_view act_verdict_id(ActVerdict verdict);
[[nodiscard]] std::optional<ActVerdict> act_verdict_from_id(std::string_view id);

struct Attempt {
    std::uint64_t id = 0;
    TimePoint time{};
    std::string rule;
    std::string act;  // ActId's identifier
    std::string unit;
    std::uint64_t incident = 0;
    ActOutcome outcome = ActOutcome::kPending;
    ActVerdict verdict = ActVerdict::kPending;

    friend bool operator==(const Attempt&, const Attempt&) = default;
};

// A breaker that has tripped: no act on `unit` until an operator lifts it.
struct Latch {
    std::string unit;
    TimePoint since{};
    std::string reason;

    friend bool operator==(const Latch&, const Latch&) = default;
};

struct Pause {
    TimePoint until{};
    std::string reason;
    std::string by;

    friend bool operator==(const Pause&, const Pause&) = default;
};

struct Ledger {
    std::vector<Attempt> attempts;  // oldest first, bounded by kMaxAttempts
    std::vector<Latch> latches;
    std::optional<Pause> pause;
    // Attempts of a unit before this moment no longer count for its budget (operator lifted it).
    std::vector<std::pair<std::string, TimePoint>> forgiven;
    // Not empty: the record could not be read; observe only, and this is why.
    std::string unreadable;

    friend bool operator==(const Ledger&, const Ledger&) = default;
};

inline constexpr std::size_t kMaxAttempts = 1000;

}  // namespace gatemend::core
