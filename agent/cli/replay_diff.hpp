// SPDX-License-Identifier: MIT
// `gatemend replay --policy NEW --diff OLD`: two engines are told the same records in one pass;
// printed is only where their decisions differ: what is done, asked, held back and given up, by
// incident.
#pragma once

#include "cli/replay.hpp"
#include "core/time.hpp"
#include "engine/timeline.hpp"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace gatemend::cli {

inline constexpr int kExitSame = 0;
inline constexpr int kExitDifferent = 1;
inline constexpr int kExitTrouble = 2;  // a file or a policy could not be read

// One decision of one side. `what` is compared; the rule's name alone makes no difference.
struct ReplayedDecision {
    core::TimePoint time{};
    std::string what;  // "act start-unit php8.2-fpm.service", "hold paused, latched", "give up"
    std::string rule;
    std::string cause;
};

// By when it was opened and whose it is: that is the same for both sides, whatever their policies.
using IncidentKey = std::pair<core::TimePoint, std::string>;
using ReplayedDecisions = std::map<IncidentKey, std::vector<ReplayedDecision>>;

struct ReplayDifference {
    IncidentKey incident;
    std::string cause;
    std::vector<ReplayedDecision> only_old;
    std::vector<ReplayedDecision> only_new;
};

[[nodiscard]] std::vector<ReplayDifference> compare(const ReplayedDecisions& old_side,
                                                    const ReplayedDecisions& new_side);

// As diff(1): 0 the same, 1 different, 2 trouble.
[[nodiscard]] int run_replay_diff(const ReplayOptions& options);

}  // namespace gatemend::cli
