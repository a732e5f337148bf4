// SPDX-License-Identifier: MIT
// One value of somebody's configuration and the line that gave it. Used by the readers of nginx's
// and FPM's configuration and by whoever quotes them; never the place to interpret a value.
#pragma once

#include <string>

namespace gatemend::parse {

struct Setting {
    std::string value;  // "60s"; several words are joined by blanks; "" when there is none
    std::string where;  // "FILE:LINE", "" for the program's default

    [[nodiscard]] bool is_default() const { return where.empty(); }
};

}  // namespace gatemend::parse
