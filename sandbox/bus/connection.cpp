// SPDX-License-Identifier: MIT
#include "sandbox/bus/connection.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <chrono>
#include <optional>
#include <utility>

namespace gatemend::bus {

namespace {

// Bounded work per turn, so that a flood on the bus cannot starve timers and the watchdog.
constexpr int kMaxMessagesPerTurn = 64;

int event_fd(const sdbus::IConnection::PollData& data) {
#if GATEMEND_SDBUS_MAJOR >= 2
    return data.eventFd;  // wakes the loop when another part of the process queued a message
#else
    (void)data;
    return -1;
#endif
}

// CLOCK_MONOTONIC, microseconds; UINT64_MAX when nothing is waited for.
std::uint64_t absolute_timeout(const sdbus::IConnection::PollData& data) {
#if GATEMEND_SDBUS_MAJOR >= 2
    return data.timeout == std::chrono::microseconds::max()
               ? UINT64_MAX
               : static_cast<std::uint64_t>(data.timeout.count());
#else
    return data.timeout_usec;
#endif
}

std::uint32_t epoll_events(int poll_events) {
    std::uint32_t events = 0;
    if ((poll_events & POLLIN) != 0) {
        events |= EPOLLIN;
    }
    if ((poll_events & POLLOUT) != 0) {
        events |= EPOLLOUT;
    }
    return events;
}

}  // namespace

core::Result<std::unique_ptr<Connection>> Connection::open_system(EventLoop& loop,
                                                                  std::function<void()> on_lost) {
    try {
        auto raw = sdbus::createSystemBusConnection();
        auto connection =
            std::unique_ptr<Connection>(new Connection(loop, std::move(raw), std::move(on_lost)));
        return connection;
    } catch (const sdbus::Error& error) {
        return core::Error{"connect to the system bus: " + error.getMessage()};
    }
}

Connection::Connection(EventLoop& loop,
                       std::unique_ptr<sdbus::IConnection> connection,
                       std::function<void()> on_lost)
    : loop_(loop),
      connection_(std::move(connection)),
      on_lost_(std::move(on_lost)) {
    const auto data = connection_->getEventLoopPollData();
    fd_ = data.fd;
    io_ = loop_.add_io(fd_, EPOLLIN, [this](std::uint32_t) { process(); });
    if (const int extra = event_fd(data); extra >= 0) {
        event_io_ = loop_.add_io(extra, EPOLLIN, [this](std::uint32_t) { process(); });
    }
    prepare_ = loop_.add_prepare([this] { prepare(); });
}

Connection::~Connection() = default;

core::Status Connection::request_name(const std::string& name) {
    try {
        connection_->requestName(ServiceName{name});
        return core::Done{};
    } catch (const sdbus::Error& error) {
        return core::Error{"own the bus name " + name + ": " + error.getMessage()};
    }
}

void Connection::prepare() {
    if (!connection_ || !io_.is_set()) {
        return;
    }
    try {
        const auto data = connection_->getEventLoopPollData();
        io_.set_events(epoll_events(data.events));
        const std::uint64_t timeout = absolute_timeout(data);
        if (timeout == timeout_ && timeout != 0) {
            return;  // the timer stands already
        }
        timeout_ = timeout;
        timer_.reset();
        // Zero when messages are already queued inside the library and no byte will arrive.
        if (timeout != UINT64_MAX) {
            // a plain duration in 2.x, an optional one in 1.2
            const std::optional<std::chrono::microseconds> wait = data.getRelativeTimeout();
            timer_ = loop_.add_timer(wait.value_or(core::Duration::zero()), [this] {
                timeout_ = UINT64_MAX;
                process();
            });
        }
    } catch (const sdbus::Error&) {
        lost();
    }
}

void Connection::process() {
    try {
        for (int i = 0; i < kMaxMessagesPerTurn; ++i) {
#if GATEMEND_SDBUS_MAJOR >= 2
            if (!connection_->processPendingEvent()) {
                return;
            }
#else
            if (!connection_->processPendingRequest()) {
                return;
            }
#endif
        }
    } catch (const sdbus::Error&) {
        lost();
    }
}

void Connection::lost() {
    io_.reset();
    event_io_.reset();
    timer_.reset();
    if (auto notify = std::exchange(on_lost_, nullptr)) {
        notify();
    }
}

}  // namespace gatemend::bus
