// SPDX-License-Identifier: MIT
// Heartbeat: feeds systemd's watchdog, but only on progress: the timer runs on the event loop
// itself, so a loop that hangs is silent, and a call that was never answered silences it, too.
// No-op without WatchdogSec=.
#pragma once

#include "sandbox/bus/event_loop.hpp"

#include <functional>

namespace gatemend::app {

class Heartbeat {
  public:
    Heartbeat(bus::EventLoop& loop, std::function<bool()> is_on_time);

  private:
    void beat();

    bus::EventLoop& loop_;
    std::function<bool()> is_on_time_;
    core::Duration interval_{};
    bus::Source timer_;
};

}  // namespace gatemend::app
