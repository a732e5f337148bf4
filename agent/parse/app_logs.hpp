// SPDX-License-Identifier: MIT
// What a line of an application server, interpreter, kernel, systemd or audit log says. Called for
// every line that is none of nginx's. The line is the program's own text: docker's, syslog's and
// the journal's prefixes are gone, its own stamp may be there. Pure, linear, any input; never says
// more than the line does.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// nullopt: none of the known forms. `hint` restricts to one source (kUnknown: try all, the most
// specific first; then nothing is trusted).
[[nodiscard]] std::optional<LogFinding> read_app_log(std::string_view line, LogSource hint);

}  // namespace gatemend::parse
