// SPDX-License-Identifier: MIT
// What gatemend-probe is asked and what it answers. The answer is one typed line written by our own
// program; peers only influence which of the closed outcomes is printed. A probe that could not run
// reads kUnknown, never unhealthy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace gatemend::core {

enum class ProbeKind {
    kConnect,  // connect() and close: for nginx's own listening socket
    kFastcgi,  // connect, one FastCGI request for a script that does not exist, read the reply
};
[[nodiscard]] std::string_view probe_kind_id(ProbeKind kind);  // "connect", "fastcgi"
[[nodiscard]] std::optional<ProbeKind> probe_kind_from_id(std::string_view id);

enum class ProbeOutcome {
    kUnknown,      // the probe itself could not run or was cut off
    kGood,         // a valid answer (any status: accept, worker and protocol work)
    kMissing,      // ENOENT
    kRefused,      // ECONNREFUSED
    kDenied,       // EACCES / EPERM
    kSaturated,    // EAGAIN on a unix socket: accept queue full
    kUnreachable,  // ENETUNREACH, EHOSTUNREACH, EADDRNOTAVAIL
    kConnectTimeout,
    kResponseTimeout,  // connected, no complete answer before the deadline
    kClosedEarly,      // connected, peer closed or reset before a valid answer
    kInvalidResponse,  // answered, but not this protocol
};
[[nodiscard]] std::string_view probe_outcome_id(ProbeOutcome outcome);  // "refused"
[[nodiscard]] std::optional<ProbeOutcome> probe_outcome_from_id(std::string_view id);

struct ProbeResult {
    ProbeOutcome outcome = ProbeOutcome::kUnknown;
    int error_number = 0;  // errno, 0 when none
    std::uint32_t elapsed_us = 0;
};

// "outcome=refused errno=111 us=153\n": the probe's whole output, and its strict reader
// (nullopt for anything else, including trailing bytes).
[[nodiscard]] std::string encode(const ProbeResult& result);
[[nodiscard]] std::optional<ProbeResult> decode_probe_result(std::string_view line);
[[nodiscard]] std::string describe(const ProbeResult& result);  // "refused (errno 111)"

}  // namespace gatemend::core
