// SPDX-License-Identifier: MIT
#include "core/ledger.hpp"

#include "core/closed_set.hpp"

#include <algorithm>

namespace gatemend::core {

std::string_view act_outcome_id(ActOutcome value) {
    switch (value) {
        case ActOutcome::kPending:
            return "pending";
        case ActOutcome::kSucceeded:
            return "succeeded";
        case ActOutcome::kFailed:
            return "failed";
        case ActOutcome::kInterrupted:
            return "interrupted";
    }
    return "?";
}

std::optional<ActOutcome> act_outcome_from_id(std::string_view id) {
    return find_by_id(id, ActOutcome::kInterrupted, act_outcome_id);
}

std::string_view act_verdict_id(ActVerdict value) {
    switch (value) {
        case ActVerdict::kPending:
            return "pending";
        case ActVerdict::kEffective:
            return "effective";
        case ActVerdict::kIneffective:
            return "ineffective";
        case ActVerdict::kHarmful:
            return "harmful";
    }
    return "?";
}

std::optional<ActVerdict> act_verdict_from_id(std::string_view id) {
    return find_by_id(id, ActVerdict::kHarmful, act_verdict_id);
}

std::string_view undo_state_id(UndoState value) {
    switch (value) {
        case UndoState::kNothing:
            return "nothing";
        case UndoState::kProvisional:
            return "provisional";
        case UndoState::kConfirmed:
            return "confirmed";
        case UndoState::kUndone:
            return "undone";
        case UndoState::kUndoFailed:
            return "undo-failed";
    }
    return "?";
}

std::optional<UndoState> undo_state_from_id(std::string_view id) {
    return find_by_id(id, UndoState::kUndoFailed, undo_state_id);
}

namespace {

// A moment before what a person has lifted since, or that lift would no longer be for it.
TimePoint settled_time(const Ledger& ledger, const Attempt& attempt, TimePoint now) {
    const bool is_forgiven = std::ranges::any_of(ledger.forgiven, [&](const auto& lift) {
        return lift.first == attempt.unit && attempt.time < lift.second;
    });
    return is_forgiven ? now - Duration{1} : now;
}

void settle_attempts(Ledger& ledger, TimePoint now) {
    for (Attempt& attempt : ledger.attempts) {
        if (attempt.time > now) {
            const bool is_timed = attempt.undo_by > TimePoint{};
            attempt.undo_by -= is_timed ? attempt.time - now : Duration{};
            attempt.time = settled_time(ledger, attempt, now);
        }
    }
}

void settle_pause(Pause& pause, TimePoint now) {
    if (pause.since > now) {
        pause.until -= pause.since - now;
        pause.since = now;
    }
    pause.until = std::min(pause.until, now + kMaxPause);
}

}  // namespace

void settle_clock(Ledger& ledger, TimePoint now) {
    settle_attempts(ledger, now);  // before the lifts that they are compared with
    for (auto& [unit, lifted] : ledger.forgiven) {
        lifted = std::min(lifted, now);
    }
    for (Latch& latch : ledger.latches) {
        latch.since = std::min(latch.since, now);
    }
    if (ledger.pause) {
        settle_pause(*ledger.pause, now);
    }
    std::erase_if(ledger.approvals, [now](const Approval& approval) {
        return approval.until > now + kApprovalLifetime;
    });
}

}  // namespace gatemend::core
