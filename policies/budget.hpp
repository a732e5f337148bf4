// SPDX-License-Identifier: MIT
// May there be one more attempt? A pure function of the ledger and the limits, used by the agent to
// decide and by the executor to refuse. Attempts dated in the future (clock set back) count as now,
// a lift dated in the future does not count. Where several things stand in the way, the first of
// latched, paused, unreadable, demoted, exhausted (rule, unit, host), cooling down (longest) is
// named.
#pragma once

#include "core/ledger.hpp"
#include "core/time.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::policy {

enum class BudgetState {
    kAllowed,
    kCoolingDown,  // retry_at says when
    kExhausted,    // the next attempt would exceed max: the breaker must latch now
    kLatched,      // already latched, waits for the operator
    kPaused,       // operator's pause, retry_at = its end
    kUnreadable,   // the record cannot be trusted
    kDemoted,      // the rule did harm to this unit (or nothing, where `on_failure` is observe)
};

struct BudgetVerdict {
    BudgetState state = BudgetState::kAllowed;
    std::optional<core::TimePoint> retry_at;
    std::string reason;  // a sentence: "3 attempts by start-crashed-backend on X in 15m, limit 3"
};

[[nodiscard]] BudgetVerdict check_budget(const Settings& settings,
                                         const Rule& rule,
                                         std::string_view unit,
                                         const core::Ledger& ledger,
                                         core::TimePoint now);

// For what a rule only offers and a person has chosen: nothing is counted, and the breaker is for
// what acts by itself. A pause, a record that cannot be read and harm done stop it all the same.
[[nodiscard]] BudgetVerdict check_chosen(const Rule& rule,
                                         std::string_view unit,
                                         const core::Ledger& ledger,
                                         core::TimePoint now);

}  // namespace gatemend::policy
