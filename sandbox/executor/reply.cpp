// SPDX-License-Identifier: MIT
#include "sandbox/executor/reply.hpp"

namespace gatemend::sandbox {

std::string_view fault_kind_id(FaultKind kind) {
    switch (kind) {
        case FaultKind::kNotAllowed:
            return "NotAllowed";
        case FaultKind::kRefused:
            return "Refused";
        case FaultKind::kBadArgument:
            return "BadArgument";
        case FaultKind::kNotFound:
            return "NotFound";
        case FaultKind::kBusy:
            return "Busy";
        case FaultKind::kToolFailed:
            return "ToolFailed";
        case FaultKind::kRecordFailed:
            return "RecordFailed";
    }
    return "Refused";
}

}  // namespace gatemend::sandbox
