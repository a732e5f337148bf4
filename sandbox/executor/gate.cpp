// SPDX-License-Identifier: MIT
#include "sandbox/executor/gate.hpp"

#include "actions/act.hpp"
#include "actions/settings.hpp"
#include "core/work_watch.hpp"
#include "policies/budget.hpp"
#include "policies/find_rule.hpp"
#include "policies/window.hpp"
#include "sandbox/tools/known_services.hpp"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::HoldKind;

std::optional<GateHold> hold(HoldKind kind, std::string text) {
    return GateHold{.kind = kind, .text = std::move(text)};
}

std::string state_words(core::ActiveState active, const std::string& invocation) {
    return std::string{core::active_state_id(active)} +
           (invocation.empty() ? ", never started" : ", invocation " + invocation);
}

// The rule's step for this act and unit, with the rule's own parameters, and time enough.
std::optional<GateHold> check_step(const policy::Rule& rule, const actions::Plan& plan) {
    const policy::LadderStep* step = policy::find_planned_step(rule, plan).step;
    if (step == nullptr) {
        return hold(HoldKind::kNoRule,
                    "rule " + rule.name + " does not contain this act, so, for this unit");
    }
    const core::Duration longest = std::min(step->within, actions::spec(plan.act).timeout);
    if (plan.deadline <= core::Duration::zero() || plan.deadline > longest) {
        return hold(HoldKind::kExecutorRefused,
                    "the deadline is outside what rule " + rule.name + " gives the act");
    }
    return std::nullopt;
}

// Whose configuration, or whose machine, the act is about.
std::optional<GateHold> check_target(const actions::Plan& plan) {
    const auto refuse = [](const char* text) { return hold(HoldKind::kExecutorRefused, text); };
    switch (actions::target_of(plan.act, plan.cause, plan.parameters)) {
        case actions::Target::kNginx:
            return plan.role == core::ServiceRole::kNginx
                       ? std::nullopt
                       : refuse("the act is on nginx, and the unit is another");
        case actions::Target::kHost:
            return plan.unit == actions::kJournalUnit
                       ? std::nullopt
                       : refuse("the act is on the machine, not on this unit");
        case actions::Target::kService:
            if (plan.unit == actions::kJournalUnit) {
                return refuse("the unit stands for acts on the machine, it is not a service");
            }
            break;
    }
    const bool is_of_pool =
        plan.act == actions::ActId::kSetPoolListen ||
        (plan.act == actions::ActId::kApplySuggestion && plan.parameters.contains("pool"));
    if (is_of_pool && plan.role != core::ServiceRole::kPhpFpm) {
        return refuse("the act is on a pool of PHP-FPM, the unit is something else");
    }
    if (plan.act != actions::ActId::kRestoreConfig) {
        return std::nullopt;
    }
    const auto service = find_known_service(plan.unit);
    const auto file = plan.parameters.find("file");
    return service && file != plan.parameters.end() && is_own_config(*service, file->second)
               ? std::nullopt
               : refuse("the file is not part of the unit's configuration");
}

// Approved "in the future": the clock was set back, and nobody knows how old it is. "": any digest.
bool is_approved(const core::Ledger& ledger, const std::string& digest, core::TimePoint now) {
    return std::ranges::any_of(ledger.approvals, [&](const auto& approval) {
        return (digest.empty() || approval.digest == digest) && now < approval.until &&
               approval.until <= now + kApprovalLifetime;
    });
}

bool share_a_file(const actions::Plan& a, const actions::Plan& b) {
    return std::ranges::any_of(a.changes, [&b](const actions::FileChange& change) {
        return std::ranges::find(b.changes, change.path, &actions::FileChange::path) !=
               b.changes.end();
    });
}

// Somebody is being served by the unit, through another socket or by a connection that was made
// before the file was lost: a restart would cut them off. A moment with nobody is waited for.
std::optional<GateHold> find_served(const actions::Plan& plan,
                                    const std::vector<core::Listener>& listeners) {
    for (const core::Listener& listener : listeners) {
        if (!is_own(listener, plan)) {
            continue;
        }
        if (!listener.connections) {
            return hold(HoldKind::kContraryEvidence,
                        "whether " + plan.unit + " serves somebody at " + listener.address +
                            " cannot be seen");
        }
        if (*listener.connections + listener.queue > 0) {
            return hold(HoldKind::kContraryEvidence,
                        plan.unit + " serves visitors at " + listener.address +
                            ", and a restart would cut them off");
        }
    }
    return std::nullopt;
}

