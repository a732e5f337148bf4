// SPDX-License-Identifier: MIT
#include "sandbox/probe/probe.hpp"

#include "sandbox/probe/client_hello.hpp"
#include "sandbox/probe/exchange.hpp"
#include "sandbox/probe/fastcgi.hpp"
#include "sandbox/probe/greeting.hpp"
#include "sandbox/probe/http.hpp"
#include "sandbox/probe/resolve.hpp"

#include <algorithm>
#include <array>
#include <cerrno>

namespace gatemend::probe {
namespace {

using core::Duration;
using core::ProbeKind;
using core::ProbeOutcome;
using core::ProbeResult;
using core::Spoken;

constexpr std::size_t kGreetingBytes = 64;

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

// A TLS server does not answer a client that speaks plainly, but it answers this.
bool speaks_tls(const SocketAddress& address, Duration deadline) {
    Conversation conversation{deadline};
    if (conversation.connect_to(address) || conversation.send_all(make_client_hello())) {
        return false;
    }
    std::array<char, kGreetingBytes> buffer{};
    return recognise(conversation.receive(buffer).bytes) == Spoken::kTls;
}

// FPM and most TLS servers close without a word on what they do not understand: asking in their own
// language tells a configuration with the wrong directive or scheme from a peer that is dying.
Spoken find_language(const SocketAddress& address, Duration deadline) {
    if (ask_fastcgi(address, deadline).outcome == ProbeOutcome::kGood) {
        return Spoken::kFastcgi;
    }
    return speaks_tls(address, deadline) ? Spoken::kTls : Spoken::kUnknown;
}

ProbeResult ask_http(const SocketAddress& address, Duration deadline) {
    Conversation conversation{deadline};
    if (const auto failed = conversation.connect_to(address)) {
        return *failed;
    }
    HttpReply reply;
    ProbeResult result = exchange(conversation, make_http_request(), reply);
    if (result.outcome == ProbeOutcome::kClosedEarly) {
        const Spoken spoken = find_language(address, deadline);
        if (spoken != Spoken::kUnknown) {
            return {.outcome = ProbeOutcome::kInvalidResponse, .spoken = spoken};
        }
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
