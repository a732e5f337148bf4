// SPDX-License-Identifier: MIT
// The executor's read-only facts as the engine's events. Called by the live driver and the dry run,
// which differ only in whom they ask. What cannot be read becomes an event that says nothing, and
// `problem` says why.
#pragma once

#include "core/event.hpp"

#include <string>
#include <vector>

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

// `text`: what pm2 printed, or why it did not.
[[nodiscard]] core::AppsListed apps_listed(const std::string& unit,
                                           const core::Result<std::string>& text,
                                           std::string& problem);

// `line`: gatemend-probe's answer to `resolve`; `host`: "app.internal:8080". Nothing when there is
// no answer: what the name meant before is still nginx's idea of it.
[[nodiscard]] std::vector<std::string> resolved_addresses(const std::string& host,
                                                          const core::Result<std::string>& line);
// "app.internal" of "app.internal:8080"
[[nodiscard]] std::string name_of_host(const std::string& host);

}  // namespace gatemend::parse
