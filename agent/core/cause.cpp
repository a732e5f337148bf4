// SPDX-License-Identifier: MIT
#include "core/cause.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

std::string_view cause_id(Cause value) {
    switch (value) {
        case Cause::kUnknown:
            return "unknown";
        case Cause::kUnitFailed:
            return "unit-failed";
        case Cause::kUnitStopped:
            return "unit-stopped";
        case Cause::kUnitStartLimit:
            return "unit-start-limit";
        case Cause::kFpmConfigInvalid:
            return "fpm-config-invalid";
        case Cause::kNginxConfigInvalid:
            return "nginx-config-invalid";
        case Cause::kNginxDown:
            return "nginx-down";
        case Cause::kSocketStale:
            return "socket-stale";
    }
    return "?";
}

std::optional<Cause> cause_from_id(std::string_view id) {
    return find_by_id(id, Cause::kSocketStale, cause_id);
}

std::string_view cause_sentence(Cause cause) {
    switch (cause) {
        case Cause::kUnknown:
            return "The evidence fits no known cause.";
        case Cause::kUnitFailed:
            return "The unit has failed: its main process ended by itself or was killed.";
        case Cause::kUnitStopped:
            return "The unit was stopped cleanly by somebody.";
        case Cause::kUnitStartLimit:
            return "systemd has given up starting the unit: too many starts in a short time.";
        case Cause::kFpmConfigInvalid:
            return "PHP-FPM's configuration does not pass its own test.";
        case Cause::kNginxConfigInvalid:
            return "nginx's configuration does not pass its own test.";
        case Cause::kNginxDown:
            return "nginx itself is down.";
        case Cause::kSocketStale:
            return "The socket file is there but nobody listens on it, and the unit is down.";
    }
    return "?";
}

}  // namespace gatemend::core
