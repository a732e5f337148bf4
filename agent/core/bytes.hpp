// SPDX-License-Identifier: MIT
// Numbers of bytes as people read them.
#pragma once

#include <cstdint>
#include <string>

namespace gatemend::core {

// "1.5 GiB", "340 MiB", "12 KiB"
[[nodiscard]] std::string format_bytes(std::uint64_t bytes);

}  // namespace gatemend::core
