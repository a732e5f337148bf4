// SPDX-License-Identifier: MIT
#include "sandbox/audit/ledger_carry.hpp"

#include "sandbox/audit/json_text.hpp"

namespace gatemend::sandbox {
namespace {

JsonFields what(std::string_view kind) {
    JsonFields fields;
    fields.add("what", kind);
    return fields;
}

std::uint64_t seconds_of(core::Duration duration) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

std::string attempt_fields(const core::Attempt& attempt, const Footprint* footprint) {
    JsonFields fields = what("attempt");
    fields.add_number("attempt", attempt.id).add_number("incident", attempt.incident);
    fields.add("since", core::format_time(attempt.time)).add("rule", attempt.rule);
    fields.add("act", attempt.act).add("unit", attempt.unit);
    fields.add("outcome", core::act_outcome_id(attempt.outcome));
    fields.add("verdict", core::act_verdict_id(attempt.verdict));
    fields.add("undo", core::undo_state_id(attempt.undo));
    if (attempt.undo_by > core::TimePoint{}) {
        fields.add("undo_by", core::format_time(attempt.undo_by));
    }
    fields.add_if("class", attempt.act_class);
    if (attempt.is_uncounted) {
        fields.add_json("uncounted", "true");
    }
    if (footprint != nullptr) {
        if (footprint->undoing_since) {
            fields.add("undoing", core::format_time(*footprint->undoing_since));
        }
        fields.add_number("up_sec", seconds_of(footprint->uptime));
        fields.add("trace", trace_id(footprint->trace));
        fields.add_json("parameters", parameters_json(footprint->plan.parameters));
        fields.add_json("changes", changes_json(footprint->plan.changes));
    } else if (!attempt.parameters.empty()) {
        fields.add_json("parameters", parameters_json(attempt.parameters));
    }
    return fields.text();
}

void carry_word_of_operator(const core::Ledger& ledger, std::vector<CarriedRecord>& records) {
    const auto add = [&records](const JsonFields& fields) {
        records.push_back({"carried", fields.text()});
    };
    // Before the latches: a unit may have been latched again since.
    for (const auto& [unit, since] : ledger.forgiven) {
        add(what("forgiven").add("unit", unit).add("since", core::format_time(since)));
    }
    for (const core::Latch& latch : ledger.latches) {
        add(what("latch")
                .add("unit", latch.unit)
                .add("since", core::format_time(latch.since))
                .add("reason", latch.reason)
                .add_if("of_rule", latch.rule)
                .add_if("class", latch.act_class));
    }
    if (ledger.pause) {
        JsonFields fields = what("pause");
        fields.add("until", core::format_time(ledger.pause->until));
        fields.add("reason", ledger.pause->reason).add("by", ledger.pause->by);
        if (ledger.pause->since > core::TimePoint{}) {
            fields.add("since", core::format_time(ledger.pause->since));
        }
        add(fields);
    }
    for (const core::Approval& approval : ledger.approvals) {
        add(what("approval")
                .add("digest", approval.digest)
                .add("until", core::format_time(approval.until))
                .add("by", approval.by));
    }
}

}  // namespace

std::string parameters_json(const actions::Parameters& parameters) {
    JsonFields fields;
    for (const auto& [name, value] : parameters) {
        fields.add(name, value);
    }
    return "{" + fields.text() + "}";
}

std::string changes_json(const std::vector<actions::FileChange>& changes) {
    std::string list;
    for (const actions::FileChange& change : changes) {
        JsonFields fields;
        fields.add("path", change.path).add("before", change.before).add("after", change.after);
        list += (list.empty() ? "{" : ",{") + fields.text() + "}";
    }
    return "[" + list + "]";
}

std::vector<CarriedRecord> carry_books(const Books& books) {
    std::vector<CarriedRecord> records;
    records.reserve(books.ledger.attempts.size());
    for (const core::Attempt& attempt : books.ledger.attempts) {
        const auto found = books.footprints.find(attempt.id);
        const Footprint* footprint = found == books.footprints.end() ? nullptr : &found->second;
        records.push_back({"carried", attempt_fields(attempt, footprint)});
    }
    carry_word_of_operator(books.ledger, records);
    if (!books.contradiction.empty()) {
        records.push_back(
            {"carried", what("contradiction").add("problem", books.contradiction).text()});
    }
    return records;
}

}  // namespace gatemend::sandbox
