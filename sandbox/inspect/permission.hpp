// SPDX-License-Identifier: MIT
// May this user do that to this file: mode bits and POSIX access lists, as the kernel decides.
// Pure; called by path_walk. Knows nothing of capabilities other than root's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::inspect {

struct Identity {
    std::uint32_t uid = 0;
    std::vector<std::uint32_t> groups;  // the primary one among them
};

struct FileAccess {
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string acl;  // the xattr system.posix_acl_access, "" when there is none
};

enum class Permission : std::uint32_t { kSearch = 1, kWrite = 2, kRead = 4 };

// A malformed access list is not believed: the mode bits decide.
[[nodiscard]] bool is_granted(const FileAccess& file, const Identity& who, Permission wanted);

}  // namespace gatemend::inspect
