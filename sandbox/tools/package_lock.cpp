// SPDX-License-Identifier: MIT
#include "sandbox/tools/package_lock.hpp"

#include "sandbox/bus/unique_fd.hpp"
#include "sandbox/tools/small_text.hpp"

#include <fcntl.h>

#include <algorithm>
#include <array>

namespace gatemend::sandbox {

std::span<const char* const> package_locks() {
    static constexpr std::array kLocks{
        "/var/lib/dpkg/lock-frontend",
        "/var/lib/dpkg/lock",
        "/var/lib/apt/lists/lock",
        "/var/cache/apt/archives/lock",
        "/run/unattended-upgrades.lock",
        "/var/lib/rpm/.rpm.lock",
        "/usr/lib/sysimage/rpm/.rpm.lock",
    };
    return kLocks;
}

std::optional<LockHolder> find_lock_holder(const std::string& path,
                                           const std::string& proc,
                                           core::Duration since_boot) {
    const bus::UniqueFd fd{
        ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW)};
    if (!fd.is_open()) {
        return std::nullopt;
    }

    // Asked for reading, because only writers conflict with that: `rpm -q` reads all day long.
    struct flock lock {};

    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    if (::fcntl(fd.get(), F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) {
        return std::nullopt;
    }
    LockHolder holder{.path = path};
    if (lock.l_pid > 0) {
        holder.pid = static_cast<std::uint32_t>(lock.l_pid);
        if (auto process = glance_at_process(proc, holder.pid)) {
            holder.name = std::move(process->name);
            holder.age = std::max(core::Duration::zero(), since_boot - process->started);
        }
    }
    return holder;
}

std::string describe(const LockHolder& holder) {
    std::string text = holder.name.empty() ? "a process" : holder.name;
    if (holder.pid != 0) {
        text += " (pid " + std::to_string(holder.pid);
        if (holder.age) {
            text += ", for " +
                    core::format_duration(std::chrono::floor<std::chrono::seconds>(*holder.age));
        }
        text += ")";
    }
    return text + " holds " + holder.path;
}

}  // namespace gatemend::sandbox
