// SPDX-License-Identifier: MIT
// What a record of nginx's error log is to the engine. Called by everything that turns log lines
// into events: the live log, the dry run and replay.
#pragma once

#include "core/event.hpp"
#include "parse/nginx_error.hpp"

namespace gatemend::parse {

[[nodiscard]] core::SymptomSeen symptom_seen(const NginxError& record);

}  // namespace gatemend::parse
