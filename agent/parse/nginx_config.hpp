// SPDX-License-Identifier: MIT
// Reads the output of `nginx -T` with nginx's own grammar and finds what matters to us: which
// backends are configured, where, and with which limits in effect there; what nginx listens on,
// where it logs and in which form, and its own limits. Input is at most 64 MiB and may be anything;
// linear time. Values are as written, hostile only as far as root's configuration is.
#pragma once

#include "core/result.hpp"
#include "core/scheme.hpp"
#include "parse/nginx_settings.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::parse {

// One `*_pass`: how a request gets there, and what is in effect for it.
struct PassPlace {
    std::string where;                      // "/etc/nginx/sites-enabled/default:57"
    std::string location;                   // "~ \.php$", "@app", "" outside of any
    std::vector<std::string> server_names;  // as written, without duplicates
    std::vector<std::string> listens;       // of that server, as in NginxConfig
    PassSettings settings{};
};

// `server` of an upstream{}. Its own words decide when nginx takes it for dead.
struct GroupMember {
    std::string address;  // canonical; "" for a name
    std::string host;     // "app.example:80"; "" for an address
    std::string where;
    int weight = 1;
    int max_fails = 1;  // 0: never taken for dead
    std::string fail_timeout = "10s";
    int max_conns = 0;  // 0: no limit
    bool is_down = false;
    bool is_backup = false;
    bool is_resolved_live = false;  // `resolve`: nginx asks again while it runs
};

struct UpstreamGroup {
    std::string name;  // lower case, as nginx compares it
    std::string where;
    std::string keepalive;  // connections kept, "" when not set
    std::vector<GroupMember> members;
};

inline constexpr std::size_t kMaxPlacesPerBackend = 16;

struct ConfiguredBackend {
    core::Scheme scheme{};
    std::string address;     // canonical, static ones only; groups are expanded to their servers
    std::string where;       // of the first place
    std::string group;       // upstream{} name or ""
    std::string host{};      // "app.example:8080" where nginx was given a name, which address lacks
    bool is_remote = false;  // not on the loopback; may still be this machine's own
    std::vector<std::size_t> places{};  // indices into NginxConfig::places, not all of very many
};

struct LogPlace {
    std::string path;
    std::string format;  // name of the log_format, "combined" by default
    std::string text;    // of it, "" when the name is not defined
    std::string where;
};

// `return 502`: nginx answers by itself.
struct ReturnPlace {
    int status = 0;
    std::string location;
    std::string where;
};

struct NginxConfig {
    std::vector<ConfiguredBackend> backends;  // in order of appearance, without duplicates
    std::vector<std::string>
        listens;  // loopback-reachable "127.0.0.1:80" for each listening TCP socket
    std::vector<std::string> error_logs;  // absolute file paths, without duplicates
    std::string user;                     // "" when not set
    std::vector<std::string> skipped;     // runtime templates ("fastcgi_pass $x at FILE:LINE")

    std::vector<ConfiguredBackend> names{};  // backends that only a resolver can find
    std::vector<PassPlace> places{};
    // The largest `*_read_timeout` anywhere, for backends whose places are not all known.
    Setting longest_wait{"60s", ""};
    std::vector<UpstreamGroup> groups{};
    std::vector<LogPlace> access_logs{};
    std::vector<ReturnPlace> returns{};  // of 5xx
    std::vector<Setting> resolvers{};    // each `resolver`, its words joined
    GlobalSettings global{};

    [[nodiscard]] const UpstreamGroup* find_group(std::string_view name) const;
};

[[nodiscard]] core::Result<NginxConfig> parse_nginx_dump(std::string_view dump);

}  // namespace gatemend::parse
