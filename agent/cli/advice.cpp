// SPDX-License-Identifier: MIT
#include "cli/advice.hpp"

#include <array>

namespace gatemend::cli {
namespace {

using core::Symptom;
using Name = std::string_view;

constexpr std::array<Name, 8> kRefused{"unit-failed",
                                       "unit-stopped",
                                       "socket-stale",
                                       "oom-killed",
                                       "app-down",
                                       "port-mismatch",
                                       "remote-upstream-down",
                                       "firewall-blocked"};
constexpr std::array<Name, 6> kMissing{"unit-failed",
                                       "unit-stopped",
                                       "fpm-config-invalid",
                                       "socket-deleted",
                                       "socket-path-mismatch",
                                       "oom-killed"};
// A socket of this machine has no port, no way and no other end that could be elsewhere.
constexpr std::array<Name, 5> kSocketRefused{
    "unit-failed", "unit-stopped", "socket-stale", "oom-killed", "app-down"};
constexpr std::array<Name, 2> kSocketDenied{"socket-ownership", "lsm-denied"};
constexpr std::array<Name, 3> kSocketTimeout{"pool-saturated", "backend-hung", "high-load"};
constexpr std::array<Name, 4> kSocketNoLive{
    "unit-failed", "app-down", "unit-stopped", "pool-saturated"};
constexpr std::array<Name, 6> kSocketNotReached{"unit-failed",
                                                "unit-stopped",
                                                "socket-path-mismatch",
                                                "socket-ownership",
                                                "pool-saturated",
                                                "app-down"};
// A port of this machine is behind no other machine.
constexpr std::array<Name, 5> kPortRefused{
    "unit-failed", "unit-stopped", "oom-killed", "app-down", "port-mismatch"};
constexpr std::array<Name, 3> kDenied{"socket-ownership", "lsm-denied", "firewall-blocked"};
constexpr std::array<Name, 4> kSaturated{
    "pool-saturated", "slow-backend", "backend-hung", "high-load"};
constexpr std::array<Name, 5> kConnectTimeout{
    "remote-upstream-down", "firewall-blocked", "pool-saturated", "backend-hung", "high-load"};
constexpr std::array<Name, 5> kResponseTimeout{
    "slow-backend", "backend-hung", "pool-saturated", "dependency-down", "high-load"};
constexpr std::array<Name, 5> kClosedEarly{
    "worker-crash", "oom-killed", "script-fatal", "unit-failed", "protocol-mismatch"};
constexpr std::array<Name, 2> kScriptFatal{"script-fatal", "dependency-down"};
constexpr std::array<Name, 1> kHeaderTooBig{"header-too-big"};
constexpr std::array<Name, 2> kInvalidResponse{"protocol-mismatch", "worker-crash"};
constexpr std::array<Name, 5> kNoLive{
    "unit-failed", "app-down", "remote-upstream-down", "unit-stopped", "pool-saturated"};
constexpr std::array<Name, 2> kUnresolved{"name-unresolved", "nginx-config-invalid"};
constexpr std::array<Name, 3> kUnreachable{
    "remote-upstream-down", "firewall-blocked", "name-unresolved"};
constexpr std::array<Name, 2> kTls{"upstream-tls", "protocol-mismatch"};
constexpr std::array<Name, 1> kLimit{"nginx-fd-limit"};
constexpr std::array<Name, 1> kDisk{"disk-full"};
constexpr std::array<Name, 1> kUnknown{"unknown"};
constexpr std::array<Name, 1> kOom{"oom-killed"};
constexpr std::array<Name, 2> kConfig{"nginx-config-invalid", "fpm-config-invalid"};

constexpr std::array<Name, 2> kDependency{"dependency-down", "script-fatal"};
constexpr std::array<Name, 1> kDependencyOnly{"dependency-down"};
constexpr std::array<Name, 2> kSlow{"slow-backend", "dependency-down"};
constexpr std::array<Name, 2> kWorkerDeath{"worker-crash", "oom-killed"};
constexpr std::array<Name, 2> kUnit{"unit-failed", "app-down"};
constexpr std::array<Name, 1> kStopped{"unit-stopped"};
constexpr std::array<Name, 1> kStartLimit{"unit-start-limit"};
constexpr std::array<Name, 1> kDenial{"lsm-denied"};
constexpr std::array<Name, 1> kAppAnswers{"app-answers-502"};
constexpr std::array<Name, 7> kNotReached{"unit-failed",
                                          "unit-stopped",
                                          "socket-path-mismatch",
                                          "socket-ownership",
                                          "pool-saturated",
                                          "app-down",
                                          "remote-upstream-down"};
constexpr std::array<Name, 1> kScript{"script-fatal"};
constexpr std::array<Name, 1> kEdge{"edge-502"};

// Of lines whose symptom is none: what they still point at.
Advice advice_for(core::Clue clue, int status) {
    switch (clue) {
        case core::Clue::kNone:
        case core::Clue::kServerReady:
        case core::Clue::kServerStopping:
        case core::Clue::kUnitStarted:
        case core::Clue::kAnsweredByNginx:
            return {};
        case core::Clue::kWorkerSignal:
        case core::Clue::kWorkerExit:
            return {kWorkerDeath, "the unit's journal; kernel out-of-memory records"};
        case core::Clue::kWorkerTimeout:
        case core::Clue::kSlowRequest:
            return {kSlow, "the slow log: which script, which line"};
        case core::Clue::kMaxChildren:
        case core::Clue::kListenQueueFull:
            return {kSaturated, "length of the accept queue; how long the workers are busy"};
        case core::Clue::kMemoryLimit:
        case core::Clue::kExecutionTime:
        case core::Clue::kUncaught:
        case core::Clue::kHeapExhausted:
            return {kScript, "file and line the interpreter names; its limits"};
        case core::Clue::kDependencyRefused:
            return {kDependencyOnly, "the database or cache the line names: its unit and its port"};
        case core::Clue::kConfigRejected:
            return {kConfig, "the file and line it names"};
        case core::Clue::kOomGlobal:
        case core::Clue::kOomCgroup:
        case core::Clue::kOomUnit:
            return {kOom, "which control group was over its limit; memory of the workers"};
        case core::Clue::kLsmDenied:
            return {kDenial, "the boolean or profile line that would allow it"};
        case core::Clue::kBootFailed:
        case core::Clue::kAddressInUse:
        case core::Clue::kGaveUp:
        case core::Clue::kUnitFailed:
            return {kUnit, "state and result of the unit; its last words"};
        case core::Clue::kUnitStopped:
            return {kStopped, "who stopped it, and when"};
        case core::Clue::kUnitStartLimit:
            return {kStartLimit, "the journal of the starts that failed"};
        case core::Clue::kAnsweredByUpstream:
            return status == 502 ? Advice{kAppAnswers, "the application's own log"} : Advice{};
        case core::Clue::kAnsweredByEdge:
            return {kEdge, "whether this machine answers: a probe; its own access log"};
        case core::Clue::kUpstreamUnreachable:
        case core::Clue::kUpstreamBroke:
            return {kNotReached, "nginx's error log of that second: it names the errno"};
    }
    return {};
}

bool is_loopback(std::string_view upstream) {
    const std::size_t scheme = upstream.find("://");
    const std::string_view host =
        scheme == std::string_view::npos ? upstream : upstream.substr(scheme + 3);
    return host.starts_with("127.") || host.starts_with("[::1]") || host.starts_with("localhost");
}

// The causes that fit the kind of address, where fewer do.
Advice fit_to_address(Advice advice, const parse::LogFinding& finding) {
    const bool is_socket = finding.upstream.find("unix:") != std::string_view::npos;
    if (finding.symptom == Symptom::kConnectRefused && is_loopback(finding.upstream)) {
        advice.causes = kPortRefused;
    }
    if (!is_socket) {
        return advice;
    }
    if (finding.symptom == Symptom::kConnectRefused) {
        advice.causes = kSocketRefused;
    } else if (finding.symptom == Symptom::kConnectDenied) {
        advice.causes = kSocketDenied;
    } else if (finding.symptom == Symptom::kConnectTimeout) {
        advice.causes = kSocketTimeout;
    } else if (finding.symptom == Symptom::kNoLiveUpstreams) {
        advice.causes = kSocketNoLive;
    } else if (finding.symptom == Symptom::kNone &&
               finding.clue == core::Clue::kUpstreamUnreachable) {
        advice.causes = kSocketNotReached;
    }
    return advice;
}

}  // namespace

Advice advice_for(const parse::LogFinding& finding) {
    if (finding.symptom == Symptom::kNone) {
        return fit_to_address(advice_for(finding.clue, finding.status), finding);
    }
    if (finding.symptom == Symptom::kScriptFatal &&
        finding.clue == core::Clue::kDependencyRefused) {
        return {kDependency, "the database or cache the line names: its unit and its port"};
    }
    return fit_to_address(advice_for(finding.symptom), finding);
}

Advice advice_for(Symptom symptom) {
    switch (symptom) {
        case Symptom::kNone:
            return {};
        case Symptom::kConnectRefused:
            return {kRefused,
                    "state and result of the unit behind the address; a probe as nginx's worker "
                    "user; the unit's configuration test"};
        case Symptom::kSocketMissing:
            return {kMissing,
                    "state and result of the unit behind the socket; which pool listens where; the "
                    "unit's configuration test"};
        case Symptom::kConnectDenied:
            return {kDenied,
                    "owner and mode of each part of the path; a probe as nginx's worker user; "
                    "denials of SELinux or AppArmor"};
        case Symptom::kBackendSaturated:
            return {kSaturated, "length of the accept queue; how long the workers are busy"};
        case Symptom::kConnectTimeout:
            return {kConnectTimeout, "whether the address is local; a probe; packet filter rules"};
        case Symptom::kResponseTimeout:
            return {kResponseTimeout, "a probe; busy workers and the slow log; load and pressure"};
        case Symptom::kClosedEarly:
            return {kClosedEarly,
                    "the unit's journal for workers that died; kernel out-of-memory records"};
        case Symptom::kScriptFatal:
            return {kScriptFatal, "file and line the interpreter names; its limits"};
        case Symptom::kHeaderTooBig:
            return {kHeaderTooBig, "a probe; size of the header against nginx's buffer"};
        case Symptom::kInvalidResponse:
            return {kInvalidResponse,
                    "which protocol nginx speaks and which one the backend speaks"};
        case Symptom::kNoLiveUpstreams:
            return {kNoLive, "every server of the group: unit state and probe; max_conns"};
        case Symptom::kNameUnresolved:
            return {kUnresolved, "what the resolver answers now; nginx -t"};
        case Symptom::kUnreachable:
            return {kUnreachable, "route and packet filter; whether the name has a new address"};
        case Symptom::kUpstreamTls:
            return {kTls, "the backend's certificate, its dates and names; protocol on the port"};
        case Symptom::kNginxLimit:
            return {kLimit, "worker_connections, worker_rlimit_nofile and LimitNOFILE"};
        case Symptom::kDiskFull:
            return {kDisk, "free space and inodes of the file systems nginx writes to"};
        case Symptom::kScriptNotFound:
            return {kUnknown, "SCRIPT_FILENAME and root of the location (the client gets 404)"};
        case Symptom::kOomKill:
            return {kOom, "which control group was over its limit; memory of the workers"};
        case Symptom::kConfigError:
            return {kConfig, "nginx -t: file, line and message"};
    }
    return {};
}

}  // namespace gatemend::cli
