// SPDX-License-Identifier: MIT
#include "actions/act.hpp"
#include "actions/shipped_acts.hpp"

namespace gatemend::actions {

const Act* find_act(ActId id) {
    switch (id) {
        case ActId::kStartUnit:
            return &start_unit();
        case ActId::kRestartUnit:
            return &restart_unit();
        case ActId::kReloadUnit:
            return &reload_unit();
        case ActId::kRestartPm2App:
        case ActId::kVacuumJournal:
            break;
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
            break;
    }
    return nullptr;
}

}  // namespace gatemend::actions
