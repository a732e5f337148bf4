// SPDX-License-Identifier: MIT
// seccomp filters by intent: what a program has no stated reason to call ends it with SIGSYS.
// Installed once, when a program has what it needs and before it looks at anything of others; never
// lifted. The unit files restrict further; this holds without them, too. What is allowed and why:
// call_groups.hpp.
#pragma once

#include "core/result.hpp"
#include "sandbox/seccomp/call_groups.hpp"

namespace gatemend::sandbox {

[[nodiscard]] core::Status install_filter(Program program);

}  // namespace gatemend::sandbox
