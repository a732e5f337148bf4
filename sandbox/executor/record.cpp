// SPDX-License-Identifier: MIT
#include "sandbox/executor/record.hpp"

#include "sandbox/audit/archives.hpp"
#include "sandbox/audit/audit_line.hpp"
#include "sandbox/audit/audit_reader.hpp"
#include "sandbox/audit/digest.hpp"
#include "sandbox/audit/json_text.hpp"
#include "sandbox/audit/ledger_builder.hpp"
#include "sandbox/audit/ledger_carry.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Done;
using core::Error;
using core::Result;
using core::Status;
using core::TimePoint;

constexpr unsigned kAuditMode = 0640;
constexpr unsigned kSpillMode = 0600;
// Intent, outcome, verdict, and what else may follow from one act.
constexpr std::size_t kSpilledByAct = 8;

// With what waits in the spill behind it, as `more`.
Books read_books(const std::string& path, const std::vector<std::string>& more = {}) {
    LedgerBuilder builder;
    const auto report = read_audit(path, [&](std::string_view line) { builder.take(line); });
    for (const std::string& line : more) {
        builder.take(line);
    }
    Books books = std::move(builder).finish_books();
    if (!report) {
        books.ledger.unreadable = report.error().text;
    } else if (report->problem != AuditProblem::kNone) {
        books.ledger.unreadable = report->text;
    }
    return books;
}

Result<std::vector<CarriedRecord>> carry_all(const std::string& part) {
    const Books books = read_books(part);
    if (books.ledger.unreadable != books.contradiction) {
        return Error{books.ledger.unreadable};
    }
    return carry_books(books);
}

// After an acknowledgement: what still can be read counts.
Result<std::vector<CarriedRecord>> carry_what_is_readable(const std::string& part) {
    return carry_books(read_books(part));
}

// What was put aside, for the record.
Result<AuditMark> mark_newest_part(const std::string& path, const std::string& problem) {
    GATEMEND_TRY(archives, list_archives(path));
    if (archives.numbers.empty()) {
        return Error{"what was put aside is gone"};
    }
    const std::string part = archive_path(path, archives.numbers.back());
    GATEMEND_TRY(digest, file_sha256_hex(part));
    return AuditMark{part, digest, problem};
}

AuditPlace place_of(const std::string& path, std::uint64_t rotate_bytes, Carry carry) {
    return {.path = path,
            .mode = kAuditMode,
            .carry = std::move(carry),
            .rotate_bytes = rotate_bytes,
            .is_put_back = true};
}

// The plan as it was approved, so that what is undone is what was done.
void add_plan(JsonFields& fields, const Record::Intent& intent) {
    const actions::Plan& plan = intent.plan;
    const actions::Trace trace = actions::spec(plan.act).trace;
    fields.add("cause", core::cause_id(plan.cause)).add("digest", intent.digest);
    fields.add("expected", core::active_state_id(plan.expected_active));
    fields.add_number("deadline_usec", static_cast<std::uint64_t>(plan.deadline.count()));
    fields.add("trace", trace_id(trace)).add_json("parameters", parameters_json(plan.parameters));
    fields.add_json("changes", changes_json(plan.changes));
    if (is_undoable(trace)) {
        fields.add("undo_by", core::format_time(intent.undo_by));
    }
}

bool has_approval(const core::Ledger& ledger, const std::string& digest, TimePoint now) {
    return std::ranges::any_of(ledger.approvals, [&](const core::Approval& approval) {
        return approval.digest == digest && now < approval.until;
    });
}

void add_uptime(JsonFields& fields, core::Duration uptime) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(uptime).count();
    fields.add_number("up_sec", static_cast<std::uint64_t>(seconds));
}

void add_tally(JsonFields& fields, const RefusalTally& tally) {
    fields.add_number("count", tally.count);
    if (tally.others > 0) {
        fields.add_number("others", tally.others);
    }
}

}  // namespace

std::string_view undone_by_id(UndoneBy by) {
    switch (by) {
        case UndoneBy::kDeadline:
            return "deadline";
        case UndoneBy::kTime:
            return "time";
        case UndoneBy::kVerdict:
            return "verdict";
        case UndoneBy::kAgent:
            return "agent";
        case UndoneBy::kOperator:
            return "operator";
        case UndoneBy::kStart:
            return "start";
        case UndoneBy::kFailure:
            return "failure";
    }
    return "?";
}

