// SPDX-License-Identifier: MIT
#include "core/cause.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

// NOLINTNEXTLINE(readability-function-size): one table
std::string_view cause_id(Cause value) {
    switch (value) {
        case Cause::kUnknown:
            return "unknown";
        case Cause::kUnitFailed:
            return "unit-failed";
        case Cause::kUnitStopped:
            return "unit-stopped";
        case Cause::kUnitNotStarted:
            return "unit-not-started";
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
        case Cause::kSocketDeleted:
            return "socket-deleted";
        case Cause::kSocketBlocked:
            return "socket-blocked";
        case Cause::kSocketOwnership:
            return "socket-ownership";
        case Cause::kSocketPathMismatch:
            return "socket-path-mismatch";
        case Cause::kPortMismatch:
            return "port-mismatch";
        case Cause::kBackendHung:
            return "backend-hung";
        case Cause::kPoolSaturated:
            return "pool-saturated";
        case Cause::kSlowBackend:
            return "slow-backend";
        case Cause::kWorkerCrash:
            return "worker-crash";
        case Cause::kScriptFatal:
            return "script-fatal";
        case Cause::kOomKilled:
            return "oom-killed";
        case Cause::kAppDown:
            return "app-down";
        case Cause::kDependencyDown:
            return "dependency-down";
        case Cause::kHeaderTooBig:
            return "header-too-big";
        case Cause::kProtocolMismatch:
            return "protocol-mismatch";
        case Cause::kUpstreamTls:
            return "upstream-tls";
        case Cause::kNameUnresolved:
            return "name-unresolved";
        case Cause::kRemoteUpstreamDown:
            return "remote-upstream-down";
        case Cause::kFirewallBlocked:
            return "firewall-blocked";
        case Cause::kLsmDenied:
            return "lsm-denied";
        case Cause::kDiskFull:
            return "disk-full";
        case Cause::kNginxFdLimit:
            return "nginx-fd-limit";
        case Cause::kHighLoad:
            return "high-load";
        case Cause::kAppAnswers502:
            return "app-answers-502";
        case Cause::kEdge502:
            return "edge-502";
    }
    return "?";
}

std::optional<Cause> cause_from_id(std::string_view id) {
    return find_by_id(id, kLastCause, cause_id);
}

// NOLINTNEXTLINE(readability-function-size): one table
std::string_view cause_sentence(Cause cause) {
    switch (cause) {
        case Cause::kUnknown:
            return "The evidence fits no known cause.";
        case Cause::kUnitFailed:
            return "The unit has failed: its main process ended by itself or was killed.";
        case Cause::kUnitStopped:
            return "The unit was stopped cleanly by somebody.";
        case Cause::kUnitNotStarted:
            return "The unit is not running, and systemd knows of no start of it since boot.";
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
        case Cause::kSocketDeleted:
            return "The unit runs and listens, but the file of its socket is gone or another's.";
        case Cause::kSocketBlocked:
            return "The file of the unit's socket is gone, and what is in its place would keep it "
                   "from being made anew; or the file lies where nginx does not see it.";
        case Cause::kSocketOwnership:
            return "nginx's worker user may not use the socket: owner, mode or a directory on the "
                   "way.";
        case Cause::kSocketPathMismatch:
            return "nginx points at a socket that no pool listens on; a living pool listens "
                   "elsewhere.";
        case Cause::kPortMismatch:
            return "nginx points at a port nobody listens on; the application listens on another.";
        case Cause::kBackendHung:
            return "The backend accepts connections but never answers.";
        case Cause::kPoolSaturated:
            return "All workers are busy and the accept queue is full.";
        case Cause::kSlowBackend:
            return "The backend answers, but some requests take longer than nginx waits.";
        case Cause::kWorkerCrash:
            return "Workers end on a fatal signal while they serve requests.";
        case Cause::kScriptFatal:
            return "The script ends with a fatal error; server and pool are fine.";
        case Cause::kOomKilled:
            return "The kernel killed a process of the unit because memory ran out.";
        case Cause::kAppDown:
            return "The application behind nginx is not running.";
        case Cause::kDependencyDown:
            return "The application works, but a database or cache it needs refuses.";
        case Cause::kHeaderTooBig:
            return "The backend's response header does not fit nginx's buffer.";
        case Cause::kProtocolMismatch:
            return "nginx and the backend speak different protocols.";
        case Cause::kUpstreamTls:
            return "The TLS session between nginx and the backend cannot be made.";
        case Cause::kNameUnresolved:
            return "A host name in nginx's configuration does not resolve.";
        case Cause::kRemoteUpstreamDown:
            return "A backend on another host cannot be reached.";
        case Cause::kFirewallBlocked:
            return "A packet filter rule on this machine keeps nginx from the backend.";
        case Cause::kLsmDenied:
            return "SELinux or AppArmor denies the connection.";
        case Cause::kDiskFull:
            return "A file system is full: no space or no inodes left.";
        case Cause::kNginxFdLimit:
            return "nginx has used up its connections or file descriptors.";
        case Cause::kHighLoad:
            return "The machine is overloaded.";
        case Cause::kAppAnswers502:
            return "The application itself, or a proxy behind it, sent the 502.";
        case Cause::kEdge502:
            return "A proxy in front of this machine reports 502 while the origin answers.";
    }
    return "?";
}

}  // namespace gatemend::core
