// SPDX-License-Identifier: MIT
#include "cli/recent_symptoms.hpp"

#include "io/small_file.hpp"
#include "parse/nginx_error_reader.hpp"
#include "parse/symptom_event.hpp"

#include <algorithm>
#include <string_view>

namespace gatemend::cli {

namespace {

// "2026/11/21 14:33:28" in this machine's zone, as nginx writes it; -1 when it is not that.
std::time_t local_time(std::string_view text) {
    std::tm parts{};
    parts.tm_isdst = -1;
    const std::string copy(text);
    const char* end = ::strptime(copy.c_str(), "%Y/%m/%d %H:%M:%S", &parts);
    return end != nullptr && *end == '\0' ? std::mktime(&parts) : -1;
}

}  // namespace

std::vector<core::SymptomSeen> recent_symptoms(const std::vector<std::string>& logs,
                                               std::time_t now) {
    std::vector<core::SymptomSeen> all;
    parse::NginxErrorReader reader([&](const parse::NginxErrorAnswer& answer) {
        const parse::NginxError& record = answer.line.record;
        if (record.symptom == core::Symptom::kNone ||
            local_time(record.time) < now - kRecentSeconds) {
            return;
        }
        all.push_back(parse::symptom_seen(record));
    });
    for (const std::string& log : logs) {
        const auto tail = io::read_file_tail(log, kRecentBytes);
        if (!tail) {
            continue;  // an absent log says nothing
        }
        reader.lose_context();
        const std::size_t first = tail->size() < kRecentBytes ? 0 : tail->find('\n') + 1;
        const std::size_t end = tail->rfind('\n') + 1;
        if (first < end) {
            reader.feed_block(std::string_view(*tail).substr(first, end - first));
        }
        reader.flush();
    }
    return all;
}

}  // namespace gatemend::cli
