// SPDX-License-Identifier: MIT
#include "sandbox/audit/ledger_builder.hpp"

#include "sandbox/audit/audit_line.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace gatemend::sandbox {
namespace {

using core::Ledger;
using core::TimePoint;
using nlohmann::json;

constexpr std::string_view kByOperator = "operator";  // UndoneBy's identifier

// Lookups that note a miss instead of throwing.
class Fields {
  public:
    explicit Fields(const json& object) : object_(object) {}

    std::string text(const char* key) {
        const auto found = object_.find(key);
        if (found == object_.end() || !found->is_string()) {
            is_complete_ = false;
            return {};
        }
        return found->get<std::string>();
    }

    std::uint64_t number(const char* key) {
        const auto found = object_.find(key);
        if (found == object_.end() || !found->is_number_unsigned()) {
            is_complete_ = false;
            return 0;
        }
        return found->get<std::uint64_t>();
    }

    [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }

    // An object whose values are all text.
    std::map<std::string, std::string, std::less<>> texts(const char* key) {
        std::map<std::string, std::string, std::less<>> result;
        const auto found = object_.find(key);
        is_complete_ = is_complete_ && found != object_.end() && found->is_object();
        if (is_complete_) {
            for (const auto& item : found->items()) {
                is_complete_ = is_complete_ && item.value().is_string();
                result[item.key()] = is_complete_ ? item.value().get<std::string>() : "";
            }
        }
        return result;
    }

    // A list of {path, before, after}.
    std::vector<actions::FileChange> changes(const char* key) {
        std::vector<actions::FileChange> result;
        const auto found = object_.find(key);
        is_complete_ = is_complete_ && found != object_.end() && found->is_array();
        if (!is_complete_) {
            return result;
        }
        for (const json& item : *found) {
            if (!item.is_object()) {
                is_complete_ = false;
                break;
            }
            Fields change{item};
            result.push_back({change.text("path"), change.text("before"), change.text("after")});
            is_complete_ = is_complete_ && change.is_complete();
        }
        return result;
    }

    TimePoint time(const char* key) { return required(core::parse_time(text(key))); }

    template <class T>
    T required(std::optional<T> value) {
        is_complete_ = is_complete_ && value.has_value();
        return value.value_or(T{});
    }

    [[nodiscard]] bool is_complete() const { return is_complete_; }

