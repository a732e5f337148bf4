// SPDX-License-Identifier: MIT
#include "policies/policy.hpp"

#include "policies/glob.hpp"

#include <algorithm>

namespace gatemend::policy {

std::string_view mode_id(Mode mode) {
    switch (mode) {
        case Mode::kObserve:
            return "observe";
        case Mode::kAsk:
            return "ask";
        case Mode::kAct:
            return "act";
    }
    return "observe";
}

std::string_view on_failure_id(OnFailure value) {
    switch (value) {
        case OnFailure::kEscalate:
            return "escalate";
        case OnFailure::kRollBack:
            return "rollback";
        case OnFailure::kObserve:
            return "observe";
    }
    return "escalate";
}

bool is_unit_allowed(const Settings& settings, std::string_view unit) {
    // An empty or malformed name is refused whatever the patterns say: no target, no act.
    return actions::is_unit_name(unit) &&
           std::ranges::any_of(settings.units, [unit](const std::string& pattern) {
               return matches_glob(pattern, unit);
           });
}

}  // namespace gatemend::policy
