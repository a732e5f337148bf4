// SPDX-License-Identifier: MIT
#include "parse/log_finding.hpp"

#include "core/closed_set.hpp"

namespace gatemend::parse {

std::string_view log_source_id(LogSource source) {
    switch (source) {
        case LogSource::kUnknown:
            return "unknown";
        case LogSource::kNginxError:
            return "nginx-error";
        case LogSource::kNginxAccess:
            return "nginx-access";
        case LogSource::kPhpFpm:
            return "php-fpm";
        case LogSource::kPhp:
            return "php";
        case LogSource::kPhpSlowlog:
            return "php-slowlog";
        case LogSource::kGunicorn:
            return "gunicorn";
        case LogSource::kUvicorn:
            return "uvicorn";
        case LogSource::kUwsgi:
            return "uwsgi";
        case LogSource::kPuma:
            return "puma";
        case LogSource::kNode:
            return "node";
        case LogSource::kPm2:
            return "pm2";
        case LogSource::kApache:
            return "apache";
        case LogSource::kSystemd:
            return "systemd";
        case LogSource::kKernel:
            return "kernel";
        case LogSource::kAudit:
            return "audit";
        case LogSource::kEdge:
            return "edge";
    }
    return "?";
}

std::optional<LogSource> log_source_from_id(std::string_view id) {
    return core::find_by_id(id, LogSource::kEdge, log_source_id);
}

}  // namespace gatemend::parse