Record Record::open(const std::string& path, const std::string& spill, std::uint64_t rotate_bytes) {
    Record record;
    record.path_ = path;
    record.spill_path_ = spill;
    record.rotate_bytes_ = rotate_bytes;
    auto file = AuditFile::open(place_of(path, rotate_bytes, carry_all));
    if (!file) {
        record.books_.ledger.unreadable = file.error().text;
        record.is_file_bad_ = true;
        return record;
    }
    record.take_file(std::move(*file));
    return record;
}

void Record::take_file(AuditFile file) {
    file_ = std::move(file);
    books_ = read_books(path_);
    is_file_bad_ = books_.ledger.unreadable != books_.contradiction;
    if (const Status status = take_spill(); !status && !is_file_bad_) {
        books_.ledger.unreadable = status.error().text;
    }
    for (const core::Attempt& attempt : books_.ledger.attempts) {
        next_attempt_ = std::max(next_attempt_, attempt.id + 1);
    }
}

// What an earlier executor could not write for want of room. What it had begun to move is in the
// file already.
Status Record::take_spill() {
    spilled_.clear();
    if (spill_path_.empty() || access(spill_path_.c_str(), F_OK) != 0) {
        return Done{};
    }
    std::set<std::string> known;
    const auto words = [](const AuditLine& line) {
        return core::format_time(line.time) + " " + std::string{line.kind} + " " +
               std::string{line.fields};
    };
    GATEMEND_CHECK(read_lines(path_, [&](std::string_view text) {
        if (const auto line = check_audit_line(text)) {
            known.insert(words(*line));
        }
    }));
    std::vector<std::string> more;
    GATEMEND_TRY(report, read_audit(spill_path_, [&](std::string_view text) {
                     const auto line = check_audit_line(text);
                     if (line && !known.contains(words(*line))) {
                         more.emplace_back(text);
                         spilled_.push_back(
                             {line->time, std::string{line->kind}, std::string{line->fields}});
                     }
                 }));
    if (report.problem != AuditProblem::kNone && report.problem != AuditProblem::kTornLastLine) {
        return Error{"the records that wait for room: " + report.text};
    }
    books_ = read_books(path_, more);
    return Done{};
}

// On another file system, which outlives this process and not the machine.
Status Record::spill(Spilled record) {
    if (spill_path_.empty() || spilled_.size() >= kMaxSpilled) {
        return Error{"no room for the record"};
    }
    if (!spill_) {
        GATEMEND_TRY(opened, AuditFile::open({.path = spill_path_, .mode = kSpillMode}));
        spill_ = std::move(opened);
    }
    GATEMEND_CHECK(spill_->append(record.time, record.kind, record.fields, Sync::kYes));
    spilled_.push_back(std::move(record));
    return Done{};
}

// In order, and not begun before there is room for all.
Status Record::settle_spill() {
    if (spilled_.empty()) {
        return Done{};
    }
    std::uint64_t bytes = kLeastReservedBytes;
    for (const Spilled& record : spilled_) {
        constexpr std::uint64_t kFrame = 512;
        bytes += record.fields.size() + kFrame;
    }
    GATEMEND_TRY(room, file_->reserve(bytes));
    if (room < bytes) {
        return Error{"no room for the record"};
    }
    while (!spilled_.empty()) {
        const Spilled& record = spilled_.front();
        GATEMEND_CHECK(file_->append(record.time, record.kind, record.fields, Sync::kYes));
        spilled_.erase(spilled_.begin());  // also where the next one fails
    }
    drop_spill();
    return Done{};
}

void Record::drop_spill() {
    spilled_.clear();
    spill_.reset();
    (void)unlink(spill_path_.c_str());  // what is in it is known by its words at the next start
}

core::Duration Record::uptime() const {
    return uptime_ ? uptime_() : core::Duration::zero();
}

std::optional<Anchor> Record::end() {
    if (!file_ || !file_->sync() || file_->next_seq() == 1) {
        return std::nullopt;
    }
    return Anchor{file_->next_seq() - 1, file_->head(), {}};
}

std::string Record::rotation_problem() const {
    return file_ ? file_->rotation_problem() : std::string{};
}

