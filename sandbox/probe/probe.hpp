// SPDX-License-Identifier: MIT
// The probe proper: one backend, one connection, one deadline, one typed answer. Called by main/ in
// a process of its own that runs as nginx's worker user. The peer is hostile: nothing it sends is
// kept, shown or passed on, it only selects one of the closed outcomes. Never blocks beyond the
// deadline.
#pragma once

#include "core/probe.hpp"
#include "core/result.hpp"
#include "core/time.hpp"

#include <string>
#include <string_view>

namespace gatemend::probe {

inline constexpr core::Duration kMaxTimeout = std::chrono::seconds{30};
inline constexpr std::size_t kMaxResponseBytes = std::size_t{256} * 1024;

// `address` in the form of core/topology.hpp: "unix:/path", "127.0.0.1:9000", "[::1]:9000".
[[nodiscard]] core::ProbeResult run_probe(core::ProbeKind kind,
                                          std::string_view address,
                                          core::Duration timeout);

// "" when `address` is a unix path or a loopback address in canonical form, else what is wrong with
// it. The executor asks this as well before it starts a probe.
[[nodiscard]] std::string check_address(std::string_view address);

}  // namespace gatemend::probe
