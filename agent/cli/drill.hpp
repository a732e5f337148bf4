// SPDX-License-Identifier: MIT
// `gatemend drill`: faults in throwaway containers, and a scorecard of what gatemend made of them.
// The drill itself is /usr/share/gatemend/drill/drill.py (tests/container in the source): it is
// told what was asked for, word for word, and keeps the terminal. Touches nothing of this machine.
#pragma once

#include <string>
#include <vector>

namespace gatemend::cli {

inline constexpr const char* kDrillProgram = "/usr/share/gatemend/drill/drill.py";
inline constexpr const char* kPython = "/usr/bin/python3";

struct DrillOptions {
    std::string suite{};
    std::vector<std::string> only{};
    std::string package{};
    unsigned jobs = 0;  // 0: as many as there are processors
    bool is_list = false;
    bool is_watch = false;
    bool is_json = false;
    std::string program = kDrillProgram;
    std::string python = kPython;
};

// The exit status is the drill's own: 0 only where every fault was dealt with as it should be.
[[nodiscard]] int run_drill(const DrillOptions& options);

}  // namespace gatemend::cli
