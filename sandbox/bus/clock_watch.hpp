// SPDX-License-Identifier: MIT
// ClockWatch: tells when the wall clock is set (settimeofday(2), a step of an NTP client). A
// process's own clock, EventLoop::now, does not follow; a service starts anew instead, so that its
// records, maintenance windows and looks into the journal mean the time that everybody else means.
// Slewing, suspending and steps below a second are no jumps.
// Source: timerfd_create(2), TFD_TIMER_CANCEL_ON_SET.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"
#include "sandbox/bus/event_loop.hpp"
#include "sandbox/bus/unique_fd.hpp"

#include <functional>
#include <memory>
#include <string>

namespace gatemend::bus {

class ClockWatch {
  public:
    using ReadClock = std::function<core::TimePoint()>;
    // How far the wall clock is ahead of the loop's; negative when it was set back.
    using OnJump = std::function<void(core::Duration)>;

    // `on_jump` is called from the loop, once for each time that the clock is set. A clock that was
    // set before this is found in the first turn.
    [[nodiscard]] static core::Result<std::unique_ptr<ClockWatch>> open(
        EventLoop& loop, OnJump on_jump, ReadClock clock = wall_clock);

    ClockWatch(const ClockWatch&) = delete;
    ClockWatch& operator=(const ClockWatch&) = delete;
    ~ClockWatch() = default;

  private:
    ClockWatch(EventLoop& loop, UniqueFd timer, OnJump on_jump, ReadClock clock);
    [[nodiscard]] core::Status arm();
    void look();

    EventLoop& loop_;
    UniqueFd timer_;
    OnJump on_jump_;
    ReadClock clock_;
    Source source_;
    Source first_look_;
};

// "set forward by 1h", "set back by 2m30s"; to the second
[[nodiscard]] std::string jump_words(core::Duration jump);

}  // namespace gatemend::bus