RecordRoom Record::check_room() const {
    if (!file_) {
        return RecordRoom::kAmple;  // no file: no act either
    }
    const auto room = file_->reserve(kReservedBytes);
    if (room && spilled_.empty() && *room >= kReservedBytes) {
        return RecordRoom::kAmple;
    }
    const bool has_room =
        room && *room >= (spilled_.empty() ? kLeastReservedBytes : kReservedBytes);
    if (has_room) {
        return RecordRoom::kShort;
    }
    const bool can_spill = !spill_path_.empty() && spilled_.size() + kSpilledByAct < kMaxSpilled;
    return can_spill ? RecordRoom::kLast : RecordRoom::kNone;
}

Status Record::write(TimePoint now, std::string_view kind, const std::string& fields, Sync sync) {
    if (!file_) {
        return Error{books_.ledger.unreadable};
    }
    // What is set aside is for acts; that somebody was refused can be missed for a while.
    if (sync == Sync::kNo && check_room() != RecordRoom::kAmple) {
        ++left_out_;
        return Done{};
    }
    std::string all = fields;
    if (sync == Sync::kNo && left_out_ > 0) {
        all += ",\"left_out\":" + std::to_string(std::exchange(left_out_, 0));
    }
    Status status = settle_spill();
    if (status) {
        status = file_->append(now, kind, all, sync);
    }
    if (!status && (!spilled_.empty() || file_->is_out_of_room())) {
        // It may pass: nothing is unreadable on account of it.
        return spill({now, std::string{kind}, all});
    }
    if (!status && books_.ledger.unreadable.empty()) {
        // An act that cannot be recorded must not happen, also later, until somebody has looked.
        books_.ledger.unreadable = status.error().text;
    }
    if (status && on_written_) {
        on_written_();
    }
    return status;
}

Status Record::acknowledge(TimePoint now, const Acknowledgement& said) {
    const std::string problem = std::exchange(books_.ledger.unreadable, "");
    books_.contradiction.clear();
    // Whoever has written into the file since it was read has not changed what is known of it.
    const bool is_written_into = !is_file_bad_ && file_ && !file_->check_place();
    const bool is_put_aside = is_file_bad_ || is_written_into;
    if (is_put_aside) {
        file_.reset();  // its lock
        Carry carry = carry_what_is_readable;
        if (is_written_into) {
            carry = [books = books_](const std::string& /*part*/) {
                return Result<std::vector<CarriedRecord>>{carry_books(books)};
            };
        }
        auto fresh =
            AuditFile::start_over(place_of(path_, rotate_bytes_, std::move(carry)), now, problem);
        if (!fresh) {
            books_.ledger.unreadable = problem;
            return fresh.error();
        }
        take_file(std::move(*fresh));
    }
    std::vector<AuditMark> marks = said.findings;
    if (is_put_aside) {
        GATEMEND_TRY(aside, mark_newest_part(path_, problem));
        marks.push_back(aside);
    }
    std::string list;
    for (const AuditMark& finding : marks) {
        JsonFields item;
        item.add("file", finding.file).add("key", finding.key).add("problem", finding.problem);
        list += (list.empty() ? "{" : ",{") + item.text() + "}";
    }
    JsonFields fields;
    fields.add("by", said.by).add_if("problem", problem).add_json("findings", "[" + list + "]");
    return write(now, "acknowledged", fields.text(), Sync::kYes);
}

