// SPDX-License-Identifier: MIT
#include "sandbox/audit/ledger_builder.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace gatemend::sandbox {
namespace {

using core::Ledger;
using core::TimePoint;
using nlohmann::json;

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

void take_intent(Ledger& ledger, Fields& fields) {
    core::Attempt attempt;
    attempt.id = fields.number("attempt");
    attempt.time = fields.time("time");
    attempt.rule = fields.text("rule");
    attempt.act = fields.text("act");
    attempt.unit = fields.text("unit");
    attempt.incident = fields.number("incident");
    add_attempt(ledger, std::move(attempt));
}

void take_outcome(Ledger& ledger, Fields& fields) {
    const auto outcome = fields.required(core::act_outcome_from_id(fields.text("outcome")));
    if (core::Attempt* attempt = find_attempt(ledger, fields.number("attempt"))) {
        attempt->outcome = outcome;
    }
}

void take_confirm(Ledger& ledger, Fields& fields) {
    const auto verdict = fields.required(core::act_verdict_from_id(fields.text("verdict")));
    if (core::Attempt* attempt = find_attempt(ledger, fields.number("attempt"))) {
        attempt->verdict = verdict;
    }
}

void take_record(Ledger& ledger, const std::string& kind, Fields& fields) {
    if (kind == "intent") {
        take_intent(ledger, fields);
    } else if (kind == "outcome") {
        take_outcome(ledger, fields);
    } else if (kind == "confirm") {
        take_confirm(ledger, fields);
    } else if (kind == "latched") {
        add_latch(ledger, {fields.text("unit"), fields.time("time"), fields.text("reason")});
    } else if (kind == "lifted") {
        lift_latch(ledger, fields.text("unit"), fields.time("time"));
    } else if (kind == "paused") {
        ledger.pause = core::Pause{fields.time("until"), fields.text("reason"), fields.text("by")};
    } else if (kind == "resumed") {
        ledger.pause.reset();
    }
    // start, refused, reload, torn: nothing to count
}

}  // namespace

void add_attempt(Ledger& ledger, core::Attempt attempt) {
    if (ledger.attempts.size() >= core::kMaxAttempts) {
        ledger.attempts.erase(ledger.attempts.begin());
    }
    ledger.attempts.push_back(std::move(attempt));
}

core::Attempt* find_attempt(Ledger& ledger, std::uint64_t id) {
    const auto found = std::ranges::find(ledger.attempts, id, &core::Attempt::id);
    return found == ledger.attempts.end() ? nullptr : &*found;
}

void add_latch(Ledger& ledger, core::Latch latch) {
    std::erase_if(ledger.latches, [&](const core::Latch& old) { return old.unit == latch.unit; });
    ledger.latches.push_back(std::move(latch));
}

void lift_latch(Ledger& ledger, const std::string& unit, TimePoint now) {
    std::erase_if(ledger.latches, [&](const core::Latch& latch) { return latch.unit == unit; });
    std::erase_if(ledger.forgiven, [&](const auto& entry) { return entry.first == unit; });
    ledger.forgiven.emplace_back(unit, now);
}

void LedgerBuilder::take(std::string_view line) {
    const json record = json::parse(line, nullptr, false);
    if (record.is_discarded() || !record.is_object()) {
        ledger_.unreadable = "a record is not an object";
        return;
    }
    Fields fields{record};
    const std::string kind = fields.text("kind");
    take_record(ledger_, kind, fields);
    if (!fields.is_complete() && ledger_.unreadable.empty()) {
        ledger_.unreadable = "record " + std::to_string(Fields{record}.number("seq")) + " (" +
                             kind + ") is incomplete";
    }
}

Ledger LedgerBuilder::finish() && {
    return std::move(ledger_);
}

}  // namespace gatemend::sandbox
