// SPDX-License-Identifier: MIT
// What a tool's transient unit may do: one confinement per profile, as StartTransientUnit
// properties. Called by tool_runner only. To be read beside systemd.exec(5).
#pragma once

#include "sandbox/bus/compat.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <string>
#include <vector>

namespace gatemend::sandbox {

using UnitProperty = sdbus::Struct<std::string, sdbus::Variant>;

struct ToolPipes {
    int out = -1;  // write ends; duplicated into the message
    int err = -1;
};

[[nodiscard]] std::vector<UnitProperty> make_unit_properties(const ToolSpec& spec,
                                                             const ToolPipes& pipes);

}  // namespace gatemend::sandbox
