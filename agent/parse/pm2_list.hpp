// SPDX-License-Identifier: MIT
// What `pm2 list -m` prints: per application a line "+--- NAME", then "key : value" lines. The
// bytes come from the user whose daemon it is: names may say anything. Called for the engine's
// event only.
#pragma once

#include "core/pm2_app.hpp"

#include <string_view>
#include <vector>

namespace gatemend::parse {

// In pm2's order, at most core::kMaxPm2Apps; what is not understood is passed over. pm2's own
// modules look like applications here.
[[nodiscard]] std::vector<core::Pm2App> read_pm2_list(std::string_view text);

}  // namespace gatemend::parse
