// SPDX-License-Identifier: MIT
#include "parse/log_line.hpp"

#include "parse/app_logs.hpp"
#include "parse/edge_log.hpp"
#include "parse/nginx_access.hpp"
#include "parse/nginx_finding.hpp"
#include "parse/nginx_loose.hpp"

#include <optional>

namespace gatemend::parse {
namespace {

bool admits(LogSource hint, LogSource source) {
    return hint == LogSource::kUnknown || hint == source;
}

bool is_nginx(LogSource source) {
    return source == LogSource::kNginxError || source == LogSource::kNginxAccess;
}

// A record in nginx's own form: the strict reader's answer, or what the loose one makes of a record
// that was cut or trimmed. nullopt: no such header.
std::optional<LogFinding> read_strict(std::string_view text) {
    const NginxErrorLine answer = parse_nginx_error(text);
    if (answer.shape == LineShape::kFragment) {
        return std::nullopt;
    }
    return loosened(answer, text);
}

// The program's own text, or the whole line, as an application server's.
std::optional<LogFinding> read_application(std::string_view line,
                                           const Envelope& envelope,
                                           LogSource hint) {
    if (is_nginx(hint)) {
        return std::nullopt;
    }
    if (hint == LogSource::kUnknown && envelope.source != LogSource::kUnknown &&
        !is_nginx(envelope.source)) {
        if (auto finding = read_app_log(envelope.text, envelope.source)) {
            return finding;
        }
    }
    if (auto finding = read_app_log(envelope.text, hint)) {
        return finding;
    }
    return envelope.is_wrapped ? read_app_log(line, hint) : std::nullopt;
}

// A record behind words that nobody knows.
std::optional<LogFinding> read_embedded(std::string_view text) {
    const std::size_t at = find_record(text);
    if (at == std::string_view::npos || at == 0) {
        return std::nullopt;
    }
    const std::string_view record = text.substr(at);
    auto finding = read_strict(record);
    return finding ? finding : read_loose_record(record);
}

std::optional<LogFinding> read_nginx(std::string_view text, LogSource hint) {
    if (admits(hint, LogSource::kNginxAccess)) {
        if (auto finding = read_nginx_access(text)) {
            return finding;
        }
    }
    if (!admits(hint, LogSource::kNginxError)) {
        return std::nullopt;
    }
    if (auto finding = read_strict(text)) {
        return finding;
    }
    if (auto finding = read_loose_record(text)) {
        return finding;
    }
    if (auto finding = read_embedded(text)) {
        return finding;
    }
    // A message that quotes its backend ends like one.
    return read_bare_message(text) ? std::nullopt : read_stderr_tail(text);
}

std::optional<LogFinding> read_wrapped(std::string_view line,
                                       const Envelope& envelope,
                                       LogSource hint) {
    if (admits(hint, LogSource::kEdge)) {
        if (auto finding = read_edge_log(envelope.text)) {
            return finding;
        }
    }
    if (hint == LogSource::kEdge) {
        return std::nullopt;
    }
    if (auto finding = read_nginx(envelope.text, hint)) {
        return finding;
    }
    if (auto finding = read_application(line, envelope, hint)) {
        return finding;
    }
    return admits(hint, LogSource::kNginxError) ? read_bare_message(envelope.text) : std::nullopt;
}

}  // namespace

LogFinding loosened(const NginxErrorLine& answer, std::string_view text) {
    LogFinding finding = nginx_finding(answer.record);
    if (answer.is_undecided) {
        if (const auto loose = read_loose_record(text);
            loose && loose->symptom != core::Symptom::kNone) {
            return *loose;
        }
    }
    if (answer.shape == LineShape::kTruncated && finding.symptom != core::Symptom::kNone &&
        finding.upstream.empty()) {
        if (const auto loose = read_loose_record(text)) {
            finding.upstream = loose->upstream;  // cut in the URI, behind the peer
        }
    }
    return finding;
}

LogFinding read_unlisted_line(std::string_view line, LogSource hint, LineBuffer& buffer) {
    const Envelope envelope = open_envelope(line, buffer);
    LogFinding finding;
    finding.source = hint;
    if (envelope.text.empty()) {
        return finding;
    }
    const auto found = read_wrapped(line, envelope, hint);
    if (found) {
        finding = *found;
    }
    if (finding.time.empty()) {
        finding.time = envelope.time;
    }
    finding.is_trusted = finding.is_trusted && !envelope.is_wrapped && !is_nginx(finding.source);
    finding.is_hearsay = finding.is_hearsay || envelope.is_wrapped;
    return finding;
}

LogFinding read_log_line(std::string_view line, LogSource hint, LineBuffer& buffer) {
    if (admits(hint, LogSource::kNginxError)) {
        if (auto finding = read_strict(line)) {
            return *finding;
        }
    }
    return read_unlisted_line(line, hint, buffer);
}

std::string_view backend_address(const LogFinding& finding) {
    const std::string_view address = upstream_address(finding.upstream);
    return address.empty() ? peer_address(finding.upstream) : address;
}

}  // namespace gatemend::parse
