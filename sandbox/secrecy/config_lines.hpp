// SPDX-License-Identifier: MIT
// One changed line of a file that is not open to all, as others may see it: that it changes, which
// setting it is, and the value where that is no secret. For lines of pool files, nginx's files and
// drop-ins of systemd. Pure; called by gatemend-mend.
#pragma once

#include <string>
#include <string_view>

namespace gatemend::sandbox {

// Without a line ending. "env[DB_PASSWORD] = (hidden)", "pm.max_children = 5", "(hidden)".
[[nodiscard]] std::string masked_config_line(std::string_view line);

}  // namespace gatemend::sandbox
