// SPDX-License-Identifier: MIT
// What the service manager is told: ready, reloading, a status line, still making progress. Used by
// the agent's main; a no-op outside of systemd.
#pragma once

#include "core/time.hpp"

#include <optional>
#include <string>

namespace gatemend::io {

void notify_ready(const std::string& status);
void notify_reloading();
void notify_status(const std::string& status);
void notify_stopping();
void notify_watchdog();

// WatchdogSec= of the running service; nullopt when there is none.
[[nodiscard]] std::optional<core::Duration> watchdog_period();

}  // namespace gatemend::io
