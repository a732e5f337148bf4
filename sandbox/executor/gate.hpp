// SPDX-License-Identifier: MIT
// The gate: may this plan be executed now? The executor's own judgement from its own root-owned
// policy and its own look at the unit; nothing the agent says is taken on trust. Pure.
#pragma once

#include "actions/catalogue.hpp"
#include "core/hold.hpp"
#include "core/ledger.hpp"
#include "core/unit_state.hpp"
#include "policies/policy.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gatemend::sandbox {

struct GateHold {
    core::HoldKind kind{};
    std::string text;
};

// What the machine guards found, as one hold: the first's kind, everybody's words.
[[nodiscard]] std::optional<GateHold> gate_hold_of(const std::vector<core::Hold>& holds);

// Allowlist, rule, cause, ladder, mode, deadline: what does not change while a plan is under way.
[[nodiscard]] std::optional<GateHold> check_rule(const policy::Policy& policy,
                                                 const actions::Plan& plan);

// Pause, breaker, cooldown, budgets. kBudgetExhausted: the caller must latch now.
[[nodiscard]] std::optional<GateHold> check_record(const policy::Policy& policy,
                                                   const core::Ledger& ledger,
                                                   const actions::Plan& plan,
                                                   core::TimePoint now);

// The unit as it is now, against what the plan expects. `system_state`: systemd's word.
[[nodiscard]] std::optional<GateHold> check_unit(const actions::Plan& plan,
                                                 const core::UnitState& state,
                                                 std::string_view system_state);

}  // namespace gatemend::sandbox
