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

void ignore(const core::Result<actions::Mending>& /*a snapshot too many does no harm*/) {}

}  // namespace

void Provisional::begin() {
    if (!parts_.record.ledger().unreadable.empty()) {
        return;  // a record that cannot be trusted says nothing about what is to be undone
    }
    for (const auto& [id, footprint] : parts_.record.footprints()) {
        const Attempt* attempt = find(parts_.record.ledger(), id);
        if (attempt == nullptr) {
            continue;
        }
        if (attempt->outcome == ActOutcome::kPending || attempt->undo == UndoState::kUndoFailed) {
            orders_.push_back({.attempt = id, .by = UndoneBy::kStart, .waiting = {}});
        } else if (is_condemned(*attempt)) {
            orders_.push_back({.attempt = id, .by = UndoneBy::kVerdict, .waiting = {}});
        }
    }
    // The newest first: what was changed last is put back first.
    std::ranges::reverse(orders_);
    undo_what_is_due();
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
                               .waiting = {}});
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

void Provisional::undo(std::uint64_t attempt, UndoneBy by, ReplyDone<core::Done> done) {
    const auto found = std::ranges::find(orders_, attempt, &Order::attempt);
    if (found != orders_.end()) {
        found->waiting.push_back(std::move(done));
        return;
    }
    orders_.push_back({.attempt = attempt, .by = by, .waiting = {std::move(done)}});
    run_first();
}

void Provisional::run_first() {
    if (is_running_ || orders_.empty() || parts_.is_act_running()) {
        return;
    }
    is_running_ = true;
    const Order& order = orders_.front();
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
    const actions::Task task{.plan = footprint->second.plan, .attempt = order.attempt};
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
                                   .detail = core::sanitize(report.detail)}));
    if (const Attempt* attempt = find(parts_.record.ledger(), order.attempt)) {
        tell(*attempt, order.by, report);
        close_interrupted(*attempt);
    }
    if (is_undone) {
        parts_.hands.mender.forget(order.attempt, ignore);
    }
    orders_.pop_front();
    is_running_ = false;
    parts_.ports.ledger_changed();
    for (const auto& done : order.waiting) {
        if (is_undone) {
            done(core::Done{});
        } else {
            done(Fault{FaultKind::kToolFailed, core::sanitize(report.detail)});
        }
    }
    undo_what_is_due();
}

// Never begun, or stopped somewhere: now that it is undone it can be called what it is.
void Provisional::close_interrupted(const Attempt& attempt) {
    if (attempt.outcome == ActOutcome::kPending) {
        note(parts_.record.end_attempt(parts_.ports.now(),
                                       attempt.id,
                                       ActOutcome::kInterrupted,
                                       "the executor was interrupted; what it left was undone"));
    }
}

void Provisional::tell(const Attempt& attempt, UndoneBy by, const ActReport& report) {
    const bool is_undone = report.outcome == ActOutcome::kSucceeded;
    const std::string what =
        attempt.act + " " + attempt.unit + " (attempt " + std::to_string(attempt.id) + ")";
    announce(parts_.ports,
             parts_.record,
             {.message_id = is_undone ? message_id::kUndone : message_id::kUndoFailed,
              .priority = is_undone ? LOG_WARNING : LOG_CRIT,
              .unit = attempt.unit,
              .text = is_undone ? what + " was undone (" + std::string{undone_by_id(by)} + ")"
                                : what + " could not be undone, a person has to look: " +
                                      core::sanitize(report.detail),
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
