// SPDX-License-Identifier: MIT
// The probe proper: one question, one deadline, one typed answer. Called by main/ in a process of
// its own that runs as nginx's worker user. The peer is hostile: nothing it sends is kept, shown or
// passed on, it only selects one of the closed outcomes. Never blocks beyond the deadline, but for
// kResolve, whose caller has to bound the process (main/ does).
#pragma once

#include "core/probe.hpp"
#include "core/time.hpp"
#include "sandbox/probe/address.hpp"
#include "sandbox/probe/conversation.hpp"

#include <functional>

namespace gatemend::probe {

inline constexpr core::Duration kMaxTimeout = std::chrono::seconds{30};

// Every kind but kHttps, which is kUnknown here and asked by run_tls_probe() of tls/tls_probe.hpp.
[[nodiscard]] core::ProbeResult run_probe(const core::ProbeQuestion& question, Reach reach);

// What all kinds have in common: a target that may be asked, the deadline (monotonic), the time
// taken. `ask` gets the deadline.
[[nodiscard]] core::ProbeResult run_bounded(
    const core::ProbeQuestion& question,
    Reach reach,
    const std::function<core::ProbeResult(core::Duration deadline)>& ask);

}  // namespace gatemend::probe
