// SPDX-License-Identifier: MIT
// Ledger: what has been attempted, latched and paused. The executor owns it: it is computed from
// the audit file, so it survives restarts of either service. The agent holds a copy to decide with;
// the executor checks again with its own.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <map>
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
// Only kEffective is a cure; what has no verdict yet is none for the moment.
enum class ActVerdict { kPending, kEffective, kIneffective, kHarmful };
[[nodiscard]] std::string_view act_verdict_id(ActVerdict verdict);
[[nodiscard]] std::optional<ActVerdict> act_verdict_from_id(std::string_view id);

// What became of what the act left behind.
enum class UndoState {
    kNothing,      // nothing to undo, or not begun
    kProvisional,  // in force, and undone at `undo_by` unless it is confirmed
    kConfirmed,    // in force for good; `gatemend rollback` can still undo it
    kUndone,
    kUndoFailed,  // neither as it was nor as it should be: a person has to look
};
[[nodiscard]] std::string_view undo_state_id(UndoState state);  // "nothing", "provisional" ...
[[nodiscard]] std::optional<UndoState> undo_state_from_id(std::string_view id);

struct Attempt {
    std::uint64_t id = 0;
    TimePoint time{};
    std::string rule;
    std::string act;  // ActId's identifier
    std::string unit;
    std::uint64_t incident = 0;
    ActOutcome outcome = ActOutcome::kPending;
    ActVerdict verdict = ActVerdict::kPending;
    UndoState undo = UndoState::kNothing;
    TimePoint undo_by{};  // of a provisional or timed act
    // The plan's, until there is a verdict: what another agent than the one that asked for it needs
    // to verify it. Those of repoint-backend are kept: what was undone is not offered again.
    std::map<std::string, std::string, std::less<>> parameters{};
    std::string act_class{};  // ActClass's identifier; "": what the catalogue says of the act
    // No breaker counts it: a person has approved it or rolled it back, or the breaker has re-armed
    // since.
    bool is_uncounted = false;

    friend bool operator==(const Attempt&, const Attempt&) = default;
};

// A breaker that has tripped: no such act on `unit` until an operator lifts it, or it re-arms.
struct Latch {
    std::string unit;
    TimePoint since{};
    std::string reason;
    std::string rule{};       // "": by whichever rule
    std::string act_class{};  // "": every act, as records of older versions have it

    friend bool operator==(const Latch&, const Latch&) = default;
};

struct Pause {
    TimePoint until{};
    std::string reason;
    std::string by;
    TimePoint since{};  // the epoch: not on record

    friend bool operator==(const Pause&, const Pause&) = default;
};

// A person said yes to exactly one plan. Used up by its execution.
struct Approval {
    std::string digest;
    TimePoint until{};
    std::string by;

    friend bool operator==(const Approval&, const Approval&) = default;
};

struct Ledger {
    std::vector<Attempt> attempts;  // oldest first, bounded by kMaxAttempts
    std::vector<Latch> latches;
    std::optional<Pause> pause;
    // Attempts of a unit before this moment no longer count for its budget (operator lifted it).
    std::vector<std::pair<std::string, TimePoint>> forgiven;
    std::vector<Approval> approvals{};
    // Not empty: the record could not be read; observe only, and this is why.
    std::string unreadable;

    friend bool operator==(const Ledger&, const Ledger&) = default;
};

inline constexpr Duration kApprovalLifetime = std::chrono::minutes{10};
inline constexpr Duration kMaxPause = std::chrono::hours{24 * 30};

// For the start of whoever keeps the ledger. What is dated later than `now` was done before the
// clock was set back, nobody knows how long ago: it counts as done now, in the order it was done,
// and has as long as it had, so that waits, trials and pauses get no longer and a breaker can
// re-arm. An approval that would outlive kApprovalLifetime is void; no pause outlives kMaxPause.
void settle_clock(Ledger& ledger, TimePoint now);

inline constexpr std::size_t kMaxAttempts = 1000;
inline constexpr std::size_t kMaxApprovals = 32;

}  // namespace gatemend::core
