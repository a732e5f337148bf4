// SPDX-License-Identifier: MIT
// nginx's worker user with names, looked up once before the system-call filter is installed: the
// user database may talk to a socket.
#pragma once

#include "core/result.hpp"
#include "sandbox/inspect/permission.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gatemend::mend {

struct Worker {
    inspect::Identity identity{};
    std::string name{};                 // "" when the number has none
    std::string group{};                // its primary group, "" likewise
    std::uint32_t gid = 0;              // of that
    std::vector<std::string> groups{};  // names of all its groups
};

// `user`: a name or a number.
[[nodiscard]] core::Result<Worker> find_worker(const std::string& user);

// Names of the machine's own files; what other databases know is not asked.
struct LocalNames {
    std::map<std::string, std::uint32_t> users;
    std::map<std::string, std::uint32_t> primary_groups;  // of users
    std::map<std::string, std::uint32_t> groups;
};

[[nodiscard]] LocalNames read_local_names(const std::string& root);
// The number itself where it has no name.
[[nodiscard]] std::string name_of(const std::map<std::string, std::uint32_t>& names,
                                  std::uint32_t number);

}  // namespace gatemend::mend
