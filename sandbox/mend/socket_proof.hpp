// SPDX-License-Identifier: MIT
// The proof that a file held open is the very one a listening socket was bound to. The kernel is
// asked (sock_diag(7)): a name proves nothing where others may write the folder, and an inode's
// number nothing where the file may have been exchanged or the number given again. A socket's
// cookie is never given again, and the file it was bound to is its own as long as it lives. Who
// holds the socket is not asked here but before (sandbox/tools/own_socket.hpp).
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::mend {

struct ClaimedSocket {
    int fd = -1;               // O_PATH, of the file
    std::string path{};        // it has to be bound to; without Machine::root
    std::uint64_t cookie = 0;  // of the socket
};

[[nodiscard]] core::Status prove_listener(const Machine& machine, const ClaimedSocket& claimed);

// The kernel's number of the device that is mounted as `mount`, of /proc/self/mountinfo: on btrfs
// and overlays stat() tells another one.
[[nodiscard]] std::optional<std::uint32_t> device_of_mount(std::string_view mountinfo,
                                                           std::uint64_t mount);

}  // namespace gatemend::mend
