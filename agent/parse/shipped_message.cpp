// SPDX-License-Identifier: MIT
#include "parse/shipped_message.hpp"

#include "parse/json_members.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

namespace gatemend::parse {
namespace {

constexpr std::array kPrograms = std::to_array<std::pair<std::string_view, LogSource>>({
    {"nginx", LogSource::kNginxError},
    {"openresty", LogSource::kNginxError},
    {"php-fpm", LogSource::kPhpFpm},
    {"php", LogSource::kPhpFpm},
    {"gunicorn", LogSource::kGunicorn},
    {"uvicorn", LogSource::kUvicorn},
    {"uwsgi", LogSource::kUwsgi},
    {"puma", LogSource::kPuma},
    {"node", LogSource::kNode},
    {"npm", LogSource::kNode},
    {"pm2", LogSource::kPm2},
    {"PM2", LogSource::kPm2},
    {"apache", LogSource::kApache},
    {"httpd", LogSource::kApache},
    {"systemd", LogSource::kSystemd},
    {"kernel", LogSource::kKernel},
    {"audit", LogSource::kAudit},
});

// The keys under which shippers carry the line, the most telling first.
int message_rank(std::string_view key) {
    constexpr std::array<std::string_view, 13> kKeys{"log",
                                                     "MESSAGE",
                                                     "message",
                                                     "msg",
                                                     "line",
                                                     "textPayload",
                                                     "@message",
                                                     "original",
                                                     "short_message",
                                                     "full_message",
                                                     "body",
                                                     "text",
                                                     "raw"};
    const auto* found = std::ranges::find(kKeys, key);
    return static_cast<int>(found - kKeys.begin()) < static_cast<int>(kKeys.size())
               ? static_cast<int>(found - kKeys.begin())
               : -1;
}

bool is_program_key(std::string_view key) {
    return key == "SYSLOG_IDENTIFIER" || key == "_COMM" || key == "program" || key == "ident" ||
           key == "appname" || key == "app_name";
}

bool is_time_key(std::string_view key) {
    return key == "time" || key == "@timestamp" || key == "timestamp" || key == "ts";
}

}  // namespace

LogSource program_source(std::string_view program) {
    const std::size_t slash = program.rfind('/');
    if (slash != std::string_view::npos) {
        program.remove_prefix(slash + 1);
    }
    for (const auto& [name, source] : kPrograms) {
        if (program.starts_with(name)) {
            return source;
        }
    }
    return LogSource::kUnknown;
}

std::optional<ShippedMessage> find_shipped_message(std::string_view json) {
    constexpr std::string_view kByteList = "\"MESSAGE\":[";
    ShippedMessage found;
    JsonMembers members(json);
    JsonMember member;
    int best = -1;
    while (members.next(member)) {
        const int rank = member.is_string ? message_rank(member.key) : -1;
        if (rank >= 0 && (best < 0 || rank < best)) {
            best = rank;
            found.escaped = member.value;
        } else if (is_program_key(member.key) && found.source == LogSource::kUnknown) {
            found.source = program_source(member.value);
        } else if (is_time_key(member.key)) {
            found.time = member.value;
        }
    }
    if (best >= 0) {
        return found;
    }
    const std::size_t bytes = json.find(kByteList);
    if (bytes == std::string_view::npos) {
        return std::nullopt;
    }
    found.escaped = json.substr(bytes + kByteList.size());
    found.is_byte_list = true;
    return found;
}

}  // namespace gatemend::parse
