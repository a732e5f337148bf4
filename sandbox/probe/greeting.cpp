// SPDX-License-Identifier: MIT
#include "sandbox/probe/greeting.hpp"

#include <cstddef>
#include <cstdint>

namespace gatemend::probe {
namespace {

using core::Spoken;

std::uint8_t byte_at(std::string_view text, std::size_t index) {
    return static_cast<std::uint8_t>(text[index]);
}

// A record of FastCGI 1 that a server sends: END_REQUEST, STDOUT, STDERR or a management answer.
bool is_fastcgi(std::string_view text) {
    if (text.size() < 2 || byte_at(text, 0) != 1) {
        return false;
    }
    const std::uint8_t type = byte_at(text, 1);
    return type == 3 || type == 6 || type == 7 || type == 10 || type == 11;
}

// A record of SSL 3 or TLS: alert or handshake.
bool is_tls(std::string_view text) {
    return text.size() >= 2 && (byte_at(text, 0) == 0x15 || byte_at(text, 0) == 0x16) &&
           byte_at(text, 1) == 3;
}

// The header of a SETTINGS or GOAWAY frame on stream 0: how every HTTP/2 server begins.
bool is_http2(std::string_view text) {
    constexpr std::size_t kFrameHeaderBytes = 9;
    constexpr std::uint8_t kSettings = 4;
    constexpr std::uint8_t kGoAway = 7;
    if (text.size() < kFrameHeaderBytes || byte_at(text, 0) != 0 || byte_at(text, 4) > 1 ||
        text.substr(5, 4) != std::string_view{"\0\0\0\0", 4}) {
        return false;
    }
    const std::size_t length = std::size_t{byte_at(text, 1)} << 8U | byte_at(text, 2);
    return (byte_at(text, 3) == kSettings && length % 6 == 0) ||
           (byte_at(text, 3) == kGoAway && length >= 8);
}

}  // namespace

Spoken recognise(std::string_view first_bytes) {
    if (first_bytes.empty()) {
        return Spoken::kUnknown;
    }
    if (first_bytes.starts_with("HTTP/1.")) {
        return Spoken::kHttp;
    }
    if (is_fastcgi(first_bytes)) {
        return Spoken::kFastcgi;
    }
    if (is_tls(first_bytes)) {
        return Spoken::kTls;
    }
    return is_http2(first_bytes) ? Spoken::kHttp2 : Spoken::kOther;
}

}  // namespace gatemend::probe
