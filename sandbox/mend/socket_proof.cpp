// SPDX-License-Identifier: MIT
#include "sandbox/mend/socket_proof.hpp"

#include "sandbox/inspect/proc_text.hpp"
#include "sandbox/inspect/sockets.hpp"
#include "sandbox/mend/place.hpp"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <vector>

namespace gatemend::mend {
namespace {

using core::Done;
using core::Error;
using core::Status;
using inspect::FoundSocket;

constexpr std::size_t kMaxMountText = std::size_t{1} << 20U;

bool is_on_device(const FoundSocket& socket, const struct stat& info, int fd) {
    if (socket.device == inspect::kernel_device(info.st_dev)) {
        return true;
    }
    const auto own = inspect::read_text("/proc/self/fdinfo/" + std::to_string(fd));
    const auto mount = own ? inspect::number_after(*own, "mnt_id:") : std::nullopt;
    const auto mounts = inspect::read_text("/proc/self/mountinfo", kMaxMountText);
    return mount && mounts && device_of_mount(*mounts, *mount) == socket.device;
}

// The kernel tells the low bits of the number alone.
bool is_same_number(const FoundSocket& socket, const struct stat& info) {
    return socket.file != 0 && socket.file == static_cast<std::uint32_t>(info.st_ino);
}

}  // namespace

std::optional<std::uint32_t> device_of_mount(std::string_view mountinfo, std::uint64_t mount) {
    while (!mountinfo.empty()) {
        std::string_view line = inspect::take_line(mountinfo);
        if (inspect::leading_number(inspect::take_word(line)) != mount) {
            continue;
        }
        (void)inspect::take_word(line);  // the mount above
        const std::string_view device = inspect::take_word(line);
        const std::size_t colon = std::min(device.find(':'), device.size() - 1);
        const auto first = inspect::leading_number(device.substr(0, colon));
        const auto second = inspect::leading_number(device.substr(colon + 1));
        return first && second
                   ? std::optional{inspect::kernel_device(
                         makedev(static_cast<unsigned>(*first), static_cast<unsigned>(*second)))}
                   : std::nullopt;
    }
    return std::nullopt;
}

Status prove_listener(const Machine& machine, const ClaimedSocket& claimed) {
    const auto fail = [&claimed](const std::string& why) {
        return Status{Error{claimed.path + ": " + why}};
    };

    struct stat info {};

    if (fstat(claimed.fd, &info) < 0) {
        return errno_error(claimed.path);
    }
    GATEMEND_TRY(sockets, inspect::list_unix_sockets());
    const auto own = std::ranges::find_if(sockets, [&claimed](const FoundSocket& socket) {
        return claimed.cookie != 0 && socket.listener.cookie == claimed.cookie;
    });
    if (own == sockets.end()) {
        return fail("the socket that was found to listen there does not any more");
    }
    constexpr std::string_view kUnix = "unix:";
    const std::string name = own->listener.address.substr(kUnix.size());
    if (name != machine.root + claimed.path) {
        return fail("who listens there has bound its socket as " + name);
    }
    if (!is_same_number(*own, info) || !is_on_device(*own, info, claimed.fd)) {
        return fail("the file is not the one that the listening socket was bound to");
    }
    const bool is_ambiguous = std::ranges::any_of(sockets, [&](const FoundSocket& socket) {
        return socket.listener.cookie != claimed.cookie && socket.device == own->device &&
               socket.file == own->file;
    });
    return is_ambiguous ? fail("two listening sockets seem to have been bound to this file")
                        : Status{Done{}};
}

}  // namespace gatemend::mend
