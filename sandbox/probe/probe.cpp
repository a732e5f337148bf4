// SPDX-License-Identifier: MIT
#include "sandbox/probe/probe.hpp"

#include "sandbox/probe/exchange.hpp"
#include "sandbox/probe/fastcgi.hpp"
#include "sandbox/probe/http.hpp"
#include "sandbox/probe/resolve.hpp"

#include <algorithm>
#include <cerrno>

namespace gatemend::probe {
namespace {

using core::Duration;
using core::ProbeKind;
using core::ProbeOutcome;
using core::ProbeResult;

ProbeResult ask_connect(const SocketAddress& address, Duration deadline) {
    Conversation conversation{deadline};
    return conversation.connect_to(address).value_or(ProbeResult{.outcome = ProbeOutcome::kGood});
}

ProbeResult ask_fastcgi(const SocketAddress& address, Duration deadline) {
    Conversation conversation{deadline};
    if (const auto failed = conversation.connect_to(address)) {
        return *failed;
    }
    FastcgiReply reply;
    return exchange(conversation, make_fastcgi_request(), reply);
}

// FPM closes without a word on what is not FastCGI: one more question tells it from a peer that is
// dying.
ProbeResult ask_http(const SocketAddress& address, Duration deadline) {
    Conversation conversation{deadline};
    if (const auto failed = conversation.connect_to(address)) {
        return *failed;
    }
    HttpReply reply;
    const ProbeResult result = exchange(conversation, make_http_request(), reply);
    if (result.outcome == ProbeOutcome::kClosedEarly &&
        ask_fastcgi(address, deadline).outcome == ProbeOutcome::kGood) {
        return {.outcome = ProbeOutcome::kInvalidResponse, .spoken = core::Spoken::kFastcgi};
    }
    return result;
}

ProbeResult ask(const core::ProbeQuestion& question, Reach reach, Duration deadline) {
    if (question.kind == ProbeKind::kResolve) {
        return resolve(question.address);
    }
    const auto address = parse_address(question.address, reach);
    if (!address) {
        return {.outcome = ProbeOutcome::kUnknown, .error_number = EINVAL};
    }
    switch (question.kind) {
        case ProbeKind::kConnect:
            return ask_connect(*address, deadline);
        case ProbeKind::kFastcgi:
            return ask_fastcgi(*address, deadline);
        case ProbeKind::kHttp:
            return ask_http(*address, deadline);
        case ProbeKind::kHttps:
        case ProbeKind::kResolve:
            break;
    }
    return {.outcome = ProbeOutcome::kUnknown, .error_number = ENOSYS};
}

}  // namespace

ProbeResult run_bounded(const core::ProbeQuestion& question,
                        Reach reach,
                        const std::function<ProbeResult(Duration deadline)>& ask_within) {
    if (!check_target(question, reach).empty()) {
        return {.outcome = ProbeOutcome::kUnknown, .error_number = EINVAL};
    }
    const Duration start = monotonic_now();
    const Duration limit = std::clamp(question.timeout, Duration::zero(), kMaxTimeout);
    ProbeResult result = ask_within(start + limit);
    result.elapsed_us = static_cast<std::uint32_t>((monotonic_now() - start).count());
    return result;
}

ProbeResult run_probe(const core::ProbeQuestion& question, Reach reach) {
    return run_bounded(
        question, reach, [&](Duration deadline) { return ask(question, reach, deadline); });
}

}  // namespace gatemend::probe
