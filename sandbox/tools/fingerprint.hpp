// SPDX-License-Identifier: MIT
// A hash over path, size, mtime, ctime, inode and mode of a set of files: equal means that nobody
// has touched them. Looks (stat), never reads, never follows a link to a folder. Called by facts.
#pragma once

#include "core/result.hpp"

#include <string>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::size_t kMaxFingerprintFiles = 20'000;
inline constexpr int kMaxFingerprintDepth = 12;

// Paths that do not exist count as absent. An error when nothing exists or a limit is reached.
[[nodiscard]] core::Result<std::string> fingerprint_files(const std::vector<std::string>& paths);

}  // namespace gatemend::sandbox
