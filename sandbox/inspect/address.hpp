// SPDX-License-Identifier: MIT
// Which addresses may be asked about. Pure; used by gatemend-inspect and by the executor, which
// refuses all others before it starts a tool.
#pragma once

#include <string>
#include <string_view>

namespace gatemend::inspect {

// "" when `address` may be asked about: an absolute unix path without "." or "..", or a numeric
// IP:PORT; else why not.
[[nodiscard]] std::string check_address(std::string_view address);

}  // namespace gatemend::inspect
