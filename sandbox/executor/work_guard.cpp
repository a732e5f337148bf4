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

// For whom the unit works whatever visitors wait for: whoever is served where nobody waits, or
// anywhere where the cause is not that nobody is answered, and whatever goes on after the answer.
// "": nobody.
std::string find_other_work(const Plan& plan,
                            const core::WorkWatch& watch,
                            const core::Inspection& inspection) {
    std::string words = core::background_words(core::background_of(inspection));
    if (!words.empty() || !inspection.listeners) {
        return words;
    }
    for (const core::Listener& listener : *inspection.listeners) {
        const bool is_left_waiting = core::waited_at(watch, listener.address) >= kLongEnough;
        const bool is_hung = core::is_about_answers(plan.cause) && is_left_waiting;
        if (is_own(listener, plan) && listener.connections.value_or(0) > 0 && !is_hung) {
            return "somebody is served at " + listener.address +
                   (is_left_waiting ? "" : ", where nobody waits for long");
        }
    }
    return {};
}

std::string unseen_words(const core::WorkWatch& watch) {
    return watch.newest.is_traced ? "a debugger or a frozen control group holds the unit"
                                  : "not all processes of the unit can be seen";
}

// Somebody may know that it can be ended.
std::string side_work_words(const SideWork& work, const std::string& unit) {
    return (work.seen.empty() ? "whether it only waits is not known yet" : work.seen) +
           ": a restart would end what " + unit +
           " does besides answering visitors, and waits until that has rested for " +
           core::format_duration(kRestAfterWork) + "; if it may be ended: systemctl restart " +
           unit;
}

}  // namespace

void WorkGuard::keep(const std::string& unit,
                     core::TimePoint asked,
                     const core::Inspection& inspection) {
    if (!watches_.contains(unit) && watches_.size() >= kMaxWatchedUnits) {
        watches_.erase(std::ranges::min_element(
            watches_, {}, [](const auto& entry) { return entry.second.work.until; }));
    }
    const core::WorkLook look{.inspection = inspection,
                              .unit = unit,
                              .role = service_role(unit),
                              .asked = asked,
                              .answered = ports_.now()};
    Watch& watch = watches_[unit];
    core::note_look(watch.work, look);
    note_side_work(watch.side, look);
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
    if (!is_restart || (!is_running && plan.cause != Cause::kSocketDeleted)) {
        done(std::nullopt);
    } else if (is_running && plan.expected_active != core::ActiveState::kActive) {
        done(contrary(plan.unit + " is starting, stopping or being reloaded"));
    } else if (is_of_down_unit(plan.cause)) {
        done(GateHold{HoldKind::kUnitIsUp,
                      "the unit is up, and the cause is one of a unit that is not"});
    } else {
        look({.plan = plan, .done = done});
    }
}

void WorkGuard::look(const Inquiry& inquiry) {
    const core::TimePoint asked = ports_.now();
    ports_.facts.inspect(
        inquiry.plan.unit, "", [this, inquiry, asked](const core::Result<std::string>& text) {
            const auto inspection = text ? core::decode_inspection(*text)
                                         : core::Result<core::Inspection>{text.error()};
            if (!inspection) {
                inquiry.done(
                    GateHold{HoldKind::kExecutorRefused, core::sanitize(inspection.error().text)});
                return;
            }
            keep(inquiry.plan.unit, asked, *inspection);
            if (inquiry.plan.cause == Cause::kSocketDeleted) {
                judge_lost_socket(inquiry, *inspection);
            } else {
                judge(inquiry, *inspection);
            }
        });
}

void WorkGuard::look_again(Inquiry inquiry, core::Duration after) {
    inquiry.turn = Turn::kSecond;
    ports_.after(after, [this, inquiry = std::move(inquiry)] { look(inquiry); });
}

void WorkGuard::judge(const Inquiry& inquiry, const core::Inspection& inspection) {
    const core::WorkWatch& watch = watches_[inquiry.plan.unit].work;
    const bool is_hung = core::is_about_answers(inquiry.plan.cause);
    const core::Duration needed = inquiry.stillness.value_or(kLeastStillness);
    const bool is_still =
        watch.looks > 1 && (!is_hung || (core::row_of(watch) >= needed && is_waited_for(watch)));
    if (!watch.newest.is_known || watch.newest.is_traced) {
        inquiry.done(contrary(unseen_words(watch)));
    } else if (core::is_proven_stopped(watch)) {
        inquiry.done(std::nullopt);
    } else if (is_still) {
        const std::string words = find_other_work(inquiry.plan, watch, inspection);
        if (words.empty() && is_hung && !inquiry.stillness) {
            ask_nginx(inquiry);
        } else {
            inquiry.done(words.empty() ? std::nullopt : std::optional{contrary(words)});
        }
    } else if (inquiry.turn == Turn::kFirst && ports_.after &&
               (watch.newest.is_stopped || !is_hung)) {
        look_again(inquiry, core::kStoppedProof);
    } else {
        inquiry.done(contrary(watch.moved && watch.looks < 2
                                  ? watch.moved->text
                                  : "nothing has moved for " +
                                        core::format_duration(core::row_of(watch)) +
                                        (is_hung ? ", of " + core::format_duration(needed) +
                                                       " after which nobody could still be answered"
                                                 : "") +
                                        (is_waited_for(watch) ? "" : ", and nobody waits") +
                                        ": that proves nothing yet"));
    }
}

void WorkGuard::judge_lost_socket(const Inquiry& inquiry, const core::Inspection& inspection) {
    const Watch& watch = watches_[inquiry.plan.unit];
    auto hold = check_lost_socket(inquiry.plan, inspection);
    if (!hold && (inspection.is_workers_cut || watch.work.newest.is_traced)) {
        hold = contrary(unseen_words(watch.work));
    }
    if (hold || is_resting(watch.side)) {
        inquiry.done(std::move(hold));
    } else if (watch.side.seen.empty() && inquiry.turn == Turn::kFirst && ports_.after) {
        look_again(inquiry, kRest);
    } else {
        inquiry.done(contrary(side_work_words(watch.side, inquiry.plan.unit)));
    }
}

void WorkGuard::ask_nginx(Inquiry inquiry) {
    ports_.facts.nginx_dump(
        [this, inquiry = std::move(inquiry)](const core::Result<NginxDumpFact>& fact) mutable {
            const bool is_whole = fact && fact->exit_status == 0 && !fact->dump.empty();
            const auto patience =
                is_whole ? nginx_patience(fact->dump, inquiry.plan.role) : std::nullopt;
            if (!patience) {
                inquiry.done(contrary(
                    "it is not known how long nginx waits, or too long to be waited out: whether "
                    "nobody could still be answered cannot be told"));
                return;
            }
            inquiry.stillness = std::max<core::Duration>(kLeastStillness, 2 * *patience);
            look(inquiry);
        });
}

}  // namespace gatemend::sandbox