Status Record::acknowledge_attempt(TimePoint now, std::uint64_t attempt, const std::string& by) {
    core::Attempt* found = find_attempt(books_.ledger, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    JsonFields fields;
    fields.add("by", by).add_number("attempt", attempt).add_number("incident", found->incident);
    fields.add("act", found->act).add("unit", found->unit);
    GATEMEND_CHECK(write(now, "acknowledged", fields.text(), Sync::kYes));
    set_undo(books_, *found, core::UndoState::kNothing);
    return Done{};
}

void Record::settle_clock(core::TimePoint now) {
    core::settle_clock(books_.ledger, now);
}

bool Record::is_ahead_of_anchor() const {
    return file_ && file_->next_seq() > anchored_ + 1;
}

std::string Record::find_contradiction(const Anchor& anchor) const {
    if (!file_ || is_file_bad_) {
        return {};
    }
    const auto found = sandbox::find_contradiction(path_, anchor);
    return found ? *found : found.error().text;
}

Status Record::note_contradiction(TimePoint now, const Anchor& anchor, const std::string& problem) {
    // Of nothing at all nothing wrong can be believed: a package that was purged and comes back.
    const bool is_held = file_ && file_->next_seq() > 1;
    if (is_held) {
        books_.contradiction = problem;
        books_.ledger.unreadable = problem;
    }
    JsonFields fields;
    fields.add("problem", problem)
        .add("acts", is_held ? "held" : "free")
        .add_number("journal_seq", anchor.seq);
    fields.add("journal_head", anchor.hash).add("journal_time", core::format_time(anchor.time));
    return write(now, kContradicted, fields.text(), Sync::kYes);
}

Status Record::note_start(TimePoint now, const std::string& not_compared) {
    JsonFields fields;
    fields.add("version", GATEMEND_VERSION).add_if("not_compared", not_compared);
    return write(now, "start", fields.text(), Sync::kYes);
}

Result<std::uint64_t> Record::begin_attempt(TimePoint now, const Intent& intent) {
    if (!books_.ledger.unreadable.empty()) {
        return Error{books_.ledger.unreadable};
    }
    const actions::Plan& plan = intent.plan;
    core::Attempt attempt;
    attempt.id = next_attempt_;
    attempt.time = now;
    attempt.rule = plan.rule;
    attempt.act = std::string{actions::spec(plan.act).name};
    attempt.unit = plan.unit;
    attempt.incident = intent.incident;
    attempt.parameters = plan.parameters;
    attempt.act_class = actions::act_class_id(actions::class_of(plan.act, plan.expected_active));

    JsonFields fields;
    fields.add_number("attempt", attempt.id).add_number("incident", attempt.incident);
    fields.add("rule", attempt.rule).add("act", attempt.act).add("unit", attempt.unit);
    add_plan(fields, intent);
    if (has_approval(books_.ledger, intent.digest, now)) {
        fields.add_json("approved", "true");
    }
    const core::Duration up = uptime();
    add_uptime(fields, up);
    GATEMEND_CHECK(write(now, "intent", fields.text(), Sync::kYes));
    ++next_attempt_;
    const std::uint64_t id = attempt.id;
    attempt.is_uncounted = use_approval(books_.ledger, intent.digest, now);
    const actions::Trace trace = actions::spec(plan.act).trace;
    if (is_undoable(trace)) {
        attempt.undo_by = intent.undo_by;
        add_footprint(
            books_, id, {.trace = trace, .plan = plan, .undoing_since = {}, .uptime = up});
    }
    add_attempt(books_, std::move(attempt));
    return id;
}

Status Record::end_attempt(TimePoint now,
                           std::uint64_t attempt,
                           core::ActOutcome outcome,
                           const std::string& detail) {
    core::Attempt* found = find_attempt(books_.ledger, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    set_outcome(books_, *found, outcome);  // it has happened, whatever the disk says
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
    core::Attempt* found = find_attempt(books_.ledger, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    JsonFields fields;
    fields.add_number("attempt", attempt).add_number("incident", found->incident);
    fields.add("unit", found->unit).add("verdict", core::act_verdict_id(verdict));
    GATEMEND_CHECK(write(now, "confirm", fields.add_if("detail", detail).text(), Sync::kYes));
    set_verdict(books_, *found, verdict);
    return Done{};
}

Status Record::note_undoing(TimePoint now, std::uint64_t attempt, UndoneBy by) {
    const core::Attempt* found = find_attempt(books_.ledger, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    JsonFields fields;
    fields.add_number("attempt", attempt).add_number("incident", found->incident);
    fields.add("act", found->act).add("unit", found->unit).add("by", undone_by_id(by));
    const core::Duration up = uptime();
    add_uptime(fields, up);
    set_undoing(books_, *found, now, up);
    return write(now, "undoing", fields.text(), Sync::kYes);
}

Status Record::note_undone(TimePoint now, const Undoing& undoing) {
    core::Attempt* found = find_attempt(books_.ledger, undoing.attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(undoing.attempt)};
    }
    const bool is_undone = undoing.state == core::UndoState::kUndone;
    JsonFields fields;
    fields.add_number("attempt", undoing.attempt).add_number("incident", found->incident);
    fields.add("act", found->act).add("unit", found->unit).add("by", undone_by_id(undoing.by));
    fields.add("outcome", is_undone ? "succeeded" : "failed").add("detail", undoing.detail);
    found->is_uncounted = found->is_uncounted || undoing.by == UndoneBy::kOperator;
    set_undo(books_, *found, undoing.state);  // it has happened, whatever the disk says
    return write(now, "undone", fields.text(), Sync::kYes);
}

Status Record::note_forgotten(TimePoint now, std::uint64_t attempt) {
    core::Attempt* found = find_attempt(books_.ledger, attempt);
    if (found == nullptr) {
        return Error{"no attempt " + std::to_string(attempt)};
    }
    JsonFields fields;
    fields.add_number("attempt", attempt).add_number("incident", found->incident);
    fields.add("act", found->act).add("unit", found->unit);
    GATEMEND_CHECK(write(now, "forgotten", fields.text(), Sync::kYes));
    set_undo(books_, *found, core::UndoState::kNothing);
    return Done{};
}

Status Record::approve(TimePoint now, const core::Approval& approval) {
    if (!books_.ledger.unreadable.empty()) {
        return Error{books_.ledger.unreadable};
    }
    JsonFields fields;
    fields.add("digest", approval.digest).add("until", core::format_time(approval.until));
    GATEMEND_CHECK(write(now, "approved", fields.add("by", approval.by).text(), Sync::kYes));
    std::erase_if(books_.ledger.approvals,
                  [now](const core::Approval& old) { return old.until <= now; });
    add_approval(books_.ledger, approval);
    return Done{};
}

Status Record::latch(const core::Latch& latch, const std::string& rule) {
    const TimePoint now = latch.since;
    add_latch(books_.ledger, latch);  // latched even if the disk is full
    JsonFields fields;
    fields.add("unit", latch.unit).add("rule", rule).add("reason", latch.reason);
    fields.add_if("of_rule", latch.rule).add_if("class", latch.act_class);
    return write(now, "latched", fields.text(), Sync::kYes);
}

Status Record::lift(TimePoint now, const std::string& unit, const std::string& by) {
    GATEMEND_CHECK(
        write(now, "lifted", JsonFields{}.add("unit", unit).add("by", by).text(), Sync::kYes));
    lift_latch(books_.ledger, unit, now);
    return Done{};
}

Status Record::rearm(TimePoint now, const std::string& unit, const std::string& why) {
    GATEMEND_CHECK(
        write(now, "rearmed", JsonFields{}.add("unit", unit).add("why", why).text(), Sync::kYes));
    sandbox::rearm(books_.ledger, unit);
    return Done{};
}

Status Record::pause(const core::Pause& pause) {
    books_.ledger.pause = pause;  // paused even if the disk is full
    JsonFields fields;
    fields.add("until", core::format_time(pause.until)).add("reason", pause.reason);
    const TimePoint now = pause.since;
    return write(now, "paused", fields.add("by", pause.by).text(), Sync::kYes);
}

Status Record::resume(TimePoint now, const std::string& by) {
    GATEMEND_CHECK(write(now, "resumed", JsonFields{}.add("by", by).text(), Sync::kYes));
    books_.ledger.pause.reset();
    return Done{};
}

Status Record::note_reload(TimePoint now, const std::string& problem) {
    const auto tally = refusals_.note("reload\n" + problem, now);
    if (!tally) {
        return Done{};  // the agent may ask for it, too, as often as it likes
    }
    JsonFields fields;
    fields.add("problem", problem);
    add_tally(fields, *tally);
    return write(now, "reload", fields.text(), Sync::kNo);
}

Status Record::note_refusal(TimePoint now, const Refusal& refusal) {
    const auto tally = refusals_.note(
        refusal.unit + '\n' + refusal.act + '\n' + refusal.rule + '\n' + refusal.hold, now);
    if (!tally) {
        return Done{};
    }
    JsonFields fields;
    fields.add("act", refusal.act).add("unit", refusal.unit).add("rule", refusal.rule);
    fields.add("cause", refusal.cause).add("hold", refusal.hold).add("detail", refusal.text);
    add_tally(fields, *tally);
    return write(now, "refused", fields.text(), Sync::kNo);
}

Status Record::note_denial(TimePoint now, const Denial& denial) {
    const auto tally = refusals_.note(denial.method + '\n' + denial.error, now);
    if (!tally) {
        return Done{};
    }
    JsonFields fields;
    fields.add("method", denial.method).add("error", denial.error).add("detail", denial.text);
    add_tally(fields, *tally);
    return write(now, "denied", fields.text(), Sync::kNo);
}

std::vector<core::Attempt> Record::unresolved() const {
    std::vector<core::Attempt> result;
    std::ranges::copy_if(
        books_.ledger.attempts, std::back_inserter(result), [](const core::Attempt& a) {
            return a.outcome == core::ActOutcome::kPending;
        });
    return result;
}

}  // namespace gatemend::sandbox