// nginx makes all its workers anew when it reads its configuration, and one alone where one has
// died, of the configuration that it has. So the oldest tells of a reading where it has a sister of
// its age; alone it may be a successor. After the machine's start; nullopt: nothing is told.
std::optional<core::Duration> made_together(const core::Inspection& inspection,
                                            std::uint32_t main_pid) {
    constexpr core::Duration kOneGeneration = std::chrono::seconds{2};
    const auto ticks_per_second = std::max(sysconf(_SC_CLK_TCK), 1L);
    std::vector<core::Duration> made;
    for (const core::Worker& worker : inspection.workers) {
        if (worker.is_nginx && !worker.is_leaving && worker.parent == main_pid) {
            made.emplace_back(static_cast<std::int64_t>(worker.started) *
                              (std::micro::den / ticks_per_second));
        }
    }
    std::ranges::sort(made);
    return made.size() > 1 && made[1] - made[0] <= kOneGeneration ? std::optional{made[0]}
                                                                  : std::nullopt;
}

}  // namespace

bool is_own(const core::Listener& listener, const actions::Plan& plan) {
    return listener.is_main ||
           (plan.role != core::ServiceRole::kPhpFpm && listener.unit == plan.unit);
}

std::optional<GateHold> gate_hold_of(const std::vector<core::Hold>& holds) {
    if (holds.empty()) {
        return std::nullopt;
    }
    std::string text;
    for (const core::Hold& item : holds) {
        text += (text.empty() ? "" : "; ") + item.text;
    }
    return hold(holds.front().kind, std::move(text));
}

policy::Mode mode_of(const policy::Policy& policy, const actions::Plan& plan) {
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    if (rule == nullptr) {
        return policy::Mode::kObserve;
    }
    // What a rule only suggests waits for a person, whatever its ladder may do.
    const bool is_offer = policy::find_planned_step(*rule, plan).is_offer;
    return std::min(policy.settings.mode, is_offer ? policy::Mode::kAsk : rule->mode);
}

