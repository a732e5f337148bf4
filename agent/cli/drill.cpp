// SPDX-License-Identifier: MIT
#include "cli/drill.hpp"

#include "cli/child_process.hpp"
#include "cli/exit_code.hpp"
#include "core/time.hpp"

#include <unistd.h>

#include <chrono>
#include <cstdio>

namespace gatemend::cli {

namespace {

// A drill ends by itself, and can be ended from the terminal.
constexpr core::Duration kPatience = std::chrono::hours{24};

int cannot(const char* what) {
    (void)std::fprintf(stderr, "gatemend: drill: %s\n", what);
    return kExitFailed;
}

std::vector<std::string> command_line(const DrillOptions& options) {
    // -I: nothing of the caller's Python is looked at
    std::vector<std::string> argv{options.python, "-I", options.program};
    const auto add = [&argv](const char* name, const std::string& value) {
        if (!value.empty()) {
            argv.insert(argv.end(), {name, value});
        }
    };
    add("--suite", options.suite);
    for (const std::string& word : options.only) {
        add("--only", word);
    }
    add("--package", options.package);
    add("--jobs", options.jobs == 0 ? "" : std::to_string(options.jobs));
    for (const auto& [is_given, name] : {std::pair{options.is_list, "--list"},
                                         std::pair{options.is_watch, "--watch"},
                                         std::pair{options.is_json, "--json"}}) {
        if (is_given) {
            argv.emplace_back(name);
        }
    }
    return argv;
}

}  // namespace

int run_drill(const DrillOptions& options) {
    if (::access(options.program.c_str(), R_OK) != 0) {
        return cannot("its program is not installed; it comes with the package");
    }
    if (::access(options.python.c_str(), X_OK) != 0) {
        return cannot("needs Python: apt-get install --no-install-recommends python3");
    }
    const ChildEnd ended = run_child(command_line(options), kPatience, [] {});
    return ended.problem.empty() ? ended.status : cannot(ended.problem.c_str());
}

}  // namespace gatemend::cli
