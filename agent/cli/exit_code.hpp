// SPDX-License-Identifier: MIT
// What the command line's exit status means; the same for all commands.
#pragma once

namespace gatemend::cli {

inline constexpr int kExitOk = 0;
inline constexpr int kExitFailed = 1;      // failed, or something is wrong
inline constexpr int kExitUsage = 2;       // wrong usage
inline constexpr int kExitNotRunning = 3;  // the service that should answer is not running

}  // namespace gatemend::cli
