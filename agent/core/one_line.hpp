// SPDX-License-Identifier: MIT
// What a tool has printed, as one line of a record, a status or an error. Still untrusted:
// sanitize() it afterwards (core/text.hpp), which would show each line end as \x0A.
#pragma once

#include <string>
#include <string_view>

namespace gatemend::core {

// Blanks and line ends at both ends are gone; lines are joined by "; " or, where one ends with a
// colon or the next begins with a blank, by a blank.
[[nodiscard]] std::string one_line(std::string_view text);

}  // namespace gatemend::core
