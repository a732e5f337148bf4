// SPDX-License-Identifier: MIT
#include "sandbox/probe/exchange.hpp"

#include "sandbox/probe/greeting.hpp"

#include <array>

namespace gatemend::probe {

using core::ProbeOutcome;
using core::ProbeResult;

ProbeResult exchange(Channel& channel, std::string_view request, Reply& reply) {
    if (const auto failed = channel.send_all(request)) {
        return *failed;
    }
    std::array<char, std::size_t{16} * 1024> buffer{};
    core::Spoken spoken = core::Spoken::kUnknown;
    for (std::size_t total = 0; total < kMaxResponseBytes;) {
        const Received received = channel.receive(buffer);
        if (received.ending) {
            return *received.ending;
        }
        if (total == 0) {
            spoken = recognise(received.bytes);
        }
        total += received.bytes.size();
        switch (reply.take(received.bytes)) {
            case ReplyState::kIncomplete:
                break;
            case ReplyState::kComplete:
                return {.outcome = ProbeOutcome::kGood, .status = reply.status()};
            case ReplyState::kInvalid:
                return {.outcome = ProbeOutcome::kInvalidResponse, .spoken = spoken};
        }
    }
    return {.outcome = ProbeOutcome::kInvalidResponse};  // no end in sight
}

}  // namespace gatemend::probe
