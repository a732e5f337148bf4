// SPDX-License-Identifier: MIT
// Node's own last words on standard error, and pm2's log about the applications it keeps. An
// application writes to the same streams, so nothing here is trusted.
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

constexpr auto kNodeMessages = std::to_array<MessageMeaning>({
    {"Error: listen EADDRINUSE: address already in use %s",
     Symptom::kConfigError,
     Clue::kAddressInUse},
    {"Error: listen EADDRINUSE %s", Symptom::kConfigError, Clue::kAddressInUse},
    {"Error: listen EACCES: permission denied %s", Symptom::kConfigError, Clue::kBootFailed},
    {"FATAL ERROR: * JavaScript heap out of memory", Symptom::kScriptFatal, Clue::kHeapExhausted},
    {"FATAL ERROR: Reached heap limit", Symptom::kScriptFatal, Clue::kHeapExhausted},
    {"throw er; // Unhandled 'error' event", Symptom::kScriptFatal, Clue::kUncaught},
    {"      throw er; // Unhandled 'error' event", Symptom::kScriptFatal, Clue::kUncaught},
    {"UnhandledPromiseRejection: ", Symptom::kScriptFatal, Clue::kUncaught},
    {"  [cause]: Error: connect E", Symptom::kNone, Clue::kDependencyRefused},
    {"[UnhandledPromiseRejection", Symptom::kScriptFatal, Clue::kUncaught},
    {"(node:#) UnhandledPromiseRejectionWarning: ", Symptom::kNone, Clue::kUncaught},
    {"(node:#) ", Symptom::kNone},
    {"<--- ", Symptom::kNone},
    {"node:internal/", Symptom::kNone},
    {"Node.js v#.", Symptom::kNone},
    {"Emitted 'error' event on ", Symptom::kNone},
});

constexpr auto kPm2Messages = std::to_array<MessageMeaning>({
    {"App [%s] exited with code [0] via signal [SIGINT]", Symptom::kNone},
    {"App [%s] exited with code [0] via signal [SIGTERM]", Symptom::kNone},
    {"App [%s] exited with code [0] via signal [SIGSEGV]",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     11},
    {"App [%s] exited with code [0] via signal [SIGKILL]",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     9},
    {"App [%s] exited with code [0] via signal [SIGABRT]",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     6},
    {"App [%s] exited with code [0] via signal [SIGBUS]",
     Symptom::kClosedEarly,
     Clue::kWorkerSignal,
     Words::kForeign,
     7},
    // SIGINT is what pm2 prints when there was no signal.
    {"App [%s] exited with code [%n]", Symptom::kNone, Clue::kWorkerExit},
    {"App [%s] with id [#] and pid [#], exited with code [0]", Symptom::kNone},
    {"App [%s] with id [#] and pid [#], exited with code [%n]", Symptom::kNone, Clue::kWorkerExit},
    {"App name:%s id:# exited with code 0", Symptom::kNone},
    {"App name:%s id:# exited with code %n", Symptom::kNone, Clue::kWorkerExit},
    {"App name:%s id:# online", Symptom::kNone, Clue::kServerReady},
    {"App [%s] online", Symptom::kNone, Clue::kServerReady},
    {"App [%s] ", Symptom::kNone},
    {"Script %s had too many unstable restarts (#). Stopped. \"errored\"",
     Symptom::kConfigError,
     Clue::kGaveUp},
    {"[PM2][WORKER] Process %s restarted because it exceeds --max-memory-restart value",
     Symptom::kNone,
     Clue::kMemoryLimit},
    {"[PM2][ERROR] Script %s had too many unstable restarts (#)",
     Symptom::kConfigError,
     Clue::kGaveUp},
    {"Process with pid # still alive after ", Symptom::kNone},
    {"Stopping app:%s id:", Symptom::kNone, Clue::kServerStopping},
    {"pid=# msg=", Symptom::kNone},
});

std::string_view without_id(std::string_view app) {
    const std::size_t colon = app.rfind(':');
    const bool has_id = colon != std::string_view::npos && colon + 1 < app.size() &&
                        std::ranges::all_of(app.substr(colon + 1), is_digit);
    return has_id ? app.substr(0, colon) : app;
}

// `PM2        | ` of `pm2 logs`, `2026-11-21T14:29:57: ` (a blank for the T before version 3),
// `PM2 log: `, each or none. True: pm2's name stands there.
bool take_pm2_prefix(TextScan& scan, std::string_view& time) {
    bool is_pm2 = false;
    TextScan column = scan;
    if (column.skip("PM2 ")) {
        column.advance(std::min(column.rest().find_first_not_of(' '), column.rest().size()));
        if (column.skip("| ")) {
            scan = column;
            is_pm2 = true;
        }
    }
    if (match_pattern("#-#-#T#:#:#: ", scan.rest()) ||
        match_pattern("#-#-# #:#:#: ", scan.rest())) {
        time = scan.until(": ", 32).value_or("");
        (void)scan.skip(": ");
    }
    return scan.skip("PM2 log: ") || scan.skip("PM2 error: ") || is_pm2;
}

}  // namespace

std::optional<LogFinding> read_node_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kNode;
    std::string_view message = line;
    // `[7:0x55d0c0ffee00]    12345 ms: Mark-sweep …` and `0|api  | Error: …` of `pm2 logs`
    if (match_pattern("#|* | ", line)) {
        message.remove_prefix(line.find(" | ") + 3);
    } else if (match_pattern("[#:0x*] ", line)) {
        finding.message = line;
        return finding;
    }
    finding.message = message;
    if (find_meaning(kNodeMessages, message, finding) != nullptr) {
        finding.error_number = finding.clue == Clue::kAddressInUse ? 98 : 0;
        if (finding.clue == Clue::kUncaught && find_trouble(message) == AppTrouble::kDependency) {
            finding.clue = Clue::kDependencyRefused;
        }
        return finding;
    }
    const bool is_node_error =
        message.starts_with("Error: connect E") || message.starts_with("Error: getaddrinfo ") ||
        message.starts_with("Error: ENOSPC: ") || message.starts_with("Error: Cannot find module ");
    if (!is_node_error && origin == Origin::kGuessed) {
        return std::nullopt;
    }
    auto exception = read_exception(message, origin);
    if (exception) {
        exception->source = LogSource::kNode;
    }
    return exception;
}

std::optional<LogFinding> read_pm2_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kPm2;
    TextScan scan(line);
    bool is_pm2 = take_pm2_prefix(scan, finding.time) || origin == Origin::kKnown;
    finding.message = scan.rest();
    is_pm2 = is_pm2 || finding.message.starts_with("[PM2]");
    const bool is_app = !finding.time.empty() && (finding.message.starts_with("App name:") ||
                                                  finding.message.starts_with("App ["));
    const bool is_verdict =
        match_pattern("Script * had too many unstable restarts (", finding.message).has_value();
    if (!is_pm2 && !is_app && !is_verdict) {
        return std::nullopt;
    }
    if (find_meaning(kPm2Messages, finding.message, finding) != nullptr) {
        finding.subject = without_id(finding.subject);
    }
    return finding;
}

}  // namespace gatemend::parse
