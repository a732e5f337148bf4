// SPDX-License-Identifier: MIT
#include "core/bytes.hpp"

namespace gatemend::core {

std::string format_bytes(std::uint64_t bytes) {
    constexpr std::uint64_t kMiB = std::uint64_t{1024} * 1024;
    constexpr std::uint64_t kGiB = kMiB * 1024;
    if (bytes >= kGiB) {
        const std::uint64_t tenths = bytes * 10 / kGiB;
        return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " GiB";
    }
    if (bytes >= kMiB) {
        return std::to_string(bytes / kMiB) + " MiB";
    }
    return std::to_string(bytes / 1024) + " KiB";
}

}  // namespace gatemend::core
