// SPDX-License-Identifier: MIT
// puma 3 to 8: `* Listening on …`, `! Terminating timed out worker …`, behind `[PID] ` in a
// cluster. The application writes to the same stream, so nothing here is trusted.
#include "parse/app_readers.hpp"
#include "parse/text_pattern.hpp"

#include <array>

namespace gatemend::parse {
namespace {

using core::Clue;
using core::Symptom;

constexpr auto kMessages = std::to_array<MessageMeaning>({
    {"! Terminating timed out worker", Symptom::kResponseTimeout, Clue::kWorkerTimeout},
    {"! Unable to load application: ", Symptom::kConfigError, Clue::kBootFailed},
    {"! Unable to start worker", Symptom::kConfigError, Clue::kBootFailed},
    {"! Complete inability to spawn new workers detected",
     Symptom::kConfigError,
     Clue::kBootFailed},
    {"Early termination of worker", Symptom::kConfigError, Clue::kBootFailed},
    {"! Seppuku is the only choice.", Symptom::kNone},
    {"! Detected parent died, dying", Symptom::kNone, Clue::kServerStopping},
    {"There is already a server bound to: %s", Symptom::kConfigError, Clue::kAddressInUse},
    {"Address already in use - bind(2) for %s (Errno::EADDRINUSE)",
     Symptom::kConfigError,
     Clue::kAddressInUse},
    {"Puma starting in ", Symptom::kNone},
    {"* Listening on %s", Symptom::kNone, Clue::kServerReady},
    {"- Worker # (PID: #) booted", Symptom::kNone, Clue::kServerReady},
    {"- Gracefully stopping, waiting for requests to finish",
     Symptom::kNone,
     Clue::kServerStopping},
    {"- Goodbye!", Symptom::kNone, Clue::kServerStopping},
    {"=== puma shutdown: ", Symptom::kNone, Clue::kServerStopping},
    {"Use Ctrl-C to stop", Symptom::kNone},
    // 2026-11-21 14:00:00 +0000 Rack app ("GET /" - (192.0.2.7)): #<RuntimeError: …>
    {"#-#-# #:#:# +# Rack app (", Symptom::kScriptFatal, Clue::kUncaught},
    {"#-#-# #:#:# +# Rack app error handling request ", Symptom::kScriptFatal, Clue::kUncaught},
    {"Error during failsafe response: ", Symptom::kScriptFatal, Clue::kUncaught},
});

}  // namespace

std::optional<LogFinding> read_puma_log(std::string_view line, Origin origin) {
    LogFinding finding;
    finding.source = LogSource::kPuma;
    std::string_view message = line;
    if (match_pattern("[#] ", line)) {
        message.remove_prefix(line.find(']') + 2);
    }
    finding.message = message;
    if (find_meaning(kMessages, message, finding) == nullptr) {
        return origin == Origin::kKnown ? read_exception(message, origin) : std::nullopt;
    }
    finding.error_number = finding.clue == Clue::kAddressInUse ? 98 : 0;
    if (finding.clue == Clue::kUncaught && find_trouble(message) == AppTrouble::kDependency) {
        finding.clue = Clue::kDependencyRefused;
    }
    return finding;
}

}  // namespace gatemend::parse
