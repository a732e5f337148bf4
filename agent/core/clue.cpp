// SPDX-License-Identifier: MIT
#include "core/clue.hpp"

#include "core/closed_set.hpp"

namespace gatemend::core {

// NOLINTNEXTLINE(readability-function-size): one table
std::string_view clue_id(Clue value) {
    switch (value) {
        case Clue::kNone:
            return "none";
        case Clue::kWorkerSignal:
            return "worker-signal";
        case Clue::kWorkerExit:
            return "worker-exit";
        case Clue::kWorkerTimeout:
            return "worker-timeout";
        case Clue::kSlowRequest:
            return "slow-request";
        case Clue::kServerReady:
            return "server-ready";
        case Clue::kServerStopping:
            return "server-stopping";
        case Clue::kBootFailed:
            return "boot-failed";
        case Clue::kAddressInUse:
            return "address-in-use";
        case Clue::kGaveUp:
            return "gave-up";
        case Clue::kMaxChildren:
            return "max-children";
        case Clue::kListenQueueFull:
            return "listen-queue-full";
        case Clue::kMemoryLimit:
            return "memory-limit";
        case Clue::kExecutionTime:
            return "execution-time";
        case Clue::kUncaught:
            return "uncaught";
        case Clue::kHeapExhausted:
            return "heap-exhausted";
        case Clue::kDependencyRefused:
            return "dependency-refused";
        case Clue::kConfigRejected:
            return "config-rejected";
        case Clue::kOomGlobal:
            return "oom-global";
        case Clue::kOomCgroup:
            return "oom-cgroup";
        case Clue::kOomUnit:
            return "oom-unit";
        case Clue::kLsmDenied:
            return "lsm-denied";
        case Clue::kUnitStarted:
            return "unit-started";
        case Clue::kUnitStopped:
            return "unit-stopped";
        case Clue::kUnitFailed:
            return "unit-failed";
        case Clue::kUnitStartLimit:
            return "unit-start-limit";
        case Clue::kAnsweredByUpstream:
            return "answered-by-upstream";
        case Clue::kUpstreamUnreachable:
            return "upstream-unreachable";
        case Clue::kUpstreamBroke:
            return "upstream-broke";
        case Clue::kAnsweredByNginx:
            return "answered-by-nginx";
        case Clue::kAnsweredByEdge:
            return "answered-by-edge";
    }
    return "?";
}

std::optional<Clue> clue_from_id(std::string_view id) {
    return find_by_id(id, Clue::kAnsweredByEdge, clue_id);
}

std::string signal_words(int number) {
    switch (number) {
        case kSignalQuit:
            return "SIGQUIT";
        case kSignalIll:
            return "SIGILL";
        case kSignalAbort:
            return "SIGABRT";
        case kSignalBus:
            return "SIGBUS";
        case kSignalFpe:
            return "SIGFPE";
        case kSignalKill:
            return "SIGKILL";
        case kSignalSegv:
            return "SIGSEGV";
        case kSignalTerm:
            return "SIGTERM";
        default:
            return "signal " + std::to_string(number);
    }
}

}  // namespace gatemend::core
