// SPDX-License-Identifier: MIT
// Folders of gatemend's own below /var/lib/gatemend, and files in them that are there whole or not
// at all.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/mend/machine.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace gatemend::mend {

// Names in it, sorted; empty where it cannot be read.
[[nodiscard]] std::vector<std::string> list_folder(const Machine& machine, const std::string& path);

// The folder with all that lead to it below `top`, made where they are missing (0700).
[[nodiscard]] core::Result<bus::UniqueFd> make_folders(const Machine& machine,
                                                       const std::string& top,
                                                       const std::string& below);

// Nobody but root comes this far, whatever the mode says. It says whose the content is: nobody may
// write what everybody could read where it came from (0400), the other kind is 0600.
enum class CopyOf { kOpenFile, kPrivateFile };

[[nodiscard]] mode_t copy_mode(CopyOf what);
[[nodiscard]] bool is_copy_of_open_file(mode_t mode);

// Under a temporary name, synced, renamed.
[[nodiscard]] core::Status write_whole(const bus::UniqueFd& folder,
                                       const std::string& name,
                                       const std::string& bytes,
                                       CopyOf what = CopyOf::kPrivateFile);

[[nodiscard]] core::Status sync_folder(const bus::UniqueFd& folder);

// For reading its entries and syncing it; a Place holds only a descriptor to walk from.
[[nodiscard]] core::Result<bus::UniqueFd> open_folder(const bus::UniqueFd& at,
                                                      const std::string& name);

}  // namespace gatemend::mend
