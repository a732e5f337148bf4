// SPDX-License-Identifier: MIT
#include "sandbox/bus/event_loop.hpp"

#include <csignal>
#include <cstring>
#include <ctime>
#include <utility>

namespace gatemend::bus {

namespace {

core::Error event_error(const char* what, int negative_errno) {
    return core::Error{std::string(what) + ": " + strerrordesc_np(-negative_errno)};
}

std::uint64_t boottime_usec() {
    timespec now{};
    (void)clock_gettime(CLOCK_BOOTTIME, &now);  // cannot fail for this clock
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000U +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000U;
}

}  // namespace

struct Source::State {
    sd_event_source* source = nullptr;
    std::function<void(std::uint32_t)> callback;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;

    ~State() { release(); }

    void release() {
        if (source != nullptr) {
            (void)sd_event_source_set_enabled(source, SD_EVENT_OFF);
            source = sd_event_source_unref(source);
        }
    }
};

namespace {

// What sd-event keeps as userdata. A callback may destroy its own Source, so dispatch() holds the
// state until the callback returns; the holder itself lives as long as the sd_event_source.
using StatePointer = std::shared_ptr<Source::State>;

struct Holder {
    std::weak_ptr<Source::State> state;
};

void destroy_holder(void* userdata) {
    std::unique_ptr<Holder> owned(static_cast<Holder*>(userdata));
}

int dispatch(void* userdata, std::uint32_t events) {
    const StatePointer state = static_cast<Holder*>(userdata)->state.lock();
    if (state != nullptr && state->callback) {
        // Copied: the callback may replace or destroy the function it is running in.
        const auto callback = state->callback;
        callback(events);
    }
    return 0;
}

int on_io(sd_event_source*, int, std::uint32_t revents, void* userdata) {
    return dispatch(userdata, revents);
}

int on_time(sd_event_source*, std::uint64_t, void* userdata) {
    return dispatch(userdata, 0);
}

int on_signal_event(sd_event_source*, const signalfd_siginfo*, void* userdata) {
    return dispatch(userdata, 0);
}

int on_plain(sd_event_source*, void* userdata) {
    return dispatch(userdata, 0);
}

Source adopt(sd_event_source* source, std::function<void(std::uint32_t)> callback) {
    auto state = std::make_shared<Source::State>();
    state->source = source;
    state->callback = std::move(callback);
    if (source != nullptr) {
        auto holder = std::make_unique<Holder>();
        holder->state = state;
        (void)sd_event_source_set_userdata(source, holder.get());
        (void)sd_event_source_set_destroy_callback(source, destroy_holder);
        (void)holder.release();  // owned by the event source from here on
    }
    return Source(std::move(state));
}

}  // namespace

Source& Source::operator=(Source&& other) noexcept {
    if (this != &other) {
        reset();
        state_ = std::move(other.state_);
    }
    return *this;
}

Source::~Source() {
    reset();
}

void Source::reset() {
    if (state_ != nullptr) {
        state_->release();
        state_.reset();
    }
}

void Source::set_events(std::uint32_t events) {
    if (state_ != nullptr && state_->source != nullptr) {
        (void)sd_event_source_set_io_events(state_->source, events);
    }
}

sd_event_source* Source::raw() const {
    return state_ == nullptr ? nullptr : state_->source;
}

core::TimePoint wall_clock() {
    return std::chrono::floor<core::Duration>(std::chrono::system_clock::now());
}

core::Duration since_boot() {
    return std::chrono::microseconds{boottime_usec()};
}

EventLoop::EventLoop(sd_event* event)
    : event_(event),
      wall_at_start_(wall_clock()),
      boot_at_start_(boottime_usec()) {}

core::Result<EventLoop> EventLoop::open() {
    sd_event* event = nullptr;
    if (const int error = sd_event_new(&event); error < 0) {
        return event_error("create the event loop", error);
    }
    return EventLoop(event);
}

EventLoop::EventLoop(EventLoop&& other) noexcept
    : event_(std::exchange(other.event_, nullptr)),
      wall_at_start_(other.wall_at_start_),
      boot_at_start_(other.boot_at_start_) {}

EventLoop& EventLoop::operator=(EventLoop&& other) noexcept {
    if (this != &other) {
        sd_event_unref(event_);
        event_ = std::exchange(other.event_, nullptr);
        wall_at_start_ = other.wall_at_start_;
        boot_at_start_ = other.boot_at_start_;
    }
    return *this;
}

EventLoop::~EventLoop() {
    sd_event_unref(event_);
}

Source EventLoop::add_io(int fd,
                         std::uint32_t events,
                         std::function<void(std::uint32_t)> on_ready) {
    sd_event_source* source = nullptr;
    (void)sd_event_add_io(event_, &source, fd, events, on_io, nullptr);
    return adopt(source, std::move(on_ready));
}

Source EventLoop::add_timer(core::Duration delay, std::function<void()> on_expiry) {
    // Coalescing within 1 ms: sd-event's default of 250 ms would be felt in heal times.
    constexpr std::uint64_t kAccuracyUsec = 1'000;
    const std::uint64_t wait =
        delay.count() > 0 ? static_cast<std::uint64_t>(delay.count()) : std::uint64_t{0};
    sd_event_source* source = nullptr;
    (void)sd_event_add_time(
        event_, &source, CLOCK_BOOTTIME, boottime_usec() + wait, kAccuracyUsec, on_time, nullptr);
    return adopt(source, [on_expiry = std::move(on_expiry)](std::uint32_t) { on_expiry(); });
}

Source EventLoop::add_signal(int signal, std::function<void()> on_signal) {
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, signal);
    (void)pthread_sigmask(SIG_BLOCK, &set, nullptr);
    sd_event_source* source = nullptr;
    (void)sd_event_add_signal(event_, &source, signal, on_signal_event, nullptr);
    return adopt(source, [on_signal = std::move(on_signal)](std::uint32_t) { on_signal(); });
}

Source EventLoop::add_prepare(std::function<void()> on_prepare) {
    sd_event_source* source = nullptr;
    // Only enabled sources are prepared, so this is one that never fires: a timer at no time.
    (void)sd_event_add_time(event_, &source, CLOCK_MONOTONIC, UINT64_MAX, 0, on_time, nullptr);
    Source result =
        adopt(source, [on_prepare = std::move(on_prepare)](std::uint32_t) { on_prepare(); });
    (void)sd_event_source_set_prepare(source, on_plain);
    return result;
}

core::TimePoint EventLoop::now() const {
    return wall_at_start_ +
           core::Duration{static_cast<core::Duration::rep>(boottime_usec() - boot_at_start_)};
}

int EventLoop::run() {
    return sd_event_loop(event_);
}

void EventLoop::exit(int code) {
    (void)sd_event_exit(event_, code);
}

}  // namespace gatemend::bus
