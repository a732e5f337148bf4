// SPDX-License-Identifier: MIT
// decide: from a cause and what stands in the way to act | ask | observe | hold, with every reason.
// Pure. The engine calls it for each incident after each change; same input, same words.
#pragma once

#include "core/hold.hpp"
#include "core/ledger.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::policy {

enum class DecisionKind { kAct, kAsk, kObserve, kHold };
[[nodiscard]] std::string_view decision_kind_id(DecisionKind kind);

struct Question {
    core::Cause cause{};
    std::string unit;          // the service's
    std::string nginx_unit{};  // "" when nginx is not known
    std::string backend{};     // canonical address of the suspected backend
    std::uint32_t confidence_permille = 0;
    core::Duration age{};                      // of the incident
    std::vector<core::TimePoint> bad_looks{};  // bad probes and complaints, oldest first
    std::vector<std::string> units_down{};     // units known to be down, for `needs`
    // The diagnosis's remedy: parameter values by the catalogue's names.
    actions::Parameters remedy{};
    bool is_approved = false;  // the plan of this very step was proposed, and a person said yes
    std::vector<core::Evidence> evidence;
    std::vector<core::Hold> guards;  // what the engine saw: admin stop, job queued, config test ...
    std::size_t ladder_step = 0;     // how many steps of this incident have failed already
    core::TimePoint now{};
};

struct Decision {
    DecisionKind kind = DecisionKind::kObserve;
    std::string rule;                         // "" when no rule matches
    std::optional<LadderStep> step;           // set for kAct and kAsk
    std::string target{};                     // the unit that the step's plan names
    actions::Parameters parameters{};         // of the step: remedy and `with` together
    std::vector<core::Hold> holds;            // all of them, not only the first
    std::string reason;                       // a sentence
    std::optional<core::TimePoint> retry_at;  // earliest moment at which time alone may change it
};

[[nodiscard]] Decision decide(const Policy& policy,
                              const core::Ledger& ledger,
                              const Question& question);

// The rule for a cause, or nullptr.
[[nodiscard]] const Rule* find_rule(const Policy& policy, core::Cause cause);
[[nodiscard]] const Rule* find_rule_by_name(const Policy& policy, std::string_view name);

}  // namespace gatemend::policy