  private:
    const json& object_;
    bool is_complete_ = true;
};

std::optional<actions::Trace> trace_from_id(std::string_view id) {
    using enum actions::Trace;
    for (const actions::Trace trace : {kNothing, kProvisional, kTimed, kPermanent}) {
        if (trace_id(trace) == id) {
            return trace;
        }
    }
    return std::nullopt;
}

// Records from before it was written have none.
core::Duration uptime_of(Fields& fields) {
    return std::chrono::seconds{
        fields.has("up_sec") ? static_cast<std::int64_t>(fields.number("up_sec")) : 0};
}

// Records from before acts left traces have none of these fields.
void take_footprint(Books& books, const core::Attempt& attempt, Fields& fields) {
    const auto trace = fields.required(trace_from_id(fields.text("trace")));
    if (!is_undoable(trace)) {
        return;
    }
    Footprint footprint;
    footprint.trace = trace;
    footprint.plan.act = fields.required(actions::act_from_name(attempt.act));
    footprint.plan.unit = attempt.unit;
    footprint.plan.rule = attempt.rule;
    footprint.plan.parameters = fields.texts("parameters");
    footprint.plan.changes = fields.changes("changes");
    footprint.uptime = uptime_of(fields);
    add_footprint(books, attempt.id, std::move(footprint));
}

void take_intent(Books& books, Fields& fields) {
    core::Attempt attempt;
    attempt.id = fields.number("attempt");
    attempt.time = fields.time("time");
    attempt.rule = fields.text("rule");
    attempt.act = fields.text("act");
    attempt.unit = fields.text("unit");
    attempt.incident = fields.number("incident");
    if (fields.has("digest")) {
        attempt.is_uncounted = use_approval(books.ledger, fields.text("digest"), attempt.time);
    }
    if (fields.has("expected")) {
        const auto before = core::active_state_from_id(fields.text("expected"));
        if (const auto act = actions::act_from_name(attempt.act)) {
            attempt.act_class = actions::act_class_id(actions::class_of(*act, before));
        }
    }
    if (fields.has("undo_by")) {
        attempt.undo_by = fields.time("undo_by");
    }
    if (fields.has("parameters")) {
        attempt.parameters = fields.texts("parameters");
    }
    add_attempt(books, attempt);
    if (fields.has("trace")) {
        take_footprint(books, attempt, fields);
    }
}

void take_outcome(Books& books, Fields& fields) {
    const auto outcome = fields.required(core::act_outcome_from_id(fields.text("outcome")));
    if (core::Attempt* attempt = find_attempt(books.ledger, fields.number("attempt"))) {
        set_outcome(books, *attempt, outcome);
    }
}

void take_confirm(Books& books, Fields& fields) {
    const auto verdict = fields.required(core::act_verdict_from_id(fields.text("verdict")));
    if (core::Attempt* attempt = find_attempt(books.ledger, fields.number("attempt"))) {
        set_verdict(books, *attempt, verdict);
    }
}

void take_undo(Books& books, Fields& fields, core::UndoState undo) {
    if (core::Attempt* attempt = find_attempt(books.ledger, fields.number("attempt"))) {
        set_undo(books, *attempt, undo);
    }
}

// Without a class it is of an older version, and for every act on the unit, whatever rule tripped
// it.
core::Latch latch_of(Fields& fields, const char* since) {
    core::Latch latch{fields.text("unit"), fields.time(since), fields.text("reason")};
    if (fields.has("class")) {
        latch.act_class = fields.text("class");
        latch.rule = fields.has("of_rule") ? fields.text("of_rule") : "";
    }
    return latch;
}

core::Pause pause_of(Fields& fields, const char* since) {
    core::Pause pause{fields.time("until"), fields.text("reason"), fields.text("by")};
    if (fields.has(since)) {
        pause.since = fields.time(since);
    }
    return pause;
}

// An attempt as it stood at the end of the file before.
void take_carried_attempt(Books& books, Fields& fields) {
    core::Attempt attempt;
    attempt.id = fields.number("attempt");
    attempt.time = fields.time("since");
    attempt.rule = fields.text("rule");
    attempt.act = fields.text("act");
    attempt.unit = fields.text("unit");
    attempt.incident = fields.number("incident");
    attempt.outcome = fields.required(core::act_outcome_from_id(fields.text("outcome")));
    attempt.verdict = fields.required(core::act_verdict_from_id(fields.text("verdict")));
    attempt.undo = fields.required(core::undo_state_from_id(fields.text("undo")));
    if (fields.has("undo_by")) {
        attempt.undo_by = fields.time("undo_by");
    }
    attempt.is_uncounted = fields.has("uncounted");
    if (fields.has("class")) {
        attempt.act_class = fields.text("class");
    }
    const bool is_change = attempt.act == actions::spec(actions::ActId::kRepointBackend).name;
    if ((attempt.verdict == core::ActVerdict::kPending || is_change) && fields.has("parameters")) {
        attempt.parameters = fields.texts("parameters");
    }
    add_attempt(books, attempt);
    if (fields.has("trace")) {
        take_footprint(books, attempt, fields);
    }
    if (fields.has("undoing")) {
        set_undoing(books, attempt, fields.time("undoing"), uptime_of(fields));
    }
}

void take_carried(Books& books, Fields& fields) {
    Ledger& ledger = books.ledger;
    const std::string what = fields.text("what");
    if (what == "attempt") {
        take_carried_attempt(books, fields);
    } else if (what == "latch") {
        add_latch(ledger, latch_of(fields, "since"));
    } else if (what == "forgiven") {
        lift_latch(ledger, fields.text("unit"), fields.time("since"));
    } else if (what == "pause") {
        ledger.pause = pause_of(fields, "since");
    } else if (what == "contradiction") {
        books.contradiction = fields.text("problem");
    } else if (what == "approval") {
        add_approval(ledger, {fields.text("digest"), fields.time("until"), fields.text("by")});
    } else {
        (void)fields.required(std::optional<int>{});  // a budget may be in it
    }
}

// A person has looked at what could not be undone.
void take_acknowledged(Books& books, Fields& fields) {
    if (fields.has("attempt")) {
        take_undo(books, fields, core::UndoState::kNothing);
    } else {
        books.contradiction.clear();
    }
}

// The end of it is missing until "undone" is read: neither as it was nor as it should be.
void take_undoing(Books& books, Fields& fields) {
    if (core::Attempt* attempt = find_attempt(books.ledger, fields.number("attempt"))) {
        set_undo(books, *attempt, core::UndoState::kUndoFailed);
        set_undoing(books, *attempt, fields.time("time"), uptime_of(fields));
    }
}

void take_undone(Books& books, Fields& fields) {
    const auto outcome = fields.required(core::act_outcome_from_id(fields.text("outcome")));
    const bool is_undone = outcome == core::ActOutcome::kSucceeded;
    core::Attempt* attempt = find_attempt(books.ledger, fields.number("attempt"));
    if (attempt == nullptr) {
        return;
    }
    set_undo(books, *attempt, is_undone ? core::UndoState::kUndone : core::UndoState::kUndoFailed);
    attempt->is_uncounted =
        attempt->is_uncounted || (fields.has("by") && fields.text("by") == kByOperator);
}

void take_word_of_operator(Ledger& ledger, const std::string& kind, Fields& fields) {
    if (kind == "latched") {
        add_latch(ledger, latch_of(fields, "time"));
    } else if (kind == "lifted") {
        lift_latch(ledger, fields.text("unit"), fields.time("time"));
    } else if (kind == "rearmed") {
        rearm(ledger, fields.text("unit"));
    } else if (kind == "paused") {
        ledger.pause = pause_of(fields, "time");
    } else if (kind == "resumed") {
        ledger.pause.reset();
    } else if (kind == "approved") {
        add_approval(ledger, {fields.text("digest"), fields.time("until"), fields.text("by")});
    }
    // start, refused, reload, torn, continued: nothing to count
}

void take_record(Books& books, const std::string& kind, Fields& fields) {
    if (kind == "intent") {
        take_intent(books, fields);
    } else if (kind == "outcome") {
        take_outcome(books, fields);
    } else if (kind == "confirm") {
        take_confirm(books, fields);
    } else if (kind == "undoing") {
        take_undoing(books, fields);
    } else if (kind == "undone") {
        take_undone(books, fields);
    } else if (kind == "forgotten") {
        take_undo(books, fields, core::UndoState::kNothing);
    } else if (kind == "acknowledged") {
        take_acknowledged(books, fields);
    } else if (kind == kContradicted) {
        books.contradiction = fields.text("acts") == "held" ? fields.text("problem") : "";
    } else if (kind == "carried") {
        take_carried(books, fields);
    } else {
        take_word_of_operator(books.ledger, kind, fields);
    }
}

}  // namespace

