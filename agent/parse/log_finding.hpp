// SPDX-License-Identifier: MIT
// LogFinding: what one log line says, whichever program wrote it. Every reader of agent/parse makes
// these; explain prints them, replay and the live sources turn them into events. All views point
// into the line and are hostile: show them only through sanitize().
#pragma once

#include "core/client_text.hpp"
#include "core/clue.hpp"
#include "core/symptom.hpp"
#include "parse/nginx_error.hpp"

#include <optional>
#include <string_view>

namespace gatemend::parse {

enum class LogSource {
    kUnknown,
    kNginxError,
    kNginxAccess,
    kPhpFpm,
    kPhp,
    kPhpSlowlog,
    kGunicorn,
    kUvicorn,
    kUwsgi,
    kPuma,
    kNode,
    kPm2,
    kApache,
    kSystemd,
    kKernel,
    kAudit,
    kEdge,  // a CDN's log
};
[[nodiscard]] std::string_view log_source_id(LogSource source);  // "nginx-error", "php-fpm" ...
[[nodiscard]] std::optional<LogSource> log_source_from_id(std::string_view id);

struct LogFinding {
    LogSource source = LogSource::kUnknown;
    core::Symptom symptom = core::Symptom::kNone;
    core::Clue clue = core::Clue::kNone;
    int number = 0;        // of the clue: signal, exit status, limit; 0 when it has none
    int error_number = 0;  // Linux errno; those of other systems are translated
    UpstreamPhase phase = UpstreamPhase::kNone;
    int status = 0;             // what the client got, 0: not known from this record
    std::string_view time;      // as the line writes it, "" when it has none
    std::string_view message;   // the program's own words
    std::string_view upstream;  // nginx: the field's value or $upstream_addr
    std::string_view
        subject;  // whom it is about: unit, pool, control group, app, script, FILE:LINE
    core::ClientView visitor;  // what a visitor asked for: the request line, or the host
    bool is_trusted = false;   // nothing in it could have been forged by a client
    bool is_hearsay = false;   // others could have written it in its author's name
};

// It says something at all.
[[nodiscard]] inline bool is_telling(const LogFinding& finding) {
    return finding.symptom != core::Symptom::kNone || finding.clue != core::Clue::kNone;
}

}  // namespace gatemend::parse
