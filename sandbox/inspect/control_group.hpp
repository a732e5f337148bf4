// SPDX-License-Identifier: MIT
// Control groups: which unit a process belongs to, and what a unit uses. Cgroup v2, v1 and the mix
// of both. Called by processes and look; reads only below the cgroup mount.
#pragma once

#include "core/inspection.hpp"
#include "sandbox/inspect/proc_text.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::inspect {

// The unit of a control group path, as systemd names it: slices skipped, then the first component.
// A user's own services are all "user@1000.service". "" where there is none.
[[nodiscard]] std::string unit_of_path(std::string_view path);

// The same from the text of /proc/PID/cgroup.
[[nodiscard]] std::string unit_of_process(std::string_view proc_cgroup);

// From the text of /proc/PID/cgroup of a process of `unit`. nullopt: nothing can be read.
[[nodiscard]] std::optional<core::UnitUse> unit_use(const Roots& roots,
                                                    std::string_view unit,
                                                    std::string_view proc_cgroup);

// Somebody has frozen the control group of this process, or one above it (`systemctl freeze`): it
// does nothing until it is thawed.
[[nodiscard]] bool is_frozen(const Roots& roots, std::string_view proc_cgroup);

}  // namespace gatemend::inspect