bool is_undoable(actions::Trace trace) {
    return trace == actions::Trace::kProvisional || trace == actions::Trace::kTimed;
}

std::string_view trace_id(actions::Trace trace) {
    switch (trace) {
        case actions::Trace::kNothing:
            return "nothing";
        case actions::Trace::kProvisional:
            return "provisional";
        case actions::Trace::kTimed:
            return "timed";
        case actions::Trace::kPermanent:
            return "permanent";
    }
    return "?";
}

void add_attempt(Books& books, core::Attempt attempt) {
    auto& attempts = books.ledger.attempts;
    if (attempts.size() >= core::kMaxAttempts) {
        books.footprints.erase(attempts.front().id);
        attempts.erase(attempts.begin());
    }
    attempts.push_back(std::move(attempt));
}

void add_footprint(Books& books, std::uint64_t attempt, Footprint footprint) {
    books.footprints.insert_or_assign(attempt, std::move(footprint));
}

core::Attempt* find_attempt(Ledger& ledger, std::uint64_t id) {
    const auto found = std::ranges::find(ledger.attempts, id, &core::Attempt::id);
    return found == ledger.attempts.end() ? nullptr : &*found;
}

void set_outcome(Books& books, core::Attempt& attempt, core::ActOutcome outcome) {
    attempt.outcome = outcome;
    if (!books.footprints.contains(attempt.id) || attempt.undo != core::UndoState::kNothing) {
        return;
    }
    if (outcome == core::ActOutcome::kSucceeded) {
        attempt.undo = core::UndoState::kProvisional;
    }
}

