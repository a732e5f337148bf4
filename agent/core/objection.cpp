// SPDX-License-Identifier: MIT
#include "core/objection.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

std::string_view objection_id(Objection objection) {
    switch (objection) {
        case Objection::kTraced:
            return "traced";
        case Objection::kReloading:
            return "reloading";
        case Objection::kAnswered:
            return "answered";
        case Objection::kWorkersAtWork:
            return "workers-at-work";
        case Objection::kQueueDraining:
            return "queue-draining";
        case Objection::kMaxChildren:
            return "max-children";
        case Objection::kUnmeasured:
            return "unmeasured";
        case Objection::kReachable:
            return "reachable";
    }
    return "?";
}

std::optional<Objection> objection_from_id(std::string_view id) {
    return find_by_id(id, Objection::kReachable, objection_id);
}

}  // namespace gatemend::core
