// SPDX-License-Identifier: MIT
#include "policies/policy.hpp"

#include "core/silence.hpp"
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

namespace {

// Of a socket that was deleted or replaced the processes may well be at work, for other sockets or
// for connections that are older; that nobody gets in any more is what counts.
bool is_always_unless(core::Cause cause, core::Objection objection) {
    using core::Objection;
    const bool is_about_socket = cause == core::Cause::kSocketDeleted;
    switch (objection) {
        case Objection::kTraced:
        case Objection::kReloading:
        case Objection::kAnswered:
            return true;
        case Objection::kWorkersAtWork:
        case Objection::kQueueDraining:
        case Objection::kMaxChildren:
            return !is_about_socket;
        case Objection::kUnmeasured:
            return core::is_about_answers(cause);
        case Objection::kReachable:
            return is_about_socket;
    }
    return true;
}

}  // namespace

bool is_unless(const Rule& rule, const LadderStep& step, core::Objection objection) {
    const bool is_named = std::ranges::find(rule.unless, objection) != rule.unless.end();
    const bool is_disruptive = actions::spec(step.act).risk == actions::Risk::kDisruptive;
    return is_named || (is_disruptive && is_always_unless(rule.match.cause, objection));
}

bool is_unit_allowed(const Settings& settings, std::string_view unit) {
    // An empty or malformed name is refused whatever the patterns say: no target, no act.
    return actions::is_unit_name(unit) &&
           std::ranges::any_of(settings.units, [unit](const std::string& pattern) {
               return matches_glob(pattern, unit);
           });
}

}  // namespace gatemend::policy
