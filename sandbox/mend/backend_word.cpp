// SPDX-License-Identifier: MIT
#include "sandbox/mend/backend_word.hpp"

#include <algorithm>
#include <array>

namespace gatemend::mend {
namespace {

constexpr std::string_view kUnix = "unix:";
constexpr int kHttpPort = 80;
constexpr int kHttpsPort = 443;

constexpr auto kPasses = std::to_array<std::string_view>(
    {"fastcgi_pass", "proxy_pass", "uwsgi_pass", "scgi_pass", "grpc_pass", "memcached_pass"});

std::string lower(std::string_view text) {
    std::string result{text};
    std::ranges::transform(result, result.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return result;
}

// Of proxy_pass only: $request_uri and $uri begin with a slash, anything else would be part of the
// host or port.
bool is_uri_variable(std::string_view rest) {
    return rest.starts_with("$request_uri") || rest == "$uri" || rest.starts_with("$uri$") ||
           rest.starts_with("$uri?");
}

int default_port_of(std::string_view directive, std::string_view scheme) {
    if (directive == "server" || scheme == "http://") {
        return kHttpPort;
    }
    return scheme == "https://" ? kHttpsPort : 0;
}

}  // namespace

bool is_pass(std::string_view directive) {
    return std::ranges::find(kPasses, directive) != kPasses.end();
}

std::string canonical_backend(std::string_view address, int default_port) {
    if (address.starts_with(kUnix)) {
        constexpr std::string_view kVarRun = "/var/run/";
        std::string_view path = address.substr(kUnix.size());
        if (path.starts_with(kVarRun)) {
            path.remove_prefix(kVarRun.find("/run"));
        }
        return std::string{kUnix}.append(path);
    }
    std::string name = lower(address);
    constexpr std::string_view kLocalhost = "localhost";
    if (name.starts_with(kLocalhost) &&
        (name.size() == kLocalhost.size() || name[kLocalhost.size()] == ':')) {
        name.replace(0, kLocalhost.size(), "127.0.0.1");
    }
    const std::size_t colon = name.rfind(':');
    const bool has_port = colon != std::string::npos && name.find(']', colon) == std::string::npos;
    const bool is_address =
        name.starts_with('[') || name.find_first_not_of("0123456789.") == std::string::npos;
    if (!has_port && default_port != 0 && is_address) {
        name += ":" + std::to_string(default_port);
    }
    return name;
}

std::optional<BackendWord> find_backend(std::string_view directive, std::string_view word) {
    BackendWord found;
    const std::size_t scheme = word.find("://");
    if (directive != "server" && scheme != std::string_view::npos &&
        word.substr(0, scheme).find_first_of(":/$") == std::string_view::npos) {
        found.begin = scheme + 3;
    }
    const std::string_view target = word.substr(found.begin);
    std::string_view address = target;
    std::size_t used = target.size();
    if (directive == "proxy_pass" && found.begin > 0) {
        const bool is_unix = target.starts_with(kUnix);
        const std::size_t end = std::min(
            is_unix ? target.find(':', kUnix.size()) : target.find_first_of("/?$"), target.size());
        address = target.substr(0, end);
        used = end + (is_unix && end < target.size() ? 1 : 0);
        found.has_uri = end < target.size();
        if (const std::string_view rest = target.substr(end);
            rest.starts_with('$') && !is_uri_variable(rest)) {
            return std::nullopt;
        }
    }
    if (address.empty() || address.find('$') != std::string_view::npos) {
        return std::nullopt;
    }
    found.end = found.begin + used;
    found.address =
        canonical_backend(address, default_port_of(directive, lower(word.substr(0, found.begin))));
    return found;
}

}  // namespace gatemend::mend
