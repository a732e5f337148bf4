// SPDX-License-Identifier: MIT
// One request and its answer over a connection that stands, in plain or inside TLS. Called by
// probe.cpp and tls/. Keeps nothing of the answer but its status and, where it is not an answer,
// which protocol it looks like.
#pragma once

#include "core/probe.hpp"
#include "sandbox/probe/conversation.hpp"
#include "sandbox/probe/reply.hpp"

namespace gatemend::probe {

inline constexpr std::size_t kMaxResponseBytes = std::size_t{256} * 1024;

[[nodiscard]] core::ProbeResult exchange(Channel& channel, std::string_view request, Reply& reply);

}  // namespace gatemend::probe
