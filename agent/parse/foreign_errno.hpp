// SPDX-License-Identifier: MIT
// Error numbers of other systems as Linux's. Used for log lines whose origin is not known: the
// numbers translated here cannot come from a socket call on Linux itself. Never used for numbers of
// this machine.
#pragma once

#include <string_view>

namespace gatemend::parse {

// BSD and macOS, Solaris and MIPS, Windows. A number that is Linux's own stays.
[[nodiscard]] int linux_errno(int number);

// For lines whose number was lost: "Connection refused" and a few others, English only; 0: unknown.
[[nodiscard]] int errno_of_text(std::string_view text);

}  // namespace gatemend::parse
