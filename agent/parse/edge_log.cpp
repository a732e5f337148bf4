// SPDX-License-Identifier: MIT
#include "parse/edge_log.hpp"

#include "parse/json_members.hpp"
#include "parse/text_scan.hpp"

namespace gatemend::parse {

namespace {

// 502, 504, and the edge's own 520 to 530: no valid answer from the origin.
bool is_gateway_error(int status) {
    constexpr int kFirstOfEdge = 520;
    constexpr int kLastOfEdge = 530;
    return status == 502 || status == 504 || (status >= kFirstOfEdge && status <= kLastOfEdge);
}

std::optional<int> status_of(std::string_view value) {
    TextScan scan(value);
    const auto status = scan.number(3);
    return scan.is_at_end() ? status : std::nullopt;
}

}  // namespace

std::optional<LogFinding> read_edge_log(std::string_view line) {
    if (!line.starts_with('{')) {
        return std::nullopt;
    }
    LogFinding finding;
    std::optional<int> edge;
    std::optional<int> origin;
    JsonMembers members(line);
    for (JsonMember member; members.next(member);) {
        if (member.key == "EdgeResponseStatus") {
            edge = status_of(member.value);
        } else if (member.key == "OriginResponseStatus") {
            origin = status_of(member.value);
        } else if (member.key == "EdgeStartTimestamp" && member.is_string) {
            finding.time = member.value;
        } else if (member.key == "ClientRequestHost") {
            finding.visitor = core::ClientView{member.value};
        }
    }
    if (!edge) {
        return std::nullopt;
    }
    finding.source = LogSource::kEdge;
    const bool is_origins = origin && is_gateway_error(*origin);
    if (is_gateway_error(*edge) && !is_origins) {
        finding.clue = core::Clue::kAnsweredByEdge;
        finding.status = *edge == 502 || *edge == 504 ? *edge : 0;
    }
    return finding;
}

}  // namespace gatemend::parse
