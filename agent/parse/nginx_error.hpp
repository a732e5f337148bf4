// SPDX-License-Identifier: MIT
// One record of nginx's error log, read strictly and by position. Called by the live tailer,
// explain and replay for every line, so it allocates nothing: the fields are views into the line.
// Everything after `, client: ` is in part the client's and never decides the symptom.
#pragma once

#include "core/symptom.hpp"
#include "core/time.hpp"

#include <cstddef>
#include <string_view>

namespace gatemend::parse {

// nginx cuts a record at 2048 bytes, its newline included; OpenResty is patched to 4096.
inline constexpr std::size_t kNginxRecordBytes = 2048;
inline constexpr std::size_t kLongestRecordBytes = 4096;

enum class UpstreamPhase { kNone, kConnect, kHandshake, kSend, kHeader, kBody, kClient };
[[nodiscard]] std::string_view upstream_phase_id(UpstreamPhase phase);

struct NginxError {
    core::Symptom symptom = core::Symptom::kNone;
    int error_number = 0;  // 0: none in the record
    UpstreamPhase phase = UpstreamPhase::kNone;
    int status = 0;             // what the client got, 0: not known from this record
    std::string_view time;      // "2026/11/21 14:33:28", local time without zone
    std::string_view level;     // "crit"
    std::string_view message;   // up to (errno) / while / ", client:"
    std::string_view upstream;  // field's value, "" when absent; hostile unless is_trusted
    bool is_trusted = false;    // strict local form and nothing in it could have been forged
};

enum class LineShape {
    kRecord,     // strict local form: the header matched
    kFragment,   // no header: part of a multi-line record, or injected
    kTruncated,  // header, but cut (2048 bytes, or a newline inside) before its end
};

struct NginxErrorLine {
    LineShape shape = LineShape::kFragment;
    // Carries, or may carry, bytes a client or an application chose: what is injected through them
    // stands in the lines around it. NginxErrorReader draws the conclusion.
    bool is_tainting = true;
    // A message that can be a failure, in a form or a place we do not know: torn, or trimmed.
    bool is_undecided = false;
    NginxError record;
};

// `line` without its newline, of any length and content.
[[nodiscard]] NginxErrorLine parse_nginx_error(std::string_view line);
// The same in place: copying the answer costs as much as finding it.
void parse_nginx_error(std::string_view line, NginxErrorLine& answer);

// The cheap half of the answer, for readers that want symptoms only.
enum class Glance {
    kClean,     // no symptom
    kTainting,  // no symptom, and it taints its neighbours
    kForeign,   // the same, and not even a header
    kLook,      // parse it
};
[[nodiscard]] Glance glance_at_nginx_error(std::string_view line);

// Neighbours decide too (a fragment or an `open() "` record beside a line taints it): feed lines in
// order; the answer for a line is final when its successor is known.
class NginxErrorReader;  // parse/nginx_error_reader.hpp

// Canonical backend address ("unix:/run/x.sock", "127.0.0.1:9000") of an upstream field, "" when
// the field is not of nginx's form.
[[nodiscard]] std::string_view upstream_address(std::string_view upstream);
// The same of a peer as messages and $upstream_addr write it, without scheme and URI.
[[nodiscard]] std::string_view peer_address(std::string_view peer);

}  // namespace gatemend::parse
