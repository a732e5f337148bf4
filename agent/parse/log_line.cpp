// SPDX-License-Identifier: MIT
#include "parse/log_line.hpp"

namespace gatemend::parse {

LogFinding read_log_line(std::string_view line, LogSource hint, LineBuffer& /*buffer*/) {
    LogFinding finding;
    const NginxErrorLine answer = parse_nginx_error(line);
    finding.source = hint == LogSource::kUnknown ? LogSource::kNginxError : hint;
    finding.symptom = answer.record.symptom;
    finding.error_number = answer.record.error_number;
    finding.phase = answer.record.phase;
    finding.status = answer.record.status;
    finding.upstream = answer.record.upstream;
    finding.is_trusted = answer.record.is_trusted;
    return finding;
}

std::string_view backend_address(const LogFinding& finding) {
    return upstream_address(finding.upstream);
}

}  // namespace gatemend::parse
