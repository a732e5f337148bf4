// SPDX-License-Identifier: MIT
#include "parse/address.hpp"

#include "parse/text_scan.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

constexpr std::size_t kSunPathBytes = 107;
constexpr int kLargestPort = 65535;
constexpr std::size_t kMaxHostBytes = 253;

char lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_host_byte(char c) {
    return (lower(c) >= 'a' && lower(c) <= 'z') || is_digit(c) || c == '.' || c == '-' || c == '_';
}

bool is_all_digits(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_digit);
}

std::optional<int> parse_port(std::string_view text) {
    TextScan scan(text);
    const auto port = scan.number(5);
    if (!port || !scan.is_at_end() || *port < 1 || *port > kLargestPort) {
        return std::nullopt;
    }
    return port;
}

struct HostPort {
    std::string_view host;
    std::optional<std::string_view> port;
    bool is_ipv6 = false;
};

// "[HOST]:PORT", "HOST:PORT", "HOST".
std::optional<HostPort> split_host(std::string_view text) {
    HostPort parts;
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) {
            return std::nullopt;
        }
        parts.is_ipv6 = true;
        parts.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
    } else {
        const std::size_t end = std::min(text.find(':'), text.size());
        parts.host = text.substr(0, end);
        rest = text.substr(end);
    }
    if (rest.starts_with(':')) {
        parts.port = rest.substr(1);
    } else if (!rest.empty()) {
        return std::nullopt;
    }
    return parts;
}

// As inet_ntop() writes it, which is how nginx writes it too.
std::optional<std::string> normal_host(const HostPort& parts) {
    const std::string host(parts.host == "localhost" ? "127.0.0.1" : parts.host);
    const int family = parts.is_ipv6 ? AF_INET6 : AF_INET;
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (host.find('\0') != std::string::npos ||
        ::inet_pton(family, host.c_str(), bytes.data()) != 1 ||
        ::inet_ntop(family, bytes.data(), text.data(), text.size()) == nullptr) {
        return std::nullopt;
    }
    return parts.is_ipv6 ? "[" + std::string(text.data()) + "]" : std::string(text.data());
}

}  // namespace

std::optional<std::string> unix_socket_address(std::string_view path) {
    const bool is_plain = std::ranges::all_of(
        path, [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != '\x7f'; });
    if (!path.starts_with('/') || path.size() < 2 || path.size() > kSunPathBytes || !is_plain) {
        return std::nullopt;
    }
    return "unix:" + std::string(path);
}

std::optional<std::string> inet_address(std::string_view text, int default_port) {
    const auto parts = split_host(text);
    if (!parts) {
        return std::nullopt;
    }
    const auto port = parts->port ? parse_port(*parts->port) : std::optional<int>(default_port);
    const auto host = normal_host(*parts);
    if (!port || *port == 0 || !host) {
        return std::nullopt;
    }
    return *host + ":" + std::to_string(*port);
}

std::optional<std::string> listen_address(std::string_view text, int default_port) {
    if (is_all_digits(text)) {
        return inet_address("127.0.0.1:" + std::string(text), 0);
    }
    if (text.starts_with('*')) {
        return inet_address("127.0.0.1" + std::string(text.substr(1)), default_port);
    }
    auto address = inet_address(text, default_port);
    if (address && address->starts_with("0.0.0.0:")) {
        return "127.0.0.1" + address->substr(7);
    }
    if (address && address->starts_with("[::]:")) {
        return "[::1]" + address->substr(4);
    }
    return address;
}

std::optional<std::string> named_host(std::string_view text, int default_port) {
    const auto parts = split_host(text);
    if (!parts || parts->is_ipv6 || parts->host.empty() || parts->host.size() > kMaxHostBytes ||
        !std::ranges::all_of(parts->host, is_host_byte) || normal_host(*parts)) {
        return std::nullopt;
    }
    // 10.0.0.256 is no name either
    const bool has_letter =
        std::ranges::any_of(parts->host, [](char c) { return !is_digit(c) && c != '.'; });
    const auto port = parts->port ? parse_port(*parts->port) : std::optional<int>(default_port);
    if (!has_letter || !port || *port == 0) {
        return std::nullopt;
    }
    std::string host(parts->host);
    std::ranges::transform(host, host.begin(), lower);
    return host + ":" + std::to_string(*port);
}

bool is_local_address(std::string_view address) {
    return address.starts_with("unix:") || address.starts_with("127.") ||
           address.starts_with("[::1]:");
}

}  // namespace gatemend::parse
