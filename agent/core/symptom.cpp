// SPDX-License-Identifier: MIT
#include "core/symptom.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

std::string_view symptom_id(Symptom value) {
    switch (value) {
        case Symptom::kNone:
            return "none";
        case Symptom::kConnectRefused:
            return "connect-refused";
        case Symptom::kSocketMissing:
            return "socket-missing";
        case Symptom::kConnectDenied:
            return "connect-denied";
        case Symptom::kBackendSaturated:
            return "backend-saturated";
        case Symptom::kConnectTimeout:
            return "connect-timeout";
        case Symptom::kResponseTimeout:
            return "response-timeout";
        case Symptom::kClosedEarly:
            return "closed-early";
        case Symptom::kScriptFatal:
            return "script-fatal";
        case Symptom::kHeaderTooBig:
            return "header-too-big";
        case Symptom::kInvalidResponse:
            return "invalid-response";
        case Symptom::kNoLiveUpstreams:
            return "no-live-upstreams";
        case Symptom::kNameUnresolved:
            return "name-unresolved";
        case Symptom::kUnreachable:
            return "unreachable";
        case Symptom::kUpstreamTls:
            return "upstream-tls";
        case Symptom::kNginxLimit:
            return "nginx-limit";
        case Symptom::kDiskFull:
            return "disk-full";
        case Symptom::kScriptNotFound:
            return "script-not-found";
        case Symptom::kOomKill:
            return "oom-kill";
        case Symptom::kConfigError:
            return "config-error";
    }
    return "?";
}

std::optional<Symptom> symptom_from_id(std::string_view id) {
    return find_by_id(id, Symptom::kConfigError, symptom_id);
}

}  // namespace gatemend::core
