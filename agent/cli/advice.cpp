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

}  // namespace

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
