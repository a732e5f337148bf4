// SPDX-License-Identifier: MIT
#include "sandbox/tools/own_socket.hpp"

#include <string_view>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::Error;
using core::Listener;

// "unix:/var/run/x" is "unix:/run/x", which the former links to.
std::string_view path_of(std::string_view address) {
    constexpr std::string_view kUnix = "unix:";
    constexpr std::string_view kVar = "/var";
    address.remove_prefix(address.starts_with(kUnix) ? kUnix.size() : 0);
    return address.starts_with("/var/run/") ? address.substr(kVar.size()) : address;
}

std::string who(const Listener& listener) {
    return listener.command + " (pid " + std::to_string(listener.pid) +
           (listener.unit.empty() ? ")" : ", " + listener.unit + ")");
}

Error nobody_of_the_unit(const std::string& unit,
                         const std::string& address,
                         const Listener* other) {
    if (other == nullptr) {
        return Error{"the main process of " + unit + " does not listen on " + address};
    }
    if (other->pid == 1) {
        return Error{"systemd itself listens on " + address +
                     " for a .socket unit: SocketUser=, SocketGroup= and SocketMode= of that unit "
                     "say whose it is"};
    }
    return Error{"who listens on " + address + " is not the main process of " + unit + " but " +
                 who(*other)};
}

}  // namespace

core::Result<std::uint64_t> find_own_socket(const core::Inspection& inspection,
                                            const std::string& unit,
                                            const std::string& address) {
    if (!inspection.listeners) {
        return Error{"who listens where cannot be seen"};
    }
    const Listener* other = nullptr;
    const Listener* lost = nullptr;
    const Listener* own = nullptr;
    for (const Listener& listener : *inspection.listeners) {
        if (path_of(listener.address) != path_of(address) || path_of(address).empty()) {
            continue;
        }
        if (!listener.is_main) {
            other = &listener;
        } else if (!listener.is_reachable) {
            lost = &listener;
        } else if (own != nullptr) {
            return Error{unit + " holds two sockets that are bound to " + address};
        } else {
            own = &listener;
        }
    }
    if (own != nullptr && own->cookie != 0) {
        return own->cookie;
    }
    if (lost != nullptr) {
        return Error{"what lies at " + address + " is not the socket that " + unit +
                     " listens on, which was deleted, moved or replaced" +
                     (lost->taken_by.empty() ? "" : ", but that of " + lost->taken_by)};
    }
    return nobody_of_the_unit(unit, address, other);
}

}  // namespace gatemend::sandbox
