// SPDX-License-Identifier: MIT
// Small files, read whole with a limit. Used for cursors, the topology cache and configuration
// files. Never for logs, and never without a limit.
#pragma once

#include "core/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace gatemend::io {

// At most `limit` bytes of a regular file; a larger one is an error, not a cut.
[[nodiscard]] core::Result<std::string> read_small_file(const std::string& path, std::size_t limit);

// The last `limit` bytes of a regular file, however large it is.
[[nodiscard]] core::Result<std::string> read_file_tail(const std::string& path, std::size_t limit);

}  // namespace gatemend::io
