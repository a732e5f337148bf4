// SPDX-License-Identifier: MIT
// What a line of an application server, interpreter, kernel, systemd or audit log says. Called by
// the front door (log_line.hpp) with the program's own text. Pure, linear, any input; never
// decides.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// nullopt: the line is of none of the known forms. `hint` restricts to one source (kUnknown: try
// all, most specific first).
[[nodiscard]] std::optional<LogFinding> read_app_log(std::string_view line, LogSource hint);

}  // namespace gatemend::parse
