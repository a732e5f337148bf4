// SPDX-License-Identifier: MIT
// The front door of agent/parse: any line of any log, in any wrapping people have, to what it says.
// Called by explain and replay for text of unknown origin. The live agent reads nginx's error log
// through NginxErrorReader alone: it believes nothing but the strict local form. Linear time, and
// no line can make it keep more than its own length.
#pragma once

#include "parse/log_finding.hpp"

#include <string>
#include <string_view>

namespace gatemend::parse {

// Room for the text of a line that had to be unwrapped (a JSON string, ANSI colours).
struct LineBuffer {
    std::string text;
};

// `hint` restricts to one source; kUnknown: find out. The views of the answer point into `line` or
// into `buffer`: they end with either of them, and with the next call.
[[nodiscard]] LogFinding read_log_line(std::string_view line, LogSource hint, LineBuffer& buffer);

// Canonical backend address ("unix:/run/x.sock", "127.0.0.1:9000") of a finding, "" when it names
// a group, a host or nothing.
[[nodiscard]] std::string_view backend_address(const LogFinding& finding);

}  // namespace gatemend::parse
