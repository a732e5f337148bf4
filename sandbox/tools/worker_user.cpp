// SPDX-License-Identifier: MIT
#include "sandbox/tools/worker_user.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <fstream>

namespace gatemend::sandbox {
namespace {

constexpr int kMaxProcesses = 1000;

// Owner of /proc/PID: the effective user id of a process that may be traced; workers are plain.
std::optional<std::uint64_t> owner_of(const std::string& path) {
    struct stat info {};

    if (stat(path.c_str(), &info) < 0) {
        return std::nullopt;
    }
    return info.st_uid;
}

// 0: not the number of a process.
std::uint32_t pid_of(const std::string& text) {
    std::uint32_t pid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), pid);
    return error == std::errc{} && end == text.data() + text.size() ? pid : 0;
}

bool has_user(std::string_view name) {
    std::ifstream users{"/etc/passwd"};
    std::string line;
    while (std::getline(users, line)) {
        if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ':') {
            return true;
        }
    }
    return false;
}

}  // namespace

std::optional<std::string> find_worker_user(const ProcessRoots& roots) {
    for (const std::uint32_t pid : find_processes("nginx.service", roots)) {
        const auto owner = owner_of(roots.proc + "/" + std::to_string(pid));
        if (owner.value_or(0) != 0) {
            return std::to_string(*owner);
        }
    }
    return std::nullopt;
}

std::vector<std::uint32_t> find_processes(const std::string& unit, const ProcessRoots& roots) {
    std::vector<std::uint32_t> found;
    for (const char* layout : {"", "/systemd", "/unified"}) {
        std::string path = roots.cgroup + layout;
        std::ifstream processes{path.append("/system.slice/").append(unit).append("/cgroup.procs")};
        std::string line;
        for (int i = 0; i < kMaxProcesses && std::getline(processes, line); ++i) {
            if (const std::uint32_t pid = pid_of(line); pid != 0) {
                found.push_back(pid);
            }
        }
    }
    std::ranges::sort(found);
    // both layouts show the same
    found.erase(std::unique(found.begin(), found.end()), found.end());
    return found;
}

std::string default_worker_user() {
    for (const char* name : {"www-data", "nginx"}) {
        if (has_user(name)) {
            return name;
        }
    }
    return "nobody";
}

}  // namespace gatemend::sandbox
