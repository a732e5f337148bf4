// SPDX-License-Identifier: MIT
// uvicorn (and hypercorn's like): `INFO:     Started server process [7]`, with no stamp of its own.
// The application writes to the same stream, so nothing here is trusted.
#include "parse/app_readers.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

#include <array>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr auto kMessages = std::to_array<MessageMeaning>({
    {"Application startup failed. Exiting.$", Symptom::kConfigError, Clue::kBootFailed},
    {"Error loading ASGI app. ", Symptom::kConfigError, Clue::kBootFailed},
    {"[Errno 98] *", Symptom::kConfigError, Clue::kAddressInUse},
    {"[Errno 48] *", Symptom::kConfigError, Clue::kAddressInUse},
    {"[Errno %e] ", Symptom::kConfigError, Clue::kBootFailed},
    {"Exception in ASGI application", Symptom::kScriptFatal, Clue::kUncaught},
    {"Traceback (most recent call last):", Symptom::kNone},
    {"Uvicorn running on %s (", Symptom::kNone, Clue::kServerReady},
    {"Uvicorn running on socket %s (", Symptom::kNone, Clue::kServerReady},
    {"Uvicorn running on unix socket %s (", Symptom::kNone, Clue::kServerReady},
    {"Application startup complete.$", Symptom::kNone, Clue::kServerReady},
    {"Shutting down$", Symptom::kNone, Clue::kServerStopping},
    {"Waiting for application startup.$", Symptom::kNone, Clue::kNone},
    {"Started server process [#]$", Symptom::kNone, Clue::kNone},
    {"Finished server process [#]$", Symptom::kNone, Clue::kServerStopping},
    {"Child process [#] died$", Symptom::kClosedEarly, Clue::kWorkerExit},
});

// The level, a colon, and blanks up to the tenth column.
bool take_level(TextScan& scan) {
    for (const std::string_view level : {std::string_view("INFO:     "),
                                         std::string_view("ERROR:    "),
                                         std::string_view("WARNING:  "),
                                         std::string_view("CRITICAL: "),
                                         std::string_view("DEBUG:    ")}) {
        if (scan.skip(level)) {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<LogFinding> read_uvicorn_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kUvicorn;
    TextScan scan(line);
    const bool is_leveled = take_level(scan);
    finding.message = scan.rest();
    const bool is_error = line.starts_with("ERROR:");
    const MessageMeaning* row = find_meaning(kMessages, scan.rest(), finding);
    if (row != nullptr && finding.clue == Clue::kAddressInUse) {
        finding.error_number = 98;
    }
    if (finding.error_number == 28) {
        finding.symptom = Symptom::kDiskFull;
        finding.clue = Clue::kNone;
    }
    if (row != nullptr && (is_leveled || origin == Origin::kKnown)) {
        return finding;
    }
    if (is_error && find_trouble(scan.rest()) == AppTrouble::kDependency) {
        finding = LogFinding{};
        finding.source = LogSource::kUvicorn;
        finding.message = scan.rest();
        finding.clue = Clue::kDependencyRefused;
        return finding;
    }
    if (is_leveled) {  // `INFO:     192.0.2.7:51234 - "GET / HTTP/1.1" 200 OK` and the like
        return finding;
    }
    return origin == Origin::kKnown ? read_exception(line, origin) : std::nullopt;
}

}  // namespace gatemend::parse
