// SPDX-License-Identifier: MIT
#include "parse/nginx_access.hpp"

#include "parse/access_fields.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

// Who logs no connect time is mostly ingress-nginx, which gives connect() five seconds by default;
// a timeout of any other length was a wait for the answer.
constexpr int kIngressConnectSeconds = 5;

bool is_number(std::string_view value) {
    return !value.empty() && is_digit(value[0]);
}

// Whole seconds of "60.001".
int seconds(std::string_view value) {
    TextScan scan(value);
    return scan.number(6).value_or(0);
}

bool is_worth_a_status(int status) {
    return status == 499 || status == 500 || status == 502 || status == 503 || status == 504;
}

// `$upstream_addr` is the group's name when no server of it was alive.
bool is_group(std::string_view address) {
    return !address.empty() && address != "-" && peer_address(address).empty() &&
           address.find_first_of(":/") == std::string_view::npos;
}

// nginx gave the attempt this status itself: it could not connect, or got no valid answer.
void judge_failed_attempt(const AccessFields& fields, bool is_connected, LogFinding& finding) {
    finding.clue = is_connected ? Clue::kUpstreamBroke : Clue::kUpstreamUnreachable;
    finding.phase = is_connected ? UpstreamPhase::kHeader : UpstreamPhase::kConnect;
    if (fields.status == 504) {
        finding.symptom = is_connected ? Symptom::kResponseTimeout : Symptom::kConnectTimeout;
    } else if (is_connected) {
        finding.symptom = Symptom::kClosedEarly;
    }
}

// The last attempt has the status the client got.
void judge_attempt(const AccessFields& fields, LogFinding& finding) {
    if (fields.status == 502 && !fields.is_ingress && is_group(fields.upstream_address)) {
        finding.symptom = Symptom::kNoLiveUpstreams;
        finding.clue = Clue::kUpstreamUnreachable;
        finding.phase = UpstreamPhase::kConnect;
        return;
    }
    const bool is_nginx_made = fields.status == 502 || fields.status == 504;
    if (is_number(fields.header_time) || !is_nginx_made ||
        (is_number(fields.response_length) && fields.response_length != "0")) {
        finding.clue = Clue::kAnsweredByUpstream;
        return;
    }
    if (fields.header_time == "-" && !fields.connect_time.empty()) {
        judge_failed_attempt(fields, is_number(fields.connect_time), finding);
        return;
    }
    if (fields.status == 504 && fields.response_length == "0") {
        const bool is_connect = seconds(fields.response_time) == kIngressConnectSeconds;
        finding.symptom = is_connect ? Symptom::kConnectTimeout : Symptom::kResponseTimeout;
        finding.clue = is_connect ? Clue::kUpstreamUnreachable : Clue::kUpstreamBroke;
        finding.phase = is_connect ? UpstreamPhase::kConnect : UpstreamPhase::kHeader;
    }
}

void judge(const AccessFields& fields, LogFinding& finding) {
    if (fields.status < 500 || fields.upstream_status.empty()) {
        return;
    }
    TextScan scan(fields.upstream_status);
    const auto attempt = scan.number(3);
    if (!attempt) {
        if (fields.upstream_address.empty() || fields.upstream_address == "-") {
            finding.clue = Clue::kAnsweredByNginx;
        }
        return;
    }
    if (*attempt == fields.status) {
        judge_attempt(fields, finding);
    }
}

}  // namespace

std::optional<LogFinding> read_nginx_access(std::string_view line) {
    const auto fields = read_access_fields(line);
    if (!fields) {
        return std::nullopt;
    }
    LogFinding finding;
    finding.source = LogSource::kNginxAccess;
    finding.status = is_worth_a_status(fields->status) ? fields->status : 0;
    finding.time = fields->time;
    finding.visitor = fields->request;
    if (fields->upstream_address != "-") {
        finding.upstream = fields->upstream_address;
    }
    judge(*fields, finding);
    return finding;
}

}  // namespace gatemend::parse
