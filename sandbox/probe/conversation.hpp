// SPDX-License-Identifier: MIT
// One connection with one deadline for everything that happens on it. exchange.cpp talks over a
// Channel; a Conversation is the plain one, tls/ puts a session on top. Never blocks beyond the
// deadline, never keeps what a peer sends.
#pragma once

#include "core/probe.hpp"
#include "sandbox/probe/address.hpp"

#include <optional>
#include <span>
#include <string_view>

namespace gatemend::probe {

[[nodiscard]] core::Duration monotonic_now();

struct Received {
    std::string_view bytes;                   // of the caller's buffer; empty: it is over
    std::optional<core::ProbeResult> ending;  // set when `bytes` is empty: how it ended
};

class Channel {
  public:
    Channel() = default;
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    virtual ~Channel() = default;

    // nullopt: all sent, or the peer no longer listens, which receive() will tell
    virtual std::optional<core::ProbeResult> send_all(std::string_view bytes) = 0;
    virtual Received receive(std::span<char> buffer) = 0;
};

class Conversation final : public Channel {
  public:
    explicit Conversation(core::Duration deadline) : deadline_(deadline) {}

    ~Conversation() override;

    // nullopt: connected
    std::optional<core::ProbeResult> connect_to(const SocketAddress& address);
    std::optional<core::ProbeResult> send_all(std::string_view bytes) override;
    Received receive(std::span<char> buffer) override;

  private:
    enum class Wait { kReady, kTimeout, kFailed };

    Wait wait_for(short events);

    core::Duration deadline_;
    int fd_ = -1;
    bool is_peer_deaf_ = false;
};

}  // namespace gatemend::probe
