// SPDX-License-Identifier: MIT
// What wraps a program's line on its way to the person who reads it: container runtimes, compose,
// Kubernetes, syslog, the journal, log shippers' JSON, grep, colours, quotation marks. Used by the
// front door only; takes prefixes off until the program's own text is left. Linear time; says
// nothing about what the text means, and a line that was wrapped is never trusted.
#pragma once

#include "parse/log_finding.hpp"

#include <string>
#include <string_view>

namespace gatemend::parse {

// Room for the text of a line that had to be decoded (a JSON string, ANSI colours).
struct LineBuffer {
    std::string text;
};

struct Envelope {
    std::string_view text;                   // the program's own; into the line or the buffer
    std::string_view time;                   // of the innermost prefix that had one
    LogSource source = LogSource::kUnknown;  // of the program the wrapping names
    bool is_wrapped = false;
};

[[nodiscard]] Envelope open_envelope(std::string_view line, LineBuffer& buffer);

}  // namespace gatemend::parse
