// SPDX-License-Identifier: MIT
#include "parse/nginx_finding.hpp"

#include "parse/foreign_errno.hpp"
#include "parse/nginx_stderr.hpp"
#include "parse/text_scan.hpp"

namespace gatemend::parse {
namespace {

using core::Clue;

constexpr std::size_t kLongestAddress = 128;

// "connect() to ADDRESS failed (…": the same peer as in `upstream:`, where that is missing.
std::string_view message_address(std::string_view message) {
    TextScan scan(message);
    if (!scan.skip("connect() to ")) {
        return {};
    }
    const auto address = scan.until(" failed", kLongestAddress);
    return address && !peer_address(*address).empty() ? *address : std::string_view();
}

// "… in /etc/nginx/nginx.conf:12" at the end of a complaint about the configuration.
std::string_view config_place(std::string_view message) {
    const std::size_t in = message.rfind(" in /");
    if (in == std::string_view::npos) {
        return {};
    }
    std::string_view place = message.substr(in + 4);
    place = place.substr(0, place.find_last_not_of("\r ") + 1);
    const std::size_t colon = place.rfind(':');
    const bool has_line =
        colon != std::string_view::npos && colon + 1 < place.size() &&
        place.find_first_not_of("0123456789", colon + 1) == std::string_view::npos;
    return has_line ? place : std::string_view();
}

void add_stderr(LogFinding& finding) {
    const StderrText text = read_stderr(stderr_text(finding.message));
    finding.clue = text.clue;
    finding.number = text.number;
    finding.subject = text.subject;
}

}  // namespace

LogFinding nginx_finding(const NginxError& record) {
    LogFinding finding;
    finding.source = LogSource::kNginxError;
    finding.symptom = record.symptom;
    finding.error_number = linux_errno(record.error_number);
    finding.phase = record.phase;
    finding.status = record.status;
    finding.time = record.time;
    finding.message = record.message;
    finding.upstream = record.upstream;
    // A number that Linux does not have there is not from this machine.
    finding.is_trusted = record.is_trusted && finding.error_number == record.error_number;
    if (finding.upstream.empty() && record.symptom != core::Symptom::kNone) {
        finding.upstream = message_address(record.message);
    }
    if (record.message.starts_with(kStderrPrefix)) {
        add_stderr(finding);
    } else if (record.level == "emerg" && finding.symptom != core::Symptom::kNone) {
        finding.subject = config_place(record.message);
        if (finding.error_number == 98) {
            finding.clue = Clue::kAddressInUse;
        } else if (!finding.subject.empty()) {
            finding.clue = Clue::kConfigRejected;
        }
    }
    return finding;
}

}  // namespace gatemend::parse
