// SPDX-License-Identifier: MIT
// uWSGI 1.9 to 2.1: no stamp, or `Sat Nov 21 14:29:57 2026 - `. Its request lines, which quote
// visitors, begin with `[pid: `.
#include "parse/app_readers.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr auto kMessages = std::to_array<MessageMeaning>({
    {"[pid: #|app: ", Symptom::kNone},
    {"%*%*%* uWSGI listen queue of socket %s (fd: #) full !!! (#/%n) %*%*%*$",
     Symptom::kBackendSaturated,
     Clue::kListenQueueFull},
    {"%*%*%* uWSGI listen queue of socket ", Symptom::kBackendSaturated, Clue::kListenQueueFull},
    {"%*%*%* HARAKIRI ON WORKER #", Symptom::kResponseTimeout, Clue::kWorkerTimeout},
    {"HARAKIRI ON WORKER #", Symptom::kResponseTimeout, Clue::kWorkerTimeout},
    {"HARAKIRI: --- uWSGI worker ", Symptom::kNone},
    {"HARAKIRI", Symptom::kNone},
    {"DAMN ! worker # (pid: #) died, killed by signal %n :( trying respawn ...$",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal},
    {"DAMN ! worker # (pid: #) died, killed by signal %n",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal},
    {"DAMN ! worker # (pid: #) died", Symptom::kClosedEarly, Clue::kWorkerExit},
    {"!!! uWSGI process # got Segmentation Fault !!!",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     11},
    {"%*%*%* no app loaded. going in full dynamic mode %*%*%*",
     Symptom::kConfigError,
     Clue::kBootFailed},
    {"%*%*%* no app loaded. GAME OVER %*%*%*", Symptom::kConfigError, Clue::kBootFailed},
    {"unable to load app # (", Symptom::kConfigError, Clue::kBootFailed},
    {"--- no python application found, check your startup logs for errors ---",
     Symptom::kScriptFatal,
     Clue::kBootFailed},
    {"bind(): Address already in use", Symptom::kConfigError, Clue::kAddressInUse},
    {"probably another instance of uWSGI is running on the same address (%s)",
     Symptom::kConfigError,
     Clue::kAddressInUse},
    {"bind(): ", Symptom::kConfigError, Clue::kBootFailed},
    {"Listen queue size is greater than the system max net.core.somaxconn (%n)",
     Symptom::kConfigError,
     Clue::kConfigRejected},
    {"SIGPIPE: writing to a closed pipe/socket/fd", Symptom::kNone},
    {"uwsgi_response_write", Symptom::kNone},
    {"WSGI app # (mountpoint='*') ready in ", Symptom::kNone, Clue::kServerReady},
    {"spawned uWSGI worker # ", Symptom::kNone},
    {"spawned uWSGI master process ", Symptom::kNone},
    {"Respawned uWSGI worker # ", Symptom::kNone},
    {"SIGINT/SIGQUIT received...killing workers...", Symptom::kNone, Clue::kServerStopping},
    {"SIGINT/SIGTERM received...killing workers...", Symptom::kNone, Clue::kServerStopping},
    {"goodbye to uWSGI.", Symptom::kNone, Clue::kServerStopping},
    {"...gracefully killing workers...", Symptom::kNone},
    {"Gracefully killing worker # ", Symptom::kNone},
    {"worker # buried after ", Symptom::kNone},
    {"VACUUM: ", Symptom::kNone},
    {"%*%*%* Starting uWSGI ", Symptom::kNone},
    {"[emperor] ", Symptom::kNone},
});

bool is_day(std::string_view text) {
    for (const std::string_view day : {"Mon ", "Tue ", "Wed ", "Thu ", "Fri ", "Sat ", "Sun "}) {
        if (text.starts_with(day)) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<LogFinding> read_uwsgi_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kUwsgi;
    std::string_view message = line;
    if (is_day(line) && line.size() > 27 && line.substr(24, 3) == " - ") {
        finding.time = line.substr(0, 24);
        message = line.substr(27);
    }
    finding.message = message;
    const MessageMeaning* row = find_meaning(kMessages, message, finding);
    if (row == nullptr) {
        if (origin == Origin::kGuessed) {
            return std::nullopt;
        }
        return read_exception(message, origin);
    }
    finding.error_number = finding.clue == Clue::kAddressInUse ? 98 : finding.error_number;
    // The application writes to the same file: no line of it is beyond doubt.
    return finding;
}

}  // namespace gatemend::parse
