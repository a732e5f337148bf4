// SPDX-License-Identifier: MIT
// Clue: what one record says beyond its symptom: which signal ended a worker, which limit was hit,
// who answered. Found by agent/parse, weighed by diagnosis.cpp. Identifiers are public (JSON).
// Closed set: enum, one table, no default.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class Clue {
    kNone,
    // processes; LogFinding::number says which signal or exit status
    kWorkerSignal,   // a worker ended on a signal
    kWorkerExit,     // a worker ended with a status that is not 0
    kWorkerTimeout,  // its own server ended it: request_terminate_timeout, WORKER TIMEOUT, harakiri
    kSlowRequest,    // FPM's slow log and its announcement
    kServerReady,    // the server says that it accepts requests
    kServerStopping,
    kBootFailed,    // the application could not be loaded; the server gave up
    kAddressInUse,  // bind(): errno 98
    kGaveUp,        // a supervisor (pm2) will not start the application again
    // capacity; number is the limit where the record names one
    kMaxChildren,
    kListenQueueFull,
    // interpreters
    kMemoryLimit,
    kExecutionTime,
    kUncaught,       // uncaught exception, or a fatal error of another kind
    kHeapExhausted,  // V8
    // others
    kDependencyRefused,  // a database or cache the application needs does not answer
    kConfigRejected,     // file and line in LogFinding::subject where the record names them
    kOomGlobal,          // kernel: the machine ran out of memory
    kOomCgroup,          // kernel: a control group reached its limit
    kOomUnit,            // systemd: a process of the unit was killed by the OOM killer
    kLsmDenied,          // SELinux or AppArmor
    // systemd's own records about a unit (subject)
    kUnitStarted,
    kUnitStopped,
    kUnitFailed,
    kUnitStartLimit,
    // access log: who made the answer
    kAnsweredByUpstream,   // the application, or a proxy behind it
    kUpstreamUnreachable,  // nginx could not connect
    kUpstreamBroke,        // connected, then no valid answer
    kAnsweredByNginx,      // `return`, a cache, a limit, no upstream tried
    kAnsweredByEdge,       // a CDN's log: it sent the error, the origin did not
};

// Linux's numbers, as records print them; the header that names them belongs to the machine, which
// the core does not know.
inline constexpr int kSignalQuit = 3;
inline constexpr int kSignalIll = 4;
inline constexpr int kSignalAbort = 6;
inline constexpr int kSignalBus = 7;
inline constexpr int kSignalFpe = 8;
inline constexpr int kSignalKill = 9;
inline constexpr int kSignalSegv = 11;
inline constexpr int kSignalTerm = 15;
// "SIGSEGV"; "signal 64" for those without a name here.
[[nodiscard]] std::string signal_words(int number);

// "worker-signal"
[[nodiscard]] std::string_view clue_id(Clue clue);
[[nodiscard]] std::optional<Clue> clue_from_id(std::string_view id);

}  // namespace gatemend::core
