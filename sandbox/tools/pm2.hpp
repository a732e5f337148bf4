// SPDX-License-Identifier: MIT
// pm2, run as the user whose daemon a unit pm2-USER.service is: how, is read from the unit, which
// root wrote. Used by facts and by the act that restarts an application. Never runs pm2 as root,
// never with words that pm2 could take for anything but an application's name, and never looks into
// what it prints.
#pragma once

#include "core/result.hpp"
#include "sandbox/bus/systemd_client.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatemend::sandbox {

// The tool without deadline and output limit; an error in words for a person where the unit does
// not say how pm2 is started, or says root.
[[nodiscard]] core::Result<ToolSpec> make_pm2_tool(const bus::ServiceSetup& setup,
                                                   std::vector<std::string> arguments);

struct Pm2Call {
    std::string unit;
    std::vector<std::string> arguments;
    core::Duration deadline{};
    std::size_t max_output = 0;
};

void run_pm2(bus::SystemdClient& systemd,
             ToolRunner& tools,
             Pm2Call call,
             std::function<void(core::Result<ToolOutcome>)> done);

}  // namespace gatemend::sandbox
