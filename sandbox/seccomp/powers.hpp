// SPDX-License-Identifier: MIT
// Capabilities: a program gives up at its start what it does not need, whatever its unit or the
// person who started it left it, and makes sure that it is gone. Called before the filter, which
// forbids to ask for anything again.
#pragma once

#include "core/result.hpp"

#include <initializer_list>

namespace gatemend::sandbox {

// Keeps those of `capabilities` (CAP_*) that are held and gives up all others: effective,
// permitted, inheritable; no ambient one is left. No program started from here on could gain any
// back. An error when afterwards anything else is still there.
[[nodiscard]] core::Status keep_only(std::initializer_list<int> capabilities);

}  // namespace gatemend::sandbox
