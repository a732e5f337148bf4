// SPDX-License-Identifier: MIT
// One line of an access log: common, combined, combined with upstream variables in the orders and
// spellings people use, ingress-nginx's, JSON. Called by the front door. Says who made the answer
// (nginx, the upstream, a cache) where the line proves it; the rules are in README.md. Never
// trusted: the format is the administrator's, and with escape=none a client writes lines.
#pragma once

#include "parse/log_finding.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

// nullopt: not an access line.
[[nodiscard]] std::optional<LogFinding> read_nginx_access(std::string_view line);

}  // namespace gatemend::parse
