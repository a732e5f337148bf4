// SPDX-License-Identifier: MIT
// Connection: the system bus on our event loop (no hidden sdbus-c++ thread). When the bus goes away
// `on_lost` is called once, from the loop; both services then end with kExitStartAnew and systemd
// starts them again: losing the bus is the same path as a crash, which has to be right anyway.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/compat.hpp"
#include "sandbox/bus/event_loop.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gatemend::bus {

class Connection {
  public:
    [[nodiscard]] static core::Result<std::unique_ptr<Connection>> open_system(
        EventLoop& loop, std::function<void()> on_lost);
    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;
    ~Connection();

    [[nodiscard]] sdbus::IConnection& raw() { return *connection_; }

    [[nodiscard]] core::Status request_name(const std::string& name);

  private:
    Connection(EventLoop& loop,
               std::unique_ptr<sdbus::IConnection> connection,
               std::function<void()> on_lost);
    void prepare();
    void process();
    void lost();

    EventLoop& loop_;
    std::unique_ptr<sdbus::IConnection> connection_;
    std::function<void()> on_lost_;
    Source io_;
    Source event_io_;
    Source timer_;
    Source prepare_;
    std::uint64_t timeout_ = UINT64_MAX;  // what timer_ was set for
    int fd_ = -1;
};

}  // namespace gatemend::bus
