// SPDX-License-Identifier: MIT
// Text of gatemend's own drop-in of a unit, UNIT.d/90-gatemend.conf: made or changed. Pure.
#pragma once

#include "core/result.hpp"
#include "sandbox/mend/nginx_places.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::mend {

[[nodiscard]] std::string drop_in_path(std::string_view unit);

// The settings in [Service]; other lines stay. `text`: what is there, if anything.
[[nodiscard]] core::Result<std::string> edit_drop_in(const std::optional<std::string>& text,
                                                     const Settings& settings);

}  // namespace gatemend::mend
