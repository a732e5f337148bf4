// SPDX-License-Identifier: MIT
// EventLoop: sd-event with RAII sources and std::function callbacks. One per process, one thread.
// Nothing called from it may block or sleep. A Source unregisters itself when destroyed; it may be
// destroyed from inside its own callback.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <systemd/sd-event.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace gatemend::bus {

// What a service ends with to be started anew: the bus is gone, or the clock was set. EX_TEMPFAIL
// is a failure, so that Restart= applies.
inline constexpr int kExitStartAnew = 75;

[[nodiscard]] core::TimePoint wall_clock();  // CLOCK_REALTIME
[[nodiscard]] core::Duration since_boot();   // CLOCK_BOOTTIME, suspended time included

class Source {
  public:
    Source() = default;

    struct State;

    explicit Source(std::shared_ptr<State> state) : state_(std::move(state)) {}

    Source(Source&&) noexcept = default;
    Source& operator=(Source&& other) noexcept;
    ~Source();

    [[nodiscard]] bool is_set() const { return state_ != nullptr; }

    void reset();
    // For I/O sources: change the epoll events waited for.
    void set_events(std::uint32_t events);
    [[nodiscard]] sd_event_source* raw() const;

  private:
    // shared with the running callback only, so that destruction inside it is safe
    std::shared_ptr<State> state_;
};

class EventLoop {
  public:
    [[nodiscard]] static core::Result<EventLoop> open();
    EventLoop(EventLoop&&) noexcept;
    EventLoop& operator=(EventLoop&&) noexcept;
    ~EventLoop();

    [[nodiscard]] Source add_io(int fd,
                                std::uint32_t events,
                                std::function<void(std::uint32_t)> on_ready);
    // CLOCK_BOOTTIME, one shot; a delay of zero or less fires in the next turn.
    [[nodiscard]] Source add_timer(core::Duration delay, std::function<void()> on_expiry);
    // The signal must be blocked in every thread before; this blocks it in the calling one.
    [[nodiscard]] Source add_signal(int signal, std::function<void()> on_signal);
    // Called before every wait.
    [[nodiscard]] Source add_prepare(std::function<void()> on_prepare);

    // Wall clock at start advanced by CLOCK_BOOTTIME: never jumps within a process.
    [[nodiscard]] core::TimePoint now() const;

    [[nodiscard]] int run();  // until exit(); its code, negative errno when the loop itself failed
    void exit(int code);

    [[nodiscard]] sd_event* raw() const { return event_; }

  private:
    explicit EventLoop(sd_event* event);
    sd_event* event_ = nullptr;
    core::TimePoint wall_at_start_{};
    std::uint64_t boot_at_start_ = 0;
};

}  // namespace gatemend::bus
