// SPDX-License-Identifier: MIT
#include "sandbox/audit/digest.hpp"

#include <sha2.h>
#include <sys/types.h>

#include <array>
#include <cstdint>

namespace gatemend::sandbox {

std::string sha256_hex(std::string_view bytes) {
    SHA2_CTX context{};
    SHA256Init(&context);
    // libmd's argument is bytes; string_view's chars are just that
    SHA256Update(&context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    std::array<std::uint8_t, SHA256_DIGEST_LENGTH> digest{};
    SHA256Final(digest.data(), &context);

    constexpr std::string_view kHexDigits = "0123456789abcdef";
    std::string hex;
    hex.reserve(digest.size() * 2);
    for (const std::uint8_t byte : digest) {
        hex.push_back(kHexDigits[byte >> 4U]);
        hex.push_back(kHexDigits[byte & 0x0FU]);
    }
    return hex;
}

}  // namespace gatemend::sandbox
