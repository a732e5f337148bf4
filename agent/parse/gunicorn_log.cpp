// SPDX-License-Identifier: MIT
// gunicorn 19 to 23 and later: `[2026-01-02 03:04:05 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:9)`,
// the same with an ISO stamp or without one. The application writes to the same stream, so nothing
// here is trusted.
#include "parse/app_readers.hpp"
#include "parse/text_pattern.hpp"
#include "parse/text_scan.hpp"

#include <algorithm>
#include <array>
#include <cstddef>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr auto kMessages = std::to_array<MessageMeaning>({
    {"WORKER TIMEOUT (pid:#)", Symptom::kResponseTimeout, Clue::kWorkerTimeout},
    {"Worker with pid # was terminated due to signal %n",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal},
    {"Worker (pid:#) was sent SIGKILL!",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     9},
    {"Worker (pid:#) was sent SIGSEGV!",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     11},
    {"Worker (pid:#) was sent SIGABRT!",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     6},
    {"Worker (pid:#) was sent SIGBUS!",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     7},
    {"Worker (pid:#) was sent SIGTERM!", Symptom::kNone, Clue::kWorkerSignal, Words::kForeign, 15},
    {"Worker (pid:#) was sent ", Symptom::kClosedEarly, Clue::kWorkerSignal},
    {"Worker (pid:#) exited with code 0", Symptom::kNone, Clue::kNone},
    {"Worker (pid:#) exited with code %n", Symptom::kNone, Clue::kWorkerExit},
    {"Exception in worker process", Symptom::kConfigError, Clue::kBootFailed},
    {"Reason: Worker failed to boot", Symptom::kConfigError, Clue::kBootFailed},
    {"Reason: App failed to load", Symptom::kConfigError, Clue::kBootFailed},
    {"App failed to load", Symptom::kConfigError, Clue::kBootFailed},
    {"Worker failed to boot", Symptom::kConfigError, Clue::kBootFailed},
    {"Connection in use: (%s)", Symptom::kConfigError, Clue::kAddressInUse},
    {"Can't connect to (%s)", Symptom::kConfigError, Clue::kAddressInUse},
    {"Can't connect to %s", Symptom::kConfigError, Clue::kAddressInUse},
    {"Error handling request", Symptom::kScriptFatal, Clue::kUncaught},
    {"Exception in ASGI application", Symptom::kScriptFatal, Clue::kUncaught},
    {"Exception on * [", Symptom::kScriptFatal, Clue::kUncaught},
    {"Listening at: %s (", Symptom::kNone, Clue::kServerReady},
    {"Handling signal: term$", Symptom::kNone, Clue::kServerStopping},
    {"Handling signal: int$", Symptom::kNone, Clue::kServerStopping},
    {"Handling signal: quit$", Symptom::kNone, Clue::kServerStopping},
    {"Shutting down: Master$", Symptom::kNone, Clue::kServerStopping},
    {"Starting gunicorn ", Symptom::kNone},
    {"Using worker: ", Symptom::kNone},
    {"Booting worker with pid: #", Symptom::kNone, Clue::kNone},
    {"Worker exiting (pid: #)", Symptom::kNone, Clue::kNone},
    {"Parent changed, shutting down: ", Symptom::kNone},
});

// These begin like nobody else's, so that they are known without the stamp.
constexpr auto kUnmistakable = std::to_array<std::string_view>({
    "WORKER TIMEOUT (pid:",
    "Worker (pid:",
    "Worker with pid ",
    "Connection in use: (",
    "Exception in worker process",
});

// `[2026-01-02 03:04:05 +0000] [7] [INFO] `, `[2026-01-02T03:04:05Z] [7] [INFO] ` or, before 19,
// `2011-01-02 03:04:05 [7] [INFO] `.
bool take_prefix(TextScan& scan, LogFinding& finding, bool& is_info) {
    TextScan ahead = scan;
    const std::string_view end = ahead.skip("[") ? "] [" : " [";
    if (!match_pattern("#-#-#*[#] [", ahead.rest())) {
        return false;
    }
    finding.time = ahead.until(end, 64).value_or("");
    (void)ahead.skip("]");
    const auto level = match_pattern(" [#] [%s] ", ahead.rest());
    if (!level || level->subject.size() > 8 || finding.time.size() < 19) {
        return false;
    }
    is_info = level->subject == "INFO" || level->subject == "DEBUG";
    const auto at = static_cast<std::size_t>(level->subject.data() - ahead.rest().data());
    ahead.advance(at + level->subject.size() + 2);
    scan = ahead;
    return true;
}

}  // namespace

std::optional<LogFinding> read_gunicorn_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kGunicorn;
    TextScan scan(line);
    bool is_info = false;
    const bool is_strict = take_prefix(scan, finding, is_info);
    finding.message = scan.rest();
    const bool is_alone = std::ranges::any_of(
        kUnmistakable, [line](std::string_view text) { return line.starts_with(text); });
    if (!is_strict && !is_alone && origin == Origin::kGuessed) {
        return std::nullopt;
    }
    if (find_meaning(kMessages, scan.rest(), finding) == nullptr) {
        if (!is_strict) {
            return read_exception(line, origin);
        }
        if (!is_info && find_trouble(scan.rest()) == AppTrouble::kDependency) {
            finding.clue = Clue::kDependencyRefused;
        }
        return finding;
    }
    // Told to end. gunicorn itself ends a stuck worker with SIGABRT and SIGKILL.
    constexpr int kSigTerm = 15;
    if (finding.clue == Clue::kWorkerSignal && (is_info || finding.number == kSigTerm)) {
        finding.symptom = Symptom::kNone;
    }
    return finding;
}

}  // namespace gatemend::parse
