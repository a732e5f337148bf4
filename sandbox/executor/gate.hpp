// SPDX-License-Identifier: MIT
// The gate: may this plan be executed now? The executor's own judgement from its own root-owned
// policy and its own look at the machine; nothing the agent says is taken on trust. Pure.
#pragma once

#include "actions/catalogue.hpp"
#include "core/hold.hpp"
#include "core/inspection.hpp"
#include "core/intent.hpp"
#include "core/ledger.hpp"
#include "core/unit_state.hpp"
#include "policies/policy.hpp"
#include "sandbox/audit/ledger_builder.hpp"
#include "sandbox/executor/ports.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gatemend::sandbox {

// An approval is good for so long.
inline constexpr core::Duration kApprovalLifetime = std::chrono::minutes{10};

// Allowlist, rule, cause, ladder with its parameters, target, deadline, and a mode that does more
// than observe: what does not change while a plan is under way.
[[nodiscard]] std::optional<GateHold> check_rule(const policy::Policy& policy,
                                                 const actions::Plan& plan);

// It brings a unit up that is down: to be asked whether somebody has stopped it.
[[nodiscard]] bool asks_for_intent(const policy::Policy& policy,
                                   const actions::Plan& plan,
                                   const core::UnitState& state);
// `job`: absent where the journal could not be read or was not asked.
[[nodiscard]] std::optional<GateHold> check_intent(const core::UnitState& state,
                                                   const std::optional<core::LastJob>& job);

// Pause, breaker, cooldown, budgets. kBudgetExhausted: the caller must latch now.
[[nodiscard]] std::optional<GateHold> check_record(const policy::Policy& policy,
                                                   const core::Ledger& ledger,
                                                   const actions::Plan& plan,
                                                   core::TimePoint now);

// Where the rule asks first: a person has said yes to exactly this digest, not too long ago.
[[nodiscard]] std::optional<GateHold> check_consent(const policy::Policy& policy,
                                                    const core::Ledger& ledger,
                                                    const actions::Plan& plan,
                                                    const std::string& digest,
                                                    core::TimePoint now);

// No file is changed twice before the first change is confirmed or undone: neither could be undone
// then.
[[nodiscard]] std::optional<GateHold> check_overlap(const core::Ledger& ledger,
                                                    const Footprints& footprints,
                                                    const actions::Plan& plan);

// A later attempt that has changed a file of this one and is in force: it is undone first.
[[nodiscard]] std::optional<std::uint64_t> find_newer_change(const core::Ledger& ledger,
                                                             const Footprints& footprints,
                                                             std::uint64_t attempt);

// The unit as it is now, against what the plan expects. `system_state`: systemd's word.
[[nodiscard]] std::optional<GateHold> check_unit(const actions::Plan& plan,
                                                 const core::UnitState& state,
                                                 std::string_view system_state);

// repoint-backend: an allowed unit listens on the new address, and nobody on the old one.
[[nodiscard]] std::optional<GateHold> check_repointing(const policy::Settings& settings,
                                                       const actions::Plan& plan,
                                                       const core::Inspection& inspection);

// capture-port: the unit itself listens there; what other services say to each other is nobody's.
[[nodiscard]] std::optional<GateHold> check_capture(const actions::Plan& plan,
                                                    const core::Inspection& inspection);

// What the plan's rule may do with it here; kObserve when there is no such rule.
[[nodiscard]] policy::Mode mode_of(const policy::Policy& policy, const actions::Plan& plan);

// What the machine guards found, as one hold: the first's kind, everybody's words.
[[nodiscard]] std::optional<GateHold> gate_hold_of(const std::vector<core::Hold>& holds);

}  // namespace gatemend::sandbox
