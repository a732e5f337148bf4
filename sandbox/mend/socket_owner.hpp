// SPDX-License-Identifier: MIT
// Owner and group of a socket so that nginx's worker user may connect to it. The mode never
// changes. The socket is held by a descriptor that no link led to; what is changed is that
// descriptor's, and only while the kernel says that it is the file of one listening socket
// (socket_proof.hpp): whoever may write the folder can put anything under the name.
#pragma once

#include "actions/mending.hpp"
#include "core/result.hpp"
#include "sandbox/mend/machine.hpp"
#include "sandbox/mend/place.hpp"
#include "sandbox/mend/pool_text.hpp"
#include "sandbox/mend/worker.hpp"

#include <cstdint>
#include <string>

namespace gatemend::mend {

struct SocketOwner {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;

    friend bool operator==(const SocketOwner&, const SocketOwner&) = default;
};

// One socket, this very inode of this very listener, and whose it is before and after.
struct SocketEdit {
    std::string path;
    std::uint64_t cookie = 0;  // of the socket that listens
    std::uint64_t device = 0;
    std::uint64_t inode = 0;
    std::uint32_t mode = 0;
    SocketOwner before;
    SocketOwner after;
};

// What its pool's file wants. Where it names somebody, root as well, the act gives nobody more than
// the file does; preferred is the very owner that it names.
struct WantedOwner {
    static constexpr std::uint32_t kDefaultMode = 0660;

    std::string owner{};
    std::string group{};
    std::uint32_t mode = kDefaultMode;
    std::string place{};  // "FILE:LINE"

    [[nodiscard]] bool is_named() const { return !owner.empty() || !group.empty(); }
};

// Which file is to be given away: the one at the path, if it is this listener's.
struct WantedSocket {
    std::string path;
    std::uint64_t cookie = 0;
};

[[nodiscard]] core::Result<SocketEdit> plan_socket_owner(const Machine& machine,
                                                         const WantedSocket& socket,
                                                         const Worker& worker,
                                                         const WantedOwner& wanted);

[[nodiscard]] actions::FileChange change_of(const SocketEdit& edit);
[[nodiscard]] std::string describe(const Machine& machine, const SocketEdit& edit);

enum class SocketState { kBefore, kAfter, kOther, kGone };

// The socket as it is now. kGone: none, a new one was made, or it is not shown to be the
// listener's.
struct HeldSocket {
    bus::UniqueFd fd;
    SocketState state{};
};

[[nodiscard]] HeldSocket hold_socket(const Machine& machine, const SocketEdit& edit);
// Looks again afterwards: an error where it is not the listener's any more, and then it has its
// owner back.
[[nodiscard]] core::Status give_socket(const Machine& machine,
                                       const HeldSocket& socket,
                                       const SocketEdit& edit,
                                       const SocketOwner& owner);

}  // namespace gatemend::mend
