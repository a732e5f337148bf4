// SPDX-License-Identifier: MIT
// Takes one message of nginx's error log apart, by the row of the table it belongs to, as far as
// its context (`, client: `…). Used by parse_nginx_error; says what is there, not what it means.
#pragma once

#include "core/symptom.hpp"
#include "parse/nginx_error.hpp"
#include "parse/nginx_messages.hpp"
#include "parse/text_scan.hpp"

#include <array>
#include <cstddef>
#include <string_view>

namespace gatemend::parse {

inline constexpr std::size_t kLongestHostName = 255;

// What nginx says it was doing with an upstream, and the phase that is.
struct ActionName {
    std::string_view text;
    UpstreamPhase phase;
};

inline constexpr std::array<ActionName, 6> kUpstreamActions{{
    {"reading response header from upstream", UpstreamPhase::kHeader},
    {"connecting to upstream", UpstreamPhase::kConnect},
    {"reading upstream", UpstreamPhase::kBody},
    {"sending request to upstream", UpstreamPhase::kSend},
    {"SSL handshaking to upstream", UpstreamPhase::kHandshake},
    {"sending to client", UpstreamPhase::kClient},
}};

struct MessageDetail {
    int error_number = 0;
    UpstreamPhase phase = UpstreamPhase::kNone;
    bool has_action = false;
    std::string_view address;  // of `connect() to ADDRESS`
    std::size_t size = 0;      // up to (errno), ` while ` or `, client: `
    bool is_known = false;     // of the row's form, whatever the context
    bool is_open = false;      // the context is on a later line
    bool is_tls_text = false;
    bool is_short_write = false;
    bool has_quote = false;  // quotes or odd bytes where somebody else chose them
};

// False: not of the row's form, or in a context we do not know. Leaves `scan` at the context.
[[nodiscard]] bool parse_message(const MessageRow& row, TextScan& scan, MessageDetail& message);

// What the row's rule makes of it; the number may be another system's.
[[nodiscard]] core::Symptom choose_symptom(const MessageRow& row, const MessageDetail& message);

[[nodiscard]] bool is_host_name(std::string_view name);

}  // namespace gatemend::parse
