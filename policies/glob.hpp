// SPDX-License-Identifier: MIT
// Shell-style patterns over whole names: `*` any run, `?` one character, everything else itself.
// Used for the unit allowlist and for `when`. Not fnmatch(3): that one also knows classes, escapes
// and locales. Never recursive, so a hostile pattern costs at most pattern x name steps.
#pragma once

#include <string_view>

namespace gatemend::policy {

[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view name);

// Does `pattern` surely match everything that `other` matches?
[[nodiscard]] bool covers_glob(std::string_view pattern, std::string_view other);

// Is there a name that both match?
[[nodiscard]] bool overlaps_glob(std::string_view a, std::string_view b);

}  // namespace gatemend::policy
