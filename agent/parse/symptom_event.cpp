// SPDX-License-Identifier: MIT
#include "parse/symptom_event.hpp"

#include "core/text.hpp"
#include "parse/log_line.hpp"
#include "parse/message_detail.hpp"
#include "parse/nginx_finding.hpp"

namespace gatemend::parse {

namespace {

constexpr int kBadGateway = 502;
constexpr std::string_view kNoResolver = "no resolver defined to resolve ";

// The name in "NAME could not be resolved" and "no resolver defined to resolve NAME"; "" when it
// is none that could stand in a configuration.
std::string_view unresolved_name(std::string_view message) {
    if (message.starts_with(kNoResolver)) {
        message.remove_prefix(kNoResolver.size());
    }
    const std::string_view name = message.substr(0, message.find(' '));
    return is_host_name(name) ? name : "";
}

// "/system.slice/php8.2-fpm.service" of the kernel's records; a unit's name stays as it is.
std::string_view unit_of_subject(const LogFinding& finding) {
    const std::string_view subject = finding.subject;
    const bool names_unit =
        finding.source == LogSource::kSystemd || finding.source == LogSource::kKernel;
    const std::string_view last = subject.substr(subject.rfind('/') + 1);
    return names_unit && last.ends_with(".service") ? last : "";
}

// What a person wants to read: which name, which database, which file.
std::string_view telling_part(const LogFinding& finding) {
    if (finding.symptom == core::Symptom::kNameUnresolved) {
        return unresolved_name(finding.message);
    }
    const std::string_view message = finding.message;
    if (finding.clue == core::Clue::kDependencyRefused && !message.empty()) {
        constexpr std::size_t kMaxTold = 160;
        return message.substr(0, kMaxTold);
    }
    return finding.subject;
}

}  // namespace

core::SymptomSeen symptom_seen(const NginxError& record) {
    return record.symptom == core::Symptom::kNone ? core::SymptomSeen{}
                                                  : symptom_seen(nginx_finding(record), "");
}

core::SymptomSeen symptom_seen(const LogFinding& finding, const std::string& unit) {
    core::SymptomSeen seen;
    seen.symptom = finding.symptom;
    seen.clue = finding.clue;
    // An application may answer 500 or 503 as it likes; that is no gateway's failure.
    if (finding.clue == core::Clue::kAnsweredByUpstream && finding.status != kBadGateway) {
        seen.clue = core::Clue::kNone;
    }
    seen.number = finding.number;
    seen.error_number = finding.error_number;
    seen.address = backend_address(finding);
    seen.is_trusted = finding.is_trusted;
    seen.source = log_source_id(finding.source);
    seen.witness = finding.is_hearsay ? core::Witness::kLog : core::witness_of_source(seen.source);
    seen.unit = unit.empty() && seen.address.empty() ? std::string{unit_of_subject(finding)} : unit;
    // For a CDN's record the host is all there is to tell.
    seen.subject = finding.source == LogSource::kEdge ? core::ClientText{finding.visitor}
                                                      : core::ClientText{telling_part(finding)};
    return seen;
}

}  // namespace gatemend::parse
