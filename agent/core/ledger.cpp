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

void settle_clock(Ledger& ledger, TimePoint now, Duration longest_approval) {
    for (Attempt& attempt : ledger.attempts) {
        if (attempt.time > now) {
            const bool is_timed = attempt.undo_by > TimePoint{};
            attempt.undo_by -= is_timed ? attempt.time - now : Duration{};
            attempt.time = now;
        }
    }
    std::erase_if(ledger.approvals, [&](const Approval& approval) {
        return approval.until > now + longest_approval;
    });
}

}  // namespace gatemend::core
