// SPDX-License-Identifier: MIT
// One command of the operator's, run as he would run it himself: same terminal, same environment,
// no shell. The only place in the product that starts a process; called by `gatemend hold` and
// `gatemend drill`, which run with their caller's powers and are no services.
#pragma once

#include "core/time.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gatemend::cli {

struct ChildEnd {
    int status = 0;       // its exit status; 128 + signal; 126 or 127 where it could not be run
    std::string problem;  // not empty: it could not be run
};

// Waits for the end of `argv`, hands on the signals that ask to end; `on_overdue` is called once
// when it runs longer than `patience`.
[[nodiscard]] ChildEnd run_child(const std::vector<std::string>& argv,
                                 core::Duration patience,
                                 const std::function<void()>& on_overdue);

}  // namespace gatemend::cli
