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
using core::kApprovalLifetime;

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

// Pause, breaker, cooldown, budgets. kBudgetExhausted: the caller must latch now. `digest`: the
// plan's, "" while it is not known; what a person has approved is not held back by any budget.
[[nodiscard]] std::optional<GateHold> check_record(const policy::Policy& policy,
                                                   const core::Ledger& ledger,
                                                   const actions::Plan& plan,
                                                   const std::string& digest,
                                                   core::TimePoint now);

// Where the record is short of room, only what is down is started, and room is made.
[[nodiscard]] std::optional<GateHold> check_record_room(const actions::Plan& plan, RecordRoom room);

// What a latched unit's breaker is re-armed for: it came up after the latest latch, none of our own
// acts is what brought it up, and it has been up for `rearm_after`. The sentence for the record.
[[nodiscard]] std::optional<std::string> find_recovery(const core::Ledger& ledger,
                                                       const std::string& unit,
                                                       const core::UnitState& state,
                                                       core::Duration rearm_after,
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

// And it is a unit that systemd knows; nginx or PHP-FPM by its main process: a site's script may
// listen in its server's control group.
[[nodiscard]] std::optional<GateHold> check_new_listener(const core::Listener& listener,
                                                         const core::UnitStanding& unit);

// A socket of the unit's own. In the group of PHP-FPM there are processes of the sites; an
// application's are its own.
[[nodiscard]] bool is_own(const core::Listener& listener, const actions::Plan& plan);

// restart-unit because its socket's file is gone: a socket of the unit's own has lost its file, and
// no other unit's lies in its place, which the restart would remove. Nor is anybody served, or a
// worker busy without a visitor, as far as can be seen.
[[nodiscard]] std::optional<GateHold> check_lost_socket(const actions::Plan& plan,
                                                        const core::Inspection& inspection);

// What reloads or restarts a server that is up: nobody has changed its files since it last read
// them, at its start, at a reload that systemd knows of, or, of nginx, when its workers were made,
// two of them together (PHP-FPM makes and ends workers as it likes). Somebody's unfinished work is
// not put into force. `now`, `uptime`: of the same moment.
[[nodiscard]] std::optional<GateHold> check_unread_edits(const core::UnitStanding& unit,
                                                         const core::Inspection& inspection,
                                                         const ConfigChange& newest,
                                                         core::TimePoint now,
                                                         core::Duration uptime);

// capture-port: the unit listens there, and nobody else on that port of any address, for all of
// them are captured: what other services say to each other is nobody's.
[[nodiscard]] std::optional<GateHold> check_capture(const actions::Plan& plan,
                                                    const core::Inspection& inspection);

// What the plan's rule may do with it here; kObserve when there is no such rule.
[[nodiscard]] policy::Mode mode_of(const policy::Policy& policy, const actions::Plan& plan);

// What the machine guards found, as one hold: the first's kind, everybody's words.
[[nodiscard]] std::optional<GateHold> gate_hold_of(const std::vector<core::Hold>& holds);

// A job for the plan's unit must not stop another one.
[[nodiscard]] std::optional<GateHold> check_company(const actions::Plan& plan,
                                                    const bus::UnitCompany& company);
// `needed` is required by `unit` and not up: is that so since `unit` came up last?
[[nodiscard]] std::optional<GateHold> check_needed(const std::string& name,
                                                   const core::UnitState& unit,
                                                   const core::UnitState& needed);

}  // namespace gatemend::sandbox
