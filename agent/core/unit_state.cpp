// SPDX-License-Identifier: MIT
#include "core/unit_state.hpp"

#include "core/closed_set.hpp"

#include <algorithm>
#include <array>

namespace gatemend::core {

std::string_view active_state_id(ActiveState value) {
    switch (value) {
        case ActiveState::kUnknown:
            return "unknown";
        case ActiveState::kActive:
            return "active";
        case ActiveState::kReloading:
            return "reloading";
        case ActiveState::kInactive:
            return "inactive";
        case ActiveState::kFailed:
            return "failed";
        case ActiveState::kActivating:
            return "activating";
        case ActiveState::kDeactivating:
            return "deactivating";
    }
    return "?";
}

ActiveState active_state_from_id(std::string_view id) {
    return find_by_id(id, ActiveState::kDeactivating, active_state_id)
        .value_or(ActiveState::kUnknown);
}

std::string_view unit_result_id(UnitResult value) {
    switch (value) {
        case UnitResult::kSuccess:
            return "success";
        case UnitResult::kResources:
            return "resources";
        case UnitResult::kProtocol:
            return "protocol";
        case UnitResult::kTimeout:
            return "timeout";
        case UnitResult::kExitCode:
            return "exit-code";
        case UnitResult::kSignal:
            return "signal";
        case UnitResult::kCoreDump:
            return "core-dump";
        case UnitResult::kWatchdog:
            return "watchdog";
        case UnitResult::kStartLimitHit:
            return "start-limit-hit";
        case UnitResult::kOomKill:
            return "oom-kill";
        case UnitResult::kOther:
            return "other";
    }
    return "?";
}

UnitResult unit_result_from_id(std::string_view id) {
    return find_by_id(id, UnitResult::kOther, unit_result_id).value_or(UnitResult::kOther);
}

bool is_enabled_state(std::string_view unit_file_state) {
    constexpr std::array<std::string_view, 6> kEnabled{
        "enabled", "enabled-runtime", "static", "indirect", "generated", "alias"};
    return std::find(kEnabled.begin(), kEnabled.end(), unit_file_state) != kEnabled.end();
}

bool is_disabled_state(std::string_view unit_file_state) {
    // "linked": its file lies elsewhere; a generator's or a transient one nobody disables this way.
    return unit_file_state == "disabled" || unit_file_state.starts_with("linked");
}

bool is_restart_pending(const UnitState& state) {
    return state.active == ActiveState::kActivating && state.sub.starts_with("auto-restart");
}

bool is_down(const UnitState& state) {
    return state.active == ActiveState::kInactive || state.active == ActiveState::kFailed ||
           is_restart_pending(state);
}

bool is_up(const UnitState& state) {
    return state.active == ActiveState::kActive || state.active == ActiveState::kReloading;
}

std::string describe(const UnitState& state) {
    std::string text{active_state_id(state.active)};
    if (state.active == ActiveState::kFailed) {
        text += " (" + std::string{unit_result_id(state.result)};
        if (state.exec_main_status != 0) {
            text += ", status=" + std::to_string(state.exec_main_status);
        }
        text += ")";
    } else if (!state.sub.empty()) {
        text += " (" + state.sub + ")";
    }
    if (state.is_masked) {
        text += ", masked";
    }
    return text;
}

}  // namespace gatemend::core
