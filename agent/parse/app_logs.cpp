// SPDX-License-Identifier: MIT
#include "parse/app_logs.hpp"

#include "parse/app_readers.hpp"

#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

// No record of any of these programs is longer; what is behind it is not looked at.
constexpr std::size_t kMaxLineBytes = std::size_t{16} * 1024;

using Reader = std::optional<LogFinding> (*)(std::string_view, Origin);

// The most specific forms first.
constexpr auto kReaders = std::to_array<Reader>({
    read_audit_log,
    read_apache_log,
    read_kernel_log,
    read_fpm_slowlog,
    read_fpm_log,
    read_php_log,
    read_gunicorn_log,
    read_uvicorn_log,
    read_systemd_log,
    read_uwsgi_log,
    read_pm2_log,
    read_puma_log,
    read_node_log,
    read_exception,
});

Reader reader_of(LogSource source) {
    switch (source) {
        case LogSource::kPhpFpm:
            return read_fpm_log;
        case LogSource::kPhp:
            return read_php_log;
        case LogSource::kPhpSlowlog:
            return read_fpm_slowlog;
        case LogSource::kGunicorn:
            return read_gunicorn_log;
        case LogSource::kUvicorn:
            return read_uvicorn_log;
        case LogSource::kUwsgi:
            return read_uwsgi_log;
        case LogSource::kPuma:
            return read_puma_log;
        case LogSource::kNode:
            return read_node_log;
        case LogSource::kPm2:
            return read_pm2_log;
        case LogSource::kApache:
            return read_apache_log;
        case LogSource::kSystemd:
            return read_systemd_log;
        case LogSource::kKernel:
            return read_kernel_log;
        case LogSource::kAudit:
            return read_audit_log;
        case LogSource::kUnknown:
        case LogSource::kNginxError:
        case LogSource::kNginxAccess:
        case LogSource::kEdge:
            return nullptr;
    }
    return nullptr;
}

}  // namespace

std::optional<LogFinding> read_app_log(std::string_view line, LogSource hint) {
    line = line.substr(0, kMaxLineBytes);
    if (const Reader reader = reader_of(hint)) {
        auto finding = reader(line, Origin::kKnown);
        if (finding && finding->source == LogSource::kUnknown) {
            finding->source = hint;  // an exception in this program's log
        }
        return finding;
    }
    if (hint != LogSource::kUnknown || line.empty()) {
        return std::nullopt;
    }
    for (const Reader reader : kReaders) {
        if (auto finding = reader(line, Origin::kGuessed)) {
            // A program's form in a log of unknown origin: a script's newline can do that.
            finding->is_trusted = false;
            finding->is_hearsay = true;
            return finding;
        }
    }
    return std::nullopt;
}

}  // namespace gatemend::parse
