// SPDX-License-Identifier: MIT
#include "sandbox/inspect/address.hpp"

#include "core/inspection.hpp"

#include <sys/un.h>

#include <algorithm>

namespace gatemend::inspect {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr std::size_t kMaxUnixPath = sizeof(sockaddr_un::sun_path) - 1;

bool is_numeric_address(std::string_view address) {
    constexpr std::size_t kMaxNumericAddress = 64;
    const auto is_fitting = [](char c) {
        return std::string_view{"0123456789abcdefABCDEF.:[]"}.find(c) != std::string_view::npos;
    };
    return address.size() <= kMaxNumericAddress && !core::port_of(address).empty() &&
           std::ranges::all_of(address, is_fitting);
}

}  // namespace

std::string check_address(std::string_view address) {
    if (!address.starts_with(kUnix)) {
        return is_numeric_address(address) ? "" : "it is neither unix:/path nor IP:PORT";
    }
    const std::string path = std::string{address.substr(kUnix.size())} + "/";
    const auto is_odd = [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7F'; };
    if (!path.starts_with('/') || path == "/" || path.size() - 1 > kMaxUnixPath) {
        return "the socket's path is not absolute or too long";
    }
    if (std::ranges::any_of(path, is_odd) || path.find("/../") != std::string::npos ||
        path.find("/./") != std::string::npos) {
        return "the socket's path is not canonical";
    }
    return {};
}

}  // namespace gatemend::inspect
