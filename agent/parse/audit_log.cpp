// SPDX-License-Identifier: MIT
// Audit records of SELinux and AppArmor. The kernel writes what a process chose in quotes or, where
// that would not do, in hexadecimal, so a record cannot be imitated from inside another; a line
// with these words in another program's log can.
#include "parse/app_readers.hpp"
#include "parse/lsm_denial.hpp"
#include "parse/text_pattern.hpp"

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

std::string_view denied_thing(const LsmDenial& denial) {
    for (const std::string_view name :
         {denial.path, denial.port, denial.profile, denial.target_class}) {
        if (!name.empty()) {
            return name;
        }
    }
    return denial.comm;
}

// `SELinux is preventing /usr/sbin/nginx from name_connect access on the tcp_socket port 8080.`
bool read_troubleshooter(std::string_view line, LogFinding& finding) {
    const auto text = match_pattern("SELinux is preventing %s from ", line);
    if (!text) {
        return false;
    }
    finding.clue = Clue::kLsmDenied;
    finding.subject = text->subject;
    const bool is_nginx = text->subject == "nginx" || text->subject.ends_with("/nginx");
    const bool is_connect = match_pattern("* from name_connect access", line).has_value() ||
                            match_pattern("* from connectto access", line).has_value();
    finding.symptom = is_nginx && is_connect ? Symptom::kConnectDenied : Symptom::kNone;
    return true;
}

}  // namespace

std::optional<LogFinding> read_audit_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kAudit;
    finding.message = line;
    if (read_troubleshooter(line, finding)) {
        return finding;
    }
    const auto denial = parse_lsm_denial(line);
    if (!denial) {
        const bool is_audit = match_pattern("type=* msg=audit(#", line).has_value();
        return is_audit || origin == Origin::kKnown ? std::optional(finding) : std::nullopt;
    }
    if (const auto stamp = match_pattern("* msg=audit(%s)", line)) {
        finding.time = stamp->subject;
    }
    if (denial->is_permissive) {
        return finding;
    }
    finding.clue = Clue::kLsmDenied;
    finding.symptom = is_connect_denial(*denial) ? Symptom::kConnectDenied : Symptom::kNone;
    finding.error_number = 13;
    finding.subject = denied_thing(*denial);
    // auditd's own form; `ausearch -i` takes the quotes off, so that is not it.
    finding.is_trusted =
        match_pattern("type=AVC msg=audit(#.#:#): ", line) && !has_control_bytes(line);
    return finding;
}

}  // namespace gatemend::parse
