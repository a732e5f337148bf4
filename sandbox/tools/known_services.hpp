// SPDX-License-Identifier: MIT
// Which program tests a unit's configuration, and which files it reads: Debian and Ubuntu,
// RHEL-style. A function of the unit's name and of the command that systemd starts it with, which
// is root's to say; nothing else decides what is run or read.
#pragma once

#include "core/result.hpp"
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
    bool is_packaged = true;    // its main file is the package's
};

// nullopt: no configuration test is known for the unit.
[[nodiscard]] std::optional<KnownService> find_known_service(std::string_view unit);
// With the arguments that the unit itself gives the program (`command`: its ExecStart; empty: it
// has none). An error where it starts another program, or with words that are not known here.
[[nodiscard]] core::Result<KnownService> as_started(KnownService service,
                                                    const std::vector<std::string>& command);
// `file` is part of the unit's own configuration, not of the machine's (/etc/hosts).
[[nodiscard]] bool is_own_config(const KnownService& service, std::string_view file);
[[nodiscard]] core::ServiceRole service_role(std::string_view unit);

}  // namespace gatemend::sandbox
