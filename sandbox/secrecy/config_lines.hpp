// SPDX-License-Identifier: MIT
// The lines of a file that is not open to all, as others may see them where they change: that they
// do, which setting it is, and the value where that is no secret. For pool files, nginx's files and
// drop-ins of systemd. A line is judged by the block, the quote and the value that it stands in.
// Pure; called by gatemend-mend.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

// Each line of the text, without line endings.
[[nodiscard]] std::vector<std::string> masked_nginx_lines(std::string_view text);
// Of a pool file or a drop-in.
[[nodiscard]] std::vector<std::string> masked_setting_lines(std::string_view text);

// One line, if it is a whole one: what surrounds it may make it something else. "env[DB_PASSWORD] =
// (hidden)", "pm.max_children = 5", "(hidden)".
[[nodiscard]] std::string masked_config_line(std::string_view line);

}  // namespace gatemend::sandbox
