// SPDX-License-Identifier: MIT
// `gatemend replay`: the real engine over kept records, in their own time. Reads logs of any kind
// explain knows (plain, .gz, rotated sets, journal exports; merged by time) and event files
// (agent/engine/event_text.hpp, first line "# gatemend events"); writes one line per effect.
// Offline and unprivileged; the same input gives the same bytes.
#pragma once

#include "policies/toml_reader.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::cli {

struct ReplayOptions {
    std::vector<std::string> files;  // "-" is standard input
    policy::PolicyPaths policies{};
    std::optional<policy::PolicyPaths> old_policies{};  // --diff: compare with these
    bool is_json = false;
};

// 0: replayed; 1: a file or the policy could not be read, said on standard error.
[[nodiscard]] int run_replay(const ReplayOptions& options);

}  // namespace gatemend::cli
