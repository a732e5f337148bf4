// SPDX-License-Identifier: MIT
#include "sandbox/secrecy/plain_names.hpp"

#include <algorithm>
#include <array>

namespace gatemend::sandbox {
namespace {

using Name = std::string_view;

constexpr auto kSettings = std::to_array<Name>({"access.log",
                                                "catch_workers_output",
                                                "daemonize",
                                                "decorate_workers_output",
                                                "emergency_restart_interval",
                                                "emergency_restart_threshold",
                                                "error_log",
                                                "events.mechanism",
                                                "group",
                                                "include",
                                                "listen",
                                                "listen.acl_groups",
                                                "listen.acl_users",
                                                "listen.backlog",
                                                "listen.group",
                                                "listen.mode",
                                                "listen.owner",
                                                "log_level",
                                                "php_admin_value[max_execution_time]",
                                                "php_admin_value[memory_limit]",
                                                "pid",
                                                "pm",
                                                "pm.max_children",
                                                "pm.max_requests",
                                                "pm.max_spare_servers",
                                                "pm.max_spawn_rate",
                                                "pm.min_spare_servers",
                                                "pm.process_idle_timeout",
                                                "pm.start_servers",
                                                "process.max",
                                                "process.priority",
                                                "process_control_timeout",
                                                "request_slowlog_timeout",
                                                "request_slowlog_trace_depth",
                                                "request_terminate_timeout",
                                                "rlimit_core",
                                                "rlimit_files",
                                                "slowlog",
                                                "systemd_interval",
                                                "user",
                                                "LimitNOFILE",
                                                "MemoryHigh",
                                                "MemoryMax",
                                                "OOMPolicy",
                                                "TasksMax",
                                                "TimeoutStartSec",
                                                "TimeoutStopSec"});

constexpr auto kDirectives = std::to_array<Name>({"access_log",
                                                  "error_log",
                                                  "include",
                                                  "keepalive",
                                                  "listen",
                                                  "log_format",
                                                  "resolver",
                                                  "resolver_timeout",
                                                  "return",
                                                  "server",
                                                  "server_name",
                                                  "user",
                                                  "worker_connections",
                                                  "worker_processes",
                                                  "worker_rlimit_nofile",
                                                  "worker_shutdown_timeout"});

constexpr auto kProtocols =
    std::to_array<Name>({"fastcgi_", "proxy_", "uwsgi_", "scgi_", "grpc_", "memcached_"});

constexpr auto kPassSettings = std::to_array<Name>({"buffer_size",
                                                    "buffering",
                                                    "buffers",
                                                    "busy_buffers_size",
                                                    "connect_timeout",
                                                    "intercept_errors",
                                                    "next_upstream",
                                                    "read_timeout",
                                                    "send_timeout",
                                                    "ssl_name",
                                                    "ssl_server_name",
                                                    "ssl_trusted_certificate",
                                                    "ssl_verify"});

template <class List>
bool contains(const List& list, Name name) {
    return std::ranges::find(list, name) != list.end();
}

// Behind "fastcgi_" and its like; "" where the name begins with none.
Name behind_protocol(Name name) {
    for (const Name protocol : kProtocols) {
        if (name.starts_with(protocol)) {
            return name.substr(protocol.size());
        }
    }
    return {};
}

}  // namespace

bool is_plain_setting(std::string_view name) {
    return contains(kSettings, name);
}

bool is_plain_directive(std::string_view name) {
    return contains(kDirectives, name) || contains(kPassSettings, behind_protocol(name)) ||
           is_pass(name);
}

bool is_pass(std::string_view name) {
    return behind_protocol(name) == "pass";
}

}  // namespace gatemend::sandbox
