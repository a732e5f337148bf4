// SPDX-License-Identifier: MIT
// What a record of a log is to the engine. Called by everything that turns log lines into events:
// the live logs, the journal, the dry run and replay.
#pragma once

#include "core/event.hpp"
#include "parse/log_finding.hpp"
#include "parse/nginx_error.hpp"

namespace gatemend::parse {

// A record of nginx's error log in its strict form; others have no symptom here.
[[nodiscard]] core::SymptomSeen symptom_seen(const NginxError& record);

// A record of any other log. `unit`: whose log it is, "" when the record itself must say.
[[nodiscard]] core::SymptomSeen symptom_seen(const LogFinding& finding, const std::string& unit);

}  // namespace gatemend::parse
