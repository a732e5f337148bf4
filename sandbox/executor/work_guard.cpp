// SPDX-License-Identifier: MIT
#include "sandbox/executor/work_guard.hpp"

#include "core/silence.hpp"
#include "core/text.hpp"
#include "sandbox/executor/gate.hpp"
#include "sandbox/tools/known_services.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::Plan;
using core::Cause;
using core::HoldKind;

// A visitor of this moment may be let in the next.
constexpr core::Duration kLongEnough = std::chrono::seconds{30};

// The longest that a look may have taken: when it was begun is not known of those made for others.
constexpr core::Duration kLongestLook = std::chrono::seconds{5};

GateHold contrary(const std::string& text) {
    return {HoldKind::kContraryEvidence, core::sanitize(text)};
}

bool is_of_down_unit(Cause cause) {
    return cause == Cause::kUnitFailed || cause == Cause::kUnitStopped ||
           cause == Cause::kUnitStartLimit || cause == Cause::kSocketStale ||
           cause == Cause::kNginxDown || cause == Cause::kAppDown;
}

bool is_waited_for(const core::WorkWatch& watch) {
    return std::ranges::any_of(watch.newest.queues, [&watch](const core::Waiting& queue) {
        return core::waited_at(watch, queue.address) >= kLongEnough;
    });
}

// For whom the unit works whatever visitors wait for: whoever is served where nobody waits, and
// whatever goes on after the answer. "": nobody.
std::string find_other_work(const Plan& plan,
                            const core::WorkWatch& watch,
                            const core::Inspection& inspection) {
    std::string words = core::background_words(core::background_of(inspection));
    if (!words.empty() || !inspection.listeners) {
        return words;
    }
    for (const core::Listener& listener : *inspection.listeners) {
        if (is_own(listener, plan) && listener.connections.value_or(0) > 0 &&
            core::waited_at(watch, listener.address) < kLongEnough) {
            return "somebody is served at " + listener.address + ", where nobody waits for long";
        }
    }
    return {};
}

}  // namespace

void WorkGuard::keep(const std::string& unit,
                     core::TimePoint asked,
                     const core::Inspection& inspection) {
    if (!watches_.contains(unit) && watches_.size() >= kMaxWatchedUnits) {
        watches_.erase(std::ranges::min_element(
            watches_, {}, [](const auto& entry) { return entry.second.until; }));
    }
    core::note_look(watches_[unit],
                    {.inspection = inspection,
                     .unit = unit,
                     .role = service_role(unit),
                     .asked = asked,
                     .answered = ports_.now()});
}

void WorkGuard::note(const std::string& unit, const std::string& look) {
    if (const auto inspection = core::decode_inspection(look); inspection && !unit.empty()) {
        keep(unit, ports_.now() - kLongestLook, *inspection);
    }
}

void WorkGuard::check(const Plan& plan, const HoldDone& done) {
    const bool is_restart = plan.act == actions::ActId::kRestartUnit;
    const bool is_running = plan.expected_active != core::ActiveState::kInactive &&
                            plan.expected_active != core::ActiveState::kFailed;
    if (!is_restart || !is_running) {
        done(std::nullopt);
    } else if (plan.expected_active != core::ActiveState::kActive) {
        done(contrary(plan.unit + " is starting, stopping or being reloaded"));
    } else if (is_of_down_unit(plan.cause)) {
        done(GateHold{HoldKind::kUnitIsUp,
                      "the unit is up, and the cause is one of a unit that is not"});
    } else if (plan.cause == Cause::kSocketDeleted) {
        done(std::nullopt);  // it may work well for all but its visitors: check_lost_socket()
    } else {
        look(plan, Turn::kFirst, done);
    }
}

void WorkGuard::look(const Plan& plan, Turn turn, const HoldDone& done) {
    const core::TimePoint asked = ports_.now();
    ports_.facts.inspect(
        plan.unit, "", [this, plan, turn, done, asked](const core::Result<std::string>& text) {
            const auto inspection = text ? core::decode_inspection(*text)
                                         : core::Result<core::Inspection>{text.error()};
            if (!inspection) {
                done(GateHold{HoldKind::kExecutorRefused, core::sanitize(inspection.error().text)});
                return;
            }
            keep(plan.unit, asked, *inspection);
            judge(plan, *inspection, turn, done);
        });
}

void WorkGuard::judge(const Plan& plan,
                      const core::Inspection& inspection,
                      Turn turn,
                      const HoldDone& done) {
    const core::WorkWatch& watch = watches_[plan.unit];
    const bool is_hung = core::is_about_answers(plan.cause);
    const bool is_still =
        watch.looks > 1 &&
        (!is_hung || (core::row_of(watch) >= kLeastStillness && is_waited_for(watch)));
    if (!watch.newest.is_known || watch.newest.is_traced) {
        done(contrary(watch.newest.is_traced ? "a debugger or a frozen control group holds the unit"
                                             : "not all processes of the unit can be seen"));
    } else if (core::is_proven_stopped(watch)) {
        done(std::nullopt);
    } else if (is_still) {
        const std::string words = find_other_work(plan, watch, inspection);
        done(words.empty() ? std::nullopt : std::optional{contrary(words)});
    } else if (turn == Turn::kFirst && ports_.after && (watch.newest.is_stopped || !is_hung)) {
        ports_.after(core::kStoppedProof, [this, plan, done] { look(plan, Turn::kSecond, done); });
    } else {
        done(contrary(watch.moved && watch.looks < 2
                          ? watch.moved->text
                          : "nothing has moved for " + core::format_duration(core::row_of(watch)) +
                                (is_waited_for(watch) ? "" : ", and nobody waits") +
                                ": that proves nothing yet"));
    }
}

}  // namespace gatemend::sandbox
