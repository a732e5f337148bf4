// SPDX-License-Identifier: MIT
// What one record of nginx's error log says, as a LogFinding. Called by the front door for records
// in the strict local form and by the loose reader for all others; adds to the record what only
// people need: clue, subject, and the peer that stands in the message when the field is cut off.
#pragma once

#include "parse/log_finding.hpp"
#include "parse/nginx_error.hpp"

namespace gatemend::parse {

[[nodiscard]] LogFinding nginx_finding(const NginxError& record);

}  // namespace gatemend::parse
