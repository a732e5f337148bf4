// SPDX-License-Identifier: MIT
#include "sandbox/probe/client_hello.hpp"

#include <cstddef>
#include <string_view>

namespace gatemend::probe {
namespace {

using std::string_view_literals::operator""sv;

void append_sized(std::string& out, std::size_t size_bytes, std::string_view content) {
    for (std::size_t i = size_bytes; i > 0; --i) {
        out.push_back(static_cast<char>(content.size() >> (8U * (i - 1)) & 0xFFU));
    }
    out.append(content);
}

}  // namespace

std::string make_client_hello() {
    constexpr std::size_t kRandomBytes = 32;
    // TLS 1.2 with the suites that every server of the last ten years has one of
    constexpr std::string_view kSuites =
        "\xC0\x2F\xC0\x30\xC0\x2B\xC0\x2C\xC0\x13\xC0\x14\x00\x9C\x00\x2F"sv;
    // groups x25519, P-256, P-384; uncompressed points; RSA and ECDSA signatures
    constexpr std::string_view kExtensions =
        "\x00\x0A\x00\x08\x00\x06\x00\x1D\x00\x17\x00\x18"
        "\x00\x0B\x00\x02\x01\x00"
        "\x00\x0D\x00\x0C\x00\x0A\x04\x01\x04\x03\x05\x01\x08\x04\x08\x05"sv;
    std::string hello = "\x03\x03";
    hello.append(kRandomBytes, '\x5A');  // nothing is protected by it
    append_sized(hello, 1, "");          // no session to resume
    append_sized(hello, 2, kSuites);
    append_sized(hello, 1, "\0"sv);  // no compression
    append_sized(hello, 2, kExtensions);
    std::string message = "\x01";
    append_sized(message, 3, hello);
    std::string record = "\x16\x03\x01";
    append_sized(record, 2, message);
    return record;
}

}  // namespace gatemend::probe
