// SPDX-License-Identifier: MIT
// Policy files as bytes on disk: which there are, and whether they may be believed. The executor
// takes its allowlist from them, so whoever can write one can have units restarted as root.
// Must never follow a link, block on a device or read without a limit.
#pragma once

#include "core/result.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::policy {

// Whose files and folders are believed.
enum class Trust {
    kOwner,  // root's or our own, writable by the owner alone
    kAny,    // a draft, read for its author
};

// The file's bytes; nullopt when there is no such file.
[[nodiscard]] core::Result<std::optional<std::string>> read_policy_file(const std::string& path,
                                                                        Trust trust);

// Names (not paths) of *.toml in a folder, sorted; nullopt when there is no such folder. Hidden
// files and anything else, like a package manager's .dpkg-old, are left out.
[[nodiscard]] core::Result<std::optional<std::vector<std::string>>> list_policy_files(
    const std::string& folder, Trust trust);

}  // namespace gatemend::policy
