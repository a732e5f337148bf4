// SPDX-License-Identifier: MIT
// The front door of agent/parse: any line of any log, in any wrapping people have, to what it says.
// Called by explain and replay for text of unknown origin. The live agent reads nginx's error log
// through NginxErrorReader alone: it believes nothing but the strict local form. Linear time, and
// no line can make it keep more than its own length.
#pragma once

#include "parse/envelope.hpp"
#include "parse/log_finding.hpp"

#include <string_view>

namespace gatemend::parse {

// `hint` restricts to one source; kUnknown: find out. The views of the answer point into `line` or
// into `buffer`: they end with either of them, and with the next call.
[[nodiscard]] LogFinding read_log_line(std::string_view line, LogSource hint, LineBuffer& buffer);

// The two halves of it, for readers that have met the strict form already (LogReader): what is
// more to say about a record of nginx's error log, and a line that is not one.
[[nodiscard]] LogFinding loosened(const NginxErrorLine& answer, std::string_view text);
[[nodiscard]] LogFinding read_unlisted_line(std::string_view line,
                                            LogSource hint,
                                            LineBuffer& buffer);

// Canonical backend address ("unix:/run/x.sock", "127.0.0.1:9000") of a finding, "" when it names
// a group, a host or nothing.
[[nodiscard]] std::string_view backend_address(const LogFinding& finding);

}  // namespace gatemend::parse
