// SPDX-License-Identifier: MIT
#include "app/heartbeat.hpp"

#include "io/service_notify.hpp"

#include <utility>

namespace gatemend::app {

Heartbeat::Heartbeat(bus::EventLoop& loop, std::function<bool()> is_on_time)
    : loop_(loop),
      is_on_time_(std::move(is_on_time)) {
    if (const auto period = io::watchdog_period()) {
        interval_ = *period / 2;
        beat();
    }
}

void Heartbeat::beat() {
    if (is_on_time_()) {
        io::notify_watchdog();
    }
    timer_ = loop_.add_timer(interval_, [this] { beat(); });
}

}  // namespace gatemend::app
