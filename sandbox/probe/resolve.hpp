// SPDX-License-Identifier: MIT
// A host name looked up the way nginx does at start: through the machine's own resolver. Called by
// probe.cpp. Blocks for as long as that resolver likes, so only a process of its own may call it.
#pragma once

#include "core/probe.hpp"

#include <string>

namespace gatemend::probe {

// kGood with addresses; kUnresolved with errno 0 when there is none, with EAGAIN when no name
// server gave a usable answer; kUnknown when the lookup itself could not run.
[[nodiscard]] core::ProbeResult resolve(const std::string& name);

}  // namespace gatemend::probe
