// SPDX-License-Identifier: MIT
// The executor's read-only facts as the engine's events. Called by the live driver and the dry run,
// which differ only in whom they ask. What cannot be read becomes an event that says nothing, and
// `problem` says why.
#pragma once

#include "core/event.hpp"

#include <string>

namespace gatemend::parse {

// `text`: what gatemend-inspect printed, or why there is none. `unit`: the service's name.
[[nodiscard]] core::Inspected inspected(const std::string& unit,
                                        const core::Result<std::string>& text,
                                        std::string& problem);

struct PacketFilterRules {
    std::string format;
    std::string text;
};

[[nodiscard]] core::FilterRead filter_read(const std::string& unit,
                                           const std::string& address,
                                           const core::Result<PacketFilterRules>& rules,
                                           std::string& problem);

}  // namespace gatemend::parse
