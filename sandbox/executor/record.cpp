// SPDX-License-Identifier: MIT
#include "sandbox/executor/record.hpp"

#include "sandbox/audit/json_text.hpp"
#include "sandbox/audit/ledger_builder.hpp"

#include <algorithm>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;
using core::TimePoint;

constexpr unsigned kAuditMode = 0640;

core::Ledger read_ledger(const std::string& path) {
    LedgerBuilder builder;
    const auto report = read_audit(path, [&](std::string_view line) { builder.take(line); });
    core::Ledger ledger = std::move(builder).finish();
    if (!report) {
        ledger.unreadable = report.error().text;
    } else if (report->problem != AuditProblem::kNone) {
        ledger.unreadable = report->text;
    }
    return ledger;
}

}  // namespace

Record Record::open(const std::string& path) {
    Record record;
    auto file = AuditFile::open(path, kAuditMode);
    if (!file) {
        record.ledger_.unreadable = file.error().text;
        return record;
    }
    record.file_ = std::move(*file);
    record.ledger_ = read_ledger(path);
    for (const core::Attempt& attempt : record.ledger_.attempts) {
        record.next_attempt_ = std::max(record.next_attempt_, attempt.id + 1);
    }
    return record;
}

std::string Record::head() const {
    return file_ ? file_->head() : std::string{};
}

Status Record::write(TimePoint now, std::string_view kind, const std::string& fields, Sync sync) {
    if (!file_) {
        return Error{ledger_.unreadable};
    }
    Status status = file_->append(now, kind, fields, sync);
    if (!status && ledger_.unreadable.empty()) {
        // An act that cannot be recorded must not happen, also later, until somebody has looked.
        ledger_.unreadable = status.error().text;
    }
    return status;
}

Status Record::note_start(TimePoint now) {
    return write(now, "start", JsonFields{}.add("version", GATEMEND_VERSION).text(), Sync::kYes);
}

Result<std::uint64_t> Record::begin_attempt(TimePoint now, const Intent& intent) {
    if (!ledger_.unreadable.empty()) {
        return Error{ledger_.unreadable};
    }
    const actions::Plan& plan = intent.plan;
    core::Attempt attempt;
    attempt.id = next_attempt_;
    attempt.time = now;
    attempt.rule = plan.rule;
    attempt.act = std::string{actions::spec(plan.act).name};
    attempt.unit = plan.unit;
    attempt.incident = intent.incident;

    JsonFields fields;
    fields.add_number("attempt", attempt.id).add_number("incident", attempt.incident);
    fields.add("rule", attempt.rule).add("act", attempt.act).add("unit", attempt.unit);
    fields.add("cause", core::cause_id(plan.cause)).add("digest", intent.digest);
    fields.add("expected", core::active_state_id(plan.expected_active));
    fields.add_number("deadline_usec", static_cast<std::uint64_t>(plan.deadline.count()));
    GATEMEND_CHECK(write(now, "intent", fields.text(), Sync::kYes));
    ++next_attempt_;
    const std::uint64_t id = attempt.id;
    add_attempt(ledger_, std::move(attempt));
    return id;
}

Status Record::end_attempt(TimePoint now,
                           std::uint64_t attempt,
                           core::ActOutcome outcome,
                           const std::string& detail) {
    core::Attempt* found = find_attempt(ledger_, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    found->outcome = outcome;  // it has happened, whatever the disk says
    JsonFields fields;
    fields.add_number("attempt", attempt).add_number("incident", found->incident);
    fields.add("act", found->act).add("unit", found->unit);
    fields.add("outcome", core::act_outcome_id(outcome)).add("detail", detail);
    return write(now, "outcome", fields.text(), Sync::kYes);
}

Status Record::confirm(TimePoint now,
                       std::uint64_t attempt,
                       core::ActVerdict verdict,
                       const std::string& detail) {
    core::Attempt* found = find_attempt(ledger_, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    JsonFields fields;
    fields.add_number("attempt", attempt).add_number("incident", found->incident);
    fields.add("unit", found->unit).add("verdict", core::act_verdict_id(verdict));
    GATEMEND_CHECK(write(now, "confirm", fields.add_if("detail", detail).text(), Sync::kYes));
    found->verdict = verdict;
    return Done{};
}

Status Record::latch(TimePoint now,
                     const std::string& unit,
                     const std::string& rule,
                     const std::string& reason) {
    add_latch(ledger_, {unit, now, reason});  // latched even if the disk is full
    JsonFields fields;
    fields.add("unit", unit).add("rule", rule).add("reason", reason);
    return write(now, "latched", fields.text(), Sync::kYes);
}

Status Record::lift(TimePoint now, const std::string& unit, const std::string& by) {
    GATEMEND_CHECK(
        write(now, "lifted", JsonFields{}.add("unit", unit).add("by", by).text(), Sync::kYes));
    lift_latch(ledger_, unit, now);
    return Done{};
}

Status Record::pause(TimePoint now, const core::Pause& pause) {
    ledger_.pause = pause;  // paused even if the disk is full
    JsonFields fields;
    fields.add("until", core::format_time(pause.until)).add("reason", pause.reason);
    return write(now, "paused", fields.add("by", pause.by).text(), Sync::kYes);
}

Status Record::resume(TimePoint now, const std::string& by) {
    GATEMEND_CHECK(write(now, "resumed", JsonFields{}.add("by", by).text(), Sync::kYes));
    ledger_.pause.reset();
    return Done{};
}

Status Record::note_reload(TimePoint now, const std::string& problem) {
    return write(now, "reload", JsonFields{}.add("problem", problem).text(), Sync::kNo);
}

Status Record::note_refusal(TimePoint now, const Refusal& refusal) {
    const std::string key =
        refusal.unit + '\n' + refusal.act + '\n' + refusal.rule + '\n' + refusal.hold;
    const auto found = refusals_.find(key);
    if (found != refusals_.end() && now - found->second.written < kRefusalInterval) {
        ++found->second.suppressed;
        return Done{};
    }
    const std::uint64_t suppressed = found == refusals_.end() ? 0 : found->second.suppressed;
    if (found == refusals_.end() && refusals_.size() >= kMaxRefusalKinds) {
        std::erase_if(refusals_, [now](const auto& entry) {
            return now - entry.second.written >= kRefusalInterval;
        });
        if (refusals_.size() >= kMaxRefusalKinds) {
            return Done{};  // a flood of different refusals: those on record say enough
        }
    }
    refusals_[key] = RefusalCount{now, 0};
    JsonFields fields;
    fields.add("act", refusal.act).add("unit", refusal.unit).add("rule", refusal.rule);
    fields.add("cause", refusal.cause).add("hold", refusal.hold).add("detail", refusal.text);
    fields.add_number("count", suppressed + 1);
    return write(now, "refused", fields.text(), Sync::kNo);
}

std::vector<core::Attempt> Record::unresolved() const {
    std::vector<core::Attempt> result;
    std::ranges::copy_if(ledger_.attempts, std::back_inserter(result), [](const core::Attempt& a) {
        return a.outcome == core::ActOutcome::kPending;
    });
    return result;
}

}  // namespace gatemend::sandbox
