// SPDX-License-Identifier: MIT
// gatemend hold: somebody deploys, so gatemend does not act. A marker in /run/gatemend/hold.d for
// as long as a command runs, or until it is ended, and never longer than it says. Works without the
// services; they read the marker before every act.
#pragma once

#include "sandbox/tools/hold_marker.hpp"

#include <sys/types.h>

#include <string>
#include <vector>

namespace gatemend::cli {

struct HoldOptions {
    std::string length;  // "10m"
    std::string reason{};
    std::vector<std::string> command{};  // empty: only set the marker
    bool is_end = false;
    bool is_list = false;
    bool is_json = false;
    std::string folder = sandbox::kHoldFolder;
    uid_t owner = 0;  // whose markers count
};

// The command's exit status, where there is a command.
[[nodiscard]] int run_hold(const HoldOptions& options);

}  // namespace gatemend::cli
