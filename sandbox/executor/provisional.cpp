// SPDX-License-Identifier: MIT
#include "sandbox/executor/provisional.hpp"

#include "core/text.hpp"
#include "sandbox/audit/message_ids.hpp"

#include <syslog.h>

#include <algorithm>
#include <string>
#include <utility>

namespace gatemend::sandbox {
namespace {

using actions::ActReport;
using core::ActOutcome;
using core::ActVerdict;
using core::Attempt;
using core::UndoState;

const Attempt* find(const core::Ledger& ledger, std::uint64_t id) {
    const auto found = std::ranges::find(ledger.attempts, id, &Attempt::id);
    return found == ledger.attempts.end() ? nullptr : &*found;
}

bool is_condemned(const Attempt& attempt) {
    return attempt.undo == UndoState::kProvisional &&
           (attempt.verdict == ActVerdict::kIneffective || attempt.verdict == ActVerdict::kHarmful);
}

std::string shown(const ActReport& report) {
    return core::sanitize(report.detail, actions::kMaxDetailBytes);
}

void ignore(const core::Result<actions::Mending>& /*a snapshot too many does no harm*/) {}

}  // namespace

void Provisional::begin() {
    if (!parts_.record.ledger().unreadable.empty()) {
        return;  // a record that cannot be trusted says nothing about what is to be undone
    }
    std::vector<std::pair<Attempt, UndoneBy>> too_late;
    for (const auto& [id, footprint] : parts_.record.footprints()) {
        const Attempt* attempt = find(parts_.record.ledger(), id);
        const auto by = attempt == nullptr ? std::nullopt : find_reason(*attempt, footprint);
        if (by && *by != UndoneBy::kTime &&
            is_too_late(footprint.undoing_since.value_or(attempt->undo_by), footprint.uptime)) {
            too_late.emplace_back(*attempt, *by);
        } else if (by) {
            orders_.push_back({.attempt = id,
                               .by = *by,
                               .waiting = {},
                               .is_interrupted = *by == UndoneBy::kStart});
        }
    }
    for (const auto& [attempt, by] : too_late) {
        leave_to_a_person(attempt, by);
    }
    for (const Attempt& attempt : parts_.record.unresolved()) {
        if (!is_ordered(attempt.id)) {
            close_interrupted(attempt, "its undoing had failed");
        }
    }
    // The newest first: what was changed last is put back first.
    std::ranges::reverse(orders_);
    undo_what_is_due();
}

// Why something that was here before us has to be undone now, if it has.
std::optional<UndoneBy> Provisional::find_reason(const Attempt& attempt,
                                                 const Footprint& footprint) const {
    const bool has_failed = attempt.undo == UndoState::kUndoFailed && !footprint.undoing_since;
    if (has_failed) {
        return std::nullopt;
    }
    if (attempt.outcome == ActOutcome::kPending || footprint.undoing_since) {
        return UndoneBy::kStart;
    }
    if (is_condemned(attempt)) {
        return UndoneBy::kVerdict;
    }
    const bool is_due =
        attempt.undo == UndoState::kProvisional && attempt.undo_by <= parts_.ports.now();
    if (!is_due) {
        return std::nullopt;
    }
    return footprint.trace == actions::Trace::kTimed ? UndoneBy::kTime : UndoneBy::kDeadline;
}

// By the clock, and by the time that the machine has been running since: clocks are set, and while
// it was off nobody has lived with anything.
bool Provisional::is_too_late(core::TimePoint due, core::Duration uptime_then) const {
    const core::Duration up = parts_.ports.uptime ? parts_.ports.uptime() : core::Duration::zero();
    const core::Duration running = up >= uptime_then ? up - uptime_then : up;
    return std::min(parts_.ports.now() - due, running) > kTooLate;
}

void Provisional::leave_to_a_person(const Attempt& attempt, UndoneBy by) {
    const std::string why =
        "it was due while nobody was here to undo it, too long ago to do that unasked now";
    note(parts_.record.note_undone(
        parts_.ports.now(),
        {.attempt = attempt.id, .by = by, .state = UndoState::kUndoFailed, .detail = why}));
    tell(attempt, by, {ActOutcome::kFailed, why});
    close_interrupted(attempt, "it is left as it was found");
}

void Provisional::go_on() {
    undo_what_is_due();
}

bool Provisional::is_ordered(std::uint64_t attempt) const {
    return std::ranges::find(orders_, attempt, &Order::attempt) != orders_.end();
}

void Provisional::undo_what_is_due() {
    for (const auto& [id, footprint] : parts_.record.footprints()) {
        const Attempt* attempt = find(parts_.record.ledger(), id);
        if (attempt != nullptr && attempt->undo == UndoState::kProvisional &&
            attempt->undo_by <= parts_.ports.now() && !is_ordered(id)) {
            const bool is_timed = footprint.trace == actions::Trace::kTimed;
            orders_.push_back({.attempt = id,
                               .by = is_timed ? UndoneBy::kTime : UndoneBy::kDeadline,
                               .waiting = {},
                               .is_interrupted = false});
        }
    }
    set_clock();
    run_first();
}

void Provisional::set_clock() {
    std::optional<core::TimePoint> next;
    for (const Attempt& attempt : parts_.record.ledger().attempts) {
        if (attempt.undo == UndoState::kProvisional && !is_ordered(attempt.id)) {
            next = std::min(next.value_or(attempt.undo_by), attempt.undo_by);
        }
    }
    if (!next || (wakes_at_ && *wakes_at_ <= *next)) {
        return;  // nothing to wait for, or the clock rings early enough
    }
    wakes_at_ = next;
    parts_.ports.after(*next - parts_.ports.now(), [this, at = *next] {
        if (wakes_at_ == at) {
            wakes_at_.reset();
        }
        undo_what_is_due();
    });
}

void Provisional::undo(std::uint64_t attempt, UndoneBy by, ReplyDone<std::string> done) {
    const auto found = std::ranges::find(orders_, attempt, &Order::attempt);
    if (found != orders_.end()) {
        found->waiting.push_back(std::move(done));
        return;
    }
    orders_.push_back(
        {.attempt = attempt, .by = by, .waiting = {std::move(done)}, .is_interrupted = false});
    run_first();
}

void Provisional::run_first() {
    if (is_running_ || orders_.empty() || parts_.is_act_running()) {
        return;
    }
    is_running_ = true;
    const Order order = {.attempt = orders_.front().attempt,
                         .by = orders_.front().by,
                         .waiting = {},
                         .is_interrupted = orders_.front().is_interrupted};
    const auto footprint = parts_.record.footprints().find(order.attempt);
    if (footprint == parts_.record.footprints().end()) {
        finish_first({ActOutcome::kFailed, "what it left behind is not on record"});
        return;
    }
    const actions::Act* act = actions::find_act(footprint->second.plan.act);
    if (act == nullptr) {
        finish_first({ActOutcome::kFailed, "the act cannot be undone here"});
        return;
    }
    // Not recorded is no reason to leave things as they are: the record is of no use to the site.
    note(parts_.record.note_undoing(parts_.ports.now(), order.attempt, order.by));
    const Attempt* attempt = find(parts_.record.ledger(), order.attempt);
    const actions::Task task{
        .plan = footprint->second.plan,
        .attempt = order.attempt,
        .is_asked = order.by == UndoneBy::kOperator,
        .is_performed = attempt != nullptr && attempt->outcome == ActOutcome::kSucceeded,
        .is_interrupted = order.is_interrupted};
    act->undo(parts_.hands, task, [this](const ActReport& report) { finish_first(report); });
}

void Provisional::finish_first(const ActReport& report) {
    const Order order = std::move(orders_.front());
    const bool is_undone = report.outcome == ActOutcome::kSucceeded;
    note(
        parts_.record.note_undone(parts_.ports.now(),
                                  {.attempt = order.attempt,
                                   .by = order.by,
                                   .state = is_undone ? UndoState::kUndone : UndoState::kUndoFailed,
                                   .detail = shown(report)}));
    if (const Attempt* attempt = find(parts_.record.ledger(), order.attempt)) {
        tell(*attempt, order.by, report);
        close_interrupted(*attempt,
                          is_undone ? "what it left was undone" : "what it left was not undone");
    }
    if (is_undone) {
        parts_.hands.mender.forget(order.attempt, ignore);
    }
    orders_.pop_front();
    is_running_ = false;
    parts_.ports.ledger_changed();
    for (const auto& done : order.waiting) {
        if (is_undone) {
            done(shown(report));
        } else {
            done(Fault{FaultKind::kToolFailed, shown(report)});
        }
    }
    undo_what_is_due();
}

// Never begun, or stopped somewhere: now it can be called what it is.
void Provisional::close_interrupted(const Attempt& attempt, const std::string& what) {
    if (attempt.outcome == ActOutcome::kPending) {
        note(parts_.record.end_attempt(parts_.ports.now(),
                                       attempt.id,
                                       ActOutcome::kInterrupted,
                                       "the executor was interrupted; " + what));
    }
}

void Provisional::tell(const Attempt& attempt, UndoneBy by, const ActReport& report) {
    const bool is_undone = report.outcome == ActOutcome::kSucceeded;
    const std::string what =
        attempt.act + " " + attempt.unit + " (attempt " + std::to_string(attempt.id) + ")";
    announce(
        parts_.ports,
        parts_.record,
        {.message_id = is_undone ? message_id::kUndone : message_id::kUndoFailed,
         .priority = is_undone ? LOG_WARNING : LOG_CRIT,
         .unit = attempt.unit,
         .text = is_undone ? what + " was undone (" + std::string{undone_by_id(by)} +
                                 "): " + shown(report)
                           : what +
                                 " could not be undone and is not tried again, a person has to "
                                 "look (`gatemend rollback --attempt " +
                                 std::to_string(attempt.id) + "`, or `gatemend audit acknowledge " +
                                 "--attempt " + std::to_string(attempt.id) + "`): " + shown(report),
         .incident = attempt.incident});
}

void Provisional::forget_oldest() {
    std::vector<std::uint64_t> confirmed;
    for (const Attempt& attempt : parts_.record.ledger().attempts) {
        if (attempt.undo == UndoState::kConfirmed && !is_ordered(attempt.id)) {
            confirmed.push_back(attempt.id);
        }
    }
    for (std::size_t i = 0; i + kMaxConfirmed < confirmed.size(); ++i) {
        note(parts_.record.note_forgotten(parts_.ports.now(), confirmed[i]));
        parts_.hands.mender.forget(confirmed[i], ignore);
    }
}

void Provisional::note(const core::Status& status) {
    if (!status) {
        (void)record_failed(parts_.ports, status.error());  // said in the journal; go on
    }
}

}  // namespace gatemend::sandbox
