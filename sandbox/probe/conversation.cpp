// SPDX-License-Identifier: MIT
#include "sandbox/probe/conversation.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>

namespace gatemend::probe {
namespace {

using core::Duration;
using core::ProbeOutcome;
using core::ProbeResult;

ProbeResult answer(ProbeOutcome outcome, int error_number = 0) {
    return {.outcome = outcome, .error_number = error_number};
}

// The errnos a backend's absence shows in; what is not listed was not the backend's doing.
ProbeResult classify_connect(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return answer(ProbeOutcome::kMissing, error_number);
        case ECONNREFUSED:
            return answer(ProbeOutcome::kRefused, error_number);
        case EACCES:
        case EPERM:
            return answer(ProbeOutcome::kDenied, error_number);
        case EAGAIN:
            return answer(ProbeOutcome::kSaturated, error_number);
        case ENETUNREACH:
        case ENETDOWN:
        case EHOSTUNREACH:
        case EHOSTDOWN:
        case EADDRNOTAVAIL:
            return answer(ProbeOutcome::kUnreachable, error_number);
        case ETIMEDOUT:
            return answer(ProbeOutcome::kConnectTimeout, error_number);
        case ECONNRESET:
            return answer(ProbeOutcome::kClosedEarly, error_number);
        default:
            return answer(ProbeOutcome::kUnknown, error_number);
    }
}

bool is_peer_gone(int error_number) {
    return error_number == ECONNRESET || error_number == EPIPE || error_number == ENOTCONN;
}

}  // namespace

Duration monotonic_now() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail for this clock
    return std::chrono::duration_cast<Duration>(std::chrono::seconds{now.tv_sec} +
                                                std::chrono::nanoseconds{now.tv_nsec});
}

Conversation::~Conversation() {
    if (fd_ >= 0) {
        close(fd_);
    }
}

Conversation::Wait Conversation::wait_for(short events) {
    for (;;) {
        const Duration left = deadline_ - monotonic_now();
        if (left <= Duration::zero()) {
            return Wait::kTimeout;
        }
        pollfd entry{fd_, events, 0};
        const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
        const int ready = poll(&entry, 1, static_cast<int>(ms));
        if (ready > 0) {
            return Wait::kReady;
        }
        if (ready < 0 && errno != EINTR) {
            return Wait::kFailed;
        }
    }
}

std::optional<ProbeResult> Conversation::connect_to(const SocketAddress& address) {
    fd_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
        return answer(ProbeOutcome::kUnknown, errno);
    }
    // sockaddr is how the C API spells "any address"
    if (connect(fd_, reinterpret_cast<const sockaddr*>(&address.storage), address.size) == 0) {
        return std::nullopt;
    }
    if (errno != EINPROGRESS && errno != EINTR) {
        return classify_connect(errno);
    }
    switch (wait_for(POLLOUT)) {
        case Wait::kReady:
            break;
        case Wait::kTimeout:
            return answer(ProbeOutcome::kConnectTimeout);
        case Wait::kFailed:
            return answer(ProbeOutcome::kUnknown, errno);
    }
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &size) < 0) {
        return answer(ProbeOutcome::kUnknown, errno);
    }
    if (error_number != 0) {
        return classify_connect(error_number);
    }
    return std::nullopt;
}

std::optional<ProbeResult> Conversation::send_all(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (sent >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(sent));
            continue;
        }
        if (is_peer_gone(errno)) {
            is_peer_deaf_ = true;  // it may have said something before it closed: read that
            return std::nullopt;
        }
        if (errno != EAGAIN && errno != EINTR) {
            return answer(ProbeOutcome::kUnknown, errno);
        }
        switch (wait_for(POLLOUT)) {
            case Wait::kReady:
                break;
            case Wait::kTimeout:
                return answer(ProbeOutcome::kResponseTimeout);
            case Wait::kFailed:
                return answer(ProbeOutcome::kUnknown, errno);
        }
    }
    return std::nullopt;
}

Received Conversation::receive(std::span<char> buffer) {
    // Asked first, so that a peer that drips does not outlast it.
    while (monotonic_now() < deadline_) {
        const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got > 0) {
            return {{buffer.data(), static_cast<std::size_t>(got)}, std::nullopt};
        }
        if (got == 0) {
            return {{}, answer(ProbeOutcome::kClosedEarly, is_peer_deaf_ ? EPIPE : 0)};
        }
        if (is_peer_gone(errno)) {
            return {{}, answer(ProbeOutcome::kClosedEarly, errno)};
        }
        if (errno != EAGAIN && errno != EINTR) {
            return {{}, answer(ProbeOutcome::kUnknown, errno)};
        }
        if (wait_for(POLLIN) == Wait::kFailed) {
            return {{}, answer(ProbeOutcome::kUnknown, errno)};
        }
    }
    return {{}, answer(ProbeOutcome::kResponseTimeout)};
}

}  // namespace gatemend::probe
