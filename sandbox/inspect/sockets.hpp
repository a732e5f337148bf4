// SPDX-License-Identifier: MIT
// All listening stream sockets of this machine, asked from the kernel (sock_diag(7)): address,
// queue, backlog, and which file a unix socket lies on. Called by look and, for the proof that a
// file is a listener's own, by gatemend-mend. Connects to nothing.
#pragma once

#include "core/inspection.hpp"
#include "core/result.hpp"

#include <cstdint>
#include <vector>

namespace gatemend::inspect {

struct FoundSocket {
    // With the address it was bound to, whatever its file is called now. Owner and is_reachable are
    // not filled in yet.
    core::Listener listener;
    std::uint64_t inode = 0;     // of the socket, as in /proc/PID/fd
    std::uint32_t file = 0;      // unix: low bits of the inode of its file, 0 when unknown
    std::uint32_t device = 0;    // unix: of that file, as the kernel counts (kernel_device())
    bool has_peer_left = false;  // unix: of a connection
};

inline constexpr std::size_t kMaxSockets = 8192;

// Unix sockets without a path (unnamed, abstract) are left out: nginx cannot be told to use them.
[[nodiscard]] core::Result<std::vector<FoundSocket>> list_sockets();
[[nodiscard]] core::Result<std::vector<FoundSocket>> list_unix_sockets();

// The servers' ends of accepted connections, also of idle ones that are kept open, and of those
// whose visitor has left. The kernel gives them their listener's name and file
// (net/unix/af_unix.c, unix_stream_connect).
[[nodiscard]] core::Result<std::vector<FoundSocket>> list_unix_connections();
// Likewise of TCP, all with this local port; `listener.address` is the local one. A visitor who has
// left cannot be told from one who has only said all.
[[nodiscard]] core::Result<std::vector<FoundSocket>> list_tcp_connections(std::uint16_t port);

// The kernel's own number of a device, where stat() tells glibc's.
[[nodiscard]] std::uint32_t kernel_device(std::uint64_t device);

}  // namespace gatemend::inspect
