// SPDX-License-Identifier: MIT
// As whom nginx's workers run: the user a probe must be to see what nginx sees. From the processes
// in nginx's own cgroup; remembered while nginx is down. Called by facts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::sandbox {

// Where the cgroups of services may be (new and old layout), and /proc; replaced in tests.
struct ProcessRoots {
    std::string cgroup = "/sys/fs/cgroup";
    std::string proc = "/proc";
};

// The numeric user id, as text for User=. nullopt: no unprivileged process found.
[[nodiscard]] std::optional<std::string> find_worker_user(const ProcessRoots& roots);

// The processes in the control group of a service of system.slice, ascending; at most a thousand.
[[nodiscard]] std::vector<std::uint32_t> find_processes(const std::string& unit,
                                                        const ProcessRoots& roots);

// "www-data" or "nginx", whichever exists; "nobody" when neither does.
[[nodiscard]] std::string default_worker_user();

}  // namespace gatemend::sandbox
