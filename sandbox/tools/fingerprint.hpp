// SPDX-License-Identifier: MIT
// A hash over path, size, mtime, ctime, inode and mode of a set of files: equal means that nobody
// has touched them. And which was changed last. Looks (stat), never reads, never follows a link to
// a folder: behind one may lie logs. Called by facts.
#pragma once

#include "core/result.hpp"
#include "core/time.hpp"

#include <string>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxFingerprintFiles = 20'000;
inline constexpr int kMaxFingerprintDepth = 12;

struct ConfigChange {
    std::string path;
    core::TimePoint time{};  // ctime, which nobody can set
};

// `paths` with all that is in them, `places` alone. What does not exist counts as absent. An error
// when nothing exists or a limit is reached.
[[nodiscard]] core::Result<std::string> fingerprint_files(
    const std::vector<std::string>& paths, const std::vector<std::string>& places = {});
// Of the places themselves: links are not followed. The first of those that changed last.
[[nodiscard]] core::Result<ConfigChange> find_newest_change(const std::vector<std::string>& places);

}  // namespace gatemend::sandbox
