// SPDX-License-Identifier: MIT
// Topology: which unit serves which backend address, and where nginx writes. Learnt from
// `nginx -T` and the pool files by agent/app, remembered while things are down.
// Addresses are canonical: "unix:/run/php/php8.2-fpm.sock", "127.0.0.1:9000", "[::1]:9000".
#pragma once

#include "core/scheme.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::core {

// kUnowned: a backend no local unit is known for; Service::unit is its address in parentheses,
// which is no unit name, so that nothing can ever be done to it.
enum class ServiceRole { kPhpFpm, kNginx, kOther, kUnowned };
[[nodiscard]] std::string_view service_role_id(ServiceRole role);  // "php-fpm", "nginx", "other"
[[nodiscard]] std::optional<ServiceRole> service_role_from_id(std::string_view id);

// A line of somebody's configuration: what it says and where. `where` "" = the program's default.
struct ConfigLine {
    std::string value{};
    std::string where{};

    friend bool operator==(const ConfigLine&, const ConfigLine&) = default;
};

// What an FPM pool says, or FPM's default; empty where not known.
struct PoolSettings {
    ConfigLine pm{};
    ConfigLine max_children{};
    ConfigLine start_servers{};
    ConfigLine min_spare_servers{};
    ConfigLine max_spare_servers{};
    ConfigLine terminate_timeout{};
    ConfigLine control_timeout{};  // [global] process_control_timeout: how long a reload may last
    ConfigLine slowlog_timeout{};
    ConfigLine slowlog{};
    ConfigLine memory_limit{};        // php_admin_value, php_value; "": php.ini decides
    ConfigLine max_execution_time{};  // likewise
    ConfigLine catch_output{};        // catch_workers_output
    ConfigLine decorate_output{};     // decorate_workers_output

    friend bool operator==(const PoolSettings&, const PoolSettings&) = default;
};

// nginx's own, for all its backends together.
struct NginxLimits {
    ConfigLine worker_processes{};
    ConfigLine worker_connections{};
    ConfigLine worker_rlimit_nofile{};  // "": the limit of the process

    friend bool operator==(const NginxLimits&, const NginxLimits&) = default;
};

struct Backend {
    std::string address;
    std::string pool;   // FPM pool name, empty for others
    std::string where;  // "/etc/nginx/sites-enabled/default:57", for people
    Scheme scheme = Scheme::kFastcgi;
    std::string host{};  // the name behind a resolved address, "" when nginx was given the address
    std::string real{};  // unix: where symbolic links lead to from `address`, "" = nowhere else
    // In effect where nginx first names the backend; empty where not known.
    ConfigLine read_timeout{};
    ConfigLine longest_wait{};  // the largest read timeout of all places that name the backend
    ConfigLine buffer_size{};
    ConfigLine buffers{};
    ConfigLine busy_buffers_size{};
    PoolSettings fpm{};

    friend bool operator==(const Backend&, const Backend&) = default;
};

// One systemd unit and every backend it serves. Incidents are kept per service.
struct Service {
    std::string unit;  // "php8.2-fpm.service"
    ServiceRole role = ServiceRole::kOther;
    std::vector<Backend> backends;
    std::string log{};  // the server's own log ("/var/log/php8.2-fpm.log"), "" when not known

    friend bool operator==(const Service&, const Service&) = default;
};

// A pool that PHP-FPM's files define, whether or not its unit runs or is there at all.
struct Pool {
    std::string unit;
    std::string name;
    std::string address;  // real: behind symbolic links
    std::string user;     // "" where the file does not say

    friend bool operator==(const Pool&, const Pool&) = default;
};

// Who was seen to listen on an address, by the kernel's word. Outlives the configuration that named
// it: after an undo the owner is still known.
struct Seen {
    std::string address;  // real
    std::string unit;
    std::string pool;  // "" for others than PHP-FPM
    std::string user;  // the pool's
    // An address of the same unit that nginx did not point at while it pointed at another: what
    // else the application has open (metrics, a debugger), not where it has moved to.
    bool is_beside = false;

    friend bool operator==(const Seen&, const Seen&) = default;
};

inline constexpr std::size_t kMaxSeen = 1024;
inline constexpr std::size_t kMaxPools = 1024;

struct Topology {
    std::vector<Service> services;           // sorted by unit
    std::vector<Backend> unowned{};          // configured in nginx, no local unit known
    std::vector<std::string> error_logs;     // absolute paths
    std::vector<std::string> access_logs{};  // those that name $upstream_status
    std::string worker_user{};               // nginx's `user`, "" when unknown
    NginxLimits limits{};
    std::vector<Pool> pools{};  // at most kMaxPools, in order of unit and file
    std::vector<Seen> seen{};   // sorted by address, one each; at most kMaxSeen

    friend bool operator==(const Topology&, const Topology&) = default;

    // nullptr when nginx is not known
    [[nodiscard]] const Service* find_nginx() const;
    // Exact match only; nullptr when no service owns the address.
    [[nodiscard]] const Service* find_by_address(std::string_view address) const;
    [[nodiscard]] const Service* find_by_unit(std::string_view unit) const;
    // nullptr: nobody was ever seen to listen there
    [[nodiscard]] const Seen* find_seen(std::string_view address) const;
};

// What units of this name are: nginx, PHP-FPM of some version, or anything else. A name is how a
// packager calls it, and no proof of who answers where.
[[nodiscard]] ServiceRole role_of_unit(std::string_view unit);

// A backend no local unit is known for, as a service: "(10.0.0.5:8080)".
[[nodiscard]] Service unowned_service(const Backend& backend);

// Such a name, as far as its form tells.
[[nodiscard]] bool is_unowned_name(std::string_view name);

// "unix:…", 127.0.0.0/8, [::1]: whatever listens there runs on this machine.
// Where it is listened on: behind symbolic links.
[[nodiscard]] const std::string& real_address(const Backend& backend);

[[nodiscard]] bool is_local(std::string_view address);
[[nodiscard]] bool is_loopback(std::string_view address);  // 127.0.0.0/8 and [::1], with a port

// PHP-FPM copies into its own log what scripts print, without saying that it is theirs: any line
// there may be a visitor's.
[[nodiscard]] bool is_log_open_to_scripts(const Service& service);

}  // namespace gatemend::core
