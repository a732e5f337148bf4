// SPDX-License-Identifier: MIT
// Symptom: what one record says, before anybody has looked at the machine. The identifiers are a
// public interface (policies, JSON, audit, documentation). Closed set: enum, one table, no default.
#pragma once

#include <optional>
#include <string_view>

namespace gatemend::core {

enum class Symptom {
    kNone,
    kConnectRefused,
    kSocketMissing,
    kConnectDenied,
    kBackendSaturated,
    kConnectTimeout,
    kResponseTimeout,
    kClosedEarly,
    kScriptFatal,
    kHeaderTooBig,
    kInvalidResponse,
    kNoLiveUpstreams,
    kNameUnresolved,
    kUnreachable,
    kUpstreamTls,
    kNginxLimit,
    kDiskFull,
    kScriptNotFound,
    kOomKill,
    kConfigError,
};

// "connect-refused"
[[nodiscard]] std::string_view symptom_id(Symptom symptom);
[[nodiscard]] std::optional<Symptom> symptom_from_id(std::string_view id);

}  // namespace gatemend::core
