// SPDX-License-Identifier: MIT
// A probe's target: canonical text -> socket address. Only unix paths and loopback, by
// construction. Used by probe.cpp; the executor uses probe::check_address() of probe.hpp.
#pragma once

#include "core/result.hpp"

#include <sys/socket.h>

#include <string_view>

namespace gatemend::probe {

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

[[nodiscard]] core::Result<SocketAddress> parse_address(std::string_view address);

}  // namespace gatemend::probe
