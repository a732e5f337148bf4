// SPDX-License-Identifier: MIT
#include "actions/act.hpp"
#include "actions/shipped_acts.hpp"
#include "actions/tool_acts.hpp"

namespace gatemend::actions {

const Act* find_act(ActId id) {
    static const VacuumJournal vacuum_journal;
    static const RestartPm2App restart_pm2_app;
    static const CapturePort capture_port;
    switch (id) {
        case ActId::kStartUnit:
            return &start_unit();
        case ActId::kRestartUnit:
            return &restart_unit();
        case ActId::kReloadUnit:
            return &reload_unit();
        case ActId::kRestartPm2App:
            return &restart_pm2_app;
        case ActId::kVacuumJournal:
            return &vacuum_journal;
        case ActId::kFixSocketOwner:
            return &fix_socket_owner();
        case ActId::kSetPoolListen:
            return &set_pool_listen();
        case ActId::kRepointBackend:
            return &repoint_backend();
        case ActId::kRestoreConfig:
            return &restore_config();
        case ActId::kApplySuggestion:
            return &apply_suggestion();
        case ActId::kDebugLog:
            return &debug_log();
        case ActId::kCapturePort:
            return &capture_port;
    }
    return nullptr;
}

}  // namespace gatemend::actions
