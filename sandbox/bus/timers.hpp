// SPDX-License-Identifier: MIT
// Calls back once after a while, for callers that keep nothing: each timer lives until it has rung,
// or as long as this. Used by the executor and the dry run.
#pragma once

#include "core/time.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <cstdint>
#include <functional>
#include <map>

namespace gatemend::bus {

class Timers {
  public:
    explicit Timers(EventLoop& loop) : loop_(loop) {}

    Timers(const Timers&) = delete;
    Timers& operator=(const Timers&) = delete;
    ~Timers() = default;

    void call_after(core::Duration delay, std::function<void()> then);

  private:
    EventLoop& loop_;
    std::map<std::uint64_t, Source> running_;
    std::uint64_t next_ = 0;
};

}  // namespace gatemend::bus