std::optional<GateHold> check_rule(const policy::Policy& policy, const actions::Plan& plan) {
    if (!actions::is_unit_name(plan.unit) || !policy::is_unit_allowed(policy.settings, plan.unit)) {
        return hold(HoldKind::kUnitNotAllowed, "the executor's policy does not list this unit");
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    if (rule == nullptr) {
        return hold(HoldKind::kNoRule, "the executor's policy has no such rule");
    }
    if (rule->match.cause != plan.cause) {
        return hold(HoldKind::kNoRule, "rule " + rule->name + " is for another cause");
    }
    if (auto unfit = check_step(*rule, plan)) {
        return unfit;
    }
    if (auto unfit = check_target(plan)) {
        return unfit;
    }
    if (mode_of(policy, plan) == policy::Mode::kObserve) {
        return hold(HoldKind::kObserveOnly, "rule " + rule->name + " only observes here");
    }
    return std::nullopt;
}

std::optional<GateHold> check_consent(const policy::Policy& policy,
                                      const core::Ledger& ledger,
                                      const actions::Plan& plan,
                                      const std::string& digest,
                                      core::TimePoint now) {
    if (mode_of(policy, plan) == policy::Mode::kAct) {
        return std::nullopt;
    }
    return is_approved(ledger, digest, now)
               ? std::nullopt
               : hold(HoldKind::kNeedsApproval, "rule " + plan.rule + " asks a person first");
}

std::optional<GateHold> check_overlap(const core::Ledger& ledger,
                                      const Footprints& footprints,
                                      const actions::Plan& plan) {
    for (const core::Attempt& attempt : ledger.attempts) {
        const auto footprint = footprints.find(attempt.id);
        if (attempt.undo == core::UndoState::kProvisional && footprint != footprints.end() &&
            share_a_file(footprint->second.plan, plan)) {
            return hold(HoldKind::kActRunning,
                        "attempt " + std::to_string(attempt.id) +
                            " has changed the same file and is neither confirmed nor undone");
        }
    }
    return std::nullopt;
}

std::optional<std::uint64_t> find_newer_change(const core::Ledger& ledger,
                                               const Footprints& footprints,
                                               std::uint64_t attempt) {
    const auto own = footprints.find(attempt);
    for (const core::Attempt& other : ledger.attempts) {
        const auto footprint = footprints.find(other.id);
        const bool is_in_force = other.undo == core::UndoState::kProvisional ||
                                 other.undo == core::UndoState::kConfirmed;
        if (other.id > attempt && is_in_force && own != footprints.end() &&
            footprint != footprints.end() &&
            share_a_file(footprint->second.plan, own->second.plan)) {
            return other.id;
        }
    }
    return std::nullopt;
}

std::optional<GateHold> check_repointing(const policy::Settings& settings,
                                         const actions::Plan& plan,
                                         const core::Inspection& inspection) {
    const auto from = plan.parameters.find("from");
    const auto to = plan.parameters.find("to");
    if (from == plan.parameters.end() || to == plan.parameters.end() || !inspection.listeners ||
        inspection.is_listeners_cut) {
        return hold(HoldKind::kExecutorRefused, "who listens where cannot be seen");
    }
    const core::Listener* old_one = inspection.find_listener(from->second);
    if (old_one != nullptr && old_one->is_reachable) {
        return hold(HoldKind::kExecutorRefused, "somebody listens on the old address");
    }
    const core::Listener* new_one = inspection.find_listener(to->second);
    if (new_one == nullptr || !new_one->is_reachable) {
        return hold(HoldKind::kExecutorRefused, "nobody listens on the new address");
    }
    if (!new_one->is_open) {
        return hold(HoldKind::kExecutorRefused,
                    "the new address is closed to nginx's worker user, and is not opened for it");
    }
    if (!policy::is_unit_allowed(settings, new_one->unit)) {
        return hold(HoldKind::kExecutorRefused,
                    "who listens on the new address is no unit that the policy lists");
    }
    return std::nullopt;
}

std::optional<GateHold> check_new_listener(const core::Listener& listener,
                                           const core::UnitStanding& unit) {
    if (!unit.is_loaded) {
        return hold(HoldKind::kExecutorRefused,
                    "systemd does not know the unit that listens on the new address");
    }
    const bool is_server = service_role(listener.unit) != core::ServiceRole::kOther;
    if (is_server && (listener.pid == 0 || unit.main_pid != listener.pid)) {
        return hold(HoldKind::kExecutorRefused,
                    "who listens on the new address runs in " + listener.unit +
                        "'s control group, but is not its main process");
    }
    return std::nullopt;
}

std::optional<GateHold> check_capture(const actions::Plan& plan,
                                      const core::Inspection& inspection) {
    const auto address = plan.parameters.find("address");
    if (address == plan.parameters.end() || !inspection.listeners) {
        return hold(HoldKind::kExecutorRefused, "who listens where cannot be seen");
    }
    const core::Listener* listener = inspection.find_listener(address->second);
    if (listener == nullptr || listener->unit != plan.unit) {
        return hold(HoldKind::kExecutorRefused, "the unit does not listen on this address");
    }
    const std::string_view port = core::port_of(address->second);
    const auto other = std::ranges::find_if(*inspection.listeners, [&](const auto& item) {
        return core::port_of(item.address) == port && item.unit != plan.unit;
    });
    if (other != inspection.listeners->end()) {
        return hold(HoldKind::kExecutorRefused,
                    "another service listens on this port, too, of " + other->address);
    }
    return std::nullopt;
}

std::optional<GateHold> check_lost_socket(const actions::Plan& plan,
                                          const core::Inspection& inspection) {
    if (!inspection.listeners) {
        return hold(HoldKind::kExecutorRefused, "who listens where cannot be seen");
    }
    const auto is_lost = [&plan](const core::Listener& listener) {
        return is_own(listener, plan) && !listener.is_reachable && !listener.is_in_own_view &&
               listener.address.starts_with("unix:");
    };
    std::string taken_by;
    bool has_lost = false;
    for (const core::Listener& listener : *inspection.listeners) {
        if (taken_by.empty() && is_lost(listener)) {
            has_lost = true;
            taken_by = listener.taken_by == plan.unit ? taken_by : listener.taken_by;
        }
    }
    if (!has_lost) {
        return hold(HoldKind::kExecutorRefused, "no socket of the unit has lost its file");
    }
    if (auto served = find_served(plan, *inspection.listeners)) {
        return served;
    }
    // Where it cannot be seen, the site that is down counts for more.
    if (const auto background = core::background_of(inspection); background.workers > 0) {
        return hold(HoldKind::kContraryEvidence,
                    core::background_words(background) + ", and a restart would cut that off");
    }
    return taken_by.empty() ? std::nullopt
                            : hold(HoldKind::kExecutorRefused,
                                   "the socket of " + taken_by +
                                       " lies in the place of the unit's, and would be removed");
}

std::optional<GateHold> check_unread_edits(const core::UnitStanding& unit,
                                           const core::Inspection& inspection,
                                           const ConfigChange& newest,
                                           core::TimePoint now,
                                           core::Duration uptime) {
    core::TimePoint read = std::max(unit.last_active, unit.last_reload);
    if (const auto since_boot = made_together(inspection, unit.main_pid)) {
        read = std::max(read, now - uptime + *since_boot);
    }
    if (newest.time <= read) {
        return std::nullopt;
    }
    return hold(HoldKind::kContraryEvidence,
                newest.path + " was changed after " + unit.name +
                    " last read its configuration, as far as that can be seen; it would be put "
                    "into force");
}

std::optional<GateHold> check_record(const policy::Policy& policy,
                                     const core::Ledger& ledger,
                                     const actions::Plan& plan,
                                     const std::string& digest,
                                     core::TimePoint now) {
    if (!ledger.unreadable.empty()) {
        return hold(HoldKind::kRecordUnreadable, ledger.unreadable);
    }
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    if (rule == nullptr) {
        return hold(HoldKind::kNoRule, "the executor's policy has no such rule");
    }
    // What a person has chosen need not wait for a time of day, nor for a budget of its own.
    const bool is_chosen = policy::find_planned_step(*rule, plan).is_offer;
    if (!is_chosen && !policy::is_any_open(rule->windows, now)) {
        return hold(HoldKind::kMaintenance, "rule " + rule->name + " does not act at this time");
    }
    const bool is_persons = is_chosen || mode_of(policy, plan) == policy::Mode::kAsk ||
                            is_approved(ledger, digest, now);
    const policy::Charge charge{plan.unit, actions::class_of(plan.act, plan.expected_active)};
    auto verdict = is_persons ? policy::check_chosen(*rule, plan.unit, ledger, now)
                              : policy::check_budget(policy.settings, *rule, charge, ledger, now);
    switch (verdict.state) {
        case policy::BudgetState::kAllowed:
            return std::nullopt;
        case policy::BudgetState::kCoolingDown:
            return hold(HoldKind::kCoolingDown, std::move(verdict.reason));
        case policy::BudgetState::kExhausted:
            return hold(HoldKind::kBudgetExhausted, std::move(verdict.reason));
        case policy::BudgetState::kLatched:
            return hold(HoldKind::kLatched, std::move(verdict.reason));
        case policy::BudgetState::kPaused:
            return hold(HoldKind::kPaused, std::move(verdict.reason));
        case policy::BudgetState::kDemoted:
            return hold(HoldKind::kDemoted, std::move(verdict.reason));
        case policy::BudgetState::kUnreadable:
            break;
    }
    return hold(HoldKind::kRecordUnreadable, std::move(verdict.reason));
}

std::optional<GateHold> check_record_room(const actions::Plan& plan, RecordRoom room) {
    const actions::ActClass act_class = actions::class_of(plan.act, plan.expected_active);
    const bool is_first_aid =
        act_class == actions::ActClass::kStart || act_class == actions::ActClass::kRoom;
    switch (room) {
        case RecordRoom::kAmple:
        case RecordRoom::kShort:
            return std::nullopt;
        case RecordRoom::kLast:
            if (is_first_aid) {
                return std::nullopt;
            }
            return hold(HoldKind::kRecordDiskFull,
                        "there is no room for the record of this act; until there is, only what is "
                        "down is started");
        case RecordRoom::kNone:
            break;
    }
    return hold(HoldKind::kRecordDiskFull, "there is no room for the record of one more act");
}

std::optional<std::string> find_recovery(const core::Ledger& ledger,
                                         const std::string& unit,
                                         const core::UnitState& state,
                                         core::Duration rearm_after,
                                         core::TimePoint now) {
    const core::TimePoint since = state.last_active;
    const bool is_latched_later = std::ranges::any_of(ledger.latches, [&](const auto& latch) {
        return latch.unit == unit && latch.since >= since;
    });
    constexpr core::Duration kNews = std::chrono::seconds{5};
    const bool is_ours = std::ranges::any_of(ledger.attempts, [&](const core::Attempt& attempt) {
        const auto act = actions::act_from_name(attempt.act);
        const core::Duration longest =
            kNews + (act ? actions::spec(*act).timeout : std::chrono::minutes{2});
        // What had its verdict before the breaker tripped had ended by then.
        const bool is_over = attempt.verdict != core::ActVerdict::kPending &&
                             std::ranges::any_of(ledger.latches, [&](const auto& latch) {
                                 return latch.unit == unit && attempt.time <= latch.since;
                             });
        return attempt.unit == unit && !attempt.is_uncounted && !is_over && attempt.time <= since &&
               since <= attempt.time + longest;
    });
    if (!core::is_up(state) || is_latched_later || is_ours || now < since + rearm_after) {
        return std::nullopt;
    }
    return "somebody else brought " + unit + " up at " + core::format_time(since) +
           ", and it has stayed up for " + core::format_duration(rearm_after);
}

bool asks_for_intent(const policy::Policy& policy,
                     const actions::Plan& plan,
                     const core::UnitState& state) {
    const policy::Rule* rule = policy::find_rule_by_name(policy, plan.rule);
    const bool is_revived = rule != nullptr && rule->is_reviving_stopped;
    return actions::starts_unit(plan.act) && !is_revived && core::is_down(state);
}

std::optional<GateHold> check_intent(const core::UnitState& state,
                                     const std::optional<core::LastJob>& job) {
    switch (core::intent_of(state, job)) {
        case core::Intent::kNobody:
            return core::has_ended_well(state, job)
                       ? hold(HoldKind::kAdminStopped,
                              "the unit has ended by itself and without a fault")
                       : std::nullopt;
        case core::Intent::kSomebody:
            return hold(HoldKind::kAdminStopped,
                        "somebody stopped the unit, and nobody has started it since");
        case core::Intent::kUnknown:
            break;
    }
    return hold(HoldKind::kIntentUnknown,
                state.was_perhaps_disabled
                    ? "the unit is disabled, and nobody knows whether somebody did that while it "
                      "was down: links of units have changed since"
                    : "nobody knows whether somebody stopped the unit: the journal does not tell");
}

std::optional<GateHold> check_unit(const actions::Plan& plan,
                                   const core::UnitState& state,
                                   std::string_view system_state) {
    if (system_state == "stopping") {
        return hold(HoldKind::kShuttingDown, "the machine is shutting down");
    }
    if (state.is_masked) {
        return hold(HoldKind::kMasked, "the unit is masked");
    }
    if (!state.is_loaded) {
        return hold(HoldKind::kExecutorRefused, "systemd does not know the unit");
    }
    if (core::is_restart_pending(state)) {
        return hold(HoldKind::kRestartPending, "systemd is about to restart the unit itself");
    }
    if (state.has_job) {
        return hold(HoldKind::kJobQueued, "another job for the unit is queued");
    }
    // Acts on the machine itself stop and start nothing: which run of journald it is means nothing.
    const bool is_same_run =
        plan.unit == actions::kJournalUnit || state.invocation_id == plan.expected_invocation;
    if (state.active != plan.expected_active || !is_same_run) {
        return hold(HoldKind::kExecutorRefused,
                    "the unit is now " + state_words(state.active, state.invocation_id) +
                        "; the plan was made for " +
                        state_words(plan.expected_active, plan.expected_invocation));
    }
    const actions::Act* act = actions::find_act(plan.act);
    if (act == nullptr) {
        return hold(HoldKind::kExecutorRefused, "the act cannot be performed here");
    }
    if (auto obstacle = act->find_obstacle(state)) {
        return hold(HoldKind::kExecutorRefused, std::move(*obstacle));
    }
    return std::nullopt;
}

std::optional<GateHold> check_company(const actions::Plan& plan, const bus::UnitCompany& company) {
    if (!company.opposed.empty()) {
        return hold(HoldKind::kExecutorRefused,
                    company.opposed.front() + " is up, and it conflicts with " + plan.unit +
                        ": systemd would stop it");
    }
    return std::nullopt;
}

std::optional<GateHold> check_needed(const std::string& name,
                                     const core::UnitState& unit,
                                     const core::UnitState& needed) {
    // What never is up, a job that runs once, is not there to be up.
    const bool is_never_up =
        needed.last_active == core::TimePoint{} && needed.active != core::ActiveState::kFailed;
    if (core::is_up(needed) || is_never_up || needed.changed <= unit.last_active) {
        return std::nullopt;
    }
    return hold(HoldKind::kExecutorRefused,
                "the unit requires " + name + ", which is " + core::describe(needed) +
                    "; start that first");
}

}  // namespace gatemend::sandbox
