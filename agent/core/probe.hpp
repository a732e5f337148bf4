// SPDX-License-Identifier: MIT
// What gatemend-probe is asked and what it answers. The answer is one typed line written by our own
// program; peers only influence which of the closed outcomes is printed. A probe that could not run
// reads kUnknown, never unhealthy.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::core {

enum class ProbeKind {
    kConnect,  // connect() and close: for nginx's own listening socket
    kFastcgi,  // connect, one FastCGI request for a script that does not exist, read the reply
    kHttp,     // HEAD / over HTTP/1.1; any valid answer is good
    kHttps,    // the same inside TLS; a certificate that nginx would accept or not is told
    kResolve,  // look the host name up; `address` is the name
};
[[nodiscard]] std::string_view probe_kind_id(ProbeKind kind);  // "connect", "fastcgi", "http" ...
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
    kTlsFailed,        // no TLS session; ProbeResult::tls says why
    kUnresolved,       // kResolve: the name has no address
};
// No answer within the probe's time, or no place in the queue: slow or busy, not down. How long is
// too long is for nginx's own timeouts to say.
[[nodiscard]] bool is_slow(ProbeOutcome outcome);
[[nodiscard]] std::string_view probe_outcome_id(ProbeOutcome outcome);  // "refused"
[[nodiscard]] std::optional<ProbeOutcome> probe_outcome_from_id(std::string_view id);

struct ProbeQuestion {
    ProbeKind kind{};
    std::string address;  // of core/topology.hpp; kResolve: the host name
    std::string name;     // kHttps: sent as SNI and looked for in the certificate; "": neither
    Duration timeout{};
};

// What was wrong with the TLS of a peer.
enum class TlsFault { kNone, kNotTls, kRefused, kExpired, kNotYetValid, kWrongName, kUntrusted };
[[nodiscard]] std::string_view tls_fault_id(TlsFault fault);  // "none", "not-tls", "expired" ...
[[nodiscard]] std::optional<TlsFault> tls_fault_from_id(std::string_view id);

// Which protocol the peer turned out to speak.
enum class Spoken { kUnknown, kFastcgi, kHttp, kHttp2, kTls, kOther };
[[nodiscard]] std::string_view spoken_id(Spoken spoken);  // "unknown", "fastcgi", "http" ...
[[nodiscard]] std::optional<Spoken> spoken_from_id(std::string_view id);

struct ProbeResult {
    ProbeOutcome outcome = ProbeOutcome::kUnknown;
    int error_number = 0;  // errno, 0 when none
    std::uint32_t elapsed_us = 0;
    std::uint32_t status = 0;  // of an HTTP answer or a FastCGI Status:, 0 when none
    TlsFault tls = TlsFault::kNone;
    std::optional<TimePoint> certificate_until{};  // notAfter of the peer's certificate
    Spoken spoken = Spoken::kUnknown;
    std::vector<std::string>
        addresses{};  // kResolve: numeric, sorted, at most kMaxResolvedAddresses
};

inline constexpr std::size_t kMaxResolvedAddresses = 16;

// Made of what addresses are written in; whether it is one is for inet_pton(3) to say.
[[nodiscard]] bool is_numeric_address(std::string_view text);

// "outcome=refused errno=111 us=153[ status=502][ tls=expired][ until=TIME][ spoken=http]
// [ addresses=10.0.0.1,10.0.0.2]\n": the probe's whole output, and its strict reader
// (nullopt for anything else, including trailing bytes).
[[nodiscard]] std::string encode(const ProbeResult& result);
[[nodiscard]] std::optional<ProbeResult> decode_probe_result(std::string_view line);
[[nodiscard]] std::string describe(const ProbeResult& result);  // "refused (errno 111)"

}  // namespace gatemend::core
