// SPDX-License-Identifier: MIT
// A probe's target: canonical text -> socket address, and what a host name may look like. Only unix
// paths and loopback unless the caller says that more is meant; never a group or a broadcast
// address. Used by probe.cpp; the executor asks check_target() before it starts a probe.
#pragma once

#include "core/probe.hpp"
#include "core/result.hpp"

#include <sys/socket.h>

#include <string>
#include <string_view>

namespace gatemend::probe {

enum class Reach {
    kLocal,   // unix paths and loopback
    kRemote,  // any one host, too
};

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = 0;
};

[[nodiscard]] core::Result<SocketAddress> parse_address(std::string_view address, Reach reach);

// Letters, digits, '-', '_' and single dots, at most 253: what nginx and the resolver both take.
[[nodiscard]] bool is_host_name(std::string_view name);

// "" when this may be asked within `reach`, else what is wrong with it.
[[nodiscard]] std::string check_target(const core::ProbeQuestion& question, Reach reach);

}  // namespace gatemend::probe
