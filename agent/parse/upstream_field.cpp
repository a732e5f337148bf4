// SPDX-License-Identifier: MIT
// The value of `upstream: "…"`: scheme, peer and, for HTTP, the URI. Only the peer is nginx's own.
#include "parse/nginx_error.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace gatemend::parse {
namespace {

struct FieldScheme {
    std::string_view prefix;
    bool has_uri;
};

constexpr std::array<FieldScheme, 9> kSchemes{{{"fastcgi://", false},
                                               {"http://", true},
                                               {"https://", true},
                                               {"uwsgi://", false},
                                               {"suwsgi://", false},
                                               {"scgi://", false},
                                               {"grpc://", false},
                                               {"grpcs://", false},
                                               {"memcached://", true}}};

constexpr std::size_t kSunPathBytes = 107;
constexpr std::string_view kUnix = "unix:";

bool is_path_byte(char c) {
    return static_cast<unsigned char>(c) > 0x20 && c != 0x7f && c != '"';
}

// nginx puts a colon behind the path, but not in `upstream timed out`: by then it has forgotten
// that the peer was a socket. A URI then follows the path directly, and only the customary suffix
// of a socket tells them apart.
std::size_t path_end(std::string_view text, bool has_uri) {
    if (!has_uri) {
        return text.size() - (text.ends_with(':') ? 1 : 0);
    }
    const std::size_t colon = text.find(':', kUnix.size());
    for (const std::string_view suffix : {".sock", ".socket"}) {
        const std::size_t at = text.find(suffix, kUnix.size());
        const std::size_t end = at == std::string_view::npos ? at : at + suffix.size();
        if (end < colon && (end == text.size() || text[end] == '/')) {
            return end;
        }
    }
    return colon;
}

std::string_view unix_address(std::string_view text, bool has_uri) {
    const std::size_t from = kUnix.size();
    const std::size_t end = path_end(text, has_uri);
    if (end == std::string_view::npos || end <= from || text[from] != '/' ||
        end - from > kSunPathBytes ||
        !std::ranges::all_of(text.substr(from, end - from), is_path_byte)) {
        return {};
    }
    return text.substr(0, end);
}

bool skip_ipv4(TextScan& scan) {
    for (int part = 0; part < 4; ++part) {
        if (part > 0 && !scan.skip(".")) {
            return false;
        }
        const auto value = scan.number(3);
        if (!value || *value > 255) {
            return false;
        }
    }
    return true;
}

bool skip_ipv6(TextScan& scan) {
    const auto inside = scan.until("]", 45);
    return inside && inside->size() >= 2 && scan.skip("]") &&
           std::ranges::all_of(*inside, [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'f') || c == ':' || c == '.';
           });
}

std::string_view inet_address(std::string_view text) {
    TextScan scan(text);
    if (!(scan.skip("[") ? skip_ipv6(scan) : skip_ipv4(scan)) || !scan.skip(":")) {
        return {};
    }
    const auto port = scan.number(5);
    if (!port || *port < 1 || *port > 65535) {
        return {};
    }
    const std::string_view rest = scan.rest();
    if (!rest.empty() && rest[0] != '/' && rest[0] != '?') {
        return {};
    }
    return text.substr(0, text.size() - rest.size());
}

}  // namespace

std::string_view upstream_address(std::string_view upstream) {
    for (const FieldScheme& scheme : kSchemes) {
        if (upstream.starts_with(scheme.prefix)) {
            const std::string_view peer = upstream.substr(scheme.prefix.size());
            return peer.starts_with(kUnix) ? unix_address(peer, scheme.has_uri)
                                           : inet_address(peer);
        }
    }
    return {};
}

std::string_view peer_address(std::string_view peer) {
    return peer.starts_with(kUnix) ? unix_address(peer, false) : inet_address(peer);
}

}  // namespace gatemend::parse
