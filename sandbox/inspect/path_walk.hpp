// SPDX-License-Identifier: MIT
// The way to a unix socket, one component after the other, as another user would have to go it.
// Called by look with a path that the executor has checked. Opens nothing but directories and
// links, and those only as places (O_PATH).
#pragma once

#include "core/inspection.hpp"
#include "sandbox/inspect/permission.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::inspect {

struct Walk {
    std::vector<core::PathStep> steps;          // from "/" on; the last one may be missing
    std::optional<std::uint64_t> socket_inode;  // of the socket at the end
    std::uint64_t socket_device = 0;            // likewise
};

// `root`: the directory that is "/" to the one who goes ("/proc/PID/root"). A walk that meets too
// many links, too many steps or something unreadable ends with what it has.
[[nodiscard]] Walk walk_to(const std::string& root, const std::string& path, const Identity& who);

}  // namespace gatemend::inspect
