// SPDX-License-Identifier: MIT
// The machine as a whole: file systems, memory, load, and who takes most of it. Called by look.
// Asks about a fixed list of directories and the one it is given, never about mounts of others.
#pragma once

#include "core/inspection.hpp"
#include "sandbox/inspect/proc_text.hpp"
#include "sandbox/inspect/processes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::inspect {

// `extra`: one more directory, "" for none. Those that exist, once per file system.
[[nodiscard]] std::vector<core::FileSystem> list_file_systems(const std::string& extra);

// Without consumers. nullopt: /proc/meminfo cannot be read.
[[nodiscard]] std::optional<core::MachineLoad> read_load(const Roots& roots);

// The same process at the two ends of a short time.
struct Interval {
    const std::vector<Process>& before;
    const std::vector<Process>& after;  // those of `before` that still live
    double seconds = 0;
};

// At most kMaxConsumers that take a tenth of a core or a twentieth of the memory, most first.
[[nodiscard]] std::vector<std::string> find_consumers(const Interval& interval,
                                                      const core::MachineLoad& load);

}  // namespace gatemend::inspect
