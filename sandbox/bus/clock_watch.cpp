// SPDX-License-Identifier: MIT
#include "sandbox/bus/clock_watch.hpp"

#include <sys/epoll.h>
#include <sys/timerfd.h>

#include <cerrno>
#include <chrono>
#include <ctime>
#include <limits>
#include <system_error>
#include <utility>

namespace gatemend::bus {

namespace {

constexpr core::Duration kLeastJump = std::chrono::seconds{1};
// Never rings: it is there to be cancelled. The kernel takes no later second.
constexpr std::time_t kNever = std::numeric_limits<std::time_t>::max() / 1'000'000'000;

core::Error timer_error(const char* what) {
    return core::Error{
        std::string{"cannot "} + what +
        " the timer that tells when the clock is set: " + std::generic_category().message(errno)};
}

}  // namespace

core::Result<std::unique_ptr<ClockWatch>> ClockWatch::open(EventLoop& loop,
                                                           OnJump on_jump,
                                                           ReadClock clock) {
    UniqueFd timer{::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK)};
    if (!timer.is_open()) {
        return timer_error("make");
    }
    std::unique_ptr<ClockWatch> watch{
        new ClockWatch(loop, std::move(timer), std::move(on_jump), std::move(clock))};
    GATEMEND_CHECK(watch->arm());
    return watch;
}

ClockWatch::ClockWatch(EventLoop& loop, UniqueFd timer, OnJump on_jump, ReadClock clock)
    : loop_(loop),
      timer_(std::move(timer)),
      on_jump_(std::move(on_jump)),
      clock_(std::move(clock)),
      source_(loop.add_io(timer_.get(), EPOLLIN, [this](std::uint32_t) { look(); })),
      first_look_(loop.add_timer(core::Duration{}, [this] { look(); })) {}

core::Status ClockWatch::arm() {
    itimerspec never{};
    never.it_value.tv_sec = kNever;
    if (::timerfd_settime(
            timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &never, nullptr) != 0 &&
        errno != ECANCELED) {
        return timer_error("arm");
    }
    return core::Done{};
}

void ClockWatch::look() {
    // Armed first: what is set between the two is then found by the next look. It was armed
    // before, so it can be armed now.
    (void)arm();
    const core::Duration jump = clock_() - loop_.now();
    if (jump >= kLeastJump || jump <= -kLeastJump) {
        on_jump_(jump);
    }
}

std::string jump_words(core::Duration jump) {
    const auto seconds = std::chrono::round<std::chrono::seconds>(jump);  // at least one
    return jump < core::Duration{} ? "set back by " + core::format_duration(-seconds)
                                   : "set forward by " + core::format_duration(seconds);
}

}  // namespace gatemend::bus
