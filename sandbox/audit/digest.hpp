// SPDX-License-Identifier: MIT
// SHA-256 as 64 lower-case hex digits (libmd, the library dpkg itself hashes with).
#pragma once

#include <string>
#include <string_view>

namespace gatemend::sandbox {

[[nodiscard]] std::string sha256_hex(std::string_view bytes);

}  // namespace gatemend::sandbox
