// SPDX-License-Identifier: MIT
#include "sandbox/probe/probe.hpp"

#include "sandbox/probe/address.hpp"
#include "sandbox/probe/fastcgi.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <optional>

namespace gatemend::probe {
namespace {

using core::Duration;
using core::ProbeKind;
using core::ProbeOutcome;
using core::ProbeResult;

Duration monotonic_now() {
    timespec now{};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);  // cannot fail for this clock
    return std::chrono::duration_cast<Duration>(std::chrono::seconds{now.tv_sec} +
                                                std::chrono::nanoseconds{now.tv_nsec});
}

struct Answer {
    ProbeOutcome outcome = ProbeOutcome::kUnknown;
    int error_number = 0;
};

// The errnos a backend's absence shows in; what is not listed was not the backend's doing.
Answer classify_connect(int error_number) {
    switch (error_number) {
        case ENOENT:
        case ENOTDIR:
            return {ProbeOutcome::kMissing, error_number};
        case ECONNREFUSED:
            return {ProbeOutcome::kRefused, error_number};
        case EACCES:
        case EPERM:
            return {ProbeOutcome::kDenied, error_number};
        case EAGAIN:
            return {ProbeOutcome::kSaturated, error_number};
        case ENETUNREACH:
        case EHOSTUNREACH:
        case EADDRNOTAVAIL:
            return {ProbeOutcome::kUnreachable, error_number};
        case ETIMEDOUT:
            return {ProbeOutcome::kConnectTimeout, error_number};
        case ECONNRESET:
            return {ProbeOutcome::kClosedEarly, error_number};
        default:
            return {ProbeOutcome::kUnknown, error_number};
    }
}

bool is_peer_gone(int error_number) {
    return error_number == ECONNRESET || error_number == EPIPE || error_number == ENOTCONN;
}

// One connection with one deadline for everything.
class Conversation {
  public:
    explicit Conversation(Duration deadline) : deadline_(deadline) {}

    Conversation(const Conversation&) = delete;
    Conversation& operator=(const Conversation&) = delete;

    ~Conversation() {
        if (fd_ >= 0) {
            close(fd_);
        }
    }

    // nullopt: connected
    std::optional<Answer> connect_to(const SocketAddress& address);
    std::optional<Answer> send_all(std::string_view bytes);
    Answer read_fastcgi_reply();

  private:
    enum class Wait { kReady, kTimeout, kFailed };

    Wait wait_for(short events);
    [[nodiscard]] Answer judge_end(const FastcgiReply& reply, ssize_t got, int error_number) const;

    Duration deadline_;
    int fd_ = -1;
    bool is_peer_deaf_ = false;
};

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

std::optional<Answer> Conversation::connect_to(const SocketAddress& address) {
    fd_ = socket(address.storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd_ < 0) {
        return Answer{ProbeOutcome::kUnknown, errno};
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
            return Answer{ProbeOutcome::kConnectTimeout, 0};
        case Wait::kFailed:
            return Answer{ProbeOutcome::kUnknown, errno};
    }
    int error_number = 0;
    socklen_t size = sizeof error_number;
    if (getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error_number, &size) < 0) {
        return Answer{ProbeOutcome::kUnknown, errno};
    }
    if (error_number != 0) {
        return classify_connect(error_number);
    }
    return std::nullopt;
}

std::optional<Answer> Conversation::send_all(std::string_view bytes) {
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
            return Answer{ProbeOutcome::kUnknown, errno};
        }
        switch (wait_for(POLLOUT)) {
            case Wait::kReady:
                break;
            case Wait::kTimeout:
                return Answer{ProbeOutcome::kResponseTimeout, 0};
            case Wait::kFailed:
                return Answer{ProbeOutcome::kUnknown, errno};
        }
    }
    return std::nullopt;
}

Answer Conversation::judge_end(const FastcgiReply& reply, ssize_t got, int error_number) const {
    if (reply.state() == ReplyState::kInvalid) {
        return {ProbeOutcome::kInvalidResponse, 0};
    }
    if (got == 0) {
        return {ProbeOutcome::kClosedEarly, is_peer_deaf_ ? EPIPE : 0};
    }
    const bool is_gone = is_peer_gone(error_number);
    return {is_gone ? ProbeOutcome::kClosedEarly : ProbeOutcome::kUnknown, error_number};
}

Answer Conversation::read_fastcgi_reply() {
    FastcgiReply reply;
    std::array<char, std::size_t{16} * 1024> buffer{};
    std::size_t total = 0;
    while (total < kMaxResponseBytes) {
        const ssize_t got = recv(fd_, buffer.data(), buffer.size(), 0);
        if (got > 0) {
            total += static_cast<std::size_t>(got);
            const ReplyState state = reply.take({buffer.data(), static_cast<std::size_t>(got)});
            if (state == ReplyState::kComplete) {
                return {ProbeOutcome::kGood, 0};
            }
            if (state == ReplyState::kInvalid) {
                return {ProbeOutcome::kInvalidResponse, 0};
            }
            if (monotonic_now() >= deadline_) {  // a peer that drips must not outlast it
                return {ProbeOutcome::kResponseTimeout, 0};
            }
            continue;
        }
        if (got == 0 || (errno != EAGAIN && errno != EINTR)) {
            return judge_end(reply, got, errno);
        }
        switch (wait_for(POLLIN)) {
            case Wait::kReady:
                break;
            case Wait::kTimeout:
                return {ProbeOutcome::kResponseTimeout, 0};
            case Wait::kFailed:
                return {ProbeOutcome::kUnknown, errno};
        }
    }
    return {ProbeOutcome::kInvalidResponse, 0};  // no end in sight
}

Answer converse(ProbeKind kind, const SocketAddress& address, Duration deadline) {
    Conversation conversation{deadline};
    if (const auto failed = conversation.connect_to(address)) {
        return *failed;
    }
    switch (kind) {
        case ProbeKind::kConnect:
            return {ProbeOutcome::kGood, 0};
        case ProbeKind::kHttp:
        case ProbeKind::kHttps:
        case ProbeKind::kResolve:
            return {ProbeOutcome::kUnknown, ENOSYS};
        case ProbeKind::kFastcgi:
            break;
    }
    if (const auto failed = conversation.send_all(make_fastcgi_request())) {
        return *failed;
    }
    return conversation.read_fastcgi_reply();
}

}  // namespace

ProbeResult run_probe(ProbeKind kind, std::string_view address, Duration timeout) {
    const auto target = parse_address(address);
    if (!target) {
        return {.outcome = ProbeOutcome::kUnknown, .error_number = EINVAL};
    }
    const Duration start = monotonic_now();
    const Duration limit = std::clamp(timeout, Duration::zero(), kMaxTimeout);
    const Answer answer = converse(kind, *target, start + limit);
    const auto elapsed = (monotonic_now() - start).count();
    return {.outcome = answer.outcome,
            .error_number = answer.error_number,
            .elapsed_us = static_cast<std::uint32_t>(elapsed)};
}

}  // namespace gatemend::probe
