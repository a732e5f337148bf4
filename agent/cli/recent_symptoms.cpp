// SPDX-License-Identifier: MIT
#include "cli/recent_symptoms.hpp"

#include "io/small_file.hpp"
#include "parse/app_logs.hpp"
#include "parse/nginx_error_reader.hpp"
#include "parse/symptom_event.hpp"

#include <algorithm>
#include <string_view>

namespace gatemend::cli {

namespace {

// In this machine's zone; -1 when it has not that form.
std::time_t local_time(std::string_view text, const char* form) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const std::string copy(text);
    const char* end = ::strptime(copy.c_str(), form, &parts);
    return end != nullptr && *end == '\0' ? std::mktime(&parts) : -1;
}

constexpr const char* kNginxTime = "%Y/%m/%d %H:%M:%S";  // "2026/11/21 14:33:28"
constexpr const char* kFpmTime = "%d-%b-%Y %H:%M:%S";    // "21-Nov-2026 14:33:28"

// The whole lines at the end of a file; an absent log says nothing.
std::string last_lines(const std::string& log) {
    const auto tail = io::read_file_tail(log, kRecentBytes);
    if (!tail) {
        return {};
    }
    const std::size_t first = tail->size() < kRecentBytes ? 0 : tail->find('\n') + 1;
    const std::size_t end = tail->rfind('\n') + 1;
    return first < end ? tail->substr(first, end - first) : std::string{};
}

}  // namespace

std::vector<core::SymptomSeen> recent_symptoms(const std::vector<std::string>& logs,
                                               std::time_t now,
                                               std::time_t seconds) {
    std::vector<core::SymptomSeen> all;
    parse::NginxErrorReader reader([&](const parse::NginxErrorAnswer& answer) {
        const parse::NginxError& record = answer.line.record;
        if (record.symptom == core::Symptom::kNone ||
            local_time(record.time, kNginxTime) < now - seconds) {
            return;
        }
        all.push_back(parse::symptom_seen(record));
    });
    for (const std::string& log : logs) {
        const std::string lines = last_lines(log);
        reader.lose_context();
        reader.feed_block(lines);
        reader.flush();
    }
    return all;
}

std::vector<core::SymptomSeen> recent_fpm_symptoms(const core::Service& service,
                                                   std::time_t since) {
    std::vector<core::SymptomSeen> all;
    const bool is_open_to_scripts = core::is_log_open_to_scripts(service);
    const std::string lines = service.log.empty() ? "" : last_lines(service.log);
    std::string_view rest = lines;
    while (!rest.empty()) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        auto finding = parse::read_app_log(rest.substr(0, end), parse::LogSource::kPhpFpm);
        rest.remove_prefix(std::min(end + 1, rest.size()));
        if (finding && parse::is_telling(*finding) &&
            local_time(finding->time, kFpmTime) >= since) {
            finding->is_trusted = finding->is_trusted && !is_open_to_scripts;
            finding->is_hearsay = finding->is_hearsay || is_open_to_scripts;
            all.push_back(parse::symptom_seen(*finding, service.unit));
        }
    }
    return all;
}

}  // namespace gatemend::cli
