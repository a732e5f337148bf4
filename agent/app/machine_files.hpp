// SPDX-License-Identifier: MIT
// Reads what discovery needs beside nginx's own dump: PHP-FPM's pool files in Debian's and RHEL's
// layout, and where symbolic links below unix addresses lead. Bounded; what cannot be read is named
// in `problems` and left out.
#pragma once

#include "app/discovery.hpp"
#include "io/config_watch.hpp"

#include <string>
#include <vector>

namespace gatemend::app {

inline constexpr std::size_t kMaxPoolFileBytes = std::size_t{1024} * 1024;
inline constexpr std::size_t kMaxPoolFiles = 512;

struct FpmFiles {
    std::vector<FpmInstance> instances;  // sorted by unit
    std::vector<std::string> problems;
};

// `etc`: "/etc", or a directory of a test.
[[nodiscard]] FpmFiles read_fpm_files(const std::string& etc);

// Is there a program that nginx's unit could start?
[[nodiscard]] bool is_nginx_installed();

// Fills machine.aliases for all unix addresses in it.
void resolve_aliases(Machine& machine);

// What to watch for changes: nginx's and every FPM instance's configuration, and where new ones
// appear.
[[nodiscard]] std::vector<io::ConfigRoot> config_roots(const std::string& etc);

}  // namespace gatemend::app
