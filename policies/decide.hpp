// SPDX-License-Identifier: MIT
// decide: from a cause and what stands in the way to act | ask | observe | hold, with every reason.
// Pure. The engine calls it for each incident after each change; same input, same words.
#pragma once

#include "core/hold.hpp"
#include "core/ledger.hpp"
#include "core/objection.hpp"
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
    // A person said yes to this one of the rule's offers: it is the step then.
    std::optional<actions::ActId> approved_offer{};
    std::vector<core::Evidence> evidence;
    std::vector<core::Objected> objections{};  // what speaks against an act that interrupts
    std::vector<core::Hold> guards;  // what the engine saw: admin stop, job queued, config test ...
    std::size_t ladder_step = 0;     // how many steps of this incident have failed already
    core::TimePoint now{};
};

// An act that a person may have for the asking.
struct Offer {
    LadderStep step;
    std::string target;
    actions::Parameters parameters;

    friend bool operator==(const Offer&, const Offer&) = default;
};

struct Decision {
    DecisionKind kind = DecisionKind::kObserve;
    std::string rule;                  // "" when no rule matches
    std::optional<LadderStep> step;    // set for kAct and kAsk
    std::string target{};              // whom the act is on; the budget counts for it
    actions::Parameters parameters{};  // of the step: remedy and `with` together
    // Of the rule's `suggest`, those whose target may be acted on and whose parameters are all
    // known; to be proposed beside the step, each an act of its own.
    std::vector<Offer> offers{};
    std::vector<core::Hold> holds;            // all of them, not only the first
    std::string reason;                       // a sentence
    std::optional<core::TimePoint> retry_at;  // earliest moment at which time alone may change it
};

[[nodiscard]] Decision decide(const Policy& policy,
                              const core::Ledger& ledger,
                              const Question& question);

// The step of the ladder that `decide` would take or hold: what guards are to be asked about.
[[nodiscard]] const LadderStep* find_step(const Rule& rule, const Question& question);

// The rule that decides: the first whose cause, patterns and confidence all fit, or nullptr.
[[nodiscard]] const Rule* find_rule(const Policy& policy, const Question& question);
// The first rule for a cause, whatever else it asks for, or nullptr.
[[nodiscard]] const Rule* find_rule(const Policy& policy, core::Cause cause);

}  // namespace gatemend::policy
