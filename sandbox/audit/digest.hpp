// SPDX-License-Identifier: MIT
// SHA-256 as 64 lower-case hex digits (libmd, the library dpkg itself hashes with).
#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>

namespace gatemend::sandbox {

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

// Of a regular file, read to its end in constant memory; never through a link.
[[nodiscard]] core::Result<std::string> file_sha256_hex(const std::string& path);

}  // namespace gatemend::sandbox
