// SPDX-License-Identifier: MIT
#include "sandbox/audit/digest.hpp"

#include "sandbox/audit/archives.hpp"

#include <sha2.h>
#include <sys/types.h>

#include <array>
#include <cstdint>

namespace gatemend::sandbox {
namespace {

void update(SHA2_CTX& context, std::string_view bytes) {
    // libmd's argument is bytes; string_view's chars are just that
    SHA256Update(&context, reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

std::string finish(SHA2_CTX& context) {
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

}  // namespace

std::string sha256_hex(std::string_view bytes) {
    SHA2_CTX context{};
    SHA256Init(&context);
    update(context, bytes);
    return finish(context);
}

core::Result<std::string> file_sha256_hex(const std::string& path) {
    SHA2_CTX context{};
    SHA256Init(&context);
    GATEMEND_CHECK(read_pieces(path, [&](std::string_view piece) { update(context, piece); }));
    return finish(context);
}

}  // namespace gatemend::sandbox
