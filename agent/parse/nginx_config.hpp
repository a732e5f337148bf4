// SPDX-License-Identifier: MIT
// Reads the output of `nginx -T` with nginx's own grammar and finds what matters to us: which
// backend addresses are configured and where, what nginx listens on, where it logs, and its worker
// user. Input is at most 8 MiB and may be anything; linear time.
#pragma once

#include "core/result.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {

enum class PassScheme { kFastcgi, kHttp, kHttps, kUwsgi, kScgi, kGrpc, kMemcached };

struct ConfiguredBackend {
    PassScheme scheme{};
    std::string address;  // canonical, static ones only; groups are expanded to their servers
    std::string where;    // "/etc/nginx/sites-enabled/default:57"
    std::string group;    // upstream{} name or ""
};

struct NginxConfig {
    std::vector<ConfiguredBackend> backends;  // in order of appearance, without duplicates
    std::vector<std::string>
        listens;  // loopback-reachable "127.0.0.1:80" for each listening TCP socket
    std::vector<std::string> error_logs;  // absolute file paths, without duplicates
    std::string user;                     // "" when not set
    std::vector<std::string> skipped;     // runtime templates ("fastcgi_pass $x at FILE:LINE")
};

[[nodiscard]] core::Result<NginxConfig> parse_nginx_dump(std::string_view dump);

}  // namespace gatemend::parse
