// SPDX-License-Identifier: MIT
// The acts by the file that holds them; called by find_act alone.
#pragma once

#include "actions/act.hpp"

namespace gatemend::actions {

// unit_acts.cpp
[[nodiscard]] const Act& start_unit();
[[nodiscard]] const Act& restart_unit();
[[nodiscard]] const Act& reload_unit();

// file_acts.cpp
[[nodiscard]] const Act& fix_socket_owner();
[[nodiscard]] const Act& set_pool_listen();
[[nodiscard]] const Act& repoint_backend();
[[nodiscard]] const Act& restore_config();
[[nodiscard]] const Act& apply_suggestion();
[[nodiscard]] const Act& debug_log();

}  // namespace gatemend::actions
