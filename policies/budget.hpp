// SPDX-License-Identifier: MIT
// May there be one more attempt? A pure function of the ledger and the limits, used by the agent to
// decide and by the executor to refuse. What counts is an attempt that did not cure, by rule, unit
// and class of act: a cure, and what a person approved or rolled back, never trips the breaker.
// Attempts dated in the future (clock set back) count as now, a lift dated in the future does not
// count. Where several things stand in the way, the first of latched, paused, unreadable, demoted,
// exhausted (rule, unit, host), cooling down (longest) is named.
#pragma once

#include "actions/catalogue.hpp"
#include "core/ledger.hpp"
#include "core/time.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace gatemend::policy {

enum class BudgetState {
    kAllowed,
    kCoolingDown,  // retry_at says when; or for the verdict on an attempt, which may come sooner
    kExhausted,    // the next attempt would exceed max: the breaker must latch now
    kLatched,      // already latched, waits for the operator
    kPaused,       // operator's pause, retry_at = its end
    kUnreadable,   // the record cannot be trusted
    kDemoted,      // the rule did harm to this unit (or nothing, where `on_failure` is observe)
};

struct BudgetVerdict {
    BudgetState state = BudgetState::kAllowed;
    std::optional<core::TimePoint> retry_at;
    std::string reason;  // a sentence
    // kExhausted: what has to be latched for this class of act, the rule's alone or every rule's.
    bool is_rules_own = false;
};

// Whose budget an act is counted for.
struct Charge {
    std::string_view unit;
    actions::ActClass act_class;
};

// "clear with `gatemend resume UNIT`": the one way to say it.
[[nodiscard]] std::string clear_words(std::string_view unit);
// `text` with "; clear with ..." behind it, unless it says so already.
[[nodiscard]] std::string with_clear_words(std::string text, std::string_view unit);

// The unit was started or restarted with success at least three times lately.
// "flapping: healed 5 times in 20m", or "".
[[nodiscard]] std::string flapping_words(std::string_view unit,
                                         const core::Ledger& ledger,
                                         core::TimePoint now);

[[nodiscard]] BudgetVerdict check_budget(const Settings& settings,
                                         const Rule& rule,
                                         const Charge& charge,
                                         const core::Ledger& ledger,
                                         core::TimePoint now);

// For what a person has chosen or is asked about: nothing is counted, and the breaker is for what
// acts by itself. A pause, a record that cannot be read and harm done stop it all the same.
[[nodiscard]] BudgetVerdict check_chosen(const Rule& rule,
                                         std::string_view unit,
                                         const core::Ledger& ledger,
                                         core::TimePoint now);

}  // namespace gatemend::policy
