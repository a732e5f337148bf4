// SPDX-License-Identifier: MIT
#include "sandbox/probe/address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace gatemend::probe {
namespace {

using core::Error;
using core::Result;

constexpr std::string_view kUnixPrefix = "unix:";
constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;  // 107
constexpr std::uint32_t kLoopbackNet = 127;
constexpr std::uint32_t kFirstGroupNet = 224;  // groups, reserved, broadcast
constexpr std::size_t kMaxHostName = 253;

bool has_parent_step(std::string_view path) {
    return path.find("/../") != std::string_view::npos || path.ends_with("/..");
}

Result<SocketAddress> parse_unix(std::string_view path) {
    if (path.empty() || path.front() != '/') {
        return Error{"the socket's path is not absolute"};
    }
    if (path.size() > kMaxUnixPath) {
        return Error{"the socket's path is longer than a socket address can hold"};
    }
    const auto is_odd = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; };
    if (has_parent_step(path) || std::ranges::any_of(path, is_odd)) {
        return Error{"the socket's path is not canonical"};
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::ranges::copy(path, address.sun_path);
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = sizeof address;
    return result;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (error != std::errc{} || end != text.data() + text.size() || port == 0) {
        return std::nullopt;
    }
    return text.front() == '0' ? std::nullopt : std::optional{port};
}

Result<SocketAddress> make_ipv4(const std::string& host, std::uint16_t port, Reach reach) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) {
        return Error{"it is neither unix:/path nor ADDRESS:PORT"};
    }
    const std::uint32_t net = ntohl(address.sin_addr.s_addr) >> 24U;
    if (net == 0 || net >= kFirstGroupNet) {
        return Error{"it is not the address of one host"};
    }
    if (reach == Reach::kLocal && net != kLoopbackNet) {
        return Error{"it is not on this machine's loopback"};
    }
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = sizeof address;
    return result;
}

Result<SocketAddress> make_ipv6(const std::string& host, std::uint16_t port, Reach reach) {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    if (inet_pton(AF_INET6, host.c_str(), &address.sin6_addr) != 1) {
        return Error{"it is neither unix:/path nor ADDRESS:PORT"};
    }
    // A link-local address means nothing without an interface, a mapped one is IPv4 in disguise.
    if (IN6_IS_ADDR_UNSPECIFIED(&address.sin6_addr) || IN6_IS_ADDR_MULTICAST(&address.sin6_addr) ||
        IN6_IS_ADDR_LINKLOCAL(&address.sin6_addr) || IN6_IS_ADDR_V4MAPPED(&address.sin6_addr)) {
        return Error{"it is not the address of one host"};
    }
    if (reach == Reach::kLocal && !IN6_IS_ADDR_LOOPBACK(&address.sin6_addr)) {
        return Error{"it is not on this machine's loopback"};
    }
    SocketAddress result;
    std::memcpy(&result.storage, &address, sizeof address);
    result.size = sizeof address;
    return result;
}

}  // namespace

Result<SocketAddress> parse_address(std::string_view address, Reach reach) {
    if (address.find('\0') != std::string_view::npos) {
        return Error{"it contains a null byte"};
    }
    if (address.starts_with(kUnixPrefix)) {
        return parse_unix(address.substr(kUnixPrefix.size()));
    }
    const std::size_t colon = address.rfind(':');
    if (colon == std::string_view::npos) {
        return Error{"it is neither unix:/path nor ADDRESS:PORT"};
    }
    const auto port = parse_port(address.substr(colon + 1));
    if (!port) {
        return Error{"its port is not a number from 1 to 65535"};
    }
    const std::string_view host = address.substr(0, colon);
    if (host.size() > 2 && host.starts_with('[') && host.ends_with(']')) {
        return make_ipv6(std::string{host.substr(1, host.size() - 2)}, *port, reach);
    }
    return make_ipv4(std::string{host}, *port, reach);
}

bool is_host_name(std::string_view name) {
    const auto is_odd = [](char c) {
        const bool is_letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        return !is_letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.';
    };
    return !name.empty() && name.size() <= kMaxHostName && name.front() != '.' &&
           name.front() != '-' && name.find("..") == std::string_view::npos &&
           std::ranges::none_of(name, is_odd);
}

std::string check_target(const core::ProbeQuestion& question, Reach reach) {
    if (!question.name.empty() &&
        (question.kind != core::ProbeKind::kHttps || !is_host_name(question.name))) {
        return "its certificate's name is none";
    }
    if (question.kind == core::ProbeKind::kResolve) {
        if (reach == Reach::kLocal) {
            return "a name is resolved by asking others";
        }
        return is_host_name(question.address) ? "" : "it is not a host name";
    }
    const auto parsed = parse_address(question.address, reach);
    return parsed ? "" : parsed.error().text;
}

}  // namespace gatemend::probe
