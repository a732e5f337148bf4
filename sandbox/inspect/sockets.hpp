// SPDX-License-Identifier: MIT
// All listening stream sockets of this machine, asked from the kernel (sock_diag(7)): address,
// queue and backlog. Called by look. Connects to nothing.
#pragma once

#include "core/inspection.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <vector>

namespace gatemend::inspect {

struct FoundSocket {
    core::Listener listener;  // owner and is_reachable not filled in yet
    std::uint64_t inode = 0;  // of the socket, as in /proc/PID/fd
    std::uint32_t file = 0;   // unix: low bits of the inode of its file, 0 when unknown
};

inline constexpr std::size_t kMaxSockets = 8192;

// Unix sockets without a path (unnamed, abstract) are left out: nginx cannot be told to use them.
[[nodiscard]] core::Result<std::vector<FoundSocket>> list_sockets();

}  // namespace gatemend::inspect
