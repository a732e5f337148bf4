// SPDX-License-Identifier: MIT
#include "sandbox/probe/tls/tls_probe.hpp"

#include "sandbox/probe/exchange.hpp"
#include "sandbox/probe/http.hpp"
#include "sandbox/probe/probe.hpp"
#include "sandbox/probe/tls/tls_channel.hpp"

#include <cerrno>
#include <optional>

namespace gatemend::probe {
namespace {

using core::ProbeOutcome;
using core::ProbeResult;
using core::Spoken;

// A peer that closes on a TLS greeting may be a plain one: then it answers plainly, or FastCGI.
std::optional<ProbeResult> find_plain(const core::ProbeQuestion& question,
                                      Reach reach,
                                      core::Duration deadline) {
    const ProbeResult plain = run_probe(
        {core::ProbeKind::kHttp, question.address, "", deadline - monotonic_now()}, reach);
    const Spoken spoken = plain.outcome == ProbeOutcome::kGood ? Spoken::kHttp : plain.spoken;
    if (spoken == Spoken::kUnknown || spoken == Spoken::kTls) {
        return std::nullopt;
    }
    return ProbeResult{
        .outcome = ProbeOutcome::kTlsFailed, .tls = core::TlsFault::kNotTls, .spoken = spoken};
}

ProbeResult ask(const core::ProbeQuestion& question, Reach reach, core::Duration deadline) {
    const auto address = parse_address(question.address, reach);
    if (!address || question.kind != core::ProbeKind::kHttps) {
        return {.outcome = ProbeOutcome::kUnknown, .error_number = EINVAL};
    }
    Conversation transport{deadline};
    if (const auto failed = transport.connect_to(*address)) {
        return *failed;
    }
    const auto channel = TlsChannel::open(transport, question.name);
    if (!channel) {
        return {.outcome = ProbeOutcome::kUnknown, .error_number = ENOMEM};
    }
    if (const auto failed = (*channel)->shake_hands()) {
        const bool is_silent = failed->outcome == ProbeOutcome::kClosedEarly;
        const auto plain =
            is_silent ? find_plain(question, reach, deadline) : std::optional<ProbeResult>{};
        return plain.value_or(*failed);
    }
    HttpReply reply;
    ProbeResult result = exchange(**channel, make_http_request(), reply);
    (*channel)->describe_certificate(result);
    return result;
}

}  // namespace

ProbeResult run_tls_probe(const core::ProbeQuestion& question, Reach reach) {
    return run_bounded(
        question, reach, [&](core::Duration deadline) { return ask(question, reach, deadline); });
}

}  // namespace gatemend::probe
