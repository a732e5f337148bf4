// SPDX-License-Identifier: MIT
// Who holds the lock of a package manager. dpkg, apt, unattended-upgrades and rpm lock whole files
// with fcntl(2); asking who does takes no lock and so can disturb none of them. Called by the
// guards.
#pragma once

#include "core/time.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace gatemend::sandbox {

struct LockHolder {
    std::string path;
    std::uint32_t pid = 0;                // 0: not of our namespace, or unknown
    std::string name{};                   // the process's, sanitized; "" when it cannot be seen
    std::optional<core::Duration> age{};  // of the process
};

// Each program keeps its lock for as long as it is at work, also between two runs of dpkg:
// unattended-upgrades its own. flock(2) as apt.systemd.daily takes it cannot be asked for.
[[nodiscard]] std::span<const char* const> package_locks();

// Does somebody hold a lock for writing? nullopt: nobody, or there is no such file.
[[nodiscard]] std::optional<LockHolder> find_lock_holder(const std::string& path,
                                                         const std::string& proc,
                                                         core::Duration since_boot);

// "apt-get (pid 812, for 2m) holds /var/lib/dpkg/lock-frontend"
[[nodiscard]] std::string describe(const LockHolder& holder);

}  // namespace gatemend::sandbox
