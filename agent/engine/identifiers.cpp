// SPDX-License-Identifier: MIT
// The engine's public identifiers, as they stand in decisions.jsonl and in JSON output.
#include "engine/effect.hpp"
#include "engine/state.hpp"

namespace gatemend::engine {

std::string_view record_kind_id(RecordKind kind) {
    switch (kind) {
        case RecordKind::kSuspicion:
            return "suspicion";
        case RecordKind::kOpened:
            return "opened";
        case RecordKind::kDiagnosed:
            return "diagnosed";
        case RecordKind::kDecided:
            return "decided";
        case RecordKind::kActed:
            return "acted";
        case RecordKind::kVerifying:
            return "verifying";
        case RecordKind::kConfirmed:
            return "confirmed";
        case RecordKind::kEscalated:
            return "escalated";
        case RecordKind::kClosed:
            return "closed";
        case RecordKind::kRestored:
            return "restored";
    }
    return "?";
}

std::string_view phase_id(Phase phase) {
    switch (phase) {
        case Phase::kOpen:
            return "open";
        case Phase::kHolding:
            return "holding";
        case Phase::kActing:
            return "acting";
        case Phase::kVerifying:
            return "verifying";
        case Phase::kEscalated:
            return "escalated";
        case Phase::kClosed:
            return "closed";
    }
    return "?";
}

}  // namespace gatemend::engine
