// SPDX-License-Identifier: MIT
// Cause: why a service does not answer, found by looking at the machine. Identifiers are a public
// interface. Closed set: enum, one table, no default; adding one breaks the build where it matters.
#pragma once

#include <optional>
#include <string_view>

namespace gatemend::core {

enum class Cause {
    kUnknown,
    kUnitFailed,
    kUnitStopped,
    kUnitNotStarted,
    kUnitStartLimit,
    kFpmConfigInvalid,
    kNginxConfigInvalid,
    kNginxDown,
    kSocketStale,
    kSocketDeleted,
    kSocketBlocked,
    kSocketOwnership,
    kSocketPathMismatch,
    kPortMismatch,
    kBackendHung,
    kPoolSaturated,
    kSlowBackend,
    kWorkerCrash,
    kScriptFatal,
    kOomKilled,
    kAppDown,
    kDependencyDown,
    kHeaderTooBig,
    kProtocolMismatch,
    kUpstreamTls,
    kNameUnresolved,
    kRemoteUpstreamDown,
    kFirewallBlocked,
    kLsmDenied,
    kDiskFull,
    kNginxFdLimit,
    kHighLoad,
    kAppAnswers502,
    kEdge502,
};
inline constexpr Cause kLastCause = Cause::kEdge502;

// "unit-failed"
[[nodiscard]] std::string_view cause_id(Cause cause);
[[nodiscard]] std::optional<Cause> cause_from_id(std::string_view id);
// One sentence for a person, without target names.
[[nodiscard]] std::string_view cause_sentence(Cause cause);

}  // namespace gatemend::core
