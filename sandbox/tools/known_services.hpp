// SPDX-License-Identifier: MIT
// Which program tests a unit's configuration, and which files it reads: Debian and Ubuntu,
// RHEL-style. Pure data and pure functions of the unit's name; nothing else decides what is run or
// read.
#pragma once

#include "core/topology.hpp"
#include "sandbox/tools/tool_runner.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

inline constexpr std::string_view kNginxPath = "/usr/sbin/nginx";

struct KnownService {
    core::ServiceRole role{};
    ToolProfile profile{};
    std::vector<std::string> test_argv;
    std::vector<std::string> config_paths;  // files or folders, read recursively
    // What is read first, names or patterns: the main file, and what no file includes.
    std::vector<std::string> first_files;
    int invalid_exit_code = 1;  // how the tool says "the configuration is bad"
};

// nullopt: no configuration test is known for the unit.
[[nodiscard]] std::optional<KnownService> find_known_service(std::string_view unit);
// `file` is part of the unit's own configuration, not of the machine's (/etc/hosts).
[[nodiscard]] bool is_own_config(const KnownService& service, std::string_view file);
[[nodiscard]] core::ServiceRole service_role(std::string_view unit);

}  // namespace gatemend::sandbox