void set_verdict(Books& books, core::Attempt& attempt, core::ActVerdict verdict) {
    attempt.verdict = verdict;
    const auto found = books.footprints.find(attempt.id);
    // What has changed files may be undone later, and is not to be offered again then.
    const bool is_change = attempt.act == actions::spec(actions::ActId::kRepointBackend).name;
    if (!is_change) {
        attempt.parameters.clear();
    }
    const bool is_kept = verdict == core::ActVerdict::kEffective &&
                         found != books.footprints.end() &&
                         found->second.trace == actions::Trace::kProvisional;
    if (is_kept && attempt.undo == core::UndoState::kProvisional) {
        attempt.undo = core::UndoState::kConfirmed;
    }
}

void set_undo(Books& books, core::Attempt& attempt, core::UndoState undo) {
    attempt.undo = undo;
    if (const auto found = books.footprints.find(attempt.id); found != books.footprints.end()) {
        found->second.undoing_since.reset();
    }
    if (undo == core::UndoState::kUndone || undo == core::UndoState::kNothing) {
        books.footprints.erase(attempt.id);
    }
}

void set_undoing(Books& books,
                 const core::Attempt& attempt,
                 core::TimePoint since,
                 core::Duration uptime) {
    if (const auto found = books.footprints.find(attempt.id); found != books.footprints.end()) {
        found->second.undoing_since = since;
        found->second.uptime = uptime;
    }
}

void add_approval(Ledger& ledger, core::Approval approval) {
    (void)use_approval(ledger, approval.digest, {});
    if (ledger.approvals.size() >= core::kMaxApprovals) {
        ledger.approvals.erase(ledger.approvals.begin());
    }
    ledger.approvals.push_back(std::move(approval));
}

bool use_approval(Ledger& ledger, std::string_view digest, TimePoint time) {
    const auto used = std::erase_if(ledger.approvals, [&](const core::Approval& old) {
        return old.digest == digest && time < old.until;
    });
    std::erase_if(ledger.approvals,
                  [digest](const core::Approval& old) { return old.digest == digest; });
    return used > 0;
}

void add_latch(Ledger& ledger, core::Latch latch) {
    std::erase_if(ledger.latches, [&](const core::Latch& old) {
        return old.unit == latch.unit && old.rule == latch.rule && old.act_class == latch.act_class;
    });
    ledger.latches.push_back(std::move(latch));
}

void lift_latch(Ledger& ledger, const std::string& unit, TimePoint now) {
    std::erase_if(ledger.latches, [&](const core::Latch& latch) { return latch.unit == unit; });
    std::erase_if(ledger.forgiven, [&](const auto& entry) { return entry.first == unit; });
    ledger.forgiven.emplace_back(unit, now);
}

void rearm(Ledger& ledger, const std::string& unit) {
    std::erase_if(ledger.latches, [&](const core::Latch& latch) { return latch.unit == unit; });
    for (core::Attempt& attempt : ledger.attempts) {
        attempt.is_uncounted = attempt.is_uncounted || attempt.unit == unit;
    }
}

void LedgerBuilder::take(std::string_view line) {
    std::string& unreadable = books_.ledger.unreadable;
    const json record = json::parse(line, nullptr, false);
    if (record.is_discarded() || !record.is_object()) {
        unreadable = "a record is not an object";
        return;
    }
    Fields fields{record};
    const std::string kind = fields.text("kind");
    take_record(books_, kind, fields);
    if (!fields.is_complete() && unreadable.empty()) {
        unreadable = "record " + std::to_string(Fields{record}.number("seq")) + " (" + kind +
                     ") is incomplete";
    }
}

Ledger LedgerBuilder::finish() && {
    return std::move(*this).finish_books().ledger;
}

Books LedgerBuilder::finish_books() && {
    if (books_.ledger.unreadable.empty()) {
        books_.ledger.unreadable = books_.contradiction;
    }
    return std::move(books_);
}

}  // namespace gatemend::sandbox
